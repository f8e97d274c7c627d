//! What to know of the makers whose phones a policy selects, and what own profiles change.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use crate::config::Checked;
use crate::domain::phone::Vendor;
use crate::domain::policy::{Policy, Selection};

/// One maker whose phones a policy selects, for machines.
#[derive(Serialize)]
pub struct Mind<'a> {
    policy: &'a str,
    vendor: &'a Vendor,
    hazards: &'a [String],
    unproven: &'a [&'static str],
}

/// What to know before these policies act.
pub fn of(checked: &Checked) -> Vec<Mind<'_>> {
    let minds = |policy| {
        selected(policy, checked).into_iter().filter_map(move |vendor| mind(policy, &vendor, checked))
    };
    checked.policies.iter().flat_map(minds).collect()
}

/// Writes what own profiles change, then what to know before the policies act.
pub fn write(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    if !checked.own_profiles.is_empty() {
        writeln!(out)?;
    }
    for own in &checked.own_profiles {
        let what = if own.new { "adds" } else { "changes" };
        writeln!(out, "{} {what} `{}`: {}", own.file.display(), own.vendor, own.keys.join(", "))?;
    }
    for mind in of(checked) {
        writeln!(out, "\nbefore {} asks phones of {}, mind:", mind.policy, mind.vendor)?;
        for hazard in mind.hazards {
            writeln!(out, "  {hazard}")?;
        }
        if !mind.unproven.is_empty() {
            writeln!(out, "  no document was found for its {}", mind.unproven.join(", "))?;
        }
    }
    Ok(())
}

fn mind<'a>(policy: &'a Policy, vendor: &Vendor, checked: &'a Checked) -> Option<Mind<'a>> {
    let maker = checked.makers.profile(vendor)?;
    let nothing = maker.hazards.is_empty() && maker.unproven.is_empty();
    (!nothing).then_some(Mind {
        policy: &policy.name,
        vendor: &maker.vendor,
        hazards: &maker.hazards,
        unproven: &maker.unproven,
    })
}

/// The makers a policy names, and those of the phones it selects in the inventory.
fn selected(policy: &Policy, checked: &Checked) -> BTreeSet<Vendor> {
    let mut vendors = BTreeSet::new();
    named(&policy.select, &mut vendors);
    let listed = checked.config.iter().flat_map(|config| &config.inventory).map(|listed| listed.phone());
    vendors.extend(listed.filter(|phone| policy.select.matches(phone)).filter_map(|phone| phone.vendor));
    vendors
}

fn named(selection: &Selection, vendors: &mut BTreeSet<Vendor>) {
    vendors.extend(selection.vendor.iter().cloned());
    for shared in &selection.is {
        named(&shared.selection, vendors);
    }
    for inner in &selection.any {
        named(inner, vendors);
    }
}
