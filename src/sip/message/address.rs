//! From, To and Contact values: a name, a URI and parameters (RFC 3261 section 20.10).

use std::borrow::Cow;

use super::quoting::{find_outside, find_parameter, split_outside, unquote};

/// The value is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an address such as `\"Name\" <sip:user@host>;tag=1`")]
pub struct NotAnAddress;

/// One address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address<'a> {
    /// The display name without quotes; empty when there is none.
    pub display: Cow<'a, str>,
    /// The URI's text, untouched.
    pub uri: &'a str,
    /// All parameters of the header (not of the URI), as one text.
    pub parameters: &'a str,
}

impl<'a> Address<'a> {
    /// Reads all addresses of one header value.
    pub fn parse_list(value: &'a str) -> Result<Vec<Self>, NotAnAddress> {
        split_outside(value, b',').map(Self::parse).collect()
    }

    /// Reads one address.
    pub fn parse(text: &'a str) -> Result<Self, NotAnAddress> {
        let text = text.trim();
        let Some(open) = find_outside(text, b'<') else {
            // Without brackets every parameter belongs to the header (RFC 3261 section 20).
            let (uri, parameters) = text.split_once(';').unwrap_or((text, ""));
            let uri = uri.trim();
            let bare = uri.contains(':') && !uri.contains([' ', '\t', '"', '>']);
            return if bare {
                Ok(Self { display: Cow::Borrowed(""), uri, parameters })
            } else {
                Err(NotAnAddress)
            };
        };
        if find_outside(&text[..open], b';').is_some() {
            // `sip:1@h;x="<"`-like texts never get here: the quote hides the bracket.
            return Err(NotAnAddress);
        }
        let (uri, rest) = text[open + 1..].split_once('>').ok_or(NotAnAddress)?;
        let rest = rest.trim_start();
        let parameters = match rest.strip_prefix(';') {
            Some(parameters) => parameters,
            None if rest.is_empty() => "",
            None => return Err(NotAnAddress),
        };
        let uri = uri.trim();
        if uri.is_empty() || uri.contains([' ', '\t', '<', '"']) {
            return Err(NotAnAddress);
        }
        Ok(Self { display: unquote(text[..open].trim()), uri, parameters })
    }

    /// The value of a header parameter without quotes.
    pub fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        find_parameter(self.parameters, name).flatten().map(unquote)
    }

    /// The dialog's tag.
    pub fn tag(&self) -> Option<Cow<'a, str>> {
        self.parameter("tag")
    }
}
