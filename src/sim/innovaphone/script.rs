//! What an innovaphone makes of a script: line after line, each carried out before the next is read.

use chrono::{DateTime, TimeDelta, Timelike, Utc};

use super::address::{part_address, replaced};
use super::unit::{Part, Restart, Unit};
use crate::sim::phone::Misfit;

/// Something a script needs from outside, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Fetch a part.
    Fetch {
        /// Which.
        part: Part,
        /// From where.
        url: String,
    },
    /// Read a configuration.
    Read {
        /// From where.
        url: String,
    },
    /// Hand the configuration in.
    HandIn {
        /// To where.
        url: String,
        /// What.
        text: String,
    },
    /// The phone restarts now; the rest of the script is lost.
    Restart(Restart),
    /// The script has ended, or was cancelled.
    Done,
}

/// What became of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// All of it is there.
    Whole(Vec<u8>),
    /// It was taken.
    Taken,
    /// It failed.
    Failed,
}

/// A script under way.
#[derive(Debug, Clone)]
pub struct Run {
    lines: Vec<String>,
    at: usize,
    check: Option<(String, String)>,
    doing: Option<Doing>,
    ended: bool,
}

/// The command that waits for something from outside.
#[derive(Debug, Clone)]
struct Doing {
    what: What,
    last: String,
    serial: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Part(Part),
    Configuration,
    HandIn,
}

impl Run {
    /// A script that has just been read.
    pub fn new(text: &str) -> Self {
        let lines = text.lines().map(|line| line.trim().to_owned()).collect();
        Self { lines, at: 0, check: None, doing: None, ended: false }
    }

    /// Goes on to the next act. `came` is what became of the last one, `in_use` whether somebody uses the phone now.
    pub fn go_on(&mut self, unit: &mut Unit, came: Option<Came>, now: DateTime<Utc>, in_use: bool) -> Act {
        if let Some(doing) = self.doing.take()
            && let Some(restart) = finished(unit, &doing, came, now, in_use)
        {
            return Act::Restart(restart);
        }
        while !self.ended {
            let Some(line) = self.lines.get(self.at).cloned() else { break };
            self.at += 1;
            let words: Vec<&str> = line.split_whitespace().collect();
            if let Some(act) = self.command(unit, &words, now, in_use) {
                return act;
            }
        }
        if !self.ended
            && let Some((last, serial)) = self.check.take()
        {
            unit.set("CHECK", &serial, now);
            if let Some(restart) = restart(unit, &last, in_use) {
                return Act::Restart(restart);
            }
        }
        self.ended = true;
        Act::Done
    }

    fn command(&mut self, unit: &mut Unit, words: &[&str], now: DateTime<Utc>, in_use: bool) -> Option<Act> {
        match words {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            ["mod", "cmd", "UP1", "check", last, serial] => {
                if unit.variable("CHECK") == Some(*serial) {
                    self.ended = true;
                } else {
                    self.check = Some(((*last).to_owned(), (*serial).to_owned()));
                }
            }
            ["mod", "cmd", "UP1", "times", rest @ ..] => self.ended = !times(unit, rest, now),
            ["mod", "cmd", "UP1", "poll"] => unit.polls_again = true,
            ["mod", "cmd", "UP1", "provision", minutes] => unit.provision(minutes.parse().ok()?, now),
            ["mod", "cmd", "UP0", "scfg", url, rest @ ..] => return self.hand_in(unit, url, rest, now),
            ["mod", "cmd", "UP0", "cfg", _, _, serial] if unit.variable("CFG") == Some(*serial) => {}
            ["mod", "cmd", "UP0", "cfg", url, last, serial] => {
                self.doing = Some(doing(What::Configuration, last, Some(serial)));
                return Some(Act::Read { url: (*url).to_owned() });
            }
            ["mod", "cmd", "UP0", verb, url, last, serial] => {
                let part =
                    [Part::Prot, Part::Boot, Part::Bmc].into_iter().find(|part| part.word() == *verb)?;
                // Unset, the serial is compared with what runs.
                let stored = unit.variable(part.variable()).unwrap_or_else(|| unit.running(part));
                if stored != *serial {
                    self.doing = Some(doing(What::Part(part), last, Some(serial)));
                    return Some(Act::Fetch { part, url: part_address(unit, part, url) });
                }
            }
            ["mod", "cmd", "WLANMGR0", "activate-pwr"] => unit.saves_power = false,
            ["mod", "cmd", "WLANMGR0", "deactivate-pwr"] => unit.saves_power = true,
            ["config", "add" | "change", "UP1", "/url", url] => unit.edited_url = Some(unescaped(url)),
            ["config", "activate"] => unit.activate(),
            ["config", "write"] => unit.write(),
            ["config", _, ..] => unit.edit(&words.join(" ")),
            [last] => return restart(unit, last, in_use).map(Act::Restart),
            _ => {}
        }
        None
    }

    fn hand_in(&mut self, unit: &Unit, url: &str, rest: &[&str], now: DateTime<Utc>) -> Option<Act> {
        let (last, serial, force) = match rest {
            // Old firmware reads the URL alone.
            _ if unit.is_old() => ("no-op", None, None),
            [] => ("no-op", None, None),
            [last, serial] => (*last, Some(*serial), None),
            [last, serial, "/force", hours] => (*last, Some(*serial), hours.parse::<i64>().ok()),
            _ => return None,
        };
        if serial.is_some() && unit.variable("SCFG") == serial {
            let (_, saved) = unit.saves();
            let due = force.is_some_and(|hours| {
                saved.zip(unit.clock(now)).is_none_or(|(saved, now)| now - saved >= TimeDelta::hours(hours))
            });
            if !due {
                return None;
            }
        }
        self.doing = Some(doing(What::HandIn, last, serial));
        Some(Act::HandIn { url: replaced(unit, url, now), text: unit.handed_in() })
    }
}

fn doing(what: What, last: &str, serial: Option<&str>) -> Doing {
    Doing { what, last: last.to_owned(), serial: serial.map(str::to_owned) }
}

/// What came is put where it belongs; a restart that follows at once is returned.
fn finished(
    unit: &mut Unit,
    doing: &Doing,
    came: Option<Came>,
    now: DateTime<Utc>,
    in_use: bool,
) -> Option<Restart> {
    match (doing.what, came) {
        (What::Part(part), Some(Came::Whole(bytes))) => {
            // What is not for this product is not kept, and nothing is remembered of it.
            let build = unit.takes(part, &bytes)?;
            unit.store(part, build);
            unit.set(part.variable(), doing.serial.as_deref().unwrap_or_default(), now);
        }
        (What::Configuration, Some(Came::Whole(bytes))) => {
            for line in String::from_utf8_lossy(&bytes).lines().map(str::trim) {
                // Commands of UP0 cannot be nested, and comments are nothing.
                if line.starts_with("config ") || line.starts_with("mod cmd FLASHDIR0") {
                    unit.edit(line);
                }
            }
            unit.new = false;
            unit.wants_reset = true;
            // It is written, and not activated.
            unit.write();
            unit.set("CFG", doing.serial.as_deref().unwrap_or_default(), now);
        }
        (What::HandIn, Some(Came::Taken)) => {
            unit.has_saved(now);
            if let Some(serial) = &doing.serial {
                unit.set("SCFG", serial, now);
            }
        }
        (What::Part(_) | What::Configuration | What::HandIn, _) => return None,
    }
    restart(unit, &doing.last, in_use)
}

/// Whether the rest of the script may be carried out now.
fn times(unit: &Unit, words: &[&str], now: DateTime<Utc>) -> bool {
    let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1));
    let Some(clock) = unit.clock(now) else { return false };
    let initial = after("/initial").and_then(|minutes| minutes.parse::<i64>().ok());
    if initial.is_some_and(|minutes| unit.up(now) < TimeDelta::minutes(minutes)) {
        return false;
    }
    let hours = after("/allow").map(|list| list.split(',').filter_map(|hour| hour.parse::<u32>().ok()));
    let exempt = unit.new && initial.is_some();
    exempt || hours.is_none_or(|mut hours| hours.any(|hour| hour == clock.hour()))
}

/// A final command: the restart that follows at once. One that waits is remembered.
fn restart(unit: &mut Unit, word: &str, in_use: bool) -> Option<Restart> {
    let (waits, rest) = word.strip_prefix('i').map_or((false, word), |rest| (true, rest));
    let (by_watchdog, if_needed) = match rest {
        "reset" => (false, false),
        "resetn" => (false, true),
        // An IP21 does not know it, nor does old firmware.
        "reboot" if unit.product != "IP21" && !unit.is_old() => (true, false),
        _ => return None,
    };
    if if_needed && !unit.wants_reset {
        return None;
    }
    let restart = Restart { waits, by_watchdog };
    unit.owes = Some(restart);
    let goes = (!waits || !in_use) && unit.misfit != Misfit::NeverLeaves;
    goes.then_some(restart)
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = if *first == b'%' { tail.get(..2) } else { None };
        match pair.and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
