//! WWW-Authenticate and Proxy-Authenticate: what a phone or proxy wants to see (RFC 7616 section 3.3, RFC 8760).

use std::borrow::Cow;

use super::quoting::{is_token, parameter, split_outside, unquote};

/// One digest challenge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Challenge {
    /// Whose password is asked for.
    pub realm: String,
    /// The server's nonce, as it is to be sent back.
    pub nonce: String,
    /// To be sent back unchanged.
    pub opaque: Option<String>,
    /// The algorithm's token; absent means MD5.
    pub algorithm: Option<String>,
    /// The qualities of protection it offers; empty means the old form without any.
    pub qop: Vec<String>,
    /// The nonce was too old, the credentials may well be right.
    pub stale: bool,
}

impl Challenge {
    /// Reads all Digest challenges of one header value, in order; other schemes and broken ones are left out.
    pub fn parse_list(value: &str) -> Vec<Self> {
        let mut found: Vec<(bool, Self)> = Vec::new();
        for part in split_outside(value, b',') {
            let mut part = part;
            if let Some((scheme, rest)) = part.split_once([' ', '\t'])
                && is_token(scheme.as_bytes())
                && !rest.trim_start().starts_with('=')
            {
                found.push((scheme.eq_ignore_ascii_case("Digest"), Self::default()));
                part = rest.trim_start();
            }
            if let Some((_, challenge)) = found.last_mut() {
                let (name, value) = parameter(part);
                challenge.set(name, unquote(value.unwrap_or_default()));
            }
        }
        let usable =
            |(digest, challenge): (bool, Self)| (digest && !challenge.nonce.is_empty()).then_some(challenge);
        found.into_iter().filter_map(usable).collect()
    }

    fn set(&mut self, name: &str, value: Cow<'_, str>) {
        if name.eq_ignore_ascii_case("realm") {
            self.realm = value.into_owned();
        } else if name.eq_ignore_ascii_case("nonce") {
            self.nonce = value.into_owned();
        } else if name.eq_ignore_ascii_case("opaque") {
            self.opaque = Some(value.into_owned());
        } else if name.eq_ignore_ascii_case("algorithm") {
            self.algorithm = Some(value.into_owned());
        } else if name.eq_ignore_ascii_case("qop") {
            self.qop = value.split(',').map(|qop| qop.trim().to_ascii_lowercase()).collect();
        } else if name.eq_ignore_ascii_case("stale") {
            self.stale = value.eq_ignore_ascii_case("true");
        }
    }
}
