//! The image and the phone's hardware: what the gate says, in both branches of the customer's check, and an override.

use super::*;
use crate::domain::phone::Hardware;

/// A phone that tells this of its hardware, and an image for these levels.
fn world(told: Option<&str>, on: &[&str]) -> World {
    let mut world = World::new();
    world.fleet.get_mut(mac()).unwrap().hardware = told.map(Hardware::new);
    let release = world.rules.releases.get_mut("new").unwrap();
    release.images[0].hardware = on.iter().map(|level| Hardware::new(*level)).collect();
    let rule = |part: &str, level: &str, software: &str| Rule {
        part: Hardware::new(part),
        level: Some(Hardware::new(level)),
        software: Some(version(software)),
    };
    let rules = vec![rule("S30817-S7403-A101-00*", "1", "1.0"), rule("S30817-S7403-A101-*", "2", "10.2")];
    world.rules.levels = Arc::new(move |phone| Level::of(phone, &rules, true));
    world
}

/// The image gate's words, and whether it is open.
fn image(world: &World) -> (String, bool) {
    let gates = world.judge(700).verdict.gates;
    let answer = gates.into_iter().find(|answer| answer.gate == Gate::Image).unwrap();
    (answer.saw.clone(), answer.is_open())
}

const OLD: Option<&str> = Some("S30817-S7403-A101-003");
const NEW: Option<&str> = Some("S30817-S7403-A101-015");
const FILE: &str = "new.bin";

#[test]
fn an_image_with_levels_goes_to_phones_of_these_levels() {
    assert_eq!(image(&world(NEW, &["2", "3"])), (FILE.into(), true));
    assert_eq!(image(&world(OLD, &["2", "3"])), ("image does not run on hardware level 1".into(), false));
    let unknown = ("the phone's hardware level is not known yet".into(), false);
    assert_eq!(image(&world(None, &["2", "3"])), unknown);
}

#[test]
fn an_image_without_levels_must_not_be_older_than_what_the_phone_supports() {
    assert_eq!(image(&world(OLD, &[])), (FILE.into(), true));
    let old = "the phone's hardware needs 10.2 or newer, the image is 10.1.198";
    assert_eq!(image(&world(NEW, &[])), (old.into(), false));
    let unknown = ("the phone's oldest supported software is not known yet".into(), false);
    assert_eq!(image(&world(Some("S30817-S9999"), &[])), unknown);
}

#[test]
fn an_override_of_the_image_or_of_the_policy_is_told() {
    let passed_over = format!("{FILE}, in spite of it: image does not run on hardware level 1");
    let mut by_image = world(OLD, &["2"]);
    by_image.rules.releases.get_mut("new").unwrap().images[0].handling.overrides = true;
    assert_eq!(image(&by_image), (passed_over.clone(), true));
    let mut by_policy = world(OLD, &["2"]);
    by_policy.rules.policies[0].override_hardware = true;
    assert_eq!(image(&by_policy), (passed_over, true));
}
