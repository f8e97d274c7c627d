//! What policies do besides updates and reboots.

use super::*;
use crate::domain::codes::Codes;
use crate::domain::trip::{Serves, Way};

fn world(action: Action) -> World {
    let mut world = World::new();
    world.fleet.watch(PbxName::new("pbx1"), TimeDelta::days(30));
    world.rules.policies[0].action = action;
    world
}

/// The trip the phone would begin at this second, after these inputs.
pub(super) fn trip(world: &World, seconds: i64, inputs: Vec<(i64, Input)>) -> Trip {
    let order = world.judge(seconds).order.unwrap();
    let plan = Plan {
        phone: mac(),
        policy: order.policy,
        attempt: order.attempt,
        goal: order.goal,
        line: line(),
        triggers: order.triggers,
        look: order.look,
        serves: crate::domain::trip::Serves::default(),
        timing: TIMING,
        runs: None,
        lines: vec![LineBefore { line: line(), call_id: None, expires: None, address: None }],
    };
    let (mut trip, _) = Trip::begin(plan, at(seconds));
    trip.handle(at(seconds), Input::Confirmed);
    for (second, input) in inputs {
        trip.handle(at(second), input);
    }
    trip
}

#[test]
fn a_resync_policy_resyncs_once_in_each_opening() {
    let mut world = world(Action::Resync);
    let judged = world.judge(700);
    assert!(judged.verdict.is_go(), "{:?}", judged.verdict);
    let order = judged.order.unwrap();
    assert_eq!((order.goal, order.triggers), (Goal::Resync, vec![Trigger::event("check-sync;reboot=false")]));
    let asked = Input::BootRequest { version: None, idle: true, own: true };
    let back = Input::Registered { line: line(), call_id: Some("b".into()), expires: None, version: None };
    for (inputs, outcome) in [(vec![(720, asked)], Outcome::Resynced), (vec![(720, back)], Outcome::Rebooted)]
    {
        let trip = trip(&world, 700, inputs);
        assert_eq!(trip.outcome(), Some(&outcome));
        world.past.entry(mac()).or_default().last = Some(trip);
        assert_eq!(world.slugs(3_000), ["already-resynced"]);
        let told = world.judge(3_000).verdict;
        assert_eq!(
            told.reasons().next().unwrap().told_in(Berlin),
            "read its settings in this window already (22:12)"
        );
        assert_eq!(told.earliest(), Some(at(7 * 86_400)));
        assert!(world.judge(7 * 86_400 + 700).verdict.is_go(), "the next Friday it goes again");
        world.past.clear();
    }
}

#[test]
fn a_resync_that_failed_is_tried_again_and_a_reboot_is_another_matter() {
    let mut world = world(Action::Resync);
    world.rules.policies[0].retry.jitter_percent = 0;
    let late = Input::Tick { busy: false };
    let accepted = Input::Answered { status: 200, phrase: "OK".into() };
    let trip = trip(&world, 700, vec![(701, accepted), (900, late)]);
    assert_eq!(trip.outcome(), Some(&Outcome::Failed { failure: Failure::NeverAsked }));
    world.past.entry(mac()).or_default().last = Some(trip);
    assert_eq!(world.slugs(1_100), ["penalty-box"]);
    assert_eq!(world.judge(1_500).order.unwrap().attempt, 2);
    world.rules.policies[0].action = Action::Reboot;
    assert_eq!(world.judge(1_100).order.unwrap().attempt, 1);
}

#[test]
fn a_kind_without_a_documented_resync_is_held() {
    let mut world = world(Action::Resync);
    world.rules.terms = Arc::new(|_| Some(Terms { resync: vec![], ..terms() }));
    assert_eq!(world.slugs(700), ["no-profile"]);
    let text = world.judge(700).verdict.reasons().next().unwrap().told_in(Berlin);
    assert_eq!(text, "no profile for resyncs of snom D785");
}

fn polling(_: &Phone) -> Option<Terms> {
    let poll = Trigger { way: Way::Poll, waits_for_idle: true, may_wait: false };
    Some(Terms { triggers: vec![poll], resync: vec![], serves: Serves::OnceAsked, ..terms() })
}

#[test]
fn a_backup_policy_has_a_configuration_handed_in_once_in_each_opening() {
    let mut world = world(Action::Backup);
    world.rules.terms = Arc::new(polling);
    let judged = world.judge(700);
    assert!(judged.verdict.is_go(), "{:?}", judged.verdict);
    assert_eq!(judged.order.unwrap().goal, Goal::Backup);
    let called = Input::Called { version: None };
    let trip = trip(&world, 700, vec![(701, called), (701, Input::Ordered), (705, Input::HandedIn)]);
    assert_eq!(trip.outcome(), Some(&Outcome::HandedIn));
    world.past.entry(mac()).or_default().last = Some(trip);
    assert_eq!(world.slugs(3_000), ["already-handed-in"]);
    let told = world.judge(3_000).verdict;
    assert_eq!(
        told.reasons().next().unwrap().told_in(Berlin),
        "handed in its configuration in this window already (22:11)"
    );
    assert!(world.judge(7 * 86_400 + 700).verdict.is_go(), "the next Friday it goes again");
}

#[test]
fn a_backup_may_begin_late_for_nobody_reboots() {
    let mut world = world(Action::Backup);
    world.rules.terms = Arc::new(polling);
    let end = 6 * 3_600;
    assert!(world.judge(end - 60).verdict.is_go());
    assert_eq!(world.slugs(end - 30), ["too-little-left"]);
    world.rules.policies[0].action = Action::Reboot;
    assert_eq!(world.slugs(end - 60), ["too-little-left"]);
}

#[test]
fn phones_that_are_not_asked_at_their_polls_hand_nothing_in() {
    let world = world(Action::Backup);
    assert_eq!(world.slugs(700), ["no-profile"]);
    let text = world.judge(700).verdict.reasons().next().unwrap().told_in(Berlin);
    assert_eq!(text, "no profile for backups of snom D785");
}

#[test]
fn a_kind_without_a_documented_reboot_is_held_unless_it_is_to_resync() {
    let mut world = world(Action::Reboot);
    world.rules.terms = Arc::new(|_| Some(Terms { triggers: vec![], ..terms() }));
    assert_eq!(world.slugs(700), ["no-profile"]);
    let text = world.judge(700).verdict.reasons().next().unwrap().told_in(Berlin);
    assert_eq!(text, "no profile for reboots of snom D785");
    world.rules.policies[0].action = Action::Resync;
    assert!(world.judge(700).verdict.is_go());
}

#[test]
fn what_is_staged_only_is_named_and_offered_to_nobody() {
    let mut world = world(Action::Stage { from: Firmware::Release("new".into()) });
    let judged = world.judge(700);
    assert!(judged.order.is_none());
    assert_eq!(judged.verdict.reasons().map(Reason::slug).collect::<Vec<_>>(), ["staged-only"]);
    let image = judged.verdict.gates.iter().find(|gate| gate.gate == Gate::Image).unwrap();
    assert_eq!(image.saw, "new.bin", "which image it would get");
    world.phone().version = Some(version("10.1.198"));
    assert_eq!(world.slugs(700), ["already-current"]);
    world.phone().version = Some(version("10.1.64"));
    world.rules.releases.clear();
    assert_eq!(world.slugs(700), ["staged-only", "no-image"]);
}

#[test]
fn a_channel_gives_the_first_image_for_the_model() {
    let mut world = world(Action::Update { from: Firmware::Channel("stable".into()) });
    assert_eq!(world.slugs(700), ["no-image"]);
    let mut other = world.rules.releases["new"].clone();
    (other.name, other.images[0].models) = ("other".into(), vec![Model::new("D715")]);
    let mut newer = world.rules.releases["new"].clone();
    (newer.name, newer.images[0].version) = ("newer".into(), version("10.1.200"));
    world.rules.releases.extend([("other".into(), other), ("newer".into(), newer)]);
    let mut gives = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).into()).collect();
        world.rules.channels = [("stable".into(), names)].into();
        match world.judge(700).order.map(|order| order.goal) {
            Some(Goal::Update { release, .. }) => Some(release.to_string()),
            _ => None,
        }
    };
    assert_eq!(gives(&["other", "new", "newer"]).as_deref(), Some("new"));
    assert_eq!(gives(&["gone", "newer", "new"]).as_deref(), Some("newer"));
    assert_eq!(gives(&["other"]), None);
}

#[test]
fn boot_code_goes_alone_to_a_phone_that_runs_the_firmware_and_told_of_another_boot_code() {
    let mut world = world(Action::Update { from: Firmware::Release("new".into()) });
    let mut release = world.rules.releases["new"].clone();
    let firmware = release.images[0].clone();
    let boot =
        Image { file: "boot.bin".into(), part: Part::Boot, version: version("502"), ..firmware.clone() };
    let boot = Image { from_at_least: Some(version("400")), from_at_most: Some(version("600")), ..boot };
    release.images.push(boot.clone());
    let only_boot = Release { name: "boot".into(), images: vec![boot] };
    world.rules.releases.extend([("new".into(), release), ("boot".into(), only_boot)]);
    let told = |boot: &str| Some(Box::new(Codes { boot: Some(version(boot)), radio: None }));
    let goal = |world: &World| world.judge(700).order.map(|order| order.goal);
    world.phone().codes = told("501");
    assert!(matches!(goal(&world), Some(Goal::Update { part: Part::Firmware, .. })), "they come together");
    world.phone().version = Some(firmware.version.clone());
    assert!(matches!(goal(&world), Some(Goal::Update { part: Part::Boot, .. })));
    let judged = world.judge(700).verdict;
    let saw = judged.gates.iter().find(|gate| gate.gate == Gate::Current).unwrap().saw.clone();
    assert_eq!(saw, "boot code 501 → 502");
    for (boot, held) in [(told("502"), "already-current"), (None, "already-current"), (told("399"), "misfit")]
    {
        world.phone().codes = boot;
        assert_eq!(world.slugs(700), [held]);
    }
    // A downgrade ban is about the part that is brought.
    world.phone().codes = told("601");
    assert_eq!(world.slugs(700), ["misfit"]);
    world.rules.policies[0].action = Action::Update { from: Firmware::Release("boot".into()) };
    for (boot, held) in [(told("502"), "already-current"), (None, "no-image")] {
        (world.phone().version, world.phone().codes) = (Some(version("10.1.64")), boot);
        assert_eq!(world.slugs(700), [held]);
    }
    world.phone().codes = told("501");
    assert!(matches!(goal(&world), Some(Goal::Update { part: Part::Boot, .. })));
}
