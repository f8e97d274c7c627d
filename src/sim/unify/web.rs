//! A phone's HTTP client: one request, one connection, from the phone's own address.

use std::net::{IpAddr, SocketAddr};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Longer answers are no documents.
const LONGEST: usize = 4 << 20;

/// An answer, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub cookie: Option<String>,
    pub body: String,
}

/// GET of a document.
pub(super) async fn get(from: IpAddr, url: &str, fields: &[(&str, &str)]) -> Option<Answer> {
    whole(open(from, Method::GET, url, fields, None).await?).await
}

/// POST of a message.
pub(super) async fn post(from: IpAddr, url: &str, cookie: Option<&str>, body: String) -> Option<Answer> {
    let cookie = cookie.map(|cookie| ("cookie", cookie));
    let fields: Vec<_> = [("content-type", "text/xml")].into_iter().chain(cookie).collect();
    whole(open(from, Method::POST, url, &fields, Some(body)).await?).await
}

/// The head of an answer, its body still to come.
pub(super) async fn open(
    from: IpAddr,
    method: Method,
    url: &str,
    fields: &[(&str, &str)],
    body: Option<String>,
) -> Option<Response<Incoming>> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let stream = connect(from, host, if scheme == "https" { 443 } else { 80 }).await?;
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host)
        .header(header::CONNECTION, "close");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.unwrap_or_default()))).ok()?;
    match scheme {
        "http" => send(stream, request).await,
        "https" => send(super::tls::wrap(stream, host).await?, request).await,
        _ => None,
    }
}

async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Option<Response<Incoming>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    // It ends with the response: dropping the body closes the connection.
    tokio::spawn(connection);
    sender.send_request(request).await.ok()
}

/// A connection from the phone's own address.
pub(super) async fn connect(from: IpAddr, host: &str, port: u16) -> Option<TcpStream> {
    let name = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
    let server = lookup_host(name).await.ok()?.find(SocketAddr::is_ipv4)?;
    let socket = TcpSocket::new_v4().ok()?;
    // A phone has little memory: a server that dies takes with it what it has not sent yet.
    socket.set_recv_buffer_size(16 * 1024).ok()?;
    socket.bind(SocketAddr::new(from, 0)).ok()?;
    socket.connect(server).await.ok()
}

async fn whole(answer: Response<Incoming>) -> Option<Answer> {
    let status = answer.status().as_u16();
    let cookie = answer.headers().get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
    let cookie = cookie.and_then(|value| value.split(';').next()).map(str::to_owned);
    let body = Limited::new(answer.into_body(), LONGEST).collect().await.ok()?.to_bytes();
    Some(Answer { status, cookie, body: String::from_utf8_lossy(&body).into_owned() })
}

/// `http://host:port` of an address.
pub(super) fn root(url: &str) -> String {
    url.split('/').take(3).collect::<Vec<_>>().join("/")
}

/// A header field of a request's head.
pub(super) fn field(head: &str, name: &str) -> Option<String> {
    head.lines().skip(1).find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}
