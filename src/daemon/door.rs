//! Phones that ask themselves what there is to do: at a poll, or in a session with their deployment service.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::mail::Mail;
use super::orchestrator::{Act, Orchestrator};
use crate::domain::phone::{LineId, Mac};
use crate::domain::policy::Calendar;
use crate::domain::rules::Terms;
use crate::domain::trip::{Goal, Input, State};
use crate::ports::{Order, Permit, PhoneNews, TripId, Visit, WebOrder};

impl Orchestrator {
    /// A phone asks what it is to do. One that is asked by nothing but its polls waits here while everything is judged.
    pub(super) fn asks_for_orders(
        &mut self,
        now: DateTime<Utc>,
        visit: &Visit,
        reply: oneshot::Sender<Permit>,
    ) {
        let mac = visit.mac;
        self.introduce_visitor(now, visit);
        if !self.comes_from_its_place(mac, visit.source) {
            let why = "it asks from another address than its lines are registered from";
            return self.acts.push(Act::Permit(reply, self.nothing(mac, why)));
        }
        for (part, version) in visit.codes.all() {
            self.drive(now, mac, Input::Code { part, version: version.clone() });
        }
        self.drive(now, mac, Input::Called { version: visit.version.clone() });
        self.read_lines_again(now, mac);
        let state = self.trips.get(&mac).map(|open| open.trip.state().clone());
        match state {
            None | Some(State::Confirming { .. }) if self.polls(mac) => {
                self.scheduler.polled(mac, now);
                // Whoever asked before and asks again has given up waiting.
                self.at_the_door.insert(mac, reply);
            }
            None | Some(State::Confirming { .. }) => {
                let permit = self.nothing(mac, "nothing is to be done now");
                self.acts.push(Act::Permit(reply, permit));
            }
            Some(_) => {
                let permit = self.due_order(now, mac);
                if matches!(permit, Permit::Order { .. }) {
                    self.drive(now, mac, Input::Ordered);
                }
                self.acts.push(Act::Permit(reply, permit));
            }
        }
    }

    /// What a phone says it runs may prove a boot, and then the registrations that came before it said so are its return.
    fn read_lines_again(&mut self, now: DateTime<Utc>, mac: Mac) {
        let away = self.trips.get(&mac).is_some_and(|open| *open.trip.state() == State::Away);
        let Some(phone) = self.fleet.get(mac).filter(|_| away) else { return };
        let lines: Vec<LineId> = phone.lines.keys().cloned().collect();
        for line in lines {
            self.registered(now, mac, line);
        }
    }

    /// Phones that polled and are not to do anything now.
    pub(super) fn turn_away(&mut self, now: DateTime<Utc>) {
        if self.at_the_door.is_empty() {
            return;
        }
        let waits = |mac: &Mac| {
            let state = self.trips.get(mac).map(|open| open.trip.state());
            matches!(state, Some(State::Confirming { .. } | State::Asked { .. }))
        };
        let away: Vec<Mac> = self.at_the_door.keys().copied().filter(|mac| !waits(mac)).collect();
        for mac in away {
            let permit = self.nothing(mac, &self.what_holds(now, mac));
            if let Some(reply) = self.at_the_door.remove(&mac) {
                self.acts.push(Act::Permit(reply, permit));
            }
        }
    }

    /// Why a phone gets no order, in words.
    fn what_holds(&self, now: DateTime<Utc>, mac: Mac) -> String {
        let Some(phone) = self.fleet.get(mac) else { return "the phone is not known".to_owned() };
        let judged = self.scheduler.judge(phone, now, now, &self.fleet);
        let zone = self.scheduler.rules().zone_of(phone);
        let reason = judged.verdict.reasons().next().map(|reason| reason.told_in(zone));
        reason.unwrap_or_else(|| "it waits for its turn".to_owned())
    }

    pub(super) fn nothing(&self, mac: Mac, why: &str) -> Permit {
        let runs = self.fleet.get(mac).and_then(|phone| phone.version.clone());
        Permit::Stay { runs, why: why.to_owned() }
    }

    /// Whether the phone is asked by nothing but its own polls.
    pub(super) fn polls(&self, mac: Mac) -> bool {
        let terms = self.fleet.get(mac).and_then(|phone| (self.scheduler.rules().terms)(phone));
        terms.as_ref().is_some_and(Terms::polls)
    }

    /// What a phone that was asked, and asks back, is to do; nothing while it may not be disturbed.
    fn due_order(&mut self, now: DateTime<Utc>, mac: Mac) -> Permit {
        match self.ordered(mac) {
            Permit::Order { .. } if self.may_not_be_sent(mac) => {
                let why = "it is in a call, or busy otherwise";
                self.drive(now, mac, Input::Deferred { why: why.to_owned() });
                self.nothing(mac, why)
            }
            permit => permit,
        }
    }

    /// The order of the phone's trip at this moment.
    fn ordered(&self, mac: Mac) -> Permit {
        let Some(open) = self.trips.get(&mac) else {
            return self.nothing(mac, "no trip of this phone is under way");
        };
        let serial = format!("sipherd-{}", open.id.0);
        let order = match open.trip.order() {
            Some(Goal::Update { release, file, target, .. } | Goal::Module { release, file, target }) => {
                Order::Install { release: release.clone(), file: file.clone(), version: target.clone() }
            }
            Some(Goal::Reboot) => {
                let restore = self.jobs.get(&open.trip.plan().policy).and_then(|job| job.restore);
                Order::Reboot { serial, restore }
            }
            Some(Goal::Backup) => Order::HandIn { serial },
            Some(Goal::Write { items }) => Order::Write { items: items.clone() },
            Some(Goal::Files { release, files }) => {
                let files = files.iter().map(|file| file.name.clone()).collect();
                Order::Deploy { release: release.clone(), files }
            }
            // No order but an address: the setting server to ask from now on.
            Some(Goal::Move { realm, .. }) => return Permit::Elsewhere { realm: realm.clone() },
            // Nobody documents how such a phone is told to read its settings.
            Some(Goal::Resync) | None => {
                return self.nothing(mac, open.trip.state().slug());
            }
        };
        Permit::Order { order, calendar: self.hours_of(&open.trip.plan().policy) }
    }

    fn hours_of(&self, policy: &str) -> Option<Calendar> {
        let policies = &self.scheduler.rules().policies;
        policies.iter().find(|known| *known.name == *policy).map(|policy| policy.calendar.clone())
    }

    /// Hands a phone that polled its order, unless something came in behind its last look.
    pub(super) fn hand_over(&self, id: TripId, mac: Mac, reply: oneshot::Sender<Permit>, late: bool) {
        let Some(open) = self.trips.get(&mac) else { return };
        if open.id != id || !matches!(open.trip.state(), State::Asked { .. }) {
            return;
        }
        let permit = match self.stands_against(mac, late) {
            Some(why) => {
                self.withhold(id, mac, why.to_owned());
                self.nothing(mac, why)
            }
            None => self.ordered(mac),
        };
        let given = matches!(permit, Permit::Order { .. } | Permit::Elsewhere { .. });
        match reply.send(permit) {
            Ok(()) if given => {
                let letters = self.letters.clone();
                tokio::spawn(async move { letters.send(Mail::Ordered(id, mac)).await });
            }
            Ok(()) => {}
            Err(_) => self.withhold(id, mac, "it did not wait for the answer to its poll".to_owned()),
        }
    }

    /// A phone that polled has its order.
    pub(super) fn has_its_order(&mut self, now: DateTime<Utc>, id: TripId, mac: Mac) {
        if self.trips.get(&mac).is_some_and(|open| open.id == id) {
            self.drive(now, mac, Input::Ordered);
            self.drive(now, mac, Input::Called { version: None });
        }
    }

    /// What a phone says of its orders; believed from its own place only.
    pub(super) fn told(&mut self, now: DateTime<Utc>, mac: Mac, source: IpAddr, news: PhoneNews) {
        if !self.comes_from_its_place(mac, source) {
            tracing::warn!(%mac, %source, ?news, "not believed: it comes from elsewhere than its lines");
            return;
        }
        let input = match news {
            PhoneNews::Declined { why } => Input::Declined { why },
            PhoneNews::Deferred { why } => Input::Deferred { why },
            PhoneNews::HandedIn => Input::HandedIn,
            PhoneNews::Items(found) => Input::Items { found },
            PhoneNews::Files(told) => return self.files_told(now, mac, told),
        };
        self.drive(now, mac, input);
    }

    /// Asks a phone over HTTP, unless something came in behind its last look.
    pub(super) fn ask_by_web(&self, id: TripId, mac: Mac, order: WebOrder, late: bool) {
        let Some(open) = self.trips.get(&mac) else { return };
        if open.id != id || !matches!(open.trip.state(), State::Asked { .. }) {
            return;
        }
        if let Some(why) = self.stands_against(mac, late) {
            return self.withhold(id, mac, why.to_owned());
        }
        let (web, letters) = (self.hands.web.clone(), self.letters.clone());
        tokio::spawn(async move {
            let outcome = web.ask(order).await;
            letters.send(Mail::Notified(id, mac, outcome)).await
        });
    }
}
