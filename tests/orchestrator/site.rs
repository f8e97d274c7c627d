//! A building, the daemon beside it, and their files.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sipherd::config;
use sipherd::daemon::{self, Running};
use sipherd::domain::phone::Mac;
use sipherd::ports::{Clock, Control, PhoneView};
use sipherd::sim::{Building, BuildingSpec, LogLine, Pace, PhoneSpec, What};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// What the snoms run at first.
pub const OLD: &str = "10.1.64.14";
/// What the release brings.
pub const NEW: &str = "10.1.198.19";
/// Generous: the machine may be busy.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Friday 20 November 2026, 22:00 in Berlin.
pub fn friday() -> DateTime<Utc> {
    "2026-11-20T22:00:00+01:00".parse::<DateTime<chrono::FixedOffset>>().unwrap().to_utc()
}

/// A window that never closes while a test lasts.
pub const ALWAYS: &str = "[[window]]\ncron = \"0 0 * * *\"\nlength = \"1d\"\n";

/// Deadlines for a building whose time runs fast.
pub const FAST: &str = r#"
[timing.snom]
answer = "30m"
leave = "30m"
boot = "30m"
fetch = "60m"
flash = "30m"
[timing.yealink]
answer = "30m"
leave = "30m"
boot = "30m"
[timing.grandstream]
answer = "30m"
leave = "30m"
boot = "30m"
"#;

/// A clock that stands still until it is set.
pub struct StillClock(Mutex<DateTime<Utc>>);

impl StillClock {
    pub fn at(instant: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(instant)))
    }

    pub fn set(&self, instant: DateTime<Utc>) {
        *self.0.lock().unwrap() = instant;
    }
}

impl Clock for StillClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    fn until(&self, instant: DateTime<Utc>) -> Duration {
        (instant - self.now()).to_std().unwrap_or(Duration::ZERO)
    }
}

/// Which house of the street a test has to itself: its phones are on 127.70.HOUSE.n.
#[derive(Clone, Copy)]
pub struct House(pub u8);

impl House {
    pub fn mac(self, n: u8) -> Mac {
        Mac::new([0x00, 0x04, 0x13, 0x70, self.0, n])
    }

    pub fn ip(self, n: u8) -> IpAddr {
        [127, 70, self.0, n].into()
    }

    /// A snom with line `20nn`.
    pub fn snom(self, n: u8) -> PhoneSpec {
        PhoneSpec::snom(self.mac(n), "D785", OLD, &user(n), self.ip(n))
    }

    /// A Yealink with line `20nn`.
    pub fn yealink(self, n: u8) -> PhoneSpec {
        PhoneSpec::yealink(self.mac(n), "T46S", "66.86.0.15", &user(n), self.ip(n))
    }

    /// The inventory of these phones, each with the tag.
    pub fn inventory(self, phones: &[(u8, &str)]) -> String {
        let row = |(n, tag): &(u8, &str)| format!("{},{},{tag}\n", self.mac(*n), user(*n));
        "mac,lines,tags\n".to_owned() + &phones.iter().map(row).collect::<String>()
    }
}

/// The line of phone `n`.
pub fn user(n: u8) -> String {
    (2000 + u16::from(n)).to_string()
}

/// A phone that does everything within real milliseconds, for clocks that are not scaled.
pub fn quick(phone: PhoneSpec) -> PhoneSpec {
    let pace = Pace {
        boot: TimeDelta::milliseconds(100),
        settings: TimeDelta::milliseconds(10),
        bytes_per_second: 0,
        flash: TimeDelta::milliseconds(50),
        ring: TimeDelta::milliseconds(50),
        expires: TimeDelta::hours(24),
    };
    PhoneSpec { pace, ..phone }
}

/// Switches a building on and waits until all its phones are registered.
pub async fn building(clock: Arc<dyn Clock>, phones: Vec<PhoneSpec>) -> Building {
    let building = Building::start(BuildingSpec::new(clock, phones, 7)).await.unwrap();
    building.all_registered(LIMIT).await.unwrap();
    building
}

/// How often something stands in a diary.
pub fn count(log: &[LogLine], wanted: impl Fn(&What) -> bool) -> usize {
    log.iter().filter(|line| wanted(&line.what)).count()
}

/// NOTIFYs a phone got, copies left out.
pub fn orders(log: &[LogLine]) -> usize {
    count(log, |what| matches!(what, What::Notify { copy: false, .. }))
}

/// Boots a phone began.
pub fn boots(log: &[LogLine]) -> usize {
    count(log, |what| matches!(what, What::RebootBegan { .. }))
}

/// The folder of a daemon.
pub struct Site {
    folder: tempfile::TempDir,
    depot: SocketAddr,
}

/// What a command printed, and its exit status.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub out: String,
    pub err: String,
    pub status: i32,
}

impl Site {
    /// A folder without anything in it, and a free address for the depot.
    pub fn new(house: House) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("policies")).unwrap();
        let depot = TcpListener::bind(SocketAddr::new(house.ip(250), 0)).unwrap().local_addr().unwrap();
        Self { folder, depot }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn depot_url(&self) -> String {
        format!("http://{}", self.depot)
    }

    /// A phone asks the depot for its settings from this address; the status of the answer.
    pub async fn asks_for_settings(&self, method: &str, mac: Mac, from: IpAddr) -> u16 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        let mut depot = socket.connect(self.depot).await.unwrap();
        let path = format!("/snomD785-{}.htm", mac.bare_upper());
        let request = format!("{method} {path} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n");
        depot.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        depot.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// `sipherd.toml` for the building's PBX; `sip` are further keys of that table, `more` further tables.
    pub fn settings(&self, building: &Building, sip: &str, more: &str) {
        let (user, secret) = building.ami_account();
        self.write(
            "sipherd.toml",
            &format!(
                r#"state = "state"
policies = "policies"
zone = "Europe/Berlin"
inventory = "phones.csv"
edit_grace = "0s"

[sip]
listen = "127.0.0.1:0"
notifies_per_second = 100
{sip}

[depot]
listen = "{depot}"
url = "http://{depot}"

[[pbx]]
name = "pocket"
kind = "asterisk"
ami = "{ami}"
user = "{user}"
secret = "{secret}"
stale_after = "10m"
reconcile = "1m"

[ops]
listen = "127.0.0.1:0"

[api]
socket = "sipherd.sock"
{more}"#,
                depot = self.depot,
                ami = building.pbx().ami(),
            ),
        );
        building.point_at_depot(Some(&self.depot_url()));
    }

    /// A staged release with an image for each of these models; the text of an image may hold further keys.
    pub fn release(&self, name: &str, images: &[(&str, &str)]) {
        let source = self.path(&format!("firmware-{name}"));
        fs::create_dir(&source).unwrap();
        let mut manifest = format!("name = \"{name}\"\n");
        for (model, more) in images {
            let file = format!("snom{model}-{NEW}-SIP-r.bin");
            fs::write(source.join(&file), model.repeat(5_000)).unwrap();
            manifest += &format!(
                "\n[[image]]\nfile = \"{file}\"\nvendor = \"snom\"\nmodels = [\"{model}\"]\nversion = \"{NEW}\"\n{more}\n"
            );
        }
        fs::write(source.join("release.toml"), manifest).unwrap();
        sipherd::depot::add(&self.path("state/releases"), &source, None, &mut |_| {}).unwrap();
    }

    /// Starts the daemon inside the test.
    pub async fn start(&self, clock: Arc<dyn Clock>, drain: Duration) -> Daemon {
        let loaded =
            config::load(&self.path("sipherd.toml"), clock.now()).unwrap_or_else(|report| panic!("{report}"));
        let shutdown = CancellationToken::new();
        let running = daemon::start(loaded.config, clock, shutdown.clone(), drain).await.unwrap();
        Daemon { control: running.control.clone(), running, shutdown }
    }

    /// Runs a command of the program that was built against the daemon's socket.
    pub async fn sipherd(&self, words: &[&str]) -> Outcome {
        sipherd(words, &self.path("sipherd.sock")).await
    }

    /// What a command prints that must succeed.
    pub async fn prints(&self, words: &[&str]) -> String {
        let outcome = self.sipherd(words).await;
        assert_eq!((outcome.status, outcome.err.as_str()), (0, ""), "{words:?}: {}", outcome.out);
        outcome.out
    }
}

async fn sipherd(words: &[&str], socket: &Path) -> Outcome {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_sipherd"))
        .args(words)
        .env_clear()
        .env("SIPHERD_SOCKET", socket)
        .output()
        .await
        .unwrap();
    Outcome {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        status: output.status.code().unwrap(),
    }
}

/// A daemon inside the test.
pub struct Daemon {
    pub control: Arc<dyn Control>,
    pub running: Running,
    pub shutdown: CancellationToken,
}

impl Daemon {
    /// Waits until a phone is as wanted.
    pub async fn phone(&self, name: &str, wanted: impl Fn(&PhoneView) -> bool) -> PhoneView {
        let mut last = None;
        let look = async {
            loop {
                let phones = self.control.phones(vec![name.to_owned()]).await.unwrap();
                if let Some(phone) = phones.first().filter(|phone| wanted(phone)) {
                    return phone.clone();
                }
                last = phones.into_iter().next();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let found = tokio::time::timeout(LIMIT, look).await;
        found.unwrap_or_else(|_| panic!("{name} is {last:#?}"))
    }

    /// Waits until a phone is in this state.
    pub async fn state(&self, name: &str, state: &str) -> PhoneView {
        self.phone(name, |phone| phone.state == state).await
    }

    /// Waits until the PBX's view is there.
    pub async fn sees(&self, pbx: &str) {
        let look = async {
            loop {
                let views = self.control.status().await.unwrap().views;
                if views.iter().any(|(name, age)| name.to_string() == pbx && age.is_some()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LIMIT, look).await.expect("no view");
    }

    /// The history of one phone: kind and text.
    pub async fn history(&self, mac: Mac) -> Vec<(String, String)> {
        let query = sipherd::ports::HistoryQuery { mac: Some(mac), ..Default::default() };
        let entries = self.control.history(query).await.unwrap();
        entries.into_iter().map(|entry| (entry.kind, entry.text)).collect()
    }

    /// Stops it at the end of its drain.
    pub async fn stop(self) {
        self.shutdown.cancel();
        drop(self.control);
        self.running.stopped().await;
    }
}

/// `sipherd run` as a process of its own; killed when dropped.
pub struct Child {
    process: tokio::process::Child,
    socket: tokio::net::UnixDatagram,
    told: Vec<String>,
    log: PathBuf,
}

impl Child {
    /// Starts it as systemd would, its log in a file, and waits until it is ready.
    pub async fn start(site: &Site, log: &str) -> Self {
        let path = site.path(&format!("{log}.notify"));
        let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
        let log = site.path(&format!("{log}.log"));
        let process = tokio::process::Command::new(env!("CARGO_BIN_EXE_sipherd"))
            .arg("--config")
            .arg(site.path("sipherd.toml"))
            .arg("run")
            .env_clear()
            .env("NOTIFY_SOCKET", &path)
            .stderr(fs::File::create(&log).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut child = Self { process, socket, told: Vec::new(), log };
        child.tells("READY=1").await;
        child
    }

    /// Waits until it tells systemd this.
    pub async fn tells(&mut self, wanted: &str) {
        let mut buffer = [0; 4096];
        while !self.told.iter().any(|told| told == wanted) {
            let heard = tokio::time::timeout(LIMIT, self.socket.recv(&mut buffer)).await;
            let length = heard.unwrap_or_else(|_| panic!("no {wanted} in {:?}", self.told)).unwrap();
            self.told.extend(String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned));
        }
    }

    /// What it told systemd so far is forgotten.
    pub fn forget_told(&mut self) {
        self.told.clear();
    }

    /// Sends it a signal: `TERM`, `HUP`.
    pub async fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = tokio::process::Command::new("kill").args(["-s", name, &id]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.process.id().expect("it has ended")
    }

    /// Waits for its end; its exit status.
    pub async fn ends(&mut self) -> Option<i32> {
        let end = tokio::time::timeout(LIMIT, self.process.wait()).await;
        end.unwrap_or_else(|_| panic!("it does not end: {}", self.log())).unwrap().code()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

/// The sources below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn no_two_tests_share_a_house() {
    let mut owners: std::collections::BTreeMap<u8, String> = Default::default();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/orchestrator")) {
        let text = fs::read_to_string(&path).unwrap();
        for (nth, function) in text.split("\nasync fn ").enumerate() {
            let owner = format!("{} {nth} {}", path.display(), function.split('(').next().unwrap());
            for behind in function.split("House(").skip(1) {
                let Ok(number) = behind.split(')').next().unwrap().parse() else { continue };
                let before = owners.entry(number).or_insert_with(|| owner.clone());
                assert_eq!(*before, owner, "house {number}");
            }
        }
    }
    assert!(owners.len() > 100);
}
