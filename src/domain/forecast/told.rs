//! What a forecast tells.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ledger::Held;
use crate::domain::phone::Mac;
use crate::domain::policy::Opening;
use crate::domain::policy::verdict::{Gate, Reason, Verdict};
use crate::domain::trip::Outcome;

/// A phone that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Going {
    /// Which.
    pub mac: Mac,
    /// The policy or job that sends it.
    pub policy: Arc<str>,
    /// When its last look begins; of a trip that was under way already, when its present step began.
    pub start: DateTime<Utc>,
    /// When it ends; `None` when it is still under way at the forecast's end.
    pub end: Option<DateTime<Utc>>,
    /// How it ends.
    pub outcome: Option<Outcome>,
    /// The opening of its window in which it starts; `None` when it waits for none.
    pub opening: Option<Opening>,
}

impl Going {
    /// Whether it comes back as it should.
    pub fn succeeds(&self) -> bool {
        match &self.outcome {
            Some(outcome) => {
                !matches!(outcome, Outcome::Failed { .. } | Outcome::Withdrawn { .. } | Outcome::Cancelled)
            }
            None => false,
        }
    }

    /// Whether its last look found a call, or a gate that had closed meanwhile, so that nothing was sent.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Withdrawn { .. }))
    }
}

/// What is to become of a phone that does not go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// There is nothing to do for it: no policy speaks of it, or it is what it should be.
    Nothing,
    /// It would go later: a window, a call, a place is in its way.
    Later,
    /// It does not go until somebody mends something.
    Never,
}

/// A phone that does not go, or never with success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staying {
    /// Which.
    pub mac: Mac,
    /// The policy or job that speaks of it.
    pub policy: Option<Arc<str>>,
    /// What is to become of it.
    pub fate: Fate,
    /// What holds it at the end of the forecast.
    pub reasons: Vec<Reason>,
}

/// What calls did to the rollout, and the rollout to calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallsMet {
    /// Calls at lines of the fleet: one between two of its phones counts twice.
    pub calls: u64,
    /// Calls at lines that no phone of the fleet has.
    pub strange: u64,
    /// Phones that at some time were held by nothing but their calls, or the quiet time after them.
    pub phones_held: u64,
    /// Last looks that found a call, or a gate that had closed meanwhile.
    pub withdrawn: u64,
    /// Calls for a phone that was down at the time.
    pub missed: u64,
    /// Calls that came between the last look and the reboot of a phone that does not wait for them.
    pub cut: u64,
}

/// A forecast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// Its last instant.
    pub until: DateTime<Utc>,
    /// Phones in the fleet.
    pub phones: usize,
    /// All trips in the order of their starts, withdrawn ones included.
    pub going: Vec<Going>,
    /// The phones without a successful trip, by MAC.
    pub staying: Vec<Staying>,
    /// When the last phone has made its first successful trip; `None` while some are left that would still go, or
    /// when none goes.
    pub ends: Option<DateTime<Utc>>,
    /// What held phones that had something to do, and for how long; inside the windows the longest first, then what is
    /// outside of them.
    pub held: Vec<Held>,
    /// What calls did.
    pub calls: CallsMet,
}

impl Forecast {
    /// The phones with a successful trip.
    pub fn done(&self) -> BTreeSet<Mac> {
        self.going.iter().filter(|going| going.succeeds()).map(|going| going.mac).collect()
    }

    /// What holds phones for longest while their windows are open: a place, a group, calls; the windows themselves when
    /// nothing else does. `None` when nobody is held.
    pub fn tightest(&self) -> Option<&Held> {
        self.held.first()
    }

    /// Keeps only these phones in the lists; what held the fleet stays as it is.
    pub fn show(&mut self, shown: impl Fn(Mac) -> bool) {
        self.going.retain(|going| shown(going.mac));
        self.staying.retain(|staying| shown(staying.mac));
    }
}

/// What is to become of a phone with this verdict.
pub(super) fn fate(verdict: &Verdict) -> Fate {
    let mut fate = Fate::Later;
    for gate in verdict.gates.iter().filter(|gate| !gate.is_open()) {
        match gate.gate {
            Gate::Identity | Gate::Image => fate = Fate::Never,
            Gate::Selected | Gate::Current | Gate::Penalty | Gate::Coverage | Gate::Window | Gate::Idle => {
                for reason in &gate.holds {
                    match reason {
                        Reason::NotSelected | Reason::AlreadyCurrent { .. } | Reason::StagedOnly { .. } => {
                            return Fate::Nothing;
                        }
                        Reason::Tie { .. }
                        | Reason::NotYet { .. }
                        | Reason::NoAttemptsLeft { .. }
                        | Reason::Lost
                        | Reason::Excluded { .. }
                        | Reason::CannotWait { .. }
                        | Reason::OutsideWindow { opens: None } => fate = Fate::Never,
                        _ => {}
                    }
                }
            }
            Gate::Blackout | Gate::View | Gate::Registered | Gate::Budget => {}
        }
    }
    fate
}
