//! What a profile says that goes ill together, or that is dangerous to phones.

use chrono::TimeDelta;

use super::written::Written;
use crate::config::code::Code;
use crate::config::raw::{Complaint, Source};
use crate::config::value::spell;
use crate::domain::phone::Vendor;
use crate::domain::trip::{Trigger, Way};
use crate::phones::Profile;

/// Sooner than this a silent phone may still be rebooting.
const LEAST_GAP: TimeDelta = TimeDelta::seconds(300);

/// Records what is wrong or dangerous in a profile as it results; `written` says where.
pub(super) fn find(source: &Source, written: &Written, profile: &Profile) {
    let refuse = |path: &str, message: String, hint: &str| {
        source.refuse(Code::Contradiction, &written.place(path), Complaint::new(message, hint));
    };
    let warn = |path: &str, message: String, hint: &str| {
        source.warn(Code::Dangerous, &written.place(path), Complaint::new(message, hint));
    };
    // A key of the shipped profile is not this author's to mend.
    let wrote = |key: &str| written.places.has(key);
    let timing = &profile.timing;
    if (wrote("timing.boot_at_least") || wrote("timing.boot")) && timing.boot_at_least >= timing.boot {
        let path = if wrote("timing.boot_at_least") { "timing.boot_at_least" } else { "timing.boot" };
        refuse(
            path,
            format!(
                "`boot_at_least` must be shorter than `boot`: they are {} and {}",
                spell(timing.boot_at_least),
                spell(timing.boot)
            ),
            "one is the fastest boot there is, the other the longest that is waited for",
        );
    }
    if (wrote("timing.leave") || wrote("timing.leave_busy")) && timing.leave_busy < timing.leave {
        let path = if wrote("timing.leave_busy") { "timing.leave_busy" } else { "timing.leave" };
        refuse(
            path,
            format!(
                "`leave_busy` must not be shorter than `leave`: they are {} and {}",
                spell(timing.leave_busy),
                spell(timing.leave)
            ),
            "a phone that waits for its call leaves later than one that is idle",
        );
    }
    if wrote("timing.gap") && timing.gap < LEAST_GAP {
        warn(
            "timing.gap",
            format!(
                "a phone that is silent for {} may still be rebooting: the next NOTIFY may reboot it again",
                spell(timing.gap)
            ),
            "leave 5 minutes or more between two NOTIFYs",
        );
    }
    let served = [Vendor::SNOM, Vendor::INNOVAPHONE, Vendor::UNIFY].contains(&profile.vendor);
    if wrote("update_boots") && !served {
        refuse(
            "update_boots",
            format!(
                "the depot serves no firmware to phones of `{}`, so they cannot be updated",
                profile.vendor
            ),
            "leave it out; name their firmware in their own settings, and let a policy with `[reboot]` or `[resync]` make them read it",
        );
    }
    if profile.reboot.is_empty() {
        let left = if profile.can_be_asked() {
            "only a `[resync]` asks them"
        } else {
            "they are recognised, and held"
        };
        source.warn(
            Code::NotPossible,
            &written.vendor.span,
            Complaint::new(
                format!("nothing says how phones of `{}` are asked to reboot: {left}", profile.vendor),
                "write the events its maker documents: `reboot = [{ event = \"check-sync;reboot=true\" }]`",
            ),
        );
    }
    for (kind, triggers) in [("reboot", &profile.reboot), ("resync", &profile.resync)] {
        for (nth, trigger) in triggers.iter().enumerate().filter(|_| wrote(kind)) {
            let path = |key: &str| format!("{kind}[{nth}].{key}");
            if trigger.waits_for_idle && reboots_at_once(trigger) {
                warn(
                    &path("waits_for_idle"),
                    format!(
                        "phones are known to reboot at once on `{}`: with `by = \"phone\"` a policy would trust this, and cut calls",
                        called(trigger)
                    ),
                    "leave `waits_for_idle` out unless the maker documents it for this very event",
                );
            }
            if kind == "resync" && reboots_at_once(trigger) {
                warn(
                    &path("event"),
                    format!(
                        "`{}` reboots a phone for certain: a policy with `[resync]` means no reboot",
                        called(trigger)
                    ),
                    "write it as an event of `reboot`",
                );
            }
            if triggers[..nth].iter().any(|other| other.way == trigger.way) {
                source.refuse(
                    Code::Twice,
                    &written.place(&path("event")),
                    Complaint::new(
                        format!("`{}` is here twice", called(trigger)),
                        "a phone that refused it refuses it again; remove the other",
                    ),
                );
            }
            if let Some((_, body)) = trigger.notice().and_then(|notice| notice.body.as_ref())
                && body.contains([',', '"', '\\'])
            {
                source.warn(
                    Code::NotPossible,
                    &written.place(&path("body")),
                    Complaint::new(
                        "Asterisk mangles a body with `,`, `\"` or `\\`: with `trigger = \"through-pbx\"` it is not sent",
                        "leave `trigger` at `direct` for these phones",
                    ),
                );
            }
        }
    }
}

/// As its author wrote it.
fn called(trigger: &Trigger) -> &str {
    match &trigger.way {
        Way::Notify(notice) => &notice.event,
        Way::Web { path } => path,
        Way::ContactMe => "contact_me",
        Way::Poll => "poll",
    }
}

/// Ways that are known to reboot a phone without waiting for anything.
fn reboots_at_once(trigger: &Trigger) -> bool {
    let Some(notice) = trigger.notice() else {
        // Nobody documents of any web page that it waits for calls.
        return matches!(trigger.way, Way::Web { .. });
    };
    let event = notice.event.to_ascii_lowercase();
    let order =
        |body: &str| body.lines().any(|line| ["action=reset", "action=restart"].contains(&line.trim()));
    event.contains("reboot=true")
        || ["reboot_now", "restart_now", "sys-control"].contains(&event.as_str())
        || notice.body.as_ref().is_some_and(|(_, body)| order(body))
}
