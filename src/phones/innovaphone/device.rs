//! What a script makes a device do: one poll, command by command, without a device.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{NaiveDateTime, TimeDelta, Timelike};

use super::product::Product;
use super::script::{Code, Command, Final, Once, Script};
use super::url::{Facts, Pattern};

/// A stored serial of a device: `UPDATE/CHECK`, `UPDATE/PROT` and so on. All are empty in a new device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variable {
    /// `UPDATE/CHECK`
    Check,
    /// `UPDATE/PROT`, `UPDATE/BOOT` and `UPDATE/BMC`
    Code(Code),
    /// `UPDATE/SCFG`
    Saved,
    /// `UPDATE/CFG`
    Loaded,
}

/// A device, as far as scripts depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What it knows of itself, and so what runs.
    pub facts: Facts,
    /// The radio code that runs, where that is known.
    pub radio: Option<String>,
    /// The builds it has fetched and does not run yet.
    pub fetched: BTreeMap<Code, String>,
    /// It has the settings it left the factory with.
    pub new: bool,
    /// It knows the time.
    pub has_time: bool,
    /// Somebody uses it.
    pub busy: bool,
    /// Something asks for a reset.
    pub needs_reset: bool,
    /// Minutes since it booted.
    pub up_minutes: u32,
    /// The serials it has stored.
    pub serials: BTreeMap<Variable, String>,
    /// When it last handed in its configuration; `None` where it never did, or had no time to remember.
    pub saved: Option<NaiveDateTime>,
    /// How often it handed it in.
    pub saves: u32,
    /// A reset it owes once nobody uses it any more.
    pub owes: Option<Final>,
}

/// Something a device did, or left undone, and the line that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The line of the script, from 1.
    pub line: usize,
    /// What was done.
    pub did: Did,
}

/// What a device did, or left undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// The rest of the script is cancelled.
    Cancelled(Cancel),
    /// The serial is the stored one: nothing to do.
    Same,
    /// It downloaded code.
    Fetched(Code, String),
    /// It handed in its configuration.
    Saved(String),
    /// It read a configuration file.
    Loaded(String),
    /// It restarted; a call there was is lost.
    Restarted {
        /// Somebody used the device.
        in_use: bool,
    },
    /// It will restart once nobody uses it.
    WillRestart,
    /// It stored the serial of `check`: the script has been carried out.
    Checked,
    /// It was told to poll again, or often.
    Polls,
    /// It stopped saving power (`true`), or saves again.
    StaysAwake(bool),
    /// It carried out another line.
    Executed(String),
}

/// Why the rest of a script is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// The device does not know the time.
    NoTime,
    /// The hour is not allowed.
    Hour,
    /// It booted less than `/initial` minutes ago.
    Initial,
    /// `check` found its serial.
    Done,
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(Cancel::NoTime) => f.write_str("stops: it does not know the time"),
            Self::Cancelled(Cancel::Hour) => f.write_str("stops: not an allowed hour"),
            Self::Cancelled(Cancel::Initial) => f.write_str("stops: it has only just booted"),
            Self::Cancelled(Cancel::Done) => f.write_str("stops: done before"),
            Self::Same => f.write_str("nothing: the serial is the stored one"),
            Self::Fetched(code, url) => write!(f, "fetches {} from {url}", code.called()),
            Self::Saved(url) => write!(f, "hands in its configuration to {url}"),
            Self::Loaded(url) => write!(f, "reads its configuration from {url}"),
            Self::Restarted { in_use: true } => f.write_str("restarts at once, IN A CALL"),
            Self::Restarted { in_use: false } => f.write_str("restarts"),
            Self::WillRestart => f.write_str("restarts when nobody uses it"),
            Self::Checked => f.write_str("stores the serial of `check`"),
            Self::Polls => f.write_str("polls again"),
            Self::StaysAwake(true) => f.write_str("stops saving power"),
            Self::StaysAwake(false) => f.write_str("saves power again"),
            Self::Executed(text) => write!(f, "carries out `{text}`"),
        }
    }
}

impl Device {
    /// Polls the script at this local time. The device afterwards is as the script left it.
    pub fn poll(&mut self, script: &Script, now: NaiveDateTime) -> Vec<Step> {
        let mut run = Run { device: self, now, steps: Vec::new(), line: 0, after: None };
        for (line, command) in script.commands() {
            run.line = line;
            if run.command(command).is_break() {
                return run.steps;
            }
        }
        // Nothing interrupted the script, so `check` is over.
        if let Some((line, then, serial)) = run.after.take() {
            run.line = line;
            run.device.serials.insert(Variable::Check, serial.to_owned());
            run.did(Did::Checked);
            let _ = run.finish(then);
        }
        run.steps
    }

    /// Nobody uses the device any more: it restarts if it owes that. Tells whether it did.
    pub fn hang_up(&mut self) -> bool {
        self.busy = false;
        match self.owes.take() {
            Some(restart) => {
                self.restart(restart.by_watchdog());
                true
            }
            None => false,
        }
    }

    /// Somebody resets it to factory defaults: it restarts, and all it has stored is gone.
    pub fn factory_reset(&mut self) {
        self.serials.clear();
        (self.saved, self.saves) = (None, 0);
        self.new = true;
        self.busy = false;
        self.restart(false);
    }

    /// What was fetched runs now; boot code where the watchdog did it, or the product needs no watchdog for that.
    fn restart(&mut self, by_watchdog: bool) {
        if by_watchdog || !self.can_reboot() {
            let boot = self.fetched.remove(&Code::Boot);
            self.facts.boot = boot.unwrap_or_else(|| std::mem::take(&mut self.facts.boot));
        }
        self.radio = self.fetched.remove(&Code::Radio).or_else(|| self.radio.take());
        let firmware = self.fetched.remove(&Code::Firmware);
        self.facts.firmware = firmware.unwrap_or_else(|| std::mem::take(&mut self.facts.firmware));
        self.up_minutes = 0;
        self.needs_reset = false;
        self.owes = None;
    }

    /// Whether it knows `reboot` and `ireboot`; of an unknown product that is taken for granted.
    fn can_reboot(&self) -> bool {
        Product::new(&self.facts.product).is_none_or(|product| product.can_reboot())
    }
}

/// One poll under way.
struct Run<'d, 's> {
    device: &'d mut Device,
    now: NaiveDateTime,
    steps: Vec<Step>,
    line: usize,
    /// What `check` does at the end of the script.
    after: Option<(usize, Final, &'s str)>,
}

/// `Break` ends the script.
type Flow = std::ops::ControlFlow<()>;

impl<'s> Run<'_, 's> {
    fn did(&mut self, did: Did) {
        self.steps.push(Step { line: self.line, did });
    }

    fn cancel(&mut self, why: Cancel) -> Flow {
        self.did(Did::Cancelled(why));
        Flow::Break(())
    }

    fn stored(&self, variable: Variable) -> Option<&str> {
        self.device.serials.get(&variable).map(String::as_str)
    }

    fn command(&mut self, command: &'s Command) -> Flow {
        match command {
            Command::Check { then, serial } => {
                if self.stored(Variable::Check) == Some(serial) {
                    return self.cancel(Cancel::Done);
                }
                self.after = Some((self.line, *then, serial));
                Flow::Continue(())
            }
            Command::Times { allow, initial } => {
                if !self.device.has_time {
                    return self.cancel(Cancel::NoTime);
                }
                if initial.is_some_and(|minutes| self.device.up_minutes < minutes) {
                    return self.cancel(Cancel::Initial);
                }
                // With `/initial` a new device fetches its first configuration whatever the hour.
                let exempt = self.device.new && initial.is_some();
                let hour = u8::try_from(self.now.hour()).unwrap_or(0);
                match allow {
                    Some(hours) if !exempt && !hours.contains(hour) => self.cancel(Cancel::Hour),
                    Some(_) | None => Flow::Continue(()),
                }
            }
            Command::Fetch { code, url, then, serial } => self.fetch(*code, url, *then, serial),
            Command::Save { url, once } => self.save(url, once.as_ref()),
            Command::Load { url, then, serial } => {
                if self.stored(Variable::Loaded) == Some(serial) {
                    self.did(Did::Same);
                    return Flow::Continue(());
                }
                self.did(Did::Loaded(url.clone()));
                self.device.serials.insert(Variable::Loaded, serial.clone());
                self.device.new = false;
                // Its lines were written, not activated.
                self.device.needs_reset = true;
                self.finish(*then)
            }
            Command::Poll | Command::Provision(_) => {
                self.did(Did::Polls);
                Flow::Continue(())
            }
            Command::StayAwake(on) => {
                self.did(Did::StaysAwake(*on));
                Flow::Continue(())
            }
            Command::Restart(restart) => self.finish(*restart),
            Command::Other(text) => {
                if configures(text) {
                    self.device.new = false;
                    self.device.needs_reset = true;
                }
                self.did(Did::Executed(text.clone()));
                Flow::Continue(())
            }
        }
    }

    fn fetch(&mut self, code: Code, url: &str, then: Final, serial: &str) -> Flow {
        let device = &mut *self.device;
        let runs = match code {
            Code::Firmware => Some(device.facts.firmware.as_str()),
            Code::Boot => Some(device.facts.boot.as_str()),
            Code::Radio => device.radio.as_deref(),
        };
        let stored = device.serials.get(&Variable::Code(code)).map(String::as_str);
        if stored.or(runs) == Some(serial) {
            self.did(Did::Same);
            return Flow::Continue(());
        }
        let address = Product::new(&device.facts.product).map(|product| product.address(code, url));
        device.serials.insert(Variable::Code(code), serial.to_owned());
        device.new = false;
        device.needs_reset = true;
        device.fetched.insert(code, serial.to_owned());
        self.did(Did::Fetched(code, address.unwrap_or_else(|| url.to_owned())));
        self.finish(then)
    }

    fn save(&mut self, url: &str, once: Option<&Once>) -> Flow {
        let (saved, round) = (self.device.saved, self.device.saves);
        if let Some(Once { serial, force, .. }) = once
            && self.stored(Variable::Saved) == Some(serial)
        {
            let over = |hours: u32, at: NaiveDateTime| self.now - at >= TimeDelta::hours(hours.into());
            // A device that does not know when it last did has not done it.
            let due = force.is_some_and(|hours| saved.is_none_or(|at| over(hours, at)));
            if !due {
                self.did(Did::Same);
                return Flow::Continue(());
            }
        }
        let address = match Pattern::read(url) {
            Ok(pattern) => pattern.expand(&self.device.facts, self.now, round),
            Err(_) => url.to_owned(),
        };
        self.did(Did::Saved(address));
        self.device.saved = self.device.has_time.then_some(self.now);
        self.device.saves = round.wrapping_add(1);
        match once {
            None => Flow::Continue(()),
            Some(Once { then, serial, .. }) => {
                self.device.serials.insert(Variable::Saved, serial.clone());
                self.finish(*then)
            }
        }
    }

    /// Carries out a final command.
    fn finish(&mut self, then: Final) -> Flow {
        let known = !then.by_watchdog() || self.device.can_reboot();
        if then == Final::Nothing || !known || (then.if_needed() && !self.device.needs_reset) {
            return Flow::Continue(());
        }
        if self.device.busy && !then.is_rude() {
            self.device.owes = Some(then);
            self.did(Did::WillRestart);
            return Flow::Continue(());
        }
        self.did(Did::Restarted { in_use: self.device.busy });
        self.device.restart(then.by_watchdog());
        self.device.busy = false;
        Flow::Break(())
    }
}

/// Whether a line changes the configuration in a way that is taken to need a reset, activated or not. The update
/// client's own settings need none: the maker's own server activates them and expects the next poll by them.
fn configures(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some("config")
        && match words.next() {
            None | Some("write" | "activate") => false,
            Some(_) => words.next() != Some("UP1"),
        }
}
