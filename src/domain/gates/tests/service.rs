//! What only phones with a deployment service do: settings that are written.

use super::*;
use crate::domain::items::{ItemsFound, WantedItem};
use crate::domain::policy::IdleBy;
use crate::domain::trip::Way;

fn write(value: &str) -> Action {
    Action::Write { items: [WantedItem { name: "skin".into(), index: None, value: value.into() }].into() }
}

/// Phones that are asked in this way.
fn asked_by(way: Way) -> crate::domain::rules::TermsOf {
    Arc::new(move |_| Some(Terms { triggers: vec![way.clone().into()], ..terms() }))
}

fn world(action: Action) -> World {
    let mut world = World::new();
    world.fleet.watch(PbxName::new("pbx1"), TimeDelta::days(30));
    world.rules.policies[0].action = action;
    world.rules.terms = asked_by(Way::ContactMe);
    world
}

/// The trip the phone would make at this second, on which it tells this.
fn told(world: &World, seconds: i64, found: ItemsFound) -> Trip {
    let called = Input::Called { version: None };
    actions::trip(world, seconds, vec![(seconds + 1, called), (seconds + 5, Input::Items { found })])
}

#[test]
fn settings_are_written_once_in_each_opening_and_again_when_the_policy_says_otherwise() {
    let mut world = world(write("1"));
    let judged = world.judge(700);
    assert!(judged.verdict.is_go(), "{:?}", judged.verdict);
    let trip = told(&world, 700, ItemsFound::AsWanted { written: 0 });
    world.past.entry(mac()).or_default().last = Some(trip);
    assert_eq!(world.slugs(3_000), ["already-written"]);
    let text = world.judge(3_000).verdict.reasons().next().unwrap().told_in(Berlin);
    assert_eq!(text, "has its settings in this window already (22:11)");
    assert!(world.judge(7 * 86_400 + 700).verdict.is_go(), "the next Friday it goes again");
    world.rules.policies[0].action = write("2");
    assert!(world.judge(3_000).verdict.is_go(), "these it does not have");
}

#[test]
fn a_setting_that_is_not_kept_is_tried_once_and_another_one_at_once() {
    let mut world = world(write("1"));
    let trip = told(&world, 700, ItemsFound::NotKept { items: vec!["skin is `0`, not `1`".into()] });
    world.past.entry(mac()).or_default().last = Some(trip);
    assert_eq!(world.slugs(3_000), ["no-attempts-left"]);
    world.rules.policies[0].action = write("2");
    assert!(world.judge(3_000).verdict.is_go());
}

#[test]
fn a_phone_that_calls_no_service_has_no_items() {
    let mut world = world(write("1"));
    world.rules.terms = asked_by(Way::Poll);
    assert_eq!(world.slugs(700), ["no-profile"], "an innovaphone polls too");
    world.phone().vendor = Some(Vendor::UNIFY);
    assert!(!world.slugs(700).contains(&"no-profile"));
    world.rules.terms = Arc::new(|_| Some(terms()));
    assert_eq!(world.slugs(700), ["no-profile"]);
    let text = world.judge(700).verdict.reasons().next().unwrap().told_in(Berlin);
    assert_eq!(text, "no profile for items of unify D785");
}

#[test]
fn the_wait_for_a_call_may_be_left_to_a_phone_that_denies_what_is_written_in_it() {
    let mut world = world(write("1"));
    world.rules.policies[0].idle.by = IdleBy::Phone;
    assert!(world.judge(700).verdict.is_go());
    let end = 6 * 3_600;
    assert!(world.judge(end - 60).verdict.is_go(), "nobody reboots, so it may begin late");
    world.rules.policies[0].action = Action::Reboot;
    assert_eq!(world.slugs(700), ["cannot-wait"]);
}
