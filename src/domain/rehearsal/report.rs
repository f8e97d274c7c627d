//! What a case showed: each step's whole verdict, and where it differs from what was expected.

use std::fmt;
use std::sync::Arc;

use chrono_tz::Tz;

use super::because::Because;
use super::case::{Answer, Expect};
use crate::domain::gates::Judged;
use crate::domain::phone::Phone;
use crate::domain::policy::verdict::{Reason, Verdict};

/// What a case showed.
#[derive(Debug, Clone)]
pub struct CaseReport {
    /// Its steps, in order.
    pub steps: Vec<StepReport>,
}

/// What a step showed.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// The phone, as it was seen at that instant.
    pub phone: Phone,
    /// The zone its times are told in.
    pub zone: Tz,
    /// The policy that decides; `None` when none speaks of it, or several do.
    pub policy: Option<Arc<str>>,
    /// Every gate's answer, and what the phone would do.
    pub judged: Judged,
    /// The phones that one pass lets go, where the step asks for them.
    pub goes: Option<Vec<Arc<str>>>,
    /// How it differs from what was expected.
    pub misses: Vec<Miss>,
}

/// How a step differs from what was expected.
#[derive(Debug, Clone, PartialEq)]
pub enum Miss {
    /// Another decision.
    Answer {
        /// The one expected.
        expected: Answer,
        /// The one made.
        found: Answer,
    },
    /// This reason is not among those that hold the phone.
    Because(Because),
    /// Another policy decides.
    Policy {
        /// The one expected.
        expected: Arc<str>,
        /// The one that does.
        found: Option<Arc<str>>,
    },
    /// Another number of phones may go.
    Goes {
        /// How many should.
        expected: usize,
        /// Who does.
        found: Vec<Arc<str>>,
    },
    /// The step tells of a trip, and there is none that the phone could have made.
    NoTrip,
}

impl CaseReport {
    /// Whether every step went as expected.
    pub fn passes(&self) -> bool {
        self.steps.iter().all(StepReport::passes)
    }
}

impl StepReport {
    /// Whether it went as expected.
    pub fn passes(&self) -> bool {
        self.misses.is_empty()
    }

    /// The decision.
    pub fn answer(&self) -> Answer {
        answer(&self.judged.verdict)
    }
}

/// What a verdict comes to.
pub(super) fn answer(verdict: &Verdict) -> Answer {
    let held_by = |is: fn(&Reason) -> bool| verdict.reasons().any(is);
    if held_by(|reason| matches!(reason, Reason::NotSelected)) {
        Answer::NotSelected
    } else if held_by(|reason| {
        matches!(
            reason,
            Reason::AlreadyCurrent { .. }
                | Reason::AlreadyRebooted { .. }
                | Reason::AlreadyResynced { .. }
                | Reason::AlreadyHandedIn { .. }
                | Reason::AlreadyWritten { .. }
                | Reason::HasFiles { .. }
        )
    }) {
        Answer::Done
    } else if verdict.is_go() {
        Answer::Go
    } else {
        Answer::Hold
    }
}

/// Holds a verdict against what is expected of it.
pub(super) fn misses(
    expect: &Expect,
    verdict: &Verdict,
    policy: Option<&Arc<str>>,
    goes: Option<&[Arc<str>]>,
    zone: Tz,
) -> Vec<Miss> {
    let mut misses = Vec::new();
    let found = answer(verdict);
    misses.extend(
        expect.answer.filter(|expected| *expected != found).map(|expected| Miss::Answer { expected, found }),
    );
    let named = |because: &Because| {
        verdict.gates.iter().any(|g| g.holds.iter().any(|reason| because.means(g.gate, reason, zone)))
    };
    misses.extend(expect.because.iter().filter(|because| !named(because)).cloned().map(Miss::Because));
    if let Some(expected) = expect.by_policy.as_ref().filter(|expected| Some(*expected) != policy) {
        misses.push(Miss::Policy { expected: expected.clone(), found: policy.cloned() });
    }
    if let (Some(expected), Some(found)) = (expect.goes, goes)
        && expected != found.len()
    {
        misses.push(Miss::Goes { expected, found: found.to_vec() });
    }
    misses
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::Because(because) => write!(f, "expected {because}, found none"),
            Self::Policy { expected, found } => {
                let found = found.as_deref().unwrap_or("none");
                write!(f, "expected policy {expected} to decide, found {found}")
            }
            Self::Goes { expected, found } if found.is_empty() => {
                write!(f, "expected {expected} to go at once, found none")
            }
            Self::Goes { expected, found } => {
                write!(f, "expected {expected} to go at once, found {}: {}", found.len(), found.join(", "))
            }
            Self::NoTrip => f.write_str("no policy in force gives this phone anything to do a trip for"),
        }
    }
}
