//! Answers why one phone is held: now and later by asking the gates, in the past by what was written down.

use chrono::{DateTime, TimeDelta, Utc};

use super::orchestrator::Orchestrator;
use crate::domain::journal::Finding;
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason};
use crate::ports::{Change, ControlError, FindingRow, PastAnswers, WhyView};

/// How far from now somebody may ask what a phone would do.
const FORESIGHT: TimeDelta = TimeDelta::days(3653);

/// Findings are forgotten after this time.
const FINDINGS_KEPT: TimeDelta = TimeDelta::days(30);

/// How often old findings are looked for.
const FORGET_EVERY: TimeDelta = TimeDelta::hours(6);

/// Findings in one commit; intents that come meanwhile wait for no more than that.
const LINES_AT_ONCE: usize = 500;

/// What the gates say by all that is known now; for a past instant not the last word.
#[derive(Debug)]
pub struct Explained {
    /// The answers.
    pub view: WhyView,
    /// The instant is past.
    pub is_past: bool,
    /// When the window opened that was open then; `None` when none was, or a blackout held.
    pub opened: Option<DateTime<Utc>>,
}

impl Explained {
    /// The answers with what was written down by then.
    pub fn with(self, row: Option<FindingRow>) -> Result<WhyView, ControlError> {
        let Self { mut view, is_past, opened } = self;
        if !is_past {
            return Ok(view);
        }
        (view.go, view.earliest) = (false, None);
        let Some(opened) = opened else {
            view.past = Some(PastAnswers::Closed);
            view.gates.retain(|answer| answer.gate <= Gate::Blackout);
            return Ok(view);
        };
        // What was written down in an earlier window says nothing of this one.
        let finding = match row.filter(|row| row.at >= opened) {
            Some(row) => Some(serde_json::from_str::<Finding>(&row.body).map_err(|error| {
                ControlError::Unavailable(format!(
                    "what was written down at {} cannot be read: {error}",
                    row.at
                ))
            })?),
            None => None,
        };
        let Some(finding) = finding else {
            view.past = Some(PastAnswers::WaitedForItsTurn { from: opened });
            view.gates.iter_mut().for_each(open);
            return Ok(view);
        };
        view.past = Some(PastAnswers::WrittenDown { from: finding.at, went: finding.went });
        view.phone.policy = finding.policy.as_deref().map(str::to_owned);
        (view.phone.version, view.phone.target) = (finding.runs, finding.target);
        for answer in &mut view.gates {
            match finding.held.iter().find(|held| held.gate == answer.gate) {
                Some(held) => answer.clone_from(held),
                None => open(answer),
            }
        }
        let changes: Option<Vec<_>> = finding.held.iter().map(|held| held.changes).collect();
        view.earliest = changes.and_then(|changes| changes.into_iter().max());
        Ok(view)
    }
}

/// It did not hold then; what it saw is not known.
fn open(answer: &mut GateAnswer) {
    answer.holds.clear();
    answer.saw.clear();
    answer.changes = None;
}

impl Orchestrator {
    /// Writes down what the gates say anew. Nothing waits for it: it decides nothing, and a window that opens for a large
    /// fleet brings many lines at once.
    pub(super) fn write_down(&mut self, now: DateTime<Utc>) {
        let findings = self.scheduler.take_findings();
        let forget = (now - self.forgot >= FORGET_EVERY).then(|| {
            self.forgot = now;
            Change::ForgetFindings(now - FINDINGS_KEPT)
        });
        if findings.is_empty() && forget.is_none() {
            return;
        }
        let store = self.hands.store.clone();
        tokio::spawn(async move {
            let row = |finding: Finding| match serde_json::to_string(&finding) {
                Ok(body) => Some(Change::Finding(FindingRow { mac: finding.mac, at: finding.at, body })),
                Err(error) => {
                    tracing::error!(mac = %finding.mac, %error, "a finding has no form as JSON");
                    None
                }
            };
            let mut rows = findings.into_iter().filter_map(row).chain(forget).peekable();
            while rows.peek().is_some() {
                let some = rows.by_ref().take(LINES_AT_ONCE).collect();
                if let Err(error) = store.apply(some).await {
                    tracing::warn!(%error, "why phones were held could not be written down");
                }
            }
        });
    }

    /// Why a phone is held at an instant.
    pub(super) fn why(
        &self,
        now: DateTime<Utc>,
        name: &str,
        at: Option<DateTime<Utc>>,
    ) -> Result<Explained, ControlError> {
        let missing = || ControlError::NotFound(format!("no phone, or several, are called `{name}`"));
        let phone = self.fleet.named(name).and_then(|mac| self.fleet.get(mac)).ok_or_else(missing)?;
        let at = at.unwrap_or(now);
        // Further away no calendar reaches, and at the end of time itself no zone.
        if (at - now).abs() > FORESIGHT {
            return Err(ControlError::Refused("ask about an instant within ten years of now".to_owned()));
        }
        let judged = self.scheduler.judge(phone, at, now, &self.fleet);
        let mut gates = judged.verdict.gates.clone();
        let mut earliest = judged.verdict.earliest();
        if let Some(open) = self.trips.get(&phone.mac) {
            let reason = Reason::UnderWay { state: open.trip.state().slug().to_owned() };
            // It has its place; what it is held by is that it went already.
            if let Some(budget) = gates.iter_mut().find(|gate| gate.gate == Gate::Budget) {
                budget.saw = reason.to_string();
                budget.changes = open.trip.deadline();
                budget.holds = vec![reason];
            }
            earliest = None;
        }
        let go = gates.iter().all(GateAnswer::is_open);
        let view = WhyView {
            phone: self.view(now, at, phone),
            at,
            gates,
            go,
            earliest,
            zone: self.scheduler.rules().zone_of(phone),
            past: None,
        };
        Ok(Explained { view, is_past: at < now, opened: self.scheduler.opened(phone, at) })
    }
}
