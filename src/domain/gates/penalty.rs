//! The gate that asks how earlier trips of the phone ended: attempts left, pauses, the penalty box.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Judge, Mandate};
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason};
use crate::domain::policy::{Opening, Retry};
use crate::domain::trip::{Goal, Outcome, Trip};

/// What earlier trips towards a goal mean for the next one.
enum Standing {
    /// Nothing: there were none, or they are forgotten.
    Free,
    /// It may go again then.
    Again(DateTime<Utc>),
    /// No attempt is left until then; `None` leaves it to a person.
    Out(Option<DateTime<Utc>>),
}

impl<'a> Judge<'a> {
    /// Failed trips towards this goal that count.
    pub(super) fn attempts(&self, mandate: &Mandate<'a>, goal: &Goal, opening: Option<Opening>) -> u32 {
        let Some(trip) = self.failed(goal).filter(|trip| Self::counts(trip, opening)) else {
            return 0;
        };
        match mandate {
            Mandate::Policy(policy) => match self.standing(trip, &policy.retry) {
                Standing::Free => 0,
                Standing::Again(_) | Standing::Out(_) => trip.plan().attempt,
            },
            Mandate::Job(_) => trip.plan().attempt,
        }
    }

    /// The last trip, if it was for this goal and did not end well.
    fn failed(&self, goal: &Goal) -> Option<&'a Trip> {
        let trip = self.last().filter(|trip| match (&trip.plan().goal, goal) {
            (Goal::Update { target: was, part, .. }, Goal::Update { target: is, part: of, .. }) => {
                (was, part) == (is, of)
            }
            (Goal::Module { target: was, .. }, Goal::Module { target: is, .. }) => was == is,
            (Goal::Reboot, Goal::Reboot) | (Goal::Resync, Goal::Resync) | (Goal::Backup, Goal::Backup) => {
                true
            }
            (Goal::Move { realm: was, .. }, Goal::Move { realm: is, .. }) => was == is,
            (Goal::Write { items: was }, Goal::Write { items: is }) => was == is,
            (Goal::Files { files: was, .. }, Goal::Files { files: is, .. }) => was == is,
            (
                Goal::Reboot
                | Goal::Resync
                | Goal::Backup
                | Goal::Update { .. }
                | Goal::Module { .. }
                | Goal::Move { .. }
                | Goal::Write { .. }
                | Goal::Files { .. },
                _,
            ) => false,
        })?;
        matches!(trip.outcome(), Some(Outcome::Failed { .. } | Outcome::Cancelled)).then_some(trip)
    }

    /// Whether a failed trip is one of the attempts allowed: those at an update count for ever, others in one opening
    /// only.
    fn counts(trip: &Trip, opening: Option<Opening>) -> bool {
        match trip.plan().goal {
            Goal::Update { .. } | Goal::Module { .. } | Goal::Move { .. } | Goal::Files { .. } => true,
            Goal::Reboot | Goal::Resync | Goal::Backup | Goal::Write { .. } => {
                opening.is_some_and(|opening| trip.since() >= opening.start)
            }
        }
    }

    /// What a trip that did not end well means for the next one.
    fn standing(&self, trip: &Trip, retry: &Retry) -> Standing {
        let attempt = trip.plan().attempt;
        let (retryable, let_out) = match trip.outcome() {
            Some(Outcome::Failed { failure }) => {
                let named = retry.not_after.iter().any(|slug| **slug == *failure.slug());
                (failure.is_retryable() && !named, !named)
            }
            // What a person stopped, a person sends again.
            _ => (false, false),
        };
        if retryable && attempt < retry.attempts {
            return Standing::Again(trip.since() + retry.pause(self.phone.mac, attempt));
        }
        match retry.penalty.filter(|_| let_out).map(|penalty| trip.since() + penalty) {
            Some(end) if end <= self.at => Standing::Free,
            end => Standing::Out(end),
        }
    }

    pub(super) fn penalty(
        &self,
        mandate: Option<&Mandate<'a>>,
        goal: Option<&Goal>,
        opening: Option<Opening>,
    ) -> GateAnswer {
        let mut held = Vec::new();
        let mut until = None;
        let past = self.sky.past.get(&self.phone.mac);
        if let Some((end, why)) = past.and_then(|past| past.withdrawn.clone()).filter(|(e, _)| *e > self.at) {
            held.push(Reason::PenaltyBox { until: end, after: why });
            until = until.max(Some(end));
        }
        let gap = self.terms.as_ref().map_or(TimeDelta::minutes(5), |terms| terms.timing.gap);
        if let Some(end) = self.last().and_then(Trip::asked_at).map(|asked| asked + gap)
            && end > self.at
        {
            held.push(Reason::PenaltyBox { until: end, after: "its last NOTIFY".to_owned() });
            until = until.max(Some(end));
        }
        // It may be flashing, or dead: only a person sends it again before it was seen.
        if self.sky.lost.contains(&self.phone.mac) && matches!(mandate, Some(Mandate::Policy(_))) {
            held.push(Reason::Lost);
            return self.closed(Gate::Penalty, held, None);
        }
        let failed = goal.and_then(|goal| self.failed(goal));
        if let (Some(trip), Some(Mandate::Policy(policy))) = (failed, mandate) {
            let after = match trip.outcome() {
                Some(Outcome::Failed { failure }) => failure.to_string(),
                _ => "being cancelled".to_owned(),
            };
            match self.standing(trip, &policy.retry) {
                Standing::Out(let_out) if Self::counts(trip, opening) => {
                    held.push(Reason::NoAttemptsLeft { attempts: trip.plan().attempt, last: after });
                    let next = match goal {
                        Some(Goal::Reboot | Goal::Resync | Goal::Backup | Goal::Write { .. }) => {
                            opening.and_then(|opening| self.opening_after(opening)).map(|next| next.start)
                        }
                        Some(
                            Goal::Update { .. }
                            | Goal::Module { .. }
                            | Goal::Move { .. }
                            | Goal::Files { .. },
                        )
                        | None => None,
                    };
                    let changes = [let_out, next].into_iter().flatten().min();
                    return self.closed(
                        Gate::Penalty,
                        held,
                        changes.max(until.filter(|_| changes.is_some())),
                    );
                }
                // A pause is kept across openings.
                Standing::Again(end) if end > self.at => {
                    held.push(Reason::PenaltyBox { until: end, after });
                    until = until.max(Some(end));
                }
                Standing::Out(_) | Standing::Again(_) | Standing::Free => {}
            }
        }
        if held.is_empty() {
            return self.open(Gate::Penalty, || match mandate {
                Some(wanted @ Mandate::Policy(policy)) => {
                    let used = goal.map_or(0, |goal| self.attempts(wanted, goal, opening));
                    format!("{used} of {} used", policy.retry.attempts)
                }
                Some(Mandate::Job(_)) | None => "none needed".into(),
            });
        }
        self.closed(Gate::Penalty, held, until)
    }
}
