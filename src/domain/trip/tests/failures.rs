//! What is told of every failure.

use super::*;

#[test]
fn every_failure_says_what_to_do() {
    let failures = [
        Failure::Refused { status: 403, phrase: "Forbidden".into() },
        Failure::NoCredentials { realm: "snom".into() },
        Failure::NotReachable { why: "no route".into() },
        Failure::NoAnswer,
        Failure::NeverLeft,
        Failure::NeverAsked,
        Failure::NeverReturned { missing: vec![line("2117")] },
        Failure::ImageRejected,
        Failure::DownloadBroken { breaks: 2 },
        Failure::WrongVersion { runs: version("1") },
        Failure::NeverHandedIn,
        Failure::ItemsUntold,
        Failure::ItemsUnknown { items: vec!["a[1]".into()] },
        Failure::ItemsNotKept { items: vec!["a is `0`, not `1`".into()] },
        Failure::FilesNotFetched { files: vec!["a.png".into()] },
        Failure::FilesRejected { why: "failed".into() },
        Failure::Declined { why: "somebody uses it".into() },
        Failure::NothingHappened { cause: Cause::OtherServer },
        Failure::NothingHappened { cause: Cause::NotFetched },
    ];
    for failure in failures {
        assert!(!failure.advice().is_empty() && !failure.to_string().is_empty(), "{failure:?}");
    }
}

#[test]
fn every_failure_has_its_machine_name_in_the_list() {
    let all = [
        Failure::Refused { status: 403, phrase: String::new() },
        Failure::NoCredentials { realm: String::new() },
        Failure::NotReachable { why: String::new() },
        Failure::NoAnswer,
        Failure::NeverLeft,
        Failure::NeverAsked,
        Failure::NeverHandedIn,
        Failure::ItemsUntold,
        Failure::ItemsUnknown { items: Vec::new() },
        Failure::ItemsNotKept { items: Vec::new() },
        Failure::FilesNotFetched { files: Vec::new() },
        Failure::FilesRejected { why: String::new() },
        Failure::Declined { why: String::new() },
        Failure::NeverReturned { missing: Vec::new() },
        Failure::ImageRejected,
        Failure::DownloadBroken { breaks: 1 },
        Failure::WrongVersion { runs: Version::parse("1.0").unwrap() },
        Failure::NothingHappened { cause: Cause::NotWanted },
    ];
    assert_eq!(all.each_ref().map(Failure::slug), Failure::SLUGS);
}
