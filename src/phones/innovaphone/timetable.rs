//! What a script makes devices do in each hour of a day: the whole day of one device, read off single polls.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use chrono::{DateTime, NaiveDateTime, TimeDelta};

use super::device::{Device, Did, Step};
use super::product::Product;
use super::script::Script;
use super::url::Facts;
use crate::domain::phone::Mac;

/// Hours in which one and the same is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The first of them, by the device's clock.
    pub from: u8,
    /// How many they are.
    pub hours: u8,
    /// What is done at a poll. The date in an address stands as `#d`.
    pub did: Vec<Did>,
}

/// The kinds of devices between which scripts tell a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In use for long, with another firmware than the script's.
    Settled,
    /// The same, while somebody telephones.
    InCall,
    /// As it left the factory, an hour after its boot, and with the time.
    New,
    /// A minute after its boot.
    JustBooted,
    /// Without the time.
    WithoutTime,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Settled, Self::InCall, Self::New, Self::JustBooted, Self::WithoutTime];

    /// What people call it.
    pub const fn called(self) -> &'static str {
        match self {
            Self::Settled => "an idle device",
            Self::InCall => "a device in a call",
            Self::New => "a new device, an hour after its boot",
            Self::JustBooted => "a device that booted a minute ago",
            Self::WithoutTime => "a device that does not know the time",
        }
    }

    /// Such a device, of this product.
    pub fn device(self, product: Option<&Product>) -> Device {
        let facts = Facts {
            firmware: "0".into(),
            boot: "0".into(),
            hardware: "0".into(),
            product: product.map_or("PRODUCT", Product::as_str).to_owned(),
            mac: Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf0]),
            address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
        };
        Device {
            facts,
            radio: None,
            fetched: BTreeMap::new(),
            new: self == Self::New,
            has_time: self != Self::WithoutTime,
            busy: self == Self::InCall,
            needs_reset: false,
            up_minutes: match self {
                Self::JustBooted => 1,
                Self::New => 60,
                Self::Settled | Self::InCall | Self::WithoutTime => 10_000,
            },
            serials: BTreeMap::new(),
            saved: None,
            saves: 0,
            owes: None,
        }
    }
}

/// The day of a device that polls in the middle of each hour and is each time as it is now. Hours in a row in which the
/// same is done are one stretch, over midnight too.
pub fn day(script: &Script, device: &Device) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for hour in 0..24 {
        let did = polled(script, device, hour);
        match stretches.last_mut() {
            Some(last) if last.did == did => last.hours += 1,
            _ => stretches.push(Stretch { from: hour, hours: 1, did }),
        }
    }
    let over_midnight = match stretches.as_slice() {
        [first, .., last] => first.did == last.did,
        [_] | [] => false,
    };
    if over_midnight {
        let before = stretches.remove(0);
        if let Some(last) = stretches.last_mut() {
            last.hours += before.hours;
        }
    }
    stretches
}

/// The hours in which a settled device of this product does something of this kind, at the first poll or at one of
/// those after the restarts that come before it.
pub fn hours(script: &Script, product: Option<&Product>, wanted: impl Fn(&Did) -> bool) -> Vec<u8> {
    let settled = Kind::Settled.device(product);
    let does = |hour: &u8| {
        let mut device = settled.clone();
        // Each restart a script has a reason for stores another serial, so a few polls are all there can be.
        (0..script.lines.len().min(MOST_POLLS) + 1).any(|_| {
            let steps = device.poll(script, time(*hour));
            device.up_minutes = settled.up_minutes;
            steps.iter().any(|step| wanted(&step.did))
        })
    };
    (0..24).filter(does).collect()
}

/// More restarts than this no script has a reason for.
const MOST_POLLS: usize = 8;

fn polled(script: &Script, device: &Device, hour: u8) -> Vec<Did> {
    let now = time(hour);
    let date = now.format("%Y%m%d-%H%M%S").to_string();
    let undated = |Step { did, .. }: Step| match did {
        Did::Saved(url) => Did::Saved(url.replace(&date, "#d")),
        did => did,
    };
    device.clone().poll(script, now).into_iter().map(undated).collect()
}

/// The middle of an hour.
fn time(hour: u8) -> NaiveDateTime {
    DateTime::UNIX_EPOCH.naive_utc() + TimeDelta::minutes(i64::from(hour) * 60 + 30)
}
