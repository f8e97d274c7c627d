//! How quiet a phone must have been before it may be rebooted, who says so, and what happens when it never is.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::reason::Reason;
use crate::domain::phone::LineId;

/// The idle rule of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdleRule {
    /// How long all lines of the phone must have been without any call.
    pub quiet: TimeDelta,
    /// Whose word counts.
    pub by: IdleBy,
    /// What counts as busy besides a ringing line, a call, a held call and a state nobody knows.
    pub also_busy: AlsoBusy,
    /// Ask the phone itself (one-shot dialog SUBSCRIBE, RFC 4235 and RFC 6665 section 4.4.3) right before the
    /// NOTIFY, where its vendor's profile says that it answers.
    pub probe: bool,
    /// What happens to a phone that is not idle in time.
    pub patience: Patience,
}

impl Default for IdleRule {
    fn default() -> Self {
        Self {
            quiet: TimeDelta::minutes(10),
            by: IdleBy::Pbx,
            also_busy: AlsoBusy::default(),
            probe: true,
            patience: Patience::NextWindow,
        }
    }
}

/// Whose word on a phone's calls counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdleBy {
    /// The PBX's.
    Pbx,
    /// The phone's own: the order is sent whatever the PBX says or does not say, and only to phones whose maker
    /// documents that they wait for their calls to end (rule 1 of the design).
    Phone,
    /// Both: the PBX sees it idle, and the phone waits by its maker's word or answers when it is asked.
    Both,
}

/// States that some authors count as busy and others do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlsoBusy {
    /// An agent is logged in to a queue at one of its lines.
    pub agent_logged_in: bool,
    /// Do-not-disturb is set on one of its lines.
    pub do_not_disturb: bool,
}

impl AlsoBusy {
    /// What of it holds a line of which this was told; of what nobody told, it holds that.
    pub fn reasons(
        self,
        line: &LineId,
        agent_logged_in: Option<bool>,
        do_not_disturb: Option<bool>,
    ) -> impl Iterator<Item = Reason> {
        let untold = |what: &str| Reason::Untold { line: line.clone(), what: what.to_owned() };
        let agent = self.agent_logged_in.then(|| match agent_logged_in {
            Some(true) => Some(Reason::AgentLoggedIn { line: line.clone() }),
            Some(false) => None,
            None => Some(untold("queue agents")),
        });
        let quiet = self.do_not_disturb.then(|| match do_not_disturb {
            Some(true) => Some(Reason::DoNotDisturb { line: line.clone() }),
            Some(false) => None,
            None => Some(untold("do-not-disturb")),
        });
        agent.flatten().into_iter().chain(quiet.flatten())
    }
}

/// What happens to a phone that has not been idle when its window is about to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It waits for the next window.
    NextWindow,
    /// At the last moment of the window the order is sent, and the phone waits until its calls have ended; only to
    /// phones whose maker documents that they do. Its reboot may come after the window.
    PhoneWaits,
    /// Once the window has been open for so long, a phone that only its calls still hold is rebooted even in a call;
    /// never one of which anything is unknown, and never in a window that does not close.
    Force {
        /// How long the window must have been open.
        after: TimeDelta,
    },
}
