//! The metacharacters of update and `scfg` URLs: a device puts its own facts in their places, and what arrives tells them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use chrono::NaiveDateTime;

use crate::domain::phone::Mac;

/// A sequence that a device replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meta {
    /// `#F`: the build of the firmware, `08-12345`.
    Firmware,
    /// `#B`: the build of the boot code, `401`.
    Boot,
    /// `#H`: the build of the hardware, `102`.
    Hardware,
    /// `#h`: the device's number, `IP1200-03-0d-f0`.
    Number,
    /// `#m`: the MAC, `00-90-33-03-0d-f0`.
    Mac,
    /// `#d`: date and time, `20051010-170130`.
    Date,
    /// `#b5`: an index that goes round from 0 to 4.
    Backup(u32),
    /// `#i`: an address of the device.
    Address,
    /// `#t`: the product, in the addresses that the maker's own server hands out.
    Product,
}

impl fmt::Display for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firmware => f.write_str("#F"),
            Self::Boot => f.write_str("#B"),
            Self::Hardware => f.write_str("#H"),
            Self::Number => f.write_str("#h"),
            Self::Mac => f.write_str("#m"),
            Self::Date => f.write_str("#d"),
            Self::Backup(count) => write!(f, "#b{count}"),
            Self::Address => f.write_str("#i"),
            Self::Product => f.write_str("#t"),
        }
    }
}

impl Meta {
    /// It differs from device to device.
    pub const fn names_device(self) -> bool {
        matches!(self, Self::Number | Self::Mac | Self::Address)
    }

    /// Whether a device may write this in the sequence's place.
    pub(super) fn takes(self, text: &str) -> bool {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let name = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
        match self {
            Self::Firmware => text.split('-').all(digits) && text.split('-').count() <= 2,
            Self::Boot => name(text),
            Self::Hardware => digits(text),
            Self::Number => {
                text.split_once('-').is_some_and(|(product, tail)| name(product) && octets(tail, 3))
            }
            Self::Mac => octets(text, 6),
            Self::Date => {
                text.len() == 15
                    && text.split_once('-').is_some_and(|(d, t)| d.len() == 8 && digits(d) && digits(t))
            }
            Self::Backup(count) => digits(text) && text.parse().is_ok_and(|index: u32| index < count),
            Self::Address => text.parse::<IpAddr>().is_ok(),
            Self::Product => name(text),
        }
    }
}

/// So many pairs of hexadecimal digits, joined by `-`.
fn octets(text: &str, count: usize) -> bool {
    let pair = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    text.split('-').count() == count && text.split('-').all(pair)
}

/// What a device knows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The build of its firmware.
    pub firmware: String,
    /// The build of its boot code.
    pub boot: String,
    /// The build of its hardware.
    pub hardware: String,
    /// Its product, in capitals.
    pub product: String,
    /// Its MAC.
    pub mac: Mac,
    /// One of its addresses.
    pub address: IpAddr,
}

/// A URL with metacharacters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Meta(Meta),
}

/// A `#` that no device replaces, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The bytes of the URL.
    pub span: Range<usize>,
}

/// What an arrived URL tells, by the sequences of its pattern.
pub type Told = BTreeMap<Meta, String>;

/// Why an arrived URL tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untold {
    /// It was not made from this pattern.
    #[error("it does not fit the pattern")]
    Foreign,
    /// It can be read in more than one way.
    #[error("it can be read in more than one way")]
    Ambiguous,
}

impl Pattern {
    /// Reads a URL.
    pub fn read(url: &str) -> Result<Self, Unknown> {
        let mut parts = Vec::new();
        let mut rest = url;
        while let Some(at) = rest.find('#') {
            if at > 0 {
                parts.push(Part::Text(rest[..at].to_owned()));
            }
            let begins = url.len() - rest.len() + at;
            let tail = &rest[at + 1..];
            let digits = tail.bytes().skip(1).take_while(u8::is_ascii_digit).count();
            let (meta, length) = match tail.chars().next() {
                Some('F') => (Some(Meta::Firmware), 1),
                Some('B') => (Some(Meta::Boot), 1),
                Some('H') => (Some(Meta::Hardware), 1),
                Some('h') => (Some(Meta::Number), 1),
                Some('m') => (Some(Meta::Mac), 1),
                Some('d') => (Some(Meta::Date), 1),
                Some('i') => (Some(Meta::Address), 1),
                Some('t') => (Some(Meta::Product), 1),
                Some('b') => {
                    let count = tail[1..=digits].parse().ok().filter(|count| *count > 0);
                    (count.map(Meta::Backup), 1 + digits)
                }
                Some(other) => (None, other.len_utf8()),
                None => (None, 0),
            };
            parts.push(Part::Meta(meta.ok_or(Unknown { span: begins..begins + 1 + length })?));
            rest = &tail[length..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// Its sequences, in order.
    pub fn metas(&self) -> impl Iterator<Item = Meta> {
        self.0.iter().filter_map(|part| match part {
            Part::Meta(meta) => Some(*meta),
            Part::Text(_) => None,
        })
    }

    /// What a device makes of it at this local time, at its `round`th backup.
    pub fn expand(&self, facts: &Facts, at: NaiveDateTime, round: u32) -> String {
        let mac = facts.mac.octets().map(hex_pair);
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Meta(Meta::Firmware) => facts.firmware.clone(),
            Part::Meta(Meta::Boot) => facts.boot.clone(),
            Part::Meta(Meta::Hardware) => facts.hardware.clone(),
            Part::Meta(Meta::Number) => format!("{}-{}", facts.product, mac[3..].join("-")),
            Part::Meta(Meta::Mac) => mac.join("-"),
            Part::Meta(Meta::Date) => at.format("%Y%m%d-%H%M%S").to_string(),
            Part::Meta(Meta::Backup(count)) => (round % count).to_string(),
            Part::Meta(Meta::Address) => facts.address.to_string(),
            Part::Meta(Meta::Product) => facts.product.clone(),
        };
        self.0.iter().map(part).collect()
    }

    /// What an arrived URL tells of the device that made it of this pattern. One that can be read in two ways tells
    /// nothing: a configuration must not be filed under another device's name.
    pub fn told(&self, url: &str) -> Result<Told, Untold> {
        let mut search = Search { found: None, readings: 0, steps: 0 };
        search.go(&self.0, url, &mut Told::new());
        match (search.found, search.readings, search.steps > Search::MOST_STEPS) {
            (_, 0, false) => Err(Untold::Foreign),
            (Some(told), 1, false) => Ok(told),
            (_, _, _) => Err(Untold::Ambiguous),
        }
    }
}

fn hex_pair(octet: u8) -> String {
    format!("{octet:02x}")
}

/// Tries every way to read a URL, until there are two.
struct Search {
    found: Option<Told>,
    readings: usize,
    steps: usize,
}

impl Search {
    /// A URL is a device's word: no URL may keep the reader busy.
    const MOST_STEPS: usize = 20_000;
    /// Nothing a device writes in a sequence's place is longer.
    const LONGEST: usize = 45;

    fn go(&mut self, parts: &[Part], url: &str, told: &mut Told) {
        self.steps += 1;
        if self.readings > 1 || self.steps > Self::MOST_STEPS {
            return;
        }
        match parts.split_first() {
            None if url.is_empty() => {
                self.readings += 1;
                self.found = Some(told.clone());
            }
            None => {}
            Some((Part::Text(text), rest)) => {
                if let Some(url) = url.strip_prefix(text.as_str()) {
                    self.go(rest, url, told);
                }
            }
            Some((Part::Meta(meta), rest)) => {
                if let Some(known) = told.get(meta).cloned() {
                    if let Some(url) = url.strip_prefix(known.as_str()) {
                        self.go(rest, url, told);
                    }
                    return;
                }
                let ends = url.char_indices().map(|(at, sign)| at + sign.len_utf8()).take(Self::LONGEST);
                for end in ends.filter(|end| meta.takes(&url[..*end])) {
                    told.insert(*meta, url[..end].to_owned());
                    self.go(rest, &url[end..], told);
                    told.remove(meta);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            firmware: "08-12345".into(),
            boot: "401".into(),
            hardware: "102".into(),
            product: "IP1200".into(),
            mac: Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf0]),
            address: IpAddr::from([192, 0, 2, 7]),
        }
    }

    fn noon() -> NaiveDateTime {
        "2005-10-10T17:01:30".parse().unwrap()
    }

    #[test]
    fn each_sequence_of_the_makers_table_is_replaced_and_read_back() {
        for (sequence, text) in [
            ("#F", "08-12345"),
            ("#B", "401"),
            ("#H", "102"),
            ("#h", "IP1200-03-0d-f0"),
            ("#m", "00-90-33-03-0d-f0"),
            ("#d", "20051010-170130"),
            ("#b5", "3"),
            ("#i", "192.0.2.7"),
            ("#t", "IP1200"),
        ] {
            let pattern = Pattern::read(&format!("/c/{sequence}.txt")).unwrap();
            let made = pattern.expand(&facts(), noon(), 8);
            assert_eq!(made, format!("/c/{text}.txt"));
            let told = pattern.told(&made).unwrap();
            assert_eq!(told.values().collect::<Vec<_>>(), [text], "{sequence}");
            let meta = pattern.metas().next().unwrap();
            assert_eq!(meta.to_string(), sequence);
        }
    }

    #[test]
    fn what_is_no_sequence_is_pointed_at() {
        for (url, span) in [("/#x", 1..3), ("/#b.txt", 1..3), ("/#b0", 1..4), ("/a#", 2..3), ("#é", 0..3)] {
            assert_eq!(Pattern::read(url), Err(Unknown { span }), "{url}");
        }
    }

    #[test]
    fn the_backup_index_goes_round() {
        let pattern = Pattern::read("#b5").unwrap();
        let indices: Vec<String> = (0..7).map(|round| pattern.expand(&facts(), noon(), round)).collect();
        assert_eq!(indices, ["0", "1", "2", "3", "4", "0", "1"]);
        assert_eq!(pattern.told("5"), Err(Untold::Foreign));
    }

    #[test]
    fn what_can_be_read_in_two_ways_tells_nothing() {
        let pattern = Pattern::read("/#H#B").unwrap();
        assert_eq!(pattern.told("/102401"), Err(Untold::Ambiguous));
        assert_eq!(pattern.told("/other"), Err(Untold::Foreign));
        let twice = Pattern::read("/#m/#m.txt").unwrap();
        assert!(twice.told("/00-90-33-03-0d-f0/00-90-33-03-0d-f0.txt").is_ok());
        assert_eq!(twice.told("/00-90-33-03-0d-f0/00-90-33-03-0d-f1.txt"), Err(Untold::Foreign));
    }

    proptest::proptest! {
        #[test]
        fn no_url_brings_it_down(pattern in "[/a#FBHhmdbit0-9é-]{0,16}", url in "\\PC{0,80}") {
            if let Ok(pattern) = Pattern::read(&pattern) {
                let _ = pattern.told(&url);
                let made = pattern.expand(&facts(), noon(), 0);
                proptest::prop_assert_ne!(pattern.told(&made), Err(Untold::Foreign));
            }
        }
    }
}
