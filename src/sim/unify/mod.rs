//! A simulated Unify phone's deployment client: it calls its service, loads images, checks its hardware, and reboots.
//!
//! It reads and writes its XML with its own few lines, speaks HTTP and FTP by itself, and knows nothing of what it
//! talks to.

mod check;
mod fetch;
mod ftp;
mod media;
mod memory;
mod talk;
mod tls;
mod web;
mod xml;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::domain::phone::Mac;
use crate::sim::diary::What;
use crate::sim::house::House;

pub use check::SIM_BIND;
pub(in crate::sim) use memory::Memory;

/// The port of the deployment client.
const CLIENT_PORT: u16 = 8085;

/// How often a phone looks whether its call has ended.
const LOOKS: TimeDelta = TimeDelta::seconds(1);

/// What a Unify phone is besides a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Make {
    /// Its part number.
    pub part: String,
    /// Its hardware level, which it knows itself.
    pub level: String,
    /// The oldest software that runs on it, with points.
    pub minimum: String,
    /// Its setting `Override` is on: it takes images that do not fit.
    pub overrides: bool,
    /// How it comes to its orders.
    pub mode: Mode,
    /// It tells its service how a deployment went; some only go on.
    pub tells_status: bool,
    /// It calls its service only after it has registered, so long after its boot.
    pub starts_late: Option<TimeDelta>,
    /// It tells its items in parts.
    pub in_parts: bool,
    /// Its service is told of something plugged in, so long after its first call.
    pub inventory_changes: Option<TimeDelta>,
    /// A firewall lets none of its FTP through.
    pub no_ftp: bool,
    /// Where its own defaults say that files lie: a URL that ends with a slash.
    pub defaults: Option<String>,
    /// Its settings as it left the factory: name, index, value.
    pub settings: Vec<(String, Option<u32>, String)>,
    /// Settings by name that it refuses to write.
    pub read_only: Vec<String>,
    /// Settings by name that it takes and does not keep.
    pub forgets: Vec<String>,
    /// Files, no images, by name that it does not take once it has them.
    pub rejects_files: Vec<String>,
    /// It tells how each of several files went, not of a single one alone.
    pub tells_each: bool,
    /// It gives up at the first download of a file, no image, that breaks off.
    pub gives_up: bool,
}

/// How a phone comes to its orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is asked to call, and calls its deployment service.
    Called,
    /// It cannot be asked: it looks whether it is to call (DCMP).
    Polls {
        /// How often.
        every: TimeDelta,
    },
    /// It fetches a file that says what it is to do (DMS).
    Fetches {
        /// How often, besides at its boot.
        every: TimeDelta,
    },
}

impl Default for Make {
    fn default() -> Self {
        Self {
            part: "S30817-S7403-A101-015".to_owned(),
            level: "2".to_owned(),
            minimum: "1.4.0.0".to_owned(),
            overrides: false,
            mode: Mode::Called,
            tells_status: true,
            starts_late: None,
            in_parts: false,
            inventory_changes: None,
            no_ftp: false,
            defaults: None,
            settings: Vec::new(),
            read_only: Vec::new(),
            forgets: Vec::new(),
            rejects_files: Vec::new(),
            tells_each: false,
            gives_up: false,
        }
    }
}

/// Why a phone leaves its service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) enum Left {
    /// It was told to restart.
    Restart,
    /// It has flashed this version.
    Updated(String),
}

/// A phone, as its deployment client knows it.
pub(in crate::sim) struct Client {
    pub house: Arc<House>,
    pub mac: Mac,
    pub ip: IpAddr,
    pub model: String,
    /// What it runs, with points.
    pub version: String,
    pub make: Make,
    /// What it keeps over its boots.
    pub memory: Arc<Mutex<Memory>>,
    /// Somebody is in a call on it.
    pub in_use: Arc<AtomicBool>,
    /// It has registered since its boot.
    pub registered: Arc<AtomicBool>,
    pub bytes_per_second: u64,
    pub flash: TimeDelta,
    /// Its next download breaks in the middle.
    pub breaks: bool,
    /// It rejects every image.
    pub rejects: bool,
    /// It accepts an order and does nothing.
    pub never_leaves: bool,
    /// It answers contact-me with this status.
    pub refuses: Option<u16>,
    pub messages: AtomicU32,
}

impl Client {
    /// Lives beside the phone's service until it has to reboot.
    pub async fn live(mut self) -> Left {
        // Another boot of this phone may still be letting go of the port.
        let door = TcpListener::bind(SocketAddr::new(self.ip, CLIENT_PORT)).await.ok();
        if let Some(late) = self.make.starts_late {
            while !self.registered.load(Ordering::Relaxed) {
                self.house.pass(LOOKS).await;
            }
            self.house.pass(late).await;
        }
        let mut call = Some("start-up");
        let mut news = self.make.inventory_changes;
        loop {
            let again = match (call.take(), self.make.mode) {
                (Some(_), Mode::Fetches { .. }) => match self.fetch_config().await {
                    Some(left) => return left,
                    None => false,
                },
                (Some(reason), Mode::Called | Mode::Polls { .. }) => match self.talk(reason).await {
                    talk::Ended::Left(left) => return left,
                    talk::Ended::CallAgain => true,
                    talk::Ended::Over => false,
                },
                (None, _) => false,
            };
            if again {
                self.until_idle().await;
                call = Some("solicited");
                continue;
            }
            if let Some(wait) = news.take() {
                self.house.pass(wait).await;
                call = Some("inventory-changes");
                continue;
            }
            call = Some(self.next_call(door.as_ref()).await);
        }
    }

    /// Waits for whatever makes it call next.
    async fn next_call(&self, door: Option<&TcpListener>) -> &'static str {
        match self.make.mode {
            Mode::Fetches { every } => {
                self.house.pass(every).await;
                "solicited"
            }
            Mode::Polls { every } => loop {
                self.house.pass(every).await;
                if self.polled_something().await {
                    return "solicited";
                }
            },
            Mode::Called => loop {
                let Some(door) = door else { return std::future::pending().await };
                let Ok((stream, _)) = door.accept().await else { continue };
                if self.contacted(stream).await {
                    return "solicited";
                }
            },
        }
    }

    /// Somebody speaks to its client; whether it was asked to call its service.
    async fn contacted(&self, mut stream: TcpStream) -> bool {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < 4096 {
            let Ok(byte) = stream.read_u8().await else { return false };
            head.push(byte);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let length = web::field(&head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut body = vec![0; usize::min(length, 1024)];
        if stream.read_exact(&mut body).await.is_err() {
            return false;
        }
        let asked = head.starts_with("POST /contact_dls.html/ContactDLS ")
            && String::from_utf8_lossy(&body).split('&').any(|pair| pair == "ContactMe=true");
        let status = match (asked, self.refuses) {
            (true, Some(code)) => format!("{code} Refused"),
            (true, None) => "204 No Content".to_owned(),
            (false, _) => "404 Not Found".to_owned(),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nServer: DlsClient\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        // Whoever asked may have hung up; the phone calls all the same.
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        if asked {
            self.write(What::ContactMe);
        }
        asked && self.refuses.is_none()
    }

    /// Asks whether it is to call (DCMP).
    async fn polled_something(&self) -> bool {
        let Some(service) = self.house.deployment() else { return false };
        let root = web::root(&service);
        let url = format!("{root}/dcmp/contact-me?device-id={}", self.mac.to_string().to_uppercase());
        web::get(self.ip, &url, &[]).await.is_some_and(|answer| answer.status == 202)
    }

    async fn until_idle(&self) {
        while self.in_use.load(Ordering::Relaxed) {
            self.house.pass(LOOKS).await;
        }
    }

    fn busy(&self) -> bool {
        self.in_use.load(Ordering::Relaxed)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number of its own for the next message.
    fn nonce(&self) -> String {
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        format!("{}{number:08X}", self.mac.bare_upper())
    }

    fn write(&self, what: What) {
        self.house.write(self.mac, what);
    }

    /// What it runs, as it spells it: `V1 R4.9.0`.
    fn spelt_version(&self) -> String {
        match self.version.split_once('.') {
            Some((major, rest)) => format!("V{major} R{rest}"),
            None => format!("V{}", self.version),
        }
    }
}
