//! Speaks with the HTTP servers that phones run themselves: their own pages, and the client of their deployment service.

mod answer;
mod request;

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::domain::phone::Mac;
use crate::ports::{Credentials, NotifyOutcome, PhoneWeb, WebAsk, WebError, WebOrder, WebPasswords};
use answer::authorization;
use request::{Failed, Reply, Request};

/// The path at which a Unify phone takes contact-me, as its maker's guide for developers has it.
const CONTACT_ME: &str = "/contact_dls.html/ContactDLS";

/// Where phones serve, and how long they are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebConfig {
    /// The port of their web servers.
    pub port: u16,
    /// The port on which Unify phones wait for contact-me.
    pub contact_me_port: u16,
    /// For one request, from the connection to the last byte of its answer.
    pub patience: Duration,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self { port: 80, contact_me_port: 8085, patience: Duration::from_secs(10) }
    }
}

/// The HTTP client for phones; cheap to clone.
#[derive(Clone)]
pub struct WebClient {
    config: WebConfig,
    credentials: Arc<RwLock<WebPasswords>>,
}

impl WebClient {
    /// A client with these credentials of phones' web servers.
    pub fn new(config: WebConfig, credentials: WebPasswords) -> Self {
        Self { config, credentials: Arc::new(RwLock::new(credentials)) }
    }

    /// Other credentials from now on.
    pub fn replace_credentials(&self, credentials: WebPasswords) {
        *self.credentials.write().unwrap_or_else(PoisonError::into_inner) = credentials;
    }

    fn credentials(&self, phone: Mac) -> Option<Credentials> {
        self.credentials.read().unwrap_or_else(PoisonError::into_inner).for_phone(phone).cloned()
    }

    /// Sends a request; a challenge is answered once. The first reply is the final one where nothing is known to answer
    /// with.
    async fn send(&self, phone: Mac, request: Request<'_>) -> Result<Answered, Failed> {
        let deadline = tokio::time::Instant::now() + self.config.patience;
        let first = request.send(None, deadline).await?;
        if first.status != 401 {
            return Ok(Answered { reply: first, challenged: false, without_credentials: None });
        }
        let Some(credentials) = self.credentials(phone) else {
            let realm = first.realm();
            return Ok(Answered { reply: first, challenged: false, without_credentials: Some(realm) });
        };
        match authorization(&first.challenges, &credentials, request.method(), request.path) {
            Some(value) => {
                let reply = request.send(Some(&value), deadline).await?;
                Ok(Answered { reply, challenged: true, without_credentials: None })
            }
            None => Ok(Answered { reply: first, challenged: false, without_credentials: None }),
        }
    }
}

/// A reply, and how it was come by.
struct Answered {
    reply: Reply,
    /// A challenge was answered on the way.
    challenged: bool,
    /// A challenge came and nothing is known to answer it with: its realm.
    without_credentials: Option<String>,
}

impl PhoneWeb for WebClient {
    fn ask(&self, order: WebOrder) -> BoxFuture<'static, NotifyOutcome> {
        let client = self.clone();
        Box::pin(async move {
            let config = client.config;
            let sent = match &order.ask {
                WebAsk::Get { path } => {
                    let request = Request::get((order.address, config.port).into(), path);
                    client.send(order.phone, request).await
                }
                WebAsk::ContactMe => {
                    let address = (order.address, config.contact_me_port).into();
                    client.send(order.phone, Request::post_form(address, CONTACT_ME, "ContactMe=true")).await
                }
            };
            match sent {
                Ok(Answered { without_credentials: Some(realm), reply, .. }) => {
                    NotifyOutcome::NoCredentials { status: reply.status, realm }
                }
                Ok(Answered { reply, challenged, .. }) => NotifyOutcome::Answered {
                    status: reply.status,
                    phrase: reply.phrase,
                    user_agent: reply.server,
                    retry_after: reply.retry_after,
                    challenged,
                },
                // It may have taken the order before it fell silent.
                Err(Failed::NoAnswer(_)) => NotifyOutcome::NoAnswer { copies: 1 },
                Err(Failed::NotSent(why)) => NotifyOutcome::NotSent { why },
            }
        })
    }

    fn page(&self, phone: Mac, address: IpAddr, path: &str) -> BoxFuture<'static, Result<String, WebError>> {
        let (client, path) = (self.clone(), path.to_owned());
        Box::pin(async move {
            let request = Request::get((address, client.config.port).into(), &path);
            match client.send(phone, request).await {
                Ok(Answered { reply, .. }) if reply.status == 200 => Ok(reply.body),
                Ok(Answered { reply, .. }) => Err(WebError::Status(reply.status)),
                Err(Failed::NoAnswer(why) | Failed::NotSent(why)) => Err(WebError::Unreadable(why)),
            }
        })
    }
}

#[cfg(test)]
mod tests;
