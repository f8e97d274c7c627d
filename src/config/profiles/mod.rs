//! Profiles of makers: the shipped ones, and the administrator's own laid over them key by key.

mod dangers;
mod folder;
mod hardware;
mod ways;
mod written;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use serde::Serialize;

use super::code::Code;
use super::raw::{At, Complaint, Source};
use crate::domain::phone::Vendor;
use crate::phones::{Makers, SHIPPED};

pub(super) use written::{Written, read};

/// What an own profile changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnProfile {
    /// Its maker.
    pub vendor: Vendor,
    /// Its file.
    pub file: PathBuf,
    /// No shipped profile knows the maker.
    pub new: bool,
    /// The keys it has; where a shipped profile knows the maker, they are in place of that one's.
    pub keys: Vec<String>,
}

/// The makers that are known without any file of the administrator's.
pub fn shipped() -> Arc<Makers> {
    Arc::clone(&ALL_SHIPPED.makers)
}

struct Shipped {
    makers: Arc<Makers>,
    /// The User-Agents that the shipped profiles give as examples.
    examples: Vec<(Vendor, String)>,
}

/// A file that cannot be read gives no profile, so its phones are held; a test reads them all.
static ALL_SHIPPED: LazyLock<Shipped> = LazyLock::new(|| {
    let (mut makers, mut examples) = (Makers::default(), Vec::new());
    for (name, text) in SHIPPED {
        let source = Source::new(Path::new(name), text);
        let Some(written) = source.parse().and_then(|document| read(&source, &document)) else { continue };
        let vendor = &written.vendor.value;
        examples.extend(written.examples.iter().map(|example| (vendor.clone(), example.value.clone())));
        makers.put(written.over(None), false);
    }
    Shipped { makers: Arc::new(makers), examples }
});

/// An own profile that can be read, with its file.
pub(super) struct Own {
    pub source: Source,
    pub written: Written,
}

/// Lays these profiles over the shipped ones; what is wrong or dangerous is recorded in their files.
pub(super) fn lay(own: &[Own]) -> (Makers, Vec<OwnProfile>) {
    let shipped = &ALL_SHIPPED.makers;
    let mut makers = Makers::clone(shipped);
    let mut told = Vec::new();
    for (nth, Own { source, written }) in own.iter().enumerate() {
        let vendor = &written.vendor.value;
        if let Some(first) = own[..nth].iter().find(|first| first.written.vendor.value == *vendor) {
            source.refuse(
                Code::Twice,
                &written.vendor.span,
                Complaint::new(
                    format!("`{vendor}` has a profile in {} already", name_of(&first.source.path)),
                    "write both into one file",
                ),
            );
            continue;
        }
        let base = shipped.known(vendor);
        let profile = written.over(base);
        // Where something cannot be read, what follows from the rest is no news.
        if !source.has_errors() {
            dangers::find(source, written, &profile);
        }
        told.push(OwnProfile {
            vendor: vendor.clone(),
            file: source.path.clone(),
            new: base.is_none(),
            keys: written.keys.clone(),
        });
        makers.put(profile, written.has_user_agents());
    }
    for one in own {
        ambiguous(one, own, &makers);
    }
    (makers, told)
}

/// Records User-Agents that two makers take.
fn ambiguous(one: &Own, all: &[Own], makers: &Makers) {
    let Own { source, written } = one;
    let vendor = &written.vendor.value;
    let takes = |vendor: &Vendor, text: &str| {
        makers.known(vendor).is_some_and(|maker| maker.user_agents.iter().any(|agent| agent.takes(text)))
    };
    for other in
        all.iter().filter(|other| other.written.vendor.value != *vendor && other.written.has_user_agents())
    {
        let name = &other.written.vendor.value;
        for At { value, span } in written.examples.iter().filter(|example| takes(name, &example.value)) {
            source.refuse(
                Code::Contradiction,
                span,
                Complaint::new(
                    format!(
                        "`{value}` may be a phone of `{name}` as well: {} takes it too",
                        name_of(&other.source.path)
                    ),
                    "nothing decides between two makers; let `matches` of one of them say more",
                ),
            );
        }
    }
    if !written.has_user_agents() || source.has_errors() {
        return;
    }
    let agents = makers.known(vendor).map_or(&[][..], |maker| &maker.user_agents);
    let mut lost: Vec<&Vendor> = Vec::new();
    for (other, text) in &ALL_SHIPPED.examples {
        let taker = agents.iter().position(|agent| agent.takes(text));
        if other != vendor
            && !lost.contains(&other)
            && let Some(nth) = taker
        {
            let place = written.place(&format!("user_agent[{nth}].matches"));
            lost.push(other);
            source.warn(
                Code::Dangerous,
                &place,
                Complaint::new(
                    format!("this takes `{text}` from `{other}`: own profiles win over shipped ones"),
                    format!("let `matches` say more, unless phones of `{other}` are to count as `{vendor}`"),
                ),
            );
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Whether a file is a profile, or a folder holds one: it names a `vendor` before its first table.
pub(super) fn is_profile(path: &Path) -> bool {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        return entries.map(|entry| entry.path()).any(|path| is_toml(&path) && is_profile(&path));
    }
    std::fs::read_to_string(path).is_ok_and(|text| {
        let mut top = text.lines().map(str::trim).take_while(|line| !line.starts_with('['));
        top.any(|line| line.strip_prefix("vendor").is_some_and(|rest| rest.trim_start().starts_with('=')))
    })
}

/// Whether a file's name ends as that of a profile.
pub(super) fn is_toml(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    !path.is_dir() && name.is_some_and(|name| name.ends_with(".toml") && !name.starts_with(['.', '#']))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::trip::{Serves, Timing, Trigger, Way};

    #[test]
    fn every_shipped_profile_is_read_without_a_complaint() {
        let mut all = Vec::new();
        for (name, text) in SHIPPED {
            let source = Source::new(Path::new(name), text);
            let written = source.parse().and_then(|document| read(&source, &document));
            let problems = source.take_problems();
            assert!(problems.is_empty(), "{problems:#?}");
            let written = written.unwrap_or_else(|| panic!("{name}"));
            assert_eq!(format!("{}.toml", written.vendor.value), name);
            all.push(Own { source, written });
        }
        assert_eq!(shipped().all().count(), SHIPPED.len(), "two profiles for one maker");
        // Held to what is asked of everybody's.
        for Own { source, written } in &all {
            let profile = written.over(None);
            dangers::find(source, written, &profile);
            let mute = ["innovaphone", "thomson"].contains(&profile.vendor.as_str());
            let problems = source.take_problems();
            assert_eq!(problems.len(), usize::from(profile.reboot.is_empty()), "{problems:#?}");
            assert!(mute || profile.timing.gap >= TimeDelta::seconds(300));
            let Timing { answer, .. } = profile.timing;
            assert!(answer >= TimeDelta::seconds(32), "timer F of RFC 3261");
            let usual = profile.usual;
            assert!(mute || usual.is_some(), "{}: how long does it take?", profile.vendor);
            assert_eq!(usual, usual.map(|usual| usual.within(&profile.timing)), "{}", profile.vendor);
        }
    }

    #[test]
    fn no_shipped_example_may_be_a_phone_of_two_makers() {
        let makers = shipped();
        assert!(ALL_SHIPPED.examples.len() > 20);
        for (vendor, text) in &ALL_SHIPPED.examples {
            let taken = makers.all().filter(|maker| maker.user_agents.iter().any(|agent| agent.takes(text)));
            assert_eq!(taken.map(|maker| &maker.vendor).collect::<Vec<_>>(), [vendor], "{text}");
            assert_eq!(makers.recognise(text).unwrap().vendor, *vendor);
        }
    }

    #[test]
    fn a_snom_waits_for_its_calls_and_boots_twice_for_an_update() {
        let makers = shipped();
        let snom = makers.profile(&Vendor::SNOM).unwrap();
        assert_eq!(snom.reboot, [Trigger::waiting("reboot"), Trigger::event("check-sync;reboot=true")]);
        assert_eq!(snom.resync, [Trigger::event("check-sync;reboot=false")]);
        assert_eq!(snom.update_boots, Some(2));
        assert!(snom.tells_dialogs);
        assert_eq!(snom.timing.leave_busy, TimeDelta::hours(4));
    }

    #[test]
    fn other_makers_reboot_at_once_and_are_not_updated() {
        let makers = shipped();
        let served = [Vendor::SNOM, Vendor::UNIFY, Vendor::INNOVAPHONE];
        for other in makers.all().filter(|profile| !served.contains(&profile.vendor)) {
            let waits = other.reboot.iter().chain(&other.resync).any(|trigger| trigger.waits_for_idle);
            assert!(!waits && other.update_boots.is_none(), "{}", other.vendor);
        }
    }

    #[test]
    fn who_cannot_be_asked_to_resync_is_known() {
        let makers = shipped();
        let without = makers.vendors().filter(|vendor| makers.known(vendor).unwrap().resync.is_empty());
        let names: Vec<&str> = without.map(Vendor::as_str).collect();
        assert_eq!(
            names,
            ["cisco", "innovaphone", "linksys", "snom-dect"],
            "for them a resync is a reboot, or nothing is known"
        );
    }

    #[test]
    fn who_can_only_be_asked_to_resync_is_known() {
        let makers = shipped();
        let only = makers.vendors().filter(|vendor| makers.known(vendor).unwrap().reboot.is_empty());
        assert_eq!(only.map(Vendor::as_str).collect::<Vec<_>>(), ["ale", "gigaset-n510"]);
    }

    #[test]
    fn makers_without_a_documented_event_have_no_profile() {
        for vendor in [Vendor::new("thomson"), Vendor::new("unheard-of")] {
            assert_eq!(shipped().profile(&vendor), None, "{vendor}");
        }
    }

    #[test]
    fn an_innovaphone_is_asked_at_its_poll_and_downloads_before_it_reboots() {
        let makers = shipped();
        let innovaphone = makers.profile(&Vendor::INNOVAPHONE).unwrap();
        assert_eq!(innovaphone.reboot, [Trigger { waits_for_idle: true, ..Way::Poll.into() }]);
        assert_eq!((innovaphone.update_boots, innovaphone.serves), (Some(1), Serves::OnceAsked));
        // What runs is only known at the first poll after a boot, a quarter of an hour later as phones come.
        assert!(innovaphone.timing.boot >= TimeDelta::minutes(20));
        let seen = makers.recognise("innovaphone IP222/12r2").unwrap();
        assert_eq!(seen.version, None, "no build");
    }

    #[test]
    fn a_unify_phone_is_asked_to_call_and_waits_where_it_is_given_an_image() {
        let makers = shipped();
        let unify = makers.profile(&Vendor::UNIFY).unwrap();
        let contact_me = Trigger::from(Way::ContactMe);
        assert_eq!((&unify.reboot, &unify.resync), (&vec![contact_me.clone()], &vec![contact_me.clone()]));
        assert!(contact_me.waits(true) && !contact_me.waits(false), "nobody says that its restart waits");
        assert_eq!(
            (unify.update_boots, unify.serves, unify.checks_hardware),
            (Some(1), Serves::OnceAsked, true)
        );
        assert_eq!(unify.timing.gap, TimeDelta::seconds(300), "between two contacts");
    }

    #[test]
    fn an_enterprise_cisco_gets_all_lines_of_its_body() {
        let makers = shipped();
        let cisco = makers.profile(&Vendor::new("cisco-enterprise")).unwrap();
        let notice = cisco.reboot[0].notice().unwrap();
        let (kind, body) = notice.body.as_ref().unwrap();
        assert_eq!((notice.event.as_str(), kind.as_str()), ("service-control", "text/plain"));
        assert_eq!(
            body,
            "action=reset\r\nRegisterCallId={{register_call_id}}\r\nConfigVersionStamp={0000000000000000}\r\n\
             DialplanVersionStamp={0000000000000000}\r\nSoftkeyVersionStamp={0000000000000000}\r\n"
        );
    }
}
