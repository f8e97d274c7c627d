//! A simulated innovaphone: what it remembers, what it makes of the update scripts it polls, and how it fetches them.
//!
//! It reads scripts and expands addresses by the words of the maker's handbook, with code of its own: nothing here is
//! shared with what serves scripts. Its SIP is that of every simulated phone.

mod address;
mod errand;
mod image;
mod script;
mod unit;

use chrono::TimeDelta;

pub use address::poll_address;
pub(super) use errand::{Caller, poll};
pub use image::image;
pub use script::{Act, Came, Run};
pub use unit::{Part, Restart, Unit};

/// What an innovaphone is ordered with, besides what every phone has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Make {
    /// Its version, in the words before its product: `12r2`, `V6.00 sr1`.
    pub release: String,
    /// The build of its boot code.
    pub boot_code: String,
    /// The serial of the firmware it has stored; empty: none.
    pub prot: String,
    /// The serial of the radio code it has stored; empty: none.
    pub radio: String,
    /// The build of its hardware.
    pub hardware: String,
    /// What it polls: a URL, or a path on the building's depot. Metacharacters are replaced, and a slash at the end is
    /// completed by `update-<product>.htm`.
    pub update_url: String,
    /// It got that URL by DHCP (option 215), which wins over its own until `/no-dhcp` is in its configuration.
    pub by_dhcp: bool,
    /// From the end of a poll to the next one.
    pub interval: TimeDelta,
    /// From a boot to the first poll.
    pub first_poll: TimeDelta,
    /// How far its clock is ahead of the building's; `None`: it has never been set.
    pub clock: Option<TimeDelta>,
    /// It has the settings it left the factory with.
    pub new: bool,
    /// UPDATE/PROT is empty after each restart, as one sentence of the maker's handbook has it.
    pub forgets: bool,
}

impl Default for Make {
    fn default() -> Self {
        Self {
            release: "12r2".to_owned(),
            boot_code: "200".to_owned(),
            prot: String::new(),
            radio: String::new(),
            hardware: "102".to_owned(),
            update_url: "/innovaphone/".to_owned(),
            by_dhcp: false,
            interval: TimeDelta::minutes(15),
            first_poll: TimeDelta::minutes(15),
            clock: Some(TimeDelta::zero()),
            new: false,
            forgets: false,
        }
    }
}
