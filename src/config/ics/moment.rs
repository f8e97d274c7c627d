//! Dates, times and lengths as iCalendar writes them (RFC 5545, 3.3.4 to 3.3.6).

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::lines::Line;
use crate::config::raw::Complaint;
use crate::config::value;
use crate::domain::policy::wall_clock::first_instant;

/// Whose clock a date or time is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// A whole day, by the clock of whoever asks.
    Day,
    /// A time by the clock of whoever asks.
    Floating,
    /// A time in this zone.
    Zone(Tz),
}

/// A date or a time; of a date the time is midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub wall: NaiveDateTime,
    pub frame: Frame,
}

/// A length: whole days by the calendar, and a rest in elapsed time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Length {
    pub days: i64,
    pub rest: TimeDelta,
}

/// The zones that the file itself names, by the name it gives them.
pub(super) type Zones = BTreeMap<String, Tz>;

impl Moment {
    /// When it is; nobody's clock in particular is taken for that of UTC.
    pub fn instant(&self) -> Option<DateTime<Utc>> {
        match self.frame {
            Frame::Day | Frame::Floating => Some(self.wall.and_utc()),
            Frame::Zone(zone) => first_instant(self.wall, zone),
        }
    }

    /// What the clock of another moment shows at this one. Days and floating times are what they are by any clock.
    pub fn by(&self, frame: Frame) -> NaiveDateTime {
        match (self.frame, frame) {
            (Frame::Zone(own), Frame::Zone(other)) if own != other => {
                self.instant().map_or(self.wall, |at| at.with_timezone(&other).naive_local())
            }
            _ => self.wall,
        }
    }

    /// Whether it means the same occurrence as another: a day means all that begins on it.
    pub fn means(&self, other: &Self) -> bool {
        let wall = self.by(other.frame);
        let by_day = self.frame == Frame::Day || other.frame == Frame::Day;
        if by_day { wall.date() == other.wall.date() } else { wall == other.wall }
    }
}

/// Reads all moments of a line: a date, a time, or a list of them.
pub(super) fn moments(line: &Line, zones: &Zones) -> Result<Vec<Moment>, Complaint> {
    let zone = zone(line, zones)?;
    line.value.split(',').map(|text| moment(text, zone)).collect()
}

/// Reads the periods of an RDATE: a start, and an end or a length.
pub(super) fn periods(line: &Line, zones: &Zones) -> Result<Vec<(Moment, Length)>, Complaint> {
    let zone = zone(line, zones)?;
    let period = |text: &str| {
        let (start, end) = text.split_once('/').ok_or_else(|| wrong(text))?;
        let start = moment(start, zone)?;
        let length = if end.contains('P') { length(end)? } else { between(start, moment(end, zone)?)? };
        Ok((start, length))
    };
    line.value.split(',').map(period).collect()
}

/// How long it is from one moment to another.
pub(super) fn between(start: Moment, end: Moment) -> Result<Length, Complaint> {
    let complaint = |message: &str| Complaint::new(message, "mend the event in the program that wrote it");
    let length = match (start.frame, end.frame) {
        (Frame::Day, Frame::Day) => Length { days: (end.wall - start.wall).num_days(), ..Length::default() },
        (Frame::Floating, Frame::Floating) => Length { rest: end.wall - start.wall, ..Length::default() },
        (Frame::Zone(_), Frame::Zone(_)) => {
            let (Some(start), Some(end)) = (start.instant(), end.instant()) else {
                return Err(out_of_range());
            };
            Length { rest: end - start, ..Length::default() }
        }
        _ => return Err(complaint("this event begins and ends by different clocks")),
    };
    let backwards = length.days < 0 || length.rest < TimeDelta::zero();
    if backwards { Err(complaint("this event ends before it begins")) } else { Ok(length) }
}

/// Reads a length: `P1D`, `PT1H30M`, `P2W`.
pub(super) fn length(text: &str) -> Result<Length, Complaint> {
    let wrong =
        || Complaint::new(format!("`{text}` is not a length"), "lengths look like `P1D`, `PT1H30M` or `P2W`");
    let digits = text.trim().trim_start_matches('+').strip_prefix('P').ok_or_else(wrong)?;
    let (mut length, mut number, mut time, mut empty) = (Length::default(), String::new(), false, true);
    for c in digits.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        if c == 'T' && number.is_empty() && !time {
            time = true;
            continue;
        }
        // Ten thousand years of seconds still fit.
        let n: i64 = number.parse().ok().filter(|n| *n <= 315_360_000_000).ok_or_else(wrong)?;
        let seconds = match (c, time) {
            ('W', false) => {
                length.days += 7 * n;
                0
            }
            ('D', false) => {
                length.days += n;
                0
            }
            ('H', true) => 3_600 * n,
            ('M', true) => 60 * n,
            ('S', true) => n,
            _ => return Err(wrong()),
        };
        length.rest = TimeDelta::try_seconds(seconds)
            .and_then(|more| length.rest.checked_add(&more))
            .ok_or_else(wrong)?;
        number.clear();
        empty = false;
    }
    if empty || !number.is_empty() || length.days > 4_000_000 { Err(wrong()) } else { Ok(length) }
}

/// The zone that a line names.
fn zone(line: &Line, zones: &Zones) -> Result<Option<Tz>, Complaint> {
    line.parameter("TZID").map(|name| named(name, zones)).transpose()
}

/// A zone by the name a calendar gives it: one of the tz database, with or without its program's own path in front of
/// it, or one that the file says is one of those.
pub(super) fn named(name: &str, zones: &Zones) -> Result<Tz, Complaint> {
    if let Some(zone) = zones.get(name) {
        return Ok(*zone);
    }
    let mut rest = Some(name.trim_start_matches('/'));
    while let Some(part) = rest {
        if let Ok(zone) = part.parse() {
            return Ok(zone);
        }
        rest = part.split_once('/').map(|(_, rest)| rest);
    }
    let near = value::zone(name).err().and_then(|complaint| complaint.near);
    Err(Complaint {
        message: format!("`{name}` is not a zone of the tz database"),
        near,
        hint: Some(
            "export the calendar with zones like `Europe/Berlin`, or write its times in UTC".to_owned(),
        ),
    })
}

/// Reads `20261224`, `20261224T220000` and `20261224T220000Z`.
pub(super) fn moment(text: &str, zone: Option<Tz>) -> Result<Moment, Complaint> {
    let text = text.trim();
    let (day, time) = text.split_once('T').map_or((text, None), |(day, time)| (day, Some(time)));
    let number = |text: &str, at: std::ops::Range<usize>| -> Option<u32> {
        text.get(at).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
    };
    let read = || {
        let year = i32::try_from(number(day, 0..4)?).ok()?;
        let date = NaiveDate::from_ymd_opt(year, number(day, 4..6)?, number(day, 6..8)?)?;
        let Some(time) = time else {
            return (day.len() == 8)
                .then_some(Moment { wall: date.and_time(NaiveTime::MIN), frame: Frame::Day });
        };
        let (digits, utc) = time.strip_suffix('Z').map_or((time, false), |digits| (digits, true));
        // A leap second is the end of its minute.
        let second = number(digits, 4..6)?.min(59);
        let time = NaiveTime::from_hms_opt(number(digits, 0..2)?, number(digits, 2..4)?, second)?;
        let frame = match (utc, zone) {
            (true, _) => Frame::Zone(Tz::UTC),
            (false, Some(zone)) => Frame::Zone(zone),
            (false, None) => Frame::Floating,
        };
        (day.len() == 8 && digits.len() == 6).then_some(Moment { wall: date.and_time(time), frame })
    };
    read().ok_or_else(|| wrong(text))
}

fn wrong(text: &str) -> Complaint {
    Complaint::new(
        format!("`{text}` is not a date or a time"),
        "iCalendar writes `20261224`, `20261224T220000` or `20261224T220000Z`",
    )
}

pub(super) fn out_of_range() -> Complaint {
    Complaint::new("no such time exists", "mend the event in the program that wrote it")
}
