//! How many phones of a policy may be away from their desks at once, and how fast they may follow each other.

use chrono::TimeDelta;
use globset::GlobMatcher;

/// The pace of a policy.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Phones under way at once, from the NOTIFY to the last evidence; a lost phone keeps its place.
    pub down_at_once: u32,
    /// The same for parts of the fleet.
    pub per: PerPart,
    /// NOTIFYs in a time.
    pub notify_rate: Option<Rate>,
    /// Registrations that returning phones cause, in a time, at each PBX: one for each line.
    pub registrations: Option<Rate>,
    /// Updates at once from the NOTIFY until the image is fetched.
    pub downloads: Option<u32>,
    /// How fast images are served.
    pub bandwidth: Bandwidth,
    /// Each phone's first chance comes at an instant of its own, within so long after the window opens.
    pub spread: Option<TimeDelta>,
}

impl Default for Pace {
    /// One phone at a time.
    fn default() -> Self {
        Self {
            down_at_once: 1,
            per: PerPart::default(),
            notify_rate: None,
            registrations: None,
            downloads: None,
            bandwidth: Bandwidth::default(),
            spread: None,
        }
    }
}

impl Pace {
    /// So many phones at a time, limited by nothing else.
    pub fn at_once(down_at_once: u32) -> Self {
        Self { down_at_once, ..Self::default() }
    }
}

/// Phones down at once for each part of a fleet; `None` limits nothing.
#[derive(Debug, Clone, Default)]
pub struct PerPart {
    /// Of one site.
    pub site: Option<u32>,
    /// Of one model.
    pub model: Option<u32>,
    /// Of one network: /24 of IPv4, /64 of IPv6, by the addresses the lines are registered from.
    pub subnet: Option<u32>,
    /// Of one switch, as the inventory names it.
    pub switch: Option<u32>,
    /// Of each tag that a pattern matches: `floor-*` limits every floor by itself.
    pub tag: Vec<(GlobMatcher, u32)>,
}

/// So many in a time: `5/s`, `30/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub per: TimeDelta,
}

/// Bytes of images per second; `None` limits nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bandwidth {
    /// Over all phones of the policy.
    pub total: Option<u64>,
    /// Over the phones of one site.
    pub per_site: Option<u64>,
}
