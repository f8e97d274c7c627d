//! Advice about stored serials: what fights over one, and what has none.

use std::collections::BTreeMap;

use super::{Commands, Findings, Rule};
use crate::phones::innovaphone::device::Variable;
use crate::phones::innovaphone::script::{Command, Once};

pub(super) fn look(commands: &Commands<'_>, found: &mut Findings) {
    let mut seen: BTreeMap<Variable, (usize, &str)> = BTreeMap::new();
    let mut checked = false;
    for (line, command) in commands {
        checked |= matches!(command, Command::Check { .. });
        if let Some((variable, serial)) = stored(command) {
            match seen.get(&variable) {
                Some((first, other)) if *other == serial => found.add(
                    *line,
                    Rule::SharedSerial,
                    serial,
                    format!("line {first} has stored this serial already: this line is never carried out"),
                    "give it a serial of its own, in a script of its own",
                ),
                Some((first, other)) => found.add(
                    *line,
                    Rule::SharedSerial,
                    serial,
                    format!("line {first} stores `{other}` in the same variable: both are carried out anew at every poll"),
                    "keep one of the two lines",
                ),
                None => {
                    seen.insert(variable, (*line, serial));
                }
            }
        }
        match command {
            Command::Fetch { url, serial, .. } => contradiction(*line, url, serial, found),
            Command::Save { once: None, .. } => found.add(
                *line,
                Rule::EveryPoll,
                "scfg",
                "the configuration is handed in at every poll",
                "add `no-op WEEKLY /force 168` to do it once a week",
            ),
            Command::Save { once: Some(Once { force: Some(0), .. }), .. } => found.add(
                *line,
                Rule::EveryPoll,
                "/force",
                "after no hour at all the configuration is handed in again: at every poll",
                "write the hours between two: `/force 168` is a week",
            ),
            Command::Poll => found.add(
                *line,
                Rule::EveryPoll,
                "poll",
                "the script tells the device to read the script again, without an end",
                "leave it out; it is meant for a person at the device",
            ),
            Command::Other(text) if text.starts_with("config ") && !checked => found.add(
                *line,
                Rule::EveryPoll,
                "config",
                "nothing makes this happen once only: it is carried out at every poll",
                "put `mod cmd UP1 check ser SERIAL` above it, with a new serial for each change",
            ),
            _ => {}
        }
    }
}

/// Which stored serial a command looks at.
fn stored(command: &Command) -> Option<(Variable, &str)> {
    match command {
        Command::Check { serial, .. } => Some((Variable::Check, serial)),
        Command::Fetch { code, serial, .. } => Some((Variable::Code(*code), serial)),
        Command::Save { once: Some(Once { serial, .. }), .. } => Some((Variable::Saved, serial)),
        Command::Load { serial, .. } => Some((Variable::Loaded, serial)),
        _ => None,
    }
}

/// The device believes the serial; whether the file is that build, only the author knows. A URL that names another
/// build of the same shape is a slip.
fn contradiction(line: usize, url: &str, serial: &str, found: &mut Findings) {
    let shape =
        |text: &str| -> String { text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect() };
    if !serial.bytes().any(|b| b.is_ascii_digit()) || serial.len() < 4 {
        return;
    }
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let parts = || path.split('/').skip(1).map(|part| part.strip_suffix(".bin").unwrap_or(part));
    if parts().any(|part| part.contains(serial)) {
        return;
    }
    if let Some(other) = parts().find(|part| shape(part) == shape(serial)) {
        let message = format!(
            "the URL names `{other}`, the serial is `{serial}`: the device stores the serial and never compares"
        );
        found.add(line, Rule::SerialAndUrl, serial, message, "write the build that the file holds");
    }
}
