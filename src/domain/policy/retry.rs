//! What happens after a failure.

use std::sync::Arc;

use chrono::TimeDelta;

/// How often, and how soon, a failed phone is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Trips in all for one phone and one target, the first included; 1 means no second try.
    pub attempts: u32,
    /// The pause after the first failure; doubled after each further one.
    pub backoff: TimeDelta,
    /// The pause is longer by up to so many of a hundred; how much depends on MAC and attempt alone.
    pub jitter_percent: u8,
    /// Failures after which there is no further try, by their slugs.
    pub not_after: Vec<Arc<str>>,
    /// A phone without attempts left is let out after this time, all attempts before it; `None` leaves it to a person.
    pub penalty: Option<TimeDelta>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: TimeDelta::minutes(10),
            jitter_percent: 10,
            not_after: Vec::new(),
            penalty: None,
        }
    }
}
