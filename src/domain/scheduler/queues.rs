//! Phones that lack nothing but a place.
//!
//! Phones with the same needs stand in one party, and a party stands where it is stuck: at the purse, group or rate that
//! has nothing for it. What falls free there wakes one party, and another only if that one is stuck elsewhere; so the
//! cost of a place does not depend on how many phones wait for it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::party::{Bar, Party, Rank, Stands, Stop, Turn, Wants};
use crate::domain::budget::{Budgets, Purse};
use crate::domain::policy::Rate;

/// All waiting phones.
#[derive(Debug, Clone, Default)]
pub(super) struct Queues {
    stops: Vec<Option<Stop>>,
    free_stops: Vec<u32>,
    stop_of: HashMap<Bar, u32>,
    parties: Vec<Option<Party>>,
    free_parties: Vec<u32>,
    party_of: HashMap<Box<[u64]>, u32>,
    owners: BTreeMap<Arc<str>, u32>,
    ready: BTreeSet<(Rank, u32)>,
    /// Bars where there may be something for whoever stands there.
    open: BTreeSet<u32>,
    /// Flows at which somebody stands: they change by time alone.
    flows: BTreeSet<u32>,
    last: BTreeSet<u32>,
}

impl Queues {
    /// Nobody waits any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The party of phones that want this.
    pub fn party(&mut self, wants: Wants<'_>) -> u32 {
        let next = u32::try_from(self.owners.len()).unwrap_or(u32::MAX);
        let owner = *self.owners.entry(wants.owner.clone()).or_insert(next);
        let mut needs: Vec<(u32, u32)> = Vec::with_capacity(wants.needs.purses.len() + 4);
        for (number, limit) in wants.groups {
            needs.push((self.stop(Bar::Group(*number), *limit, None), 1));
        }
        needs.extend(wants.told_for.map(|policy| (self.stop(Bar::Untold(policy.clone()), 1, None), 1)));
        for (purse, limit) in wants.needs.purses {
            needs.push((self.stop(Bar::Purse(purse), limit, None), 1));
        }
        for (flow, rate, weight) in wants.needs.flows {
            needs.push((self.stop(Bar::Flow(flow), rate.count, Some(rate)), weight));
        }
        let numbers = needs.iter().map(|(stop, weight)| u64::from(*stop) << 32 | u64::from(*weight));
        let first = u64::from(owner) << 1 | u64::from(wants.last);
        let key: Box<[u64]> = std::iter::once(first).chain(numbers).collect();
        if let Some(party) = self.party_of.get(&key) {
            return *party;
        }
        for (stop, _) in &needs {
            if let Some(stop) = self.stops[*stop as usize].as_mut() {
                stop.parties += 1;
            }
        }
        let party = Party {
            key: key.clone(),
            owner: wants.owner.clone(),
            last: wants.last,
            needs,
            phones: BTreeSet::new(),
            stands: Stands::Out,
        };
        let number = put(&mut self.parties, &mut self.free_parties, party);
        self.party_of.insert(key, number);
        number
    }

    fn stop(&mut self, bar: Bar, limit: u32, rate: Option<Rate>) -> u32 {
        if let Some(stop) = self.stop_of.get(&bar) {
            return *stop;
        }
        let new = Stop { bar: bar.clone(), limit, rate, waiting: 0, parties: 0, parked: BTreeSet::new() };
        let number = put(&mut self.stops, &mut self.free_stops, new);
        self.stop_of.insert(bar, number);
        number
    }

    /// Phones join a party.
    pub fn join(&mut self, party: u32, turns: Vec<Turn>) {
        let Some(Some(joined)) = self.parties.get_mut(party as usize) else { return };
        let more = u32::try_from(turns.len()).unwrap_or(u32::MAX);
        if joined.phones.is_empty() {
            // Built at once when a window opens: several times faster than one after the other.
            joined.phones = turns.into_iter().collect();
        } else {
            joined.phones.extend(turns);
        }
        for (stop, _) in &joined.needs {
            if let Some(stop) = self.stops[*stop as usize].as_mut() {
                stop.waiting += more;
            }
        }
        self.stand_ready(party);
    }

    /// A phone leaves its party; an empty party is no more, unless somebody has it in hand.
    pub fn leave(&mut self, party: u32, turn: &Turn) {
        let Some(Some(left)) = self.parties.get_mut(party as usize) else { return };
        if !left.phones.remove(turn) {
            return;
        }
        for (stop, _) in &left.needs {
            if let Some(stop) = self.stops[*stop as usize].as_mut() {
                stop.waiting -= 1;
            }
        }
        if left.phones.is_empty() && left.stands != Stands::Out {
            if let Stands::At(stop, _) = left.stands {
                // Whoever stood behind it may be let through.
                self.open.insert(stop);
            }
            self.step_away(party);
            self.dissolve(party);
        }
    }

    /// There may be something for whoever stands at this bar.
    pub fn open(&mut self, bar: &Bar) {
        self.open.extend(self.stop_of.get(bar));
    }

    /// There may be something at every bar.
    pub fn open_all(&mut self) {
        self.open.extend(self.stop_of.values());
    }

    /// Looks at the flows again: time has passed.
    pub fn open_flows(&mut self) {
        self.open.extend(&self.flows);
    }

    /// The first phone of a party.
    pub fn head(&self, party: u32) -> Option<Turn> {
        self.parties.get(party as usize)?.as_ref()?.phones.first().copied()
    }

    /// The next party that has all it needs; it is out of the queues until [`Self::put_back`]. Parties that go last step
    /// behind all others, except those of `may_last`.
    pub fn next(
        &mut self,
        budgets: &Budgets,
        now: DateTime<Utc>,
        may_last: &BTreeSet<Arc<str>>,
    ) -> Option<u32> {
        loop {
            let Some(party) = self.best_ready() else {
                if self.wake(budgets, now) {
                    continue;
                }
                return None;
            };
            self.step_away(party);
            let known = self.parties[party as usize].as_ref()?;
            if known.last && !may_last.contains(&known.owner) {
                self.stand(party, Stands::Last);
            } else if let Some(stop) = self.stuck_at(party, budgets, now) {
                let rank = self.rank(party);
                self.stand(party, Stands::At(stop, rank));
            } else {
                return Some(party);
            }
        }
    }

    /// A party that was out stands in the queues again.
    pub fn put_back(&mut self, party: u32) {
        match self.parties.get(party as usize) {
            Some(Some(back)) if back.phones.is_empty() => self.dissolve(party),
            Some(Some(_)) => self.stand_ready(party),
            Some(None) | None => {}
        }
    }

    /// Parties of these policies and jobs that stood last may be looked at.
    pub fn let_last(&mut self, owners: &BTreeSet<Arc<str>>) {
        for party in self.last.clone() {
            if self.parties[party as usize].as_ref().is_some_and(|party| owners.contains(&party.owner)) {
                self.stand_ready(party);
            }
        }
    }

    /// The policies and jobs with parties that stand last.
    pub fn last_owners(&self) -> BTreeSet<Arc<str>> {
        let last = self.last.iter().filter_map(|party| self.parties[*party as usize].as_ref());
        last.map(|party| party.owner.clone()).collect()
    }

    /// How many phones wait for a place that will fall free, by policy and job, without those that go last.
    ///
    /// Whoever waits for a group waits for what the rest of the world does, and a purse of which `lost` phones have all
    /// places waits for a person; nobody else waits for them.
    pub fn waiting(&self, lost: &HashMap<Purse, u32>) -> BTreeMap<Arc<str>, u32> {
        let mut waiting: BTreeMap<Arc<str>, u32> = BTreeMap::new();
        for party in self.parties.iter().flatten().filter(|party| !party.last) {
            let for_a_place = match party.stands {
                Stands::At(stop, _) => {
                    self.stops[stop as usize].as_ref().is_some_and(|stop| match &stop.bar {
                        Bar::Group(_) | Bar::Untold(_) => false,
                        Bar::Purse(purse) => lost.get(purse).is_none_or(|lost| *lost < stop.limit),
                        Bar::Flow(_) => true,
                    })
                }
                Stands::Ready(_) | Stands::Out => true,
                Stands::Last => false,
            };
            if for_a_place {
                let phones = u32::try_from(party.phones.len()).unwrap_or(u32::MAX);
                *waiting.entry(party.owner.clone()).or_default() += phones;
            }
        }
        waiting
    }

    /// When the first flow bears whoever stands first at it.
    pub fn next_change(&self, budgets: &Budgets) -> Option<DateTime<Utc>> {
        let changes = self.flows.iter().filter_map(|number| {
            let stop = self.stops[*number as usize].as_ref()?;
            let (_, party) = stop.parked.first()?;
            let (Bar::Flow(flow), Some(rate)) = (&stop.bar, stop.rate) else { return None };
            let weight = self.weight(*party, *number)?;
            Some(budgets.bears_from(flow, rate, weight, DateTime::<Utc>::MIN_UTC))
        });
        changes.min()
    }

    /// The bar at which a party is stuck, if at any.
    fn stuck_at(&self, party: u32, budgets: &Budgets, now: DateTime<Utc>) -> Option<u32> {
        let known = self.parties[party as usize].as_ref()?;
        let mut rank = None;
        known.needs.iter().find_map(|(number, weight)| {
            let stop = self.stops[*number as usize].as_ref()?;
            if !stop.has_room(*weight, budgets, now) {
                return Some(*number);
            }
            // Nobody overtakes at a rate: a phone with many lines waits there until enough has come back.
            if stop.rate.is_some()
                && let Some((first, _)) = stop.parked.first()
                && *first < *rank.get_or_insert_with(|| self.rank(party))
            {
                return Some(*number);
            }
            None
        })
    }

    /// Makes one party ready at every bar that has something for it; `false` when there is none.
    fn wake(&mut self, budgets: &Budgets, now: DateTime<Utc>) -> bool {
        let mut woken = false;
        for number in self.open.clone() {
            let party = self.best_at(number);
            let room = party.is_some_and(|party| {
                let weight = self.weight(party, number).unwrap_or(1);
                self.stops[number as usize].as_ref().is_some_and(|stop| stop.has_room(weight, budgets, now))
            });
            match party.filter(|_| room) {
                Some(party) => {
                    self.stand_ready(party);
                    woken = true;
                }
                None => {
                    self.open.remove(&number);
                }
            }
        }
        woken
    }

    /// The first of the ready parties, by what they rank now: queues grow shorter while others go.
    fn best_ready(&mut self) -> Option<u32> {
        loop {
            let (rank, party) = self.ready.first().copied()?;
            let now = self.rank(party);
            if now <= rank {
                return Some(party);
            }
            self.stand(party, Stands::Ready(now));
        }
    }

    /// The first of the parties at a bar.
    fn best_at(&mut self, number: u32) -> Option<u32> {
        loop {
            let stop = self.stops.get(number as usize)?.as_ref()?;
            let (rank, party) = stop.parked.first().copied()?;
            let now = self.rank(party);
            if now <= rank {
                return Some(party);
            }
            self.stand(party, Stands::At(number, now));
        }
    }

    fn weight(&self, party: u32, stop: u32) -> Option<u32> {
        let needs = &self.parties[party as usize].as_ref()?.needs;
        needs.iter().find(|(number, _)| *number == stop).map(|(_, weight)| *weight)
    }

    fn rank(&self, party: u32) -> Rank {
        let mut rank = Rank { withdrawals: u32::MAX, loads: [Reverse(0); 4], spread: u64::MAX };
        let Some(Some(party)) = self.parties.get(party as usize) else { return rank };
        if let Some((withdrawals, spread, _)) = party.phones.first() {
            (rank.withdrawals, rank.spread) = (*withdrawals, *spread);
        }
        for stop in party.needs.iter().filter_map(|(number, _)| self.stops[*number as usize].as_ref()) {
            let shared_by_all = matches!(&stop.bar, Bar::Purse(purse) if *purse == Purse::FLEET);
            if stop.rate.is_some() || shared_by_all {
                continue;
            }
            let mut load = Reverse(stop.waiting.saturating_mul(100) / stop.limit.max(1));
            for place in &mut rank.loads {
                if load < *place {
                    std::mem::swap(&mut load, place);
                }
            }
        }
        rank
    }

    fn stand_ready(&mut self, party: u32) {
        let rank = self.rank(party);
        self.stand(party, Stands::Ready(rank));
    }

    fn stand(&mut self, party: u32, stands: Stands) {
        self.step_away(party);
        match stands {
            Stands::Ready(rank) => {
                self.ready.insert((rank, party));
            }
            Stands::At(number, rank) => {
                if let Some(stop) = self.stops[number as usize].as_mut() {
                    stop.parked.insert((rank, party));
                    if stop.rate.is_some() {
                        self.flows.insert(number);
                    }
                }
            }
            Stands::Last => {
                self.last.insert(party);
            }
            Stands::Out => {}
        }
        if let Some(Some(party)) = self.parties.get_mut(party as usize) {
            party.stands = stands;
        }
    }

    /// Takes a party out of where it stands.
    fn step_away(&mut self, party: u32) {
        let Some(Some(away)) = self.parties.get_mut(party as usize) else { return };
        match std::mem::replace(&mut away.stands, Stands::Out) {
            Stands::Ready(rank) => {
                self.ready.remove(&(rank, party));
            }
            Stands::At(number, rank) => {
                if let Some(stop) = self.stops[number as usize].as_mut() {
                    stop.parked.remove(&(rank, party));
                    if stop.parked.is_empty() {
                        self.flows.remove(&number);
                    }
                }
            }
            Stands::Last => {
                self.last.remove(&party);
            }
            Stands::Out => {}
        }
    }

    fn dissolve(&mut self, party: u32) {
        let Some(gone) = self.parties.get_mut(party as usize).and_then(Option::take) else { return };
        self.party_of.remove(&gone.key);
        self.free_parties.push(party);
        for (number, _) in gone.needs {
            let Some(stop) = self.stops[number as usize].as_mut() else { continue };
            stop.parties -= 1;
            if stop.parties == 0 {
                self.stop_of.remove(&stop.bar);
                self.stops[number as usize] = None;
                self.free_stops.push(number);
                self.open.remove(&number);
            }
        }
    }
}

/// Puts something where nothing is.
fn put<T>(all: &mut Vec<Option<T>>, free: &mut Vec<u32>, new: T) -> u32 {
    match free.pop() {
        Some(number) => {
            all[number as usize] = Some(new);
            number
        }
        None => {
            all.push(Some(new));
            u32::try_from(all.len() - 1).unwrap_or(u32::MAX)
        }
    }
}
