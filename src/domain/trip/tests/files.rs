//! Files that are no image: fetched whole, and nothing said against them.

use super::talk::{answered_and_told, asked_by, play};
use super::*;
use crate::domain::files::{FileNews, FileStatus, WantedFile};
use crate::domain::trip::Way;

fn files(names: &[&str]) -> Goal {
    let file = |name: &&str| WantedFile { name: (*name).into(), sha256: "ab".into() };
    Goal::Files { release: "logos".into(), files: names.iter().map(file).collect() }
}

fn began(file: &str) -> Input {
    Input::File { news: FileNews::Began { file: file.into() } }
}

fn delivered(file: &str) -> Input {
    Input::File { news: FileNews::Delivered { file: file.into() } }
}

fn broken(file: &str) -> Input {
    Input::File { news: FileNews::Broken { file: file.into() } }
}

fn told(file: Option<&str>, failed: Option<&str>) -> Input {
    let status = FileStatus { file: file.map(str::to_owned), failed: failed.map(str::to_owned) };
    Input::File { news: FileNews::Told(status) }
}

/// A phone that was told to load these files at second 2.
fn loads(names: &[&str]) -> Trip {
    let (mut trip, _) = asked_by(Way::ContactMe, files(names));
    assert_eq!(trip.deploys(names[0]), None, "nobody told it yet");
    answered_and_told(&mut trip);
    trip
}

fn expire(trip: &mut Trip) {
    let deadline = trip.deadline().unwrap();
    trip.handle(deadline, Input::Tick { busy: false });
}

#[test]
fn each_file_is_fetched_whole_and_then_it_may_say_that_all_is_well() {
    let mut trip = loads(&["a.png", "b.mp3"]);
    assert_eq!(trip.deploys("a.png").map(|release| &**release), Some("logos"));
    assert_eq!(trip.deploys("c.png"), None, "another file is not its");
    play(&mut trip, vec![(3, began("a.png")), (4, delivered("a.png")), (4, told(Some("a.png"), None))]);
    assert_eq!((trip.state(), trip.has_fetched()), (&State::Fetching, false));
    play(
        &mut trip,
        vec![(5, began("b.mp3")), (6, broken("b.mp3")), (7, began("b.mp3")), (8, delivered("b.mp3"))],
    );
    assert_eq!((trip.state(), trip.has_fetched()), (&State::Flashing, true));
    play(&mut trip, vec![(9, told(Some("other.png"), Some("failed"))), (9, told(Some("b.mp3"), None))]);
    assert_eq!(trip.outcome(), Some(&Outcome::Deployed), "of another's file it may say what it likes");
    assert!(!trip.may_still_boot(at(10)));
}

#[test]
fn a_phone_that_says_nothing_has_them_once_it_could_have_spoken() {
    let mut trip = loads(&["a.png"]);
    play(&mut trip, vec![(3, began("a.png")), (4, delivered("a.png"))]);
    assert_eq!(trip.deadline(), Some(at(124)));
    expire(&mut trip);
    assert_eq!(trip.outcome(), Some(&Outcome::Deployed));
    let mut unnamed = loads(&["a.png"]);
    play(&mut unnamed, vec![(3, began("a.png")), (4, delivered("a.png")), (5, told(None, None))]);
    assert_eq!(unnamed.outcome(), Some(&Outcome::Deployed), "it can mean nothing else");
}

#[test]
fn a_word_of_a_phone_is_no_proof_and_its_no_is_believed() {
    let mut trip = loads(&["a.png"]);
    trip.handle(at(3), told(Some("a.png"), None));
    assert_eq!(trip.outcome(), None, "nobody saw it fetch anything");
    expire(&mut trip);
    assert_eq!(failure(&trip), Some(&Failure::FilesNotFetched { files: vec!["a.png".into()] }));
    for (name, why) in [(Some("b.png"), "it did not deploy b.png: failed"), (None, "failed")] {
        let mut trip = loads(&["a.png", "b.png"]);
        play(&mut trip, vec![(3, began("a.png")), (4, delivered("a.png")), (4, began("b.png"))]);
        trip.handle(at(5), told(name, Some(why)));
        assert_eq!(failure(&trip), Some(&Failure::Declined { why: why.into() }), "it has not got it");
        let mut trip = loads(&["a.png", "b.png"]);
        play(&mut trip, vec![(3, began("a.png")), (4, delivered("a.png")), (4, began("b.png"))]);
        play(&mut trip, vec![(5, delivered("b.png")), (6, told(name, Some(why)))]);
        assert_eq!(failure(&trip), Some(&Failure::FilesRejected { why: why.into() }));
    }
}

#[test]
fn what_is_missing_at_the_end_is_told() {
    let mut trip = loads(&["a.png", "b.png"]);
    play(&mut trip, vec![(3, began("a.png")), (200, delivered("a.png"))]);
    let deadline = at(200) + trip.plan().timing.fetch;
    assert_eq!(trip.deadline(), Some(deadline), "each file has its time");
    expire(&mut trip);
    assert_eq!(failure(&trip), Some(&Failure::FilesNotFetched { files: vec!["b.png".into()] }));
    let mut trip = loads(&["a.png"]);
    play(&mut trip, vec![(3, began("a.png")), (4, broken("a.png"))]);
    assert!(trip.order().is_some(), "it may call and be told again");
    expire(&mut trip);
    assert_eq!(failure(&trip), Some(&Failure::DownloadBroken { breaks: 1 }));
    let mut trip = loads(&["a.png"]);
    play(&mut trip, vec![(3, began("a.png")), (4, Input::Gone { line: line("2117") })]);
    expire(&mut trip);
    assert_eq!(failure(&trip), Some(&Failure::NeverReturned { missing: vec![line("2117")] }));
}

#[test]
fn a_phone_that_boots_meanwhile_may_still_fetch_them() {
    for (second, all) in [(50, true), (50, false)] {
        let mut trip = loads(&["a.png", "b.png"]);
        play(&mut trip, vec![(3, began("a.png")), (4, delivered("a.png"))]);
        if all {
            play(&mut trip, vec![(5, began("b.png")), (6, delivered("b.png"))]);
        }
        play(&mut trip, vec![(9, Input::Gone { line: line("2117") })]);
        play(&mut trip, vec![(second, registered("2117", "after", "10.1.64"))]);
        match all {
            true => assert_eq!(trip.outcome(), Some(&Outcome::Deployed), "it has them, and is back"),
            false => {
                expire(&mut trip);
                assert_eq!(failure(&trip), Some(&Failure::FilesNotFetched { files: vec!["b.png".into()] }));
            }
        }
    }
}

#[test]
fn it_is_told_to_load_them_only_so_many_times() {
    let (mut trip, _) = asked_by(Way::ContactMe, files(&["a.png"]));
    for told in 1..=3 {
        assert!(trip.order().is_some(), "{told}");
        trip.handle(at(told), Input::Ordered);
    }
    assert_eq!(trip.order(), None);
    let kept = serde_json::to_string(&trip).unwrap();
    assert_eq!(serde_json::from_str::<Trip>(&kept).unwrap(), trip);
}

#[test]
fn a_file_that_is_begun_anew_is_not_there_until_it_is_whole_again() {
    let mut trip = loads(&["a.png"]);
    play(&mut trip, vec![(3, began("a.png")), (3, delivered("a.png")), (5, began("a.png"))]);
    assert_eq!(trip.state(), &State::Fetching);
    let mut again = trip.clone();
    expire(&mut trip);
    assert_eq!(failure(&trip), Some(&Failure::FilesNotFetched { files: vec!["a.png".into()] }));
    play(&mut again, vec![(6, delivered("a.png")), (7, told(Some("a.png"), None))]);
    assert_eq!(again.outcome(), Some(&Outcome::Deployed));
}

#[test]
fn what_is_said_of_files_ends_no_other_trip() {
    for goal in [update(), Goal::Reboot] {
        let (mut trip, _) = asked_by(Way::ContactMe, goal);
        answered_and_told(&mut trip);
        let before = trip.clone();
        play(&mut trip, vec![(3, began("a.png")), (4, delivered("a.png")), (5, broken("a.png"))]);
        play(&mut trip, vec![(6, told(None, Some("failed"))), (6, told(Some("a.png"), None))]);
        assert_eq!(trip, before);
    }
    let (mut early, _) = Trip::begin(plan(files(&["a.png"]), &["2117"]), at(0));
    early.handle(at(1), told(Some("a.png"), Some("failed")));
    assert_eq!(early.state(), &State::Confirming { trigger: 0 }, "that was of another time");
}
