//! The events of an iCalendar file (RFC 5545), laid out for the years that anybody plans for.
//!
//! Lines are read here, since a problem needs its line, which no reader of calendars tells; recurrence rules are laid out
//! by the `rrule` crate.

mod component;
mod layout;
mod lines;
mod moment;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};

use super::raw::{Complaint, Source};
use crate::config::code::Code;
use crate::domain::policy::{Event, Opening};
use component::Component;

/// Recurring events are laid out from the beginning of last year…
const YEARS_BEFORE: i32 = 1;

/// … to the end of the fifth year ahead.
const YEARS_AHEAD: i32 = 5;

/// More events than this are no list of holidays.
const MOST: usize = 20_000;

/// Reads a calendar file; what is wrong is recorded.
///
/// Cancelled events are left out, and so are events with times that are marked as free (`TRANSP:TRANSPARENT`). Whole days
/// that are so marked count: public calendars of holidays mark theirs so. Warns when nothing is ahead.
pub(super) fn read(source: &Source, now: DateTime<Utc>) -> Vec<Event> {
    let lines = lines::read(source);
    if source.has_errors() {
        return Vec::new();
    }
    let components = component::read(source, &lines);
    let year = now.year();
    let first = NaiveDate::from_ymd_opt(year - YEARS_BEFORE, 1, 1).unwrap_or(NaiveDate::MIN);
    let last = NaiveDate::from_ymd_opt(year + YEARS_AHEAD, 12, 31).unwrap_or(NaiveDate::MAX);
    let mut events = Vec::new();
    for component in &components {
        let replaced: Vec<&Component> =
            components.iter().filter(|other| other.replaces_one_of(component)).collect();
        match layout::events(component, &replaced, first..=last) {
            Ok(more) => events.extend(more),
            Err((span, complaint)) => source.refuse(Code::BadValue, &span, complaint),
        }
        if events.len() > MOST {
            source.refuse(
                Code::BadValue,
                &component.span,
                Complaint::new(
                    format!("this calendar has more than {MOST} events"),
                    "name one that holds nothing but blackouts",
                ),
            );
            return Vec::new();
        }
    }
    events.sort_unstable();
    events.dedup();
    if !source.has_errors() {
        nothing_ahead(source, &events, now);
    }
    events
}

/// Warns about a calendar without events, or whose last one is over.
fn nothing_ahead(source: &Source, events: &[Event], now: DateTime<Utc>) {
    let hint = "put the events of the coming years into it, or leave the blackout out";
    // A day is over everywhere half a day after it is in UTC.
    let end = |event: &Event| match event {
        Event::Days { to, .. } => *to,
        Event::Local { to, .. } => to.date(),
        Event::Instants(Opening { end, .. }) => end.date_naive(),
    };
    match events.iter().map(end).max() {
        None => source.warn(
            Code::CalendarEnds,
            &(0..0),
            Complaint::new("this calendar has no events: nothing is ever held", hint),
        ),
        Some(last) if last < (now - TimeDelta::hours(12)).date_naive() => {
            let message = format!("the last event of this calendar was on {last}: nothing is held any more");
            source.warn(Code::CalendarEnds, &(0..0), Complaint::new(message, hint));
        }
        Some(_) => {}
    }
}
