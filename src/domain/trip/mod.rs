//! One phone's trip: from "it may go" to "it is back, and right".
//!
//! A trip is a pure state machine: [`Trip::handle`] takes an [`Input`] and an instant and returns [`Output`]s;
//! [`Trip::deadline`] says when to hand it a [`Input::Tick`]. It does no I/O, reads no clock and never panics.

mod deadline;
mod evidence;
pub mod look;
mod machine;
pub mod placeholder;
pub mod state;
pub mod timing;

pub use look::{CallsAllowed, LastLook, Probe};
pub use machine::Trip;
pub use state::{Failure, Goal, Input, LineBefore, Outcome, Output, Plan, State};
pub use timing::{Timing, Trigger};

#[cfg(test)]
mod tests;
