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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    /// A policy for these makers, beside own profiles.
    fn checked(vendors: &str) -> (tempfile::TempDir, Checked) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("profiles")).unwrap();
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        write(
            "sipherd.toml",
            "zone = \"Europe/Berlin\"\nprofiles = \"profiles\"\n[depot]\nurl = \"http://192.0.2.5:8480\"\n\
             [[pbx]]\nname = \"pbx1\"\nkind = \"asterisk\"\nuser = \"sipherd\"\nsecret = \"none\"\n",
        );
        let acme = "vendor = \"acme\"\nreboot = [{ event = \"check-sync\" }]\nhazards = [\"it beeps\"]\nunproven = \"reboot\"\n";
        write("profiles/acme.toml", acme);
        write("profiles/yealink.toml", "vendor = \"yealink\"\n[timing]\nboot = \"4m\"\n");
        let window = "[[window]]\ndays = \"fri\"\nfrom = \"22:00\"\nto = \"05:00\"\n";
        write("policies/night.toml", &format!("[select]\nvendor = {vendors}\n[reboot]\n{window}"));
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let checked = config::check_file(&folder.path().join("sipherd.toml"), now);
        assert!(!checked.report.has_errors(), "{}", checked.report);
        (folder, checked)
    }

    fn said(vendors: &str) -> String {
        let (folder, checked) = checked(vendors);
        let mut out = Vec::new();
        write(&checked, &mut out).unwrap();
        String::from_utf8(out).unwrap().replace(&format!("{}/", folder.path().display()), "")
    }

    const OWN: &str = "\nprofiles/acme.toml adds `acme`: hazards, reboot, unproven\n\
                       profiles/yealink.toml changes `yealink`: timing.boot\n";

    #[test]
    fn who_selects_a_maker_is_told_what_to_mind() {
        assert_eq!(
            said("\"acme\""),
            format!(
                "{OWN}\nbefore night asks phones of acme, mind:\n  it beeps\n  no document was found for its reboot\n"
            )
        );
        let other = said("[\"algo\", \"unheard-of\"]");
        assert_eq!(other, OWN, "of algo nothing is to be minded, of the other nothing known");
    }

    #[test]
    fn machines_are_told_the_same() {
        let (_folder, checked) = checked("[\"acme\", \"snom\"]");
        let json = serde_json::to_value(of(&checked)).unwrap();
        assert_eq!(json[0]["vendor"], "acme");
        assert_eq!(json[0]["hazards"][0], "it beeps");
        assert_eq!(json[1]["policy"], "night");
        assert!(json[1]["hazards"][0].as_str().unwrap().contains("factory-reset"));
    }
}
