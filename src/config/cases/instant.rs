//! Instants as authors write them: by the clock of a zone, or with a zone of their own.

use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::super::raw::Complaint;
use super::super::value;

/// An instant as it is written; which one it is depends on the zone where it names none.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    text: String,
    wall: NaiveDateTime,
    zone: Option<Own>,
}

/// A zone written behind a time.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Own {
    Offset(FixedOffset),
    Zone(Tz),
}

impl Written {
    /// Reads `2026-11-21 23:10`, with seconds or not, with `Z`, `+01:00` or ` Europe/Berlin` behind it or not.
    pub fn read(text: &str) -> Result<Self, Complaint> {
        let wrong = || {
            Complaint::new(
                format!("`{text}` is not a date with a time"),
                "write `2026-11-21 23:10`, and a zone behind it where it is not the phone's: `2026-11-21 23:10 UTC`",
            )
        };
        let (date, rest) = text.split_at_checked(10).ok_or_else(wrong)?;
        let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").map_err(|_| wrong())?;
        let rest = rest.strip_prefix([' ', 'T']).ok_or_else(wrong)?;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(rest.len());
        let (time, zone) = rest.split_at(end);
        let form = match time.len() {
            5 => "%H:%M",
            8 => "%H:%M:%S",
            _ => return Err(wrong()),
        };
        let time = NaiveTime::parse_from_str(time, form).map_err(|_| wrong())?;
        let zone = match zone {
            "" => None,
            "Z" => Some(Own::Zone(Tz::UTC)),
            offset if offset.starts_with(['+', '-']) => {
                Some(Own::Offset(offset.parse().map_err(|_| wrong())?))
            }
            name => Some(Own::Zone(value::zone(name.strip_prefix(' ').ok_or_else(wrong)?)?)),
        };
        Ok(Self { text: text.to_owned(), wall: date.and_time(time), zone })
    }

    /// Which instant it is, for a phone that stands in this zone.
    pub fn instant(&self, zone: Tz) -> Result<DateTime<Utc>, Complaint> {
        let zone = match self.zone {
            Some(Own::Offset(offset)) => match offset.from_local_datetime(&self.wall) {
                MappedLocalTime::Single(instant) => return Ok(instant.to_utc()),
                MappedLocalTime::Ambiguous(..) | MappedLocalTime::None => Tz::UTC,
            },
            Some(Own::Zone(own)) => own,
            None => zone,
        };
        match zone.from_local_datetime(&self.wall) {
            MappedLocalTime::Single(instant) => Ok(instant.to_utc()),
            MappedLocalTime::Ambiguous(first, second) => {
                let wall = self.wall.format("%Y-%m-%d %H:%M");
                let (first, second) = (first.format("%:z"), second.format("%:z"));
                Err(Complaint::new(
                    format!("`{}` comes twice in {zone}: the clocks are put back", self.text),
                    format!("say which is meant: `{wall}{first}` or `{wall}{second}`"),
                ))
            }
            MappedLocalTime::None => Err(Complaint::new(
                format!("`{}` does not exist in {zone}: the clocks are put forward", self.text),
                "write a time before or after that hour",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Berlin;

    use super::*;

    fn instant(text: &str) -> Result<String, Complaint> {
        Ok(Written::read(text)?.instant(Berlin)?.to_rfc3339())
    }

    #[test]
    fn a_time_is_the_phones_unless_it_names_a_zone() {
        for (text, expected) in [
            ("2026-11-21 23:10", "2026-11-21T22:10:00+00:00"),
            ("2026-11-21T23:10:30", "2026-11-21T22:10:30+00:00"),
            ("2026-11-21 23:10 UTC", "2026-11-21T23:10:00+00:00"),
            ("2026-11-21T23:10Z", "2026-11-21T23:10:00+00:00"),
            ("2026-11-21 23:10+05:30", "2026-11-21T17:40:00+00:00"),
            ("2026-11-21 23:10 Australia/Sydney", "2026-11-21T12:10:00+00:00"),
            ("2026-10-25 02:30+01:00", "2026-10-25T01:30:00+00:00"),
        ] {
            assert_eq!(instant(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "2026-11-21",
            "23:10",
            "2026-11-21 24:00",
            "2026-02-30 10:00",
            "2026-11-21 23:10 Berln",
            "2026-11-21 23:10ß",
            "äääää 23:10",
        ] {
            assert!(instant(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_that_comes_twice_or_never_is_an_error() {
        let twice = instant("2026-10-25 02:30").unwrap_err();
        assert_eq!(
            twice.hint.as_deref(),
            Some("say which is meant: `2026-10-25 02:30+02:00` or `2026-10-25 02:30+01:00`")
        );
        assert_eq!(
            instant("2027-03-28 02:30").unwrap_err().message,
            "`2027-03-28 02:30` does not exist in Europe/Berlin: the clocks are put forward"
        );
    }
}
