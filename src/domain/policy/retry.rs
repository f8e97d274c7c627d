//! What happens after a failure.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::lot::{lot, share_of};
use crate::domain::phone::Mac;

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

impl Retry {
    /// The pause after the failed trip of this number (1 for the first): doubled each time, and longer by a share that
    /// looks random, so that phones that failed together do not come back together.
    ///
    /// It depends on MAC and number alone: a restart changes nothing.
    pub fn pause(&self, mac: Mac, attempt: u32) -> TimeDelta {
        let doubled = self.backoff * 2_i32.pow(attempt.saturating_sub(1).min(10));
        let most = i128::from(doubled.num_milliseconds()) * i128::from(self.jitter_percent) / 100;
        let jitter = share_of(lot(mac, u64::from(attempt)), u64::try_from(most).unwrap_or(0));
        doubled + TimeDelta::milliseconds(i64::try_from(jitter).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(n: u8) -> Mac {
        Mac::new([0, 4, 0x13, 0, 0, n])
    }

    #[test]
    fn the_pause_doubles_and_its_jitter_stays_in_its_bounds() {
        let retry = Retry { jitter_percent: 20, ..Retry::default() };
        for attempt in 1..=4 {
            let least = TimeDelta::minutes(10) * 2_i32.pow(attempt - 1);
            let pauses: Vec<TimeDelta> = (0..=255).map(|n| retry.pause(mac(n), attempt)).collect();
            assert!(pauses.iter().all(|pause| (least..=least * 6 / 5).contains(pause)));
            // All over the range, not at one end of it.
            let early = pauses.iter().filter(|pause| **pause < least * 11 / 10).count();
            assert!((96..=160).contains(&early), "{early} of 256");
        }
    }

    #[test]
    fn the_pause_of_one_phone_is_always_the_same() {
        let retry = Retry { jitter_percent: 100, ..Retry::default() };
        // Written down: another version of sipherd must answer the same after a restart.
        assert_eq!(retry.pause(mac(1), 1), TimeDelta::milliseconds(753_159));
        assert_eq!(retry.pause(mac(1), 2), TimeDelta::milliseconds(1_628_247));
        let without = Retry { jitter_percent: 0, ..Retry::default() };
        assert_eq!(without.pause(mac(1), 3), TimeDelta::minutes(40));
    }
}
