//! Which phones a policy, or a command, speaks of.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use globset::{Glob, GlobMatcher};
use ipnet::IpNet;

use crate::domain::phone::{Hardware, Mac, NotAMac, PbxName, Phone, Realm, Site, Tag, Vendor};
use crate::domain::version::Version;

/// A selection: each list that is not empty must match; inside one list any entry may.
///
/// The empty selection matches every phone. What is not known of a phone is neither a match nor its contrary: such a
/// phone is not meant, by `not` neither.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Makers.
    pub vendor: Vec<Vendor>,
    /// Globs over the model: `D7*`.
    pub model: Vec<GlobMatcher>,
    /// Hardware levels or revisions.
    pub hardware: Vec<Hardware>,
    /// Ranges of the firmware the phone was last seen to run.
    pub version: Vec<VersionRange>,
    /// Sites.
    pub site: Vec<Site>,
    /// Firmware realms: the one a phone was seen to be in, else the one the inventory gives it.
    pub realm: Vec<Realm>,
    /// Tags; a phone needs one of them.
    pub tag: Vec<Tag>,
    /// Single phones, or all whose addresses begin alike.
    pub mac: Vec<MacPrefix>,
    /// Globs over the user part of any line: `21*`.
    pub line: Vec<GlobMatcher>,
    /// Networks one of its lines is registered from.
    pub subnet: Vec<IpNet>,
    /// PBXs one of its lines lives on.
    pub pbx: Vec<PbxName>,
    /// Shared selections: it is one of those that any of these means.
    pub is: Vec<Named>,
    /// One of these must match as well.
    pub any: Vec<Self>,
    /// A phone is left out that any key of this matches.
    pub not: Option<Box<Self>>,
}

/// A selection that several policies share, by its name.
#[derive(Debug, Clone)]
pub struct Named {
    /// The name.
    pub name: std::sync::Arc<str>,
    /// What it selects.
    pub selection: std::sync::Arc<Selection>,
}

/// Every comparison of a range must hold: `>= 10.1.33, < 10.1.198`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange(pub Vec<(Comparison, Version)>);

/// How a version compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

/// A MAC or its first octets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MacPrefix(Vec<u8>);

/// Whether something holds of a phone; `None` when too little is known of it.
type Held = Option<bool>;

/// All of these, in the logic of Kleene: one that does not hold decides.
fn all(parts: impl IntoIterator<Item = Held>) -> Held {
    let mut whole = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            None => whole = None,
            Some(true) => {}
        }
    }
    whole
}

/// Any of these: one that holds decides.
fn any(parts: impl IntoIterator<Item = Held>) -> Held {
    all(parts.into_iter().map(|part| part.map(|held| !held))).map(|none| !none)
}

impl Selection {
    /// Whether the phone is one of those meant.
    pub fn matches(&self, phone: &Phone) -> bool {
        self.holds(phone) == Some(true)
    }

    /// Whether the phone is one of those meant; `None` when too little is known of it to say.
    pub fn holds(&self, phone: &Phone) -> Held {
        let keys = self.keys(phone).map(|key| key.unwrap_or(Some(true)));
        // The keys that cost most come last, and only when the others did not decide.
        match all(keys) {
            Some(false) => Some(false),
            so_far => all([
                so_far,
                if self.any.is_empty() { Some(true) } else { any(self.any.iter().map(|s| s.holds(phone))) },
                self.not.as_ref().map_or(Some(true), |not| not.touches(phone).map(|hit| !hit)),
            ]),
        }
    }

    /// Whether any key by itself matches the phone, as under `not`.
    fn touches(&self, phone: &Phone) -> Held {
        let keys = any(self.keys(phone).flatten());
        let alternatives = any(self.any.iter().map(|selection| selection.holds(phone)));
        let not = self.not.as_ref().map_or(Some(false), |not| not.touches(phone).map(|hit| !hit));
        any([keys, alternatives, not])
    }

    /// The answer of each key; a key that is not there has none.
    fn keys(&self, phone: &Phone) -> impl Iterator<Item = Option<Held>> {
        /// One of the entries holds of a thing that is perhaps not known.
        fn one<E, T>(entries: &[E], thing: Option<T>, holds: impl Fn(&E, &T) -> bool) -> Option<Held> {
            (!entries.is_empty()).then(|| thing.map(|thing| entries.iter().any(|entry| holds(entry, &thing))))
        }
        let users = || phone.lines.keys().map(|line| line.user.as_ref());
        let addresses = || phone.addresses().collect::<Vec<IpAddr>>();
        let lines = !self.line.is_empty() || !self.pbx.is_empty();
        let known = (!lines || !phone.lines.is_empty()).then_some(());
        let from = if self.subnet.is_empty() { Vec::new() } else { addresses() };
        [
            one(&self.vendor, phone.vendor.as_ref(), |entry, vendor| entry == *vendor),
            one(&self.model, phone.model.as_ref(), |glob, model| glob.is_match(model.as_str())),
            one(&self.hardware, phone.hardware.as_ref(), |entry, hardware| entry == *hardware),
            one(&self.version, phone.version.as_ref(), |range, version| range.contains(version)),
            one(&self.site, Some(phone.site.as_ref()), |entry, site| Some(entry) == *site),
            one(&self.realm, Some(phone.realm.as_ref().or(phone.home.as_ref())), |entry, realm| {
                Some(entry) == *realm
            }),
            one(&self.tag, Some(&phone.tags), |entry, tags| tags.contains(entry)),
            one(&self.mac, Some(phone.mac), |prefix, mac| prefix.begins(*mac)),
            one(&self.line, known, |glob, ()| users().any(|user| glob.is_match(user))),
            one(&self.subnet, (!from.is_empty()).then_some(from), |net, from| {
                from.iter().any(|address| net.contains(address))
            }),
            one(&self.pbx, known, |entry, ()| phone.lines.keys().any(|line| line.pbx == *entry)),
            (!self.is.is_empty()).then(|| any(self.is.iter().map(|named| named.selection.holds(phone)))),
        ]
        .into_iter()
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
                Some(("realm", value)) => selection.realm.push(Realm::new(value)),
                Some(("tag", value)) => selection.tag.push(Tag::new(value)),
                Some(("line", value)) => selection.line.push(glob(value)?),
                Some(("hardware", value)) => selection.hardware.push(Hardware::new(value)),
                Some(("pbx", value)) => selection.pbx.push(PbxName::new(value)),
                Some(("version", value)) => selection.version.push(
                    value.parse().map_err(|_| wrong("not a range of versions, like `version=<10.1.198`"))?,
                ),
                Some(("subnet", value)) => {
                    selection
                        .subnet
                        .push(value.parse().map_err(|_| wrong("not a network, like `192.0.2.0/24`"))?);
                }
                Some(("mac", value)) => {
                    selection
                        .mac
                        .push(value.parse().map_err(|_| wrong("not a MAC address or its beginning"))?);
                }
                Some(_) => {
                    return Err(wrong(
                        "the keys are vendor, model, hardware, version, site, realm, tag, mac, line, subnet and pbx",
                    ));
                }
                None => match word.parse::<Mac>() {
                    Ok(mac) => selection.mac.push(mac.into()),
                    Err(_) => selection.line.push(glob(word)?),
                },
            }
        }
        Ok(selection)
    }
}

impl VersionRange {
    /// Whether the version lies in the range.
    pub fn contains(&self, version: &Version) -> bool {
        self.0.iter().all(|(comparison, bound)| match comparison {
            Comparison::Less => version < bound,
            Comparison::AtMost => version <= bound,
            Comparison::Equal => version == bound,
            Comparison::Unequal => version != bound,
            Comparison::AtLeast => version >= bound,
            Comparison::Greater => version > bound,
        })
    }
}

/// The text is no range of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a range of versions")]
pub struct NotARange(pub String);

impl FromStr for VersionRange {
    type Err = NotARange;

    /// Reads comparisons with commas between them; a version alone means that version.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotARange(text.chars().take(60).collect());
        let signs = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("!=", Comparison::Unequal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("=", Comparison::Equal),
        ];
        let one = |part: &str| {
            let part = part.trim();
            let (comparison, version) = signs
                .iter()
                .find_map(|(sign, comparison)| Some((*comparison, part.strip_prefix(sign)?)))
                .unwrap_or((Comparison::Equal, part));
            Version::parse(version).map(|version| (comparison, version)).map_err(|_| wrong())
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (comparison, version)) in self.0.iter().enumerate() {
            let sign = match comparison {
                Comparison::Less => "<",
                Comparison::AtMost => "<=",
                Comparison::Equal => "=",
                Comparison::Unequal => "!=",
                Comparison::AtLeast => ">=",
                Comparison::Greater => ">",
            };
            write!(f, "{}{sign} {version}", if i > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for MacPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets: Vec<String> = self.0.iter().map(|octet| format!("{octet:02x}")).collect();
        f.write_str(&octets.join(":"))
    }
}

impl MacPrefix {
    /// Whether the address begins so.
    pub fn begins(&self, mac: Mac) -> bool {
        mac.octets().starts_with(&self.0)
    }

    /// The whole address, when it is one.
    pub fn whole(&self) -> Option<Mac> {
        <[u8; 6]>::try_from(self.0.as_slice()).ok().map(Mac::new)
    }
}

impl From<Mac> for MacPrefix {
    fn from(mac: Mac) -> Self {
        Self(mac.octets().to_vec())
    }
}

impl FromStr for MacPrefix {
    type Err = NotAMac;

    /// Reads whole octets: `00:04:13`, `000413`, with an `*` behind them or not, or a whole address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(mac) = text.parse::<Mac>() {
            return Ok(mac.into());
        }
        let wrong = || NotAMac(text.chars().take(40).collect());
        let bare = text.trim_end_matches('*').trim_end_matches([':', '-']);
        let octets: Vec<&str> = bare.split([':', '-']).collect();
        let apart = octets.len() > 1 && octets.iter().all(|octet| octet.len() == 2);
        if !(apart || octets.len() == 1) {
            return Err(wrong());
        }
        let octets = hex::decode(octets.concat()).map_err(|_| wrong())?;
        if (1..6).contains(&octets.len()) { Ok(Self(octets)) } else { Err(wrong()) }
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
    fn what_is_unknown_is_neither_meant_nor_left_out() {
        let range = |text: &str| Selection {
            version: vec![text.parse().unwrap_or_else(|e| panic!("{e}"))],
            ..Selection::default()
        };
        let not = |selection| Selection { not: Some(Box::new(selection)), ..Selection::default() };
        let mut phone = phone();
        assert_eq!(range("< 10.1.198").holds(&phone), None);
        assert_eq!(not(range(">= 10.1.198")).holds(&phone), None);
        phone.version = Version::parse("10.1.64.14").ok();
        assert_eq!(range(">= 10.1.33, < 10.1.198").holds(&phone), Some(true));
        assert_eq!(range("10.1.64.14").holds(&phone), Some(true));
        assert_eq!(not(range("< 10.1.198")).holds(&phone), Some(false));
    }

    #[test]
    fn a_realm_is_the_one_a_phone_was_seen_in_else_the_inventorys() {
        let berlin = Selection { realm: vec![Realm::new("berlin")], ..Selection::default() };
        let mut phone = phone();
        assert!(!berlin.matches(&phone));
        phone.home = Some(Realm::new("berlin"));
        assert!(berlin.matches(&phone));
        phone.realm = Some(Realm::new("bonn"));
        assert!(!berlin.matches(&phone));
        phone.realm = Some(Realm::new("berlin"));
        assert!(berlin.matches(&phone));
    }

    #[test]
    fn each_key_under_not_leaves_out_by_itself() {
        let not = |not: Selection| Selection { not: Some(Box::new(not)), ..Selection::default() };
        let (lift, bonn) = (vec![Tag::new("lift")], vec![Site::new("bonn")]);
        let either = Selection { tag: lift.clone(), site: bonn.clone(), ..Selection::default() };
        assert!(!not(either.clone()).matches(&phone()));
        let both = Named { name: "lifts-of-bonn".into(), selection: either.into() };
        assert!(not(Selection { is: vec![both], ..Selection::default() }).matches(&phone()));
        let any = Selection {
            any: vec![
                Selection { tag: lift, ..Selection::default() },
                Selection { site: bonn, ..Selection::default() },
            ],
            ..Selection::default()
        };
        assert!(any.matches(&phone()));
    }

    #[test]
    fn a_mac_may_be_given_by_its_first_octets() {
        for (text, begins) in [
            ("00:04:13", Some(true)),
            ("000413*", Some(true)),
            ("00-04-13-*", Some(true)),
            ("00:04:13:00:00:01", Some(true)),
            ("000414", Some(false)),
            ("0", None),
            ("*", None),
            ("00:041", None),
        ] {
            let prefix = text.parse::<MacPrefix>().ok();
            assert_eq!(prefix.map(|prefix| prefix.begins(phone().mac)), begins, "{text}");
        }
    }

    #[test]
    fn a_word_that_selects_nothing_is_an_error() {
        assert!(Selection::from_words(&["colour=red"]).is_err());
        assert!(Selection::from_words(&["mac=1"]).is_err());
    }
}
