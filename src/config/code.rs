//! A lasting name for each kind of problem, for programs that count, filter or accept them.

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $code:ident = $slug:literal,)+) => {
        /// What kind of problem it is. The slug of a kind never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $meaning])+ $code,)+
        }

        impl Code {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            /// Its lasting name: `unknown-key`.
            pub const fn slug(self) -> &'static str {
                match self {
                    $(Self::$code => $slug,)+
                }
            }

            /// What such a problem is, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$code => concat!($($meaning),+),)+
                }
            }
        }
    };
}

codes! {
    /// A file does not exist, or cannot be read as text.
    Unreadable = "unreadable-file",
    /// The text is not TOML, or not CSV.
    Syntax = "syntax",
    /// A key or a column that nothing reads.
    UnknownKey = "unknown-key",
    /// A key of a later version.
    NotSupported = "not-supported",
    /// A table or key that this version reads and checks, and that `run` refuses.
    NotActedOn = "not-acted-on",
    /// Something is left out that must be said.
    Missing = "missing",
    /// A number where a text is wanted, or the like.
    WrongType = "wrong-type",
    /// A value that cannot be understood.
    BadValue = "bad-value",
    /// A number or a length that is too small or too great.
    OutOfBounds = "out-of-bounds",
    /// A name that nothing defines.
    UnknownName = "unknown-name",
    /// Two things that exclude each other, or one that the other makes meaningless.
    Contradiction = "contradiction",
    /// Something is there twice.
    Twice = "twice",
    /// A file among the policies that is none.
    NotAPolicy = "not-a-policy",
    /// A file among the profiles that is none.
    NotAProfile = "not-a-profile",
    /// A file among the settings files of snoms that is none.
    NotATemplate = "not-a-settings-file",
    /// Two policies select one phone with equal priority.
    Tie = "tie",
    /// Everybody on the machine can read a secret.
    OpenSecret = "open-secret",
    /// Daylight saving moves, skips or repeats the start or end of a window.
    ClockChange = "clock-change",
    /// A policy never acts.
    NeverActs = "never-acts",
    /// Windows follow each other without a pause.
    NeverCloses = "never-closes",
    /// Phones that sipherd cannot reboot, update or ask in the way the policy wants.
    NotPossible = "not-possible",
    /// Something that may cut calls, or reboot phones that nobody meant.
    Dangerous = "dangerous",
    /// A window is too short for a phone that it is meant for.
    WindowTooShort = "window-too-short",
    /// A margin at a window's end is too short for a phone, or so long that nothing is left of the window.
    LastStart = "last-start",
    /// A rule that no phone can ever match.
    NeverMatches = "never-matches",
    /// A policy all of whose phones other policies decide.
    Shadowed = "shadowed",
    /// A rule for a group that can never be kept, or that never lets a phone go.
    Coverage = "coverage",
    /// The windows end before the fleet is done.
    TooSlow = "too-slow",
    /// A limit that another one always reaches first.
    LimitNeverReached = "limit-never-reached",
    /// Starts are spread over more than the window.
    SpreadTooLong = "spread-too-long",
    /// A calendar of blackouts that has come to its end.
    CalendarEnds = "calendar-ends",
    /// A value that changes nothing where it stands.
    NoEffect = "no-effect",
    /// Something that nothing uses.
    Unused = "unused",
    /// Anything else that forbids loading.
    Mistake = "mistake",
    /// Anything else that may not do what its author thinks.
    Doubtful = "doubtful",
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.slug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn slugs_are_unique_and_plain() {
        let slugs: BTreeSet<&str> = Code::ALL.iter().map(|code| code.slug()).collect();
        assert_eq!(slugs.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.slug().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{code:?}");
            assert!(code.meaning().trim_start().starts_with(char::is_uppercase), "{code:?}");
            assert!(code.meaning().ends_with('.'), "{code:?}");
        }
    }
}
