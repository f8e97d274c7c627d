//! May this phone go now? Every gate's answer, for people and for machines.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::domain::firmware::{Misfit, Version};
use crate::domain::phone::{CallState, LineId, PbxName};

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
    /// The PBX's view is fresh.
    View,
    /// Every line is registered, each at one contact.
    Registered,
    /// Every line has been quiet long enough.
    Idle,
    /// A place is free.
    Budget,
}

impl Gate {
    /// All gates, in order.
    pub const ALL: [Self; 10] = [
        Self::Identity,
        Self::Selected,
        Self::Current,
        Self::Image,
        Self::Penalty,
        Self::Window,
        Self::View,
        Self::Registered,
        Self::Idle,
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
            Self::View => "PBX view",
            Self::Registered => "registered",
            Self::Idle => "idle",
            Self::Budget => "budget",
        }
    }
}

/// Why a phone is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// Neither the inventory nor an observation says which lines it has.
    NoLines,
    /// No vendor profile: nobody knows how this phone is asked.
    NoProfile {
        /// What is known of it.
        kind: String,
    },
    /// No policy selects it.
    NotSelected,
    /// Two policies of the same priority select it.
    Tie {
        /// Their names.
        policies: Vec<Arc<str>>,
    },
    /// It runs the target already.
    AlreadyCurrent {
        /// What it runs.
        version: Version,
    },
    /// It was rebooted in this opening of the window already.
    AlreadyRebooted {
        /// When it was back.
        at: DateTime<Utc>,
    },
    /// The release is not staged, or holds no image for this model.
    NoImage {
        /// The release.
        release: Arc<str>,
    },
    /// The image must not be offered to it.
    Misfit(Misfit),
    /// It failed lately.
    PenaltyBox {
        /// When it may be tried again.
        until: DateTime<Utc>,
        /// What went wrong.
        after: String,
    },
    /// It failed as often as the policy allows.
    NoAttemptsLeft {
        /// Trips made.
        attempts: u32,
        /// What went wrong last.
        last: String,
    },
    /// It went and was not seen again: it may be flashing, or dead.
    Lost,
    /// The window is closed.
    OutsideWindow {
        /// When it opens next, and for how long.
        opens: Option<super::Opening>,
    },
    /// The window is open but closes too soon for this model.
    TooLittleLeft {
        /// What is left of it, in seconds.
        left_seconds: i64,
        /// What the phone needs, in seconds.
        needs_seconds: i64,
        /// When it opens next.
        opens: Option<super::Opening>,
    },
    /// The PBX has not told anything lately (or ever): what its phones do is unknown.
    ViewStale {
        /// Which PBX.
        pbx: PbxName,
        /// Age of the view in seconds; `None` when there never was one.
        age_seconds: Option<i64>,
    },
    /// A line is not registered.
    NotRegistered {
        /// Which line.
        line: LineId,
    },
    /// A line has several contacts: which of them is this phone cannot be told.
    SeveralContacts {
        /// Which line.
        line: LineId,
        /// How many.
        contacts: usize,
    },
    /// A line is in a call, rings, or is in a state nobody told.
    Busy {
        /// Which line.
        line: LineId,
        /// What it is doing.
        calls: CallState,
    },
    /// Not quiet for long enough.
    NotQuietYet {
        /// The line that was busy last.
        line: LineId,
        /// Quiet for so many seconds.
        quiet_seconds: i64,
        /// Of so many.
        needed_seconds: i64,
        /// When that will be reached if nobody calls.
        until: DateTime<Utc>,
    },
    /// Too many phones are down already.
    BudgetFull {
        /// Whose budget: the policy's name.
        budget: Arc<str>,
        /// Phones down.
        down: u32,
        /// How many may be.
        limit: u32,
    },
    /// The trip is under way.
    UnderWay {
        /// The trip's state.
        state: String,
    },
    /// The daemon is shutting down and starts nothing new.
    Draining,
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

impl Reason {
    /// The reason in words, its times as clocks in this zone show them; UTC is named.
    pub fn told_in(&self, zone: Tz) -> String {
        let seconds = |n: i64| spell(TimeDelta::seconds(n));
        let clock = |at: &DateTime<Utc>, form: &str| {
            let text = at.with_timezone(&zone).format(form).to_string();
            if zone == Tz::UTC { text + " UTC" } else { text }
        };
        match self {
            Self::NoLines => "no line is known for this phone".to_owned(),
            Self::NoProfile { kind } => format!("no profile for {kind}"),
            Self::NotSelected => "no policy selects it".to_owned(),
            Self::Tie { policies } => {
                format!("policies of equal priority: {}", policies.join(", "))
            }
            Self::AlreadyCurrent { version } => format!("runs {version} already"),
            Self::AlreadyRebooted { at } => {
                format!("rebooted in this window already ({})", clock(at, "%H:%M"))
            }
            Self::NoImage { release } => format!("release {release} has no image for it"),
            Self::Misfit(misfit) => misfit.to_string(),
            Self::PenaltyBox { until, after } => {
                format!("after {after}: not before {}", clock(until, "%a %d %b %H:%M:%S"))
            }
            Self::NoAttemptsLeft { attempts, last } => {
                format!("no attempt left after {attempts}, last: {last}")
            }
            Self::Lost => {
                "it left and was not seen again; it keeps its place until it is, or a person acts".to_owned()
            }
            Self::OutsideWindow { opens: Some(next) } => {
                format!("outside the window, opens {}", clock(&next.start, "%a %d %b %H:%M"))
            }
            Self::OutsideWindow { opens: None } => "no window ever opens".to_owned(),
            Self::TooLittleLeft { left_seconds, needs_seconds, .. } => format!(
                "window closes in {}, the phone needs {}",
                seconds(*left_seconds),
                seconds(*needs_seconds)
            ),
            Self::ViewStale { pbx, age_seconds: Some(age) } => {
                format!("PBX view of {pbx} is {age} s old")
            }
            Self::ViewStale { pbx, age_seconds: None } => format!("no view of {pbx}"),
            Self::NotRegistered { line } => format!("line {} is not registered", line.user),
            Self::SeveralContacts { line, contacts } => {
                format!("line {} has {contacts} contacts", line.user)
            }
            Self::Busy { line, calls } => format!("{calls} (line {})", line.user),
            Self::NotQuietYet { line, quiet_seconds, needed_seconds, .. } => format!(
                "quiet for {} of {} (line {})",
                seconds(*quiet_seconds),
                seconds(*needed_seconds),
                line.user
            ),
            Self::BudgetFull { budget, down, limit } => {
                format!("{down} of {limit} phones of {budget} are down")
            }
            Self::UnderWay { state } => format!("under way: {state}"),
            Self::Draining => "sipherd is shutting down".to_owned(),
        }
    }

    /// A short machine name for logs, API fields and metric labels.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::NoLines => "no-lines",
            Self::NoProfile { .. } => "no-profile",
            Self::NotSelected => "not-selected",
            Self::Tie { .. } => "tie",
            Self::AlreadyCurrent { .. } => "already-current",
            Self::AlreadyRebooted { .. } => "already-rebooted",
            Self::NoImage { .. } => "no-image",
            Self::Misfit(_) => "misfit",
            Self::PenaltyBox { .. } => "penalty-box",
            Self::NoAttemptsLeft { .. } => "no-attempts-left",
            Self::Lost => "lost",
            Self::OutsideWindow { .. } => "outside-window",
            Self::TooLittleLeft { .. } => "too-little-left",
            Self::ViewStale { .. } => "view-stale",
            Self::NotRegistered { .. } => "not-registered",
            Self::SeveralContacts { .. } => "several-contacts",
            Self::Busy { .. } => "busy",
            Self::NotQuietYet { .. } => "not-quiet-yet",
            Self::BudgetFull { .. } => "budget-full",
            Self::UnderWay { .. } => "under-way",
            Self::Draining => "draining",
        }
    }
}

impl fmt::Display for CallState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "in an unknown state",
            Self::Idle => "idle",
            Self::Ringing => "ringing",
            Self::Talking => "in a call",
            Self::Held => "in a call on hold",
            Self::Offline => "offline",
        })
    }
}

impl fmt::Display for Reason {
    /// With times in UTC, for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told_in(Tz::UTC))
    }
}
