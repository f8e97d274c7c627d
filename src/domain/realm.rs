//! Firmware realms: which settings server a phone belongs to, and why it cannot be moved to another.

use serde::{Deserialize, Serialize};

use super::phone::Realm;

/// Why a phone is not moved to a realm, or not updated in the one it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "realm", rename_all = "kebab-case")]
pub enum RealmHeld {
    /// It is there already.
    #[error("is in realm {name} already")]
    AlreadyThere {
        /// The realm.
        name: Realm,
    },
    /// No such realm is configured.
    #[error("there is no realm {name}")]
    Unknown {
        /// The realm.
        name: Realm,
    },
    /// It is in a realm whose setting server is another's, and asks nothing of this depot.
    #[error("is in realm {name}, whose setting server is another's: it asks this depot for nothing")]
    Elsewhere {
        /// The realm.
        name: Realm,
    },
    /// The inventory gives it none, and neither does the policy.
    #[error("neither the policy nor the inventory gives it a realm")]
    NoHome,
}

impl RealmHeld {
    /// All short machine names.
    pub const SLUGS: [&'static str; 4] =
        ["realm-already-there", "realm-unknown", "realm-elsewhere", "realm-no-home"];

    /// A short machine name, one of [`Self::SLUGS`].
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::AlreadyThere { .. } => "realm-already-there",
            Self::Unknown { .. } => "realm-unknown",
            Self::Elsewhere { .. } => "realm-elsewhere",
            Self::NoHome => "realm-no-home",
        }
    }
}
