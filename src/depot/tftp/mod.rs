//! The depot's TFTP server, for phones that know nothing else: the images they are permitted, and the rescue of those
//! whose firmware is broken. It is read-only.
//!
//! Each transfer has a socket of its own, which is the transfer identifier of RFC 1350; what others send to it does not
//! reach it.

mod name;
mod options;
mod packet;
mod sending;
mod served;
mod transfer;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use transfer::Silence;

use self::packet::{Ask, Packet, code, error, parse};
use super::http::Depot;
use super::rescue::Rescues;

/// How much of the machine TFTP takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TftpLimits {
    /// Transfers at once; whoever comes then is told to come again.
    pub transfers: usize,
    /// Transfers at once to one address.
    pub per_phone: usize,
    /// How long silence is borne.
    pub silence: Silence,
    /// Time for transfers under way to end after the shutdown was asked for.
    pub drain: Duration,
}

impl Default for TftpLimits {
    fn default() -> Self {
        Self { transfers: 500, per_phone: 2, silence: Silence::default(), drain: Duration::from_secs(20) }
    }
}

/// Serves images over TFTP until the shutdown is asked for; transfers under way then have a little time to end.
pub async fn serve_tftp(
    limits: TftpLimits,
    socket: UdpSocket,
    depot: Depot,
    rescues: Rescues,
    shutdown: CancellationToken,
) {
    let (socket, under_way) = (Arc::new(socket), Arc::new(UnderWay::default()));
    let counter = Arc::new(Counter { limits, depot, rescues, socket: Arc::clone(&socket), under_way });
    let (tasks, cut) = (TaskTracker::new(), CancellationToken::new());
    let mut datagram = [0; 2048];
    loop {
        let received = tokio::select! {
            () = shutdown.cancelled() => break,
            received = socket.recv_from(&mut datagram) => received,
        };
        match received {
            Ok((length, from)) => {
                if let Some((ask, place)) = counter.welcome(&datagram[..length], from) {
                    let (counter, cut) = (Arc::clone(&counter), cut.clone());
                    tasks.spawn(async move { counter.serve(ask, from, place, cut).await });
                }
            }
            // On this socket errors are about datagrams of the past: a client that is gone.
            Err(error) => {
                tracing::debug!(%error, "TFTP");
                if !matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
                {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    tasks.close();
    if tokio::time::timeout(limits.drain, tasks.wait()).await.is_err() {
        tracing::warn!(transfers = tasks.len(), "TFTP transfers cut off by the shutdown");
        cut.cancel();
        tasks.wait().await;
    }
}

/// Where requests come in.
struct Counter {
    limits: TftpLimits,
    depot: Depot,
    rescues: Rescues,
    socket: Arc<UdpSocket>,
    under_way: Arc<UnderWay>,
}

impl Counter {
    /// Takes in a request to read, with its place among the transfers; everything else is answered here.
    fn welcome(&self, datagram: &[u8], from: SocketAddr) -> Option<(Ask, Place)> {
        let ask = match parse(datagram) {
            Ok(Packet::Read(ask)) => ask,
            Ok(Packet::Write) => {
                self.refuse(from, code::ACCESS, "nothing is written here");
                return None;
            }
            // An error is never answered, RFC 1350; the others belong to no transfer.
            Ok(Packet::Error { .. } | Packet::Ack(_) | Packet::Foreign) => return None,
            Err(malformed @ (packet::Malformed::NoRequest | packet::Malformed::Mode)) => {
                self.refuse(from, code::ILLEGAL, &malformed.to_string());
                return None;
            }
            Err(packet::Malformed::NoTftp) => {
                tracing::debug!(%from, bytes = datagram.len(), "no TFTP");
                return None;
            }
        };
        match self.under_way.enter(from, &self.limits) {
            Ok(place) => Some((ask, place)),
            Err(Full::Doubled) => None,
            Err(full @ (Full::All | Full::Phone)) => {
                tracing::warn!(%from, name = ask.name, "TFTP: {full}");
                self.refuse(from, code::SEE_TEXT, &full.to_string());
                None
            }
        }
    }

    fn refuse(&self, to: SocketAddr, code: u16, text: &str) {
        tracing::info!(%to, code, text, "TFTP request refused");
        // As good as lost on the way: the client asks again.
        let _ = self.socket.try_send_to(&error(code, text), to);
    }
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Full {
    /// The client asked again while its first request is being answered.
    #[error("asked already")]
    Doubled,
    /// Everybody together.
    #[error("as many transfers as allowed are under way, please come again")]
    All,
    /// This address.
    #[error("as many transfers to this address as allowed are under way")]
    Phone,
}

/// Who is being served.
#[derive(Debug, Default)]
struct UnderWay(Mutex<BTreeSet<(IpAddr, u16)>>);

/// A place among the transfers; it falls free with this value.
struct Place {
    of: Arc<UnderWay>,
    whose: (IpAddr, u16),
}

impl UnderWay {
    fn enter(self: &Arc<Self>, from: SocketAddr, limits: &TftpLimits) -> Result<Place, Full> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = (from.ip(), from.port());
        if places.contains(&whose) {
            return Err(Full::Doubled);
        }
        if places.range((whose.0, 0)..=(whose.0, u16::MAX)).count() >= limits.per_phone {
            return Err(Full::Phone);
        }
        if places.len() >= limits.transfers {
            return Err(Full::All);
        }
        places.insert(whose);
        Ok(Place { of: Arc::clone(self), whose })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.whose);
    }
}
