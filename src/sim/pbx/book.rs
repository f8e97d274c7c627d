//! What the PBX knows: registered contacts and calls, and the device state that follows from them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use chrono::{DateTime, Utc};

use super::groups::Groups;

/// A registered contact; each line has at most one (`max_contacts=1`, `remove_existing=yes`).
#[derive(Debug, Clone)]
pub(super) struct Contact {
    /// Its URI, verbatim.
    pub uri: String,
    /// Where the REGISTER came from.
    pub source: SocketAddr,
    /// The `User-Agent` of the REGISTER.
    pub user_agent: String,
    /// The Call-ID of the REGISTER.
    pub call_id: String,
    /// The Call-ID of the first REGISTER with this Contact: Asterisk shows it for as long as the URI stays the same.
    pub shown_call_id: String,
    /// When it expires, in the building's time.
    pub expires: DateTime<Utc>,
}

/// One end of a call.
#[derive(Debug, Clone)]
pub(super) struct Leg {
    /// The line, `600` for the echo test.
    pub user: String,
    /// Where its packets come from and go to; `None` for the echo test.
    pub address: Option<SocketAddr>,
    /// The URI that reaches it.
    pub uri: String,
    /// Its channel's name: `PJSIP/1001-00000000`.
    pub channel: String,
    /// Its channel's number.
    pub number: u64,
}

/// A call, from the INVITE on.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Who dialled.
    pub caller: Leg,
    /// Who was dialled.
    pub callee: Leg,
    /// It was answered.
    pub up: bool,
    /// The caller's `From`.
    pub from: String,
    /// The called one's `To`, with its tag once it answered.
    pub to: String,
    /// When it was dialled, in the building's time.
    pub began: DateTime<Utc>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Contacts by line.
    pub contacts: BTreeMap<String, Contact>,
    /// Calls by Call-ID.
    pub calls: BTreeMap<String, Call>,
    /// Channels made so far.
    pub channels: u64,
    /// Queues, ring groups, do-not-disturb.
    pub groups: Groups,
}

impl Book {
    /// The device state of a line, in Asterisk's words.
    pub fn device_state(&self, user: &str) -> &'static str {
        if !self.contacts.contains_key(user) && !self.in_call(user) {
            return "UNAVAILABLE";
        }
        let mut state = "NOT_INUSE";
        for call in self.calls.values() {
            if call.caller.user == user || (call.callee.user == user && call.up) {
                return "INUSE";
            }
            if call.callee.user == user {
                state = "RINGING";
            }
        }
        state
    }

    /// The line registered from this address.
    pub fn line_at(&self, source: SocketAddr) -> Option<&str> {
        self.contacts.iter().find(|(_, contact)| contact.source == source).map(|(user, _)| user.as_str())
    }

    fn in_call(&self, user: &str) -> bool {
        self.calls.values().any(|call| call.caller.user == user || call.callee.user == user)
    }
}
