//! Random towns and random nights, held against limits counted from scratch after every step.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use proptest::prelude::*;

use super::town::{Desk, Town, cover, line_of, mac, night};
use super::{at, rules};
use crate::domain::phone::{CallState, Mac, PbxName};
use crate::domain::policy::verdict::Reason;
use crate::domain::policy::{Coverage, CoverageRule, Group, Pace, PerPart, Policy, Rate, Selection, Share};
use crate::domain::rules::Rules;

const PHONES: u32 = 14;
const SITES: [&str; 2] = ["berlin", "bonn"];
const GROUPS: [&str; 2] = ["reception", "support"];
const OWNERS: [&str; 2] = ["mine", "yours"];

#[derive(Debug, Clone)]
enum Event {
    Calls(u32, bool),
    Plug(u32, bool),
    /// The n-th of those away is back, or lost.
    End(usize, bool),
    Find(usize),
    Job(u32),
    /// So many seconds pass.
    Wait(i64),
    /// Other limits from now on.
    Reload(usize),
    /// The PBX tells another ring group.
    Ring(u32, u32),
    /// The phone moves to the other site.
    Move(u32),
}

/// The limits of one policy, and what it covers.
#[derive(Debug, Clone)]
struct Limits {
    all: u32,
    site: Option<u32>,
    switch: Option<u32>,
    subnet: Option<u32>,
    fleet: Option<u32>,
    rate: Option<u32>,
    lines: Option<u32>,
    cover: Vec<(usize, CoverageRule)>,
    ring: Option<u32>,
}

fn limits() -> impl Strategy<Value = Limits> {
    let few = || proptest::option::of(1_u32..3);
    let rule = prop_oneof![
        4 => (0_u32..4).prop_map(|n| CoverageRule::KeepUp(Share::Count(n))),
        2 => (1_u8..100).prop_map(|n| CoverageRule::KeepUp(Share::Percent(n))),
        2 => Just(CoverageRule::KeepUp(Share::AllBut(1))),
        1 => Just(CoverageRule::Exclude),
        2 => Just(CoverageRule::Last),
    ];
    let cover = proptest::collection::vec((0_usize..2, rule), 0..3);
    let rates = (proptest::option::weighted(0.3, 1_u32..4), proptest::option::weighted(0.3, 1_u32..4));
    let ring = proptest::option::weighted(0.3, 1_u32..4);
    (1_u32..6, few(), few(), few(), proptest::option::of(2_u32..5), rates, cover, ring).prop_map(
        |(all, site, switch, subnet, fleet, (rate, lines), cover, ring)| Limits {
            all,
            site,
            switch,
            subnet,
            fleet,
            rate,
            lines,
            cover,
            ring,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let phone = || 0..PHONES;
    prop_oneof![
        3 => (phone(), any::<bool>()).prop_map(|(n, idle)| Event::Calls(n, idle)),
        2 => (phone(), any::<bool>()).prop_map(|(n, on)| Event::Plug(n, on)),
        6 => (0_usize..4, prop::bool::weighted(0.8)).prop_map(|(n, back)| Event::End(n, back)),
        1 => (0_usize..4).prop_map(Event::Find),
        1 => phone().prop_map(Event::Job),
        4 => (1_i64..90).prop_map(Event::Wait),
        1 => (0_usize..2).prop_map(Event::Reload),
        1 => (phone(), phone()).prop_map(|(from, to)| Event::Ring(from, to)),
        1 => phone().prop_map(Event::Move),
    ]
}

fn desks() -> impl Strategy<Value = Vec<Desk>> {
    let desk = (0_usize..2, 0_u32..3, 0_u8..2, 0_u32..3, 0_usize..2, 0_usize..6).prop_map(
        |(site, switch, net, more_lines, owner, group)| {
            let mut tags = vec![OWNERS[owner].to_owned()];
            tags.extend(
                GROUPS.iter().enumerate().filter(|(n, _)| group & (1 << n) != 0).map(|(_, t)| (*t).into()),
            );
            Desk {
                site: Some(SITES[site]),
                switch: Some(switch.to_string()),
                net,
                more_lines,
                tags,
                model: None,
            }
        },
    );
    proptest::collection::vec(desk, PHONES as usize)
}

/// Two policies with the same limits; the first one covers.
fn rules_of(limits: &Limits) -> Rules {
    let minute = |count| Rate { count, per: TimeDelta::seconds(60) };
    let mut all = night(limits.all, |policy| {
        let (site, switch, subnet) = (limits.site, limits.switch, limits.subnet);
        policy.pace = Pace {
            per: PerPart { site, switch, subnet, ..PerPart::default() },
            notify_rate: limits.rate.map(minute),
            registrations: limits.lines.map(minute),
            ..Pace::at_once(limits.all)
        };
        policy.coverage = limits.cover.iter().map(|(n, rule)| cover(GROUPS[*n], *rule)).collect();
        let rule = limits.ring.map(|keep| CoverageRule::KeepUp(Share::Count(keep)));
        let group = || Group::RingGroup("600".into());
        policy.coverage.extend(rule.map(|rule| Coverage { group: group(), rule }));
        policy.select = Selection::from_words(&["tag=mine"]).unwrap();
    });
    let pace = all.policies[0].pace.clone();
    let yours = rules(limits.all, None).policies.remove(0);
    let select = Selection::from_words(&["tag=yours"]).unwrap();
    all.policies.push(Policy { name: "other".into(), select, pace, ..yours });
    all.fleet_pace.down_at_once = limits.fleet;
    all
}

/// A night, and what is known of it without asking the scheduler.
struct Night {
    town: Town,
    limits: Limits,
    lost: BTreeMap<Mac, String>,
    starts: Vec<(i64, u32, String)>,
    ring: BTreeSet<u32>,
    told: bool,
}

impl Night {
    fn new(desks: Vec<Desk>, limits: Limits) -> Self {
        let town = Town::new(rules_of(&limits), desks);
        Self { town, limits, lost: BTreeMap::new(), starts: Vec::new(), ring: BTreeSet::new(), told: false }
    }

    fn desk(&self, mac: Mac) -> (u32, &Desk) {
        let n = u32::from(mac.octets()[5]);
        (n, &self.town.desks[n as usize])
    }

    fn happens(&mut self, event: &Event, choices: &[Limits]) {
        let nth = |n: usize, macs: Vec<Mac>| (!macs.is_empty()).then(|| macs[n % macs.len()]);
        match event {
            Event::Calls(n, idle) => {
                self.town.calls(*n, if *idle { CallState::Idle } else { CallState::Talking });
            }
            Event::Plug(n, true) => self.town.plug_in(*n),
            Event::Plug(n, false) => self.town.pull_out(*n),
            Event::End(n, back) => {
                let Some(mac) = nth(*n, self.town.away.keys().copied().collect()) else { return };
                let owner = self.town.away[&mac].0.policy.to_string();
                self.town.end(mac, *back);
                if *back {
                    self.lost.remove(&mac);
                } else {
                    self.lost.insert(mac, owner);
                }
            }
            Event::Find(n) => {
                let Some(mac) = nth(*n, self.lost.keys().copied().collect()) else { return };
                assert!(self.town.scheduler.found(mac, at(self.town.now)));
                self.lost.remove(&mac);
            }
            Event::Job(n) => self.town.ask(*n, false),
            Event::Wait(seconds) => self.waits(*seconds),
            Event::Reload(n) => {
                self.limits = choices[*n].clone();
                let now = at(self.town.now);
                self.town.scheduler.adopt(rules_of(&self.limits), &self.town.fleet, now);
            }
            Event::Ring(from, to) => {
                self.ring = (*from..*to).collect();
                self.told = !self.ring.is_empty();
                let lines = self.ring.iter().map(|n| line_of(*n, 0)).collect();
                let groups =
                    if self.told { vec![(Group::RingGroup("600".into()), lines)] } else { Vec::new() };
                self.town.fleet.set_groups(&PbxName::new("pbx1"), groups);
            }
            Event::Move(n) => {
                let desk = &mut self.town.desks[*n as usize];
                desk.site = SITES.into_iter().find(|site| Some(*site) != desk.site);
                let phone = desk.phone(*n);
                self.town.fleet.introduce(phone);
                self.town.scheduler.touch(mac(*n), at(self.town.now));
                // Where a phone that is away stands is worked out at the next reload.
                let (now, fleet) = (at(self.town.now), &self.town.fleet);
                self.town.scheduler.adopt(rules_of(&self.limits), fleet, now);
            }
        }
    }

    /// Time passes, and passes come when the scheduler asks for them.
    fn waits(&mut self, seconds: i64) {
        let end = self.town.now + seconds;
        loop {
            let next = self.town.scheduler.next_pass().map(|next| (next - at(0)).num_milliseconds());
            let next = next.map_or(end, |ms| ms.div_euclid(1000) + i64::from(ms.rem_euclid(1000) > 0));
            if next >= end {
                break;
            }
            self.nobody_may_go_before(next);
            self.pass(next.max(self.town.now));
        }
        self.nobody_may_go_before(end);
        self.town.now = end;
    }

    /// Nothing changes by time alone before the scheduler wants to look.
    fn nobody_may_go_before(&mut self, second: i64) {
        if second > self.town.now + 1 {
            self.town.now = second - 1;
            self.nobody_may_go();
        }
    }

    fn nobody_may_go(&self) {
        if self.limits.lines.is_some() {
            // There one waits in line although the rate would bear it.
            return;
        }
        for n in (0..PHONES).filter(|n| !self.town.away.contains_key(&mac(*n))) {
            assert!(!self.town.reasons(n).is_empty(), "phone {n} could go at {}", self.town.now);
        }
    }

    fn pass(&mut self, second: i64) {
        let going = self.town.pass_at(second);
        for mac in &going {
            let owner = self.town.away[mac].0.policy.to_string();
            let lines = 1 + self.desk(*mac).1.more_lines;
            self.starts.push((second, lines, owner));
        }
        self.limits_hold(&going);
        self.nobody_may_go();
    }

    /// Counts everything anew for those that went just now.
    fn limits_hold(&self, going: &[Mac]) {
        let mut down: BTreeMap<Mac, String> = self.lost.clone();
        down.extend(self.town.away.iter().map(|(mac, (plan, _))| (*mac, plan.policy.to_string())));
        for went in going.iter().filter(|mac| !self.lost.contains_key(mac)) {
            let owner = &down[went];
            let (n, desk) = self.desk(*went);
            let count = |same: &dyn Fn(&Desk) -> bool| {
                let own = down.iter().filter(|(mac, of)| *of == owner && same(self.desk(**mac).1));
                u32::try_from(own.count()).unwrap()
            };
            let within = |limit: Option<u32>, down: u32, what: &str| {
                assert!(limit.is_none_or(|limit| down <= limit), "{what}: {down} of {limit:?}");
            };
            within(self.limits.fleet, u32::try_from(down.len()).unwrap(), "the fleet");
            if owner.starts_with("reboot-") {
                within(Some(5), count(&|_| true), "a job");
            } else {
                within(Some(self.limits.all), count(&|_| true), "the policy");
                within(self.limits.site, count(&|d| d.site == desk.site), "the site");
                within(self.limits.switch, count(&|d| d.switch == desk.switch), "the switch");
                within(self.limits.subnet, count(&|d| d.net == desk.net), "the subnet");
                self.rates_hold(owner);
            }
            for (group, rule) in &self.limits.cover {
                if desk.tags.iter().any(|tag| tag == GROUPS[*group]) {
                    self.covered(*rule, &|_, d| d.tags.iter().any(|tag| tag == GROUPS[*group]), &down);
                }
            }
            if let Some(keep) = self.limits.ring {
                assert!(self.told || !desk.tags.contains(&"mine".to_owned()), "nobody told");
                if self.ring.contains(&n) {
                    let rule = CoverageRule::KeepUp(Share::Count(keep));
                    self.covered(rule, &|n, _| self.ring.contains(&n), &down);
                }
            }
        }
    }

    fn covered(
        &self,
        rule: CoverageRule,
        belongs: &dyn Fn(u32, &Desk) -> bool,
        down: &BTreeMap<Mac, String>,
    ) {
        let members = (0..PHONES).filter(|n| belongs(*n, &self.town.desks[*n as usize]));
        let members: Vec<u32> = members.collect();
        let registered = |n: &&u32| {
            let phone = self.town.fleet.get(mac(**n)).unwrap();
            phone.lines.values().any(|line| line.contact.is_some())
        };
        let up = members.iter().filter(registered).filter(|n| !down.contains_key(&mac(**n))).count();
        match rule {
            CoverageRule::KeepUp(share) => {
                assert!(up >= share.of(members.len()), "{up} of {} up, {share:?}", members.len());
            }
            CoverageRule::Exclude => panic!("an excluded phone went"),
            CoverageRule::Last => {}
        }
    }

    fn rates_hold(&self, owner: &str) {
        let lately = self.starts.iter().filter(|(at, _, of)| of == owner && *at > self.town.now - 60);
        let lately: Vec<u32> = lately.map(|(_, lines, _)| *lines).collect();
        if let Some(count) = self.limits.rate {
            assert!(lately.len() <= count as usize, "{lately:?}");
        }
        if let Some(count) = self.limits.lines {
            let sum: u32 = lately.iter().sum();
            assert!(sum <= count || lately.len() == 1, "{sum} registrations: {lately:?}");
        }
    }

    /// Everything is free and nobody calls: sooner or later each phone goes.
    fn all_are_done_in_the_end(&mut self) {
        for mac in self.town.away.keys().copied().collect::<Vec<_>>() {
            self.town.end(mac, true);
        }
        for mac in std::mem::take(&mut self.lost).into_keys() {
            self.town.scheduler.found(mac, at(self.town.now));
        }
        for n in 0..PHONES {
            self.town.plug_in(n);
            self.town.calls(n, CallState::Idle);
        }
        self.pass(self.town.now);
        let end = self.town.now + 3 * 3_600;
        while self.town.step(end) {}
        for n in 0..PHONES {
            let waits = self.town.reasons(n).into_iter().find(|reason| {
                matches!(
                    reason,
                    Reason::BudgetFull { .. } | Reason::RateReached { .. } | Reason::GoesLast { .. }
                ) || matches!(reason, Reason::Coverage { group, keep, .. } if self.could_spare(group, *keep))
            });
            let done = self.town.reasons(n).iter().any(|r| matches!(r, Reason::AlreadyRebooted { .. }));
            assert!(done || waits.is_none(), "phone {n} was never let go: {waits:?}");
            assert!(!self.town.reasons(n).is_empty(), "phone {n} was forgotten");
        }
    }

    fn could_spare(&self, group: &str, keep: u32) -> bool {
        let size = match group {
            "ring group 600" => self.ring.len(),
            tag => self.town.desks.iter().filter(|desk| desk.tags.iter().any(|t| t == tag)).count(),
        };
        size > keep as usize
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_limit_is_passed_nobody_is_forgotten_and_no_change_is_missed(
        desks in desks(),
        choices in proptest::collection::vec(limits(), 2),
        events in proptest::collection::vec(event(), 1..40),
    ) {
        let mut night = Night::new(desks, choices[0].clone());
        night.pass(-60);
        night.pass(0);
        for event in &events {
            night.happens(event, &choices);
            night.pass(night.town.now);
        }
        night.all_are_done_in_the_end();
    }
}
