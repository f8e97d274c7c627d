//! May this phone go now? Every gate's answer, for people and for machines.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use super::reason::Reason;

/// The gates in the order they are asked. All are asked, so that an explanation is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// The phone's MAC, lines and vendor profile are known.
    Identity,
    /// Exactly one policy speaks of it, or a person asked for it.
    Selected,
    /// There is something left to do.
    Current,
    /// The image may be offered to it.
    Image,
    /// Attempts are left, and the pause since the last one is over.
    Penalty,
    /// The window is open, and enough of it is left.
    Window,
    /// No blackout, and none begins too soon.
    Blackout,
    /// The PBX's view is fresh.
    View,
    /// Every line is registered, each at one contact.
    Registered,
    /// Every line has been quiet long enough.
    Idle,
    /// Enough phones of its groups stay up.
    Coverage,
    /// A place is free.
    Budget,
}

impl Gate {
    /// All gates, in order.
    pub const ALL: [Self; 12] = [
        Self::Identity,
        Self::Selected,
        Self::Current,
        Self::Image,
        Self::Penalty,
        Self::Window,
        Self::Blackout,
        Self::View,
        Self::Registered,
        Self::Idle,
        Self::Coverage,
        Self::Budget,
    ];

    /// The name shown to people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Selected => "selected",
            Self::Current => "work to do",
            Self::Image => "image fits",
            Self::Penalty => "attempts",
            Self::Window => "window",
            Self::Blackout => "blackout",
            Self::View => "PBX view",
            Self::Registered => "registered",
            Self::Idle => "idle",
            Self::Coverage => "coverage",
            Self::Budget => "budget",
        }
    }
}

/// One gate's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateAnswer {
    /// The gate.
    pub gate: Gate,
    /// Empty when the gate is open.
    pub holds: Vec<Reason>,
    /// What the gate saw, for people: `opens Sat 21 Nov 23:00`.
    pub saw: String,
    /// When the answer changes by itself; `None` when only an event or a person changes it.
    pub changes: Option<DateTime<Utc>>,
}

impl GateAnswer {
    /// Whether the gate lets the phone through.
    pub fn is_open(&self) -> bool {
        self.holds.is_empty()
    }
}

/// The answers of all gates for one phone at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// One answer a gate, in the order of [`Gate::ALL`].
    pub gates: Vec<GateAnswer>,
}

impl Verdict {
    /// Whether the phone may go now.
    pub fn is_go(&self) -> bool {
        self.gates.iter().all(GateAnswer::is_open)
    }

    /// Every cause that holds the phone.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.gates.iter().flat_map(|gate| &gate.holds)
    }

    /// The earliest instant at which every gate that changes by time alone will have changed.
    ///
    /// `None` when a closed gate waits for an event or a person.
    pub fn earliest(&self) -> Option<DateTime<Utc>> {
        let changes: Option<Vec<_>> = self.gates.iter().filter(|g| !g.is_open()).map(|g| g.changes).collect();
        changes?.into_iter().max()
    }
}

/// A length of time as people say it: `45 s`, `12 min`, `1 d 4 h`.
pub fn spell(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let two = |a: i64, unit_a: &str, b: i64, unit_b: &str| {
        if b == 0 { format!("{a} {unit_a}") } else { format!("{a} {unit_a} {b} {unit_b}") }
    };
    if days > 0 {
        two(days, "d", hours, "h")
    } else if hours > 0 {
        two(hours, "h", minutes, "min")
    } else if minutes > 0 {
        two(minutes, "min", if minutes < 5 { seconds % 60 } else { 0 }, "s")
    } else {
        format!("{seconds} s")
    }
}
