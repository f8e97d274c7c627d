//! Who goes next. Work follows changes: a phone is judged again when something about it changed, when a gate opens by
//! time, or when a place it waits for falls free.

mod door;
mod look;
mod party;
mod pass;
mod queues;
mod waits;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

use super::budget::{Budgets, Holder, longest_rate};
use super::fleet::Fleet;
use super::gates::{AdHoc, Judged, Past, Sky, judge};
use super::hours::Hours;
use super::journal::{Finding, Journal};
use super::phone::{Mac, Phone};
use super::policy::{BlackoutState, WindowState};
use super::rules::Rules;
use super::trip::{Failure, Outcome, Trip};
pub use door::Door;
use party::Bar;
use queues::Queues;
use waits::{Until, Waits};

/// A phone that is held only by something nobody announces is looked at again after this time.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(5);

/// Whatever holds a phone, it is looked at again after this time.
const LOOK_AGAIN_AT_LEAST: TimeDelta = TimeDelta::hours(1);

/// A phone whose last look withdrew is left alone for this time.
const WITHDRAWN_FOR: TimeDelta = TimeDelta::minutes(1);

/// Decides which phones go, and keeps count of those that went. A clone goes its own way: forecasts are made of one.
#[derive(Clone)]
pub struct Scheduler {
    rules: Rules,
    budgets: Budgets,
    jobs: HashMap<Mac, AdHoc>,
    past: HashMap<Mac, Past>,
    /// Phones to be judged, and when.
    due: BTreeSet<(DateTime<Utc>, Mac)>,
    waits: HashMap<Mac, Waits>,
    /// Phones that lack nothing but a place.
    queues: Queues,
    /// Phones that changed since the groups were looked at.
    changed: Vec<Mac>,
    /// Places and groups are not worked out yet.
    to_derive: bool,
    /// Rates hold, so that those asked before a restart count.
    keeps_starts: bool,
    lost: BTreeSet<Mac>,
    journal: Journal,
    draining: bool,
    /// `None` takes all polls for granted.
    door: Option<Door>,
}

impl Scheduler {
    /// A scheduler under these rules, with nothing to do yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            keeps_starts: longest_rate(&rules).is_some(),
            rules,
            budgets: Budgets::default(),
            jobs: HashMap::new(),
            past: HashMap::new(),
            due: BTreeSet::new(),
            waits: HashMap::new(),
            queues: Queues::default(),
            changed: Vec::new(),
            to_derive: true,
            lost: BTreeSet::new(),
            journal: Journal::default(),
            draining: false,
            door: None,
        }
    }

    /// Whether a phone went on a trip and was not seen again.
    pub fn is_lost(&self, mac: Mac) -> bool {
        self.lost.contains(&mac)
    }

    /// The rules in force.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// New rules; every phone is judged anew. Returns the lost phones that gave their places back, see
    /// [`Self::reconcile`].
    pub fn adopt(&mut self, rules: Rules, fleet: &Fleet, now: DateTime<Utc>) -> Vec<Mac> {
        self.keeps_starts = longest_rate(&rules).is_some();
        self.rules = rules;
        self.queues.clear();
        self.waits.retain(|_, waits| !matches!(waits, Waits::In(_)));
        let freed = self.reconcile(fleet);
        for phone in fleet.iter() {
            self.schedule(phone.mac, now);
        }
        freed
    }

    /// Holds the places taken against fleet and policies as they are now. A lost phone that is not in the fleet any more
    /// gives its place back; a place of a policy that has another name now, or of a job that is over, counts for the
    /// policy that speaks of the phone today. Returns the phones whose places fell free.
    pub fn reconcile(&mut self, fleet: &Fleet) -> Vec<Mac> {
        let freed: Vec<Mac> = self.lost.iter().copied().filter(|mac| fleet.get(*mac).is_none()).collect();
        for mac in &freed {
            self.lost.remove(mac);
            self.budgets.release(*mac);
        }
        let mut moves = Vec::new();
        for (mac, holder) in self.budgets.holders() {
            let known = self.rules.policies.iter().any(|policy| policy.name == holder.owner)
                || self.jobs.get(&mac).is_some_and(|job| job.name == holder.owner);
            let policy = fleet.get(mac).and_then(|phone| self.rules.policy_for(phone).ok().flatten());
            moves.extend(policy.filter(|_| !known).map(|policy| (mac, policy.name.clone())));
        }
        for (mac, owner) in moves {
            self.budgets.hand_over(mac, &owner);
        }
        self.derive(fleet);
        freed
    }

    /// Works out places, rates and groups from who is away, who started lately, and the fleet.
    fn derive(&mut self, fleet: &Fleet) {
        self.budgets.derive(&self.rules, fleet);
        self.changed = Vec::new();
        self.to_derive = false;
        self.queues.open_all();
    }

    /// Takes in what changed about the groups that must stay up. Every pass begins with it; whoever asks
    /// [`Self::judge`] about a phone after news and before a pass calls it first.
    pub fn look_round(&mut self, fleet: &Fleet, now: DateTime<Utc>) {
        if self.to_derive {
            return self.derive(fleet);
        }
        if self.budgets.groups.is_empty() {
            self.changed.clear();
            return;
        }
        if !self.budgets.groups.are_of(fleet) {
            for mac in self.budgets.hear(&self.rules, fleet) {
                self.schedule(mac, now);
            }
            self.queues.open_all();
        }
        for mac in std::mem::take(&mut self.changed) {
            let Some((groups, moved)) = self.budgets.see(mac, fleet) else { continue };
            for number in groups {
                self.queues.open(&Bar::Group(number));
            }
            if moved {
                self.schedule(mac, now);
            }
        }
    }

    /// Places taken, groups and rates.
    pub fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    /// Starts nothing new from now on.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Whether nothing new is started.
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// Something about the phone changed: it is judged in the next pass.
    pub fn touch(&mut self, mac: Mac, now: DateTime<Utc>) {
        if !self.to_derive && !self.budgets.groups.is_empty() {
            self.changed.push(mac);
        }
        self.schedule(mac, now);
    }

    /// A line of the phone is doing something else: it is judged in the next pass, unless its calendar is closed.
    pub fn hear_calls(&mut self, mac: Mac, now: DateTime<Utc>) {
        if !matches!(self.waits.get(&mac), Some(Waits::Asleep(until)) if *until > now) {
            self.touch(mac, now);
        }
    }

    /// What is remembered of a phone.
    pub fn past(&self, mac: Mac) -> Option<&Past> {
        self.past.get(&mac)
    }

    /// A trip of an earlier run of the daemon that had ended.
    pub fn remember(&mut self, trip: Trip) {
        let mac = trip.plan().phone;
        if is_lost(&trip) {
            self.take_place_of(&trip, false);
            self.budgets.set_under_way(mac, false);
            self.lost.insert(mac);
        }
        self.recall_start(&trip);
        self.past.entry(mac).or_default().last = Some(trip);
    }

    /// A trip of an earlier run that is still open has its place.
    pub fn resume(&mut self, trip: &Trip) {
        let fetches = trip.plan().goal.fetches() && !trip.has_fetched();
        self.take_place_of(trip, fetches);
        self.recall_start(trip);
    }

    /// Its purses are worked out when the fleet is there.
    fn take_place_of(&mut self, trip: &Trip, fetches: bool) {
        let plan = trip.plan();
        let addresses: Vec<IpAddr> = plan.lines.iter().filter_map(|line| line.address).collect();
        self.budgets.take(plan.phone, Holder::new(&plan.policy, addresses, fetches), []);
        self.to_derive = true;
    }

    /// What was asked just before a restart counts against the rates after it.
    fn recall_start(&mut self, trip: &Trip) {
        let Some(asked) = trip.asked_at().filter(|_| self.keeps_starts) else { return };
        let mut lines = Vec::new();
        for before in &trip.plan().lines {
            let pbx = &before.line.pbx;
            match lines.iter_mut().find(|(known, _)| known == pbx) {
                Some((_, count)) => *count += 1,
                None => lines.push((pbx.clone(), 1)),
            }
        }
        self.budgets.started(trip.plan().phone, &trip.plan().policy, lines, asked);
        self.to_derive = true;
    }

    /// The phone has its whole image: the next may fetch. Means nothing the second time.
    pub fn fetched(&mut self, mac: Mac, now: DateTime<Utc>) {
        if let Some(purse) = self.budgets.fetched(mac) {
            self.queues.open(&Bar::Purse(purse));
            self.touch(mac, now);
        }
    }

    /// A person asks for reboots.
    pub fn ask_for(&mut self, job: &AdHoc, macs: &[Mac], now: DateTime<Utc>) {
        for mac in macs {
            self.jobs.insert(*mac, job.clone());
            self.touch(*mac, now);
        }
    }

    /// The job that speaks of a phone.
    pub fn job_of(&self, mac: Mac) -> Option<&AdHoc> {
        self.jobs.get(&mac)
    }

    /// The phones a job still speaks of.
    pub fn phones_of(&self, job: &str) -> Vec<Mac> {
        let mut macs: Vec<Mac> =
            self.jobs.iter().filter(|(_, of)| &*of.name == job).map(|(mac, _)| *mac).collect();
        macs.sort();
        macs
    }

    /// A trip ended. Its place falls free, unless the phone is lost.
    pub fn ended(&mut self, trip: &Trip, now: DateTime<Utc>) {
        let mac = trip.plan().phone;
        self.stop_waiting(mac);
        let past = self.past.entry(mac).or_default();
        match trip.outcome() {
            Some(Outcome::Withdrawn { why }) => {
                past.withdrawn = Some((now + WITHDRAWN_FOR, why.clone()));
                past.withdrawals = past.withdrawals.saturating_add(1);
            }
            Some(_) | None => {
                past.last = Some(trip.clone());
                past.withdrawals = 0;
                // A job that came while the phone was under way for another is still to be done.
                if self.jobs.get(&mac).is_some_and(|job| job.name == trip.plan().policy) {
                    self.jobs.remove(&mac);
                }
            }
        }
        self.budgets.set_under_way(mac, false);
        let returned = trip.outcome().is_some_and(Outcome::is_good);
        if is_lost(trip) {
            self.lost.insert(mac);
        } else if returned || !self.lost.contains(&mac) {
            self.lost.remove(&mac);
            self.release(mac, now);
        }
        self.touch(mac, now);
    }

    /// The phone was seen registered: if it was lost, it is lost no more.
    pub fn found(&mut self, mac: Mac, now: DateTime<Utc>) -> bool {
        let was_lost = self.lost.remove(&mac);
        if was_lost {
            self.past.entry(mac).or_default().found = Some(now);
        }
        // One that a person sent meanwhile keeps its places to the end of that trip.
        if was_lost && self.budgets.holder(mac).is_some_and(|holder| !holder.under_way) {
            self.release(mac, now);
        }
        was_lost
    }

    /// Phones that went and never came back: they keep their places.
    pub fn lost(&self) -> &BTreeSet<Mac> {
        &self.lost
    }

    /// Judges one phone as a pass at the instant `at` would, with what is seen `now`.
    pub fn judge(&self, phone: &Phone, at: DateTime<Utc>, now: DateTime<Utc>, fleet: &Fleet) -> Judged {
        let hours = Hours::default();
        let sky = Sky { in_words: true, ..self.sky(fleet, now, &hours) };
        if !self.to_derive {
            return judge(phone, at, &sky);
        }
        let mut budgets = self.budgets.clone();
        budgets.derive(&self.rules, fleet);
        judge(phone, at, &Sky { budgets: &budgets, ..sky })
    }

    /// Judges these phones as a pass at this instant would, without words and without any effect.
    pub fn survey<'a>(
        &self,
        phones: impl Iterator<Item = &'a Phone>,
        now: DateTime<Utc>,
        fleet: &Fleet,
        see: &mut dyn FnMut(&'a Phone, &Judged),
    ) {
        let hours = Hours::default();
        let derived = self.to_derive.then(|| {
            let mut budgets = self.budgets.clone();
            budgets.derive(&self.rules, fleet);
            budgets
        });
        let sky = self.sky(fleet, now, &hours);
        let sky = Sky { budgets: derived.as_ref().unwrap_or(&self.budgets), ..sky };
        for phone in phones {
            see(phone, &judge(phone, now, &sky));
        }
    }

    /// When the window of a phone opened that is open at an instant, by the rules of now; `None` when none is, or a
    /// blackout holds.
    pub fn opened(&self, phone: &Phone, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let policy = self.rules.policy_for(phone).ok().flatten()?;
        let zone = self.rules.zone_of(phone);
        match (policy.calendar.at(at, zone), policy.calendar.blackout_at(at, zone)) {
            (WindowState::Open(opening), BlackoutState::Off { .. }) => Some(opening.start),
            (WindowState::Open(_), BlackoutState::On { .. }) | (WindowState::Closed(_), _) => None,
        }
    }

    /// What the gates said that is news, since this was last asked.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        self.journal.take_news()
    }

    /// When the next pass is due.
    pub fn next_pass(&self) -> Option<DateTime<Utc>> {
        let due = self.due.first().map(|(at, _)| *at);
        due.into_iter().chain(self.queues.next_change(&self.budgets)).min()
    }

    /// What a pass sees.
    fn sky<'a>(&'a self, fleet: &'a Fleet, now: DateTime<Utc>, hours: &'a Hours<'a>) -> Sky<'a> {
        Sky {
            rules: &self.rules,
            views: fleet.views(),
            budgets: &self.budgets,
            jobs: &self.jobs,
            past: &self.past,
            lost: &self.lost,
            draining: self.draining,
            door: self.door.as_ref(),
            now,
            hours,
            in_words: false,
        }
    }

    fn schedule(&mut self, mac: Mac, at: DateTime<Utc>) {
        if let Some(Waits::Until(earlier) | Waits::Asleep(earlier)) = self.waits.get(&mac)
            && *earlier <= at
        {
            return;
        }
        self.stop_waiting(mac);
        self.due.insert((at, mac));
        self.waits.insert(mac, Waits::Until(at));
    }

    /// The phone waits for nothing any more.
    fn stop_waiting(&mut self, mac: Mac) {
        match self.waits.remove(&mac) {
            Some(Waits::Until(at) | Waits::Asleep(at)) => {
                self.due.remove(&(at, mac));
            }
            Some(Waits::In(party)) => {
                let turn = self.turn(mac);
                self.queues.leave(party, &turn);
            }
            None => {}
        }
    }

    /// When a held phone is to be judged again: soon enough, never at once, never in a tight loop.
    fn look_again(&mut self, mac: Mac, until: Until, now: DateTime<Utc>) {
        let (soonest, latest) = (now + TimeDelta::milliseconds(1), now + LOOK_AGAIN_AT_LEAST);
        let at = match until {
            Until::Calendar(opens) => {
                // Nothing but news of another kind than calls can let it go before, and such news touches it.
                self.schedule(mac, opens.max(soonest));
                if let Some(waits) = self.waits.get_mut(&mac) {
                    *waits = match *waits {
                        Waits::Until(at) => Waits::Asleep(at),
                        other => other,
                    };
                }
                return;
            }
            Until::Changes(at) => at,
            Until::News => latest,
            Until::Unannounced => now + LOOK_AGAIN,
        };
        self.schedule(mac, at.clamp(soonest, latest));
    }

    fn release(&mut self, mac: Mac, now: DateTime<Utc>) {
        for purse in self.budgets.release(mac) {
            self.queues.open(&Bar::Purse(purse));
        }
        // Someone else may go: a pass is due even if no phone is.
        self.touch(mac, now);
    }
}

/// A phone that left and did not come back blocks its place: it may be flashing, or dead.
fn is_lost(trip: &Trip) -> bool {
    matches!(trip.outcome(), Some(Outcome::Failed { failure: Failure::NeverReturned { .. } }))
}

#[cfg(test)]
mod tests;
