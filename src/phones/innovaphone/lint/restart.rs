//! Advice about restarts: calls they end, boot code they do not activate, and what is never restarted.

use super::{Commands, Findings, Rule};
use crate::phones::innovaphone::product::Product;
use crate::phones::innovaphone::script::{Code, Command, Final, Once};

/// What a command does at its end.
fn last(command: &Command) -> Option<Final> {
    match command {
        Command::Check { then, .. } | Command::Fetch { then, .. } | Command::Load { then, .. } => Some(*then),
        Command::Save { once: Some(Once { then, .. }), .. } | Command::Restart(then) => Some(*then),
        _ => None,
    }
}

pub(super) fn look(commands: &Commands<'_>, product: Option<&Product>, found: &mut Findings) {
    for (index, (line, command)) in commands.iter().enumerate() {
        if let Some(last) = last(command) {
            politeness(*line, last, product, found);
        }
        match command {
            Command::Fetch { code: Code::Boot, then, .. } => boot(*line, *then, product, found),
            Command::Fetch { code, then: Final::Nothing, .. } if !restarts_later(commands, index) => {
                let message = format!("the {} is downloaded and nothing restarts the device", code.called());
                let hint = "write `ireset` in place of `ser`, or end the script with `iresetn`";
                found.add(*line, Rule::NotActivated, "ser", message, hint);
            }
            Command::Load { then: Final::Nothing, .. } if !activated_later(commands, index) => found.add(
                *line,
                Rule::NotActivated,
                "ser",
                "the configuration is read and written, but not activated",
                "let `config activate` and `iresetn` follow, or write `iresetn` in place of `ser`",
            ),
            Command::Restart(restart) if !restart.if_needed() => alone(commands, index, *restart, found),
            _ => {}
        }
    }
}

fn politeness(line: usize, last: Final, product: Option<&Product>, found: &mut Findings) {
    if last.is_rude() {
        let message = format!("`{last}` restarts the device at once, in the middle of a call");
        let hint = format!("`{}` waits until nobody uses it", last.polite());
        found.add(line, Rule::ResetInCall, last.word(), message, hint);
    }
    if last.by_watchdog() && product.is_some_and(|product| !product.can_reboot()) {
        let message = format!("`{last}` does not work with IP21");
        found.add(line, Rule::BootCode, last.word(), message, "write `ireset`");
    }
}

fn boot(line: usize, then: Final, product: Option<&Product>, found: &mut Findings) {
    if let Some(product) = product.filter(|product| !product.has_boot_code()) {
        let message = format!("{product} has no boot code of its own");
        found.add(line, Rule::BootCode, "boot", message, "leave the line out");
    } else if !then.by_watchdog() && product.is_none_or(Product::can_reboot) {
        let message = format!("`{then}` does not activate boot code: only a restart by the watchdog does");
        let hint = "write `ireboot` (since V6.00 sr2-hotfix3; not for IP21)";
        found.add(line, Rule::BootCode, then.word(), message, hint);
    }
}

/// Whether a later line, or `check` at the end, restarts the device.
fn restarts_later(commands: &Commands<'_>, index: usize) -> bool {
    let wakes = |command: &Command| last(command).is_some_and(|last| last != Final::Nothing);
    let after = commands.get(index + 1..).unwrap_or_default();
    let by_line = after.iter().any(|(_, command)| matches!(command, Command::Restart(_)) && wakes(command));
    by_line || commands.iter().any(|(_, command)| matches!(command, Command::Check { .. }) && wakes(command))
}

fn activated_later(commands: &Commands<'_>, index: usize) -> bool {
    let after = commands.get(index + 1..).unwrap_or_default();
    let activates = |command: &Command| matches!(command, Command::Other(text) if text == "config activate");
    restarts_later(commands, index) || after.iter().any(|(_, command)| activates(command))
}

fn alone(commands: &Commands<'_>, index: usize, restart: Final, found: &mut Findings) {
    let Some((line, _)) = commands.get(index) else { return };
    let before = commands.get(..index).unwrap_or_default();
    // `check` stores its serial at the end of the script, which a restart before that never reaches.
    let ends = before.iter().any(|(_, command)| matches!(command, Command::Check { .. }));
    let message = if ends {
        format!(
            "`{restart}` ends the script before `check` stores its serial: the device restarts at every poll"
        )
    } else {
        format!("`{restart}` stands alone: the device restarts at every poll")
    };
    let hint =
        if ends { "make it the final command of `check`" } else { "write `iresetn`, or put it into `check`" };
    found.add(*line, Rule::RestartLoop, restart.word(), message, hint);
    if let Some((next, _)) = commands.get(index + 1) {
        let message = format!("line {line} restarts the device before this is reached");
        found.add(*next, Rule::Unreachable, "", message, "move the restart to the end");
    }
}
