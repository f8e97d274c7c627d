//! Who goes next. Work follows changes: a phone is judged again when something about it changed, when a gate opens by
//! time, or when a place it waits for falls free.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::budget::Budgets;
use super::fleet::Fleet;
use super::gates::{AdHoc, Judged, Order, Past, Sky, judge};
use super::hours::Hours;
use super::journal::{Finding, Journal};
use super::phone::{Mac, Phone};
use super::policy::{BlackoutState, WindowState};
use super::rules::Rules;
use super::trip::{Failure, LineBefore, Outcome, Plan, Trip};

/// A phone that is held only by something nobody announces is looked at again after this time.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(5);

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
    when: HashMap<Mac, DateTime<Utc>>,
    /// Phones that lack nothing but a place, by budget: those that withdrew less often first, then in an order that
    /// differs from the MACs' but not between runs.
    waiting: BTreeMap<Arc<str>, BTreeSet<(u32, u64, Mac)>>,
    lost: BTreeSet<Mac>,
    journal: Journal,
    draining: bool,
}

impl Scheduler {
    /// A scheduler under these rules, with nothing to do yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            budgets: Budgets::default(),
            jobs: HashMap::new(),
            past: HashMap::new(),
            due: BTreeSet::new(),
            when: HashMap::new(),
            waiting: BTreeMap::new(),
            lost: BTreeSet::new(),
            journal: Journal::default(),
            draining: false,
        }
    }

    /// The rules in force.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// New rules; every phone is judged anew. Returns the lost phones that gave their places back, see
    /// [`Self::reconcile`].
    pub fn adopt(&mut self, rules: Rules, fleet: &Fleet, now: DateTime<Utc>) -> Vec<Mac> {
        self.rules = rules;
        self.waiting.clear();
        let freed = self.reconcile(fleet);
        for phone in fleet.iter() {
            self.touch(phone.mac, now);
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
        for (mac, budget) in self.budgets.places() {
            let known = self.rules.policies.iter().any(|policy| policy.name == *budget)
                || self.jobs.get(&mac).is_some_and(|job| job.name == *budget);
            let policy = fleet.get(mac).and_then(|phone| self.rules.policy_for(phone).ok().flatten());
            moves.extend(policy.filter(|_| !known).map(|policy| (mac, policy.name.clone())));
        }
        for (mac, budget) in moves {
            self.budgets.take(&budget, mac);
        }
        freed
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
        self.schedule(mac, now);
    }

    /// What is remembered of a phone.
    pub fn past(&self, mac: Mac) -> Option<&Past> {
        self.past.get(&mac)
    }

    /// A trip of an earlier run of the daemon that had ended.
    pub fn remember(&mut self, trip: Trip) {
        let mac = trip.plan().phone;
        if is_lost(&trip) {
            self.budgets.take(&trip.plan().policy.clone(), mac);
            self.lost.insert(mac);
        }
        self.past.entry(mac).or_default().last = Some(trip);
    }

    /// A trip of an earlier run that is still open has its place.
    pub fn resume(&mut self, trip: &Trip) {
        self.budgets.take(&trip.plan().policy.clone(), trip.plan().phone);
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
        self.leave_queues(mac);
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
        let returned = matches!(trip.outcome(), Some(Outcome::Verified { .. } | Outcome::Rebooted));
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
        judge(phone, at, &Sky { in_words: true, ..self.sky(fleet, now, &Hours::default()) })
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
        let sky = self.sky(fleet, now, &hours);
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
        self.due.first().map(|(at, _)| *at)
    }

    /// Judges the phones that are due and returns the plans of those that go. Each has its place already.
    ///
    /// `under_way` says whether a phone has an open trip.
    pub fn pass(
        &mut self,
        now: DateTime<Utc>,
        fleet: &Fleet,
        under_way: &dyn Fn(Mac) -> bool,
    ) -> Vec<(Plan, Order)> {
        let due = self.take_due(now);
        let hours = Hours::default();
        let (mut held, mut ready) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
        let mut journal = std::mem::take(&mut self.journal);
        let sky = self.sky(fleet, now, &hours);
        for mac in due {
            let Some(phone) = fleet.get(mac).filter(|_| !under_way(mac)) else { continue };
            let judged = judge(phone, now, &sky);
            if !judged.verdict.is_go() {
                journal.see(phone, &judged, now, false);
            }
            if judged.waits_for_place() {
                ready.entry(judged.budget.unwrap_or_default()).or_default().push(self.turn(mac));
            } else {
                held.push((mac, judged.next_change()));
            }
        }
        self.journal = journal;
        for (budget, turns) in ready {
            let queue = self.waiting.entry(budget).or_default();
            if queue.is_empty() {
                // Built at once when a window opens: several times faster than one after the other.
                *queue = turns.into_iter().collect();
            } else {
                queue.extend(turns);
            }
        }
        for (mac, change) in held {
            self.look_again(mac, change, now);
        }
        self.fill_places(now, fleet, under_way)
    }

    /// The phones that are due; none of them waits for anything any more.
    fn take_due(&mut self, now: DateTime<Utc>) -> Vec<Mac> {
        let mut macs = Vec::new();
        while let Some((_, mac)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.pop_first();
            self.when.remove(&mac);
            self.leave_queues(mac);
            macs.push(mac);
        }
        macs
    }

    /// Gives free places to phones that wait for one, in their order.
    fn fill_places(
        &mut self,
        now: DateTime<Utc>,
        fleet: &Fleet,
        under_way: &dyn Fn(Mac) -> bool,
    ) -> Vec<(Plan, Order)> {
        let mut going = Vec::new();
        let hours = Hours::default();
        let budgets: Vec<Arc<str>> = self.waiting.keys().cloned().collect();
        for budget in budgets {
            while let Some(turn) = self.waiting.get(&budget).and_then(BTreeSet::first).copied() {
                let mac = turn.2;
                let Some(phone) = fleet.get(mac).filter(|_| !under_way(mac)) else {
                    self.leave_queues(mac);
                    continue;
                };
                let judged = judge(phone, now, &self.sky(fleet, now, &hours));
                if !judged.verdict.is_go() {
                    if judged.waits_for_place() {
                        break; // No place left: the queue stays as it is.
                    }
                    self.leave_queues(mac);
                    self.look_again(mac, judged.next_change(), now);
                    continue;
                }
                if let Some(queue) = self.waiting.get_mut(&budget) {
                    queue.remove(&turn);
                }
                self.journal.see(phone, &judged, now, true);
                if let Some((plan, order)) = judged.order.and_then(|order| plan(phone, order)) {
                    // A lost phone that a person sends has its place already.
                    if !self.budgets.holds(mac) {
                        self.budgets.take(&plan.policy, mac);
                    }
                    going.push((plan, order));
                }
            }
            if self.waiting.get(&budget).is_some_and(BTreeSet::is_empty) {
                self.waiting.remove(&budget);
            }
        }
        going
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
            now,
            hours,
            in_words: false,
        }
    }

    fn schedule(&mut self, mac: Mac, at: DateTime<Utc>) {
        match self.when.get(&mac) {
            Some(earlier) if *earlier <= at => {}
            Some(later) => {
                self.due.remove(&(*later, mac));
                self.due.insert((at, mac));
                self.when.insert(mac, at);
            }
            None => {
                self.due.insert((at, mac));
                self.when.insert(mac, at);
            }
        }
    }

    /// When a held phone is to be judged again: soon enough, never at once, never in a tight loop.
    fn look_again(&mut self, mac: Mac, change: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let again = change.unwrap_or(now + LOOK_AGAIN);
        self.schedule(mac, again.clamp(now + TimeDelta::milliseconds(1), now + LOOK_AGAIN * 12));
    }

    /// Where the phone stands in a queue. It changes only in [`Self::ended`], which takes it out of all queues first.
    fn turn(&self, mac: Mac) -> (u32, u64, Mac) {
        (self.past.get(&mac).map_or(0, |past| past.withdrawals), spread(mac), mac)
    }

    fn leave_queues(&mut self, mac: Mac) {
        if self.waiting.is_empty() {
            return;
        }
        let turn = self.turn(mac);
        for queue in self.waiting.values_mut() {
            queue.remove(&turn);
        }
    }

    fn release(&mut self, mac: Mac, now: DateTime<Utc>) {
        self.budgets.release(mac);
        // Someone else may go: a pass is due even if no phone is.
        self.touch(mac, now);
    }
}

/// A phone that left and did not come back blocks its place: it may be flashing, or dead.
fn is_lost(trip: &Trip) -> bool {
    matches!(trip.outcome(), Some(Outcome::Failed { failure: Failure::NeverReturned { .. } }))
}

/// A number that looks random and depends on the MAC alone, so that neighbours do not go together and a restart
/// changes nothing.
fn spread(mac: Mac) -> u64 {
    let mut hasher = DefaultHasher::new();
    mac.hash(&mut hasher);
    hasher.finish()
}

/// The plan of a phone that goes; `None` when it has no registered line.
fn plan(phone: &Phone, order: Order) -> Option<(Plan, Order)> {
    let lines: Vec<LineBefore> = phone
        .lines
        .iter()
        .filter_map(|(line, state)| {
            let contact = state.contact.as_ref()?;
            let (call_id, expires) = (contact.call_id.clone(), contact.expires);
            Some(LineBefore { line: line.clone(), call_id, expires })
        })
        .collect();
    let plan = Plan {
        phone: phone.mac,
        policy: order.policy.clone(),
        attempt: order.attempt,
        goal: order.goal.clone(),
        line: lines.first()?.line.clone(),
        triggers: order.terms.triggers.clone(),
        waits_for_idle: order.terms.waits_for_idle,
        timing: order.terms.timing,
        runs: phone.version.clone(),
        lines,
    };
    Some((plan, order))
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
