//! Expansion modules at snom desk phones: what is known of them, and what must be so before one is updated.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::firmware::{ModuleKind, Version};

/// The maker's document has a person wait this long after a module was plugged in.
pub const SETTLES: TimeDelta = TimeDelta::seconds(10);

/// What was seen longer ago counts as not seen: somebody may have plugged in another module since.
pub const SEEN_LATELY: TimeDelta = TimeDelta::hours(1);

/// Whether the module has a power supply of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModulePower {
    /// It has none: it hangs on the phone's USB port alone.
    Usb,
    /// It has one, and cannot be updated while that is plugged in.
    External,
}

/// How a phone is kept from passing over an image: it leaves one alone whose URL its setting `firmware_uxm` holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModuleUrls {
    /// Each order has a URL of its own.
    #[default]
    Changing,
    /// An image always has the same URL, and the setting is cleared before each order.
    Cleared,
}

/// What is known of the phone's setting `firmware_uxm`, where it keeps the URL of the image it wrote last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeptUrl {
    /// Nothing: it may be the URL that would be offered. So it is after a start, and once a URL was offered.
    #[default]
    Unknown,
    /// It was cleared, and no URL was offered since.
    Cleared,
    /// It was to be cleared, in vain.
    Stays {
        /// Why.
        why: NotCleared,
        /// When it was tried.
        tried: DateTime<Utc>,
    },
}

/// Why a phone's `firmware_uxm` could not be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "not-cleared", rename_all = "kebab-case")]
pub enum NotCleared {
    /// Its web server asks for a password, and none is known for it.
    NoCredentials,
    /// Its web server answered with another status than 200.
    Refused {
        /// The status.
        status: u16,
    },
    /// Its web server did not answer, or could not be reached.
    NoAnswer,
}

impl fmt::Display for NotCleared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredentials => {
                write!(f, "its web server asks for a password and `[web]` has none for it")
            }
            Self::Refused { status: 401 } => write!(f, "its web server refuses the password (401)"),
            Self::Refused { status } => write!(f, "its web server answered with {status}"),
            Self::NoAnswer => write!(f, "its web server did not answer"),
        }
    }
}

/// How many modules a phone counts, by kind; `None` where it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attached {
    /// UXM.
    pub uxm: Option<u8>,
    /// D7C; firmware that does not know them does not count them.
    pub d7c: Option<u8>,
}

impl Attached {
    /// How many in all.
    pub fn count(self) -> u8 {
        self.uxm.unwrap_or(0).saturating_add(self.d7c.unwrap_or(0))
    }

    /// The kind of the only one.
    pub fn kind(self) -> Option<ModuleKind> {
        match (self.uxm, self.d7c) {
            (Some(1), None | Some(0)) => Some(ModuleKind::Uxm),
            (None | Some(0), Some(1)) => Some(ModuleKind::D7c),
            (_, _) => None,
        }
    }
}

/// The modules at a phone, as it told last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modules {
    /// How many.
    pub count: u8,
    /// The kind of the only one, where the phone told: its User-Agent does, its information page does not.
    pub kind: Option<ModuleKind>,
    /// What the only one runs, where the phone told: its information page does, its User-Agent does not.
    pub version: Option<Version>,
    /// Since when it has told this count and this version.
    pub since: DateTime<Utc>,
    /// When it told last.
    pub seen: DateTime<Utc>,
    /// What the phone keeps as the URL it wrote last.
    pub kept_url: KeptUrl,
}

impl Modules {
    /// What is known after the phone told this, at this instant.
    pub fn told(
        before: Option<&Self>,
        count: u8,
        kind: Option<ModuleKind>,
        version: Option<Version>,
        now: DateTime<Utc>,
    ) -> Self {
        let same = before.filter(|before| {
            let other = before.version.is_some() && version.is_some() && before.version != version;
            before.count == count && !other
        });
        // What one source left out stays as the other told it, as long as nothing else changed.
        let kind = kind.or_else(|| same?.kind).filter(|_| count == 1);
        let version = version.or_else(|| same?.version.clone()).filter(|_| count == 1);
        let since = same.map_or(now, |same| same.since);
        // The setting is the phone's, whatever is plugged in.
        let kept_url = before.map_or_else(KeptUrl::default, |before| before.kept_url);
        Self { count, kind, version, since, seen: now, kept_url }
    }

    /// Whether an image for this kind must not reach the phone: it has told by now that something else is attached.
    pub fn rules_out(&self, kind: ModuleKind) -> bool {
        self.count != 1 || self.kind.is_some_and(|known| known != kind)
    }
}

/// What a phone's kind says about modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleTerms {
    /// The maker names its model among those with a port for them.
    pub has_port: bool,
    /// The oldest firmware of the phone that updates a UXM.
    pub least_uxm: Version,
    /// The same for a D7C.
    pub least_d7c: Version,
    /// What keeps it from passing over an image.
    pub urls: ModuleUrls,
}

impl ModuleTerms {
    /// The oldest firmware of the phone that updates a module of this kind.
    pub const fn least(&self, kind: ModuleKind) -> &Version {
        match kind {
            ModuleKind::Uxm => &self.least_uxm,
            ModuleKind::D7c => &self.least_d7c,
        }
    }
}

/// Why the module at a phone cannot be updated: what the maker's document requires and limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "module", rename_all = "kebab-case")]
pub enum ModuleHeld {
    /// The maker does not name the phone's model among those with a port for modules.
    NoPort {
        /// What is known of it.
        kind: String,
    },
    /// The phone's own firmware is too old to update a module.
    Firmware {
        /// The oldest that does.
        needs: Version,
        /// What it runs, where known.
        runs: Option<Version>,
    },
    /// The phone told nothing lately of how many modules it has.
    Untold,
    /// A phone updates a module only while exactly one is attached.
    Count {
        /// How many are.
        count: u8,
    },
    /// The module was plugged in just now, or began just now to tell something else.
    Settles {
        /// Until then.
        until: DateTime<Utc>,
    },
    /// Nobody confirmed in the inventory that the module has no power supply.
    PowerUntold,
    /// The inventory says that the module has a power supply.
    Powered,
    /// The phone may have written the URL already that it would be offered, and would pass over it.
    Url {
        /// Why its `firmware_uxm` could not be cleared; `None` while that was not tried.
        failed: Option<NotCleared>,
    },
}

impl ModuleHeld {
    /// All short machine names.
    pub const SLUGS: [&'static str; 8] = [
        "module-no-port",
        "module-firmware",
        "module-untold",
        "module-count",
        "module-settles",
        "module-power-untold",
        "module-powered",
        "module-url",
    ];

    /// A short machine name, one of [`Self::SLUGS`].
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::NoPort { .. } => "module-no-port",
            Self::Firmware { .. } => "module-firmware",
            Self::Untold => "module-untold",
            Self::Count { .. } => "module-count",
            Self::Settles { .. } => "module-settles",
            Self::PowerUntold => "module-power-untold",
            Self::Powered => "module-powered",
            Self::Url { .. } => "module-url",
        }
    }

    /// The reason in words; `clock` writes an instant.
    pub fn told(&self, clock: impl FnOnce(&DateTime<Utc>) -> String) -> String {
        match self {
            Self::NoPort { kind } => format!("{kind} is not known to have a port for expansion modules"),
            Self::Firmware { needs, runs: Some(runs) } => {
                format!("updates modules from {needs} on, runs {runs}")
            }
            Self::Firmware { needs, runs: None } => {
                format!("updates modules from {needs} on, and nobody knows what it runs")
            }
            Self::Untold => "it told nothing lately of how many expansion modules it has".to_owned(),
            Self::Count { count: 0 } => "no expansion module is attached".to_owned(),
            Self::Count { count } => {
                format!("{count} expansion modules are attached, a phone updates a single one")
            }
            Self::Settles { until } => {
                format!("its module was plugged in just now, not before {}", clock(until))
            }
            Self::PowerUntold => {
                "the inventory does not say how its module is powered (column `module_power`)".to_owned()
            }
            Self::Powered => "its module has a power supply of its own: unplug that".to_owned(),
            Self::Url { failed: None } => {
                "it may have written this URL already: its `firmware_uxm` is cleared first".to_owned()
            }
            Self::Url { failed: Some(why) } => {
                format!(
                    "it may have written this URL already, and its `firmware_uxm` cannot be cleared: {why}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Option<Version> {
        Version::parse(text).ok()
    }

    #[test]
    fn what_two_sources_tell_is_put_together_until_something_changes() {
        let at = |second: i64| DateTime::from_timestamp(second, 0).unwrap();
        let agent = Modules::told(None, 1, Some(ModuleKind::Uxm), None, at(0));
        let page = Modules::told(Some(&agent), 1, None, version("2.0.7"), at(5));
        assert_eq!(
            (page.kind, page.version.clone(), page.since),
            (Some(ModuleKind::Uxm), version("2.0.7"), at(0))
        );
        let flashed = Modules::told(Some(&page), 1, None, version("2.1.1"), at(60));
        assert_eq!((flashed.since, flashed.seen), (at(60), at(60)));
        let two = Modules::told(Some(&flashed), 2, None, version("2.1.1"), at(70));
        assert_eq!((two.kind, two.version.clone(), two.since), (None, None, at(70)));
        let again = Modules::told(Some(&two), 1, None, version("2.0.7"), at(80));
        assert_eq!((again.kind, again.since), (None, at(80)), "it may be of the other kind");
    }

    #[test]
    fn what_the_phone_keeps_outlives_the_module_that_is_plugged_in() {
        let at = DateTime::UNIX_EPOCH;
        let first = Modules::told(None, 1, None, version("2.1.1"), at);
        assert_eq!(first.kept_url, KeptUrl::Unknown, "nobody cleared it yet");
        let cleared = Modules { kept_url: KeptUrl::Cleared, ..first };
        assert_eq!(Modules::told(Some(&cleared), 2, None, None, at).kept_url, KeptUrl::Cleared);
    }

    #[test]
    fn another_kind_or_another_number_rules_an_image_out() {
        let told = |count, kind| Modules::told(None, count, kind, None, DateTime::UNIX_EPOCH);
        assert!(!told(1, None).rules_out(ModuleKind::Uxm), "nobody told");
        assert!(!told(1, Some(ModuleKind::Uxm)).rules_out(ModuleKind::Uxm));
        assert!(told(1, Some(ModuleKind::D7c)).rules_out(ModuleKind::Uxm));
        assert!(told(2, None).rules_out(ModuleKind::Uxm) && told(0, None).rules_out(ModuleKind::Uxm));
    }

    #[test]
    fn the_kind_is_known_of_a_single_module_only() {
        let of = |uxm, d7c| Attached { uxm, d7c };
        assert_eq!(of(Some(1), None).kind(), Some(ModuleKind::Uxm));
        assert_eq!(of(Some(0), Some(1)).kind(), Some(ModuleKind::D7c));
        assert_eq!((of(Some(1), Some(1)).kind(), of(Some(1), Some(1)).count()), (None, 2));
        assert_eq!(of(Some(2), None).kind(), None);
        assert_eq!(of(None, None).count(), 0);
    }
}
