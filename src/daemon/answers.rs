//! Answers what is asked through the API: tables, explanations, the state at a glance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::mail::{Question, Reply};
use super::orchestrator::{Act, Orchestrator};
use crate::domain::firmware::Misfit;
use crate::domain::gates::{AdHoc, Judged};
use crate::domain::phone::{CallState, Mac, PbxName, Phone};
use crate::domain::policy::Selection;
use crate::domain::policy::verdict::{Reason, Verdict};
use crate::domain::realm::RealmHeld;
use crate::domain::trip::{Goal, Outcome};
use crate::ports::{Change, ControlError, Job, PhoneView, RebootAsk, RebootTaken, StatusView};

impl Orchestrator {
    /// Somebody asks.
    pub(super) fn asked(&mut self, now: DateTime<Utc>, question: Question) {
        self.scheduler.look_round(&self.fleet, now);
        match question {
            Question::Phones(words, reply) => {
                let found = self.phones(now, &words);
                self.answer(reply, found);
            }
            Question::Why(phone, at, reply) => {
                let found = self.why(now, &phone, at);
                self.answer(reply, found);
            }
            Question::Plan(ask, reply) => self.plan(now, &ask, reply),
            Question::Reboot(ask, reply) => {
                let taken = self.take_job(now, &ask);
                self.answer(reply, taken);
            }
            Question::Releases(reply) => {
                let releases = self.scheduler.rules().releases.values().cloned().collect();
                self.answer(reply, Ok(releases));
            }
            Question::Reload(reply) => self.reload(reply),
            Question::Status(reply) => {
                let status = self.status(now);
                self.answer(reply, Ok(status));
            }
            Question::Metrics(reply) => {
                let status = self.status(now);
                self.metrics.full_purses(&self.full_purses());
                let text = self.metrics.text(&status, self.scheduler.lost().len());
                self.answer(reply, Ok(text));
            }
        }
    }

    /// How many limits of each kind are reached.
    fn full_purses(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for purse in self.scheduler.budgets().full(self.scheduler.rules(), &self.fleet).keys() {
            *kinds.entry(purse.scope.slug()).or_default() += 1;
        }
        kinds
    }

    /// Answers once everything before is kept.
    fn answer<T: Send + 'static>(&mut self, reply: Reply<T>, result: Result<T, ControlError>) {
        // Whoever asked and went away needs no answer.
        self.acts.push(Act::Answer(Box::new(move || drop(reply.send(result)))));
    }

    fn selected(&self, words: &[String]) -> Result<Vec<&Phone>, ControlError> {
        let selection = Selection::from_words(words).map_err(|e| ControlError::Refused(e.to_string()))?;
        Ok(self.fleet.iter().filter(|phone| selection.matches(phone)).collect())
    }

    fn phones(&self, now: DateTime<Utc>, words: &[String]) -> Result<Vec<PhoneView>, ControlError> {
        Ok(self.selected(words)?.into_iter().map(|phone| self.view(now, now, phone)).collect())
    }

    pub(super) fn view(&self, now: DateTime<Utc>, at: DateTime<Utc>, phone: &Phone) -> PhoneView {
        let judged = self.scheduler.judge(phone, at, now, &self.fleet);
        let (state, detail, since) = self.state_of(phone, &judged);
        let target = judged.order.as_ref().and_then(|order| order.goal.firmware().cloned());
        PhoneView {
            mac: phone.mac,
            lines: phone.lines.keys().map(|line| line.user.to_string()).collect(),
            vendor: phone.vendor.clone(),
            model: phone.model.clone(),
            version: phone.version.clone(),
            target,
            site: phone.site.as_ref().map(ToString::to_string),
            tags: phone.tags.iter().map(ToString::to_string).collect(),
            policy: judged.budget.as_ref().map(ToString::to_string),
            state,
            detail,
            calls: phone.lines.iter().map(|(line, s)| (line.user.to_string(), s.calls)).collect(),
            since,
        }
    }

    /// The phone's state in one word, in one sentence, and since when.
    fn state_of(&self, phone: &Phone, judged: &Judged) -> (String, String, Option<DateTime<Utc>>) {
        let (mac, zone) = (phone.mac, self.scheduler.rules().zone_of(phone));
        if let Some(open) = self.trips.get(&mac) {
            let trip = &open.trip;
            let detail = format!("for {}, attempt {}", trip.plan().policy, trip.plan().attempt);
            return (trip.state().slug().to_owned(), detail, Some(trip.since()));
        }
        let last = self.scheduler.past(mac).and_then(|past| past.last.as_ref());
        let since = last.map(crate::domain::trip::Trip::since);
        let mut reasons = causes(&judged.verdict);
        let word = |state: &str, detail: String| (state.to_owned(), detail, since);
        if reasons.iter().any(|reason| matches!(reason, Reason::OutsideWindow { .. })) {
            // What it had to do in its last window is done.
            let outcome = last.and_then(crate::domain::trip::Trip::outcome);
            let when = since.map(|at| at.with_timezone(&zone).format("%a %d %b %H:%M").to_string());
            let when = when.unwrap_or_default();
            match (judged.order.as_ref().map(|order| &order.goal), outcome) {
                (Some(Goal::Reboot), Some(Outcome::Rebooted)) => {
                    return word("rebooted", format!("back since {when}"));
                }
                (Some(Goal::Resync), Some(Outcome::Resynced | Outcome::Rebooted)) => {
                    return word("resynced", format!("read its settings {when}"));
                }
                (Some(Goal::Backup), Some(Outcome::HandedIn)) => {
                    return word("handed-in", format!("handed in its configuration {when}"));
                }
                (Some(Goal::Write { .. }), Some(Outcome::Written { .. })) => {
                    return word("written", format!("has its settings since {when}"));
                }
                (_, _) => {}
            }
        }
        for reason in &reasons {
            match reason {
                Reason::AlreadyCurrent { .. } => return word("verified", reason.told_in(zone)),
                Reason::Realm(RealmHeld::AlreadyThere { .. }) => return word("moved", reason.told_in(zone)),
                Reason::AlreadyRebooted { .. } => return word("rebooted", reason.told_in(zone)),
                Reason::AlreadyResynced { .. } => return word("resynced", reason.told_in(zone)),
                Reason::AlreadyHandedIn { .. } => return word("handed-in", reason.told_in(zone)),
                Reason::AlreadyWritten { .. } => return word("written", reason.told_in(zone)),
                Reason::HasFiles { .. } => return word("deployed", reason.told_in(zone)),
                Reason::NotSelected => return word("unmanaged", reason.told_in(zone)),
                Reason::NoAttemptsLeft { .. } => {
                    let advice = match last.and_then(crate::domain::trip::Trip::outcome) {
                        Some(Outcome::Failed { failure }) => format!("{failure}; {}", failure.advice()),
                        _ => reason.told_in(zone),
                    };
                    return word("failed", advice);
                }
                _ => {}
            }
        }
        if self.scheduler.lost().contains(&mac) {
            return word("lost", "it left and never came back; it keeps its place".to_owned());
        }
        if reasons.is_empty() {
            return word("ready", "goes next".to_owned());
        }
        reasons.sort_by_key(|reason| weight(reason));
        word("waiting", in_short(&reasons, zone))
    }

    fn take_job(&mut self, now: DateTime<Utc>, ask: &RebootAsk) -> Result<RebootTaken, ControlError> {
        if ask.select.is_empty() {
            let hint = "say which phones: a MAC, a line, or site=, model=, tag=, vendor=, line=";
            return Err(ControlError::Refused(hint.to_owned()));
        }
        let macs: Vec<Mac> = self.selected(&ask.select)?.into_iter().map(|phone| phone.mac).collect();
        if macs.is_empty() {
            return Err(ControlError::NotFound(format!("no phone is {}", ask.select.join(" "))));
        }
        if ask.restore.is_some() && (macs.len() != 1 || !macs.iter().all(|mac| self.polls(*mac))) {
            let why = "a configuration is given back to one phone alone, and only to one that polls: an innovaphone";
            return Err(ControlError::Refused(why.to_owned()));
        }
        self.last_job += 1;
        let name: Arc<str> = format!("reboot-{}", self.last_job).into();
        let job = Job {
            name: name.clone(),
            macs: macs.clone(),
            now: ask.now,
            even_in_a_call: ask.even_in_a_call,
            restore: ask.restore,
            asked: now,
        };
        self.adopt_job(now, job.clone());
        self.batch.push(Change::Job(job));
        let count = if macs.len() == 1 { "1 phone".to_owned() } else { format!("{} phones", macs.len()) };
        let how = match (ask.now, ask.even_in_a_call) {
            (true, true) => " now, even in a call",
            (true, false) => " now",
            (false, true) => " in their windows, even in a call",
            (false, false) => " in their windows",
        };
        let what = match ask.restore {
            Some(number) => format!("give configuration {number} back to {count} and reboot it"),
            None => format!("reboot {count}"),
        };
        self.note(now, None, None, "job", format!("{name}: {what}{how}"));
        Ok(RebootTaken { job: name.to_string(), phones: macs })
    }

    /// Takes a job into the books. It takes its phones over from the jobs before it, which would come up again at the
    /// next start otherwise.
    pub(super) fn adopt_job(&mut self, now: DateTime<Utc>, job: Job) {
        let taken: BTreeSet<Mac> = job.macs.iter().copied().collect();
        for before in self.jobs.values_mut().filter(|before| before.name != job.name) {
            let count = before.macs.len();
            before.macs.retain(|mac| !taken.contains(mac));
            if before.macs.len() < count {
                self.batch.push(Change::Job(before.clone()));
            }
        }
        self.jobs.retain(|_, before| !before.macs.is_empty());
        let ad_hoc = AdHoc { name: job.name.clone(), now: job.now, even_in_a_call: job.even_in_a_call };
        self.scheduler.ask_for(&ad_hoc, &job.macs, now);
        self.jobs.insert(job.name.clone(), job);
    }

    fn status(&self, now: DateTime<Utc>) -> StatusView {
        let (mut states, mut holds) = (BTreeMap::new(), BTreeMap::new());
        for phone in self.fleet.iter() {
            let judged = self.scheduler.judge(phone, now, now, &self.fleet);
            let (state, _, _) = self.state_of(phone, &judged);
            if state == "waiting" {
                // Phones are counted: a reason that two of its lines give counts once.
                let slugs: BTreeSet<_> = causes(&judged.verdict).into_iter().map(Reason::slug).collect();
                for slug in slugs {
                    *holds.entry(slug.to_owned()).or_default() += 1;
                }
            }
            *states.entry(state).or_default() += 1;
        }
        let views = self.fleet.views().iter();
        StatusView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now,
            draining: self.scheduler.is_draining(),
            states,
            holds,
            views: views.map(|(pbx, v)| (pbx.clone(), v.age(now).map(|age| age.num_seconds()))).collect(),
            strangers: self
                .fleet
                .strangers()
                .map(|(line, c)| (line.to_string(), c.user_agent.as_deref().unwrap_or("").to_owned()))
                .collect(),
            refused_reload: self.refused_reload.clone(),
        }
    }
}

/// What holds a phone, each cause once: where the PBX's view is gone, that its lines' calls are unknown follows.
fn causes(verdict: &Verdict) -> Vec<&Reason> {
    let unseen: BTreeSet<&PbxName> = verdict
        .reasons()
        .filter_map(|reason| match reason {
            Reason::ViewStale { pbx, .. } => Some(pbx),
            _ => None,
        })
        .collect();
    let follows = |reason: &&Reason| match reason {
        Reason::Busy { line, calls: CallState::Unknown } => unseen.contains(&line.pbx),
        _ => false,
    };
    verdict.reasons().filter(|reason| !follows(reason)).collect()
}

/// Reasons that a cell of a table has room for; `why` tells all.
const REASONS_SHOWN: usize = 2;

/// The first reasons as a text, and how many more there are.
fn in_short(reasons: &[&Reason], zone: Tz) -> String {
    let shown = reasons.iter().take(REASONS_SHOWN);
    let mut texts: Vec<String> = shown.map(|reason| reason.told_in(zone)).collect();
    if reasons.len() > REASONS_SHOWN {
        texts.push(format!("and {} more", reasons.len() - REASONS_SHOWN));
    }
    texts.join("; ")
}

/// What decides most comes first: what only a person can mend, then what people ask about, then what passes by itself.
fn weight(reason: &Reason) -> u8 {
    match reason {
        // It tells that itself as soon as it registers.
        Reason::Misfit(Misfit::Unknown { .. }) => 5,
        Reason::NotSelected
        | Reason::NoLines
        | Reason::NoProfile { .. }
        | Reason::Tie { .. }
        | Reason::AlreadyCurrent { .. }
        | Reason::AlreadyRebooted { .. }
        | Reason::AlreadyResynced { .. }
        | Reason::AlreadyHandedIn { .. }
        | Reason::AlreadyWritten { .. }
        | Reason::HasFiles { .. }
        | Reason::NoAttemptsLeft { .. }
        | Reason::Lost
        | Reason::StagedOnly { .. }
        | Reason::NotYet { .. }
        | Reason::CannotWait { .. }
        | Reason::Excluded { .. }
        | Reason::NoImage { .. }
        | Reason::NoFiles { .. }
        | Reason::Misfit(_)
        | Reason::UpdatePolicy { .. }
        | Reason::CheckSync { .. }
        | Reason::Module(_)
        | Reason::Realm(_)
        | Reason::SeveralContacts { .. } => 0,
        Reason::Draining | Reason::EditedLately { .. } => 1,
        Reason::Busy { .. } | Reason::AgentLoggedIn { .. } | Reason::DoNotDisturb { .. } => 2,
        Reason::OutsideWindow { .. }
        | Reason::JustBooted { .. }
        | Reason::TooLittleLeft { .. }
        | Reason::PastLastStart { .. }
        | Reason::NotItsTurn { .. }
        | Reason::Blackout { .. }
        | Reason::BlackoutNear { .. } => 3,
        Reason::ViewStale { .. } | Reason::Untold { .. } | Reason::GroupUntold { .. } => 4,
        Reason::NotRegistered { .. } | Reason::AwaitsPoll { .. } => 5,
        Reason::NotQuietYet { .. } => 6,
        Reason::PenaltyBox { .. } => 7,
        Reason::BudgetFull { .. }
        | Reason::RateReached { .. }
        | Reason::Coverage { .. }
        | Reason::GoesLast { .. }
        | Reason::UnderWay { .. } => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::{LineId, PbxName};

    #[test]
    fn the_reason_that_decides_is_shown_first_and_two_are_enough() {
        let pbx = PbxName::new("pbx1");
        let line = LineId { pbx: pbx.clone(), user: "2117".into() };
        let full = Reason::BudgetFull { budget: "night".into(), down: 3, limit: 3 };
        let closed = Reason::OutsideWindow { opens: None };
        let stale = Reason::ViewStale { pbx, age_seconds: None };
        let talking = Reason::Busy { line, calls: CallState::Talking };
        let told = |reasons: &[&Reason]| {
            let mut reasons = reasons.to_vec();
            reasons.sort_by_key(|reason| weight(reason));
            in_short(&reasons, Tz::UTC)
        };
        assert_eq!(
            told(&[&full, &closed, &talking]),
            "in a call (line 2117); no window ever opens; and 1 more"
        );
        assert_eq!(told(&[&stale, &closed]), "no window ever opens; no view of pbx1");
        let missing = Reason::NoImage { from: "release r1".into() };
        assert_eq!(told(&[&closed, &missing]), "release r1 has no image for it; no window ever opens");
    }
}
