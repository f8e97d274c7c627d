//! Writes what the demonstration's daemon reads: configuration, inventory, policies and firmware, in a folder that goes
//! with it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::TARGET;
use crate::depot;
use crate::domain::phone::Mac;
use crate::sim::night::{Night, SNOM_MODELS};
use crate::sim::{Building, Misfit};

/// Trips a policy may make for one phone.
pub const ATTEMPTS: usize = 2;
/// Phones down at once over all policies.
pub const DOWN_AT_ONCE: u32 = 12;
/// The line of a phone that is in a call for half of the night; a Yealink, which reboots at once.
pub const TALKER: &str = "2170";
/// Length of the images in bytes.
const IMAGE_BYTES: usize = 400_000;

const SNOMS: &str = r#"about = "Update the snoms at night, six at a time"

[select]
vendor = "snom"

[update]
release = "snom-demo"

[[window]]
days = ["mon", "tue", "wed", "thu", "fri"]
from = "22:00"
to   = "03:00"

[idle]
quiet = "10m"

[pace]
down_at_once = 6

[retry]
attempts = 2
"#;

const LATE_SHIFT: &str = r#"about = "The late shift works until midnight"
priority = 10

[select]
tag = "late-shift"

[update]
release = "snom-demo"

[[window]]
days = ["sat"]
from = "00:30"
to   = "03:00"

[pace]
down_at_once = 3

[retry]
attempts = 2
"#;

const OTHERS: &str = r#"about = "Everybody else is rebooted once in the night"

[select]
vendor = ["yealink", "grandstream"]

[reboot]

[[window]]
days = ["fri"]
from = "22:00"
to   = "03:00"

[idle]
quiet = "10m"

[pace]
down_at_once = 3
"#;

/// The folder, and the addresses chosen for it.
pub struct Stage {
    folder: tempfile::TempDir,
    depot: SocketAddr,
}

impl Stage {
    /// An empty folder and a free port for the depot.
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("sipherd-demo-").tempdir()?;
        let depot = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        Ok(Self { folder, depot })
    }

    /// Where phones ask for their settings.
    pub fn depot_url(&self) -> String {
        format!("http://{}", self.depot)
    }

    /// `sipherd.toml`.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("sipherd.toml")
    }

    /// Writes everything.
    pub fn write(&self, building: &Building, night: &Night, late: &BTreeSet<Mac>) -> io::Result<()> {
        let folder = self.folder.path();
        fs::create_dir(folder.join("policies"))?;
        fs::write(folder.join("policies/snoms.toml"), SNOMS)?;
        fs::write(folder.join("policies/late-shift.toml"), LATE_SHIFT)?;
        fs::write(folder.join("policies/others.toml"), OTHERS)?;
        fs::write(folder.join("phones.csv"), inventory(night, late))?;
        fs::write(self.config(), self.settings(building))?;
        self.firmware()
    }

    fn settings(&self, building: &Building) -> String {
        let (user, secret) = building.ami_account();
        format!(
            r#"state = "state"
policies = "policies"
zone = "Europe/Berlin"
inventory = "phones.csv"
edit_grace = "0s"

[sip]
listen = "127.0.0.1:0"
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
stale_after = "10m"
reconcile = "2m"

[api]
socket = "sipherd.sock"

[pace]
down_at_once = {DOWN_AT_ONCE}

# Milliseconds of the wire are minutes of this night.
[timing.snom]
answer = "10m"
leave = "10m"
boot = "10m"
fetch = "20m"
flash = "10m"
[timing.yealink]
answer = "10m"
boot = "10m"
[timing.grandstream]
answer = "10m"
boot = "10m"
"#,
            depot = self.depot,
            ami = building.pbx().ami(),
        )
    }

    /// Images of arbitrary bytes, staged as an administrator would.
    fn firmware(&self) -> io::Result<()> {
        let source = self.folder.path().join("firmware");
        fs::create_dir(&source)?;
        let mut manifest = "name = \"snom-demo\"\n".to_owned();
        let mut dice = StdRng::seed_from_u64(1);
        for model in SNOM_MODELS {
            let file = format!("snom{model}-{TARGET}-SIP-r.bin");
            let mut bytes = vec![0; IMAGE_BYTES];
            dice.fill_bytes(&mut bytes);
            fs::write(source.join(&file), bytes)?;
            // Writing to a string cannot fail.
            let _ = write!(
                manifest,
                "\n[[image]]\nfile = \"{file}\"\nvendor = \"snom\"\nmodels = [\"{model}\"]\nversion = \"{TARGET}\"\n"
            );
        }
        fs::write(source.join("release.toml"), manifest)?;
        let releases = self.folder.path().join("state/releases");
        depot::add(&releases, &source, None, &mut |_| {}).map_err(io::Error::other)?;
        Ok(())
    }
}

/// The phone that will reboot on its own, and a few more, belong to the late shift: what happens to it before its
/// own window must not update it.
pub fn late_phones(night: &Night) -> BTreeSet<Mac> {
    let itself = night.phones.iter().filter(|phone| matches!(phone.misfit, Misfit::RebootsItself { .. }));
    let more = night.phones.iter().filter(|p| p.vendor == "snom" && p.misfit == Misfit::None).take(5);
    itself.chain(more).map(|phone| phone.mac).collect()
}

fn inventory(night: &Night, late: &BTreeSet<Mac>) -> String {
    let mut rows = "mac,lines,tags\n".to_owned();
    for phone in &night.phones {
        let tag = if late.contains(&phone.mac) { "late-shift" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(rows, "{},{},{tag}", phone.mac, phone.user);
    }
    rows
}
