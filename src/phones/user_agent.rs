//! Recognising a phone by the User-Agent it sends in SIP or HTTP: how one text of a maker looks, as its profile says.

use regex::{Regex, RegexBuilder};

use crate::domain::firmware::Version;
use crate::domain::phone::{Mac, Model};

/// Longer texts are nobody's User-Agent.
const LONGEST: usize = 400;

/// No pattern may need more memory than this, in bytes.
const LARGEST: usize = 1 << 20;

/// What a pattern may pick out of a text.
pub const GROUPS: [&str; 4] = ["model", "version", "mac", "modules"];

/// Texts of programs that are no desk phones. A pattern that takes one of them says too little.
const STRANGERS: [&str; 7] = [
    "",
    "Asterisk PBX 16.28.0",
    "FPBX-16.0.40(18.9)",
    "kamailio (5.6.3 (x86_64/linux))",
    "baresip v1.0.0 (x86_64/linux)",
    "Mozilla/5.0 (X11; Linux x86_64)",
    "curl/7.88.1",
];

/// How a User-Agent of one maker looks.
#[derive(Debug, Clone)]
pub struct UserAgent {
    pattern: Regex,
    /// The model as the phone is known by, with the picked one for `{model}`: `SPA{model}`.
    spelling: Option<String>,
    upper_case: bool,
}

/// What a pattern picked out of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picked {
    pub model: Option<Model>,
    pub version: Option<Version>,
    pub mac: Option<Mac>,
    pub modules: Option<u8>,
}

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// It is no regular expression.
    #[error("this is no regular expression: {0}")]
    Syntax(String),
    /// It picks out something that nobody reads.
    #[error("nothing reads what `{0}` picks out")]
    UnknownGroup(String),
    /// It takes texts of anybody.
    #[error("this takes what is no desk phone, such as `{0}`")]
    TooWide(&'static str),
}

impl UserAgent {
    /// Reads a regular expression whose groups pick out `model`, `version`, `mac` and `modules`.
    ///
    /// `spelling` says how the model is written where the text leaves a part of it out, `upper_case` that capitals make
    /// no difference in it.
    pub fn new(pattern: &str, spelling: Option<&str>, upper_case: bool) -> Result<Self, BadPattern> {
        let built = RegexBuilder::new(pattern).size_limit(LARGEST).build();
        let pattern = built.map_err(|error| BadPattern::Syntax(reason(&error)))?;
        if let Some(group) = pattern.capture_names().flatten().find(|group| !GROUPS.contains(group)) {
            return Err(BadPattern::UnknownGroup(group.to_owned()));
        }
        if let Some(stranger) = STRANGERS.into_iter().find(|text| pattern.is_match(text)) {
            return Err(BadPattern::TooWide(stranger));
        }
        Ok(Self { pattern, spelling: spelling.map(str::to_owned), upper_case })
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        self.pattern.as_str()
    }

    /// Whether it picks out this group.
    pub fn picks(&self, group: &str) -> bool {
        self.pattern.capture_names().flatten().any(|name| name == group)
    }

    /// Whether a text is one of these.
    pub fn takes(&self, text: &str) -> bool {
        plain(text).is_some_and(|text| self.pick(text).is_some())
    }

    /// What the text tells; `None` when it is another's, or what stands for the model is none.
    pub(super) fn pick(&self, text: &str) -> Option<Picked> {
        let found = self.pattern.captures(text)?;
        let group = |name: &str| found.name(name).map(|group| group.as_str());
        let model = match group("model") {
            Some(model) => Some(self.model(model)?),
            None => None,
        };
        Some(Picked {
            model,
            version: group("version").and_then(version_of),
            mac: group("mac").and_then(|text| text.parse().ok()),
            modules: group("modules").and_then(|text| text.parse().ok()),
        })
    }

    fn model(&self, picked: &str) -> Option<Model> {
        let picked = plain_model(picked)?;
        let spelt = self.spelling.as_ref().map(|spelling| spelling.replace("{model}", picked));
        let model = spelt.as_deref().unwrap_or(picked);
        Some(if self.upper_case { Model::new(model.to_ascii_uppercase()) } else { Model::new(model) })
    }
}

impl PartialEq for UserAgent {
    fn eq(&self, other: &Self) -> bool {
        let parts = |one: &Self| (one.as_str().to_owned(), one.spelling.clone(), one.upper_case);
        parts(self) == parts(other)
    }
}

impl Eq for UserAgent {}

/// A text that can be a User-Agent at all, without blanks around it.
pub(super) fn plain(text: &str) -> Option<&str> {
    let text = text.trim();
    (text.len() <= LONGEST && text.bytes().all(|b| (0x20..0x7f).contains(&b))).then_some(text)
}

/// snom writes its models in upper case on the case and in mixed case elsewhere.
pub(super) fn snom_model(text: &str) -> Option<Model> {
    let model = !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    (model && text.bytes().any(|b| b.is_ascii_digit())).then(|| Model::new(text.to_ascii_uppercase()))
}

fn plain_model(text: &str) -> Option<&str> {
    let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ');
    (!text.is_empty() && text.len() <= 32 && text.chars().all(clean)).then_some(text)
}

fn version_of(text: &str) -> Option<Version> {
    let number = text.len() <= 60 && text.starts_with(|c: char| c.is_ascii_digit());
    number.then(|| Version::parse(text).ok())?
}

/// The last line of the library's drawing says what is wrong.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_picks_out_what_its_groups_name() {
        let acme =
            UserAgent::new(r"^Acme (?<model>\w+)/(?<version>\S+) (?<mac>\S+)$", Some("P{model}"), true);
        let acme = acme.unwrap();
        let picked = acme.pick("Acme x10/1.2.3 0c383e2cd782").unwrap();
        assert_eq!(picked.model, Some(Model::new("PX10")));
        assert_eq!(picked.version.unwrap().as_str(), "1.2.3");
        assert_eq!(picked.mac.unwrap().to_string(), "0c:38:3e:2c:d7:82");
        assert!(acme.takes(" Acme x10/beta nobody "));
        for other in ["Acme", "my Acme x10/1 a", "Acme x\u{e9}/1 a", "Acme x/1 a\r\nX: y"] {
            assert!(!acme.takes(other), "{other}");
        }
        assert!(!acme.takes(&format!("Acme x/1 {}", "a".repeat(LONGEST))));
    }

    #[test]
    fn a_pattern_that_says_too_little_or_too_much_is_refused() {
        let refused = |pattern: &str| UserAgent::new(pattern, None, false).unwrap_err();
        for wide in ["", ".*", "(?<version>[0-9.]+)", "^Mozilla", "curl"] {
            assert!(matches!(refused(wide), BadPattern::TooWide(_)), "{wide}");
        }
        assert_eq!(refused("^Acme (?<modell>.)"), BadPattern::UnknownGroup("modell".into()));
        assert_eq!(refused("^Acme ("), BadPattern::Syntax("unclosed group".into()));
        assert!(matches!(refused("^Acme \\w{9999}{9999}"), BadPattern::Syntax(_)));
    }
}
