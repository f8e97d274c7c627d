//! Via: who sent a request, and by which branch its answer is recognised (RFC 3261 section 20.42, RFC 3581).

use std::net::IpAddr;

use super::quoting::{parameter, split_outside};
use super::uri::{Host, UriError, host_port};

/// One hop of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, or a transport we do not know, as written.
    pub transport: &'a str,
    /// The sender's host, as it believes.
    pub host: Host,
    /// The sender's port, where written.
    pub port: Option<u16>,
    /// The transaction's name.
    pub branch: Option<&'a str>,
    /// Where the request was seen to come from.
    pub received: Option<IpAddr>,
    /// `;rport` (`Some(None)`) or `;rport=port`.
    pub rport: Option<Option<u16>>,
}

impl<'a> Via<'a> {
    /// Reads every hop of one header value, top first.
    pub fn parse_list(value: &'a str) -> Result<Vec<Self>, UriError> {
        split_outside(value, b',').map(Self::parse).collect()
    }

    /// Reads one hop.
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        let mut parts = split_outside(text, b';');
        let sent = parts.next().unwrap_or_default();
        let mut protocol = sent.splitn(3, '/').map(str::trim);
        let (Some(name), Some(version), Some(rest)) = (protocol.next(), protocol.next(), protocol.next())
        else {
            return Err(UriError::Scheme);
        };
        if !name.eq_ignore_ascii_case("SIP") || version != "2.0" {
            return Err(UriError::Scheme);
        }
        let (transport, sent_by) = rest.split_once([' ', '\t']).ok_or(UriError::Host)?;
        let (host, port) = host_port(sent_by)?;
        let mut via = Self { transport, host, port, branch: None, received: None, rport: None };
        for (name, value) in parts.map(parameter) {
            match value {
                Some(branch) if name.eq_ignore_ascii_case("branch") => via.branch = Some(branch),
                Some(ip) if name.eq_ignore_ascii_case("received") => {
                    via.received = ip.trim_start_matches('[').trim_end_matches(']').parse().ok();
                }
                port if name.eq_ignore_ascii_case("rport") => {
                    via.rport = Some(port.and_then(|port| port.parse().ok()));
                }
                _ => {}
            }
        }
        Ok(via)
    }
}
