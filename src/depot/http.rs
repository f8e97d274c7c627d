//! The depot's HTTP server: one small answer machine for many slow phones.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::backup::{self, Configurations};
use super::ftp::FtpAccounts;
use super::lanes::Lanes;
use super::listener::{Door, receive};
use super::reply::answer;
use super::transfer::Outgoing;
use crate::phones::{Makers, snom};
use crate::ports::{Gatekeeper, Images};

/// Tells which makers are known; a reload may change them.
pub type MakersNow = Arc<dyn Fn() -> Arc<Makers> + Send + Sync>;

/// Tells what settings documents of snoms are made of; a reload may change it.
pub type SnomPapersNow = Arc<dyn Fn() -> Arc<snom::Papers> + Send + Sync>;

/// What the depot serves, and who decides.
#[derive(Clone)]
pub struct Depot {
    /// Decides what each phone may have, and is told of each transfer.
    pub gatekeeper: Arc<dyn Gatekeeper>,
    /// The staged images.
    pub images: Arc<dyn Images>,
    /// The makers known at this moment.
    pub makers: MakersNow,
    /// What the settings documents of snoms are made of at this moment.
    pub snom: SnomPapersNow,
    /// The URL under which phones reach the depot: `http://10.0.0.5:8080`.
    pub base_url: String,
    /// Where phones hand in their configurations, if they may.
    pub configurations: Option<Arc<Configurations>>,
    /// Where phones fetch by FTP, if they can: whoever tells them to makes an account for them there.
    pub accounts: Option<Arc<FtpAccounts>>,
    /// The URL under which phones reach the depot over HTTPS, if they can: `https://10.0.0.5:8443`.
    pub secure_url: Option<String>,
    /// How fast images go out, whichever way they go.
    pub(super) lanes: Arc<Lanes>,
}

/// How much of the machine the depot takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; further ones wait to be accepted.
    pub connections: usize,
    /// Longest request head, request line included, in bytes.
    pub head_bytes: usize,
    /// Most header fields of a request.
    pub headers: usize,
    /// Time for a request head to arrive, and for a kept connection to stay silent.
    pub head_wait: Duration,
    /// Time for a phone to take the next byte of an answer.
    pub patience: Duration,
    /// Time for transfers under way to end after the shutdown was asked for.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head_bytes: 16 * 1024,
            headers: 64,
            head_wait: Duration::from_secs(30),
            patience: Duration::from_secs(60),
            drain: Duration::from_secs(20),
        }
    }
}

/// The depot cannot serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// Phones could not follow this.
    #[error("`{0}` is not a URL phones can follow: write `http://host:port`, with a path if need be")]
    BaseUrl(String),
}

impl Depot {
    /// A depot that speaks plain HTTP alone, and in which no configurations are handed in.
    pub fn new(
        gatekeeper: Arc<dyn Gatekeeper>,
        images: Arc<dyn Images>,
        makers: MakersNow,
        base_url: impl Into<String>,
    ) -> Self {
        let (base_url, lanes) = (base_url.into(), Arc::default());
        let (configurations, accounts, secure_url) = (None, None, None);
        let snom: SnomPapersNow = Arc::new(Arc::default);
        Self { gatekeeper, images, makers, snom, base_url, configurations, accounts, secure_url, lanes }
    }

    /// The same, and phones hand their configurations in here.
    #[must_use]
    pub fn with_configurations(self, configurations: Arc<Configurations>) -> Self {
        Self { configurations: Some(configurations), ..self }
    }

    /// The same, with these settings documents for snoms.
    #[must_use]
    pub fn with_snom_papers(self, snom: SnomPapersNow) -> Self {
        Self { snom, ..self }
    }

    /// The base URL without a slash at its end.
    pub(super) fn base(&self) -> &str {
        self.base_url.trim_end_matches('/')
    }
}

/// Serves phones until the shutdown is asked for; transfers under way then have a little time to end.
pub async fn serve(
    listener: TcpListener,
    depot: Depot,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    serve_within(Limits::default(), listener, depot, shutdown).await
}

/// Serves phones within other limits than the usual ones, at a plain or an encrypted door.
pub async fn serve_within(
    limits: Limits,
    door: impl Into<Door>,
    depot: Depot,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    check_base(depot.base())?;
    let depot = Arc::new(depot);
    let answer = move |source, request| {
        let depot = Arc::clone(&depot);
        async move { respond(&depot, source, request).await }
    };
    receive(limits, door.into(), shutdown, answer).await;
    Ok(())
}

/// Answers one request, whichever part of the depot it is for.
async fn respond(depot: &Depot, source: IpAddr, request: Request<Incoming>) -> Response<Outgoing> {
    let place =
        backup::read(request.uri().path()).map(|read| read.map(|place| (place.mac, place.name.to_owned())));
    match place {
        Some(place) => backup::answer(depot, source, place, request).await,
        None => answer(depot, source, &request).await,
    }
}

fn check_base(url: &str) -> Result<(), ServeError> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let clean = url.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'<' | b'>' | b'"'));
    if host && clean { Ok(()) } else { Err(ServeError::BaseUrl(url.to_owned())) }
}
