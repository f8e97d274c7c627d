//! Where a request goes: the Request-URI is the contact verbatim, the packets go where the PBX saw the phone.

use std::net::SocketAddr;

use super::message::uri::{Uri, UriError};
use crate::ports::Target;

/// A transport we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream; reliable.
    Tcp,
}

impl Transport {
    /// As it is written in a Via.
    pub fn token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}

/// An address and how to reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The transport.
    pub transport: Transport,
    /// The address.
    pub address: SocketAddr,
}

/// The way of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The Request-URI.
    pub uri: String,
    /// The URI for `To`, in the form of an address-of-record.
    pub to: String,
    /// The value of `Route`, when it goes through a proxy.
    pub route: Option<String>,
    /// Where the bytes go.
    pub destination: Destination,
}

/// Why a phone cannot be reached from here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// The contact is not a usable URI.
    #[error("the contact `{contact}` {why}")]
    Contact {
        /// The contact as the PBX gave it.
        contact: String,
        /// What is wrong.
        why: UriError,
    },
    /// A transport that is not spoken here.
    #[error(
        "the contact `{contact}` asks for {transport}, only UDP and TCP are spoken: send through the PBX"
    )]
    Transport {
        /// The contact as the PBX gave it.
        contact: String,
        /// `TLS`, `WS` …
        transport: String,
    },
    /// No address is known.
    #[error("the contact `{contact}` names a host and the PBX told no source address: set `outbound_proxy`")]
    NoAddress {
        /// The contact as the PBX gave it.
        contact: String,
    },
    /// IPv4 from an IPv6 socket or the other way round.
    #[error("{to} is not of the address family of the listening socket {from}")]
    Family {
        /// Where it should go.
        to: SocketAddr,
        /// Our own address.
        from: SocketAddr,
    },
}

impl Route {
    /// The way to this phone from a socket bound to `local`.
    pub fn to(target: &Target, proxy: Option<SocketAddr>, local: SocketAddr) -> Result<Self, NoRoute> {
        let contact = target.contact.uri.as_ref();
        let uri = Uri::parse(contact).map_err(|why| NoRoute::Contact { contact: contact.to_owned(), why })?;
        let transport = transport(&uri, contact)?;
        let destination = match proxy {
            Some(address) => Destination { transport: Transport::Udp, address },
            None => {
                // A TCP source port is the phone's own end of its connection to the PBX: nobody listens there.
                let (first, second) = match transport {
                    Transport::Udp => (target.contact.source, uri.address()),
                    Transport::Tcp => (uri.address(), target.contact.source),
                };
                let address =
                    first.or(second).ok_or_else(|| NoRoute::NoAddress { contact: contact.to_owned() })?;
                Destination { transport, address }
            }
        };
        if destination.address.is_ipv4() != local.is_ipv4() {
            return Err(NoRoute::Family { to: destination.address, from: local });
        }
        Ok(Self {
            uri: contact.to_owned(),
            to: uri.of_record(),
            route: proxy.map(|proxy| format!("<sip:{proxy};lr>")),
            destination,
        })
    }
}

fn transport(uri: &Uri<'_>, contact: &str) -> Result<Transport, NoRoute> {
    let wrong = |transport: &str| NoRoute::Transport {
        contact: contact.to_owned(),
        transport: transport.to_ascii_uppercase(),
    };
    if uri.secure {
        return Err(wrong("TLS"));
    }
    match uri.parameter("transport").flatten() {
        None => Ok(Transport::Udp),
        Some(name) if name.eq_ignore_ascii_case("udp") => Ok(Transport::Udp),
        Some(name) if name.eq_ignore_ascii_case("tcp") => Ok(Transport::Tcp),
        Some(name) => Err(wrong(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::{Contact, LineId, PbxName};

    fn target(uri: &str, source: Option<&str>) -> Target {
        let source = source.map(|source| source.parse().unwrap());
        Target {
            line: LineId { pbx: PbxName::new("yard"), user: "1001".into() },
            contact: Contact { uri: uri.into(), source, call_id: None, user_agent: None, expires: None },
        }
    }

    fn to(uri: &str, source: Option<&str>, proxy: Option<&str>) -> Result<Route, NoRoute> {
        let proxy = proxy.map(|proxy| proxy.parse().unwrap());
        Route::to(&target(uri, source), proxy, "127.0.0.1:5060".parse().unwrap())
    }

    fn address(uri: &str, source: Option<&str>) -> String {
        let Destination { transport, address } = to(uri, source, None).unwrap().destination;
        format!("{} {address}", transport.token())
    }

    #[test]
    fn the_uri_stays_whole_and_the_source_address_wins() {
        let route = to("sip:1001@10.0.0.9:2048;line=ac05bfc4;ob", Some("192.0.2.1:40000"), None).unwrap();
        assert_eq!(route.uri, "sip:1001@10.0.0.9:2048;line=ac05bfc4;ob");
        assert_eq!(route.to, "sip:1001@10.0.0.9");
        assert_eq!(route.destination.address.to_string(), "192.0.2.1:40000");
    }

    #[test]
    fn without_a_source_address_the_uri_decides() {
        assert_eq!(address("sip:1001@10.0.0.9", None), "UDP 10.0.0.9:5060");
        assert_eq!(
            address("sip:1001@10.0.0.9:2048;transport=TCP", Some("10.0.0.9:49000")),
            "TCP 10.0.0.9:2048"
        );
        assert_eq!(
            address("sip:1001@phone.invalid;transport=tcp", Some("10.0.0.9:49000")),
            "TCP 10.0.0.9:49000"
        );
    }

    #[test]
    fn what_cannot_be_reached_says_why() {
        for (uri, wanted) in [
            ("sips:1001@10.0.0.9", "asks for TLS"),
            ("sip:1001@10.0.0.9;transport=tls", "asks for TLS"),
            ("sip:1001@10.0.0.9;transport=ws", "asks for WS"),
            ("sip:1001@phone.invalid", "outbound_proxy"),
            ("tel:+4930123", "not a `sip:`"),
            ("sip:1001@[2001:db8::1]", "address family"),
        ] {
            let why = to(uri, None, None).unwrap_err().to_string();
            assert!(why.contains(wanted), "{uri}: {why}");
        }
    }

    #[test]
    fn a_proxy_gets_the_packets_and_a_loose_route() {
        let route = to("sip:1001@phone.invalid;line=1", None, Some("127.0.0.20:5060")).unwrap();
        assert_eq!(route.route.as_deref(), Some("<sip:127.0.0.20:5060;lr>"));
        assert_eq!(route.destination.address.to_string(), "127.0.0.20:5060");
        assert_eq!(route.uri, "sip:1001@phone.invalid;line=1");
    }
}
