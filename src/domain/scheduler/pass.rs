//! One pass: judges whom time or news made due, and gives what places there are to those that lack nothing else.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::party::{Turn, Wants};
use super::{Scheduler, Until, Waits};
use crate::domain::budget::{Holder, Purse, Standing, lines_by_pbx, needs};
use crate::domain::fleet::Fleet;
use crate::domain::gates::{Judged, Order, judge, judge_alone};
use crate::domain::hours::Hours;
use crate::domain::lot::lot;
use crate::domain::phone::{Mac, Phone};
use crate::domain::policy::{Group, Policy};
use crate::domain::trip::{LineBefore, Plan};

/// Who goes in a pass, and what for.
type Going = Vec<(Plan, Order)>;

impl Scheduler {
    /// Judges the phones that are due and returns the plans of those that go. Each has its place already.
    ///
    /// `under_way` says whether a phone has an open trip.
    pub fn pass(&mut self, now: DateTime<Utc>, fleet: &Fleet, under_way: &dyn Fn(Mac) -> bool) -> Going {
        self.look_round(fleet, now);
        let let_through = self.judge_due(now, fleet, under_way);
        self.budgets.forget_starts(&self.rules, now);
        self.queues.open_flows();
        let mut going = Going::new();
        self.fill_places(now, fleet, under_way, &BTreeSet::new(), &mut going);
        if self.budgets.groups.have_last() {
            self.let_last_go(now, fleet, under_way, &mut going);
        }
        for (mac, judged) in let_through {
            // That it waits for its turn now is news only where its turn did not come at once.
            if let (Some(Waits::In(_)), Some(phone)) = (self.waits.get(&mac), fleet.get(mac)) {
                self.journal.see(phone, &judged, now, false);
            }
        }
        going
    }

    /// Sends those that are due and lack nothing but a place into the queues. Returns those of them that something else
    /// held before.
    fn judge_due(
        &mut self,
        now: DateTime<Utc>,
        fleet: &Fleet,
        under_way: &dyn Fn(Mac) -> bool,
    ) -> Vec<(Mac, Judged)> {
        let due = self.take_due(now);
        let hours = Hours::default();
        let (mut held, mut ready, mut let_through) = (Vec::new(), Vec::new(), Vec::new());
        for mac in due {
            let Some(phone) = fleet.get(mac).filter(|_| !under_way(mac)) else { continue };
            let judged = judge_alone(phone, now, &self.sky(fleet, now, &hours));
            match judged.order.as_ref().filter(|_| judged.waits_for_place()) {
                Some(order) => {
                    let party = self.party_of(phone, order);
                    ready.push((party, self.turn(mac)));
                    if self.journal.was_held(mac) {
                        let_through.push((mac, judged));
                    }
                }
                None => {
                    self.journal.see(phone, &judged, now, false);
                    held.push((mac, Until::of(&judged)));
                }
            }
        }
        ready.sort_unstable();
        for party in ready.chunk_by(|(a, _), (b, _)| a == b) {
            let turns: Vec<Turn> = party.iter().map(|(_, turn)| *turn).collect();
            let number = party[0].0;
            self.waits.extend(turns.iter().map(|(_, _, mac)| (*mac, Waits::In(number))));
            self.queues.join(number, turns);
        }
        for (mac, until) in held {
            self.look_again(mac, until, now);
        }
        let_through
    }

    /// The phones that are due; none of them waits for anything any more.
    fn take_due(&mut self, now: DateTime<Utc>) -> Vec<Mac> {
        let mut macs = Vec::new();
        while let Some((_, mac)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.pop_first();
            self.waits.remove(&mac);
            macs.push(mac);
        }
        macs
    }

    /// Those that want the same as this phone.
    fn party_of(&mut self, phone: &Phone, order: &Order) -> u32 {
        let job = self.jobs.contains_key(&phone.mac);
        let even_in_a_call = self.jobs.get(&phone.mac).is_some_and(|job| job.even_in_a_call);
        let own = self.rules.policies.iter().find(|policy| policy.name == order.policy);
        let policy = own.filter(|_| !job);
        let addresses = match self.rules.limits_subnets() {
            true => phone.addresses().collect(),
            false => Vec::new(),
        };
        let fetches = order.goal.fetches();
        let mut needed = needs(&self.rules, phone, &addresses, &order.policy, policy, fetches);
        if self.budgets.holds(phone.mac) {
            // A lost phone that a person sends.
            needed.purses.clear();
        }
        let (mut groups, mut last, mut told_for) = (Vec::new(), false, None);
        let all = &self.budgets.groups;
        if !even_in_a_call && !all.is_empty() {
            for number in all.numbers_of(phone.mac) {
                let Some(standing) = all.get(*number) else { continue };
                last |= standing.goes_last();
                let keep = standing.keep();
                if all.is_up(phone.mac) && (standing.is_excluded() || keep.is_some()) {
                    groups.push((*number, standing.size.saturating_sub(keep.unwrap_or(0))));
                }
            }
            let selecting = if job { self.rules.policy_for(phone).ok().flatten() } else { own };
            told_for = selecting.filter(|policy| names_told_groups(policy)).map(|policy| policy.name.clone());
        }
        let wants =
            Wants { owner: &order.policy, last, groups: &groups, told_for: told_for.as_ref(), needs: needed };
        self.queues.party(wants)
    }

    /// Gives free places to phones that wait for one, in their order.
    fn fill_places(
        &mut self,
        now: DateTime<Utc>,
        fleet: &Fleet,
        under_way: &dyn Fn(Mac) -> bool,
        may_last: &BTreeSet<Arc<str>>,
        going: &mut Going,
    ) {
        let hours = Hours::default();
        while let Some(party) = self.queues.next(&self.budgets, now, may_last) {
            if let Some(turn) = self.queues.head(party) {
                let mac = turn.2;
                self.queues.leave(party, &turn);
                self.waits.remove(&mac);
                if let Some(phone) = fleet.get(mac).filter(|_| !under_way(mac)) {
                    let judged = judge(phone, now, &self.sky(fleet, now, &hours));
                    if judged.verdict.is_go() {
                        self.journal.see(phone, &judged, now, true);
                        going.extend(self.go(phone, judged, now, fleet));
                    } else {
                        self.look_again(mac, Until::of(&judged), now);
                    }
                }
            }
            self.queues.put_back(party);
        }
    }

    /// Lets those go that go last, where nobody else waits or is under way.
    fn let_last_go(
        &mut self,
        now: DateTime<Utc>,
        fleet: &Fleet,
        under_way: &dyn Fn(Mac) -> bool,
        going: &mut Going,
    ) {
        let mut lost: HashMap<Purse, u32> = HashMap::new();
        for purse in self.lost.iter().filter_map(|mac| self.budgets.holder(*mac)).flat_map(Holder::purses) {
            *lost.entry(purse.clone()).or_default() += 1;
        }
        self.budgets.set_waiting(self.queues.waiting(&lost));
        let mut owners = self.queues.last_owners();
        owners.retain(|owner| self.budgets.others(owner, |mac| self.lost.contains(&mac)) == 0);
        if !owners.is_empty() {
            self.queues.let_last(&owners);
            self.fill_places(now, fleet, under_way, &owners, going);
        }
    }

    /// The phone goes: it takes its places.
    fn go(
        &mut self,
        phone: &Phone,
        judged: Judged,
        now: DateTime<Utc>,
        fleet: &Fleet,
    ) -> Option<(Plan, Order)> {
        let (plan, order) = plan(phone, judged.order?)?;
        let mac = phone.mac;
        let job = self.jobs.contains_key(&mac);
        let policy = self.rules.policies.iter().find(|policy| !job && policy.name == plan.policy);
        let addresses: Vec<IpAddr> = phone.addresses().collect();
        let fetches = plan.goal.fetches();
        let needed = needs(&self.rules, phone, &addresses, &plan.policy, policy, fetches);
        // A lost phone that a person sends has its place already.
        if self.budgets.holds(mac) {
            self.budgets.set_under_way(mac, true);
        } else {
            let mut holder = Holder::new(&plan.policy, addresses, fetches);
            holder.last = self.budgets.groups.of(mac).any(Standing::goes_last);
            self.budgets.take(mac, holder, needed.purses.into_iter().map(|(purse, _)| purse));
        }
        self.budgets.started(mac, &plan.policy, lines_by_pbx(phone), now);
        self.budgets.spend(needed.flows, now);
        self.budgets.see(mac, fleet);
        Some((plan, order))
    }

    /// Where the phone stands among those that want the same. It changes only when a trip ends, and then it waits for
    /// nothing.
    pub(super) fn turn(&self, mac: Mac) -> Turn {
        (self.past.get(&mac).map_or(0, |past| past.withdrawals), lot(mac, 0), mac)
    }
}

/// Whether the policy names groups that only a PBX can tell.
fn names_told_groups(policy: &Policy) -> bool {
    policy.coverage.iter().any(|coverage| !matches!(coverage.group, Group::Tag(_)))
}

/// The plan of a phone that goes; `None` when it has no registered line.
fn plan(phone: &Phone, order: Order) -> Option<(Plan, Order)> {
    let lines: Vec<LineBefore> = phone
        .lines
        .iter()
        .filter_map(|(line, state)| {
            let contact = state.contact.as_ref()?;
            let (call_id, expires) = (contact.call_id.clone(), contact.expires);
            let address = contact.source.map(|source| source.ip());
            Some(LineBefore { line: line.clone(), call_id, expires, address })
        })
        .collect();
    let plan = Plan {
        phone: phone.mac,
        policy: order.policy.clone(),
        attempt: order.attempt,
        goal: order.goal.clone(),
        line: lines.first()?.line.clone(),
        triggers: order.triggers.clone(),
        serves: order.terms.serves,
        look: order.look,
        timing: order.terms.timing,
        runs: phone.version.clone(),
        lines,
    };
    Some((plan, order))
}
