//! The gates that ask about what only a deployment service does: settings of Unify phones.

use chrono::{DateTime, Utc};

use super::Judge;
use crate::domain::items::WantedItem;
use crate::domain::phone::Vendor;
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason};
use crate::domain::rules::Terms;
use crate::domain::trip::{Goal, Outcome, Trip, Way};

impl<'a> Judge<'a> {
    /// Whether such phones have a deployment service that they call: asked to, or at their own polls.
    pub(super) fn calls_its_service(&self, terms: &Terms) -> bool {
        let asked = terms.triggers.iter().any(|trigger| trigger.way == Way::ContactMe);
        asked || terms.polls() && self.phone.vendor == Some(Vendor::UNIFY)
    }

    /// Whether these very settings were read back from the phone in this opening.
    pub(super) fn items_are_written(
        &self,
        items: &[WantedItem],
        done: Option<&Trip>,
        again: impl FnOnce() -> Option<DateTime<Utc>>,
    ) -> GateAnswer {
        let same = |goal: &Goal| matches!(goal, Goal::Write { items: those } if **those == *items);
        let written = |trip: &&Trip| matches!(trip.outcome(), Some(Outcome::Written { .. }));
        match done.filter(written).filter(|trip| same(&trip.plan().goal)) {
            Some(trip) => self.hold(Gate::Current, Reason::AlreadyWritten { at: trip.since() }, again()),
            None => self.open(Gate::Current, || format!("{} items once in each window", items.len())),
        }
    }
}
