//! The gates that ask about the other phones: coverage and budgets.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::{AdHoc, Judge, Mandate};
use crate::domain::budget::{Needs, Standing, needs};
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason};
use crate::domain::policy::{Group, Policy};
use crate::domain::trip::Goal;

impl<'a> Judge<'a> {
    /// Coverage binds whoever wants to send a phone, not the policy alone that names the group.
    pub(super) fn coverage(&self, mandate: Option<&Mandate<'a>>) -> GateAnswer {
        if let Some(Mandate::Job(AdHoc { even_in_a_call: true, .. })) = mandate {
            return self.open(Gate::Coverage, || "not waited for (--even-in-a-call)".into());
        }
        let (mac, groups) = (self.phone.mac, &self.sky.budgets.groups);
        let (mut held, mut saw) = (Vec::new(), Vec::new());
        let own = match mandate {
            Some(Mandate::Policy(policy)) => Some(*policy),
            Some(Mandate::Job(_)) => self.sky.rules.policy_for(self.phone).ok().flatten(),
            None => None,
        };
        for group in own.map_or(&[][..], |policy: &Policy| groups.untold(&policy.name)) {
            held.push(Reason::GroupUntold { group: named(group) });
        }
        let has_place = self.sky.budgets.holds(mac);
        let registered = self.phone.lines.values().any(|line| line.contact.is_some());
        // Whoever is not up takes nobody from the group.
        let would_leave = registered && !self.sky.lost.contains(&mac);
        for standing in groups.of(mac) {
            let group = || named(&standing.group);
            if standing.is_excluded() {
                held.push(Reason::Excluded { group: group() });
                continue;
            }
            if let Some(keep) = standing.keep() {
                let up = self.up(standing, would_leave);
                if would_leave && up <= keep {
                    held.push(Reason::Coverage { group: group(), up, keep });
                } else if self.sky.in_words {
                    saw.push(format!("{}: {up} up, {keep} stay up", group()));
                }
            }
            if let Some(mandate) = mandate.filter(|_| standing.goes_last() && !has_place) {
                let others = self.sky.budgets.others(mandate.name(), |mac| self.sky.lost.contains(&mac));
                if others > 0 {
                    held.push(Reason::GoesLast { group: group(), others });
                } else if self.sky.in_words {
                    saw.push(format!("{}: all others are done", group()));
                }
            }
        }
        if !held.is_empty() {
            return self.closed(Gate::Coverage, held, None);
        }
        self.open(Gate::Coverage, || if saw.is_empty() { "in no group".into() } else { saw.join("; ") })
    }

    /// How many of a group are up, the phone itself among them if it would leave it: one that has its place already
    /// does not count as up any more.
    fn up(&self, standing: &Standing, would_leave: bool) -> u32 {
        let counted = self.sky.budgets.groups.is_up(self.phone.mac);
        standing.up + u32::from(would_leave && !counted)
    }

    /// What the phone needs to go.
    fn places_needed(&self, mandate: &Mandate<'a>, goal: Option<&Goal>) -> Needs {
        let addresses: Vec<IpAddr> = self.phone.addresses().collect();
        let policy = match mandate {
            Mandate::Job(_) => None,
            Mandate::Policy(policy) => Some(*policy),
        };
        let fetches = goal.is_some_and(Goal::has_image);
        needs(self.sky.rules, self.phone, &addresses, mandate.name(), policy, fetches)
    }

    pub(super) fn budget(&self, mandate: Option<&Mandate<'a>>, goal: Option<&Goal>) -> GateAnswer {
        let Some(mandate) = mandate else { return self.open(Gate::Budget, || "nothing asked for".into()) };
        let budgets = self.sky.budgets;
        if budgets.holds(self.phone.mac) {
            return self.open(Gate::Budget, || "has its place".into());
        }
        let needs = self.places_needed(mandate, goal);
        let (mut held, mut changes): (_, Option<DateTime<Utc>>) = (Vec::new(), None);
        for (purse, limit) in &needs.purses {
            let down = budgets.down(purse);
            if down >= *limit {
                let budget = purse.to_string().into();
                held.push(Reason::BudgetFull { budget, down, limit: *limit });
            }
        }
        let waits_for_others = !held.is_empty();
        for (flow, rate, weight) in &needs.flows {
            let until = budgets.bears_from(flow, *rate, *weight, self.at);
            if until > self.at {
                let per_milliseconds = rate.per.num_milliseconds();
                let budget = flow.to_string().into();
                held.push(Reason::RateReached { budget, count: rate.count, per_milliseconds, until });
                changes = changes.max(Some(until));
            }
        }
        if !held.is_empty() {
            return self.closed(Gate::Budget, held, if waits_for_others { None } else { changes });
        }
        self.open(Gate::Budget, || {
            let told = |(purse, limit): &(_, u32)| (budgets.down(purse), *limit, format!("{purse}"));
            let mut purses: Vec<(u32, u32, String)> = needs.purses.iter().rev().map(told).collect();
            // Its policy's own comes first, and needs no name.
            let own = mandate.name();
            purses.sort_by_key(|(_, _, name)| **name != **own);
            let words = purses.into_iter().map(|(down, limit, name)| {
                if *name == **own {
                    format!("{down} of {limit} down")
                } else {
                    format!("{name}: {down} of {limit}")
                }
            });
            words.collect::<Vec<_>>().join(", ")
        })
    }
}

/// A group as people call it.
fn named(group: &Group) -> String {
    match group {
        Group::Tag(tag) => tag.to_string(),
        Group::Queue(name) => format!("queue {name}"),
        Group::RingGroup(name) => format!("ring group {name}"),
    }
}
