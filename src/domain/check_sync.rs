//! What a check-sync does to a phone, by the settings its administrator gave it.

/// What a phone does with a check-sync, whatever that says (snom's setting `checksync_action`, since 10.1.180).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CheckSync {
    /// What the message says.
    #[default]
    Follows,
    /// It reboots.
    Reboots,
    /// It reads its settings anew.
    Syncs,
    /// It registers anew, no more.
    Registers,
    /// It deletes what its user has, or nobody knows: it is never sent one.
    Destroys,
}

impl CheckSync {
    /// What this value of `checksync_action` does; what is unknown counts as the worst.
    pub fn of(value: &str) -> Self {
        match value.trim() {
            "" => Self::Follows,
            "reboot" => Self::Reboots,
            "sync" => Self::Syncs,
            "reregister" => Self::Registers,
            _ => Self::Destroys,
        }
    }

    /// The value that has it do something else than the message says, and loses nothing.
    pub const fn overrides(self) -> Option<&'static str> {
        match self {
            Self::Reboots => Some("reboot"),
            Self::Syncs => Some("sync"),
            Self::Registers => Some("reregister"),
            Self::Follows | Self::Destroys => None,
        }
    }

    /// Whether a check-sync that is meant to do this does it.
    pub fn does(self, wanted: Self) -> bool {
        self == Self::Follows || self == wanted
    }
}
