//! A random world: one phone, what its policy says, its past, and four other phones.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sipherd::domain::firmware::{Handling, Image, Part, Release, Version};
use sipherd::domain::fleet::Fleet;
use sipherd::domain::gates::{AdHoc, Judged};
use sipherd::domain::phone::{
    CallState, Contact, KnownBy, Line, LineId, Mac, Model, PbxName, Phone, Site, Switch, Tag, Vendor,
};
use sipherd::domain::policy::{
    Action, Blackout, BlackoutDates, Calendar, Coverage, CoverageRule, Event, Firmware, Group, IdleRule,
    Opening, Pace, PerPart, Policy, Rate, Retry, Selection,
};
use sipherd::domain::rules::{Rules, Terms};
use sipherd::domain::scheduler::Scheduler;
use sipherd::domain::trip::{
    Failure, Goal, Input, LastLook, LineBefore, Outcome, Plan, Timing, Trigger, Trip,
};

/// Friday 20 November 2026, 22:00 UTC, and so many minutes.
pub fn at(minutes: i64) -> DateTime<Utc> {
    "2026-11-20T22:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
}

pub fn mac(n: u8) -> Mac {
    Mac::new([0, 4, 0x13, 0, 0, n])
}

fn line(phone: u8, nth: usize) -> LineId {
    LineId { pbx: PbxName::new(if nth == 1 { "pbx2" } else { "pbx1" }), user: format!("{phone}{nth}").into() }
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

pub const GROUPS: [&str; 3] = ["#reception", "support", "600"];

fn group(n: usize) -> Group {
    match n {
        0 => Group::Tag(Tag::new("reception")),
        1 => Group::Queue(GROUPS[1].into()),
        _ => Group::RingGroup(GROUPS[2].into()),
    }
}

/// One line of the phone.
#[derive(Debug, Clone)]
pub struct Desk {
    pub calls: CallState,
    /// Minutes since it was last busy.
    pub quiet: i64,
    pub contacts: usize,
    pub agent: Option<bool>,
    pub silent: Option<bool>,
}

/// An earlier trip of the phone.
#[derive(Debug, Clone)]
pub struct Before {
    pub goal: u8,
    pub attempt: u32,
    pub ended: u8,
    /// Minutes ago, and how long before that it was asked.
    pub ago: i64,
}

/// What another phone does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    Up,
    Unplugged,
    Away,
    Lost,
    WentLately,
}

/// Everything the gates look at.
#[derive(Debug, Clone)]
pub struct World {
    /// The instant, in minutes.
    pub now: i64,
    pub action: u8,
    /// Begin, length and written margin, in minutes.
    pub windows: Vec<(i64, i64, Option<i64>)>,
    pub blackouts: Vec<(i64, i64)>,
    pub initial: Option<i64>,
    pub booted_ago: Option<i64>,
    pub spread: Option<i64>,
    pub idle: IdleRule,
    pub at_once: u32,
    pub per: [Option<u32>; 5],
    pub downloads: Option<u32>,
    pub fleet_at_once: Option<u32>,
    /// NOTIFYs and registrations in ten minutes.
    pub rates: [Option<u32>; 2],
    pub coverage: Vec<(usize, CoverageRule)>,
    pub told: bool,
    pub retry: Retry,
    pub acts_in: Option<i64>,
    pub selected: bool,
    pub tie: bool,
    pub known_kind: bool,
    pub waits: bool,
    pub tells: bool,
    pub has_image: bool,
    pub runs: Option<&'static str>,
    pub lines: Vec<Desk>,
    pub fresh: bool,
    pub before: Option<Before>,
    pub found: bool,
    pub withdrawn: bool,
    pub job: Option<(bool, bool)>,
    pub draining: bool,
    pub others: [Other; 4],
}

const TIMING: Timing = Timing {
    answer: TimeDelta::seconds(40),
    leave: TimeDelta::minutes(3),
    leave_busy: TimeDelta::hours(1),
    boot_at_least: TimeDelta::seconds(8),
    boot: TimeDelta::minutes(3),
    fetch: TimeDelta::minutes(6),
    flash: TimeDelta::minutes(3),
    gap: TimeDelta::minutes(5),
};

impl World {
    pub fn instant(&self) -> DateTime<Utc> {
        at(self.now)
    }

    /// The calendar of the policy. Windows are told as cron texts would: each at one instant, and never again.
    pub fn calendar(&self) -> Calendar {
        let window = |(from, length, last_start): &(i64, i64, Option<i64>)| {
            let begins = at(*from);
            let cron = begins.format("%-M %-H %-d %-m *").to_string().parse().unwrap();
            let window = sipherd::domain::policy::Window::cron(cron, TimeDelta::minutes(*length));
            sipherd::domain::policy::Window { last_start: last_start.map(TimeDelta::minutes), ..window }
        };
        let dark = |(from, length): &(i64, i64)| {
            Event::Instants(Opening { start: at(*from), end: at(*from + *length) })
        };
        let blackouts = match self.blackouts.as_slice() {
            [] => Vec::new(),
            some => vec![Blackout::of(BlackoutDates::Events(some.iter().map(dark).collect()))],
        };
        Calendar {
            windows: self.windows.iter().map(window).collect(),
            blackouts,
            initial: self.initial.map(TimeDelta::minutes),
        }
    }

    fn rules(&self) -> Rules {
        let from = || Firmware::Release("new".into());
        let action = match self.action {
            0 => Action::Reboot,
            1 => Action::Resync,
            2 => Action::Update { from: from() },
            3 => Action::Stage { from: from() },
            4 => Action::ModuleUpdate { from: from() },
            5 => Action::Backup,
            6 => Action::Write { items: Arc::from([]) },
            _ => Action::Files { from: from() },
        };
        let [site, model, subnet, switch, tag] = self.per;
        let glob = || globset::Glob::new("rec*").unwrap().compile_matcher();
        let per = PerPart {
            site,
            model,
            subnet,
            switch,
            tag: tag.map(|limit| (glob(), limit)).into_iter().collect(),
        };
        let rate = |count: Option<u32>| count.map(|count| Rate { count, per: TimeDelta::minutes(10) });
        let select = if self.selected { vec![] } else { vec!["vendor=nobody".to_owned()] };
        let policy = Policy {
            calendar: self.calendar(),
            idle: self.idle,
            pace: Pace {
                down_at_once: self.at_once,
                per,
                notify_rate: rate(self.rates[0]),
                registrations: rate(self.rates[1]),
                downloads: self.downloads,
                spread: self.spread.map(TimeDelta::minutes),
                ..Pace::default()
            },
            coverage: self
                .coverage
                .iter()
                .map(|(n, rule)| Coverage { group: group(*n), rule: *rule })
                .collect(),
            retry: self.retry.clone(),
            acts_from: self.acts_in.map(|minutes| self.instant() + TimeDelta::minutes(minutes)),
            ..Policy::new("night", Selection::from_words(&select).unwrap(), action)
        };
        let mut policies = vec![policy];
        if self.tie {
            let select = Selection { mac: vec![mac(0).to_string().parse().unwrap()], ..Selection::default() };
            policies.push(Policy::new("other", select, Action::Reboot));
        }
        let (known, waits_for_idle, tells_dialogs) = (self.known_kind, self.waits, self.tells);
        let terms = move |_: &Phone| {
            known.then(|| Terms {
                triggers: vec![
                    Trigger { waits_for_idle, ..Trigger::event("reboot") },
                    Trigger::event("check-sync;reboot=true"),
                ],
                resync: vec![Trigger { waits_for_idle, ..Trigger::event("check-sync") }],
                update_boots: Some(2),
                tells_dialogs,
                serves: sipherd::domain::trip::Serves::default(),
                timing: TIMING,
                special: Default::default(),
            })
        };
        let mut rules = Rules::new(policies, chrono_tz::UTC, Arc::new(terms));
        rules.fleet_pace.down_at_once = self.fleet_at_once;
        if self.has_image {
            let image = Image {
                file: "new.bin".into(),
                part: Part::Firmware,
                handling: Handling::default(),
                vendor: Vendor::SNOM,
                models: vec![Model::new("D785")],
                version: version("10.1.198"),
                sha256: String::new(),
                size: 1,
                from_at_least: Some(version("10.1.33")),
                from_at_most: None,
                hardware: vec![],
            };
            rules.releases.insert("new".into(), Release { name: "new".into(), images: vec![image] });
        }
        rules
    }

    fn fleet(&self) -> Fleet {
        let mut fleet = Fleet::default();
        let pbxs = [PbxName::new("pbx1"), PbxName::new("pbx2")];
        pbxs.iter().for_each(|pbx| fleet.watch(pbx.clone(), TimeDelta::minutes(1)));
        let contact = |line: &LineId, n: u8| Contact {
            uri: format!("sip:{}@10.0.0.{n}", line.user).into(),
            source: Some(format!("10.0.0.{n}:5060").parse().unwrap()),
            call_id: Some("a".into()),
            user_agent: None,
            expires: None,
        };
        let (mut contacts, mut calls, mut members) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..=4 {
            let mut phone = Phone::new(mac(n), KnownBy::Inventory);
            (phone.vendor, phone.model) = (Some(Vendor::SNOM), Some(Model::new("D785")));
            (phone.site, phone.switch) = (Some(Site::new("berlin")), Some(Switch::new("sw1")));
            phone.tags.insert(Tag::new("reception"));
            phone.version = if n == 0 { self.runs.map(version) } else { Some(version("10.1.64")) };
            let lines = if n == 0 { self.lines.len() } else { 1 };
            for nth in 0..lines {
                phone.lines.insert(line(n, nth), Line::UNSEEN);
                members.push(line(n, nth));
                let up = match n {
                    0 => self.lines[nth].contacts > 0,
                    _ => matches!(self.others[n as usize - 1], Other::Up | Other::WentLately),
                };
                if up {
                    contacts.push((line(n, nth), contact(&line(n, nth), n)));
                }
                calls.push((line(n, nth), CallState::Idle));
            }
            if n == 0 {
                phone.booted = self.booted_ago.map(|ago| self.instant() - TimeDelta::minutes(ago));
            }
            fleet.introduce(phone);
        }
        for pbx in &pbxs {
            let of = |id: &LineId| id.pbx == *pbx;
            let contacts = contacts.iter().filter(|(id, _)| of(id)).cloned().collect();
            let calls = calls.iter().filter(|(id, _)| of(id)).cloned().collect();
            fleet.picture(pbx, contacts, calls, self.instant());
        }
        for (nth, desk) in self.lines.iter().enumerate() {
            fleet.calls(line(0, nth), desk.calls, self.instant());
            let phone = fleet.get_mut(mac(0)).unwrap();
            let slot = phone.lines.get_mut(&line(0, nth)).unwrap();
            slot.quiet_since =
                (desk.calls == CallState::Idle).then(|| self.instant() - TimeDelta::minutes(desk.quiet));
            slot.contacts = desk.contacts;
            (slot.agent_logged_in, slot.do_not_disturb) = (desk.agent, desk.silent);
        }
        if self.told {
            let members = [1, 2].map(|n| (group(n), members.clone()));
            fleet.set_groups(&pbxs[0], members.into());
        }
        if !self.fresh {
            fleet.watch(pbxs[0].clone(), TimeDelta::minutes(-1));
        }
        fleet
    }

    fn trip(&self, n: u8, goal: Goal, attempt: u32) -> Plan {
        let lines = vec![LineBefore { line: line(n, 0), call_id: None, expires: None, address: None }];
        Plan {
            phone: mac(n),
            policy: "night".into(),
            attempt,
            goal,
            line: line(n, 0),
            triggers: vec![Trigger::event("reboot")],
            look: LastLook::NONE,
            serves: sipherd::domain::trip::Serves::default(),
            timing: TIMING,
            runs: None,
            lines,
        }
    }

    /// The scheduler and the fleet of this world.
    pub fn stage(&self) -> (Scheduler, Fleet) {
        let (mut scheduler, fleet, now) = (Scheduler::new(self.rules()), self.fleet(), self.instant());
        for (n, other) in (1..).zip(self.others) {
            let plan = self.trip(n, Goal::Reboot, 1);
            let ago = |seconds| now - TimeDelta::seconds(seconds);
            match other {
                Other::Up | Other::Unplugged => {}
                Other::Away => {
                    let (mut trip, _) = Trip::begin(plan, ago(40));
                    trip.handle(ago(40), Input::Confirmed);
                    scheduler.resume(&trip);
                }
                Other::Lost => {
                    let failure = Failure::NeverReturned { missing: vec![line(n, 0)] };
                    scheduler.remember(Trip::over(plan, ago(900), ago(300), Outcome::Failed { failure }));
                }
                Other::WentLately => {
                    scheduler.remember(Trip::over(plan, ago(200), ago(100), Outcome::Rebooted));
                }
            }
        }
        if let Some(before) = &self.before {
            let target = version("10.1.198");
            let goal = match before.goal {
                0 => Goal::Reboot,
                1 => Goal::Resync,
                _ => Goal::Update {
                    release: "new".into(),
                    file: "new.bin".into(),
                    target: target.clone(),
                    part: Part::Firmware,
                },
            };
            let failed = |failure| Outcome::Failed { failure };
            let outcome = match before.ended {
                0 => Outcome::Rebooted,
                1 => Outcome::Resynced,
                2 => Outcome::Cancelled,
                3 => failed(Failure::Refused { status: 403, phrase: "Forbidden".into() }),
                4 => failed(Failure::NeverReturned { missing: vec![line(0, 0)] }),
                5 => failed(Failure::NeverLeft),
                _ => failed(Failure::NotReachable { why: "no route".into() }),
            };
            let ended = now - TimeDelta::minutes(before.ago);
            let plan = self.trip(0, goal, before.attempt);
            scheduler.remember(Trip::over(plan, ended - TimeDelta::minutes(2), ended, outcome));
            if self.found {
                scheduler.found(mac(0), now);
            }
        }
        if self.withdrawn {
            let outcome = Outcome::Withdrawn { why: "a call".to_owned() };
            scheduler.ended(&Trip::over(self.trip(0, Goal::Reboot, 1), now, now, outcome), now);
        }
        if let Some((at_once, even_in_a_call)) = self.job {
            let job = AdHoc { name: "reboot-1".into(), now: at_once, even_in_a_call };
            scheduler.ask_for(&job, &[mac(0)], now);
        }
        if self.draining {
            scheduler.drain();
        }
        (scheduler, fleet)
    }

    /// What the gates say now.
    pub fn judge(&self) -> Judged {
        let (scheduler, fleet) = self.stage();
        let now = self.instant();
        scheduler.judge(fleet.get(mac(0)).unwrap(), now, now, &fleet)
    }
}
