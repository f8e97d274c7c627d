//! From a policy's hours to a script: the second lock behind sipherd's own gate.
//!
//! A script knows hours of every day by the device's clock and nothing else. What does not fit into that is left to the
//! gate alone; a script never allows less than its policy, and the gate never more.

use std::fmt;

use chrono::{NaiveTime, Timelike};

use super::product::Product;
use super::script::{Code, Command, Final, Hours, Line, Once, Script};
use crate::domain::policy::{Calendar, EVERY_DAY, Lasts, Opens, Window};

/// What a device is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Fetch this code, and restart once it is there and nobody uses the device.
    Install(Vec<Load>),
    /// Restart when nobody uses the device, once for each serial.
    Restart {
        /// Another one for each time.
        serial: String,
    },
    /// Hand in the configuration, once for each serial.
    Backup {
        /// To where; may have metacharacters.
        url: String,
        /// Another one for each time.
        serial: String,
        /// After so many hours it is done again though the serial is the same.
        force: Option<u32>,
    },
    /// Read a configuration, and restart to make it count, once for each serial.
    Restore {
        /// From where.
        url: String,
        /// Another one for each time.
        serial: String,
    },
}

/// Code to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// What it is.
    pub code: Code,
    /// From where.
    pub url: String,
    /// What the device stores once it has it; the one it has stored already makes it fetch nothing.
    pub serial: String,
}

/// Why a policy's hours cannot stand in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inexpressible {
    /// They differ from day to day.
    Days,
    /// They begin or end within an hour.
    Minutes,
    /// They are an elapsed time, which is no hour of the clock when the clocks change.
    Elapsed,
    /// They open by a cron text.
    Cron,
    /// They are meant by the clock of a certain zone; the device knows its own.
    Zone,
}

impl fmt::Display for Inexpressible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Days => "a script knows no days",
            Self::Minutes => "a script knows whole hours only",
            Self::Elapsed => "a script knows no length, only hours of the clock",
            Self::Cron => "a script knows no cron text",
            Self::Zone => "a script means the device's own clock",
        })
    }
}

/// A script, and why it has no hours where it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The script.
    pub script: Script,
    /// Why the gate alone guards the hours; `None` where `times` does too.
    pub gate_alone: Option<Inexpressible>,
}

/// The script that has a device carry out this order in the hours of this calendar. Without a window nothing is
/// ordered.
///
/// `times` stands before everything else, so that a device which got the script in the last minute of the window does
/// nothing after it. It gets one only while the gate is open: so it does no harm that `/initial` lets new devices go at
/// any hour.
pub fn script(calendar: &Calendar, order: &Order, product: Option<&Product>) -> Generated {
    let mut commands = Vec::new();
    let hours = hours(calendar);
    let initial =
        calendar.initial.map(|time| u32::try_from((time.num_seconds() + 59) / 60).unwrap_or(u32::MAX));
    match &hours {
        Ok(None) => {
            let nothing = Line::Comment("# the policy has no window, so there is nothing to do".into());
            return Generated { script: Script { lines: vec![nothing] }, gate_alone: None };
        }
        Ok(Some(hours)) if hours.listed().len() < 24 => {
            commands.push(Command::Times { allow: Some(hours.clone()), initial });
        }
        Ok(Some(_)) | Err(_) if initial.is_some() => commands.push(Command::Times { allow: None, initial }),
        Ok(Some(_)) | Err(_) => {}
    }
    commands.extend(carried_out(order, product));
    Generated {
        script: Script { lines: commands.into_iter().map(Line::Command).collect() },
        gate_alone: hours.err(),
    }
}

/// The commands of an order, without its hours. None of them restarts a device that somebody uses.
pub fn carried_out(order: &Order, product: Option<&Product>) -> Vec<Command> {
    match order {
        Order::Install(loads) => install(loads, product),
        // Nothing stands behind `check`, so all there is once the serial is new is its final command.
        Order::Restart { serial } => vec![Command::Check { then: Final::WhenIdle, serial: serial.clone() }],
        Order::Backup { url, serial, force } => {
            let once = Once { then: Final::Nothing, serial: serial.clone(), force: *force };
            vec![Command::Save { url: url.clone(), once: Some(once) }]
        }
        // `cfg` activates nothing, the restart does.
        Order::Restore { url, serial } => {
            vec![Command::Load { url: url.clone(), then: Final::WhenIdle, serial: serial.clone() }]
        }
    }
}

/// All downloads, then one restart for them together. Boot code is activated by the watchdog's restart alone, but for
/// the IP21, which has none.
fn install(loads: &[Load], product: Option<&Product>) -> Vec<Command> {
    let boots = loads.iter().any(|load| load.code == Code::Boot);
    let restart = match (boots, product.is_none_or(Product::can_reboot)) {
        (true, true) => Final::RebootWhenIdle,
        (true, false) | (false, _) => Final::WhenIdle,
    };
    let mut commands = Vec::new();
    let awake = product.is_some_and(Product::is_wireless) && !loads.is_empty();
    commands.extend(awake.then_some(Command::StayAwake(true)));
    for (nth, load) in loads.iter().enumerate() {
        let then = if nth + 1 == loads.len() { restart } else { Final::Nothing };
        let Load { code, url, serial } = load.clone();
        commands.push(Command::Fetch { code, url, then, serial });
    }
    commands.extend(awake.then_some(Command::StayAwake(false)));
    commands
}

/// The hours in which the windows are open on every day; `None` where there is no window.
pub fn hours(calendar: &Calendar) -> Result<Option<Hours>, Inexpressible> {
    let mut open = [false; 24];
    for window in &calendar.windows {
        for hour in hours_of(window)? {
            if let Some(flag) = open.get_mut(usize::from(hour)) {
                *flag = true;
            }
        }
    }
    let is_open = |hour: u8| open.get(usize::from(hour)).copied().unwrap_or(false);
    // Listed as people think: from the first evening or noon that opens, round the clock.
    let begins = (0..24).find(|hour| is_open(*hour) && !is_open((*hour + 23) % 24)).unwrap_or(0);
    let listed = (0..24).map(|hour| (begins + hour) % 24).filter(|hour| is_open(*hour)).collect();
    Ok(Hours::new(listed))
}

fn hours_of(window: &Window) -> Result<Vec<u8>, Inexpressible> {
    if window.zone.is_some() {
        return Err(Inexpressible::Zone);
    }
    let daily = |days: &[chrono::Weekday]| EVERY_DAY.iter().all(|day| days.contains(day));
    let hour = |time: NaiveTime| -> Result<u8, Inexpressible> {
        match (time.minute(), time.second()) {
            (0, 0) => Ok(u8::try_from(time.hour()).unwrap_or(0)),
            (_, _) => Err(Inexpressible::Minutes),
        }
    };
    match &window.opens {
        Opens::Cron { .. } => Err(Inexpressible::Cron),
        Opens::Weekly { days, .. } | Opens::Hours { days, .. } if !daily(days) => Err(Inexpressible::Days),
        Opens::Weekly { lasts: Lasts::For(_), .. } => Err(Inexpressible::Elapsed),
        Opens::Weekly { from, lasts: Lasts::Until(to), .. } => {
            let (from, to) = (hour(*from)?, hour(*to)?);
            let count = if to > from { to - from } else { 24 - from + to };
            Ok((0..count).map(|n| (from + n) % 24).collect())
        }
        Opens::Hours { hours, .. } => Ok(hours.iter().filter_map(|hour| u8::try_from(*hour).ok()).collect()),
    }
}
