//! From what a wall clock shows to instants, and what daylight saving does on the way.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::window::Opening;

/// The first instant at which the wall clock shows this time, or passes it (the end of a spring gap).
pub fn first_instant(wall: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    zone.from_local_datetime(&wall).earliest().map(|at| at.to_utc()).or_else(|| gap_end(wall, zone))
}

/// The last instant at which the wall clock shows this time (the later one in the autumn overlap), or the end of the
/// gap that swallowed it.
pub fn last_instant(wall: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    zone.from_local_datetime(&wall).latest().map(|at| at.to_utc()).or_else(|| gap_end(wall, zone))
}

/// The first instant after a gap: the wall clock jumps over `wall` there.
fn gap_end(wall: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    // No zone is further than 26 h from UTC, and none has a gap longer than a day.
    let shown = wall.and_utc().timestamp();
    let after = first_second(shown - 52 * 3600, shown + 52 * 3600, |second| {
        DateTime::from_timestamp(second, 0).is_some_and(|at| at.with_timezone(&zone).naive_local() > wall)
    });
    DateTime::from_timestamp(after, 0)
}

/// The first second after `before` of which `holds` is true, which it is for all from there to `after`.
fn first_second(mut before: i64, mut after: i64, holds: impl Fn(i64) -> bool) -> i64 {
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if holds(middle) { after = middle } else { before = middle }
    }
    after
}

/// From the first instant of one local day to the last of another; `None` where the zone skipped them.
///
/// Where a clock is set back over midnight, the days end with the last instant at which they are shown.
pub(super) fn whole_days(first: NaiveDate, last: NaiveDate, zone: Tz) -> Option<Opening> {
    let start = first_instant(first.and_time(NaiveTime::MIN), zone)?;
    let midnight = last.succ_opt()?.and_time(NaiveTime::MIN);
    let (once, again) = (first_instant(midnight, zone)?, last_instant(midnight, zone)?);
    // Midnight comes twice in Havana too, but there the day before is over the first time.
    let shown = (again - TimeDelta::seconds(1)).with_timezone(&zone).naive_local();
    let end = if shown < midnight { again } else { once };
    (start < end).then_some(Opening { start, end })
}

/// Hands every stretch of time at which the wall clock shows one of these hours of a local day to `see`, in order:
/// both passes of an hour that comes twice, and what exists of one that is skipped.
pub(super) fn hours_of(day: NaiveDate, hours: &[u32], zone: Tz, mut see: impl FnMut(Opening)) {
    let Some(whole) = whole_days(day, day, zone) else { return };
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let (morning, night) = (offset(whole.start), offset(whole.end - TimeDelta::seconds(1)));
    // No zone sets its clocks twice on one day.
    let change = if morning == night {
        whole.end
    } else {
        let second = first_second(whole.start.timestamp(), whole.end.timestamp(), |second| {
            DateTime::from_timestamp(second, 0).is_some_and(|at| offset(at) == night)
        });
        DateTime::from_timestamp(second, 0).unwrap_or(whole.end)
    };
    for (part, offset) in [(whole.start..change, morning), (change..whole.end, night)] {
        for Range { start, end } in hours.iter().filter_map(|hour| hour_of(day, *hour)) {
            let (start, end) = (start - offset, end - offset);
            let (start, end) = (start.and_utc().max(part.start), end.and_utc().min(part.end));
            if start < end {
                see(Opening { start, end });
            }
        }
    }
}

fn hour_of(day: NaiveDate, hour: u32) -> Option<Range<NaiveDateTime>> {
    let start = day.and_hms_opt(hour, 0, 0)?;
    Some(start..start + TimeDelta::hours(1))
}
