//! Windows, blackouts, margins, turns and boots, as the gates tell them.

use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;
use crate::domain::policy::{Blackout, BlackoutDates, EVERY_DAY};

/// Two boots, the download and the flash.
const NEEDS: i64 = 21 * 60;

/// A world whose view never ages, so that only the calendar is in the way.
fn world() -> World {
    let mut world = World::new();
    world.fleet.watch(PbxName::new("pbx1"), TimeDelta::days(400));
    world
}

fn calendar(world: &mut World) -> &mut Calendar {
    &mut world.rules.policies[0].calendar
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn range(from: &str, to: &str) -> Blackout {
    Blackout::of(BlackoutDates::Range { from: day(from), to: day(to) })
}

fn gate(world: &World, seconds: i64, gate: Gate) -> GateAnswer {
    world.judge(seconds).verdict.gates.into_iter().find(|answer| answer.gate == gate).unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn a_blackout_holds_to_the_end_of_its_last_day() {
    let mut world = world();
    calendar(&mut world).blackouts =
        vec![range("2026-11-21", "2026-11-21"), range("2026-11-22", "2026-11-22")];
    // From Friday 22:00; Saturday in Berlin begins two hours later.
    assert!(world.judge(7_200 - NEEDS).verdict.is_go());
    let near = gate(&world, 7_200 - NEEDS + 1, Gate::Blackout);
    let begins = utc("2026-11-20T23:00:00Z");
    assert_eq!(near.holds, [Reason::BlackoutNear { begins, needs_seconds: NEEDS }]);
    assert_eq!(near.saw, "a blackout begins Sat 21 Nov 00:00, the phone needs 21 min");
    let until = utc("2026-11-22T23:00:00Z");
    assert_eq!(near.changes, Some(until), "two days that touch are one blackout");
    let on = gate(&world, 7_200, Gate::Blackout);
    assert_eq!(on.holds, [Reason::Blackout { until }]);
    assert_eq!(on.saw, "blackout until 2026-11-23 00:00");
    assert_eq!(on.changes, Some(until));
    assert_eq!(gate(&world, 7_200, Gate::Window).saw, "open until Sat 21 Nov 04:00", "the window stays open");
    assert_eq!(gate(&world, 0, Gate::Blackout).saw, "none before Sat 21 Nov 2026");
    assert_eq!(gate(&world, 3 * 86_400, Gate::Blackout).saw, "none");
}

#[test]
fn between_two_blackouts_there_must_be_room_for_a_trip() {
    use crate::domain::policy::{Event, Opening};
    let mut world = world();
    let event = |start: i64, end: i64| Event::Instants(Opening { start: at(start), end: at(end) });
    let events = vec![event(900, 1_000), event(1_000 + NEEDS - 1, 4_000), event(4_000 + NEEDS, 9_000)];
    calendar(&mut world).blackouts = vec![Blackout::of(BlackoutDates::Events(events))];
    assert_eq!(gate(&world, 800, Gate::Blackout).changes, Some(at(4_000)));
    assert_eq!(world.slugs(1_000), ["blackout-near"]);
    assert!(world.judge(4_000).verdict.is_go());
}

#[test]
fn a_person_who_waits_for_nothing_waits_for_no_blackout_either() {
    let mut world = world();
    calendar(&mut world).blackouts = vec![range("2026-11-01", "2026-11-30")];
    let job = AdHoc { name: "reboot-1".into(), now: false, even_in_a_call: false };
    world.jobs.insert(mac(), job.clone());
    assert_eq!(world.slugs(10), ["blackout"]);
    world.jobs.insert(mac(), AdHoc { now: true, ..job });
    assert!(world.judge(10).verdict.is_go());
    assert_eq!(gate(&world, 10, Gate::Blackout).saw, "not waited for (--now)");
}

#[test]
fn a_blackout_does_not_make_two_openings_of_one() {
    let mut world = world();
    world.rules.policies[0].action = Action::Reboot;
    calendar(&mut world).windows =
        vec![Window::weekly(vec![chrono::Weekday::Fri], NaiveTime::MIN, Lasts::For(TimeDelta::days(3)))];
    calendar(&mut world).blackouts = vec![range("2026-11-21", "2026-11-21")];
    let order = world.judge(700).order.unwrap();
    let plan = Plan {
        phone: mac(),
        policy: "night".into(),
        attempt: 1,
        goal: order.goal,
        line: line(),
        triggers: vec![Trigger::event("reboot")],
        look: order.look,
        serves: crate::domain::trip::Serves::default(),
        timing: TIMING,
        runs: None,
        lines: vec![LineBefore { line: line(), call_id: None, expires: None, address: None }],
    };
    let (mut trip, _) = Trip::begin(plan, at(700));
    trip.handle(at(700), Input::Confirmed);
    trip.handle(at(710), Input::Gone { line: line() });
    let call_id = Some("new".into());
    trip.handle(at(760), Input::Registered { line: line(), call_id, expires: None, version: None });
    world.past.entry(mac()).or_default().last = Some(trip);
    assert_eq!(world.slugs(86_400), ["already-rebooted", "blackout"]);
    assert_eq!(world.slugs(2 * 86_400), ["already-rebooted"], "Sunday belongs to the opening of Friday");
}

#[test]
fn nobody_starts_in_the_last_minutes_that_the_author_wrote_down() {
    let mut world = world();
    let six = 6 * 3_600;
    calendar(&mut world).windows[0].last_start = Some(TimeDelta::hours(1));
    assert!(world.judge(six - 3_600).verdict.is_go());
    let late = gate(&world, six - 3_599, Gate::Window);
    assert!(matches!(
        late.holds[..],
        [Reason::PastLastStart { left_seconds: 3_599, margin_seconds: 3_600, .. }]
    ));
    assert_eq!(late.saw, "window closes in 59 min, nobody starts in its last 1 h");
    assert_eq!(late.changes, Some(at(7 * 86_400)));
    // A margin shorter than the phone needs is what its author wrote.
    calendar(&mut world).windows[0].last_start = Some(TimeDelta::minutes(1));
    assert!(world.judge(six - 60).verdict.is_go());
    // Another window that closes with it and leaves it to the model asks for more.
    let also = Window::weekly(vec![chrono::Weekday::Sat], NaiveTime::MIN, Lasts::For(TimeDelta::hours(4)));
    calendar(&mut world).windows.push(also.clone());
    assert!(world.judge(six - NEEDS).verdict.is_go());
    assert_eq!(world.slugs(six - NEEDS + 1), ["too-little-left"]);
    // One that closes later decides alone, and the margin of the first says nothing any more.
    let later = Window { last_start: Some(TimeDelta::hours(2)), ..also };
    calendar(&mut world).windows[1] = Window {
        opens: Window::weekly(vec![chrono::Weekday::Sat], NaiveTime::MIN, Lasts::For(TimeDelta::hours(5)))
            .opens,
        ..later
    };
    assert!(world.judge(six - 3_600).verdict.is_go());
    assert_eq!(world.slugs(six - 3_599), ["past-last-start"]);
    // Of those that close together the greatest margin holds.
    calendar(&mut world).windows[0] = Window {
        last_start: Some(TimeDelta::hours(3)),
        ..Window::weekly(
            EVERY_DAY,
            NaiveTime::from_hms_opt(22, 0, 0).unwrap(),
            Lasts::Until(NaiveTime::from_hms_opt(5, 0, 0).unwrap()),
        )
    };
    assert!(world.judge(4 * 3_600).verdict.is_go());
    assert_eq!(world.slugs(4 * 3_600 + 1), ["past-last-start"]);
}

#[test]
fn a_phone_that_booted_by_itself_is_left_alone_for_a_while() {
    let mut world = world();
    calendar(&mut world).initial = Some(TimeDelta::minutes(10));
    assert!(world.judge(3_600).verdict.is_go(), "nobody saw it boot");
    world.phone().booted = Some(at(3_600));
    let held = gate(&world, 3_600, Gate::Window);
    assert_eq!(held.holds, [Reason::JustBooted { until: at(4_200) }]);
    assert_eq!(
        (held.saw.as_str(), held.changes),
        ("booted just now, left alone until 23:10:00", Some(at(4_200)))
    );
    assert_eq!(world.slugs(4_199), ["just-booted"]);
    assert!(world.judge(4_200).verdict.is_go());
    assert!(world.judge(3_599).verdict.is_go(), "a boot to come is none");
    world.phone().booted = Some(at(14 * 3_600));
    assert_eq!(world.slugs(14 * 3_600), ["outside-window"], "a boot opens no window");
}

#[test]
fn starts_are_spread_by_the_phone_alone() {
    let mut world = world();
    world.rules.policies[0].pace.spread = Some(TimeDelta::hours(2));
    let held = gate(&world, 0, Gate::Window);
    let [Reason::NotItsTurn { from }] = held.holds[..] else { panic!("{held:?}") };
    assert_eq!(held.changes, Some(from));
    assert!(at(0) < from && from < at(7_200));
    let turn = (from - at(0)).num_seconds();
    assert!(!gate(&world, turn, Gate::Window).is_open(), "turns are told to the millisecond");
    assert!(gate(&world, turn + 1, Gate::Window).is_open());
    // The next Friday it is as long after the opening.
    assert_eq!(gate(&world, 7 * 86_400, Gate::Window).changes, Some(from + TimeDelta::days(7)));
    // A job of a person has no turn.
    world.jobs.insert(mac(), AdHoc { name: "reboot-1".into(), now: false, even_in_a_call: false });
    assert!(world.judge(0).verdict.is_go());
}

#[test]
fn a_turn_never_comes_so_late_that_the_last_look_would_end_too_late() {
    let mut world = world();
    world.rules.policies[0].pace.spread = Some(TimeDelta::days(30));
    // Two looks of 40 s at most, and the minute after one that withdrew.
    let look = 160;
    assert_eq!(gate(&world, 0, Gate::Window).changes, Some(at(6 * 3_600 - NEEDS - look)));
    assert!(world.judge(6 * 3_600 - NEEDS - look).verdict.is_go());
    assert!(world.judge(6 * 3_600 - NEEDS).verdict.is_go());
    calendar(&mut world).windows[0].last_start = Some(TimeDelta::hours(2));
    assert_eq!(gate(&world, 0, Gate::Window).changes, Some(at(4 * 3_600 - look)));
    // An opening without that time is not made shorter by it.
    calendar(&mut world).windows[0].last_start = Some(TimeDelta::hours(6) - TimeDelta::seconds(60));
    assert!(gate(&world, 0, Gate::Window).is_open());
}

#[test]
fn a_job_waits_for_no_window_that_was_written_just_now() {
    let mut world = world();
    world.rules.policies[0].acts_from = Some(at(90));
    let job = AdHoc { name: "reboot-1".into(), now: false, even_in_a_call: false };
    world.jobs.insert(mac(), job.clone());
    assert_eq!(world.slugs(89), ["edited-lately"]);
    assert_eq!(gate(&world, 89, Gate::Selected).changes, Some(at(90)));
    assert!(world.judge(90).verdict.is_go());
    world.jobs.insert(mac(), AdHoc { now: true, ..job });
    assert!(world.judge(89).verdict.is_go(), "it waits for no window at all");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_blackout_more_never_lets_a_phone_go(
        days in proptest::collection::vec((0i64..20, 0i64..4), 0..4),
        more in (0i64..20, 0i64..4),
        last_start in proptest::option::of(0i64..300),
        spread in proptest::option::of(1i64..600),
        initial in proptest::option::of(1i64..600),
        booted in proptest::option::of(0i64..20 * 1_440),
        minutes in proptest::collection::vec(0i64..20 * 1_440, 20),
    ) {
        let dark = |(first, days): (i64, i64)| {
            let from = day("2026-11-19") + TimeDelta::days(first);
            Blackout::of(BlackoutDates::Range { from, to: from + TimeDelta::days(days) })
        };
        let mut world = world();
        let ten = NaiveTime::from_hms_opt(22, 0, 0).unwrap();
        *calendar(&mut world) = Calendar {
            windows: vec![Window {
                last_start: last_start.map(TimeDelta::minutes),
                ..Window::weekly(EVERY_DAY, ten, Lasts::For(TimeDelta::hours(6)))
            }],
            blackouts: days.into_iter().map(dark).collect(),
            initial: initial.map(TimeDelta::minutes),
        };
        world.rules.policies[0].pace.spread = spread.map(TimeDelta::minutes);
        world.phone().booted = booted.map(|minute| at(minute * 60));
        let before: Vec<bool> = minutes.iter().map(|m| world.judge(m * 60).verdict.is_go()).collect();
        calendar(&mut world).blackouts.push(dark(more));
        for (minute, went) in minutes.into_iter().zip(before) {
            let verdict = world.judge(minute * 60).verdict;
            prop_assert!(went || !verdict.is_go(), "{}", minute);
            // A gate that says when its answer changes by itself keeps it until then; a boot is an event.
            let by_time = |gate| gate == Gate::Blackout || gate == Gate::Window && booted.is_none();
            for held in verdict.gates.iter().filter(|held| by_time(held.gate)) {
                if let Some(change) = held.changes.filter(|change| *change > at(minute * 60)) {
                    let last = (change - at(0)).num_seconds() - 1;
                    prop_assert!(last < minute * 60 || !gate(&world, last, held.gate).is_open(), "{:?}", held);
                    if held.gate == Gate::Blackout {
                        prop_assert!(gate(&world, last + 1, held.gate).is_open(), "{:?}", held);
                    }
                }
            }
        }
    }
}
