//! Talks to the daemon: HTTP/1.1 over its Unix socket.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::Failure;
use crate::api::Problem;

/// A daemon that takes longer for one answer is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// The way to one daemon.
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// The daemon behind this socket.
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Reads.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.send(Request::get(path), Bytes::new()).await?;
        read(&answer)
    }

    /// Asks for something to be done, and reads what became of it.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let json = serde_json::to_vec(body).map_err(|e| Failure::Strange(e.to_string()))?;
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        read(&self.send(request, json.into()).await?)
    }

    /// Asks for something to be done that has no answer but its success.
    pub async fn order(&self, path: &str) -> Result<(), Failure> {
        self.send(Request::post(path), Bytes::new()).await.map(drop)
    }

    async fn send(&self, request: hyper::http::request::Builder, body: Bytes) -> Result<Bytes, Failure> {
        let request = request
            .header(header::HOST, "sipherd")
            .body(Full::new(body))
            .map_err(|e| Failure::NoAnswer(e.to_string()))?;
        let late = |_| Failure::NoAnswer(format!("nothing came within {} s", PATIENCE.as_secs()));
        let (status, body) = tokio::time::timeout(PATIENCE, self.exchange(request)).await.map_err(late)??;
        if status.is_success() {
            return Ok(body);
        }
        let problem = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Problem { error: format!("sipherd answered {status}"), hint: None });
        Err(if status.is_client_error() { Failure::Refused(problem) } else { Failure::Unable(problem) })
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|e| self.unreachable(&e))?;
        let broken = |e: hyper::Error| Failure::NoAnswer(e.to_string());
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Its errors come out of the request, too.
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(broken)?.to_bytes();
        Ok((status, body))
    }

    fn unreachable(&self, error: &io::Error) -> Failure {
        let socket = self.socket.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::NotRunning { socket },
            io::ErrorKind::PermissionDenied => Failure::NotAllowed { socket },
            _ => Failure::NoAnswer(format!("{}: {error}", socket.display())),
        }
    }
}

/// Text as a part of a path or a query (RFC 3986 section 2.3: all but the unreserved characters is escaped).
pub fn escape(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(answer).map_err(|e| Failure::Strange(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_user_types_stays_one_part_of_the_path() {
        assert_eq!(escape("00:04:13/../x?y=ü"), "00%3A04%3A13%2F..%2Fx%3Fy%3D%C3%BC");
    }
}
