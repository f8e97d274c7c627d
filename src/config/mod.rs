//! Reads sipherd.toml, the inventory and the policies; after that nothing in the program doubts them.

mod advice;
mod cases;
mod check;
mod clock_changes;
pub mod code;
mod compare;
mod deployment;
mod depot;
mod ics;
mod inventory;
pub mod keys;
pub mod layout;
mod policy;
pub mod problem;
pub mod profiles;
mod raw;
pub mod schema;
mod settings;
pub mod snom;
mod table;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::domain::modules::ModulePower;
use crate::domain::phone::{
    Hardware, KnownBy, Line, LineId, Mac, Model, PbxName, Phone, Realm, Site, Switch, Tag, Vendor,
};
use crate::domain::policy::Policy;
use crate::domain::rules::FleetPace;
use crate::domain::trip::Timing;
use crate::phones::Makers;
use crate::ports::{Credentials, Secret, WebPasswords};

pub use cases::{WrittenCase, WrittenRule};
pub use code::Code;
pub use deployment::{DeploymentConfig, ServiceIdentity};
pub use depot::{ConfigsConfig, DepotConfig, FtpConfig, RescueConfig, TftpConfig, TlsConfig};
pub use problem::{Place, Problem, Report, Severity};
pub use profiles::OwnProfile;
pub use snom::SnomConfig;
pub use value::spell as duration_text;

/// A configuration that may be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What may not do what its author thinks; no errors among them.
    pub warnings: Vec<Problem>,
}

/// What files are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To act on them.
    Run,
    /// To tell their author about them, with all warnings.
    Check,
}

/// What `sipherd check` found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// All problems.
    pub report: Report,
    /// The configuration, when one was checked and can be read.
    pub config: Option<Config>,
    /// The policies that can be read, those of the configuration included.
    pub policies: Vec<Policy>,
    /// The makers that are known.
    pub makers: Arc<Makers>,
    /// The administrator's own profiles among them.
    pub own_profiles: Vec<OwnProfile>,
}

/// Reads `sipherd.toml`, the inventory, the credentials and the policies.
///
/// Nothing is loaded when there is any error; the report then holds all problems of all files. What this version reads
/// and checks but does not act on is an error here. A policy whose files were edited less than `edit_grace` before
/// `now` is loaded, but does not act before that time is over.
pub fn load(path: &Path, now: DateTime<Utc>) -> Result<Loaded, Report> {
    let mut reading = check::Reading::new(Purpose::Run, now);
    let config = reading.everything(path);
    let report = reading.report();
    match config {
        Some(config) if !report.has_errors() => Ok(Loaded { config, warnings: report.problems }),
        _ => Err(report),
    }
}

/// Reads another inventory than the one the configuration names, for its sites and PBXs.
pub fn load_inventory(path: &Path, config: &Config) -> Result<Vec<InventoryPhone>, Report> {
    let mut report = Report { files: 1, ..Report::default() };
    let pbxs = config.pbxs.iter().map(|pbx| pbx.name.clone()).collect();
    let sites = config.sites.keys().cloned().collect();
    let realms = config.snom.papers.realms.keys().cloned().collect();
    let phones = raw::Source::read(path).map(|source| {
        let phones = inventory::read_phones(
            &source,
            &inventory::Known { pbxs: &pbxs, sites: &sites, realms: &realms },
        );
        report.problems = source.take_problems();
        phones
    });
    match phones {
        Ok(phones) if !report.has_errors() => Ok(phones),
        Ok(_) => Err(report),
        Err(problem) => Err(Report { problems: vec![problem], ..report }),
    }
}

/// Checks configurations (`sipherd.toml`), folders of policies and single policies.
///
/// Beyond what [`load`] finds it warns about windows that daylight saving moves in the two years after `now`.
pub fn check_paths<P: AsRef<Path>>(paths: &[P], now: DateTime<Utc>) -> Checked {
    let mut reading = check::Reading::new(Purpose::Check, now);
    let mut config = None;
    let mut policies = Vec::new();
    for path in paths {
        let (read, found) = reading.path(path.as_ref());
        policies.extend(found);
        config = read.or(config);
    }
    let (makers, own_profiles) = reading.makers();
    Checked { report: reading.report(), config, policies, makers, own_profiles }
}

/// Checks one configuration, whatever its file is called, as [`check_paths`] does.
pub fn check_file(path: &Path, now: DateTime<Utc>) -> Checked {
    let mut reading = check::Reading::new(Purpose::Check, now);
    let config = reading.everything(path);
    let policies = config.iter().flat_map(|config| config.policies.iter().cloned()).collect();
    let (makers, own_profiles) = reading.makers();
    Checked { report: reading.report(), config, policies, makers, own_profiles }
}

/// What `sipherd test` plays.
pub struct ReadCases {
    /// All problems of all files; with an error among them nothing is played.
    pub report: Report,
    /// The tests, in the order of the files.
    pub cases: Vec<WrittenCase>,
    /// The rules of all policies that tests are about, in the order of the files.
    pub rules: Vec<WrittenRule>,
    /// Deadlines that differ from the vendor's profile.
    pub timing: BTreeMap<Vendor, TimingOverride>,
    /// The makers that are known.
    pub makers: Arc<Makers>,
}

/// Reads the tests of these paths, as [`check_paths`] takes them; without any, those of the configuration. A
/// `.test.toml` file is read with all policies beside it, and a policy with the `.test.toml` file of its name.
pub fn read_cases<P: AsRef<Path>>(paths: &[P], config: &Path, now: DateTime<Utc>) -> ReadCases {
    let mut reading = check::Reading::new(Purpose::Check, now);
    let mut timing = BTreeMap::new();
    if paths.is_empty() {
        timing.extend(reading.everything(config).into_iter().flat_map(|config| config.timing));
    }
    for path in paths {
        timing.extend(reading.path(path.as_ref()).0.into_iter().flat_map(|config| config.timing));
    }
    let (cases, rules) = reading.take_cases();
    let (makers, _) = reading.makers();
    ReadCases { report: reading.report(), cases, rules, timing, makers }
}

/// Whether a file is a `sipherd.toml`, by its name or else by its tables.
fn is_settings(path: &Path) -> bool {
    let named = path.file_name().is_some_and(|name| name == "sipherd.toml");
    let tables = |text: String| {
        text.lines().any(|line| ["[sip]", "[depot]", "[[pbx]]", "[api]"].contains(&line.trim()))
    };
    named || std::fs::read_to_string(path).is_ok_and(tables)
}

/// The whole configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// The folder for all that must survive a restart.
    pub state: PathBuf,
    /// The folder of the policies.
    pub policies_dir: PathBuf,
    /// The zone of every window that names none, for phones whose site names none.
    pub zone: Tz,
    /// The places phones stand at.
    pub sites: BTreeMap<Site, SiteConfig>,
    /// The phones the administrator listed, in the order of the file.
    pub inventory: Vec<InventoryPhone>,
    /// The SIP side.
    pub sip: SipConfig,
    /// The web servers of the phones themselves.
    pub web: WebPorts,
    /// The deployment service of Unify phones, where there is one.
    pub deployment: Option<DeploymentConfig>,
    /// What they are answered with when they ask for a password.
    pub web_passwords: WebPasswords,
    /// The firmware server.
    pub depot: DepotConfig,
    /// The PBXs; never empty.
    pub pbxs: Vec<PbxConfig>,
    /// Where metrics and health are served; `None` serves them nowhere.
    pub ops: Option<SocketAddr>,
    /// The Unix socket of the API.
    pub api_socket: PathBuf,
    /// What is logged, and how.
    pub log: LogConfig,
    /// Deadlines that differ from the vendor's profile.
    pub timing: BTreeMap<Vendor, TimingOverride>,
    /// The makers that are known: the shipped ones, with the administrator's own profiles laid over them.
    pub makers: Arc<Makers>,
    /// The administrator's own profiles.
    pub own_profiles: Vec<OwnProfile>,
    /// What holds over all policies.
    pub pace: FleetPace,
    /// What snoms are served and asked.
    pub snom: SnomConfig,
    /// The channels: each names its releases, the preferred one first.
    pub channels: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// The policies, in the order of their names.
    pub policies: Vec<Policy>,
}

impl Config {
    /// The zone of a site: its own, else the daemon's.
    pub fn zone_of(&self, site: Option<&Site>) -> Tz {
        site.and_then(|site| self.sites.get(site)).and_then(|site| site.zone).unwrap_or(self.zone)
    }
}

/// A place: `[site.berlin]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteConfig {
    /// Its zone; else the daemon's.
    pub zone: Option<Tz>,
}

/// A row of the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryPhone {
    /// Its hardware address.
    pub mac: Mac,
    /// All its lines; never empty.
    pub lines: Vec<LineId>,
    /// Its maker, when written.
    pub vendor: Option<Vendor>,
    /// Its model, when written.
    pub model: Option<Model>,
    /// Its hardware level or revision, when written.
    pub hardware: Option<Hardware>,
    /// Where it stands, when written; always a site of `sipherd.toml`.
    pub site: Option<Site>,
    /// The switch it is plugged into, when written.
    pub switch: Option<Switch>,
    /// What the administrator calls it.
    pub tags: BTreeSet<Tag>,
    /// Its firmware realm, when written; always one of `sipherd.toml`.
    pub realm: Option<Realm>,
    /// How its expansion module is powered, when written.
    pub module_power: Option<ModulePower>,
}

impl InventoryPhone {
    /// The phone as selections see it before anything was seen of it.
    pub fn phone(&self) -> Phone {
        let mut phone = Phone::new(self.mac, KnownBy::Inventory);
        phone.vendor.clone_from(&self.vendor);
        phone.model.clone_from(&self.model);
        phone.hardware.clone_from(&self.hardware);
        phone.site.clone_from(&self.site);
        phone.switch.clone_from(&self.switch);
        phone.tags.clone_from(&self.tags);
        phone.home.clone_from(&self.realm);
        phone.module_power = self.module_power;
        phone.lines = self.lines.iter().map(|line| (line.clone(), Line::UNSEEN)).collect();
        phone
    }
}

/// `[sip]`.
#[derive(Debug, Clone)]
pub struct SipConfig {
    /// The UDP address it sends from and listens on.
    pub listen: SocketAddr,
    /// The address phones should answer to (Via and Contact), where it differs.
    pub advertise: Option<SocketAddr>,
    /// The user part of `From`.
    pub user: String,
    /// Where all requests go first, in place of the phone's own address.
    pub outbound_proxy: Option<SocketAddr>,
    /// Who sends the NOTIFY.
    pub trigger: TriggerPath,
    /// What challenges are answered with.
    pub credentials: BTreeMap<LineId, Credentials>,
    /// NOTIFYs a second at most, over all phones.
    pub notifies_per_second: u32,
}

/// Who sends the NOTIFY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerPath {
    /// sipherd itself, to the phone's contact.
    Direct,
    /// The PBX, asked by sipherd.
    ThroughPbx,
}

/// `[web]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebPorts {
    /// The port of their web servers.
    pub pages: u16,
    /// The port on which Unify phones wait for contact-me.
    pub contact_me: u16,
}

impl Default for WebPorts {
    fn default() -> Self {
        Self { pages: 80, contact_me: 8085 }
    }
}

/// The path of Unify's own deployment service.
pub const LOGIN_PATH: &str = "/DeploymentService/LoginService";

/// One `[[pbx]]`.
#[derive(Debug, Clone)]
pub struct PbxConfig {
    /// Its name.
    pub name: PbxName,
    /// How it is talked to.
    pub kind: PbxKind,
    /// A view older than this counts as none.
    pub stale_after: TimeDelta,
}

/// How a PBX is talked to.
#[derive(Debug, Clone)]
pub enum PbxKind {
    /// Asterisk or FreePBX, over its manager interface.
    Asterisk(AsteriskConfig),
}

/// The manager interface of an Asterisk.
#[derive(Debug, Clone)]
pub struct AsteriskConfig {
    /// Its address, `host:port`.
    pub ami: String,
    /// The manager user.
    pub user: String,
    /// The manager's secret.
    pub secret: Secret,
    /// How often everything is read anew.
    pub reconcile: TimeDelta,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// Which levels of which parts: `info,sipherd::sip=debug`.
    pub filter: String,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line an event.
    Text,
    /// One JSON object an event.
    Json,
}

/// `[timing.snom]`: what differs from the vendor's profile. The meanings are those of
/// [`crate::domain::trip::Timing`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimingOverride {
    /// From the NOTIFY to its final answer.
    pub answer: Option<TimeDelta>,
    /// From the acceptance to the first sign of leaving.
    pub leave: Option<TimeDelta>,
    /// The most that a phone which waits for its call is waited for.
    pub leave_busy: Option<TimeDelta>,
    /// No phone of this kind boots faster.
    pub boot_at_least: Option<TimeDelta>,
    /// From leaving to the first sign of life.
    pub boot: Option<TimeDelta>,
    /// From the first byte of the image to the last.
    pub fetch: Option<TimeDelta>,
    /// From the last byte of the image to the next sign of life.
    pub flash: Option<TimeDelta>,
    /// Least time between two NOTIFYs to one phone.
    pub gap: Option<TimeDelta>,
    /// Boots of a whole update, the asked-for one included.
    pub boots: Option<u8>,
}

impl TimingOverride {
    /// The profile's deadlines with these laid over them.
    pub fn over(&self, profile: Timing) -> Timing {
        Timing {
            answer: self.answer.unwrap_or(profile.answer),
            leave: self.leave.unwrap_or(profile.leave),
            leave_busy: self.leave_busy.unwrap_or(profile.leave_busy),
            boot_at_least: self.boot_at_least.unwrap_or(profile.boot_at_least),
            boot: self.boot.unwrap_or(profile.boot),
            fetch: self.fetch.unwrap_or(profile.fetch),
            flash: self.flash.unwrap_or(profile.flash),
            gap: self.gap.unwrap_or(profile.gap),
        }
    }
}
