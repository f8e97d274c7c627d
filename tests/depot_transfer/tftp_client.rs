//! A phone's TFTP client, down to the datagrams: it can lose them, repeat itself, and give up.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::fixture::AT_MOST;

/// What a server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Data(u16, Vec<u8>),
    Options(Vec<(String, u64)>),
    Error(u16, String),
}

pub struct Phone {
    socket: UdpSocket,
    server: SocketAddr,
    /// The server's own port for this transfer, once it has spoken.
    pub transfer: Option<SocketAddr>,
}

impl Phone {
    pub async fn of(server: SocketAddr) -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").await.unwrap(), server, transfer: None }
    }

    /// Asks for a file with these options.
    pub async fn ask(&self, name: &str, options: &[(&str, &str)]) {
        let mut packet = b"\0\x01".to_vec();
        let pairs = options.iter().flat_map(|(name, value)| [*name, *value]);
        for part in [name, "octet"].into_iter().chain(pairs) {
            packet.extend_from_slice(part.as_bytes());
            packet.push(0);
        }
        self.raw(&packet).await;
    }

    /// Sends this to the port where requests are heard.
    pub async fn raw(&self, packet: &[u8]) {
        self.socket.send_to(packet, self.server).await.unwrap();
    }

    pub async fn acknowledge(&self, block: u16) {
        let [high, low] = block.to_be_bytes();
        self.to_transfer(&[0, 4, high, low]).await;
    }

    pub async fn give_up(&self, code: u8, text: &str) {
        self.to_transfer(&[&[0, 5, 0, code], text.as_bytes(), &[0]].concat()).await;
    }

    async fn to_transfer(&self, packet: &[u8]) {
        self.socket.send_to(packet, self.transfer.expect("the server spoke")).await.unwrap();
    }

    pub async fn hear(&mut self) -> Said {
        self.heard_within(AT_MOST).await.expect("the server is silent")
    }

    /// What comes within this time.
    pub async fn heard_within(&mut self, time: Duration) -> Option<Said> {
        let mut packet = vec![0; 70_000];
        let (length, from) = timeout(time, self.socket.recv_from(&mut packet)).await.ok()?.unwrap();
        let (head, rest) = packet[..length].split_at(4.min(length));
        let number = || u16::from_be_bytes([head[2], head[3]]);
        Some(match head[1] {
            3 => {
                self.transfer = Some(from);
                Said::Data(number(), rest.to_vec())
            }
            5 => {
                Said::Error(number(), String::from_utf8(rest.strip_suffix(b"\0").unwrap().to_vec()).unwrap())
            }
            6 => {
                self.transfer = Some(from);
                let text = String::from_utf8(packet[2..length].to_vec()).unwrap();
                let words: Vec<&str> = text.split_terminator('\0').collect();
                Said::Options(words.chunks(2).map(|w| (w[0].to_owned(), w[1].parse().unwrap())).collect())
            }
            other => panic!("a server sends no {other}"),
        })
    }

    /// The whole file, in windows of so many blocks, beginning with this first answer.
    pub async fn fetch(&mut self, block: usize, window: u64) -> Vec<u8> {
        let (mut got, mut next, mut in_window) = (Vec::new(), 1_u16, 0);
        loop {
            match self.hear().await {
                Said::Options(_) => self.acknowledge(0).await,
                Said::Data(number, bytes) if number == next => {
                    got.extend_from_slice(&bytes);
                    in_window += 1;
                    let last = bytes.len() < block;
                    if last || in_window == window {
                        self.acknowledge(number).await;
                        in_window = 0;
                    }
                    next = next.wrapping_add(1);
                    if last {
                        return got;
                    }
                }
                Said::Data(..) => self.acknowledge(next.wrapping_sub(1)).await,
                Said::Error(code, text) => panic!("{code} {text}"),
            }
        }
    }
}
