//! The SIP user agent: NOTIFYs out, one-shot dialog questions, and a civil answer to whatever comes in.

pub mod dialog;
pub mod digest;
pub mod message;
pub mod pace;
pub mod transaction;

pub use transaction::Timers;
