//! SIP messages as the rest of the agent sees them; the only file that names `rsip`.
//!
//! Bytes pass the front end first; `rsip` sorts the clean headers into its types; what must be taken apart further
//! (Via, addresses, URIs, challenges) is read by the sibling files, which know the forms phones really send.

pub mod address;
pub mod builder;
pub mod challenge;
pub mod front;
pub mod quoting;
#[cfg(test)]
mod tests;
pub mod uri;
pub mod via;

use rsip::headers::header::Tokenizer;
use rsip::headers::{Header, Headers, UntypedHeader};

use self::address::Address;
use self::challenge::Challenge;
use self::front::Head;
use self::quoting::{is_token, split_outside};
use self::uri::Uri;
use self::via::Via;

/// Why bytes are no message. Never holds any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Only line ends: a keep-alive.
    #[error("holds nothing but line ends")]
    Empty,
    /// More than [`front::MAX_BYTES`].
    #[error("is longer than 64 kB")]
    TooLong,
    /// More than [`front::MAX_HEADERS`].
    #[error("has more than 64 headers")]
    TooManyHeaders,
    /// The head has no end.
    #[error("has no empty line after its headers")]
    NoEmptyLine,
    /// Neither a request line nor a status line.
    #[error("begins with neither a request line nor a status line")]
    StartLine,
    /// A SIP version other than 2.0.
    #[error("is of a SIP version other than 2.0")]
    Version,
    /// A line without a valid name before a colon.
    #[error("has a header line that is not `Name: value`")]
    Header,
    /// Missing on a stream, not a number, or more than came.
    #[error("has a wrong Content-Length")]
    ContentLength,
    /// A header every message needs (RFC 3261 section 8.1.1) is missing or cannot be read.
    #[error("has no valid {0}")]
    Missing(&'static str),
    /// The Request-URI is not a SIP URI.
    #[error("has a Request-URI that is no SIP URI")]
    RequestUri,
}

impl MessageError {
    /// The status that answers a request with this fault.
    pub fn status(self) -> u16 {
        match self {
            Self::TooLong | Self::TooManyHeaders => 513,
            Self::Version => 505,
            Self::RequestUri => 416,
            Self::Empty
            | Self::NoEmptyLine
            | Self::StartLine
            | Self::Header
            | Self::ContentLength
            | Self::Missing(_) => 400,
        }
    }
}

/// Bytes that are no valid message.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the message {why}")]
pub struct Malformed {
    /// What is wrong.
    pub why: MessageError,
    /// What could be read, when it is a request with all that an answer repeats.
    pub answerable: Option<Box<Message>>,
}

impl From<MessageError> for Malformed {
    fn from(why: MessageError) -> Self {
        Self { why, answerable: None }
    }
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// A request.
    Request {
        /// The method; its case matters.
        method: String,
        /// The Request-URI as it came.
        uri: String,
    },
    /// A response.
    Response {
        /// 100 to 699.
        status: u16,
        /// The reason phrase as it came; may be empty.
        phrase: String,
    },
}

/// The sequence number of a request and its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// Below 2^31 (RFC 3261 section 8.1.1.5).
    pub number: u32,
    /// The method.
    pub method: &'a str,
}

impl<'a> CSeq<'a> {
    /// Reads one.
    pub fn parse(value: &'a str) -> Option<Self> {
        let (number, method) = value.trim().split_once([' ', '\t'])?;
        let method = method.trim_start();
        let digits = number.bytes().all(|b| b.is_ascii_digit());
        let number = number.parse().ok().filter(|number| digits && *number < 1 << 31)?;
        is_token(method.as_bytes()).then_some(Self { number, method })
    }
}

/// A message.
#[derive(Clone)]
pub struct Message {
    /// The first line.
    pub start: Start,
    headers: Headers,
    /// The body, as long as `Content-Length` says.
    pub body: Vec<u8>,
}

/// Shows no header: one of them may hold a digest.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.start {
            Start::Request { .. } => f.write_str("Message(request)"),
            Start::Response { status, .. } => write!(f, "Message({status})"),
        }
    }
}

/// The values of all headers of one of rsip's kinds, in order.
macro_rules! all {
    ($message:expr, $kind:ident) => {
        $message.headers.iter().filter_map(|header| match header {
            Header::$kind(header) => Some(header.value()),
            _ => None,
        })
    };
}

impl Message {
    /// Reads a datagram, or one framed message of a stream.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let head = Head::read(bytes)?;
        let (start, bad_start) = start_line(&head.start)?;
        let length = head.content_length();
        let fault = bad_start.or(head.fault).or(match length {
            Ok(Some(length)) if length > head.rest.len() => Some(MessageError::ContentLength),
            Ok(_) => None,
            Err(fault) => Some(fault),
        });
        let length = length.ok().flatten().unwrap_or(head.rest.len()).min(head.rest.len());
        let headers: Vec<Header> = head.lines.iter().filter_map(sorted).collect();
        let message = Self { start, headers: headers.into(), body: head.rest[..length].to_vec() };
        match fault.or_else(|| message.missing()) {
            None => Ok(message),
            Some(why) => Err(Malformed { why, answerable: message.answerable().then(|| Box::new(message)) }),
        }
    }

    /// The method, when it is a request.
    pub fn method(&self) -> Option<&str> {
        match &self.start {
            Start::Request { method, .. } => Some(method),
            Start::Response { .. } => None,
        }
    }

    /// Whether a method is one that some SIP RFC defined, so that 405 and not 501 refuses it.
    pub fn is_known_method(method: &str) -> bool {
        rsip::Method::all().iter().any(|known| known.to_string() == method)
    }

    /// The values of all Via lines, top first; one value may list several hops.
    pub fn vias(&self) -> impl Iterator<Item = &str> {
        all!(self, Via)
    }

    /// The top hop.
    pub fn top_via(&self) -> Option<Via<'_>> {
        Via::parse(split_outside(self.vias().next()?, b',').next()?).ok()
    }

    /// `From` as it came.
    pub fn from(&self) -> Option<&str> {
        all!(self, From).next()
    }

    /// `To` as it came.
    pub fn to(&self) -> Option<&str> {
        all!(self, To).next()
    }

    /// `Call-ID`.
    pub fn call_id(&self) -> Option<&str> {
        all!(self, CallId).next().filter(|value| !value.is_empty())
    }

    /// `CSeq` as it came.
    pub fn raw_cseq(&self) -> Option<&str> {
        all!(self, CSeq).next()
    }

    /// `CSeq`.
    pub fn cseq(&self) -> Option<CSeq<'_>> {
        CSeq::parse(self.raw_cseq()?)
    }

    /// All contacts, in order; `*` and what cannot be read is left out.
    pub fn contacts(&self) -> impl Iterator<Item = Address<'_>> {
        all!(self, Contact).filter_map(|value| Address::parse_list(value).ok()).flatten()
    }

    /// The `Event`'s package, without parameters.
    pub fn event(&self) -> Option<&str> {
        all!(self, Event).next().and_then(|value| value.split(';').next()).map(str::trim)
    }

    /// `Subscription-State` without parameters.
    pub fn subscription_state(&self) -> Option<&str> {
        // rsip knows the type but sorts the header under the unknown ones.
        self.other("Subscription-State").and_then(|value| value.split(';').next()).map(str::trim)
    }

    /// `Content-Type` without parameters.
    pub fn content_type(&self) -> Option<&str> {
        all!(self, ContentType).next().and_then(|value| value.split(';').next()).map(str::trim)
    }

    /// Who the sender's software says it is: `User-Agent`, or `Server` in a response.
    pub fn user_agent(&self) -> Option<&str> {
        all!(self, UserAgent).next().or_else(|| all!(self, Server).next())
    }

    /// `Retry-After` in seconds; comments and parameters are left out.
    pub fn retry_after(&self) -> Option<u32> {
        let value = all!(self, RetryAfter).next()?;
        value.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    }

    /// The extensions the sender insists on, in one text.
    pub fn required(&self) -> Option<&str> {
        all!(self, Require).next()
    }

    /// The digest challenges of a 401 (`WWW-Authenticate`) or 407 (`Proxy-Authenticate`), most wanted first.
    pub fn challenges(&self, of_a_proxy: bool) -> Vec<Challenge> {
        if of_a_proxy {
            all!(self, ProxyAuthenticate).flat_map(Challenge::parse_list).collect()
        } else {
            all!(self, WwwAuthenticate).flat_map(Challenge::parse_list).collect()
        }
    }

    /// The credentials a request carries, as they came.
    pub fn authorization(&self) -> Option<&str> {
        all!(self, Authorization).next()
    }

    /// The first header of this name among those without a type of their own.
    pub fn other(&self, wanted: &str) -> Option<&str> {
        self.headers.iter().find_map(|header| match header {
            Header::Other(name, value) if name.eq_ignore_ascii_case(wanted) => Some(value.as_str()),
            _ => None,
        })
    }

    fn missing(&self) -> Option<MessageError> {
        let cseq = self.cseq();
        let wrong_method = |method: &str| cseq.is_none_or(|cseq| cseq.method != method);
        if self.top_via().is_none() {
            Some(MessageError::Missing("Via"))
        } else if self.call_id().is_none() {
            Some(MessageError::Missing("Call-ID"))
        } else if cseq.is_none() || self.method().is_some_and(wrong_method) {
            Some(MessageError::Missing("CSeq"))
        } else if self.from().is_none_or(|value| Address::parse(value).is_err()) {
            Some(MessageError::Missing("From"))
        } else if self.to().is_none_or(|value| Address::parse(value).is_err()) {
            Some(MessageError::Missing("To"))
        } else {
            None
        }
    }

    fn answerable(&self) -> bool {
        self.method().is_some()
            && self.top_via().is_some()
            && self.call_id().is_some()
            && self.raw_cseq().is_some()
            && self.from().is_some()
            && self.to().is_some()
    }
}

/// Lets rsip sort a clean header; it cannot fail on one.
fn sorted(line: &front::Line<'_>) -> Option<Header> {
    Tokenizer { name: line.name.as_bytes(), value: line.value.as_bytes() }.try_into().ok()
}

/// The first line, and what is wrong with it although it can be answered.
fn start_line(line: &str) -> Result<(Start, Option<MessageError>), MessageError> {
    if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
        let (status, phrase) = rest.split_once(' ').unwrap_or((rest, ""));
        let digits = status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit());
        let status = status.parse().ok().filter(|status| digits && (100..700).contains(status));
        let status = status.ok_or(MessageError::StartLine)?;
        return Ok((Start::Response { status, phrase: phrase.trim().to_owned() }, None));
    }
    let (method, rest) = line.split_once(' ').ok_or(MessageError::StartLine)?;
    let (uri, version) = rest.rsplit_once(' ').ok_or(MessageError::StartLine)?;
    let number = version.strip_prefix("SIP/").ok_or(MessageError::StartLine)?;
    if !is_token(method.as_bytes()) {
        return Err(MessageError::StartLine);
    }
    let fault = if number != "2.0" {
        Some(MessageError::Version)
    } else if uri.contains(' ') {
        Some(MessageError::StartLine)
    } else if Uri::parse(uri).is_err() {
        Some(MessageError::RequestUri)
    } else {
        None
    };
    Ok((Start::Request { method: method.to_owned(), uri: uri.to_owned() }, fault))
}
