//! Conditional and range requests (RFC 9110 sections 13 and 14), as far as images need them.

use hyper::HeaderMap;
use hyper::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};

/// What of an image is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it: 200.
    Whole,
    /// From the first byte to the last, both included: 206.
    Range {
        /// First byte.
        first: u64,
        /// Last byte.
        last: u64,
    },
    /// None, the range lies outside: 416.
    OutOfRange,
    /// None, the client has it: 304.
    NotModified,
    /// None, the client wanted another one: 412.
    AnotherOne,
}

/// Which part of an image of this length and strong entity tag (without quotes) the request asks for.
///
/// Several ranges are answered with the whole image, which RFC 9110 section 14.2 allows; so is a range that is
/// not understood. `If-Range` with a date never holds, for images carry no `Last-Modified`.
pub(super) fn part(headers: &HeaderMap, get: bool, length: u64, tag: &str) -> Part {
    let quoted = format!("\"{tag}\"");
    if headers.contains_key(IF_MATCH) && !lists(headers, IF_MATCH, &quoted, false) {
        return Part::AnotherOne;
    }
    if lists(headers, IF_NONE_MATCH, &quoted, true) {
        return Part::NotModified;
    }
    let same = headers.get(IF_RANGE).is_none_or(|value| value.as_bytes().trim_ascii() == quoted.as_bytes());
    let mut ranges = headers.get_all(RANGE).iter();
    match (ranges.next().and_then(|value| value.to_str().ok()), ranges.next()) {
        (Some(range), None) if get && same => range_of(range, length).unwrap_or(Part::Whole),
        (_, _) => Part::Whole,
    }
}

/// Whether a list of entity tags holds this one, or is `*`. Weak tags count only where comparison is weak.
fn lists(headers: &HeaderMap, name: HeaderName, quoted: &str, weakly: bool) -> bool {
    let texts = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim).any(|tag| {
        let tag = if weakly { tag.strip_prefix("W/").unwrap_or(tag) } else { tag };
        tag == "*" || tag == quoted
    })
}

/// One range; `None` when it is not one that is understood.
fn range_of(text: &str, length: u64) -> Option<Part> {
    let (unit, spec) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || spec.contains(',') {
        return None;
    }
    let (first, last) = spec.trim().split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    match (first, last) {
        (None, None) => None,
        (Some(first), Some(last)) if first > last => None,
        (None, Some(0)) => Some(Part::OutOfRange),
        (None, Some(suffix)) => Some(Part::Range { first: length.saturating_sub(suffix), last: length - 1 }),
        (Some(first), _) if first >= length => Some(Part::OutOfRange),
        (Some(first), last) => Some(Part::Range { first, last: last.unwrap_or(u64::MAX).min(length - 1) }),
    }
}

/// A number that may be left out; one too long for the machine is a very large one.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn asked(pairs: &[(&'static str, &str)]) -> Part {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        part(&headers, true, 100, "tag")
    }

    fn range(first: u64, last: u64) -> Part {
        Part::Range { first, last }
    }

    #[test]
    fn a_single_range_is_cut_to_the_image() {
        for (text, wanted) in [
            ("bytes=0-0", range(0, 0)),
            ("bytes=0-", range(0, 99)),
            ("bytes=40-", range(40, 99)),
            ("bytes=40-59", range(40, 59)),
            ("Bytes=40-400", range(40, 99)),
            ("bytes=-1", range(99, 99)),
            ("bytes=-100", range(0, 99)),
            ("bytes=-4000", range(0, 99)),
            ("bytes=99-99999999999999999999999", range(99, 99)),
            ("bytes=100-", Part::OutOfRange),
            ("bytes=99999999999999999999999-", Part::OutOfRange),
            ("bytes=-0", Part::OutOfRange),
        ] {
            assert_eq!(asked(&[("range", text)]), wanted, "{text}");
        }
    }

    #[test]
    fn a_range_that_is_not_understood_is_ignored() {
        for text in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=+1-2",
            "lines=0-1",
            "bytes=0-1,5-6",
            "bytes=0x1-2",
        ] {
            assert_eq!(asked(&[("range", text)]), Part::Whole, "{text}");
        }
        assert_eq!(asked(&[("range", "bytes=0-1"), ("range", "bytes=2-3")]), Part::Whole);
    }

    #[test]
    fn a_range_of_another_image_is_not_mixed_in() {
        assert_eq!(asked(&[("range", "bytes=5-"), ("if-range", "\"tag\"")]), range(5, 99));
        for other in ["\"other\"", "W/\"tag\"", "Fri, 20 Nov 2026 17:00:00 GMT", "tag"] {
            assert_eq!(asked(&[("range", "bytes=5-"), ("if-range", other)]), Part::Whole, "{other}");
        }
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        for tags in ["\"tag\"", "W/\"tag\"", "\"x\", \"tag\"", "*"] {
            assert_eq!(asked(&[("if-none-match", tags), ("range", "bytes=5-")]), Part::NotModified, "{tags}");
        }
        assert_eq!(asked(&[("if-none-match", "\"x\"")]), Part::Whole);
        assert_eq!(asked(&[("if-match", "\"x\"")]), Part::AnotherOne);
        assert_eq!(asked(&[("if-match", "W/\"tag\"")]), Part::AnotherOne);
        assert_eq!(asked(&[("if-match", "\"x\", \"tag\"")]), Part::Whole);
    }

    #[test]
    fn only_a_get_has_ranges() {
        let mut headers = HeaderMap::new();
        headers.insert("range", HeaderValue::from_static("bytes=5-"));
        assert_eq!(part(&headers, false, 100, "tag"), Part::Whole);
    }
}
