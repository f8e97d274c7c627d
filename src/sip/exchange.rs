//! One request on its way: its bytes, and its second try after a challenge (RFC 3261 section 22.2).

use std::net::SocketAddr;

use bytes::Bytes;

use super::dialog::DIALOG_INFO;
use super::digest::{self, Subject};
use super::message::Message;
use super::message::builder::{Builder, Injection};
use super::message::challenge::Challenge;
use super::route::Route;
use crate::domain::trip::Notice;
use crate::ports::Credentials;

/// How we name ourselves in requests and answers.
pub const USER_AGENT: &str = concat!("sipherd/", env!("CARGO_PKG_VERSION"));

/// What is asked of the phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// An unsolicited NOTIFY.
    Notify(Notice),
    /// OPTIONS: are you there?
    Options,
    /// A one-shot SUBSCRIBE to the dialog package (RFC 6665 section 4.4.3).
    Dialogs,
}

impl Ask {
    /// The SIP method.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Notify(_) => "NOTIFY",
            Self::Options => "OPTIONS",
            Self::Dialogs => "SUBSCRIBE",
        }
    }
}

/// Who we are in From, Via and Contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user part.
    pub user: String,
    /// The address others reach us at.
    pub address: SocketAddr,
}

/// What a challenge leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Send the request again, with credentials, a new branch and the next CSeq.
    Again,
    /// The answer is final: the credentials are wrong, or the challenge is not one we can answer.
    Final,
    /// No credentials are known.
    NoCredentials {
        /// The realm that asked.
        realm: String,
    },
}

/// A challenge that is being answered.
#[derive(Debug, Clone)]
struct Answering {
    proxy: bool,
    challenge: Challenge,
    credentials: Credentials,
    /// How often the present nonce was used (`nc`).
    count: u32,
    /// A stale nonce was already replaced once.
    renewed: bool,
}

/// A request and all that stays the same when it is sent again.
#[derive(Debug, Clone)]
pub struct Exchange {
    ask: Ask,
    route: Route,
    call_id: String,
    tag: String,
    cseq: u32,
    answering: Vec<Answering>,
}

impl Exchange {
    /// A new request; `call_id` and `tag` are unique in space and time.
    pub fn new(ask: Ask, route: Route, call_id: String, tag: String) -> Self {
        Self { ask, route, call_id, tag, cseq: 0, answering: Vec::new() }
    }

    /// What it asks.
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Its way.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Its Call-ID.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Our tag in From.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Whether a challenge was answered.
    pub fn challenged(&self) -> bool {
        !self.answering.is_empty()
    }

    /// The bytes of the next try.
    pub fn next_try(&mut self, me: &Identity, branch: &str, cnonce: &str) -> Result<Bytes, Injection> {
        self.cseq += 1;
        let method = self.ask.method();
        let Identity { user, address } = me;
        let Route { uri, to, route, destination } = &self.route;
        let transport = destination.transport.token();
        let mut builder = Builder::request(method, uri)
            .header("Via", format_args!("SIP/2.0/{transport} {address};rport;branch={branch}"))
            .maybe("Route", route.as_ref())
            .header("Max-Forwards", 70)
            .header("From", format_args!("<sip:{user}@{address}>;tag={}", self.tag))
            .header("To", format_args!("<{to}>"))
            .header("Call-ID", &self.call_id)
            .header("CSeq", format_args!("{} {method}", self.cseq));
        let transport = if transport == "TCP" { ";transport=tcp" } else { "" };
        builder = builder.header("Contact", format_args!("<sip:{user}@{address}{transport}>"));
        for answering in &mut self.answering {
            answering.count += 1;
            let subject = Subject { method, uri, count: answering.count, cnonce };
            let value = digest::authorization(&answering.challenge, &answering.credentials, subject);
            builder =
                builder.maybe(if answering.proxy { "Proxy-Authorization" } else { "Authorization" }, value);
        }
        builder = builder.header("User-Agent", USER_AGENT);
        match &self.ask {
            Ask::Notify(notice) => {
                let (kind, body) = match &notice.body {
                    Some((kind, body)) => (Some(kind), body.as_bytes()),
                    None => (None, &[][..]),
                };
                builder
                    .header("Event", &notice.event)
                    .header("Subscription-State", "terminated")
                    .maybe("Content-Type", kind)
                    .finish(body)
            }
            Ask::Options => builder.header("Accept", "application/sdp").finish(b""),
            Ask::Dialogs => builder
                .header("Event", "dialog")
                .header("Accept", DIALOG_INFO)
                .header("Expires", 0)
                .finish(b""),
        }
    }

    /// A 401 or 407 came: each realm is answered once, and once more when only its nonce was too old.
    pub fn challenge(&mut self, response: &Message, status: u16, credentials: Option<&Credentials>) -> Next {
        let proxy = status == 407;
        let Some(challenge) = digest::topmost_supported(response.challenges(proxy)) else {
            return Next::Final;
        };
        let tries = self.answering.len();
        let known = self
            .answering
            .iter_mut()
            .find(|known| known.proxy == proxy && known.challenge.realm == challenge.realm);
        match (known, credentials) {
            (Some(known), _) if challenge.stale && !known.renewed => {
                known.renewed = true;
                known.count = 0;
                known.challenge = challenge;
                Next::Again
            }
            (Some(_), _) => Next::Final,
            (None, None) => Next::NoCredentials { realm: challenge.realm },
            // One phone and the proxies before it; more is a loop.
            (None, Some(_)) if tries >= 3 => Next::Final,
            (None, Some(credentials)) => {
                let credentials = credentials.clone();
                self.answering.push(Answering { proxy, challenge, credentials, count: 0, renewed: false });
                Next::Again
            }
        }
    }
}
