//! How a phone is let go: by which of its triggers and after which last look, and when the patience with its calls ends.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Judge, Mandate};
use crate::domain::policy::{Action, BlackoutState, Opening, Patience};
use crate::domain::rules::Terms;
use crate::domain::trip::{Goal, LastLook, Trigger};

/// Before the last instant at which a phone may start there must be time for the last look, and for a second one
/// where the first withdraws.
const TIME_TO_LOOK: TimeDelta = TimeDelta::minutes(2);

/// An opening that ends later than this never closes as far as anybody cares.
const NEVER: TimeDelta = TimeDelta::days(35);

/// How a phone is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leave {
    /// It is asked only in ways of which its maker documents that it waits for its calls.
    pub only_waiting: bool,
    /// The last look before each of them.
    pub look: LastLook,
}

impl Leave {
    /// The triggers towards this goal, first choice first.
    pub(super) fn triggers(&self, terms: &Terms, goal: &Goal) -> Vec<Trigger> {
        let fits = |trigger: &&Trigger| trigger.waits(goal.is_denied_in_a_call()) || !self.only_waiting;
        terms.triggers_for(goal).iter().filter(fits).cloned().collect()
    }
}

/// The end of the patience with a phone's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PatienceEnd {
    /// When.
    pub at: DateTime<Utc>,
    /// What happens then.
    pub then: Then,
}

/// What happens when the patience with a phone's calls ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// It is asked, and waits for the end of its calls itself.
    PhoneWaits,
    /// It is asked even in a call.
    Forced,
}

impl Then {
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::PhoneWaits => "it is asked then and waits for the end of its calls itself",
            Self::Forced => "it goes then even in a call",
        }
    }
}

impl<'a> Judge<'a> {
    /// Whether its maker documents a way to ask it in which it waits for its calls.
    pub(super) fn can_wait(&self, mandate: Option<&Mandate<'a>>) -> bool {
        let resync = matches!(mandate, Some(Mandate::Policy(policy)) if policy.action == Action::Resync);
        let triggers = self.terms.as_ref().map(|terms| if resync { &terms.resync } else { &terms.triggers });
        let denied = matches!(mandate, Some(Mandate::Policy(policy)) if policy.action.is_denied_in_a_call());
        triggers.is_some_and(|triggers| triggers.iter().any(|trigger| trigger.waits(denied)))
    }

    /// What must be left before the last instant at which the phone may start: all is judged once more after the look.
    pub(super) fn to_look(&self) -> TimeDelta {
        self.terms.as_ref().map_or(TimeDelta::zero(), |terms| terms.timing.answer) + TIME_TO_LOOK
    }

    /// When the patience with its calls ends in this opening, if it does; outside of all in the next one.
    pub(super) fn patience_end(
        &self,
        patience: Patience,
        mandate: Option<&Mandate<'a>>,
        opening: Option<Opening>,
        goal: Option<&Goal>,
    ) -> Option<PatienceEnd> {
        let opening = opening.or_else(|| self.next_opening(mandate?))?;
        if opening.end - self.at > NEVER {
            return None;
        }
        match patience {
            Patience::NextWindow => None,
            Patience::PhoneWaits if !self.can_wait(mandate) => None,
            Patience::PhoneWaits => {
                let at = (self.latest_start(opening, mandate?, goal) - self.to_look()).max(opening.start);
                Some(PatienceEnd { at, then: Then::PhoneWaits })
            }
            Patience::Force { after } => {
                // An opening that is over sooner forces nobody; the next one may.
                let openings = [Some(opening), self.opening_after(opening)].into_iter().flatten();
                let mut ends = openings.map(|one| (one.start + after, one.end));
                let (at, _) = ends.find(|(at, end)| at < end)?;
                Some(PatienceEnd { at, then: Then::Forced })
            }
        }
    }

    /// The latest instant of an opening at which the phone may start: before what must be left of it, and before the
    /// next blackout.
    fn latest_start(&self, opening: Opening, mandate: &Mandate<'a>, goal: Option<&Goal>) -> DateTime<Utc> {
        let needs = self.needs(goal);
        let Some(calendar) = self.calendar(mandate) else { return opening.end - needs };
        let margin = self.sky.hours.margin(calendar, opening, self.zone);
        let asked = margin.written.unwrap_or(needs);
        let latest = opening.end - if margin.asks_model { asked.max(needs) } else { asked };
        let mut from = self.at.max(opening.start);
        if let BlackoutState::On { until } = self.sky.hours.blackout_at(calendar, from, self.zone) {
            from = until;
        }
        match self.sky.hours.blackout_at(calendar, from, self.zone) {
            BlackoutState::Off { next: Some(begins) } => latest.min(begins - needs),
            BlackoutState::Off { next: None } | BlackoutState::On { .. } => latest,
        }
    }
}
