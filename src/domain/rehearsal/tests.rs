//! Cases played on a small stage: what is kept from step to step, and what a change of the rules does to them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Europe::Berlin;

use super::*;
use crate::domain::firmware::{Handling, Image, Part, Release, Version};
use crate::domain::phone::{CallState, KnownBy, Line, LineId, Mac, Model, PbxName, Phone, Vendor};
use crate::domain::policy::{Action, Calendar, Firmware, Lasts, Opens, Pace, Retry, Selection, Window};
use crate::domain::rules::{Rules, Terms};
use crate::domain::trip::{Failure, Timing, Trigger};

/// Friday 20 November 2026, 22:00 in Berlin, and so many minutes.
fn at(minutes: i64) -> DateTime<Utc> {
    "2026-11-20T21:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
}

fn night() -> Policy {
    let from = NaiveTime::from_hms_opt(22, 0, 0).unwrap();
    let opens = Opens::Weekly { days: vec![Weekday::Fri], from, lasts: Lasts::For(TimeDelta::hours(6)) };
    let window = Window { opens, zone: None, last_start: None };
    Policy {
        calendar: Calendar::of(vec![window]),
        pace: Pace::at_once(2),
        retry: Retry { attempts: 2, backoff: TimeDelta::minutes(10), ..Retry::default() },
        ..Policy::new(
            "night",
            Selection { vendor: vec![Vendor::SNOM], ..Selection::default() },
            Action::Update { from: Firmware::Release("new".into()) },
        )
    }
}

fn rules(policy: Policy) -> Rules {
    let image = Image {
        file: "D785.bin".into(),
        part: Part::Firmware,
        handling: Handling::default(),
        vendor: Vendor::SNOM,
        models: vec![Model::new("D785")],
        version: Version::parse("10.1.198").unwrap(),
        sha256: String::new(),
        size: 1,
        from_at_least: None,
        from_at_most: None,
        hardware: vec![],
    };
    let timing = Timing {
        answer: TimeDelta::seconds(40),
        leave: TimeDelta::minutes(3),
        leave_busy: TimeDelta::hours(4),
        boot_at_least: TimeDelta::seconds(8),
        boot: TimeDelta::minutes(3),
        fetch: TimeDelta::minutes(10),
        flash: TimeDelta::minutes(5),
        gap: TimeDelta::minutes(5),
    };
    let terms = Terms {
        triggers: vec![Trigger { waits_for_idle: true, ..Trigger::event("reboot") }],
        resync: Vec::new(),
        update_boots: Some(2),
        tells_dialogs: true,
        serves: crate::domain::trip::Serves::default(),
        timing,
        special: Default::default(),
    };
    Rules {
        releases: BTreeMap::from([("new".into(), Release { name: "new".into(), images: vec![image] })]),
        ..Rules::new(
            vec![policy],
            Berlin,
            Arc::new(move |phone| phone.vendor.as_ref().map(|_| terms.clone())),
        )
    }
}

fn player(n: u8) -> Player {
    let mut phone = Phone::new(Mac::new([0, 4, 0x13, 0, 0, n]), KnownBy::Inventory);
    phone.vendor = Some(Vendor::SNOM);
    phone.model = Some(Model::new("D785"));
    phone.version = Version::parse("10.1.64").ok();
    let line = LineId { pbx: PbxName::new("pbx"), user: format!("21{n:02}").into() };
    phone.lines.insert(line, Line::UNSEEN);
    Player {
        name: format!("p{n}").into(),
        phone,
        address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)),
        groups: Vec::new(),
    }
}

fn step(minutes: i64, news: News, answer: Answer, because: &[&str]) -> Step {
    let because = because.iter().map(|text| Because::read(text).unwrap()).collect();
    let expect = Expect { answer: Some(answer), because, ..Expect::default() };
    Step { at: at(minutes), player: 0, news, expect }
}

fn case(steps: Vec<Step>) -> Case {
    Case { name: "case".into(), rules: rules(night()), players: vec![player(1), player(2), player(3)], steps }
}

fn passes(steps: Vec<Step>) {
    let report = case(steps).run();
    let misses: Vec<_> = report.steps.iter().map(|step| (&step.misses, &step.judged.verdict)).collect();
    assert!(report.passes(), "{misses:#?}");
}

fn doing(doing: Doing) -> News {
    News { doing: Some(doing), ..News::default() }
}

const TALKING: Doing = Doing::Calls(CallState::Talking);
const IDLE: Doing = Doing::Calls(CallState::Idle);

fn calm() -> News {
    News::default()
}

#[test]
fn what_a_step_tells_stays_until_another_tells_otherwise() {
    passes(vec![
        step(-5, calm(), Answer::Hold, &["outside-window", "window"]),
        step(0, calm(), Answer::Go, &[]),
        step(10, doing(TALKING), Answer::Hold, &["talking", "in a call (line 2101)"]),
        step(20, calm(), Answer::Hold, &["busy"]),
        step(30, doing(IDLE), Answer::Hold, &["not-quiet-yet", "quiet for 0 s of 10 min"]),
        step(39, calm(), Answer::Hold, &["quiet for 9 min"]),
        step(40, calm(), Answer::Go, &[]),
        step(41, News { quiet: Some(TimeDelta::minutes(2)), ..calm() }, Answer::Hold, &["idle"]),
        step(42, doing(Doing::Unregistered), Answer::Hold, &["not-registered"]),
    ]);
}

#[test]
fn a_silent_pbx_holds_and_one_that_was_away_begins_quiet_anew() {
    let view = |view| News { view: Some(view), ..calm() };
    passes(vec![
        step(0, view(ViewNews::Silent), Answer::Hold, &["view-stale", "view of pbx is 31 s old"]),
        step(1, view(ViewNews::Fresh), Answer::Go, &[]),
        step(2, view(ViewNews::Gone), Answer::Hold, &["no view of pbx", "unknown"]),
        step(3, view(ViewNews::Fresh), Answer::Hold, &["quiet for 0 s"]),
        step(13, calm(), Answer::Go, &[]),
    ]);
}

#[test]
fn failures_count_and_a_lost_phone_waits_until_it_is_seen() {
    let failed = |failure| News { ended: Some(Ending::Failed(failure)), ..calm() };
    passes(vec![
        step(0, failed(Failure::NoAnswer), Answer::Hold, &["penalty-box", "after gave no answer"]),
        step(12, calm(), Answer::Go, &[]),
        step(20, failed(Failure::NoAnswer), Answer::Hold, &["no attempt left after 2"]),
    ]);
    passes(vec![
        step(0, failed(Failure::NeverReturned { missing: vec![] }), Answer::Hold, &["lost"]),
        step(60, calm(), Answer::Hold, &["lost"]),
        step(61, News { lost: Some(false), ..calm() }, Answer::Go, &[]),
    ]);
}

#[test]
fn others_under_way_take_places() {
    passes(vec![
        step(0, News { down: Some(1), ..calm() }, Answer::Go, &[]),
        step(1, News { down: Some(2), ..calm() }, Answer::Hold, &["budget-full", "2 of 2 phones of night"]),
        step(2, News { down: Some(0), ..calm() }, Answer::Go, &[]),
        step(3, News { under_way: Some(true), ..calm() }, Answer::Hold, &["under-way"]),
    ]);
}

#[test]
fn done_and_not_selected_are_answers_of_their_own() {
    let version = News { version: Version::parse("10.1.198").ok(), ..calm() };
    passes(vec![step(0, version, Answer::Done, &["runs 10.1.198 already"])]);
    let mut other = case(vec![step(0, calm(), Answer::NotSelected, &["not-selected"])]);
    other.players[0].phone.vendor = Some(Vendor::new("yealink"));
    assert!(other.run().passes());
}

#[test]
fn a_pass_lets_go_as_many_as_there_are_places() {
    let mut three = case(vec![step(0, calm(), Answer::Go, &[])]);
    three.steps[0].expect.goes = Some(2);
    assert!(three.run().passes());
    three.steps[0].expect.goes = Some(3);
    let report = three.run();
    assert!(
        matches!(report.steps[0].misses[..], [Miss::Goes { expected: 3, ref found }] if found.len() == 2)
    );
}

#[test]
fn what_differs_is_told() {
    let mut case = case(vec![step(-5, calm(), Answer::Go, &["talking", "some other words"])]);
    case.steps[0].expect.by_policy = Some("day".into());
    let told: Vec<String> = case.run().steps[0].misses.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "expected go, found hold",
            "expected the reason `talking`, found none",
            "expected a reason with the words `some other words`, found none",
            "expected policy day to decide, found night",
        ]
    );
}

#[test]
fn a_case_notices_a_rule_only_when_it_fails_without_it() {
    let talking = case(vec![step(10, doing(TALKING), Answer::Hold, &["talking"])]);
    let quiet = case(vec![
        step(10, doing(TALKING), Answer::Hold, &[]),
        step(20, doing(IDLE), Answer::Hold, &[]),
        step(30, calm(), Answer::Go, &[]),
    ]);
    let mut at_once = night();
    at_once.idle.quiet = TimeDelta::zero();
    let mut never = night();
    never.calendar.windows.clear();
    assert!(talking.run().passes() && quiet.run().passes());
    assert!(!talking.notices(&at_once) && quiet.notices(&at_once));
    assert!(!talking.notices(&never) && quiet.notices(&never));
    let stranger = Policy { name: "day".into(), ..never };
    assert!(!quiet.notices(&stranger));
}
