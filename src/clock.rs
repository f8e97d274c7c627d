//! The only place that reads the time of day.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::ports::Clock;

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn until(&self, instant: DateTime<Utc>) -> Duration {
        (instant - self.now()).to_std().unwrap_or(Duration::ZERO)
    }
}

/// A clock that starts at a chosen instant and runs with tokio's, so many times faster.
///
/// Under `#[tokio::test(start_paused = true)]` calendar and timers move together; the demonstration compresses a
/// night with it.
#[derive(Debug, Clone, Copy)]
pub struct ScaledClock {
    epoch: DateTime<Utc>,
    started: Instant,
    speed: u32,
}

impl ScaledClock {
    /// A clock that shows `epoch` now and runs `speed` times as fast as tokio's (1 or more).
    pub fn starting_at(epoch: DateTime<Utc>, speed: u32) -> Self {
        Self { epoch, started: Instant::now(), speed: speed.max(1) }
    }

    /// How many of its seconds pass in one second.
    pub fn speed(&self) -> u32 {
        self.speed
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.started.elapsed()).unwrap_or(TimeDelta::MAX);
        self.epoch + elapsed * i32::try_from(self.speed).unwrap_or(i32::MAX)
    }

    fn until(&self, instant: DateTime<Utc>) -> Duration {
        (instant - self.now()).to_std().unwrap_or(Duration::ZERO) / self.speed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calendar_and_timers_move_together() {
        let epoch = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let clock = ScaledClock::starting_at(epoch, 60);
        tokio::time::sleep(clock.until(epoch + TimeDelta::hours(6))).await;
        assert_eq!(clock.now(), epoch + TimeDelta::hours(6));
    }
}
