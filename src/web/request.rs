//! One request to a phone, over a connection of its own.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER, SERVER, USER_AGENT,
    WWW_AUTHENTICATE,
};
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// No page of a phone is longer.
const LONGEST_PAGE: usize = 1 << 20;

/// How long the end of a connection is waited for after its answer.
const GOODBYE: Duration = Duration::from_secs(1);

/// A request: where to, and what for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    address: SocketAddr,
    pub path: &'a str,
    form: Option<&'static str>,
}

/// What a phone answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub phrase: String,
    pub server: Option<String>,
    pub retry_after: Option<u32>,
    /// The values of `WWW-Authenticate`.
    pub challenges: Vec<String>,
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nothing of the request left this machine.
    NotSent(String),
    /// It left, and nothing that can be understood came back in time.
    NoAnswer(String),
}

impl<'a> Request<'a> {
    /// A GET.
    pub fn get(address: SocketAddr, path: &'a str) -> Self {
        Self { address, path, form: None }
    }

    /// A POST of a form.
    pub fn post_form(address: SocketAddr, path: &'a str, form: &'static str) -> Self {
        Self { address, path, form: Some(form) }
    }

    /// Its method.
    pub fn method(&self) -> &'static str {
        if self.form.is_some() { "POST" } else { "GET" }
    }

    /// Sends it once and reads the whole answer.
    pub async fn send(&self, authorization: Option<&str>, deadline: Instant) -> Result<Reply, Failed> {
        let not_sent = |why: String| Failed::NotSent(format!("{}: {why}", self.address));
        let request = self.built(authorization).map_err(|error| not_sent(error.to_string()))?;
        let connected = tokio::time::timeout_at(deadline, TcpStream::connect(self.address)).await;
        let stream = connected
            .map_err(|_| not_sent("no connection in time".to_owned()))?
            .map_err(|error| not_sent(error.to_string()))?;
        let silent = |why: String| Failed::NoAnswer(format!("{}: {why}", self.address));
        let exchange = async {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            let connection = tokio::spawn(connection);
            let reply = read(sender.send_request(request).await?).await;
            drop(sender);
            // It closes by itself; should the phone keep it open, it is closed from here.
            let abort = connection.abort_handle();
            if tokio::time::timeout(GOODBYE, connection).await.is_err() {
                abort.abort();
            }
            Ok::<_, hyper::Error>(reply)
        };
        match tokio::time::timeout_at(deadline, exchange).await {
            Ok(Ok(Ok(reply))) => Ok(reply),
            Ok(Ok(Err(why))) => Err(silent(why)),
            Ok(Err(error)) => Err(silent(error.to_string())),
            Err(_) => Err(silent("no answer in time".to_owned())),
        }
    }

    fn built(&self, authorization: Option<&str>) -> Result<hyper::Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = hyper::Request::builder()
            .method(if self.form.is_some() { Method::POST } else { Method::GET })
            .uri(self.path)
            .header(HOST, self.address.to_string())
            .header(USER_AGENT, "sipherd")
            .header(CONNECTION, "close");
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        if self.form.is_some() {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        request.body(Full::new(Bytes::from_static(self.form.unwrap_or_default().as_bytes())))
    }
}

impl Reply {
    /// The realm of the first challenge.
    pub fn realm(&self) -> String {
        let first = self.challenges.first().and_then(|challenge| challenge.split_once("realm=\""));
        first.and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default().to_owned()
    }
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<Reply, String> {
    let (head, body) = response.into_parts();
    let text = |name| text(&head.headers, &name);
    let (server, retry_after) = (text(SERVER), text(RETRY_AFTER).and_then(|text| text.parse().ok()));
    let challenges = head.headers.get_all(WWW_AUTHENTICATE).iter();
    let challenges = challenges.filter_map(|value| Some(value.to_str().ok()?.to_owned())).collect();
    let body = Limited::new(body, LONGEST_PAGE).collect().await.map_err(|error| error.to_string())?;
    Ok(Reply {
        status: head.status.as_u16(),
        phrase: head.status.canonical_reason().unwrap_or_default().to_owned(),
        server,
        retry_after,
        challenges,
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    })
}

fn text(headers: &HeaderMap, name: &hyper::header::HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
