//! The daemon: boots in this order, runs until told to stop, and is otherwise dull.

mod answers;
mod boots;
mod deployment;
mod door;
mod explanation;
mod files;
mod mail;
mod metrics;
mod news;
mod orchestrator;
mod plan;
mod servers;
mod setup;
mod snoms;
mod standing;
mod trips;
mod visits;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api;
use crate::config::{Config, PbxKind};
use crate::depot::{Depot, MakersNow, Releases, ReleasesError, ServeError, TlsError};
use crate::domain::fleet::Fleet;
use crate::domain::phone::{KnownBy, Line, Mac, PbxName, Phone};
use crate::domain::scheduler::Scheduler;
use crate::domain::trip::Input;
use crate::pbx::asterisk::{AsteriskSettings, connect};
use crate::ports::{Clock, Control, Kept, Pbx, PbxEvent, Store, StoreError};
use crate::sip::{Agent, AgentConfig, SipError};
use crate::store::sqlite::SqliteStore;
use crate::web::{WebClient, WebConfig};

pub use setup::{inventory, rules, terms, usual};

use mail::{Mail, Mailbox};
use orchestrator::{Hands, Orchestrator};
pub use servers::DepotWays;
use servers::Servers;
use setup::{Known, Reloader};

/// Letters that may wait for the orchestrator.
const MAILBOX: usize = 4096;

/// The daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {what} {address}: {why}")]
    Listen {
        /// For what.
        what: &'static str,
        /// Which address or path.
        address: String,
        /// What the system said.
        why: String,
    },
    /// The SIP side cannot start.
    #[error("SIP: {0}")]
    Sip(#[from] SipError),
    /// The store cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The staged releases cannot be read.
    #[error(transparent)]
    Releases(#[from] ReleasesError),
    /// The depot cannot serve.
    #[error(transparent)]
    Depot(#[from] ServeError),
    /// The depot's certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A kept trip cannot be read: going on without it could trigger its phone twice.
    #[error("trip {trip} in the store cannot be read: {why}")]
    KeptTrip {
        /// Its number.
        trip: u64,
        /// Why.
        why: String,
    },
}

impl StartError {
    /// What to do about it, where that can be said.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Tls(error) => Some(error.hint()),
            Self::Listen { why, .. } if why.contains("Permission denied") => Some(
                "ports below 1024, TFTP's 69 and FTP's 21 among them, need CAP_NET_BIND_SERVICE: see \
                 `AmbientCapabilities` in packaging/sipherd.service",
            ),
            Self::Listen { .. }
            | Self::Sip(_)
            | Self::Store(_)
            | Self::Releases(_)
            | Self::Depot(_)
            | Self::KeptTrip { .. } => None,
        }
    }
}

/// A daemon that runs.
pub struct Running {
    /// What can be asked of it.
    pub control: Arc<dyn Control>,
    /// Where its SIP side is bound.
    pub sip: SocketAddr,
    /// Where its depot is bound.
    pub depot: SocketAddr,
    /// Where the depot is bound in other ways than plain HTTP.
    pub depot_ways: DepotWays,
    /// Where its deployment service is bound, if there is one.
    pub deployment: Option<SocketAddr>,
    /// Where metrics and health are served, if they are.
    pub ops: Option<SocketAddr>,
    tasks: TaskTracker,
    services: CancellationToken,
}

impl Running {
    /// Whether the daemon has stopped serving.
    pub fn is_gone(&self) -> bool {
        self.services.is_cancelled()
    }

    /// Ends when the daemon stopped serving, be it that nobody asked for it.
    pub async fn gone(&self) {
        self.services.cancelled().await;
    }

    /// Waits until everything has stopped after the shutdown was asked for.
    pub async fn stopped(self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Starts the daemon: opens the store, binds, remembers, connects, serves.
///
/// When this returns, all addresses are bound and what was kept is restored. After `shutdown` nothing new is started;
/// phones under way have `drain` to end, and what is open then goes on at the next start.
pub async fn start(
    config: Config,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
    drain: Duration,
) -> Result<Running, StartError> {
    let services = CancellationToken::new();
    let tasks = TaskTracker::new();

    // First of all: its lock says which process holds it, where a port that is taken would not.
    let store = Arc::new(SqliteStore::open(&config.state.join("sipherd.db")).await?);
    let kept = store.load().await?;

    let servers = Servers::bind(&config.depot).await?;
    let ops_listener = match config.ops {
        Some(address) => Some(listen("[ops] listen", address).await?),
        None => None,
    };
    let agent = Agent::start(agent_config(&config), services.clone())?;

    let releases = open_releases(&config.state.join("releases")).await?;
    for problem in releases.problems() {
        tracing::error!("{problem}");
    }
    let rules = setup::rules(&config, releases.list());
    for warning in setup::missing_releases(&rules) {
        tracing::warn!("{warning}");
    }

    let (letters, mailbox) = mpsc::channel(MAILBOX);
    let pbxs = connect_pbxs(&config, clock.as_ref(), &letters, &services, &tasks);
    let web = WebClient::new(web_config(&config), config.web_passwords.clone());
    let hands = Hands {
        clock: clock.clone(),
        store: store.clone(),
        notifier: Arc::new(agent.clone()),
        prober: Arc::new(agent.clone()),
        web: Arc::new(web.clone()),
        pbxs,
        trigger: config.sip.trigger,
    };
    let known = Known::new(Arc::clone(&config.makers));
    let snom = Known::new(Arc::new(config.snom.clone()));
    setup::tell_own_profiles(&config);
    let reloader = Reloader {
        file: config.file.clone(),
        releases: releases.clone(),
        credentials: {
            let agent = agent.clone();
            Arc::new(move |credentials| agent.replace_credentials(credentials))
        },
        web_passwords: Arc::new(move |passwords| web.replace_credentials(passwords)),
        makers: known.clone(),
        identity: servers.identity(),
        snom: snom.clone(),
        started_with: Arc::new(config.clone()),
    };
    let fleet = fleet(&config, &kept);
    let mut scheduler = Scheduler::new(rules);
    scheduler.await_polls();
    let mut orchestrator = Orchestrator::new(hands, letters.clone(), fleet, scheduler, reloader);
    orchestrator.restore(kept)?;

    let control: Arc<Mailbox> = Arc::new(Mailbox::new(letters, store.clone()));
    let makers: MakersNow = Arc::new(move || known.now());
    let depot = Depot::new(control.clone(), releases.clone(), makers, config.depot.url.clone());
    let depot = servers
        .equip(depot, &config, &clock)
        .with_snom_papers(Arc::new(move || Arc::clone(&snom.now().papers)));
    let deployment = match &config.deployment {
        Some(service) => {
            let identity = servers.identity();
            Some(deployment::start(service, identity, depot.clone(), &releases, &services, &tasks).await?)
        }
        None => None,
    };
    let running = Running {
        control: control.clone(),
        sip: agent.local_addr(),
        depot: servers.plain(),
        depot_ways: servers.ways(),
        deployment,
        ops: ops_listener.as_ref().zip(config.ops).map(|(l, asked)| address_of(l, asked)),
        tasks: tasks.clone(),
        services: services.clone(),
    };
    serve_api(&config, &control, ops_listener, &services, &tasks).await?;
    servers.serve(&config.depot, &depot, &releases, &services, &tasks);
    tasks.spawn(async move {
        // Only when it ends: phones under way need depot, SIP and the PBX's view until then. Should it ever panic, the
        // rest must not go on without it.
        let services = services.drop_guard();
        orchestrator.run(mailbox, shutdown, drain).await;
        drop(services);
        store.close().await;
    });
    Ok(running)
}

async fn listen(what: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    let failed = |error: std::io::Error| StartError::Listen {
        what,
        address: address.to_string(),
        why: error.to_string(),
    };
    TcpListener::bind(address).await.map_err(failed)
}

fn address_of(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

fn agent_config(config: &Config) -> AgentConfig {
    AgentConfig {
        listen: config.sip.listen,
        advertise: config.sip.advertise,
        user: config.sip.user.clone(),
        outbound_proxy: config.sip.outbound_proxy,
        credentials: config.sip.credentials.clone(),
        notifies_per_second: config.sip.notifies_per_second,
        timers: crate::sip::Timers::default(),
    }
}

fn web_config(config: &Config) -> WebConfig {
    let ports = config.web;
    WebConfig { port: ports.pages, contact_me_port: ports.contact_me, ..WebConfig::default() }
}

/// Reading and hashing every image may take a while and must not stall the runtime.
async fn open_releases(folder: &Path) -> Result<Arc<Releases>, StartError> {
    let folder = folder.to_owned();
    match tokio::task::spawn_blocking(move || Releases::open(&folder)).await {
        Ok(releases) => Ok(Arc::new(releases?)),
        Err(broken) => std::panic::resume_unwind(broken.into_panic()),
    }
}

fn connect_pbxs(
    config: &Config,
    clock: &dyn Clock,
    letters: &mpsc::Sender<Mail>,
    services: &CancellationToken,
    tasks: &TaskTracker,
) -> BTreeMap<PbxName, Arc<dyn Pbx>> {
    let (events, mut heard) = mpsc::channel::<PbxEvent>(MAILBOX);
    let letters = letters.clone();
    tasks.spawn(async move {
        while let Some(event) = heard.recv().await {
            if letters.send(Mail::Pbx(event)).await.is_err() {
                break;
            }
        }
    });
    let real = |length: TimeDelta| clock.until(clock.now() + length);
    config
        .pbxs
        .iter()
        .map(|pbx| {
            let PbxKind::Asterisk(asterisk) = &pbx.kind;
            let settings = AsteriskSettings {
                name: pbx.name.clone(),
                ami: asterisk.ami.clone(),
                user: asterisk.user.clone(),
                secret: asterisk.secret.clone(),
                reconcile: real(asterisk.reconcile),
                // Three unanswered questions fit into the time after which the view is stale.
                stale_probe: real(pbx.stale_after) / 3,
                reconnect: (Duration::from_millis(200), Duration::from_secs(30)),
                jitter_seed: rand::random(),
            };
            (pbx.name.clone(), connect(settings, events.clone(), services.clone()))
        })
        .collect()
}

/// The phones of the inventory, with what was observed of them before, and those that were learned.
fn fleet(config: &Config, kept: &Kept) -> Fleet {
    let mut fleet = Fleet::default();
    for pbx in &config.pbxs {
        fleet.watch(pbx.name.clone(), pbx.stale_after);
    }
    let listed: BTreeSet<Mac> = config.inventory.iter().map(|row| row.mac).collect();
    let under_way: BTreeSet<Mac> = kept.trips.iter().filter(|row| row.open).map(|row| row.mac).collect();
    for row in &kept.phones {
        // Whom the administrator took out of the inventory meanwhile is gone, unless it is still on its way.
        let dropped = row.known_by == KnownBy::Inventory && !listed.contains(&row.mac);
        if dropped && !under_way.contains(&row.mac) {
            continue;
        }
        let mut phone = Phone::new(row.mac, row.known_by);
        phone.vendor.clone_from(&row.vendor);
        phone.model.clone_from(&row.model);
        phone.version.clone_from(&row.version);
        phone.hardware.clone_from(&row.hardware);
        phone.booted = row.booted;
        phone.realm.clone_from(&row.realm);
        phone.files.clone_from(&row.files);
        phone.lines = row.lines.iter().map(|line| (line.clone(), Line::UNSEEN)).collect();
        fleet.introduce(phone);
    }
    for phone in setup::inventory(config) {
        fleet.introduce(phone);
    }
    fleet
}

async fn serve_api(
    config: &Config,
    control: &Arc<Mailbox>,
    ops: Option<TcpListener>,
    services: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), StartError> {
    let failed = |why: String| StartError::Listen {
        what: "[api] socket",
        address: config.api_socket.display().to_string(),
        why,
    };
    let socket = api::bind_unix(&config.api_socket).await.map_err(|error| failed(error.to_string()))?;
    let (router, stop) = (api::router(control.clone()), services.clone());
    let path = config.api_socket.clone();
    tasks.spawn(async move { api::serve_unix(socket, &path, router, stop.cancelled_owned()).await });
    if let Some(listener) = ops {
        let (router, stop) = (api::ops_router(control.clone()), services.clone());
        tasks.spawn(async move { api::serve_tcp(listener, router, stop.cancelled_owned()).await });
    }
    Ok(())
}

impl Orchestrator {
    /// Takes up what an earlier run left: what ended is remembered, what is open goes on.
    fn restore(&mut self, kept: Kept) -> Result<(), StartError> {
        let now = self.hands.clock.now();
        self.last_trip = kept.last_trip;
        self.last_job = kept.last_job;
        for row in kept.trips {
            let broken = |why: String| StartError::KeptTrip { trip: row.id.0, why };
            let trip = trips::read_kept(&row.body).map_err(broken)?;
            if row.open {
                let mac = trip.plan().phone;
                self.scheduler.resume(&trip);
                self.open(row.id, trip);
                self.drive(now, mac, Input::Restarted);
            } else {
                self.scheduler.remember(trip);
            }
        }
        for job in kept.jobs {
            self.adopt_job(now, job);
        }
        for mac in self.scheduler.reconcile(&self.fleet) {
            self.place_back(now, mac);
        }
        let macs: Vec<_> = self.fleet.iter().map(|phone| phone.mac).collect();
        for mac in macs {
            self.scheduler.touch(mac, now);
        }
        Ok(())
    }
}
