//! Hardware levels: what is known of a phone's, and whether an image runs on it, as Unify's phones check it themselves.
//!
//! 1. The image names the levels it runs on: the phone's must be among them.
//! 2. It names none: its version must be no older than the oldest that runs on the phone.
//!
//! Either is passed over where an administrator says `override`, for an image or in a policy.

use std::sync::Arc;

use super::firmware::{Image, Misfit, Version};
use super::phone::{Hardware, Phone};

/// What a maker's profile knows of the hardware behind a part number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The part numbers, `*` standing for anything: `S30817-S7403-A101-*`.
    pub part: Hardware,
    /// The hardware level they have.
    pub level: Option<Hardware>,
    /// The oldest software that runs on them.
    pub software: Option<Version>,
}

/// What is known of the hardware of one phone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Level {
    /// Its phones compare an image with their hardware before they take it: what nobody knows does not fit.
    pub checked: bool,
    /// What the phone tells, or its inventory: a level or a part number.
    pub told: Option<Hardware>,
    /// Its level.
    pub level: Option<Hardware>,
    /// The oldest software that runs on it.
    pub software: Option<Version>,
}

/// Looks up what is known of a phone's hardware.
pub type LevelOf = Arc<dyn Fn(&Phone) -> Level + Send + Sync>;

impl Level {
    /// What the phone tells, by the rules of its maker; the first that knows its part number decides.
    pub fn of(phone: &Phone, rules: &[Rule], checked: bool) -> Self {
        let Some(told) = phone.hardware.clone() else { return Self { checked, ..Self::default() } };
        let by_part = rules.iter().find(|rule| matches(&rule.part, &told));
        // An inventory may give the level itself.
        let rule = by_part.or_else(|| rules.iter().find(|rule| rule.level.as_ref() == Some(&told)));
        let level = rule.and_then(|rule| rule.level.clone()).unwrap_or_else(|| told.clone());
        let software = rule.and_then(|rule| rule.software.clone());
        Self { checked, told: Some(told), level: Some(level), software }
    }

    /// What stands against an image on this hardware.
    pub fn against(&self, image: &Image) -> Option<Misfit> {
        let unknown = |what: &str| Some(Misfit::Unknown { what: what.to_owned() });
        if image.hardware.is_empty() {
            return match &self.software {
                Some(needs) if image.version < *needs => {
                    Some(Misfit::SoftwareLevel { needs: needs.clone(), image: image.version.clone() })
                }
                None if self.checked => unknown("oldest supported software"),
                Some(_) | None => None,
            };
        }
        let (Some(told), Some(level)) = (&self.told, &self.level) else { return unknown("hardware level") };
        let runs = image.hardware.iter().any(|on| on == level || matches(on, told));
        (!runs).then(|| Misfit::Hardware { phone: level.clone() })
    }
}

/// Whether a pattern with `*` takes this text; capitals make no difference.
fn matches(pattern: &Hardware, text: &Hardware) -> bool {
    let (pattern, text) = (pattern.as_str().to_ascii_lowercase(), text.as_str().to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut open = false;
    for part in parts {
        open = true;
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
        || open && pattern.ends_with('*')
        || open && text.ends_with(pattern.rsplit('*').next().unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::firmware::{Handling, Part};
    use crate::domain::phone::{KnownBy, Mac, Model, Vendor};

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    fn image(hardware: &[&str]) -> Image {
        Image {
            file: "OS_80_SIP_V1_R4_9_0.img".into(),
            part: Part::Firmware,
            vendor: Vendor::UNIFY,
            models: vec![Model::new("OpenStage 80")],
            version: version("1.4.9.0"),
            sha256: String::new(),
            size: 1,
            from_at_least: None,
            from_at_most: None,
            hardware: hardware.iter().map(|level| Hardware::new(*level)).collect(),
            handling: Handling::default(),
        }
    }

    fn rules() -> Vec<Rule> {
        let rule = |part: &str, level: Option<&str>, software: Option<&str>| Rule {
            part: Hardware::new(part),
            level: level.map(Hardware::new),
            software: software.map(version),
        };
        vec![
            rule("S30817-S7403-A101-00*", Some("1"), Some("1.0")),
            rule("S30817-S7403-A101-*", Some("2"), Some("V1 R5.0.0")),
            rule("S30817-S7404-*", None, None),
        ]
    }

    fn level(told: Option<&str>) -> Level {
        let mut phone = Phone::new(Mac::new([1; 6]), KnownBy::Inventory);
        phone.hardware = told.map(Hardware::new);
        Level::of(&phone, &rules(), true)
    }

    #[test]
    fn the_level_follows_from_the_part_number() {
        let known = |told| {
            let level = level(Some(told));
            (level.level.unwrap().as_str().to_owned(), level.software)
        };
        assert_eq!(known("S30817-S7403-A101-003"), ("1".into(), Some(version("1.0"))));
        assert_eq!(known("s30817-s7403-a101-015"), ("2".into(), Some(version("1.5"))));
        assert_eq!(known("S30817-S7404-A1"), ("S30817-S7404-A1".into(), None), "it knows nothing of it");
        assert_eq!(known("2"), ("2".into(), Some(version("1.5"))), "the inventory gives the level");
        assert_eq!(known("9"), ("9".into(), None));
        assert_eq!((level(None).level, level(None).checked), (None, true));
    }

    #[test]
    fn an_image_that_names_levels_is_compared_by_them() {
        let words = |told, on: &[&str]| level(told).against(&image(on)).map(|misfit| misfit.to_string());
        assert_eq!(words(Some("S30817-S7403-A101-015"), &["2", "3"]), None);
        assert_eq!(words(Some("S30817-S7403-A101-015"), &["S30817-S7403-*"]), None, "by part number");
        assert_eq!(
            words(Some("S30817-S7403-A101-003"), &["2", "3"]).as_deref(),
            Some("image does not run on hardware level 1")
        );
        assert_eq!(words(None, &["2"]).as_deref(), Some("the phone's hardware level is not known yet"));
    }

    #[test]
    fn an_image_that_names_none_is_compared_by_its_version() {
        let words = |told| level(told).against(&image(&[])).map(|misfit| misfit.to_string());
        assert_eq!(words(Some("S30817-S7403-A101-003")), None);
        assert_eq!(
            words(Some("S30817-S7403-A101-015")).as_deref(),
            Some("the phone's hardware needs V1 R5.0.0 or newer, the image is 1.4.9.0")
        );
        let unknown = Some("the phone's oldest supported software is not known yet");
        assert_eq!(words(Some("S30817-S7404-A1")).as_deref(), unknown);
        assert_eq!(words(None).as_deref(), unknown);
        let unchecked = Level { checked: false, ..level(None) };
        assert_eq!(unchecked.against(&image(&[])), None, "phones of other makers check nothing");
    }

    #[test]
    fn a_star_stands_for_anything() {
        let is = |pattern: &str, text: &str| matches(&Hardware::new(pattern), &Hardware::new(text));
        for (pattern, text) in [
            ("a", "A"),
            ("a*", "abc"),
            ("*c", "abc"),
            ("a*c", "abc"),
            ("*", ""),
            ("a*b*c", "axbxc"),
            ("*c", "cxc"),
        ] {
            assert!(is(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("a", "ab"), ("b*", "abc"), ("*b", "abc"), ("a*c", "abd"), ("", "a"), ("a*b*c", "acb")]
        {
            assert!(!is(pattern, text), "{pattern} {text}");
        }
    }
}
