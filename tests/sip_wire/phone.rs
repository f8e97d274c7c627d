//! The fake far end: a loopback socket that reads requests and answers as the test says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use sipherd::domain::phone::{Contact, LineId, PbxName};
use sipherd::domain::trip::Notice;
use sipherd::ports::{Credentials, NotifyOrder, OrderId, Secret, Target};
use sipherd::sip::message::Message;
use sipherd::sip::{Agent, AgentConfig, Timers};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

/// Far more than anything here takes; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A phone.
pub struct Phone {
    pub socket: UdpSocket,
    pub address: SocketAddr,
}

impl Phone {
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        Self { socket, address }
    }

    pub fn target(&self) -> Target {
        target(&format!("sip:1100@{};line=2c03007c", self.address), Some(self.address))
    }

    /// The next datagram, as text and as a message.
    pub async fn next(&self) -> (String, Message, SocketAddr) {
        let mut buffer = vec![0; 65_536];
        let received = tokio::time::timeout(PATIENCE, self.socket.recv_from(&mut buffer));
        let (length, from) = received.await.expect("a request in time").unwrap();
        let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
        let message = Message::parse(text.as_bytes()).unwrap();
        (text, message, from)
    }

    /// Answers the request with this status line and these further lines.
    pub async fn answer(&self, request: &Message, to: SocketAddr, status: &str, lines: &str) {
        self.socket.send_to(&answer(request, status, lines), to).await.unwrap();
    }

    pub async fn send(&self, bytes: &[u8], to: SocketAddr) {
        self.socket.send_to(bytes, to).await.unwrap();
    }
}

/// An answer that repeats what it must.
pub fn answer(request: &Message, status: &str, lines: &str) -> Vec<u8> {
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=phone\r\nCall-ID: {}\r\nCSeq: {}\r\n{lines}\
         Content-Length: 0\r\n\r\n",
        request.vias().next().unwrap(),
        request.from().unwrap(),
        request.to().unwrap(),
        request.call_id().unwrap(),
        request.raw_cseq().unwrap(),
    )
    .into_bytes()
}

pub fn line() -> LineId {
    LineId { pbx: PbxName::new("yard"), user: "1100".into() }
}

pub fn target(uri: &str, source: Option<SocketAddr>) -> Target {
    Target {
        line: line(),
        contact: Contact { uri: uri.into(), source, call_id: None, user_agent: None, expires: None },
    }
}

pub fn order(id: u64, target: Target) -> NotifyOrder {
    NotifyOrder {
        id: OrderId(id),
        target,
        notice: Notice::event("reboot"),
        copies_for: Timers::default().give_up(),
    }
}

/// No copy goes out while a test on a loaded machine takes its time.
fn patient() -> Timers {
    Timers { t1: Duration::from_secs(5), ..Timers::default() }
}

/// Short enough to see a transaction end within a test.
pub fn quick() -> Timers {
    Timers { t1: Duration::from_millis(20), t2: Duration::from_millis(80), t4: Duration::from_millis(50) }
}

pub fn config() -> AgentConfig {
    let credentials = Credentials { username: "1100".to_owned(), password: Secret::new("gate-19") };
    AgentConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        advertise: None,
        user: "sipherd".to_owned(),
        outbound_proxy: None,
        credentials: BTreeMap::from([(line(), credentials)]),
        notifies_per_second: 1000,
        timers: patient(),
    }
}

/// An agent that stops with the guard.
pub fn start(config: AgentConfig) -> (Agent, tokio_util::sync::DropGuard) {
    let shutdown = CancellationToken::new();
    (Agent::start(config, shutdown.clone()).unwrap(), shutdown.drop_guard())
}
