//! One transfer over a socket of its own: sends, listens, and sends again what nobody acknowledged.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::options::Agreed;
use super::packet::{Packet, option_ack, parse};
use super::sending::{Acknowledged, Sending};
use crate::depot::lanes::Driver;

/// How long silence is borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Blocks are sent again after this time without an acknowledgement, and then after twice the time, up to
    /// `longest`; a client that names a time of its own gets that one, always.
    pub first: Duration,
    /// Never more than this between two.
    pub longest: Duration,
    /// After so many times the client is given up.
    pub resends: u32,
}

impl Default for Silence {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(8), resends: 6 }
    }
}

/// How a transfer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client acknowledged the last block, or closed its port behind it.
    Delivered,
    /// The client gave up and said why.
    GaveUp {
        /// As a number.
        code: u16,
        /// In words.
        text: String,
    },
    /// Nothing was heard of it any more.
    Silent,
    /// Its port is closed, or its network cannot be reached.
    Gone,
}

/// Sends an image to the client this socket is connected to. `begins` is called with the first block.
pub(super) async fn transfer(
    socket: &UdpSocket,
    sending: &mut Sending,
    agreed: &Agreed,
    driver: Option<Driver>,
    silence: Silence,
    begins: impl FnOnce(),
) -> Ended {
    let mut line = Line { socket, patience: Patience::new(silence, agreed.timeout), received: [0; 1024] };
    if !agreed.answer.is_empty()
        && let Err(ended) = line.agree(&option_ack(&agreed.answer)).await
    {
        return ended;
    }
    let (mut begins, mut allowance) = (Some(begins), Allowance { driver, bytes: 0 });
    let mut packet = Vec::with_capacity(4 + agreed.block);
    loop {
        while let Some(length) = sending.next() {
            allowance.take(length).await;
            sending.write(&mut packet);
            if let Err(ended) = line.send(&packet).await {
                return ended;
            }
            begins.take().into_iter().for_each(|begins| begins());
        }
        let until = line.patience.until();
        let heard = loop {
            match line.hear(until).await {
                Heard::Ack(block) => match sending.acknowledge(block) {
                    Acknowledged::Repeated => {}
                    said => break Some(said),
                },
                Heard::Nothing => break None,
                // It has everything and did not wait to see whether its last acknowledgement arrived.
                Heard::Ended(Ended::Gone) if sending.is_sent() => return Ended::Delivered,
                Heard::Ended(ended) => return ended,
            }
        };
        match heard {
            Some(Acknowledged::All) => return Ended::Delivered,
            Some(Acknowledged::More | Acknowledged::Gap | Acknowledged::Repeated) => line.patience.renew(),
            None if line.patience.is_over() => return Ended::Silent,
            None => sending.go_back(),
        }
    }
}

enum Heard {
    Ack(u16),
    Nothing,
    Ended(Ended),
}

struct Line<'a> {
    socket: &'a UdpSocket,
    patience: Patience,
    received: [u8; 1024],
}

impl Line<'_> {
    /// Sends the answer to the client's options until it is acknowledged as block 0.
    async fn agree(&mut self, answer: &[u8]) -> Result<(), Ended> {
        loop {
            self.send(answer).await?;
            let until = self.patience.until();
            loop {
                match self.hear(until).await {
                    Heard::Ack(0) => {
                        self.patience.renew();
                        return Ok(());
                    }
                    Heard::Ack(_) => {}
                    Heard::Nothing if self.patience.is_over() => return Err(Ended::Silent),
                    Heard::Nothing => break,
                    Heard::Ended(ended) => return Err(ended),
                }
            }
        }
    }

    async fn send(&self, packet: &[u8]) -> Result<(), Ended> {
        match self.socket.send(packet).await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Err(Ended::Gone),
            // As good as lost on the way: it is sent again when nothing is heard.
            Err(error) => {
                tracing::debug!(%error, "a block could not be sent");
                Ok(())
            }
        }
    }

    /// The next word of the client until then. What is no word of a client is passed over.
    async fn hear(&mut self, until: Instant) -> Heard {
        loop {
            let length = match timeout_at(until, self.socket.recv(&mut self.received)).await {
                Err(_) => return Heard::Nothing,
                Ok(Ok(length)) => length,
                Ok(Err(error)) if is_gone(&error) => return Heard::Ended(Ended::Gone),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "an acknowledgement could not be received");
                    continue;
                }
            };
            match parse(&self.received[..length]) {
                Ok(Packet::Ack(block)) => return Heard::Ack(block),
                Ok(Packet::Error { code, text }) => return Heard::Ended(Ended::GaveUp { code, text }),
                Ok(Packet::Read(_) | Packet::Write | Packet::Foreign) | Err(_) => {}
            }
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
}

/// When to send again, and when no more.
struct Patience {
    silence: Silence,
    /// What the client named.
    named: Option<Duration>,
    wait: Duration,
    resends: u32,
}

impl Patience {
    fn new(silence: Silence, named: Option<Duration>) -> Self {
        Self { silence, named, wait: named.unwrap_or(silence.first), resends: 0 }
    }

    fn until(&self) -> Instant {
        Instant::now() + self.wait
    }

    /// Something was heard.
    fn renew(&mut self) {
        *self = Self::new(self.silence, self.named);
    }

    /// Nothing was heard, again: whether that was enough.
    fn is_over(&mut self) -> bool {
        self.resends += 1;
        if self.named.is_none() {
            self.wait = (self.wait * 2).min(self.silence.longest);
        }
        self.resends > self.silence.resends
    }
}

/// What the lanes of the permit let through.
struct Allowance {
    driver: Option<Driver>,
    bytes: usize,
}

impl Allowance {
    /// Waits until so many bytes may go.
    async fn take(&mut self, bytes: usize) {
        let Some(driver) = &mut self.driver else { return };
        while self.bytes < bytes {
            let missing = bytes - self.bytes;
            self.bytes += poll_fn(|cx| driver.poll_turn(missing, cx)).await;
        }
        self.bytes -= bytes;
    }
}
