//! The machine: what each input means in each state.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::files::TELLS_WITHIN;
use super::outcome::{Failure, Outcome};
use super::state::{Input, Output, Plan, State};
use super::timing::Trigger;
use crate::domain::firmware::Version;
use crate::domain::phone::LineId;

/// One phone's trip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trip {
    pub(super) plan: Plan,
    pub(super) state: State,
    /// When the state was entered.
    pub(super) since: DateTime<Utc>,
    /// When the first NOTIFY was ordered.
    pub(super) asked_at: Option<DateTime<Utc>>,
    /// Which of the plan's triggers was ordered last.
    #[serde(default)]
    pub(super) asked_with: usize,
    pub(super) seen: Seen,
}

/// What was observed since the phone was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    /// Lines whose contact was seen to go and has not been seen again.
    pub gone: BTreeSet<LineId>,
    /// Lines registered anew since the last sign of a boot.
    pub back: BTreeSet<LineId>,
    /// The last version the phone named.
    pub version: Option<Version>,
    /// What its expansion module runs, as the phone told last.
    pub module: Option<Version>,
    /// What code it has of the part that is to be updated, where that is not its firmware, as it told last.
    pub code: Option<Version>,
    /// It was sent to the realm's setting server.
    pub redirected: bool,
    /// It asked for its settings as a phone of the realm.
    pub in_realm: bool,
    /// Files, no images, that it fetched whole.
    pub files: BTreeSet<String>,
    /// Those of which it said itself that all is well.
    pub files_told: BTreeSet<String>,
    /// Settings requests.
    pub settings: u32,
    /// Firmware documents, and orders to fetch it, that offered the image.
    pub offers: u32,
    /// Other orders given in answer to its questions.
    pub orders: u32,
    /// Downloads broken off.
    pub breaks: u32,
    /// The whole image was handed over.
    pub delivered: bool,
    /// A boot was seen after that.
    pub boot_after_delivery: bool,
    /// The daemon was down for a while: the phone may have asked and found nobody.
    pub interrupted: bool,
    /// It said yes to the NOTIFY.
    pub accepted: bool,
    /// It answered something in this trip, so its silence would mean something.
    pub answers: bool,
    /// Questions in a row it left unanswered.
    pub silences: u32,
    /// The longest such row since it was asked.
    pub longest_silence: u32,
    /// It left because it fell silent; nothing better was seen.
    pub fell_silent: bool,
}

impl Trip {
    /// Begins a trip: the phone's place is taken, the last question goes out.
    pub fn begin(plan: Plan, now: DateTime<Utc>) -> (Self, Vec<Output>) {
        let trip = Self {
            plan,
            state: State::Confirming { trigger: 0 },
            since: now,
            asked_at: None,
            asked_with: 0,
            seen: Seen::default(),
        };
        (trip, vec![Output::Confirm])
    }

    /// A trip that is over, as it is remembered: asked and ended at these instants.
    pub fn over(plan: Plan, asked: DateTime<Utc>, ended: DateTime<Utc>, outcome: Outcome) -> Self {
        let state = State::Done { outcome };
        Self { plan, state, since: ended, asked_at: Some(asked), asked_with: 0, seen: Seen::default() }
    }

    /// What was decided before.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where the phone is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Since when.
    pub fn since(&self) -> DateTime<Utc> {
        self.since
    }

    /// Whether the phone has its whole image.
    pub fn has_fetched(&self) -> bool {
        self.seen.delivered
    }

    /// Whether the contact of a line is gone, and the phone did not register it again yet.
    pub fn is_gone(&self) -> bool {
        !self.seen.gone.is_empty()
    }

    /// When the NOTIFY was ordered; `None` when it never was.
    pub fn asked_at(&self) -> Option<DateTime<Utc>> {
        self.asked_at
    }

    /// How it was asked last; without an order yet, how it would be first.
    pub fn asked_with(&self) -> Option<&Trigger> {
        self.plan.triggers.get(self.asked_with)
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Done { outcome } => Some(outcome),
            State::Confirming { .. }
            | State::Asked { .. }
            | State::Accepted { .. }
            | State::Away
            | State::Fetching
            | State::Flashing
            | State::Back => None,
        }
    }

    /// Whether a boot at this instant may still be the one that was ordered, although the trip is over.
    pub fn may_still_boot(&self, now: DateTime<Utc>) -> bool {
        let (Some(asked), timing) = (self.asked_at, &self.plan.timing) else { return false };
        match self.outcome() {
            None => true,
            // Its last lines may register behind the others, and settings that were read anew may want a boot.
            Some(
                Outcome::Verified { .. } | Outcome::Rebooted | Outcome::Resynced | Outcome::Moved { .. },
            ) => now < self.since + timing.boot,
            // Nothing was sent, or it was not taken; and no configuration, setting or file needs a boot.
            Some(
                Outcome::Withdrawn { .. }
                | Outcome::HandedIn
                | Outcome::Written { .. }
                | Outcome::Deployed
                | Outcome::Failed {
                    failure:
                        Failure::Declined { .. }
                        | Failure::Refused { .. }
                        | Failure::NoCredentials { .. }
                        | Failure::NotReachable { .. },
                },
            ) => false,
            // It may have the order still, and wait for the end of a call.
            Some(Outcome::Failed { .. } | Outcome::Cancelled) => {
                now < (asked + timing.leave_busy).max(self.since) + timing.boot
            }
        }
    }

    /// Whether the phone is awaited: its registration should be read again and again.
    pub fn awaits_phone(&self) -> bool {
        match self.state {
            State::Asked { .. }
            | State::Accepted { .. }
            | State::Away
            | State::Fetching
            | State::Flashing
            | State::Back => true,
            State::Confirming { .. } | State::Done { .. } => false,
        }
    }

    /// Whether it should be asked with OPTIONS: one that booted without taking its registration back, and registers the
    /// same Contact again, shows itself by nothing but its silence.
    pub fn wants_questions(&self) -> bool {
        match self.state {
            State::Asked { .. } | State::Accepted { .. } => true,
            State::Away => self.seen.fell_silent,
            State::Confirming { .. }
            | State::Fetching
            | State::Flashing
            | State::Back
            | State::Done { .. } => false,
        }
    }

    /// When the trip wants an [`Input::Tick`].
    pub fn deadline(&self) -> Option<DateTime<Utc>> {
        let timing = &self.plan.timing;
        let patience = match self.state {
            State::Confirming { .. } => timing.answer,
            State::Asked { .. } => timing.answer,
            State::Accepted { .. } => timing.leave,
            State::Away if self.seen.delivered => timing.flash + timing.boot,
            State::Away => timing.boot,
            State::Fetching => timing.fetch,
            State::Flashing if self.has_all_files() => TELLS_WITHIN,
            State::Flashing => timing.flash + timing.boot,
            State::Back => timing.boot,
            State::Done { .. } => return None,
        };
        Some(self.since + patience)
    }

    /// Takes in what was heard and says what is to be done, in order.
    ///
    /// Late and repeated inputs are normal on UDP and ignored where they mean nothing.
    pub fn handle(&mut self, now: DateTime<Utc>, input: Input) -> Vec<Output> {
        if self.outcome().is_some() {
            return Vec::new();
        }
        let mut out = Vec::new();
        match input {
            Input::Confirmed => match self.state {
                State::Confirming { trigger } => self.ask(now, trigger, &mut out),
                State::Asked { .. }
                | State::Accepted { .. }
                | State::Away
                | State::Fetching
                | State::Flashing
                | State::Back
                | State::Done { .. } => {}
            },
            Input::NotIdle { why } => self.withdraw_if_confirming(now, why, &mut out),
            Input::Answered { status, phrase } => self.answered(now, status, phrase, &mut out),
            Input::Blind => self.unsure(now, "the PBX took the NOTIFY; its answer stays unknown", &mut out),
            Input::NoAnswer => self.unsure(now, "no answer; watching whether it goes", &mut out),
            Input::NotSent { why } => self.fail_if_asked(now, Failure::NotReachable { why }, &mut out),
            Input::Withheld { why } => self.withheld(now, why, &mut out),
            Input::NoCredentials { realm } => {
                self.fail_if_asked(now, Failure::NoCredentials { realm }, &mut out);
            }
            Input::Gone { line } => self.gone(now, line, &mut out),
            Input::Registered { line, call_id, expires, version } => {
                self.registered(now, line, call_id, expires, version, &mut out);
            }
            Input::BootRequest { version, idle, own } => {
                self.boot_request(now, version, idle, own, &mut out);
            }
            Input::Called { version } => self.called(now, version, &mut out),
            Input::Ordered => self.ordered(&mut out),
            Input::Declined { why } => self.declined(now, why, &mut out),
            Input::Deferred { why } => self.deferred(now, why, &mut out),
            Input::HandedIn => self.handed_in(now, &mut out),
            Input::File { news } => self.file_heard(now, news, &mut out),
            Input::Items { found } => self.items_told(now, found, &mut out),
            Input::Redirected => self.redirected(&mut out),
            Input::InRealm { realm } => self.asked_in_realm(now, &realm, &mut out),
            Input::Code { part, version } => self.code_told(part, version),
            Input::Module { version } => self.module_told(now, version, &mut out),
            Input::Offered => {
                self.seen.offers += 1;
                out.push(Output::Note("offered", "was offered the image".to_owned()));
            }
            Input::ImageBegan => self.image_began(now, &mut out),
            Input::ImageDelivered => self.image_delivered(now, &mut out),
            Input::ImageBroken => self.image_broken(&mut out),
            Input::Alive { version } => self.alive(now, version, &mut out),
            Input::Silent => self.silent(now, &mut out),
            Input::Cancel => self.finish(now, Outcome::Cancelled, &mut out),
            Input::Restarted => self.restarted(now, &mut out),
            Input::Tick { busy } => self.tick(now, busy, &mut out),
        }
        out
    }

    pub(super) fn enter(&mut self, now: DateTime<Utc>, state: State, out: &mut Vec<Output>, text: &str) {
        let slug = state.slug();
        self.state = state;
        self.since = now;
        out.push(Output::Note(slug, text.to_owned()));
    }

    pub(super) fn finish(&mut self, now: DateTime<Utc>, outcome: Outcome, out: &mut Vec<Output>) {
        let text = outcome.told();
        if matches!(self.state, State::Asked { .. }) {
            out.push(Output::StopResending);
        }
        self.enter(now, State::Done { outcome }, out, &text);
    }

    pub(super) fn fail(&mut self, now: DateTime<Utc>, failure: Failure, out: &mut Vec<Output>) {
        self.finish(now, Outcome::Failed { failure }, out);
    }

    pub(super) fn ask(&mut self, now: DateTime<Utc>, trigger: usize, out: &mut Vec<Output>) {
        let Some(order) = self.plan.triggers.get(trigger).cloned() else {
            let why = "its profile knows no way to ask it".to_owned();
            return self.fail(now, Failure::NotReachable { why }, out);
        };
        self.asked_at.get_or_insert(now);
        self.asked_with = trigger;
        self.enter(now, State::Asked { trigger }, out, &order.way.to_string());
        out.push(Output::Ask(order.way));
    }

    pub(super) fn withdraw_if_confirming(&mut self, now: DateTime<Utc>, why: String, out: &mut Vec<Output>) {
        match self.state {
            State::Confirming { .. } => self.finish(now, Outcome::Withdrawn { why }, out),
            State::Asked { .. }
            | State::Accepted { .. }
            | State::Away
            | State::Fetching
            | State::Flashing
            | State::Back
            | State::Done { .. } => {}
        }
    }

    pub(super) fn withheld(&mut self, now: DateTime<Utc>, why: String, out: &mut Vec<Output>) {
        match self.state {
            State::Asked { .. } => self.finish(now, Outcome::Withdrawn { why }, out),
            State::Confirming { .. }
            | State::Accepted { .. }
            | State::Away
            | State::Fetching
            | State::Flashing
            | State::Back
            | State::Done { .. } => {}
        }
    }

    pub(super) fn fail_if_asked(&mut self, now: DateTime<Utc>, failure: Failure, out: &mut Vec<Output>) {
        match self.state {
            State::Asked { .. } => self.fail(now, failure, out),
            State::Confirming { .. }
            | State::Accepted { .. }
            | State::Away
            | State::Fetching
            | State::Flashing
            | State::Back
            | State::Done { .. } => {}
        }
    }

    pub(super) fn answered(
        &mut self,
        now: DateTime<Utc>,
        status: u16,
        phrase: String,
        out: &mut Vec<Output>,
    ) {
        match self.state {
            State::Asked { trigger } => match status {
                200..=299 => {
                    self.seen.answers = true;
                    self.seen.accepted = true;
                    self.seen.silences = 0;
                    self.enter(now, State::Accepted { sure: true }, out, &format!("{status} {phrase}"));
                    out.push(Output::Look);
                }
                // The stack or the phone does not take this event: another one may do. A phone in a call need not wait
                // with that one, so all is looked at once more.
                404 | 405 | 481 | 489 if trigger + 1 < self.plan.triggers.len() => {
                    out.push(Output::Note("refused", format!("{status} {phrase}")));
                    let text = "looks once more, then asks in another way";
                    self.enter(now, State::Confirming { trigger: trigger + 1 }, out, text);
                    out.push(Output::Confirm);
                }
                _ => self.fail(now, Failure::Refused { status, phrase }, out),
            },
            // The 200 of a phone that was seen to go before it came.
            State::Confirming { .. }
            | State::Accepted { .. }
            | State::Away
            | State::Fetching
            | State::Flashing
            | State::Back
            | State::Done { .. } => {}
        }
    }

    pub(super) fn unsure(&mut self, now: DateTime<Utc>, text: &str, out: &mut Vec<Output>) {
        match self.state {
            State::Asked { .. } => {
                self.seen.silences = 0;
                self.enter(now, State::Accepted { sure: false }, out, text);
                out.push(Output::Look);
            }
            State::Confirming { .. }
            | State::Accepted { .. }
            | State::Away
            | State::Fetching
            | State::Flashing
            | State::Back
            | State::Done { .. } => {}
        }
    }

    pub(super) fn restarted(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
        match self.state {
            // Nothing was sent yet: a trip that only confirmed is not kept, but should it be found, it ends here.
            State::Confirming { .. } => {
                self.finish(now, Outcome::Withdrawn { why: "sipherd was restarted".to_owned() }, out);
            }
            // The NOTIFY may or may not have left. Sending it again could reboot the phone twice: watch instead.
            State::Asked { .. } => {
                self.unsure(now, "sipherd was restarted; the NOTIFY may have been sent, watching", out);
            }
            // While nobody watched, deadlines ran on. The phone gets its full patience again.
            State::Accepted { .. } | State::Away | State::Fetching | State::Flashing | State::Back => {
                self.since = now;
                self.seen.interrupted = true;
                out.push(Output::Look);
            }
            State::Done { .. } => {}
        }
    }
}
