//! What only snoms have: firmware realms, settings that are polled, expansion modules and the page that tells of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;

use super::mail::Mail;
use super::orchestrator::{Act, Orchestrator};
use crate::domain::gates::Judged;
use crate::domain::modules::{KeptUrl, ModuleHeld, ModuleUrls, Modules, NotCleared};
use crate::domain::phone::{Mac, Phone, Realm, Vendor};
use crate::domain::policy::Action;
use crate::domain::policy::verdict::{Gate, Reason};
use crate::domain::trip::{Goal, Input, State};
use crate::phones::snom;
use crate::ports::{NotifyOutcome, Permit, Visit, WebAsk, WebError, WebOrder};

/// The page of a phone that tells of its modules, as snom's document names it.
const INFORMATION: &str = "/info.htm";

/// What clears the setting in which a phone keeps the URL of the module's image it wrote last, as snom's document has it.
const CLEAR: &str = "/settings.htm?settings=save&firmware_uxm=";

/// From the last byte of a module's image until the phone shows the new version, by snom's document: 25 s to prepare, 10 s
/// to write, 10 s to show it.
const SHOWN_AFTER: TimeDelta = TimeDelta::seconds(45);

/// From then on the page is read so often.
const READ_EVERY: TimeDelta = TimeDelta::seconds(10);

/// A phone whose module is to be updated is asked so often what it has.
const SURVEYED_EVERY: TimeDelta = TimeDelta::minutes(10);

/// So often it is looked which phones those are.
const LOOKS_AROUND: TimeDelta = TimeDelta::minutes(1);

/// A phone that polls its settings waits so long for the last look, whatever the clock does.
const WAITS_FOR_ITS_SETTINGS: Duration = Duration::from_secs(5);

/// Pages asked for at one look around: phones are asked in turn, not all at once.
const AT_ONE_LOOK: usize = 50;

/// Which pages were asked for.
#[derive(Default)]
pub(super) struct Pages {
    asked: BTreeMap<Mac, DateTime<Utc>>,
    looked: Option<DateTime<Utc>>,
    /// Phones that were asked to clear their `firmware_uxm` and have not answered.
    pub(super) clearing: BTreeSet<Mac>,
}

impl Orchestrator {
    /// A snom asked for its settings from its place: in which realm, and with how many modules.
    pub(super) fn asked_in_realm(&mut self, now: DateTime<Utc>, visit: &Visit) {
        let mac = visit.mac;
        if visit.vendor != Some(Vendor::SNOM) {
            return;
        }
        let Some(phone) = self.fleet.get_mut(mac) else { return };
        if phone.realm != visit.realm {
            phone.realm.clone_from(&visit.realm);
            self.keep_phone(mac);
            self.scheduler.touch(mac, now);
        }
        if let Some(realm) = visit.realm.clone() {
            self.drive(now, mac, Input::InRealm { realm });
        }
    }

    /// A phone moved. Where the realm is another server it is not seen to ask there, and is in it all the same.
    pub(super) fn moved(&mut self, mac: Mac, realm: &Realm) {
        let Some(phone) = self.fleet.get_mut(mac) else { return };
        if phone.realm.as_ref() != Some(realm) {
            phone.realm = Some(realm.clone());
            self.keep_phone(mac);
        }
    }

    /// A snom counted its modules in a request.
    pub(super) fn counts_modules(&mut self, now: DateTime<Utc>, visit: &Visit) {
        if let (Some(told), Some(phone)) = (visit.modules, self.fleet.get_mut(visit.mac)) {
            let before = phone.modules.as_deref();
            let modules = Modules::told(before, told.count(), told.kind(), None, now);
            phone.modules = Some(Box::new(modules));
        }
    }

    /// Where a snom is sent that asks for its settings: to the realm of its trip; and whoever asks outside all realms, to
    /// the one the inventory gives it, as a redirection does.
    pub(super) fn elsewhere(&self, visit: &Visit) -> Option<Realm> {
        if visit.vendor != Some(Vendor::SNOM) {
            return None;
        }
        if let Some(realm) = self.trips.get(&visit.mac).and_then(|open| open.trip.leads_to()) {
            return Some(realm.clone()).filter(|realm| visit.realm.as_ref() != Some(realm));
        }
        let home = self.fleet.get(visit.mac).and_then(|phone| phone.home.clone());
        home.filter(|home| visit.realm.is_none() && self.scheduler.rules().realms.contains_key(home))
    }

    /// A snom that is asked by nothing but its own polls reads its settings: it waits for the answer while everything is
    /// judged. Its reply is given back where it need not wait.
    pub(super) fn polls_settings(
        &mut self,
        now: DateTime<Utc>,
        mac: Mac,
        reply: oneshot::Sender<Permit>,
    ) -> Option<oneshot::Sender<Permit>> {
        let state = self.trips.get(&mac).map(|open| open.trip.state());
        let free = matches!(state, None | Some(State::Confirming { .. }));
        if !free || !self.polls(mac) {
            return Some(reply);
        }
        self.scheduler.polled(mac, now);
        // Whoever asked before and asks again has given up waiting.
        self.at_the_door.insert(mac, reply);
        let letters = self.letters.clone();
        tokio::spawn(async move {
            tokio::time::sleep(WAITS_FOR_ITS_SETTINGS).await;
            letters.send(Mail::WaitedAtTheDoor(mac)).await
        });
        None
    }

    /// A phone gets its settings in any case: it may be booting, and then nobody can ask it whether it is idle.
    pub(super) fn waits_no_longer(&mut self, mac: Mac) {
        if let Some(reply) = self.at_the_door.remove(&mac) {
            let permit = self.nothing(mac, "its settings could not wait any longer");
            self.acts.push(Act::Permit(reply, permit));
        }
    }

    /// When pages are to be read next; `None` while no policy is about modules.
    pub(super) fn next_page(&self) -> Option<DateTime<Utc>> {
        let awaited = self.trips.values().filter(|open| awaits_page(&open.trip)).map(|open| {
            let first = open.trip.since() + SHOWN_AFTER;
            let again = self.pages.asked.get(&open.trip.plan().phone).map(|asked| *asked + READ_EVERY);
            again.map_or(first, |again| again.max(first))
        });
        let surveys = self.updates_modules().then(|| self.pages.looked.map(|at| at + LOOKS_AROUND));
        awaited.chain(surveys.flatten()).min()
    }

    /// Reads the pages that are due.
    pub(super) fn read_pages(&mut self, now: DateTime<Utc>) {
        let due =
            |mac: &Mac, every: TimeDelta| self.pages.asked.get(mac).is_none_or(|asked| *asked + every <= now);
        let mut macs: Vec<Mac> = Vec::new();
        for (mac, open) in &self.trips {
            if awaits_page(&open.trip) && open.trip.since() + SHOWN_AFTER <= now && due(mac, READ_EVERY) {
                macs.push(*mac);
            }
        }
        if self.pages.looked.is_none_or(|at| at + LOOKS_AROUND <= now) {
            if self.updates_modules() {
                let asked = self.fleet.iter().filter(|phone| {
                    phone.vendor == Some(Vendor::SNOM)
                        && !self.trips.contains_key(&phone.mac)
                        && due(&phone.mac, SURVEYED_EVERY)
                        && phone.addresses().next().is_some()
                        && self.module_is_wanted(phone)
                });
                macs.extend(asked.take(AT_ONE_LOOK).map(|phone| phone.mac));
                self.clear_urls(now);
            } else {
                self.pages.asked.clear();
            }
            self.pages.looked = Some(now);
        }
        for mac in macs {
            self.pages.asked.insert(mac, now);
            self.acts.push(Act::Page(mac));
        }
    }

    fn updates_modules(&self) -> bool {
        let policies = &self.scheduler.rules().policies;
        policies.iter().any(|policy| matches!(policy.action, Action::ModuleUpdate { .. }))
    }

    fn module_is_wanted(&self, phone: &Phone) -> bool {
        let policy = self.scheduler.rules().policy_for(phone).ok().flatten();
        policy.is_some_and(|policy| matches!(policy.action, Action::ModuleUpdate { .. }))
    }

    /// Has those phones clear their `firmware_uxm` that would go if it were known to be empty: none outside its window,
    /// and none in a call.
    fn clear_urls(&mut self, now: DateTime<Utc>) {
        if self.reloader.snom.now().papers.module_urls != ModuleUrls::Cleared {
            return;
        }
        let may_try = |phone: &&Phone| {
            let to_clear = phone.modules.as_deref().is_some_and(|modules| match modules.kept_url {
                KeptUrl::Unknown => true,
                KeptUrl::Cleared => false,
                KeptUrl::Stays { tried, .. } => tried + SURVEYED_EVERY <= now,
            });
            to_clear
                && phone.vendor == Some(Vendor::SNOM)
                && !self.trips.contains_key(&phone.mac)
                && !self.pages.clearing.contains(&phone.mac)
                && phone.addresses().next().is_some()
                && self.module_is_wanted(phone)
        };
        let mut macs = Vec::new();
        self.scheduler.survey(self.fleet.iter().filter(may_try), now, &self.fleet, &mut |phone, judged| {
            if macs.len() < AT_ONE_LOOK && awaits_clearing(judged) {
                macs.push(phone.mac);
            }
        });
        for mac in macs {
            self.pages.clearing.insert(mac);
            self.acts.push(Act::Clear(mac));
        }
    }

    /// Asks a phone's web server to clear its `firmware_uxm`.
    pub(super) fn ask_to_clear(&self, phone: Mac) {
        let Some(address) = self.fleet.get(phone).and_then(|phone| phone.addresses().next()) else { return };
        let (web, letters) = (self.hands.web.clone(), self.letters.clone());
        let order = WebOrder { phone, address, ask: WebAsk::Get { path: CLEAR.to_owned() } };
        tokio::spawn(async move {
            let outcome = web.ask(order).await;
            letters.send(Mail::Cleared(phone, outcome)).await
        });
    }

    /// A phone was asked to clear its `firmware_uxm`, with this outcome.
    pub(super) fn cleared(&mut self, now: DateTime<Utc>, mac: Mac, outcome: &NotifyOutcome) {
        // What was offered meanwhile may have been written behind the answer.
        if !self.pages.clearing.remove(&mac) {
            return;
        }
        let Some(modules) = self.fleet.get_mut(mac).and_then(|phone| phone.modules.as_deref_mut()) else {
            return;
        };
        let failed = match outcome {
            NotifyOutcome::Answered { status: 200, .. } => None,
            NotifyOutcome::Answered { status, .. } => Some(NotCleared::Refused { status: *status }),
            NotifyOutcome::NoCredentials { .. } => Some(NotCleared::NoCredentials),
            NotifyOutcome::Blind
            | NotifyOutcome::NoAnswer { .. }
            | NotifyOutcome::NotSent { .. }
            | NotifyOutcome::Stopped { .. } => Some(NotCleared::NoAnswer),
        };
        modules.kept_url = match failed {
            None => KeptUrl::Cleared,
            Some(why) => KeptUrl::Stays { why, tried: now },
        };
        match failed {
            None => {
                let text = "its `firmware_uxm` is empty, for the image of its module".to_owned();
                self.note(now, Some(mac), None, "cleared", text);
            }
            Some(why) => tracing::warn!(%mac, %why, "its firmware_uxm cannot be cleared"),
        }
        self.scheduler.touch(mac, now);
    }

    /// A phone is handed the URL of an image for its module: it keeps that once it has written it.
    pub(super) fn may_write_its_url(&mut self, mac: Mac) {
        self.pages.clearing.remove(&mac);
        if let Some(modules) = self.fleet.get_mut(mac).and_then(|phone| phone.modules.as_deref_mut()) {
            modules.kept_url = KeptUrl::Unknown;
        }
    }

    /// Whether a phone has told since its order that the image is not for what is attached: who boots tells that anew.
    pub(super) fn is_for_another_module(&self, mac: Mac, release: &str, file: &str) -> bool {
        let image = self.scheduler.rules().releases.get(release).and_then(|release| release.image(file));
        let kind = image.and_then(|image| image.part.module());
        let told = self.fleet.get(mac).and_then(|phone| phone.modules.as_deref());
        told.zip(kind).is_some_and(|(told, kind)| told.rules_out(kind))
    }

    /// Asks a phone for its information page.
    pub(super) fn ask_page(&self, mac: Mac) {
        let Some(address) = self.fleet.get(mac).and_then(|phone| phone.addresses().next()) else { return };
        let (web, letters) = (self.hands.web.clone(), self.letters.clone());
        tokio::spawn(async move {
            let page = web.page(mac, address, INFORMATION).await;
            letters.send(Mail::Page(mac, page)).await
        });
    }

    /// A page came, or none.
    pub(super) fn page_read(&mut self, now: DateTime<Utc>, mac: Mac, page: Result<String, WebError>) {
        let told = page.map(|text| snom::on_page(&text));
        let on = match told {
            Ok(Some(on)) => on,
            Ok(None) => {
                tracing::warn!(%mac, "its page {INFORMATION} does not tell of expansion modules");
                return;
            }
            Err(error) => {
                tracing::warn!(%mac, %error, "its page {INFORMATION} cannot be read");
                return;
            }
        };
        let Some(phone) = self.fleet.get_mut(mac) else { return };
        let modules = Modules::told(phone.modules.as_deref(), on.count, None, on.version, now);
        let version = modules.version.clone();
        phone.modules = Some(Box::new(modules));
        if let Some(version) = version {
            self.drive(now, mac, Input::Module { version });
        }
        self.scheduler.touch(mac, now);
    }
}

/// Whether the trip waits for what the phone's page says.
fn awaits_page(trip: &crate::domain::trip::Trip) -> bool {
    matches!(trip.plan().goal, Goal::Module { .. })
        && matches!(trip.state(), State::Flashing)
        && trip.has_fetched()
}

/// Whether a phone would go, had it cleared its `firmware_uxm`. That others are in the way does not matter.
fn awaits_clearing(judged: &Judged) -> bool {
    let mut gates = judged.verdict.gates.iter().filter(|gate| !gate.is_open());
    let mut held = false;
    gates.all(|gate| match gate.gate {
        Gate::Image => {
            held = gate.holds.iter().all(|reason| matches!(reason, Reason::Module(ModuleHeld::Url { .. })));
            held
        }
        Gate::Coverage | Gate::Budget => true,
        // It must be ready when the phone polls.
        Gate::Registered => gate.holds.iter().all(|reason| matches!(reason, Reason::AwaitsPoll { .. })),
        Gate::Identity
        | Gate::Selected
        | Gate::Current
        | Gate::Penalty
        | Gate::Window
        | Gate::Blackout
        | Gate::View
        | Gate::Idle => false,
    }) && held
}
