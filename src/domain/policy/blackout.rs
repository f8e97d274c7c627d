//! Dates on which nothing happens, whatever the windows say.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

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
