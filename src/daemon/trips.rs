//! Drives the trips: starts them, hands them what was heard, carries out what they order.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::mail::{Mail, Spoke};
use super::orchestrator::{Act, Orchestrator};
use crate::config::TriggerPath;
use crate::domain::phone::{CallState, LineId, Mac};
use crate::domain::policy::reason::Reason;
use crate::domain::trip::{Goal, Input, Outcome, Output, Probe, State, Trip, Way};
use crate::ports::{
    Change, DialogOutcome, NotifyOrder, NotifyOutcome, ProbeOutcome, Target, TripId, TripRow, WebAsk,
    WebOrder,
};

/// A phone that is up answers OPTIONS within this time: four copies of the request go out in it.
const ANSWER_WITHIN: TimeDelta = TimeDelta::milliseconds(4_000);

/// A phone that is not asked for its calls has this time to answer an OPTIONS before the last look.
const GREETING: TimeDelta = TimeDelta::milliseconds(1_600);

/// However fast the clock runs, the wire needs this.
const ANSWER_WITHIN_AT_LEAST: Duration = Duration::from_millis(60);

/// The form in which trips are kept.
const FORM: u32 = 3;

/// A trip as it is kept.
#[derive(serde::Serialize)]
struct KeptTrip<'a> {
    v: u32,
    trip: &'a Trip,
}

/// Reads a trip that was kept in this form or an earlier one.
pub(super) fn read_kept(body: &str) -> Result<Trip, String> {
    let mut kept: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    match kept["v"].as_u64() {
        // Form 1 told of the first trigger alone whether the phone waits, and at another place.
        Some(1) => {
            let waits = kept.pointer("/trip/plan/waits_for_idle").and_then(Value::as_bool).unwrap_or(false);
            let first = kept.pointer_mut("/trip/plan/triggers/0").and_then(Value::as_object_mut);
            first.and_then(|first| first.insert("waits_for_idle".to_owned(), waits.into()));
            all_by_notify(&mut kept);
        }
        // Form 2 knew no other way than a NOTIFY.
        Some(2) => all_by_notify(&mut kept),
        Some(form) if form == u64::from(FORM) => {}
        _ => return Err(format!("it has form {}, this sipherd knows form {FORM}", kept["v"])),
    }
    let trip = kept.get_mut("trip").map(Value::take).unwrap_or_default();
    serde_json::from_value(trip).map_err(|error| error.to_string())
}

/// Every trigger of a kept trip is a NOTIFY.
fn all_by_notify(kept: &mut Value) {
    let triggers = kept.pointer_mut("/trip/plan/triggers").and_then(Value::as_array_mut);
    for trigger in triggers.into_iter().flatten().filter_map(Value::as_object_mut) {
        trigger.insert("way".to_owned(), "notify".into());
    }
}

impl Orchestrator {
    /// Lets those go that may.
    pub(super) fn start_trips(&mut self, now: DateTime<Utc>) {
        let trips = &self.trips;
        let going = self.scheduler.pass(now, &self.fleet, &|mac| trips.contains_key(&mac));
        for (plan, _) in going {
            let mac = plan.phone;
            self.last_trip += 1;
            let id = TripId(self.last_trip);
            let (trip, outputs) = Trip::begin(plan, now);
            self.open(id, trip);
            self.carry_out(now, mac, outputs);
        }
    }

    /// Whether a line of the phone is in a call, or may be.
    pub(super) fn in_a_call(&self, mac: Mac) -> bool {
        self.fleet.get(mac).is_some_and(|phone| {
            phone.lines.values().any(|line| match line.calls {
                CallState::Ringing | CallState::Talking | CallState::Held | CallState::Unknown => true,
                CallState::Idle | CallState::Offline => false,
            })
        })
    }

    /// Whether a line of the phone does something in which its trip sends no NOTIFY.
    pub(super) fn may_not_be_sent(&self, mac: Mac) -> bool {
        let (Some(open), Some(phone)) = (self.trips.get(&mac), self.fleet.get(mac)) else { return false };
        let look = open.trip.plan().look;
        phone.lines.iter().any(|(id, line)| {
            // An unregistered line has no calls.
            let calls = if line.calls == CallState::Offline { CallState::Idle } else { line.calls };
            look.against(id, calls, line.agent_logged_in, line.do_not_disturb).is_some()
        })
    }

    /// Hands an input to the phone's trip, if it is on one.
    pub(super) fn drive(&mut self, now: DateTime<Utc>, mac: Mac, input: Input) {
        let Some(open) = self.trips.get_mut(&mac) else { return };
        let outputs = open.trip.handle(now, input);
        let deadline = open.trip.deadline();
        if open.trip.has_fetched() {
            self.scheduler.fetched(mac, now);
        }
        self.queue_deadline(mac, deadline);
        self.carry_out(now, mac, outputs);
    }

    fn carry_out(&mut self, now: DateTime<Utc>, mac: Mac, outputs: Vec<Output>) {
        let Some(open) = self.trips.get(&mac) else { return };
        let id = open.id;
        let mut acts = Vec::new();
        let keep = !outputs.is_empty() && open.trip.asked_at().is_some();
        for output in outputs {
            match output {
                Output::Confirm => acts.push(Act::Confirm(id, mac)),
                Output::Ask(way) => acts.extend(self.order(now, id, mac, way)),
                Output::StopResending => {
                    let order = self.trips.get(&mac).and_then(|open| open.order);
                    acts.extend(order.map(Act::StopResending));
                }
                Output::Look => acts.push(Act::Look(mac)),
                Output::Note(kind, text) => self.note(now, Some(mac), Some(id), kind, text),
            }
        }
        // What cannot be written down is not done either.
        if !keep || self.keep_trip(now, mac) {
            self.acts.extend(acts);
        }
        if self.trips.get(&mac).is_some_and(|open| open.trip.outcome().is_some()) {
            self.ended(now, mac);
        }
    }

    /// The order to a phone in this way, or the trip withdraws.
    fn order(&mut self, now: DateTime<Utc>, id: TripId, mac: Mac, way: Way) -> Option<Act> {
        self.note_override(now, id, mac);
        let number = self.next_order();
        let open = self.trips.get_mut(&mac)?;
        let line = open.trip.plan().line.clone();
        let contact = self.fleet.get(mac).and_then(|p| p.lines.get(&line)).and_then(|l| l.contact.clone());
        let Some(contact) = contact else {
            let why = format!("line {} has no contact any more", line.user);
            self.withhold(id, mac, why);
            return None;
        };
        let ask = match way {
            Way::Notify(notice) => {
                open.order = Some(number);
                let copied = open.trip.plan().timing.boot_at_least;
                let notice = notice.filled_for(&contact);
                let target = Target { line, contact };
                let copies_for = self.hands.clock.until(now + copied);
                let order = NotifyOrder { id: number, target, notice, copies_for };
                return Some(Act::Notify(id, mac, order));
            }
            Way::Poll => {
                let waiting = self.at_the_door.remove(&mac);
                if waiting.is_none() {
                    self.withhold(id, mac, "it did not wait for the answer to its poll".to_owned());
                }
                return waiting.map(|reply| Act::Order(id, mac, reply));
            }
            Way::Web { path } => WebAsk::Get { path },
            Way::ContactMe => WebAsk::ContactMe,
        };
        let Some(source) = contact.source else {
            self.withhold(id, mac, format!("nobody tells from where line {} is registered", line.user));
            return None;
        };
        Some(Act::Web(id, mac, WebOrder { phone: mac, address: source.ip(), ask }))
    }

    /// An image whose hardware level does not fit is offered only where somebody said so: the history tells of it.
    fn note_override(&mut self, now: DateTime<Utc>, id: TripId, mac: Mac) {
        let rules = self.scheduler.rules();
        let (Some(open), Some(phone)) = (self.trips.get(&mac), self.fleet.get(mac)) else { return };
        let plan = open.trip.plan();
        let Goal::Update { release, file, .. } = &plan.goal else { return };
        let staged = rules.releases.get(release);
        let Some(image) = staged.and_then(|staged| staged.images.iter().find(|image| image.file == *file))
        else {
            return;
        };
        let level = (rules.levels)(phone);
        if let Some(misfit) = level.against(image) {
            let text = format!("{file} is offered in spite of it: {misfit}");
            self.note(now, Some(mac), Some(id), "override", text);
        }
    }

    /// Puts the trip into the batch; `false` when it cannot be written down.
    fn keep_trip(&mut self, now: DateTime<Utc>, mac: Mac) -> bool {
        let Some(open) = self.trips.get(&mac) else { return false };
        let body = match serde_json::to_string(&KeptTrip { v: FORM, trip: &open.trip }) {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%mac, %error, "the trip cannot be written down");
                return false;
            }
        };
        self.batch.push(Change::Trip(TripRow {
            id: open.id,
            mac,
            policy: open.trip.plan().policy.clone(),
            state: open.trip.state().slug().to_owned(),
            open: open.trip.outcome().is_none(),
            changed: now,
            body,
        }));
        true
    }

    fn ended(&mut self, now: DateTime<Utc>, mac: Mac) {
        let Some(open) = self.close(mac) else { return };
        if let Some(outcome) = open.trip.outcome() {
            self.metrics.trip_ended(outcome);
        }
        if let Some(Outcome::Moved { realm }) = open.trip.outcome() {
            self.moved(mac, realm);
        }
        if let (Goal::Files { files, .. }, Some(Outcome::Deployed)) =
            (&open.trip.plan().goal, open.trip.outcome())
        {
            self.has_files(mac, files);
        }
        self.scheduler.ended(&open.trip, now);
        let withdrawn = matches!(open.trip.outcome(), Some(Outcome::Withdrawn { .. }));
        if !withdrawn && open.trip.asked_at().is_some() {
            self.boot_is_used_up(mac);
        }
        let name = open.trip.plan().policy.clone();
        if let Some(job) = self.jobs.get_mut(&name).filter(|_| !withdrawn) {
            job.macs.retain(|left| *left != mac);
            self.batch.push(Change::Job(job.clone()));
            if job.macs.is_empty() {
                self.jobs.remove(&name);
            }
        }
    }

    /// The last look: the PBX is asked anew, then the phone itself.
    pub(super) fn confirm(&self, id: TripId, mac: Mac) {
        let (Some(open), Some(phone)) = (self.trips.get(&mac), self.fleet.get(mac)) else { return };
        let letters = self.letters.clone();
        let look = open.trip.plan().look;
        if !look.asks() {
            tokio::spawn(async move { letters.send(Mail::Confirmed(id, mac, Ok(Spoke::No))).await });
            return;
        }
        let mut by_pbx: Vec<(_, Vec<LineId>)> = Vec::new();
        for line in phone.lines.keys() {
            match by_pbx.iter_mut().find(|(name, _)| *name == line.pbx) {
                Some((_, lines)) => lines.push(line.clone()),
                None => by_pbx.push((line.pbx.clone(), vec![line.clone()])),
            }
        }
        let pbxs = self.hands.pbxs.clone();
        let prober = self.hands.prober.clone();
        let targets: Vec<Target> = phone
            .lines
            .iter()
            .filter(|_| look.probe != Probe::No)
            .filter_map(|(line, state)| Some(Target { line: line.clone(), contact: state.contact.clone()? }))
            .collect();
        let greeted =
            phone.lines.iter().filter(|_| look.probe == Probe::No).find_map(|(line, state)| {
                Some(Target { line: line.clone(), contact: state.contact.clone()? })
            });
        let clock = &self.hands.clock;
        let greeting = clock.until(clock.now() + GREETING).max(ANSWER_WITHIN_AT_LEAST);
        tokio::spawn(async move {
            let found = async {
                let mut spoke = Spoke::No;
                if let Some(target) = greeted {
                    // Its calls it does not tell, but whether it answers at all.
                    if matches!(prober.options(target, greeting).await, ProbeOutcome::Alive { .. }) {
                        spoke = Spoke::Yes;
                    }
                }
                for (name, lines) in by_pbx {
                    let pbx = pbxs.get(&name).ok_or_else(|| format!("no PBX named {name}"))?;
                    let states = pbx.confirm(lines.clone()).await.map_err(|silent| silent.to_string())?;
                    for (line, now) in lines.iter().zip(states) {
                        let told = (now.agent_logged_in, now.do_not_disturb);
                        match look.against(line, now.calls, told.0, told.1) {
                            Some(Reason::Busy { calls, .. }) => {
                                return Err(format!("at the last look line {} was {calls}", line.user));
                            }
                            Some(reason) => return Err(format!("at the last look: {reason}")),
                            None => {}
                        }
                    }
                }
                for target in targets {
                    let user = target.line.user.clone();
                    match prober.dialogs(target).await {
                        DialogOutcome::Unsupported { status } if look.probe == Probe::MustTell => {
                            return Err(format!("the phone does not tell of its calls ({status})"));
                        }
                        DialogOutcome::Idle | DialogOutcome::Unsupported { .. } => spoke = Spoke::Yes,
                        DialogOutcome::Busy(calls) => {
                            return Err(format!("the phone itself says that line {user} is {calls}"));
                        }
                        DialogOutcome::Unknown { why } => {
                            return Err(format!("the phone did not tell of its calls: {why}"));
                        }
                    }
                }
                Ok(spoke)
            };
            let found = found.await;
            letters.send(Mail::Confirmed(id, mac, found)).await
        });
    }

    /// The last look is over. Everything is judged once more with what came in meanwhile.
    pub(super) fn confirmed(
        &mut self,
        now: DateTime<Utc>,
        id: TripId,
        mac: Mac,
        found: Result<Spoke, String>,
    ) {
        if self
            .trips
            .get(&mac)
            .is_none_or(|open| open.id != id || !matches!(open.trip.state(), State::Confirming { .. }))
        {
            return;
        }
        let found = found.and_then(|spoke| {
            let Some(open) = self.trips.get(&mac) else { return Err("the trip is over".to_owned()) };
            self.scheduler.look_again_at(open.trip.plan(), now, &self.fleet).map(|()| spoke)
        });
        match found {
            Ok(spoke) => {
                if spoke == Spoke::Yes {
                    self.drive(now, mac, Input::Alive { version: None });
                }
                self.drive(now, mac, Input::Confirmed);
            }
            Err(why) => self.drive(now, mac, Input::NotIdle { why }),
        }
    }

    /// Sends a NOTIFY whose intent is kept.
    pub(super) fn send(&self, id: TripId, mac: Mac, order: NotifyOrder) {
        let letters = self.letters.clone();
        let outcome = match (self.hands.trigger, self.hands.pbxs.get(&order.target.line.pbx)) {
            (TriggerPath::ThroughPbx, Some(pbx)) => pbx.notify_through(order),
            (TriggerPath::ThroughPbx, None) | (TriggerPath::Direct, _) => self.hands.notifier.notify(order),
        };
        tokio::spawn(async move {
            let outcome = outcome.await;
            letters.send(Mail::Notified(id, mac, outcome)).await
        });
    }

    /// Nothing was sent: the trip withdraws when it reads that.
    pub(super) fn withhold(&self, id: TripId, mac: Mac, why: String) {
        let letters = self.letters.clone();
        tokio::spawn(async move { letters.send(Mail::Withheld(id, mac, why)).await });
    }

    /// A NOTIFY was held back.
    pub(super) fn withheld(&mut self, now: DateTime<Utc>, id: TripId, mac: Mac, why: String) {
        if self.trips.get(&mac).is_some_and(|open| open.id == id) {
            self.drive(now, mac, Input::Withheld { why });
        }
    }

    /// A call came, or something else that counts as busy: a NOTIFY that still waits for its turn on the wire must not go, and no further copy of one that
    /// went.
    pub(super) fn hold_back(&mut self, mac: Mac) {
        let Some(open) = self.trips.get(&mac) else { return };
        let is_asked = matches!(open.trip.state(), State::Asked { .. });
        if let Some(order) = open.order.filter(|_| is_asked && self.may_not_be_sent(mac)) {
            self.hands.notifier.stop_resending(order);
        }
    }

    /// How a NOTIFY ended.
    pub(super) fn notified(&mut self, now: DateTime<Utc>, id: TripId, mac: Mac, outcome: NotifyOutcome) {
        self.metrics.notify_ended(&outcome);
        if self.trips.get(&mac).is_none_or(|open| open.id != id) {
            return;
        }
        let input = match outcome {
            NotifyOutcome::Answered { status, phrase, .. } => Input::Answered { status, phrase },
            NotifyOutcome::NoCredentials { realm, .. } => Input::NoCredentials { realm },
            NotifyOutcome::Blind => Input::Blind,
            NotifyOutcome::NoAnswer { .. } => Input::NoAnswer,
            NotifyOutcome::NotSent { why } => Input::NotSent { why },
            // It was busy before its turn on the wire. Had the phone been seen to go, the trip had moved on.
            NotifyOutcome::Stopped { copies: 0 } => {
                Input::Withheld { why: "it was busy before the NOTIFY's turn came".to_owned() }
            }
            NotifyOutcome::Stopped { .. } => Input::NoAnswer,
        };
        self.drive(now, mac, input);
    }

    /// Reads the phone's contacts again and asks it what it runs.
    pub(super) fn look(&mut self, mac: Mac) {
        let Some(phone) = self.fleet.get(mac) else { return };
        for pbx in phone.lines.keys().filter_map(|line| self.hands.pbxs.get(&line.pbx)) {
            pbx.refresh();
        }
        self.question(mac);
    }

    /// Asks the phone with OPTIONS, once at a time; whoever does not answer within a few seconds is silent.
    pub(super) fn question(&mut self, mac: Mac) {
        let Some(phone) = self.fleet.get(mac) else { return };
        let target = phone
            .lines
            .iter()
            .find_map(|(line, state)| Some(Target { line: line.clone(), contact: state.contact.clone()? }));
        let Some(open) = self.trips.get_mut(&mac).filter(|open| !open.questioned) else { return };
        let Some(target) = target else { return };
        open.questioned = true;
        let id = open.id;
        let (prober, letters) = (self.hands.prober.clone(), self.letters.clone());
        let clock = &self.hands.clock;
        let patience = clock.until(clock.now() + ANSWER_WITHIN).max(ANSWER_WITHIN_AT_LEAST);
        tokio::spawn(async move {
            let outcome = prober.options(target, patience).await;
            letters.send(Mail::Probed(id, mac, outcome)).await
        });
    }

    /// What a phone answered to OPTIONS.
    pub(super) fn probed(&mut self, now: DateTime<Utc>, id: TripId, mac: Mac, outcome: ProbeOutcome) {
        let Some(open) = self.trips.get_mut(&mac).filter(|open| open.id == id) else { return };
        open.questioned = false;
        let input = match outcome {
            ProbeOutcome::Alive { user_agent, .. } => {
                let sighting = user_agent.and_then(|text| self.reloader.makers.now().recognise(&text));
                Input::Alive { version: sighting.and_then(|sighting| sighting.version) }
            }
            ProbeOutcome::Silent => Input::Silent,
        };
        self.drive(now, mac, input);
    }
}
