//! The gates that ask what is seen of the phone's lines: view, registration, idle.

use chrono::{DateTime, TimeDelta, Utc};

use super::patience::{Leave, Then};
use super::{AdHoc, Judge, Mandate};
use crate::domain::phone::{CallState, PbxName};
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason, spell};
use crate::domain::policy::{AlsoBusy, IdleBy, IdleRule, Opening};
use crate::domain::rules::Terms;
use crate::domain::trip::{CallsAllowed, Goal, LastLook, Probe};

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
        held.extend(self.not_at_the_door().filter(|_| held.is_empty()));
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

    /// A phone that is asked by nothing but its own polls goes at one. Later ones are taken for granted.
    fn not_at_the_door(&self) -> Option<Reason> {
        let door = self.sky.door.filter(|_| self.at <= self.sky.now)?;
        let polls = self.terms.as_ref().is_some_and(Terms::polls) && !self.phone.lines.is_empty();
        let mac = self.phone.mac;
        (polls && !door.holds(mac, self.at)).then(|| Reason::AwaitsPoll { last: door.polled(mac) })
    }

    /// Whether its calls let it go, and how it is let go.
    pub(super) fn idle(
        &self,
        mandate: Option<&Mandate<'a>>,
        goal: Option<&Goal>,
        opening: Option<Opening>,
    ) -> (GateAnswer, Leave) {
        let rule = match mandate {
            Some(Mandate::Job(AdHoc { even_in_a_call: true, .. })) => {
                let leave = Leave { only_waiting: false, look: LastLook::NONE };
                return (self.open(Gate::Idle, || "not waited for (--even-in-a-call)".into()), leave);
            }
            // A person who asks for a reboot does not wait for ten quiet minutes, only for no call.
            Some(Mandate::Job(AdHoc { .. })) => IdleRule { quiet: TimeDelta::zero(), ..IdleRule::default() },
            Some(Mandate::Policy(policy)) => policy.idle,
            None => IdleRule::default(),
        };
        let also = self.also_busy(rule.also_busy);
        let leave = self.leave(&rule, mandate);
        let trusted = match rule.by {
            IdleBy::Pbx => true,
            IdleBy::Phone => leave.only_waiting,
            IdleBy::Both => leave.only_waiting || leave.look.probe == Probe::MustTell,
        };
        if !trusted {
            let mut held = also;
            held.push(Reason::CannotWait { kind: self.phone.kind() });
            return (self.closed(Gate::Idle, held, None), leave);
        }
        if rule.by == IdleBy::Phone {
            let answer = if also.is_empty() {
                self.open(Gate::Idle, || "left to the phone, which waits for its calls to end".into())
            } else {
                self.closed(Gate::Idle, also, None)
            };
            return (answer, leave);
        }
        let quiet = self.quiet(&rule);
        if also.is_empty() && quiet.held.is_empty() {
            let answer = match quiet.shortest {
                Some(quiet) => self.open(Gate::Idle, || format!("quiet for {}", spell(quiet))),
                None => self.open(Gate::Idle, || "no line registered".into()),
            };
            return (answer, leave);
        }
        let only_calls = also.is_empty() && quiet.known;
        let end = self.patience_end(rule.patience, mandate, opening, goal).filter(|_| only_calls);
        let held: Vec<Reason> = also.into_iter().chain(quiet.held).collect();
        match end {
            Some(end) if end.at <= self.at => {
                let saw = || format!("{}; patience ended: {}", self.told(&held), end.then.told());
                let look = LastLook { calls: CallsAllowed::Known, probe: Probe::No, ..leave.look };
                let only_waiting = end.then == Then::PhoneWaits;
                (self.open(Gate::Idle, saw), Leave { only_waiting, look })
            }
            Some(end) => {
                let sooner = quiet.until.filter(|until| *until <= end.at);
                let mut answer = self.closed(Gate::Idle, held, sooner.or(Some(end.at)));
                if self.sky.in_words && sooner.is_none() {
                    let clock = end.at.with_timezone(&self.zone).format("%a %d %b %H:%M");
                    answer.saw += &format!("; patience ends {clock}: {}", end.then.told());
                }
                (answer, leave)
            }
            None => {
                let changes = quiet.until.filter(|_| only_calls);
                (self.closed(Gate::Idle, held, changes), leave)
            }
        }
    }

    /// How a phone is let go that the rule finds idle.
    fn leave(&self, rule: &IdleRule, mandate: Option<&Mandate<'a>>) -> Leave {
        let tells = rule.probe && self.terms.as_ref().is_some_and(|terms| terms.tells_dialogs);
        let probe = if tells { Probe::Ask } else { Probe::No };
        let look = LastLook { calls: CallsAllowed::None, probe, also_busy: rule.also_busy };
        match rule.by {
            IdleBy::Pbx => Leave { only_waiting: false, look },
            IdleBy::Phone => {
                let look = LastLook { calls: CallsAllowed::Any, probe: Probe::No, ..look };
                Leave { only_waiting: self.can_wait(mandate), look }
            }
            IdleBy::Both if self.can_wait(mandate) => Leave { only_waiting: true, look },
            IdleBy::Both => {
                let probe = if tells { Probe::MustTell } else { Probe::No };
                Leave { only_waiting: false, look: LastLook { probe, ..look } }
            }
        }
    }

    /// What holds it besides calls.
    fn also_busy(&self, rule: AlsoBusy) -> Vec<Reason> {
        if rule == AlsoBusy::default() {
            return Vec::new();
        }
        let lines = self.phone.lines.iter();
        lines.flat_map(|(id, line)| rule.reasons(id, line.agent_logged_in, line.do_not_disturb)).collect()
    }

    /// What its lines are doing, held against the quiet time of the rule.
    fn quiet(&self, rule: &IdleRule) -> Quiet {
        let mut seen = Quiet { held: Vec::new(), known: true, until: None, shortest: None };
        let mut waits_for_event = false;
        for (id, line) in self.phone.lines.iter() {
            match (line.calls, line.quiet_since) {
                (CallState::Idle, Some(since)) => {
                    let quiet = (self.at - since).max(TimeDelta::zero());
                    seen.shortest = Some(seen.shortest.map_or(quiet, |s| s.min(quiet)));
                    if quiet < rule.quiet {
                        let until = since + rule.quiet;
                        seen.held.push(Reason::NotQuietYet {
                            line: id.clone(),
                            quiet_seconds: quiet.num_seconds(),
                            needed_seconds: rule.quiet.num_seconds(),
                            until,
                        });
                        seen.until = seen.until.max(Some(until));
                    }
                }
                // An unregistered line has no calls; that it is not registered is another gate's answer.
                (CallState::Offline, _) if line.contact.is_none() => {}
                (calls, _) => {
                    let calls = if calls == CallState::Idle { CallState::Unknown } else { calls };
                    seen.known &= matches!(calls, CallState::Ringing | CallState::Talking | CallState::Held);
                    seen.held.push(Reason::Busy { line: id.clone(), calls });
                    waits_for_event = true;
                }
            }
        }
        seen.until = seen.until.filter(|_| !waits_for_event);
        seen
    }
}

/// What the lines of a phone are doing.
struct Quiet {
    /// What of it holds the phone.
    held: Vec<Reason>,
    /// Whether it is known of every line.
    known: bool,
    /// When time alone will have made it quiet enough.
    until: Option<DateTime<Utc>>,
    /// How long the line has been quiet that was busy last.
    shortest: Option<TimeDelta>,
}
