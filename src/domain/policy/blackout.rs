//! Dates on which nothing happens, whatever the windows say.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::wall_clock::{first_instant, last_instant, whole_days};
use super::window::Opening;

/// A `[[blackout]]`: whole local days, or what a calendar file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Blackout {
    /// When it is.
    pub when: BlackoutDates,
    /// Its own zone; else the phone's site's, else the daemon's.
    pub zone: Option<Tz>,
}

/// When a blackout is.
#[derive(Debug, Clone, PartialEq)]
pub enum BlackoutDates {
    /// From the first of these days through the last.
    Range {
        /// The first day.
        from: NaiveDate,
        /// The last day; it belongs to the blackout.
        to: NaiveDate,
    },
    /// Every year from the first of these days (month, day) through the last, across the new year when it is earlier.
    ///
    /// In years without a 29 February a blackout that begins on it begins on 1 March, and one that ends on it ends on
    /// 28 February.
    Yearly {
        /// The first day: month and day.
        from: (u32, u32),
        /// The last day.
        to: (u32, u32),
    },
    /// The events of an `.ics` file, read and laid out ahead of time.
    Events(Vec<Event>),
}

/// One event of a calendar file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// Whole days in the zone of whoever asks, the last one included.
    Days {
        /// The first day.
        from: NaiveDate,
        /// The last day.
        to: NaiveDate,
    },
    /// From one wall-clock time up to another, by the clock of whoever asks.
    Local {
        /// When it begins.
        from: NaiveDateTime,
        /// The first moment after it.
        to: NaiveDateTime,
    },
    /// From one instant up to another.
    Instants(Opening),
}

/// Whether a blackout holds at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlackoutState {
    /// It holds until this instant.
    On {
        /// The first instant after it.
        until: DateTime<Utc>,
    },
    /// It does not; the next one begins then, if there is one ahead.
    Off {
        /// Its first instant.
        next: Option<DateTime<Utc>>,
    },
}

/// 29 February comes at least every eighth year (1896 and 1904, 2096 and 2104).
const YEARS_TO_A_LEAP_DAY: i32 = 8;

impl Blackout {
    /// A blackout in the zone of whoever asks.
    pub fn of(when: BlackoutDates) -> Self {
        Self { when, zone: None }
    }

    /// Hands every stretch that holds `now` to `see`, and the next that begins after it.
    pub(super) fn around(&self, now: DateTime<Utc>, zone: Tz, mut see: impl FnMut(Opening)) {
        let zone = self.zone.unwrap_or(zone);
        let mut days = |from, to| {
            let stretch = whole_days(from, to, zone)?;
            see(stretch);
            Some(stretch)
        };
        match &self.when {
            BlackoutDates::Range { from, to } => {
                days(*from, *to);
            }
            BlackoutDates::Yearly { from, to } => {
                let year = now.with_timezone(&zone).year();
                for year in year - 1..=year + YEARS_TO_A_LEAP_DAY {
                    let Some((first, last)) = in_year(year, *from, *to) else { continue };
                    if days(first, last).is_some_and(|stretch| stretch.start > now) {
                        break;
                    }
                }
            }
            BlackoutDates::Events(events) => {
                // A local day is at most a day away from the day of UTC.
                let today = now.date_naive();
                let past = today.checked_sub_days(Days::new(2)).unwrap_or(today);
                let ahead = today.checked_add_days(Days::new(2)).unwrap_or(today);
                let mut later: Option<NaiveDate> = None;
                for event in events {
                    let (first, last) = event.days();
                    if first > ahead {
                        later = Some(later.map_or(first, |least| least.min(first)));
                    } else if last >= past {
                        event.stretch(zone).into_iter().for_each(&mut see);
                    }
                }
                // Which of those about the same day is the first depends on their clocks.
                let Some(days) = later.and_then(|day| day.checked_add_days(Days::new(2))) else { return };
                let nearest = events.iter().filter(|event| event.days().0 > ahead && event.days().0 <= days);
                nearest.filter_map(|event| event.stretch(zone)).for_each(see);
            }
        }
    }
}

impl Event {
    /// The first and the last day it may touch, by its own clock.
    fn days(&self) -> (NaiveDate, NaiveDate) {
        match self {
            Self::Days { from, to } => (*from, *to),
            Self::Local { from, to } => (from.date(), to.date()),
            Self::Instants(Opening { start, end }) => (start.date_naive(), end.date_naive()),
        }
    }

    /// When it is, for somebody in this zone.
    fn stretch(&self, zone: Tz) -> Option<Opening> {
        match self {
            Self::Days { from, to } => whole_days(*from, *to, zone),
            Self::Local { from, to } => {
                let (start, end) = (first_instant(*from, zone)?, last_instant(*to, zone)?);
                (start < end).then_some(Opening { start, end })
            }
            Self::Instants(opening) => (opening.start < opening.end).then_some(*opening),
        }
    }
}

/// The days of a yearly blackout that begins in this year; `None` where it has none.
fn in_year(year: i32, from: (u32, u32), to: (u32, u32)) -> Option<(NaiveDate, NaiveDate)> {
    let date = |year, (month, day)| NaiveDate::from_ymd_opt(year, month, day);
    let first = date(year, from).or_else(|| date(year, (3, 1)))?;
    let year = if to < from { year + 1 } else { year };
    let last = date(year, to).or_else(|| date(year, (2, 28)))?;
    (first <= last).then_some((first, last))
}
