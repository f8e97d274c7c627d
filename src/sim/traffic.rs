//! Calls of a night, drawn from a seed: same seed, same calls.

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// One call to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPlan {
    /// When the caller dials, in the building's time.
    pub at: DateTime<Utc>,
    /// The caller's line.
    pub from: String,
    /// The called line, or `600` for the echo test.
    pub to: String,
    /// How long they talk once answered.
    pub lasts: TimeDelta,
}

/// Draws `count` calls between these users, dialled between `begin` and `end`, each lasting 30 s to 20 min.
///
/// Every eighth goes to the echo test. Needs at least two users and a span; otherwise there are no calls.
pub fn draw_calls(
    seed: u64,
    count: usize,
    users: &[String],
    begin: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Vec<CallPlan> {
    let span = (end - begin).num_seconds();
    if users.len() < 2 || span <= 0 {
        return Vec::new();
    }
    let mut dice = StdRng::seed_from_u64(seed);
    let mut calls: Vec<CallPlan> = (0..count)
        .map(|n| {
            let from = dice.random_range(0..users.len());
            let other = (from + dice.random_range(1..users.len())) % users.len();
            let to = if n % 8 == 7 { "600".to_owned() } else { users[other].clone() };
            CallPlan {
                at: begin + TimeDelta::seconds(dice.random_range(0..span)),
                from: users[from].clone(),
                to,
                lasts: TimeDelta::seconds(dice.random_range(30..1200)),
            }
        })
        .collect();
    calls.sort_by_key(|call| call.at);
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_calls() {
        let users: Vec<String> = (1..=9).map(|n| format!("20{n}")).collect();
        let begin = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let end = begin + TimeDelta::hours(4);
        let calls = draw_calls(7, 40, &users, begin, end);
        assert_eq!(calls, draw_calls(7, 40, &users, begin, end));
        assert_ne!(calls, draw_calls(8, 40, &users, begin, end));
        assert_eq!(calls.len(), 40);
        assert!(calls.iter().all(|call| call.from != call.to && call.at >= begin && call.at < end));
    }

    #[test]
    fn without_two_users_there_is_no_call() {
        let begin = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        assert!(draw_calls(7, 4, &["201".to_owned()], begin, begin + TimeDelta::hours(1)).is_empty());
    }
}
