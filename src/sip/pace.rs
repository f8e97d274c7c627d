//! Spreads requests over time, so that no burst overflows a socket buffer on the way.

use std::time::Duration;

use tokio::time::Instant;

/// Lets so many through a second, and a hundredth of that at once.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two at an even pace.
    interval: Duration,
    /// How far ahead of the even pace it may run.
    ahead: Duration,
    /// When the next one would be due at an even pace.
    next: Instant,
}

impl Pace {
    /// At most `per_second`, which is at least 1.
    pub fn new(per_second: u32, now: Instant) -> Self {
        let per_second = per_second.max(1);
        let interval = Duration::from_secs(1) / per_second;
        Self { interval, ahead: interval * ((per_second / 100).clamp(1, 64) - 1), next: now }
    }

    /// Takes one if it may go now; else when to ask again.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if self.next > now + self.ahead {
            return Err(self.next - self.ahead);
        }
        self.next = self.next.max(now) + self.interval;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many go in so many milliseconds when asked as soon as allowed.
    fn count(per_second: u32, millis: u64) -> u32 {
        let start = Instant::now();
        let (mut pace, mut now, mut count) = (Pace::new(per_second, start), start, 0);
        while now < start + Duration::from_millis(millis) {
            match pace.take(now) {
                Ok(()) => count += 1,
                Err(later) => now = later,
            }
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_with_a_small_burst() {
        assert_eq!(count(10, 1000), 10);
        assert_eq!(count(1000, 1000), 1009);
        assert_eq!(count(1, 3500), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_does_not_save_up_a_burst() {
        let start = Instant::now();
        let mut pace = Pace::new(100, start);
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.take(later), Ok(()));
        assert!(pace.take(later).is_err());
    }
}
