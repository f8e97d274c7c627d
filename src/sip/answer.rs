//! The civil answer to requests from outside: we are a user agent that only sends, but nobody is left without a word.

use std::net::SocketAddr;

use bytes::Bytes;

use super::exchange::USER_AGENT;
use super::message::address::Address;
use super::message::builder::{Builder, Injection};
use super::message::quoting::{parameter, split_outside};
use super::message::{Message, MessageError};

const ALLOW: &str = "OPTIONS, NOTIFY";

/// The status that answers a request; `None` for ACK, which is never answered.
///
/// `ours` tells that it is a NOTIFY of a subscription that is waiting for it.
pub fn status(request: &Message, ours: bool) -> Option<u16> {
    let method = request.method()?;
    match method {
        "ACK" => None,
        _ if request.required().is_some() => Some(420),
        "OPTIONS" => Some(200),
        "NOTIFY" if ours => Some(200),
        // Nothing is subscribed to, and there is nothing that could be cancelled.
        "NOTIFY" | "CANCEL" | "BYE" => Some(481),
        "SUBSCRIBE" | "PUBLISH" => Some(489),
        method if Message::is_known_method(method) => Some(405),
        _ => Some(501),
    }
}

/// Our answer to a request that came from `source`; `tag` is new and goes into To where none is.
pub fn response(request: &Message, status: u16, source: SocketAddr, tag: &str) -> Result<Bytes, Injection> {
    let mut builder = Builder::response(status, phrase(status));
    let mut hops = request.vias().flat_map(|value| split_outside(value, b','));
    if let Some(top) = hops.next() {
        builder = builder.header("Via", seen_from(top, source));
    }
    for hop in hops {
        builder = builder.header("Via", hop);
    }
    let to = request.to().map(|to| match Address::parse(to) {
        Ok(address) if address.tag().is_some() => to.to_owned(),
        Ok(_) | Err(_) => format!("{to};tag={tag}"),
    });
    builder
        .maybe("From", request.from())
        .maybe("To", to)
        .maybe("Call-ID", request.call_id())
        .maybe("CSeq", request.raw_cseq())
        .maybe("Allow", matches!(status, 200 | 405 | 501).then_some(ALLOW))
        .maybe("Allow-Events", (status == 489).then_some("dialog"))
        .maybe("Unsupported", request.required().filter(|_| status == 420))
        .header("Server", USER_AGENT)
        .finish(b"")
}

/// Where an answer over UDP goes (RFC 3261 section 18.2.2, RFC 3581 section 4).
pub fn return_address(request: &Message, source: SocketAddr) -> SocketAddr {
    match request.top_via() {
        Some(via) if via.rport.is_none() => SocketAddr::new(source.ip(), via.port.unwrap_or(5060)),
        Some(_) | None => source,
    }
}

/// The status that answers a request with a fault, when it can be answered at all.
pub fn to_malformed(request: &Message, why: MessageError) -> Option<u16> {
    let method = request.method()?;
    if method == "ACK" {
        None
    } else if matches!(why, MessageError::Version) {
        Some(why.status())
    } else if !Message::is_known_method(method) {
        Some(501)
    } else {
        Some(why.status())
    }
}

/// The top hop with `received` and `rport` as we saw them.
fn seen_from(hop: &str, source: SocketAddr) -> String {
    let mut seen = String::with_capacity(hop.len() + 48);
    let mut wants_port = false;
    for part in split_outside(hop, b';') {
        let (name, _) = parameter(part);
        if name.eq_ignore_ascii_case("rport") {
            wants_port = true;
        } else if !name.eq_ignore_ascii_case("received") {
            if !seen.is_empty() {
                seen.push(';');
            }
            seen.push_str(part);
        }
    }
    seen.push_str(&format!(";received={}", source.ip()));
    if wants_port {
        seen.push_str(&format!(";rport={}", source.port()));
    }
    seen
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        405 => "Method Not Allowed",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        481 => "Subscription Does Not Exist",
        489 => "Bad Event",
        501 => "Not Implemented",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        _ => "Refused",
    }
}
