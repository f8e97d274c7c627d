//! A hundred snoms, and what the daemon reads about them.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use serde::Deserialize;
use sipherd::domain::phone::Mac;
use sipherd::sim::{Building, CallPlan, PhoneSpec};
use tokio::process::Command;

use super::daemon::{Entry, PROGRAM};

/// How many phones.
pub const PHONES: u16 = 100;
/// The version they are to get.
pub const TARGET: &str = "10.1.198.19";
/// Phones that may be down at once.
pub const DOWN_AT_ONCE: u32 = 10;
/// Trips that may be made for one phone.
pub const ATTEMPTS: u16 = 20;
/// How many calls are made.
const CALLS: u32 = 60;
/// Length of the image in bytes: more than fits into the buffers of a connection.
const IMAGE_BYTES: usize = 8_000_000;
/// Not 127.0.0.1, where others' sockets come and go: ports must be free again after each kill.
const HERE: Ipv4Addr = Ipv4Addr::new(127, 61, 255, 1);

/// The phones: quick, and not all alike.
pub fn phones(seed: u64) -> Vec<PhoneSpec> {
    let mut dice = StdRng::seed_from_u64(seed);
    let phone = |n: u16| {
        let [high, low] = (n + 1).to_be_bytes();
        let mac = Mac::new([0x00, 0x04, 0x13, 0x61, high, low]);
        let ip = Ipv4Addr::new(127, 61, high, low).into();
        let mut phone = PhoneSpec::snom(mac, "D785", "10.1.64.14", &(2000 + n).to_string(), ip);
        // Above the second that `boot_at_least` cannot be set below.
        phone.pace.boot = TimeDelta::milliseconds(dice.random_range(1_050..1_600));
        phone.pace.settings = TimeDelta::milliseconds(dice.random_range(0..100));
        phone.pace.flash = TimeDelta::milliseconds(dice.random_range(200..400));
        phone.pace.bytes_per_second = 12_000_000;
        phone.two_boots_visible = dice.random_bool(0.25);
        phone.same_contact = dice.random_bool(0.1);
        phone.unregisters = dice.random_bool(0.5);
        phone
    };
    (0..PHONES).map(phone).collect()
}

/// Short calls to the echo test while the daemon comes and goes.
pub fn calls(began: DateTime<Utc>, seed: u64) -> Vec<CallPlan> {
    let mut dice = StdRng::seed_from_u64(seed);
    let call = |_| CallPlan {
        at: began + TimeDelta::milliseconds(dice.random_range(0..40_000)),
        from: (2000 + dice.random_range(0..PHONES)).to_string(),
        to: "600".to_owned(),
        lasts: TimeDelta::milliseconds(dice.random_range(1_000..5_000)),
    };
    (0..CALLS).map(call).collect()
}

/// The folder of the daemon's files.
pub struct Files {
    folder: tempfile::TempDir,
    depot: SocketAddr,
}

#[derive(Deserialize)]
struct PhoneState {
    state: String,
}

impl Files {
    /// Writes them, and stages the release as an administrator would.
    pub async fn write(building: &Building) -> Self {
        let depot = TcpListener::bind((HERE, 0)).unwrap().local_addr().unwrap();
        let sip = UdpSocket::bind((HERE, 0)).unwrap().local_addr().unwrap();
        let files = Self { folder: tempfile::tempdir().unwrap(), depot };
        for folder in ["policies", "firmware"] {
            std::fs::create_dir(files.path(folder)).unwrap();
        }
        std::fs::write(files.config(), files.settings(building, sip)).unwrap();
        std::fs::write(files.path("policies/snoms.toml"), policy()).unwrap();
        std::fs::write(files.path("phones.csv"), inventory(building)).unwrap();
        let mut image = vec![0; IMAGE_BYTES];
        StdRng::seed_from_u64(1).fill_bytes(&mut image);
        std::fs::write(files.path(&format!("firmware/{}", image_file())), image).unwrap();
        std::fs::write(files.path("firmware/release.toml"), manifest()).unwrap();
        let firmware = files.path("firmware");
        files.sipherd(&["release", "add", firmware.to_str().unwrap()]).await;
        files
    }

    /// One of the files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `sipherd.toml`.
    pub fn config(&self) -> PathBuf {
        self.path("sipherd.toml")
    }

    /// What all daemons wrote to standard error.
    pub fn log(&self) -> PathBuf {
        self.path("daemons.log")
    }

    /// The lines of that about one phone.
    pub fn log_of(&self, mac: Mac) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap();
        let lines = log.lines().filter(|line| line.contains(&mac.to_string()));
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// Where phones ask for settings.
    pub fn depot_url(&self) -> String {
        format!("http://{}", self.depot)
    }

    /// The state of each phone as the daemon tells it.
    pub async fn states(&self) -> Vec<String> {
        let phones: Vec<PhoneState> =
            serde_json::from_str(&self.sipherd(&["phones", "--json"]).await).unwrap();
        phones.into_iter().map(|phone| phone.state).collect()
    }

    /// All that the daemons wrote into the history.
    pub async fn history(&self) -> Vec<Entry> {
        serde_json::from_str(&self.sipherd(&["history", "--limit", "100000", "--json"]).await).unwrap()
    }

    async fn sipherd(&self, words: &[&str]) -> String {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(self.config()).args(words).env_clear();
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn settings(&self, building: &Building, sip: SocketAddr) -> String {
        let (user, secret) = building.ami_account();
        format!(
            r#"state = "state"
policies = "policies"
zone = "UTC"
inventory = "phones.csv"
edit_grace = "0s"

[sip]
listen = "{sip}"
notifies_per_second = 50

[depot]
listen = "{depot}"
url = "http://{depot}"

[[pbx]]
name = "pocket"
kind = "asterisk"
ami = "{ami}"
user = "{user}"
secret = "{secret}"

[api]
socket = "sipherd.sock"

[pace]
down_at_once = {DOWN_AT_ONCE}

[timing.snom]
leave = "8s"
boot_at_least = "1s"
boot = "10s"
fetch = "20s"
flash = "5s"
gap = "1s"
"#,
            depot = self.depot,
            ami = building.pbx().ami(),
        )
    }
}

/// A policy whose windows follow each other without a pause.
fn policy() -> String {
    format!(
        r#"about = "Update the snoms at any time"

[select]
vendor = "snom"

[update]
release = "snom-restart"

[[window]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "00:00"
length = "48h"

[idle]
quiet = "0s"

[pace]
down_at_once = {DOWN_AT_ONCE}

[retry]
attempts = {ATTEMPTS}
backoff = "1s"
"#
    )
}

fn image_file() -> String {
    format!("snomD785-{TARGET}-SIP-r.bin")
}

fn manifest() -> String {
    let file = image_file();
    format!(
        "name = \"snom-restart\"\n\n[[image]]\nfile = \"{file}\"\nvendor = \"snom\"\nmodels = [\"D785\"]\n\
         version = \"{TARGET}\"\n"
    )
}

fn inventory(building: &Building) -> String {
    let mut rows = "mac,lines\n".to_owned();
    for (mac, phone) in building.phones() {
        writeln!(rows, "{mac},{}", phone.spec.user).unwrap();
    }
    rows
}
