//! One simulated desk phone: what it is, how fast it is, what is wrong with it, and the handle to it.

mod calls;
mod deployment;
mod download;
mod life;
mod makers;
mod orders;
mod polling;
mod registration;
mod snom;
mod stack;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::house::House;
use super::innovaphone::{Make, Unit};
use super::snom::Flash;
use super::unify::Make as UnifyMake;
use crate::domain::phone::Mac;

/// A phone as it is ordered from the shop.
#[derive(Clone)]
pub struct PhoneSpec {
    /// Its hardware address.
    pub mac: Mac,
    /// `snom`, `yealink`, `grandstream`, or another maker.
    pub vendor: String,
    /// The model as the phone writes it: `D785`, `T46S`.
    pub model: String,
    /// What it runs when it is switched on.
    pub version: String,
    /// Its line.
    pub user: String,
    /// The address it binds, one of 127.0.0.0/8; port 0 takes any.
    pub address: SocketAddr,
    /// The SIP password of its line, also asked of those who challenge it.
    pub password: String,
    /// Where it registers; `None` is the building's own PBX.
    pub registrar: Option<SocketAddr>,
    /// Base address of its settings server; `None` is the building's.
    pub depot: Option<String>,
    /// How long things take.
    pub pace: Pace,
    /// It answers a NOTIFY with 401 until the credentials fit.
    pub challenges: bool,
    /// After the first boot of an update it registers, still with the old version, before it downloads.
    pub two_boots_visible: bool,
    /// Its Contact is the same after each boot (no `line=` drawn anew).
    pub same_contact: bool,
    /// It takes its registration back before it reboots; otherwise it just vanishes.
    pub unregisters: bool,
    /// What is wrong with it.
    pub misfit: Misfit,
    /// What it is besides, if it is a Unify phone.
    pub unify: Option<UnifyMake>,
    /// What it is besides, if it is an innovaphone.
    pub innovaphone: Option<Make>,
    /// What it is besides, if it is a snom with modules, a web server or settings that it keeps.
    pub snom: Option<super::snom::Make>,
}

/// How long things take on a phone, in the building's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From power or reboot to the first request.
    pub boot: TimeDelta,
    /// From there to the request for settings.
    pub settings: TimeDelta,
    /// How fast it downloads, in bytes a second; 0 is as fast as it can.
    pub bytes_per_second: u64,
    /// From the last byte of an image to the reboot.
    pub flash: TimeDelta,
    /// From ringing to being picked up.
    pub ring: TimeDelta,
    /// Expiry of its registration.
    pub expires: TimeDelta,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            boot: TimeDelta::seconds(40),
            settings: TimeDelta::seconds(2),
            bytes_per_second: 2_000_000,
            flash: TimeDelta::seconds(60),
            ring: TimeDelta::seconds(6),
            expires: TimeDelta::seconds(3600),
        }
    }
}

/// What is wrong with a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Misfit {
    /// Nothing.
    #[default]
    None,
    /// Answers every NOTIFY with this status.
    Refuses(u16),
    /// Accepts a NOTIFY and does nothing.
    NeverLeaves,
    /// Reboots when asked and is not seen again.
    NeverReturns,
    /// Ignores the firmware it is offered.
    ReturnsOld,
    /// Breaks its first download in the middle, then resumes it.
    BreaksDownload,
    /// Reboots on its own, once, this long after its first registration.
    RebootsItself {
        /// The building's time since the first registration.
        after: TimeDelta,
    },
    /// This many of its answers to NOTIFYs are lost on the way.
    LosesOks(u32),
    /// Answers no NOTIFY for this long after its first registration.
    SilentFor(TimeDelta),
    /// Downloads an image and refuses to flash it.
    RejectsImage,
    /// Reboots where it is asked to read its settings anew.
    RebootsToResync,
    /// Never polls the script it should poll.
    NeverPolls,
    /// Reads its settings anew where it is asked to reboot, as its own settings have it.
    ResyncsOnly,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("is well"),
            Self::Refuses(status) => write!(f, "refuses with {status}"),
            Self::NeverLeaves => f.write_str("never leaves"),
            Self::NeverReturns => f.write_str("never returns"),
            Self::ReturnsOld => f.write_str("ignores the firmware"),
            Self::BreaksDownload => f.write_str("breaks off its download"),
            Self::RebootsItself { .. } => f.write_str("reboots by itself"),
            Self::LosesOks(count) => write!(f, "loses {count} answers"),
            Self::SilentFor(_) => f.write_str("is silent for a while"),
            Self::RejectsImage => f.write_str("rejects the image"),
            Self::RebootsToResync => f.write_str("reboots to read its settings"),
            Self::NeverPolls => f.write_str("never polls"),
            Self::ResyncsOnly => f.write_str("reads its settings and does not reboot"),
        }
    }
}

impl PhoneSpec {
    /// A snom in good health.
    pub fn snom(mac: Mac, model: &str, version: &str, user: &str, ip: IpAddr) -> Self {
        Self::of("snom", mac, model, version, user, ip)
    }

    /// A Yealink: reboots at once, in a call or not; its Contact never changes.
    pub fn yealink(mac: Mac, model: &str, version: &str, user: &str, ip: IpAddr) -> Self {
        Self { same_contact: true, ..Self::of("yealink", mac, model, version, user, ip) }
    }

    /// A Grandstream that asks nobody for a password: reboots at once, tells nobody about its dialogs.
    pub fn grandstream(mac: Mac, model: &str, version: &str, user: &str, ip: IpAddr) -> Self {
        Self { same_contact: true, ..Self::of("grandstream", mac, model, version, user, ip) }
    }

    /// An innovaphone: takes no NOTIFY, polls its update script.
    pub fn innovaphone(mac: Mac, product: &str, build: &str, user: &str, ip: IpAddr) -> Self {
        Self { innovaphone: Some(Make::default()), ..Self::of("innovaphone", mac, product, build, user, ip) }
    }

    /// A Unify phone; its version is written with points, `1.4.9.0`.
    pub fn unify(mac: Mac, model: &str, version: &str, user: &str, ip: IpAddr) -> Self {
        Self { unify: Some(UnifyMake::default()), ..Self::of("unify", mac, model, version, user, ip) }
    }

    /// The same with a fault.
    pub fn with_misfit(self, misfit: Misfit) -> Self {
        Self { misfit, ..self }
    }

    /// A phone of a maker as it comes from the shop: `poly`, `gigaset`, `cisco-spa`; its Contact never changes.
    pub fn of_maker(vendor: &str, mac: Mac, model: &str, version: &str, user: &str, ip: IpAddr) -> Self {
        let challenges = makers::named(vendor).challenges;
        Self { same_contact: true, challenges, ..Self::of(vendor, mac, model, version, user, ip) }
    }

    /// The `User-Agent` of its SIP messages while it runs `version`.
    pub fn sip_user_agent(&self, version: &str) -> String {
        makers::maker(self).sip_user_agent(self, version)
    }

    /// The `User-Agent` of its HTTP requests while it runs `version`.
    pub fn http_user_agent(&self, version: &str) -> String {
        makers::maker(self).http_user_agent(self, version)
    }

    /// The name of the settings file it asks for.
    pub fn settings_file(&self) -> String {
        makers::maker(self).settings_file(self)
    }

    fn of(vendor: &str, mac: Mac, model: &str, version: &str, user: &str, ip: IpAddr) -> Self {
        Self {
            mac,
            vendor: vendor.to_owned(),
            model: model.to_owned(),
            version: version.to_owned(),
            user: user.to_owned(),
            address: SocketAddr::new(ip, 0),
            password: format!("secret-{user}"),
            registrar: None,
            depot: None,
            pace: Pace::default(),
            challenges: false,
            two_boots_visible: false,
            same_contact: false,
            unregisters: false,
            misfit: Misfit::None,
            unify: None,
            innovaphone: None,
            snom: None,
        }
    }
}

impl std::fmt::Debug for PhoneSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} ({} on {})", self.vendor, self.model, self.version, self.user, self.mac)
    }
}

/// What a person at the desk, or the building, does to a phone.
#[derive(Debug)]
pub(super) enum Hand {
    /// Dial.
    Call {
        /// The other line, or `600`.
        to: String,
        /// How long to talk once answered.
        lasts: TimeDelta,
    },
    /// Pull the plug and put it back.
    PowerCycle,
    /// Reset it to factory defaults.
    FactoryReset,
    /// Ask for a reboot at its web page.
    WebReboot,
}

/// A phone standing in the building.
#[derive(Debug, Clone)]
pub struct Phone {
    /// What it was ordered as; `version` is what it ran at first.
    pub spec: Arc<PhoneSpec>,
    /// Where it listens for SIP.
    pub address: SocketAddr,
    hand: mpsc::UnboundedSender<Hand>,
    flash: Option<Arc<Mutex<Flash>>>,
    unit: Option<Arc<Mutex<Unit>>>,
}

impl Phone {
    /// From now on these expansion modules are plugged in, and no others.
    pub fn plug(&self, modules: Vec<super::snom::Module>) {
        if let Some(flash) = &self.flash {
            flash.lock().unwrap_or_else(PoisonError::into_inner).plug(modules);
        }
    }

    /// What the expansion modules run.
    pub fn modules(&self) -> Vec<String> {
        let flash = self.flash.as_ref().map(|flash| flash.lock().unwrap_or_else(PoisonError::into_inner));
        flash
            .map(|flash| flash.modules.iter().map(|module| module.version.clone()).collect())
            .unwrap_or_default()
    }

    /// The setting `firmware_uxm`: the URL of the module image that it wrote last.
    pub fn firmware_uxm(&self) -> String {
        let flash = self.flash.as_ref().map(|flash| flash.lock().unwrap_or_else(PoisonError::into_inner));
        flash.map(|flash| flash.firmware_uxm.clone()).unwrap_or_default()
    }

    /// Dials, unless the phone is down or in a call.
    pub fn call(&self, to: &str, lasts: TimeDelta) {
        // A phone whose task has ended with the building dials no more.
        let _ = self.hand.send(Hand::Call { to: to.to_owned(), lasts });
    }

    /// Makes it reboot on its own, at once.
    pub fn power_cycle(&self) {
        let _ = self.hand.send(Hand::PowerCycle);
    }

    /// Resets it to factory defaults, if it is an innovaphone.
    pub fn factory_reset(&self) {
        let _ = self.hand.send(Hand::FactoryReset);
    }

    /// What an innovaphone remembers now.
    pub fn memory(&self) -> Option<Unit> {
        self.unit.as_ref().map(|unit| unit.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Switches a phone on.
    pub(super) async fn switch_on(
        spec: PhoneSpec,
        registrar: SocketAddr,
        seed: u64,
        house: Arc<House>,
        tasks: &TaskTracker,
        off: tokio_util::sync::CancellationToken,
    ) -> std::io::Result<Self> {
        let socket = UdpSocket::bind(spec.address).await?;
        let address = socket.local_addr()?;
        let spec = Arc::new(spec);
        let (hand, hands) = mpsc::unbounded_channel();
        let life = life::Life::new(Arc::clone(&spec), registrar, seed, house, socket, address, hands);
        let (flash, unit) = (life.flash.clone(), life.unit.clone());
        if let Some(flash) = flash.clone() {
            let (off, hand) = (off.clone(), hand.clone());
            tasks.spawn(async move {
                // A phone that is gone reboots no more.
                let reboot = move || drop(hand.send(Hand::WebReboot));
                tokio::select! {
                    () = super::snom::serve(address.ip(), flash, reboot) => {}
                    () = off.cancelled() => {}
                }
            });
        }
        tasks.spawn(async move {
            tokio::select! {
                () = life.live() => {}
                () = off.cancelled() => {}
            }
        });
        Ok(Self { spec, address, hand, flash, unit })
    }
}
