//! Phones that ask themselves what there is to do, download first, and reboot afterwards.

use super::*;
use crate::domain::items::{ItemsFound, WantedItem};
use crate::domain::trip::{Serves, Way};

/// A phone asked in this way, which waits for its calls to end; its last look found it idle.
pub(super) fn asked_by(way: Way, goal: Goal) -> (Trip, Vec<Output>) {
    let triggers = vec![Trigger { waits_for_idle: true, ..way.into() }];
    let plan = Plan { triggers, serves: Serves::OnceAsked, ..plan(goal, &["2117"]) };
    let (mut trip, _) = Trip::begin(plan, at(0));
    let orders = trip.handle(at(0), Input::Confirmed);
    (trip, orders)
}

fn called(runs: &str) -> Input {
    Input::Called { version: Some(version(runs)) }
}

fn gone() -> Input {
    Input::Gone { line: line("2117") }
}

/// Asked, called, and told what to do at second 2.
pub(super) fn answered_and_told(trip: &mut Trip) {
    play(trip, vec![(1, answered(204)), (2, called("10.1.64")), (2, Input::Ordered)]);
}

pub(super) fn play(trip: &mut Trip, steps: Vec<(i64, Input)>) {
    for (second, input) in steps {
        trip.handle(at(second), input);
    }
}

#[test]
fn a_phone_that_polls_downloads_before_it_reboots_and_is_verified_by_its_next_poll() {
    let (mut trip, orders) = asked_by(Way::Poll, update());
    assert!(orders.contains(&Output::Ask(Way::Poll)));
    assert_eq!(trip.order(), Some(&update()), "the poll that waits is answered with it");
    assert_eq!(trip.download(), None, "nobody told it yet");
    play(&mut trip, vec![(0, Input::Ordered), (0, Input::Called { version: None })]);
    assert_eq!(trip.state(), &State::Accepted { sure: true });
    assert!(trip.download().is_some());
    play(&mut trip, vec![(1, Input::ImageBegan), (30, Input::ImageDelivered)]);
    assert_eq!(trip.state(), &State::Flashing);
    // It polls while it waits for a call to end: that is no boot.
    play(&mut trip, vec![(60, called("10.1.64"))]);
    assert_eq!((trip.state(), trip.order()), (&State::Flashing, None));
    play(&mut trip, vec![(90, gone()), (150, registered("2117", "after", "10.1.64"))]);
    assert!(trip.outcome().is_none(), "its User-Agent shows the old version still");
    play(&mut trip, vec![(200, called("10.1.198"))]);
    assert_eq!(trip.outcome(), Some(&Outcome::Verified { version: version("10.1.198") }));
}

#[test]
fn an_order_to_reboot_is_given_once_and_one_to_fetch_a_few_times() {
    let (mut trip, _) = asked_by(Way::ContactMe, Goal::Reboot);
    play(&mut trip, vec![(1, answered(204)), (2, called("10.1.64"))]);
    assert_eq!(trip.order(), Some(&Goal::Reboot));
    trip.handle(at(2), Input::Ordered);
    assert_eq!(trip.order(), None, "a second order would be a second reboot");
    let (mut trip, _) = asked_by(Way::ContactMe, update());
    for told in 1..=3 {
        assert!(trip.order().is_some(), "{told}");
        trip.handle(at(told), Input::Ordered);
    }
    assert_eq!(trip.order(), None);
}

#[test]
fn a_phone_asked_by_notify_gets_no_orders() {
    let mut trip = asked(update(), vec![(1, answered(200)), (2, called("10.1.64"))]);
    assert_eq!((trip.order(), trip.offer()), (None, None));
    trip.handle(at(3), Input::ImageBegan);
    assert_eq!(trip.state(), &State::Accepted { sure: true }, "nothing was offered, so nothing counts");
}

#[test]
fn a_busy_phone_is_waited_for_as_long_as_one_that_waits_by_itself() {
    let (mut trip, _) = asked_by(Way::ContactMe, update());
    let busy = || Input::Deferred { why: "in a call".into() };
    play(&mut trip, vec![(1, answered(204)), (2, called("10.1.64")), (2, Input::Ordered), (3, busy())]);
    assert_eq!(trip.deadline(), Some(at(3) + TIMING.leave));
    play(&mut trip, vec![(150, busy()), (200, Input::Tick { busy: false })]);
    assert!(trip.outcome().is_none());
    assert!(trip.order().is_some(), "what it put off it is told again");
    let (mut trip, _) = asked_by(Way::ContactMe, update());
    play(&mut trip, vec![(1, answered(204)), (4 * 3600 + 1, busy())]);
    assert_eq!(failure(&trip).map(Failure::slug), Some("declined"));
}

#[test]
fn a_phone_with_its_image_waits_for_its_call_to_end() {
    let (mut trip, _) = asked_by(Way::Poll, update());
    play(&mut trip, vec![(0, Input::Ordered), (1, Input::ImageBegan), (30, Input::ImageDelivered)]);
    let deadline = trip.deadline().unwrap();
    trip.handle(deadline, Input::Tick { busy: true });
    assert_eq!(trip.state(), &State::Flashing);
    let deadline = trip.deadline().unwrap();
    trip.handle(deadline, Input::Tick { busy: false });
    assert_eq!(failure(&trip), Some(&Failure::ImageRejected), "idle, and still running the old one");
}

#[test]
fn what_a_phone_says_of_its_image_is_believed_at_once() {
    let declined = || Input::Declined { why: "wrong hardware".into() };
    let (mut trip, _) = asked_by(Way::ContactMe, update());
    play(&mut trip, vec![(1, answered(204)), (2, Input::Ordered), (3, Input::ImageBegan), (9, declined())]);
    assert_eq!(failure(&trip), Some(&Failure::ImageRejected));
    let (mut trip, _) = asked_by(Way::ContactMe, Goal::Reboot);
    play(&mut trip, vec![(1, answered(204)), (2, declined())]);
    assert_eq!(failure(&trip), Some(&Failure::Declined { why: "wrong hardware".into() }));
}

#[test]
fn a_phone_that_takes_its_orders_and_fetches_nothing_is_told_of() {
    let (mut trip, _) = asked_by(Way::Poll, update());
    play(&mut trip, vec![(0, Input::Ordered), (0, Input::Called { version: None })]);
    trip.handle(at(180), Input::Tick { busy: false });
    assert_eq!(failure(&trip), Some(&Failure::NothingHappened { cause: Cause::NotFetched }));
}

#[test]
fn a_configuration_that_is_here_ends_a_backup_without_a_boot() {
    let (mut trip, _) = asked_by(Way::Poll, Goal::Backup);
    assert_eq!(trip.order(), Some(&Goal::Backup));
    play(&mut trip, vec![(0, Input::Ordered), (0, Input::Called { version: None }), (5, Input::HandedIn)]);
    assert_eq!(trip.outcome(), Some(&Outcome::HandedIn));
    assert!(!trip.may_still_boot(at(6)));
    let (mut trip, _) = asked_by(Way::Poll, Goal::Backup);
    play(&mut trip, vec![(0, Input::Called { version: None }), (180, Input::Tick { busy: false })]);
    assert_eq!(failure(&trip), Some(&Failure::NeverHandedIn));
    let (mut trip, _) = asked_by(Way::Poll, update());
    trip.handle(at(1), Input::HandedIn);
    assert!(trip.outcome().is_none(), "it was asked for something else");
}

#[test]
fn a_module_is_verified_by_what_the_phone_tells_of_it() {
    let goal = Goal::Module { release: "uxm".into(), file: "uxm.bin".into(), target: version("2.1.1") };
    let (mut trip, _) = asked_by(Way::Poll, goal);
    let told = |runs| Input::Module { version: version(runs) };
    play(&mut trip, vec![(0, Input::Ordered), (1, Input::ImageBegan), (5, Input::ImageDelivered)]);
    trip.handle(at(6), told("1.0.3"));
    assert!(trip.outcome().is_none());
    trip.handle(at(40), told("2.1.1"));
    assert_eq!(trip.outcome(), Some(&Outcome::Verified { version: version("2.1.1") }));
}

/// A trip for the code of this part alone, at the instant the phone has the whole of it.
fn with_its_code(part: Part) -> Trip {
    let goal = Goal::Update { release: "new".into(), file: "code.bin".into(), target: version("502"), part };
    let (mut trip, _) = asked_by(Way::Poll, goal);
    play(&mut trip, vec![(0, Input::Ordered), (1, Input::ImageBegan), (30, Input::ImageDelivered)]);
    trip
}

fn code(part: Part, runs: &str) -> Input {
    Input::Code { part, version: version(runs) }
}

#[test]
fn boot_code_is_proved_by_what_the_phone_tells_of_it_and_not_by_its_firmware() {
    let mut trip = with_its_code(Part::Boot);
    play(&mut trip, vec![(60, code(Part::Radio, "502")), (60, called("502")), (90, gone())]);
    play(&mut trip, vec![(150, registered("2117", "after", "502")), (200, called("502"))]);
    assert_eq!(trip.state(), &State::Back, "that is its firmware, and its radio code");
    play(&mut trip, vec![(210, code(Part::Boot, "502")), (210, called("502"))]);
    assert_eq!(trip.outcome(), Some(&Outcome::Verified { version: version("502") }));
    let mut trip = with_its_code(Part::Boot);
    play(&mut trip, vec![(90, gone()), (150, registered("2117", "after", "502"))]);
    play(&mut trip, vec![(160, code(Part::Boot, "501")), (400, Input::Tick { busy: false })]);
    assert_eq!(failure(&trip), Some(&Failure::WrongVersion { runs: version("501") }));
}

#[test]
fn radio_code_that_is_stored_does_not_count_before_a_boot() {
    let mut trip = with_its_code(Part::Radio);
    play(&mut trip, vec![(60, code(Part::Radio, "502")), (60, called("10.1.64"))]);
    assert_eq!(trip.state(), &State::Flashing);
    play(&mut trip, vec![(90, gone()), (150, registered("2117", "after", "10.1.64"))]);
    assert_eq!(trip.outcome(), Some(&Outcome::Verified { version: version("502") }));
}

#[test]
fn only_firmware_is_told_as_what_the_phone_is_to_run() {
    let of =
        |part| Goal::Update { release: "new".into(), file: "code.bin".into(), target: version("502"), part };
    assert_eq!(of(Part::Firmware).firmware(), Some(&version("502")));
    for part in Part::CODES {
        assert_eq!((of(part).firmware(), of(part).target()), (None, Some(&version("502"))), "{part}");
    }
}
fn writes() -> Goal {
    Goal::Write { items: [WantedItem { name: "skin".into(), index: Some(2), value: "1".into() }].into() }
}

#[test]
fn a_phone_that_is_to_have_settings_is_believed_by_what_it_tells_of_them() {
    let unknown = vec!["skin[2]".to_owned()];
    let differs = vec!["skin[2] is `0`, not `1`".to_owned()];
    for (found, outcome) in [
        (ItemsFound::AsWanted { written: 1 }, Outcome::Written { changed: 1 }),
        (ItemsFound::AsWanted { written: 0 }, Outcome::Written { changed: 0 }),
        (
            ItemsFound::Unknown { items: unknown.clone() },
            Outcome::Failed { failure: Failure::ItemsUnknown { items: unknown } },
        ),
        (
            ItemsFound::NotKept { items: differs.clone() },
            Outcome::Failed { failure: Failure::ItemsNotKept { items: differs } },
        ),
    ] {
        let (mut trip, _) = asked_by(Way::ContactMe, writes());
        play(&mut trip, vec![(1, answered(204)), (2, called("10.1.64"))]);
        assert_eq!(trip.order(), Some(&writes()));
        trip.handle(at(2), Input::Ordered);
        assert_eq!(trip.order(), None, "one conversation is enough");
        trip.handle(at(3), Input::Items { found });
        assert_eq!(trip.outcome(), Some(&outcome));
        assert!(!trip.may_still_boot(at(4)) || !outcome.is_good(), "no setting needs a boot");
    }
}

#[test]
fn settings_that_nobody_reads_back_are_a_failure_and_a_busy_phone_has_more_time() {
    let (mut trip, _) = asked_by(Way::ContactMe, writes());
    play(&mut trip, vec![(1, answered(204)), (2, called("10.1.64")), (2, Input::Ordered)]);
    let busy = Input::Deferred { why: "it is busy: WriteItems has to wait".into() };
    play(&mut trip, vec![(3, busy), (60, called("10.1.64"))]);
    assert_eq!(trip.order(), Some(&writes()), "it calls again once its call has ended");
    trip.handle(at(60), Input::Ordered);
    let deadline = trip.deadline().unwrap();
    trip.handle(deadline, Input::Tick { busy: false });
    assert_eq!(failure(&trip), Some(&Failure::ItemsUntold));
    let (mut trip, _) = asked_by(Way::ContactMe, writes());
    play(&mut trip, vec![(1, answered(204)), (9, gone()), (60, registered("2117", "after", "10.1.64"))]);
    assert_eq!(trip.state(), &State::Back, "it booted by itself");
    trip.handle(trip.deadline().unwrap(), Input::Tick { busy: false });
    assert_eq!(failure(&trip), Some(&Failure::ItemsUntold));
    let (mut reboot, _) = asked_by(Way::ContactMe, Goal::Reboot);
    reboot.handle(at(1), Input::Items { found: ItemsFound::AsWanted { written: 1 } });
    assert_eq!(reboot.outcome(), None, "another trip is not about settings");
}

#[test]
fn a_trip_about_settings_is_kept_whole_and_shows_no_password() {
    let item = |name: &str| WantedItem { name: name.into(), index: None, value: "hunter2".into() };
    let goal = Goal::Write { items: [item("sip-pwd"), item("skin")].into() };
    let (trip, _) = asked_by(Way::Poll, goal);
    let kept = serde_json::to_string(&trip).unwrap();
    assert_eq!(serde_json::from_str::<Trip>(&kept).unwrap(), trip);
    let shown = format!("{trip:?}");
    assert!(shown.contains("sip-pwd = \"…\", skin = \"hunter2\""), "{shown}");
}
