//! Expansion modules in a forecast.

use std::sync::Arc;

use sipherd::domain::firmware::{Image, ModuleKind, Release};
use sipherd::domain::forecast::forecast;
use sipherd::domain::modules::{ModulePower, ModuleTerms, ModuleUrls, Modules};
use sipherd::domain::policy::{Action, Firmware};
use sipherd::domain::trip::{Outcome, Serves};

use super::draw::{Scene, TIMING, at, image, mac, version};

/// Three phones with a UXM each, whose setting nobody has cleared yet.
fn scene(serves: Serves) -> Scene {
    let from = Firmware::Release("uxm".into());
    let mut scene = Scene::plain(3, |policy| policy.action = Action::ModuleUpdate { from: from.clone() });
    let mut rules = scene.scheduler.rules().clone();
    let terms = rules.terms.clone();
    rules.terms = Arc::new(move |phone| {
        let mut terms = terms(phone)?;
        let (least_uxm, least_d7c) = (version("8.9.3.68"), version("10.1.64.14"));
        let urls = ModuleUrls::Cleared;
        terms.special.modules = Some(ModuleTerms { has_port: true, least_uxm, least_d7c, urls });
        terms.serves = serves;
        Some(terms)
    });
    let part = ModuleKind::Uxm.into();
    let uxm = Image { file: "uxm".into(), part, models: vec![], version: version("2.1.1"), ..image() };
    rules.releases.insert("uxm".into(), Release { name: "uxm".into(), images: vec![uxm] });
    for n in 0..3 {
        let phone = scene.fleet.get_mut(mac(n)).unwrap();
        phone.version = Some(version("10.1.64.14"));
        phone.module_power = Some(ModulePower::Usb);
        let told = Modules::told(None, 1, Some(ModuleKind::Uxm), Some(version("2.0.7")), scene.from);
        phone.modules = Some(Box::new(told));
    }
    scene.scheduler.adopt(rules, &scene.fleet, scene.from);
    scene
}

#[test]
fn modules_are_updated_once_their_phones_are_back_and_the_plan_ends() {
    let scene = scene(Serves::AfterReboot);
    let told = forecast(scene.setting());
    let end = at(0) + scene.usual.within(&TIMING).whole_trip(1, true);
    assert_eq!(told.going.len(), 3);
    for going in &told.going {
        assert_eq!(going.outcome, Some(Outcome::Verified { version: version("2.1.1") }));
        assert_eq!((going.start, going.end), (at(0), Some(end)));
    }
    assert_eq!(told.ends, Some(end));
}

#[test]
fn a_phone_that_is_offered_the_image_at_its_poll_need_not_leave_for_its_module() {
    let scene = scene(Serves::OnceAsked);
    let told = forecast(scene.setting());
    let usual = scene.usual.within(&TIMING);
    let without_boot = usual.whole_trip(1, true) - usual.boot;
    assert_eq!(told.going.len(), 3);
    for going in &told.going {
        assert_eq!(going.outcome, Some(Outcome::Verified { version: version("2.1.1") }));
        assert_eq!(going.end.map(|end| end - going.start), Some(without_boot));
    }
}
