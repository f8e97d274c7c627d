//! What a judge can find wrong with a night.

use std::fmt;

use chrono::{DateTime, Utc};

use super::Outcome;
use crate::domain::phone::Mac;

/// One thing that must not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A call, ringing or answered, was lost to a reboot that was asked for.
    CallInterrupted {
        /// The phone that rebooted.
        mac: Mac,
        /// When.
        at: DateTime<Utc>,
        /// Who the call was with.
        with: String,
        /// The call.
        call_id: String,
        /// The NOTIFY that asked for it; `None` when the phone rebooted to run an image it had been given.
        notify: Option<String>,
    },
    /// An order came while no window was open.
    OutsideWindow {
        /// The phone.
        mac: Mac,
        /// When.
        at: DateTime<Utc>,
        /// The NOTIFY.
        call_id: String,
    },
    /// More phones were down than allowed.
    TooManyDown {
        /// When it was worst.
        at: DateTime<Utc>,
        /// How many were down.
        down: u32,
        /// How many may be.
        allowed: u32,
    },
    /// One NOTIFY rebooted a phone twice: a copy of it was taken for a new order.
    ActedTwice {
        /// The phone.
        mac: Mac,
        /// The NOTIFY.
        call_id: String,
    },
    /// Two orders came in too short a time, the first not refused.
    OrderedTwice {
        /// The phone.
        mac: Mac,
        /// When the first came.
        first: DateTime<Utc>,
        /// When the second came.
        second: DateTime<Utc>,
    },
    /// A phone got more orders than its night calls for.
    TooManyOrders {
        /// The phone.
        mac: Mac,
        /// How many it did not refuse.
        orders: usize,
        /// How many it may get.
        allowed: usize,
    },
    /// Firmware was offered to a phone that had not rebooted in this night.
    OfferedTooEarly {
        /// The phone.
        mac: Mac,
        /// When.
        at: DateTime<Utc>,
    },
    /// Firmware was offered after a reboot of the phone's own.
    OfferedUnasked {
        /// The phone.
        mac: Mac,
        /// When.
        at: DateTime<Utc>,
    },
    /// Firmware was offered, or an image given, to a phone that was not to be updated.
    UnwantedImage {
        /// The phone.
        mac: Mac,
        /// When.
        at: DateTime<Utc>,
    },
    /// A phone's night ended otherwise than it should.
    WrongOutcome {
        /// The phone.
        mac: Mac,
        /// How it should have ended.
        expected: Outcome,
        /// What its diary says.
        saw: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CallInterrupted { mac, at, with, call_id, notify: Some(notify) } => {
                write!(f, "{at}: {mac} cut its call with {with} ({call_id}), asked by NOTIFY {notify}")
            }
            Self::CallInterrupted { mac, at, with, call_id, notify: None } => {
                write!(f, "{at}: {mac} cut its call with {with} ({call_id}) to run new firmware")
            }
            Self::OutsideWindow { mac, at, call_id } => {
                write!(f, "{at}: {mac} got NOTIFY {call_id} while no window was open")
            }
            Self::TooManyDown { at, down, allowed } => {
                write!(f, "{at}: {down} phones down, {allowed} allowed")
            }
            Self::ActedTwice { mac, call_id } => write!(f, "{mac} rebooted twice for NOTIFY {call_id}"),
            Self::OrderedTwice { mac, first, second } => {
                write!(
                    f,
                    "{mac} was ordered at {first} and again {} s later",
                    (*second - *first).num_seconds()
                )
            }
            Self::TooManyOrders { mac, orders, allowed } => {
                write!(f, "{mac} got {orders} orders, {allowed} allowed")
            }
            Self::OfferedTooEarly { mac, at } => {
                write!(f, "{at}: {mac} was offered firmware before it had rebooted")
            }
            Self::OfferedUnasked { mac, at } => {
                write!(
                    f,
                    "{at}: {mac} was offered firmware after a reboot of its own that nobody had asked for"
                )
            }
            Self::UnwantedImage { mac, at } => {
                write!(f, "{at}: {mac} was offered firmware and is not to be updated")
            }
            Self::WrongOutcome { mac, expected, saw } => write!(f, "{mac}: expected `{expected}`, saw {saw}"),
        }
    }
}
