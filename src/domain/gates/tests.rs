//! Every gate, told case by case, and what must hold for all of them together.

use chrono::{NaiveTime, TimeDelta};
use chrono_tz::Europe::Berlin;

use super::*;
use crate::domain::budget::Holder;
use crate::domain::firmware::{Handling, Image, Part, Release, Version};
use crate::domain::fleet::Fleet;
use crate::domain::hardware::{Level, Rule};
use crate::domain::phone::{CallState, Contact, KnownBy, LineId, Model, Vendor};
use crate::domain::policy::{Action, Calendar, Firmware, IdleRule, Lasts, Pace, Policy, Selection, Window};
use crate::domain::trip::{Failure, Input, LineBefore, Outcome, Plan, Timing, Trigger};

/// Friday 20 November 2026, 22:00 in Berlin, and so many seconds.
fn at(seconds: i64) -> DateTime<Utc> {
    "2026-11-20T21:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn mac() -> Mac {
    Mac::new([0, 4, 0x13, 0, 0, 1])
}

fn line() -> LineId {
    LineId { pbx: PbxName::new("pbx1"), user: "2117".into() }
}

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

fn terms() -> Terms {
    Terms {
        triggers: vec![Trigger::waiting("reboot"), Trigger::event("check-sync;reboot=true")],
        resync: vec![Trigger::event("check-sync;reboot=false")],
        update_boots: Some(2),
        tells_dialogs: true,
        serves: crate::domain::trip::Serves::default(),
        timing: TIMING,
        special: Default::default(),
    }
}

fn policy(name: &str, action: Action) -> Policy {
    let window = Window::weekly(
        vec![chrono::Weekday::Fri],
        NaiveTime::from_hms_opt(22, 0, 0).unwrap(),
        Lasts::For(TimeDelta::hours(6)),
    );
    Policy {
        calendar: Calendar::of(vec![window]),
        pace: Pace::at_once(2),
        ..Policy::new(name, Selection::default(), action)
    }
}

/// A world in which the phone may go at 22:10.
struct World {
    fleet: Fleet,
    rules: Rules,
    budgets: Budgets,
    jobs: HashMap<Mac, AdHoc>,
    past: HashMap<Mac, Past>,
    lost: BTreeSet<Mac>,
    draining: bool,
    /// Polls are awaited, and what was seen long ago is forgotten, as it is outside plans.
    live: Option<crate::domain::scheduler::Door>,
}

impl World {
    fn new() -> Self {
        let mut fleet = Fleet::default();
        fleet.watch(PbxName::new("pbx1"), TimeDelta::seconds(900));
        let mut phone = Phone::new(mac(), KnownBy::Inventory);
        phone.vendor = Some(Vendor::SNOM);
        phone.model = Some(Model::new("D785"));
        phone.version = Some(version("10.1.64"));
        phone.lines.insert(line(), crate::domain::phone::Line::UNSEEN);
        fleet.introduce(phone);
        let contact = Contact {
            uri: "sip:2117@10.0.0.1".into(),
            source: None,
            call_id: Some("a".into()),
            user_agent: None,
            expires: None,
        };
        let calls = vec![(line(), CallState::Idle)];
        fleet.picture(&PbxName::new("pbx1"), vec![(line(), contact)], calls, at(0));
        let image = Image {
            file: "new.bin".into(),
            part: Part::Firmware,
            handling: Handling::default(),
            vendor: Vendor::SNOM,
            models: vec![Model::new("D785")],
            version: version("10.1.198"),
            sha256: String::new(),
            size: 1,
            from_at_least: None,
            from_at_most: None,
            hardware: vec![],
        };
        let release = Release { name: "new".into(), images: vec![image] };
        let rules = Rules {
            usual: Arc::new(|_| None),
            policies: vec![policy("night", Action::Update { from: Firmware::Release("new".into()) })],
            releases: [("new".into(), release)].into(),
            zone: Berlin,
            site_zones: Default::default(),
            realms: Default::default(),
            channels: std::collections::BTreeMap::new(),
            fleet_pace: crate::domain::rules::FleetPace::default(),
            terms: Arc::new(|phone| phone.vendor.as_ref().map(|_| terms())),
            levels: Arc::new(|phone| Level::of(phone, &[], false)),
        };
        Self {
            fleet,
            rules,
            budgets: Budgets::default(),
            jobs: HashMap::new(),
            past: HashMap::new(),
            lost: BTreeSet::new(),
            draining: false,
            live: None,
        }
    }

    /// Another phone of the policy goes.
    fn take(&mut self, n: u8) {
        let holder = Holder::new(&"night".into(), Vec::new(), false);
        self.budgets.take(Mac::new([9, 9, 9, 9, 9, n]), holder, []);
    }

    fn judge(&self, seconds: i64) -> Judged {
        self.judge_in_words(seconds, true)
    }

    fn judge_in_words(&self, seconds: i64, in_words: bool) -> Judged {
        let sky = Sky {
            door: self.live.as_ref(),
            rules: &self.rules,
            views: self.fleet.views(),
            budgets: &self.budgets,
            jobs: &self.jobs,
            past: &self.past,
            lost: &self.lost,
            draining: self.draining,
            now: at(seconds),
            hours: &Hours::default(),
            in_words,
        };
        judge(self.fleet.get(mac()).unwrap(), at(seconds), &sky)
    }

    fn slugs(&self, seconds: i64) -> Vec<&'static str> {
        self.judge(seconds).verdict.reasons().map(Reason::slug).collect()
    }

    fn phone(&mut self) -> &mut Phone {
        self.fleet.get_mut(mac()).unwrap()
    }

    fn failed(&mut self, failure: Failure, attempt: u32, ended: i64) {
        let order = self.judge(700).order.unwrap();
        let plan = Plan {
            phone: mac(),
            policy: "night".into(),
            attempt,
            goal: order.goal,
            line: line(),
            triggers: order.triggers,
            look: order.look,
            serves: crate::domain::trip::Serves::default(),
            timing: TIMING,
            runs: None,
            lines: vec![LineBefore { line: line(), call_id: None, expires: None, address: None }],
        };
        let (mut trip, _) = Trip::begin(plan, at(ended - 400));
        trip.handle(at(ended - 400), Input::Confirmed);
        let input = match failure {
            Failure::Refused { status, phrase } => Input::Answered { status, phrase },
            Failure::NotReachable { why } => Input::NotSent { why },
            other => panic!("this test knows no way to {other}"),
        };
        trip.handle(at(ended), input);
        assert!(matches!(trip.outcome(), Some(Outcome::Failed { .. })));
        self.past.entry(mac()).or_default().last = Some(trip);
    }
}

#[test]
fn everything_right_means_go() {
    let judged = World::new().judge(600);
    assert!(judged.verdict.is_go(), "{:?}", judged.verdict);
    assert_eq!(judged.verdict.gates.len(), Gate::ALL.len());
    assert_eq!(judged.order.map(|order| order.attempt), Some(1));
}

#[test]
fn each_cause_alone_holds_the_phone_and_is_named() {
    type Break = fn(&mut World);
    let table: [(&str, Break); 16] = [
        ("no-lines", |w| w.phone().lines.clear()),
        ("no-profile", |w| w.rules.terms = Arc::new(|_| None)),
        ("not-selected", |w| w.rules.policies.clear()),
        ("tie", |w| w.rules.policies.push(policy("other", Action::Reboot))),
        ("already-current", |w| w.phone().version = Some(version("10.1.198.0"))),
        ("no-image", |w| w.rules.releases.clear()),
        ("misfit", |w| w.phone().version = None),
        ("penalty-box", |w| {
            w.past.entry(mac()).or_default().withdrawn = Some((at(900), "a call".into()));
        }),
        ("outside-window", |w| w.rules.policies[0].calendar.windows.clear()),
        ("view-stale", |w| {
            w.fleet.watch(PbxName::new("pbx1"), TimeDelta::seconds(30));
        }),
        ("not-registered", |w| {
            w.fleet.contacts(line(), vec![]);
        }),
        ("several-contacts", |w| {
            w.phone().lines.get_mut(&line()).unwrap().contacts = 2;
        }),
        ("busy", |w| {
            w.fleet.calls(line(), CallState::Talking, at(300));
        }),
        ("not-quiet-yet", |w| {
            w.fleet.calls(line(), CallState::Ringing, at(300));
            w.fleet.calls(line(), CallState::Idle, at(301));
        }),
        ("budget-full", |w| {
            for n in 0..2 {
                w.take(n);
            }
        }),
        ("draining", |w| w.draining = true),
    ];
    for (slug, spoil) in table {
        let mut world = World::new();
        spoil(&mut world);
        assert!(world.slugs(600).contains(&slug), "{slug}: {:?}", world.slugs(600));
        assert!(!world.judge(600).verdict.is_go(), "{slug}");
        let (said, silent) = (world.judge(600).verdict, world.judge_in_words(600, false).verdict);
        let without_words = said.gates.into_iter().map(|gate| GateAnswer { saw: String::new(), ..gate });
        assert_eq!(without_words.collect::<Vec<_>>(), silent.gates, "{slug}: words change nothing");
    }
}

#[test]
fn every_state_but_idle_counts_as_busy() {
    for calls in
        [CallState::Unknown, CallState::Ringing, CallState::Talking, CallState::Held, CallState::Offline]
    {
        let mut world = World::new();
        world.fleet.calls(line(), calls, at(10));
        assert!(world.slugs(3_000).contains(&"busy"), "{calls}");
    }
}

#[test]
fn quiet_is_counted_over_all_lines() {
    let mut world = World::new();
    let second = LineId { pbx: PbxName::new("pbx1"), user: "2118".into() };
    let mut phone = world.phone().clone();
    phone.lines.insert(second.clone(), crate::domain::phone::Line::UNSEEN);
    world.fleet.introduce(phone);
    assert!(world.slugs(600).contains(&"busy"), "a line nobody told about is busy");
    world.fleet.calls(second, CallState::Idle, at(500));
    assert_eq!(world.slugs(600), ["not-registered", "not-quiet-yet"]);
}

#[test]
fn the_window_must_hold_a_whole_trip() {
    // Two boots, the download and the flash: 21 minutes of the six hours.
    let last_start = 6 * 3_600 - 21 * 60;
    let mut world = World::new();
    world.fleet.watch(PbxName::new("pbx1"), TimeDelta::days(1));
    assert!(world.judge(last_start).verdict.is_go());
    assert_eq!(world.slugs(last_start + 1), ["too-little-left"]);
    assert_eq!(world.slugs(6 * 3_600), ["outside-window"]);
}

#[test]
fn a_hold_knows_when_time_alone_ends_it() {
    let mut world = World::new();
    world.fleet.calls(line(), CallState::Ringing, at(-100));
    world.fleet.calls(line(), CallState::Idle, at(-60));
    let verdict = world.judge(-10).verdict;
    assert_eq!(verdict.earliest(), Some(at(540)), "the window opens at 0, quiet is reached at 540");
    world.fleet.calls(line(), CallState::Talking, at(-5));
    assert_eq!(world.judge(-1).verdict.earliest(), None, "nobody knows how long they talk");
}

#[test]
fn a_failure_waits_longer_each_time_and_then_ends() {
    let unreachable = || Failure::NotReachable { why: "no route".into() };
    let mut world = World::new();
    world.rules.policies[0].retry.jitter_percent = 0;
    world.fleet.watch(PbxName::new("pbx1"), TimeDelta::days(1));
    world.failed(unreachable(), 1, 1_000);
    assert_eq!(world.slugs(1_599), ["penalty-box"]);
    assert_eq!(world.judge(1_600).order.map(|order| order.attempt), Some(2));
    assert!(world.judge(1_600).verdict.is_go());
    world.failed(unreachable(), 2, 2_000);
    assert_eq!(world.slugs(3_199), ["penalty-box"]);
    assert!(world.judge(3_200).verdict.is_go());
    world.failed(unreachable(), 3, 4_000);
    assert_eq!(world.slugs(20_000), ["no-attempts-left"]);
}

#[test]
fn what_another_try_cannot_change_is_not_tried_again() {
    let mut world = World::new();
    world.fleet.watch(PbxName::new("pbx1"), TimeDelta::days(1));
    world.failed(Failure::Refused { status: 403, phrase: "Forbidden".into() }, 1, 1_000);
    assert_eq!(world.slugs(9_000), ["no-attempts-left"]);
}

#[test]
fn two_notifies_to_one_phone_keep_their_distance() {
    let mut world = World::new();
    world.failed(Failure::NotReachable { why: "x".into() }, 1, 700);
    world.rules.policies[0].retry.backoff = TimeDelta::zero();
    // Asked at 300, so nothing before 600.
    assert!(world.judge(700).verdict.is_go());
    world.rules.terms =
        Arc::new(|_| Some(Terms { timing: Timing { gap: TimeDelta::seconds(900), ..TIMING }, ..terms() }));
    assert_eq!(world.slugs(700), ["penalty-box"]);
    assert_eq!(world.slugs(899), ["penalty-box"]);
}

#[test]
fn a_person_may_skip_the_window_and_only_in_so_many_words_the_call() {
    let mut world = World::new();
    world.rules.policies[0].calendar.windows.clear();
    let job = AdHoc { name: "reboot-1".into(), now: false, even_in_a_call: false };
    world.jobs.insert(mac(), job.clone());
    assert_eq!(world.slugs(10), ["outside-window"]);
    world.jobs.insert(mac(), AdHoc { now: true, ..job.clone() });
    assert!(world.judge(10).verdict.is_go(), "no ten quiet minutes for a person who asks");
    world.fleet.calls(line(), CallState::Talking, at(5));
    assert_eq!(world.slugs(10), ["busy"]);
    world.jobs.insert(mac(), AdHoc { now: true, even_in_a_call: true, ..job });
    assert!(world.judge(10).verdict.is_go());
}

#[test]
fn a_reboot_policy_reboots_once_in_each_opening() {
    let mut world = World::new();
    world.fleet.watch(PbxName::new("pbx1"), TimeDelta::days(30));
    world.rules.policies[0].action = Action::Reboot;
    let order = world.judge(700).order.unwrap();
    let plan = Plan {
        phone: mac(),
        policy: "night".into(),
        attempt: 1,
        goal: order.goal,
        line: line(),
        triggers: order.triggers,
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
    assert_eq!(trip.outcome(), Some(&Outcome::Rebooted));
    world.past.entry(mac()).or_default().last = Some(trip);
    assert_eq!(world.slugs(3_000), ["already-rebooted"]);
    assert!(world.judge(7 * 86_400 + 700).verdict.is_go(), "the next Friday it goes again");
}

#[test]
fn removing_every_named_cause_lets_the_phone_go() {
    let mut world = World::new();
    world.draining = true;
    world.fleet.calls(line(), CallState::Talking, at(0));
    for n in 0..2 {
        world.take(n);
    }
    assert_eq!(world.slugs(600), ["draining", "busy", "budget-full"]);
    world.draining = false;
    world.fleet.calls(line(), CallState::Idle, at(0));
    world.budgets.release(Mac::new([9, 9, 9, 9, 9, 0]));
    assert!(world.judge(600).verdict.is_go());
}

mod actions;
mod hardware;
mod hours;
mod idle;
mod modules;
mod retry;
mod service;
