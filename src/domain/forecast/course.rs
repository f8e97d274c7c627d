//! The course of the hours: events, steps and passes, in the order of their instants.

mod absence;
mod service;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};
use std::iter::Peekable;

use chrono::{DateTime, Utc};

use super::journey::{Journey, Step};
use super::ledger::{Ledger, is_settled};
use super::setting::{Call, Setting};
use super::told::{CallsMet, Fate, Forecast, Going, Staying, fate};
use super::usual::Usual;
use crate::domain::fleet::{Fleet, Sight};
use crate::domain::hours::Hours;
use crate::domain::phone::{CallState, Contact, LineId, Mac, PbxName, Phone};
use crate::domain::policy::{Opening, WindowState};
use crate::domain::scheduler::Scheduler;
use crate::domain::trip::{Goal, Input, Outcome, Trigger, Trip};

/// Runs the scheduler over the time of the setting.
pub fn forecast(setting: Setting<'_>) -> Forecast {
    let mut course = Course::begin(setting);
    while let Some(now) = course.next() {
        course.step(now);
    }
    course.told()
}

/// How many calls a line is in. Its epoch changes whenever its phone goes down: ends of calls from before mean nothing.
#[derive(Default, Clone, Copy)]
struct Talk {
    calls: u32,
    epoch: u32,
}

struct Course<'c> {
    scheduler: Scheduler,
    fleet: Fleet,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    calls: Peekable<Box<dyn Iterator<Item = Call> + Send + 'c>>,
    ends: BinaryHeap<Reverse<(DateTime<Utc>, LineId, u32)>>,
    talks: HashMap<LineId, Talk>,
    journeys: HashMap<Mac, Journey>,
    steps: BTreeSet<(DateTime<Utc>, Mac)>,
    /// The PBXs whose views are fresh, and stay so.
    fresh: Vec<PbxName>,
    ledger: Ledger,
    /// Phones for which nothing will ever be done again under these rules: what they do is no news to the scheduler.
    settled: HashSet<Mac>,
    going: Vec<Going>,
    met: CallsMet,
    /// Registrations made up so far: each has a Call-ID of its own.
    registrations: u64,
}

impl<'c> Course<'c> {
    fn begin(setting: Setting<'c>) -> Self {
        let Setting { mut scheduler, fleet, under_way, calls, calls_last, from, until } = setting;
        // When phones will poll nobody knows; that they will is taken for granted.
        scheduler.take_polls_for_granted();
        let ledger = Ledger::new(&fleet, from, until);
        let fresh = fleet.views().iter().filter(|(_, view)| view.is_fresh(from));
        let fresh = fresh.map(|(pbx, _)| pbx.clone()).collect();
        let mut course = Self {
            scheduler,
            fleet,
            from,
            until,
            calls: calls.peekable(),
            ends: BinaryHeap::new(),
            talks: HashMap::new(),
            journeys: HashMap::new(),
            steps: BTreeSet::new(),
            fresh,
            ledger,
            settled: HashSet::new(),
            going: Vec::new(),
            met: CallsMet::default(),
            registrations: 0,
        };
        if let Some(length) = calls_last {
            course.end_calls_at(from + length);
        }
        for trip in under_way {
            let since = trip.since();
            course.set_out(trip, since, from);
        }
        course
    }

    /// The calls that are seen now end then.
    fn end_calls_at(&mut self, at: DateTime<Utc>) {
        let lines = self.fleet.iter().flat_map(|phone| phone.lines.iter());
        let busy = lines.filter(|(_, line)| {
            matches!(line.calls, CallState::Ringing | CallState::Talking | CallState::Held)
        });
        for (line, _) in busy {
            self.talks.insert(line.clone(), Talk { calls: 1, epoch: 0 });
            self.ends.push(Reverse((at, line.clone(), 0)));
        }
    }

    /// The next instant at which anything happens.
    fn next(&mut self) -> Option<DateTime<Utc>> {
        let call = self.calls.peek().map(|call| call.from);
        let end = self.ends.peek().map(|Reverse((at, _, _))| *at);
        let step = self.steps.first().map(|(at, _)| *at);
        let pass = self.scheduler.next_pass();
        let next = [call, end, step, pass, self.ledger.next()].into_iter().flatten().min()?;
        Some(next.max(self.from)).filter(|next| *next <= self.until)
    }

    /// Everything of one instant: news of calls first, then the phones under way, then those that may go.
    fn step(&mut self, now: DateTime<Utc>) {
        for pbx in &self.fresh {
            self.fleet.freshen(pbx, now);
        }
        self.end_calls(now);
        self.begin_calls(now);
        while let Some((_, mac)) = self.steps.first().copied().filter(|(at, _)| *at <= now) {
            self.advance(mac, now);
        }
        if self.scheduler.next_pass().is_some_and(|at| at <= now) {
            self.pass(now);
        }
        if self.ledger.next().is_some_and(|at| at <= now) {
            let journeys = &self.journeys;
            self.ledger.look(now, &self.scheduler, &self.fleet, &|mac| journeys.contains_key(&mac));
        }
    }

    fn begin_calls(&mut self, now: DateTime<Utc>) {
        while let Some(call) = self.calls.next_if(|call| call.from <= now) {
            let Some(phone) = self.fleet.by_line(&call.line).and_then(|mac| self.fleet.get(mac)) else {
                self.met.strange += 1;
                continue;
            };
            self.met.calls += 1;
            if phone.lines.get(&call.line).is_none_or(|line| line.contact.is_none()) {
                if self.journeys.contains_key(&phone.mac) {
                    self.met.missed += 1;
                }
                continue;
            }
            if call.until <= now {
                continue;
            }
            let talk = self.talks.entry(call.line.clone()).or_default();
            talk.calls += 1;
            self.ends.push(Reverse((call.until, call.line.clone(), talk.epoch)));
            if talk.calls == 1 {
                self.says(call.line, CallState::Talking, now);
            }
        }
    }

    fn end_calls(&mut self, now: DateTime<Utc>) {
        while self.ends.peek().is_some_and(|Reverse((at, _, _))| *at <= now) {
            let Some(Reverse((_, line, epoch))) = self.ends.pop() else { return };
            let Some(talk) = self.talks.get_mut(&line).filter(|talk| talk.epoch == epoch) else { continue };
            talk.calls = talk.calls.saturating_sub(1);
            if talk.calls == 0 {
                self.says(line, CallState::Idle, now);
            }
        }
    }

    /// The PBX says what a line is doing.
    fn says(&mut self, line: LineId, calls: CallState, now: DateTime<Utc>) {
        let sight = self.fleet.calls(line, calls, now);
        self.saw(sight, now);
    }

    fn saw(&mut self, sights: impl IntoIterator<Item = Sight>, now: DateTime<Utc>) {
        for sight in sights {
            let mac = sight.mac();
            if self.settled.contains(&mac) {
                continue;
            }
            match sight {
                Sight::Calls(..) => self.scheduler.hear_calls(mac, now),
                Sight::Gone(..) | Sight::Registered(..) | Sight::Anew { .. } | Sight::Counted(..) => {
                    self.scheduler.touch(mac, now);
                }
            }
            // A phone that waits for its call to end goes as soon as it has.
            if self.journeys.get(&mac).is_some_and(|journey| journey.waits) && !self.in_a_call(mac) {
                self.due(mac, Some(now));
            }
        }
    }

    fn in_a_call(&self, mac: Mac) -> bool {
        let busy = |calls| !matches!(calls, CallState::Idle | CallState::Offline);
        self.fleet.get(mac).is_some_and(|phone| phone.lines.values().any(|line| busy(line.calls)))
    }

    /// Lets those go that may.
    fn pass(&mut self, now: DateTime<Utc>) {
        let journeys = &self.journeys;
        let going = self.scheduler.pass(now, &self.fleet, &|mac| journeys.contains_key(&mac));
        // The journal is for the daemon's history.
        drop(self.scheduler.take_findings());
        for (plan, _) in going {
            let (trip, _) = Trip::begin(plan, now);
            self.set_out(trip, now, now);
        }
    }

    fn set_out(&mut self, trip: Trip, start: DateTime<Utc>, now: DateTime<Utc>) {
        let mac = trip.plan().phone;
        let phone = self.fleet.get(mac);
        let rules = self.scheduler.rules();
        let timing = trip.plan().timing;
        let usual = phone.and_then(|phone| (rules.usual)(phone)).unwrap_or_else(|| Usual::of(&timing));
        let boots = phone.and_then(|phone| (rules.terms)(phone)).and_then(|terms| terms.update_boots);
        let going = Going {
            mac,
            policy: trip.plan().policy.clone(),
            start,
            end: None,
            outcome: None,
            opening: phone.and_then(|phone| self.opening(phone, &trip.plan().policy, start)),
        };
        let index = self.going.len();
        self.going.push(going);
        let usual = usual.within(&timing);
        let (boots, contacts) = (boots.unwrap_or(1), Vec::new());
        let journey = Journey { trip, usual, boots, contacts, index, waits: false, due: None };
        let due = journey.next().map(|(at, _)| at.max(now));
        self.journeys.insert(mac, journey);
        self.due(mac, due);
    }

    /// The opening of the policy's window around an instant.
    fn opening(&self, phone: &Phone, policy: &str, at: DateTime<Utc>) -> Option<Opening> {
        let rules = self.scheduler.rules();
        let policy = rules.policies.iter().find(|known| *known.name == *policy)?;
        match Hours::default().at(&policy.calendar, at, rules.zone_of(phone)) {
            WindowState::Open(opening) => Some(opening),
            WindowState::Closed(_) => None,
        }
    }

    /// Sets when a phone's next step is due.
    fn due(&mut self, mac: Mac, at: Option<DateTime<Utc>>) {
        let Some(journey) = self.journeys.get_mut(&mac) else { return };
        if let Some(old) = std::mem::replace(&mut journey.due, at) {
            self.steps.remove(&(old, mac));
        }
        if let Some(at) = at {
            self.steps.insert((at, mac));
        }
    }

    /// One step of one phone.
    fn advance(&mut self, mac: Mac, now: DateTime<Utc>) {
        let Some((_, step)) = self.journeys.get(&mac).and_then(Journey::next) else {
            self.due(mac, None);
            return;
        };
        let busy = self.in_a_call(mac);
        match step {
            Step::Look => self.look(mac, now),
            Step::Accept => self.hears(mac, now, Input::Answered { status: 200, phrase: "OK".to_owned() }),
            Step::Leave => {
                if !self.leave(mac, busy, now) {
                    return;
                }
            }
            Step::Fetch if self.journeys.get(&mac).is_some_and(Journey::downloads_first) => {
                self.hears(mac, now, Input::Called { version: None });
                self.hears(mac, now, Input::Ordered);
                self.hears(mac, now, Input::ImageBegan);
            }
            Step::HandIn => {
                self.hears(mac, now, Input::Called { version: None });
                self.hears(mac, now, Input::HandedIn);
            }
            Step::TellItems => {
                if !self.tell_items(mac, busy, now) {
                    return;
                }
            }
            Step::FetchFiles => self.fetch_files(mac, now),
            Step::DeliverFiles => self.deliver_files(mac, now),
            Step::TellModule => {
                let target = self.journeys.get(&mac).and_then(|journey| journey.trip.plan().goal.target());
                if let Some(version) = target.cloned() {
                    if let Some(modules) = self.fleet.get_mut(mac).and_then(|phone| phone.modules.as_mut()) {
                        modules.version = Some(version.clone());
                    }
                    self.hears(mac, now, Input::Module { version });
                }
            }
            Step::Fetch => {
                let version = self.fleet.get(mac).and_then(|phone| phone.version.clone());
                self.hears(mac, now, Input::BootRequest { version, idle: true, own: true });
                self.hears(mac, now, Input::Offered);
                self.hears(mac, now, Input::ImageBegan);
            }
            Step::AskSettings => {
                let version = self.fleet.get(mac).and_then(|phone| phone.version.clone());
                self.hears(mac, now, Input::BootRequest { version, idle: !busy, own: true });
            }
            Step::Deliver => self.hears(mac, now, Input::ImageDelivered),
            Step::Return => self.come_back(mac, now),
            Step::Expire => self.hears(mac, now, Input::Tick { busy }),
        }
        self.settle(mac, now);
    }

    /// The PBX answers what it shows; then all is judged once more, as the daemon does.
    fn look(&mut self, mac: Mac, now: DateTime<Utc>) {
        let (Some(journey), Some(phone)) = (self.journeys.get(&mac), self.fleet.get(mac)) else { return };
        let plan = journey.trip.plan();
        let against = phone.lines.iter().filter(|_| plan.look.asks()).find_map(|(id, line)| {
            plan.look.against(id, line.calls, line.agent_logged_in, line.do_not_disturb)
        });
        let found = match against {
            Some(reason) => Err(reason.told_in(self.scheduler.rules().zone_of(phone))),
            None => self.scheduler.look_again_at(plan, now, &self.fleet),
        };
        match found {
            Ok(()) => self.hears(mac, now, Input::Confirmed),
            Err(why) => {
                self.met.withdrawn += 1;
                self.hears(mac, now, Input::NotIdle { why });
            }
        }
    }

    fn hears(&mut self, mac: Mac, now: DateTime<Utc>, input: Input) {
        let Some(journey) = self.journeys.get_mut(&mac) else { return };
        journey.trip.handle(now, input);
        if journey.trip.has_fetched() {
            self.scheduler.fetched(mac, now);
        }
    }

    /// Looks whether the trip is over; else its next step is due.
    fn settle(&mut self, mac: Mac, now: DateTime<Utc>) {
        let Some(journey) = self.journeys.get(&mac) else { return };
        if journey.trip.outcome().is_none() {
            // A step that changed nothing must not come again in the same instant.
            let due = journey.next().map(|(at, step)| if step == Step::Accept { at } else { at.max(now) });
            self.due(mac, due);
            return;
        }
        self.due(mac, None);
        let Some(journey) = self.journeys.remove(&mac) else { return };
        self.scheduler.ended(&journey.trip, now);
        let withdrawn = matches!(journey.trip.outcome(), Some(Outcome::Withdrawn { .. }));
        if journey.trip.asked_at().is_some()
            && !withdrawn
            && let Some(phone) = self.fleet.get_mut(mac)
        {
            // A boot that was ordered opens no `initial` minutes, and ends those of an older one.
            phone.booted = None;
        }
        let settled = &mut self.settled;
        let phone = self.fleet.get(mac).into_iter();
        self.scheduler.survey(phone, now, &self.fleet, &mut |phone, judged| {
            if is_settled(judged) {
                settled.insert(phone.mac);
            }
        });
        if let Some(going) = self.going.get_mut(journey.index) {
            going.end = Some(now);
            going.outcome = journey.trip.outcome().cloned();
        }
    }

    fn told(self) -> Forecast {
        let until = self.until;
        let done: BTreeSet<Mac> = self.going.iter().filter(|g| g.succeeds()).map(|g| g.mac).collect();
        let mut staying = Vec::new();
        let left = self.fleet.iter().filter(|phone| !done.contains(&phone.mac));
        let mut open = !self.journeys.is_empty();
        self.scheduler.survey(left, until, &self.fleet, &mut |phone, judged| {
            let under_way = self.journeys.contains_key(&phone.mac);
            let fate = if under_way { Fate::Later } else { fate(&judged.verdict) };
            open |= fate == Fate::Later;
            if !under_way {
                let reasons = judged.verdict.reasons().cloned().collect();
                staying.push(Staying { mac: phone.mac, policy: judged.budget.clone(), fate, reasons });
            }
        });
        let mut firsts: HashMap<Mac, DateTime<Utc>> = HashMap::new();
        for going in self.going.iter().filter(|going| going.succeeds()) {
            if let Some(end) = going.end {
                firsts.entry(going.mac).or_insert(end);
            }
        }
        let met = CallsMet { phones_held: self.ledger.held_by_calls(), ..self.met };
        Forecast {
            from: self.from,
            until,
            phones: self.fleet.len(),
            ends: firsts.into_values().max().filter(|_| !open),
            going: self.going,
            staying,
            held: self.ledger.told(),
            calls: met,
        }
    }
}
