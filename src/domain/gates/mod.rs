//! Asks every gate about one phone. The scheduler, the preview and the explanation all ask here.

mod lines;
mod modules;
mod patience;
mod penalty;
mod places;
mod service;
mod window;
mod work;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::domain::budget::Budgets;
use crate::domain::fleet::View;
use crate::domain::hours::Hours;
use crate::domain::phone::{Mac, PbxName, Phone};
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason, Verdict};
use crate::domain::rules::{Rules, Terms};
use crate::domain::scheduler::Door;
use crate::domain::trip::{Goal, LastLook, Trigger, Trip};

/// What a person asked for, outside all policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdHoc {
    /// The job's name.
    pub name: Arc<str>,
    /// Do not wait for a window.
    pub now: bool,
    /// Do not wait for idle either.
    pub even_in_a_call: bool,
}

/// What is remembered of one phone between its trips.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The last trip that sent something and ended.
    pub last: Option<Trip>,
    /// The last look withdrew: until when the phone is left alone, and what was seen.
    pub withdrawn: Option<(DateTime<Utc>, String)>,
    /// How many looks withdrew since something was last sent to it: whoever withdraws often goes last.
    pub withdrawals: u32,
    /// When it was last seen again after it had been lost.
    pub found: Option<DateTime<Utc>>,
}

impl Past {
    /// Whether a boot seen now may be one that was ordered, although its trip is over: the phone left late, was lost, or
    /// registers line by line.
    pub fn may_still_boot(&self, now: DateTime<Utc>) -> bool {
        let Some(last) = &self.last else { return false };
        let found = self.found.map(|found| found + last.plan().timing.boot);
        last.may_still_boot(now) || found.is_some_and(|until| now < until)
    }
}

/// What the gates look at, besides the phone.
#[derive(Clone, Copy)]
pub struct Sky<'a> {
    /// The rules in force.
    pub rules: &'a Rules,
    /// The PBXs' views, as old as they are now.
    pub views: &'a std::collections::BTreeMap<PbxName, View>,
    /// Places taken.
    pub budgets: &'a Budgets,
    /// Ad hoc jobs by phone.
    pub jobs: &'a HashMap<Mac, AdHoc>,
    /// What is remembered of phones.
    pub past: &'a HashMap<Mac, Past>,
    /// Phones that went and were not seen again.
    pub lost: &'a BTreeSet<Mac>,
    /// The daemon starts nothing new.
    pub draining: bool,
    /// When phones polled that are asked by nothing else; `None` takes their polls for granted.
    pub door: Option<&'a Door>,
    /// Now: the instant to which the views' ages are counted.
    pub now: DateTime<Utc>,
    /// What is known of the windows already.
    pub hours: &'a Hours<'a>,
    /// Whether the answers are put into words as well; a pass over a whole fleet needs none.
    pub in_words: bool,
}

/// Who wants something of the phone.
pub(super) enum Mandate<'a> {
    Job(&'a AdHoc),
    Policy(&'a super::policy::Policy),
}

impl Mandate<'_> {
    /// The name of the policy or job.
    pub(super) fn name(&self) -> &Arc<str> {
        match self {
            Self::Job(job) => &job.name,
            Self::Policy(policy) => &policy.name,
        }
    }
}

/// What a phone that may go is to do.
#[derive(Debug, Clone)]
pub struct Order {
    /// The policy or job.
    pub policy: Arc<str>,
    /// What for.
    pub goal: Goal,
    /// How its kind is treated.
    pub terms: Terms,
    /// 1 for the first trip towards this goal.
    pub attempt: u32,
    /// How it is asked, first choice first.
    pub triggers: Vec<Trigger>,
    /// The last look before that.
    pub look: LastLook,
}

/// The answers of all gates and, as far as it can be told, what the phone would do.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The answers.
    pub verdict: Verdict,
    /// What is to be done; `None` where no mandate or no profile says.
    pub order: Option<Order>,
    /// The policy or job it would go for.
    pub budget: Option<Arc<str>>,
}

impl Judged {
    /// Whether only other phones are in the way: a place, or a group that must stay up.
    pub fn waits_for_place(&self) -> bool {
        self.order.is_some()
            && self
                .verdict
                .gates
                .iter()
                .all(|g| g.is_open() || matches!(g.gate, Gate::Coverage | Gate::Budget))
    }

    /// The next instant at which any closed gate changes by itself.
    pub fn next_change(&self) -> Option<DateTime<Utc>> {
        self.verdict.gates.iter().filter(|g| !g.is_open()).filter_map(|g| g.changes).min()
    }
}

/// Asks all gates about a phone at the instant `at`.
///
/// With `at` later than now, what is seen now (registrations, calls, views) is taken to stay as it is.
pub fn judge(phone: &Phone, at: DateTime<Utc>, sky: &Sky<'_>) -> Judged {
    Judge::new(phone, at, sky).all(true)
}

/// Asks only the gates that ask about the phone itself; those that ask about the other phones are shown open.
pub fn judge_alone(phone: &Phone, at: DateTime<Utc>, sky: &Sky<'_>) -> Judged {
    Judge::new(phone, at, sky).all(false)
}

pub(super) struct Judge<'a> {
    pub(super) phone: &'a Phone,
    pub(super) at: DateTime<Utc>,
    pub(super) sky: &'a Sky<'a>,
    pub(super) terms: Option<Terms>,
    pub(super) mandate: Result<Option<Mandate<'a>>, Vec<Arc<str>>>,
    pub(super) zone: Tz,
}

impl<'a> Judge<'a> {
    fn new(phone: &'a Phone, at: DateTime<Utc>, sky: &'a Sky<'a>) -> Self {
        let mandate = match sky.jobs.get(&phone.mac) {
            Some(job) => Ok(Some(Mandate::Job(job))),
            None => sky.rules.policy_for(phone).map(|policy| policy.map(Mandate::Policy)),
        };
        Self { phone, at, sky, terms: (sky.rules.terms)(phone), mandate, zone: sky.rules.zone_of(phone) }
    }

    fn all(mut self, and_the_others: bool) -> Judged {
        let mandate = self.mandate.as_ref().ok().and_then(Option::as_ref);
        let opening = mandate.and_then(|m| self.opening(m));
        let goal = mandate.and_then(|m| self.goal(m));
        let (idle, leave) = self.idle(mandate, goal.as_ref(), opening);
        let mut gates = Vec::with_capacity(Gate::ALL.len());
        gates.extend([
            self.identity(),
            self.selected(),
            self.current(mandate, opening),
            self.image(mandate),
            self.penalty(mandate, goal.as_ref(), opening),
            self.window(mandate, goal.as_ref()),
            self.blackout(mandate, goal.as_ref()),
            self.view(mandate),
            self.registered(),
            idle,
        ]);
        let (coverage, budget) = if and_the_others {
            (self.coverage(mandate), self.budget(mandate, goal.as_ref()))
        } else {
            let not_asked = |gate| self.open(gate, || "not asked".into());
            (not_asked(Gate::Coverage), not_asked(Gate::Budget))
        };
        gates.extend([coverage, budget]);
        let order = mandate.zip(goal).zip(self.terms.take()).map(|((mandate, goal), terms)| {
            let policy = match mandate {
                Mandate::Job(job) => job.name.clone(),
                Mandate::Policy(policy) => policy.name.clone(),
            };
            let attempt = self.attempts(mandate, &goal, opening) + 1;
            let triggers = leave.triggers(&terms, &goal);
            Order { policy, goal, attempt, triggers, look: leave.look, terms }
        });
        let budget = mandate.map(Mandate::name).cloned();
        Judged { verdict: Verdict { gates }, order, budget }
    }

    pub(super) fn open(&self, gate: Gate, saw: impl FnOnce() -> String) -> GateAnswer {
        GateAnswer { gate, holds: Vec::new(), saw: self.in_words(saw), changes: None }
    }

    pub(super) fn hold(&self, gate: Gate, reason: Reason, changes: Option<DateTime<Utc>>) -> GateAnswer {
        self.closed(gate, vec![reason], changes)
    }

    pub(super) fn closed(&self, gate: Gate, held: Vec<Reason>, changes: Option<DateTime<Utc>>) -> GateAnswer {
        GateAnswer { gate, saw: self.in_words(|| self.told(&held)), holds: held, changes }
    }

    pub(super) fn in_words(&self, saw: impl FnOnce() -> String) -> String {
        if self.sky.in_words { saw() } else { String::new() }
    }

    /// The reasons in words, with times as the phone's zone shows them.
    pub(super) fn told(&self, reasons: &[Reason]) -> String {
        reasons.iter().map(|reason| reason.told_in(self.zone)).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests;
