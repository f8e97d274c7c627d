//! The five-field cron text administrators know: minute, hour, day of month, month, weekday.

use std::str::FromStr;
use std::sync::Arc;

use ::cron::{Schedule, TimeUnitSpec};
use chrono::{Datelike, NaiveDate, NaiveTime};

/// A cron text, read once and kept as sets of bits.
///
/// Weekdays are numbered as in crontab(5): Sunday is 0, 7 or `sun`. Where day of month and weekday are both
/// restricted (neither begins with `*`), a day that matches either is meant, as in every cron since Version 7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: Arc<str>,
    minutes: u64,
    hours: u32,
    days: u32,
    months: u16,
    weekdays: u8,
    either: bool,
}

/// The text is not a cron text, or never fires.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotACron {
    /// Not five fields.
    #[error("a cron text has five fields (minute hour day-of-month month weekday), this one has {found}")]
    Fields {
        /// How many there are.
        found: usize,
    },
    /// One field cannot be read.
    #[error("`{text}` is not a cron {field}: {hint}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// Its text.
        text: String,
        /// What would do.
        hint: String,
    },
    /// No such day exists: 30 February.
    #[error("this cron text never fires: no such day exists")]
    Never,
}

/// A field: its name, its least and greatest number, and the names of its numbers.
struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of month", least: 1, most: 31, names: &[] },
    Field {
        name: "month",
        least: 1,
        most: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    Field { name: "weekday", least: 0, most: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

impl Cron {
    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it fires on this local day.
    pub fn fires_on(&self, day: NaiveDate) -> bool {
        let by_date = self.days >> day.day() & 1 == 1;
        let by_weekday = self.weekdays >> day.weekday().num_days_from_sunday() & 1 == 1;
        self.fires_in_month(day) && if self.either { by_date || by_weekday } else { by_date && by_weekday }
    }

    /// Whether it can fire in this day's month at all.
    pub fn fires_in_month(&self, day: NaiveDate) -> bool {
        self.months >> day.month() & 1 == 1
    }

    /// The wall-clock times at which it fires on a day it fires on, in order.
    pub fn times(&self) -> impl Iterator<Item = NaiveTime> + '_ {
        let minutes = |hour| {
            (0..60)
                .filter(|minute| self.minutes >> minute & 1 == 1)
                .filter_map(move |minute| NaiveTime::from_hms_opt(hour, minute, 0))
        };
        (0..24).filter(|hour| self.hours >> hour & 1 == 1).flat_map(minutes)
    }
}

impl FromStr for Cron {
    type Err = NotACron;

    fn from_str(text: &str) -> Result<Self, NotACron> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(NotACron::Fields { found: fields.len() });
        };
        let [minute_field, hour_field, day_field, month_field, weekday_field] = &FIELDS;
        let minutes = minute_field.numbers(minute)?;
        let hours = hour_field.numbers(hour)?;
        let days = day_field.numbers(day)?;
        let months = month_field.numbers(month)?;
        let mut weekdays = weekday_field.numbers(weekday)?;
        weekdays = (weekdays | weekdays >> 7) & 0x7f;
        let schedule = schedule(minutes, hours, days, months, weekdays).ok_or(NotACron::Never)?;
        let cron = Self {
            text: fields.join(" ").into(),
            minutes: bits(schedule.minutes(), 0),
            hours: bits(schedule.hours(), 0) as u32,
            days: bits(schedule.days_of_month(), 0) as u32,
            months: bits(schedule.months(), 0) as u16,
            weekdays: bits(schedule.days_of_week(), 1) as u8,
            either: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        // Weekdays fall on the same dates again after 28 years.
        let first = NaiveDate::from_ymd_opt(2024, 1, 1).ok_or(NotACron::Never)?;
        if first.iter_days().take(28 * 366).any(|day| cron.fires_on(day)) {
            Ok(cron)
        } else {
            Err(NotACron::Never)
        }
    }
}

/// Hands sets of numbers to the cron crate in its own form: seconds first, Sunday = 1.
fn schedule(minutes: u64, hours: u64, days: u64, months: u64, weekdays: u64) -> Option<Schedule> {
    let list = |set: u64, shift: u32| {
        (0..64).filter(|n| set >> n & 1 == 1).map(|n| (n + shift).to_string()).collect::<Vec<_>>().join(",")
    };
    let text = format!(
        "0 {} {} {} {} {}",
        list(minutes, 0),
        list(hours, 0),
        list(days, 0),
        list(months, 0),
        list(weekdays, 1)
    );
    text.parse().ok()
}

/// The numbers of a unit of the crate's schedule as bits, `shift` taken off.
fn bits(unit: &impl TimeUnitSpec, shift: u32) -> u64 {
    unit.iter().fold(0, |set, n| set | 1 << (n - shift))
}

impl Field {
    /// Reads a whole field: `*`, numbers, names, ranges, steps, lists.
    fn numbers(&self, text: &str) -> Result<u64, NotACron> {
        let mut set = 0;
        for part in text.split(',') {
            let wrong = |hint: String| NotACron::Field { field: self.name, text: part.to_owned(), hint };
            let (span, step) = match part.split_once('/') {
                None => (part, 1),
                Some((span, step)) => {
                    let step: u8 = number(step)
                        .filter(|n| (1..=self.most).contains(n))
                        .ok_or_else(|| wrong(format!("the step is a number from 1 to {}", self.most)))?;
                    if span != "*" && !span.contains('-') {
                        return Err(wrong(format!("a step needs a range: `{span}-{}/{step}`", self.most)));
                    }
                    (span, step)
                }
            };
            let (from, to) = if span == "*" {
                (self.least, if self.most == 7 { 6 } else { self.most })
            } else {
                let one = |text| self.number(text).ok_or_else(|| wrong(self.hint()));
                match span.split_once('-') {
                    None => (one(span)?, one(span)?),
                    Some((from, to)) => (one(from)?, self.end(one(from)?, one(to)?)),
                }
            };
            if from > to {
                return Err(wrong("the range runs backwards; write it as two, joined by a comma".to_owned()));
            }
            set |= (from..=to).step_by(usize::from(step)).fold(0, |set, n| set | 1 << n);
        }
        Ok(set)
    }

    /// The end of a range; `fri-sun` means Sunday as the seventh day.
    fn end(&self, from: u8, to: u8) -> u8 {
        if self.most == 7 && to == 0 && from > 0 { 7 } else { to }
    }

    /// One number, or the name of one.
    fn number(&self, text: &str) -> Option<u8> {
        let named = self.names.iter().zip(self.least..).find(|(name, _)| name.eq_ignore_ascii_case(text));
        match named {
            Some((_, n)) => Some(n),
            None => number(text).filter(|n| (self.least..=self.most).contains(n)),
        }
    }

    fn hint(&self) -> String {
        let numbers = format!("it takes numbers from {} to {}", self.least, self.most);
        match (self.names.first(), self.names.last()) {
            (Some(first), Some(last)) => format!("{numbers} and names from `{first}` to `{last}`"),
            _ => numbers,
        }
    }
}

/// A number of digits only: no sign.
fn number(text: &str) -> Option<u8> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(text: &str, month: u32) -> Vec<u32> {
        let cron: Cron = text.parse().unwrap();
        let first = NaiveDate::from_ymd_opt(2026, month, 1).unwrap();
        first
            .iter_days()
            .take_while(|d| d.month() == month)
            .filter(|d| cron.fires_on(*d))
            .map(|d| d.day())
            .collect()
    }

    #[test]
    fn sunday_is_nought_seven_or_its_name() {
        for text in ["0 1 * * 0", "0 1 * * 7", "0 1 * * sun", "0 1 * * SUN"] {
            assert_eq!(days(text, 11), [1, 8, 15, 22, 29], "{text}");
        }
        assert_eq!(days("0 1 * * 1-5", 11)[..6], [2, 3, 4, 5, 6, 9]);
        assert_eq!(days("0 1 * * fri-sun", 11)[..4], [1, 6, 7, 8]);
        assert_eq!(days("0 1 * * 5-7", 11)[..4], [1, 6, 7, 8]);
    }

    #[test]
    fn a_day_that_matches_date_or_weekday_is_meant_when_both_are_restricted() {
        assert_eq!(days("0 1 13 * fri", 11), [6, 13, 20, 27]);
        assert_eq!(days("0 1 1 * 1", 11), [1, 2, 9, 16, 23, 30]);
        assert_eq!(days("0 1 */2 * mon", 11), [9, 23], "a field that begins with a star does not restrict");
        assert_eq!(days("0 1 13 * *", 11), [13]);
    }

    #[test]
    fn times_come_in_order() {
        let cron: Cron = "*/30 22-23,4 * * *".parse().unwrap();
        let times: Vec<String> = cron.times().map(|t| t.format("%H:%M").to_string()).collect();
        assert_eq!(times, ["04:00", "04:30", "22:00", "22:30", "23:00", "23:30"]);
    }

    #[test]
    fn what_cannot_be_read_is_explained_in_crontab_terms() {
        for (text, expected) in [
            (
                "0 1 * *",
                "a cron text has five fields (minute hour day-of-month month weekday), this one has 4",
            ),
            ("60 1 * * *", "`60` is not a cron minute: it takes numbers from 0 to 59"),
            (
                "0 1 * * 8",
                "`8` is not a cron weekday: it takes numbers from 0 to 7 and names from `sun` to `sat`",
            ),
            (
                "0 22-4 * * *",
                "`22-4` is not a cron hour: the range runs backwards; write it as two, joined by a comma",
            ),
            ("5/15 1 * * *", "`5/15` is not a cron minute: a step needs a range: `5-59/15`"),
            ("0 1 30 2 *", "this cron text never fires: no such day exists"),
            ("+5 1 * * *", "`+5` is not a cron minute: it takes numbers from 0 to 59"),
            (" 1 , * * *", "`` is not a cron hour: it takes numbers from 0 to 23"),
        ] {
            let error = text.parse::<Cron>().unwrap_err().to_string();
            assert_eq!(error.replace("month weekday), this one has 5", ""), expected, "{text}");
        }
        assert!("0 1 29 2 *".parse::<Cron>().is_ok());
    }
}
