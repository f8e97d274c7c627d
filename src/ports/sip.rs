//! Orders to the SIP side and what became of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::domain::phone::{CallState, Contact, LineId};
use crate::domain::trip::Notice;

/// A number for one order to the SIP side; the trip's own NOTIFY is recognised by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderId(pub u64);

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The phone's line.
    pub line: LineId,
    /// The contact the PBX has for it: its URI is used verbatim, its source address is where the packets go.
    pub contact: Contact,
}

/// A NOTIFY to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyOrder {
    /// The order's number.
    pub id: OrderId,
    /// Where to.
    pub target: Target,
    /// The event and its body.
    pub notice: Notice,
    /// No copy leaves later than this after the first one: whoever boots faster could take it for a new order, because
    /// it has forgotten the first.
    pub copies_for: Duration,
}

/// How a NOTIFY ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum NotifyOutcome {
    /// A final answer came (after a challenge was answered once, where one came).
    Answered {
        /// The status code, 200 to 699.
        status: u16,
        /// The reason phrase as it came.
        phrase: String,
        /// The `User-Agent` or `Server` of the answer: every reply is a version probe.
        user_agent: Option<String>,
        /// `Retry-After` in seconds.
        retry_after: Option<u32>,
        /// A 401 or 407 was answered with credentials on the way.
        challenged: bool,
    },
    /// A challenge came and no credentials are known for the line.
    NoCredentials {
        /// 401 or 407.
        status: u16,
        /// The realm that asked.
        realm: String,
    },
    /// The PBX took it into its queue and will never tell what became of it.
    Blind,
    /// Timer F fired: no final answer.
    NoAnswer {
        /// How many copies went out.
        copies: u32,
    },
    /// It could not be sent at all.
    NotSent {
        /// Why, for people.
        why: String,
    },
    /// Resending was stopped because the phone was seen to go.
    Stopped {
        /// How many copies went out.
        copies: u32,
    },
}

/// What a phone answered to an OPTIONS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// Any final answer: its SIP stack is alive.
    Alive {
        /// The status code.
        status: u16,
        /// The `User-Agent` or `Server` of the answer.
        user_agent: Option<String>,
    },
    /// Nothing came.
    Silent,
}

/// What a phone said of its own calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialogOutcome {
    /// A full document without a live dialog.
    Idle,
    /// It has a dialog, or is off-hook.
    Busy(CallState),
    /// It does not do that (405, 481, 489, 501 …).
    Unsupported {
        /// The status code.
        status: u16,
    },
    /// It did not answer, or not in a way that can be understood.
    Unknown {
        /// Why, for people.
        why: String,
    },
}

/// Sends NOTIFYs.
pub trait Notifier: Send + Sync {
    /// Sends one; the future ends with its outcome, at the latest after timer F.
    fn notify(&self, order: NotifyOrder) -> BoxFuture<'static, NotifyOutcome>;

    /// The phone was seen to go: send no further copy of this order. The order's future ends with
    /// [`NotifyOutcome::Stopped`]; an order that ended, or is unknown, is left alone.
    fn stop_resending(&self, id: OrderId);
}

/// Asks a phone something that changes nothing.
pub trait Prober: Send + Sync {
    /// Is its SIP stack alive? It has `patience` from the first copy of the request on; waiting for its turn on the
    /// wire comes before and does not count.
    fn options(&self, target: Target, patience: Duration) -> BoxFuture<'static, ProbeOutcome>;

    /// Has it a call, in its own words? One-shot dialog SUBSCRIBE (`Expires: 0`).
    fn dialogs(&self, target: Target) -> BoxFuture<'static, DialogOutcome>;
}

/// A text that must never be shown: `Debug` prints dots, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Keeps this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that computes or sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a phone's challenge is answered with (RFC 8760 digest).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name of the digest.
    pub username: String,
    /// Its password.
    pub password: Secret,
}
