//! What is known about makers: how their phones are recognised, asked, served and believed. Pure.

use crate::domain::firmware::Version;
use crate::domain::phone::{Mac, Model, Vendor};
use crate::domain::trip::{Timing, Trigger};

/// How phones of one maker behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The maker.
    pub vendor: Vendor,
    /// How it is asked to reboot, first choice first; the next is tried after 405, 481 or 489.
    pub reboot: Vec<Trigger>,
    /// Boots of a whole update, the asked-for one included.
    pub update_boots: u8,
    /// The maker documents that a triggered phone waits for its calls to end.
    pub waits_for_idle: bool,
    /// It answers a one-shot dialog SUBSCRIBE.
    pub tells_dialogs: bool,
    /// Its deadlines.
    pub timing: Timing,
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
}
