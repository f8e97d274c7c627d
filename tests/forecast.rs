//! A forecast equals the act: the same starts and the same outcomes on random fleets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod act;
mod draw;
mod modules;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sipherd::domain::firmware::{Handling, Image, Part, Release, Version};
use sipherd::domain::forecast::{Brake, Call, Fate, Setting, forecast};
use sipherd::domain::items::WantedItem;
use sipherd::domain::phone::Mac;
use sipherd::domain::policy::{Action, Firmware, IdleBy, Pace, Policy};
use sipherd::domain::rules::Terms;
use sipherd::domain::trip::{Outcome, Serves, Way};

use act::act;
use draw::{Scene, at};

/// What is compared of a trip.
type Line = (DateTime<Utc>, Option<DateTime<Utc>>, Option<Outcome>);

fn foreseen(scene: &Scene) -> BTreeMap<Mac, Vec<Line>> {
    let told = forecast(scene.setting());
    let mut all: BTreeMap<Mac, Vec<Line>> = BTreeMap::new();
    for going in told.going {
        let outcome = going.outcome.map(wordless);
        all.entry(going.mac).or_default().push((going.start, going.end, outcome));
    }
    all
}

/// What a last look saw is told in words, and those are not compared.
fn wordless(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Withdrawn { .. } => Outcome::Withdrawn { why: String::new() },
        other => other,
    }
}

#[test]
fn forecast_and_act_agree_on_a_thousand_fleets() {
    let (mut trips, mut withdrawn, mut failed, mut stayed) = (0, 0, 0, 0);
    for seed in 0..1_000 {
        let scene = Scene::drawn(seed);
        let (foreseen, acted) = (foreseen(&scene), act(&scene));
        assert_eq!(foreseen, acted, "fleet {seed}");
        let outcomes = acted.values().flatten().filter_map(|(_, _, outcome)| outcome.as_ref());
        for outcome in outcomes {
            trips += 1;
            withdrawn += usize::from(matches!(outcome, Outcome::Withdrawn { .. }));
            failed += usize::from(matches!(outcome, Outcome::Failed { .. }));
        }
        stayed += scene.phones() - acted.len();
    }
    println!("{trips} trips, {withdrawn} withdrawn, {failed} failed, {stayed} phones stayed");
    // Fleets in which nothing happens would agree as well.
    assert!(trips > 3_000 && withdrawn > 10 && stayed > 500, "{trips} {withdrawn} {stayed}");
}

#[test]
fn the_same_scene_is_told_the_same_way() {
    let scene = Scene::drawn(7);
    assert_eq!(forecast(scene.setting()), forecast(scene.setting()));
}

#[test]
fn three_places_for_ten_phones_are_what_holds_the_night_up() {
    let scene = Scene::plain(10, |policy| policy.pace = Pace::at_once(3));
    let told = forecast(scene.setting());
    assert_eq!(told.going.len(), 10);
    assert!(told.going.iter().all(|going| going.succeeds()));
    // Four rounds of one look, two seconds to leave, and a boot.
    let round = scene.usual.whole_trip(1, false);
    assert_eq!(told.ends, Some(at(0) + round * 4));
    assert_eq!(told.tightest().unwrap().by, Brake::Place { of: "night".into() });
    assert_eq!(told.staying, []);
    let away = |now| told.going.iter().filter(|g| g.start <= now && g.end.unwrap() > now).count();
    assert!((0..600).all(|second| away(at(second)) <= 3));
}

#[test]
fn a_phone_in_a_call_is_held_by_it_and_goes_after_its_quiet_time() {
    let mut scene = Scene::plain(1, |policy| policy.idle.quiet = TimeDelta::minutes(10));
    let line = scene.line(0, 0);
    scene.calls = vec![Call { line, from: at(-600), until: at(1_800) }];
    let told = forecast(scene.setting());
    assert_eq!(told.going[0].start, at(1_800 + 600));
    assert_eq!(told.held[0].by, Brake::Calls);
    assert_eq!((told.calls.calls, told.calls.phones_held), (1, 1));
}

/// A scene of phones that are asked to call their deployment service, and of these releases.
fn called_to_their_service(phones: usize, policy: impl Fn(&mut Policy), staged: Vec<Release>) -> Scene {
    let mut scene = Scene::plain(phones, policy);
    let mut rules = scene.scheduler.rules().clone();
    let before = rules.terms.clone();
    rules.terms = Arc::new(move |phone| {
        let terms = before(phone)?;
        Some(Terms { triggers: vec![Way::ContactMe.into()], serves: Serves::OnceAsked, ..terms })
    });
    rules.releases.extend(staged.into_iter().map(|release| (release.name.as_str().into(), release)));
    scene.scheduler.adopt(rules, &scene.fleet, scene.from);
    scene
}

#[test]
fn settings_are_written_without_a_boot_and_behind_a_call() {
    let items = [WantedItem { name: "skin".into(), index: None, value: "1".into() }];
    let policy = |policy: &mut Policy| {
        policy.action = Action::Write { items: items.clone().into() };
        policy.idle.by = IdleBy::Phone;
    };
    let mut scene = called_to_their_service(2, policy, vec![]);
    let line = scene.line(1, 0);
    scene.calls = vec![Call { line, from: at(-600), until: at(1_800) }];
    let told = forecast(scene.setting());
    let mut took: Vec<_> =
        told.going.iter().map(|going| (going.end.unwrap(), going.outcome.clone())).collect();
    took.sort_by_key(|(end, _)| *end);
    let written = Some(Outcome::Written { changed: 0 });
    let soon = at(0) + scene.usual.look + scene.usual.leave;
    assert_eq!(took, [(soon, written.clone()), (at(1_800), written)]);
    assert_eq!((told.calls.missed, told.calls.cut), (0, 0), "nobody goes down");
}

#[test]
fn files_are_fetched_once_without_a_boot() {
    let phone = Scene::plain(1, |_| ()).fleet.iter().next().unwrap().clone();
    let logo = Image {
        file: "logo.png".into(),
        part: Part::Logo,
        vendor: phone.vendor.clone().unwrap(),
        models: vec![phone.model.clone().unwrap()],
        version: Version::none(),
        sha256: "ab".into(),
        size: 1,
        from_at_least: None,
        from_at_most: None,
        hardware: vec![],
        handling: Handling::default(),
    };
    let staged = vec![Release { name: "logos".into(), images: vec![logo] }];
    let policy =
        |policy: &mut Policy| policy.action = Action::Files { from: Firmware::Release("logos".into()) };
    let scene = called_to_their_service(1, policy, staged);
    let told = forecast(scene.setting());
    let took: Vec<_> = told.going.iter().map(|going| (going.end.unwrap(), going.outcome.clone())).collect();
    let end = at(0) + scene.usual.look + scene.usual.leave + scene.usual.fetch;
    assert_eq!(took, [(end, Some(Outcome::Deployed))], "and not once more in all the hours that follow");
    assert_eq!((told.calls.missed, told.ends), (0, Some(end)));
}

#[test]
fn a_call_for_a_phone_that_is_down_is_counted_and_holds_nobody() {
    let mut scene = Scene::plain(1, |_| ());
    let line = scene.line(0, 0);
    scene.calls = vec![Call { line, from: at(30), until: at(90_000) }];
    let told = forecast(scene.setting());
    assert_eq!((told.calls.missed, told.calls.cut), (1, 0));
    assert!(told.going[0].succeeds());
}

#[test]
fn a_call_of_now_ends_when_it_is_said_to_or_never() {
    let mut scene = Scene::plain(1, |policy| policy.idle.quiet = TimeDelta::zero());
    let line = scene.line(0, 0);
    scene.fleet.calls(line, sipherd::domain::phone::CallState::Talking, at(-3_600));
    let mut setting = scene.setting();
    setting.calls_last = Some(TimeDelta::hours(2));
    assert_eq!(forecast(setting).going[0].start, scene.from + TimeDelta::hours(2));
    let told = forecast(scene.setting());
    assert_eq!(told.going, []);
    assert_eq!(told.staying[0].fate, Fate::Later);
    assert!(told.ends.is_none());
}

#[test]
fn a_trip_under_way_goes_on_from_where_it_is() {
    let scene = Scene::plain(2, |policy| policy.pace = Pace::at_once(1));
    let whole = forecast(scene.setting());
    let (mut setting, open) = act::broken_off(&scene, at(20));
    assert_eq!(open, 1);
    setting.until = scene.until;
    let rest = forecast(setting);
    assert_eq!(rest.going.len(), 2);
    assert_eq!(rest.going.last().unwrap().end, whole.going.last().unwrap().end);
}

#[test]
fn what_is_up_to_date_has_nothing_to_do_and_what_has_no_image_never_goes() {
    let update = |policy: &mut sipherd::domain::policy::Policy| {
        policy.action = Action::Update { from: sipherd::domain::policy::Firmware::Release("spring".into()) };
    };
    let scene = Scene::plain(2, update);
    let told = forecast(Setting { ..scene.setting() });
    assert!(told.going.is_empty());
    assert!(told.staying.iter().all(|staying| staying.fate == Fate::Never), "{:?}", told.staying);
    assert_eq!(told.held, []);
}
