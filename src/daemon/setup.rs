//! Makes rules and phones of what is configured, at the start and at each reload.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};

use super::deployment::polling;
use super::mail::{Mail, Reply};
use super::orchestrator::{Act, Orchestrator};
use crate::config::{self, Config, InventoryPhone, SnomConfig, TimingOverride};
use crate::depot::{Identity, Releases};
use crate::domain::check_sync::CheckSync;
use crate::domain::firmware::Release;
use crate::domain::hardware::{Level, LevelOf};
use crate::domain::phone::{KnownBy, LineId, Mac, Phone, Realm, Vendor};
use crate::domain::policy::Firmware;
use crate::domain::rules::{Rules, Special, Terms, TermsOf, UsualOf};
use crate::phones::{Makers, snom};
use crate::ports::{ControlError, Credentials, WebPasswords};

/// The rules these files and releases make.
pub fn rules(config: &Config, releases: Vec<Release>) -> Rules {
    let staged = releases.into_iter().map(|release| (release.name.clone().into(), release));
    let zones = config.sites.iter().filter_map(|(name, site)| Some((name.clone(), site.zone?)));
    Rules {
        policies: config.policies.clone(),
        releases: staged.collect(),
        zone: config.zone,
        site_zones: zones.collect(),
        channels: config.channels.clone(),
        fleet_pace: config.pace.clone(),
        realms: realms(&config.snom.papers),
        terms: polling(
            terms(Arc::clone(&config.makers), config.timing.clone(), Arc::clone(&config.snom.papers)),
            config.deployment.as_ref().map(|service| service.polling.clone()).unwrap_or_default(),
        ),
        usual: usual(Arc::clone(&config.makers)),
        levels: levels(Arc::clone(&config.makers)),
    }
}

/// The vendors' profiles with the administrator's timing laid over them.
///
/// `papers` are what snoms are served: what the administrator's settings files say of a phone holds for it too.
pub fn terms(
    makers: Arc<Makers>,
    timing: BTreeMap<Vendor, TimingOverride>,
    papers: Arc<snom::Papers>,
) -> TermsOf {
    let none = TimingOverride::default();
    Arc::new(move |phone| {
        let vendor = phone.vendor.as_ref()?;
        let profile = makers.profile(vendor)?;
        let own = timing.get(vendor).unwrap_or(&none);
        let timing = own.over(profile.timing);
        let special =
            if *vendor == Vendor::SNOM { snom::special(&papers, phone) } else { Special::default() };
        Some(Terms {
            triggers: snom::harmless(special.check_sync, &profile.reboot, CheckSync::Reboots),
            update_boots: profile.update_boots.map(|boots| own.boots.unwrap_or(boots)),
            resync: snom::harmless(special.check_sync, &profile.resync, CheckSync::Syncs),
            serves: profile.serves,
            tells_dialogs: profile.tells_dialogs,
            timing,
            special,
        })
    })
}

/// The firmware realms, and whether each one's setting server is this depot.
pub fn realms(papers: &snom::Papers) -> BTreeMap<Realm, bool> {
    papers.realms.keys().map(|realm| (realm.clone(), papers.is_here(realm))).collect()
}

/// What the vendors' phones usually take, as their profiles estimate it.
pub fn usual(makers: Arc<Makers>) -> UsualOf {
    Arc::new(move |phone| makers.profile(phone.vendor.as_ref()?)?.usual)
}

/// What the vendors' profiles know of the phones' hardware.
pub fn levels(makers: Arc<Makers>) -> LevelOf {
    Arc::new(move |phone| {
        let maker = phone.vendor.as_ref().and_then(|vendor| makers.known(vendor));
        let (rules, checks) =
            maker.map_or((&[][..], false), |maker| (&maker.hardware[..], maker.checks_hardware));
        Level::of(phone, rules, checks)
    })
}

/// Whether the deployment service is set up the same, whoever polls.
fn same_deployment(old: &Config, new: &Config) -> bool {
    let but_polling = |config: &Config| {
        config
            .deployment
            .clone()
            .map(|service| crate::config::DeploymentConfig { polling: [].into(), ..service })
    };
    but_polling(old) == but_polling(new)
}

/// The phones of the inventory.
pub fn inventory(config: &Config) -> Vec<Phone> {
    config.inventory.iter().map(InventoryPhone::phone).collect()
}

/// Policies whose release is not staged, as warnings for the log.
pub fn missing_releases(rules: &Rules) -> Vec<String> {
    let missing = |from: &Firmware| match from {
        Firmware::Release(name) => !rules.releases.contains_key(name),
        Firmware::Channel(name) => {
            rules.channels.get(name).is_none_or(|names| names.iter().all(|n| !rules.releases.contains_key(n)))
        }
    };
    let policies = rules.policies.iter();
    policies
        .filter_map(|policy| {
            let from = policy.action.firmware().filter(|from| missing(from))?;
            let does = if policy.action.is_about_files() { "brings files of" } else { "updates to" };
            Some(format!("policy {} {does} {from}, which is not staged", policy.name))
        })
        .collect()
}

/// Takes new credentials to the SIP side.
pub type NewCredentials = Arc<dyn Fn(BTreeMap<LineId, Credentials>) + Send + Sync>;

/// What is in force at this moment; whoever uses it looks here each time, because a reload changes it.
pub struct Known<T>(Arc<RwLock<Arc<T>>>);

impl<T> Clone for Known<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Known<T> {
    /// This is in force.
    pub fn new(value: Arc<T>) -> Self {
        Self(Arc::new(RwLock::new(value)))
    }

    /// What is in force now.
    pub fn now(&self) -> Arc<T> {
        // Nothing panics while it holds the lock, and an old value would be whole all the same.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, value: Arc<T>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

/// Tells the log what the administrator's own profiles change.
pub fn tell_own_profiles(config: &Config) {
    for own in &config.own_profiles {
        let file = own.file.display();
        let what = if own.new { "is a new maker" } else { "is changed" };
        tracing::info!("profile: `{}` {what} by {file}: {}", own.vendor, own.keys.join(", "));
    }
}

/// Reads the files again.
#[derive(Clone)]
pub struct Reloader {
    /// `sipherd.toml`.
    pub file: PathBuf,
    /// The staged releases.
    pub releases: Arc<Releases>,
    /// Where new credentials go.
    pub credentials: NewCredentials,
    /// Where new passwords of phones' web servers go.
    pub web_passwords: Arc<dyn Fn(WebPasswords) + Send + Sync>,
    /// The makers that are known.
    pub makers: Known<Makers>,
    /// What snoms are served and asked.
    pub snom: Known<SnomConfig>,
    /// The depot's certificate, where it speaks TLS.
    pub identity: Option<Arc<Identity>>,
    /// What was in force when the daemon started: some of it cannot change while it runs.
    pub started_with: Arc<Config>,
}

/// What a reload read.
#[derive(Debug)]
pub struct Reread(pub Result<Box<Config>, String>);

impl Reloader {
    /// Reads everything; blocks.
    fn read(&self, now: DateTime<Utc>) -> Reread {
        let loaded = match config::load(&self.file, now) {
            Ok(loaded) => loaded,
            Err(report) => return Reread(Err(report.to_string())),
        };
        for warning in &loaded.warnings {
            tracing::warn!("{}", warning.one_line());
        }
        if let Some(Err(error)) = self.identity.as_ref().map(|identity| identity.reload()) {
            return Reread(Err(format!("{error}\nhint: {}", error.hint())));
        }
        match self.releases.reload() {
            Ok(()) => Reread(Ok(Box::new(loaded.config))),
            Err(error) => Reread(Err(error.to_string())),
        }
    }

    /// What is written differently now and holds only from the next start on.
    fn frozen(&self, new: &Config) -> Vec<&'static str> {
        let old = &self.started_with;
        let pbxs = |config: &Config| {
            config.pbxs.iter().map(|pbx| (pbx.name.clone(), format!("{:?}", pbx.kind))).collect::<Vec<_>>()
        };
        [
            (old.state != new.state, "state"),
            (old.sip.listen != new.sip.listen, "[sip] listen"),
            (old.sip.advertise != new.sip.advertise, "[sip] advertise"),
            (old.sip.outbound_proxy != new.sip.outbound_proxy, "[sip] outbound_proxy"),
            (old.sip.user != new.sip.user, "[sip] user"),
            (old.sip.trigger != new.sip.trigger, "[sip] trigger"),
            (old.sip.notifies_per_second != new.sip.notifies_per_second, "[sip] notifies_per_second"),
            (old.web != new.web, "[web]"),
            (old.depot != new.depot, "[depot]"),
            (!same_deployment(old, new), "[deployment]"),
            (pbxs(old) != pbxs(new), "[[pbx]]"),
            (old.ops != new.ops, "[ops] listen"),
            (old.api_socket != new.api_socket, "[api] socket"),
            (old.log != new.log, "[log]"),
        ]
        .into_iter()
        .filter_map(|(differs, key)| differs.then_some(key))
        .collect()
    }
}

impl Orchestrator {
    /// Reads the files again in a thread of its own; the letter with what was read follows.
    pub(super) fn reload(&self, reply: Reply<()>) {
        let (reloader, letters) = (self.reloader.clone(), self.letters.clone());
        let now = self.hands.clock.now();
        tokio::task::spawn_blocking(move || {
            let reread = reloader.read(now);
            // A daemon that is gone reloads nothing.
            let _ = letters.blocking_send(Mail::Reread(reread, reply));
        });
    }

    /// The files were read again: what is right comes into force, what is wrong changes nothing.
    pub(super) fn reread(&mut self, now: DateTime<Utc>, reread: Reread, reply: Reply<()>) {
        let result = match reread.0 {
            Ok(config) => {
                self.refused_reload = None;
                self.adopt_config(now, &config);
                Ok(())
            }
            Err(why) => {
                self.note(now, None, None, "reload-refused", "the old configuration stays".to_owned());
                tracing::error!("the configuration is not taken over:\n{why}");
                self.refused_reload = Some(why.clone());
                Err(ControlError::Refused(why))
            }
        };
        self.acts.push(Act::Answer(Box::new(move || drop(reply.send(result)))));
    }

    /// A lost phone that nobody knows any more gave its place back.
    pub(super) fn place_back(&mut self, now: DateTime<Utc>, mac: Mac) {
        let text = "a lost phone is in no inventory any more; its place is free".to_owned();
        self.note(now, Some(mac), None, "forgotten", text);
    }

    fn adopt_config(&mut self, now: DateTime<Utc>, config: &Config) {
        let frozen = self.reloader.frozen(config);
        if !frozen.is_empty() {
            tracing::warn!("changed, but in force only after a restart: {}", frozen.join(", "));
        }
        let other_makers = *self.reloader.makers.now() != *config.makers;
        self.reloader.makers.replace(Arc::clone(&config.makers));
        self.reloader.snom.replace(Arc::new(config.snom.clone()));
        tell_own_profiles(config);
        (self.reloader.credentials)(config.sip.credentials.clone());
        (self.reloader.web_passwords)(config.web_passwords.clone());
        let listed = inventory(config);
        let gone: Vec<Mac> = self
            .fleet
            .iter()
            .filter(|phone| phone.known_by == KnownBy::Inventory)
            .map(|phone| phone.mac)
            .filter(|mac| listed.iter().all(|phone| phone.mac != *mac) && !self.trips.contains_key(mac))
            .collect();
        for mac in gone {
            self.fleet.forget(mac);
        }
        for phone in listed {
            self.fleet.introduce(phone);
        }
        if other_makers {
            self.recognise_again();
        }
        for pbx in &config.pbxs {
            if self.hands.pbxs.contains_key(&pbx.name) {
                self.fleet.watch(pbx.name.clone(), pbx.stale_after);
            }
        }
        let rules = rules(config, self.reloader.releases.list());
        for warning in missing_releases(&rules) {
            tracing::warn!("{warning}");
        }
        for mac in self.scheduler.adopt(rules, &self.fleet, now) {
            self.place_back(now, mac);
        }
        self.note(now, None, None, "reloaded", "the new configuration is in force".to_owned());
    }
}
