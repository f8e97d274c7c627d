//! Non-INVITE transactions without sockets or a clock (RFC 3261 sections 17.1.2 and 17.2.2).

pub mod client;
pub mod server;

use std::time::Duration;

/// The base values of all SIP timers (RFC 3261 section 17.1.1.1 and table 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// Round-trip estimate; the first copy is sent after it.
    pub t1: Duration,
    /// The longest pause between copies.
    pub t2: Duration,
    /// How long a message may stay in the network.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl Timers {
    /// Timers F, J and N: how long an answer, a retransmission, a first NOTIFY is waited for.
    pub fn give_up(&self) -> Duration {
        self.t1 * 64
    }
}
