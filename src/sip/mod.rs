//! The SIP user agent: NOTIFYs out, one-shot dialog questions, and a civil answer to whatever comes in.
//!
//! In reading order: `message` (bytes to words and back), `digest`, `transaction` (RFC 3261 section 17 without
//! sockets), `dialog` (what a phone says of its calls), `route` (where a request goes), `exchange` (one request on
//! its way), `transport` (sockets), `endpoint` (the task that owns it all), `agent` (the handle others hold).

pub mod agent;
pub mod answer;
pub mod dialog;
pub mod digest;
mod endpoint;
pub mod exchange;
pub mod message;
pub mod pace;
pub mod route;
pub mod transaction;
mod transport;

pub use agent::{Agent, AgentConfig, SipError};
pub use transaction::Timers;
