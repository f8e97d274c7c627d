//! A town of phones that each need a minute for their trip, and an hour hand that goes from change to change.

use std::collections::BTreeMap;

use super::{at, rules};
use crate::domain::fleet::Fleet;
use crate::domain::gates::AdHoc;
use crate::domain::phone::{
    CallState, Contact, KnownBy, Line, LineId, Mac, Model, PbxName, Phone, Site, Switch, Tag,
};
use crate::domain::policy::verdict::Reason;
use crate::domain::policy::{Coverage, CoverageRule, Group, Policy};
use crate::domain::rules::Rules;
use crate::domain::scheduler::Scheduler;
use crate::domain::trip::{Input, Plan, Trip};
use chrono::TimeDelta;

/// How long a trip takes, in seconds.
pub const TRIP: i64 = 60;

pub fn mac(n: u32) -> Mac {
    let [_, b, c, d] = n.to_be_bytes();
    Mac::new([0, 4, 0x13, b, c, d])
}

/// A phone as a test describes it.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    pub site: Option<&'static str>,
    pub switch: Option<String>,
    pub model: Option<&'static str>,
    pub tags: Vec<String>,
    /// Lines behind the first.
    pub more_lines: u32,
    /// The third octet of its address.
    pub net: u8,
}

pub fn line_of(n: u32, nth: u32) -> LineId {
    LineId { pbx: PbxName::new("pbx1"), user: format!("{}-{nth}", 20_000 + n).into() }
}

impl Desk {
    pub fn at_site(site: &'static str) -> Self {
        Self { site: Some(site), ..Self::default() }
    }

    pub fn on_switch(switch: impl ToString) -> Self {
        Self { switch: Some(switch.to_string()), ..Self::default() }
    }

    pub fn tagged(tags: &[&str]) -> Self {
        Self { tags: tags.iter().map(ToString::to_string).collect(), ..Self::default() }
    }

    pub fn phone(&self, n: u32) -> Phone {
        let mut phone = Phone::new(mac(n), KnownBy::Inventory);
        phone.site = self.site.map(Site::new);
        phone.switch = self.switch.clone().map(Switch::new);
        phone.model = self.model.map(Model::new);
        phone.tags = self.tags.iter().cloned().map(Tag::new).collect();
        for nth in 0..=self.more_lines {
            phone.lines.insert(line_of(n, nth), Line::UNSEEN);
        }
        phone
    }
}

pub struct Town {
    pub fleet: Fleet,
    pub scheduler: Scheduler,
    pub desks: Vec<Desk>,
    pub away: BTreeMap<Mac, (Plan, i64)>,
    pub now: i64,
    pub done: Vec<(i64, Mac)>,
}

impl Town {
    /// All phones registered and idle, a minute before the window opens.
    pub fn new(rules: Rules, desks: Vec<Desk>) -> Self {
        let mut fleet = Fleet::default();
        fleet.watch(PbxName::new("pbx1"), TimeDelta::days(30));
        fleet.picture(&PbxName::new("pbx1"), Vec::new(), Vec::new(), at(-60));
        for (n, desk) in (0..).zip(&desks) {
            fleet.introduce(desk.phone(n));
        }
        let scheduler = Scheduler::new(rules);
        let mut town = Self { fleet, scheduler, desks, away: BTreeMap::new(), now: -60, done: Vec::new() };
        for n in 0..u32::try_from(town.desks.len()).unwrap() {
            town.plug_in(n);
            town.calls(n, CallState::Idle);
        }
        town
    }

    fn lines(&self, n: u32) -> Vec<LineId> {
        (0..=self.desks[n as usize].more_lines).map(|nth| line_of(n, nth)).collect()
    }

    pub fn plug_in(&mut self, n: u32) {
        let contact = Contact {
            uri: format!("sip:{n}@10.0.0.1").into(),
            source: Some(([10, 0, self.desks[n as usize].net, 1], 5060).into()),
            call_id: Some("a".into()),
            user_agent: None,
            expires: None,
        };
        for line in self.lines(n) {
            self.fleet.contacts(line, vec![contact.clone()]);
        }
        self.scheduler.touch(mac(n), at(self.now));
    }

    pub fn pull_out(&mut self, n: u32) {
        for line in self.lines(n) {
            self.fleet.contacts(line, Vec::new());
        }
        self.scheduler.touch(mac(n), at(self.now));
    }

    pub fn calls(&mut self, n: u32, state: CallState) {
        for line in self.lines(n) {
            self.fleet.calls(line, state, at(self.now));
        }
        self.scheduler.touch(mac(n), at(self.now));
    }

    /// A pass at an instant; says who went.
    pub fn pass_at(&mut self, second: i64) -> Vec<Mac> {
        self.now = second;
        let away = &self.away;
        let going = self.scheduler.pass(at(second), &self.fleet, &|mac| away.contains_key(&mac));
        let macs = going.iter().map(|(plan, _)| plan.phone).collect();
        self.away.extend(going.into_iter().map(|(plan, _)| (plan.phone, (plan, second + TRIP))));
        macs
    }

    /// The phone is back, or lost.
    pub fn end(&mut self, mac: Mac, is_back: bool) {
        let (plan, _) = self.away.remove(&mac).unwrap();
        let line = plan.line.clone();
        let lines: Vec<LineId> = plan.lines.iter().map(|before| before.line.clone()).collect();
        let (mut trip, _) = Trip::begin(plan, at(self.now - 1));
        trip.handle(at(self.now - 1), Input::Confirmed);
        trip.handle(at(self.now - 1), Input::Gone { line });
        if is_back {
            for line in lines {
                let call_id = Some("b".into());
                let back = Input::Registered { line, call_id, expires: None, version: None };
                trip.handle(at(self.now), back);
            }
            self.done.push((self.now, mac));
        } else {
            trip.handle(at(self.now + 1_000), Input::Tick { busy: false });
        }
        assert!(trip.outcome().is_some(), "{:?}", trip.state());
        self.scheduler.ended(&trip, at(self.now));
    }

    /// Goes on to the next end of a trip or to the next pass the scheduler asks for; `false` when nothing is ahead until
    /// `end`.
    pub fn step(&mut self, end: i64) -> bool {
        let next_end = self.away.values().map(|(_, ends)| *ends).min();
        let wanted = self.scheduler.next_pass().map(|next| (next - at(0)).num_milliseconds());
        // Passes come at whole seconds here, never before they are asked for.
        let wanted = wanted.map(|ms| ms.div_euclid(1000) + i64::from(ms.rem_euclid(1000) > 0));
        let Some(next) = next_end.into_iter().chain(wanted).min().filter(|next| *next <= end) else {
            return false;
        };
        self.now = next.max(self.now);
        let ended: Vec<Mac> =
            self.away.iter().filter(|(_, (_, ends))| *ends <= self.now).map(|(mac, _)| *mac).collect();
        for mac in ended {
            self.end(mac, true);
        }
        self.pass_at(self.now);
        true
    }

    /// Goes on until every phone is done or nothing is ahead; returns how long that took, in seconds.
    pub fn run(&mut self, end: i64) -> i64 {
        while self.done.len() < self.desks.len() && self.step(end) {}
        self.done.iter().map(|(at, _)| *at).max().unwrap_or(0)
    }

    /// Why a phone is held now.
    pub fn reasons(&self, n: u32) -> Vec<Reason> {
        let phone = self.fleet.get(mac(n)).unwrap();
        let judged = self.scheduler.judge(phone, at(self.now), at(self.now), &self.fleet);
        judged.verdict.reasons().cloned().collect()
    }

    /// Why a phone is held now, in words.
    pub fn told(&self, n: u32) -> Vec<String> {
        self.reasons(n).iter().map(ToString::to_string).collect()
    }

    /// What a gate saw.
    pub fn saw(&self, n: u32, gate: crate::domain::policy::verdict::Gate) -> String {
        let phone = self.fleet.get(mac(n)).unwrap();
        let judged = self.scheduler.judge(phone, at(self.now), at(self.now), &self.fleet);
        judged.verdict.gates.into_iter().find(|answer| answer.gate == gate).unwrap().saw
    }

    pub fn ask(&mut self, n: u32, even_in_a_call: bool) {
        let job = AdHoc { name: format!("reboot-{n}").into(), now: true, even_in_a_call };
        self.scheduler.ask_for(&job, &[mac(n)], at(self.now));
    }
}

/// Rules with one policy, changed by the test.
pub fn night(down_at_once: u32, change: impl FnOnce(&mut Policy)) -> Rules {
    let mut rules = rules(down_at_once, None);
    change(&mut rules.policies[0]);
    rules
}

pub fn cover(tag: &str, rule: CoverageRule) -> Coverage {
    Coverage { group: Group::Tag(Tag::new(tag)), rule }
}
