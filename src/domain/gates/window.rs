//! The gates that ask the calendar: windows, turns and blackouts.

use chrono::{DateTime, TimeDelta, Utc};

use super::{AdHoc, Judge, Mandate};
use crate::domain::policy::WindowState;
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason, spell};
use crate::domain::trip::Goal;

impl<'a> Judge<'a> {
    pub(super) fn window(&self, mandate: Option<&Mandate<'a>>, goal: Option<&Goal>) -> GateAnswer {
        let local = |t: DateTime<Utc>| t.with_timezone(&self.zone).format("%a %d %b %H:%M").to_string();
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
        match self.sky.hours.at(calendar, self.at, self.zone) {
            WindowState::Closed(next) => {
                let saw = || match next {
                    Some(next) => format!(
                        "opens {} (in {}), until {}",
                        local(next.start),
                        spell(next.start - self.at),
                        local(next.end)
                    ),
                    None => "never opens".to_owned(),
                };
                let changes = next.map(|next| next.start);
                let holds = vec![Reason::OutsideWindow { opens: next }];
                GateAnswer { gate: Gate::Window, holds, saw: self.in_words(saw), changes }
            }
            WindowState::Open(opening) => {
                let with_image = matches!(goal, Some(Goal::Update { .. }));
                let needs = self.terms.as_ref().map_or(TimeDelta::zero(), |terms| {
                    let boots = if with_image { terms.update_boots.unwrap_or(1) } else { 1 };
                    terms.timing.whole_trip(boots, with_image)
                });
                let left = opening.end - self.at;
                if left < needs {
                    let opens = self.opening_after(opening);
                    let reason = Reason::TooLittleLeft {
                        left_seconds: left.num_seconds(),
                        needs_seconds: needs.num_seconds(),
                        opens,
                    };
                    return self.hold(Gate::Window, reason, opens.map(|next| next.start));
                }
                if left > TimeDelta::days(35) {
                    return self.open(Gate::Window, || "open, never closes".into());
                }
                self.open(Gate::Window, || format!("open until {}", local(opening.end)))
            }
        }
    }

    pub(super) fn blackout(&self, _mandate: Option<&Mandate<'a>>) -> GateAnswer {
        self.open(Gate::Blackout, || "none".into())
    }
}
