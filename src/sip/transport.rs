//! Sockets: one for datagrams with large buffers, and TCP flows that are reused per peer (RFC 3261 section 18).

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener, UdpSocket as StdUdpSocket};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::message::front::{frame, leading_empty_lines};

/// Asked for; the kernel gives what `net.core.rmem_max` allows. With the usual 200 kB a burst overflows.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;
/// Flows beyond this are refused.
const MAX_FLOWS: usize = 8192;
/// Messages that may wait for one peer.
const FLOW_QUEUE: usize = 64;
/// A flow without a byte in either direction for so long is closed.
const FLOW_IDLE: Duration = Duration::from_secs(600);
/// A peer that does not take our bytes, or our connection, for so long is given up: timer F is 32 s.
const FLOW_STUCK: Duration = Duration::from_secs(20);

/// Binds a datagram socket and a listener to one port.
pub fn bind(listen: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    // With port 0 the port that UDP got may be taken for TCP; another one will not be.
    let mut tries = if listen.port() == 0 { 16 } else { 1 };
    loop {
        tries -= 1;
        let udp = bind_udp(listen)?;
        match bind_tcp(udp.local_addr()?) {
            Ok(tcp) => return Ok((UdpSocket::from_std(udp)?, TcpListener::from_std(tcp)?)),
            Err(error) if tries == 0 => return Err(error),
            Err(_) => {}
        }
    }
}

fn bind_udp(listen: SocketAddr) -> io::Result<StdUdpSocket> {
    let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    if let Ok(got) = socket.recv_buffer_size()
        && got < SOCKET_BUFFER
    {
        debug!(asked = SOCKET_BUFFER, got, "small receive buffer; hint: raise net.core.rmem_max");
    }
    Ok(socket.into())
}

fn bind_tcp(listen: SocketAddr) -> io::Result<StdTcpListener> {
    let socket = Socket::new(Domain::for_address(listen), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

/// Takes datagrams that are there now, at most `most`, and hands each to `each`.
///
/// An ICMP error of an earlier send shows up here; it says nothing about the socket.
pub fn take_datagrams(
    udp: &UdpSocket,
    buffer: &mut [u8],
    most: usize,
    mut each: impl FnMut(&[u8], SocketAddr),
) {
    for _ in 0..most {
        match udp.try_recv_from(buffer) {
            Ok((length, source)) => each(&buffer[..length], source),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => debug!(%error, "receive"),
        }
    }
}

/// Sends one datagram; an ICMP error of an earlier one is not its fault.
pub async fn send_datagram(udp: &UdpSocket, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
    let sent = match udp.try_send_to(bytes, to) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => udp.send_to(bytes, to).await,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => udp.send_to(bytes, to).await,
        sent => sent,
    };
    sent.map(drop)
}

/// What flows tell.
#[derive(Debug)]
pub enum FlowEvent {
    /// A peer connected.
    Opened {
        /// Who.
        peer: SocketAddr,
        /// The flow's number.
        flow: u64,
        /// Takes what is to be sent.
        outgoing: mpsc::Sender<Bytes>,
    },
    /// One whole message.
    Message {
        /// Who.
        peer: SocketAddr,
        /// The message.
        bytes: Bytes,
    },
    /// The flow is gone.
    Closed {
        /// Who.
        peer: SocketAddr,
        /// The flow's number.
        flow: u64,
        /// It never came to be, so nothing was sent.
        unreachable: Option<io::ErrorKind>,
    },
}

/// All TCP flows.
#[derive(Debug)]
pub struct Flows {
    peers: HashMap<SocketAddr, (u64, mpsc::Sender<Bytes>)>,
    events: mpsc::Sender<FlowEvent>,
    shutdown: CancellationToken,
    next: u64,
}

/// A message could not be handed to a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// Too many flows.
    #[error("too many TCP connections are open")]
    TooMany,
    /// The peer does not take what is sent.
    #[error("the peer does not take what is sent to it over TCP")]
    Stuck,
}

impl Flows {
    /// No flows yet; each will tell `events` what it sees.
    pub fn new(events: mpsc::Sender<FlowEvent>, shutdown: CancellationToken) -> Self {
        Self { peers: HashMap::new(), events, shutdown, next: 0 }
    }

    /// Sends over the peer's flow, which is opened when there is none.
    pub fn send(&mut self, peer: SocketAddr, bytes: Bytes) -> Result<(), FlowError> {
        let bytes = match self.peers.get(&peer) {
            Some((_, outgoing)) => match outgoing.try_send(bytes) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(_)) => return Err(FlowError::Stuck),
                Err(mpsc::error::TrySendError::Closed(bytes)) => bytes,
            },
            None => bytes,
        };
        if self.peers.len() >= MAX_FLOWS {
            return Err(FlowError::TooMany);
        }
        let (outgoing, queue) = mpsc::channel(FLOW_QUEUE);
        // The queue is empty: there is room for one.
        outgoing.try_send(bytes).map_err(|_| FlowError::Stuck)?;
        // Odd numbers are ours, even ones the listener's.
        self.next += 2;
        let flow = self.next + 1;
        self.peers.insert(peer, (flow, outgoing));
        let (events, shutdown) = (self.events.clone(), self.shutdown.clone());
        tokio::spawn(async move {
            let opened = match timeout(FLOW_STUCK, TcpStream::connect(peer)).await {
                Ok(opened) => opened.map_err(|error| error.kind()),
                Err(_) => Err(io::ErrorKind::TimedOut),
            };
            let unreachable = match opened {
                Ok(stream) => {
                    run_flow(stream, peer, queue, &events, &shutdown).await;
                    None
                }
                Err(kind) => Some(kind),
            };
            tell(&events, &shutdown, FlowEvent::Closed { peer, flow, unreachable }).await;
        });
        Ok(())
    }

    /// Takes note of a flow that a peer opened.
    pub fn opened(&mut self, peer: SocketAddr, flow: u64, outgoing: mpsc::Sender<Bytes>) {
        if self.peers.len() < MAX_FLOWS {
            self.peers.insert(peer, (flow, outgoing));
        }
    }

    /// Takes note that a flow is gone.
    pub fn closed(&mut self, peer: SocketAddr, flow: u64) {
        if self.peers.get(&peer).is_some_and(|(known, _)| *known == flow) {
            self.peers.remove(&peer);
        }
    }
}

/// Accepts flows until shutdown.
pub async fn accept(listener: TcpListener, events: mpsc::Sender<FlowEvent>, shutdown: CancellationToken) {
    let mut flow = 0;
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, mostly; the pause keeps a full table from becoming a full core.
                debug!(%error, "accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        flow += 2;
        let (outgoing, queue) = mpsc::channel(FLOW_QUEUE);
        let (events, shutdown) = (events.clone(), shutdown.clone());
        tokio::spawn(async move {
            tell(&events, &shutdown, FlowEvent::Opened { peer, flow, outgoing }).await;
            run_flow(stream, peer, queue, &events, &shutdown).await;
            tell(&events, &shutdown, FlowEvent::Closed { peer, flow, unreachable: None }).await;
        });
    }
}

async fn tell(events: &mpsc::Sender<FlowEvent>, shutdown: &CancellationToken, event: FlowEvent) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        sent = events.send(event) => if sent.is_err() { debug!("the endpoint is gone") },
    }
}

async fn run_flow(
    mut stream: TcpStream,
    peer: SocketAddr,
    mut queue: mpsc::Receiver<Bytes>,
    events: &mpsc::Sender<FlowEvent>,
    shutdown: &CancellationToken,
) {
    let (mut reader, mut writer) = stream.split();
    let mut buffer = BytesMut::new();
    loop {
        let read = tokio::select! {
            () = shutdown.cancelled() => return,
            message = queue.recv() => {
                let Some(message) = message else { return };
                match timeout(FLOW_STUCK, writer.write_all(&message)).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(_)) | Err(_) => return,
                }
            }
            read = timeout(FLOW_IDLE, reader.read_buf(&mut buffer)) => read,
        };
        if !matches!(read, Ok(Ok(1..))) {
            return;
        }
        loop {
            // A keep-alive is two line ends, its answer one (RFC 5626 section 4.4.1).
            let blank = leading_empty_lines(&buffer);
            if blank == buffer.len() {
                if blank >= 4 {
                    buffer.clear();
                    if !matches!(timeout(FLOW_STUCK, writer.write_all(b"\r\n")).await, Ok(Ok(()))) {
                        return;
                    }
                }
                break;
            }
            buffer.advance(blank);
            match frame(&buffer) {
                Ok(Some(length)) => {
                    let bytes = buffer.split_to(length).freeze();
                    tell(events, shutdown, FlowEvent::Message { peer, bytes }).await;
                }
                Ok(None) => break,
                Err(why) => {
                    // Its boundaries are lost, so is the flow. What is wrong may still be answerable.
                    debug!(%peer, %why, "closing a TCP flow");
                    return;
                }
            }
        }
    }
}
