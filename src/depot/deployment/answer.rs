//! The form of the service's answers.

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, SET_COOKIE};
use hyper::{Response, StatusCode};

use crate::depot::transfer::Outgoing;

/// A line of text.
pub(super) fn text(status: StatusCode, line: &str) -> Response<Outgoing> {
    whole(status, "text/plain; charset=utf-8", format!("{line}\n").into_bytes(), None)
}

/// A document, with the cookie of its conversation.
pub(super) fn whole(
    status: StatusCode,
    kind: &'static str,
    bytes: Vec<u8>,
    cookie: Option<&str>,
) -> Response<Outgoing> {
    let length = bytes.len();
    let mut response = Response::new(Outgoing::plain(Bytes::from(bytes)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The token is made of hexadecimal digits.
    if let Some(value) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie_text(cookie)).ok()) {
        headers.insert(SET_COOKIE, value);
    }
    response
}

/// The name is what Unify's own service has.
fn cookie_text(token: &str) -> String {
    format!("{COOKIE}={token}; Path=/")
}

/// The name of the cookie.
const COOKIE: &str = "JSESSIONID";

/// The token of the conversation in a `Cookie` header.
pub(super) fn token(cookies: &str) -> Option<&str> {
    cookies.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        assert_eq!(token("a=b; JSESSIONID=0123; Path=/"), Some("0123"));
        assert_eq!(token("XJSESSIONID=0123"), None);
        assert_eq!(token(""), None);
    }
}
