//! One window: when it opens, how long it lasts, in which zone, and what daylight saving does to it.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;

use super::cron::Cron;
use super::wall_clock::{first_instant, hours_of, last_instant};

/// When a window is open.
#[derive(Debug, Clone, PartialEq)]
pub enum Opens {
    /// On these weekdays, from this wall-clock time.
    Weekly {
        /// The days the window opens on; what follows midnight belongs to the day before.
        days: Vec<Weekday>,
        /// The wall-clock time it opens.
        from: NaiveTime,
        /// When it closes.
        lasts: Lasts,
    },
    /// From each firing of a five-field cron text.
    Cron {
        /// When it opens.
        cron: Cron,
        /// How long it stays open, in elapsed time.
        length: TimeDelta,
    },
    /// While the wall clock shows one of these hours (innovaphone `/allow`): twice as long where an hour comes twice.
    Hours {
        /// The hours, 0 to 23, in order, each once.
        hours: Vec<u32>,
        /// The days it holds on, by the same clock; all seven where the author names none.
        days: Vec<Weekday>,
    },
}

/// When a weekly window closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// At this wall-clock time, on the next day when it is not later than the start.
    Until(NaiveTime),
    /// After this elapsed time.
    For(TimeDelta),
}

/// A window as its author wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// When it is open.
    pub opens: Opens,
    /// Its own zone; else the phone's site's, else the daemon's.
    pub zone: Option<Tz>,
    /// No phone starts later than this before it closes; `None` asks what the phone's model needs to boot and flash.
    pub last_start: Option<TimeDelta>,
}

/// The seven days of a week, Monday first.
pub const EVERY_DAY: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// One opening of a window, or of several that merged: from `start` up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
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
    /// A window of these weekdays, in the zone of whoever asks.
    pub fn weekly(days: impl Into<Vec<Weekday>>, from: NaiveTime, lasts: Lasts) -> Self {
        Self::of(Opens::Weekly { days: days.into(), from, lasts })
    }

    /// A window that opens by a cron text, in the zone of whoever asks.
    pub fn cron(cron: Cron, length: TimeDelta) -> Self {
        Self::of(Opens::Cron { cron, length })
    }

    /// A window of these hours on these days, in the zone of whoever asks.
    pub fn hours(mut hours: Vec<u32>, days: impl Into<Vec<Weekday>>) -> Self {
        hours.sort_unstable();
        hours.dedup();
        Self::of(Opens::Hours { hours, days: days.into() })
    }

    fn of(opens: Opens) -> Self {
        Self { opens, zone: None, last_start: None }
    }

    /// Hands each opening that belongs to this local day to `see`, in order; an opening that daylight saving
    /// leaves empty is none.
    pub(super) fn openings_of(&self, day: NaiveDate, zone: Tz, mut see: impl FnMut(Opening)) {
        let zone = self.zone.unwrap_or(zone);
        let mut last = None;
        let mut open = |start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>| {
            let (Some(start), Some(end)) = (start, end) else { return };
            // Several starts inside one spring gap all begin at its end: one opening.
            if start < end && last < Some(start) {
                last = Some(start);
                see(Opening { start, end });
            }
        };
        let begins = |time: NaiveTime| first_instant(day.and_time(time), zone);
        match &self.opens {
            Opens::Weekly { days, from, lasts } if days.contains(&day.weekday()) => {
                let start = begins(*from);
                let end = match lasts {
                    Lasts::For(length) => start.and_then(|start| start.checked_add_signed(*length)),
                    Lasts::Until(to) if to > from => last_instant(day.and_time(*to), zone),
                    Lasts::Until(to) => {
                        day.succ_opt().and_then(|next| last_instant(next.and_time(*to), zone))
                    }
                };
                open(start, end);
            }
            Opens::Cron { cron, length } if cron.fires_on(day) => {
                for start in cron.times().map(begins) {
                    open(start, start.and_then(|start| start.checked_add_signed(*length)));
                }
            }
            Opens::Hours { hours, days } if days.contains(&day.weekday()) => {
                hours_of(day, hours, zone, |hour| open(Some(hour.start), Some(hour.end)));
            }
            Opens::Weekly { .. } | Opens::Cron { .. } | Opens::Hours { .. } => {}
        }
    }

    /// The most days that an opening reaches beyond the local day it belongs to.
    pub(super) fn reach(&self) -> Days {
        match &self.opens {
            Opens::Weekly { lasts: Lasts::Until(_), .. } | Opens::Hours { .. } => Days::new(1),
            // One day for a start late in the evening, one for zones whose days are shorter than 24 h.
            Opens::Weekly { lasts: Lasts::For(length), .. } | Opens::Cron { length, .. } => {
                Days::new(u64::try_from(length.num_days()).unwrap_or(0) + 2)
            }
        }
    }
}
