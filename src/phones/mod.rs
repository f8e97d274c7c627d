//! What is known about makers: how their phones are recognised, asked, served and believed. Pure.

pub mod generic;
pub mod innovaphone;
mod profile;
pub mod snom;
mod user_agent;

use crate::domain::firmware::Version;
use crate::domain::forecast::Usual;
use crate::domain::phone::{Mac, Model, Vendor};
use crate::domain::trip::{Timing, Trigger};

pub use profile::{profile, vendors};
pub use user_agent::recognise;

/// How phones of one maker behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The maker.
    pub vendor: Vendor,
    /// How it is asked to reboot, first choice first; the next is tried after 405, 481 or 489.
    pub reboot: Vec<Trigger>,
    /// How it is asked to read its settings anew without a reboot, first choice first; empty where nobody documents it.
    pub resync: Vec<Trigger>,
    /// Boots of a whole update, the asked-for one included; `None` where sipherd can reboot such phones but not
    /// update them.
    pub update_boots: Option<u8>,
    /// It answers a one-shot dialog SUBSCRIBE.
    pub tells_dialogs: bool,
    /// Its deadlines.
    pub timing: Timing,
    /// How long its steps usually take: estimates, for plans and simulations.
    pub usual: Option<Usual>,
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
