//! What a phone is answered: its documents, its image, or why not.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HOST,
    RETRY_AFTER, USER_AGENT,
};
use hyper::http::{HeaderValue, response};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};

use super::http::Depot;
use super::lanes::Lanes;
use super::range::{Part, part};
use super::snom::goes_with;
use super::transfer::{Outgoing, Progress};
use crate::domain::codes::Codes;
use crate::domain::phone::{Mac, Vendor};
use crate::phones::{generic, innovaphone, snom, unify};
use crate::ports::{Lane, Permit, Visit, Wanted};

/// The decision must come within this time; else the phone is asked to come again.
const DECISION: Duration = Duration::from_secs(10);

/// Answers one request from this address.
pub(super) async fn answer<B>(depot: &Depot, source: IpAddr, request: &Request<B>) -> Response<Outgoing> {
    let asked = Asked { method: request.method(), headers: request.headers(), lanes: &depot.lanes };
    if request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST) {
        return asked.text(StatusCode::BAD_REQUEST, "an HTTP/1.1 request needs a Host header");
    }
    if asked.method != Method::GET && asked.method != Method::HEAD {
        let mut response = asked.text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are served");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let (path, query) = (request.uri().path(), request.uri().query());
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let makers = (depot.makers)();
    let sighting = user_agent.and_then(|text| makers.recognise(text));
    if let Some(read) = innovaphone::request::visit(path, query) {
        return asked.innovaphone(depot, source, read).await;
    }
    if let Some(unify::door::Asks::Image { mac, file }) = unify::door::asks(path, query) {
        return asked.unify_image(depot, source, mac, file).await;
    }
    match snom::visit(path, query, sighting.as_ref()) {
        Some(Ok(read)) => asked.snom(depot, source, read, user_agent).await,
        Some(Err(unreadable)) => {
            tracing::warn!(%source, path, why = %unreadable, "request refused");
            let status = match unreadable {
                snom::Unreadable::NoMac => StatusCode::NOT_FOUND,
                snom::Unreadable::AnotherPhone { .. } => StatusCode::FORBIDDEN,
            };
            asked.text(status, &unreadable.to_string())
        }
        None => match sighting.and_then(|sighting| generic::visit(&makers, path, query, sighting)) {
            Some(own) => asked.other(depot, source, own).await,
            None => asked.text(StatusCode::NOT_FOUND, "nothing of this name"),
        },
    }
}

/// A request, as far as all answers depend on it.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    headers: &'a HeaderMap,
    lanes: &'a Lanes,
}

impl Asked<'_> {
    /// The image a Unify phone was told to load.
    async fn unify_image(&self, depot: &Depot, source: IpAddr, mac: Mac, file: String) -> Response<Outgoing> {
        let visit = Visit {
            mac,
            vendor: Some(Vendor::UNIFY),
            model: None,
            version: None,
            codes: Codes::default(),
            modules: None,
            realm: None,
            hardware: None,
            source,
            wanted: Wanted::Image { file: file.clone() },
            peek: self.method == Method::HEAD,
        };
        match decision(depot, visit).await {
            Some(permit) => self.image(depot, mac, &file, permit),
            None => self.later(),
        }
    }

    /// A phone whose maker's files are not served is still seen.
    async fn other(&self, depot: &Depot, source: IpAddr, own: generic::OwnFile) -> Response<Outgoing> {
        let text = format!("files for {} phones are not served here", own.sighting.vendor);
        let visit = Visit {
            mac: own.mac,
            vendor: Some(own.sighting.vendor),
            model: own.sighting.model,
            version: own.sighting.version,
            codes: Codes::default(),
            modules: None,
            realm: None,
            hardware: None,
            source,
            wanted: Wanted::Settings,
            peek: self.method == Method::HEAD,
        };
        match decision(depot, visit).await {
            Some(_) => self.text(StatusCode::NOT_FOUND, &text),
            None => self.later(),
        }
    }

    pub(super) fn image(&self, depot: &Depot, mac: Mac, file: &str, permit: Permit) -> Response<Outgoing> {
        // 404 and not 403: a phone takes it for "no firmware today" and goes on booting.
        let refused = |why: &str| {
            tracing::info!(%mac, file, why, "image not given");
            self.text(StatusCode::NOT_FOUND, &format!("{file} is not offered to {mac}: {why}"))
        };
        let (release, offered, lanes) = match permit {
            Permit::Offer { release, file, lanes } | Permit::Module { release, file, lanes, .. } => {
                (release, file, lanes)
            }
            Permit::Order { .. } => return refused("it is to ask for its orders"),
            Permit::Stay { why, .. } => return refused(&why),
            Permit::Elsewhere { realm } => return refused(&format!("it moves to realm {realm}")),
        };
        if offered != file && !goes_with(depot, &release, &offered, file) {
            return refused(&format!("{offered} is"));
        }
        match depot.images.open(&release, file) {
            Some((bytes, tag)) if !bytes.is_empty() => {
                let gatekeeper = Arc::clone(&depot.gatekeeper);
                let length = bytes.len() as u64;
                let of = Progress { mac, file: file.to_owned(), length, gatekeeper };
                self.bytes(&bytes, &tag, Some(of), &lanes)
            }
            Some(_) | None => refused("it is not staged, or broken"),
        }
    }

    /// A staged file. The gatekeeper hears of the transfer where it is `of` an image that a phone was offered.
    pub(super) fn bytes(
        &self,
        image: &Bytes,
        tag: &str,
        of: Option<Progress>,
        lanes: &[Lane],
    ) -> Response<Outgoing> {
        let length = image.len() as u64;
        let part = part(self.headers, self.method == Method::GET, length, tag);
        let mut head = Response::builder().header(ETAG, format!("\"{tag}\"")).header(ACCEPT_RANGES, "bytes");
        let (first, last) = match part {
            Part::Whole => (0, length - 1),
            Part::Range { first, last } => {
                let range = format!("bytes {first}-{last}/{length}");
                head = head.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, range);
                (first, last)
            }
            Part::OutOfRange => {
                let range = format!("bytes */{length}");
                head = head.status(StatusCode::RANGE_NOT_SATISFIABLE).header(CONTENT_RANGE, range);
                return built(head.header(CONTENT_LENGTH, 0), Outgoing::plain(Bytes::new()));
            }
            Part::NotModified => {
                return built(head.status(StatusCode::NOT_MODIFIED), Outgoing::plain(Bytes::new()));
            }
            Part::AnotherOne => {
                let head = head.status(StatusCode::PRECONDITION_FAILED).header(CONTENT_LENGTH, 0);
                return built(head, Outgoing::plain(Bytes::new()));
            }
        };
        let head =
            head.header(CONTENT_TYPE, "application/octet-stream").header(CONTENT_LENGTH, last - first + 1);
        if self.method == Method::HEAD {
            return built(head, Outgoing::plain(Bytes::new()));
        }
        // Both ends lie inside the image, which is in memory: they fit.
        let slice = usize::try_from(first).unwrap_or(0)..=usize::try_from(last).unwrap_or(0);
        built(head, Outgoing::image(image.slice(slice), first, of, self.lanes.driver(lanes)))
    }

    pub(super) fn document(&self, bytes: Vec<u8>) -> Response<Outgoing> {
        self.whole(StatusCode::OK, "text/xml; charset=utf-8", bytes)
    }

    pub(super) fn text(&self, status: StatusCode, text: &str) -> Response<Outgoing> {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.whole(status, "text/plain; charset=utf-8", format!("{line}\n").into_bytes())
    }

    pub(super) fn later(&self) -> Response<Outgoing> {
        let mut response = self.text(StatusCode::SERVICE_UNAVAILABLE, "no decision yet, please come again");
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
        response
    }

    pub(super) fn whole(&self, status: StatusCode, kind: &str, bytes: Vec<u8>) -> Response<Outgoing> {
        let head = Response::builder()
            .status(status)
            .header(CONTENT_TYPE, kind)
            .header(CONTENT_LENGTH, bytes.len())
            .header(CACHE_CONTROL, "no-store");
        built(head, Outgoing::plain(if self.method == Method::HEAD { vec![] } else { bytes }))
    }
}

pub(super) async fn decision(depot: &Depot, visit: Visit) -> Option<Permit> {
    let (mac, wanted) = (visit.mac, visit.wanted.clone());
    match tokio::time::timeout(DECISION, depot.gatekeeper.visit(visit)).await {
        Ok(permit) => {
            tracing::debug!(%mac, ?wanted, ?permit, "visit");
            Some(permit)
        }
        Err(_) => {
            tracing::warn!(%mac, ?wanted, "no decision in time");
            None
        }
    }
}

/// The names and values here are always valid; should one not be, the phone gets an empty 500.
fn built(head: response::Builder, body: Outgoing) -> Response<Outgoing> {
    head.body(body).unwrap_or_else(|_| {
        let mut response = Response::new(Outgoing::plain(Bytes::new()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
