//! What a device tells of itself when it polls: it appends its version and its stored serials to the update URL, and
//! replaces the metacharacters in it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{Datelike, NaiveDateTime};

use super::device::{Device, Variable};
use super::product::Product;
use super::running::{Builds, build};
use super::script::Code;
use super::timetable::Kind;
use super::url::Meta;
use crate::domain::firmware::Version;
use crate::domain::phone::Mac;

/// A poll, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Poll {
    /// What it runs, in words for people (`ver`).
    pub version: Option<String>,
    /// Its stored serials; one that is empty is none.
    pub serials: BTreeMap<Variable, String>,
    /// Its product (`type`, else what stands in its number), where the update URL asks for it.
    pub product: Option<Product>,
    /// Its MAC (`sn`), where the update URL asks for it.
    pub mac: Option<Mac>,
    /// Its number (`hwid`): `IP222-03-0d-f0`.
    pub number: Option<String>,
    /// What it takes for its own address (`ip`); not where it asks from.
    pub address: Option<IpAddr>,
    /// What runs, by `#F`, `#B` and `#H` where the update URL asks for them, else by `ver`.
    pub builds: Builds,
    /// What its own clock shows (`now`).
    pub clock: Option<NaiveDateTime>,
}

/// The keys under which [`super::provisioning`] has a device tell its metacharacters; the first four are those of the
/// maker's own update server.
pub(super) const KEYS: [(&str, Meta); 8] = [
    ("sn", Meta::Mac),
    ("type", Meta::Product),
    ("hwid", Meta::Number),
    ("ip", Meta::Address),
    ("runs", Meta::Firmware),
    ("bootcode", Meta::Boot),
    ("hw", Meta::Hardware),
    ("now", Meta::Date),
];

/// No device had the time before this year: a clock that shows less has never been set.
const FIRST_YEAR: i32 = 2000;

impl Poll {
    /// Reads a query, alone or behind a path and `?`. What is not known here is passed over, and so is a metacharacter
    /// that a device did not replace.
    pub fn read(query: &str) -> Self {
        let query = query.split_once('?').map_or(query, |(_, query)| query);
        let mut poll = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decoded(value);
            if let Some((_, meta)) = KEYS.iter().find(|(key, _)| *key == name) {
                poll.replaced(*meta, &value);
                continue;
            }
            let variable = match name {
                "ver" => {
                    poll.version = Some(value);
                    continue;
                }
                "CHECK" => Variable::Check,
                "PROT" => Variable::Code(Code::Firmware),
                "BOOT" => Variable::Code(Code::Boot),
                "BMC" => Variable::Code(Code::Radio),
                "SCFG" => Variable::Saved,
                "CFG" => Variable::Loaded,
                _ => continue,
            };
            if !value.is_empty() {
                poll.serials.insert(variable, value);
            }
        }
        poll.fill_in();
        poll
    }

    /// What a device put in a metacharacter's place.
    fn replaced(&mut self, meta: Meta, value: &str) {
        if meta == Meta::Product {
            self.product = Product::new(value);
        } else if meta.takes(value) || meta == Meta::Firmware || meta == Meta::Mac {
            match meta {
                Meta::Mac => self.mac = value.parse().ok(),
                Meta::Number => self.number = Some(value.to_owned()),
                Meta::Address => self.address = value.parse().ok(),
                Meta::Firmware => self.builds.firmware = build(value),
                Meta::Boot => self.builds.boot = build(value),
                Meta::Hardware => self.builds.hardware = Some(value.to_owned()),
                Meta::Date => self.clock = NaiveDateTime::parse_from_str(value, "%Y%m%d-%H%M%S").ok(),
                Meta::Product | Meta::Backup(_) => {}
            }
        }
    }

    fn fill_in(&mut self) {
        let told = self.version.as_deref().map(Builds::of).unwrap_or_default();
        let builds = &mut self.builds;
        builds.firmware = builds.firmware.take().or(told.firmware);
        builds.boot = builds.boot.take().or(told.boot);
        builds.hardware = builds.hardware.take().or(told.hardware);
        if self.product.is_none() {
            let number = self.number.as_deref().and_then(|number| number.split_once('-'));
            self.product = number.and_then(|(product, _)| Product::new(product));
        }
    }

    /// The serial it has stored for this code; empty is none.
    pub fn stored(&self, code: Code) -> Option<&str> {
        self.serials.get(&Variable::Code(code)).map(String::as_str)
    }

    /// The build of this code that it says it runs; of radio code it never says.
    pub fn running(&self, code: Code) -> Option<&Version> {
        match code {
            Code::Firmware => self.builds.firmware.as_ref(),
            Code::Boot => self.builds.boot.as_ref(),
            Code::Radio => None,
        }
    }

    /// Whether it told a clock that has never been set: then it carries out nothing behind `times`.
    pub fn has_no_time(&self) -> bool {
        self.clock.is_some_and(|clock| clock.year() < FIRST_YEAR)
    }

    /// Whether number and MAC are not one device's: the number ends with the last three octets of the MAC.
    pub fn contradicts_itself(&self) -> bool {
        let (Some(number), Some(mac)) = (&self.number, self.mac) else { return false };
        let tail = mac.octets()[3..].iter().map(|octet| format!("-{octet:02x}")).collect::<String>();
        !number.to_ascii_lowercase().ends_with(&tail)
    }

    /// Whether the device runs this build of the firmware, by its own version; `None` when it tells none. The stored
    /// serial is no proof: it is what a script once said, whatever the file held.
    pub fn runs(&self, build: &str) -> Option<bool> {
        let parts = |text: &str, build: &str| {
            text.match_indices(build).any(|(at, _)| {
                let outside = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
                outside(text[..at].chars().next_back()) && outside(text[at + build.len()..].chars().next())
            })
        };
        self.version.as_deref().map(|version| !build.is_empty() && parts(version, build))
    }

    /// A settled device that polls so; `target` is the build that a script would bring, `product` the script's, for a
    /// poll that tells none.
    pub fn device(&self, target: Option<&str>, product: Option<&Product>) -> Device {
        let mut device = Kind::Settled.device(self.product.as_ref().or(product));
        device.serials.clone_from(&self.serials);
        if let Some(target) = target.filter(|target| self.runs(target) == Some(true)) {
            target.clone_into(&mut device.facts.firmware);
        }
        if let Some(mac) = self.mac {
            device.facts.mac = mac;
        }
        device
    }
}

/// A value of a query: `+` is a blank, `%20` too; what is no such sequence stays as it is.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let pair = tail.get(..2).and_then(|pair| {
            let mut byte = [0];
            hex::decode_to_slice(pair, &mut byte).ok().map(|()| byte[0])
        });
        match (first, pair) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &str = "/update-ip222.htm?sn=00-90-33-03-0d-f0&type=IP222&ver=IP222%2004-5679+Bootcode%5b205%5d&PROT=04-5680&\
                         PROTdate=1&BOOT=&CHECK=a%2";

    #[test]
    fn a_poll_tells_the_device_and_its_serials() {
        let poll = Poll::read(QUERY);
        assert_eq!(poll.version.as_deref(), Some("IP222 04-5679 Bootcode[205]"));
        assert_eq!(poll.product, Product::new("IP222"));
        assert_eq!(poll.mac.map(|mac| mac.to_string()).as_deref(), Some("00:90:33:03:0d:f0"));
        let serials: Vec<_> =
            poll.serials.iter().map(|(variable, text)| (*variable, text.as_str())).collect();
        assert_eq!(serials, [(Variable::Check, "a%2"), (Variable::Code(Code::Firmware), "04-5680")]);
        assert_eq!(poll.device(None, None).facts.mac.to_string(), "00:90:33:03:0d:f0");
    }

    #[test]
    fn the_version_proves_a_build_and_the_stored_serial_does_not() {
        let poll = Poll::read(QUERY);
        assert_eq!(poll.runs("04-5679"), Some(true));
        for build in ["04-5680", "04-567", "4-5679", ""] {
            assert_eq!(poll.runs(build), Some(false), "{build}");
        }
        assert_eq!(Poll::read("PROT=04-5679").runs("04-5679"), None);
        assert_eq!(poll.device(Some("04-5679"), None).facts.firmware, "04-5679");
        assert_eq!(poll.device(Some("04-5680"), None).facts.firmware, "0");
    }

    #[test]
    fn replaced_metacharacters_tell_what_runs_and_what_the_clock_shows() {
        let poll = Poll::read(
            "sn=00-90-33-03-0d-f0&type=IP222&hwid=IP222-03-0d-f0&ip=192.0.2.7&runs=12.5555&bootcode=125501&hw=208&\
             now=20261128-170130&ver=12r2 IP222[12.1111], Bootcode[121111], Hardware[207]",
        );
        assert_eq!(poll.builds.firmware, build("125555"), "`#F` is believed before `ver`");
        assert_eq!(
            (poll.builds.boot.clone(), poll.builds.hardware.as_deref()),
            (build("125501"), Some("208"))
        );
        assert_eq!(poll.clock, Some("2026-11-28T17:01:30".parse().unwrap()));
        assert_eq!(poll.address, Some("192.0.2.7".parse().unwrap()));
        assert!(!poll.has_no_time() && !poll.contradicts_itself());
        assert!(Poll::read("now=19700101-000512").has_no_time());
        assert!(Poll::read("sn=00-90-33-03-0d-f1&hwid=IP222-03-0d-f0").contradicts_itself());
        let number_alone = Poll::read("hwid=IP1200-03-0D-F0");
        assert_eq!((number_alone.product, number_alone.mac), (Product::new("IP1200"), None));
    }

    #[test]
    fn a_metacharacter_that_was_not_replaced_tells_nothing() {
        let poll = Poll::read("sn=%23m&type=%23t&hwid=#h&ip=#i&runs=%23F&bootcode=%23B&hw=%23H&now=%23d");
        assert_eq!(poll, Poll::default());
    }

    proptest::proptest! {
        #[test]
        fn no_query_brings_it_down(query in "\\PC{0,60}", build in "\\PC{0,4}") {
            let poll = Poll::read(&format!("ver=%{query}&PROT={query}&{query}"));
            let _ = poll.runs(&build);
        }
    }
}
