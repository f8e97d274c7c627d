//! Limits for parts of the fleet.

use globset::Glob;

use super::at;
use super::town::{Desk, Town, mac, night};
use crate::domain::firmware::{Handling, Image, Part, Release, Version};
use crate::domain::phone::{CallState, Mac, Model, Tag, Vendor};
use crate::domain::policy::verdict::Gate;
use crate::domain::policy::{Action, Firmware, PerPart, Selection};
use crate::domain::rules::{FleetPace, Rules, Terms};
use crate::domain::trip::{Input, Trip};

fn per(per: PerPart, places: u32) -> Rules {
    night(places, |policy| policy.pace.per = per)
}

#[test]
fn each_site_has_its_places_and_a_full_one_blocks_nobody_else() {
    let desks = (0..30).map(|n| Desk::at_site(if n < 20 { "berlin" } else { "bonn" })).collect();
    let mut town = Town::new(per(PerPart { site: Some(2), ..PerPart::default() }, 9), desks);
    town.pass_at(-60);
    let going = town.pass_at(0);
    let in_berlin = |macs: &[Mac]| macs.iter().filter(|m| **m < mac(20)).count();
    assert_eq!((going.len(), in_berlin(&going)), (4, 2));
    let held = (0..20).find(|n| !going.contains(&mac(*n))).unwrap();
    assert_eq!(town.told(held), ["2 of 2 phones of site berlin of night are down"]);
    assert_eq!(town.run(20 * 60), 10 * 60, "two at a time through the larger site");
    assert_eq!(town.done.len(), 30);
}

#[test]
fn every_full_purse_is_named() {
    let desk = Desk { model: Some("D785"), ..Desk::at_site("berlin") };
    let desk = Desk { switch: Some("sw1".into()), tags: vec!["floor-1".into(), "loud".into()], ..desk };
    let limits = PerPart {
        site: Some(1),
        model: Some(1),
        subnet: Some(1),
        switch: Some(1),
        tag: vec![(Glob::new("floor-*").unwrap().compile_matcher(), 1)],
    };
    let mut rules = per(limits.clone(), 1);
    rules.fleet_pace = FleetPace { down_at_once: Some(1), per: limits, registrations: None };
    let mut town = Town::new(rules, vec![desk; 2]);
    assert_eq!(town.pass_at(0).len(), 1);
    let held = u32::from(town.away.contains_key(&mac(0)));
    let told = town.told(held);
    let parts = ["switch sw1", "tag floor-1", "subnet 10.0.0.0/24", "model D785", "site berlin"];
    for owner in ["night", "the whole fleet"] {
        for part in parts {
            let wanted = format!("1 of 1 phones of {part} of {owner} are down");
            assert!(told.contains(&wanted), "{wanted} in {told:?}");
        }
        assert!(told.contains(&format!("1 of 1 phones of {owner} are down")), "{told:?}");
    }
    assert_eq!(told.len(), 12);
    let back = *town.away.keys().next().unwrap();
    town.end(back, true);
    town.scheduler.drain();
    assert_eq!(town.told(held), ["sipherd is shutting down"], "with the phone all purses are free again");
}

#[test]
fn a_tag_that_matches_several_patterns_has_the_least_of_their_limits() {
    let glob = |text: &str| Glob::new(text).unwrap().compile_matcher();
    let tag = vec![(glob("floor-*"), 3), (glob("*-1"), 2), (glob("lab"), 1)];
    let desks = vec![Desk::tagged(&["floor-1"]); 5];
    let mut town = Town::new(per(PerPart { tag, ..PerPart::default() }, 9), desks);
    assert_eq!(town.pass_at(0).len(), 2);
}

#[test]
fn a_phone_keeps_the_place_of_the_network_it_left() {
    let mut town =
        Town::new(per(PerPart { subnet: Some(1), ..PerPart::default() }, 9), vec![Desk::default(); 3]);
    let gone = town.pass_at(0)[0];
    let n = (0..3).find(|n| mac(*n) == gone).unwrap();
    town.pull_out(n);
    assert_eq!(town.pass_at(1), []);
    // A reload knows no address of it any more, and a restart has only what the trip keeps.
    let rules = town.scheduler.rules().clone();
    town.scheduler.adopt(rules.clone(), &town.fleet, at(2));
    assert_eq!(town.pass_at(2), []);
    let (plan, _) = town.away[&gone].clone();
    let (mut trip, _) = Trip::begin(plan, at(0));
    trip.handle(at(0), Input::Confirmed);
    let mut again = Town::new(rules, town.desks.clone());
    again.pull_out(n);
    again.scheduler.resume(&trip);
    again.scheduler.reconcile(&again.fleet);
    again.away.clone_from(&town.away);
    assert_eq!(again.pass_at(3), []);
    again.end(gone, true);
    assert_eq!(again.pass_at(63).len(), 1);
}

#[test]
fn a_limit_that_comes_with_a_reload_counts_those_that_are_away() {
    let mut town = Town::new(night(3, |_| {}), vec![Desk::on_switch("sw1"); 6]);
    assert_eq!(town.pass_at(0).len(), 3);
    let limits = PerPart { switch: Some(3), ..PerPart::default() };
    town.scheduler.adopt(per(limits, 9), &town.fleet, at(1));
    assert_eq!(town.pass_at(1), [], "three of three");
    let back = *town.away.keys().next().unwrap();
    town.end(back, true);
    assert_eq!(town.pass_at(60).len(), 1);
}

#[test]
fn a_lost_phone_keeps_its_place_of_every_purse() {
    let limits = PerPart { switch: Some(1), ..PerPart::default() };
    let mut town = Town::new(per(limits, 9), vec![Desk::on_switch("sw1"); 3]);
    let gone = town.pass_at(0)[0];
    town.end(gone, false);
    assert_eq!(town.pass_at(10), []);
    assert!(town.scheduler.found(gone, at(20)));
    assert_eq!(town.pass_at(20).len(), 1);
}

#[test]
fn a_phone_that_moves_counts_where_it_stands_now() {
    let limits = PerPart { site: Some(1), ..PerPart::default() };
    let mut town = Town::new(per(limits, 9), vec![Desk::at_site("berlin"); 3]);
    assert_eq!(town.pass_at(0).len(), 1);
    let n = (0..3).find(|n| !town.away.contains_key(&mac(*n))).unwrap();
    town.fleet.introduce(Desk::at_site("bonn").phone(n));
    town.scheduler.touch(mac(n), at(1));
    assert_eq!(town.pass_at(1), [mac(n)]);
}

#[test]
fn jobs_take_places_of_the_fleet_and_not_of_the_policy() {
    let mut rules = per(PerPart::default(), 1);
    rules.fleet_pace.per.site = Some(2);
    let mut town = Town::new(rules, vec![Desk::at_site("berlin"); 4]);
    for n in 0..4 {
        town.ask(n, false);
    }
    assert_eq!(town.pass_at(-10).len(), 2);
    let held = (0..4).find(|n| !town.away.contains_key(&mac(*n))).unwrap();
    assert_eq!(town.told(held), ["2 of 2 phones of site berlin of the whole fleet are down"]);
    assert!(town.saw(held, Gate::Window).contains("--now"));
}

/// A policy that brings a new image, two downloads at a time.
fn updates() -> Rules {
    let mut rules = night(9, |policy| {
        policy.action = Action::Update { from: Firmware::Release("new".into()) };
        policy.select = Selection::default();
        policy.pace.downloads = Some(2);
    });
    let image = Image {
        file: "new.bin".into(),
        part: Part::Firmware,
        handling: Handling::default(),
        vendor: Vendor::SNOM,
        models: vec![Model::new("D785")],
        version: Version::parse("10.1.198").unwrap(),
        sha256: String::new(),
        size: 1,
        from_at_least: None,
        from_at_most: None,
        hardware: vec![],
    };
    rules.releases.insert("new".into(), Release { name: "new".into(), images: vec![image] });
    let terms = rules.terms.clone();
    rules.terms =
        std::sync::Arc::new(move |phone| terms(phone).map(|terms| Terms { update_boots: Some(2), ..terms }));
    rules
}

#[test]
fn a_phone_that_has_its_image_lets_the_next_one_fetch() {
    let desks = vec![Desk { model: Some("D785"), ..Desk::default() }; 4];
    let mut town = Town::new(updates(), desks);
    for n in 0..4 {
        let phone = town.fleet.get_mut(mac(n)).unwrap();
        phone.vendor = Some(Vendor::SNOM);
        phone.version = Version::parse("10.1.64").ok();
        phone.tags.insert(Tag::new("any"));
    }
    let going = town.pass_at(0);
    assert_eq!(going.len(), 2);
    let held = (0..4).find(|n| !town.away.contains_key(&mac(*n))).unwrap();
    assert_eq!(town.told(held), ["2 of 2 phones of night that wait for their image are down"]);
    town.scheduler.fetched(going[0], at(30));
    town.scheduler.fetched(going[0], at(31));
    assert_eq!(town.pass_at(31).len(), 1, "one place, however often it is told");
    town.calls(held, CallState::Idle);
    assert_eq!(town.scheduler.budgets().down_in_all(), 3, "its other places it keeps");
}
