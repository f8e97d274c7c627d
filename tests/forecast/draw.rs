//! Random fleets, rules and calls, drawn from a seed.

use std::sync::Arc;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc, Weekday};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sipherd::domain::firmware::{Image, Release, Version};
use sipherd::domain::fleet::Fleet;
use sipherd::domain::forecast::{Call, Setting, Usual};
use sipherd::domain::phone::{
    CallState, Contact, KnownBy, Line, LineId, Mac, Model, PbxName, Phone, Site, Tag, Vendor,
};
use sipherd::domain::policy::{Action, Calendar, Firmware, Lasts, Opens, Pace, Policy, Selection, Window};
use sipherd::domain::rules::{Rules, Terms};
use sipherd::domain::scheduler::Scheduler;
use sipherd::domain::trip::{Timing, Trigger};

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

fn version(text: &str) -> Version {
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
        Self::of(rules(vec![policy], usual, true), fleet, usual, Vec::new(), from, at(36 * 3_600))
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
        let policies = (0..dice.random_range(1..4)).map(|n| policy(&mut dice, n)).collect();
        let phones = dice.random_range(2..10);
        let (from, until) = (at(-1_800), at(7 * 3_600));
        let fleet = fleet(&mut dice, phones, &Taste::Drawn, from);
        let calls = calls(&mut dice, &fleet, from, until);
        Self::of(rules(policies, usual, dice.random_bool(0.5)), fleet, usual, calls, from, until)
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
    policy
}

fn rules(policies: Vec<Policy>, usual: Usual, waits_for_idle: bool) -> Rules {
    let minutes = TimeDelta::minutes;
    let timing = Timing {
        answer: minutes(1),
        leave: minutes(3),
        leave_busy: minutes(60),
        boot_at_least: TimeDelta::zero(),
        boot: minutes(3),
        fetch: minutes(4),
        flash: minutes(2),
        gap: minutes(5),
    };
    let terms = move |phone: &Phone| {
        phone.vendor.as_ref()?;
        Some(Terms {
            triggers: vec![Trigger { waits_for_idle, ..Trigger::event("reboot") }],
            resync: Vec::new(),
            update_boots: Some(2),
            tells_dialogs: false,
            timing,
        })
    };
    let image = Image {
        file: "D785.bin".into(),
        vendor: Vendor::SNOM,
        models: vec![Model::new("D785")],
        version: version("10.1.198"),
        sha256: String::new(),
        size: 1,
        from_at_least: None,
        from_at_most: None,
        hardware: Vec::new(),
    };
    let mut rules = Rules::new(policies, chrono_tz::UTC, Arc::new(terms));
    rules.usual = Arc::new(move |_| Some(usual));
    if rules.policies.len() != 1 || rules.policies[0].name.starts_with("policy") {
        rules.releases.insert("spring".into(), Release { name: "spring".into(), images: vec![image] });
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
        phone.tags.insert(Tag::new(format!("floor-{}", n % 3)));
        for nth in 0..(1 + usize::from(odd(dice, 0.3))) {
            let line = LineId { pbx: pbx.clone(), user: format!("{}", 2_000 + n * 10 + nth).into() };
            phone.lines.insert(line.clone(), Line::UNSEEN);
            let state = if odd(dice, 0.03) { CallState::Unknown } else { CallState::Idle };
            states.push((line.clone(), state));
            let contact = Contact {
                uri: format!("sip:{}@10.0.0.{n}", line.user).into(),
                source: None,
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
    fleet.picture(&pbx, contacts, states, from - TimeDelta::seconds(5));
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
