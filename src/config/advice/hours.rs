//! Windows that no phone fits into, margins that are too short, windows that blackouts swallow.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Ground, Subject};
use crate::config::code::Code;
use crate::domain::policy::verdict::spell;
use crate::domain::policy::{Calendar, Opening, Window, WindowState};

/// How far ahead blackouts are compared with windows.
const AHEAD: TimeDelta = TimeDelta::days(2 * 365);

/// So many openings of a window are looked at: daylight saving may shorten one of them.
const LOOKED_AT: usize = 4;

pub(super) fn advise(subject: &Subject<'_>, ground: &Ground<'_>) {
    let calendar = &subject.policy.calendar;
    let slowest = ground.slowest(&subject.vendors(), &subject.policy.action);
    for (window, marks) in calendar.windows.iter().zip(&subject.draft.windows) {
        if in_blackouts(window, calendar, ground) {
            subject.warn(
                Code::NeverActs,
                &marks.opens,
                "for two years to come every opening of this window falls into a blackout",
                "open it on other days, or shorten the blackout",
            );
            continue;
        }
        let Some((vendor, needs)) = slowest else { continue };
        let (done, need) = (subject.done(), spell(needs));
        let merged = longest(window, calendar, ground);
        if let Some(longest) = merged.filter(|longest| *longest < needs) {
            subject.warn(
                Code::WindowTooShort,
                &marks.closes,
                format!(
                    "phones of `{vendor}` may need {need} to be {done}, and this window is open for {}: none of them ever starts",
                    spell(longest)
                ),
                format!("keep it open for {need} at least, or say in `[timing.{vendor}]` that yours are faster"),
            );
        } else if let Some(margin) = window.last_start.filter(|margin| *margin < needs) {
            subject.warn(
                Code::LastStart,
                &subject.draft.places.value(&format!("{}.last_start", marks.path)),
                format!(
                    "with {} left phones of `{vendor}` still start, and may need {need} to be {done}: they come back after the window has closed",
                    spell(margin)
                ),
                "leave `last_start` out to have each phone start only while its own model's time is left",
            );
        }
    }
}

/// Whether nothing is left of any opening of a window that has openings.
fn in_blackouts(window: &Window, calendar: &Calendar, ground: &Ground<'_>) -> bool {
    if calendar.blackouts.is_empty() {
        return false;
    }
    let whole = Calendar::of(vec![window.clone()]);
    let end = ground.now + AHEAD;
    let before_end = |calendar: &Calendar| {
        let next = calendar.openings(ground.now, ground.zone, 1);
        next.first().is_some_and(|opening| opening.start < end)
    };
    let left = Calendar { blackouts: calendar.blackouts.clone(), ..whole.clone() };
    before_end(&whole) && !before_end(&left)
}

/// The longest stretch that the next openings of this window, merged with the others, last without a pause.
fn longest(window: &Window, calendar: &Calendar, ground: &Ground<'_>) -> Option<TimeDelta> {
    let own = Calendar::of(vec![window.clone()]).openings(ground.now, ground.zone, LOOKED_AT);
    own.iter()
        .map(|opening| merged(calendar, opening.start, ground))
        .map(|whole| whole.end - whole.start)
        .max()
}

/// What an opening that begins at this instant merges to.
fn merged(calendar: &Calendar, start: DateTime<Utc>, ground: &Ground<'_>) -> Opening {
    match calendar.at(start, ground.zone) {
        WindowState::Open(whole) => whole,
        WindowState::Closed(_) => Opening { start, end: start },
    }
}
