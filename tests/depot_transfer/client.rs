//! A phone's HTTP client, down to the bytes.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fixture::{AGENT, AT_MOST};

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub version: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub async fn to(at: SocketAddr) -> Self {
        Self { stream: BufReader::new(TcpStream::connect(at).await.unwrap()) }
    }

    /// Sends a request as it stands.
    pub async fn send(&mut self, request: &str) {
        self.stream.get_mut().write_all(request.as_bytes()).await.unwrap();
    }

    /// Says that no further request will come.
    pub async fn close_sending(&mut self) {
        self.stream.get_mut().shutdown().await.unwrap();
    }

    /// Reads status line and headers; `None` when the connection was closed.
    pub async fn head(&mut self) -> Option<Answer> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let n = timeout(AT_MOST, self.stream.read_line(&mut line)).await.expect("no answer").unwrap_or(0);
            if n == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut status = lines[0].split(' ');
        let (version, status) = (status.next().unwrap().to_owned(), status.next().unwrap().parse().unwrap());
        let pair = |line: &String| line.split_once(": ").map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()));
        let headers = lines[1..].iter().map(|line| pair(line).unwrap()).collect();
        Some(Answer { status, version, headers, body: vec![] })
    }

    /// Reads so many bytes of a body.
    pub async fn body(&mut self, length: usize) -> Vec<u8> {
        let mut body = vec![0; length];
        timeout(AT_MOST, self.stream.read_exact(&mut body)).await.expect("no body").unwrap();
        body
    }

    /// All that still comes until the connection is closed.
    pub async fn rest(&mut self, into: &mut Vec<u8>) {
        // Whether it is closed or reset makes no difference here.
        let _ = timeout(AT_MOST, self.stream.read_to_end(into)).await.expect("not closed");
    }

    /// A whole answer, of the length it announces.
    pub async fn answer(&mut self, method: &str) -> Answer {
        let mut answer = self.head().await.expect("closed");
        assert_eq!(answer.header("transfer-encoding"), None, "never chunked");
        if method != "HEAD" && answer.status != 304 {
            let length = answer.header("content-length").expect("a length").parse().unwrap();
            answer.body = self.body(length).await;
        }
        answer
    }
}

/// One request of our phone on a connection of its own, with further header lines.
pub async fn ask(at: SocketAddr, method: &str, path: &str, more: &[&str]) -> Answer {
    let mut connection = Connection::to(at).await;
    connection.send(&request(method, path, more)).await;
    connection.answer(method).await
}

pub fn request(method: &str, path: &str, more: &[&str]) -> String {
    let more: String = more.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{method} {path} HTTP/1.1\r\nHost: depot\r\nUser-Agent: {AGENT}\r\n{more}\r\n")
}
