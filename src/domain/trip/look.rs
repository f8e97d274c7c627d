//! The last look at a phone, right before its NOTIFY: who is asked, and what may be found.

use serde::{Deserialize, Serialize};

use crate::domain::phone::{CallState, LineId};
use crate::domain::policy::AlsoBusy;
use crate::domain::policy::reason::Reason;

/// What the last look asks and what it lets pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastLook {
    /// What its lines may be doing.
    pub calls: CallsAllowed,
    /// Whether the phone itself is asked for its calls.
    pub probe: Probe,
    /// What else counts as busy.
    pub also_busy: AlsoBusy,
}

/// What the lines of a phone may be doing when its NOTIFY is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallsAllowed {
    /// Nothing at all.
    #[default]
    None,
    /// Whatever it is, as long as it is known: the policy's patience with its calls has ended.
    Known,
    /// Nobody looks: the policy leaves the wait to the phone, or a person said: even in a call.
    Any,
}

/// Whether a phone is asked for its calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// It is not.
    #[default]
    No,
    /// It is; one that cannot tell may go on the word of the PBX.
    Ask,
    /// It is, and must tell.
    MustTell,
}

impl LastLook {
    /// Nobody looks.
    pub const NONE: Self = Self {
        calls: CallsAllowed::Any,
        probe: Probe::No,
        also_busy: AlsoBusy { agent_logged_in: false, do_not_disturb: false },
    };

    /// Whether anybody is asked anything.
    pub fn asks(&self) -> bool {
        self.calls != CallsAllowed::Any || self.also_busy != AlsoBusy::default()
    }

    /// Whether a line that does this must not be sent a NOTIFY.
    pub const fn forbids(&self, calls: CallState) -> bool {
        match (self.calls, calls) {
            (CallsAllowed::Any, _) | (_, CallState::Idle) => false,
            (_, CallState::Unknown | CallState::Offline) => true,
            (allowed, CallState::Ringing | CallState::Talking | CallState::Held) => {
                matches!(allowed, CallsAllowed::None)
            }
        }
    }

    /// What stands against a line of which the PBX says this now.
    pub fn against(
        &self,
        line: &LineId,
        calls: CallState,
        agent_logged_in: Option<bool>,
        do_not_disturb: Option<bool>,
    ) -> Option<Reason> {
        if self.forbids(calls) {
            return Some(Reason::Busy { line: line.clone(), calls });
        }
        self.also_busy.reasons(line, agent_logged_in, do_not_disturb).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::PbxName;

    const ALL: [CallState; 6] = [
        CallState::Unknown,
        CallState::Idle,
        CallState::Ringing,
        CallState::Talking,
        CallState::Held,
        CallState::Offline,
    ];

    #[test]
    fn what_a_look_forbids() {
        let forbidden = |calls| {
            let look = LastLook { calls, ..LastLook::default() };
            ALL.into_iter().filter(|state| look.forbids(*state)).collect::<Vec<_>>()
        };
        assert_eq!(
            forbidden(CallsAllowed::None),
            ALL.into_iter().filter(|s| *s != CallState::Idle).collect::<Vec<_>>()
        );
        assert_eq!(forbidden(CallsAllowed::Known), [CallState::Unknown, CallState::Offline]);
        assert_eq!(forbidden(CallsAllowed::Any), []);
    }

    #[test]
    fn an_agent_or_do_not_disturb_counts_only_where_the_policy_says_so() {
        let line = LineId { pbx: PbxName::new("pbx1"), user: "2117".into() };
        let both = AlsoBusy { agent_logged_in: true, do_not_disturb: true };
        let slug = |also_busy, agent, dnd| {
            let look = LastLook { also_busy, ..LastLook::default() };
            look.against(&line, CallState::Idle, agent, dnd).map(|reason| reason.slug())
        };
        assert_eq!(slug(AlsoBusy::default(), Some(true), None), None);
        assert_eq!(slug(both, Some(true), Some(false)), Some("agent-logged-in"));
        assert_eq!(slug(both, Some(false), Some(true)), Some("do-not-disturb"));
        assert_eq!(slug(both, Some(false), None), Some("untold"));
        assert_eq!(slug(both, Some(false), Some(false)), None);
    }
}
