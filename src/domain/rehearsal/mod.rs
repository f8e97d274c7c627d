//! Cases that policy authors wrote: a few phones, some instants, and what the policies must decide then.
//!
//! Nothing is decided here. Each step builds the fleet as its author describes it and asks the scheduler that acts at
//! night; what it answers is held against what the author expects. A rule of a policy is held up by a case when the
//! case fails without it, which is found by taking the rule away and asking again.

pub mod because;
pub mod case;
pub mod report;
mod stage;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::policy::Policy;

pub use because::{Because, NoSuchReason};
pub use case::{Answer, Case, Doing, Ending, Expect, News, Player, Step, ViewNews};
pub use report::{CaseReport, Miss, StepReport};

impl Case {
    /// Plays all steps and holds the answers against what is expected.
    pub fn run(&self) -> CaseReport {
        let mut stage = stage::Stage::new(self);
        CaseReport { steps: self.steps.iter().map(|step| stage.play(step)).collect() }
    }

    /// Whether the case, which passes, fails when this policy stands in place of the one of its name.
    pub fn notices(&self, changed: &Policy) -> bool {
        let mut case = self.clone();
        match case.rules.policies.iter_mut().find(|policy| policy.name == changed.name) {
            Some(policy) => *policy = changed.clone(),
            None => return false,
        }
        let mut stage = stage::Stage::new(&case);
        !case.steps.iter().all(|step| stage.play(step).passes())
    }

    /// The names of the policies in force.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<str>> {
        self.rules.policies.iter().map(|policy| &policy.name)
    }
}
