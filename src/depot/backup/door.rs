//! How a phone hands its configuration in (PUT), and how it alone is given one back (GET).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, EXPECT,
    HOST, HeaderName, HeaderValue, LAST_MODIFIED, RETRY_AFTER, TRANSFER_ENCODING, USER_AGENT,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};

use super::drawer::{Configurations, DrawerError, HandedIn};
use super::place::{LATEST, NoPlace, number_in};
use crate::depot::http::Depot;
use crate::depot::transfer::Outgoing;
use crate::domain::phone::Mac;
use crate::ports::{PhoneNews, Standing};

/// The decision must come within this time; else the phone is asked to come again.
const DECISION: Duration = Duration::from_secs(10);
/// The next part of a configuration must come within this time.
const PART: Duration = Duration::from_secs(30);
/// And all of it within this.
const WHOLE: Duration = Duration::from_secs(300);
/// So many bytes of a refused body, for so long, are passed over.
const PASSED_OVER: u64 = 16_000_000;
const PASSING: Duration = Duration::from_secs(5);

/// Answers one request for a phone's place among the configurations.
pub(in crate::depot) async fn answer(
    depot: &Depot,
    source: IpAddr,
    place: Result<(Mac, String), NoPlace>,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    let (head, mut body) = request.into_parts();
    let mut response = match respond(depot, source, place, &head, &mut body).await {
        Ok(given) => given,
        Err(refusal) => {
            // A client that asked first keeps the body to itself; another one is in the middle of it, and would be cut off
            // before it hears why.
            if !head.headers.contains_key(EXPECT) {
                pass_over(&mut body).await;
            }
            refusal.response()
        }
    };
    if head.method == Method::HEAD {
        *response.body_mut() = Outgoing::plain(Bytes::new());
    }
    response
}

async fn respond(
    depot: &Depot,
    source: IpAddr,
    place: Result<(Mac, String), NoPlace>,
    head: &Parts,
    body: &mut Incoming,
) -> Result<Response<Outgoing>, Refusal> {
    if head.version == Version::HTTP_11 && !head.headers.contains_key(HOST) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "an HTTP/1.1 request needs a Host header"));
    }
    let (mac, name) = place.map_err(|none| Refusal::new(StatusCode::NOT_FOUND, none.to_string()))?;
    let writes = match head.method {
        Method::PUT => true,
        Method::GET | Method::HEAD => false,
        _ => {
            let refusal =
                Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "only GET, HEAD and PUT are served here");
            return Err(refusal.with(ALLOW, "GET, HEAD, PUT"));
        }
    };
    let Some(configurations) = depot.configurations.clone() else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "no configurations are handed in here"));
    };
    let user_agent = head.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let asks = user_agent.and_then(|text| (depot.makers)().recognise(text)).and_then(|sighting| sighting.mac);
    if let Some(other) = asks.filter(|other| *other != mac) {
        let told = format!("the request names {mac} but comes from {other}");
        return Err(Refusal::new(StatusCode::FORBIDDEN, told));
    }
    may(depot, &configurations, mac, source).await?;
    if !writes {
        return give(configurations, mac, name).await;
    }
    // Nothing of the body is read before this point: a client that asked `Expect: 100-continue` keeps it to itself.
    let most = configurations.keeping().bytes;
    check_head(head, body, &name, most)?;
    let bytes = read_body(body, most).await?;
    if bytes.is_empty() {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "an empty configuration is none"));
    }
    take(depot, configurations, (mac, source), name, bytes).await
}

/// Whether this phone may do anything here from there.
async fn may(depot: &Depot, of: &Configurations, mac: Mac, source: IpAddr) -> Result<(), Refusal> {
    let asked = tokio::time::timeout(DECISION, depot.gatekeeper.standing(mac, source)).await;
    let why = match asked {
        Err(_) => {
            tracing::warn!(%mac, %source, "no decision in time");
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no decision yet, please come again");
            return Err(refusal.with(RETRY_AFTER, "30"));
        }
        Ok(Standing::OwnPlace) => return Ok(()),
        Ok(Standing::Unregistered) if of.trusts(source) => return Ok(()),
        Ok(Standing::Unregistered) => {
            "none of its lines is registered, and `[depot.configs] networks` does not name this address"
        }
        Ok(Standing::Elsewhere) => "its lines are registered from elsewhere",
        Ok(Standing::Stranger) => "no such phone is known",
    };
    tracing::warn!(%mac, %source, why, "refused: configurations are handed in and given from a phone's own place only");
    Err(Refusal::new(StatusCode::FORBIDDEN, format!("{source} is not the place of {mac}: {why}")))
}

/// What can be told by the head alone.
fn check_head(head: &Parts, body: &Incoming, name: &str, most: u64) -> Result<(), Refusal> {
    let headers = &head.headers;
    if name == LATEST || number_in(name).is_some() {
        let told = format!("`{name}` names a configuration that is kept: choose another name");
        return Err(Refusal::new(StatusCode::CONFLICT, told));
    }
    if headers.contains_key(CONTENT_RANGE) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "a configuration is handed in whole"));
    }
    let encoded = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    if encoded {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a configuration is handed in as it is",
        ));
    }
    if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal::new(StatusCode::LENGTH_REQUIRED, "say how long it is, or send it chunked"));
    }
    if body.size_hint().lower() > most {
        return Err(too_long(most));
    }
    Ok(())
}

fn too_long(most: u64) -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a configuration has at most {most} bytes here"))
}

async fn read_body(body: &mut Incoming, most: u64) -> Result<Bytes, Refusal> {
    let reading = async {
        let mut all = BytesMut::new();
        loop {
            let late =
                |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the rest of the configuration did not come");
            let Some(part) = tokio::time::timeout(PART, body.frame()).await.map_err(late)? else {
                return Ok(all.freeze());
            };
            let broken = |error| Refusal::new(StatusCode::BAD_REQUEST, format!("it broke off: {error}"));
            if let Some(data) = part.map_err(broken)?.data_ref() {
                if all.len() as u64 + data.len() as u64 > most {
                    return Err(too_long(most));
                }
                all.extend_from_slice(data);
            }
        }
    };
    let late = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the configuration took too long to come");
    tokio::time::timeout(WHOLE, reading).await.map_err(late)?
}

/// Reads what is still to come, up to a point, for nothing.
async fn pass_over(body: &mut Incoming) {
    let passing = async {
        let mut passed = 0;
        while let Some(Ok(part)) = body.frame().await {
            passed += part.data_ref().map_or(0, |data| data.len() as u64);
            if passed > PASSED_OVER {
                break;
            }
        }
    };
    // Whoever is still not through is cut off.
    let _ = tokio::time::timeout(PASSING, passing).await;
}

async fn take(
    depot: &Depot,
    configurations: Arc<Configurations>,
    (mac, source): (Mac, IpAddr),
    name: String,
    bytes: Bytes,
) -> Result<Response<Outgoing>, Refusal> {
    let asked = name.clone();
    let handed_in = off_thread(mac, move || configurations.hand_in(mac, &asked, &bytes)).await?;
    let (status, text) = match handed_in {
        HandedIn::Kept(version) => {
            let text =
                format!("its configuration, as `{name}`: {} bytes, number {}", version.bytes, version.number);
            (StatusCode::CREATED, text)
        }
        HandedIn::Unchanged(version) => {
            let text = format!("its configuration, as `{name}`: unchanged since number {}", version.number);
            (StatusCode::OK, text)
        }
    };
    tracing::info!(%mac, text, "handed in");
    let told = text.clone();
    depot.gatekeeper.happened(Some(mac), "handed-in", text);
    depot.gatekeeper.told(mac, source, PhoneNews::HandedIn);
    Ok(text_of(status, &told))
}

async fn give(of: Arc<Configurations>, mac: Mac, name: String) -> Result<Response<Outgoing>, Refusal> {
    let asked = name.clone();
    let Some((version, bytes)) = off_thread(mac, move || of.read(mac, &asked)).await? else {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("no configuration `{name}` of {mac} is kept"),
        ));
    };
    tracing::info!(%mac, name, number = version.number, "configuration given back");
    let modified = version.at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let mut response = Response::new(Outgoing::plain(Bytes::new()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CONTENT_LENGTH, bytes.len().into());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(HeaderValue::try_from(modified).map(|value| (LAST_MODIFIED, value)).ok());
    *response.body_mut() = Outgoing::plain(bytes);
    Ok(response)
}

/// Files are read and written where waiting for a disk stops nobody else.
async fn off_thread<T: Send + 'static>(
    mac: Mac,
    work: impl FnOnce() -> Result<T, DrawerError> + Send + 'static,
) -> Result<T, Refusal> {
    let failed = |error: DrawerError| {
        tracing::error!(%mac, %error, "stored configurations");
        let status = if error.is_full() {
            StatusCode::INSUFFICIENT_STORAGE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        // Which file it was is for the log alone.
        Refusal::new(status, "it could not be stored or read; sipherd's log says why")
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(failed),
        Err(broken) => std::panic::resume_unwind(broken.into_panic()),
    }
}

/// Why nothing is done, and what the phone is told.
struct Refusal {
    status: StatusCode,
    text: String,
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), header: None }
    }

    fn with(self, name: HeaderName, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    fn response(self) -> Response<Outgoing> {
        let mut response = text_of(self.status, &self.text);
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        // A body that was not read stands in the way of the next request.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

fn text_of(status: StatusCode, text: &str) -> Response<Outgoing> {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let bytes = format!("{line}\n").into_bytes();
    let mut response = Response::new(Outgoing::plain(Bytes::new()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, bytes.len().into());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    *response.body_mut() = Outgoing::plain(bytes);
    response
}
