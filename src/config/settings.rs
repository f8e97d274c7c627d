//! `sipherd.toml` itself.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use toml::Spanned;
use toml::de::DeTable;

use super::code::Code;
use super::compare::no_profile;
use super::deployment::{self, DeploymentConfig};
use super::depot;
use super::keys::SETTINGS_TABLES;
use super::policy;
use super::problem::Problem;
use super::raw::{At, Complaint, Source};
use super::snom::{self, SnomSettings};
use super::table::Table;
use super::value;
use super::{
    AsteriskConfig, DepotConfig, LogConfig, LogFormat, PbxConfig, PbxKind, SiteConfig, TimingOverride,
    TriggerPath, WebPorts,
};
use crate::domain::phone::{PbxName, Site, Vendor};
use crate::domain::rules::FleetPace;
use crate::phones::Makers;
use crate::ports::Secret;

/// What `sipherd.toml` says, before the files it names are read. What is wrong is recorded and left out here.
pub(super) struct Settings {
    pub state: PathBuf,
    pub policies: PathBuf,
    pub zone: Option<Tz>,
    pub sites: BTreeMap<Site, SiteConfig>,
    pub inventory: Option<PathBuf>,
    /// The folder of own profiles.
    pub profiles: Option<PathBuf>,
    pub sip: Sip,
    pub credentials: Option<PathBuf>,
    pub web: WebPorts,
    pub deployment: Option<DeploymentConfig>,
    pub web_credentials: Option<PathBuf>,
    pub depot: Option<DepotConfig>,
    pub pbxs: Vec<PbxConfig>,
    /// Names of all PBXs, also of those with a mistake.
    pub pbx_names: BTreeSet<PbxName>,
    pub ops: Option<SocketAddr>,
    pub api_socket: PathBuf,
    pub log: LogConfig,
    pub timing: BTreeMap<Vendor, TimingOverride>,
    /// Where each of these makers is named.
    pub timed: Vec<At<Vendor>>,
    pub pace: FleetPace,
    pub channels: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// `[snom]` and the realms.
    pub snom: SnomSettings,
    /// A policy edited so lately is not acted on.
    pub edit_grace: TimeDelta,
}

/// `[sip]` without the credentials.
pub(super) struct Sip {
    pub listen: SocketAddr,
    pub advertise: Option<SocketAddr>,
    pub user: String,
    pub outbound_proxy: Option<SocketAddr>,
    pub trigger: TriggerPath,
    pub notifies_per_second: u32,
}

/// What `edit_grace` is, unless it is written.
const EDIT_GRACE: TimeDelta = TimeDelta::seconds(90);

/// Reads the whole file.
pub(super) fn read(source: &Source, document: &Spanned<DeTable<'_>>) -> Option<Settings> {
    let top = Table::top(source, &SETTINGS_TABLES, document)?;
    let folder = source.path.parent().unwrap_or(Path::new("")).to_owned();
    let path = |key: &str| top.text(key).map(|text| folder.join(text.value));
    if !top.has("zone") {
        top.missing("zone", "say whose clock the windows mean: `zone = \"Europe/Berlin\"`");
    }
    let sip = top.table("sip");
    let credentials =
        sip.as_ref().and_then(|sip| sip.text("credentials")).map(|text| folder.join(text.value));
    let (pbxs, pbx_names) = pbxs(&top, &folder);
    let (timing, timed) = timing(&top);
    Some(Settings {
        state: path("state").unwrap_or_else(|| "/var/lib/sipherd".into()),
        policies: path("policies").unwrap_or_else(|| folder.join("policies")),
        zone: top.read("zone", value::zone).map(|zone| zone.value),
        sites: sites(&top),
        inventory: path("inventory"),
        profiles: path("profiles"),
        sip: read_sip(sip.as_ref()),
        credentials,
        web: web(top.table("web").as_ref()),
        deployment: deployment::read(&top, &folder),
        web_credentials: top
            .table("web")
            .and_then(|web| web.text("credentials"))
            .map(|text| folder.join(text.value)),
        depot: depot::read(&top, &folder),
        pbxs,
        pbx_names,
        ops: top.table("ops").and_then(|ops| {
            if !ops.has("listen") {
                ops.missing("listen", "say where: `listen = \"127.0.0.1:9480\"`");
            }
            ops.read("listen", value::address).map(|address| address.value)
        }),
        api_socket: api_socket(&top, &folder),
        log: log(&top),
        timing,
        timed,
        pace: pace(&top),
        channels: channels(&top),
        snom: snom::read(&top, &folder),
        edit_grace: top.duration("edit_grace").map_or(EDIT_GRACE, |grace| grace.value),
    })
}

/// What holds over all policies.
fn pace(top: &Table<'_>) -> FleetPace {
    let Some(pace) = top.table("pace") else { return FleetPace::default() };
    FleetPace {
        down_at_once: policy::down_at_once(&pace),
        per: policy::per_part(&pace),
        registrations: policy::registrations(&pace),
    }
}

fn channels(top: &Table<'_>) -> BTreeMap<Arc<str>, Vec<Arc<str>>> {
    let mut channels = BTreeMap::new();
    for (name, table) in top.named_tables("channel") {
        if let Err(complaint) = value::name(name.value) {
            top.source().refuse(Code::BadValue, &name.span, complaint);
        }
        if !table.has("releases") {
            table.missing(
                "releases",
                "name staged releases, the preferred one first: `releases = [\"snom-10.1.198\"]`",
            );
        }
        let mut releases: Vec<Arc<str>> = Vec::new();
        for release in table.read_all("releases", value::name).unwrap_or_default() {
            if releases.iter().any(|other| **other == *release.value) {
                let complaint = Complaint::new(
                    format!("`{}` is here twice", release.value),
                    "the first one decides; remove the other",
                );
                table.source().refuse(Code::Twice, &release.span, complaint);
            } else {
                releases.push(release.value.into());
            }
        }
        channels.insert(name.value.into(), releases);
    }
    channels
}

fn sites(top: &Table<'_>) -> BTreeMap<Site, SiteConfig> {
    let mut sites = BTreeMap::new();
    for (name, table) in top.named_tables("site") {
        if let Err(complaint) = value::name(name.value) {
            top.source().refuse(Code::BadValue, &name.span, complaint);
        }
        let zone = table.read("zone", value::zone).map(|zone| zone.value);
        sites.insert(Site::new(name.value), SiteConfig { zone });
    }
    sites
}

fn read_sip(table: Option<&Table<'_>>) -> Sip {
    let address =
        |key: &str| table.and_then(|sip| sip.read(key, value::address)).map(|address| address.value);
    let trigger = table.and_then(|sip| sip.word("trigger")).map(|trigger| trigger.value);
    let user = table.and_then(|sip| sip.read("user", value::name));
    Sip {
        listen: address("listen").unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5070))),
        advertise: address("advertise"),
        user: user.map_or_else(|| "sipherd".to_owned(), |user| user.value),
        outbound_proxy: address("outbound_proxy"),
        trigger: match trigger {
            Some("through-pbx") => TriggerPath::ThroughPbx,
            _ => TriggerPath::Direct,
        },
        notifies_per_second: table.and_then(|sip| sip.count("notifies_per_second")).unwrap_or(20),
    }
}

fn web(table: Option<&Table<'_>>) -> WebPorts {
    let usual = WebPorts::default();
    // The table of keys keeps it within 16 bits.
    let port = |key: &str| table?.count(key).and_then(|port| u16::try_from(port).ok());
    WebPorts {
        pages: port("port").unwrap_or(usual.pages),
        contact_me: port("contact_me_port").unwrap_or(usual.contact_me),
    }
}

fn pbxs(top: &Table<'_>, folder: &Path) -> (Vec<PbxConfig>, BTreeSet<PbxName>) {
    if !top.has("pbx") {
        top.missing("pbx", "without a PBX nobody knows which phone is in a call: add a `[[pbx]]`");
    }
    let mut names = BTreeSet::new();
    let mut pbxs = Vec::new();
    for table in top.tables("pbx") {
        if !table.has("name") {
            table.missing("name", "the inventory calls it so: `name = \"pbx1\"`");
        }
        let name = table.read("name", value::name);
        if let Some(At { value, span }) = &name
            && !names.insert(PbxName::new(value.as_str()))
        {
            table.source().refuse(Code::Twice, span, format!("there are two PBXs of the name `{value}`"));
        }
        let kind = kind(&table, folder);
        let stale_after = table.duration("stale_after").map(|age| age.value);
        if let (Some(name), Some(kind)) = (name, kind) {
            let stale_after = stale_after.unwrap_or(TimeDelta::seconds(30));
            pbxs.push(PbxConfig { name: PbxName::new(name.value), kind, stale_after });
        }
    }
    (pbxs, names)
}

fn kind(table: &Table<'_>, folder: &Path) -> Option<PbxKind> {
    if !table.has("kind") {
        table.missing("kind", "`kind = \"asterisk\"`");
    }
    let later = |text: &str| ["kamailio", "freeswitch"].contains(&text);
    let kind = match table.text("kind").filter(|kind| later(kind.value)) {
        Some(kind) => {
            let complaint = Complaint::new(
                format!("`{}` is not supported by this version", kind.value),
                "only `asterisk` is (FreePBX is one)",
            );
            table.source().refuse(Code::BadValue, &kind.span, complaint);
            None
        }
        None => table.word("kind"),
    };
    let ami = table.read("ami", value::host_and_port);
    if !table.has("user") {
        table.missing("user", "the manager user of manager.conf: `user = \"sipherd\"`");
    }
    // A line break in it would end the header it is sent in.
    let user = table.read("user", |text| match text.chars().any(char::is_control) || text.is_empty() {
        true => Err(Complaint::from("this is not a manager user")),
        false => Ok(text.to_owned()),
    });
    let secret = secret(table, folder);
    let reconcile = table.duration("reconcile").map(|pause| pause.value);
    kind?;
    Some(PbxKind::Asterisk(AsteriskConfig {
        ami: ami.map_or_else(|| "127.0.0.1:5038".to_owned(), |ami| ami.value),
        user: user?.value,
        secret: secret?,
        reconcile: reconcile.unwrap_or(TimeDelta::seconds(30)),
    }))
}

/// A secret: in the file itself, or in a file of its own.
fn secret(table: &Table<'_>, folder: &Path) -> Option<Secret> {
    let check = |text: &str| match text.chars().any(char::is_control) || text.is_empty() {
        true => Err(Complaint::from("a secret is one line, and not empty")),
        false => Ok(Secret::new(text)),
    };
    match (table.key("secret"), table.key("secret_file")) {
        (Some(_), Some(span)) => {
            table.source().refuse(
                Code::Contradiction,
                &span,
                "`secret` and `secret_file` exclude each other",
            );
            None
        }
        (None, None) => {
            table.missing(
                "secret",
                "put it into a file only sipherd can read: `secret_file = \"ami-secret\"`",
            );
            None
        }
        (Some(_), None) => {
            let secret = table.read("secret", check)?;
            warn_if_open(table.source(), &table.source().path);
            Some(secret.value)
        }
        (None, Some(_)) => {
            let file = table.text("secret_file")?;
            let path = folder.join(file.value);
            match Source::read(&path) {
                Ok(text) => match check(text.text.trim_end_matches(['\r', '\n'])) {
                    Ok(secret) => {
                        warn_if_open(table.source(), &path);
                        Some(secret)
                    }
                    Err(complaint) => {
                        table.source().push(Problem::error(&path, complaint.message).code(Code::BadValue));
                        None
                    }
                },
                Err(problem) => {
                    let named = format!("`{}`: {}", file.value, problem.message);
                    let complaint = Complaint { message: named, near: None, hint: problem.hint };
                    table.source().refuse(Code::Unreadable, &file.span, complaint);
                    None
                }
            }
        }
    }
}

/// Warns when anybody on the machine can read a file that holds secrets.
pub(super) fn warn_if_open(source: &Source, path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0) {
            source.push(
                Problem::warning(path, "this file holds secrets and everybody on this machine can read it")
                    .code(Code::OpenSecret)
                    .hint(format!("chmod o-r {}", path.display())),
            );
        }
    }
}

fn api_socket(top: &Table<'_>, folder: &Path) -> PathBuf {
    let api = top.table("api");
    let socket = api.and_then(|api| {
        api.read("socket", |text| {
            let path = folder.join(text);
            // sockaddr_un holds 108 bytes, the last one nought.
            if text.is_empty() || path.as_os_str().len() > 107 {
                return Err(Complaint::from("the path of a socket has 1 to 107 bytes"));
            }
            Ok(path)
        })
    });
    socket.map_or_else(|| "/run/sipherd/sipherd.sock".into(), |socket| socket.value)
}

fn log(top: &Table<'_>) -> LogConfig {
    let table = top.table("log");
    let format = table.as_ref().and_then(|log| log.word("format")).map(|format| format.value);
    let filter = table.as_ref().and_then(|log| {
        log.read("filter", |text| match tracing_subscriber::EnvFilter::builder().parse(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err(Complaint::new(
                format!("`{text}` is not a log filter"),
                "write a level, and others for parts: `info`, `info,sipherd::sip=debug`",
            )),
        })
    });
    LogConfig {
        format: match format {
            Some("json") => LogFormat::Json,
            _ => LogFormat::Text,
        },
        filter: filter.map_or_else(|| "info".to_owned(), |filter| filter.value),
    }
}

fn timing(top: &Table<'_>) -> (BTreeMap<Vendor, TimingOverride>, Vec<At<Vendor>>) {
    let (mut timing, mut timed) = (BTreeMap::new(), Vec::new());
    for (vendor, table) in top.named_tables("timing") {
        let length = |key| table.duration(key).map(|length| length.value);
        let override_ = TimingOverride {
            answer: length("answer"),
            leave: length("leave"),
            leave_busy: length("leave_busy"),
            boot_at_least: length("boot_at_least"),
            boot: length("boot"),
            fetch: length("fetch"),
            flash: length("flash"),
            gap: length("gap"),
            boots: table.hundredths("boots"),
        };
        if let (Some(least), Some(most)) = (override_.boot_at_least, override_.boot)
            && least >= most
        {
            table.source().refuse(
                Code::Contradiction,
                &vendor.span,
                "`boot_at_least` must be shorter than `boot`",
            );
        }
        timed.push(At { value: Vendor::new(vendor.value), span: vendor.span.clone() });
        if timing.insert(Vendor::new(vendor.value), override_).is_some() {
            table.source().refuse(
                Code::Twice,
                &vendor.span,
                format!("`{}` is here twice: capitals make no difference", vendor.value),
            );
        }
    }
    (timing, timed)
}

/// Warns about deadlines for makers of whom nothing is known.
pub(super) fn warn_of_strangers(source: &Source, timed: &[At<Vendor>], makers: &Makers) {
    for vendor in timed.iter().filter(|vendor| makers.profile(&vendor.value).is_none()) {
        source.warn(Code::NotPossible, &vendor.span, no_profile(&vendor.value, makers));
    }
}
