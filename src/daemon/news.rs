//! Takes in what PBXs tell and makes evidence of it.

use chrono::{DateTime, Utc};

use super::orchestrator::Orchestrator;
use crate::domain::fleet::Sight;
use crate::domain::phone::{KnownBy, LineId, Mac, Phone};
use crate::domain::trip::Input;
use crate::phones::Sighting;
use crate::ports::{Change, PbxEvent, PbxNews, PhoneRow};

impl Orchestrator {
    /// A PBX tells something.
    pub(super) fn pbx_event(&mut self, now: DateTime<Utc>, event: PbxEvent) {
        let pbx = event.pbx;
        match event.news {
            PbxNews::Picture(picture) => {
                let was_stale = self.fleet.views().get(&pbx).is_none_or(|view| !view.is_fresh(now));
                let sights = self.fleet.picture(&pbx, picture.contacts, picture.calls, now);
                let mut touched = self.fleet.set_do_not_disturb(&pbx, picture.do_not_disturb);
                touched.append(&mut self.fleet.set_agents(&pbx, picture.groups.agents));
                touched.append(&mut self.fleet.set_groups(&pbx, picture.groups.members));
                self.metrics.picture();
                self.sights(now, sights);
                self.bind_visitors(now);
                self.touch(touched, now);
                if was_stale {
                    tracing::info!(%pbx, phones = self.fleet.len(), "the view of the PBX is fresh");
                    self.touch_all_of(&pbx, now);
                }
            }
            PbxNews::Contacts(line, contacts) => {
                self.fleet.freshen(&pbx, now);
                let known = self.fleet.by_line(&line).is_some();
                let sights = self.fleet.contacts(line, contacts);
                self.sights(now, sights);
                if !known {
                    self.bind_visitors(now);
                }
            }
            PbxNews::Calls(line, calls) => {
                self.fleet.freshen(&pbx, now);
                let sight = self.fleet.calls(line, calls, now);
                self.sights(now, sight);
            }
            PbxNews::Groups(groups) => {
                self.fleet.freshen(&pbx, now);
                let mut touched = self.fleet.set_agents(&pbx, groups.agents);
                touched.append(&mut self.fleet.set_groups(&pbx, groups.members));
                self.touch(touched, now);
            }
            PbxNews::DoNotDisturb(line, set) => {
                self.fleet.freshen(&pbx, now);
                let touched = self.fleet.do_not_disturb(&line, set);
                self.touch(touched, now);
            }
            PbxNews::Fresh => {
                let was_stale = self.fleet.views().get(&pbx).is_none_or(|view| !view.is_fresh(now));
                self.fleet.freshen(&pbx, now);
                if was_stale {
                    self.touch_all_of(&pbx, now);
                }
            }
            PbxNews::Lost { why } => {
                self.note(now, None, None, "pbx-lost", format!("the view of {pbx} is lost: {why}"));
                for mac in self.fleet.lost(&pbx) {
                    self.hold_back(mac);
                    self.scheduler.touch(mac, now);
                }
            }
        }
    }

    fn touch_all_of(&mut self, pbx: &crate::domain::phone::PbxName, now: DateTime<Utc>) {
        let macs: Vec<Mac> = self
            .fleet
            .iter()
            .filter(|phone| phone.lines.keys().any(|line| line.pbx == *pbx))
            .map(|phone| phone.mac)
            .collect();
        self.touch(macs, now);
    }

    fn touch(&mut self, macs: impl IntoIterator<Item = Mac>, now: DateTime<Utc>) {
        for mac in macs {
            self.hold_back(mac);
            self.scheduler.touch(mac, now);
        }
    }

    fn sights(&mut self, now: DateTime<Utc>, sights: impl IntoIterator<Item = Sight>) {
        for sight in sights {
            match &sight {
                Sight::Calls(mac, _) => self.scheduler.hear_calls(*mac, now),
                other => self.scheduler.touch(other.mac(), now),
            }
            match sight {
                Sight::Gone(mac, line) => self.drive(now, mac, Input::Gone { line }),
                Sight::Anew { mac, was_gone, .. } => self.registered_anew(now, mac, was_gone),
                Sight::Registered(mac, line) => self.registered(now, mac, line),
                Sight::Counted(_, _) => {}
                Sight::Calls(mac, _) => {
                    if self.in_a_call(mac) {
                        self.hold_back(mac);
                    }
                }
            }
        }
    }

    pub(super) fn registered(&mut self, now: DateTime<Utc>, mac: Mac, line: LineId) {
        let Some(phone) = self.fleet.get(mac) else { return };
        let Some(contact) = phone.lines.get(&line).and_then(|state| state.contact.clone()) else { return };
        let sighting =
            contact.user_agent.as_deref().and_then(|text| self.reloader.makers.now().recognise(text));
        let version = sighting.as_ref().and_then(|sighting| sighting.version.clone());
        if let Some(sighting) = sighting {
            self.learn(mac, sighting);
        }
        // A contact that outlived its phone is no sign of life; another one is.
        let last = self.scheduler.past(mac).and_then(|past| past.last.as_ref());
        let known = last
            .and_then(|trip| trip.plan().lines.iter().find(|before| before.line == line))
            .is_some_and(|before| before.call_id == contact.call_id && before.expires == contact.expires);
        if !known && self.scheduler.found(mac, now) {
            self.note(now, Some(mac), None, "found", "a lost phone registered again".to_owned());
        }
        let (call_id, expires) = (contact.call_id, contact.expires);
        self.drive(now, mac, Input::Registered { line, call_id, expires, version });
    }

    /// Takes over what a phone said of itself; it is kept when it is new.
    pub(super) fn learn(&mut self, mac: Mac, sighting: Sighting) {
        let Some(phone) = self.fleet.get_mut(mac) else { return };
        let before = (phone.vendor.clone(), phone.model.clone(), phone.version.clone());
        phone.vendor = Some(sighting.vendor);
        phone.model = sighting.model.or(phone.model.take());
        phone.version = sighting.version.or(phone.version.take());
        if before != (phone.vendor.clone(), phone.model.clone(), phone.version.clone()) {
            self.keep_phone(mac);
        }
    }

    /// Other makers are known now: what registered phones say of themselves may mean more than it did.
    pub(super) fn recognise_again(&mut self) {
        let makers = self.reloader.makers.now();
        let seen = |phone: &Phone| {
            let mut texts = phone.lines.values().filter_map(|line| line.contact.as_ref()?.user_agent.clone());
            Some((phone.mac, texts.find_map(|text| makers.recognise(&text))?))
        };
        let seen: Vec<(Mac, Sighting)> = self.fleet.iter().filter_map(seen).collect();
        for (mac, sighting) in seen {
            self.learn(mac, sighting);
        }
    }

    /// Keeps what was observed of a phone.
    pub(super) fn keep_phone(&mut self, mac: Mac) {
        let Some(phone) = self.fleet.get(mac) else { return };
        self.batch.push(Change::Phone(PhoneRow {
            mac,
            known_by: phone.known_by,
            vendor: phone.vendor.clone(),
            model: phone.model.clone(),
            version: phone.version.clone(),
            hardware: phone.hardware.clone(),
            booted: phone.booted,
            realm: phone.realm.clone(),
            files: phone.files.clone(),
            lines: match phone.known_by {
                KnownBy::Inventory => Vec::new(),
                KnownBy::BootRequest | KnownBy::SipInstance => phone.lines.keys().cloned().collect(),
            },
        }));
    }
}
