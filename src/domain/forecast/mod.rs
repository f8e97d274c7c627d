//! A night ahead of time: the scheduler that acts, run over a fleet in virtual time.
//!
//! Nothing of the scheduler is told again here: [`forecast`] hands it instants and events as the daemon does, drives the
//! same [`Trip`](super::trip::Trip)s, and lets phones behave as their kinds usually do. What a plan shows is what would
//! happen if everything took its usual time and nobody called but those whose calls are given.

mod course;
mod journey;
mod ledger;
mod setting;
mod told;
mod usual;

pub use course::forecast;
pub use ledger::{Brake, Held};
pub use setting::{Call, Setting};
pub use told::{CallsMet, Fate, Forecast, Going, Staying};
pub use usual::Usual;
