//! Who a phone says it is: the items it tells whenever it calls.

use super::item::Items;
use super::spelling::{Protocol, model};
use crate::domain::firmware::Version;
use crate::domain::phone::{Hardware, Mac, Model};

/// A phone, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Its hardware address: `mac-addr`.
    pub mac: Mac,
    /// Its model: `device-type`.
    pub model: Option<Model>,
    /// What it runs: `software-version`.
    pub version: Option<Version>,
    /// Its part number, from which its hardware level follows: `part-number`.
    pub part: Option<Hardware>,
    /// What it speaks: `software-type`. `None` when it is nothing known here, or was not told.
    pub protocol: Option<Protocol>,
}

/// A phone that does not say who it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPhone {
    /// There is no `mac-addr`.
    #[error("it does not tell its `mac-addr`")]
    NoMac,
    /// It is no address, or that of nobody.
    #[error("`{0}` is no `mac-addr`")]
    BadMac(String),
}

impl Who {
    /// The items that tell it.
    pub const ITEMS: &'static [&'static str] =
        &["mac-addr", "device-type", "software-type", "software-version", "part-number"];

    /// Reads it from the items of a phone.
    pub fn read(items: &Items) -> Result<Self, NoPhone> {
        let text = items.get("mac-addr").ok_or(NoPhone::NoMac)?;
        let mac: Mac = text.parse().map_err(|_| NoPhone::BadMac(text.chars().take(40).collect()))?;
        if mac.octets() == [0; 6] {
            return Err(NoPhone::BadMac(text.to_owned()));
        }
        let known = |name| items.get(name).map(str::trim).filter(|text| !text.is_empty());
        Ok(Self {
            mac,
            model: known("device-type").and_then(model),
            version: known("software-version").and_then(|text| Version::parse(text).ok()),
            part: known("part-number").and_then(part_number),
            protocol: known("software-type").and_then(Protocol::of),
        })
    }

    /// Whether all that decides about an update was told.
    pub fn is_whole(&self) -> bool {
        self.model.is_some() && self.version.is_some() && self.part.is_some() && self.protocol.is_some()
    }
}

/// A part number: `S30817-S7403-A101-015`.
fn part_number(text: &str) -> Option<Hardware> {
    let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'/');
    let good = text.len() <= 40 && text.bytes().all(clean) && text.bytes().any(|b| b.is_ascii_digit());
    good.then(|| Hardware::new(text.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phones::unify::Item;

    fn items(told: &[(&str, &str)]) -> Items {
        let item = |(name, value): &(&str, &str)| Item {
            name: (*name).to_owned(),
            index: None,
            value: (*value).to_owned(),
        };
        Items(told.iter().map(item).collect())
    }

    #[test]
    fn a_phone_says_who_it_is() {
        let who = Who::read(&items(&[
            ("mac-addr", "00:1a:e8:01:02:03"),
            ("device-type", "OpenStage 80"),
            ("software-type", "Siemens SIP"),
            ("software-version", "V1 R5.6.53"),
            ("part-number", "S30817-S7403-A101-015"),
        ]))
        .unwrap();
        assert_eq!(who.mac.bare_upper(), "001AE8010203");
        assert_eq!(who.model, Some(Model::new("OpenStage 80")));
        assert_eq!(who.version, Version::parse("1.5.6.53").ok());
        assert_eq!(who.part, Some(Hardware::new("S30817-S7403-A101-015")));
        assert_eq!(who.protocol, Some(Protocol::Sip));
        assert!(who.is_whole());
    }

    #[test]
    fn what_cannot_be_read_is_not_known() {
        let who = Who::read(&items(&[
            ("mac-addr", "001AE8010203"),
            ("device-type", ""),
            ("software-version", "new"),
            ("part-number", "a b"),
            ("software-type", "Siemens ABC"),
        ]))
        .unwrap();
        assert_eq!((&who.model, &who.version, &who.part, who.protocol), (&None, &None, &None, None));
        assert!(!who.is_whole());
        assert_eq!(Who::read(&items(&[])), Err(NoPhone::NoMac));
        assert_eq!(Who::read(&items(&[("mac-addr", "me")])), Err(NoPhone::BadMac("me".into())));
        let nobody = items(&[("mac-addr", "00:00:00:00:00:00")]);
        assert!(matches!(Who::read(&nobody), Err(NoPhone::BadMac(_))));
    }
}
