//! The act: scheduler and trips as the daemon drives them, against phones that behave by themselves. Shares no code with
//! the forecast: here nothing is derived from a trip's state, all follows from what was ordered and heard.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sipherd::domain::fleet::{Fleet, Sight};
use sipherd::domain::forecast::Setting;
use sipherd::domain::phone::{CallState, Contact, LineId, Mac};
use sipherd::domain::scheduler::Scheduler;
use sipherd::domain::trip::{Goal, Input, Outcome, Output, Serves, Trip};

use super::draw::Scene;
use super::{Line, wordless};

/// What happens at an instant. The order is that of one instant: calls end, calls begin, phones and looks, deadlines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    CallEnds { line: LineId, call: usize },
    CallBegins { call: usize },
    LookAnswered { mac: Mac },
    PhoneLeaves { mac: Mac },
    PhoneReads { mac: Mac },
    PhoneFetches { mac: Mac },
    PhoneBooted { mac: Mac },
    ImageFetched { mac: Mac },
    PhoneUpdated { mac: Mac },
}

/// A phone of flesh and plastic.
#[derive(Default)]
struct Handset {
    /// Calls on each of its lines, by their numbers.
    talks: BTreeMap<LineId, Vec<usize>>,
    /// It took the order to reboot and waits for its calls to end.
    waits: bool,
    /// It downloaded first, and runs that once it has booted.
    has_image: bool,
    /// Its registrations, taken along while it is down.
    packed: Vec<(LineId, Contact)>,
    boots: u32,
}

struct Stage<'s> {
    scene: &'s Scene,
    scheduler: Scheduler,
    fleet: Fleet,
    handsets: HashMap<Mac, Handset>,
    trips: BTreeMap<Mac, Trip>,
    agenda: BTreeMap<(DateTime<Utc>, Event), ()>,
    log: BTreeMap<Mac, Vec<Line>>,
}

/// Plays the scene; tells each phone's trips.
pub fn act(scene: &Scene) -> BTreeMap<Mac, Vec<Line>> {
    let mut stage = Stage::set(scene);
    stage.play(scene.until);
    for (mac, trip) in std::mem::take(&mut stage.trips) {
        assert!(trip.outcome().is_none());
        let last = stage.log.get_mut(&mac).unwrap().last_mut().unwrap();
        assert_eq!((last.1, &last.2), (None, &None));
    }
    stage.log
}

/// Plays the scene up to an instant and hands over what a forecast begins with then, and how many trips are open.
pub fn broken_off(scene: &Scene, at: DateTime<Utc>) -> (Setting<'_>, usize) {
    let mut stage = Stage::set(scene);
    stage.play(at);
    let under_way: Vec<Trip> = stage.trips.into_values().collect();
    let open = under_way.len();
    let setting =
        Setting { scheduler: stage.scheduler, fleet: stage.fleet, under_way, from: at, ..scene.setting() };
    (setting, open)
}

impl<'s> Stage<'s> {
    fn set(scene: &'s Scene) -> Self {
        let mut stage = Self {
            scene,
            scheduler: scene.scheduler.clone(),
            fleet: scene.fleet.clone(),
            handsets: scene.fleet.iter().map(|phone| (phone.mac, Handset::default())).collect(),
            trips: BTreeMap::new(),
            agenda: BTreeMap::new(),
            log: BTreeMap::new(),
        };
        for (call, planned) in scene.calls.iter().enumerate() {
            stage.plan(planned.from, Event::CallBegins { call });
        }
        stage
    }

    fn plan(&mut self, at: DateTime<Utc>, event: Event) {
        self.agenda.insert((at, event), ());
    }

    fn play(&mut self, until: DateTime<Utc>) {
        let mut now = self.scene.from;
        loop {
            let event = self.agenda.keys().next().map(|(at, _)| *at);
            let deadline = self.trips.values().filter_map(Trip::deadline).min();
            let next = [event, deadline, self.scheduler.next_pass()].into_iter().flatten().min();
            let Some(next) = next else { return };
            now = next.max(now);
            if now > until {
                return;
            }
            for pbx in self.fleet.views().keys().cloned().collect::<Vec<_>>() {
                self.fleet.freshen(&pbx, now);
            }
            while let Some(((at, event), ())) = self.agenda.first_key_value().map(|(k, v)| (k.clone(), *v)) {
                if at > now {
                    break;
                }
                self.agenda.remove(&(at, event.clone()));
                self.happens(now, event);
            }
            let late: Vec<Mac> = self
                .trips
                .iter()
                .filter(|(_, trip)| trip.deadline().is_some_and(|deadline| deadline <= now))
                .map(|(mac, _)| *mac)
                .collect();
            for mac in late {
                let busy = self.is_busy(mac);
                self.drive(now, mac, Input::Tick { busy });
            }
            let trips = &self.trips;
            let going = self.scheduler.pass(now, &self.fleet, &|mac| trips.contains_key(&mac));
            for (plan, _) in going {
                let mac = plan.phone;
                let (trip, outputs) = Trip::begin(plan, now);
                self.trips.insert(mac, trip);
                self.log.entry(mac).or_default().push((now, None, None));
                self.carry_out(now, mac, outputs);
            }
        }
    }

    fn happens(&mut self, now: DateTime<Utc>, event: Event) {
        let usual = self.scene.usual;
        match event {
            Event::CallBegins { call } => {
                let planned = &self.scene.calls[call];
                let Some(mac) = self.fleet.by_line(&planned.line) else { return };
                let line = self.fleet.get(mac).unwrap().lines.get(&planned.line).unwrap();
                if line.contact.is_none() {
                    return;
                }
                let talks =
                    self.handsets.get_mut(&mac).unwrap().talks.entry(planned.line.clone()).or_default();
                talks.push(call);
                let first = talks.len() == 1;
                self.plan(planned.until, Event::CallEnds { line: planned.line.clone(), call });
                if first {
                    self.calls(now, planned.line.clone(), CallState::Talking);
                }
            }
            Event::CallEnds { line, call } => {
                let mac = self.fleet.by_line(&line).unwrap();
                let handset = self.handsets.get_mut(&mac).unwrap();
                let talks = handset.talks.entry(line.clone()).or_default();
                let Some(place) = talks.iter().position(|n| *n == call) else { return };
                talks.remove(place);
                if talks.is_empty() {
                    self.calls(now, line, CallState::Idle);
                }
                let handset = &self.handsets[&mac];
                if handset.waits && handset.talks.values().all(Vec::is_empty) {
                    self.plan(now, Event::PhoneLeaves { mac });
                }
            }
            Event::LookAnswered { mac } => {
                let stands = self.look_lets_it_go(mac) && self.is_still_to_go(now, mac);
                let found = if stands { Input::Confirmed } else { Input::NotIdle { why: String::new() } };
                self.drive(now, mac, found);
            }
            Event::PhoneReads { mac } => {
                let version = self.fleet.get(mac).unwrap().version.clone();
                let idle = !self.is_busy(mac);
                self.drive(now, mac, Input::BootRequest { version, idle, own: true });
            }
            // It asks what there is to do, is told, and downloads at once.
            Event::PhoneFetches { mac } => {
                self.drive(now, mac, Input::Called { version: None });
                self.drive(now, mac, Input::Ordered);
                self.drive(now, mac, Input::ImageBegan);
                self.plan(now + usual.fetch, Event::ImageFetched { mac });
            }
            Event::PhoneLeaves { mac } => self.leaves(now, mac),
            Event::PhoneBooted { mac } => {
                let handset = self.handsets.get_mut(&mac).unwrap();
                handset.boots += 1;
                if std::mem::take(&mut handset.has_image) {
                    return self.registers(now, mac, true);
                }
                let offered = self.trips.get(&mac).is_some_and(|trip| trip.offer().is_some());
                if !offered {
                    return self.registers(now, mac, false);
                }
                let version = self.fleet.get(mac).unwrap().version.clone();
                self.drive(now, mac, Input::BootRequest { version, idle: true, own: true });
                self.drive(now, mac, Input::Offered);
                self.drive(now, mac, Input::ImageBegan);
                self.plan(now + usual.fetch, Event::ImageFetched { mac });
            }
            Event::ImageFetched { mac } => {
                self.drive(now, mac, Input::ImageDelivered);
                if self.downloads_first(mac) {
                    self.handsets.get_mut(&mac).unwrap().has_image = true;
                    return self.plan(now + usual.flash, Event::PhoneLeaves { mac });
                }
                let boots = i32::from(self.scene.boots - 1);
                self.plan(now + usual.flash + usual.boot * boots, Event::PhoneUpdated { mac });
            }
            Event::PhoneUpdated { mac } => self.registers(now, mac, true),
        }
    }

    fn leaves(&mut self, now: DateTime<Utc>, mac: Mac) {
        let waits_for_idle = self.trips.get(&mac).is_some_and(|trip| trip.plan().triggers[0].waits_for_idle);
        let busy = self.is_busy(mac);
        let handset = self.handsets.get_mut(&mac).unwrap();
        if waits_for_idle && busy {
            handset.waits = true;
            return;
        }
        handset.waits = false;
        handset.talks.clear();
        let lines: Vec<(LineId, Option<Contact>)> = self
            .fleet
            .get(mac)
            .unwrap()
            .lines
            .iter()
            .map(|(line, state)| (line.clone(), state.contact.clone()))
            .collect();
        for (line, contact) in lines {
            let Some(contact) = contact else { continue };
            self.handsets.get_mut(&mac).unwrap().packed.push((line.clone(), contact));
            let sights = self.fleet.contacts(line.clone(), Vec::new());
            self.sights(now, sights);
            self.calls(now, line, CallState::Offline);
        }
        self.plan(now + self.scene.usual.boot, Event::PhoneBooted { mac });
    }

    fn registers(&mut self, now: DateTime<Utc>, mac: Mac, updated: bool) {
        let version = match self.trips.get(&mac).map(|trip| &trip.plan().goal) {
            Some(Goal::Update { target, .. }) if updated => Some(target.clone()),
            _ => self.fleet.get(mac).unwrap().version.clone(),
        };
        self.fleet.get_mut(mac).unwrap().version = version;
        let handset = self.handsets.get_mut(&mac).unwrap();
        let boots = handset.boots;
        for (line, contact) in std::mem::take(&mut handset.packed) {
            let call_id = Some(format!("boot-{boots}-{now}-{}", line.user).into());
            let sights = self.fleet.contacts(line.clone(), vec![Contact { call_id, ..contact }]);
            self.sights(now, sights);
            self.calls(now, line, CallState::Idle);
        }
    }

    fn calls(&mut self, now: DateTime<Utc>, line: LineId, state: CallState) {
        let sights = self.fleet.calls(line, state, now);
        self.sights(now, sights);
    }

    /// What the daemon does with news.
    fn sights(&mut self, now: DateTime<Utc>, sights: impl IntoIterator<Item = Sight>) {
        for sight in sights {
            self.scheduler.touch(sight.mac(), now);
            match sight {
                Sight::Gone(mac, line) => self.drive(now, mac, Input::Gone { line }),
                Sight::Registered(mac, line) => {
                    let phone = self.fleet.get(mac).unwrap();
                    let contact = phone.lines.get(&line).unwrap().contact.clone().unwrap();
                    let version = phone.version.clone();
                    let (call_id, expires) = (contact.call_id, contact.expires);
                    self.drive(now, mac, Input::Registered { line, call_id, expires, version });
                }
                Sight::Anew { .. } | Sight::Counted(..) | Sight::Calls(..) => {}
            }
        }
    }

    fn downloads_first(&self, mac: Mac) -> bool {
        self.trips.get(&mac).is_some_and(|trip| trip.plan().serves == Serves::OnceAsked)
    }

    fn is_busy(&self, mac: Mac) -> bool {
        let calm = [CallState::Idle, CallState::Offline];
        self.fleet.get(mac).unwrap().lines.values().any(|line| !calm.contains(&line.calls))
    }

    /// What the PBX answers at the last look.
    fn look_lets_it_go(&self, mac: Mac) -> bool {
        let look = self.trips[&mac].plan().look;
        let lines = &self.fleet.get(mac).unwrap().lines;
        !look.asks()
            || lines.iter().all(|(id, line)| {
                look.against(id, line.calls, line.agent_logged_in, line.do_not_disturb).is_none()
            })
    }

    /// All is judged once more behind it.
    fn is_still_to_go(&mut self, now: DateTime<Utc>, mac: Mac) -> bool {
        self.scheduler.look_round(&self.fleet, now);
        let judged = self.scheduler.judge(self.fleet.get(mac).unwrap(), now, now, &self.fleet);
        let plan = self.trips[&mac].plan();
        judged.verdict.is_go()
            && judged.order.is_some_and(|order| {
                (order.goal, order.policy, order.look, order.triggers)
                    == (plan.goal.clone(), plan.policy.clone(), plan.look, plan.triggers.clone())
            })
    }

    fn drive(&mut self, now: DateTime<Utc>, mac: Mac, input: Input) {
        let Some(trip) = self.trips.get_mut(&mac) else { return };
        let outputs = trip.handle(now, input);
        if trip.has_fetched() {
            self.scheduler.fetched(mac, now);
        }
        self.carry_out(now, mac, outputs);
    }

    fn carry_out(&mut self, now: DateTime<Utc>, mac: Mac, outputs: Vec<Output>) {
        let usual = self.scene.usual;
        for output in outputs {
            match output {
                Output::Confirm => self.plan(now + usual.look, Event::LookAnswered { mac }),
                Output::Ask(_) => {
                    self.drive(now, mac, Input::Answered { status: 200, phrase: "OK".into() });
                    let goal = &self.trips[&mac].plan().goal;
                    let does = match goal {
                        Goal::Resync => Event::PhoneReads { mac },
                        _ if goal.has_image() && self.downloads_first(mac) => Event::PhoneFetches { mac },
                        _ => Event::PhoneLeaves { mac },
                    };
                    self.plan(now + usual.leave, does);
                }
                Output::StopResending | Output::Look | Output::Note(..) => {}
            }
        }
        let Some(outcome) = self.trips.get(&mac).and_then(|trip| trip.outcome().cloned()) else { return };
        let trip = self.trips.remove(&mac).unwrap();
        let last = self.log.get_mut(&mac).unwrap().last_mut().unwrap();
        (last.1, last.2) = (Some(now), Some(wordless(outcome)));
        if matches!(last.2, Some(Outcome::Failed { .. })) {
            self.handsets.get_mut(&mac).unwrap().waits = false;
        }
        self.scheduler.ended(&trip, now);
        if trip.asked_at().is_some() && !matches!(trip.outcome(), Some(Outcome::Withdrawn { .. })) {
            // A boot that was ordered opens no `initial` minutes, and ends those of an older one.
            self.fleet.get_mut(mac).unwrap().booted = None;
        }
    }
}
