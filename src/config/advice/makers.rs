//! What the makers' phones cannot do: wait where nobody says that they do, or find what they are told by its name.

use super::{Ground, Subject, and};
use crate::config::code::Code;
use crate::domain::phone::Vendor;
use crate::domain::policy::{Action, IdleBy, Patience};
use crate::domain::trip::Way;
use crate::phones::Profile;

pub(super) fn advise(subject: &Subject<'_>, ground: &Ground<'_>) {
    let makers = ground.makers;
    let idle = &subject.policy.idle;
    let resyncs = subject.policy.action == Action::Resync;
    // Whether a phone waits depends on the order it is given.
    let orders = |profile: &Profile| if resyncs { profile.resync.clone() } else { profile.reboot.clone() };
    let with_image = subject.policy.action.firmware().is_some();
    let waits = |profile: &Profile| orders(profile).iter().any(|trigger| trigger.waits(with_image));
    let those = |able: &dyn Fn(&Profile) -> bool| {
        let profiles = subject.vendors().into_iter().filter_map(|vendor| makers.profile(vendor));
        let unable = profiles.filter(|profile| !able(profile)).map(|profile| profile.vendor.to_string());
        let names = and(unable);
        (!names.is_empty()).then_some(names)
    };
    if subject.policy.override_hardware {
        let key = format!("{}.override", subject.policy.action.table());
        subject.warn(
            Code::Dangerous,
            &subject.draft.places.value(&key),
            "images are offered to phones whose hardware they are not made for".to_owned(),
            "name the one image instead: `override = true` in its manifest",
        );
    }
    let calls = |profile: &Profile| orders(profile).iter().any(|trigger| trigger.way == Way::ContactMe);
    let asks = matches!(subject.policy.action, Action::Reboot | Action::Update { .. } | Action::Resync);
    if let Some(names) = if ground.no_deployment && asks { those(&|profile| !calls(profile)) } else { None } {
        subject.warn(
            Code::NotPossible,
            &subject.draft.places.key(subject.policy.action.table()),
            format!("phones of {names} are asked to call their deployment service, and there is none here"),
            "add a table `[deployment]` to `sipherd.toml`",
        );
    }
    if let (Some(name), Some(place)) = (ground.depot_name, subject.meaning(&Vendor::INNOVAPHONE)) {
        subject.warn(
            Code::NotPossible,
            &place,
            format!(
                "innovaphones with old firmware know no host names, and `url` under `[depot]` names `{name}`"
            ),
            "write the depot's IP address there: `url = \"http://192.0.2.5:8480\"`",
        );
    }
    let place = |key| subject.draft.places.value(&format!("idle.{key}"));
    let names = if resyncs { those(&|profile| !profile.resync.is_empty()) } else { None };
    if let Some(names) = names {
        subject.warn(
            Code::NotPossible,
            &subject.draft.places.key("resync"),
            format!(
                "nothing is known about asking phones of {names} to read their settings anew: they are held"
            ),
            "give them a policy of their own with `[reboot]`",
        );
        return;
    }
    let reboots = matches!(subject.policy.action, Action::Reboot | Action::Update { .. });
    let names = if reboots { those(&|profile| !profile.reboot.is_empty()) } else { None };
    if let Some(names) = names {
        subject.warn(
            Code::NotPossible,
            &subject.draft.places.key(subject.policy.action.table()),
            format!("nothing is known about asking phones of {names} to reboot: they are held"),
            "give them a policy of their own with `[resync]`",
        );
        return;
    }
    match idle.by {
        IdleBy::Pbx => {}
        IdleBy::Phone => {
            if let Some(names) = those(&waits) {
                subject.warn(
                    Code::NotPossible,
                    &place("by"),
                    format!("nothing says that phones of {names} wait for their calls to end: they are held"),
                    "give them a policy of their own that leaves it to the PBX",
                );
            }
        }
        IdleBy::Both => {
            if let Some(names) = those(&|profile| waits(profile) || profile.tells_dialogs) {
                subject.warn(
                    Code::NotPossible,
                    &place("by"),
                    format!("phones of {names} neither wait for their calls to end nor tell of them: they are held"),
                    "give them a policy of their own that leaves it to the PBX",
                );
            }
        }
    }
    if idle.patience == Patience::PhoneWaits
        && let Some(names) = those(&waits)
    {
        subject.warn(
            Code::NotPossible,
            &place("patience"),
            format!("nothing says that phones of {names} wait for their calls to end: they wait for the next window"),
            "give them a policy of their own with `patience = \"next-window\"`",
        );
    }
}
