//! The gates that ask what is seen of the phone's lines: view, registration, idle.

use chrono::TimeDelta;

use super::{AdHoc, Judge, Mandate};
use crate::domain::phone::{CallState, PbxName};
use crate::domain::policy::IdleRule;
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason, spell};

impl<'a> Judge<'a> {
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
            Some(Mandate::Job(AdHoc { .. })) => IdleRule { quiet: TimeDelta::zero(), ..IdleRule::default() },
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
}
