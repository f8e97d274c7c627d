//! The machine: what each input means in each state.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::state::{Cause, Failure, Goal, Input, Outcome, Output, Plan, State};
use crate::domain::firmware::Version;
use crate::domain::phone::LineId;

/// So many unanswered questions in a row are a sign that a phone went.
const SILENCES: u32 = 2;

/// How often one trip shows the phone the document that offers the image.
const MOST_OFFERS: u32 = 3;

/// One phone's trip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trip {
    plan: Plan,
    state: State,
    /// When the state was entered.
    since: DateTime<Utc>,
    /// When the first NOTIFY was ordered.
    asked_at: Option<DateTime<Utc>>,
    seen: Seen,
}

/// What was observed since the phone was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// Lines whose contact was seen to go and has not been seen again.
    gone: BTreeSet<LineId>,
    /// Lines registered anew since the last sign of a boot.
    back: BTreeSet<LineId>,
    /// The last version the phone named.
    version: Option<Version>,
    /// Settings requests.
    settings: u32,
    /// Firmware documents that offered the image.
    offers: u32,
    /// Downloads begun.
    downloads: u32,
    /// Downloads broken off.
    breaks: u32,
    /// The whole image was handed over.
    delivered: bool,
    /// A boot was seen after that.
    boot_after_delivery: bool,
    /// It answered something in this trip, so its silence would mean something.
    answers: bool,
    /// Questions in a row it left unanswered.
    silences: u32,
    /// It left because it fell silent; nothing better was seen.
    fell_silent: bool,
}

impl Trip {
    /// Begins a trip: the phone's place is taken, the last question goes out.
    pub fn begin(plan: Plan, now: DateTime<Utc>) -> (Self, Vec<Output>) {
        let trip = Self {
            plan,
            state: State::Confirming { trigger: 0 },
            since: now,
            asked_at: None,
            seen: Seen::default(),
        };
        (trip, vec![Output::Confirm])
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

    /// When the NOTIFY was ordered; `None` when it never was.
    pub fn asked_at(&self) -> Option<DateTime<Utc>> {
        self.asked_at
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
            State::Accepted { .. } => true,
            State::Away => self.seen.fell_silent,
            State::Confirming { .. }
            | State::Asked { .. }
            | State::Fetching
            | State::Flashing
            | State::Back
            | State::Done { .. } => false,
        }
    }

    /// The image this phone may have now: only after its own reboot was seen, only while it runs something else,
    /// only so many times.
    pub fn offer(&self) -> Option<(&Arc<str>, &str)> {
        let Goal::Update { release, file, target } = &self.plan.goal else { return None };
        let rebooted = match self.state {
            State::Away | State::Fetching | State::Flashing | State::Back => true,
            State::Confirming { .. } | State::Asked { .. } | State::Accepted { .. } | State::Done { .. } => {
                false
            }
        };
        let runs = self.seen.version.as_ref().or(self.plan.runs.as_ref());
        (rebooted && runs != Some(target) && self.seen.offers <= MOST_OFFERS).then_some((release, file))
    }

    /// When the trip wants an [`Input::Tick`].
    pub fn deadline(&self) -> Option<DateTime<Utc>> {
        let timing = &self.plan.timing;
        let patience = match self.state {
            State::Confirming { .. } => timing.answer,
            State::Asked { .. } => timing.answer,
            State::Accepted { .. } => timing.leave,
            State::Away => timing.boot,
            State::Fetching => timing.fetch,
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
            Input::NoCredentials { realm } => {
                self.fail_if_asked(now, Failure::NoCredentials { realm }, &mut out);
            }
            Input::Gone { line } => self.gone(now, line, &mut out),
            Input::Registered { line, call_id, expires, version } => {
                self.registered(now, line, call_id, expires, version, &mut out);
            }
            Input::BootRequest { version, idle } => self.boot_request(now, version, idle, &mut out),
            Input::Offered => self.seen.offers += 1,
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

    fn enter(&mut self, now: DateTime<Utc>, state: State, out: &mut Vec<Output>, text: &str) {
        let slug = state.slug();
        self.state = state;
        self.since = now;
        out.push(Output::Note(slug, text.to_owned()));
    }

    fn finish(&mut self, now: DateTime<Utc>, outcome: Outcome, out: &mut Vec<Output>) {
        let text = match &outcome {
            Outcome::Verified { version } => format!("runs {version}, all lines registered"),
            Outcome::Rebooted => "rebooted, all lines registered".to_owned(),
            Outcome::Failed { failure } => format!("{failure}; {}", failure.advice()),
            Outcome::Withdrawn { why } => why.clone(),
            Outcome::Cancelled => "cancelled".to_owned(),
        };
        if matches!(self.state, State::Asked { .. }) {
            out.push(Output::StopResending);
        }
        self.enter(now, State::Done { outcome }, out, &text);
    }

    fn fail(&mut self, now: DateTime<Utc>, failure: Failure, out: &mut Vec<Output>) {
        self.finish(now, Outcome::Failed { failure }, out);
    }

    fn ask(&mut self, now: DateTime<Utc>, trigger: usize, out: &mut Vec<Output>) {
        let Some(order) = self.plan.triggers.get(trigger).cloned() else {
            let why = "its profile knows no way to ask it".to_owned();
            return self.fail(now, Failure::NotReachable { why }, out);
        };
        self.asked_at.get_or_insert(now);
        self.enter(now, State::Asked { trigger }, out, &format!("NOTIFY Event: {}", order.event));
        out.push(Output::Notify(order));
    }

    fn withdraw_if_confirming(&mut self, now: DateTime<Utc>, why: String, out: &mut Vec<Output>) {
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

    fn fail_if_asked(&mut self, now: DateTime<Utc>, failure: Failure, out: &mut Vec<Output>) {
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

    fn answered(&mut self, now: DateTime<Utc>, status: u16, phrase: String, out: &mut Vec<Output>) {
        match self.state {
            State::Asked { trigger } => match status {
                200..=299 => {
                    self.seen.answers = true;
                    self.enter(now, State::Accepted { sure: true }, out, &format!("{status} {phrase}"));
                    out.push(Output::Look);
                }
                // The stack or the phone does not take this event: another one may do. The maker documents of the first
                // alone that a phone in a call waits with it, so all is looked at once more.
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

    fn unsure(&mut self, now: DateTime<Utc>, text: &str, out: &mut Vec<Output>) {
        match self.state {
            State::Asked { .. } => {
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

    fn restarted(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
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
                out.push(Output::Look);
            }
            State::Done { .. } => {}
        }
    }

    /// The first sign that the phone went.
    fn leave(&mut self, now: DateTime<Utc>, text: &str, out: &mut Vec<Output>) {
        if matches!(self.state, State::Asked { .. }) {
            out.push(Output::StopResending);
        }
        self.enter(now, State::Away, out, text);
    }

    fn gone(&mut self, now: DateTime<Utc>, line: LineId, out: &mut Vec<Output>) {
        if !self.plan.lines.iter().any(|before| before.line == line) {
            return;
        }
        let text = format!("the contact of line {} is gone", line.user);
        match self.state {
            State::Confirming { .. } => self.finish(now, Outcome::Withdrawn { why: text }, out),
            State::Asked { .. } | State::Accepted { .. } => {
                self.seen.gone.insert(line);
                self.leave(now, &text, out);
            }
            State::Away | State::Fetching => {
                self.seen.back.remove(&line);
                self.seen.gone.insert(line);
            }
            State::Flashing => {
                self.seen.back.remove(&line);
                self.seen.gone.insert(line);
                self.seen.boot_after_delivery = true;
            }
            State::Back => {
                self.seen.back.clear();
                self.seen.gone.insert(line);
                self.enter(now, State::Away, out, &text);
            }
            State::Done { .. } => {}
        }
    }

    fn registered(
        &mut self,
        now: DateTime<Utc>,
        line: LineId,
        call_id: Option<Arc<str>>,
        expires: Option<DateTime<Utc>>,
        version: Option<Version>,
        out: &mut Vec<Output>,
    ) {
        // A refresh keeps its Call-ID; a phone that booted has a new one (RFC 3261 section 10.2.4). Where it stays the same
        // (Asterisk shows the first one for as long as the Contact does not change), the contact was gone, or a later
        // lapse after a boot request or a silence tells.
        let booted = self.seen.settings > 0 || self.seen.fell_silent;
        let Some(before) = self.plan.lines.iter_mut().find(|before| before.line == line) else { return };
        let new_call_id = call_id.is_some() && before.call_id != call_id;
        let returned = self.seen.gone.contains(&line);
        let renewed = booted && expires > before.expires;
        match self.state {
            State::Confirming { .. } => {
                if new_call_id {
                    let why = "it registered anew by itself just now".to_owned();
                    self.finish(now, Outcome::Withdrawn { why }, out);
                }
                return;
            }
            State::Asked { .. } | State::Accepted { .. } => {
                if !new_call_id {
                    return;
                }
            }
            State::Away | State::Fetching | State::Flashing | State::Back => {
                if !(new_call_id || returned || renewed) {
                    return;
                }
            }
            State::Done { .. } => return,
        }
        before.call_id = call_id;
        before.expires = expires;
        if matches!(self.state, State::Asked { .. } | State::Accepted { .. }) {
            let text = format!("line {} registered with a new Call-ID", line.user);
            self.leave(now, &text, out);
        }
        if new_call_id && matches!(self.state, State::Flashing) {
            self.seen.boot_after_delivery = true;
        }
        self.seen.gone.remove(&line);
        self.seen.back.insert(line);
        if version.is_some() {
            self.seen.version = version;
        }
        self.settle(now, out);
    }

    fn boot_request(
        &mut self,
        now: DateTime<Utc>,
        version: Option<Version>,
        idle: bool,
        out: &mut Vec<Output>,
    ) {
        let text = match &version {
            Some(version) => format!("asked for its settings, runs {version}"),
            None => "asked for its settings".to_owned(),
        };
        match self.state {
            State::Confirming { .. } => {
                let why = "it asked for its settings just now: it may be booting by itself".to_owned();
                return self.finish(now, Outcome::Withdrawn { why }, out);
            }
            State::Asked { .. } | State::Accepted { .. } => {
                // A phone that polls, or waits for its call to end, asks too. Only one that had the time to boot, and is
                // in no call, has booted.
                let asked = self.asked_at.unwrap_or(self.since);
                if !idle || now - asked < self.plan.timing.boot_at_least {
                    out.push(Output::Note("polled", format!("{text}; taken for a poll, not a boot")));
                    return;
                }
                self.leave(now, &text, out);
            }
            State::Away | State::Fetching | State::Back => {
                out.push(Output::Note("settings", text));
            }
            State::Flashing => {
                self.seen.boot_after_delivery = true;
                out.push(Output::Note("settings", text));
            }
            State::Done { .. } => return,
        }
        self.seen.settings += 1;
        if version.is_some() {
            self.seen.version = version;
        }
        if self.runs_target() && !matches!(self.state, State::Away) {
            self.seen.back.clear();
            self.enter(now, State::Away, out, "boots with the new firmware");
        }
    }

    fn image_began(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
        match self.state {
            State::Away | State::Back | State::Flashing => {
                self.seen.downloads += 1;
                self.enter(now, State::Fetching, out, "fetches the image");
            }
            State::Fetching => self.seen.downloads += 1,
            State::Confirming { .. } | State::Asked { .. } | State::Accepted { .. } | State::Done { .. } => {}
        }
    }

    fn image_delivered(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
        match self.state {
            State::Fetching => {
                self.seen.delivered = true;
                self.seen.boot_after_delivery = false;
                self.seen.back.clear();
                self.enter(now, State::Flashing, out, "has the whole image");
            }
            State::Confirming { .. }
            | State::Asked { .. }
            | State::Accepted { .. }
            | State::Away
            | State::Flashing
            | State::Back
            | State::Done { .. } => {}
        }
    }

    fn image_broken(&mut self, out: &mut Vec<Output>) {
        match self.state {
            State::Fetching => {
                self.seen.breaks += 1;
                out.push(Output::Note("broken", "broke off the download".to_owned()));
            }
            State::Confirming { .. }
            | State::Asked { .. }
            | State::Accepted { .. }
            | State::Away
            | State::Flashing
            | State::Back
            | State::Done { .. } => {}
        }
    }

    fn alive(&mut self, now: DateTime<Utc>, version: Option<Version>, out: &mut Vec<Output>) {
        self.seen.silences = 0;
        self.seen.answers = true;
        match self.state {
            State::Away | State::Fetching | State::Flashing | State::Back => {
                if version.is_some() {
                    self.seen.version = version;
                    self.settle(now, out);
                }
            }
            State::Confirming { .. } | State::Asked { .. } | State::Accepted { .. } | State::Done { .. } => {}
        }
    }

    fn silent(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
        self.seen.silences += 1;
        match self.state {
            // A phone that never answers us tells nothing by its silence.
            State::Accepted { .. } if self.seen.answers && self.seen.silences >= SILENCES => {
                self.seen.fell_silent = true;
                self.leave(now, "answers no more", out);
            }
            State::Accepted { .. }
            | State::Confirming { .. }
            | State::Asked { .. }
            | State::Away
            | State::Fetching
            | State::Flashing
            | State::Back
            | State::Done { .. } => {}
        }
    }

    fn runs_target(&self) -> bool {
        match &self.plan.goal {
            Goal::Reboot => false,
            Goal::Update { target, .. } => self.seen.version.as_ref() == Some(target),
        }
    }

    fn missing(&self) -> Vec<LineId> {
        let lines = self.plan.lines.iter().map(|before| &before.line);
        lines.filter(|line| !self.seen.back.contains(line)).cloned().collect()
    }

    /// Looks whether what was seen is enough.
    fn settle(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
        if !self.missing().is_empty() {
            return;
        }
        match (&self.plan.goal, self.seen.version.clone()) {
            (Goal::Reboot, _) => self.finish(now, Outcome::Rebooted, out),
            (Goal::Update { target, .. }, Some(version)) if version == *target => {
                self.finish(now, Outcome::Verified { version }, out);
            }
            // A snom's first return still shows the old version: only the deadline of `Back` tells.
            (Goal::Update { .. }, _) => {
                if matches!(self.state, State::Away) {
                    self.enter(now, State::Back, out, "is back, not with the new version yet");
                }
            }
        }
    }

    fn tick(&mut self, now: DateTime<Utc>, busy: bool, out: &mut Vec<Output>) {
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
                if busy && self.plan.waits_for_idle && now - asked < self.plan.timing.leave_busy {
                    // A call came between the last look and the NOTIFY; the maker says that the phone waits.
                    self.since = now;
                    out.push(Output::Look);
                } else {
                    self.fail(now, if sure { Failure::NeverLeft } else { Failure::NoAnswer }, out);
                }
            }
            State::Away => {
                let missing = self.missing();
                let seen = &self.seen;
                // It fell silent for a while, answers again and did nothing else: it was never away.
                let stayed = seen.fell_silent && seen.silences == 0 && seen.settings == 0;
                let stayed = stayed && seen.gone.is_empty() && seen.back.is_empty();
                let failure = if stayed { Failure::NeverLeft } else { Failure::NeverReturned { missing } };
                self.fail(now, failure, out);
            }
            State::Fetching => {
                let breaks = self.seen.breaks;
                self.fail(now, Failure::DownloadBroken { breaks }, out);
            }
            State::Flashing => {
                let failure = match (self.seen.boot_after_delivery, self.seen.version.clone()) {
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

    fn why_still_old(&self) -> Failure {
        let seen = &self.seen;
        match (&seen.version, seen.delivered) {
            (Some(runs), true) => Failure::WrongVersion { runs: runs.clone() },
            (_, _) => Failure::NothingHappened {
                cause: if seen.settings == 0 {
                    Cause::OtherServer
                } else if seen.offers == 0 {
                    Cause::SettingsOnly
                } else {
                    Cause::NotWanted
                },
            },
        }
    }
}
