//! Random fleets, rules and calls, drawn from a seed.

use std::sync::Arc;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc, Weekday};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sipherd::domain::firmware::{Handling, Image, Part, Release, Version};
use sipherd::domain::fleet::Fleet;
use sipherd::domain::forecast::{Call, Setting, Usual};
use sipherd::domain::phone::{
    CallState, Contact, KnownBy, Line, LineId, Mac, Model, PbxName, Phone, Site, Switch, Tag, Vendor,
};
use sipherd::domain::policy::{
    Action, Blackout, BlackoutDates, Calendar, Coverage, CoverageRule, Event, Firmware, Group, IdleBy, Lasts,
    Opening, Opens, Pace, Patience, Policy, Rate, Selection, Share, Window,
};
use sipherd::domain::rules::{Rules, Terms};
use sipherd::domain::scheduler::Scheduler;
use sipherd::domain::trip::{Failure, Goal, LastLook, Outcome, Plan, Serves, Timing, Trigger, Trip};

/// Friday 20 November 2026, 22:00 UTC, and so many seconds.
pub fn at(seconds: i64) -> DateTime<Utc> {
    "2026-11-20T22:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
}

/// A fleet, its rules and its calls.
pub struct Scene {
    pub scheduler: Scheduler,
    pub fleet: Fleet,
    pub calls: Vec<Call>,
    pub usual: Usual,
    pub boots: u8,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

pub fn mac(n: usize) -> Mac {
    Mac::new([0, 4, 0x13, 0, 0, u8::try_from(n).unwrap()])
}

pub fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

impl Scene {
    pub fn setting(&self) -> Setting<'_> {
        Setting {
            scheduler: self.scheduler.clone(),
            fleet: self.fleet.clone(),
            under_way: Vec::new(),
            calls: Box::new(self.calls.iter().cloned()),
            calls_last: None,
            from: self.from,
            until: self.until,
        }
    }

    pub fn phones(&self) -> usize {
        self.fleet.len()
    }

    pub fn line(&self, phone: usize, nth: usize) -> LineId {
        self.fleet.get(mac(phone)).unwrap().lines.keys().nth(nth).unwrap().clone()
    }

    /// So many phones with a line each, a policy that reboots them on Friday from 22:00 for six hours, no calls.
    pub fn plain(phones: usize, change: impl Fn(&mut Policy)) -> Self {
        let mut policy = Policy {
            calendar: Calendar::of(vec![weekly(vec![Weekday::Fri], 22, TimeDelta::hours(6))]),
            pace: Pace::at_once(100),
            ..Policy::new("night", Selection::default(), Action::Reboot)
        };
        policy.idle.quiet = TimeDelta::zero();
        change(&mut policy);
        let usual = Usual {
            look: TimeDelta::seconds(1),
            leave: TimeDelta::seconds(2),
            boot: TimeDelta::seconds(60),
            fetch: TimeDelta::seconds(60),
            flash: TimeDelta::seconds(90),
        };
        let mut dice = StdRng::seed_from_u64(1);
        let from = at(-3_600);
        let fleet = fleet(&mut dice, phones, &Taste::Plain, from);
        Self::of(
            rules(vec![policy], usual, true, Serves::AfterReboot),
            fleet,
            usual,
            Vec::new(),
            from,
            at(36 * 3_600),
        )
    }

    fn of(
        rules: Rules,
        fleet: Fleet,
        usual: Usual,
        calls: Vec<Call>,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Self {
        let mut scheduler = Scheduler::new(rules);
        for phone in fleet.iter() {
            scheduler.touch(phone.mac, from);
        }
        Self { scheduler, fleet, calls, usual, boots: 2, from, until }
    }

    /// The fleet of this seed.
    pub fn drawn(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut seconds = |from: i64, to: i64| TimeDelta::seconds(dice.random_range(from..to));
        let usual = Usual {
            look: seconds(5, 30),
            leave: seconds(0, 20),
            boot: seconds(20, 85),
            fetch: seconds(5, 100),
            flash: seconds(5, 60),
        };
        let policies: Vec<Policy> = (0..dice.random_range(1..4)).map(|n| policy(&mut dice, n)).collect();
        let phones = dice.random_range(2..10);
        let (from, until) = (at(-1_800), at(7 * 3_600));
        let fleet = fleet(&mut dice, phones, &Taste::Drawn, from);
        let calls = calls(&mut dice, &fleet, from, until);
        let pasts = pasts(&mut dice, &fleet, &policies, from);
        let serves = if dice.random_bool(0.3) { Serves::OnceAsked } else { Serves::AfterReboot };
        let mut rules = rules(policies, usual, dice.random_bool(0.5), serves);
        rules.fleet_pace.down_at_once = dice.random_bool(0.2).then(|| dice.random_range(1..6));
        let mut scene = Self::of(rules, fleet, usual, calls, from, until);
        pasts.into_iter().for_each(|trip| scene.scheduler.remember(trip));
        scene
    }
}

fn weekly(days: Vec<Weekday>, hour: u32, length: TimeDelta) -> Window {
    Window {
        opens: Opens::Weekly {
            days,
            from: NaiveTime::from_hms_opt(hour, 0, 0).unwrap(),
            lasts: Lasts::For(length),
        },
        zone: None,
        last_start: None,
    }
}

/// A policy: every number is small enough to matter.
fn policy(dice: &mut StdRng, n: i32) -> Policy {
    let action = if dice.random_bool(0.5) {
        Action::Reboot
    } else {
        Action::Update { from: Firmware::Release("spring".into()) }
    };
    let mut select = Selection::default();
    match dice.random_range(0..4) {
        0 => select.site = vec![Site::new("berlin")],
        1 => select.tag = vec![Tag::new("floor-1"), Tag::new("floor-2")],
        _ => {}
    }
    let windows = (0..dice.random_range(1..3))
        .map(|_| {
            let days = vec![Weekday::Fri, Weekday::Sat];
            let hour = [20, 21, 22, 22, 22, 23, 0, 2][dice.random_range(0..8)];
            weekly(days, hour, TimeDelta::minutes(dice.random_range(15..300)))
        })
        .collect();
    let mut policy = Policy {
        priority: n,
        calendar: Calendar::of(windows),
        pace: Pace::at_once(dice.random_range(1..5)),
        ..Policy::new(&format!("policy-{n}"), select, action)
    };
    policy.idle.quiet = TimeDelta::minutes([0, 0, 1, 5, 10][dice.random_range(0..5)]);
    richer(dice, &mut policy);
    policy
}

/// Half of all policies say more than that.
fn richer(dice: &mut StdRng, policy: &mut Policy) {
    if dice.random_bool(0.5) {
        return;
    }
    let mut few = |share| dice.random_bool(share).then(|| dice.random_range(1..4_u32));
    policy.pace.per.site = few(0.2);
    policy.pace.per.model = few(0.2);
    policy.pace.per.switch = few(0.2);
    policy.pace.per.subnet = few(0.2);
    policy.pace.downloads = few(0.3);
    if let Some(limit) = few(0.2) {
        policy.pace.per.tag = vec![(globset::Glob::new("floor-*").unwrap().compile_matcher(), limit)];
    }
    let mut rate = |share, seconds| {
        let count = dice.random_range(1..4);
        dice.random_bool(share).then(|| Rate { count, per: TimeDelta::seconds(seconds) })
    };
    policy.pace.notify_rate = rate(0.2, 60);
    policy.pace.registrations = rate(0.2, 90);
    let mut minutes = |share, from: i64, to: i64| {
        let minutes = TimeDelta::minutes(dice.random_range(from..to));
        dice.random_bool(share).then_some(minutes)
    };
    policy.pace.spread = minutes(0.3, 1, 120);
    policy.calendar.initial = minutes(0.3, 1, 90);
    policy.calendar.windows[0].last_start = minutes(0.2, 0, 30);
    policy.retry.backoff = minutes(1.0, 1, 40).unwrap();
    policy.retry.penalty = minutes(0.3, 10, 200);
    let force = minutes(1.0, 0, 120).unwrap();
    if let Some(length) = minutes(0.3, 1, 60) {
        let start = at(0) + minutes(1.0, 0, 200).unwrap();
        let events = vec![Event::Instants(Opening { start, end: start + length })];
        policy.calendar.blackouts = vec![Blackout::of(BlackoutDates::Events(events))];
    }
    policy.idle.by = [IdleBy::Pbx, IdleBy::Pbx, IdleBy::Phone, IdleBy::Both][dice.random_range(0..4)];
    policy.idle.patience = [Patience::NextWindow, Patience::PhoneWaits, Patience::Force { after: force }]
        [dice.random_range(0..3)];
    policy.idle.also_busy.agent_logged_in = dice.random_bool(0.2);
    policy.idle.also_busy.do_not_disturb = dice.random_bool(0.2);
    if dice.random_bool(0.2) {
        policy.action = Action::Resync;
    }
    for group in
        [Group::Tag(Tag::new("floor-1")), Group::Queue("support".into()), Group::Queue("nobody told".into())]
    {
        let odds = if group == Group::Queue("nobody told".into()) { 0.02 } else { 0.25 };
        if dice.random_bool(odds) {
            let rule = match dice.random_range(0..6) {
                0 => CoverageRule::Last,
                1 => CoverageRule::Exclude,
                2 => CoverageRule::KeepUp(Share::AllBut(1)),
                3 => CoverageRule::KeepUp(Share::Percent(50)),
                _ => CoverageRule::KeepUp(Share::Count(1)),
            };
            policy.coverage.push(Coverage { group, rule });
        }
    }
}

/// What is remembered of some phones: trips of the last minutes that failed, and phones that were not seen again.
fn pasts(dice: &mut StdRng, fleet: &Fleet, policies: &[Policy], from: DateTime<Utc>) -> Vec<Trip> {
    let mut pasts = Vec::new();
    for phone in fleet.iter() {
        if !dice.random_bool(0.15) {
            continue;
        }
        let line = phone.lines.keys().next().unwrap().clone();
        let target = version("10.1.198");
        let goal = match dice.random_range(0..3) {
            0 => Goal::Reboot,
            1 => Goal::Resync,
            _ => Goal::Update {
                release: "spring".into(),
                file: "D785.bin".into(),
                target,
                part: Part::Firmware,
            },
        };
        let failure = match dice.random_range(0..5) {
            0 => Failure::NeverReturned { missing: vec![line.clone()] },
            1 => Failure::Refused { status: 403, phrase: "Forbidden".into() },
            2 => Failure::NeverLeft,
            _ => Failure::NotReachable { why: "no route".into() },
        };
        let plan = Plan {
            phone: phone.mac,
            policy: policies[dice.random_range(0..policies.len())].name.clone(),
            attempt: dice.random_range(1..4),
            goal,
            line,
            triggers: vec![Trigger::event("reboot")],
            look: LastLook::NONE,
            serves: Serves::default(),
            timing: TIMING,
            runs: phone.version.clone(),
            lines: Vec::new(),
        };
        let ended = from - TimeDelta::seconds(dice.random_range(1..3_000));
        pasts.push(Trip::over(plan, ended - TimeDelta::seconds(40), ended, Outcome::Failed { failure }));
    }
    pasts
}

pub const TIMING: Timing = Timing {
    answer: TimeDelta::minutes(1),
    leave: TimeDelta::minutes(3),
    leave_busy: TimeDelta::minutes(60),
    boot_at_least: TimeDelta::zero(),
    boot: TimeDelta::minutes(3),
    fetch: TimeDelta::minutes(4),
    flash: TimeDelta::minutes(2),
    gap: TimeDelta::minutes(5),
};

/// The firmware of a D785.
pub fn image() -> Image {
    Image {
        file: "D785.bin".into(),
        part: Part::Firmware,
        handling: Handling::default(),
        vendor: Vendor::SNOM,
        models: vec![Model::new("D785")],
        version: version("10.1.198"),
        sha256: String::new(),
        size: 1,
        from_at_least: None,
        from_at_most: None,
        hardware: Vec::new(),
    }
}

fn rules(policies: Vec<Policy>, usual: Usual, waits_for_idle: bool, serves: Serves) -> Rules {
    let terms = move |phone: &Phone| {
        phone.vendor.as_ref()?;
        let waits_for_idle = waits_for_idle && phone.model != Some(Model::new("D717"));
        Some(Terms {
            triggers: vec![
                Trigger { waits_for_idle, ..Trigger::event("reboot") },
                Trigger::event("check-sync;reboot=true"),
            ],
            resync: vec![Trigger { waits_for_idle, ..Trigger::event("check-sync") }],
            update_boots: Some(2),
            tells_dialogs: phone.model != Some(Model::new("D717")),
            serves,
            timing: TIMING,
            special: Default::default(),
        })
    };
    let mut rules = Rules::new(policies, chrono_tz::UTC, Arc::new(terms));
    rules.usual = Arc::new(move |_| Some(usual));
    if rules.policies.len() != 1 || rules.policies[0].name.starts_with("policy") {
        rules.releases.insert("spring".into(), Release { name: "spring".into(), images: vec![image()] });
    }
    rules
}

enum Taste {
    Plain,
    Drawn,
}

fn fleet(dice: &mut StdRng, phones: usize, taste: &Taste, from: DateTime<Utc>) -> Fleet {
    let pbx = PbxName::new("pbx1");
    let mut fleet = Fleet::default();
    fleet.watch(pbx.clone(), TimeDelta::minutes(1));
    let (mut contacts, mut states) = (Vec::new(), Vec::new());
    for n in 0..phones {
        let odd = |dice: &mut StdRng, share| matches!(taste, Taste::Drawn) && dice.random_bool(share);
        let mut phone = Phone::new(mac(n), KnownBy::Inventory);
        phone.vendor = (!odd(dice, 0.05)).then_some(Vendor::SNOM);
        phone.model = Some(Model::new(if odd(dice, 0.1) { "D717" } else { "D785" }));
        phone.version = (!odd(dice, 0.1)).then(|| version("10.1.64"));
        phone.site = odd(dice, 0.6).then(|| Site::new(if dice.random_bool(0.5) { "berlin" } else { "bonn" }));
        phone.switch = odd(dice, 0.7).then(|| Switch::new(format!("sw{}", n % 2)));
        phone.booted = odd(dice, 0.2).then(|| from - TimeDelta::seconds(dice.random_range(0..3_600)));
        phone.tags.insert(Tag::new(format!("floor-{}", n % 3)));
        for nth in 0..(1 + usize::from(odd(dice, 0.3))) {
            let line = LineId { pbx: pbx.clone(), user: format!("{}", 2_000 + n * 10 + nth).into() };
            phone.lines.insert(line.clone(), Line::UNSEEN);
            let state = if odd(dice, 0.03) { CallState::Unknown } else { CallState::Idle };
            states.push((line.clone(), state));
            let contact = Contact {
                uri: format!("sip:{}@10.0.0.{n}", line.user).into(),
                source: odd(dice, 0.7).then(|| format!("10.0.{}.{n}:5060", n % 2).parse().unwrap()),
                call_id: Some(format!("first-{}", line.user).into()),
                user_agent: None,
                expires: None,
            };
            if !odd(dice, 0.03) {
                contacts.push((line, contact));
            }
        }
        fleet.introduce(phone);
    }
    let told: Vec<LineId> = states.iter().map(|(line, _)| line.clone()).collect();
    fleet.picture(&pbx, contacts, states, from - TimeDelta::seconds(5));
    if matches!(taste, Taste::Drawn) {
        let mut some = |share| told.iter().filter(|_| dice.random_bool(share)).cloned().collect::<Vec<_>>();
        let groups = vec![(Group::Queue("support".into()), some(0.4))];
        let (agents, silent) = (some(0.1), some(0.1));
        fleet.set_groups(&pbx, groups);
        fleet.set_agents(&pbx, Some(agents));
        fleet.set_do_not_disturb(&pbx, Some(silent));
    }
    fleet
}

/// Calls in the order of their beginnings, most of them in the hours of the windows.
fn calls(dice: &mut StdRng, fleet: &Fleet, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Call> {
    let lines: Vec<LineId> = fleet.iter().flat_map(|phone| phone.lines.keys()).cloned().collect();
    let span = (until - from).num_seconds();
    let mut calls: Vec<Call> = (0..dice.random_range(0..60))
        .map(|_| {
            let span = if dice.random_bool(0.6) { span / 5 } else { span };
            let begin = from + TimeDelta::seconds(dice.random_range(0..span));
            let line = lines[dice.random_range(0..lines.len())].clone();
            Call { line, from: begin, until: begin + TimeDelta::seconds(dice.random_range(5..900)) }
        })
        .collect();
    calls.sort_by_key(|call| call.from);
    calls
}
