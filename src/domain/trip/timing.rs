//! How a phone is asked and how long each step may take, as its vendor's profile says.

use std::fmt;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::placeholder;
use crate::domain::phone::Contact;

/// One way of asking a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// How the order reaches it.
    #[serde(flatten)]
    pub way: Way,
    /// The maker documents that a phone asked so waits for its calls to end.
    #[serde(default)]
    pub waits_for_idle: bool,
    /// The maker documents that a phone asked so may wait for its calls, and does not promise that it waits to their
    /// end (`Forced_Resync_Delay` of a Cisco SPA). No policy leaves the wait to it; but it is waited for.
    #[serde(default)]
    pub may_wait: bool,
}

/// How an order reaches a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "kebab-case")]
pub enum Way {
    /// By a SIP NOTIFY.
    Notify(Notice),
    /// By an HTTP GET at the phone's own web server.
    Web {
        /// Path and query: `/advanced_update.htm?reboot=Reboot`.
        path: String,
    },
    /// Its deployment client is asked to call back, and is told then what to do (Unify, the developers' guide to its
    /// provisioning interface: `ContactMe=true` to port 8085, answered with 204).
    ContactMe,
    /// Nothing is sent: the phone asks by itself what there is to do, and the answer is the order (innovaphone).
    Poll,
}

/// What a NOTIFY says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The value of the `Event` header: `reboot`, `check-sync;reboot=true`.
    pub event: String,
    /// `Content-Type` and body, for the few vendors that want one.
    pub body: Option<(String, String)>,
}

impl Notice {
    /// A notice without a body.
    pub fn event(event: &str) -> Self {
        Self { event: event.to_owned(), body: None }
    }

    /// The same as it is sent to this contact: the places of its body are filled.
    pub fn filled_for(mut self, contact: &Contact) -> Self {
        if let Some((_, body)) = &mut self.body {
            *body = placeholder::filled(body, contact);
        }
        self
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notify(notice) => write!(f, "NOTIFY Event: {}", notice.event),
            Self::Web { path } => write!(f, "GET {path} at its web server"),
            Self::ContactMe => f.write_str("asked to contact its deployment service"),
            Self::Poll => f.write_str("its poll is answered with an order"),
        }
    }
}

/// When a phone is given its image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Serves {
    /// Once the reboot that was asked for has been seen: it asks for its firmware as it boots.
    #[default]
    AfterReboot,
    /// As soon as it has taken its order: it downloads first, and reboots once it has the image.
    OnceAsked,
}

impl Trigger {
    /// A NOTIFY without a body, of which nobody documents that the phone waits.
    pub fn event(event: &str) -> Self {
        Way::Notify(Notice::event(event)).into()
    }

    /// The same where the maker documents that the phone waits for its calls to end.
    pub fn waiting(event: &str) -> Self {
        Self { waits_for_idle: true, ..Self::event(event) }
    }

    /// Whether a phone asked so waits for its calls to end. A Unify phone does where its maker says that it denies the order
    /// while it is in a call; of its restart nobody says so.
    pub fn waits(&self, denied_in_a_call: bool) -> bool {
        self.waits_for_idle || denied_in_a_call && self.way == Way::ContactMe
    }

    /// Whether a phone asked so that is in a call and has not left yet is given `leave_busy`.
    pub const fn is_waited_for(&self) -> bool {
        self.waits_for_idle || self.may_wait
    }

    /// What its NOTIFY says, where it is one.
    pub fn notice(&self) -> Option<&Notice> {
        match &self.way {
            Way::Notify(notice) => Some(notice),
            Way::Web { .. } | Way::ContactMe | Way::Poll => None,
        }
    }
}

impl From<Way> for Trigger {
    /// This way, of which nobody documents that the phone waits.
    fn from(way: Way) -> Self {
        Self { way, waits_for_idle: false, may_wait: false }
    }
}

/// The deadlines of a trip. Kept with the trip in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From a question to its answer: PBX and phone at the last look, the phone after the NOTIFY. At least timer F
    /// of RFC 3261 (32 s).
    #[serde(with = "milliseconds")]
    pub answer: TimeDelta,
    /// From the acceptance to the first sign of leaving, for a phone that is idle.
    #[serde(with = "milliseconds")]
    pub leave: TimeDelta,
    /// The most that a phone whose maker lets it wait for its call is waited for.
    #[serde(with = "milliseconds")]
    pub leave_busy: TimeDelta,
    /// No phone of this kind boots faster; a settings request earlier than this is a poll, not a boot.
    #[serde(with = "milliseconds")]
    pub boot_at_least: TimeDelta,
    /// From leaving to the first request or REGISTER.
    #[serde(with = "milliseconds")]
    pub boot: TimeDelta,
    /// From the first byte of the image to the last.
    #[serde(with = "milliseconds")]
    pub fetch: TimeDelta,
    /// From the last byte of the image to the next sign of life.
    #[serde(with = "milliseconds")]
    pub flash: TimeDelta,
    /// Least time between two NOTIFYs to one phone.
    #[serde(with = "milliseconds")]
    pub gap: TimeDelta,
}

impl Timing {
    /// What a whole trip takes: the window must still hold this much when it starts.
    pub fn whole_trip(&self, boots: u8, with_image: bool) -> TimeDelta {
        let image = if with_image { self.fetch + self.flash } else { TimeDelta::zero() };
        self.boot * i32::from(boots) + image
    }
}

mod milliseconds {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(length: &TimeDelta, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(length.num_milliseconds())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
        i64::deserialize(deserializer)
            .and_then(|n| TimeDelta::try_milliseconds(n).ok_or_else(|| serde::de::Error::custom("too long")))
    }
}
