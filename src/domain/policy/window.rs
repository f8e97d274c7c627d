//! One window: when it opens, how long it lasts, in which zone, and what daylight saving does to it.

use chrono::Datelike;
use chrono::{
    DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday,
};
use chrono_tz::Tz;

use super::cron::Cron;

/// When a window opens.
#[derive(Debug, Clone, PartialEq)]
pub enum Opens {
    /// On these weekdays at this wall-clock time.
    Weekly {
        /// The days the window opens on; what follows midnight belongs to the day before.
        days: Vec<Weekday>,
        /// The wall-clock time it opens.
        from: NaiveTime,
    },
    /// By a five-field cron text.
    Cron(Cron),
    /// During these hours of every day, each from its first minute to its last (innovaphone `/allow`).
    Hours(Vec<u32>),
}

/// How long a window lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// Until this wall-clock time, on the next day when it is not later than the start.
    Until(NaiveTime),
    /// For this elapsed time.
    For(TimeDelta),
    /// To the end of the hour it opened at.
    Hour,
}

/// A window as its author wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// When it opens.
    pub opens: Opens,
    /// How long it lasts.
    pub lasts: Lasts,
    /// Its own zone; else the phone's site's, else the daemon's.
    pub zone: Option<Tz>,
    /// No phone starts later than this before it closes; `None` asks what the phone's model needs to boot and flash.
    pub last_start: Option<TimeDelta>,
}

/// One opening of a window, or of several that merged: from `start` up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Opening {
    /// The first instant inside.
    pub start: DateTime<Utc>,
    /// The first instant after.
    pub end: DateTime<Utc>,
}

impl Opening {
    /// Whether the instant lies inside.
    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        self.start <= instant && instant < self.end
    }
}

impl Window {
    /// Hands each opening that belongs to this local day to `see`, in order; an opening that daylight saving
    /// leaves empty is none.
    pub(super) fn openings_of(&self, day: NaiveDate, zone: Tz, mut see: impl FnMut(Opening)) {
        let zone = self.zone.unwrap_or(zone);
        let mut last = None;
        let mut open = |time: NaiveTime| {
            let (Some(start), Some(end)) =
                (first_instant(day.and_time(time), zone), self.end(day, time, zone))
            else {
                return;
            };
            // Several starts inside one spring gap all begin at its end: one opening.
            if start < end && last < Some(start) {
                last = Some(start);
                see(Opening { start, end });
            }
        };
        match &self.opens {
            Opens::Weekly { days, from } if days.contains(&day.weekday()) => open(*from),
            Opens::Weekly { .. } => {}
            Opens::Cron(cron) if cron.fires_on(day) => cron.times().for_each(open),
            Opens::Cron(_) => {}
            Opens::Hours(hours) => {
                hours.iter().filter_map(|hour| NaiveTime::from_hms_opt(*hour, 0, 0)).for_each(open);
            }
        }
    }

    /// The most days that an opening reaches beyond the local day it belongs to.
    pub(super) fn reach(&self) -> Days {
        match self.lasts {
            Lasts::Until(_) | Lasts::Hour => Days::new(1),
            // One day for a start late in the evening, one for zones whose days are shorter than 24 h.
            Lasts::For(length) => Days::new(u64::try_from(length.num_days()).unwrap_or(0) + 2),
        }
    }

    /// When the opening that began at this wall-clock time ends.
    fn end(&self, day: NaiveDate, from: NaiveTime, zone: Tz) -> Option<DateTime<Utc>> {
        match self.lasts {
            Lasts::For(length) => first_instant(day.and_time(from), zone)?.checked_add_signed(length),
            Lasts::Hour => first_instant(day.and_time(from).checked_add_signed(TimeDelta::hours(1))?, zone),
            Lasts::Until(to) if to > from => last_instant(day.and_time(to), zone),
            Lasts::Until(to) => last_instant(day.succ_opt()?.and_time(to), zone),
        }
    }
}

/// The first instant at which the wall clock shows this time, or passes it (the end of a spring gap).
pub fn first_instant(wall: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&wall) {
        MappedLocalTime::Single(instant) => Some(instant.to_utc()),
        MappedLocalTime::Ambiguous(a, b) => Some(a.to_utc().min(b.to_utc())),
        MappedLocalTime::None => gap_end(wall, zone),
    }
}

/// The last instant at which the wall clock shows this time (the later one in the autumn overlap), or the end of the
/// gap that swallowed it.
pub fn last_instant(wall: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&wall) {
        MappedLocalTime::Single(instant) => Some(instant.to_utc()),
        MappedLocalTime::Ambiguous(a, b) => Some(a.to_utc().max(b.to_utc())),
        MappedLocalTime::None => gap_end(wall, zone),
    }
}

/// The first instant after a gap: the wall clock jumps over `wall` there.
fn gap_end(wall: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    // No zone is further than 26 h from UTC, and none has a gap longer than a day.
    let (mut before, mut after) =
        (wall.and_utc().timestamp() - 52 * 3600, wall.and_utc().timestamp() + 52 * 3600);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        let shown = DateTime::from_timestamp(middle, 0)?.with_timezone(&zone).naive_local();
        if shown > wall { after = middle } else { before = middle }
    }
    DateTime::from_timestamp(after, 0)
}
