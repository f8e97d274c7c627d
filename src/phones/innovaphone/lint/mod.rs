//! Advice about scripts that a device understands, but that may not do what their author thinks.

mod address;
mod hours;
mod restart;
mod serial;

use std::fmt;

use super::product::Product;
use super::script::{Command, Script};

/// What kind of advice it is; the names never change their meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A final command that ends calls.
    ResetInCall,
    /// Boot code that nothing activates, or a restart the product does not know.
    BootCode,
    /// Downloaded code, or a configuration, that nothing puts to use.
    NotActivated,
    /// A restart at every poll.
    RestartLoop,
    /// Lines behind a command that always ends the script.
    Unreachable,
    /// `times` without `/initial`.
    NoInitial,
    /// Downloads at any hour.
    AnyHour,
    /// Hours that say less, or other, than they seem to.
    Hours,
    /// Two commands that share one stored serial.
    SharedSerial,
    /// A serial that the URL contradicts.
    SerialAndUrl,
    /// Something that is done anew at every poll.
    EveryPoll,
    /// A URL that the device cannot ask.
    Address,
    /// Metacharacters where they are not replaced, or do not do what they seem to.
    Metacharacters,
    /// Power saving around downloads.
    Power,
    /// A line no module of the device is known to understand.
    UnknownCommand,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ResetInCall => "reset-in-call",
            Self::BootCode => "boot-code",
            Self::NotActivated => "not-activated",
            Self::RestartLoop => "restart-loop",
            Self::Unreachable => "unreachable",
            Self::NoInitial => "no-initial",
            Self::AnyHour => "any-hour",
            Self::Hours => "hours",
            Self::SharedSerial => "shared-serial",
            Self::SerialAndUrl => "serial-and-url",
            Self::EveryPoll => "every-poll",
            Self::Address => "address",
            Self::Metacharacters => "metacharacters",
            Self::Power => "power",
            Self::UnknownCommand => "unknown-command",
        })
    }
}

/// One piece of advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The line, from 1.
    pub line: usize,
    /// What kind it is.
    pub rule: Rule,
    /// The word of the line that is meant; empty for the whole line.
    pub word: String,
    /// What may go wrong, as a lower-case phrase.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// The commands of a script with their lines.
type Commands<'s> = [(usize, &'s Command)];

/// What is found, gathered.
struct Findings {
    advice: Vec<Advice>,
}

impl Findings {
    fn add(
        &mut self,
        line: usize,
        rule: Rule,
        word: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (word, message, hint) = (word.into(), message.into(), hint.into());
        self.advice.push(Advice { line, rule, word, message, hint });
    }
}

/// All advice about a script, in the order of its lines; `product` where it is known whose script it is.
pub fn lint(script: &Script, product: Option<&Product>) -> Vec<Advice> {
    let commands: Vec<(usize, &Command)> = script.commands().collect();
    let mut found = Findings { advice: Vec::new() };
    hours::look(&commands, &mut found);
    restart::look(&commands, product, &mut found);
    serial::look(&commands, &mut found);
    address::look(&commands, &mut found);
    power(&commands, product, &mut found);
    for (line, command) in &commands {
        if let Command::Other(text) = command {
            unknown(*line, text, &mut found);
        }
    }
    found.advice.sort_by_key(|advice| (advice.line, advice.rule));
    found.advice
}

/// Whether a command waits for a transfer from the network that power saving disturbs.
fn downloads(command: &Command) -> bool {
    matches!(command, Command::Fetch { .. })
}

fn power(commands: &Commands<'_>, product: Option<&Product>, found: &mut Findings) {
    let mut awake = None;
    let wireless = product.is_some_and(Product::is_wireless);
    for (line, command) in commands {
        match command {
            Command::StayAwake(true) => awake = Some(*line),
            Command::StayAwake(false) => awake = None,
            _ if downloads(command) && wireless && awake.is_none() => found.add(
                *line,
                Rule::Power,
                "",
                "the device saves power while it downloads: sessions break",
                "put `mod cmd WLANMGR0 activate-pwr` before it and `mod cmd WLANMGR0 deactivate-pwr` behind it",
            ),
            _ => {}
        }
    }
    if let Some(line) = awake {
        found.add(
            line,
            Rule::Power,
            "activate-pwr",
            "nothing lets the device save power again until it restarts",
            "end with `mod cmd WLANMGR0 deactivate-pwr`",
        );
    }
}

/// Verbs of UP0 and UP1 are few, so an unknown one is a slip; other modules know more than is known here.
fn unknown(line: usize, text: &str, found: &mut Findings) {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["mod", "cmd", module @ ("UP0" | "UP1" | "WLANMGR0"), rest @ ..] => {
            let verbs = match *module {
                "UP0" => "`prot`, `boot`, `bmc`, `scfg` and `cfg`",
                "UP1" => "`check`, `times`, `poll` and `provision`",
                _ => "`activate-pwr` and `deactivate-pwr`",
            };
            let verb = rest.first().copied().unwrap_or("");
            let message = format!("no command `{verb}` of {module} is known");
            found.add(line, Rule::UnknownCommand, verb, message, format!("known are {verbs}"));
        }
        ["mod" | "config" | "vars", ..] => {}
        [first, ..] => found.add(
            line,
            Rule::UnknownCommand,
            *first,
            format!("`{first}` begins no line of a device's configuration"),
            "such lines begin with `mod`, `config` or `vars`; a comment begins with `#`",
        ),
        [] => {}
    }
}
