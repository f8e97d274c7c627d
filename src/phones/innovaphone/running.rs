//! What a device runs, read off its own words: the builds of firmware, boot code and hardware.

use crate::domain::firmware::Version;

/// The builds a device names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Builds {
    /// Of its firmware.
    pub firmware: Option<Version>,
    /// Of its boot code.
    pub boot: Option<Version>,
    /// Of its hardware.
    pub hardware: Option<String>,
}

/// A build as a manifest writes it: `04-5679`, `125555`. Newer devices write a point into it, `12.5555`, which the
/// maker's own update server takes out.
pub fn build(text: &str) -> Option<Version> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match (text.split_once('-'), text.split_once('.')) {
        (Some((major, minor)), _) if digits(major) && digits(minor) => Version::parse(text).ok(),
        (None, Some((major, minor))) if digits(major) && digits(minor) => {
            Version::parse(&format!("{major}{minor}")).ok()
        }
        (None, None) if digits(text) => Version::parse(text).ok(),
        (_, _) => None,
    }
}

/// The build in the old form that a name ends in: `innovaphone-04-5679`.
pub fn build_at_end(name: &str) -> Option<Version> {
    let (head, minor) = name.rsplit_once('-')?;
    let major = head.rsplit_once('-').map_or(head, |(_, major)| major);
    (major.len() == 2 && minor.len() >= 4).then(|| build(&format!("{major}-{minor}")))?
}

impl Builds {
    /// Reads the version a device tells for people.
    ///
    /// Newer ones write `12r2 sr5 IP222[12.5555], Bootcode[125555], Hardware[208]`: firmware, boot code and hardware in
    /// brackets, in this order. Older ones have the build alone, `04-5679`. What is written otherwise tells nothing.
    pub fn of(version: &str) -> Self {
        let mut builds = Self::default();
        for (nth, (label, text)) in brackets(version).enumerate() {
            let is = |word: &str| label.to_ascii_lowercase().ends_with(word);
            if is("bootcode") || nth == 1 && !is("hardware") {
                builds.boot = builds.boot.or_else(|| build(text));
            } else if is("hardware") || nth == 2 {
                builds.hardware.get_or_insert_with(|| text.to_owned());
            } else if nth == 0 {
                builds.firmware = build(text);
            }
        }
        // Alone among other words only the old form is a build: other numbers may mean anything.
        let old = |word: &&str| word.split_once('-').is_some_and(|(major, _)| major.len() == 2);
        let mut words = version.split([' ', ',', ';', '[', ']']).filter(old).filter_map(build);
        if builds.firmware.is_none()
            && let (Some(only), None) = (words.next(), words.next())
        {
            builds.firmware = Some(only);
        }
        builds
    }
}

/// The texts in brackets, each with what stands before it.
fn brackets(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (before, tail) = rest.split_once('[')?;
        let (inside, after) = tail.split_once(']')?;
        rest = after;
        Some((before.trim(), inside.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(version: &str) -> [Option<String>; 3] {
        let builds = Builds::of(version);
        let text = |version: Option<Version>| version.map(|version| version.to_string());
        [text(builds.firmware), text(builds.boot), builds.hardware]
    }

    #[test]
    fn the_builds_stand_in_brackets_or_alone() {
        let all = |f: &str, b: &str, h: &str| [f, b, h].map(|t| (!t.is_empty()).then(|| t.to_owned()));
        for (version, wanted) in [
            ("12r2 sr5 IP222[12.5555], Bootcode[125555], Hardware[208]", all("125555", "125555", "208")),
            ("V6.00 sr2 IP1200[06-5679], Bootcode[205], Hardware[102]", all("06-5679", "205", "102")),
            ("IP222 04-5679 Bootcode[205]", all("04-5679", "205", "")),
            ("IP222 04-5679", all("04-5679", "", "")),
            ("04-5679 or 04-5680", all("", "", "")),
            ("12r2 IP29-2[12.5555]", all("125555", "", "")),
            ("IP222 12r2 125555", all("", "", "")),
            ("[, ]x[", all("", "", "")),
            ("", all("", "", "")),
        ] {
            assert_eq!(told(version), wanted, "{version}");
        }
    }

    #[test]
    fn a_build_is_one_number_however_it_is_written() {
        assert_eq!(build("12.5555"), build("125555"));
        assert!(build("04-5656") < build("04-5679") && build("08-12345") > build("04-5679"));
        assert_eq!(build_at_end("innovaphone-04-5679"), build("04-5679"));
        for name in ["innovaphone-125555", "snom-10-1", "2026-11", "12-5555-1", ""] {
            assert_eq!(build_at_end(name), None, "{name}");
        }
        for text in ["", "12r2", "1.2.3", "04-", "PCS04fd", "04-56-79", "4-5.6"] {
            assert_eq!(build(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_version_brings_it_down(text in "[\\[\\]a-zA-Z0-9.,é -]{0,60}") {
            let _ = Builds::of(&text);
        }
    }
}
