//! Firmware versions and their order.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A firmware version as a phone or a manifest writes it.
///
/// Two versions are equal when their numbers are: `V1 R4.9.0` is `1.4.9.0`, `10.1.198` is `10.1.198.0`.
/// Text behind the numbers (`7.4.9c`) orders after the same numbers without it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Arc<str>", into = "Arc<str>")]
pub struct Version {
    text: Arc<str>,
    numbers: Vec<u64>,
    suffix: String,
}

/// The text holds no version number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a firmware version")]
pub struct NotAVersion(pub String);

impl Version {
    /// Reads a version: numbers joined by `.`, with `V`, `R` and blanks of the Unify spelling allowed between.
    pub fn parse(text: &str) -> Result<Self, NotAVersion> {
        let wrong = || NotAVersion(text.chars().take(60).collect());
        let trimmed = text.trim();
        let mut numbers = Vec::new();
        let mut rest = trimmed;
        loop {
            rest = rest.trim_start_matches(['V', 'R', 'v', ' ']);
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if digits == 0 {
                return Err(wrong());
            }
            numbers.push(rest[..digits].parse().map_err(|_| wrong())?);
            rest = &rest[digits..];
            match rest.strip_prefix('.').or_else(|| rest.starts_with(" R").then(|| &rest[1..])) {
                Some(more) => rest = more,
                None => break,
            }
        }
        let suffix = rest.to_owned();
        let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '(' | ')');
        if !suffix.chars().all(clean) {
            return Err(wrong());
        }
        while numbers.len() > 1 && numbers.last() == Some(&0) {
            numbers.pop();
        }
        Ok(Self { text: trimmed.into(), numbers, suffix })
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<Arc<str>> for Version {
    type Error = NotAVersion;

    fn try_from(text: Arc<str>) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Version> for Arc<str> {
    fn from(version: Version) -> Self {
        version.text
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
        self.numbers.cmp(&other.numbers).then_with(|| self.suffix.cmp(&other.suffix))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
