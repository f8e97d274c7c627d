//! Places that come back by time: whoever starts takes some, and each is free again after the rate's period.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use crate::domain::policy::Rate;

/// The tokens of one flow that are taken.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    /// When tokens come back, in order, and how many were ever taken up to and with these.
    taken: VecDeque<(DateTime<Utc>, u64)>,
    /// How many were ever taken up to those that are forgotten.
    before: u64,
}

impl Tokens {
    /// Takes so many until then. A clock that went backwards brings no token back sooner.
    pub fn take(&mut self, weight: u32, until: DateTime<Utc>) {
        let (last, ever) = self.taken.back().copied().unwrap_or((until, self.before));
        self.taken.push_back((until.max(last), ever + u64::from(weight)));
    }

    /// Forgets what has come back by now.
    pub fn forget(&mut self, now: DateTime<Utc>) {
        while let Some((_, ever)) = self.taken.front().copied().filter(|(until, _)| *until <= now) {
            self.before = ever;
            self.taken.pop_front();
        }
    }

    /// From when on so many may be taken: `at` itself when they may be taken then. More than the rate has may be taken
    /// when all are there.
    pub fn free_from(&self, weight: u32, rate: Rate, at: DateTime<Utc>) -> DateTime<Utc> {
        let ever = self.taken.back().map_or(self.before, |(_, ever)| *ever);
        let may_be_out = u64::from(rate.count.saturating_sub(weight));
        // As many as are out behind the n-th have come back when the n-th has.
        let enough = ever.saturating_sub(may_be_out);
        if enough <= self.before {
            return at;
        }
        let n = self.taken.partition_point(|(_, up_to)| *up_to < enough);
        self.taken.get(n).map_or(at, |(until, _)| at.max(*until))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn tokens_come_back_one_by_one_and_a_heavy_phone_waits_for_all() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let rate = Rate { count: 3, per: TimeDelta::seconds(10) };
        let mut tokens = Tokens::default();
        assert_eq!(tokens.free_from(9, rate, at(0)), at(0), "all are there");
        tokens.take(1, at(10));
        tokens.take(1, at(11));
        assert_eq!(tokens.free_from(1, rate, at(1)), at(1));
        assert_eq!(tokens.free_from(2, rate, at(1)), at(10));
        tokens.take(1, at(12));
        assert_eq!(tokens.free_from(1, rate, at(2)), at(10));
        assert_eq!(tokens.free_from(2, rate, at(2)), at(11));
        assert_eq!(tokens.free_from(9, rate, at(2)), at(12));
        assert_eq!(tokens.free_from(2, rate, at(11)), at(11), "before anything is forgotten");
        tokens.forget(at(11));
        assert_eq!(tokens.free_from(2, rate, at(11)), at(11));
        assert_eq!(tokens.free_from(3, rate, at(11)), at(12));
        tokens.forget(at(12));
        assert_eq!(tokens.free_from(9, rate, at(12)), at(12));
        tokens.take(9, at(22));
        assert_eq!(tokens.free_from(1, rate, at(13)), at(22));
    }
}
