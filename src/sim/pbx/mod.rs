//! A pocket PBX: registrar, calls between lines and to the echo test `600`, queues
//! without callers, ring groups, do-not-disturb, and an AMI that speaks as Asterisk 22 does.

mod ami;
mod book;
mod groups;
mod switchboard;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::book::Book;
use self::switchboard::{Errand, Switchboard};
use super::house::House;

/// How many AMI events a slow listener may lie behind before it loses some.
const EVENT_BACKLOG: usize = 16_384;
/// Receive buffer of the SIP socket: a thousand phones may register in one breath.
const RECEIVE_BUFFER: usize = 4 << 20;

/// What a pocket PBX is set up with.
pub(super) struct PocketSpec {
    /// The address it binds; ports are taken freely.
    pub ip: IpAddr,
    /// Lines and their passwords.
    pub lines: BTreeMap<String, String>,
    /// The AMI account.
    pub ami_user: String,
    /// Its secret.
    pub ami_secret: String,
}

/// What the PBX's tasks share.
struct Office {
    /// The building.
    pub house: Arc<House>,
    /// How it was set up.
    pub spec: PocketSpec,
    /// Where it speaks SIP.
    pub sip: SocketAddr,
    /// Events for AMI listeners, as text.
    pub events: broadcast::Sender<Arc<str>>,
    /// Counts restarts; AMI connections end when it changes.
    pub restarts: watch::Sender<u64>,
    book: Mutex<Book>,
}

impl Office {
    /// Contacts and calls.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The PBX in operation.
pub struct PocketPbx {
    office: Arc<Office>,
    errands: mpsc::UnboundedSender<Errand>,
    ami: SocketAddr,
}

impl PocketPbx {
    /// Where it speaks SIP.
    pub fn sip(&self) -> SocketAddr {
        self.office.sip
    }

    /// Where its AMI listens.
    pub fn ami(&self) -> SocketAddr {
        self.ami
    }

    /// Drops every AMI connection and takes new ones at once; nothing is forgotten.
    pub fn restart(&self) {
        self.office.restarts.send_modify(|count| *count += 1);
    }

    /// Forgets a line's contact, as an expiry would.
    pub fn vanish_contact(&self, user: &str) {
        // A PBX that is switched off has no contacts.
        let _ = self.errands.send(Errand::Vanish { user: user.to_owned() });
    }

    /// The contact URI of a line, while it is registered.
    pub fn contact(&self, user: &str) -> Option<String> {
        self.office.book().contacts.get(user).map(|contact| contact.uri.clone())
    }

    /// How many calls it knows of.
    pub fn calls(&self) -> usize {
        self.office.book().calls.len()
    }

    /// Binds and starts.
    pub(super) async fn switch_on(
        spec: PocketSpec,
        house: Arc<House>,
        tasks: &TaskTracker,
        off: CancellationToken,
    ) -> std::io::Result<Self> {
        let socket = Socket::new(Domain::for_address((spec.ip, 0).into()), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::new(spec.ip, 0).into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        let listener = TcpListener::bind((spec.ip, 0)).await?;
        let (sip, ami) = (socket.local_addr()?, listener.local_addr()?);
        let (errands, inbox) = mpsc::unbounded_channel();
        let office = Arc::new(Office {
            house,
            spec,
            sip,
            events: broadcast::Sender::new(EVENT_BACKLOG),
            restarts: watch::Sender::new(0),
            book: Mutex::default(),
        });
        let board = Switchboard::new(Arc::clone(&office), socket, inbox);
        let until = off.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = board.serve() => {}
                () = until.cancelled() => {}
            }
        });
        let (door, clerk, orders) = (tasks.clone(), Arc::clone(&office), errands.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = ami::listen(listener, clerk, orders, &door, &off) => {}
                () = off.cancelled() => {}
            }
        });
        Ok(Self { office, errands, ami })
    }
}
