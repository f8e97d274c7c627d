//! Phones whose expansion module is updated, and phones that move to another realm.

use super::*;
use crate::domain::phone::Realm;

fn module() -> Goal {
    Goal::Module { release: "uxm".into(), file: "snomUXM-2.1.1.bin".into(), target: version("2.1.1") }
}

fn berlin(here: bool) -> Goal {
    Goal::Move { realm: Realm::new("berlin"), here }
}

fn gone() -> Input {
    Input::Gone { line: line("2117") }
}

fn told(runs: &str) -> Input {
    Input::Module { version: version(runs) }
}

/// It was asked, booted, fetched the whole image and registered again.
fn fetched() -> Vec<(i64, Input)> {
    vec![
        (1, answered(200)),
        (5, gone()),
        (60, boot_request("10.1.64")),
        (61, Input::Offered),
        (62, Input::ImageBegan),
        (63, Input::ImageDelivered),
        (70, registered("2117", "after", "10.1.64")),
    ]
}

#[test]
fn a_module_is_believed_once_the_phones_page_shows_its_new_version() {
    let mut trip = asked(module(), fetched());
    assert_eq!(trip.state(), &State::Flashing);
    trip.handle(at(109), told("2.0.7"));
    assert_eq!(trip.outcome(), None, "it still shows the old one");
    trip.handle(at(119), told("2.1.1"));
    assert_eq!(trip.outcome(), Some(&Outcome::Verified { version: version("2.1.1") }));
}

#[test]
fn a_phone_that_runs_the_version_meant_for_its_module_is_offered_it_all_the_same() {
    let goal = Goal::Module { release: "uxm".into(), file: "a".into(), target: version("10.1.64") };
    let trip = asked(goal, fetched()[..3].to_vec());
    assert!(trip.offer().is_some(), "the phone's version is not the module's");
}

#[test]
fn a_module_that_keeps_its_version_and_one_nobody_can_read_fail_differently() {
    let mut inputs = fetched();
    inputs.extend([(119, told("2.0.7")), (63 + 481, late())]);
    assert_eq!(failure(&asked(module(), inputs)), Some(&Failure::WrongVersion { runs: version("2.0.7") }));
    let mut inputs = fetched();
    inputs.push((63 + 481, late()));
    let untold = Failure::NothingHappened { cause: Cause::ModuleUntold };
    assert_eq!(failure(&asked(module(), inputs)), Some(&untold));
    let mut inputs = fetched();
    inputs.truncate(6);
    inputs.push((63 + 481, late()));
    assert!(
        matches!(failure(&asked(module(), inputs)), Some(Failure::NeverReturned { .. })),
        "it never registered"
    );
}

#[test]
fn a_phone_that_leaves_the_module_alone_is_named_so() {
    let mut inputs = fetched();
    inputs.remove(5);
    inputs.remove(4);
    inputs.push((70 + 181, late()));
    let trip = asked(module(), inputs);
    assert_eq!(failure(&trip), Some(&Failure::NothingHappened { cause: Cause::NotWanted }));
}

#[test]
fn a_phone_is_sent_to_its_realm_after_its_reboot_and_has_moved_once_it_asked_there() {
    let realm = Realm::new("berlin");
    let mut trip = asked(berlin(true), vec![(1, answered(200))]);
    assert_eq!(trip.leads_to(), None, "it has not left yet");
    for (second, input) in [(5, gone()), (60, boot_request("10.1.64"))] {
        trip.handle(at(second), input);
    }
    assert_eq!((trip.leads_to(), trip.offer()), (Some(&realm), None));
    trip.handle(at(60), Input::Redirected);
    trip.handle(at(61), Input::InRealm { realm: Realm::new("bonn") });
    trip.handle(at(61), Input::InRealm { realm: realm.clone() });
    assert_eq!(trip.outcome(), None, "its line is still away");
    trip.handle(at(70), registered("2117", "after", "10.1.64"));
    assert_eq!(trip.outcome(), Some(&Outcome::Moved { realm }));
}

#[test]
fn a_phone_that_never_asks_in_its_realm_fails_and_one_sent_to_another_server_need_not_be_seen_there() {
    let sent = |here| {
        let inputs = vec![
            (1, answered(200)),
            (5, gone()),
            (60, boot_request("10.1.64")),
            (60, Input::Redirected),
            (70, registered("2117", "after", "10.1.64")),
            (70 + 181, late()),
        ];
        asked(berlin(here), inputs)
    };
    assert_eq!(failure(&sent(true)), Some(&Failure::NothingHappened { cause: Cause::NotMoved }));
    assert_eq!(sent(false).outcome(), Some(&Outcome::Moved { realm: Realm::new("berlin") }));
}
