//! What is known about one phone: who it is, what it runs, its lines and where each is registered.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::codes::Codes;
use super::files::Fetched;
use super::firmware::Part;
use super::lines::Lines;
use super::modules::{ModulePower, Modules};
use super::version::Version;

/// A phone's hardware address, the name sipherd knows it by.
///
/// Read from `00:04:13:92:2d:24`, `00-04-13-92-2D-24` or `000413922D24`; printed in the first form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// The address made of these six octets.
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The six octets, first one first.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Twelve upper-case hexadecimal digits, as snom and Mitel write it in file names.
    pub fn bare_upper(self) -> String {
        hex::encode_upper(self.0)
    }
}

/// The text is not a hardware address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a MAC address")]
pub struct NotAMac(pub String);

impl FromStr for Mac {
    type Err = NotAMac;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotAMac(text.chars().take(40).collect());
        let separated = text.len() == 17
            && text
                .bytes()
                .enumerate()
                .all(|(i, b)| (i % 3 == 2) == (b == b':' || b == b'-') && (b != b':' || !text.contains('-')));
        let digits: Cow<'_, str> = if separated {
            text.chars().filter(char::is_ascii_hexdigit).collect::<String>().into()
        } else {
            text.into()
        };
        let mut octets = [0; 6];
        hex::decode_to_slice(digits.as_bytes(), &mut octets).map_err(|_| wrong())?;
        Ok(Self(octets))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Makes a cheap-to-clone name type: same text, same name.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name with this text.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text of the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A model as its maker prints it, without the vendor: `D785`, `IP222`, `CP600`.
    Model
);
name!(
    /// A place with its own time zone and budgets, from the inventory.
    Site
);
name!(
    /// A word the administrator hung on a phone in the inventory.
    Tag
);
name!(
    /// A PBX by its name in `sipherd.toml`.
    PbxName
);
name!(
    /// A network switch as the inventory names it.
    Switch
);
name!(
    /// A firmware realm: what a phone's setting server decides for it, by the realm's name in `sipherd.toml`.
    Realm
);
name!(
    /// A hardware level or revision as the vendor writes it: `2`, `S30817-S7403-A101-015`.
    Hardware
);

/// A phone's maker, in lower case: `snom`, `innovaphone`, `unify`, or another with a profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vendor(Cow<'static, str>);

impl Vendor {
    /// snom technology.
    pub const SNOM: Self = Self(Cow::Borrowed("snom"));
    /// innovaphone.
    pub const INNOVAPHONE: Self = Self(Cow::Borrowed("innovaphone"));
    /// Unify (OpenStage, OpenScape Desk Phone).
    pub const UNIFY: Self = Self(Cow::Borrowed("unify"));

    /// The vendor of this name; upper and lower case are the same.
    pub fn new(name: &str) -> Self {
        Self(Cow::Owned(name.to_ascii_lowercase()))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One account on one PBX: the address-of-record's user part (an Asterisk endpoint, a directory number).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LineId {
    /// The PBX the account lives on.
    pub pbx: PbxName,
    /// The account's name there.
    pub user: Arc<str>,
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.pbx)
    }
}

/// Where one line can be reached now, as its registrar sees it (RFC 3261 section 10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The Contact URI **verbatim**, with all its parameters: snom answers 404 when `;line=` is missing.
    pub uri: Arc<str>,
    /// The address the REGISTER came from (behind NAT this is not what the URI says).
    pub source: Option<SocketAddr>,
    /// The REGISTER's Call-ID; a phone that booted has a new one.
    pub call_id: Option<Arc<str>>,
    /// The REGISTER's User-Agent, verbatim.
    pub user_agent: Option<Arc<str>>,
    /// When the registration lapses unless refreshed.
    pub expires: Option<DateTime<Utc>>,
}

/// What a line is doing, as far as the PBX (or the phone itself) told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallState {
    /// Nobody told, or what was told is not understood. Counts as busy.
    Unknown,
    /// Registered, no call of any kind.
    Idle,
    /// Being called.
    Ringing,
    /// In a call.
    Talking,
    /// In a call that is on hold.
    Held,
    /// Not registered: the PBX says the line cannot be reached.
    Offline,
}

/// A line of a phone: its registration and its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it is registered; `None` when it is not. With several contacts: the one that lapses last.
    pub contact: Option<Contact>,
    /// How many contacts its registrar holds. With more than one, which of them is this phone cannot be told.
    pub contacts: usize,
    /// What it is doing.
    pub calls: CallState,
    /// Since when sipherd itself has seen it without any call; `None` while it is not idle.
    ///
    /// Never assumed: after a start, or after the view of the PBX was lost, it begins anew.
    pub quiet_since: Option<DateTime<Utc>>,
    /// Whether an agent is logged in to a queue there; `None` when nobody told.
    pub agent_logged_in: Option<bool>,
    /// Whether do-not-disturb is set; `None` when nobody told.
    pub do_not_disturb: Option<bool>,
}

impl Line {
    /// A line of which nothing has been seen yet.
    pub const UNSEEN: Self = Self {
        contact: None,
        contacts: 0,
        calls: CallState::Unknown,
        quiet_since: None,
        agent_logged_in: None,
        do_not_disturb: None,
    };
}

/// How sipherd came to know that these lines belong to this MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnownBy {
    /// The administrator's inventory says so.
    Inventory,
    /// The phone asked the depot for its own file from the address its lines are registered from.
    BootRequest,
    /// The MAC-derived `+sip.instance` of its registration (RFC 5626, prefix `00000000-0000-1000-8000-`).
    SipInstance,
}

/// One phone of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// Its hardware address.
    pub mac: Mac,
    /// How its lines became known.
    pub known_by: KnownBy,
    /// Its maker, once known.
    pub vendor: Option<Vendor>,
    /// Its model, once known.
    pub model: Option<Model>,
    /// Its hardware level or revision, where reported or written in the inventory.
    pub hardware: Option<Hardware>,
    /// The firmware it was last **observed** to run.
    pub version: Option<Version>,
    /// What it told of the code in it besides its firmware; `None` for makers whose phones tell nothing of it.
    pub codes: Option<Box<Codes>>,
    /// Where it stands.
    pub site: Option<Site>,
    /// The switch it hangs on, from the inventory.
    pub switch: Option<Switch>,
    /// What the administrator calls it.
    pub tags: BTreeSet<Tag>,
    /// The realm whose settings it asked for last; `None` when that was none, or nobody saw it ask.
    pub realm: Option<Realm>,
    /// The realm the inventory gives it.
    pub home: Option<Realm>,
    /// The expansion modules it told of.
    pub modules: Option<Box<Modules>>,
    /// How its expansion module is powered, from the inventory.
    pub module_power: Option<ModulePower>,
    /// The files, no images, that it fetched whole and did not reject.
    pub files: Fetched,
    /// When it was last seen to boot by itself; a boot that sipherd ordered is none, and ends what is left of an older one.
    pub booted: Option<DateTime<Utc>>,
    /// All its lines. A phone is idle only when each of them is.
    pub lines: Lines,
}

impl Phone {
    /// A phone of which only the address is known.
    pub fn new(mac: Mac, known_by: KnownBy) -> Self {
        Self {
            mac,
            known_by,
            vendor: None,
            model: None,
            hardware: None,
            version: None,
            codes: None,
            site: None,
            switch: None,
            tags: BTreeSet::new(),
            realm: None,
            home: None,
            modules: None,
            module_power: None,
            files: Fetched::new(),
            booted: None,
            lines: Lines::new(),
        }
    }

    /// Vendor and model as a person would say them: `snom D785`, or what of it is known.
    pub fn kind(&self) -> String {
        match (&self.vendor, &self.model) {
            (Some(vendor), Some(model)) => format!("{vendor} {model}"),
            (Some(vendor), None) => vendor.to_string(),
            (None, Some(model)) => model.to_string(),
            (None, None) => "unknown phone".to_owned(),
        }
    }

    /// What of this part it was last observed to have.
    pub fn runs(&self, part: Part) -> Option<&Version> {
        match part {
            Part::Firmware => self.version.as_ref(),
            Part::Boot | Part::Radio => self.codes.as_ref()?.of(part),
            Part::Chained | Part::Uxm | Part::D7c => None,
            Part::Logo | Part::Ringtone | Part::Screensaver | Part::Picture | Part::Ldap => None,
        }
    }

    /// The addresses its lines are registered from, as their registrars see them.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.lines.values().filter_map(|line| Some(line.contact.as_ref()?.source?.ip()))
    }

    /// The name a person knows the phone by: its first line, else its MAC.
    pub fn label(&self) -> String {
        self.lines.keys().next().map_or_else(|| self.mac.to_string(), |line| line.user.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_read_in_the_three_usual_forms() {
        let mac = Mac::new([0x00, 0x04, 0x13, 0x92, 0x2d, 0x24]);
        for text in ["00:04:13:92:2d:24", "00-04-13-92-2D-24", "000413922D24"] {
            assert_eq!(text.parse(), Ok(mac), "{text}");
        }
        assert_eq!(mac.to_string(), "00:04:13:92:2d:24");
    }

    #[test]
    fn what_is_not_a_mac_is_refused() {
        for text in ["", "0004", "00:04:13:92:2d", "00:04:13-92:2d:24", "0004:1392:2d24x", "g00413922d24"] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }
}
