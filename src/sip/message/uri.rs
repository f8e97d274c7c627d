//! SIP URIs (RFC 3261 section 19.1), with IPv6 and with a checked host.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::quoting::{find_parameter, parameter};

/// A host as it stands in a URI or a Via.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Ip(IpAddr),
    /// A name that would have to be looked up.
    Name(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Ip(ip) => write!(f, "{ip}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// The text is not a SIP URI that could be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Neither `sip:` nor `sips:`.
    #[error("is not a `sip:` or `sips:` URI")]
    Scheme,
    /// A blank, a bracket, a quote, a control character or a second `@`.
    #[error("holds a character that no SIP URI may hold")]
    Character,
    /// No host, or not one.
    #[error("has no valid host")]
    Host,
    /// Not a number from 1 to 65535.
    #[error("has no valid port")]
    Port,
}

/// A SIP URI, taken apart. Compare and send the text it was read from, not this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri<'a> {
    /// `sips:`.
    pub secure: bool,
    /// The user part, escapes untouched, with the password where there is one.
    pub user: Option<&'a str>,
    /// The host.
    pub host: Host,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// All after the first `;` of the host part, without it.
    pub parameters: &'a str,
    /// All after the `?`.
    pub headers: Option<&'a str>,
}

impl<'a> Uri<'a> {
    /// Reads one.
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        let (scheme, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        let secure = scheme.eq_ignore_ascii_case("sips");
        if !secure && !scheme.eq_ignore_ascii_case("sip") {
            return Err(UriError::Scheme);
        }
        if rest.bytes().any(|b| b <= b' ' || b == 0x7f || b"<>\"\\^`{|}".contains(&b)) {
            return Err(UriError::Character);
        }
        let (user, rest) = match rest.split_once('@') {
            Some((user, rest)) if !user.is_empty() && !rest.contains('@') => (Some(user), rest),
            Some(_) => return Err(UriError::Character),
            None => (None, rest),
        };
        let (rest, headers) = match rest.split_once('?') {
            Some((rest, headers)) => (rest, Some(headers)),
            None => (rest, None),
        };
        let (host, parameters) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = host_port(host)?;
        Ok(Self { secure, user, host, port, parameters, headers })
    }

    /// The value of a URI parameter; `Some(None)` when it stands without one.
    pub fn parameter(&self, name: &str) -> Option<Option<&'a str>> {
        find_parameter(self.parameters, name)
    }

    /// The parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.parameters.split(';').filter(|part| !part.is_empty()).map(parameter)
    }

    /// The address it names, port 5060 when none is written; `None` when the host is a name.
    pub fn address(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Ip(ip) => Some(SocketAddr::new(ip, self.port.unwrap_or(5060))),
            Host::Name(_) => None,
        }
    }

    /// Scheme, user and host alone: the form of an address-of-record.
    pub fn of_record(&self) -> String {
        let scheme = if self.secure { "sips" } else { "sip" };
        match self.user {
            Some(user) => format!("{scheme}:{user}@{}", self.host),
            None => format!("{scheme}:{}", self.host),
        }
    }
}

/// Reads `host`, `host:port`, `[v6]`, `[v6]:port`; blanks around the colon are allowed, as in a Via.
pub fn host_port(text: &str) -> Result<(Host, Option<u16>), UriError> {
    let text = text.trim();
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (inner, rest) = rest.split_once(']').ok_or(UriError::Host)?;
        let ip: Ipv6Addr = inner.parse().map_err(|_| UriError::Host)?;
        let port = match rest.trim() {
            "" => None,
            rest => Some(rest.strip_prefix(':').ok_or(UriError::Host)?),
        };
        (Host::Ip(IpAddr::V6(ip)), port)
    } else {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host.trim_end(), Some(port)),
            None => (text, None),
        };
        (name_or_v4(host)?, port)
    };
    let port = match port.map(str::trim) {
        None => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => match digits.parse() {
            Ok(0) | Err(_) => return Err(UriError::Port),
            Ok(port) => Some(port),
        },
        Some(_) => return Err(UriError::Port),
    };
    Ok((host, port))
}

fn name_or_v4(text: &str) -> Result<Host, UriError> {
    if let Ok(ip) = text.parse() {
        return Ok(Host::Ip(IpAddr::V4(ip)));
    }
    let fits = !text.is_empty()
        && text.len() <= 255
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if fits { Ok(Host::Name(text.to_owned())) } else { Err(UriError::Host) }
}
