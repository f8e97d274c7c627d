//! All windows of a policy together: open now, or when next. (Being written.)

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::window::{Opening, Window};

/// The windows of a policy; none means never.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calendar {
    /// The windows; overlaps merge.
    pub windows: Vec<Window>,
}

/// Whether a calendar is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    /// Open: this merged opening holds the instant asked for.
    Open(Opening),
    /// Closed until this opening; `None` when there will be none.
    Closed(Option<Opening>),
}

impl Calendar {
    /// Whether the calendar is open at `now`, for a phone whose own zone (its site's, else the daemon's) is `zone`.
    pub fn at(&self, now: DateTime<Utc>, zone: Tz) -> WindowState {
        let _ = (now, zone);
        WindowState::Closed(None)
    }
}
