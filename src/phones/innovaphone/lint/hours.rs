//! Advice about `times`: hours that forget, contradict or never come.

use super::{Commands, Findings, Rule, downloads};
use crate::phones::innovaphone::script::Command;

pub(super) fn look(commands: &Commands<'_>, found: &mut Findings) {
    let mut left: Vec<u8> = (0..24).collect();
    let (mut limited, mut told) = (false, false);
    let last_times = commands.iter().rfind(|(_, command)| matches!(command, Command::Times { .. }));
    for (index, (line, command)) in commands.iter().enumerate() {
        match command {
            Command::Times { allow, initial } => {
                if initial.is_none() {
                    found.add(
                        *line,
                        Rule::NoInitial,
                        "times",
                        "new devices wait for these hours too, and none is spared right after its boot",
                        "add `/initial 6`: nothing is done in the first six minutes, and new devices then go at any hour",
                    );
                }
                if let Some(minutes) = initial.filter(|minutes| *minutes == 0) {
                    let message = format!("`/initial {minutes}` spares no device right after its boot");
                    found.add(*line, Rule::Hours, "/initial", message, "write minutes: `/initial 6`");
                }
                let Some(hours) = allow else { continue };
                let mut seen = hours.listed().to_vec();
                seen.sort_unstable();
                seen.dedup();
                if seen.len() < hours.listed().len() {
                    let hint = "list each hour once";
                    found.add(*line, Rule::Hours, hours.to_string(), "an hour is listed twice", hint);
                }
                if seen.len() == 24 {
                    found.add(
                        *line,
                        Rule::Hours,
                        hours.to_string(),
                        "all hours are allowed: this only stops devices that do not know the time",
                        "leave out the hours in which people work",
                    );
                } else if seen.iter().all(|hour| (7..19).contains(hour)) {
                    found.add(
                        *line,
                        Rule::Hours,
                        hours.to_string(),
                        "only hours in which people work are allowed; the clock has 24 hours",
                        "ten in the evening is 22: `/allow 22,23,0,1,2,3,4`",
                    );
                }
                if index + 1 == commands.len() {
                    let message = "nothing follows this `times`";
                    found.add(
                        *line,
                        Rule::Unreachable,
                        "times",
                        message,
                        "put it before what it is to limit",
                    );
                }
                let before = left.len();
                left.retain(|hour| hours.contains(*hour));
                if left.is_empty() && before > 0 {
                    found.add(
                        *line,
                        Rule::Unreachable,
                        hours.to_string(),
                        "together with the `times` above no hour is left: nothing below is ever done",
                        "write one `times` with all hours",
                    );
                }
                limited = true;
            }
            _ if downloads(command) && !limited && !told => {
                told = true;
                let (message, hint) = match last_times {
                    Some((times, _)) if times > line => (
                        format!("`times` stands below, in line {times}: this downloads at any hour"),
                        "move `times` to the top",
                    ),
                    _ => (
                        "nothing limits the hours: this downloads while people work".to_owned(),
                        "begin with `mod cmd UP1 times /allow 22,23,0,1,2,3,4 /initial 6`",
                    ),
                };
                found.add(*line, Rule::AnyHour, "", message, hint);
            }
            _ => {}
        }
    }
}
