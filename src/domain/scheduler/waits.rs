//! What a phone waits for that may not go.

use chrono::{DateTime, Utc};

use crate::domain::gates::Judged;
use crate::domain::policy::verdict::{Gate, GateAnswer};

/// What a phone waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// For this instant.
    Until(DateTime<Utc>),
    /// For this instant, whatever its lines do until then: its calendar is closed.
    Asleep(DateTime<Utc>),
    /// For a place, in this party.
    In(u32),
}

/// What has to happen before a held phone may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Its window must open, or a blackout end; that comes then, and calls change nothing about it.
    Calendar(DateTime<Utc>),
    /// A gate's answer changes by time, then.
    Changes(DateTime<Utc>),
    /// Something that is told: a version, a registration, an edit, a call.
    News,
    /// Something that nobody tells, such as a PBX whose view is fresh again.
    Unannounced,
}

impl Until {
    /// What these answers wait for.
    pub fn of(judged: &Judged) -> Self {
        let closed = || judged.verdict.gates.iter().filter(|gate| !gate.is_open());
        let calendar = closed().filter(|gate| matches!(gate.gate, Gate::Window | Gate::Blackout));
        if let Some(opens) = calendar.map(|gate| gate.changes).max().flatten() {
            return Self::Calendar(opens);
        }
        // What there is to do is decided by what is known of the phone and by what people wrote: both are told.
        let settled = |gate: &&GateAnswer| gate.gate <= Gate::Image && gate.changes.is_none();
        match judged.next_change() {
            _ if closed().any(|gate| gate.gate == Gate::View) => Self::Unannounced,
            _ if closed().any(|gate| settled(&gate)) => Self::News,
            Some(at) => Self::Changes(at),
            None => Self::Unannounced,
        }
    }
}
