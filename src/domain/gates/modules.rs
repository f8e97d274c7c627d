//! The gates that ask about expansion modules and realms: what the makers' documents require, each with its own reason.

use super::{Judge, Mandate};
use crate::domain::check_sync::CheckSync;
use crate::domain::firmware::{Image, ModuleKind};
use crate::domain::modules::{
    KeptUrl, ModuleHeld, ModulePower, ModuleTerms, ModuleUrls, Modules, SEEN_LATELY, SETTLES,
};
use crate::domain::phone::Realm;
use crate::domain::policy::verdict::{Gate, GateAnswer, Reason};
use crate::domain::policy::{Action, Firmware};
use crate::domain::realm::RealmHeld;
use crate::domain::rules::Terms;
use crate::domain::trip::Goal;

impl<'a> Judge<'a> {
    /// What the phone's module is to run, if there is an image for it.
    pub(super) fn module_goal(&self, from: &Firmware) -> Option<Goal> {
        let (release, _, image) = self.sky.rules.module_for(from, self.phone)?;
        Some(Goal::Module { release, file: image.file.clone(), target: image.version.clone() })
    }

    /// Whether the module runs something else than the image.
    pub(super) fn module_is_current(&self, from: &Firmware) -> GateAnswer {
        let image = self.sky.rules.module_for(from, self.phone);
        let runs = self.phone.modules.as_ref().and_then(|modules| modules.version.as_ref());
        match (image, runs) {
            (Some((_, _, image)), Some(runs)) if image.version == *runs => {
                self.hold(Gate::Current, Reason::AlreadyCurrent { version: runs.clone() }, None)
            }
            (Some((_, kind, image)), Some(runs)) => {
                self.open(Gate::Current, || format!("{kind} {runs} → {}", image.version))
            }
            (Some((_, kind, image)), None) => {
                self.open(Gate::Current, || format!("{kind} runs something unknown → {}", image.version))
            }
            (None, _) => self.open(Gate::Current, || format!("module update to {from}")),
        }
    }

    /// Whether the module may be updated through this phone: every requirement and limit of snom's document.
    pub(super) fn module_image(&self, from: &Firmware) -> GateAnswer {
        let special = self.terms.as_ref().map(|terms| &terms.special);
        let Some(terms) = special.and_then(|special| special.modules.as_ref()) else {
            let kind = format!("expansion modules of {}", self.phone.kind());
            return self.hold(Gate::Image, Reason::NoProfile { kind }, None);
        };
        let mut held = Vec::new();
        let mut changes = None;
        if !terms.has_port {
            held.push(Reason::Module(ModuleHeld::NoPort { kind: self.phone.kind() }));
        }
        let image = self.sky.rules.module_for(from, self.phone);
        match &image {
            Some((_, kind, _)) => {
                let needs = terms.least(*kind);
                if self.phone.version.as_ref().is_none_or(|runs| runs < needs) {
                    let (needs, runs) = (needs.clone(), self.phone.version.clone());
                    held.push(Reason::Module(ModuleHeld::Firmware { needs, runs }));
                }
            }
            None => held.push(Reason::NoImage { from: from.to_string() }),
        }
        match self.attached() {
            None => held.push(Reason::Module(ModuleHeld::Untold)),
            Some(modules) if modules.count != 1 => {
                held.push(Reason::Module(ModuleHeld::Count { count: modules.count }));
            }
            Some(modules) if modules.since + SETTLES > self.at => {
                let until = modules.since + SETTLES;
                held.push(Reason::Module(ModuleHeld::Settles { until }));
                changes = Some(until);
            }
            Some(_) => {}
        }
        match self.phone.module_power {
            Some(ModulePower::Usb) => {}
            Some(ModulePower::External) => held.push(Reason::Module(ModuleHeld::Powered)),
            None => held.push(Reason::Module(ModuleHeld::PowerUntold)),
        }
        held.extend(self.update_policy_forbids(&["never_update", "settings_only"]));
        held.extend(self.asks_another_server());
        held.extend(self.may_have_written_it(terms));
        match image {
            Some(image) if held.is_empty() => self.open(Gate::Image, || told(&image)),
            _ => {
                let changes = changes.filter(|_| held.len() == 1);
                self.closed(Gate::Image, held, changes)
            }
        }
    }

    /// The modules the phone told of lately enough.
    fn attached(&self) -> Option<&'a Modules> {
        let modules = self.phone.modules.as_deref()?;
        // A plan takes what is seen now to stay so.
        let lately = self.sky.door.is_none() || self.sky.now - modules.seen <= SEEN_LATELY;
        lately.then_some(modules)
    }

    /// The URL it would be offered must not be the one it has written last. Where each order has its own it never is;
    /// else its setting must be known to be empty.
    fn may_have_written_it(&self, terms: &ModuleTerms) -> Option<Reason> {
        // What is seen of no module is held by that already.
        let kept = match terms.urls {
            ModuleUrls::Changing => return None,
            ModuleUrls::Cleared => self.phone.modules.as_deref()?.kept_url,
        };
        // sipherd clears it when the phone's turn comes: a plan takes that for granted, as it does polls.
        let later = self.sky.door.is_none() || self.at > self.sky.now;
        let failed = match kept {
            KeptUrl::Cleared => return None,
            KeptUrl::Unknown if later => return None,
            KeptUrl::Unknown => None,
            KeptUrl::Stays { why, .. } => Some(why),
        };
        Some(Reason::Module(ModuleHeld::Url { failed }))
    }

    /// What the phone's settings files say against firmware, if it is one of these, or nobody knows what it means.
    pub(super) fn update_policy_forbids(&self, forbidding: &[&str]) -> Option<Reason> {
        let value = self.terms.as_ref()?.special.update_policy.clone()?;
        let harmless = ["auto_update", "ask_for_update"];
        let forbids = forbidding.contains(&&*value) || !harmless.contains(&&*value);
        forbids.then_some(Reason::UpdatePolicy { value })
    }

    /// The realm the phone is to be brought into.
    fn destination(&self, realm: Option<&Realm>) -> Result<(Realm, bool), RealmHeld> {
        let name = realm.or(self.phone.home.as_ref()).cloned().ok_or(RealmHeld::NoHome)?;
        let here = self.sky.rules.realms.get(&name).copied();
        here.map(|here| (name.clone(), here)).ok_or(RealmHeld::Unknown { name })
    }

    /// What a move is for.
    pub(super) fn move_goal(&self, realm: Option<&Realm>) -> Option<Goal> {
        self.destination(realm).ok().map(|(realm, here)| Goal::Move { realm, here })
    }

    /// Whether the phone is somewhere else than in the realm.
    pub(super) fn is_elsewhere(&self, realm: Option<&Realm>) -> GateAnswer {
        match self.destination(realm) {
            Ok((name, _)) if self.phone.realm.as_ref() == Some(&name) => {
                self.hold(Gate::Current, Reason::Realm(RealmHeld::AlreadyThere { name }), None)
            }
            Ok((name, _)) => self.open(Gate::Current, || match &self.phone.realm {
                Some(from) => format!("realm {from} → {name}"),
                None => format!("no realm → {name}"),
            }),
            Err(held) => self.hold(Gate::Current, Reason::Realm(held), None),
        }
    }

    /// A snom that is asked by its polls alone reads its settings there, and no setting is documented that reboots it.
    pub(super) fn cannot_be_told_to_reboot(&self, terms: &Terms) -> bool {
        let reboots = match &self.mandate {
            Ok(Some(Mandate::Job(_))) => true,
            Ok(Some(Mandate::Policy(policy))) => policy.action == Action::Reboot,
            Ok(None) | Err(_) => false,
        };
        reboots && terms.special.modules.is_some() && terms.polls()
    }

    /// A phone whose settings files have every check-sync do something else is asked in another way, or not at all.
    pub(super) fn check_sync_is_turned(&self, action: Option<&Action>) -> Option<Reason> {
        let terms = self.terms.as_ref()?;
        let ways = if action == Some(&Action::Resync) { &terms.resync } else { &terms.triggers };
        let does = terms.special.check_sync;
        let turned = does != CheckSync::Follows && ways.is_empty();
        turned.then(|| Reason::CheckSync { does: does.overrides().map(Into::into) })
    }

    /// A phone of a realm whose setting server is somebody else's never asks this depot for its firmware.
    pub(super) fn asks_another_server(&self) -> Option<Reason> {
        let name = self.phone.realm.as_ref().or(self.phone.home.as_ref())?;
        let elsewhere = self.sky.rules.realms.get(name) == Some(&false);
        elsewhere.then(|| Reason::Realm(RealmHeld::Elsewhere { name: name.clone() }))
    }
}

fn told((_, kind, image): &(std::sync::Arc<str>, ModuleKind, &Image)) -> String {
    format!("{} for a single {kind} on USB power", image.file)
}
