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
    /// Fetch this build of the firmware.
    Firmware {
        /// From where.
        url: String,
        /// The build.
        build: String,
    },
    /// Hand in the configuration, once for each serial.
    Backup {
        /// To where; may have metacharacters.
        url: String,
        /// Another one for each time.
        serial: String,
    },
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
    /// Phones are left alone after their boot; with `/initial` new devices would also go outside the hours.
    AfterBoot,
}

impl fmt::Display for Inexpressible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Days => "a script knows no days",
            Self::Minutes => "a script knows whole hours only",
            Self::Elapsed => "a script knows no length, only hours of the clock",
            Self::Cron => "a script knows no cron text",
            Self::Zone => "a script means the device's own clock",
            Self::AfterBoot => "`/initial` of a script lets new devices go outside the hours as well",
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
pub fn script(calendar: &Calendar, order: &Order, product: Option<&Product>) -> Generated {
    let mut commands = Vec::new();
    let hours = hours(calendar);
    match &hours {
        Ok(None) => {
            let nothing = Line::Comment("# the policy has no window, so there is nothing to do".into());
            return Generated { script: Script { lines: vec![nothing] }, gate_alone: None };
        }
        Ok(Some(hours)) if hours.listed().len() < 24 => {
            commands.push(Command::Times { allow: Some(hours.clone()), initial: None });
        }
        Ok(Some(_)) | Err(_) => {}
    }
    let awake = product.is_some_and(Product::is_wireless) && matches!(order, Order::Firmware { .. });
    commands.extend(awake.then_some(Command::StayAwake(true)));
    commands.push(match order.clone() {
        Order::Firmware { url, build } => {
            Command::Fetch { code: Code::Firmware, url, then: Final::WhenIdle, serial: build }
        }
        Order::Backup { url, serial } => {
            Command::Save { url, once: Some(Once { then: Final::Nothing, serial, force: None }) }
        }
    });
    commands.extend(awake.then_some(Command::StayAwake(false)));
    Generated {
        script: Script { lines: commands.into_iter().map(Line::Command).collect() },
        gate_alone: hours.err(),
    }
}

/// The hours in which the windows are open on every day; `None` where there is no window.
fn hours(calendar: &Calendar) -> Result<Option<Hours>, Inexpressible> {
    if calendar.initial.is_some() {
        return Err(Inexpressible::AfterBoot);
    }
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
