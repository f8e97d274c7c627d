//! What a script makes devices do in each hour of a day: the whole day of one device, read off single polls.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use chrono::{DateTime, TimeDelta};

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
    /// What is done at a poll.
    pub steps: Vec<Step>,
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
            owes: None,
        }
    }
}

/// The day of a device that polls in the middle of each hour and is each time as it is now. It begins with the hour
/// after the longest night of equal hours has begun; a day of one kind is one stretch from 0.
pub fn day(script: &Script, device: &Device) -> Vec<Stretch> {
    let polls: Vec<Vec<Step>> = (0..24).map(|hour| poll(script, device, hour)).collect();
    let mut stretches: Vec<Stretch> = Vec::new();
    for (hour, steps) in (0..24_u8).zip(polls) {
        match stretches.last_mut() {
            Some(last) if last.steps == steps => last.hours += 1,
            _ => stretches.push(Stretch { from: hour, hours: 1, steps }),
        }
    }
    // What goes on over midnight is one stretch.
    if stretches.len() > 1
        && stretches.first().map(|first| &first.steps) == stretches.last().map(|last| &last.steps)
    {
        let before = stretches.remove(0);
        if let Some(last) = stretches.last_mut() {
            last.hours += before.hours;
        }
    }
    stretches
}

/// The hours in which a settled device of this product does something of this kind.
pub fn hours(script: &Script, product: Option<&Product>, wanted: impl Fn(&Did) -> bool) -> Vec<u8> {
    let device = Kind::Settled.device(product);
    let does = |hour: &u8| poll(script, &device, *hour).iter().any(|step| wanted(&step.did));
    (0..24).filter(does).collect()
}

fn poll(script: &Script, device: &Device, hour: u8) -> Vec<Step> {
    let now = DateTime::UNIX_EPOCH.naive_utc() + TimeDelta::minutes(i64::from(hour) * 60 + 30);
    device.clone().poll(script, now)
}
