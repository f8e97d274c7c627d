//! The depot's HTTP server: one small answer machine for many slow phones.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Patient;
use super::lanes::Lanes;
use super::reply::answer;
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

/// Serves phones within other limits than the usual ones.
pub async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    depot: Depot,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    check_base(depot.base())?;
    let (depot, lanes) = (Arc::new(depot), Arc::new(Lanes::default()));
    let places = Arc::new(Semaphore::new(limits.connections));
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();
    loop {
        // Never closed, so a place always comes.
        let place = tokio::select! {
            () = shutdown.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let (stream, source) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, source)) => (stream, source.ip().to_canonical()),
                Err(error) => {
                    refused(&error).await;
                    continue;
                }
            },
        };
        let (depot, lanes) = (Arc::clone(&depot), Arc::clone(&lanes));
        let (shutdown, cut) = (shutdown.clone(), cut.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = talk(limits, stream, source, (&depot, &lanes), shutdown) => {}
                () = cut.cancelled() => {}
            }
            drop(place);
        });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(limits.drain, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "transfers cut off by the shutdown");
        cut.cancel();
        tasks.wait().await;
    }
    Ok(())
}

/// One phone's connection, request after request.
async fn talk(
    limits: Limits,
    stream: TcpStream,
    source: IpAddr,
    (depot, lanes): (&Depot, &Lanes),
    shutdown: CancellationToken,
) {
    // Without it a small answer may wait for the phone's delayed ACK; failing costs only that.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| async move {
        let response = answer(depot, lanes, source, &request).await;
        tracing::debug!(%source, method = %request.method(), path = request.uri().path(), status = response.status().as_u16(), "answered");
        Ok::<_, Infallible>(response)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_wait)
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes)
        .writev(true)
        // Some old clients close their sending side once they have asked.
        .half_close(true)
        .serve_connection(TokioIo::new(Patient::new(stream, limits.patience)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%source, %error, "connection ended early");
    }
}

/// Accepting failed: the phone is gone already, or the machine is out of descriptors and needs a moment.
async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn check_base(url: &str) -> Result<(), ServeError> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let clean = url.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'<' | b'>' | b'"'));
    if host && clean { Ok(()) } else { Err(ServeError::BaseUrl(url.to_owned())) }
}
