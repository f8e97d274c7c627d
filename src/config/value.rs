//! Texts with a meaning: durations, times of day, weekdays, zones, addresses, patterns.

use std::net::SocketAddr;

use chrono::{NaiveTime, TimeDelta, Weekday};
use chrono_tz::Tz;
use globset::{Glob, GlobMatcher};

use super::keys::nearest;
use super::raw::Complaint;
use crate::domain::phone::Mac;

const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// `10m`, `1h30m`, `250ms`: numbers with units, greatest unit first.
pub fn duration(text: &str) -> Result<TimeDelta, Complaint> {
    let wrong = || {
        Complaint::new(
            format!("`{text}` is not a duration"),
            "write numbers with units, the greatest first: `90s`, `10m`, `1h30m`, `2d`, `250ms`",
        )
    };
    let mut units = UNITS.iter();
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (_, length) = units.find(|(unit, _)| *unit == &rest[..letters]).ok_or_else(wrong)?;
        rest = &rest[letters..];
        total = number.checked_mul(*length).and_then(|n| total.checked_add(n)).ok_or_else(wrong)?;
    }
    if text.is_empty() {
        return Err(wrong());
    }
    TimeDelta::try_milliseconds(total).ok_or_else(wrong)
}

/// A duration within bounds, both included.
pub fn duration_within(least: TimeDelta, most: TimeDelta) -> impl Fn(&str) -> Result<TimeDelta, Complaint> {
    move |text| {
        let length = duration(text)?;
        if length < least {
            return Err(Complaint::from(format!("`{text}` is too short: the least is {}", spell(least))));
        }
        if length > most {
            return Err(Complaint::from(format!("`{text}` is too long: the most is {}", spell(most))));
        }
        Ok(length)
    }
}

/// A duration as it is written in a file.
pub fn spell(length: TimeDelta) -> String {
    let mut left = length.num_milliseconds();
    let mut text = String::new();
    for (unit, size) in UNITS {
        if left / size > 0 {
            text += &format!("{}{unit}", left / size);
            left %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// `22:00`.
pub fn time(text: &str) -> Result<NaiveTime, Complaint> {
    let wrong = || {
        let hint = if text == "24:00" { "midnight is `00:00`" } else { "write hours and minutes: `22:00`" };
        Complaint::new(format!("`{text}` is not a time of day"), hint)
    };
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str| {
        let two_digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        two_digits.then(|| text.parse().ok()).flatten()
    };
    let (hour, minute) = (number(hour).ok_or_else(wrong)?, number(minute).ok_or_else(wrong)?);
    NaiveTime::from_hms_opt(hour, minute, 0).ok_or_else(wrong)
}

/// `mon`, or `monday`.
pub fn weekday(text: &str) -> Result<Weekday, Complaint> {
    text.parse().map_err(|_| {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        Complaint {
            message: format!("`{text}` is not a weekday"),
            near: nearest(text, days),
            hint: Some(format!("the days are {}", days.join(", "))),
        }
    })
}

/// A zone of the tz database.
pub fn zone(text: &str) -> Result<Tz, Complaint> {
    text.parse().map_err(|_| Complaint {
        message: format!("unknown zone `{text}`"),
        near: nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())),
        hint: Some("zones are named like `Europe/Berlin`, or `UTC`".to_owned()),
    })
}

/// An address and a port.
pub fn address(text: &str) -> Result<SocketAddr, Complaint> {
    text.parse().map_err(|_| {
        Complaint::new(
            format!("`{text}` is not an address with a port"),
            "write numbers, not names: `192.0.2.5:5060`, `[2001:db8::5]:5060`, `0.0.0.0:5060` for every interface",
        )
    })
}

/// A host and a port.
pub fn host_and_port(text: &str) -> Result<String, Complaint> {
    let good = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._[]:".contains(c))
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if good {
        Ok(text.to_owned())
    } else {
        Err(Complaint::new(format!("`{text}` is not a host with a port"), "write it like `127.0.0.1:5038`"))
    }
}

/// The base of the depot's addresses.
pub fn base_url(text: &str) -> Result<String, Complaint> {
    let wrong = || {
        Complaint::new(format!("`{text}` is not a base for phones"), "write it like `http://192.0.2.5:8480`")
    };
    let uri: axum::http::Uri = text.parse().map_err(|_| wrong())?;
    let plain = uri.scheme_str() == Some("http")
        && uri.host().is_some_and(|host| !host.is_empty())
        && uri.query().is_none()
        && !uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if plain { Ok(text.trim_end_matches('/').to_owned()) } else { Err(wrong()) }
}

/// A pattern: `D7*`.
pub fn pattern(text: &str) -> Result<GlobMatcher, Complaint> {
    let wrong = || {
        Complaint::new(format!("`{text}` is not a pattern"), "`*` stands for anything, `?` for one character")
    };
    if text.is_empty() {
        return Err(wrong());
    }
    Glob::new(text).map(|glob| glob.compile_matcher()).map_err(|_| wrong())
}

/// A hardware address.
pub fn mac(text: &str) -> Result<Mac, Complaint> {
    text.parse().map_err(|_| {
        Complaint::new(format!("`{text}` is not a MAC address"), "write it like `00:04:13:92:2d:24`")
    })
}

/// A name without blanks, at signs and the like: a site, a tag, a PBX, a line.
pub fn name(text: &str) -> Result<String, Complaint> {
    let good = |c: char| c.is_alphanumeric() || "-_.+*#".contains(c);
    if !text.is_empty() && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err(Complaint::new(
            format!("`{text}` is not a name"),
            "a name has letters, digits and the signs - _ . + * # only",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, milliseconds) in [
            ("10m", 600_000),
            ("6h", 21_600_000),
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("1m250ms", 60_250),
            ("0s", 0),
            ("2d", 172_800_000),
        ] {
            assert_eq!(duration(text), Ok(TimeDelta::milliseconds(milliseconds)), "{text}");
        }
        for text in
            ["", "10", "m", "10 m", "1.5h", "-1h", "30m1h", "1h1h", "10min", "99999999999999999h", "1hä"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_has_two_digits_twice() {
        assert_eq!(time("22:00"), Ok(NaiveTime::from_hms_opt(22, 0, 0).unwrap()));
        for text in ["24:00", "22", "9:00", "22:0", "22:60", "+2:00", "22:00:00", ""] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_for_phones_is_plain_http() {
        assert_eq!(base_url("http://192.0.2.5:8480/fw/"), Ok("http://192.0.2.5:8480/fw".to_owned()));
        for text in ["", "192.0.2.5:8480", "https://h", "http://u@h", "http://h?x", "ftp://h", "/x"] {
            assert!(base_url(text).is_err(), "{text}");
        }
    }
}
