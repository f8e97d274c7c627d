//! The calls of working days, hour by hour, drawn from a seed: same seed, same calls.

use std::collections::VecDeque;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::domain::forecast::Call;
use crate::domain::phone::LineId;

/// How much of the busiest hour's traffic each hour of a working day has.
const CURVE: [f64; 24] = [
    0.01, 0.01, 0.01, 0.01, 0.01, 0.02, 0.06, 0.30, 0.75, 1.00, 1.00, 0.95, 0.60, 0.75, 0.95, 0.95, 0.80,
    0.45, 0.20, 0.12, 0.08, 0.05, 0.03, 0.02,
];

/// How much of a working day's traffic a Saturday or Sunday has.
const WEEKEND: f64 = 0.1;

/// Of a hundred calls so many have another phone of the building at their far end.
const INSIDE: u32 = 35;

/// The mean length of a call, ringing included, and the longest, in seconds.
const MEAN_SECONDS: f64 = 165.0;
const MOST_SECONDS: f64 = 7_200.0;

/// The calls of some time at some lines, in the order of their beginnings.
pub struct Days {
    lines: Vec<LineId>,
    per_hour: f64,
    zone: Tz,
    next: DateTime<Utc>,
    until: DateTime<Utc>,
    dice: StdRng,
    ready: VecDeque<Call>,
}

impl Days {
    /// Calls at these lines, each of which has `per_hour` of them in the busiest hour as clocks in the zone show it.
    pub fn new(
        lines: Vec<LineId>,
        per_hour: f64,
        zone: Tz,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        seed: u64,
    ) -> Self {
        let dice = StdRng::seed_from_u64(seed);
        Self { lines, per_hour, zone, next: from, until, dice, ready: VecDeque::new() }
    }

    /// Draws the calls of the next hour.
    fn draw(&mut self) {
        let local = self.next.with_timezone(&self.zone);
        let day = if matches!(local.weekday(), Weekday::Sat | Weekday::Sun) { WEEKEND } else { 1.0 };
        let hour = CURVE.get(local.hour() as usize).copied().unwrap_or(0.0);
        let expected = self.per_hour * self.lines.len() as f64 * hour * day;
        // The part behind the point decides about one call more.
        let count = expected as u64 + u64::from(self.dice.random_bool(expected.fract().clamp(0.0, 1.0)));
        let mut calls = Vec::new();
        for _ in 0..count {
            let from = self.next + TimeDelta::seconds(self.dice.random_range(0..3_600));
            let luck: f64 = self.dice.random_range(f64::EPSILON..1.0);
            let lasts = (5.0 - luck.ln() * MEAN_SECONDS).min(MOST_SECONDS);
            let until = from + TimeDelta::seconds(lasts as i64);
            let one = self.dice.random_range(0..self.lines.len());
            calls.push(Call { line: self.lines[one].clone(), from, until });
            if self.lines.len() > 1 && self.dice.random_ratio(INSIDE, 100) {
                let other = (one + self.dice.random_range(1..self.lines.len())) % self.lines.len();
                calls.push(Call { line: self.lines[other].clone(), from, until });
            }
        }
        calls.sort_by_key(|call| call.from);
        self.ready.extend(calls);
        self.next += TimeDelta::hours(1);
    }
}

impl Iterator for Days {
    type Item = Call;

    fn next(&mut self) -> Option<Call> {
        while self.ready.is_empty() && self.next < self.until && !self.lines.is_empty() {
            self.draw();
        }
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::PbxName;

    #[test]
    fn a_working_day_has_its_curve_and_a_seed_its_calls() {
        let lines: Vec<LineId> = (0..50)
            .map(|n| LineId { pbx: PbxName::new("pbx1"), user: format!("{}", 200 + n).into() })
            .collect();
        let monday: DateTime<Utc> = "2026-11-23T00:00:00+01:00".parse().unwrap();
        let days = |seed| {
            let until = monday + TimeDelta::days(1);
            Days::new(lines.clone(), 4.0, chrono_tz::Europe::Berlin, monday, until, seed).collect::<Vec<_>>()
        };
        let calls = days(1);
        assert_eq!(calls, days(1));
        assert_ne!(calls, days(2));
        assert!(calls.is_sorted_by_key(|call| call.from));
        assert!(calls.iter().all(|call| call.until > call.from));
        let at = |hour: i64| {
            let from = monday + TimeDelta::hours(hour);
            calls.iter().filter(|call| (from..from + TimeDelta::hours(1)).contains(&call.from)).count()
        };
        assert!((200..=310).contains(&at(9)), "{} at nine", at(9));
        assert!(at(3) < 10, "{} at three", at(3));
    }
}
