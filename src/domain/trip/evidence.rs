//! What is seen of a phone while it is on its way, and what that proves in each state.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::machine::Trip;
use super::outcome::Outcome;
use super::state::{Goal, Output, State};
use super::timing::Serves;
use crate::domain::firmware::Version;
use crate::domain::phone::LineId;

/// So many unanswered questions in a row are a sign that a phone went.
const SILENCES: u32 = 2;

/// No hiccup of a network lasts for so many unanswered questions.
const LONG_SILENCE: u32 = 5;

/// Whether a registration came long before a refresh was due: phones refresh in the second half of the interval.
fn is_early(now: DateTime<Utc>, before: Option<DateTime<Utc>>, after: Option<DateTime<Utc>>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => (before - now) * 2 > after - now,
        (_, _) => false,
    }
}

impl Trip {
    /// The first sign that the phone went.
    pub(super) fn leave(&mut self, now: DateTime<Utc>, text: &str, out: &mut Vec<Output>) {
        if matches!(self.state, State::Asked { .. }) {
            out.push(Output::StopResending);
        }
        self.enter(now, State::Away, out, text);
    }

    pub(super) fn gone(&mut self, now: DateTime<Utc>, line: LineId, out: &mut Vec<Output>) {
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
                self.goes_with_its_image(now, &text, out);
            }
            State::Back => {
                self.seen.back.clear();
                self.seen.gone.insert(line);
                self.enter(now, State::Away, out, &text);
            }
            State::Done { .. } => {}
        }
    }

    /// A boot after the image was handed over. Who downloads first has only now begun to flash and to boot: its time
    /// begins.
    fn goes_with_its_image(&mut self, now: DateTime<Utc>, text: &str, out: &mut Vec<Output>) {
        self.seen.boot_after_delivery = true;
        if self.plan.serves == Serves::OnceAsked {
            self.enter(now, State::Away, out, text);
        }
    }

    pub(super) fn registered(
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
        let long_silence = self.seen.longest_silence >= LONG_SILENCE;
        let silent = self.seen.fell_silent;
        let settings = self.seen.settings > 0;
        let Some(before) = self.plan.lines.iter_mut().find(|before| before.line == line) else { return };
        let new_call_id = call_id.is_some() && before.call_id != call_id;
        let returned = self.seen.gone.contains(&line);
        let renewed = expires > before.expires
            && (settings || silent && (long_silence || is_early(now, before.expires, expires)));
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
            let text = format!("line {} registered with a new Call-ID", line.user);
            self.goes_with_its_image(now, &text, out);
        }
        self.seen.gone.remove(&line);
        self.seen.back.insert(line);
        if version.is_some() {
            self.seen.version = version;
        }
        self.settle(now, out);
    }

    pub(super) fn boot_request(
        &mut self,
        now: DateTime<Utc>,
        version: Option<Version>,
        idle: bool,
        own: bool,
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
            State::Asked { .. } | State::Accepted { .. } if self.plan.goal == Goal::Resync => {
                if !own {
                    out.push(Output::Note("polled", format!("{text}, but not from where it is registered")));
                    return;
                }
                // Whether it obeyed or was about to ask anyway: it has read its settings since it was asked.
                self.seen.settings += 1;
                out.push(Output::Note("settings", text));
                return self.finish(now, Outcome::Resynced, out);
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

    pub(super) fn image_began(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
        match self.state {
            State::Away | State::Back | State::Flashing => {
                self.enter(now, State::Fetching, out, "fetches the image");
            }
            State::Asked { .. } | State::Accepted { .. } if self.download().is_some() => {
                self.seen.accepted = true;
                self.enter(now, State::Fetching, out, "fetches the image");
            }
            State::Fetching
            | State::Confirming { .. }
            | State::Asked { .. }
            | State::Accepted { .. }
            | State::Done { .. } => {}
        }
    }

    pub(super) fn image_delivered(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
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

    pub(super) fn image_broken(&mut self, out: &mut Vec<Output>) {
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

    pub(super) fn alive(&mut self, now: DateTime<Utc>, version: Option<Version>, out: &mut Vec<Output>) {
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

    pub(super) fn silent(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
        self.seen.silences += 1;
        self.seen.longest_silence = self.seen.longest_silence.max(self.seen.silences);
        match self.state {
            // A phone that never answers us tells nothing by its silence.
            State::Asked { .. } | State::Accepted { .. }
                if self.seen.answers && self.seen.silences >= SILENCES =>
            {
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

    pub(super) fn runs_target(&self) -> bool {
        self.plan.goal.target().is_some_and(|target| self.observed() == Some(target))
    }

    pub(super) fn missing(&self) -> Vec<LineId> {
        let lines = self.plan.lines.iter().map(|before| &before.line);
        lines.filter(|line| !self.seen.back.contains(line)).cloned().collect()
    }

    /// Looks whether what was seen is enough.
    pub(super) fn settle(&mut self, now: DateTime<Utc>, out: &mut Vec<Output>) {
        if !self.missing().is_empty() {
            return;
        }
        match (&self.plan.goal, self.observed().cloned()) {
            // Whoever was to read its settings only, and rebooted, has read them as well.
            (Goal::Reboot | Goal::Resync, _) => self.finish(now, Outcome::Rebooted, out),
            (Goal::Update { target, .. } | Goal::Module { target, .. }, Some(version))
                if version == *target =>
            {
                self.finish(now, Outcome::Verified { version }, out);
            }
            // Where the realm is somebody else's, the phone cannot be seen to ask there.
            (Goal::Move { here, .. }, _) if self.seen.in_realm || (!*here && self.seen.redirected) => {
                self.moved(now, out);
            }
            (Goal::Files { .. }, _) if self.has_all_files() => self.finish(now, Outcome::Deployed, out),
            // A snom's first return still shows the old version: only the deadline of `Back` tells. And one that rebooted
            // where it was to hand in its configuration, to tell its settings or to fetch files, may do so yet.
            (
                Goal::Update { .. }
                | Goal::Module { .. }
                | Goal::Move { .. }
                | Goal::Backup
                | Goal::Write { .. }
                | Goal::Files { .. },
                _,
            ) => {
                if matches!(self.state, State::Away) {
                    self.enter(now, State::Back, out, "is back, not with the new version yet");
                }
            }
        }
    }
}
