//! The gates that ask the calendar: windows, turns and blackouts.

use chrono::{DateTime, TimeDelta, Utc};

use super::{AdHoc, Judge, Mandate};
use crate::domain::lot::{lot, share_of};
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason, spell};
use crate::domain::policy::{BlackoutState, Calendar, Opening, WindowState};
use crate::domain::trip::Goal;

/// Blackouts with too little between them are looked through no further than this many.
const BLACKOUTS_AHEAD: u32 = 100;

impl<'a> Judge<'a> {
    pub(super) fn window(&self, mandate: Option<&Mandate<'a>>, goal: Option<&Goal>) -> GateAnswer {
        let calendar = match mandate {
            None => return self.open(Gate::Window, || "nothing asked for".into()),
            Some(Mandate::Job(AdHoc { now: true, .. })) => {
                return self.open(Gate::Window, || "not waited for (--now)".into());
            }
            Some(mandate) => self.calendar(mandate),
        };
        let Some(calendar) = calendar else {
            return self.hold(Gate::Window, Reason::OutsideWindow { opens: None }, None);
        };
        let answer = match self.sky.hours.at(calendar, self.at, self.zone) {
            WindowState::Closed(next) => self.closed_window(next),
            WindowState::Open(opening) => self.open_window(calendar, opening, mandate, goal),
        };
        match self.left_alone(calendar) {
            Some(until) if answer.is_open() => {
                self.hold(Gate::Window, Reason::JustBooted { until }, Some(until))
            }
            _ => answer,
        }
    }

    fn closed_window(&self, next: Option<Opening>) -> GateAnswer {
        let saw = || match next {
            Some(next) => format!(
                "opens {} (in {}), until {}",
                self.local(next.start, "%a %d %b %H:%M"),
                spell(next.start - self.at),
                self.local(next.end, "%a %d %b %H:%M")
            ),
            None => "never opens".to_owned(),
        };
        GateAnswer {
            gate: Gate::Window,
            holds: vec![Reason::OutsideWindow { opens: next }],
            saw: self.in_words(saw),
            changes: next.map(|next| next.start),
        }
    }

    fn open_window(
        &self,
        calendar: &'a Calendar,
        opening: Opening,
        mandate: Option<&Mandate<'a>>,
        goal: Option<&Goal>,
    ) -> GateAnswer {
        let needs = self.needs(goal);
        let margin = self.sky.hours.margin(calendar, opening, self.zone);
        let asked = margin.written.unwrap_or(needs);
        let left = opening.end - self.at;
        let opens = || self.opening_after(opening);
        let (left_seconds, margin_seconds) = (left.num_seconds(), asked.num_seconds());
        if margin.asks_model && left < needs {
            let opens = opens();
            let needs_seconds = needs.num_seconds();
            let reason = Reason::TooLittleLeft { left_seconds, needs_seconds, opens };
            return self.hold(Gate::Window, reason, opens.map(|next| next.start));
        }
        if left < asked {
            let opens = opens();
            let reason = Reason::PastLastStart { left_seconds, margin_seconds, opens };
            return self.hold(Gate::Window, reason, opens.map(|next| next.start));
        }
        let asked = if margin.asks_model { asked.max(needs) } else { asked };
        if let Some(from) = self.turn(mandate, opening, asked).filter(|from| *from > self.at) {
            return self.hold(Gate::Window, Reason::NotItsTurn { from }, Some(from));
        }
        if left > TimeDelta::days(35) {
            return self.open(Gate::Window, || "open, never closes".into());
        }
        self.open(Gate::Window, || format!("open until {}", self.local(opening.end, "%a %d %b %H:%M")))
    }

    /// When the phone's first chance in this opening comes, where its policy spreads the starts; never so late that
    /// less than `asked` is left after its last look.
    fn turn(
        &self,
        mandate: Option<&Mandate<'a>>,
        opening: Opening,
        asked: TimeDelta,
    ) -> Option<DateTime<Utc>> {
        let Some(Mandate::Policy(policy)) = mandate else { return None };
        let spread = u64::try_from(policy.pace.spread?.num_milliseconds()).ok()?;
        let offset = i64::try_from(share_of(lot(self.phone.mac, 0), spread)).ok()?;
        let turn = opening.start.checked_add_signed(TimeDelta::milliseconds(offset))?;
        let latest = opening.end.checked_sub_signed(asked)?.checked_sub_signed(self.to_look())?;
        Some(turn.min(latest.max(opening.start)))
    }

    /// Until when the phone is left alone because it booted lately; a phone whose boot nobody saw did not.
    fn left_alone(&self, calendar: &Calendar) -> Option<DateTime<Utc>> {
        let booted = self.phone.booted.filter(|booted| *booted <= self.at)?;
        booted.checked_add_signed(calendar.initial?).filter(|until| self.at < *until)
    }

    /// How long the phone may be away at most.
    pub(super) fn needs(&self, goal: Option<&Goal>) -> TimeDelta {
        let with_image = goal.is_some_and(Goal::has_image);
        self.terms.as_ref().map_or(TimeDelta::zero(), |terms| {
            // Whoever hands in its configuration, or is told its settings, stays where it is.
            if matches!(goal, Some(Goal::Backup | Goal::Write { .. })) {
                return terms.timing.answer;
            }
            if matches!(goal, Some(Goal::Files { .. })) {
                return terms.timing.answer + terms.timing.fetch;
            }
            let boots = if with_image { terms.update_boots.unwrap_or(1) } else { 1 };
            terms.timing.whole_trip(boots, with_image)
        })
    }

    pub(super) fn blackout(&self, mandate: Option<&Mandate<'a>>, goal: Option<&Goal>) -> GateAnswer {
        let calendar = match mandate {
            None => return self.open(Gate::Blackout, || "nothing asked for".into()),
            Some(Mandate::Job(AdHoc { now: true, .. })) => {
                return self.open(Gate::Blackout, || "not waited for (--now)".into());
            }
            Some(mandate) => self.calendar(mandate),
        };
        // Without a calendar the gate before this one holds.
        let Some(calendar) = calendar else { return self.open(Gate::Blackout, || "none".into()) };
        let needs = self.needs(goal);
        match self.sky.hours.blackout_at(calendar, self.at, self.zone) {
            BlackoutState::On { until } => {
                let free = self.free_from(calendar, until, needs);
                self.hold(Gate::Blackout, Reason::Blackout { until }, free)
            }
            BlackoutState::Off { next: Some(begins) } if begins - self.at < needs => {
                let needs_seconds = needs.num_seconds();
                let free = self.free_from(calendar, begins, needs);
                self.hold(Gate::Blackout, Reason::BlackoutNear { begins, needs_seconds }, free)
            }
            BlackoutState::Off { next: Some(begins) } => {
                self.open(Gate::Blackout, || format!("none before {}", self.local(begins, "%a %d %b %Y")))
            }
            BlackoutState::Off { next: None } => self.open(Gate::Blackout, || "none".into()),
        }
    }

    /// The first instant from `at` on at which no blackout holds and none begins before a phone would be back.
    fn free_from(
        &self,
        calendar: &'a Calendar,
        mut at: DateTime<Utc>,
        needs: TimeDelta,
    ) -> Option<DateTime<Utc>> {
        for _ in 0..BLACKOUTS_AHEAD {
            match self.sky.hours.blackout_at(calendar, at, self.zone) {
                BlackoutState::On { until } => at = until,
                BlackoutState::Off { next: Some(begins) } if begins - at < needs => at = begins,
                BlackoutState::Off { .. } => return Some(at),
            }
        }
        Some(at)
    }

    /// An instant as the clock at the phone shows it.
    fn local(&self, at: DateTime<Utc>, format: &str) -> String {
        at.with_timezone(&self.zone).format(format).to_string()
    }
}
