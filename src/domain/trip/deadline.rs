//! What it means when a state lasted too long.

use chrono::{DateTime, Utc};

use super::machine::Trip;
use super::outcome::{Cause, Failure, Outcome};
use super::state::{Goal, Output, State};
use super::timing::Serves;

impl Trip {
    pub(super) fn tick(&mut self, now: DateTime<Utc>, busy: bool, out: &mut Vec<Output>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.state {
            State::Confirming { .. } => {
                let why = "PBX and phone did not confirm in time that it is idle".to_owned();
                self.finish(now, Outcome::Withdrawn { why }, out);
            }
            State::Asked { .. } => self.unsure(now, "no answer in time; watching whether it goes", out),
            State::Accepted { sure } => {
                let asked = self.asked_at.unwrap_or(self.since);
                let waits = self.asked_with().is_some_and(|asked| {
                    asked.is_waited_for() || asked.waits(self.plan.goal.is_denied_in_a_call())
                });
                if busy && waits && now - asked < self.plan.timing.leave_busy {
                    // A call came between the last look and the NOTIFY, or the policy leaves the wait to the phone.
                    self.since = now;
                    out.push(Output::Look);
                } else {
                    let failure = match (sure, &self.plan.goal) {
                        (false, _) => Failure::NoAnswer,
                        (true, Goal::Resync) => Failure::NeverAsked,
                        (true, Goal::Backup) => Failure::NeverHandedIn,
                        (true, Goal::Write { .. }) => Failure::ItemsUntold,
                        (true, Goal::Files { .. }) => self.files_failure(),
                        (true, Goal::Update { .. } | Goal::Module { .. }) if self.seen.offers > 0 => {
                            Failure::NothingHappened { cause: Cause::NotFetched }
                        }
                        (
                            true,
                            Goal::Reboot | Goal::Update { .. } | Goal::Module { .. } | Goal::Move { .. },
                        ) => Failure::NeverLeft,
                    };
                    self.fail(now, failure, out);
                }
            }
            State::Away => {
                let missing = self.missing();
                let seen = &self.seen;
                // It fell silent for a while, answers again and did nothing else: it was never away.
                let stayed = seen.fell_silent && seen.silences == 0 && seen.settings == 0;
                let stayed = stayed && seen.gone.is_empty() && seen.back.is_empty();
                let failure = match (stayed, seen.accepted) {
                    (true, true) => Failure::NeverLeft,
                    (true, false) => Failure::NoAnswer,
                    (false, _) => Failure::NeverReturned { missing },
                };
                self.fail(now, failure, out);
            }
            State::Fetching if matches!(self.plan.goal, Goal::Files { .. }) => {
                let failure = self.files_failure();
                self.fail(now, failure, out);
            }
            State::Fetching => {
                let (breaks, missing) = (self.seen.breaks, self.missing());
                // Whoever is not even registered is lost first of all, and keeps its place.
                let failure = if missing.is_empty() {
                    Failure::DownloadBroken { breaks }
                } else {
                    Failure::NeverReturned { missing }
                };
                self.fail(now, failure, out);
            }
            // It said nothing against what it fetched.
            State::Flashing if self.has_all_files() => self.finish(now, Outcome::Deployed, out),
            // It has its image and waits for a call to end before it reboots.
            State::Flashing if busy && self.may_wait_with_image(now) => {
                self.since = now;
                out.push(Output::Look);
            }
            State::Flashing if matches!(self.plan.goal, Goal::Module { .. }) => {
                let missing = self.missing();
                let failure = match self.seen.module.clone() {
                    _ if !missing.is_empty() => Failure::NeverReturned { missing },
                    Some(runs) => Failure::WrongVersion { runs },
                    None => Failure::NothingHappened { cause: Cause::ModuleUntold },
                };
                self.fail(now, failure, out);
            }
            State::Flashing => {
                let failure = match (self.seen.boot_after_delivery, self.observed().cloned()) {
                    (true, Some(runs)) if self.missing().is_empty() => Failure::WrongVersion { runs },
                    (true, _) => Failure::NeverReturned { missing: self.missing() },
                    // Still registered as before the image came: it went on running the old one.
                    (false, _) if self.seen.gone.is_empty() => Failure::ImageRejected,
                    (false, _) => Failure::NeverReturned { missing: self.missing() },
                };
                self.fail(now, failure, out);
            }
            State::Back => {
                let failure = self.why_still_old();
                self.fail(now, failure, out);
            }
            State::Done { .. } => {}
        }
    }

    /// Whether a phone that downloaded first may still be waiting for its calls to end.
    fn may_wait_with_image(&self, now: DateTime<Utc>) -> bool {
        let waits = self
            .asked_with()
            .is_some_and(|asked| asked.is_waited_for() || asked.waits(self.plan.goal.is_denied_in_a_call()));
        let asked = self.asked_at.unwrap_or(self.since);
        let stays = self.seen.gone.is_empty() && !self.seen.boot_after_delivery;
        self.plan.serves == Serves::OnceAsked && waits && stays && now - asked < self.plan.timing.leave_busy
    }

    fn why_still_old(&self) -> Failure {
        let seen = &self.seen;
        if self.plan.goal == Goal::Backup {
            return Failure::NeverHandedIn;
        }
        if matches!(self.plan.goal, Goal::Write { .. }) {
            return Failure::ItemsUntold;
        }
        if matches!(self.plan.goal, Goal::Files { .. }) {
            return self.files_failure();
        }
        match (self.observed(), seen.delivered) {
            (Some(runs), true) => Failure::WrongVersion { runs: runs.clone() },
            (_, _) => Failure::NothingHappened {
                cause: if seen.interrupted {
                    Cause::NobodyThere
                } else if seen.settings == 0 {
                    Cause::OtherServer
                } else if matches!(self.plan.goal, Goal::Move { .. }) {
                    Cause::NotMoved
                } else if seen.offers == 0 {
                    Cause::SettingsOnly
                } else {
                    Cause::NotWanted
                },
            },
        }
    }
}
