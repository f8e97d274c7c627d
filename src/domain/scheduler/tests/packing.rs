//! How long a rollout takes against the least it can take.

use std::collections::BTreeMap;

use super::town::{Desk, TRIP, Town, cover, night};
use crate::domain::policy::{CoverageRule, PerPart, Policy, Share};

/// Places of each site, switch and model; `None` limits nothing.
#[derive(Clone, Copy, Default)]
struct Limits {
    all: u32,
    site: Option<u32>,
    switch: Option<u32>,
    model: Option<u32>,
}

/// The most rounds that any one limit asks for.
fn bound(desks: &[Desk], limits: Limits, groups: &[(&str, usize)]) -> i64 {
    let rounds = |phones: usize, places: usize| i64::try_from(phones.div_ceil(places)).unwrap();
    let mut parts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for desk in desks {
        let named = [
            (limits.site, desk.site.map(ToOwned::to_owned)),
            (limits.switch, desk.switch.clone()),
            (limits.model, desk.model.map(ToOwned::to_owned)),
        ];
        for (limit, name) in named {
            if let (Some(limit), Some(name)) = (limit, name) {
                parts.entry(name).or_insert((0, limit as usize)).0 += 1;
            }
        }
    }
    let part = parts.values().map(|(phones, places)| rounds(*phones, *places));
    let group = groups.iter().map(|(tag, spare)| {
        let members = desks.iter().filter(|desk| desk.tags.iter().any(|t| t == tag)).count();
        rounds(members, *spare)
    });
    part.chain(group).chain([rounds(desks.len(), limits.all as usize)]).max().unwrap() * TRIP
}

fn measured(name: &str, desks: Vec<Desk>, limits: Limits, groups: &[(&str, usize)]) {
    let rules = night(limits.all, |policy: &mut Policy| {
        let (site, switch, model) = (limits.site, limits.switch, limits.model);
        policy.pace.per = PerPart { site, switch, model, ..PerPart::default() };
        for (tag, spare) in groups {
            let spare = u32::try_from(*spare).unwrap();
            policy.coverage.push(cover(tag, CoverageRule::KeepUp(Share::AllBut(spare))));
        }
    });
    let (least, phones) = (bound(&desks, limits, groups), desks.len());
    let mut town = Town::new(rules, desks);
    let took = town.run(5 * 3_600);
    assert_eq!(town.done.len(), phones, "{name}: all are done");
    #[expect(clippy::cast_precision_loss, reason = "a night has few seconds")]
    let ratio = took as f64 / least as f64;
    println!("{name}: {took} s, at least {least} s, {ratio:.3}");
    assert!(ratio <= 1.05, "{name}: {took} s, at least {least} s");
}

const SITES: [&str; 6] = ["aachen", "berlin", "celle", "dresden", "essen", "fulda"];

#[test]
fn one_large_site_beside_many_small_ones() {
    let desks = (0..700).map(|n| Desk::at_site(SITES[if n < 400 { 0 } else { 1 + n % 5 }])).collect();
    measured("large site", desks, Limits { all: 35, site: Some(20), ..Limits::default() }, &[]);
}

#[test]
fn a_site_as_scarce_as_the_whole() {
    // Both the site and the whole need a hundred rounds: a place of the site left free once is lost for good.
    let desks = (0..600).map(|n| Desk::at_site(SITES[if n < 200 { 0 } else { 1 + n % 5 }])).collect();
    measured("scarce site", desks, Limits { all: 6, site: Some(2), ..Limits::default() }, &[]);
}

#[test]
fn switches_of_many_sizes_in_three_sites() {
    let mut desks = Vec::new();
    for (site, name) in SITES.into_iter().enumerate().take(3) {
        for switch in 0..12 {
            let phones = 4 + switch * 4 + site;
            let desk = Desk { switch: Some(format!("{site}-{switch}")), ..Desk::at_site(name) };
            desks.extend(vec![desk; phones]);
        }
    }
    let limits = Limits { all: 24, site: Some(10), switch: Some(2), model: None };
    measured("switches", desks, limits, &[]);
}

#[test]
fn models_across_sites() {
    const MODELS: [&str; 4] = ["D120", "D335", "D785", "D865"];
    let desks = (0_usize..600)
        .map(|n| Desk { model: Some(MODELS[(n * n) % 7 % 4]), ..Desk::at_site(SITES[n * 7 % 11 % 6]) })
        .collect();
    let limits = Limits { all: 25, site: Some(8), model: Some(10), switch: None };
    measured("models across sites", desks, limits, &[]);
}

#[test]
fn a_few_large_groups_among_many_phones() {
    let desks = (0..400).map(|n| match n {
        0..60 => Desk { tags: vec!["reception".into()], ..Desk::at_site(SITES[n % 6]) },
        60..100 => Desk { tags: vec!["support".into()], ..Desk::at_site(SITES[n % 6]) },
        _ => Desk::at_site(SITES[n % 6]),
    });
    let limits = Limits { all: 20, site: Some(6), ..Limits::default() };
    measured("groups", desks.collect(), limits, &[("reception", 3), ("support", 2)]);
}
