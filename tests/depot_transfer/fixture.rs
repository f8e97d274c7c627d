//! A depot on loopback with a gatekeeper that does as it is told and writes down what it hears.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use sipherd::depot::{
    Configurations, Depot, Door, FtpAccounts, FtpServer, FtpSettings, Identity, Keeping, Limits, Releases,
    Rescue, Rescues, ServeError, TftpLimits, add, serve_ftp, serve_tftp, serve_within,
};
use sipherd::domain::firmware::Version;
use sipherd::domain::phone::Mac;
use sipherd::ports::{Clock, Gatekeeper, Lane, Permit, PhoneNews, Standing, Transfer, TransferStep, Visit};
use tempfile::TempDir;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const D785: &str = "snomD785-10.1.198.19-SIP-r.bin";
pub const AGENT: &str =
    "Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12-00004-g9ba52f5 000413922D24 SXM:0 UXM:0)";
pub const OURS: &str = "000413922D24";
pub const OTHERS: &str = "000413922D25";
pub const LENGTH: usize = 2_000_003;
/// The longest configuration the depot takes.
pub const CONFIGURATION: u64 = 100_000;
/// Longer than the kernel buffers of one connection.
const LONG: usize = 24 * 1024 * 1024;
/// Nothing on loopback takes this long.
pub const AT_MOST: Duration = Duration::from_secs(60);

pub struct Fake {
    permits: Mutex<HashMap<Mac, Permit>>,
    visits: Mutex<Vec<Visit>>,
    standings: Mutex<HashMap<Mac, Standing>>,
    happened: Mutex<Vec<(Option<Mac>, &'static str, String)>>,
    news: Mutex<Vec<(Mac, PhoneNews)>>,
    steps: mpsc::UnboundedSender<Transfer>,
}

impl Gatekeeper for Fake {
    fn visit(&self, visit: Visit) -> BoxFuture<'static, Permit> {
        let stay = Permit::Stay { runs: visit.version.clone(), why: "it is not its turn".into() };
        let permit = self.permits.lock().unwrap().get(&visit.mac).cloned().unwrap_or(stay);
        self.visits.lock().unwrap().push(visit);
        Box::pin(std::future::ready(permit))
    }

    fn standing(&self, mac: Mac, _: IpAddr) -> BoxFuture<'static, Standing> {
        let standing = self.standings.lock().unwrap().get(&mac).copied();
        Box::pin(std::future::ready(standing.unwrap_or(Standing::Stranger)))
    }

    fn transfer(&self, transfer: Transfer) {
        let _ = self.steps.send(transfer);
    }

    fn happened(&self, mac: Option<Mac>, kind: &'static str, text: String) {
        self.happened.lock().unwrap().push((mac, kind, text));
    }

    fn told(&self, mac: Mac, _: IpAddr, news: PhoneNews) {
        self.news.lock().unwrap().push((mac, news));
    }
}

/// A night on which every look at the clock comes a minute after the one before.
struct Minutes(Mutex<DateTime<Utc>>);

impl Clock for Minutes {
    fn now(&self) -> DateTime<Utc> {
        let mut now = self.0.lock().unwrap();
        *now += chrono::TimeDelta::minutes(1);
        *now
    }

    fn until(&self, _: DateTime<Utc>) -> Duration {
        Duration::ZERO
    }
}

/// What else a depot may have.
#[derive(Default)]
pub struct Equipment {
    pub limits: Limits,
    /// Spoken to with TLS.
    pub identity: Option<Arc<Identity>>,
    /// Where phones may ask from while none of their lines is registered.
    pub networks: Vec<ipnet::IpNet>,
    pub tftp: TftpLimits,
    pub rescues: Vec<Rescue>,
    /// Where it listens; without one at 127.0.0.1.
    pub address: Option<IpAddr>,
    /// The ports of FTP's data connections; without them any.
    pub passive_ports: Option<RangeInclusive<u16>>,
}

pub struct Running {
    pub at: SocketAddr,
    /// Where TFTP is spoken.
    pub tftp: SocketAddr,
    pub serving_tftp: JoinHandle<()>,
    /// Where FTP is spoken.
    pub ftp: SocketAddr,
    pub serving_ftp: JoinHandle<()>,
    pub accounts: Arc<FtpAccounts>,
    pub image: Vec<u8>,
    pub shutdown: CancellationToken,
    pub serving: JoinHandle<Result<(), ServeError>>,
    pub steps: mpsc::UnboundedReceiver<Transfer>,
    pub releases: Arc<Releases>,
    pub configurations: Arc<Configurations>,
    pub dir: TempDir,
    fake: Arc<Fake>,
}

impl Running {
    pub async fn new() -> Self {
        Self::with(LENGTH, Limits::default()).await
    }

    /// With an image that does not fit into the buffers between depot and phone.
    pub async fn long(limits: Limits) -> Self {
        Self::with(LONG, limits).await
    }

    pub async fn with(length: usize, limits: Limits) -> Self {
        Self::equipped(length, Equipment { limits, ..Equipment::default() }).await
    }

    pub async fn equipped(length: usize, equipment: Equipment) -> Self {
        let dir = TempDir::new().unwrap();
        let block: Vec<u8> = (0..65_521_u32).map(|i| (i / 7 % 251) as u8).collect();
        let image = block.repeat(length / block.len() + 1)[..length].to_vec();
        let file = dir.path().join(D785);
        std::fs::write(&file, &image).unwrap();
        let folder = dir.path().join("releases");
        add(&folder, &file, Some("nov"), &mut |_| {}).unwrap();
        let releases = Arc::new(Releases::open(&folder).unwrap());
        let (sender, steps) = mpsc::unbounded_channel();
        let fake = Arc::new(Fake {
            permits: Mutex::default(),
            visits: Mutex::default(),
            standings: Mutex::default(),
            happened: Mutex::default(),
            news: Mutex::default(),
            steps: sender,
        });
        let anywhere = SocketAddr::new(equipment.address.unwrap_or(Ipv4Addr::LOCALHOST.into()), 0);
        let listener = TcpListener::bind(anywhere).await.unwrap();
        let at = listener.local_addr().unwrap();
        let images: Arc<Releases> = Arc::clone(&releases);
        let gatekeeper: Arc<Fake> = Arc::clone(&fake);
        let makers = Arc::new(sipherd::config::profiles::shipped);
        let clock = Arc::new(Minutes(Mutex::new("2026-11-28T03:00:00Z".parse().unwrap())));
        let keeping = Keeping { versions: 5, bytes: CONFIGURATION, networks: equipment.networks };
        let configurations = Arc::new(Configurations::open(&dir.path().join("configs"), keeping, clock));
        let depot = Depot::new(gatekeeper, images, makers, format!("http://{at}/"))
            .with_configurations(Arc::clone(&configurations));
        let shutdown = CancellationToken::new();
        let udp = UdpSocket::bind(anywhere).await.unwrap();
        let tftp = udp.local_addr().unwrap();
        let rescues = Rescues::new(equipment.rescues, Arc::clone(&releases));
        let serving_tftp =
            tokio::spawn(serve_tftp(equipment.tftp, udp, depot.clone(), rescues, shutdown.clone()));
        let control = TcpListener::bind(anywhere).await.unwrap();
        let ftp = control.local_addr().unwrap();
        let accounts = Arc::new(FtpAccounts::new(FtpServer { host: ftp.ip().to_string(), port: ftp.port() }));
        let Limits { patience, drain, .. } = equipment.limits;
        let settings = FtpSettings {
            passive_ports: equipment.passive_ports.unwrap_or(0..=0),
            patience,
            drain,
            ..FtpSettings::default()
        };
        let serving_ftp = tokio::spawn(serve_ftp(
            settings,
            control,
            depot.clone(),
            Arc::clone(&accounts),
            shutdown.clone(),
        ));
        let door = match equipment.identity {
            Some(identity) => Door::encrypted(listener, identity),
            None => listener.into(),
        };
        let serving = tokio::spawn(serve_within(equipment.limits, door, depot, shutdown.clone()));
        Self {
            at,
            tftp,
            serving_tftp,
            ftp,
            serving_ftp,
            accounts,
            image,
            shutdown,
            serving,
            steps,
            releases,
            configurations,
            dir,
            fake,
        }
    }

    /// From now on our phone is offered the image.
    pub fn offer(&self) {
        self.permit(Permit::Offer { release: "nov".into(), file: D785.into(), lanes: Vec::new() });
    }

    /// From now on these phones are offered the image, on these lanes.
    pub fn offer_within(&self, phones: &[&str], lanes: &[Lane]) {
        for phone in phones {
            let permit = Permit::Offer { release: "nov".into(), file: D785.into(), lanes: lanes.to_vec() };
            self.fake.permits.lock().unwrap().insert(phone.parse().unwrap(), permit);
        }
    }

    pub fn permit(&self, permit: Permit) {
        self.fake.permits.lock().unwrap().insert(OURS.parse().unwrap(), permit);
    }

    /// From now on this phone stands so, wherever it asks from.
    pub fn stands(&self, phone: &str, standing: Standing) {
        self.fake.standings.lock().unwrap().insert(phone.parse().unwrap(), standing);
    }

    /// What was told for the history: kind and sentence.
    pub fn happened(&self) -> Vec<(Option<Mac>, &'static str, String)> {
        self.fake.happened.lock().unwrap().clone()
    }

    /// What was told of phones' orders.
    pub fn news(&self) -> Vec<(Mac, PhoneNews)> {
        self.fake.news.lock().unwrap().clone()
    }

    pub fn visits(&self) -> Vec<Visit> {
        self.fake.visits.lock().unwrap().clone()
    }

    pub fn gatekeeper(&self) -> Arc<dyn Gatekeeper> {
        let gatekeeper: Arc<Fake> = Arc::clone(&self.fake);
        gatekeeper
    }

    pub fn etag(&self) -> String {
        format!("\"{}\"", self.releases.get("nov").unwrap().images[0].sha256)
    }

    pub async fn step(&mut self) -> TransferStep {
        let transfer = tokio::time::timeout(AT_MOST, self.steps.recv()).await.expect("no step").unwrap();
        assert_eq!((transfer.mac, transfer.file.as_str()), (OURS.parse().unwrap(), D785));
        transfer.step
    }

    pub fn no_step(&mut self) {
        assert!(self.steps.try_recv().is_err());
    }
}

/// The path of our phone's image.
pub fn image_path() -> String {
    format!("/snom/{OURS}/{D785}")
}

pub fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}
