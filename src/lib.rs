//! sipherd reboots and updates a fleet of SIP desk phones without ever interrupting a call.

pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod depot;
pub mod domain;
pub mod pbx;
pub mod phones;
pub mod ports;
pub mod sim;
pub mod sip;
pub mod store;
