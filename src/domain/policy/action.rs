//! What a policy does to the phones it selects.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::items::WantedItem;
use crate::domain::phone::Realm;

/// What a policy does to the phones it selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Reboot once in each opening of the window.
    Reboot,
    /// Have the phone read its settings anew once in each opening of the window, without a reboot.
    Resync,
    /// Bring to the version of a staged image.
    Update {
        /// Where the image comes from.
        from: Firmware,
    },
    /// Say which image a phone would get, and offer it to nobody yet.
    Stage {
        /// Where the image would come from.
        from: Firmware,
    },
    /// Bring the expansion module of a phone to the version of a staged image (snom UXM and D7C).
    ModuleUpdate {
        /// Where the module's image comes from.
        from: Firmware,
    },
    /// Bring the phone into a firmware realm (snom): it gets that one's setting server, and asks there from then on.
    Move {
        /// The realm; `None` is the one the inventory gives the phone.
        realm: Option<Realm>,
    },
    /// Have the phone hand in its configuration once in each opening of the window (innovaphone `scfg`).
    Backup,
    /// See to it that settings of the phone are so, once in each opening of the window (Unify `WriteItems`).
    Write {
        /// What they are to be.
        items: Arc<[WantedItem]>,
    },
    /// Have the phone load files that are no image (Unify `FileDeployment`).
    Files {
        /// Where they come from.
        from: Firmware,
    },
}

impl Action {
    /// The table a policy's author writes for it, without brackets.
    pub const fn table(&self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Resync => "resync",
            Self::Update { .. } => "update",
            Self::Stage { .. } => "stage",
            Self::ModuleUpdate { .. } => "module-update",
            Self::Move { .. } => "move",
            Self::Backup => "backup",
            Self::Write { .. } => "write",
            Self::Files { .. } => "files",
        }
    }

    /// Whether a phone that calls its service does not do this while it is in a call.
    pub const fn is_denied_in_a_call(&self) -> bool {
        match self {
            Self::Update { .. } | Self::Stage { .. } | Self::ModuleUpdate { .. } | Self::Write { .. } => true,
            Self::Reboot | Self::Resync | Self::Move { .. } | Self::Backup | Self::Files { .. } => false,
        }
    }

    /// Whether it is about files that are no image.
    pub const fn is_about_files(&self) -> bool {
        matches!(self, Self::Files { .. })
    }

    /// Where images or other files come from, where there are any.
    pub const fn firmware(&self) -> Option<&Firmware> {
        match self {
            Self::Update { from }
            | Self::Stage { from }
            | Self::ModuleUpdate { from }
            | Self::Files { from } => Some(from),
            Self::Reboot | Self::Resync | Self::Move { .. } | Self::Backup | Self::Write { .. } => None,
        }
    }
}

/// Where images come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// One release, as `sipherd release add` staged it.
    Release(Arc<str>),
    /// A channel of `sipherd.toml`: of its releases the first that holds an image for the phone's model.
    Channel(Arc<str>),
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(name) => write!(f, "release {name}"),
            Self::Channel(name) => write!(f, "channel {name}"),
        }
    }
}
