//! The gates that ask whether this is the moment: window, view, registration, idle, budget.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{AD_HOC_AT_ONCE, AdHoc, Judge, Mandate};
use crate::domain::phone::{CallState, PbxName};
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason, spell};
use crate::domain::policy::{IdleRule, WindowState};
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

    pub(super) fn view(&self, mandate: Option<&Mandate<'a>>) -> GateAnswer {
        let mut pbxs: Vec<&PbxName> = self.phone.lines.keys().map(|line| &line.pbx).collect();
        pbxs.dedup();
        if matches!(mandate, Some(Mandate::Job(AdHoc { even_in_a_call: true, .. }))) {
            return self.open(Gate::View, || "not waited for (--even-in-a-call)".into());
        }
        let (mut held, mut saw) = (Vec::new(), Vec::new());
        for pbx in pbxs {
            let view = self.sky.views.get(pbx);
            let age = view.and_then(|view| view.age(self.sky.now));
            match age {
                Some(age) if view.is_some_and(|view| age <= view.stale_after) => {
                    saw.push((pbx, age));
                }
                _ => held.push(Reason::ViewStale {
                    pbx: pbx.clone(),
                    age_seconds: age.map(|age| age.num_seconds()),
                }),
            }
        }
        if self.phone.lines.is_empty() {
            return self.open(Gate::View, || "no line to see".into());
        }
        if !held.is_empty() {
            return self.closed(Gate::View, held, None);
        }
        #[expect(clippy::cast_precision_loss, reason = "a view is seconds old, not centuries")]
        let aged = |(pbx, age): &(&PbxName, TimeDelta)| {
            format!("{pbx}, {:.1} s old", age.num_milliseconds() as f64 / 1000.0)
        };
        self.open(Gate::View, || saw.iter().map(aged).collect::<Vec<_>>().join("; "))
    }

    pub(super) fn registered(&self) -> GateAnswer {
        let mut held = Vec::new();
        for (id, line) in self.phone.lines.iter() {
            match (&line.contact, line.contacts) {
                (Some(_), 0 | 1) => {}
                (Some(_), contacts) => {
                    held.push(Reason::SeveralContacts { line: id.clone(), contacts });
                }
                (None, _) => held.push(Reason::NotRegistered { line: id.clone() }),
            }
        }
        if held.is_empty() {
            return self.open(Gate::Registered, || {
                let users: Vec<&str> = self.phone.lines.keys().map(|line| line.user.as_ref()).collect();
                if users.is_empty() {
                    "no line to register".into()
                } else {
                    format!("line {}", users.join(", "))
                }
            });
        }
        self.closed(Gate::Registered, held, None)
    }

    pub(super) fn idle(&self, mandate: Option<&Mandate<'a>>) -> GateAnswer {
        let rule = match mandate {
            Some(Mandate::Job(AdHoc { even_in_a_call: true, .. })) => {
                return self.open(Gate::Idle, || "not waited for (--even-in-a-call)".into());
            }
            // A person who asks for a reboot does not wait for ten quiet minutes, only for no call.
            Some(Mandate::Job(AdHoc { .. })) => IdleRule { quiet: TimeDelta::zero(), ask_phone: true },
            Some(Mandate::Policy(policy)) => policy.idle.clone(),
            None => IdleRule::default(),
        };
        let (mut held, mut changes, mut waits_for_event) = (Vec::new(), None, false);
        let mut shortest: Option<TimeDelta> = None;
        for (id, line) in self.phone.lines.iter() {
            match (line.calls, line.quiet_since) {
                (CallState::Idle, Some(since)) => {
                    let quiet = (self.at - since).max(TimeDelta::zero());
                    shortest = Some(shortest.map_or(quiet, |s| s.min(quiet)));
                    if quiet < rule.quiet {
                        let until = since + rule.quiet;
                        held.push(Reason::NotQuietYet {
                            line: id.clone(),
                            quiet_seconds: quiet.num_seconds(),
                            needed_seconds: rule.quiet.num_seconds(),
                            until,
                        });
                        changes = changes.max(Some(until));
                    }
                }
                // An unregistered line has no calls; that it is not registered is another gate's answer.
                (CallState::Offline, _) if line.contact.is_none() => {}
                (calls, _) => {
                    let calls = if calls == CallState::Idle { CallState::Unknown } else { calls };
                    held.push(Reason::Busy { line: id.clone(), calls });
                    waits_for_event = true;
                }
            }
        }
        if held.is_empty() {
            return match shortest {
                Some(quiet) => self.open(Gate::Idle, || format!("quiet for {}", spell(quiet))),
                None => self.open(Gate::Idle, || "no line registered".into()),
            };
        }
        self.closed(Gate::Idle, held, if waits_for_event { None } else { changes })
    }

    /// The budget the phone needs a place of: its name, places taken, places there are.
    pub(super) fn purse(&self, mandate: &Mandate<'a>) -> (Arc<str>, u32, u32) {
        match mandate {
            Mandate::Job(job) => (job.name.clone(), self.sky.budgets.down(&job.name), AD_HOC_AT_ONCE),
            Mandate::Policy(policy) => {
                let down = self.sky.budgets.down(&policy.name);
                (policy.name.clone(), down, policy.pace.down_at_once)
            }
        }
    }

    pub(super) fn budget(&self, mandate: Option<&Mandate<'a>>) -> GateAnswer {
        let Some(mandate) = mandate else { return self.open(Gate::Budget, || "nothing asked for".into()) };
        if self.sky.budgets.holds(self.phone.mac) {
            return self.open(Gate::Budget, || "has its place".into());
        }
        let (budget, down, limit) = self.purse(mandate);
        let mut held = Vec::new();
        let saw = || format!("{down} of {limit} down");
        if down >= limit {
            held.push(Reason::BudgetFull { budget, down, limit });
        }
        let in_all = self.sky.budgets.down_in_all();
        if let Some(limit) = self.sky.rules.down_at_once.filter(|limit| in_all >= *limit) {
            held.push(Reason::BudgetFull { budget: "the whole fleet".into(), down: in_all, limit });
        }
        if held.is_empty() { self.open(Gate::Budget, saw) } else { self.closed(Gate::Budget, held, None) }
    }
}
