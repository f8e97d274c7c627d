//! The handle that others hold: sends NOTIFYs, asks phones, and knows nothing of sockets.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::endpoint::{Endpoint, Order, Reply, Settings, Shared};
use super::exchange::{Ask, Identity};
use super::message::uri::Uri;
use super::transaction::Timers;
use crate::domain::phone::LineId;
use crate::ports::{
    Credentials, DialogOutcome, Notifier, NotifyOrder, NotifyOutcome, OrderId, ProbeOutcome, Prober, Target,
};

/// Orders that may wait to be taken up; whoever gives one more waits too.
const ORDER_QUEUE: usize = 1024;
const GOING_DOWN: &str = "the SIP agent is going down";

/// How the agent is set up.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Where it listens, UDP and TCP; port 0 takes any.
    pub listen: SocketAddr,
    /// The address phones reach it at, when that is not the one it listens on; port 0 is the port it got.
    pub advertise: Option<SocketAddr>,
    /// The user part of its own URI.
    pub user: String,
    /// All requests go here, over UDP.
    pub outbound_proxy: Option<SocketAddr>,
    /// What answers the challenges of each line.
    pub credentials: BTreeMap<LineId, Credentials>,
    /// The most NOTIFYs, and the most questions, in a second; at least 1.
    pub notifies_per_second: u32,
    /// The base values of all timers.
    pub timers: Timers,
}

/// The agent could not start.
#[derive(Debug, thiserror::Error)]
pub enum SipError {
    /// The port is taken, or the address is not ours.
    #[error("cannot listen for SIP on {listen}: {source}")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Phones cannot answer to `0.0.0.0`.
    #[error("listening on {listen} tells phones no address to answer to: set `advertise`")]
    NoAdvertise {
        /// Where.
        listen: SocketAddr,
    },
    /// The user cannot stand in a URI.
    #[error("`{user}` cannot be the user part of a SIP URI")]
    User {
        /// The user.
        user: String,
    },
    /// Nothing could ever be sent.
    #[error("`notifies_per_second` is 0, so nothing could ever be sent")]
    NoPace,
}

/// The SIP agent; clones are the same agent.
#[derive(Debug, Clone)]
pub struct Agent {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    local: SocketAddr,
}

impl Agent {
    /// Binds its sockets and spawns its tasks, which end on `shutdown`. Must be called inside a tokio runtime.
    pub fn start(config: AgentConfig, shutdown: CancellationToken) -> Result<Self, SipError> {
        let AgentConfig { listen, advertise, user, outbound_proxy, credentials, notifies_per_second, timers } =
            config;
        if notifies_per_second == 0 {
            return Err(SipError::NoPace);
        }
        if user.contains('@') || Uri::parse(&format!("sip:{user}@h")).is_err() {
            return Err(SipError::User { user });
        }
        if advertise.unwrap_or(listen).ip().is_unspecified() {
            return Err(SipError::NoAdvertise { listen });
        }
        let wrong = |source| SipError::Listen { listen, source };
        let (udp, tcp) = super::transport::bind(listen).map_err(wrong)?;
        let local = udp.local_addr().map_err(wrong)?;
        let mut address = advertise.unwrap_or(local);
        if address.port() == 0 {
            address.set_port(local.port());
        }
        let identity = Identity { user, address };
        let settings =
            Settings { identity, local, proxy: outbound_proxy, timers, per_second: notifies_per_second };
        let shared = Arc::new(Shared::new(credentials));
        let (orders, queue) = mpsc::channel(ORDER_QUEUE);
        Endpoint::spawn(settings, udp, tcp, queue, Arc::clone(&shared), shutdown);
        Ok(Self { orders, shared, local })
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Answers challenges with these from now on.
    pub fn replace_credentials(&self, credentials: BTreeMap<LineId, Credentials>) {
        self.shared.replace_credentials(credentials);
    }

    /// Gives an order and waits for its end.
    fn order<T: Send + 'static>(
        &self,
        ask: Ask,
        target: Target,
        (patience, copies_for): (Option<Duration>, Option<Duration>),
        reply: impl FnOnce(oneshot::Sender<T>) -> Reply + Send + 'static,
        lost: impl FnOnce() -> T + Send + 'static,
    ) -> BoxFuture<'static, T> {
        let orders = self.orders.clone();
        async move {
            let (done, end) = oneshot::channel();
            if orders.send(Order { ask, target, patience, copies_for, reply: reply(done) }).await.is_err() {
                return lost();
            }
            end.await.unwrap_or_else(|_| lost())
        }
        .boxed()
    }
}

impl Notifier for Agent {
    fn notify(&self, order: NotifyOrder) -> BoxFuture<'static, NotifyOutcome> {
        let NotifyOrder { id, target, notice, copies_for } = order;
        self.order(
            Ask::Notify(notice),
            target,
            (None, Some(copies_for)),
            move |done| Reply::Notify(id, done),
            || NotifyOutcome::NotSent { why: GOING_DOWN.to_owned() },
        )
    }

    fn stop_resending(&self, id: OrderId) {
        self.shared.stop(id);
    }
}

impl Prober for Agent {
    fn options(&self, target: Target, patience: Duration) -> BoxFuture<'static, ProbeOutcome> {
        self.order(Ask::Options, target, (Some(patience), None), Reply::Options, || ProbeOutcome::Silent)
    }

    fn dialogs(&self, target: Target) -> BoxFuture<'static, DialogOutcome> {
        self.order(Ask::Dialogs, target, (None, None), Reply::Dialogs, || DialogOutcome::Unknown {
            why: GOING_DOWN.to_owned(),
        })
    }
}
