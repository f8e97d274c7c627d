//! What a simulated snom is besides a phone: its settings memory, its expansion modules, and its own web server.
//!
//! What it does is what its maker's documents say; it shares nothing with the code that is tested against it.

mod module;
mod web;

use chrono::TimeDelta;

pub(super) use module::{left_alone, update_module};
pub(super) use web::serve;

/// A snom as it is ordered from the shop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Make {
    /// It has a USB port for expansion modules.
    pub usb: bool,
    /// The modules that are plugged in when it is switched on.
    pub modules: Vec<Module>,
    /// The port its web server listens on, at its own address; `None` serves nothing.
    pub web_port: Option<u16>,
    /// User and password that the web server asks for.
    pub web_password: Option<(String, String)>,
    /// The setting `bootloader`, as somebody left it.
    pub bootloader: String,
    /// What is wrong with it: its web server says that it has saved a setting, and has not.
    pub saves_nothing: bool,
}

/// An expansion module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// It is a D7C; else a UXM.
    pub d7c: bool,
    /// What it runs.
    pub version: String,
    /// It has a power supply of its own.
    pub powered: bool,
}

impl Module {
    /// A UXM on USB power.
    pub fn uxm(version: &str) -> Self {
        Self { d7c: false, version: version.to_owned(), powered: false }
    }

    /// A D7C on USB power.
    pub fn d7c(version: &str) -> Self {
        Self { d7c: true, ..Self::uxm(version) }
    }

    /// The same with a power supply.
    pub fn powered(self) -> Self {
        Self { powered: true, ..self }
    }
}

/// What survives a reboot.
#[derive(Debug, Clone, Default)]
pub(super) struct Flash {
    pub make: Make,
    /// What is plugged in now.
    pub modules: Vec<Module>,
    /// What the information page shows of the single module; it lags behind what the module runs.
    pub shown: Option<String>,
    /// The setting `setting_server`; empty asks where the building says.
    pub setting_server: String,
    /// The setting `firmware_uxm`: the URL of the module image that was written last.
    pub firmware_uxm: String,
    /// The setting `bootloader`: the URL of what is written as its bootloader.
    pub bootloader: String,
    /// The setting `checksync_action`.
    pub checksync_action: String,
    /// How often it reads its settings by itself.
    pub poll: Option<TimeDelta>,
    /// The module image its firmware document names, and whether `update_policy` allows it.
    pub module_offer: Option<String>,
    /// What the phone runs, for its information page.
    pub runs: String,
    /// Its stack runs: the web server answers.
    pub up: bool,
}

impl Flash {
    /// The memory of a phone as it is ordered.
    pub fn new(make: Make, runs: &str) -> Self {
        let modules = make.modules.clone();
        let shown = single(&modules).map(|module| module.version.clone());
        let bootloader = make.bootloader.clone();
        Self { make, modules, shown, bootloader, runs: runs.to_owned(), ..Self::default() }
    }

    /// The tail of its HTTP User-Agent.
    pub fn counts(&self) -> String {
        let count = |d7c: bool| self.modules.iter().filter(|module| module.d7c == d7c).count();
        format!("SXM:0 UXM:{} UXMC:{}", count(false), count(true))
    }

    /// Something is plugged in or out.
    pub fn plug(&mut self, modules: Vec<Module>) {
        self.shown = single(&modules).map(|module| module.version.clone());
        self.modules = modules;
    }
}

/// The only module.
fn single(modules: &[Module]) -> Option<&Module> {
    match modules {
        [only] => Some(only),
        _ => None,
    }
}
