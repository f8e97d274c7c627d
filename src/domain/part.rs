//! The parts of a phone that files of a release are for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which part of a phone an image is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The firmware: what a phone names as its version.
    #[default]
    Firmware,
    /// The boot code that starts it (innovaphone).
    Boot,
    /// The radio code of a DECT device (innovaphone `bmc`).
    Radio,
    /// What must be written behind the firmware of the same version, never by itself (snom D3xx: a chained update).
    Chained,
    /// The expansion module UXM at its side (snom).
    Uxm,
    /// The expansion module D7C at its side (snom).
    D7c,
    /// A picture behind the display (Unify).
    Logo,
    /// A ringtone (Unify).
    Ringtone,
    /// A picture for idle times (Unify).
    Screensaver,
    /// A picture of somebody who calls (Unify).
    Picture,
    /// How a directory is asked (Unify).
    Ldap,
}

/// An expansion module of a snom desk phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleKind {
    /// The UXM.
    Uxm,
    /// The D7C, with a colour display.
    D7c,
}

impl fmt::Display for ModuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uxm => "UXM",
            Self::D7c => "D7C",
        })
    }
}

impl From<ModuleKind> for Part {
    fn from(kind: ModuleKind) -> Self {
        match kind {
            ModuleKind::Uxm => Self::Uxm,
            ModuleKind::D7c => Self::D7c,
        }
    }
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Firmware,
        Self::Boot,
        Self::Radio,
        Self::Chained,
        Self::Uxm,
        Self::D7c,
        Self::Logo,
        Self::Ringtone,
        Self::Screensaver,
        Self::Picture,
        Self::Ldap,
    ];

    /// Those that a phone fetches for itself and may be ordered alone, besides its firmware; in this order.
    pub const CODES: [Self; 2] = [Self::Boot, Self::Radio];

    /// The word of a manifest.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Firmware => "firmware",
            Self::Boot => "boot",
            Self::Radio => "radio",
            Self::Chained => "chained",
            Self::Uxm => "uxm",
            Self::D7c => "d7c",
            Self::Logo => "logo",
            Self::Ringtone => "ringtone",
            Self::Screensaver => "screensaver",
            Self::Picture => "picture",
            Self::Ldap => "ldap",
        }
    }

    /// What a person calls it.
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Firmware => "firmware",
            Self::Boot => "boot code",
            Self::Radio => "radio code",
            Self::Chained => "chained image",
            Self::Uxm => "UXM",
            Self::D7c => "D7C",
            Self::Logo | Self::Ringtone | Self::Screensaver | Self::Picture | Self::Ldap => self.word(),
        }
    }

    /// Whether it is the firmware: what a phone's version is about.
    pub const fn is_firmware(&self) -> bool {
        matches!(self, Self::Firmware)
    }

    /// The expansion module it is for.
    pub const fn module(self) -> Option<ModuleKind> {
        match self {
            Self::Uxm => Some(ModuleKind::Uxm),
            Self::D7c => Some(ModuleKind::D7c),
            Self::Firmware | Self::Boot | Self::Radio | Self::Chained => None,
            Self::Logo | Self::Ringtone | Self::Screensaver | Self::Picture | Self::Ldap => None,
        }
    }

    /// Whether it is no image at all, but a file that a phone loads without a reboot: it has no version.
    pub const fn is_media(self) -> bool {
        match self {
            Self::Logo | Self::Ringtone | Self::Screensaver | Self::Picture | Self::Ldap => true,
            Self::Firmware | Self::Boot | Self::Radio | Self::Chained | Self::Uxm | Self::D7c => false,
        }
    }

    /// Reads the word of a manifest.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
