//! The gates that ask about what only a deployment service does: settings and files of Unify phones.

use chrono::{DateTime, Utc};

use super::Judge;
use crate::domain::files::WantedFile;
use crate::domain::firmware::{Image, Misfit};
use crate::domain::items::WantedItem;
use crate::domain::phone::Vendor;
use crate::domain::policy::Firmware;
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

    /// Of these files those that the phone has not fetched so.
    fn files_left(&self, files: &[&Image]) -> Vec<WantedFile> {
        let wanted = files.iter().map(|file| WantedFile::from(*file));
        wanted.filter(|file| !file.is_among(&self.phone.files)).collect()
    }

    /// The files the phone is to load; `None` where there are none, or it has all of them.
    pub(super) fn files_goal(&self, from: &Firmware) -> Option<Goal> {
        let (release, files) = self.sky.rules.files_for(from, self.phone)?;
        let files = self.files_left(&files);
        (!files.is_empty()).then_some(Goal::Files { release, files })
    }

    /// Whether there are files that the phone has not fetched so.
    pub(super) fn files_are_there(&self, from: &Firmware) -> GateAnswer {
        let staged = self.sky.rules.files_for(from, self.phone);
        match staged.map(|(_, files)| (files.len(), self.files_left(&files).len())) {
            Some((_, 0)) => self.hold(Gate::Current, Reason::HasFiles { from: from.to_string() }, None),
            Some((all, left)) => self.open(Gate::Current, || format!("{left} of {all} files of {from}")),
            None => self.open(Gate::Current, || format!("files of {from}")),
        }
    }

    /// Whether files for such phones are staged. What hardware a phone has is no matter for them.
    pub(super) fn files_are_staged(&self, from: &Firmware) -> GateAnswer {
        match self.sky.rules.files_for(from, self.phone) {
            Some((_, files)) => self.open(Gate::Image, || {
                let names: Vec<&str> = files.iter().map(|file| file.file.as_str()).collect();
                names.join(", ")
            }),
            None if self.phone.model.is_none() => {
                let unknown = Misfit::Unknown { what: "model".to_owned() };
                self.hold(Gate::Image, Reason::Misfit(unknown), None)
            }
            None => self.hold(Gate::Image, Reason::NoFiles { from: from.to_string() }, None),
        }
    }
}
