//! The trip, told case by case: a phone that obeys, refuses, never leaves, never returns, returns with the old version.

use chrono::{DateTime, TimeDelta, Utc};

use super::outcome::Cause;
use super::{
    Failure, Goal, Input, LastLook, LineBefore, Outcome, Output, Plan, State, Timing, Trigger, Trip,
};
use crate::domain::firmware::{Part, Version};
use crate::domain::phone::{LineId, Mac, PbxName};

mod evidence;
mod failures;
mod files;
mod modules;
mod resync;
mod talk;

const TIMING: Timing = Timing {
    answer: TimeDelta::seconds(40),
    leave: TimeDelta::minutes(3),
    leave_busy: TimeDelta::hours(4),
    boot_at_least: TimeDelta::seconds(8),
    boot: TimeDelta::minutes(3),
    fetch: TimeDelta::minutes(10),
    flash: TimeDelta::minutes(5),
    gap: TimeDelta::minutes(5),
};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
}

fn line(user: &str) -> LineId {
    LineId { pbx: PbxName::new("pbx1"), user: user.into() }
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn plan(goal: Goal, users: &[&str]) -> Plan {
    Plan {
        phone: Mac::new([0, 4, 0x13, 0, 0, 1]),
        policy: "night".into(),
        attempt: 1,
        goal,
        line: line(users[0]),
        triggers: vec![Trigger::waiting("reboot"), Trigger::event("check-sync;reboot=true")],
        look: LastLook::default(),
        serves: crate::domain::trip::Serves::default(),
        timing: TIMING,
        runs: Some(version("10.1.64")),
        lines: users
            .iter()
            .map(|user| LineBefore {
                line: line(user),
                call_id: Some("before".into()),
                expires: Some(at(600)),
                address: None,
            })
            .collect(),
    }
}

fn update() -> Goal {
    Goal::Update {
        release: "new".into(),
        file: "new.bin".into(),
        target: version("10.1.198"),
        part: Part::Firmware,
    }
}

fn registered(user: &str, call_id: &str, runs: &str) -> Input {
    Input::Registered {
        line: line(user),
        call_id: Some(call_id.into()),
        expires: Some(at(9_000)),
        version: Some(version(runs)),
    }
}

fn boot_request(runs: &str) -> Input {
    Input::BootRequest { version: Some(version(runs)), idle: true, own: true }
}

fn answered(status: u16) -> Input {
    Input::Answered { status, phrase: String::new() }
}

/// A trip after these inputs, each at its second.
fn trip(goal: Goal, inputs: Vec<(i64, Input)>) -> Trip {
    let (mut trip, first) = Trip::begin(plan(goal, &["2117"]), at(0));
    assert_eq!(first, [Output::Confirm]);
    for (second, input) in inputs {
        trip.handle(at(second), input);
    }
    trip
}

/// The same after it was confirmed and asked at second 0.
fn asked(goal: Goal, mut inputs: Vec<(i64, Input)>) -> Trip {
    inputs.insert(0, (0, Input::Confirmed));
    trip(goal, inputs)
}

fn failure(trip: &Trip) -> Option<&Failure> {
    match trip.outcome() {
        Some(Outcome::Failed { failure }) => Some(failure),
        _ => None,
    }
}

fn late() -> Input {
    Input::Tick { busy: false }
}

#[test]
fn a_snom_that_obeys_is_verified_after_two_boots() {
    let mut trip = asked(update(), vec![(1, answered(200))]);
    assert_eq!(trip.state(), &State::Accepted { sure: true });
    assert_eq!(trip.offer(), None, "nothing is offered before its own reboot was seen");
    for (second, input, state) in [
        (5, Input::Gone { line: line("2117") }, State::Away),
        (60, boot_request("10.1.64"), State::Away),
        (61, Input::Offered, State::Away),
        (62, Input::ImageBegan, State::Fetching),
        (80, Input::ImageDelivered, State::Flashing),
        (150, boot_request("10.1.198"), State::Away),
    ] {
        trip.handle(at(second), input);
        assert_eq!(trip.state(), &state, "at {second}");
    }
    assert_eq!(trip.offer(), None, "it runs the target");
    trip.handle(at(160), registered("2117", "third", "10.1.198"));
    assert_eq!(trip.outcome(), Some(&Outcome::Verified { version: version("10.1.198") }));
    assert_eq!(trip.deadline(), None);
}

#[test]
fn the_first_return_with_the_old_version_is_no_failure() {
    let mut trip = asked(update(), vec![(1, answered(200)), (40, registered("2117", "second", "10.1.64"))]);
    assert_eq!(trip.state(), &State::Back);
    assert_eq!(trip.offer().map(|(_, file)| file), Some("new.bin"));
    for (second, input) in [
        (41, boot_request("10.1.64")),
        (42, Input::Offered),
        (43, Input::ImageBegan),
        (50, Input::ImageDelivered),
        (51, Input::Gone { line: line("2117") }),
        (120, registered("2117", "third", "10.1.198")),
    ] {
        trip.handle(at(second), input);
    }
    assert!(matches!(trip.outcome(), Some(Outcome::Verified { .. })));
}

#[test]
fn all_lines_must_be_back() {
    let (mut trip, _) = Trip::begin(plan(Goal::Reboot, &["1", "2"]), at(0));
    for (second, input) in
        [(0, Input::Confirmed), (1, answered(200)), (9, registered("1", "second", "10.1.64"))]
    {
        trip.handle(at(second), input);
    }
    assert_eq!(trip.state(), &State::Away);
    trip.handle(at(200), late());
    assert_eq!(failure(&trip), Some(&Failure::NeverReturned { missing: vec![line("2")] }));
}

#[test]
fn a_phone_that_breaks_off_and_is_not_even_registered_is_lost() {
    let inputs = vec![
        (1, answered(200)),
        (2, Input::Gone { line: line("2117") }),
        (60, boot_request("10.1.64")),
        (61, Input::ImageBegan),
        (62, Input::ImageBroken),
        (700, late()),
    ];
    assert!(matches!(failure(&asked(update(), inputs)), Some(Failure::NeverReturned { .. })));
}

#[test]
fn a_notify_that_was_held_back_withdraws_and_a_late_one_changes_nothing() {
    let held = || Input::Withheld { why: "a call".into() };
    let trip = asked(update(), vec![(0, held())]);
    assert!(matches!(trip.outcome(), Some(Outcome::Withdrawn { .. })));
    assert_eq!(
        asked(update(), vec![(1, answered(200)), (2, held())]).state(),
        &State::Accepted { sure: true }
    );
}

#[test]
fn a_phone_seen_to_go_gets_no_further_copy() {
    for sign in
        [Input::Gone { line: line("2117") }, registered("2117", "second", "10.1.64"), boot_request("10.1.64")]
    {
        let mut trip = asked(update(), vec![]);
        let orders = trip.handle(at(9), sign.clone());
        assert!(orders.contains(&Output::StopResending), "{sign:?}");
        let late = trip.handle(at(10), answered(200));
        assert_eq!(late, [], "its late 200 changes nothing");
    }
}

#[test]
fn a_refused_event_falls_back_to_the_next_and_then_fails() {
    let mut trip = asked(update(), vec![]);
    let orders = trip.handle(at(1), answered(489));
    assert!(orders.contains(&Output::Confirm), "the second event is not documented to wait for a call");
    assert!(!orders.iter().any(|order| matches!(order, Output::Ask(_))));
    let orders = trip.handle(at(1), Input::Confirmed);
    assert!(orders.contains(&Output::Ask(Trigger::event("check-sync;reboot=true").way)));
    assert_eq!(trip.state(), &State::Asked { trigger: 1 });
    trip.handle(at(2), answered(489));
    assert_eq!(failure(&trip).map(Failure::slug), Some("refused"));
}

#[test]
fn a_refusal_that_another_event_would_not_change_ends_the_trip() {
    for status in [403, 480, 486, 503, 600] {
        let trip = asked(update(), vec![(1, answered(status))]);
        assert!(matches!(failure(&trip), Some(Failure::Refused { status: s, .. }) if *s == status));
    }
}

#[test]
fn silence_is_watched_and_never_answered_with_another_notify() {
    let mut trip = asked(update(), vec![]);
    let orders = trip.handle(at(32), Input::NoAnswer);
    assert!(!orders.iter().any(|order| matches!(order, Output::Ask(_))));
    assert_eq!(trip.state(), &State::Accepted { sure: false });
    trip.handle(at(300), late());
    assert_eq!(failure(&trip), Some(&Failure::NoAnswer));
}

#[test]
fn a_phone_that_accepts_and_stays_never_left() {
    let trip = asked(update(), vec![(1, answered(200)), (181, late())]);
    assert_eq!(failure(&trip), Some(&Failure::NeverLeft));
}

#[test]
fn a_phone_that_waits_for_a_call_is_waited_for_with_an_end() {
    let mut trip = asked(update(), vec![(1, answered(200))]);
    for second in [190, 400, 3_600, 14_000] {
        trip.handle(at(second), Input::Tick { busy: true });
        assert_eq!(trip.state(), &State::Accepted { sure: true }, "at {second}");
    }
    trip.handle(at(15_000), Input::Tick { busy: true });
    assert_eq!(failure(&trip), Some(&Failure::NeverLeft));
}

#[test]
fn a_phone_that_leaves_and_stays_away_never_returned() {
    let trip =
        asked(update(), vec![(1, answered(200)), (5, Input::Gone { line: line("2117") }), (186, late())]);
    assert_eq!(failure(&trip), Some(&Failure::NeverReturned { missing: vec![line("2117")] }));
}

#[test]
fn nothing_happened_names_its_likely_cause() {
    let back = |second| (second, registered("2117", "second", "10.1.64"));
    let left = |mut more: Vec<(i64, Input)>| {
        let mut inputs = vec![(1, answered(200)), (2, Input::Gone { line: line("2117") })];
        inputs.append(&mut more);
        inputs.push((900, late()));
        asked(update(), inputs)
    };
    for (trip, cause) in [
        (left(vec![back(60)]), Cause::OtherServer),
        (left(vec![(50, boot_request("10.1.64")), back(60)]), Cause::SettingsOnly),
        (left(vec![(50, boot_request("10.1.64")), (51, Input::Offered), back(60)]), Cause::NotWanted),
    ] {
        assert_eq!(failure(&trip), Some(&Failure::NothingHappened { cause }));
    }
}

#[test]
fn a_phone_that_may_have_found_nobody_there_is_tried_again() {
    let mut trip = asked(update(), vec![(1, answered(200)), (2, Input::Gone { line: line("2117") })]);
    trip.handle(at(10), Input::Restarted);
    trip.handle(at(60), registered("2117", "second", "10.1.64"));
    trip.handle(at(900), late());
    let failure = failure(&trip).unwrap();
    assert_eq!(failure, &Failure::NothingHappened { cause: Cause::NobodyThere });
    assert!(failure.is_retryable());
}

#[test]
fn a_broken_download_may_resume_and_a_lasting_one_fails() {
    let broken = || {
        let mut trip =
            asked(update(), vec![(1, answered(200)), (40, registered("2117", "second", "10.1.64"))]);
        for (second, input) in
            [(60, boot_request("10.1.64")), (61, Input::ImageBegan), (70, Input::ImageBroken)]
        {
            trip.handle(at(second), input);
        }
        trip
    };
    let mut resumed = broken();
    resumed.handle(at(75), Input::ImageBegan);
    resumed.handle(at(90), Input::ImageDelivered);
    assert_eq!(resumed.state(), &State::Flashing);
    let mut lasting = broken();
    lasting.handle(at(700), late());
    assert_eq!(failure(&lasting), Some(&Failure::DownloadBroken { breaks: 1 }));
}

#[test]
fn an_image_rejected_without_a_reboot_is_its_own_outcome() {
    let mut trip = asked(update(), vec![(1, answered(200)), (40, registered("2117", "second", "10.1.64"))]);
    for (second, input) in
        [(41, boot_request("10.1.64")), (43, Input::ImageBegan), (50, Input::ImageDelivered), (900, late())]
    {
        trip.handle(at(second), input);
    }
    assert_eq!(failure(&trip), Some(&Failure::ImageRejected));
}

#[test]
fn a_flashed_phone_with_another_version_is_wrong() {
    let mut trip = asked(update(), vec![(1, answered(200)), (5, Input::Gone { line: line("2117") })]);
    for (second, input) in [
        (60, boot_request("10.1.64")),
        (62, Input::ImageBegan),
        (80, Input::ImageDelivered),
        (150, boot_request("10.1.90")),
        (160, registered("2117", "third", "10.1.90")),
        (800, late()),
    ] {
        trip.handle(at(second), input);
    }
    assert_eq!(failure(&trip), Some(&Failure::WrongVersion { runs: version("10.1.90") }));
}

#[test]
fn the_image_is_offered_only_so_many_times() {
    let mut trip = asked(update(), vec![(1, answered(200)), (5, Input::Gone { line: line("2117") })]);
    for round in 0..10 {
        trip.handle(at(60 + round), boot_request("10.1.64"));
        if trip.offer().is_some() {
            trip.handle(at(60 + round), Input::Offered);
        }
    }
    assert_eq!(trip.offer(), None);
}

#[test]
fn a_last_look_that_finds_a_call_withdraws_without_a_notify() {
    let mut trip = trip(update(), vec![]);
    let orders = trip.handle(at(1), Input::NotIdle { why: "in a call".into() });
    assert!(matches!(trip.outcome(), Some(Outcome::Withdrawn { .. })));
    assert!(!orders.iter().any(|order| matches!(order, Output::Ask(_))));
    assert_eq!(trip.asked_at(), None);
}

#[test]
fn a_phone_that_reboots_by_itself_just_before_the_notify_is_let_be() {
    for sign in
        [Input::Gone { line: line("2117") }, registered("2117", "second", "10.1.64"), boot_request("10.1.64")]
    {
        let mut trip = trip(update(), vec![(1, sign)]);
        assert!(matches!(trip.outcome(), Some(Outcome::Withdrawn { .. })));
        assert_eq!(trip.handle(at(2), Input::Confirmed), []);
    }
}

#[test]
fn nobody_confirms_for_ever() {
    let trip = trip(update(), vec![(41, late())]);
    assert!(matches!(trip.outcome(), Some(Outcome::Withdrawn { .. })));
}

#[test]
fn after_a_restart_no_state_sends_a_second_notify() {
    let steps = [
        (0, Input::Confirmed),
        (1, answered(200)),
        (5, Input::Gone { line: line("2117") }),
        (60, boot_request("10.1.64")),
        (62, Input::ImageBegan),
        (80, Input::ImageDelivered),
        (150, boot_request("10.1.198")),
    ];
    for stop in 1..=steps.len() {
        let mut before = trip(update(), steps[..stop].to_vec());
        let kept = serde_json::to_string(&before).unwrap();
        let mut after: Trip = serde_json::from_str(&kept).unwrap();
        assert_eq!(after, before);
        let mut orders = after.handle(at(1_000), Input::Restarted);
        assert!(after.outcome().is_none(), "step {stop}");
        assert!(after.deadline().is_some_and(|deadline| deadline > at(1_000)), "full patience again");
        for (second, input) in &steps[stop..] {
            orders.extend(after.handle(at(1_000 + second), input.clone()));
        }
        orders.extend(after.handle(at(1_170), registered("2117", "third", "10.1.198")));
        assert!(!orders.iter().any(|order| matches!(order, Output::Ask(_))), "step {stop}");
        // A restart between NOTIFY and answer loses only the answer.
        assert!(matches!(after.outcome(), Some(Outcome::Verified { .. })), "step {stop}");
        before.handle(at(160), Input::Cancel);
        assert_eq!(before.outcome(), Some(&Outcome::Cancelled));
    }
}

#[test]
fn no_order_of_inputs_makes_it_panic_notify_twice_or_offer_too_early() {
    let inputs: Vec<Input> = vec![
        Input::Confirmed,
        Input::NotIdle { why: "x".into() },
        answered(200),
        answered(489),
        answered(503),
        Input::Blind,
        Input::NoAnswer,
        Input::NotSent { why: "x".into() },
        Input::Withheld { why: "x".into() },
        Input::NoCredentials { realm: "x".into() },
        Input::Gone { line: line("2117") },
        registered("2117", "other", "10.1.64"),
        registered("2117", "third", "10.1.198"),
        boot_request("10.1.64"),
        boot_request("10.1.198"),
        Input::Offered,
        Input::ImageBegan,
        Input::ImageDelivered,
        Input::ImageBroken,
        Input::Alive { version: Some(version("10.1.198")) },
        Input::Silent,
        Input::Restarted,
        Input::Tick { busy: true },
        late(),
    ];
    let mut seed = 7_u64;
    for _ in 0..20_000 {
        let (mut trip, _) = Trip::begin(plan(update(), &["2117"]), at(0));
        let (mut second, mut left, mut sent) = (0, false, 0);
        for _ in 0..14 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let input = inputs[(seed >> 33) as usize % inputs.len()].clone();
            second += i64::try_from(seed >> 54).unwrap();
            left |= matches!(input, Input::Gone { .. } | Input::Registered { .. } | Input::Silent)
                || matches!(input, Input::BootRequest { .. });
            let orders = trip.handle(at(second), input);
            sent += orders.iter().filter(|order| matches!(order, Output::Ask(_))).count();
            assert!(trip.offer().is_none() || (left && sent > 0), "{trip:?}");
            assert_eq!(trip.deadline().is_none(), trip.outcome().is_some());
        }
        assert!(sent <= 2, "one NOTIFY and one fallback at most");
    }
}
