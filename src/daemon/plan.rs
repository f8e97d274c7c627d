//! Answers what would happen from now on: a forecast over a copy of the live state, beside the orchestrator.

use chrono::{DateTime, Utc};

use super::mail::Reply;
use super::orchestrator::Orchestrator;
use crate::domain::forecast::{Setting, forecast};
use crate::domain::policy::Selection;
use crate::ports::{CallsLast, ControlError, PLAN_AHEAD, PLAN_AT_MOST, PlanAsk, PlanView};

impl Orchestrator {
    /// Copies what a forecast begins with; it is made, and answered, in a thread of its own.
    pub(super) fn plan(&self, now: DateTime<Utc>, ask: &PlanAsk, reply: Reply<PlanView>) {
        let until = ask.until.unwrap_or(now + PLAN_AHEAD);
        let shown = match Selection::from_words(&ask.select) {
            Err(error) => Err(error.to_string()),
            Ok(_) if until <= now => Err("the plan would end before it begins".to_owned()),
            Ok(_) if until - now > PLAN_AT_MOST => {
                Err("a plan looks a year ahead at most\nhint: name an earlier end with `until`".to_owned())
            }
            Ok(shown) => Ok(shown),
        };
        let shown = match shown {
            Ok(shown) => shown,
            Err(why) => {
                // Whoever asked and went away needs no answer.
                let _ = reply.send(Err(ControlError::Refused(why)));
                return;
            }
        };
        let (scheduler, fleet) = (self.scheduler.clone(), self.fleet.clone());
        let under_way = self.trips.values().map(|open| open.trip.clone()).collect();
        let calls_last = ask.calls_last;
        tokio::task::spawn_blocking(move || {
            let rules = scheduler.rules().clone();
            let told = forecast(Setting {
                scheduler,
                fleet: fleet.clone(),
                under_way,
                calls: Box::new(std::iter::empty()),
                calls_last: calls_last.length(),
                from: now,
                until,
            });
            let view = PlanView::of(told, &fleet, &rules, assumed(calls_last), |phone| shown.matches(phone));
            let _ = reply.send(Ok(view));
        });
    }
}

/// What a plan from live state takes for granted.
fn assumed(calls_last: CallsLast) -> Vec<String> {
    let calls = match calls_last.length() {
        Some(length) => {
            format!(
                "calls of now end within {}, and nobody makes another",
                crate::domain::policy::verdict::spell(length)
            )
        }
        None => "a phone in a call now stays in it, and nobody makes another call".to_owned(),
    };
    vec![
        calls,
        "each phone takes the usual time of its kind and comes back".to_owned(),
        "what is not registered, not seen or unknown now stays so".to_owned(),
    ]
}
