//! Unify phones and their deployment service: daemon and simulated phones over real sockets.

/// Phones that poll, fetch a file, or call from elsewhere; the service's own bytes.
mod doors;
/// The customer's hardware check, held by the gate and made by the phone.
mod hardware;
/// Settings that are written and read back.
mod items;
/// Phones that go, and what becomes of them.
mod journeys;
/// Files that are no images.
mod media;
/// Two contacts lie five minutes apart.
mod patience;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use sipherd::clock::ScaledClock;
use sipherd::sim::unify::Make;
use sipherd::sim::{Building, LogLine, PhoneSpec, What};

use super::site::{ALWAYS, Daemon, House, LIMIT, Site, building, count, friday, user};

/// What the phones run at first, and what the release brings.
pub const OLD: &str = "1.4.9.0";
pub const NEW: &str = "1.5.6.0";
pub const MODEL: &str = "OpenStage 80";
pub const DRAIN: Duration = Duration::from_millis(1);

/// Deadlines for a building whose time runs fast.
const TIMING: &str =
    "\n[timing.unify]\nanswer = \"10m\"\nleave = \"20m\"\nboot = \"20m\"\nfetch = \"20m\"\nflash = \"6m\"\n";

/// What an administrator knows of the hardware behind the simulated part numbers.
const PROFILE: &str = "vendor = \"unify\"\n[[hardware]]\npart = \"S30817-S7403-A101-00*\"\nlevel = \"1\"\nsoftware = \"1.0\"\n\
                       [[hardware]]\npart = \"S30817-S7403-A101-*\"\nlevel = \"2\"\nsoftware = \"1.4.0.0\"\n";

/// An OpenStage 80 with line `20nn`.
pub fn openstage(house: House, n: u8) -> PhoneSpec {
    PhoneSpec::unify(house.mac(n), MODEL, OLD, &user(n), house.ip(n))
}

/// The same, made otherwise.
pub fn made(phone: PhoneSpec, change: impl FnOnce(&mut Make)) -> PhoneSpec {
    let mut make = phone.unify.clone().unwrap();
    change(&mut make);
    PhoneSpec { unify: Some(make), ..phone }
}

pub const UPDATE: &str = "[update]\nrelease = \"unify-new\"\n";

/// Restarts, of phones that have told what they run: not of one that is just being switched off and on.
pub const REBOOT: &str = "version = \">= 1\"\n\n[reboot]\n";

/// A policy for all phones, with a window that is always open.
pub fn policy(action: &str, more: &str) -> String {
    format!("[select]\nline = \"*\"\n\n{action}\n{ALWAYS}\n[idle]\nquiet = \"0s\"\n\n{more}")
}

/// A building, its site and its daemon.
pub struct Night {
    pub house: House,
    pub building: Building,
    pub site: Site,
    pub daemon: Daemon,
    pub service: SocketAddr,
    pub clock: Arc<ScaledClock>,
}

/// What a night has besides its phones and its policy.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// Further keys of `[deployment]`.
    pub keys: &'a str,
    /// The service speaks TLS.
    pub secure: bool,
    /// Further keys of the image in the manifest.
    pub image: &'a str,
    /// What the image begins with.
    pub begins: &'a str,
    /// The model it is for.
    pub model: &'a str,
    /// Further columns of each phone in the inventory: `hardware` and `tags`.
    pub columns: &'a str,
    /// The profile of the administrator's own.
    pub profile: &'a str,
    /// Each phone is switched off and on once the daemon looks, so that it tells what it is.
    pub starts_anew: bool,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            keys: "",
            secure: false,
            image: "hardware = [\"2\", \"3\"]",
            begins: "SIM-BIND hardware=2,3\n",
            model: MODEL,
            columns: ",",
            profile: PROFILE,
            starts_anew: true,
        }
    }
}

impl Night {
    /// The phones are told of a service that is not there yet, so none of them is known when the daemon starts.
    pub async fn begin(house: House, phones: Vec<PhoneSpec>, policy: &str, setup: Setup<'_>) -> Self {
        let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
        let numbers: Vec<u8> = (1..).take(phones.len()).collect();
        let building = building(clock.clone(), phones).await;
        let site = Site::new(house);
        let service = TcpListener::bind(SocketAddr::new(house.ip(251), 0)).unwrap().local_addr().unwrap();
        stage(&site, "unify-new", NEW, setup);
        fs::create_dir(site.path("profiles")).unwrap();
        site.write("profiles/unify.toml", setup.profile);
        site.write("policies/night.toml", policy);
        let rows = numbers
            .iter()
            .map(|n| format!("{},{},unify,{},{}\n", house.mac(*n), user(*n), setup.model, setup.columns));
        site.write(
            "phones.csv",
            &("mac,lines,vendor,model,hardware,tags\n".to_owned() + &rows.collect::<String>()),
        );
        let scheme = if setup.secure { "https" } else { "http" };
        let identity = if setup.secure { identity(&site, service) } else { String::new() };
        let url = format!("{scheme}://{service}");
        let tables = format!(
            "\n[deployment]\nlisten = \"{service}\"\nurl = \"{url}\"\n{identity}{}{TIMING}",
            setup.keys
        );
        site.settings(&building, "", &tables);
        let settings = fs::read_to_string(site.path("sipherd.toml")).unwrap();
        site.write("sipherd.toml", &format!("profiles = \"profiles\"\n{settings}"));
        let daemon = site.start(clock.clone(), DRAIN).await;
        daemon.sees("pocket").await;
        building.point_at_deployment(Some(&format!("{url}/DeploymentService/LoginService")));
        if setup.starts_anew {
            for n in numbers {
                building.phone(&user(n)).unwrap().power_cycle();
            }
        }
        Self { house, building, site, daemon, service, clock }
    }

    /// The diary of a phone.
    pub fn log(&self, n: u8) -> Vec<LogLine> {
        self.building.log(self.house.mac(n))
    }

    /// What its service told a phone, in order, from when it was first asked to call.
    pub fn said(&self, n: u8) -> Vec<String> {
        let log = self.log(n);
        let asked = log.iter().position(|line| line.what == What::ContactMe).unwrap_or(0);
        let told = log[asked..].iter().filter_map(|line| match &line.what {
            What::ServiceSaid { action } => Some(action.clone()),
            _ => None,
        });
        told.collect()
    }

    /// Waits until the diary of a phone is as wanted.
    pub async fn until(&self, n: u8, wanted: impl Fn(&[LogLine]) -> bool) {
        let waited = self.building.wait(self.house.mac(n), LIMIT, wanted).await;
        waited.unwrap_or_else(|error| panic!("{error}: {:#?}", self.log(n)));
    }

    /// Waits until so many conversations of a phone have come to their end.
    pub async fn conversations(&self, n: u8, ended: usize) {
        let end = |what: &What| matches!(what, What::ServiceSaid { action } if action == "CleanUp");
        self.until(n, |log| log.iter().filter(|line| end(&line.what)).count() >= ended).await;
    }

    /// Switched off and on, a phone is told nothing but to say what it is: it keeps what it runs.
    pub async fn stays(&self, n: u8) {
        self.conversations(n, 1).await;
        self.building.phone(&user(n)).unwrap().power_cycle();
        self.conversations(n, 2).await;
        let log = self.log(n);
        let begun = |what: &What| matches!(what, What::ContactMe | What::ImageBegan { .. });
        assert_eq!(count(&log, begun), 0, "{log:#?}");
        assert!(self.said(n).iter().all(|said| said == "ReadItems" || said == "CleanUp"), "{log:#?}");
    }

    /// The kinds in the history of a phone.
    pub async fn kinds(&self, n: u8) -> Vec<String> {
        self.daemon.history(self.house.mac(n)).await.into_iter().map(|(kind, _)| kind).collect()
    }

    pub async fn end(self) {
        self.daemon.stop().await;
        self.building.shutdown().await;
    }
}

/// Stages a release with one image.
pub fn stage(site: &Site, name: &str, version: &str, setup: Setup<'_>) {
    let source = site.path(&format!("firmware-{name}"));
    fs::create_dir(&source).unwrap();
    let file = format!("{name}-{version}.img");
    fs::write(source.join(&file), format!("{}{}", setup.begins, "image ".repeat(20_000))).unwrap();
    let manifest = format!(
        "name = \"{name}\"\n[[image]]\nfile = \"{file}\"\nvendor = \"unify\"\nmodels = [\"{}\"]\nversion = \"{version}\"\n{}\n",
        setup.model, setup.image
    );
    fs::write(source.join("release.toml"), manifest).unwrap();
    sipherd::depot::add(&site.path("state/releases"), &source, None, &mut |_| {}).unwrap();
}

/// A certificate of the service's own, and the keys that name it.
fn identity(site: &Site, service: SocketAddr) -> String {
    let made = rcgen::generate_simple_self_signed(vec![service.ip().to_string()]).unwrap();
    site.write("depot.pem", &made.cert.pem());
    site.write("depot-key.pem", &made.signing_key.serialize_pem());
    "certificate = \"depot.pem\"\nkey = \"depot-key.pem\"\n".to_owned()
}
