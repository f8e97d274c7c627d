//! Quoted strings, lists and parameters (RFC 3261 section 25.1), split where the grammar splits them.

use std::borrow::Cow;

/// The parts of `text` between `separator`s that stand outside quoted strings and outside `<…>`.
///
/// Blanks around a part are trimmed; an unclosed quote or bracket runs to the end.
pub fn split_outside(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = find_outside(text, separator);
        rest = end.map(|end| &text[end + 1..]);
        Some(text[..end.unwrap_or(text.len())].trim())
    })
}

/// Where `wanted` first stands outside quoted strings and outside `<…>`.
pub fn find_outside(text: &str, wanted: u8) -> Option<usize> {
    let (mut quoted, mut escaped, mut bracket) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if !bracket => quoted = !quoted,
            _ if quoted => {}
            _ if byte == wanted && !bracket => return Some(at),
            b'<' => bracket = true,
            b'>' => bracket = false,
            _ => {}
        }
    }
    None
}

/// `name`, `name=value`, `name = "value"`: the name, and the value as it stands (still quoted where it was).
pub fn parameter(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (text.trim(), None),
    }
}

/// The value of the first of the `;`-separated `parameters` that has this name, as it stands.
pub fn find_parameter<'a>(parameters: &'a str, wanted: &str) -> Option<Option<&'a str>> {
    split_outside(parameters, b';')
        .map(parameter)
        .find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
}

/// The text of a quoted string without quotes and escapes; anything else as it is.
pub fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    Cow::Owned(plain)
}

/// The text as a quoted string.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}

/// Whether every byte may stand in a token (RFC 3261 section 25.1), and there is at least one.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_inside_quotes_and_brackets_do_not_separate() {
        let parts: Vec<_> = split_outside(r#""a, \", b" <sip:1@h,x> , c"#, b',').collect();
        assert_eq!(parts, [r#""a, \", b" <sip:1@h,x>"#, "c"]);
    }

    #[test]
    fn quoting_and_unquoting_are_inverse() {
        for text in ["", "plain", r#"a"b"#, r"back\slash", "ü"] {
            assert_eq!(unquote(&quote(text)), text);
        }
        assert_eq!(unquote("\""), "\"", "a lone quote is no quoted string");
    }

    #[test]
    fn blanks_around_the_equals_sign_do_not_matter() {
        assert_eq!(find_parameter("a ; Tag = \"x;y\" ;z", "tag"), Some(Some("\"x;y\"")));
        assert_eq!(find_parameter("a;z", "z"), Some(None));
        assert_eq!(find_parameter("a;z", "y"), None);
    }
}
