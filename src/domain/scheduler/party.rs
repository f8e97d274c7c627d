//! What waiting phones need, and what may stand in their way.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::budget::{Budgets, Flow, Needs, Purse};
use crate::domain::phone::Mac;
use crate::domain::policy::Rate;

/// Where a phone stands in its party: those that withdrew less often first, then in an order that differs from the MACs'
/// but not between runs.
pub type Turn = (u32, u64, Mac);

/// What may stand in a phone's way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bar {
    /// A group that must stay up, by its number.
    Group(u32),
    /// This policy names groups of which nobody told.
    Untold(Arc<str>),
    /// A purse.
    Purse(Purse),
    /// A rate.
    Flow(Flow),
}

/// A bar, and who stands at it.
#[derive(Debug, Clone)]
pub struct Stop {
    pub bar: Bar,
    /// Places of a purse, phones that a group can spare.
    pub limit: u32,
    /// Only for flows.
    pub rate: Option<Rate>,
    /// Phones that need it, wherever they stand.
    pub waiting: u32,
    /// Parties that need it.
    pub parties: u32,
    /// Parties that stand here, as they ranked when they came.
    pub parked: BTreeSet<(Rank, u32)>,
}

/// Which party goes first.
///
/// Where a place is wanted by several, it goes to whose own scarce purse has the longest queue, so that the longest one
/// does not stand alone at the end of the night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    pub withdrawals: u32,
    /// The longest queues of its purses in rounds of a hundredth, longest first.
    pub loads: [Reverse<u32>; 4],
    pub spread: u64,
}

/// Phones with the same needs.
#[derive(Debug, Clone)]
pub struct Party {
    pub key: Box<[u64]>,
    pub owner: Arc<str>,
    /// They go when no other phone of their policy waits or is under way.
    pub last: bool,
    /// What it needs, the bar at which places fall free least often first; rates at the end.
    pub needs: Vec<(u32, u32)>,
    pub phones: BTreeSet<Turn>,
    pub stands: Stands,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// To be looked at.
    Ready(Rank),
    /// At a bar.
    At(u32, Rank),
    /// Behind all others of its policy.
    Last,
    /// In the hands of whoever asked for the next.
    Out,
}

/// What a phone needs of the others.
pub struct Wants<'a> {
    pub owner: &'a Arc<str>,
    pub last: bool,
    /// Its groups by their numbers, with the phones each can spare when all are up.
    pub groups: &'a [(u32, u32)],
    /// The policy that names groups of which somebody must tell first.
    pub told_for: Option<&'a Arc<str>>,
    pub needs: Needs,
}

impl Stop {
    /// Whether a bar has something for a phone that needs so much of it.
    pub fn has_room(&self, weight: u32, budgets: &Budgets, now: DateTime<Utc>) -> bool {
        match (&self.bar, self.rate) {
            (Bar::Group(number), _) => budgets.groups.get(*number).is_some_and(|group| group.spares_one()),
            (Bar::Untold(policy), _) => budgets.groups.untold(policy).is_empty(),
            (Bar::Purse(purse), _) => budgets.down(purse) < self.limit,
            (Bar::Flow(flow), Some(rate)) => budgets.bears_from(flow, rate, weight, now) <= now,
            (Bar::Flow(_), None) => true,
        }
    }
}
