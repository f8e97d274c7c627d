//! Windows by trying every minute: slow, and blind to how the calendar does it.

use std::collections::BTreeMap;

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;
use sipherd::domain::policy::{Lasts, Opens, Window};

/// What the wall clock shows at each minute of a stretch; the oracle knows of zones only through this list.
pub struct Walk {
    /// Its first minute.
    pub start: DateTime<Utc>,
    /// What the clock shows, minute by minute.
    pub wall: Vec<NaiveDateTime>,
    /// The first minute of each local day.
    days: BTreeMap<NaiveDate, usize>,
}

impl Walk {
    /// A week before and after an instant.
    pub fn around(zone: Tz, instant: DateTime<Utc>) -> Self {
        let (start, end) = (instant - TimeDelta::days(7), instant + TimeDelta::days(7));
        let minutes = (end - start).num_minutes();
        let shown =
            |minute| zone.from_utc_datetime(&(start + TimeDelta::minutes(minute)).naive_utc()).naive_local();
        let wall: Vec<NaiveDateTime> = (0..minutes).map(shown).collect();
        let mut days = BTreeMap::new();
        for (minute, shown) in wall.iter().enumerate() {
            days.entry(shown.date()).or_insert(minute);
        }
        Self { start, wall, days }
    }

    /// The first minute at which the clock has reached this time.
    fn reached(&self, time: NaiveDateTime) -> Option<usize> {
        let from = *self.days.get(&time.date())?;
        self.wall[from..].iter().position(|shown| *shown >= time).map(|minute| from + minute)
    }

    /// The last minute at which the clock shows this time, or else the first after it has gone past.
    fn past(&self, time: NaiveDateTime) -> Option<usize> {
        let next = *self.days.get(&(time.date() + Days::new(2)))?;
        match self.wall[..next].iter().rposition(|shown| *shown <= time) {
            Some(last) if self.wall[last] == time => Some(last),
            Some(last) => Some(last + 1),
            None => Some(0),
        }
    }

    /// Whether each minute lies inside one of the windows.
    pub fn inside(&self, windows: &[Window]) -> Vec<bool> {
        let mut inside = vec![false; self.wall.len()];
        for window in windows {
            if let Opens::Hours { hours, days } = &window.opens {
                for (inside, shown) in inside.iter_mut().zip(&self.wall) {
                    *inside |= hours.contains(&shown.hour()) && days.contains(&shown.weekday());
                }
            }
            for day in self.days.keys() {
                for from in starts(window, *day) {
                    let Some(start) = self.reached(day.and_time(from)) else { continue };
                    let end = match &window.opens {
                        Opens::Weekly { lasts: Lasts::For(length), .. } | Opens::Cron { length, .. } => {
                            start + usize::try_from(length.num_minutes()).unwrap()
                        }
                        Opens::Weekly { lasts: Lasts::Until(to), .. } => {
                            let last = if *to > from { *day } else { *day + Days::new(1) };
                            self.past(last.and_time(*to)).unwrap_or(inside.len())
                        }
                        Opens::Hours { .. } => continue,
                    };
                    let end = end.min(inside.len());
                    if start < end {
                        inside[start..end].fill(true);
                    }
                }
            }
        }
        inside
    }
}

/// The wall-clock times a window opens on a day, by trying every minute.
fn starts(window: &Window, day: NaiveDate) -> Vec<NaiveTime> {
    let minutes = || (0..24 * 60).map(|m| NaiveTime::from_hms_opt(m / 60, m % 60, 0).unwrap());
    match &window.opens {
        Opens::Weekly { days, from, .. } => {
            days.iter().filter(|d| **d == day.weekday()).map(|_| *from).collect()
        }
        Opens::Hours { .. } => Vec::new(),
        Opens::Cron { cron, .. } => {
            minutes().filter(|time| matches(cron.as_str(), day.and_time(*time))).collect()
        }
    }
}

/// Whether a cron text fires at a minute: crontab(5) for numbers, ranges, steps and lists, nothing else.
fn matches(text: &str, at: NaiveDateTime) -> bool {
    let field = |text: &str, n: u32| {
        text.split(',').any(|part| {
            let (span, step) = part.split_once('/').unwrap_or((part, "1"));
            let (from, to) = match span {
                "*" => (if n == 0 { 0 } else { n.min(1) }, 99),
                span => {
                    let (from, to) = span.split_once('-').unwrap_or((span, span));
                    (from.parse().unwrap(), to.parse().unwrap())
                }
            };
            let base = if span == "*" { None } else { Some(from) };
            let step: u32 = step.parse().unwrap();
            from <= n
                && n <= to
                && base.map_or(step == 1 || n.is_multiple_of(step), |base| (n - base).is_multiple_of(step))
        })
    };
    let parts: Vec<&str> = text.split(' ').collect();
    let weekday = at.weekday().num_days_from_sunday();
    let by_date = field(parts[2], at.day());
    let by_weekday = field(parts[4], weekday) || weekday == 0 && parts[4] != "*" && field(parts[4], 7);
    let day = match (parts[2], parts[4]) {
        ("*", _) | (_, "*") => by_date && by_weekday,
        _ => by_date || by_weekday,
    };
    field(parts[0], at.minute()) && field(parts[1], at.hour()) && field(parts[3], at.month()) && day
}
