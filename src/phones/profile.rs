//! The profiles of all makers, kept as data in `profiles/*.toml` and read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::TimeDelta;
use serde::Deserialize;

use super::Profile;
use crate::domain::forecast::Usual;
use crate::domain::phone::Vendor;
use crate::domain::trip::{Timing, Trigger};

/// The profile of this maker's phones; without one nothing is ever sent to them.
pub fn profile(vendor: &Vendor) -> Option<&'static Profile> {
    PROFILES.get(vendor)
}

/// All makers that have a profile, in the order of their names.
pub fn vendors() -> impl Iterator<Item = &'static Vendor> {
    PROFILES.keys()
}

/// Every profile file, compiled in.
const SOURCES: [&str; 16] = [
    include_str!("profiles/algo.toml"),
    include_str!("profiles/audiocodes.toml"),
    include_str!("profiles/avaya.toml"),
    include_str!("profiles/cisco-spa.toml"),
    include_str!("profiles/digium.toml"),
    include_str!("profiles/fanvil.toml"),
    include_str!("profiles/gigaset.toml"),
    include_str!("profiles/grandstream.toml"),
    include_str!("profiles/htek.toml"),
    include_str!("profiles/linksys.toml"),
    include_str!("profiles/mitel.toml"),
    include_str!("profiles/panasonic.toml"),
    include_str!("profiles/poly.toml"),
    include_str!("profiles/snom.toml"),
    include_str!("profiles/snom-dect.toml"),
    include_str!("profiles/yealink.toml"),
];

/// A file that cannot be read gives no profile, so its phones are held; a test reads them all.
static PROFILES: LazyLock<BTreeMap<Vendor, Profile>> = LazyLock::new(|| {
    let profiles = SOURCES.iter().filter_map(|source| read(source).ok());
    profiles.map(|profile| (profile.vendor.clone(), profile)).collect()
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    vendor: String,
    reboot: Vec<RawTrigger>,
    #[serde(default)]
    resync: Vec<RawTrigger>,
    update_boots: Option<u8>,
    tells_dialogs: bool,
    timing: RawTiming,
    usual: Option<RawUsual>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrigger {
    event: String,
    #[serde(default)]
    waits_for_idle: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTiming {
    answer_seconds: u32,
    leave_seconds: u32,
    leave_busy_seconds: u32,
    boot_at_least_seconds: u32,
    boot_seconds: u32,
    fetch_seconds: u32,
    flash_seconds: u32,
    gap_seconds: u32,
}

/// What is not written is estimated from the deadlines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUsual {
    leave_seconds: Option<u32>,
    boot_seconds: Option<u32>,
    fetch_seconds: Option<u32>,
    flash_seconds: Option<u32>,
}

fn read(source: &str) -> Result<Profile, toml::de::Error> {
    let raw: RawProfile = toml::from_str(source)?;
    let seconds = |n: u32| TimeDelta::seconds(i64::from(n));
    let timing = Timing {
        answer: seconds(raw.timing.answer_seconds),
        leave: seconds(raw.timing.leave_seconds),
        leave_busy: seconds(raw.timing.leave_busy_seconds),
        boot_at_least: seconds(raw.timing.boot_at_least_seconds),
        boot: seconds(raw.timing.boot_seconds),
        fetch: seconds(raw.timing.fetch_seconds),
        flash: seconds(raw.timing.flash_seconds),
        gap: seconds(raw.timing.gap_seconds),
    };
    let usual = raw.usual.map(|own| {
        let guess = Usual::of(&timing);
        let or = |own: Option<u32>, guess: TimeDelta| own.map_or(guess, seconds);
        Usual {
            look: guess.look,
            leave: or(own.leave_seconds, guess.leave),
            boot: or(own.boot_seconds, guess.boot),
            fetch: or(own.fetch_seconds, guess.fetch),
            flash: or(own.flash_seconds, guess.flash),
        }
    });
    Ok(Profile {
        vendor: Vendor::new(&raw.vendor),
        reboot: raw.reboot.into_iter().map(trigger).collect(),
        resync: raw.resync.into_iter().map(trigger).collect(),
        update_boots: raw.update_boots,
        tells_dialogs: raw.tells_dialogs,
        timing,
        usual,
    })
}

fn trigger(raw: RawTrigger) -> Trigger {
    Trigger { waits_for_idle: raw.waits_for_idle, ..Trigger::event(&raw.event) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_read_and_sane() {
        for source in SOURCES {
            let profile = read(source).unwrap_or_else(|e| panic!("{e}\n{source}"));
            let name = &profile.vendor;
            assert!(!profile.reboot.is_empty(), "{name}");
            for trigger in profile.reboot.iter().chain(&profile.resync) {
                let clean = |c: char| c.is_ascii_alphanumeric() || "-_;=.".contains(c);
                assert!(!trigger.event.is_empty() && trigger.event.chars().all(clean), "{name}");
            }
            let Timing { answer, leave, leave_busy, boot_at_least, boot, fetch, flash, gap } = profile.timing;
            assert!(answer >= TimeDelta::seconds(32), "{name}: timer F of RFC 3261");
            assert!(leave > TimeDelta::zero() && leave_busy >= leave, "{name}");
            assert!(boot_at_least > TimeDelta::zero() && boot > boot_at_least, "{name}");
            assert!(fetch > TimeDelta::zero() && flash > TimeDelta::zero(), "{name}");
            assert!(gap >= TimeDelta::seconds(300), "{name}: a silent phone may be rebooting");
            assert!(profile.update_boots.is_none_or(|boots| boots > 0), "{name}");
            let usual = profile.usual.unwrap_or_else(|| panic!("{name}: how long does it take?"));
            assert_eq!(
                usual,
                usual.within(&profile.timing),
                "{name}: a deadline is at least twice the usual time"
            );
        }
        assert_eq!(PROFILES.len(), SOURCES.len(), "two profiles for one maker");
    }

    #[test]
    fn a_snom_waits_for_its_calls_and_boots_twice_for_an_update() {
        let snom = profile(&Vendor::SNOM).unwrap();
        assert_eq!(snom.reboot, [Trigger::waiting("reboot"), Trigger::event("check-sync;reboot=true")]);
        assert_eq!(snom.resync, [Trigger::event("check-sync;reboot=false")]);
        assert_eq!(snom.update_boots, Some(2));
        assert!(snom.tells_dialogs);
        assert_eq!(snom.timing.leave_busy, TimeDelta::hours(4));
    }

    #[test]
    fn other_makers_reboot_at_once_and_are_not_updated() {
        for other in PROFILES.values().filter(|profile| profile.vendor != Vendor::SNOM) {
            let waits = other.reboot.iter().chain(&other.resync).any(|trigger| trigger.waits_for_idle);
            assert!(!waits && other.update_boots.is_none(), "{}", other.vendor);
        }
    }

    #[test]
    fn an_event_that_reboots_for_certain_resyncs_nobody() {
        for profile in PROFILES.values() {
            let resync = profile.resync.iter().map(|trigger| trigger.event.as_str());
            let reboots = |event: &str| event.contains("reboot=true") || event.starts_with("reboot");
            assert!(!resync.into_iter().any(reboots), "{}", profile.vendor);
        }
        let without = PROFILES.values().filter(|profile| profile.resync.is_empty());
        let names: Vec<&str> = without.map(|profile| profile.vendor.as_str()).collect();
        assert_eq!(
            names,
            ["linksys", "snom-dect"],
            "a warm start is a reboot; of the other nothing is known"
        );
    }

    #[test]
    fn makers_without_a_documented_event_have_no_profile() {
        for vendor in [Vendor::UNIFY, Vendor::INNOVAPHONE, Vendor::new("ale"), Vendor::new("unheard-of")] {
            assert_eq!(profile(&vendor), None, "{vendor}");
        }
    }
}
