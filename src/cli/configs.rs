//! `sipherd configs list`, `show` and `diff`: the configurations that phones have handed in.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::Failure;
use super::places;
use super::report::{Screen, Tone};
use crate::clock::SystemClock;
use crate::config;
use crate::depot::{Configurations, DrawerError, Index, Keeping, Version, difference};
use crate::domain::phone::Mac;
use crate::ports::Clock;

/// What is to be done with them.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List the phones that have handed in configurations, or those of one phone
    List {
        /// Its MAC, or a line the inventory gives it
        phone: Option<String>,
    },
    /// Print a configuration as it was handed in
    Show {
        /// Its MAC, or a line the inventory gives it
        phone: String,
        /// Which one, by its number; else the newest
        number: Option<u64>,
    },
    /// Tell what differs between two configurations of a phone, as `diff -u` writes it
    Diff {
        /// Its MAC, or a line the inventory gives it
        phone: String,
        /// The older one, by its number; else the one before the newer
        from: Option<u64>,
        /// The newer one, by its number; else the newest
        to: Option<u64>,
        /// Show lines that change by themselves too
        #[arg(long)]
        all: bool,
    },
}

/// Does it, with the files in the state folder; the daemon need not run.
pub fn run(verb: &Verb, config: &Path, now: DateTime<Utc>, screen: &mut Screen) -> Result<(), Failure> {
    let folder = places::state(config)?.join("configs");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let kept = Configurations::open(&folder, Keeping::default(), clock);
    match verb {
        Verb::List { phone: None } => list(&kept, screen),
        Verb::List { phone: Some(phone) } => list_of(&kept, named(phone, config, now)?, screen),
        Verb::Show { phone, number } => show(&kept, named(phone, config, now)?, *number, screen),
        Verb::Diff { phone, from, to, all } => {
            diff(&kept, named(phone, config, now)?, (*from, *to), *all, screen)
        }
    }
}

/// The phone that is meant: by its MAC, or by a line that the inventory gives to one phone.
fn named(phone: &str, config: &Path, now: DateTime<Utc>) -> Result<Mac, Failure> {
    if let Ok(mac) = phone.parse() {
        return Ok(mac);
    }
    let failed =
        |why: String, hint: &str| Failure::Input { what: phone.to_owned(), why, hint: Some(hint.to_owned()) };
    let loaded = config::load(config, now).map_err(|report| {
        failed(
            format!("not a MAC, and the inventory cannot be asked: {}", report.counts()),
            "`sipherd check` tells why",
        )
    })?;
    let inventory = loaded.config.inventory;
    let mut macs: Vec<Mac> = inventory
        .iter()
        .filter(|row| row.lines.iter().any(|line| *line.user == *phone))
        .map(|row| row.mac)
        .collect();
    macs.dedup();
    match macs.as_slice() {
        [mac] => Ok(*mac),
        [] => Err(failed(
            "not a MAC, and no phone of the inventory has such a line".to_owned(),
            "write its MAC",
        )),
        [_, _, ..] => {
            Err(failed("several phones of the inventory have such a line".to_owned(), "write its MAC"))
        }
    }
}

#[derive(Serialize)]
struct PhoneJson {
    mac: Mac,
    #[serde(flatten)]
    index: Index,
}

#[derive(Serialize)]
struct ShownJson<'a> {
    mac: Mac,
    version: &'a Version,
    text: String,
}

#[derive(Serialize)]
struct DiffJson {
    mac: Mac,
    from: u64,
    to: u64,
    diff: String,
}

fn list(kept: &Configurations, screen: &mut Screen) -> Result<(), Failure> {
    let mut phones = Vec::new();
    for mac in kept.phones().map_err(|error| unreadable(&error))? {
        phones.push(PhoneJson { mac, index: kept.index(mac).map_err(|error| unreadable(&error))? });
    }
    if screen.is_json() {
        return Ok(screen.json(&phones)?);
    }
    if phones.is_empty() {
        return Ok(screen.line("no phone has handed in a configuration")?);
    }
    let row = |phone: &PhoneJson| {
        let newest = phone.index.newest();
        let cells = [
            phone.mac.to_string(),
            phone.index.versions.len().to_string(),
            newest.map_or_else(String::new, |version| instant(version.at)),
            newest.map_or_else(String::new, |version| instant(version.seen)),
            newest.map_or_else(String::new, |version| version.bytes.to_string()),
        ];
        cells.into_iter().map(|cell| (cell, Tone::Plain)).collect()
    };
    screen.table(&["MAC", "KEPT", "NEWEST", "LAST SEEN", "BYTES"], phones.iter().map(row).collect())?;
    Ok(())
}

fn list_of(kept: &Configurations, mac: Mac, screen: &mut Screen) -> Result<(), Failure> {
    let index = some_of(kept, mac)?;
    if screen.is_json() {
        return Ok(screen.json(&PhoneJson { mac, index })?);
    }
    let row = |version: &Version| {
        let names: Vec<&str> = index
            .names
            .iter()
            .filter(|(_, number)| **number == version.number)
            .map(|(name, _)| name.as_str())
            .collect();
        let cells = [
            version.number.to_string(),
            instant(version.at),
            instant(version.seen),
            version.times.to_string(),
            version.bytes.to_string(),
            names.join(" "),
        ];
        cells.into_iter().map(|cell| (cell, Tone::Plain)).collect()
    };
    let headings = ["NUMBER", "HANDED IN", "LAST SEEN", "TIMES", "BYTES", "NAMES"];
    screen.table(&headings, index.versions.iter().map(row).collect())?;
    Ok(())
}

fn show(kept: &Configurations, mac: Mac, number: Option<u64>, screen: &mut Screen) -> Result<(), Failure> {
    let index = some_of(kept, mac)?;
    let version = version(&index, mac, number)?;
    let bytes = kept.bytes(mac, version).map_err(|error| unreadable(&error))?;
    if screen.is_json() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        return Ok(screen.json(&ShownJson { mac, version, text })?);
    }
    // Byte for byte: it may be on its way into a file.
    Ok(screen.bytes(&bytes)?)
}

fn diff(
    kept: &Configurations,
    mac: Mac,
    (from, to): (Option<u64>, Option<u64>),
    all: bool,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let index = some_of(kept, mac)?;
    let newer = version(&index, mac, to)?;
    let older = match from {
        Some(_) => version(&index, mac, from)?,
        None => {
            index.versions.iter().rev().find(|version| version.number < newer.number).ok_or_else(|| {
                let why = format!(
                    "number {} is the oldest that is kept: there is nothing to compare it with",
                    newer.number
                );
                Failure::Input {
                    what: mac.to_string(),
                    why,
                    hint: Some("`sipherd configs show` prints it".to_owned()),
                }
            })?
        }
    };
    let bytes = |version| kept.bytes(mac, version).map_err(|error| unreadable(&error));
    let (before, after) = (bytes(older)?, bytes(newer)?);
    let title = |version: &Version| format!("{mac} number {} of {}", version.number, instant(version.at));
    let told = difference((&title(older), &before), (&title(newer), &after), all);
    if screen.is_json() {
        return Ok(screen.json(&DiffJson { mac, from: older.number, to: newer.number, diff: told })?);
    }
    for line in told.lines() {
        let tone = match line.as_bytes().first() {
            Some(b'+') => Tone::Good,
            Some(b'-') => Tone::Bad,
            _ => Tone::Plain,
        };
        screen.parts(&[(line, tone)])?;
    }
    Ok(())
}

/// What is kept of a phone; none is something the user wants to know.
fn some_of(kept: &Configurations, mac: Mac) -> Result<Index, Failure> {
    let index = kept.index(mac).map_err(|error| unreadable(&error))?;
    if index.versions.is_empty() {
        let why = "it has handed in no configuration".to_owned();
        let hint = Some("`sipherd configs list` shows the phones that have".to_owned());
        return Err(Failure::Input { what: mac.to_string(), why, hint });
    }
    Ok(index)
}

fn version(index: &Index, mac: Mac, number: Option<u64>) -> Result<&Version, Failure> {
    let found = number.map_or_else(|| index.newest(), |number| index.version(number));
    found.ok_or_else(|| {
        let kept: Vec<String> = index.versions.iter().map(|version| version.number.to_string()).collect();
        let why = format!("no configuration of number {} is kept", number.unwrap_or_default());
        Failure::Input { what: mac.to_string(), why, hint: Some(format!("there is {}", kept.join(", "))) }
    })
}

fn unreadable(error: &DrawerError) -> Failure {
    let hint = match error {
        DrawerError::Io { .. } => "only the user sipherd runs as may read them: try `sudo`",
        DrawerError::Index { .. } => {
            "sipherd writes this file; remove it, and the phone's configurations count anew"
        }
    };
    Failure::Input {
        what: "stored configurations".to_owned(),
        why: error.to_string(),
        hint: Some(hint.to_owned()),
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
