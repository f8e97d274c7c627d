//! How a phone is asked and how long each step may take, as its vendor's profile says.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// One way of asking: the `Event` of a NOTIFY and its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// The value of the `Event` header: `reboot`, `check-sync;reboot=true`.
    pub event: String,
    /// `Content-Type` and body, for the few vendors that want one.
    pub body: Option<(String, String)>,
}

impl Trigger {
    /// A trigger without a body.
    pub fn event(event: &str) -> Self {
        Self { event: event.to_owned(), body: None }
    }
}

/// The deadlines of a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From the NOTIFY to its final answer; at least timer F of RFC 3261 (32 s).
    pub answer: TimeDelta,
    /// From the acceptance to the first sign of leaving, for a phone that is idle.
    pub leave: TimeDelta,
    /// The most that a phone whose maker lets it wait for its call is waited for.
    pub leave_busy: TimeDelta,
    /// No phone of this kind boots faster; a settings request earlier than this is a poll, not a boot.
    pub boot_at_least: TimeDelta,
    /// From leaving to the first request or REGISTER.
    pub boot: TimeDelta,
    /// From the first byte of the image to the last.
    pub fetch: TimeDelta,
    /// From the last byte of the image to the next sign of life.
    pub flash: TimeDelta,
    /// Least time between two NOTIFYs to one phone.
    pub gap: TimeDelta,
}

impl Timing {
    /// What a whole trip takes: the window must still hold this much when it starts.
    pub fn whole_trip(&self, boots: u8, with_image: bool) -> TimeDelta {
        let image = if with_image { self.fetch + self.flash } else { TimeDelta::zero() };
        self.boot * i32::from(boots) + image
    }
}
