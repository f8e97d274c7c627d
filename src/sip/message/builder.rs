//! Builds messages byte by byte; no value can smuggle in a header.

use std::fmt::Display;
use std::io::Write;

use bytes::Bytes;

/// A value holds CR, LF or NUL and would have changed the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {0} holds a line break or a NUL")]
pub struct Injection(pub &'static str);

/// A message under construction.
#[derive(Debug)]
pub struct Builder {
    bytes: Vec<u8>,
    fault: Option<Injection>,
}

impl Builder {
    /// A request; the Request-URI goes out as this very text.
    pub fn request(method: &'static str, uri: &str) -> Self {
        let mut builder = Self { bytes: Vec::with_capacity(640), fault: None };
        builder.put(method);
        builder.put(" ");
        let start = builder.bytes.len();
        builder.put(uri);
        // A blank would end the Request-URI.
        if builder.bytes[start..].iter().any(|b| *b <= b' ') {
            builder.fault = Some(Injection("Request-URI"));
        }
        builder.put(" SIP/2.0\r\n");
        builder
    }

    /// A response.
    pub fn response(status: u16, phrase: &str) -> Self {
        let mut builder = Self { bytes: Vec::with_capacity(512), fault: None };
        builder.print(format_args!("SIP/2.0 {status} "));
        builder.checked("reason phrase", phrase);
        builder.put("\r\n");
        builder
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Display) -> Self {
        self.put(name);
        self.put(": ");
        self.checked(name, value);
        self.put("\r\n");
        self
    }

    /// Adds a header when there is a value.
    pub fn maybe(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Ends the head with `Content-Length` and adds the body's very bytes.
    pub fn finish(mut self, body: &[u8]) -> Result<Bytes, Injection> {
        self.print(format_args!("Content-Length: {}\r\n\r\n", body.len()));
        self.bytes.extend_from_slice(body);
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.bytes.into()),
        }
    }

    fn checked(&mut self, name: &'static str, value: impl Display) {
        let start = self.bytes.len();
        self.print(value);
        if self.bytes[start..].iter().any(|b| matches!(b, 0 | b'\r' | b'\n')) {
            self.fault = self.fault.or(Some(Injection(name)));
        }
    }

    fn put(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn print(&mut self, value: impl Display) {
        if write!(self.bytes, "{value}").is_err() {
            // Writing to a Vec does not fail; a Display that does would leave a torn value behind.
            self.fault = Some(Injection("message"));
        }
    }
}
