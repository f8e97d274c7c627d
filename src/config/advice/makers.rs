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
    let denied = subject.policy.action.is_denied_in_a_call();
    let waits = |profile: &Profile| orders(profile).iter().any(|trigger| trigger.waits(denied));
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
    let by_service = match subject.policy.action {
        Action::Write { .. } => Some("writes settings"),
        Action::Files { .. } => Some("brings files"),
        _ => None,
    };
    let asks = by_service.is_some()
        || matches!(subject.policy.action, Action::Reboot | Action::Update { .. } | Action::Resync);
    if let Some(names) = if ground.no_deployment && asks { those(&|profile| !calls(profile)) } else { None } {
        subject.warn(
            Code::NotPossible,
            &subject.draft.places.key(subject.policy.action.table()),
            format!("phones of {names} are asked to call their deployment service, and there is none here"),
            "add a table `[deployment]` to `sipherd.toml`",
        );
    }
    if ground.cannot_clear && matches!(subject.policy.action, Action::ModuleUpdate { .. }) {
        subject.warn(
            Code::NotPossible,
            &subject.draft.places.key("module-update"),
            "`module_urls` of `[snom]` has phones clear their `firmware_uxm`: those whose web servers ask for a password are held",
            "name `credentials` in `[web]` of `sipherd.toml`, or leave out `module_urls`",
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
    if let Some((what, names)) = by_service.and_then(|what| Some((what, those(&calls)?))) {
        subject.warn(
            Code::NotPossible,
            &subject.draft.places.key(subject.policy.action.table()),
            format!("phones of {names} call no deployment service that {what}: they are held"),
            "select phones of `unify`",
        );
        return;
    }
    // Makers whose firmware the depot serves have documents of their own there.
    let seen = |profile: &Profile| !profile.own_files.is_empty() || profile.update_boots.is_some();
    if let Some(names) = if resyncs { those(&seen) } else { None } {
        subject.warn(
            Code::NotPossible,
            &subject.draft.places.key("resync"),
            format!("no file is known that phones of {names} ask for: nobody sees whether they read their settings"),
            "name `own_files` in a profile of your own, or give them a policy with `[reboot]`",
        );
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
