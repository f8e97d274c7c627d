//! What only phones with a deployment service do: settings that are written, files that are loaded.

use super::*;
use crate::domain::files::{FileNews, WantedFile};
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

/// A world whose phone is to have the logo of a release, made for this model.
fn with_logo(model: &str) -> World {
    let mut world = world(Action::Files { from: Firmware::Release("logos".into()) });
    let firmware = world.rules.releases.values().next().unwrap().images[0].clone();
    let logo = Image {
        file: "logo.png".into(),
        part: Part::Logo,
        models: vec![Model::new(model)],
        sha256: "ab".into(),
        ..firmware.clone()
    };
    // An image of the same release is no matter of its files.
    let release = Release { name: "logos".into(), images: vec![firmware, logo] };
    world.rules.releases.insert("logos".into(), release);
    world
}

#[test]
fn files_are_loaded_once_and_again_when_they_are_others() {
    let mut world = with_logo("D785");
    let judged = world.judge(700);
    assert!(judged.verdict.is_go(), "{:?}", judged.verdict);
    let file = WantedFile { name: "logo.png".into(), sha256: "ab".into() };
    let goal = Goal::Files { release: "logos".into(), files: vec![file] };
    assert_eq!(judged.order.unwrap().goal, goal);
    world.phone().files.insert("logo.png".into(), "ab".into());
    assert_eq!(world.slugs(700), ["has-files"]);
    let text = world.judge(700).verdict.reasons().next().unwrap().told_in(Berlin);
    assert_eq!(text, "has its files of release logos already");
    assert_eq!(world.slugs(7 * 86_400 + 700), ["has-files"], "not night after night");
    world.phone().files.insert("logo.png".into(), "cd".into());
    assert!(world.judge(700).verdict.is_go(), "another file of the name");
}

#[test]
fn files_that_are_not_made_for_a_phone_are_not_told_to_it() {
    let mut world = with_logo("D735");
    assert_eq!(world.slugs(700), ["no-files"]);
    world.phone().model = None;
    assert_eq!(world.slugs(700), ["misfit"]);
    let mut world = with_logo("D785");
    world.rules.terms = Arc::new(|_| Some(terms()));
    assert_eq!(world.slugs(700), ["no-profile"]);
    let text = world.judge(700).verdict.reasons().next().unwrap().told_in(Berlin);
    assert_eq!(text, "no profile for files of snom D785");
    let mut world = with_logo("D785");
    world.rules.policies[0].idle.by = IdleBy::Phone;
    assert_eq!(world.slugs(700), ["cannot-wait"], "nobody says that a phone waits with this");
}

#[test]
fn a_channel_gives_the_files_of_its_first_release_that_has_any_for_the_phone() {
    let mut world = with_logo("D785");
    let names = vec!["none".into(), "new".into(), "logos".into()];
    world.rules.channels.insert("art".into(), names);
    world.rules.policies[0].action = Action::Files { from: Firmware::Channel("art".into()) };
    let goal = world.judge(700).order.unwrap().goal;
    assert!(matches!(goal, Goal::Files { release, .. } if &*release == "logos"));
    world.rules.channels.clear();
    assert_eq!(world.slugs(700), ["no-files"]);
}

#[test]
fn a_phone_that_loads_files_needs_time_for_that_and_no_boot_and_its_failure_counts_for_ever() {
    let mut world = with_logo("D785");
    let end = 6 * 3_600;
    let needs = 40 + 10 * 60;
    assert!(world.judge(end - needs).verdict.is_go());
    assert_eq!(world.slugs(end - needs + 1), ["too-little-left"]);
    let called = Input::Called { version: None };
    let began = Input::File { news: FileNews::Began { file: "logo.png".into() } };
    let rejected = Input::Declined { why: "no".into() };
    let inputs = vec![(701, called), (701, Input::Ordered), (702, began), (703, rejected)];
    let trip = actions::trip(&world, 700, inputs);
    assert_eq!(trip.outcome(), Some(&Outcome::Failed { failure: Failure::Declined { why: "no".into() } }));
    world.rules.policies[0].retry.attempts = 1;
    world.past.entry(mac()).or_default().last = Some(trip);
    assert_eq!(world.slugs(7 * 86_400 + 700), ["no-attempts-left"]);
}
