//! How many phones are away from their desks, for whom, and how fast they may follow each other.

mod groups;
mod purse;
mod tokens;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::fleet::Fleet;
use super::phone::{Mac, PbxName, Phone};
use super::policy::Rate;
use super::rules::Rules;
pub use groups::{Groups, Standing};
pub use purse::{AD_HOC_AT_ONCE, Flow, Needs, Owner, Purse, Scope, lines_by_pbx, needs, subnet};
pub use tokens::Tokens;

/// Starts are remembered for so long at least: a reload may bring a rate.
const STARTS_KEPT: TimeDelta = TimeDelta::minutes(1);

/// A phone that is away, or that went and was not seen again.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The policy or job it went for.
    pub owner: Arc<str>,
    /// Where its lines were registered from when it went.
    pub addresses: Vec<IpAddr>,
    /// It has an image to fetch.
    pub fetches: bool,
    /// It belongs to a group whose phones go last.
    pub last: bool,
    /// Its trip is open; a lost phone's is over, unless a person sent it again.
    pub under_way: bool,
    purses: Vec<Purse>,
}

impl Holder {
    /// A phone that goes.
    pub fn new(owner: &Arc<str>, addresses: Vec<IpAddr>, fetches: bool) -> Self {
        Self { owner: owner.clone(), addresses, fetches, last: false, under_way: true, purses: Vec::new() }
    }

    /// The purses it has a place of.
    pub fn purses(&self) -> &[Purse] {
        &self.purses
    }
}

/// A start that may still count against a rate.
#[derive(Debug, Clone)]
struct Start {
    owner: Arc<str>,
    lines: Vec<(PbxName, u32)>,
}

/// Places taken: by phones under way, and by lost phones until they are seen again.
#[derive(Debug, Clone, Default)]
pub struct Budgets {
    /// The groups of which some stay up.
    pub groups: Groups,
    holders: BTreeMap<Mac, Holder>,
    down: HashMap<Purse, u32>,
    starts: BTreeMap<(DateTime<Utc>, Mac), Start>,
    flows: BTreeMap<Flow, (Rate, Tokens)>,
    /// Phones that wait for a place of a policy or job and need not go last.
    waiting: BTreeMap<Arc<str>, u32>,
}

impl Budgets {
    /// Takes a place in each of these purses. A phone has at most one in each.
    pub fn take(&mut self, mac: Mac, mut holder: Holder, purses: impl IntoIterator<Item = Purse>) {
        self.release(mac);
        holder.purses = purses.into_iter().collect();
        let of_all = Purse::of(&holder.owner);
        // Counted even where nothing limits them.
        for purse in [of_all, Purse::FLEET] {
            if !holder.purses.contains(&purse) {
                holder.purses.push(purse);
            }
        }
        for purse in &holder.purses {
            *self.down.entry(purse.clone()).or_default() += 1;
        }
        self.holders.insert(mac, holder);
    }

    /// Gives the phone's places back; says which they were.
    pub fn release(&mut self, mac: Mac) -> Vec<Purse> {
        let Some(holder) = self.holders.remove(&mac) else { return Vec::new() };
        for purse in &holder.purses {
            self.give_back(purse);
        }
        holder.purses
    }

    /// The phone has its image: another may fetch. Says whose place fell free.
    pub fn fetched(&mut self, mac: Mac) -> Option<Purse> {
        let holder = self.holders.get_mut(&mac)?;
        holder.fetches = false;
        let at = holder.purses.iter().position(|purse| purse.scope == Scope::Downloads)?;
        let purse = holder.purses.remove(at);
        self.give_back(&purse);
        Some(purse)
    }

    fn give_back(&mut self, purse: &Purse) {
        if let Some(down) = self.down.get_mut(purse) {
            *down -= 1;
            if *down == 0 {
                self.down.remove(purse);
            }
        }
    }

    /// Takes in what a phone is now, see [`Groups::see`].
    pub fn see(&mut self, mac: Mac, fleet: &Fleet) -> Option<(Vec<u32>, bool)> {
        let Self { groups, holders, .. } = self;
        groups.see(mac, fleet.get(mac), |mac| holders.contains_key(&mac) || fleet.has_lost_sight_of(mac))
    }

    /// Takes in queues and ring groups as they are told now, see [`Groups::hear`].
    pub fn hear(&mut self, rules: &Rules, fleet: &Fleet) -> Vec<Mac> {
        let Self { groups, holders, .. } = self;
        groups.hear(rules, fleet, |mac| holders.contains_key(&mac) || fleet.has_lost_sight_of(mac))
    }

    fn read_groups(&mut self, rules: &Rules, fleet: &Fleet) {
        let Self { groups, holders, .. } = self;
        *groups =
            Groups::read(rules, fleet, |mac| holders.contains_key(&mac) || fleet.has_lost_sight_of(mac));
    }

    /// All phones that have places.
    pub fn holders(&self) -> impl Iterator<Item = (Mac, &Holder)> {
        self.holders.iter().map(|(mac, holder)| (*mac, holder))
    }

    /// The places of a phone.
    pub fn holder(&self, mac: Mac) -> Option<&Holder> {
        self.holders.get(&mac)
    }

    /// The trip of a phone that keeps its places began or ended.
    pub fn set_under_way(&mut self, mac: Mac, under_way: bool) {
        if let Some(holder) = self.holders.get_mut(&mac) {
            holder.under_way = under_way;
        }
    }

    /// A holder now counts for this policy or job.
    pub fn hand_over(&mut self, mac: Mac, owner: &Arc<str>) {
        if let Some(mut holder) = self.holders.get(&mac).cloned() {
            holder.owner = owner.clone();
            let purses = std::mem::take(&mut holder.purses);
            self.take(mac, holder, purses);
        }
    }

    /// Whether the phone has its places.
    pub fn holds(&self, mac: Mac) -> bool {
        self.holders.contains_key(&mac)
    }

    /// Places taken of a purse.
    pub fn down(&self, purse: &Purse) -> u32 {
        self.down.get(purse).copied().unwrap_or(0)
    }

    /// Places taken of one policy or job.
    pub fn down_of(&self, name: &Arc<str>) -> u32 {
        self.down(&Purse::of(name))
    }

    /// Places taken in all.
    pub fn down_in_all(&self) -> u32 {
        u32::try_from(self.holders.len()).unwrap_or(u32::MAX)
    }

    /// Purses that have no place left, with the places taken and those there are.
    pub fn full(&self, rules: &Rules, fleet: &Fleet) -> BTreeMap<Purse, (u32, u32)> {
        let mut full = BTreeMap::new();
        for (mac, holder) in &self.holders {
            let Some(phone) = fleet.get(*mac) else { continue };
            for (purse, limit) in needs_of(rules, phone, holder).purses {
                let down = self.down(&purse);
                if down >= limit {
                    full.insert(purse, (down, limit));
                }
            }
        }
        full
    }

    /// A phone started: its share of each flow comes back after the rate's period.
    pub fn started(&mut self, mac: Mac, owner: &Arc<str>, lines: Vec<(PbxName, u32)>, at: DateTime<Utc>) {
        self.starts.insert((at, mac), Start { owner: owner.clone(), lines });
    }

    /// Takes a phone's share of the flows.
    pub fn spend(&mut self, flows: Vec<(Flow, Rate, u32)>, at: DateTime<Utc>) {
        for (flow, rate, weight) in flows {
            let (kept, tokens) = self.flows.entry(flow).or_insert_with(|| (rate, Tokens::default()));
            *kept = rate;
            tokens.take(weight, at + rate.per);
        }
    }

    /// From when on a flow bears so many more.
    pub fn bears_from(&self, flow: &Flow, rate: Rate, weight: u32, at: DateTime<Utc>) -> DateTime<Utc> {
        self.flows.get(flow).map_or(at, |(_, tokens)| tokens.free_from(weight, rate, at))
    }

    /// Forgets what counts against no rate any more.
    pub fn forget_starts(&mut self, rules: &Rules, now: DateTime<Utc>) {
        for (_, tokens) in self.flows.values_mut() {
            tokens.forget(now);
        }
        let longest = longest_rate(rules).map_or(STARTS_KEPT, |longest| longest.max(STARTS_KEPT));
        while self.starts.first_key_value().is_some_and(|((at, _), _)| *at + longest <= now) {
            self.starts.pop_first();
        }
    }

    /// Works all counts out anew from who is away and who started lately, by these rules.
    pub fn derive(&mut self, rules: &Rules, fleet: &Fleet) {
        self.down.clear();
        self.read_groups(rules, fleet);
        for (mac, mut holder) in std::mem::take(&mut self.holders) {
            let purses: Vec<Purse> = match fleet.get(mac) {
                Some(phone) => needs_of(rules, phone, &holder).purses.into_iter().map(|(p, _)| p).collect(),
                None => std::mem::take(&mut holder.purses),
            };
            holder.last = self.groups.of(mac).any(Standing::goes_last);
            self.take(mac, holder, purses);
        }
        self.flows.clear();
        let starts: Vec<(DateTime<Utc>, Start)> =
            self.starts.iter().map(|((at, _), start)| (*at, start.clone())).collect();
        for (at, start) in starts {
            self.spend(flows_of(rules, &start), at);
        }
    }

    /// Phones of this policy or job that wait for a place, as the scheduler counted them.
    pub fn set_waiting(&mut self, waiting: BTreeMap<Arc<str>, u32>) {
        self.waiting = waiting;
    }

    /// Phones of a policy or job that need not go last and wait for a place or are under way.
    pub fn others(&self, owner: &str, is_lost: impl Fn(Mac) -> bool) -> u32 {
        let away = self.holders.iter().filter(|(mac, h)| *h.owner == *owner && !h.last && !is_lost(**mac));
        let away = u32::try_from(away.count()).unwrap_or(u32::MAX);
        away.saturating_add(self.waiting.get(owner).copied().unwrap_or(0))
    }
}

fn needs_of(rules: &Rules, phone: &Phone, holder: &Holder) -> Needs {
    let policy = rules.policies.iter().find(|policy| policy.name == holder.owner);
    needs(rules, phone, &holder.addresses, &holder.owner, policy, holder.fetches)
}

/// What a start counts against, where the phone itself may not be known any more.
fn flows_of(rules: &Rules, start: &Start) -> Vec<(Flow, Rate, u32)> {
    let policy = rules.policies.iter().find(|policy| policy.name == start.owner);
    let owner = Owner::Of(start.owner.clone());
    let own = policy.and_then(|policy| policy.pace.registrations);
    let mut flows = Vec::new();
    for (owner, rate) in [(&owner, own), (&Owner::Fleet, rules.fleet_pace.registrations)] {
        for (pbx, lines) in start.lines.iter().filter(|_| rate.is_some()) {
            let flow = Flow { owner: owner.clone(), registrations_at: Some(pbx.clone()) };
            flows.extend(rate.map(|rate| (flow, rate, *lines)));
        }
    }
    let notifies = policy.and_then(|policy| policy.pace.notify_rate);
    flows.extend(notifies.map(|rate| (Flow { owner, registrations_at: None }, rate, 1)));
    flows
}

/// The longest time for which a start counts.
pub fn longest_rate(rules: &Rules) -> Option<TimeDelta> {
    let paces = rules.policies.iter().map(|policy| &policy.pace);
    let own = paces.flat_map(|pace| [pace.notify_rate, pace.registrations]);
    own.chain([rules.fleet_pace.registrations]).flatten().map(|rate| rate.per).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_that_nobody_sees_counts_as_up_for_nobody() {
        use crate::domain::phone::{CallState, Contact, KnownBy, Line, LineId, Tag};
        use crate::domain::policy::{Action, Coverage, CoverageRule, Group, Policy, Selection, Share};
        let (mut fleet, mut contacts) = (Fleet::default(), Vec::new());
        let pbxs = [PbxName::new("pbx1"), PbxName::new("pbx2")];
        for (n, pbx) in (0..).zip(&pbxs) {
            fleet.watch(pbx.clone(), TimeDelta::seconds(30));
            let line = LineId { pbx: pbx.clone(), user: "2117".into() };
            let mut phone = Phone::new(Mac::new([n; 6]), KnownBy::Inventory);
            phone.tags.insert(Tag::new("reception"));
            phone.lines.insert(line.clone(), Line::UNSEEN);
            fleet.introduce(phone);
            let uri = "sip:2117@10.0.0.1".into();
            let contact = Contact { uri, source: None, call_id: None, user_agent: None, expires: None };
            contacts.push((line, contact));
        }
        let show = |fleet: &mut Fleet, n: usize| {
            let contact = contacts[n].clone();
            let calls = vec![(contact.0.clone(), CallState::Idle)];
            fleet.picture(&pbxs[n], vec![contact], calls, DateTime::UNIX_EPOCH);
        };
        (0..2).for_each(|n| show(&mut fleet, n));
        let mut policy = Policy::new("night", Selection::default(), Action::Reboot);
        let (group, rule) = (Group::Tag(Tag::new("reception")), CoverageRule::KeepUp(Share::Count(1)));
        policy.coverage = vec![Coverage { group, rule }];
        let rules = Rules::new(vec![policy], chrono_tz::UTC, std::sync::Arc::new(|_| None));
        let mut budgets = Budgets::default();
        budgets.derive(&rules, &fleet);
        let up = |budgets: &Budgets| budgets.groups.iter().next().map(|group| group.up);
        assert_eq!(up(&budgets), Some(2));
        for mac in fleet.lost(&PbxName::new("pbx2")) {
            budgets.see(mac, &fleet);
        }
        assert_eq!(up(&budgets), Some(1), "it may be down for all that is known");
        budgets.derive(&rules, &fleet);
        assert_eq!(up(&budgets), Some(1));
        show(&mut fleet, 1);
        budgets.see(Mac::new([1; 6]), &fleet);
        assert_eq!(up(&budgets), Some(2));
    }

    #[test]
    fn a_phone_has_at_most_one_place() {
        let (mut budgets, mac) = (Budgets::default(), Mac::new([1; 6]));
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        budgets.take(mac, Holder::new(&a, Vec::new(), false), []);
        budgets.take(mac, Holder::new(&b, Vec::new(), false), []);
        assert_eq!((budgets.down_of(&a), budgets.down_of(&b), budgets.down_in_all()), (0, 1, 1));
        assert_eq!(budgets.release(mac), [Purse::of(&b), Purse::FLEET]);
        assert_eq!(budgets.release(mac), []);
        assert_eq!((budgets.down_in_all(), budgets.down(&Purse::FLEET)), (0, 0));
    }
}
