//! Hand-written diaries and what the judge says of them, both ways.

use super::*;
use crate::sim::diary::{Cause, CutBy, What};

const A: Mac = Mac::new([0, 4, 0x13, 0, 0, 1]);
const B: Mac = Mac::new([0, 4, 0x13, 0, 0, 2]);
const OLD: &str = "10.1.64.14";
const NEW: &str = "10.1.198.19";

fn second(n: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + n, 0).unwrap()
}

fn diary(lines: Vec<(i64, What)>) -> Vec<LogLine> {
    lines.into_iter().map(|(n, what)| LogLine { at: second(n), what }).collect()
}

fn notify(call_id: &str, copy: bool) -> What {
    What::Notify { call_id: call_id.into(), event: "reboot".into(), copy }
}

fn answered(call_id: &str, status: u16) -> What {
    What::Answered { call_id: call_id.into(), status }
}

fn began(call_id: &str) -> What {
    What::RebootBegan { cause: Cause::ByNotify { call_id: call_id.into() } }
}

fn booted(version: &str) -> What {
    What::BootDone { version: version.into() }
}

fn offered() -> What {
    What::FirmwareOffered { file: format!("http://127.0.0.1/fw/snomD785-{NEW}-SIP-r.bin") }
}

/// Boots, is asked at 100 s and is back at 140 s.
fn good_reboot() -> Vec<(i64, What)> {
    vec![
        (0, booted(OLD)),
        (1, What::Registered),
        (100, notify("n1", false)),
        (100, answered("n1", 200)),
        (100, began("n1")),
        (139, booted(OLD)),
        (140, What::Registered),
    ]
}

fn rules(expected: Outcome) -> Rules {
    Rules {
        windows: vec![(second(50), second(1000))],
        slack: TimeDelta::seconds(1),
        down_at_once: 1,
        gap: TimeDelta::seconds(300),
        expected: [(A, Expectation::once(expected))].into(),
        special: std::collections::BTreeSet::new(),
    }
}

fn findings(lines: Vec<(i64, What)>, rules: &Rules) -> Vec<Finding> {
    judge(&[(A, diary(lines))].into(), rules).findings
}

#[test]
fn a_good_reboot_is_clean_and_every_line_has_a_tick() {
    let judgement = judge(&[(A, diary(good_reboot()))].into(), &rules(Outcome::Rebooted));
    assert!(judgement.is_clean(), "{judgement}");
    let text = judgement.to_string();
    assert_eq!(text.matches('✓').count(), 7, "{text}");
    assert!(text.contains("outcomes as expected: 1 of 1"), "{text}");
}

#[test]
fn a_call_that_ended_before_the_reboot_is_no_finding_and_one_that_was_cut_is() {
    let call = |end: What| {
        let mut lines = good_reboot();
        lines.insert(2, (60, What::CallBegan { with: "2002".into(), call_id: "c1".into() }));
        lines.insert(3, (99, end));
        lines
    };
    let ended = What::CallEnded { call_id: "c1".into() };
    assert_eq!(findings(call(ended), &rules(Outcome::Rebooted)), []);
    let by = CutBy::Me(Cause::ByNotify { call_id: "n1".into() });
    let cut = What::CallCut { with: "2002".into(), call_id: "c1".into(), by };
    let found = findings(call(cut), &rules(Outcome::Rebooted));
    assert!(
        matches!(&found[..], [Finding::CallInterrupted { mac: A, with, notify: Some(n), .. }] if with == "2002" && n == "n1"),
        "{found:?}"
    );
}

#[test]
fn a_call_that_nobody_ended_before_the_reboot_was_interrupted() {
    let mut lines = good_reboot();
    lines.insert(2, (60, What::CallBegan { with: "2002".into(), call_id: "c1".into() }));
    let found = findings(lines, &rules(Outcome::Rebooted));
    assert!(matches!(&found[..], [Finding::CallInterrupted { at, .. }] if *at == second(100)), "{found:?}");
}

#[test]
fn a_call_lost_to_a_phone_that_reboots_on_its_own_is_told_but_is_nobodys_fault() {
    let by = CutBy::Me(Cause::Itself);
    let lines = vec![
        (0, booted(OLD)),
        (1, What::Registered),
        (60, What::CallBegan { with: "600".into(), call_id: "c1".into() }),
        (70, What::CallCut { with: "600".into(), call_id: "c1".into(), by }),
        (70, What::RebootBegan { cause: Cause::Itself }),
        (90, booted(OLD)),
        (91, What::Registered),
    ];
    let judgement = judge(&[(A, diary(lines))].into(), &rules(Outcome::LeftAlone));
    assert!(judgement.is_clean(), "{judgement}");
    assert!(judgement.to_string().contains("0 of 1 held (1 lost"), "{judgement}");
}

#[test]
fn an_order_outside_the_window_is_found() {
    let mut night = rules(Outcome::Rebooted);
    night.windows = vec![(second(0), second(99))];
    assert_eq!(findings(good_reboot(), &night), [], "within the slack");
    night.windows = vec![(second(101), second(200))];
    let found = findings(good_reboot(), &night);
    assert!(matches!(&found[..], [Finding::OutsideWindow { mac: A, .. }]), "{found:?}");
}

#[test]
fn two_phones_down_at_once_are_too_many_when_one_is_allowed() {
    let logs = [(A, diary(good_reboot())), (B, diary(good_reboot()))].into();
    let mut night = rules(Outcome::Rebooted);
    let found = judge(&logs, &night).findings;
    assert!(matches!(&found[..], [Finding::TooManyDown { down: 2, allowed: 1, .. }]), "{found:?}");
    night.down_at_once = 2;
    assert!(judge(&logs, &night).is_clean());
}

#[test]
fn a_phone_that_leaves_as_another_returns_is_not_one_too_many() {
    let later =
        good_reboot().into_iter().map(|(n, what)| (if n >= 100 { n + 40 } else { n }, what)).collect();
    let logs = [(A, diary(good_reboot())), (B, diary(later))].into();
    assert!(judge(&logs, &rules(Outcome::Rebooted)).is_clean());
}

#[test]
fn a_lost_phone_stays_down() {
    let lost = good_reboot().into_iter().take(5).collect();
    let later =
        good_reboot().into_iter().map(|(n, what)| (if n >= 100 { n + 500 } else { n }, what)).collect();
    let logs = [(A, diary(lost)), (B, diary(later))].into();
    let found = judge(&logs, &rules(Outcome::NeverReturns)).findings;
    assert!(matches!(&found[..], [Finding::TooManyDown { down: 2, .. }]), "{found:?}");
}

#[test]
fn a_copy_answered_from_memory_is_fine_and_one_acted_on_is_not() {
    let mut remembered = good_reboot();
    remembered.insert(3, (100, notify("n1", true)));
    assert_eq!(findings(remembered, &rules(Outcome::Rebooted)), []);
    let mut forgotten = good_reboot();
    forgotten.extend([
        (141, notify("n1", false)),
        (141, answered("n1", 200)),
        (141, began("n1")),
        (180, booted(OLD)),
        (181, What::Registered),
    ]);
    let found = findings(forgotten, &rules(Outcome::Rebooted));
    assert_eq!(found, [Finding::ActedTwice { mac: A, call_id: "n1".into() }]);
}

#[test]
fn a_second_order_soon_after_the_first_is_found_unless_the_first_was_refused() {
    let again = |status| {
        let mut lines = good_reboot();
        lines.insert(2, (80, notify("n0", false)));
        lines.insert(3, (80, answered("n0", status)));
        findings(lines, &rules(Outcome::Rebooted))
    };
    assert_eq!(again(489), []);
    let found = again(200);
    assert!(
        matches!(
            &found[..],
            [Finding::OrderedTwice { .. }, Finding::TooManyOrders { orders: 2, allowed: 1, .. }]
        ),
        "{found:?}"
    );
}

#[test]
fn a_challenge_and_its_answer_are_one_order() {
    let mut lines = good_reboot();
    lines.insert(2, (99, notify("n1", false)));
    lines.insert(3, (99, answered("n1", 401)));
    assert_eq!(findings(lines, &rules(Outcome::Rebooted)), []);
}

#[test]
fn firmware_offered_before_the_reboot_is_found() {
    let mut early = good_reboot();
    early.insert(1, (0, offered()));
    let found = findings(early, &rules(Outcome::StaysOld));
    assert_eq!(found, [Finding::OfferedTooEarly { mac: A, at: second(0) }]);
    let mut due = good_reboot();
    due.insert(6, (139, offered()));
    assert_eq!(findings(due, &rules(Outcome::StaysOld)), []);
}

#[test]
fn an_image_for_a_phone_that_is_only_to_be_rebooted_is_found() {
    let mut lines = good_reboot();
    lines.insert(6, (139, What::ImageBegan { from: 0 }));
    let found = findings(lines, &rules(Outcome::Rebooted));
    assert!(found.contains(&Finding::UnwantedImage { mac: A, at: second(139) }), "{found:?}");
}

#[test]
fn an_update_counts_as_one_absence_and_ends_on_the_new_version() {
    let mut lines = good_reboot();
    lines.splice(
        6..,
        [
            (139, offered()),
            (139, What::ImageBegan { from: 0 }),
            (150, What::ImageComplete { bytes: 9 }),
            (160, What::Flashed { version: NEW.into() }),
            (160, What::RebootBegan { cause: Cause::Update }),
            (199, booted(NEW)),
            (200, What::Registered),
        ],
    );
    assert_eq!(findings(lines.clone(), &rules(Outcome::Updated { to: NEW.into() })), []);
    let found = findings(lines, &rules(Outcome::Updated { to: "10.2".into() }));
    assert!(matches!(&found[..], [Finding::WrongOutcome { saw, .. }] if saw.starts_with(NEW)), "{found:?}");
}

#[test]
fn each_misfit_ends_as_it_must_and_not_otherwise() {
    let start = || vec![(0, booted(OLD)), (1, What::Registered)];
    let with = |more: Vec<(i64, What)>| {
        let mut lines = start();
        lines.extend(more);
        lines
    };
    let refuses = with(vec![(100, notify("n1", false)), (100, answered("n1", 403))]);
    let stays = with(vec![(100, notify("n1", false)), (100, answered("n1", 200))]);
    let lost = good_reboot().into_iter().take(5).collect::<Vec<_>>();
    let cases = [
        (Outcome::LeftAlone, start()),
        (Outcome::Refuses, refuses),
        (Outcome::NeverLeaves, stays),
        (Outcome::NeverReturns, lost),
        (Outcome::Rebooted, good_reboot()),
    ];
    for (mine, lines) in &cases {
        for (expected, _) in &cases {
            let found = findings(lines.clone(), &rules(expected.clone()));
            let wrong = found.iter().any(|finding| matches!(finding, Finding::WrongOutcome { .. }));
            assert_eq!(wrong, mine != expected, "a diary of `{mine}` judged as `{expected}`: {found:?}");
        }
    }
}
