//! How a phone leaves in virtual time, and how it comes back.

use super::*;
use crate::domain::codes::Codes;
use crate::domain::firmware::{Part, Version};
use crate::domain::trip::Plan;

impl Course<'_> {
    /// The phone goes down; `false` when it waits for its call to end.
    pub(super) fn leave(&mut self, mac: Mac, busy: bool, now: DateTime<Utc>) -> bool {
        if self.waits(mac, busy, now) {
            return false;
        }
        let Some(journey) = self.journeys.get(&mac) else { return true };
        if journey.waits {
            self.hears(mac, now, Input::Tick { busy });
            return true;
        }
        let lines: Vec<LineId> = journey.trip.plan().lines.iter().map(|before| before.line.clone()).collect();
        for line in lines {
            let contact = self.fleet.get(mac).and_then(|phone| phone.lines.get(&line)?.contact.clone());
            if let Some((journey, contact)) = self.journeys.get_mut(&mac).zip(contact) {
                journey.contacts.push((line.clone(), contact));
            }
            let talk = self.talks.entry(line.clone()).or_default();
            self.met.cut += u64::from(talk.calls);
            *talk = Talk { calls: 0, epoch: talk.epoch + 1 };
            let gone = self.fleet.contacts(line.clone(), Vec::new());
            self.saw(gone, now);
            self.says(line.clone(), CallState::Offline, now);
            self.hears(mac, now, Input::Gone { line });
        }
        true
    }

    /// Whether the phone does what it took once its call has ended, and that is still to come.
    pub(super) fn waits(&mut self, mac: Mac, busy: bool, now: DateTime<Utc>) -> bool {
        let Some(journey) = self.journeys.get_mut(&mac) else { return false };
        let denied = journey.trip.plan().goal.is_denied_in_a_call();
        let waited_for = |trigger: &Trigger| trigger.is_waited_for() || trigger.waits(denied);
        let can_wait = journey.trip.asked_with().is_some_and(waited_for);
        journey.waits = busy && can_wait;
        let deadline = journey.trip.deadline().filter(|_| journey.waits);
        if deadline.is_some_and(|deadline| now < deadline) {
            self.due(mac, deadline);
            return true;
        }
        false
    }

    /// All lines of the phone register again, and it runs what it fetched.
    pub(super) fn come_back(&mut self, mac: Mac, now: DateTime<Utc>) {
        self.asks_in_its_new_realm(mac, now);
        let Some(plan) = self.journeys.get(&mac).map(|journey| journey.trip.plan()) else { return };
        let (version, codes) = self.now_runs(plan);
        let lines: Vec<LineId> = plan.lines.iter().map(|before| before.line.clone()).collect();
        let Some(journey) = self.journeys.get_mut(&mac) else { return };
        let contacts = std::mem::take(&mut journey.contacts);
        if let Some(phone) = self.fleet.get_mut(mac) {
            phone.version.clone_from(&version);
            // Who never told of such code does not do so now.
            if let Some(known) = phone.codes.as_mut() {
                codes.all().for_each(|(part, version)| known.told(part, version.clone()));
            }
        }
        for (part, version) in codes.all() {
            self.hears(mac, now, Input::Code { part, version: version.clone() });
        }
        for line in lines {
            self.registrations += 1;
            let before = contacts.iter().find(|(of, _)| *of == line).map(|(_, contact)| contact.clone());
            let contact = registration(&line, before, self.registrations);
            let (call_id, expires) = (contact.call_id.clone(), contact.expires);
            let back = self.fleet.contacts(line.clone(), vec![contact]);
            self.saw(back, now);
            self.says(line.clone(), CallState::Idle, now);
            self.hears(mac, now, Input::Registered { line, call_id, expires, version: version.clone() });
        }
    }

    /// What a phone runs that is back from its trip: its firmware, and other code that was fetched with it or alone.
    fn now_runs(&self, plan: &Plan) -> (Option<Version>, Codes) {
        let mut codes = Codes::default();
        let Goal::Update { release, file, target, part } = &plan.goal else {
            return (plan.runs.clone(), codes);
        };
        if !part.is_firmware() {
            codes.told(*part, target.clone());
            return (plan.runs.clone(), codes);
        }
        let release = self.scheduler.rules().releases.get(release);
        if let Some((release, firmware)) = release.and_then(|all| Some((all, all.image(file)?))) {
            for beside in Part::CODES.into_iter().filter_map(|part| release.beside(part, firmware)) {
                codes.told(beside.part, beside.version.clone());
            }
        }
        (Some(target.clone()), codes)
    }

    /// It asks for its settings, is sent to the realm's server and asks there.
    pub(super) fn asks_in_its_new_realm(&mut self, mac: Mac, now: DateTime<Utc>) {
        let Some(journey) = self.journeys.get(&mac) else { return };
        let Some(realm) = journey.trip.leads_to().cloned() else { return };
        self.hears(mac, now, Input::Redirected);
        self.hears(mac, now, Input::InRealm { realm: realm.clone() });
        if let Some(phone) = self.fleet.get_mut(mac) {
            phone.realm = Some(realm);
        }
    }
}

/// The registration of a phone that is back: as it was before, with a Call-ID of its own.
fn registration(line: &LineId, before: Option<Contact>, number: u64) -> Contact {
    let unknown = || Contact {
        uri: format!("sip:{}@forecast.invalid", line.user).into(),
        source: None,
        call_id: None,
        user_agent: None,
        expires: None,
    };
    let call_id = Some(format!("forecast-{number}").into());
    Contact { call_id, ..before.unwrap_or_else(unknown) }
}
