//! Calendars, and beside them what each means told a second time: by walking along a wall clock minute after minute.
//!
//! The walk never asks when a wall-clock time is. It looks at what the clock shows, notices when it reaches a time for
//! the first time and when it has left one behind for good, and knows of dates only by counting days. The benchmark and
//! the tests share this file; it shares nothing with the calendar but the zone's offset at an instant.

use chrono::{NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use sipherd::domain::policy::{Blackout, BlackoutDates, Calendar, EVERY_DAY, Lasts, Window};

use chrono::Weekday::{Fri, Mon, Sun, Thu, Tue, Wed};

const DAY: i32 = 1_440;

/// Local days are counted from Monday 1 December 2025.
const FIRST_DAY: i32 = 20_423;

/// Local days that are known of, to the spring of 2029.
const DAYS: usize = 1_220;

/// The walk begins so many minutes before what is asked about, for windows that are open already.
const RUN_IN: i64 = 10 * 1_440;

/// It ends so many minutes after, to know what the clock shows again.
const RUN_OUT: i64 = 3 * 1_440;

/// The calendars, with names for reports. The number of each is its bit in [`Clock::inside`].
pub fn calendars() -> [(&'static str, Calendar); 6] {
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").unwrap();
    let date = |text: &str| text.parse::<NaiveDate>().unwrap();
    let until = |days: &[chrono::Weekday], from, to| Window::weekly(days, time(from), Lasts::Until(time(to)));
    let cron = |text: &str, minutes| Window::cron(text.parse().unwrap(), TimeDelta::minutes(minutes));
    let yearly = |from, to| Blackout::of(BlackoutDates::Yearly { from, to });
    let range = |from, to| Blackout::of(BlackoutDates::Range { from: date(from), to: date(to) });
    let dark = |windows, blackouts| Calendar { blackouts, ..Calendar::of(windows) };
    [
        (
            "weekday nights without Christmas, a fortnight in August and leap days",
            dark(
                vec![until(&[Mon, Tue, Wed, Thu, Fri], "22:00", "05:00")],
                vec![yearly((12, 20), (1, 6)), range("2027-08-02", "2027-08-15"), yearly((2, 29), (2, 29))],
            ),
        ),
        (
            "every day in the hours that clocks change",
            Calendar::of(vec![
                until(&EVERY_DAY, "01:30", "02:30"),
                until(&EVERY_DAY, "23:40", "00:10"),
                until(&EVERY_DAY, "02:10", "02:50"),
            ]),
        ),
        (
            "sixty hours from Sunday, without Mondays in May",
            dark(
                vec![Window::weekly([Sun], time("02:30"), Lasts::For(TimeDelta::hours(60)))],
                vec![range("2026-05-04", "2026-05-04"), range("2028-03-26", "2028-03-27")],
            ),
        ),
        (
            "by cron, every twenty minutes too",
            Calendar::of(vec![cron("30 1 * * sun", 240), cron("*/20 0-3 13 * fri", 10)]),
        ),
        (
            "five hours of every night, not at Christmas",
            dark(vec![Window::hours(vec![22, 23, 0, 1, 2], EVERY_DAY)], vec![yearly((12, 24), (12, 26))]),
        ),
        (
            "four hours of Sundays and Mondays",
            Calendar::of(vec![Window::hours(vec![0, 1, 2, 3], [Sun, Mon])]),
        ),
    ]
}

/// Something that opens at wall-clock times.
struct Opener {
    /// The calendar's number.
    calendar: usize,
    days: fn(&Date) -> bool,
    minutes: fn(i32) -> bool,
    lasts: Span,
}

enum Span {
    /// To the wall-clock time so many minutes later.
    Wall(i32),
    /// For so many minutes.
    Elapsed(i32),
}

struct Date {
    year: i32,
    month: i32,
    day: i32,
    /// Monday is 0.
    weekday: i32,
}

const OPENERS: [Opener; 7] = [
    Opener { calendar: 0, days: |d| d.weekday < 5, minutes: |m| m == 22 * 60, lasts: Span::Wall(7 * 60) },
    Opener { calendar: 1, days: |_| true, minutes: |m| m == 90, lasts: Span::Wall(60) },
    Opener { calendar: 1, days: |_| true, minutes: |m| m == 23 * 60 + 40, lasts: Span::Wall(30) },
    Opener { calendar: 1, days: |_| true, minutes: |m| m == 130, lasts: Span::Wall(40) },
    Opener { calendar: 2, days: |d| d.weekday == 6, minutes: |m| m == 150, lasts: Span::Elapsed(60 * 60) },
    Opener { calendar: 3, days: |d| d.weekday == 6, minutes: |m| m == 90, lasts: Span::Elapsed(240) },
    Opener {
        calendar: 3,
        days: |d| d.day == 13 || d.weekday == 4,
        minutes: |m| m < 240 && m % 20 == 0,
        lasts: Span::Elapsed(10),
    },
];

/// Whether the calendar of this number is open while the clock shows this hour of this day, whatever opened before.
fn by_the_hour(calendar: usize, date: &Date, hour: i32) -> bool {
    match calendar {
        4 => hour >= 22 || hour < 3,
        5 => hour < 4 && (date.weekday == 6 || date.weekday == 0),
        _ => false,
    }
}

/// Whether nothing happens by the calendar of this number on this day.
fn dark(calendar: usize, date: &Date) -> bool {
    let Date { year, month, day, .. } = *date;
    match calendar {
        0 => {
            month == 12 && day >= 20
                || month == 1 && day <= 6
                || month == 2 && day == 29
                || year == 2027 && month == 8 && (2..=15).contains(&day)
        }
        2 => year == 2026 && month == 5 && day == 4 || year == 2028 && month == 3 && (day == 26 || day == 27),
        4 => month == 12 && (24..=26).contains(&day),
        _ => false,
    }
}

/// What holds on each local day and at each minute of a day, worked out once.
pub struct Tables {
    /// Which openers may open, by day and by minute of the day.
    opens_on: Vec<u8>,
    opens_at: Vec<u8>,
    /// Which calendars are open, by day and hour.
    hours: Vec<[u8; 24]>,
    /// Which calendars are not dark.
    bright: Vec<u8>,
}

impl Tables {
    /// The tables of all days.
    pub fn new() -> Self {
        let mut tables = Self { opens_on: vec![], opens_at: vec![], hours: vec![], bright: vec![] };
        let mut date = Date { year: 2025, month: 12, day: 1, weekday: 0 };
        for _ in 0..DAYS {
            let bits = |n: usize, holds: &dyn Fn(usize) -> bool| {
                (0..n).filter(|i| holds(*i)).fold(0, |set, i| set | 1 << i)
            };
            tables.opens_on.push(bits(OPENERS.len(), &|i| (OPENERS[i].days)(&date)));
            tables.bright.push(bits(6, &|calendar| !dark(calendar, &date)));
            let mut hours = [0; 24];
            for (hour, set) in (0..).zip(&mut hours) {
                *set = bits(6, &|calendar| by_the_hour(calendar, &date, hour));
            }
            tables.hours.push(hours);
            date.step();
        }
        for minute in 0..DAY {
            let at = (0..OPENERS.len()).filter(|i| (OPENERS[*i].minutes)(minute));
            tables.opens_at.push(at.fold(0, |set, i| set | 1 << i));
        }
        tables
    }
}

impl Date {
    fn step(&mut self) {
        let length = match self.month {
            2 if self.year % 4 == 0 => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        self.weekday = (self.weekday + 1) % 7;
        self.day += 1;
        if self.day > length {
            (self.day, self.month) = (1, self.month + 1);
        }
        if self.month > 12 {
            (self.month, self.year) = (1, self.year + 1);
        }
    }
}

/// What a zone's wall clock shows, minute by minute, counted in minutes.
pub struct Clock {
    wall: Vec<i32>,
}

impl Clock {
    /// The clock from one instant to another (minutes since 1970), and a little around.
    pub fn new(zone: Tz, start: i64, end: i64) -> Self {
        let offset = |minute: i64| {
            let at = chrono::DateTime::from_timestamp(minute * 60, 0).unwrap().naive_utc();
            let seconds = zone.offset_from_utc_datetime(&at).fix().local_minus_utc();
            assert_eq!(seconds % 60, 0, "{zone} at {at}");
            seconds / 60
        };
        let (start, end) = (start - RUN_IN, end + RUN_OUT);
        let mut wall = Vec::with_capacity(usize::try_from(end - start).unwrap());
        let show = |minute: i64, offset: i32| i32::try_from(minute).unwrap() + offset;
        let (mut at, mut now) = (start, offset(start));
        // Between two quarters with the same offset no clock is set and set back.
        while at < end {
            let next = (at + 15).min(end);
            let then = offset(next);
            if then == now {
                wall.extend((at..next).map(|minute| show(minute, now)));
            } else {
                wall.extend((at..next).map(|minute| show(minute, offset(minute))));
            }
            (at, now) = (next, then);
        }
        Self { wall }
    }

    /// Whether each minute is inside, one bit for each calendar.
    pub fn inside(&self, tables: &Tables) -> Vec<u8> {
        let wall = &self.wall;
        // The earliest time that the clock shows at a minute or ever after it.
        let mut lowest = wall.clone();
        for minute in (1..wall.len()).rev() {
            lowest[minute - 1] = lowest[minute - 1].min(lowest[minute]);
        }
        let from = usize::try_from(RUN_IN).unwrap();
        let to = wall.len() - usize::try_from(RUN_OUT).unwrap();
        let mut inside = Vec::with_capacity(to - from);
        // By opener: the wall-clock time at which it closes, or the minute.
        let mut closes = [i32::MIN; OPENERS.len()];
        let mut highest = wall[0] - 1;
        let day_of = |shown: i32| usize::try_from(shown.div_euclid(DAY) - FIRST_DAY).unwrap();
        let minute_of = |shown: i32| usize::try_from(shown.rem_euclid(DAY)).unwrap();
        let (mut day, mut minute_of_day, mut last) = (day_of(wall[0]), minute_of(wall[0]), wall[0] - 1);
        for (minute, (shown, lowest)) in wall[..to].iter().copied().zip(lowest).enumerate() {
            if shown == last + 1 && minute_of_day + 1 < 1_440 && minute > 0 {
                minute_of_day += 1;
            } else {
                (day, minute_of_day) = (day_of(shown), minute_of(shown));
            }
            last = shown;
            let passed = i32::try_from(minute).unwrap();
            // Times the clock reaches, or jumps over, for the first time.
            for reached in highest + 1..=shown {
                let (on, at) = if reached == shown {
                    (day, minute_of_day)
                } else {
                    (day_of(reached), minute_of(reached))
                };
                let opening = tables.opens_on[on] & tables.opens_at[at];
                if opening == 0 {
                    continue;
                }
                for (i, opener) in OPENERS.iter().enumerate().filter(|(i, _)| opening >> i & 1 == 1) {
                    closes[i] = match opener.lasts {
                        Span::Wall(length) => reached + length,
                        Span::Elapsed(length) => passed + length,
                    };
                }
            }
            highest = highest.max(shown);
            if minute < from {
                continue;
            }
            let mut open = tables.hours[day][minute_of_day / 60];
            for (opener, closes) in OPENERS.iter().zip(closes) {
                let still = match opener.lasts {
                    Span::Wall(_) => lowest < closes,
                    Span::Elapsed(_) => passed < closes,
                };
                open |= u8::from(still) << opener.calendar;
            }
            inside.push(open & tables.bright[day]);
        }
        inside
    }
}
