//! What a simulated innovaphone remembers, and what a restart does to it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::Make;
use super::image::build_in;
use crate::domain::phone::Mac;
use crate::sim::phone::Misfit;

/// From one poll to the next while it was told to poll often.
const OFTEN: TimeDelta = TimeDelta::seconds(15);

/// What it was configured with when it was installed.
fn first_lines() -> Vec<String> {
    ["config change PHONE USER0 /name desk", "config change LANG0 /de"].map(str::to_owned).into()
}

/// A part that can be brought to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The firmware.
    Prot,
    /// The boot code.
    Boot,
    /// The radio code.
    Bmc,
}

impl Part {
    /// Its word in scripts.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Prot => "prot",
            Self::Boot => "boot",
            Self::Bmc => "bmc",
        }
    }

    /// The variable that holds its serial, without `UPDATE/`.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Prot => "PROT",
            Self::Boot => "BOOT",
            Self::Bmc => "BMC",
        }
    }
}

/// A restart that a script asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// It waits until nobody uses the phone.
    pub waits: bool,
    /// It is the watchdog's, which activates boot code.
    pub by_watchdog: bool,
}

/// The memory of an innovaphone.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Its hardware address.
    pub mac: Mac,
    /// Its product: `IP222`.
    pub product: String,
    /// One of its addresses.
    pub ip: std::net::IpAddr,
    /// What it was ordered with.
    pub make: Make,
    /// What is wrong with it.
    pub misfit: Misfit,
    /// The firmware that runs.
    pub firmware: String,
    /// The boot code that runs.
    pub boot_code: String,
    /// The radio code it has.
    pub radio: String,
    /// Its UPDATE variables.
    pub variables: BTreeMap<String, String>,
    /// The lines of its configuration as they were last edited: in force, or written, or neither.
    pub configuration: Vec<String>,
    /// The lines that are in force: those activated, or written before the last restart.
    pub in_force: Vec<String>,
    /// The update URL it polls.
    pub url: String,
    /// It has the settings it left the factory with.
    pub new: bool,
    /// A restart is needed for what was brought or configured.
    pub wants_reset: bool,
    /// It saves power.
    pub saves_power: bool,
    /// A restart it owes once nobody uses it.
    pub owes: Option<Restart>,
    /// It has been told to poll at once.
    pub polls_again: bool,
    pub(super) edited_url: Option<String>,
    /// What a restart finds: the lines and the URL that were written.
    written: (Vec<String>, String),
    polls_often_until: Option<DateTime<Utc>>,
    stored: BTreeMap<Part, String>,
    booted: Option<DateTime<Utc>>,
    saves: u32,
    saved: Option<NaiveDateTime>,
    broke: bool,
}

impl Unit {
    /// A phone that is switched off.
    pub fn new(mac: Mac, product: &str, firmware: &str, make: Make) -> Self {
        let stored = [(Part::Prot, &make.prot), (Part::Bmc, &make.radio)];
        let stored = stored.into_iter().filter(|(_, serial)| !serial.is_empty());
        let stored = stored.map(|(part, serial)| (part.variable().to_owned(), serial.clone()));
        Self {
            mac,
            product: product.to_ascii_uppercase(),
            ip: [127, 0, 0, 1].into(),
            misfit: Misfit::None,
            firmware: firmware.to_owned(),
            boot_code: make.boot_code.clone(),
            radio: make.radio.clone(),
            variables: stored.collect(),
            configuration: first_lines(),
            in_force: first_lines(),
            url: make.update_url.clone(),
            new: make.new,
            wants_reset: false,
            saves_power: product.to_ascii_uppercase().starts_with("IP72"),
            owes: None,
            polls_again: false,
            edited_url: None,
            written: (first_lines(), make.update_url.clone()),
            polls_often_until: None,
            stored: BTreeMap::new(),
            booted: None,
            saves: 0,
            saved: None,
            broke: false,
            make,
        }
    }

    /// Its firmware is from before V6.00 sr2-hotfix3: no `reboot`, and `scfg` with nothing behind its URL.
    pub(super) fn is_old(&self) -> bool {
        ["V4.", "V5.", "V6.00 sr1"].iter().any(|old| self.make.release.starts_with(old))
    }

    /// What its clock shows; `None` when it was never set.
    pub fn clock(&self, now: DateTime<Utc>) -> Option<NaiveDateTime> {
        Some((now + self.make.clock?).naive_utc())
    }

    /// How long it has been up.
    pub fn up(&self, now: DateTime<Utc>) -> TimeDelta {
        self.booted.map_or(TimeDelta::zero(), |booted| now - booted)
    }

    /// An UPDATE variable; empty is unset.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Sets an UPDATE variable, and when that was.
    pub(super) fn set(&mut self, name: &str, value: &str, now: DateTime<Utc>) {
        self.variables.insert(name.to_owned(), value.to_owned());
        let date = self.clock(now).map_or_else(String::new, |time| time.format("%Y%m%d-%H%M%S").to_string());
        self.variables.insert(format!("{name}date"), date);
    }

    /// What runs of this part.
    pub(super) fn running(&self, part: Part) -> &str {
        match part {
            Part::Prot => &self.firmware,
            Part::Boot => &self.boot_code,
            Part::Bmc => &self.radio,
        }
    }

    /// Whether the next download breaks: always where the phone saves power, once where that is its misfit.
    pub(super) fn breaks_now(&mut self) -> bool {
        let fit = self.misfit == Misfit::BreaksDownload && !self.broke;
        self.broke |= fit;
        fit || self.saves_power
    }

    /// The build of an image, if the phone will keep it: one for another product it will not.
    pub(super) fn takes(&self, part: Part, bytes: &[u8]) -> Option<String> {
        build_in(bytes, &self.product, part).filter(|_| self.misfit != Misfit::RejectsImage)
    }

    /// A part has been downloaded; it runs after a restart.
    pub(super) fn store(&mut self, part: Part, build: String) {
        self.stored.insert(part, build);
        self.wants_reset = true;
        self.new = false;
    }

    /// Its configuration as `scfg` hands it in.
    pub fn handed_in(&self) -> String {
        let variables =
            self.variables.iter().map(|(name, value)| format!("vars create UPDATE/{name} p {value}"));
        let url = format!("config change UP1 /url {}", self.url);
        let lines = self.configuration.iter().cloned().chain([url]).chain(variables);
        lines.map(|line| line + "\r\n").collect()
    }

    /// It has handed its configuration in: when, and how often before.
    pub(super) fn has_saved(&mut self, now: DateTime<Utc>) {
        self.saves = self.saves.wrapping_add(1);
        self.saved = self.clock(now);
        self.set("CFG-BACKUP-NUM", &self.saves.to_string(), now);
    }

    /// How often it has handed its configuration in, and when last.
    pub(super) fn saves(&self) -> (u32, Option<NaiveDateTime>) {
        (self.saves, self.saved)
    }

    /// A line of `config` that changes something: neither written nor in force yet, and taken to need a restart, but for
    /// those of the update client itself.
    pub(super) fn edit(&mut self, line: &str) {
        self.configuration.retain(|known| known != line);
        self.configuration.push(line.to_owned());
        if line.split(' ').nth(2) != Some("UP1") {
            self.new = false;
            self.wants_reset = true;
        }
    }

    /// `config write`: what was edited outlives a restart.
    pub(super) fn write(&mut self) {
        let url = self.edited_url.clone().unwrap_or_else(|| self.url.clone());
        self.written = (self.configuration.clone(), url);
    }

    /// `config activate`: what was edited is in force.
    pub(super) fn activate(&mut self) {
        self.in_force.clone_from(&self.configuration);
        if let Some(url) = self.edited_url.take() {
            self.url = url;
        }
        self.asks_dhcp();
    }

    /// The URL of DHCP wins where nothing says that it does not.
    fn asks_dhcp(&mut self) {
        let deaf = |line: &String| line.starts_with("config ") && line.ends_with(" UP1 /no-dhcp");
        if self.make.by_dhcp && !self.in_force.iter().any(deaf) {
            self.url.clone_from(&self.make.update_url);
        }
    }

    /// `provision`: it polls often for so many minutes; 0 ends that.
    pub(super) fn provision(&mut self, minutes: u32, now: DateTime<Utc>) {
        self.polls_often_until = (minutes > 0).then(|| now + TimeDelta::minutes(minutes.into()));
    }

    /// From this poll to the next one.
    pub fn next_poll(&self, now: DateTime<Utc>) -> TimeDelta {
        if self.polls_again {
            TimeDelta::seconds(1)
        } else if self.polls_often_until.is_some_and(|until| now < until) {
            OFTEN.min(self.make.interval)
        } else {
            self.make.interval
        }
    }

    /// Somebody resets it to factory defaults: code stays, all else is gone. It is to go down now.
    pub fn factory_reset(&mut self) {
        self.variables.clear();
        self.edited_url = None;
        self.written = (Vec::new(), self.make.update_url.clone());
        (self.saves, self.saved) = (0, None);
        self.new = true;
    }

    /// It goes down; cold where the power went.
    pub fn goes_down(&mut self, cold: bool) {
        let by_watchdog = cold || self.owes.take().is_some_and(|restart| restart.by_watchdog);
        // An IP21 has no watchdog restart: any restart activates its boot code.
        if (by_watchdog || self.product == "IP21")
            && let Some(build) = self.stored.remove(&Part::Boot)
        {
            self.boot_code = build;
        }
        if let Some(build) = self.stored.remove(&Part::Prot) {
            // The misfit has the serial and not the build.
            if self.misfit != Misfit::ReturnsOld {
                self.firmware = build;
            }
        }
        if let Some(build) = self.stored.remove(&Part::Bmc) {
            self.radio = build;
        }
        (self.configuration, self.url) = self.written.clone();
        self.in_force.clone_from(&self.configuration);
        self.edited_url = None;
        self.asks_dhcp();
        if self.make.forgets {
            self.variables.retain(|name, _| !name.starts_with(Part::Prot.variable()));
        }
        self.wants_reset = false;
        self.polls_again = false;
        self.polls_often_until = None;
        self.saves_power = self.product.starts_with("IP72");
        self.booted = None;
    }

    /// It is up again.
    pub fn is_up(&mut self, now: DateTime<Utc>) {
        self.booted = Some(now);
    }
}
