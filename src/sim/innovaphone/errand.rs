//! How an innovaphone polls: it fetches its script over HTTP and carries it out, with every download on the way.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, lookup_host};

use super::address::poll_address;
use super::script::{Act, Came, Run};
use super::unit::{Part, Restart, Unit};
use crate::domain::phone::Mac;
use crate::sim::diary::What;
use crate::sim::house::House;
use crate::sim::phone::Pace;

/// Scripts and configurations longer than this are none.
const LONGEST_TEXT: usize = 1 << 20;
/// What its TCP stack takes in before it reads it, in bytes.
const RECEIVE_BUFFER: u32 = 16 * 1024;
/// A configuration is handed in so many bytes at a time, chunked: its length is not known before.
const CHUNK: usize = 200;

/// Who polls, and from where.
pub(in crate::sim) struct Caller {
    /// The building.
    pub house: Arc<House>,
    /// The phone.
    pub mac: Mac,
    /// Its own address.
    pub from: IpAddr,
    /// Its `User-Agent`.
    pub user_agent: String,
    /// The depot's base address, for update URLs without one.
    pub depot: String,
    /// How fast it is.
    pub pace: Pace,
    /// Whether somebody uses the phone.
    pub in_use: Arc<AtomicBool>,
}

/// Polls once and carries out what came; the restart that follows at once is returned.
pub(in crate::sim) async fn poll(unit: Arc<Mutex<Unit>>, caller: Caller) -> Option<Restart> {
    let url = {
        let mut unit = remember(&unit);
        unit.polls_again = false;
        unit.ip = caller.from;
        poll_address(&unit, &caller.depot, caller.house.now())
    };
    let (status, script) = caller.text(&url).await;
    let query = url.split_once('?').map_or_else(String::new, |(_, query)| query.to_owned());
    caller.write(What::Polled { query, status });
    if status != 200 {
        return None;
    }
    let mut run = Run::new(&script);
    let mut came = None;
    loop {
        let in_use = caller.in_use.load(Ordering::Relaxed);
        let act = run.go_on(&mut remember(&unit), came.take(), caller.house.now(), in_use);
        came = Some(match act {
            Act::Done => return None,
            Act::Restart(restart) => return Some(restart),
            Act::Fetch { part, url } => {
                let breaks = remember(&unit).breaks_now();
                let came = caller.image(&url, breaks).await;
                caller.told(&unit, part, &came).await;
                came
            }
            Act::Read { url } => {
                let (status, text) = caller.text(&url).await;
                caller.write(What::ConfigurationRead { url, status });
                if status == 200 { Came::Whole(text.into_bytes()) } else { Came::Failed }
            }
            Act::HandIn { url, text } => {
                let status = caller.put(&url, text).await;
                caller.write(What::ConfigurationHandedIn { url, status });
                if (200..300).contains(&status) { Came::Taken } else { Came::Failed }
            }
        });
    }
}

fn remember(unit: &Mutex<Unit>) -> MutexGuard<'_, Unit> {
    unit.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Caller {
    fn write(&self, what: What) {
        self.house.write(self.mac, what);
    }

    /// Writes down what a download brought, before it is flashed.
    async fn told(&self, unit: &Mutex<Unit>, part: Part, came: &Came) {
        let Came::Whole(bytes) = came else { return };
        let build = remember(unit).takes(part, bytes);
        match (build, part) {
            (None, _) => self.write(What::ImageRejected),
            (Some(version), Part::Prot) => {
                self.house.pass(self.pace.flash).await;
                self.write(What::Flashed { version });
            }
            (Some(build), Part::Boot | Part::Bmc) => {
                self.house.pass(self.pace.flash).await;
                self.write(What::PartFlashed { part: part.word().to_owned(), build });
            }
        }
    }

    /// A text; the status is 0 when nobody answers, 502 when the address is none.
    async fn text(&self, url: &str) -> (u16, String) {
        if split_url(url).is_none() {
            return (502, String::new());
        }
        let Some(answer) = self.ask(Method::GET, url, Empty::new().boxed()).await else {
            return (0, String::new());
        };
        let status = answer.status().as_u16();
        match http_body_util::Limited::new(answer.into_body(), LONGEST_TEXT).collect().await {
            Ok(body) => (status, String::from_utf8_lossy(&body.to_bytes()).into_owned()),
            Err(_) => (0, String::new()),
        }
    }

    /// An image, unless the connection breaks on the way.
    async fn image(&self, url: &str, breaks: bool) -> Came {
        let Some(answer) = self.ask(Method::GET, url, Empty::new().boxed()).await else {
            return Came::Failed;
        };
        if answer.status() != 200 {
            self.write(What::UpdateGivenUp);
            return Came::Failed;
        }
        let length =
            answer.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        self.write(What::ImageBegan { from: 0 });
        let (began, mut bytes) = (self.house.now(), Vec::new());
        let mut body = answer.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            bytes.extend(frame.data_ref().into_iter().flatten());
            if breaks && bytes.len() >= length.unwrap_or(0) / 2 {
                break;
            }
            let got = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if let Some(millis) = (got * 1000).checked_div(self.pace.bytes_per_second) {
                let due = began + TimeDelta::milliseconds(i64::try_from(millis).unwrap_or(i64::MAX));
                tokio::time::sleep(self.house.clock.until(due)).await;
            }
        }
        let got = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if breaks || length.is_some_and(|length| length != bytes.len()) {
            self.write(What::ImageBroke { at: got });
            return Came::Failed;
        }
        self.write(What::ImageComplete { bytes: got });
        Came::Whole(bytes)
    }

    /// Hands a text in, chunked; the status is 0 when nobody answers.
    async fn put(&self, url: &str, text: String) -> u16 {
        let chunks: Vec<Result<Frame<Bytes>, Infallible>> = text
            .into_bytes()
            .chunks(CHUNK)
            .map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk))))
            .collect();
        let body = StreamBody::new(futures_util::stream::iter(chunks)).boxed();
        match self.ask(Method::PUT, url, body).await {
            Some(answer) => answer.status().as_u16(),
            None => 0,
        }
    }

    async fn ask(
        &self,
        method: Method,
        url: &str,
        body: BoxBody<Bytes, Infallible>,
    ) -> Option<Response<Incoming>> {
        let (host, path) = split_url(url)?;
        let name = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let server = lookup_host(name).await.ok()?.find(SocketAddr::is_ipv4)?;
        let socket = TcpSocket::new_v4().ok()?;
        // A phone has little memory.
        socket.set_recv_buffer_size(RECEIVE_BUFFER).ok()?;
        socket.bind(SocketAddr::new(self.from, 0)).ok()?;
        let stream = socket.connect(server).await.ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(header::USER_AGENT, &self.user_agent)
            .header(header::CONNECTION, "close")
            .body(body)
            .ok()?;
        // It ends with the response: dropping the body closes the connection.
        tokio::spawn(connection);
        sender.send_request(request).await.ok()
    }
}

/// `host[:port]` and the rest of an `http:` address.
fn split_url(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    (!host.is_empty() && !path.contains(['#', ' '])).then_some((host, path))
}
