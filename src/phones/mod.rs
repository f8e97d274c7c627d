//! What is known about makers: how their phones are recognised, asked, served and believed. Pure.

pub mod generic;
pub mod innovaphone;
mod makers;
pub mod snom;
pub mod unify;
mod user_agent;

use crate::domain::firmware::Version;
use crate::domain::forecast::Usual;
use crate::domain::hardware::Rule;
use crate::domain::phone::{Mac, Model, Vendor};
use crate::domain::trip::{Serves, Timing, Trigger};

pub use generic::FileName;
pub use makers::{Makers, SHIPPED};
pub use user_agent::{BadPattern, GROUPS, UserAgent};

/// How phones of one maker behave: a file of `profiles/`, or of the administrator's own folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The maker.
    pub vendor: Vendor,
    /// Which phones of it are meant.
    pub about: Option<String>,
    /// How it is asked to reboot, first choice first; the next is tried after 405, 481 or 489. Empty where nobody
    /// documents it: such phones are recognised, and never asked anything.
    pub reboot: Vec<Trigger>,
    /// How it is asked to read its settings anew without a reboot, first choice first; empty where nobody documents it.
    pub resync: Vec<Trigger>,
    /// How its User-Agents look; the first that takes a text reads it.
    pub user_agents: Vec<UserAgent>,
    /// The files a phone asks for that are its own.
    pub own_files: Vec<FileName>,
    /// The setting that names the firmware, where sipherd does not serve it.
    pub firmware_setting: Option<String>,
    /// Boots of a whole update, the asked-for one included; `None` where sipherd can reboot such phones but not
    /// update them.
    pub update_boots: Option<u8>,
    /// When it is given its image.
    pub serves: Serves,
    /// What is known of the hardware behind part numbers; the first that takes one decides.
    pub hardware: Vec<Rule>,
    /// Its phones compare an image with their hardware before they take it.
    pub checks_hardware: bool,
    /// It answers a one-shot dialog SUBSCRIBE.
    pub tells_dialogs: bool,
    /// Its deadlines.
    pub timing: Timing,
    /// How long its steps usually take: estimates, for plans and simulations.
    pub usual: Option<Usual>,
    /// What its owner must know before it is asked.
    pub hazards: Vec<String>,
    /// Keys of the profile whose facts nobody has found in a document.
    pub unproven: Vec<&'static str>,
}

impl Profile {
    /// Whether there is anything that phones of this maker can be asked: a reboot, or to read their settings anew.
    pub fn can_be_asked(&self) -> bool {
        !self.reboot.is_empty() || !self.resync.is_empty()
    }
}

/// What a User-Agent tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The maker.
    pub vendor: Vendor,
    /// The model.
    pub model: Option<Model>,
    /// What it runs.
    pub version: Option<Version>,
    /// The MAC, where the text holds one.
    pub mac: Option<Mac>,
    /// Expansion modules attached, where the text counts them.
    pub modules: Option<u8>,
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    /// A maker with one pattern, whose phones ask for `{mac}.cfg`.
    pub(super) fn maker(vendor: &str, pattern: &str) -> Profile {
        let minute = TimeDelta::minutes(1);
        Profile {
            vendor: Vendor::new(vendor),
            about: None,
            reboot: vec![Trigger::event("check-sync;reboot=true")],
            resync: Vec::new(),
            user_agents: vec![UserAgent::new(pattern, None, vendor == "snom").unwrap()],
            own_files: vec![FileName::new("{mac}.cfg").unwrap()],
            firmware_setting: None,
            update_boots: None,
            serves: Serves::default(),
            hardware: Vec::new(),
            checks_hardware: false,
            tells_dialogs: false,
            timing: Timing {
                answer: minute,
                leave: minute,
                leave_busy: minute,
                boot_at_least: minute,
                boot: minute,
                fetch: minute,
                flash: minute,
                gap: minute,
            },
            usual: None,
            hazards: Vec::new(),
            unproven: Vec::new(),
        }
    }
}
