//! A depot on loopback with a gatekeeper that does as it is told and writes down what it hears.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sipherd::depot::{Depot, Limits, Releases, ServeError, add, serve_within};
use sipherd::domain::firmware::Version;
use sipherd::domain::phone::Mac;
use sipherd::ports::{Gatekeeper, Lane, Permit, PhoneNews, Transfer, TransferStep, Visit};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const D785: &str = "snomD785-10.1.198.19-SIP-r.bin";
pub const AGENT: &str =
    "Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12-00004-g9ba52f5 000413922D24 SXM:0 UXM:0)";
pub const OURS: &str = "000413922D24";
pub const OTHERS: &str = "000413922D25";
const LENGTH: usize = 2_000_003;
/// Longer than the kernel buffers of one connection.
const LONG: usize = 24 * 1024 * 1024;
/// Nothing on loopback takes this long.
pub const AT_MOST: Duration = Duration::from_secs(60);

pub struct Fake {
    permits: Mutex<HashMap<Mac, Permit>>,
    visits: Mutex<Vec<Visit>>,
    steps: mpsc::UnboundedSender<Transfer>,
}

impl Gatekeeper for Fake {
    fn visit(&self, visit: Visit) -> BoxFuture<'static, Permit> {
        let stay = Permit::Stay { runs: visit.version.clone(), why: "it is not its turn".into() };
        let permit = self.permits.lock().unwrap().get(&visit.mac).cloned().unwrap_or(stay);
        self.visits.lock().unwrap().push(visit);
        Box::pin(std::future::ready(permit))
    }

    fn transfer(&self, transfer: Transfer) {
        let _ = self.steps.send(transfer);
    }

    fn told(&self, _: sipherd::domain::phone::Mac, _: std::net::IpAddr, _: PhoneNews) {}
}

pub struct Running {
    pub at: SocketAddr,
    pub image: Vec<u8>,
    pub shutdown: CancellationToken,
    pub serving: JoinHandle<Result<(), ServeError>>,
    pub steps: mpsc::UnboundedReceiver<Transfer>,
    pub releases: Arc<Releases>,
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
        let dir = TempDir::new().unwrap();
        let block: Vec<u8> = (0..65_521_u32).map(|i| (i / 7 % 251) as u8).collect();
        let image = block.repeat(length / block.len() + 1)[..length].to_vec();
        let file = dir.path().join(D785);
        std::fs::write(&file, &image).unwrap();
        let folder = dir.path().join("releases");
        add(&folder, &file, Some("nov"), &mut |_| {}).unwrap();
        let releases = Arc::new(Releases::open(&folder).unwrap());
        let (sender, steps) = mpsc::unbounded_channel();
        let fake = Arc::new(Fake { permits: Mutex::default(), visits: Mutex::default(), steps: sender });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let images: Arc<Releases> = Arc::clone(&releases);
        let gatekeeper: Arc<Fake> = Arc::clone(&fake);
        let makers = Arc::new(sipherd::config::profiles::shipped);
        let depot = Depot {
            gatekeeper,
            images,
            makers,
            snom: Arc::new(Arc::default),
            base_url: format!("http://{at}/"),
        };
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve_within(limits, listener, depot, shutdown.clone()));
        Self { at, image, shutdown, serving, steps, releases, dir, fake }
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
