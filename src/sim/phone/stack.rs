//! A phone's SIP stack between two boots: its transactions, its timers, and the loop that serves them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::calls::Call;
use super::deployment::{Deployment, ended};
use super::download::Offer;
use super::life::Life;
use super::polling::Polling;
use super::registration::Registration;
use super::snom::Work;
use super::{Hand, Misfit, download};
use crate::sim::diary::{Cause, What};
use crate::sim::innovaphone::Restart;
use crate::sim::unify::Left;
use crate::sim::wire::{Packet, parameter, user_of};

/// Timer T1 of RFC 3261, in real time.
const T1: Duration = Duration::from_millis(500);
/// Timer T2 of RFC 3261, in real time.
const T2: Duration = Duration::from_secs(4);
/// Timers B, F and H of RFC 3261, in real time.
const GIVE_UP: Duration = Duration::from_secs(32);

/// What is to be done later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// Send this once more, unless it was answered.
    Resend(String),
    /// Somebody picks the ringing phone up.
    PickUp(String),
    /// The caller has said all there was to say.
    HangUp(String),
    /// The called one does not pick up.
    NoReply(String),
    /// Register, or register again.
    Register,
    /// The misfit reboots on its own.
    Fit,
    /// Poll the update script.
    Poll,
    /// Read the settings, as they say.
    Settings,
}

/// Something sent that is resent until it is answered.
struct Sent {
    bytes: Vec<u8>,
    to: SocketAddr,
    wait: Duration,
    ends: Instant,
}

/// A phone that is up. Everything in here is forgotten at a reboot, above all the transactions.
pub(super) struct Desk<'a> {
    /// What survives.
    pub life: &'a mut Life,
    /// Its registration.
    pub registration: Registration,
    /// Its calls, by Call-ID.
    pub calls: BTreeMap<String, Call>,
    /// The reboot it has promised and will do once its calls have ended.
    pub promised: Option<Cause>,
    /// Answers by transaction: a copy of a request is answered with them and not executed again.
    pub remembered: HashMap<String, Vec<u8>>,
    /// Transactions of NOTIFYs seen since the boot.
    pub seen: HashSet<String>,
    /// The nonce of its own challenges.
    pub nonce: String,
    sent: HashMap<String, Sent>,
    timers: BTreeMap<(Instant, u64), Due>,
    timer_count: u64,
    /// An order to read its settings anew has not been carried out yet.
    pub wants_settings: bool,
    /// It is time to poll the update script.
    pub(super) wants_poll: bool,
    /// It is planned when the settings are read next.
    pub plans_settings: bool,
    offer: Option<Offer>,
}

/// An errand that runs beside the phone's service, and what it brings in the end.
type Beside<T> = Option<Pin<Box<dyn Future<Output = Option<T>> + Send>>>;

/// What woke the phone.
enum Woken {
    Datagram(usize, SocketAddr),
    Hand(Hand),
    Timer,
    /// The download that ran beside the phone's service ended; the version it flashed.
    Updated(Option<String>),
    /// It has read its settings anew; the image they offer.
    SettingsRead(Option<Offer>),
    /// Its deployment client has a reason to reboot.
    Deployed(Left),
    /// It has polled its script and carried it out; the restart that follows at once.
    Polled(Option<Restart>),
    /// The work on its expansion module is over.
    Worked,
}

impl<'a> Desk<'a> {
    /// A phone that has just booted, with an image it still has to fetch.
    pub fn new(life: &'a mut Life, offer: Option<Offer>) -> Self {
        let registration = Registration::new(life);
        let nonce = life.token();
        Self {
            life,
            registration,
            calls: BTreeMap::new(),
            promised: None,
            remembered: HashMap::new(),
            seen: HashSet::new(),
            nonce,
            sent: HashMap::new(),
            timers: BTreeMap::new(),
            timer_count: 0,
            wants_settings: false,
            wants_poll: false,
            plans_settings: false,
            offer,
        }
    }

    /// Serves until it has to reboot, for the returned cause.
    pub async fn serve(mut self) -> Cause {
        self.register();
        self.plan_fit();
        self.plan_first_poll();
        self.plan_settings();
        self.web_is_up(true);
        let mut buffer = vec![0; 4096];
        let (mut update, mut settings): (Beside<String>, Beside<Offer>) = (None, None);
        self.life.registered.store(false, Ordering::Relaxed);
        let mut client: Deployment = self.begin_client();
        let mut polling: Polling = None;
        let mut module: Work = None;
        loop {
            self.life.in_use.store(!self.calls.is_empty(), Ordering::Relaxed);
            self.life.registered.store(self.registration.done, Ordering::Relaxed);
            if std::mem::take(&mut self.wants_poll) && polling.is_none() {
                polling = self.begin_poll();
            }
            if self.registration.done && update.is_none() {
                update = self.begin_update();
            }
            if self.registration.done && module.is_none() {
                module = self.begin_module();
            }
            if std::mem::take(&mut self.wants_settings) && settings.is_none() {
                settings = self.begin_settings();
            }
            let next = self.timers.keys().next().map(|(at, _)| *at);
            let life = &mut *self.life;
            let woken = tokio::select! {
                got = life.socket.recv_from(&mut buffer) => match got {
                    Ok((length, from)) => Woken::Datagram(length, from),
                    // A reset by an unreachable peer concerns nobody here.
                    Err(_) => continue,
                },
                Some(hand) = life.hands.recv() => Woken::Hand(hand),
                () = sleep_until(next), if next.is_some() => Woken::Timer,
                version = finish(&mut update), if update.is_some() => Woken::Updated(version),
                offer = finish(&mut settings), if settings.is_some() => Woken::SettingsRead(offer),
                left = ended(&mut client), if client.is_some() => Woken::Deployed(left),
                restart = polled(&mut polling), if polling.is_some() => Woken::Polled(restart),
                () = worked(&mut module), if module.is_some() => Woken::Worked,
            };
            let leave = match woken {
                Woken::Datagram(length, from) => {
                    Packet::read(&buffer[..length]).and_then(|packet| self.packet(&packet, from))
                }
                Woken::Hand(Hand::Call { to, lasts }) => {
                    self.dial(&to, lasts);
                    None
                }
                Woken::Hand(Hand::PowerCycle) => Some(Cause::Itself),
                Woken::Hand(Hand::FactoryReset) => self.wiped(),
                Woken::Hand(Hand::WebReboot) => Some(Cause::ByWeb),
                Woken::Worked => {
                    module = None;
                    None
                }
                Woken::Timer => self.timer(),
                Woken::Deployed(left) => self.client_left(left),
                Woken::SettingsRead(offer) => {
                    settings = None;
                    self.plan_settings();
                    self.has_read(offer)
                }
                Woken::Polled(restart) => {
                    polling = None;
                    self.has_polled(restart)
                }
                Woken::Updated(version) => {
                    self.offer = None;
                    update = None;
                    version.and_then(|version| {
                        self.life.version = version;
                        self.promised = Some(Cause::Update);
                        self.leave_if_idle()
                    })
                }
            };
            if let Some(cause) = leave {
                self.web_is_up(false);
                self.drop_calls(&cause);
                if self.life.spec.unregisters {
                    self.unregister();
                }
                return cause;
            }
        }
    }

    /// The reboot it has promised, once nobody is talking any more.
    pub fn leave_if_idle(&mut self) -> Option<Cause> {
        if self.calls.is_empty() { self.promised.take() } else { None }
    }

    /// Sends a request and resends it until it is answered or given up (RFC 3261 section 17.1).
    pub fn ask(&mut self, packet: &Packet, to: SocketAddr) {
        self.send_until(format!("{} {}", packet.method(), packet.branch()), packet.bytes(), to);
    }

    /// Sends bytes under this name and resends them until [`Self::settled`] is told the name.
    pub fn send_until(&mut self, name: String, bytes: Vec<u8>, to: SocketAddr) {
        self.send(&bytes, to);
        let ends = Instant::now() + GIVE_UP;
        self.sent.insert(name.clone(), Sent { bytes, to, wait: T1, ends });
        self.at(Instant::now() + T1, Due::Resend(name));
    }

    /// No more resending of this; whether there was anything to stop.
    pub fn settled(&mut self, name: &str) -> bool {
        self.sent.remove(name).is_some()
    }

    /// Sends a datagram; a full socket loses it, as a network would.
    pub fn send(&self, bytes: &[u8], to: SocketAddr) {
        let _ = self.life.socket.try_send_to(bytes, to);
    }

    /// Answers a request and remembers the answer for its copies.
    pub fn reply(&mut self, request: &Packet, from: SocketAddr, code: u16, phrase: &str) {
        let answer = self.answer(request, code, phrase);
        self.reply_with(request, from, &answer);
    }

    /// The same with an answer already made.
    pub fn reply_with(&mut self, request: &Packet, from: SocketAddr, answer: &Packet) {
        let bytes = answer.bytes();
        self.send(&bytes, from);
        self.remembered.insert(transaction(request), bytes);
    }

    /// An answer with this phone's tag, Contact and User-Agent.
    pub fn answer(&self, request: &Packet, code: u16, phrase: &str) -> Packet {
        Packet::answer(request, code, phrase, &self.registration.tag)
            .with("Contact", format!("<{}>", self.registration.contact))
            .with("User-Agent", self.life.spec.sip_user_agent(&self.life.version))
    }

    /// A request with a fresh branch; From, To, Call-ID and CSeq are the caller's affair.
    pub fn request(&mut self, method: &str, uri: &str) -> Packet {
        let branch = self.life.token();
        Packet::request(method, uri)
            .with("Via", format!("SIP/2.0/UDP {};branch=z9hG4bK{branch};rport", self.life.address))
            .with("Max-Forwards", "70")
            .with("Contact", format!("<{}>", self.registration.contact))
            .with("User-Agent", self.life.spec.sip_user_agent(&self.life.version))
    }

    /// Sets a timer after so much of the building's time.
    pub fn after(&mut self, time: TimeDelta, due: Due) {
        self.at(self.life.house.after(time), due);
    }

    /// The same, but not before so much real time has passed.
    pub fn after_at_least(&mut self, time: TimeDelta, least: Duration, due: Due) {
        self.at(self.life.house.after(time).max(Instant::now() + least), due);
    }

    fn at(&mut self, instant: Instant, due: Due) {
        self.timer_count += 1;
        self.timers.insert((instant, self.timer_count), due);
    }

    fn packet(&mut self, packet: &Packet, from: SocketAddr) -> Option<Cause> {
        if packet.code() > 0 {
            return self.response(packet);
        }
        if packet.method() == "ACK" {
            self.acknowledged(packet);
            return None;
        }
        if packet.method() == "NOTIFY" {
            return self.order(packet, from);
        }
        if let Some(bytes) = self.remembered.get(&transaction(packet)) {
            self.send(bytes, from);
            return None;
        }
        match packet.method() {
            "BYE" => return self.hung_up(packet, from),
            "CANCEL" => return self.cancelled(packet, from),
            _ if !self.is_me(packet) => self.reply(packet, from, 404, "Not Found"),
            "INVITE" => self.rung(packet, from),
            "OPTIONS" => {
                let answer = self
                    .answer(packet, 200, "OK")
                    .with("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, SUBSCRIBE")
                    .with("Allow-Events", "dialog, check-sync");
                self.reply_with(packet, from, &answer);
            }
            "SUBSCRIBE" => self.subscribed(packet, from),
            _ => self.reply(packet, from, 405, "Method Not Allowed"),
        }
        None
    }

    /// Whether a request is addressed to this line: user and, on a snom, the `line=` of this boot.
    pub fn is_me(&self, packet: &Packet) -> bool {
        let line = parameter(packet.uri(), "line");
        user_of(packet.uri()) == self.life.spec.user
            && (self.life.spec.vendor != "snom" || line == Some(&self.registration.line))
    }

    fn response(&mut self, packet: &Packet) -> Option<Cause> {
        let name = format!("{} {}", packet.method(), packet.branch());
        if packet.code() >= 200 && !self.settled(&name) && packet.method() != "INVITE" {
            return None;
        }
        match packet.method() {
            "REGISTER" if packet.code() >= 200 => self.registered(packet),
            "INVITE" => return self.call_answered(packet),
            _ => {}
        }
        None
    }

    fn timer(&mut self) -> Option<Cause> {
        let (_, due) = self.timers.pop_first()?;
        match due {
            Due::Resend(name) => return self.resend(name),
            Due::PickUp(call) => self.pick_up(&call),
            Due::HangUp(call) => return self.hang_up(&call),
            Due::NoReply(call) => return self.no_reply(&call),
            Due::Register => self.register(),
            Due::Settings => {
                (self.wants_settings, self.plans_settings) = (true, false);
                self.plan_settings();
            }
            Due::Poll => self.wants_poll = true,
            Due::Fit => {
                self.life.had_its_fit = true;
                return Some(Cause::Itself);
            }
        }
        None
    }

    fn resend(&mut self, name: String) -> Option<Cause> {
        let sent = self.sent.get_mut(&name)?;
        if Instant::now() < sent.ends {
            sent.wait = (sent.wait * 2).min(T2);
            let (bytes, to, next) = (sent.bytes.clone(), sent.to, Instant::now() + sent.wait);
            self.send(&bytes, to);
            self.at(next, Due::Resend(name));
            return None;
        }
        self.settled(&name);
        match name.split_once(' ') {
            Some(("REGISTER", _)) => self.after(TimeDelta::seconds(30), Due::Register),
            Some(("200", call_id)) => return self.never_acknowledged(call_id),
            Some(_) | None => {}
        }
        None
    }

    fn plan_fit(&mut self) {
        if let (Misfit::RebootsItself { after }, false) = (self.life.spec.misfit, self.life.had_its_fit) {
            let since = self.life.first_registered.map_or(TimeDelta::zero(), |at| self.life.house.now() - at);
            self.after(after - since, Due::Fit);
        }
    }

    fn begin_settings(&self) -> Beside<Offer> {
        let base = self.life.spec.depot.clone().or_else(|| self.life.house.depot())?;
        let (spec, house, errand) = (self.life.spec.clone(), self.life.house.clone(), self.life.errand());
        let (runs, flash) = (self.life.version.clone(), self.life.flash.clone());
        Some(Box::pin(async move {
            house.pass(spec.pace.settings).await;
            download::ask(&spec, &house, &errand, flash.as_deref(), &base, &runs).await
        }))
    }

    /// It has read its settings while it runs. A snom reboots by itself for the firmware they name, and loads it behind
    /// that: the first of its two boots.
    fn has_read(&mut self, offer: Option<Offer>) -> Option<Cause> {
        if self.life.spec.vendor == "snom" && offer.is_some() {
            self.promised = Some(Cause::Update);
            return self.leave_if_idle();
        }
        self.offer = self.offer.take().or(offer);
        None
    }

    fn begin_update(&mut self) -> Beside<String> {
        let offer = self.offer.take()?;
        let may_break = self.life.may_break_download();
        let (spec, house, errand) = (self.life.spec.clone(), self.life.house.clone(), self.life.errand());
        Some(Box::pin(async move { download::update(&spec, &house, &errand, &offer, may_break).await }))
    }

    /// Writes into its diary.
    pub fn write(&self, what: What) {
        self.life.write(what);
    }
}

/// The name of a server transaction (RFC 3261 section 17.2.3).
pub(super) fn transaction(request: &Packet) -> String {
    format!("{} {}", request.method(), request.branch())
}

async fn sleep_until(instant: Option<Instant>) {
    if let Some(instant) = instant {
        tokio::time::sleep_until(instant).await;
    }
}

async fn polled(polling: &mut Polling) -> Option<Restart> {
    match polling {
        Some(polling) => polling.await,
        None => None,
    }
}

async fn worked(work: &mut Work) {
    if let Some(work) = work {
        work.await;
    }
}

async fn finish<T>(errand: &mut Beside<T>) -> Option<T> {
    match errand {
        Some(errand) => errand.await,
        None => None,
    }
}
