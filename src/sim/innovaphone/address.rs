//! The addresses an innovaphone asks: metacharacters replaced, a slash completed, and its state behind it.

use chrono::{DateTime, Utc};

use super::unit::{Part, Unit};

/// What it appends to the update URL by itself, in the order of the maker's own server.
const VARIABLES: [&str; 14] = [
    "PROT",
    "PROTdate",
    "BOOT",
    "BOOTdate",
    "BMC",
    "BMCdate",
    "CFG",
    "CFGdate",
    "SCFG",
    "SCFGdate",
    "CHECK",
    "CHECKdate",
    "CFG-BACKUP-NUM",
    "CFG-BACKUP-NUMdate",
];

/// The address of its next poll, on this depot where the update URL is a path alone.
pub fn poll_address(unit: &Unit, depot: &str, now: DateTime<Utc>) -> String {
    let url = if unit.url.starts_with('/') {
        format!("{}{}", depot.trim_end_matches('/'), unit.url)
    } else {
        unit.url.clone()
    };
    let mut url = replaced(unit, &url, now);
    if url.ends_with('/') {
        url = format!("{url}update-{}.htm", unit.product.to_ascii_lowercase());
    }
    let ver = format!(
        "{} {}[{}], Bootcode[{}], Hardware[{}]",
        unit.make.release, unit.product, unit.firmware, unit.boot_code, unit.make.hardware
    );
    let mut query = vec![format!("ver={}", escaped(&ver))];
    for name in VARIABLES {
        query.extend(unit.variable(name).map(|value| format!("{name}={}", escaped(value))));
    }
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}{}", query.join("&"))
}

/// The address of a part: a slash is completed by the product's file name.
pub(super) fn part_address(unit: &Unit, part: Part, url: &str) -> String {
    match part {
        Part::Prot if url.ends_with('/') => format!("{url}{}.bin", unit.product),
        Part::Boot if url.ends_with('/') => {
            format!("{url}boot{}.bin", unit.product.strip_prefix("IP").unwrap_or(&unit.product))
        }
        Part::Prot | Part::Boot | Part::Bmc => url.to_owned(),
    }
}

/// A URL with its metacharacters replaced.
pub(super) fn replaced(unit: &Unit, url: &str, now: DateTime<Utc>) -> String {
    let octets: Vec<String> = unit.mac.octets().iter().map(|octet| format!("{octet:02x}")).collect();
    let time = unit.clock(now).unwrap_or_else(|| (DateTime::UNIX_EPOCH + unit.up(now)).naive_utc());
    let mut text = String::new();
    let mut rest = url;
    while let Some((before, tail)) = rest.split_once('#') {
        text.push_str(before);
        let sign = tail.chars().next();
        let digits: String = tail.chars().skip(1).take_while(char::is_ascii_digit).collect();
        let (put, taken) = match sign {
            Some('F') => (unit.firmware.clone(), 1),
            Some('B') => (unit.boot_code.clone(), 1),
            Some('H') => (unit.make.hardware.clone(), 1),
            Some('h') => (format!("{}-{}", unit.product, octets[3..].join("-")), 1),
            Some('m') => (octets.join("-"), 1),
            Some('d') => (time.format("%Y%m%d-%H%M%S").to_string(), 1),
            Some('i') => (unit.ip.to_string(), 1),
            Some('t') => (unit.product.clone(), 1),
            Some('b') if digits.parse::<u32>().is_ok_and(|count| count > 0) => {
                let count: u32 = digits.parse().unwrap_or(1);
                ((unit.saves().0 % count).to_string(), 1 + digits.len())
            }
            Some(_) | None => ("#".to_owned(), 0),
        };
        text.push_str(&put);
        rest = &tail[taken..];
    }
    text.push_str(rest);
    text
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02x}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::Mac;
    use crate::sim::innovaphone::Make;

    const MAC: Mac = Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf0]);

    fn noon() -> DateTime<Utc> {
        "2026-11-28T12:00:05Z".parse().unwrap()
    }

    #[test]
    fn a_poll_completes_the_url_and_tells_the_state() {
        let mut unit = Unit::new(MAC, "IP222", "04-5656", Make::default());
        unit.set("PROT", "04-5679", noon());
        assert_eq!(
            poll_address(&unit, "http://h:1", noon()),
            "http://h:1/innovaphone/update-ip222.htm?ver=12r2%20IP222%5b04-5656%5d%2c%20Bootcode%5b200%5d%2c%20\
             Hardware%5b102%5d&PROT=04-5679&PROTdate=20261128-120005"
        );
        unit.url = "http://x/u?sn=#m&hwid=#h&t=#t&F=#F&B=#B&H=#H&d=#d&i=#i&#b3#x".into();
        assert!(poll_address(&unit, "", noon()).starts_with(
            "http://x/u?sn=00-90-33-03-0d-f0&hwid=IP222-03-0d-f0&t=IP222&F=04-5656&B=200&H=102&\
             d=20261128-120005&i=127.0.0.1&0#x&ver="
        ));
    }
}
