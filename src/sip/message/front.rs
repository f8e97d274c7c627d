//! The front end: turns what comes off the wire into clean lines, so that nothing behind it meets folding, compact
//! names, Latin-1 or a wrong length (RFC 3261 sections 7.3 and 18.3).

use std::borrow::Cow;

use super::MessageError;
use super::quoting::is_token;

/// More headers than this are refused.
pub const MAX_HEADERS: usize = 64;
/// Longer messages than this are refused.
pub const MAX_BYTES: usize = 64 * 1024;

/// One header: full name, and its value unfolded and trimmed.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The name, compact forms expanded, otherwise as written.
    pub name: &'a str,
    /// The value in UTF-8.
    pub value: Cow<'a, str>,
}

/// A message taken apart.
#[derive(Debug)]
pub struct Head<'a> {
    /// The first line.
    pub start: Cow<'a, str>,
    /// The headers in order.
    pub lines: Vec<Line<'a>>,
    /// All bytes after the empty line.
    pub rest: &'a [u8],
    /// The first thing that was wrong with a header, when something was.
    pub fault: Option<MessageError>,
}

impl<'a> Head<'a> {
    /// Takes a message apart. A wrong header is left out and named as the `fault`, so that a request can still be
    /// answered from the others.
    pub fn read(bytes: &'a [u8]) -> Result<Self, MessageError> {
        if bytes.len() > MAX_BYTES {
            return Err(MessageError::TooLong);
        }
        let mut rest = without_leading_empty_lines(bytes);
        if rest.is_empty() {
            return Err(MessageError::Empty);
        }
        let start = latin(next_line(&mut rest).ok_or(MessageError::NoEmptyLine)?);
        let mut head = Self { start, lines: Vec::with_capacity(16), rest, fault: None };
        let mut skipped = true;
        loop {
            let line = next_line(&mut rest).ok_or(MessageError::NoEmptyLine)?;
            match line.first() {
                None => break,
                Some(b' ' | b'\t') => {
                    if let (false, Some(last)) = (skipped, head.lines.last_mut()) {
                        unfold(&mut last.value, line);
                    }
                }
                Some(_) if head.lines.len() >= MAX_HEADERS => return Err(MessageError::TooManyHeaders),
                Some(_) => {
                    let header = header(line);
                    skipped = header.is_none();
                    match header {
                        Some(header) => head.lines.push(header),
                        None => head.fault = head.fault.or(Some(MessageError::Header)),
                    }
                }
            }
        }
        head.rest = rest;
        Ok(head)
    }

    /// The `Content-Length`; `None` when there is none.
    pub fn content_length(&self) -> Result<Option<usize>, MessageError> {
        let mut found = None;
        for line in self.lines.iter().filter(|line| line.name.eq_ignore_ascii_case("Content-Length")) {
            let digits = line.value.as_ref();
            if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(MessageError::ContentLength);
            }
            let length = digits.parse().map_err(|_| MessageError::ContentLength)?;
            if found.is_some_and(|found| found != length) {
                return Err(MessageError::ContentLength);
            }
            found = Some(length);
        }
        Ok(found)
    }
}

/// How many bytes of a stream the first message takes: `None` while it is not complete.
///
/// On a stream `Content-Length` is required (RFC 3261 section 18.3); after an error the stream has no known
/// boundaries any more and must be closed.
pub fn frame(stream: &[u8]) -> Result<Option<usize>, MessageError> {
    let Some(end) = end_of_head(stream) else {
        return if stream.len() > MAX_BYTES { Err(MessageError::TooLong) } else { Ok(None) };
    };
    let head = Head::read(&stream[..end])?;
    let body = head.content_length()?.ok_or(MessageError::ContentLength)?;
    let whole = end + body;
    if whole > MAX_BYTES {
        return Err(MessageError::TooLong);
    }
    Ok((stream.len() >= whole).then_some(whole))
}

/// The bytes of `stream` before a message begins: keep-alives (RFC 5626 section 4.4.1) and stray line ends.
pub fn leading_empty_lines(stream: &[u8]) -> usize {
    stream.len() - without_leading_empty_lines(stream).len()
}

fn end_of_head(stream: &[u8]) -> Option<usize> {
    let mut rest = without_leading_empty_lines(stream);
    while let Some(line) = next_line(&mut rest) {
        if line.is_empty() {
            return Some(stream.len() - rest.len());
        }
    }
    None
}

fn without_leading_empty_lines(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len());
    &bytes[start..]
}

/// Takes one line off the front, without its CRLF or bare LF.
fn next_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|b| *b == b'\n')?;
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

fn header(line: &[u8]) -> Option<Line<'_>> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = line[..colon].trim_ascii();
    if !is_token(name) || line.iter().any(|b| matches!(b, 0 | b'\r')) {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?;
    Some(Line { name: full_name(name), value: latin(line[colon + 1..].trim_ascii()) })
}

/// A continued line adds one blank and its text (RFC 3261 section 7.3.1).
fn unfold(value: &mut Cow<'_, str>, line: &[u8]) {
    let more = latin(line.trim_ascii());
    let value = value.to_mut();
    if !value.is_empty() && !more.is_empty() {
        value.push(' ');
    }
    value.extend(more.chars().filter(|letter| !matches!(letter, '\0' | '\r')));
}

/// UTF-8 where it is, else every byte is the Latin-1 letter of that number.
fn latin(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

/// Compact header names of RFC 3261 section 7.3.3 and of the event and refer extensions.
fn full_name(name: &str) -> &str {
    let [letter] = name.as_bytes() else { return name };
    match letter.to_ascii_lowercase() {
        b'b' => "Referred-By",
        b'c' => "Content-Type",
        b'e' => "Content-Encoding",
        b'f' => "From",
        b'i' => "Call-ID",
        b'k' => "Supported",
        b'l' => "Content-Length",
        b'm' => "Contact",
        b'o' => "Event",
        b'r' => "Refer-To",
        b's' => "Subject",
        b't' => "To",
        b'u' => "Allow-Events",
        b'v' => "Via",
        b'x' => "Session-Expires",
        _ => name,
    }
}
