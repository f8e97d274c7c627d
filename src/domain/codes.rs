//! The code in a phone besides its firmware, as far as the phone tells of it: boot code and radio code (innovaphone).

use super::firmware::{Part, Version};

/// What a phone told of the code in it besides its firmware.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codes {
    /// The boot code that runs: another one only behind a boot of its own kind (innovaphone: by the watchdog).
    pub boot: Option<Version>,
    /// The radio code it stored last, which counts from its next boot on; nothing tells the one that runs.
    pub radio: Option<Version>,
}

impl Codes {
    /// What it told of this part.
    pub const fn of(&self, part: Part) -> Option<&Version> {
        match part {
            Part::Boot => self.boot.as_ref(),
            Part::Radio => self.radio.as_ref(),
            Part::Firmware | Part::Chained | Part::Uxm | Part::D7c => None,
            Part::Logo | Part::Ringtone | Part::Screensaver | Part::Picture | Part::Ldap => None,
        }
    }

    /// Takes in that it told this of this part.
    pub fn told(&mut self, part: Part, version: Version) {
        match part {
            Part::Boot => self.boot = Some(version),
            Part::Radio => self.radio = Some(version),
            Part::Firmware | Part::Chained | Part::Uxm | Part::D7c => {}
            Part::Logo | Part::Ringtone | Part::Screensaver | Part::Picture | Part::Ldap => {}
        }
    }

    /// All that it told.
    pub fn all(&self) -> impl Iterator<Item = (Part, &Version)> {
        Part::CODES.into_iter().filter_map(|part| Some((part, self.of(part)?)))
    }
}
