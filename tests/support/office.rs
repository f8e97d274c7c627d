//! What a daemon reads, in a scratch folder that goes with the value, and the daemon that reads it.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sipherd::domain::phone::Mac;
use sipherd::ports::{Clock, Control, Entry, HistoryQuery, PhoneView, WhyView};
use sipherd::{config, daemon, depot};
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Longer than anything awaited here takes on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a daemon is asked for what is awaited.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// Length of each staged image in bytes.
const IMAGE: usize = 100_000;

/// The files of a daemon.
pub struct Office {
    folder: TempDir,
    depot: SocketAddr,
}

impl Office {
    /// An empty folder, and a free port for the depot.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("office-").unwrap();
        let depot = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { folder, depot }
    }

    /// Where phones ask for their settings.
    pub fn depot_url(&self) -> String {
        format!("http://{}", self.depot)
    }

    /// Writes a file of this name into the folder.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes `sipherd.toml`: `sip` is more of that table, `tables` are more tables.
    pub fn settings(&self, sip: &str, tables: &str) {
        let depot = self.depot;
        let text = format!(
            "state = \"state\"\npolicies = \"policies\"\nzone = \"UTC\"\ninventory = \"phones.csv\"\nedit_grace = \"0s\"\n\n\
             [sip]\nlisten = \"127.0.0.1:0\"\n{sip}\n\n\
             [depot]\nlisten = \"{depot}\"\nurl = \"http://{depot}\"\n\n[api]\nsocket = \"sipherd.sock\"\n\n{tables}"
        );
        self.write("sipherd.toml", &text);
    }

    /// Stages a release for snoms of these models, as an administrator would.
    pub fn stage(&self, release: &str, version: &str, models: &[&str]) {
        let mut manifest = format!("name = \"{release}\"\n");
        for model in models {
            let file = format!("snom{model}-{version}-SIP-r.bin");
            let image: Vec<u8> = (0..IMAGE).map(|n| (n % 251).to_le_bytes()[0]).collect();
            std::fs::create_dir_all(self.folder.path().join("firmware")).unwrap();
            std::fs::write(self.folder.path().join("firmware").join(&file), image).unwrap();
            write!(
                manifest,
                "\n[[image]]\nfile = \"{file}\"\nvendor = \"snom\"\nmodels = [\"{model}\"]\nversion = \"{version}\"\n"
            )
            .unwrap();
        }
        self.write("firmware/release.toml", &manifest);
        let (releases, source) =
            (self.folder.path().join("state/releases"), self.folder.path().join("firmware"));
        depot::add(&releases, &source, None, &mut |_| {}).unwrap();
    }

    /// Starts a daemon on these files.
    pub async fn open(&self, clock: Arc<dyn Clock>) -> Daemon {
        let loaded = load(&self.folder.path().join("sipherd.toml"), clock.now());
        let shutdown = CancellationToken::new();
        let running =
            daemon::start(loaded.config, clock, shutdown.clone(), Duration::from_secs(5)).await.unwrap();
        Daemon { control: running.control.clone(), running, shutdown }
    }
}

fn load(path: &Path, now: DateTime<Utc>) -> config::Loaded {
    config::load(path, now).unwrap_or_else(|report| panic!("{report}"))
}

/// A daemon that runs.
pub struct Daemon {
    /// What can be asked of it.
    pub control: Arc<dyn Control>,
    running: daemon::Running,
    shutdown: CancellationToken,
}

impl Daemon {
    /// Every phone, as the daemon sees it.
    pub async fn phones(&self) -> Vec<PhoneView> {
        self.control.phones(Vec::new()).await.unwrap()
    }

    /// Why this line's phone is held.
    pub async fn why(&self, line: &str) -> WhyView {
        self.control.why(line.to_owned(), None).await.unwrap()
    }

    /// All that happened to a phone, oldest first.
    pub async fn history(&self, mac: Mac) -> Vec<Entry> {
        let query = HistoryQuery { mac: Some(mac), ..HistoryQuery::default() };
        self.control.history(query).await.unwrap()
    }

    /// How often this kind of thing happened to a phone.
    pub async fn count(&self, mac: Mac, kind: &str) -> usize {
        self.history(mac).await.iter().filter(|entry| entry.kind == kind).count()
    }

    /// Waits until the phones are as wanted.
    pub async fn until(&self, what: &str, wanted: impl Fn(&[PhoneView]) -> bool) -> Vec<PhoneView> {
        let end = Instant::now() + PATIENCE;
        loop {
            let phones = self.phones().await;
            if wanted(&phones) {
                return phones;
            }
            assert!(Instant::now() < end, "{what} never came:\n{}", self.told(&phones).await);
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Waits until every phone of the inventory is in one of these states.
    pub async fn until_all(&self, states: &[&str]) -> Vec<PhoneView> {
        let what = format!("all in {states:?}");
        self.until(&what, |phones| phones.iter().all(|phone| states.contains(&phone.state.as_str()))).await
    }

    /// Waits until the explanation of a line's phone is as wanted.
    pub async fn until_why(&self, line: &str, what: &str, wanted: impl Fn(&WhyView) -> bool) -> WhyView {
        let end = Instant::now() + PATIENCE;
        loop {
            let why = self.why(line).await;
            if wanted(&why) {
                return why;
            }
            let gates = || why.gates.iter().map(|g| format!("{:?}: {}\n", g.gate, g.saw)).collect::<String>();
            assert!(
                Instant::now() < end,
                "{line}: {what} never came:\n{}{}",
                gates(),
                self.told(&self.phones().await).await
            );
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Stops it and waits until it has.
    pub async fn close(self) {
        self.shutdown.cancel();
        self.running.stopped().await;
    }

    /// Each phone with its state and its history, for a test that fails.
    pub async fn told(&self, phones: &[PhoneView]) -> String {
        let mut text = String::new();
        for phone in phones {
            let (lines, state, detail) = (phone.lines.join(" "), &phone.state, &phone.detail);
            writeln!(text, "{lines} {} {state}: {detail}", phone.mac).unwrap();
            for entry in self.history(phone.mac).await {
                let at = entry.at.format("%H:%M:%S%.3f");
                writeln!(text, "    {at} {}: {}", entry.kind, entry.text).unwrap();
            }
        }
        text
    }
}
