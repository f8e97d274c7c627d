//! Whom the policies speak of: every phone of the inventory against every policy.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;

use crate::domain::phone::{Mac, Phone};
use crate::domain::policy::{Policy, Selection};

/// How many phones of a group are named.
const NAMED: usize = 3;

/// What the policies say of the inventory.
#[derive(Debug, Serialize)]
pub struct Spoken<'a> {
    /// Phones of the inventory.
    phones: usize,
    policies: Vec<Reach<'a>>,
    /// No policy selects them.
    unselected: Vec<Group>,
    /// Several policies of equal priority select them: nothing decides.
    tied: Vec<Group>,
    /// Some policy may or may not mean them: what it asks for has not been seen yet.
    unknown: Vec<Group>,
}

/// How far one policy reaches.
#[derive(Debug, Serialize)]
struct Reach<'a> {
    name: &'a str,
    priority: i32,
    /// Phones it selects.
    selects: usize,
    /// Of them those no policy of a higher priority selects.
    decides: usize,
    /// Phones it may or may not mean.
    unknown: usize,
}

/// Phones that are alike.
#[derive(Debug, Serialize)]
struct Group {
    /// What they are alike in, for people.
    what: String,
    phones: usize,
    /// The first few.
    first: Vec<Mac>,
}

/// Groups under way, by what their phones are alike in.
#[derive(Default)]
struct Groups(BTreeMap<String, Vec<Mac>>);

impl Groups {
    fn add(&mut self, what: String, phone: &Phone) {
        self.0.entry(what).or_default().push(phone.mac);
    }

    /// The largest first.
    fn ranked(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self
            .0
            .into_iter()
            .map(|(what, mut macs)| {
                let phones = macs.len();
                macs.truncate(NAMED);
                Group { what, phones, first: macs }
            })
            .collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.phones));
        groups
    }
}

/// Asks every policy about every phone.
pub fn spoken<'a>(policies: &'a [Policy], phones: &[Phone]) -> Spoken<'a> {
    let mut reaches: Vec<Reach<'a>> = policies
        .iter()
        .map(|policy| Reach {
            name: &policy.name,
            priority: policy.priority,
            selects: 0,
            decides: 0,
            unknown: 0,
        })
        .collect();
    let (mut unselected, mut tied, mut unknown) = (Groups::default(), Groups::default(), Groups::default());
    for phone in phones {
        let answers: Vec<Option<bool>> = policies.iter().map(|policy| policy.select.holds(phone)).collect();
        let those = |wanted: Option<bool>| {
            let answers = answers.iter().enumerate();
            answers.filter(move |(_, answer)| **answer == wanted).map(|(i, _)| i)
        };
        let top = those(Some(true)).map(|i| policies[i].priority).max();
        those(Some(true)).for_each(|i| reaches[i].selects += 1);
        those(None).for_each(|i| reaches[i].unknown += 1);
        let best: Vec<usize> = those(Some(true)).filter(|i| Some(policies[*i].priority) == top).collect();
        best.iter().for_each(|i| reaches[*i].decides += 1);
        // A policy that may turn out to mean the phone matters where it would decide, or tie.
        let doubts: Vec<usize> =
            those(None).filter(|i| top.is_none_or(|top| policies[*i].priority >= top)).collect();
        if best.len() > 1 {
            tied.add(names(policies, &best), phone);
        }
        if !doubts.is_empty() {
            let mut lacking: Vec<&str> =
                doubts.iter().flat_map(|i| lacking(&policies[*i].select, phone)).collect();
            lacking.sort_unstable();
            lacking.dedup();
            unknown.add(format!("{}: no {} seen yet", names(policies, &doubts), lacking.join(", ")), phone);
        } else if best.is_empty() {
            let place = phone.site.as_ref().map_or_else(|| "no site".to_owned(), |site| format!("at {site}"));
            unselected.add(format!("{}, {place}", phone.kind()), phone);
        }
    }
    Spoken {
        phones: phones.len(),
        policies: reaches,
        unselected: unselected.ranked(),
        tied: tied.ranked(),
        unknown: unknown.ranked(),
    }
}

fn names(policies: &[Policy], which: &[usize]) -> String {
    let names: Vec<Arc<str>> = which.iter().map(|i| policies[*i].name.clone()).collect();
    names.join(" and ")
}

/// What a selection asks for and nobody knows of the phone.
fn lacking(selection: &Selection, phone: &Phone) -> Vec<&'static str> {
    let mut lacking: Vec<&str> = [
        ("maker", !selection.vendor.is_empty() && phone.vendor.is_none()),
        ("model", !selection.model.is_empty() && phone.model.is_none()),
        ("hardware", !selection.hardware.is_empty() && phone.hardware.is_none()),
        ("version", !selection.version.is_empty() && phone.version.is_none()),
        ("address", !selection.subnet.is_empty() && phone.addresses().next().is_none()),
    ]
    .into_iter()
    .filter_map(|(what, lacks)| lacks.then_some(what))
    .collect();
    let shared = selection.is.iter().map(|named| named.selection.as_ref());
    for inner in shared.chain(&selection.any).chain(selection.not.as_deref()) {
        lacking.extend(self::lacking(inner, phone));
    }
    lacking
}

impl Spoken<'_> {
    /// Writes it for people.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\nthe inventory has {}", count(self.phones))?;
        let width = self.policies.iter().map(|policy| policy.name.chars().count()).max().unwrap_or(0).max(6);
        if !self.policies.is_empty() {
            writeln!(out, "  {:width$}  PRIORITY  SELECTS  DECIDES  UNKNOWN", "POLICY")?;
        }
        for Reach { name, priority, selects, decides, unknown } in &self.policies {
            writeln!(out, "  {name:width$}  {priority:>8}  {selects:>7}  {decides:>7}  {unknown:>7}")?;
        }
        section(out, "no policy selects", &self.unselected)?;
        section(out, "policies of equal priority tie for", &self.tied)?;
        section(out, "it cannot be told yet who decides for", &self.unknown)
    }
}

fn section(out: &mut dyn Write, title: &str, groups: &[Group]) -> io::Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    let all: usize = groups.iter().map(|group| group.phones).sum();
    writeln!(out, "\n{title} {}:", count(all))?;
    for Group { what, phones, first } in groups {
        let macs: Vec<String> = first.iter().map(ToString::to_string).collect();
        let more = if *phones > first.len() { ", …" } else { "" };
        writeln!(out, "  {phones:>5}  {what}  {}{more}", macs.join(", "))?;
    }
    Ok(())
}

fn count(phones: usize) -> String {
    format!("{phones} phone{}", if phones == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::{KnownBy, Model, Site, Vendor};
    use crate::domain::policy::Action;

    fn phone(n: u8, vendor: &str, model: &str, site: Option<&str>) -> Phone {
        let mut phone = Phone::new(Mac::new([0, 4, 0x13, 0, 0, n]), KnownBy::Inventory);
        phone.vendor = Some(Vendor::new(vendor));
        phone.model = Some(Model::new(model));
        phone.site = site.map(Site::new);
        phone
    }

    fn policy(name: &str, priority: i32, words: &[&str]) -> Policy {
        let select = Selection::from_words(words).unwrap();
        Policy { priority, ..Policy::new(name, select, Action::Reboot) }
    }

    #[test]
    fn every_phone_is_accounted_for_once() {
        let mut phones: Vec<Phone> = (0..5).map(|n| phone(n, "snom", "D785", Some("berlin"))).collect();
        phones.push(phone(5, "yealink", "T54W", None));
        phones.push(phone(6, "snom", "D735", Some("bonn")));
        let policies = [
            policy("berlin", 0, &["vendor=snom", "site=berlin"]),
            policy("old", 10, &["model=D735", "version=<10.1.198"]),
            policy("snoms", 0, &["vendor=snom", "model=D785", "mac=000413000001"]),
        ];
        let spoken = spoken(&policies, &phones);
        let mut out = Vec::new();
        spoken.write(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\nthe inventory has 7 phones\n  \
             POLICY  PRIORITY  SELECTS  DECIDES  UNKNOWN\n  \
             berlin         0        5        5        0\n  \
             old           10        0        0        1\n  \
             snoms          0        1        1        0\n\
             \nno policy selects 1 phone:\n      \
             1  yealink T54W, no site  00:04:13:00:00:05\n\
             \npolicies of equal priority tie for 1 phone:\n      \
             1  berlin and snoms  00:04:13:00:00:01\n\
             \nit cannot be told yet who decides for 1 phone:\n      \
             1  old: no version seen yet  00:04:13:00:00:06\n"
        );
    }

    #[test]
    fn a_doubt_below_the_deciding_policy_is_none() {
        let policies = [policy("all", 5, &["vendor=snom"]), policy("old", 0, &["version=<10.1.198"])];
        let phones = [phone(1, "snom", "D785", None)];
        let spoken = spoken(&policies, &phones);
        assert!(spoken.unknown.is_empty() && spoken.unselected.is_empty());
        assert_eq!((spoken.policies[0].decides, spoken.policies[1].unknown), (1, 1));
    }
}
