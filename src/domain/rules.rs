//! Everything that is written down: policies, staged releases, zones, and how each kind of phone is treated.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;

use super::check_sync::CheckSync;
use super::firmware::{Image, ModuleKind, Release};
use super::forecast::Usual;
use super::hardware::{Level, LevelOf};
use super::modules::ModuleTerms;
use super::phone::{Phone, Realm, Site};
use super::policy::{Firmware, PerPart, Policy, Rate};
use super::trip::{Goal, Serves, Timing, Trigger, Way};

/// How one kind of phone is treated: its vendor's profile with the administrator's own timing laid over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How it is asked to reboot, first choice first.
    pub triggers: Vec<Trigger>,
    /// Boots of a whole update; `None` when sipherd cannot update this kind yet.
    pub update_boots: Option<u8>,
    /// How it is asked to read its settings anew; empty where nobody documents it.
    pub resync: Vec<Trigger>,
    /// When it is given its image.
    pub serves: Serves,
    /// It answers a one-shot dialog SUBSCRIBE.
    pub tells_dialogs: bool,
    /// Its deadlines.
    pub timing: Timing,
    /// What holds for this phone beyond its kind.
    pub special: Special,
}

/// What holds for one phone beyond its maker's profile: what its model can do, and what its administrator's settings files
/// say of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Special {
    /// What its kind says about expansion modules; `None` where its maker has none.
    pub modules: Option<ModuleTerms>,
    /// What its settings files say of firmware, where that is not `auto_update`.
    pub update_policy: Option<Arc<str>>,
    /// What a check-sync does to it, by its settings files: a way of asking that would do something else than it is for is
    /// not left in the terms.
    pub check_sync: CheckSync,
}

impl Terms {
    /// How it is asked for this goal, first choice first.
    pub fn triggers_for(&self, goal: &Goal) -> &[Trigger] {
        match goal {
            Goal::Reboot
            | Goal::Update { .. }
            | Goal::Module { .. }
            | Goal::Move { .. }
            | Goal::Backup
            | Goal::Write { .. }
            | Goal::Files { .. } => &self.triggers,
            Goal::Resync => &self.resync,
        }
    }

    /// Whether such phones are asked by nothing but the answers to their own polls.
    pub fn polls(&self) -> bool {
        !self.triggers.is_empty() && self.triggers.iter().all(|trigger| trigger.way == Way::Poll)
    }
}

/// Looks up the terms of a phone; `None` when nobody knows its kind.
pub type TermsOf = Arc<dyn Fn(&Phone) -> Option<Terms> + Send + Sync>;

/// Looks up how long the steps of a phone's trip usually take; `None` leaves it to [`Usual::of`] its deadlines.
pub type UsualOf = Arc<dyn Fn(&Phone) -> Option<Usual> + Send + Sync>;

/// The rules in force.
#[derive(Clone)]
pub struct Rules {
    /// The policies.
    pub policies: Vec<Policy>,
    /// The staged releases by name.
    pub releases: BTreeMap<Arc<str>, Release>,
    /// The daemon's zone.
    pub zone: Tz,
    /// Zones of sites that have their own.
    pub site_zones: BTreeMap<Site, Tz>,
    /// The channels: each names its releases, the preferred one first.
    pub channels: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// The firmware realms, and whether each one's setting server is this depot.
    pub realms: BTreeMap<Realm, bool>,
    /// What holds over all policies.
    pub fleet_pace: FleetPace,
    /// How each kind of phone is treated.
    pub terms: TermsOf,
    /// How long its trips usually take; for forecasts alone.
    pub usual: UsualOf,
    /// What is known of its hardware.
    pub levels: LevelOf,
}

/// The pace of the whole fleet, over all policies and jobs.
#[derive(Debug, Clone, Default)]
pub struct FleetPace {
    /// Phones down at once.
    pub down_at_once: Option<u32>,
    /// The same for parts of the fleet.
    pub per: PerPart,
    /// Registrations that returning phones cause, in a time, at each PBX.
    pub registrations: Option<Rate>,
}

impl Rules {
    /// Rules without releases, channels, sites and limits over all policies.
    pub fn new(policies: Vec<Policy>, zone: Tz, terms: TermsOf) -> Self {
        Self {
            policies,
            releases: BTreeMap::new(),
            channels: BTreeMap::new(),
            zone,
            site_zones: BTreeMap::new(),
            realms: BTreeMap::new(),
            fleet_pace: FleetPace::default(),
            terms,
            usual: Arc::new(|_| None),
            levels: Arc::new(|phone| Level::of(phone, &[], false)),
        }
    }

    /// Whether a limit asks where phones are registered from.
    pub fn limits_subnets(&self) -> bool {
        self.fleet_pace.per.subnet.is_some()
            || self.policies.iter().any(|policy| policy.pace.per.subnet.is_some())
    }

    /// What this finds in a release; of a channel in the first release in which it finds anything.
    pub(super) fn first_with<'r, T>(
        &'r self,
        from: &Firmware,
        find: impl Fn(&'r Release) -> Option<T>,
    ) -> Option<(Arc<str>, T)> {
        let staged = |name: &Arc<str>| Some((name.clone(), find(self.releases.get(name)?)?));
        match from {
            Firmware::Release(name) => staged(name),
            Firmware::Channel(channel) => self.channels.get(channel)?.iter().find_map(staged),
        }
    }

    /// The image a phone gets from there, with the name of its release.
    pub fn image_for(&self, from: &Firmware, phone: &Phone) -> Option<(Arc<str>, &Image)> {
        self.first_with(from, |release| release.image_for(phone))
    }

    /// The image the only expansion module of a phone gets from there, with its kind and the name of its release.
    pub fn module_for(&self, from: &Firmware, phone: &Phone) -> Option<(Arc<str>, ModuleKind, &Image)> {
        let kind = phone.modules.as_ref().and_then(|modules| modules.kind);
        let (name, (kind, image)) = self.first_with(from, |release| release.module_for(phone, kind))?;
        Some((name, kind, image))
    }

    /// The zone a phone lives in: its site's, else the daemon's.
    pub fn zone_of(&self, phone: &Phone) -> Tz {
        phone.site.as_ref().and_then(|site| self.site_zones.get(site)).copied().unwrap_or(self.zone)
    }

    /// The policy that speaks of a phone: the one of the highest priority that selects it.
    ///
    /// `Err` holds the names of several with equal priority; `Ok(None)` means that none selects it.
    pub fn policy_for(&self, phone: &Phone) -> Result<Option<&Policy>, Vec<Arc<str>>> {
        let matching = || self.policies.iter().filter(|policy| policy.select.matches(phone));
        let Some(top) = matching().map(|policy| policy.priority).max() else { return Ok(None) };
        let mut best = matching().filter(|policy| policy.priority == top);
        match (best.next(), best.next()) {
            (Some(_), Some(_)) => {
                let rivals = matching().filter(|policy| policy.priority == top);
                Err(rivals.map(|policy| policy.name.clone()).collect())
            }
            (only, _) => Ok(only),
        }
    }
}
