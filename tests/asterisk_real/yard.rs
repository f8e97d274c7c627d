//! A yard: a real Asterisk, simulated phones that register at it, and the whole daemon, on a clock that runs fast.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use sipherd::clock::{ScaledClock, SystemClock};
use sipherd::domain::phone::Mac;
use sipherd::ports::Clock;
use sipherd::sim::{Building, BuildingSpec, Expectation, Judgement, Pace, PhoneSpec, Rules, judge};

use crate::support::asterisk::Asterisk;
use crate::support::office::{Daemon, Office};

/// Seconds of the yard in one second.
pub const SPEED: u32 = 20;
/// What the snoms run.
pub const OLD: &str = "10.1.64.14";
/// A policy that updates the snoms, without its window.
pub const UPDATE_SNOMS: &str = "[select]\nvendor = \"snom\"\n\n[update]\nrelease = \"snom-new\"\n";
/// What they are to get.
pub const NEW: &str = "10.1.198.19";
/// Longer than anything awaited takes on a machine under load, in real time.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Length of every window.
const WINDOW: TimeDelta = TimeDelta::hours(3);

/// The MAC of the `n`th phone, whatever its make.
pub fn mac(n: u8) -> Mac {
    Mac::new([0, 4, 0x13, 0x7a, 0, n])
}

/// A snom with line 1000 + `n`.
pub fn snom(n: u8) -> PhoneSpec {
    quick(PhoneSpec::snom(mac(n), "D785", OLD, &user(n), ip(n)))
}

/// A Yealink with line 1000 + `n`; its Contact never changes.
pub fn yealink(n: u8) -> PhoneSpec {
    quick(PhoneSpec::yealink(mac(n), "T46S", "66.86.0.15", &user(n), ip(n)))
}

/// A Grandstream with line 1000 + `n`; its Contact never changes.
pub fn grandstream(n: u8) -> PhoneSpec {
    quick(PhoneSpec::grandstream(mac(n), "GXP2135", "1.0.11.16", &user(n), ip(n)))
}

/// The line of the `n`th phone.
pub fn user(n: u8) -> String {
    (1000 + u16::from(n)).to_string()
}

fn ip(n: u8) -> IpAddr {
    Ipv4Addr::new(127, 70, 0, n).into()
}

/// A second to boot, a second to flash, in real time.
fn quick(phone: PhoneSpec) -> PhoneSpec {
    let second = TimeDelta::seconds(SPEED.into());
    let pace = Pace { boot: second, flash: second, ring: second / 10, ..phone.pace };
    PhoneSpec { password: Asterisk::password(&phone.user), pace, ..phone }
}

/// The yard without a daemon yet.
pub struct Yard {
    /// The PBX.
    pub asterisk: Asterisk,
    /// The phones.
    pub building: Building,
    /// The daemon's files.
    pub office: Office,
    /// Time.
    pub clock: Arc<ScaledClock>,
    /// How long a phone may be away, as `sipherd.toml` has it.
    pub boot: &'static str,
    opens: Option<DateTime<Utc>>,
    listed: String,
}

impl Yard {
    /// Starts Asterisk with so many endpoints and waits until all phones have registered there.
    pub async fn new(asterisk: &Path, endpoints: usize, phones: Vec<PhoneSpec>) -> Self {
        let asterisk = Asterisk::start(asterisk, endpoints).await;
        // Asterisk says when a registration lapses by the machine's clock, and sipherd compares that with its own.
        let clock = Arc::new(ScaledClock::starting_at(SystemClock.now(), SPEED));
        let office = Office::new();
        office.stage("snom-new", NEW, &["D785"]);
        let mut listed = "mac,lines,tags\n".to_owned();
        for phone in &phones {
            writeln!(listed, "{},{},", phone.mac, phone.user).unwrap();
        }
        let registrar = Some(asterisk.sip);
        let phones = phones.into_iter().map(|phone| PhoneSpec { registrar, ..phone }).collect();
        let building = Building::start(BuildingSpec::new(clock.clone(), phones, 7)).await.unwrap();
        building.all_registered(PATIENCE).await.unwrap();
        // Only from their next boot on they ask for settings.
        building.point_at_depot(Some(&office.depot_url()));
        Self { asterisk, building, office, clock, boot: "10m", opens: None, listed }
    }

    /// Puts one more row into the inventory: MAC, lines, tags.
    pub fn list(&mut self, mac: Mac, lines: &str, tags: &str) {
        writeln!(self.listed, "{mac},{lines},{tags}").unwrap();
    }

    /// Writes a policy: what it selects and does, and how many phones at once. Its window opens a little later, the same
    /// for all policies, and does not close again before the test is over.
    pub fn policy(&mut self, name: &str, what: &str, down_at_once: u32) {
        let opens = *self.opens.get_or_insert_with(|| {
            let minute = TimeDelta::minutes(1);
            self.clock.now().duration_trunc(minute).unwrap() + minute * 2
        });
        let text = format!(
            "{what}\n[[window]]\ndays = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\n\
             from = \"{}\"\nlength = \"{}m\"\n\n[idle]\nquiet = \"20s\"\n\n\
             [pace]\ndown_at_once = {down_at_once}\n\n[retry]\nattempts = 1\n",
            opens.format("%H:%M"),
            WINDOW.num_minutes()
        );
        self.office.write(&format!("policies/{name}.toml"), &text);
    }

    /// Starts the daemon; `sip` is more of that table.
    pub async fn daemon(&self, sip: &str) -> Daemon {
        self.office.write("phones.csv", &self.listed);
        let mut tables = format!(
            "[[pbx]]\nname = \"yard\"\nkind = \"asterisk\"\nami = \"{}\"\nuser = \"sipherd\"\n\
             secret = \"of-the-yard\"\nstale_after = \"3m\"\nreconcile = \"1m\"\n",
            self.asterisk.ami
        );
        let boot = self.boot;
        for vendor in ["snom", "yealink", "grandstream"] {
            // A second of a busy machine is twenty in the yard. Only the gap may be as short as its deadlines allow.
            write!(
                tables,
                "\n[timing.{vendor}]\nanswer = \"10m\"\nleave = \"3m\"\nboot_at_least = \"10s\"\nboot = \"{boot}\"\n\
                 fetch = \"10m\"\nflash = \"10m\"\n"
            )
            .unwrap();
        }
        self.office.settings(sip, &tables);
        self.office.open(self.clock.clone()).await
    }

    /// The window of all policies.
    pub fn window(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let opens = self.opens.unwrap();
        (opens, opens + WINDOW)
    }

    /// Has the phones' diaries judged; of phones that `expected` leaves out only what holds for all is asked.
    pub fn judge(
        &self,
        down_at_once: u32,
        expected: impl IntoIterator<Item = (Mac, Expectation)>,
    ) -> Judgement {
        judge(&self.building.logs(), &self.rules(down_at_once, expected))
    }

    /// What the judge is told.
    pub fn rules(&self, down_at_once: u32, expected: impl IntoIterator<Item = (Mac, Expectation)>) -> Rules {
        Rules {
            windows: vec![self.window()],
            slack: TimeDelta::seconds(SPEED.into()),
            down_at_once,
            gap: TimeDelta::minutes(5),
            expected: expected.into_iter().collect(),
        }
    }
}
