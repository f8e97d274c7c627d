//! Orders and questions to the HTTP servers that phones themselves run.

use std::collections::BTreeMap;
use std::net::IpAddr;

use futures_util::future::BoxFuture;

use super::sip::{Credentials, NotifyOutcome};
use crate::domain::phone::Mac;

/// An order to a phone over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrder {
    /// The phone: its own web credentials are used.
    pub phone: Mac,
    /// The address its line is registered from.
    pub address: IpAddr,
    /// What is asked of it.
    pub ask: WebAsk,
}

/// What is asked of a phone over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebAsk {
    /// GET of this path and query at its web server.
    Get {
        /// Path and query, beginning with `/`.
        path: String,
    },
    /// It is to contact its deployment service (Unify, port 8085).
    ContactMe,
}

/// Passwords of phones' web servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebPasswords {
    /// Of single phones.
    pub of: BTreeMap<Mac, Credentials>,
    /// Of all others.
    pub others: Option<Credentials>,
}

impl WebPasswords {
    /// What a phone's web server is answered with.
    pub fn for_phone(&self, mac: Mac) -> Option<&Credentials> {
        self.of.get(&mac).or(self.others.as_ref())
    }
}

/// Why a page of a phone could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// Nothing came, or not in time, or not in a form that is understood.
    #[error("{0}")]
    Unreadable(String),
    /// It answered with another status than 200.
    #[error("answered with {0}")]
    Status(u16),
}

/// Speaks with the HTTP servers of phones.
pub trait PhoneWeb: Send + Sync {
    /// Sends one order; once, and never again by itself. The future ends with what became of it.
    fn ask(&self, order: WebOrder) -> BoxFuture<'static, NotifyOutcome>;

    /// Reads a page of a phone's web server, of a megabyte at most.
    fn page(&self, phone: Mac, address: IpAddr, path: &str) -> BoxFuture<'static, Result<String, WebError>>;
}
