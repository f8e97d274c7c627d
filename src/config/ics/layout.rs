//! From one written event to all its occurrences.

use std::ops::{Range, RangeInclusive};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use rrule::{RRule, RRuleSet, Tz as RuleTz, Unvalidated};

use super::component::Component;
use super::moment::{Frame, Length, Moment, moment, out_of_range};
use crate::config::raw::Complaint;
use crate::domain::policy::wall_clock::{first_instant, last_instant};
use crate::domain::policy::{Event, Opening};

/// Occurrences of one rule in the years looked at; daily for seven years are fewer.
const OCCURRENCES: u16 = 5_000;

/// The occurrences of an event within these days. Those that `replaced` stand for are left out.
pub(super) fn events(
    component: &Component,
    replaced: &[&Component],
    days: RangeInclusive<NaiveDate>,
) -> Result<Vec<Event>, (Range<usize>, Complaint)> {
    if component.is_void {
        return Ok(Vec::new());
    }
    let Component { start, length, .. } = component;
    let mut starts = vec![(*start, *length)];
    for (rule, span) in &component.rules {
        let walls = walls(rule, start, &days).map_err(|complaint| (span.clone(), complaint))?;
        starts.extend(walls.into_iter().map(|wall| (Moment { wall, frame: start.frame }, *length)));
    }
    starts.extend(component.also.iter().map(|(at, own)| (*at, own.unwrap_or(*length))));
    let takes_place = |(at, _): &(Moment, Length)| {
        !component.except.iter().any(|except| except.means(at))
            && !replaced.iter().any(|other| other.replaces(at))
    };
    let mut events = Vec::new();
    for (at, length) in starts.into_iter().filter(takes_place) {
        match occurrence(at, length) {
            // An event without a length holds nothing.
            Some(event) => events.extend(event.filter(|event| ends_after(event, *days.start()))),
            None => return Err((component.span.clone(), out_of_range())),
        }
    }
    Ok(events)
}

/// One occurrence; `None` when no such time exists, `Some(None)` when it has no length.
fn occurrence(start: Moment, length: Length) -> Option<Option<Event>> {
    // A whole day without an end is that day (RFC 5545, 3.6.1); some programs write an end on the same day.
    let whole = if start.frame == Frame::Day { length.days.max(1) } else { length.days };
    let days = TimeDelta::try_days(whole)?;
    let later = start.wall.checked_add_signed(days)?;
    let event = match start.frame {
        Frame::Day => {
            let to = start.wall.date().checked_add_signed(days)?.pred_opt()?;
            Event::Days { from: start.wall.date(), to }
        }
        Frame::Floating => {
            let to = later.checked_add_signed(length.rest)?;
            if to <= start.wall {
                return Some(None);
            }
            Event::Local { from: start.wall, to }
        }
        Frame::Zone(zone) => {
            let from = first_instant(start.wall, zone)?;
            let to = if length.days == 0 { from } else { last_instant(later, zone)? };
            let to = to.checked_add_signed(length.rest)?;
            if to <= from {
                return Some(None);
            }
            Event::Instants(Opening { start: from, end: to })
        }
    };
    Some(Some(event))
}

/// Whether an event reaches the days that are looked at; a day of UTC is none of a zone.
fn ends_after(event: &Event, first: NaiveDate) -> bool {
    let end = match event {
        Event::Days { to, .. } => *to,
        Event::Local { to, .. } => to.date(),
        Event::Instants(Opening { end, .. }) => end.date_naive(),
    };
    end >= first
}

/// When a rule lets an event begin, by the event's own clock.
///
/// Laid out as if that clock were UTC, so that no daylight saving interferes: what falls into a gap is kept, and begins
/// at its end.
fn walls(
    rule: &str,
    start: &Moment,
    days: &RangeInclusive<NaiveDate>,
) -> Result<Vec<NaiveDateTime>, Complaint> {
    let wrong = |error: &dyn std::fmt::Display| {
        let error = error.to_string();
        // What stands before the colon is said already.
        let error = error.split_once(": ").map_or(error.as_str(), |(_, error)| error).trim_end_matches('.');
        Complaint::new(
            format!("this rule cannot be read: {error}"),
            "a rule looks like `FREQ=YEARLY;COUNT=5`",
        )
    };
    let rule = until_by_own_clock(rule, start)?;
    let begin = start.wall.and_utc().with_timezone(&RuleTz::UTC);
    let rule: RRule<Unvalidated> = rule.parse().map_err(|error| wrong(&error))?;
    let rule = rule.validate(begin).map_err(|error| wrong(&error))?;
    // A day earlier, for zones east of Greenwich.
    let bound = |day: &NaiveDate, time| day.and_time(time).and_utc().with_timezone(&RuleTz::UTC);
    let day_before = days.start().pred_opt().unwrap_or(*days.start());
    let laid_out = RRuleSet::new(begin)
        .rrule(rule)
        .after(bound(&day_before, NaiveTime::MIN))
        .before(bound(days.end(), NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default()))
        .all(OCCURRENCES);
    if laid_out.limited {
        return Err(Complaint::new(
            "this rule recurs too often, or too seldom, to be laid out",
            "blackouts are days: let it recur daily at most, and begin it in this century",
        ));
    }
    Ok(laid_out.dates.into_iter().map(|at| at.naive_utc()).collect())
}

/// The rule with its `UNTIL` by the clock of the event, written as if that were UTC. An end that is a day means the whole
/// of it.
fn until_by_own_clock(rule: &str, start: &Moment) -> Result<String, Complaint> {
    let mut parts = Vec::new();
    for part in rule.trim().split(';') {
        match part.split_once('=') {
            Some((key, until)) if key.trim().eq_ignore_ascii_case("UNTIL") => {
                let zone = match start.frame {
                    Frame::Zone(zone) => Some(zone),
                    Frame::Day | Frame::Floating => None,
                };
                let until = moment(until, zone)?;
                let wall = match (until.frame, start.frame) {
                    (Frame::Day, _) | (_, Frame::Day) => {
                        until.wall.date().and_time(NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default())
                    }
                    (_, frame) => until.by(frame),
                };
                parts.push(format!("UNTIL={}", wall.format("%Y%m%dT%H%M%SZ")));
            }
            _ => parts.push(part.to_owned()),
        }
    }
    Ok(parts.join(";"))
}
