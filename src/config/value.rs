//! Texts with a meaning: durations, times of day, weekdays, zones, addresses, patterns.

use std::net::SocketAddr;

use chrono::{NaiveDate, NaiveTime, TimeDelta, Weekday};
use chrono_tz::Tz;
use globset::{Glob, GlobMatcher};
use ipnet::IpNet;

use super::keys::nearest;
use super::raw::Complaint;
use crate::domain::phone::Mac;
use crate::domain::policy::Rate;
use crate::domain::policy::select::{MacPrefix, VersionRange};

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

/// A zone, or `site` for that of the phone's site.
pub fn zone_or_site(text: &str) -> Result<Option<Tz>, Complaint> {
    if text == "site" { Ok(None) } else { zone(text).map(Some) }
}

/// A day of one year, or of every year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// `2026-12-24`
    Once(NaiveDate),
    /// `12-24`: month and day.
    Yearly((u32, u32)),
}

/// `2026-12-24`, or `12-24` for every year.
pub fn day(text: &str) -> Result<Day, Complaint> {
    let wrong = |hint: &str| Complaint::new(format!("`{text}` is not a day"), hint);
    let forms = "write year, month and day, `2026-12-24`, or month and day, `12-24`, for every year";
    let number = |part: &str, digits: usize| {
        let plain = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse::<u32>().ok()).flatten()
    };
    let parts: Vec<&str> = text.split('-').collect();
    let (year, month, day) = match parts.as_slice() {
        [year, month, day] => (number(year, 4).map(Some), number(month, 2), number(day, 2)),
        [month, day] => (Some(None), number(month, 2), number(day, 2)),
        _ => (None, None, None),
    };
    let (Some(year), Some(month), Some(day)) = (year, month, day) else { return Err(wrong(forms)) };
    // Every year has the days of a leap year; what is not there in the others is left out in them.
    let date =
        i32::try_from(year.unwrap_or(2024)).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
    match (date, year) {
        (None, _) => Err(wrong("no month has such a day; the month comes before the day")),
        (Some(date), Some(_)) => Ok(Day::Once(date)),
        (Some(_), None) => Ok(Day::Yearly((month, day))),
    }
}

/// `10%`
pub fn percent(text: &str) -> Result<u8, Complaint> {
    let number = text.strip_suffix('%').map(str::trim_end).filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
    number.and_then(|n| n.parse().ok()).filter(|n| *n <= 100).ok_or_else(|| {
        Complaint::new(
            format!("`{text}` is not a share"),
            "write a whole number from 0 to 100 with its sign: `10%`",
        )
    })
}

/// `5/s`, `30/m`, `100/h`
pub fn rate(text: &str) -> Result<Rate, Complaint> {
    let wrong = || {
        Complaint::new(
            format!("`{text}` is not a rate"),
            "write how many in a second, a minute or an hour: `5/s`, `30/m`, `100/h`",
        )
    };
    let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
    let per = match unit.trim() {
        "s" => TimeDelta::seconds(1),
        "m" => TimeDelta::minutes(1),
        "h" => TimeDelta::hours(1),
        _ => return Err(wrong()),
    };
    let count = count.trim_end();
    if !count.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let count: u32 = count.parse().map_err(|_| wrong())?;
    if count == 0 {
        return Err(Complaint::new(
            format!("`{text}` would let nobody go"),
            "leave the key out to limit nothing",
        ));
    }
    if count > 1_000_000 {
        return Err(Complaint::new(
            format!("`{text}` is too fast: the most is 1000000"),
            "leave the key out to limit nothing",
        ));
    }
    Ok(Rate { count, per })
}

const SPEEDS: [(&str, u64, u64); 8] = [
    ("bit/s", 1, 8),
    ("kbit/s", 1_000, 8),
    ("Mbit/s", 1_000_000, 8),
    ("Gbit/s", 1_000_000_000, 8),
    ("B/s", 1, 1),
    ("kB/s", 1_000, 1),
    ("MB/s", 1_000_000, 1),
    ("GB/s", 1_000_000_000, 1),
];

/// `40 Mbit/s`, `10 MB/s`: bytes in a second.
pub fn bandwidth(text: &str) -> Result<u64, Complaint> {
    let wrong = || {
        Complaint::new(
            format!("`{text}` is not a speed"),
            "write a whole number of bits or bytes in a second: `40 Mbit/s`, `500 kbit/s`, `10 MB/s`",
        )
    };
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = text[digits..].trim();
    let Some((_, size, bits)) = SPEEDS.iter().find(|(name, ..)| *name == unit) else {
        let near = SPEEDS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(unit));
        let ambiguous = ["Mb/s", "Mbps", "kb/s", "kbps", "Gb/s", "Gbps"].contains(&unit);
        return Err(match near {
            _ if ambiguous => Complaint {
                hint: Some("say whether bits or bytes are meant: `Mbit/s` or `MB/s`".to_owned()),
                ..wrong()
            },
            Some((name, ..)) => Complaint { near: Some(format!("{number} {name}")), ..wrong() },
            None => wrong(),
        });
    };
    let bytes = number.checked_mul(*size).ok_or_else(wrong)? / bits;
    if bytes < 1_000 {
        let hint =
            "an image has millions of bytes: the least is `8 kbit/s`; leave the key out to limit nothing";
        return Err(Complaint::new(format!("`{text}` is too slow"), hint));
    }
    Ok(bytes)
}

/// An address of the web.
pub fn web_address(text: &str) -> Result<String, Complaint> {
    let uri: Option<axum::http::Uri> = text.parse().ok();
    let good = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    if good {
        Ok(text.to_owned())
    } else {
        Err(Complaint::new(
            format!("`{text}` is not an address of the web"),
            "write it like `https://monitor.example/go-on`",
        ))
    }
}

/// A hardware address, or its first octets.
pub fn mac_prefix(text: &str) -> Result<MacPrefix, Complaint> {
    text.parse().map_err(|_| {
        Complaint::new(
            format!("`{text}` is not a MAC address"),
            "write it like `00:04:13:92:2d:24`, or its first octets for all that begin so: `00:04:13`",
        )
    })
}

/// A network.
pub fn network(text: &str) -> Result<IpNet, Complaint> {
    let wrong = |hint: String| Complaint::new(format!("`{text}` is not a network"), hint);
    let forms = "write address and length: `192.0.2.0/24`, `2001:db8::/64`";
    match text.parse::<IpNet>() {
        Ok(net) if net.addr() == net.network() => Ok(net),
        Ok(net) => Err(wrong(format!("its first address is another one: `{}`", net.trunc()))),
        Err(_) if text.parse::<std::net::IpAddr>().is_ok() => {
            let length = if text.contains(':') { 128 } else { 32 };
            Err(wrong(format!("to mean this address alone, write `{text}/{length}`")))
        }
        Err(_) => Err(wrong(forms.to_owned())),
    }
}

/// A hardware level or revision: a short text of any signs.
pub fn hardware(text: &str) -> Result<String, Complaint> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Complaint::new(
            format!("`{text}` is not a hardware level"),
            "write it as the inventory has it: `hardware = \"2\"`",
        ));
    }
    Ok(text.to_owned())
}

/// A range of firmware versions.
pub fn versions(text: &str) -> Result<VersionRange, Complaint> {
    text.parse().map_err(|_| {
        let comparisons = text.matches(['<', '>']).count();
        let hint = if ["=<", "=>"].iter().any(|sign| text.contains(sign)) {
            "the equals sign comes last: `<=`, `>=`"
        } else if text.contains("==") {
            "one sign is enough: `= 10.1.198`"
        } else if text.contains(['*', 'x', '~', '^']) {
            "there are no patterns here; write a range: `>= 10.1, < 10.2`"
        } else if comparisons > text.matches(',').count() + 1 || text.contains("&&") || text.contains(" and ")
        {
            "join comparisons by commas: `>= 10.1.33, < 10.1.198`"
        } else if text.contains("..") || text.contains(" - ") {
            "write a range as two comparisons: `>= 10.1.33, < 10.1.198`"
        } else {
            "compare with a version of numbers and points: `< 10.1.64`, or `>= 10.1.33, < 10.1.198`"
        };
        Complaint::new(format!("`{text}` is not a range of versions"), hint)
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
