//! Selections that mean nobody, and policies that others overrule for every phone.

use std::collections::BTreeMap;

use super::{Ground, Subject, count, versions};
use crate::config::code::Code;
use crate::domain::policy::Selection;
use crate::domain::policy::select::MacPrefix;

pub(super) fn advise(subject: &Subject<'_>, all: &[Subject<'_>], ground: &Ground<'_>) {
    if contradicts_itself(subject, &subject.policy.select, "select") {
        return;
    }
    if !ground.phones.is_empty() && subject.perhaps.is_empty() {
        nobody(subject, ground);
    } else {
        shadowed(subject, all);
    }
}

/// Records what no phone could ever match, whatever the inventory holds.
fn contradicts_itself(subject: &Subject<'_>, selection: &Selection, path: &str) -> bool {
    let mut found = false;
    for (i, range) in selection.version.iter().enumerate() {
        if let Some((a, b)) = versions::contradiction(range) {
            found = true;
            let place = match selection.version.len() {
                1 => format!("{path}.version"),
                _ => format!("{path}.version[{i}]"),
            };
            subject.warn(
                Code::NeverMatches,
                &subject.draft.places.value(&place),
                format!("no version is both `{a}` and `{b}`: this never matches"),
                "swap the two versions, or write two texts to mean either",
            );
        }
    }
    if let Some(not) = &selection.not {
        for key in left_out(selection, not) {
            found = true;
            subject.warn(
                Code::NeverMatches,
                &subject.draft.places.value(&format!("{path}.not.{key}")),
                format!("`not.{key}` leaves out all that `{key}` means: no phone is left"),
                format!("take out of `not.{key}` what `{key}` names"),
            );
        }
    }
    let alternatives = selection.any.iter().enumerate();
    let dead: Vec<bool> = alternatives
        .map(|(i, inner)| contradicts_itself(subject, inner, &format!("{path}.any[{i}]")))
        .collect();
    found || (!dead.is_empty() && dead.iter().all(|dead| *dead))
}

/// The keys of `not` that by themselves leave out all that the same key of the selection means.
fn left_out(selection: &Selection, not: &Selection) -> Vec<&'static str> {
    fn within<T>(meant: &[T], out: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
        !meant.is_empty() && meant.iter().all(|one| out.iter().any(|other| covers(other, one)))
    }
    let glob = |other: &globset::GlobMatcher, one: &globset::GlobMatcher| {
        let (other, one) = (other.glob().glob(), one.glob().glob());
        // A pattern without signs of its own is one name; of two patterns only equal ones are compared.
        other == one || other == "*" || !one.contains(['*', '?', '[', '{', '\\']) && covers_name(other, one)
    };
    let begins = |other: &MacPrefix, one: &MacPrefix| one.to_string().starts_with(&other.to_string());
    [
        ("vendor", within(&selection.vendor, &not.vendor, PartialEq::eq)),
        ("model", within(&selection.model, &not.model, glob)),
        ("hardware", within(&selection.hardware, &not.hardware, PartialEq::eq)),
        ("version", within(&selection.version, &not.version, PartialEq::eq)),
        ("site", within(&selection.site, &not.site, PartialEq::eq)),
        ("realm", within(&selection.realm, &not.realm, PartialEq::eq)),
        ("tag", within(&selection.tag, &not.tag, PartialEq::eq)),
        ("mac", within(&selection.mac, &not.mac, begins)),
        ("line", within(&selection.line, &not.line, glob)),
        ("subnet", within(&selection.subnet, &not.subnet, |other, one| other.contains(one))),
        ("pbx", within(&selection.pbx, &not.pbx, PartialEq::eq)),
        ("is", within(&selection.is, &not.is, |other, one| other.name == one.name)),
    ]
    .into_iter()
    .filter_map(|(key, all)| all.then_some(key))
    .collect()
}

fn covers_name(pattern: &str, name: &str) -> bool {
    globset::Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(name))
}

/// Says why no phone of the inventory is meant, as narrowly as can be told.
fn nobody(subject: &Subject<'_>, ground: &Ground<'_>) {
    let listed = &ground.phones;
    let select = &subject.policy.select;
    let some = |selection: &Selection| listed.iter().any(|phone| selection.holds(phone) != Some(false));
    let check = "compare it with the inventory";
    let mut said = false;
    for (key, alone) in alone(select) {
        if some(&alone) {
            continue;
        }
        said = true;
        // Of these the comparison of names has told, and of makers without a profile.
        let told = match key {
            "tag" | "site" | "mac" | "pbx" => true,
            "vendor" => select.vendor.iter().all(|vendor| ground.makers.profile(vendor).is_none()),
            _ => false,
        };
        if !told {
            let message = format!("no phone of the inventory is meant by `{key}`: this policy never acts");
            subject.warn(
                Code::NeverMatches,
                &subject.draft.places.value(&format!("select.{key}")),
                message,
                check,
            );
        }
    }
    if said {
        return;
    }
    let without_not = Selection { not: None, ..select.clone() };
    if select.not.is_some() && some(&without_not) {
        let meant = listed.iter().filter(|phone| without_not.holds(phone) != Some(false)).count();
        subject.warn(
            Code::NeverMatches,
            &subject.draft.places.key("select.not"),
            format!(
                "`not` leaves out every phone of the inventory that the other keys mean ({})",
                count(meant)
            ),
            "each key under `not` leaves out by itself",
        );
        return;
    }
    subject.warn(
        Code::NeverMatches,
        &subject.draft.places.key("select"),
        "no phone of the inventory is meant: each key matches some, and none matches all",
        "a phone must match every key; alternatives stand in one list, or under `any`",
    );
}

/// Each key of a selection by itself.
fn alone(select: &Selection) -> Vec<(&'static str, Selection)> {
    let none = Selection::default;
    let keys = [
        ("vendor", Selection { vendor: select.vendor.clone(), ..none() }, select.vendor.is_empty()),
        ("model", Selection { model: select.model.clone(), ..none() }, select.model.is_empty()),
        ("hardware", Selection { hardware: select.hardware.clone(), ..none() }, select.hardware.is_empty()),
        ("version", Selection { version: select.version.clone(), ..none() }, select.version.is_empty()),
        ("site", Selection { site: select.site.clone(), ..none() }, select.site.is_empty()),
        ("realm", Selection { realm: select.realm.clone(), ..none() }, select.realm.is_empty()),
        ("tag", Selection { tag: select.tag.clone(), ..none() }, select.tag.is_empty()),
        ("mac", Selection { mac: select.mac.clone(), ..none() }, select.mac.is_empty()),
        ("line", Selection { line: select.line.clone(), ..none() }, select.line.is_empty()),
        ("subnet", Selection { subnet: select.subnet.clone(), ..none() }, select.subnet.is_empty()),
        ("pbx", Selection { pbx: select.pbx.clone(), ..none() }, select.pbx.is_empty()),
        ("is", Selection { is: select.is.clone(), ..none() }, select.is.is_empty()),
        ("any", Selection { any: select.any.clone(), ..none() }, select.any.is_empty()),
    ];
    keys.into_iter().filter_map(|(key, alone, empty)| (!empty).then_some((key, alone))).collect()
}

/// A policy all of whose phones others decide.
fn shadowed(subject: &Subject<'_>, all: &[Subject<'_>]) {
    let overruled = subject.decided.is_empty() && !subject.meant.is_empty();
    if !overruled || subject.perhaps.len() > subject.meant.len() {
        return;
    }
    let mut by: BTreeMap<&str, usize> = BTreeMap::new();
    for other in all.iter().filter(|other| other.policy.priority > subject.policy.priority) {
        let theirs =
            subject.meant.iter().filter(|phone| other.decided.iter().any(|one| one.mac == phone.mac));
        let phones = theirs.count();
        if phones > 0 {
            by.insert(&other.policy.name, phones);
        }
    }
    let by: Vec<String> = by.iter().map(|(name, phones)| format!("`{name}` ({phones})")).collect();
    subject.warn(
        Code::Shadowed,
        &subject.draft.priority,
        format!(
            "policies of higher priority decide every phone this one selects ({}): {}",
            count(subject.meant.len()),
            by.join(", ")
        ),
        "give this policy a higher `priority`, or remove it",
    );
}
