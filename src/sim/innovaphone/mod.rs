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
    /// The build of its boot code.
    pub boot_code: String,
    /// The serial of the radio code it has stored; empty: none.
    pub radio: String,
    /// The build of its hardware.
    pub hardware: String,
    /// What it polls: a URL, or a path on the building's depot. Metacharacters are replaced, and a slash at the end is
    /// completed by `update-<product>.htm`.
    pub update_url: String,
    /// From the end of a poll to the next one.
    pub interval: TimeDelta,
    /// From a boot to the first poll.
    pub first_poll: TimeDelta,
    /// How far its clock is ahead of the building's; `None`: it has never been set.
    pub clock: Option<TimeDelta>,
    /// It has the settings it left the factory with.
    pub new: bool,
}

impl Default for Make {
    fn default() -> Self {
        Self {
            boot_code: "200".to_owned(),
            radio: String::new(),
            hardware: "102".to_owned(),
            update_url: "/innovaphone/".to_owned(),
            interval: TimeDelta::minutes(15),
            first_poll: TimeDelta::minutes(15),
            clock: Some(TimeDelta::zero()),
            new: false,
        }
    }
}
