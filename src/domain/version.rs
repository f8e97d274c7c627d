//! Firmware versions and their order.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A firmware version as a phone or a manifest writes it.
///
/// Two versions are equal when their numbers are: `V1 R4.9.0` is `1.4.9.0`, `10.1.198` is `10.1.198.0`.
/// Text behind the numbers (`7.4.9c`) orders after the same numbers without it.
///
/// Only the text is kept, and taken apart when two are compared: there is one for every phone.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Arc<str>", into = "Arc<str>")]
pub struct Version(Arc<str>);

/// The text holds no version number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a firmware version")]
pub struct NotAVersion(pub String);

impl Version {
    /// Reads a version: numbers joined by `.`, with `V`, `R` and blanks of the Unify spelling allowed between.
    pub fn parse(text: &str) -> Result<Self, NotAVersion> {
        let trimmed = text.trim();
        match taken_apart(trimmed) {
            Some(_) => Ok(Self(trimmed.into())),
            None => Err(NotAVersion(text.chars().take(60).collect())),
        }
    }

    /// What stands for the version of a file that has none: 0, which no phone reports.
    pub fn none() -> Self {
        Self("0".into())
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The numbers of a version without zeros at their end, and the text behind them; `None` when it is none.
fn taken_apart(text: &str) -> Option<(Vec<u64>, &str)> {
    let mut numbers = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(['V', 'R', 'v', ' ']);
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        numbers.push(rest[..digits].parse().ok()?);
        rest = &rest[digits..];
        match rest.strip_prefix('.').or_else(|| rest.starts_with(" R").then(|| &rest[1..])) {
            Some(more) => rest = more,
            None => break,
        }
    }
    let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '(' | ')');
    if !rest.chars().all(clean) {
        return None;
    }
    while numbers.len() > 1 && numbers.last() == Some(&0) {
        numbers.pop();
    }
    Some((numbers, rest))
}

impl TryFrom<Arc<str>> for Version {
    type Error = NotAVersion;

    fn try_from(text: Arc<str>) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Version> for Arc<str> {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.0 == other.0 {
            return Ordering::Equal;
        }
        taken_apart(&self.0).cmp(&taken_apart(&other.0))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn versions_order_by_number_not_by_letter() {
        assert!(version("10.1.64.14") < version("10.1.198"));
        assert!(version("8.9.3.68") < version("10.1"));
        assert!(version("7.4.9") < version("7.4.9c"));
    }

    #[test]
    fn the_same_version_in_two_spellings_is_equal() {
        assert_eq!(version("V1 R4.9.0"), version("1.4.9.0"));
        assert_eq!(version("10.1.198"), version("10.1.198.0"));
    }

    #[test]
    fn what_holds_no_number_is_no_version() {
        for text in ["", "beta", "V", "..", "1..2", "10.1 oops", "1.2<x>"] {
            assert!(Version::parse(text).is_err(), "{text}");
        }
    }
}
