//! The gates that ask about the other phones: coverage and budgets.

use std::sync::Arc;

use super::{AD_HOC_AT_ONCE, Judge, Mandate};
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason};

impl<'a> Judge<'a> {
    pub(super) fn coverage(&self) -> GateAnswer {
        self.open(Gate::Coverage, || "in no group".into())
    }

    /// The budget the phone needs a place of: its name, places taken, places there are.
    pub(super) fn purse(&self, mandate: &Mandate<'a>) -> (Arc<str>, u32, u32) {
        match mandate {
            Mandate::Job(job) => (job.name.clone(), self.sky.budgets.down(&job.name), AD_HOC_AT_ONCE),
            Mandate::Policy(policy) => {
                let down = self.sky.budgets.down(&policy.name);
                (policy.name.clone(), down, policy.pace.down_at_once)
            }
        }
    }

    pub(super) fn budget(&self, mandate: Option<&Mandate<'a>>) -> GateAnswer {
        let Some(mandate) = mandate else { return self.open(Gate::Budget, || "nothing asked for".into()) };
        if self.sky.budgets.holds(self.phone.mac) {
            return self.open(Gate::Budget, || "has its place".into());
        }
        let (budget, down, limit) = self.purse(mandate);
        let mut held = Vec::new();
        let saw = || format!("{down} of {limit} down");
        if down >= limit {
            held.push(Reason::BudgetFull { budget, down, limit });
        }
        let in_all = self.sky.budgets.down_in_all();
        if let Some(limit) = self.sky.rules.fleet_pace.down_at_once.filter(|limit| in_all >= *limit) {
            held.push(Reason::BudgetFull { budget: "the whole fleet".into(), down: in_all, limit });
        }
        if held.is_empty() { self.open(Gate::Budget, saw) } else { self.closed(Gate::Budget, held, None) }
    }
}
