//! One window: when it opens, how long it lasts, in which zone. (Being written.)

use chrono::{DateTime, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;

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
    /// By a five-field cron text (minute hour day-of-month month weekday; Sunday = 0, 7 or a name).
    Cron(String),
}

/// How long a window lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// Until this wall-clock time, on the next day when it is not later than the start.
    Until(NaiveTime),
    /// For this elapsed time.
    For(TimeDelta),
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
}

/// One opening of a window, or of several that merged: from `start` up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Opening {
    /// The first instant inside.
    pub start: DateTime<Utc>,
    /// The first instant after.
    pub end: DateTime<Utc>,
}
