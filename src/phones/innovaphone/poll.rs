//! What a device tells of itself when it polls: it appends its version and its stored serials to the update URL.

use std::collections::BTreeMap;

use super::device::{Device, Variable};
use super::product::Product;
use super::script::Code;
use super::timetable::Kind;
use crate::domain::phone::Mac;

/// A poll, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Poll {
    /// What it runs, in words for people (`ver`).
    pub version: Option<String>,
    /// Its stored serials; one that is empty is none.
    pub serials: BTreeMap<Variable, String>,
    /// Its product (`type`), where the update URL asks for it.
    pub product: Option<Product>,
    /// Its MAC (`sn`), where the update URL asks for it.
    pub mac: Option<Mac>,
}

impl Poll {
    /// Reads a query, alone or behind a path and `?`. What is not known here is passed over.
    pub fn read(query: &str) -> Self {
        let query = query.split_once('?').map_or(query, |(_, query)| query);
        let mut poll = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decoded(value);
            let variable = match name {
                "ver" => {
                    poll.version = Some(value);
                    continue;
                }
                "type" => {
                    poll.product = Product::new(&value);
                    continue;
                }
                "sn" => {
                    poll.mac = value.parse().ok();
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
        poll
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

    proptest::proptest! {
        #[test]
        fn no_query_brings_it_down(query in "\\PC{0,60}", build in "\\PC{0,4}") {
            let poll = Poll::read(&format!("ver=%{query}&PROT={query}&{query}"));
            let _ = poll.runs(&build);
        }
    }
}
