//! The time of day, asked for through one trait.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The only way to the time of day.
///
/// Policies, trips and history live in this time; SIP transaction timers run on tokio's clock.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;

    /// How long tokio's clock runs until this instant; zero when it has passed.
    ///
    /// Not `instant - now()`: the clock of the demonstration runs faster than tokio's.
    fn until(&self, instant: DateTime<Utc>) -> Duration;
}
