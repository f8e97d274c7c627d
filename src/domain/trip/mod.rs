//! One phone's trip: from "it may go" to "it is back, and right".
//!
//! A trip is a pure state machine: [`Trip::handle`] takes an [`Input`] and an instant and returns [`Output`]s;
//! [`Trip::deadline`] says when to hand it a [`Input::Tick`]. It does no I/O, reads no clock and never panics.

mod deadline;
mod evidence;
mod files;
pub mod look;
mod machine;
mod offer;
pub mod outcome;
pub mod placeholder;
pub mod state;
mod talk;
pub mod timing;

pub use look::{CallsAllowed, LastLook, Probe};
pub use machine::Trip;
pub use outcome::{Cause, Failure, Outcome};
pub use state::{Goal, Input, LineBefore, Output, Plan, State};
pub use timing::{Notice, Serves, Timing, Trigger, Way};

#[cfg(test)]
mod tests;
