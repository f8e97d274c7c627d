//! Decides for the depot: what a phone at the door may have, and what its visit proves.

use std::collections::BTreeSet;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;

use super::mail::Mail;
use super::orchestrator::{Act, Orchestrator};
use crate::domain::phone::{CallState, KnownBy, Mac, Phone};
use crate::domain::trip::{Goal, Input, State};
use crate::phones::Sighting;
use crate::ports::{Lane, Permit, Transfer, TransferStep, Visit, Wanted};

/// A phone waits at the door so long for the PBX to tell what its lines are doing.
const WAITS_AT_THE_DOOR: TimeDelta = TimeDelta::seconds(5);

/// Addresses that were asked from and have no registered line yet; whoever asks from one address fills one place.
const MOST_VISITORS: usize = 10_000;

/// So often it is looked whether the PBX has told.
const LOOKS_AGAIN: TimeDelta = TimeDelta::milliseconds(200);

impl Orchestrator {
    /// A phone is at the door.
    pub(super) fn visit(&mut self, now: DateTime<Utc>, visit: Visit, mut reply: oneshot::Sender<Permit>) {
        let mac = visit.mac;
        if visit.wanted == Wanted::Orders && !visit.peek {
            return self.asks_for_orders(now, &visit, reply);
        }
        // Asking for a head alone is what an administrator or a proxy does, not a phone that boots.
        if visit.peek {
            let permit = self.permit(&visit);
            return self.acts.push(Act::Permit(reply, permit));
        }
        if visit.wanted == Wanted::Settings && self.may_soon_know_more(now, mac) {
            return self.let_wait(visit, reply);
        }
        self.introduce_visitor(now, &visit);
        if visit.wanted == Wanted::Settings {
            let in_place = self.comes_from_its_place(mac, visit.source);
            if in_place {
                self.asked_settings(now, mac);
            }
            let idle = !self.in_a_call(mac) && in_place;
            let version = visit.version.clone().filter(|_| in_place);
            self.drive(now, mac, Input::BootRequest { version, idle, own: in_place });
            if in_place {
                self.asked_in_realm(now, &visit);
                match self.polls_settings(now, mac, reply) {
                    Some(back) => reply = back,
                    None => return,
                }
            }
        }
        let permit = self.permit(&visit);
        match (&permit, &visit.wanted) {
            (Permit::Offer { file, .. } | Permit::Module { file, .. }, Wanted::FirmwarePointer) => {
                tracing::debug!(%mac, file, "offered");
                if matches!(permit, Permit::Module { .. }) {
                    self.may_write_its_url(mac);
                }
                self.drive(now, mac, Input::Offered);
            }
            (Permit::Elsewhere { .. }, _) if self.comes_from_its_place(mac, visit.source) => {
                self.drive(now, mac, Input::Redirected);
            }
            (_, _) => {}
        }
        self.acts.push(Act::Permit(reply, permit));
    }

    /// Whether the phone was asked to reboot and, in the first moments after a start, nothing is known of its lines
    /// yet. Taken for a poll, its request would cost it a second reboot.
    fn may_soon_know_more(&self, now: DateTime<Utc>, mac: Mac) -> bool {
        let (Some(open), Some(phone)) = (self.trips.get(&mac), self.fleet.get(mac)) else { return false };
        let asked = matches!(open.trip.state(), State::Asked { .. } | State::Accepted { .. });
        let unknown = phone.lines.values().any(|line| line.calls == CallState::Unknown);
        asked && unknown && now - open.trip.since() < WAITS_AT_THE_DOOR
    }

    fn let_wait(&self, visit: Visit, reply: oneshot::Sender<Permit>) {
        let (letters, clock) = (self.letters.clone(), self.hands.clock.clone());
        tokio::spawn(async move {
            tokio::time::sleep(clock.until(clock.now() + LOOKS_AGAIN)).await;
            letters.send(Mail::Visit(visit, reply)).await
        });
    }

    pub(super) fn introduce_visitor(&mut self, now: DateTime<Utc>, visit: &Visit) {
        let mac = visit.mac;
        if self.fleet.get(mac).is_none() {
            // Anybody can make up MACs; a phone that counts is registered from where it asks, or will be once it has booted.
            if !self.fleet.has_stranger_at(visit.source) {
                return self.remember_visitor(mac, visit.source);
            }
            self.fleet.introduce(Phone::new(mac, KnownBy::BootRequest));
            self.keep_phone(mac);
        }
        // Anybody can write a MAC into a URL: what a request says of a phone is believed from the phone's place only.
        if self.comes_from_its_place(mac, visit.source) {
            if let Some(vendor) = visit.vendor.clone() {
                let (model, version) = (visit.model.clone(), visit.version.clone());
                self.learn(mac, Sighting { vendor, model, version, mac: Some(mac), modules: None });
            }
            self.learn_codes(visit);
            self.counts_modules(now, visit);
            if let (Some(hardware), Some(phone)) = (&visit.hardware, self.fleet.get_mut(mac)) {
                let told_before = phone.hardware.replace(hardware.clone());
                if told_before.as_ref() != Some(hardware) {
                    self.keep_phone(mac);
                }
            }
        }
        self.bind(now, mac, visit.source);
        if self.fleet.get(mac).is_some_and(|phone| phone.lines.is_empty()) {
            self.remember_visitor(mac, visit.source);
        }
        self.scheduler.touch(mac, now);
    }

    /// What code the phone has besides its firmware, where its request tells.
    fn learn_codes(&mut self, visit: &Visit) {
        let Some(phone) = self.fleet.get_mut(visit.mac) else { return };
        for (part, version) in visit.codes.all() {
            phone.codes.get_or_insert_default().told(part, version.clone());
        }
    }

    fn remember_visitor(&mut self, mac: Mac, from: IpAddr) {
        if self.visitors.len() >= MOST_VISITORS {
            self.visitors.pop_first();
        }
        // Two are enough to know that it cannot be told which of them a line belongs to.
        let here = self.visitors.entry(from).or_default();
        if here.len() < 2 {
            here.insert(mac);
        }
    }

    /// Lines of nobody are registered: phones that asked from there before may be known by them now.
    pub(super) fn bind_visitors(&mut self, now: DateTime<Utc>) {
        if self.visitors.is_empty() {
            return;
        }
        let here: BTreeSet<IpAddr> =
            self.fleet.strangers().filter_map(|(_, contact)| Some(contact.source?.ip())).collect();
        // Several phones behind one address: whose line it is cannot be told.
        let alone = |macs: &BTreeSet<Mac>| macs.first().copied().filter(|_| macs.len() == 1);
        let asked: Vec<(IpAddr, Mac)> =
            here.iter().filter_map(|from| Some((*from, alone(self.visitors.get(from)?)?))).collect();
        for (from, mac) in asked {
            if self.fleet.get(mac).is_none() {
                self.fleet.introduce(Phone::new(mac, KnownBy::BootRequest));
            }
            self.bind(now, mac, from);
        }
    }

    fn bind(&mut self, now: DateTime<Utc>, mac: Mac, from: IpAddr) {
        let bound = self.fleet.bind_by_source(mac, from);
        if !bound.is_empty() {
            let users: Vec<&str> = bound.iter().map(|line| line.user.as_ref()).collect();
            let text = format!("line {} is registered from where it asks", users.join(", "));
            self.note(now, Some(mac), None, "learned", text);
            self.keep_phone(mac);
            self.visitors.remove(&from);
            for line in bound {
                self.registered(now, mac, line);
            }
            self.scheduler.touch(mac, now);
        }
    }

    /// Whether the request comes from the address its lines are registered from, if they are.
    pub(super) fn comes_from_its_place(&self, mac: Mac, from: IpAddr) -> bool {
        let Some(phone) = self.fleet.get(mac) else { return false };
        let mut sources = phone.lines.values().filter_map(|line| line.contact.as_ref()?.source).peekable();
        sources.peek().is_none() || sources.any(|source| source.ip() == from)
    }

    fn permit(&self, visit: &Visit) -> Permit {
        let (mac, wanted) = (visit.mac, &visit.wanted);
        if let Some(realm) = self.elsewhere(visit).filter(|_| *wanted == Wanted::Settings) {
            return Permit::Elsewhere { realm };
        }
        let runs = self.fleet.get(mac).and_then(|phone| phone.version.clone());
        let stay = |why: &str| Permit::Stay { runs: runs.clone(), why: why.to_owned() };
        let Some(open) = self.trips.get(&mac) else {
            return stay("no update of this phone is under way");
        };
        if let Wanted::Image { file } = wanted
            && let Some(release) = open.trip.deploys(file)
        {
            let lanes = self.lanes(mac, &open.trip.plan().policy);
            return Permit::Offer { release: release.clone(), file: file.clone(), lanes };
        }
        let image = match wanted {
            Wanted::Settings | Wanted::FirmwarePointer => open.trip.offer(),
            Wanted::Image { .. } => open.trip.download(),
            Wanted::Orders => None,
        };
        match image {
            Some((release, file)) => {
                let lanes = self.lanes(mac, &open.trip.plan().policy);
                let (release, file) = (release.clone(), file.to_owned());
                match open.trip.plan().goal {
                    Goal::Module { .. } if self.is_for_another_module(mac, &release, &file) => {
                        stay("another module is attached, or not a single one")
                    }
                    Goal::Module { .. } => Permit::Module { release, file, order: open.id.0, lanes },
                    _ => Permit::Offer { release, file, lanes },
                }
            }
            None => stay(open.trip.state().slug()),
        }
    }

    /// What limits how fast a phone is served by the policy of its trip, its site's share first. Phones without a site
    /// share one as if they stood at one.
    fn lanes(&self, mac: Mac, policy: &str) -> Vec<Lane> {
        let policies = &self.scheduler.rules().policies;
        let Some(policy) = policies.iter().find(|known| *known.name == *policy) else { return Vec::new() };
        let (name, bandwidth) = (&policy.name, policy.pace.bandwidth);
        let site = self.fleet.get(mac).and_then(|phone| phone.site.as_ref()).map_or("", |site| site.as_str());
        let lane = |name: String, rate: Option<u64>| {
            rate.map(|bytes_per_second| Lane { name: name.into(), bytes_per_second })
        };
        let at_site = lane(format!("{name} at {site}"), bandwidth.per_site);
        at_site.into_iter().chain(lane(format!("{name} in all"), bandwidth.total)).collect()
    }

    /// News of a transfer.
    pub(super) fn transfer(&mut self, now: DateTime<Utc>, transfer: Transfer) {
        self.metrics.transfer(&transfer.step);
        if self.file_transfer(now, &transfer) {
            return;
        }
        // What goes with an image is not the image.
        let goal = self.trips.get(&transfer.mac).map(|open| &open.trip.plan().goal);
        if let Some(Goal::Update { file, .. } | Goal::Module { file, .. }) = goal
            && *file != transfer.file
        {
            return;
        }
        let input = match transfer.step {
            TransferStep::Began { .. } => Input::ImageBegan,
            TransferStep::Delivered => Input::ImageDelivered,
            TransferStep::Broken { .. } => Input::ImageBroken,
        };
        self.drive(now, transfer.mac, input);
    }
}
