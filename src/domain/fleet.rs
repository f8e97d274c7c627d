//! All phones, indexed for the questions that are asked of them, and how fresh each PBX's view is.

mod groups;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::phone::{CallState, Contact, KnownBy, Line, LineId, Mac, PbxName, Phone};
use super::policy::Group;

/// How fresh the view of one PBX is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// When the PBX last answered; `None` while the connection is gone or no picture has come yet.
    pub fresh: Option<DateTime<Utc>>,
    /// An older view is stale and holds every phone of the PBX.
    pub stale_after: TimeDelta,
}

impl View {
    /// The view's age; `None` when there is none.
    pub fn age(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.fresh.map(|fresh| (now - fresh).max(TimeDelta::zero()))
    }

    /// Whether the view may be believed.
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        self.age(now).is_some_and(|age| age <= self.stale_after)
    }
}

/// What changed in the fleet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// A line's contact went away.
    Gone(Mac, LineId),
    /// A line was registered, or its registration is another one than before.
    Registered(Mac, LineId),
    /// A line is registered with another Call-ID than before; told before [`Self::Registered`].
    Anew {
        /// The phone.
        mac: Mac,
        /// The line.
        line: LineId,
        /// Its contact had gone away in between.
        was_gone: bool,
    },
    /// A line has another number of contacts than before, and is shown at the same one.
    Counted(Mac, LineId),
    /// A line's calls changed.
    Calls(Mac, LineId),
}

impl Sight {
    /// The phone it is about.
    pub fn mac(&self) -> Mac {
        match self {
            Self::Gone(mac, _)
            | Self::Registered(mac, _)
            | Self::Anew { mac, .. }
            | Self::Counted(mac, _)
            | Self::Calls(mac, _) => *mac,
        }
    }
}

/// All phones.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    /// Boxed: a tree whose keys came in order is half empty.
    phones: BTreeMap<Mac, Box<Phone>>,
    by_line: HashMap<LineId, Mac>,
    /// Contacts and calls of lines that belong to no known phone yet.
    strangers: BTreeMap<LineId, Stranger>,
    views: BTreeMap<PbxName, View>,
    /// Lines whose contact went away, each with its last Call-ID.
    left: HashMap<LineId, Arc<str>>,
    /// Queues and ring groups with their lines, as each PBX told them.
    groups: BTreeMap<PbxName, BTreeMap<Group, BTreeSet<LineId>>>,
    /// How often they were told.
    groups_told: u64,
    /// Lines with an agent, and lines with do-not-disturb, of each PBX that tells.
    agents: BTreeMap<PbxName, BTreeSet<LineId>>,
    silent: BTreeMap<PbxName, BTreeSet<LineId>>,
}

#[derive(Debug, Clone, Default)]
struct Stranger {
    contacts: Vec<Contact>,
    calls: Option<CallState>,
}

impl Fleet {
    /// A phone by its MAC.
    pub fn get(&self, mac: Mac) -> Option<&Phone> {
        self.phones.get(&mac).map(Box::as_ref)
    }

    /// A phone to be told something about.
    pub fn get_mut(&mut self, mac: Mac) -> Option<&mut Phone> {
        self.phones.get_mut(&mac).map(Box::as_mut)
    }

    /// All phones, in the order of their MACs.
    pub fn iter(&self) -> impl Iterator<Item = &Phone> {
        self.phones.values().map(Box::as_ref)
    }

    /// How many phones there are.
    pub fn len(&self) -> usize {
        self.phones.len()
    }

    /// Whether there is no phone.
    pub fn is_empty(&self) -> bool {
        self.phones.is_empty()
    }

    /// The phone a line belongs to.
    pub fn by_line(&self, line: &LineId) -> Option<Mac> {
        self.by_line.get(line).copied()
    }

    /// The phone a person means by a MAC or by the user of one of its lines; `None` when it is nobody, or several.
    pub fn named(&self, name: &str) -> Option<Mac> {
        if let Ok(mac) = name.parse::<Mac>() {
            return self.phones.contains_key(&mac).then_some(mac);
        }
        let mut hits = self.by_line.iter().filter(|(line, _)| &*line.user == name).map(|(_, mac)| *mac);
        let first = hits.next()?;
        hits.all(|mac| mac == first).then_some(first)
    }

    /// Adds a phone, or takes over what the inventory says of one that is known. What was observed stays.
    pub fn introduce(&mut self, phone: Phone) {
        let mac = phone.mac;
        for line in phone.lines.keys() {
            // A line is one phone's: with the one that had it before it would stay as it was last seen, for ever.
            let before = self.by_line.insert(line.clone(), mac).filter(|before| *before != mac);
            if let Some(before) = before.and_then(|before| self.phones.get_mut(&before)) {
                before.lines.remove(line);
            }
        }
        let lines: Vec<LineId> = phone.lines.keys().cloned().collect();
        let known = self.phones.entry(mac).or_insert_with(|| Box::new(Phone::new(mac, phone.known_by)));
        known.known_by = phone.known_by;
        // What the administrator corrects counts until the phone itself speaks again.
        known.vendor = phone.vendor.or(known.vendor.take());
        known.model = phone.model.or(known.model.take());
        known.version = known.version.take().or(phone.version);
        known.hardware = phone.hardware.or(known.hardware.take());
        known.site = phone.site;
        known.switch = phone.switch;
        known.booted = known.booted.max(phone.booted);
        known.tags = phone.tags;
        known.home = phone.home;
        known.module_power = phone.module_power;
        if known.files.is_empty() {
            known.files = phone.files;
        }
        known.realm = known.realm.take().or(phone.realm);
        known.modules = known.modules.take().or(phone.modules);
        for line in known.lines.keys().filter(|line| !phone.lines.contains_key(line)) {
            self.by_line.remove(line);
            self.left.remove(line);
        }
        known.lines.retain(|line, _| phone.lines.contains_key(line));
        for (line, fresh) in phone.lines {
            if !known.lines.contains_key(&line) {
                known.lines.insert(line, fresh);
            }
        }
        for line in lines {
            self.adopt(mac, line);
        }
    }

    /// Forgets a phone; its lines are strangers from now on.
    pub fn forget(&mut self, mac: Mac) {
        let Some(phone) = self.phones.remove(&mac) else { return };
        for (line, state) in phone.lines {
            self.by_line.remove(&line);
            self.left.remove(&line);
            let stranger =
                Stranger { contacts: state.contact.into_iter().collect(), calls: Some(state.calls) };
            self.strangers.insert(line, stranger);
        }
    }

    /// Binds a stranger's line to a phone.
    fn adopt(&mut self, mac: Mac, line: LineId) {
        self.recall(mac, &line);
        let Some(stranger) = self.strangers.remove(&line) else { return };
        if let Some(slot) = self.phones.get_mut(&mac).and_then(|phone| phone.lines.get_mut(&line)) {
            slot.contacts = stranger.contacts.len();
            slot.contact = newest(stranger.contacts);
            slot.calls = stranger.calls.unwrap_or(CallState::Unknown);
        }
    }

    /// Binds to the phone the lines registered from the address it made its boot request from; returns them.
    ///
    /// Only when they can be nobody else's: one contact a line, all from one address and port, all with one
    /// User-Agent. Behind a NAT, or when the inventory names its lines already, nothing is bound.
    pub fn bind_by_source(&mut self, mac: Mac, source: IpAddr) -> Vec<LineId> {
        if self.phones.get(&mac).is_none_or(|phone| !phone.lines.is_empty()) {
            return Vec::new();
        }
        let here = |contact: &Contact| contact.source.is_some_and(|from| from.ip() == source);
        let known_here = self.phones.values().flat_map(|phone| phone.lines.values());
        if known_here.filter_map(|line| line.contact.as_ref()).any(here) {
            return Vec::new();
        }
        let hits: Vec<(&LineId, &[Contact])> = self
            .strangers
            .iter()
            .filter(|(_, stranger)| stranger.contacts.iter().any(here))
            .map(|(line, stranger)| (line, stranger.contacts.as_slice()))
            .collect();
        let kinds: BTreeSet<_> = hits
            .iter()
            .flat_map(|(_, contacts)| contacts.iter().map(|c| (c.source, c.user_agent.clone())))
            .collect();
        if kinds.len() != 1 || hits.iter().any(|(_, contacts)| contacts.len() != 1) {
            return Vec::new();
        }
        let lines: Vec<LineId> = hits.into_iter().map(|(line, _)| line.clone()).collect();
        for line in &lines {
            self.by_line.insert(line.clone(), mac);
            if let Some(phone) = self.phones.get_mut(&mac) {
                phone.lines.insert(line.clone(), Line::UNSEEN);
                phone.known_by = KnownBy::BootRequest;
            }
            self.adopt(mac, line.clone());
        }
        lines
    }

    /// Contacts of lines that belong to no known phone, with their User-Agents.
    pub fn strangers(&self) -> impl Iterator<Item = (&LineId, &Contact)> {
        self.strangers.iter().flat_map(|(line, s)| s.contacts.iter().map(move |contact| (line, contact)))
    }

    /// Whether a line that belongs to no known phone is registered from this address.
    pub fn has_stranger_at(&self, source: IpAddr) -> bool {
        self.strangers().any(|(_, contact)| contact.source.is_some_and(|from| from.ip() == source))
    }

    /// A PBX that is to be watched; its view is stale until its first picture.
    pub fn watch(&mut self, pbx: PbxName, stale_after: TimeDelta) {
        self.views.entry(pbx).or_insert(View { fresh: None, stale_after }).stale_after = stale_after;
    }

    /// All views.
    pub fn views(&self) -> &BTreeMap<PbxName, View> {
        &self.views
    }

    /// The PBX answered just now. Means nothing while there is no picture.
    pub fn freshen(&mut self, pbx: &PbxName, now: DateTime<Utc>) {
        if let Some(view) = self.views.get_mut(pbx) {
            view.fresh = view.fresh.map(|_| now);
        }
    }

    /// The connection to a PBX is gone: nobody knows what its phones do, and quiet begins anew. Who belongs to which
    /// group stays as it was last told.
    pub fn lost(&mut self, pbx: &PbxName) -> Vec<Mac> {
        self.agents.remove(pbx);
        self.silent.remove(pbx);
        if let Some(view) = self.views.get_mut(pbx) {
            view.fresh = None;
        }
        let mut touched = Vec::new();
        for phone in self.phones.values_mut() {
            for (_, line) in phone.lines.iter_mut().filter(|(id, _)| id.pbx == *pbx) {
                line.calls = CallState::Unknown;
                line.quiet_since = None;
                line.agent_logged_in = None;
                line.do_not_disturb = None;
                touched.push(phone.mac);
            }
        }
        touched.dedup();
        touched
    }

    /// Whether the connections to all PBXs of a phone are gone: where it was registered it may not be any more.
    pub fn has_lost_sight_of(&self, mac: Mac) -> bool {
        let sees = |pbx: &PbxName| self.views.get(pbx).is_none_or(|view| view.fresh.is_some());
        self.get(mac).is_some_and(|phone| !phone.lines.keys().any(|line| sees(&line.pbx)))
    }

    /// Takes in a whole picture: what is missing in it is not there.
    pub fn picture(
        &mut self,
        pbx: &PbxName,
        contacts: Vec<(LineId, Contact)>,
        calls: Vec<(LineId, CallState)>,
        now: DateTime<Utc>,
    ) -> Vec<Sight> {
        if let Some(view) = self.views.get_mut(pbx) {
            view.fresh = Some(now);
        }
        let mut by_line: BTreeMap<LineId, Vec<Contact>> = BTreeMap::new();
        for line in self.by_line.keys().chain(self.strangers.keys()).filter(|line| line.pbx == *pbx) {
            by_line.insert(line.clone(), Vec::new());
        }
        let mut states: HashMap<LineId, CallState> = calls.into_iter().collect();
        for line in states.keys() {
            by_line.entry(line.clone()).or_default();
        }
        for (line, contact) in contacts {
            by_line.entry(line).or_default().push(contact);
        }
        let mut sights = Vec::new();
        for (line, contacts) in by_line {
            let state = states.remove(&line).unwrap_or(CallState::Unknown);
            sights.extend(self.contacts(line.clone(), contacts));
            sights.extend(self.calls(line, state, now));
        }
        self.strangers.retain(|line, stranger| line.pbx != *pbx || !stranger.contacts.is_empty());
        sights
    }

    /// Takes in all contacts of one line.
    pub fn contacts(&mut self, line: LineId, contacts: Vec<Contact>) -> Vec<Sight> {
        let Some(mac) = self.by_line(&line) else {
            self.strangers.entry(line).or_default().contacts = contacts;
            return Vec::new();
        };
        let Some(slot) = self.phones.get_mut(&mac).and_then(|phone| phone.lines.get_mut(&line)) else {
            return Vec::new();
        };
        let counted = std::mem::replace(&mut slot.contacts, contacts.len());
        let contact = newest(contacts);
        if slot.contact == contact {
            let changed = counted != slot.contacts;
            return changed.then_some(Sight::Counted(mac, line)).into_iter().collect();
        }
        let before = std::mem::replace(&mut slot.contact, contact).and_then(|contact| contact.call_id);
        let Some(contact) = &slot.contact else {
            if let Some(call_id) = before {
                self.left.insert(line.clone(), call_id);
            }
            return vec![Sight::Gone(mac, line)];
        };
        // Another URI with the same Call-ID is a phone whose NAT gave it another port: no sign of a boot by itself.
        let (was_gone, before) = match self.left.remove(&line) {
            Some(left) => (true, Some(left)),
            None => (false, before),
        };
        let anew = before.is_some() && contact.call_id.is_some() && contact.call_id != before;
        let anew = anew.then(|| Sight::Anew { mac, line: line.clone(), was_gone });
        anew.into_iter().chain([Sight::Registered(mac, line)]).collect()
    }

    /// Takes in what a line is doing.
    pub fn calls(&mut self, line: LineId, state: CallState, now: DateTime<Utc>) -> Option<Sight> {
        let Some(mac) = self.by_line(&line) else {
            self.strangers.entry(line).or_default().calls = Some(state);
            return None;
        };
        let slot = self.phones.get_mut(&mac)?.lines.get_mut(&line)?;
        let quiet = (state == CallState::Idle).then(|| slot.quiet_since.unwrap_or(now));
        let changed = slot.calls != state || slot.quiet_since != quiet;
        slot.calls = state;
        slot.quiet_since = quiet;
        changed.then_some(Sight::Calls(mac, line))
    }
}

/// The contact that lapses last; one without a time of lapse counts as latest.
fn newest(contacts: Vec<Contact>) -> Option<Contact> {
    contacts.into_iter().max_by_key(|contact| (contact.expires.is_none(), contact.expires))
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
