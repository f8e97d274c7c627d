//! Which phones a policy, or a command, speaks of.

use globset::{Glob, GlobMatcher};

use crate::domain::phone::{Mac, Phone, Site, Tag, Vendor};

/// A selection: each list that is not empty must match; inside one list any entry may.
///
/// The empty selection matches every phone.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Makers.
    pub vendor: Vec<Vendor>,
    /// Globs over the model: `D7*`.
    pub model: Vec<GlobMatcher>,
    /// Sites.
    pub site: Vec<Site>,
    /// Tags; a phone needs one of them.
    pub tag: Vec<Tag>,
    /// Single phones.
    pub mac: Vec<Mac>,
    /// Globs over the user part of any line: `21*`.
    pub line: Vec<GlobMatcher>,
}

impl Selection {
    /// Whether the phone is one of those meant. A phone whose vendor or model is unknown is not meant by a rule
    /// that names one.
    pub fn matches(&self, phone: &Phone) -> bool {
        let any = |list_empty: bool, hit: bool| list_empty || hit;
        any(self.vendor.is_empty(), phone.vendor.as_ref().is_some_and(|v| self.vendor.contains(v)))
            && any(
                self.model.is_empty(),
                phone.model.as_ref().is_some_and(|m| self.model.iter().any(|g| g.is_match(m.as_str()))),
            )
            && any(self.site.is_empty(), phone.site.as_ref().is_some_and(|s| self.site.contains(s)))
            && any(self.tag.is_empty(), self.tag.iter().any(|t| phone.tags.contains(t)))
            && any(self.mac.is_empty(), self.mac.contains(&phone.mac))
            && any(
                self.line.is_empty(),
                phone.lines.keys().any(|l| self.line.iter().any(|g| g.is_match(l.user.as_ref()))),
            )
    }

    /// Reads a selection from the words of a command line.
    ///
    /// A word is `key=value` with the keys of a policy's `[select]`, a MAC, or a line. Values of one key add up:
    /// `site=berlin site=bonn vendor=snom 2117`.
    pub fn from_words<S: AsRef<str>>(words: &[S]) -> Result<Self, NotASelection> {
        let mut selection = Self::default();
        for word in words {
            let word = word.as_ref();
            let wrong = |hint: &str| NotASelection { word: word.to_owned(), hint: hint.to_owned() };
            let glob =
                |text: &str| Glob::new(text).map(|g| g.compile_matcher()).map_err(|_| wrong("not a pattern"));
            match word.split_once('=') {
                Some(("vendor", value)) => selection.vendor.push(Vendor::new(value)),
                Some(("model", value)) => selection.model.push(glob(value)?),
                Some(("site", value)) => selection.site.push(Site::new(value)),
                Some(("tag", value)) => selection.tag.push(Tag::new(value)),
                Some(("line", value)) => selection.line.push(glob(value)?),
                Some(("mac", value)) => {
                    selection.mac.push(value.parse().map_err(|_| wrong("not a MAC address"))?);
                }
                Some(_) => {
                    return Err(wrong("the keys are vendor, model, site, tag, mac and line"));
                }
                None => match word.parse() {
                    Ok(mac) => selection.mac.push(mac),
                    Err(_) => selection.line.push(glob(word)?),
                },
            }
        }
        Ok(selection)
    }
}

/// A word of a command line that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a selection: {hint}")]
pub struct NotASelection {
    /// The word.
    pub word: String,
    /// What would do.
    pub hint: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::{KnownBy, Line, LineId, Model, PbxName};

    fn phone() -> Phone {
        let mut phone = Phone::new(Mac::new([0, 4, 0x13, 0, 0, 1]), KnownBy::Inventory);
        phone.vendor = Some(Vendor::SNOM);
        phone.model = Some(Model::new("D785"));
        phone.site = Some(Site::new("berlin"));
        phone.tags.insert(Tag::new("lift"));
        phone.lines.insert(LineId { pbx: PbxName::new("pbx1"), user: "2117".into() }, Line::UNSEEN);
        phone
    }

    #[test]
    fn every_key_must_match_and_any_value_of_it_may() {
        for (words, expected) in [
            (vec![], true),
            (vec!["vendor=snom"], true),
            (vec!["vendor=snom", "model=D7*"], true),
            (vec!["vendor=yealink", "vendor=snom"], true),
            (vec!["vendor=yealink", "model=D7*"], false),
            (vec!["tag=lift", "site=bonn"], false),
            (vec!["2117"], true),
            (vec!["21*"], true),
            (vec!["2118"], false),
            (vec!["00:04:13:00:00:01"], true),
            (vec!["000413000002"], false),
        ] {
            let selection = Selection::from_words(&words).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(selection.matches(&phone()), expected, "{words:?}");
        }
    }

    #[test]
    fn an_unknown_model_is_not_meant_by_a_rule_that_names_one() {
        let stranger = Phone::new(Mac::new([0; 6]), KnownBy::BootRequest);
        let selection = Selection::from_words(&["model=*"]).unwrap_or_else(|e| panic!("{e}"));
        assert!(!selection.matches(&stranger));
    }

    #[test]
    fn a_word_that_selects_nothing_is_an_error() {
        assert!(Selection::from_words(&["colour=red"]).is_err());
        assert!(Selection::from_words(&["mac=12"]).is_err());
    }
}
