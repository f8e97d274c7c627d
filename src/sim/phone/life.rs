//! A phone's life: boot, ask for settings, perhaps flash, serve SIP until something makes it boot again.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::download::{self, Errand, Offer};
use super::stack::Desk;
use super::{Hand, Misfit, PhoneSpec};
use crate::sim::diary::{Cause, What};
use crate::sim::house::House;
use crate::sim::innovaphone::Unit;
use crate::sim::snom::Flash;
use crate::sim::unify::Memory;

/// All that survives a reboot of the phone, and what it is made of.
pub(super) struct Life {
    /// What it was ordered as.
    pub spec: Arc<PhoneSpec>,
    /// Where it registers and dials.
    pub registrar: SocketAddr,
    /// The building.
    pub house: Arc<House>,
    /// Its SIP socket; what arrives while it is down is thrown away.
    pub socket: UdpSocket,
    /// Where that is bound.
    pub address: SocketAddr,
    /// People at the desk.
    pub hands: mpsc::UnboundedReceiver<Hand>,
    /// What it runs now.
    pub version: String,
    /// When it first registered; misfits count from there.
    pub first_registered: Option<DateTime<Utc>>,
    /// It has rebooted on its own already, as its misfit wants.
    pub had_its_fit: bool,
    /// Answers to NOTIFYs still to be lost.
    pub oks_to_lose: u32,
    /// Its memory, if it is an innovaphone.
    pub unit: Option<Arc<Mutex<Unit>>>,
    /// Its settings memory, if it is a snom that has one.
    pub flash: Option<Arc<Mutex<Flash>>>,
    /// What it keeps for its deployment client, if it is a Unify phone.
    pub service: Option<Arc<Mutex<Memory>>>,
    /// Whether somebody uses it, for errands that run beside its service.
    pub in_use: Arc<AtomicBool>,
    /// Whether it has registered since its boot, for the same.
    pub registered: Arc<AtomicBool>,
    download_broke: bool,
    dice: StdRng,
}

impl Life {
    /// A phone that is switched off.
    pub fn new(
        spec: Arc<PhoneSpec>,
        registrar: SocketAddr,
        seed: u64,
        house: Arc<House>,
        socket: UdpSocket,
        address: SocketAddr,
        hands: mpsc::UnboundedReceiver<Hand>,
    ) -> Self {
        let oks_to_lose = match spec.misfit {
            Misfit::LosesOks(count) => count,
            _ => 0,
        };
        let unit = spec.innovaphone.clone().map(|make| {
            let mut unit = Unit::new(spec.mac, &spec.model, &spec.version, make);
            unit.misfit = spec.misfit;
            Arc::new(Mutex::new(unit))
        });
        let flash = spec.snom.clone().map(|make| Arc::new(Mutex::new(Flash::new(make, &spec.version))));
        let service = spec.unify.as_ref().map(|make| Arc::new(Mutex::new(Memory::new(make))));
        Self {
            version: spec.version.clone(),
            unit,
            flash,
            service,
            in_use: Arc::default(),
            spec,
            registrar,
            house,
            socket,
            address,
            hands,
            first_registered: None,
            had_its_fit: false,
            oks_to_lose,
            registered: Arc::default(),
            download_broke: false,
            dice: StdRng::seed_from_u64(seed),
        }
    }

    /// Lives until the building is switched off.
    pub async fn live(mut self) {
        loop {
            let offer = self.boot().await;
            self.forget_what_came_meanwhile();
            let cause = Desk::new(&mut self, offer).serve().await;
            let asked =
                matches!(cause, Cause::ByNotify { .. } | Cause::ByScript | Cause::ByWeb | Cause::ByService);
            if let Some(unit) = self.memory() {
                unit.lock().unwrap_or_else(PoisonError::into_inner).goes_down(cause == Cause::Itself);
            }
            self.write(What::RebootBegan { cause });
            if asked && self.spec.misfit == Misfit::NeverReturns {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Its memory, if it is an innovaphone.
    pub fn memory(&self) -> Option<&Mutex<Unit>> {
        self.unit.as_deref()
    }

    /// Writes into its diary.
    pub fn write(&self, what: What) {
        self.house.write(self.spec.mac, what);
    }

    /// A random token of 16 hexadecimal digits.
    pub fn token(&mut self) -> String {
        format!("{:016x}", self.dice.random::<u64>())
    }

    /// Whether the next download is the one that its misfit breaks; asked once, answered yes once.
    pub fn may_break_download(&mut self) -> bool {
        let breaks = self.spec.misfit == Misfit::BreaksDownload && !self.download_broke;
        self.download_broke |= breaks;
        breaks
    }

    /// Who it is when it fetches something.
    pub fn errand(&self) -> Errand {
        let mut user_agent = self.spec.http_user_agent(&self.version);
        if let Some(flash) = &self.flash {
            let counts = flash.lock().unwrap_or_else(PoisonError::into_inner).counts();
            user_agent = user_agent.replace("SXM:0 UXM:0", &counts);
        }
        Errand { from: self.address.ip(), user_agent }
    }

    /// Downloads, flashes where the image is good, and says whether it now has to boot again.
    async fn update(&mut self, offer: &Offer) -> bool {
        let may_break = self.may_break_download();
        let errand = self.errand();
        let Some(version) = download::update(&self.spec, &self.house, &errand, offer, may_break).await else {
            return false;
        };
        self.version = version;
        true
    }

    /// Boots, as often as flashing demands. What it returns is an image to be fetched once it has registered.
    async fn boot(&mut self) -> Option<Offer> {
        loop {
            self.house.pass(self.spec.pace.boot).await;
            if let Some(unit) = &self.unit {
                let mut unit = unit.lock().unwrap_or_else(PoisonError::into_inner);
                unit.is_up(self.house.now());
                self.version.clone_from(&unit.firmware);
                self.house.write(self.spec.mac, What::BootDone { version: unit.firmware.clone() });
                return None;
            }
            self.write(What::BootDone { version: self.version.clone() });
            // Its deployment client does what others do at their boot.
            if self.spec.unify.is_some() {
                return None;
            }
            let base = self.spec.depot.clone().or_else(|| self.house.depot())?;
            self.house.pass(self.spec.pace.settings).await;
            let offer = download::ask(
                &self.spec,
                &self.house,
                &self.errand(),
                self.flash.as_deref(),
                &base,
                &self.version,
            )
            .await?;
            if self.spec.misfit == Misfit::ReturnsOld {
                return None;
            }
            if self.spec.two_boots_visible {
                return Some(offer);
            }
            if !self.update(&offer).await {
                return None;
            }
            self.write(What::RebootBegan { cause: Cause::Update });
        }
    }

    /// Datagrams and dialled numbers that reached a phone without a running stack are lost.
    fn forget_what_came_meanwhile(&mut self) {
        let mut datagram = [0; 1];
        while self.socket.try_recv_from(&mut datagram).is_ok() {}
        while self.hands.try_recv().is_ok() {}
    }
}
