//! What the daemon needs of the world and what it offers to it: small traits and the words they speak.
//!
//! Adapters (`sip`, `pbx`, `depot`, `store`, `api`) know this folder and `domain`, never each other. Everything is
//! named through here: `crate::ports::Clock`.

mod control;
mod depot;
mod pbx;
mod plan;
mod sip;
mod store;
mod time;
mod web;

pub use control::*;
pub use depot::*;
pub use pbx::*;
pub use plan::*;
pub use sip::*;
pub use store::*;
pub use time::*;
pub use web::*;
