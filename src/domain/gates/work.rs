//! The gates that ask what there is to do for the phone: known, selected, not yet done, image.

use std::sync::Arc;

use super::{AdHoc, Judge, Mandate};
use crate::domain::firmware::{Image, fits};
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason};
use crate::domain::policy::{Action, Calendar, Firmware, Opening, Policy, WindowState};
use crate::domain::trip::{Goal, Outcome, Trip};

impl<'a> Judge<'a> {
    pub(super) fn identity(&self) -> GateAnswer {
        if self.phone.lines.is_empty() {
            return self.hold(Gate::Identity, Reason::NoLines, None);
        }
        let action = match &self.mandate {
            Ok(Some(Mandate::Policy(policy))) => Some(&policy.action),
            Ok(Some(Mandate::Job(_)) | None) | Err(_) => None,
        };
        if let Some(reason) = self.check_sync_is_turned(action) {
            return self.hold(Gate::Identity, reason, None);
        }
        match (&self.terms, action) {
            (Some(terms), _) if self.cannot_be_told_to_reboot(terms) => {
                let kind = format!("reboots of {} by its polls alone", self.phone.kind());
                self.hold(Gate::Identity, Reason::NoProfile { kind }, None)
            }
            (Some(terms), Some(Action::Resync)) if terms.resync.is_empty() => {
                let kind = format!("resyncs of {}", self.phone.kind());
                self.hold(Gate::Identity, Reason::NoProfile { kind }, None)
            }
            // Only in the answer to its poll can a phone be told to.
            (Some(terms), Some(Action::Backup)) if !terms.polls() => {
                let kind = format!("backups of {}", self.phone.kind());
                self.hold(Gate::Identity, Reason::NoProfile { kind }, None)
            }
            // Nobody else has items, or is told to load files.
            (Some(terms), Some(Action::Write { .. })) if !self.calls_its_service(terms) => {
                let kind = format!("items of {}", self.phone.kind());
                self.hold(Gate::Identity, Reason::NoProfile { kind }, None)
            }
            (Some(terms), Some(Action::Files { .. })) if !self.calls_its_service(terms) => {
                let kind = format!("files of {}", self.phone.kind());
                self.hold(Gate::Identity, Reason::NoProfile { kind }, None)
            }
            (Some(terms), action) if action != Some(&Action::Resync) && terms.triggers.is_empty() => {
                let kind = format!("reboots of {}", self.phone.kind());
                self.hold(Gate::Identity, Reason::NoProfile { kind }, None)
            }
            (Some(_), _) => self.open(Gate::Identity, || self.phone.kind()),
            (None, _) => self.hold(Gate::Identity, Reason::NoProfile { kind: self.phone.kind() }, None),
        }
    }

    pub(super) fn selected(&self) -> GateAnswer {
        if self.sky.draining {
            return self.hold(Gate::Selected, Reason::Draining, None);
        }
        match &self.mandate {
            Ok(Some(Mandate::Job(job))) => {
                // One that waits for a window waits for what its policy says of it.
                let policy = self.sky.rules.policy_for(self.phone).ok().flatten().filter(|_| !job.now);
                policy.and_then(|policy| self.edited_lately(policy)).unwrap_or_else(|| {
                    self.open(Gate::Selected, || format!("asked for by hand: {}", job.name))
                })
            }
            Ok(Some(Mandate::Policy(policy))) => self.edited_lately(policy).unwrap_or_else(|| {
                self.open(Gate::Selected, || format!("policy {}, priority {}", policy.name, policy.priority))
            }),
            Ok(None) => self.hold(Gate::Selected, Reason::NotSelected, None),
            Err(policies) => self.hold(Gate::Selected, Reason::Tie { policies: policies.clone() }, None),
        }
    }

    /// A policy may be half written while its author edits it.
    fn edited_lately(&self, policy: &Policy) -> Option<GateAnswer> {
        let until = policy.acts_from.filter(|from| *from > self.at)?;
        let policy = policy.name.clone();
        Some(self.hold(Gate::Selected, Reason::EditedLately { policy, until }, Some(until)))
    }

    /// The image for this phone, with the name of its release.
    pub(super) fn staged(&self, from: &Firmware) -> Option<(Arc<str>, &'a Image)> {
        self.sky.rules.image_for(from, self.phone)
    }

    pub(super) fn goal(&self, mandate: &Mandate<'a>) -> Option<Goal> {
        match mandate {
            Mandate::Job(_) => Some(Goal::Reboot),
            Mandate::Policy(policy) => match &policy.action {
                Action::Reboot => Some(Goal::Reboot),
                Action::Resync => Some(Goal::Resync),
                Action::Update { from } => self.staged(from).map(|(release, image)| Goal::Update {
                    release,
                    file: image.file.clone(),
                    target: image.version.clone(),
                    part: image.part,
                }),
                Action::ModuleUpdate { from } => self.module_goal(from),
                Action::Move { realm } => self.move_goal(realm.as_ref()),
                Action::Backup => Some(Goal::Backup),
                Action::Write { items } => Some(Goal::Write { items: items.clone() }),
                Action::Files { from } => self.files_goal(from),
                Action::Stage { .. } => None,
            },
        }
    }

    /// The opening of the policy's window that holds `at`.
    pub(super) fn opening(&self, mandate: &Mandate<'a>) -> Option<Opening> {
        match self.sky.hours.at(self.calendar(mandate)?, self.at, self.zone) {
            WindowState::Open(opening) => Some(opening),
            WindowState::Closed(_) => None,
        }
    }

    /// The next opening of the policy's window, while none holds `at`.
    pub(super) fn next_opening(&self, mandate: &Mandate<'a>) -> Option<Opening> {
        match self.sky.hours.at(self.calendar(mandate)?, self.at, self.zone) {
            WindowState::Open(_) => None,
            WindowState::Closed(next) => next,
        }
    }

    /// The opening of the policy's window after this one.
    pub(super) fn opening_after(&self, opening: Opening) -> Option<Opening> {
        let mandate = self.mandate.as_ref().ok().and_then(Option::as_ref)?;
        match self.sky.hours.at(self.calendar(mandate)?, opening.end, self.zone) {
            WindowState::Closed(next) => next,
            // A calendar that never closes goes on where the part of it ends that was looked at.
            WindowState::Open(next) => Some(Opening { start: next.start.max(opening.end), ..next }),
        }
    }

    /// The windows that hold for the phone. An ad hoc job waits for those of the phone's own policy.
    pub(super) fn calendar(&self, mandate: &Mandate<'a>) -> Option<&'a Calendar> {
        match mandate {
            Mandate::Policy(policy) => Some(&policy.calendar),
            Mandate::Job(AdHoc { now: false, .. }) => {
                self.sky.rules.policy_for(self.phone).ok().flatten().map(|policy| &policy.calendar)
            }
            Mandate::Job(AdHoc { now: true, .. }) => None,
        }
    }

    pub(super) fn last(&self) -> Option<&'a Trip> {
        self.sky.past.get(&self.phone.mac).and_then(|past| past.last.as_ref())
    }

    pub(super) fn current(&self, mandate: Option<&Mandate<'a>>, opening: Option<Opening>) -> GateAnswer {
        let policy = match mandate {
            Some(Mandate::Policy(policy)) => policy,
            Some(Mandate::Job(_)) => return self.open(Gate::Current, || "one reboot".into()),
            None => return self.open(Gate::Current, || "nothing asked for".into()),
        };
        let began = opening.map(|opening| opening.start);
        let done = self.last().filter(|trip| began.is_some_and(|began| trip.since() >= began));
        let again = || opening.and_then(|opening| self.opening_after(opening)).map(|next| next.start);
        match &policy.action {
            Action::Update { from } | Action::Stage { from } => {
                let held = self.version_is_current(from);
                match (held, &policy.action) {
                    (Err(reason), _) => self.hold(Gate::Current, reason, None),
                    (Ok(_), Action::Stage { .. }) => {
                        self.hold(Gate::Current, Reason::StagedOnly { from: from.to_string() }, None)
                    }
                    (Ok(saw), _) => self.open(Gate::Current, || saw),
                }
            }
            Action::Reboot => match done.filter(|trip| trip.outcome() == Some(&Outcome::Rebooted)) {
                Some(trip) => self.hold(Gate::Current, Reason::AlreadyRebooted { at: trip.since() }, again()),
                None => self.open(Gate::Current, || "one reboot in each window".into()),
            },
            // A phone that booted has read its settings too.
            Action::Resync => match done
                .filter(|trip| matches!(trip.outcome(), Some(Outcome::Resynced | Outcome::Rebooted)))
            {
                Some(trip) => self.hold(Gate::Current, Reason::AlreadyResynced { at: trip.since() }, again()),
                None => self.open(Gate::Current, || "one resync in each window".into()),
            },
            Action::ModuleUpdate { from } => self.module_is_current(from),
            Action::Move { realm } => self.is_elsewhere(realm.as_ref()),
            Action::Backup => match done.filter(|trip| trip.outcome() == Some(&Outcome::HandedIn)) {
                Some(trip) => self.hold(Gate::Current, Reason::AlreadyHandedIn { at: trip.since() }, again()),
                None => self.open(Gate::Current, || "one configuration in each window".into()),
            },
            Action::Write { items } => self.items_are_written(items, done, again),
            Action::Files { from } => self.files_are_there(from),
        }
    }

    /// What the update would change; `Err` when the phone runs the image already.
    fn version_is_current(&self, from: &Firmware) -> Result<String, Reason> {
        let Some((_, image)) = self.staged(from) else { return Ok(format!("update to {from}")) };
        let what = if image.part.is_firmware() { "" } else { image.part.spoken() };
        match self.phone.runs(image.part) {
            Some(runs) if image.version == *runs => Err(Reason::AlreadyCurrent { version: runs.clone() }),
            Some(runs) => Ok(format!("{what} {runs} → {}", image.version).trim_start().to_owned()),
            None => Ok(format!("runs something unknown → {}", image.version)),
        }
    }

    pub(super) fn image(&self, mandate: Option<&Mandate<'a>>) -> GateAnswer {
        let from = match mandate {
            Some(Mandate::Policy(policy)) => match &policy.action {
                Action::Update { from } | Action::Stage { from } => from,
                Action::ModuleUpdate { from } => return self.module_image(from),
                Action::Files { from } => return self.files_are_staged(from),
                Action::Reboot
                | Action::Resync
                | Action::Move { .. }
                | Action::Backup
                | Action::Write { .. } => {
                    return self.open(Gate::Image, || "no image needed".into());
                }
            },
            Some(Mandate::Job(_)) | None => return self.open(Gate::Image, || "no image needed".into()),
        };
        if self.terms.as_ref().is_some_and(|terms| terms.update_boots.is_none()) {
            let kind = format!("updates of {}", self.phone.kind());
            return self.hold(Gate::Image, Reason::NoProfile { kind }, None);
        }
        // One that asks its user would wait for a key press all night.
        if let Some(reason) = self.update_policy_forbids(&["never_update", "settings_only", "ask_for_update"])
        {
            return self.hold(Gate::Image, reason, None);
        }
        if let Some(reason) = self.asks_another_server() {
            return self.hold(Gate::Image, reason, None);
        }
        let level = (self.sky.rules.levels)(self.phone);
        let overrides = matches!(mandate, Some(Mandate::Policy(policy)) if policy.override_hardware);
        match self.staged(from).map(|(_, image)| (image, fits(image, self.phone, &level, overrides))) {
            Some((image, Ok(None))) => self.open(Gate::Image, || image.file.clone()),
            Some((image, Ok(Some(misfit)))) => {
                self.open(Gate::Image, || format!("{}, in spite of it: {misfit}", image.file))
            }
            Some((_, Err(misfit))) => self.hold(Gate::Image, Reason::Misfit(misfit), None),
            None => self.hold(Gate::Image, Reason::NoImage { from: from.to_string() }, None),
        }
    }
}
