//! Phones that are to read their settings anew, and phones that wait for their calls.

use super::*;

fn settings(own: bool) -> Input {
    Input::BootRequest { version: None, idle: true, own }
}

#[test]
fn a_phone_that_reads_its_settings_is_resynced() {
    // Before its answer, after it, in a call: the request alone counts.
    for inputs in [
        vec![(1, settings(true))],
        vec![(1, answered(200)), (2, settings(true))],
        vec![(1, answered(200)), (2, Input::BootRequest { version: None, idle: false, own: true })],
        vec![(32, Input::NoAnswer), (100, settings(true))],
    ] {
        assert_eq!(asked(Goal::Resync, inputs).outcome(), Some(&Outcome::Resynced));
    }
    let mut trip = asked(Goal::Resync, vec![]);
    assert!(trip.handle(at(1), settings(true)).contains(&Output::StopResending));
}

#[test]
fn a_request_before_the_order_or_from_elsewhere_proves_nothing() {
    let early = trip(Goal::Resync, vec![(1, settings(true))]);
    assert!(matches!(early.outcome(), Some(Outcome::Withdrawn { .. })));
    let mut elsewhere = asked(Goal::Resync, vec![(1, answered(200)), (20, settings(false))]);
    assert_eq!(elsewhere.state(), &State::Accepted { sure: true });
    elsewhere.handle(at(190), late());
    assert_eq!(failure(&elsewhere), Some(&Failure::NeverAsked));
}

#[test]
fn a_phone_that_reboots_instead_ends_well_when_it_is_back() {
    let sign = || Input::Gone { line: line("2117") };
    let mut trip = asked(Goal::Resync, vec![(1, answered(200)), (5, sign())]);
    assert_eq!(trip.state(), &State::Away);
    trip.handle(at(60), boot_request("10.1.64"));
    assert_eq!((trip.state(), trip.offer()), (&State::Away, None), "no image was ordered");
    trip.handle(at(70), registered("2117", "second", "10.1.64"));
    assert_eq!(trip.outcome(), Some(&Outcome::Rebooted));
    let lost = asked(Goal::Resync, vec![(1, answered(200)), (5, sign()), (900, late())]);
    assert!(matches!(failure(&lost), Some(Failure::NeverReturned { .. })));
}

#[test]
fn a_resync_that_nobody_saw_fails_and_says_what_to_do() {
    let silent = asked(Goal::Resync, vec![(32, Input::NoAnswer), (300, late())]);
    assert_eq!(failure(&silent), Some(&Failure::NoAnswer));
    let deaf = asked(Goal::Resync, vec![(1, answered(200)), (181, late())]);
    let failure = failure(&deaf).unwrap();
    assert_eq!((failure, failure.is_retryable()), (&Failure::NeverAsked, true));
    assert!(failure.advice().starts_with("point the phone's setting server to this depot"));
}

#[test]
fn who_may_wait_is_waited_for_as_long_as_who_promises_it() {
    let mut plan = plan(Goal::Reboot, &["2117"]);
    plan.triggers = vec![Trigger { may_wait: true, ..Trigger::event("reboot") }];
    let (mut trip, _) = Trip::begin(plan, at(0));
    for (second, input) in [(0, Input::Confirmed), (1, answered(200))] {
        trip.handle(at(second), input);
    }
    trip.handle(at(190), Input::Tick { busy: true });
    assert_eq!(trip.state(), &State::Accepted { sure: true });
    trip.handle(at(400), Input::Tick { busy: false });
    assert_eq!(failure(&trip), Some(&Failure::NeverLeft), "its call is over");
}

#[test]
fn only_a_trigger_that_waits_is_waited_for() {
    let busy = || Input::Tick { busy: true };
    let first = asked(Goal::Reboot, vec![(1, answered(200)), (190, busy()), (400, busy())]);
    assert_eq!(first.state(), &State::Accepted { sure: true });
    let inputs = vec![(1, answered(489)), (2, Input::Confirmed), (3, answered(200)), (190, busy())];
    assert_eq!(
        failure(&asked(Goal::Reboot, inputs)),
        Some(&Failure::NeverLeft),
        "the fallback does not wait"
    );
}
