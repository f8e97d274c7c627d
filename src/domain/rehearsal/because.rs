//! How an author names a reason: by its machine name, by what a line does, by its gate, or by words of its text.

use std::fmt;

use chrono_tz::Tz;

use crate::domain::modules::ModuleHeld;
use crate::domain::phone::CallState;
use crate::domain::policy::verdict::{Gate, Reason};
use crate::domain::realm::RealmHeld;

/// A reason as an author names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// The reason of this machine name: `outside-window`.
    Slug(&'static str),
    /// The reason `busy`, of a line that does this: `talking`.
    Calls(CallState),
    /// Any reason of this gate: `window`.
    Gate(Gate),
    /// Any reason whose text holds these words, small or capital: `quiet for 5 min`.
    Words(String),
}

/// A single word that names no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no reason")]
pub struct NoSuchReason(pub String);

/// The machine names of all reasons.
const SLUGS: [&str; 47] = [
    "no-lines",
    "no-profile",
    "not-selected",
    "tie",
    "edited-lately",
    "staged-only",
    "not-yet",
    "already-current",
    "already-rebooted",
    "already-resynced",
    "already-handed-in",
    "already-written",
    "has-files",
    "no-files",
    "no-image",
    "misfit",
    "update-policy",
    "wiped-by-check-sync",
    "check-sync-does-other",
    "penalty-box",
    "no-attempts-left",
    "lost",
    "outside-window",
    "too-little-left",
    "just-booted",
    "past-last-start",
    "not-its-turn",
    "blackout",
    "blackout-near",
    "view-stale",
    "not-registered",
    "several-contacts",
    "awaits-poll",
    "busy",
    "not-quiet-yet",
    "agent-logged-in",
    "do-not-disturb",
    "untold",
    "cannot-wait",
    "coverage",
    "excluded",
    "goes-last",
    "group-untold",
    "rate-reached",
    "budget-full",
    "under-way",
    "draining",
];

/// What a line does while it is busy.
const CALLS: [(&str, CallState); 5] = [
    ("talking", CallState::Talking),
    ("ringing", CallState::Ringing),
    ("held", CallState::Held),
    ("unknown", CallState::Unknown),
    ("offline", CallState::Offline),
];

/// The gates by a word each; a reason of the same name comes first.
const GATES: [(&str, Gate); 12] = [
    ("identity", Gate::Identity),
    ("selected", Gate::Selected),
    ("current", Gate::Current),
    ("image", Gate::Image),
    ("attempts", Gate::Penalty),
    ("window", Gate::Window),
    ("blackouts", Gate::Blackout),
    ("view", Gate::View),
    ("registered", Gate::Registered),
    ("idle", Gate::Idle),
    ("groups", Gate::Coverage),
    ("budget", Gate::Budget),
];

fn slugs() -> impl Iterator<Item = &'static str> {
    SLUGS.into_iter().chain(ModuleHeld::SLUGS).chain(RealmHeld::SLUGS)
}

impl Because {
    /// Reads what an author wrote. One word must be a name; several are words of a reason's text.
    pub fn read(text: &str) -> Result<Self, NoSuchReason> {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        if words.contains(' ') {
            let gate = Gate::ALL.into_iter().find(|gate| gate.name().to_lowercase() == words);
            return Ok(gate.map_or(Self::Words(words), Self::Gate));
        }
        let slug = || slugs().find(|slug| *slug == words).map(Self::Slug);
        let calls =
            || CALLS.into_iter().find(|(name, _)| *name == words).map(|(_, calls)| Self::Calls(calls));
        let gate = || GATES.into_iter().find(|(name, _)| *name == words).map(|(_, gate)| Self::Gate(gate));
        slug().or_else(calls).or_else(gate).ok_or_else(|| NoSuchReason(text.to_owned()))
    }

    /// Every single word that names a reason.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let calls = CALLS.into_iter().map(|(name, _)| name);
        slugs().chain(calls).chain(GATES.into_iter().map(|(name, _)| name))
    }

    /// Whether this reason, of this gate, is meant; its text is told in the zone.
    pub fn means(&self, gate: Gate, reason: &Reason, zone: Tz) -> bool {
        match self {
            Self::Slug(slug) => reason.slug() == *slug,
            Self::Calls(wanted) => matches!(reason, Reason::Busy { calls, .. } if calls == wanted),
            Self::Gate(wanted) => gate == *wanted,
            Self::Words(words) => reason.told_in(zone).to_lowercase().contains(words),
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slug(slug) => write!(f, "the reason `{slug}`"),
            Self::Calls(calls) => {
                let name = CALLS.iter().find(|(_, other)| other == calls).map_or("busy", |(name, _)| name);
                write!(f, "the reason `{name}`")
            }
            Self::Gate(gate) => write!(f, "a reason of gate `{}`", gate.name()),
            Self::Words(words) => write!(f, "a reason with the words `{words}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names stand in `reason.rs`, where a new one is added; none may be missing here.
    #[test]
    fn every_reason_can_be_named() {
        let source = include_str!("../policy/reason.rs");
        let slugs =
            source.split("pub const fn slug").nth(1).and_then(|rest| rest.split("\n    }").next()).unwrap();
        let written: BTreeSet<&str> =
            slugs.lines().filter_map(|line| line.split_once("=> \"")?.1.split('"').next()).collect();
        assert!(written.len() > 30, "{written:?}");
        assert_eq!(written, SLUGS.into_iter().collect());
    }

    #[test]
    fn one_word_is_a_name_and_several_are_words_of_the_text() {
        for (text, expected) in [
            ("outside-window", Some(Because::Slug("outside-window"))),
            ("blackout", Some(Because::Slug("blackout"))),
            ("talking", Some(Because::Calls(CallState::Talking))),
            ("window", Some(Because::Gate(Gate::Window))),
            ("PBX view", Some(Because::Gate(Gate::View))),
            ("Quiet for  5 min", Some(Because::Words("quiet for 5 min".into()))),
            ("outside-windows", None),
            ("", None),
        ] {
            assert_eq!(Because::read(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn no_name_stands_for_two_things() {
        let names: Vec<_> = Because::names().collect();
        let different: BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), different.len());
        let reachable = |gate: Gate| Because::read(gate.name()).is_ok();
        assert!(Gate::ALL.into_iter().all(reachable));
    }
}
