//! What a simulated innovaphone remembers, and what a restart does to it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::Make;
use super::image::build_in;
use crate::domain::phone::Mac;
use crate::sim::phone::Misfit;

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
    /// The lines of its configuration.
    pub configuration: Vec<String>,
    /// The update URL it has been given; takes effect with `config activate`, or a restart.
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
    pub(super) written_url: Option<String>,
    stored: BTreeMap<Part, String>,
    booted: Option<DateTime<Utc>>,
    saves: u32,
    saved: Option<NaiveDateTime>,
    broke: bool,
}

impl Unit {
    /// A phone that is switched off.
    pub fn new(mac: Mac, product: &str, firmware: &str, make: Make) -> Self {
        let line = |text: &str| text.to_owned();
        let radio = Some(make.radio.clone()).filter(|serial| !serial.is_empty());
        let radio = radio.into_iter().map(|serial| (Part::Bmc.variable().to_owned(), serial));
        Self {
            mac,
            product: product.to_ascii_uppercase(),
            ip: [127, 0, 0, 1].into(),
            misfit: Misfit::None,
            firmware: firmware.to_owned(),
            boot_code: make.boot_code.clone(),
            radio: make.radio.clone(),
            variables: radio.collect(),
            configuration: vec![
                line("config change PHONE USER0 /name desk"),
                line("config change LANG0 /de"),
            ],
            url: make.update_url.clone(),
            new: make.new,
            wants_reset: false,
            saves_power: product.to_ascii_uppercase().starts_with("IP72"),
            owes: None,
            polls_again: false,
            written_url: None,
            stored: BTreeMap::new(),
            booted: None,
            saves: 0,
            saved: None,
            broke: false,
            make,
        }
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
        if let Some(url) = self.written_url.take() {
            self.url = url;
        }
        self.wants_reset = false;
        self.polls_again = false;
        self.saves_power = self.product.starts_with("IP72");
        self.booted = None;
    }

    /// It is up again.
    pub fn is_up(&mut self, now: DateTime<Utc>) {
        self.booted = Some(now);
    }
}
