//! The conversations under way: each POST is one message of one of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::COOKIE;
use hyper::{Request, Response, StatusCode};
use tokio::time::Instant;

use super::Deployment;
use super::answer::{text, token, whole};
use crate::depot::transfer::Outgoing;
use crate::phones::unify::message::{LONGEST, Message, Reason, read};
use crate::phones::unify::order::Order;
use crate::phones::unify::session::{News, Next, Session};
use crate::ports::PhoneNews;

/// Conversations at once; those of a fleet that starts after a power cut.
const MOST_TALKS: usize = 50_000;

/// The conversations by their tokens.
pub(super) struct Talks {
    open: Mutex<HashMap<String, Talk>>,
    began: Instant,
}

struct Talk {
    source: IpAddr,
    /// The number of the message that was answered last.
    nonce: String,
    session: Session,
}

impl Default for Talks {
    fn default() -> Self {
        Self { open: Mutex::default(), began: Instant::now() }
    }
}

impl Talks {
    /// Conversations are timed by a clock that nobody sets: how long the service runs.
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::from_std(self.began.elapsed()).unwrap_or(TimeDelta::MAX)
    }

    /// The conversation this message belongs to, taken out while it is answered: by its cookie; else by its number, which
    /// some phones keep, or as the only one under way from there.
    fn take(&self, source: IpAddr, message: &Message, cookie: Option<&str>) -> Option<(String, Session)> {
        if !matches!(message.reason, Reason::ReplyTo { .. }) {
            return None;
        }
        let mut open = self.open();
        let from_there = |talk: &Talk| talk.source == source;
        let by_cookie = cookie.filter(|token| open.get(*token).is_some_and(from_there)).map(str::to_owned);
        let token = by_cookie.or_else(|| {
            let here: Vec<_> = open.iter().filter(|(_, talk)| from_there(talk)).collect();
            let by_number = here.iter().find(|(_, talk)| talk.nonce == message.nonce);
            let only = here.first().filter(|_| here.len() == 1);
            by_number.or(only).map(|(token, _)| (*token).clone())
        })?;
        let talk = open.remove(&token)?;
        Some((token, talk.session))
    }

    /// Goes on with a conversation later, unless it is over.
    fn keep(&self, token: &str, source: IpAddr, nonce: String, session: Session) {
        let now = self.now();
        if session.is_over(now) {
            return;
        }
        let mut open = self.open();
        if open.len() >= MOST_TALKS {
            open.retain(|_, talk| !talk.session.is_over(now));
        }
        if open.len() < MOST_TALKS {
            open.insert(token.to_owned(), Talk { source, nonce, session });
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Talk>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deployment {
    /// A phone sends a message.
    pub(super) async fn message(&self, source: IpAddr, request: Request<Incoming>) -> Response<Outgoing> {
        let cookies = request.headers().get(COOKIE).and_then(|value| value.to_str().ok());
        let cookie = cookies.and_then(token).map(str::to_owned);
        let Ok(body) = Limited::new(request.into_body(), LONGEST).collect().await else {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "no phone sends a message so long, or it broke off");
        };
        let body = body.to_bytes();
        let Ok(body) = std::str::from_utf8(&body) else {
            return text(StatusCode::BAD_REQUEST, "the message is not in UTF-8");
        };
        let message = match read(body) {
            Ok(message) => message,
            Err(unreadable) => {
                tracing::warn!(%source, why = %unreadable, "a message to the deployment service is not understood");
                return text(StatusCode::BAD_REQUEST, &unreadable.to_string());
            }
        };
        let nonce = message.nonce.clone();
        let (token, mut session) = self
            .talks
            .take(source, &message, cookie.as_deref())
            .unwrap_or_else(|| (hex::encode(rand::random::<[u8; 16]>()), Session::new(self.talks.now())));
        let order = self.hear(source, &mut session, message).await;
        self.talks.keep(&token, source, nonce.clone(), session);
        whole(StatusCode::OK, "text/xml; charset=utf-8", order.document(&nonce), Some(&token))
    }

    async fn hear(&self, source: IpAddr, session: &mut Session, message: Message) -> Order {
        let reason = message.reason.as_str();
        let heard = session.hear(self.talks.now(), message);
        let who = session.who();
        let mac = who.as_ref().map(|who| who.mac);
        if let Some(odd) = &heard.odd {
            tracing::warn!(%source, mac = mac.map(tracing::field::display), odd, "a conversation is ended");
        }
        if let (Some(news), Some(mac)) = (heard.news, mac) {
            let news = match news {
                News::Refused(why) => PhoneNews::Declined { why },
                News::Deferred(why) => PhoneNews::Deferred { why },
                News::Settings(found) => PhoneNews::Items(found),
                News::Files(told) => PhoneNews::Files(told),
            };
            self.depot.gatekeeper.told(mac, source, news);
        }
        let order = match heard.next {
            Next::Answer(order) => order,
            Next::Decide(arrival, who) => session.decide(self.jobs(source, arrival, &who).await),
        };
        tracing::debug!(%source, mac = mac.map(tracing::field::display), reason, order = order.action().as_str(), "conversation");
        order
    }
}
