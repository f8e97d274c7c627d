//! Expansion modules and realms: every requirement of the document is an answer with its own reason.

use super::*;
use crate::domain::check_sync::CheckSync;
use crate::domain::firmware::ModuleKind;
use crate::domain::modules::{KeptUrl, ModulePower, ModuleTerms, ModuleUrls, Modules, NotCleared};
use crate::domain::phone::Realm;
use crate::domain::rules::Special;

fn module(kind: ModuleKind, file: &str, runs: &str) -> Image {
    Image {
        file: file.into(),
        vendor: Vendor::SNOM,
        models: vec![],
        version: version(runs),
        sha256: String::new(),
        size: 1,
        from_at_least: None,
        from_at_most: None,
        hardware: vec![],
        handling: crate::domain::firmware::Handling::default(),
        part: kind.into(),
    }
}

/// Terms of a phone with a port, and what its settings files say.
fn special(has_port: bool, update_policy: Option<&str>) -> Special {
    let (least_uxm, least_d7c) = (version("8.9.3.68"), version("10.1.64.14"));
    let modules = ModuleTerms { has_port, least_uxm, least_d7c, urls: ModuleUrls::Changing };
    Special {
        modules: Some(modules),
        update_policy: update_policy.map(Into::into),
        check_sync: CheckSync::Follows,
    }
}

fn with(special: Special) -> crate::domain::rules::TermsOf {
    Arc::new(move |_| Some(Terms { special: special.clone(), ..terms() }))
}

fn attached(count: u8, runs: Option<&str>, since: i64) -> Option<Box<Modules>> {
    let told = Modules::told(None, count, Some(ModuleKind::Uxm), runs.map(version), at(since));
    Some(Box::new(told))
}

/// A phone with one UXM on USB power, whose module may be updated.
fn world() -> World {
    let mut world = World::new();
    world.fleet.watch(PbxName::new("pbx1"), TimeDelta::days(30));
    world.rules.policies[0].action = Action::ModuleUpdate { from: Firmware::Release("uxm".into()) };
    let images = vec![module(ModuleKind::Uxm, "snomUXM-2.1.1.bin", "2.1.1")];
    world.rules.releases.insert("uxm".into(), Release { name: "uxm".into(), images });
    world.rules.terms = with(special(true, None));
    world.phone().modules = attached(1, Some("2.0.7"), 0);
    world.phone().module_power = Some(ModulePower::Usb);
    world
}

#[test]
fn a_phone_that_meets_every_requirement_goes_and_its_module_is_the_target() {
    let judged = world().judge(700);
    assert!(judged.verdict.is_go(), "{:?}", judged.verdict);
    let Some(Goal::Module { release, file, target }) = judged.order.map(|order| order.goal) else { panic!() };
    assert_eq!((&*release, file.as_str(), target), ("uxm", "snomUXM-2.1.1.bin", version("2.1.1")));
}

#[test]
fn every_requirement_of_the_document_has_its_own_reason() {
    type Change = fn(&mut World);
    let cases: [(Change, &str); 13] = [
        (|w| w.rules.terms = with(special(false, None)), "module-no-port"),
        (|w| w.phone().version = Some(version("8.9.3.67")), "module-firmware"),
        (|w| w.phone().version = None, "module-firmware"),
        (|w| w.phone().modules = None, "module-untold"),
        (|w| w.phone().modules = attached(0, None, 0), "module-count"),
        (|w| w.phone().modules = attached(2, None, 0), "module-count"),
        (|w| w.phone().modules = attached(1, Some("2.0.7"), 695), "module-settles"),
        (|w| w.phone().module_power = Some(ModulePower::External), "module-powered"),
        (|w| w.phone().module_power = None, "module-power-untold"),
        (|w| w.rules.terms = with(special(true, Some("never_update"))), "update-policy"),
        (|w| w.rules.terms = with(special(true, Some("settings_only"))), "update-policy"),
        (|w| w.rules.terms = with(special(true, Some("something"))), "update-policy"),
        (|w| w.phone().modules = attached(1, Some("2.1.1"), 0), "already-current"),
    ];
    for (change, slug) in cases {
        let mut world = world();
        change(&mut world);
        assert_eq!(world.slugs(700), [slug]);
    }
    let mut world = world();
    world.rules.terms = with(special(true, Some("ask_for_update")));
    assert!(world.judge(700).verdict.is_go(), "the document names never_update and settings_only alone");
    world.rules.releases.clear();
    assert_eq!(world.slugs(700), ["no-image"]);
    world.rules.terms = Arc::new(|_| Some(terms()));
    assert_eq!(world.slugs(700), ["no-profile"], "another maker's phone");
}

#[test]
fn where_all_orders_have_one_url_the_phone_must_be_known_to_keep_none() {
    let mut world = world();
    let mut terms = special(true, None);
    terms.modules.as_mut().unwrap().urls = ModuleUrls::Cleared;
    world.rules.terms = with(terms);
    let keeps = |world: &mut World, url| world.phone().modules.as_mut().unwrap().kept_url = url;
    let told =
        |world: &mut World| world.judge(700).verdict.reasons().map(ToString::to_string).collect::<Vec<_>>();
    // A plan takes for granted that it is cleared in time; at night nobody does.
    assert_eq!(world.slugs(700), [""; 0]);
    world.live = Some(Default::default());
    world.phone().modules = attached(1, Some("2.0.7"), 600);
    assert_eq!(
        told(&mut world),
        ["it may have written this URL already: its `firmware_uxm` is cleared first"]
    );
    keeps(&mut world, KeptUrl::Cleared);
    assert_eq!(world.slugs(700), [""; 0]);
    for (why, words) in [
        (NotCleared::NoCredentials, "its web server asks for a password and `[web]` has none for it"),
        (NotCleared::Refused { status: 401 }, "its web server refuses the password (401)"),
        (NotCleared::Refused { status: 404 }, "its web server answered with 404"),
        (NotCleared::NoAnswer, "its web server did not answer"),
    ] {
        keeps(&mut world, KeptUrl::Stays { why, tried: at(690) });
        assert_eq!(world.slugs(700), ["module-url"]);
        assert!(told(&mut world)[0].ends_with(words), "{:?}", told(&mut world));
    }
    // Nor does a plan take for granted that what failed will work.
    world.live = None;
    assert_eq!(world.slugs(700), ["module-url"]);
    world.rules.terms = with(special(true, None));
    assert_eq!(world.slugs(700), [""; 0], "every order has a URL of its own");
}

#[test]
fn a_d7c_needs_a_newer_phone_and_an_image_of_its_kind() {
    let mut world = world();
    let images = vec![
        module(ModuleKind::Uxm, "snomUXM-2.1.1.bin", "2.1.1"),
        module(ModuleKind::D7c, "snomD7C-1.0.2-r.bin", "1.0.2"),
    ];
    world.rules.releases.insert("uxm".into(), Release { name: "uxm".into(), images });
    let told = Modules::told(None, 1, Some(ModuleKind::D7c), None, at(0));
    world.phone().modules = Some(Box::new(told));
    world.phone().version = Some(version("10.1.64.13"));
    assert_eq!(world.slugs(700), ["module-firmware"]);
    world.phone().version = Some(version("10.1.64.14"));
    let Some(Goal::Module { file, .. }) = world.judge(700).order.map(|order| order.goal) else { panic!() };
    assert_eq!(file, "snomD7C-1.0.2-r.bin");
    world.phone().modules = Some(Box::new(Modules::told(None, 1, None, None, at(0))));
    assert_eq!(world.slugs(700), ["no-image"], "it may be either, and nobody guesses");
}

#[test]
fn a_module_just_plugged_in_is_waited_for_and_what_was_seen_long_ago_is_forgotten() {
    let mut world = world();
    world.phone().modules = attached(1, Some("2.0.7"), 695);
    let judged = world.judge(700);
    assert_eq!(judged.next_change(), Some(at(705)));
    assert_eq!(world.slugs(705), [""; 0]);
    world.live = Some(Default::default());
    assert_eq!(world.slugs(705), [""; 0]);
    assert!(world.slugs(695 + 3_601).contains(&"module-untold"));
}

#[test]
fn firmware_that_the_settings_files_forbid_is_not_offered() {
    let mut world = world();
    world.rules.policies[0].action = Action::Update { from: Firmware::Release("new".into()) };
    for (value, held) in [
        ("never_update", true),
        ("settings_only", true),
        ("ask_for_update", true),
        ("something", true),
        ("auto_update", false),
    ] {
        world.rules.terms = with(special(true, Some(value).filter(|value| *value != "auto_update")));
        assert_eq!(world.slugs(700).contains(&"update-policy"), held, "{value}");
    }
}

#[test]
fn a_phone_that_any_check_sync_wipes_is_held_where_no_other_way_is_left() {
    let mut world = world();
    world.rules.policies[0].action = Action::Resync;
    let wiped = Special { check_sync: CheckSync::Destroys, ..Special::default() };
    let turned = Special { check_sync: CheckSync::Reboots, ..Special::default() };
    let left = |special: &Special, triggers: Vec<Trigger>| -> crate::domain::rules::TermsOf {
        let special = special.clone();
        Arc::new(move |_| {
            let (special, triggers) = (special.clone(), triggers.clone());
            Some(Terms { special, triggers, resync: vec![], ..terms() })
        })
    };
    world.rules.terms = left(&wiped, vec![Trigger::waiting("reboot")]);
    assert_eq!(world.slugs(700), ["wiped-by-check-sync"]);
    world.rules.policies[0].action = Action::Reboot;
    assert!(world.judge(700).verdict.is_go(), "a reboot is no check-sync");
    world.rules.terms = left(&wiped, vec![]);
    assert_eq!(world.slugs(700), ["wiped-by-check-sync"]);
    world.rules.policies[0].action = Action::Resync;
    world.rules.terms = left(&turned, vec![Trigger::waiting("reboot")]);
    assert_eq!(world.slugs(700), ["check-sync-does-other"]);
    let told = "by the settings files any check-sync does `reboot`, and nothing else asks it";
    assert_eq!(world.judge(700).verdict.reasons().next().unwrap().to_string(), told);
}

#[test]
fn a_snom_that_is_asked_by_its_polls_alone_cannot_be_told_to_reboot() {
    let mut world = world();
    world.rules.terms = Arc::new(|_| {
        let triggers = vec![crate::domain::trip::Way::Poll.into()];
        Some(Terms { special: special(true, None), triggers, ..terms() })
    });
    world.rules.policies[0].action = Action::Reboot;
    assert_eq!(world.slugs(700), ["no-profile"]);
    world.rules.policies[0].action = Action::Update { from: Firmware::Release("new".into()) };
    assert_eq!(world.slugs(700), [""; 0]);
}

#[test]
fn a_phone_moves_to_the_realm_of_the_policy_or_of_the_inventory() {
    let mut world = world();
    let berlin = Realm::new("berlin");
    world.rules.realms = [(berlin.clone(), true), (Realm::new("away"), false)].into();
    world.rules.policies[0].action = Action::Move { realm: None };
    assert_eq!(world.slugs(700), ["realm-no-home"]);
    world.phone().home = Some(Realm::new("bonn"));
    assert_eq!(world.slugs(700), ["realm-unknown"]);
    world.phone().home = Some(berlin.clone());
    let goal = world.judge(700).order.map(|order| order.goal);
    assert_eq!(goal, Some(Goal::Move { realm: berlin.clone(), here: true }));
    world.phone().realm = Some(berlin);
    assert_eq!(world.slugs(700), ["realm-already-there"]);
    world.rules.policies[0].action = Action::Move { realm: Some(Realm::new("away")) };
    let goal = world.judge(700).order.map(|order| order.goal);
    assert_eq!(goal, Some(Goal::Move { realm: Realm::new("away"), here: false }));
}

#[test]
fn a_phone_in_a_realm_of_another_setting_server_is_not_sent_for_firmware_it_would_never_ask_for() {
    let mut world = world();
    world.rules.policies[0].action = Action::Update { from: Firmware::Release("new".into()) };
    let (bonn, berlin) = (Realm::new("bonn"), Realm::new("berlin"));
    world.rules.realms = [(bonn.clone(), false), (berlin.clone(), true)].into();
    assert!(world.judge(700).verdict.is_go());
    for (realm, home, held) in [
        (Some(&bonn), None, true),
        (None, Some(&bonn), true),
        (Some(&berlin), Some(&bonn), false),
        (Some(&berlin), None, false),
    ] {
        (world.phone().realm, world.phone().home) = (realm.cloned(), home.cloned());
        let slugs = if held { vec!["realm-elsewhere"] } else { vec![] };
        assert_eq!(world.slugs(700), slugs, "{realm:?} {home:?}");
    }
}
