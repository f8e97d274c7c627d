//! The task that owns live state. It hears letters, decides with the pure domain, keeps every change, then acts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::mail::Mail;
use super::metrics::Metrics;
use super::setup::Reloader;
use crate::config::TriggerPath;
use crate::domain::fleet::Fleet;
use crate::domain::phone::{Mac, PbxName};
use crate::domain::scheduler::Scheduler;
use crate::domain::trip::{State, Trip};
use crate::ports::{
    Change, Clock, Entry, Job, Notifier, NotifyOrder, OrderId, Pbx, Permit, PhoneWeb, Prober, Store, TripId,
    WebOrder,
};

/// While a phone is awaited, its PBX's contacts are read this often.
const READ_CONTACTS_EVERY: TimeDelta = TimeDelta::seconds(5);

/// Letters taken in before the changes they made are kept together.
const LETTERS_AT_ONCE: usize = 512;

/// After a failed write to the store it is tried again after this time; nothing is done in between.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// An intent that took longer to be kept is not acted on: what was seen before is too old by then.
const KEPT_WITHIN: Duration = Duration::from_secs(2);

/// The adapters the orchestrator acts through.
#[derive(Clone)]
pub struct Hands {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// What must survive.
    pub store: Arc<dyn Store>,
    /// Sends NOTIFYs.
    pub notifier: Arc<dyn Notifier>,
    /// Asks phones.
    pub prober: Arc<dyn Prober>,
    /// Speaks with the web servers of phones.
    pub web: Arc<dyn PhoneWeb>,
    /// The PBXs.
    pub pbxs: BTreeMap<PbxName, Arc<dyn Pbx>>,
    /// Who sends the NOTIFY.
    pub trigger: TriggerPath,
}

/// A trip under way.
pub(super) struct Open {
    pub(super) id: TripId,
    pub(super) trip: Trip,
    /// The NOTIFY on the wire.
    pub(super) order: Option<OrderId>,
    /// An OPTIONS is on its way to it.
    pub(super) questioned: bool,
    /// Under which deadline it stands in the queue.
    deadline: Option<DateTime<Utc>>,
}

/// Something to be done once the changes before it are kept.
pub(super) enum Act {
    /// Ask PBX and phone whether it is idle.
    Confirm(TripId, Mac),
    /// Send.
    Notify(TripId, Mac, NotifyOrder),
    /// Ask over HTTP.
    Web(TripId, Mac, WebOrder),
    /// Answer the poll of a phone with its order.
    Order(TripId, Mac, oneshot::Sender<Permit>),
    /// Send no further copy.
    StopResending(OrderId),
    /// Read contacts, ask with OPTIONS.
    Look(Mac),
    /// Read a phone's information page.
    Page(Mac),
    /// Clear a phone's `firmware_uxm`.
    Clear(Mac),
    /// Answer a phone at the door.
    Permit(oneshot::Sender<Permit>, Permit),
    /// Answer somebody who waits.
    Answer(Box<dyn FnOnce() + Send>),
}

/// Owner of all live state.
pub struct Orchestrator {
    pub(super) hands: Hands,
    pub(super) letters: mpsc::Sender<Mail>,
    pub(super) fleet: Fleet,
    pub(super) scheduler: Scheduler,
    pub(super) trips: HashMap<Mac, Open>,
    deadlines: BTreeSet<(DateTime<Utc>, Mac)>,
    pub(super) jobs: BTreeMap<Arc<str>, Job>,
    pub(super) last_trip: u64,
    pub(super) last_job: u64,
    last_order: u64,
    pub(super) batch: Vec<Change>,
    pub(super) acts: Vec<Act>,
    pub(super) metrics: Metrics,
    pub(super) reloader: Reloader,
    pub(super) refused_reload: Option<String>,
    /// Phones without a line that asked the depot, and from where: their lines may register later.
    pub(super) visitors: BTreeMap<IpAddr, BTreeSet<Mac>>,
    /// Phones that polled and wait for what they are to do.
    pub(super) at_the_door: HashMap<Mac, oneshot::Sender<Permit>>,
    /// Phones that asked for their settings, and when: they may be booting.
    pub(super) settings_asked: BTreeMap<Mac, DateTime<Utc>>,
    /// Which information pages were asked for.
    pub(super) pages: super::snoms::Pages,
    contacts_read: DateTime<Utc>,
    /// When old findings were last looked for.
    pub(super) forgot: DateTime<Utc>,
}

impl Orchestrator {
    /// An orchestrator with an empty fleet; `letters` is where its own tasks post to.
    pub fn new(
        hands: Hands,
        letters: mpsc::Sender<Mail>,
        fleet: Fleet,
        scheduler: Scheduler,
        reloader: Reloader,
    ) -> Self {
        let contacts_read = hands.clock.now();
        Self {
            hands,
            letters,
            fleet,
            scheduler,
            trips: HashMap::new(),
            deadlines: BTreeSet::new(),
            jobs: BTreeMap::new(),
            last_trip: 0,
            last_job: 0,
            last_order: 0,
            batch: Vec::new(),
            acts: Vec::new(),
            metrics: Metrics::new(),
            reloader,
            refused_reload: None,
            visitors: BTreeMap::new(),
            at_the_door: HashMap::new(),
            settings_asked: BTreeMap::new(),
            pages: super::snoms::Pages::default(),
            contacts_read,
            // The first step looks.
            forgot: DateTime::UNIX_EPOCH,
        }
    }

    /// Works until `shutdown`, then starts nothing new and goes on for those under way, for `drain` at most.
    pub async fn run(
        mut self,
        mut mailbox: mpsc::Receiver<Mail>,
        shutdown: CancellationToken,
        drain: Duration,
    ) {
        let mut end = None;
        self.step().await;
        loop {
            let wake = self.wake_in();
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if end.is_none() => {
                    self.scheduler.drain();
                    tracing::info!(under_way = self.trips.len(), "draining: nothing new is started");
                    end = Some(tokio::time::Instant::now() + drain);
                }
                letter = mailbox.recv() => {
                    let Some(letter) = letter else { break };
                    self.read(letter);
                    for _ in 1..LETTERS_AT_ONCE {
                        match mailbox.try_recv() {
                            Ok(letter) => self.read(letter),
                            Err(_) => break,
                        }
                    }
                }
                () = tokio::time::sleep(wake) => {}
            }
            self.step().await;
            if let Some(end) = end
                && (self.trips.is_empty() || tokio::time::Instant::now() >= end)
            {
                break;
            }
        }
        tracing::info!(left_open = self.trips.len(), "stopped; what is open goes on at the next start");
    }

    /// Everything that time and changes ask for, kept and then done.
    async fn step(&mut self) {
        let now = self.hands.clock.now();
        self.tick_trips(now);
        self.start_trips(now);
        self.turn_away(now);
        self.write_down(now);
        self.await_phones(now);
        self.read_pages(now);
        let asked = tokio::time::Instant::now();
        self.keep().await;
        let late = asked.elapsed() > KEPT_WITHIN;
        for act in std::mem::take(&mut self.acts) {
            self.perform(act, late);
        }
    }

    /// Sends a NOTIFY, unless something stands against it that came in behind its last look: other letters of the same
    /// batch, or the time that the store took.
    fn send_unless(&self, id: TripId, mac: Mac, order: NotifyOrder, late: bool) {
        let Some(open) = self.trips.get(&mac) else { return };
        let is_asked = matches!(open.trip.state(), State::Asked { .. });
        if open.id != id || open.order != Some(order.id) || !is_asked {
            // The phone was seen to go, or the trip is over.
            return;
        }
        match self.stands_against(mac, late) {
            Some(why) => self.withhold(id, mac, why.to_owned()),
            None => self.send(id, mac, order),
        }
    }

    /// What came in behind the last look.
    pub(super) fn stands_against(&self, mac: Mac, late: bool) -> Option<&'static str> {
        if self.may_not_be_sent(mac) {
            Some("it was busy at the last moment, or the view of the PBX was lost")
        } else if late {
            Some("the store took too long to keep the intent")
        } else {
            None
        }
    }

    /// How long nothing happens unless a letter comes.
    fn wake_in(&self) -> Duration {
        let awaited = self.trips.values().any(|open| open.trip.awaits_phone());
        let contacts = awaited.then(|| self.contacts_read + READ_CONTACTS_EVERY);
        let trips = self.deadlines.first().map(|(at, _)| *at);
        let next =
            [contacts, trips, self.scheduler.next_pass(), self.next_page()].into_iter().flatten().min();
        // A millisecond at least: a clock that stands still must not spin the loop.
        let least = Duration::from_millis(1);
        next.map_or(Duration::from_secs(60), |next| self.hands.clock.until(next).max(least))
    }

    fn read(&mut self, letter: Mail) {
        let now = self.hands.clock.now();
        match letter {
            Mail::Pbx(event) => self.pbx_event(now, event),
            Mail::Confirmed(id, mac, found) => self.confirmed(now, id, mac, found),
            Mail::Notified(id, mac, outcome) => self.notified(now, id, mac, outcome),
            Mail::Withheld(id, mac, why) => self.withheld(now, id, mac, why),
            Mail::Probed(id, mac, outcome) => self.probed(now, id, mac, outcome),
            Mail::Visit(visit, reply) => self.visit(now, visit, reply),
            Mail::Standing(mac, source, reply) => self.tell_standing(mac, source, reply),
            Mail::Transfer(transfer) => self.transfer(now, transfer),
            Mail::Happened(mac, kind, text) => self.note(now, mac, None, kind, text),
            Mail::Told(mac, source, news) => self.told(now, mac, source, news),
            Mail::Ordered(id, mac) => self.has_its_order(now, id, mac),
            Mail::WaitedAtTheDoor(mac) => self.waits_no_longer(mac),
            Mail::Page(mac, page) => self.page_read(now, mac, page),
            Mail::Cleared(mac, outcome) => self.cleared(now, mac, &outcome),
            Mail::Asked(question) => self.asked(now, question),
            Mail::Reread(reread, reply) => self.reread(now, reread, reply),
        }
    }

    fn tick_trips(&mut self, now: DateTime<Utc>) {
        while let Some((_, mac)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            let busy = self.in_a_call(mac);
            self.drive(now, mac, crate::domain::trip::Input::Tick { busy });
            // A trip that did not move on is asked again a little later, not in a tight loop.
            if self.trips.get(&mac).is_some_and(|open| open.deadline.is_some_and(|at| at <= now)) {
                self.queue_deadline(mac, Some(now + TimeDelta::seconds(1)));
            }
        }
    }

    /// Phones that are awaited may come back with the same Contact, which raises no event on Asterisk.
    fn await_phones(&mut self, now: DateTime<Utc>) {
        if now - self.contacts_read < READ_CONTACTS_EVERY {
            return;
        }
        self.contacts_read = now;
        let awaited = self.trips.values().filter(|open| open.trip.awaits_phone());
        let pbxs: BTreeSet<&PbxName> =
            awaited.flat_map(|open| open.trip.plan().lines.iter().map(|before| &before.line.pbx)).collect();
        for pbx in pbxs.into_iter().filter_map(|name| self.hands.pbxs.get(name)) {
            pbx.refresh();
        }
        let asked: Vec<Mac> =
            self.trips.iter().filter(|(_, open)| open.trip.wants_questions()).map(|(mac, _)| *mac).collect();
        for mac in asked {
            self.question(mac);
        }
    }

    /// Puts a trip's deadline into the queue, in place of its last one.
    pub(super) fn queue_deadline(&mut self, mac: Mac, deadline: Option<DateTime<Utc>>) {
        let Some(open) = self.trips.get_mut(&mac) else { return };
        if let Some(old) = std::mem::replace(&mut open.deadline, deadline) {
            self.deadlines.remove(&(old, mac));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, mac));
        }
    }

    /// Takes a trip out of the books.
    pub(super) fn close(&mut self, mac: Mac) -> Option<Open> {
        self.queue_deadline(mac, None);
        self.trips.remove(&mac)
    }

    /// Puts a trip into the books.
    pub(super) fn open(&mut self, id: TripId, trip: Trip) {
        let mac = trip.plan().phone;
        let deadline = trip.deadline();
        let open = Open { id, trip, order: None, questioned: false, deadline: None };
        self.trips.insert(mac, open);
        self.queue_deadline(mac, deadline);
    }

    /// A number for the next order.
    pub(super) fn next_order(&mut self) -> OrderId {
        self.last_order += 1;
        OrderId(self.last_order)
    }

    /// Writes something into the history.
    pub(super) fn note(
        &mut self,
        at: DateTime<Utc>,
        mac: Option<Mac>,
        trip: Option<TripId>,
        kind: &str,
        text: String,
    ) {
        match mac {
            Some(mac) => tracing::info!(%mac, kind, "{text}"),
            None => tracing::info!(kind, "{text}"),
        }
        self.batch.push(Change::Entry(Entry { at, mac, trip, kind: kind.to_owned(), text }));
    }

    /// Keeps the batch. Until that has worked nothing is done: an act whose intent was not kept could be repeated after a
    /// crash.
    async fn keep(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        loop {
            match self.hands.store.apply(batch.clone()).await {
                Ok(()) => {
                    self.metrics.store_works(true);
                    return;
                }
                Err(error) => {
                    self.metrics.store_works(false);
                    tracing::error!(%error, "nothing is done until the store works again");
                    tokio::time::sleep(STORE_AGAIN).await;
                }
            }
        }
    }

    fn perform(&mut self, act: Act, late: bool) {
        match act {
            Act::Confirm(id, mac) => self.confirm(id, mac),
            Act::Notify(id, mac, order) => self.send_unless(id, mac, order, late),
            Act::Web(id, mac, order) => self.ask_by_web(id, mac, order, late),
            Act::Order(id, mac, reply) => self.hand_over(id, mac, reply, late),
            Act::StopResending(order) => self.hands.notifier.stop_resending(order),
            Act::Look(mac) => self.look(mac),
            Act::Page(mac) => self.ask_page(mac),
            Act::Clear(mac) => self.ask_to_clear(mac),
            Act::Permit(reply, permit) => {
                // A phone that hung up meanwhile gets nothing.
                let _ = reply.send(permit);
            }
            Act::Answer(answer) => answer(),
        }
    }
}

#[cfg(test)]
#[path = "orchestrator_tests.rs"]
mod tests;
