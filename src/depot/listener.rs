//! Doors of the depot, plain or encrypted: every connection that comes in is handed to HTTP.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Patient;
use super::http::Limits;
use super::tls::Identity;

/// An address that is bound, and how whoever comes to it is spoken to.
pub struct Door {
    listener: TcpListener,
    identity: Option<Arc<Identity>>,
}

impl Door {
    /// A door behind which TLS is spoken, with this identity.
    pub fn encrypted(listener: TcpListener, identity: Arc<Identity>) -> Self {
        Self { listener, identity: Some(identity) }
    }

    /// Where it is.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl From<TcpListener> for Door {
    fn from(listener: TcpListener) -> Self {
        Self { listener, identity: None }
    }
}

/// Lets connections in until the shutdown is asked for, and has every request answered; answers under way then have a
/// little time to end.
pub async fn receive<A, F, B>(limits: Limits, door: Door, shutdown: CancellationToken, answer: A)
where
    A: Fn(IpAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
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
            accepted = door.listener.accept() => match accepted {
                Ok((stream, source)) => (stream, source.ip().to_canonical()),
                Err(error) => {
                    refused(&error).await;
                    continue;
                }
            },
        };
        let (identity, answer) = (door.identity.clone(), answer.clone());
        let (shutdown, cut) = (shutdown.clone(), cut.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = welcome(limits, stream, source, identity, answer, shutdown) => {}
                () = cut.cancelled() => {}
            }
            drop(place);
        });
    }
    drop(door);
    tasks.close();
    if tokio::time::timeout(limits.drain, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "transfers cut off by the shutdown");
        cut.cancel();
        tasks.wait().await;
    }
}

/// Agrees on encryption where it is spoken here, and then talks.
async fn welcome<A, F, B>(
    limits: Limits,
    stream: TcpStream,
    source: IpAddr,
    identity: Option<Arc<Identity>>,
    answer: A,
    shutdown: CancellationToken,
) where
    A: Fn(IpAddr, Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // Without it a small answer may wait for the phone's delayed ACK; failing costs only that.
    let _ = stream.set_nodelay(true);
    let Some(identity) = identity else {
        return talk(limits, stream, source, answer, shutdown).await;
    };
    match tokio::time::timeout(limits.head_wait, identity.accept(stream)).await {
        Ok(Ok(stream)) => talk(limits, stream, source, answer, shutdown).await,
        // Told loudly: a phone too old for the encryption offered here is seen nowhere else.
        Ok(Err(error)) => tracing::info!(%source, %error, "TLS was not agreed on"),
        Err(_) => tracing::debug!(%source, "TLS was not agreed on in time"),
    }
}

/// One phone's connection, request after request.
async fn talk<S, A, F, B>(limits: Limits, stream: S, source: IpAddr, answer: A, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(IpAddr, Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answered = answer(source, request);
        async move {
            let response = answered.await;
            tracing::debug!(%source, %method, path, status = response.status().as_u16(), "answered");
            Ok::<_, Infallible>(response)
        }
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
pub(super) async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
