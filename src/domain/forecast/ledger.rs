//! What held phones, and for how long. Looked at every so often, not at every change: the sums are for people.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::fleet::Fleet;
use crate::domain::gates::Judged;
use crate::domain::phone::{Mac, Phone};
use crate::domain::policy::verdict::{Gate, Reason};
use crate::domain::scheduler::Scheduler;

/// The least and the most time between two looks, while anybody's window is open.
const BETWEEN_LOOKS: (TimeDelta, TimeDelta) = (TimeDelta::minutes(1), TimeDelta::minutes(5));

/// Looks a forecast takes, as far as that time allows.
const LOOKS: i32 = 200;

/// The most time between two looks while all windows are closed.
const LONGEST_SLEEP: TimeDelta = TimeDelta::hours(1);

/// Phones that are looked at in all looks together; of larger fleets every so many-th stands for its neighbours.
const PHONES_IN_ALL: usize = 4_000_000;

/// What stands in the way of a phone that has something to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "brake", rename_all = "kebab-case")]
pub enum Brake {
    /// A limit of the pace: `night`, `site berlin of night`.
    Place {
        /// Whose places are all taken, or whose rate is reached.
        of: Arc<str>,
    },
    /// A group of which enough must stay up.
    Coverage {
        /// The group.
        group: Arc<str>,
    },
    /// Calls, and the quiet time after them.
    Calls,
    /// Lines that are not registered, or a PBX that tells nothing.
    Unseen,
    /// The pause after a failure or a withdrawn look.
    Pause,
    /// A blackout.
    Blackout,
    /// A window that is closed, or too short for what is left of it.
    Window,
}

impl std::fmt::Display for Brake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Place { of } => write!(f, "the pace of {of}"),
            Self::Coverage { group } => write!(f, "coverage of {group}"),
            Self::Calls => f.write_str("calls"),
            Self::Unseen => f.write_str("phones that are not seen"),
            Self::Pause => f.write_str("pauses between attempts"),
            Self::Blackout => f.write_str("blackouts"),
            Self::Window => f.write_str("the windows"),
        }
    }
}

/// For how long something held phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What.
    pub by: Brake,
    /// The sum over all phones, in seconds; a phone that two limits hold counts for both.
    pub phone_seconds: i64,
}

/// The sums so far.
pub(super) struct Ledger {
    every: TimeDelta,
    next: DateTime<Utc>,
    until: DateTime<Utc>,
    /// Each phone looked at stands for so many.
    stands_for: usize,
    watched: Vec<Mac>,
    sums: BTreeMap<Brake, i64>,
    by_calls: HashSet<Mac>,
}

impl Ledger {
    pub fn new(fleet: &Fleet, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        let every = ((until - from) / LOOKS).clamp(BETWEEN_LOOKS.0, BETWEEN_LOOKS.1);
        let looks = (until - from).num_seconds() / every.num_seconds().max(1) + 1;
        let each = PHONES_IN_ALL / usize::try_from(looks).unwrap_or(usize::MAX).max(1);
        let stands_for = fleet.len().div_ceil(each.max(1)).max(1);
        let watched = fleet.iter().step_by(stands_for).map(|phone| phone.mac).collect();
        Self {
            every,
            next: from,
            until,
            stands_for,
            watched,
            sums: BTreeMap::new(),
            by_calls: HashSet::new(),
        }
    }

    /// When the next look is due; `None` when nobody is left to be looked at.
    pub fn next(&self) -> Option<DateTime<Utc>> {
        (!self.watched.is_empty()).then_some(self.next)
    }

    /// Looks at everybody who is not under way.
    pub fn look(
        &mut self,
        now: DateTime<Utc>,
        scheduler: &Scheduler,
        fleet: &Fleet,
        under_way: &dyn Fn(Mac) -> bool,
    ) {
        let by_calls = &mut self.by_calls;
        let mut found: BTreeMap<Brake, i64> = BTreeMap::new();
        let mut settled = BTreeSet::new();
        // Until a window opens there is nothing to be seen; without a word about when, looks go on.
        let (mut opens, soon) = (Some(DateTime::<Utc>::MAX_UTC), now + self.every);
        let phones = self.watched.iter().filter(|mac| !under_way(**mac)).filter_map(|mac| fleet.get(*mac));
        let watched = phones.clone().count();
        scheduler.survey(phones, now, fleet, &mut |phone: &Phone, judged: &Judged| {
            if is_settled(judged) {
                settled.insert(phone.mac);
                return;
            }
            let brakes = brakes(judged);
            opens = match (brakes.as_slice(), judged.next_change()) {
                ([Brake::Window], change) => opens.min(change),
                ([], Some(change)) => opens.min(Some(change)),
                // Nothing to do, until a person acts.
                ([], None) if !judged.verdict.is_go() => opens,
                _ => None,
            };
            for brake in brakes {
                if brake == Brake::Calls {
                    by_calls.insert(phone.mac);
                }
                *found.entry(brake).or_default() += 1;
            }
        });
        self.next = match opens {
            Some(opens) if watched == self.watched.len() => opens.clamp(soon, soon + LONGEST_SLEEP),
            _ => soon,
        };
        let seconds = (self.next.min(self.until) - now).num_seconds()
            * i64::try_from(self.stands_for).unwrap_or(i64::MAX);
        for (brake, phones) in found {
            *self.sums.entry(brake).or_default() += phones * seconds;
        }
        if !settled.is_empty() {
            self.watched.retain(|mac| !settled.contains(mac));
        }
    }

    /// Phones that calls held, those stood for included.
    pub fn held_by_calls(&self) -> u64 {
        (self.by_calls.len() * self.stands_for) as u64
    }

    /// The sums: limits, groups and calls first, the longest of them at the top; then what a clock alone opens.
    pub fn told(self) -> Vec<Held> {
        let mut held: Vec<Held> =
            self.sums.into_iter().map(|(by, phone_seconds)| Held { by, phone_seconds }).collect();
        let by_clock = |by: &Brake| matches!(by, Brake::Window | Brake::Blackout);
        held.sort_by_key(|held| (by_clock(&held.by), std::cmp::Reverse(held.phone_seconds)));
        held
    }
}

/// Whether nothing will ever be done for the phone again: it is up to date, or nobody speaks of it.
pub(super) fn is_settled(judged: &Judged) -> bool {
    judged.verdict.reasons().any(|reason| {
        matches!(reason, Reason::NotSelected | Reason::AlreadyCurrent { .. } | Reason::StagedOnly { .. })
    })
}

/// What holds a phone that has something to do. Behind a closed window nothing else counts; behind a call no place does.
fn brakes(judged: &Judged) -> Vec<Brake> {
    let closed = |gate: Gate| judged.verdict.gates.iter().find(|g| g.gate == gate && !g.is_open());
    let idle_hands = [Gate::Identity, Gate::Selected, Gate::Current, Gate::Image];
    if idle_hands.into_iter().any(|gate| closed(gate).is_some()) {
        return Vec::new();
    }
    let alone = [
        (Gate::Window, Brake::Window),
        (Gate::Blackout, Brake::Blackout),
        (Gate::View, Brake::Unseen),
        (Gate::Registered, Brake::Unseen),
        (Gate::Idle, Brake::Calls),
        (Gate::Penalty, Brake::Pause),
    ];
    if let Some((gate, brake)) = alone.into_iter().find(|(gate, _)| closed(*gate).is_some()) {
        // Not every phone that is not idle is in a call: of some nobody tells what the policy wants to know.
        let untold = |reason: &Reason| matches!(reason, Reason::Untold { .. } | Reason::CannotWait { .. });
        let unseen = closed(gate).is_some_and(|gate| gate.holds.iter().all(untold));
        return vec![if unseen { Brake::Unseen } else { brake }];
    }
    let places = [Gate::Coverage, Gate::Budget].into_iter().filter_map(closed).flat_map(|gate| &gate.holds);
    let mut brakes: Vec<Brake> = places
        .map(|reason| match reason {
            Reason::BudgetFull { budget, .. } | Reason::RateReached { budget, .. } => {
                Brake::Place { of: budget.clone() }
            }
            Reason::Coverage { group, .. }
            | Reason::GoesLast { group, .. }
            | Reason::Excluded { group }
            | Reason::GroupUntold { group } => Brake::Coverage { group: group.as_str().into() },
            other => Brake::Place { of: other.slug().into() },
        })
        .collect();
    brakes.sort();
    brakes.dedup();
    brakes
}
