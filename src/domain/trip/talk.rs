//! What phones say that ask themselves what there is to do: polls, sessions with their deployment service, their yes and no.

use chrono::{DateTime, Utc};

use super::machine::Trip;
use super::outcome::{Failure, Outcome};
use super::state::{Goal, Output, State};
use super::timing::Way;
use crate::domain::firmware::{Part, Version};
use crate::domain::items::ItemsFound;
use crate::domain::phone::Realm;

impl Trip {
    /// The phone asked what there is to do.
    pub(super) fn called(&mut self, now: DateTime<Utc>, version: Option<Version>, out: &mut Vec<Output>) {
        // One that was asked to call, and calls, has done what a resync is for: it tells all, and is told what is to be.
        let calls_back = self.asked_with().is_some_and(|trigger| trigger.way == Way::ContactMe);
        if self.plan.goal == Goal::Resync
            && calls_back
            && matches!(self.state, State::Asked { .. } | State::Accepted { .. })
        {
            self.seen.settings += 1;
            return self.finish(now, Outcome::Resynced, out);
        }
        match self.state {
            // The last look is still to come.
            State::Confirming { .. } => {}
            State::Asked { .. } => {
                self.seen.accepted = true;
                self.enter(now, State::Accepted { sure: true }, out, "asks what there is to do");
                out.push(Output::Look);
            }
            State::Accepted { .. } => {
                self.seen.accepted = true;
                self.state = State::Accepted { sure: true };
                out.push(Output::Note("called", "asks what there is to do".to_owned()));
            }
            State::Away | State::Fetching | State::Flashing | State::Back => {
                if version.is_some() {
                    self.seen.version = version;
                }
                // Only a boot brings another version; a poll without one says nothing about boots.
                if self.proves_its_boot() {
                    self.seen.boot_after_delivery = true;
                    self.seen.settings += 1;
                    if !self.missing().is_empty() && !matches!(self.state, State::Away) {
                        self.enter(now, State::Away, out, "runs the new firmware");
                    }
                }
                self.settle(now, out);
            }
            State::Done { .. } => {}
        }
    }

    /// It was told what to do.
    pub(super) fn ordered(&mut self, out: &mut Vec<Output>) {
        match self.state {
            State::Asked { .. } | State::Accepted { .. } | State::Fetching => {
                let text = match &self.plan.goal {
                    Goal::Update { file, .. } | Goal::Module { file, .. } => {
                        self.seen.offers += 1;
                        format!("was told to fetch {file}")
                    }
                    Goal::Reboot => {
                        self.seen.orders += 1;
                        "was told to reboot".to_owned()
                    }
                    Goal::Move { realm, .. } => {
                        self.seen.orders += 1;
                        self.seen.redirected = true;
                        format!("was told to go to realm {realm}")
                    }
                    Goal::Resync => {
                        self.seen.orders += 1;
                        "was told to read its settings".to_owned()
                    }
                    Goal::Backup => {
                        self.seen.orders += 1;
                        "was told to hand in its configuration".to_owned()
                    }
                    Goal::Files { files, .. } => {
                        self.seen.offers += 1;
                        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
                        format!("was told to fetch {}", names.join(", "))
                    }
                    Goal::Write { items } => {
                        self.seen.orders += 1;
                        format!("is asked for {} of its settings", items.len())
                    }
                };
                out.push(Output::Note("ordered", text));
            }
            State::Confirming { .. } | State::Away | State::Flashing | State::Back | State::Done { .. } => {}
        }
    }

    /// It said itself that it will not do it.
    pub(super) fn declined(&mut self, now: DateTime<Utc>, why: String, out: &mut Vec<Output>) {
        match self.state {
            State::Asked { .. } | State::Accepted { .. } | State::Fetching | State::Flashing => {
                // What it says of an image it has begun to fetch is said of the image.
                let fetched = matches!(self.state, State::Fetching | State::Flashing);
                if self.plan.goal.has_image() && fetched {
                    out.push(Output::Note("rejected", why));
                    self.fail(now, Failure::ImageRejected, out);
                } else {
                    self.fail(now, Failure::Declined { why }, out);
                }
            }
            State::Confirming { .. } | State::Away | State::Back | State::Done { .. } => {}
        }
    }

    /// It is busy, and will do it or ask again later: its time begins anew, for as long as such a phone is waited for.
    pub(super) fn deferred(&mut self, now: DateTime<Utc>, why: String, out: &mut Vec<Output>) {
        match self.state {
            State::Asked { .. } | State::Accepted { .. } => {
                self.seen.accepted = true;
                let asked = self.asked_at.unwrap_or(self.since);
                // What it was offered and put off does not count against it.
                self.seen.offers = self.seen.offers.saturating_sub(1);
                self.seen.orders = 0;
                if now - asked < self.plan.timing.leave_busy {
                    self.enter(now, State::Accepted { sure: true }, out, &format!("not now: {why}"));
                } else {
                    self.fail(now, Failure::Declined { why }, out);
                }
            }
            State::Confirming { .. }
            | State::Away
            | State::Fetching
            | State::Flashing
            | State::Back
            | State::Done { .. } => {}
        }
    }

    /// What was asked of it is done, whatever it did besides.
    fn finish_if_asked(&mut self, now: DateTime<Utc>, outcome: Outcome, out: &mut Vec<Output>) {
        match self.state {
            State::Asked { .. }
            | State::Accepted { .. }
            | State::Away
            | State::Fetching
            | State::Flashing
            | State::Back => self.finish(now, outcome, out),
            State::Confirming { .. } | State::Done { .. } => {}
        }
    }

    /// Its configuration is here.
    pub(super) fn handed_in(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
        if self.plan.goal != Goal::Backup {
            return;
        }
        self.finish_if_asked(now, Outcome::HandedIn, out);
    }

    /// It told what its settings are.
    pub(super) fn items_told(&mut self, now: DateTime<Utc>, found: ItemsFound, out: &mut Vec<Output>) {
        if !matches!(self.plan.goal, Goal::Write { .. }) {
            return;
        }
        let outcome = match found {
            ItemsFound::AsWanted { written } => Outcome::Written { changed: written },
            ItemsFound::Unknown { items } => Outcome::Failed { failure: Failure::ItemsUnknown { items } },
            ItemsFound::NotKept { items } => Outcome::Failed { failure: Failure::ItemsNotKept { items } },
        };
        self.finish_if_asked(now, outcome, out);
    }

    /// It was sent to the setting server of the realm.
    pub(super) fn redirected(&mut self, out: &mut Vec<Output>) {
        if let Goal::Move { realm, .. } = &self.plan.goal {
            self.seen.redirected = true;
            out.push(Output::Note("redirected", format!("was sent to the setting server of realm {realm}")));
        }
    }

    /// It asked for its settings as a phone of this realm.
    pub(super) fn asked_in_realm(&mut self, now: DateTime<Utc>, asked: &Realm, out: &mut Vec<Output>) {
        let Goal::Move { realm, .. } = &self.plan.goal else { return };
        if realm != asked {
            return;
        }
        self.seen.in_realm = true;
        match self.state {
            // Its own question was the order, and it needs no reboot for the answer.
            State::Accepted { .. } => self.moved(now, out),
            State::Away | State::Back | State::Fetching | State::Flashing => self.settle(now, out),
            State::Confirming { .. } | State::Asked { .. } | State::Done { .. } => {}
        }
    }

    /// It belongs to the realm.
    pub(super) fn moved(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
        if let Goal::Move { realm, .. } = &self.plan.goal {
            let realm = realm.clone();
            self.finish(now, Outcome::Moved { realm }, out);
        }
    }

    /// Whether the phone's saying that it runs the target proves that it booted. The radio code is told as soon as it is
    /// stored.
    fn proves_its_boot(&self) -> bool {
        matches!(self.plan.goal, Goal::Update { part: Part::Firmware | Part::Boot, .. }) && self.runs_target()
    }

    /// What it told of the code in it besides its firmware. What follows from that follows from the call it told it with.
    pub(super) fn code_told(&mut self, of: Part, version: Version) {
        match self.plan.goal {
            Goal::Update { part, .. } if part == of && self.asked_at.is_some() => {
                self.seen.code = Some(version);
            }
            _ => {}
        }
    }

    /// What its expansion module runs, as the phone tells it.
    pub(super) fn module_told(&mut self, now: DateTime<Utc>, version: Version, out: &mut Vec<Output>) {
        self.seen.module = Some(version.clone());
        if !matches!(self.plan.goal, Goal::Module { .. }) || !self.runs_target() {
            return;
        }
        match self.state {
            // It updates its module without a reboot of its own.
            State::Accepted { .. } | State::Fetching | State::Flashing if self.seen.gone.is_empty() => {
                self.finish(now, Outcome::Verified { version }, out);
            }
            State::Accepted { .. } | State::Fetching | State::Flashing | State::Away | State::Back => {
                self.settle(now, out);
            }
            State::Confirming { .. } | State::Asked { .. } | State::Done { .. } => {}
        }
    }
}
