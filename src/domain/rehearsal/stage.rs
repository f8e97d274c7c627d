//! The fleet of a case at one instant, as its steps so far describe it, and the scheduler that judges it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::case::{Case, Doing, Ending, News, Player, Step, ViewNews};
use super::report::{Miss, StepReport, misses};
use crate::domain::fleet::Fleet;
use crate::domain::gates::{Judged, Order};
use crate::domain::phone::{CallState, Contact, KnownBy, Line, LineId, Mac, PbxName, Phone};
use crate::domain::policy::verdict::{Gate, Reason};
use crate::domain::policy::{Group, Policy};
use crate::domain::scheduler::Scheduler;
use crate::domain::trip::{Failure, Input, LineBefore, Outcome, Plan, Trip};

/// How old a view may be.
const STALE_AFTER: TimeDelta = TimeDelta::seconds(30);

/// Phones have been idle for so long before a case begins.
const IDLE_BEFORE: TimeDelta = TimeDelta::days(1);

/// Trips under way began so long before the instant asked about: no limit in time remembers them.
const BEGAN_BEFORE: TimeDelta = TimeDelta::hours(1);

/// A case while it is played.
pub(super) struct Stage<'a> {
    case: &'a Case,
    actors: Vec<Actor<'a>>,
    views: BTreeMap<PbxName, ViewNews>,
    /// Other phones under way, and the phone they are like.
    down: (u32, usize),
}

/// A phone, and what the steps so far told of it.
struct Actor<'a> {
    player: &'a Player,
    phone: Phone,
    lines: BTreeMap<LineId, Seen>,
    last: Option<Trip>,
    /// Seen again after it was lost.
    found: bool,
    under_way: bool,
}

/// What is seen of a line.
struct Seen {
    doing: Doing,
    idle_since: DateTime<Utc>,
    agent: Option<bool>,
    do_not_disturb: Option<bool>,
}

/// Everything a scheduler is asked with.
struct Scene {
    fleet: Fleet,
    scheduler: Scheduler,
    under_way: BTreeSet<Mac>,
}

impl<'a> Stage<'a> {
    pub fn new(case: &'a Case) -> Self {
        let begins = case.steps.first().map_or(DateTime::UNIX_EPOCH, |step| step.at);
        let seen = || Seen {
            doing: Doing::Calls(CallState::Idle),
            idle_since: begins - IDLE_BEFORE,
            agent: Some(false),
            do_not_disturb: Some(false),
        };
        let actors = case.players.iter().map(|player| Actor {
            player,
            phone: player.phone.clone(),
            lines: player.phone.lines.keys().map(|line| (line.clone(), seen())).collect(),
            last: None,
            found: false,
            under_way: false,
        });
        Self { case, actors: actors.collect(), views: BTreeMap::new(), down: (0, 0) }
    }

    /// Takes in what happens and asks what is decided.
    pub fn play(&mut self, step: &Step) -> StepReport {
        let took_place = self.take(step);
        let mut scene = self.scene(step.at);
        let (mac, zone) = {
            let phone = &self.actors[step.player].phone;
            (phone.mac, self.case.rules.zone_of(phone))
        };
        let phone = scene.fleet.get(mac).cloned().unwrap_or_else(|| Phone::new(mac, KnownBy::Inventory));
        let mut judged = scene.scheduler.judge(&phone, step.at, step.at, &scene.fleet);
        if scene.under_way.contains(&mac) {
            tell_under_way(&mut judged);
        }
        let policy = self.case.rules.policy_for(&phone).ok().flatten().map(|policy| policy.name.clone());
        let goes = step.expect.goes.map(|_| self.pass(&mut scene, step.at));
        let mut misses = misses(&step.expect, &judged.verdict, policy.as_ref(), goes.as_deref(), zone);
        if !took_place {
            misses.push(Miss::NoTrip);
        }
        StepReport { phone, zone, policy, judged, goes, misses }
    }

    /// The names of those that one pass lets go.
    fn pass(&self, scene: &mut Scene, at: DateTime<Utc>) -> Vec<Arc<str>> {
        for phone in scene.fleet.iter() {
            scene.scheduler.touch(phone.mac, at);
        }
        let plans = scene.scheduler.pass(at, &scene.fleet, &|mac| scene.under_way.contains(&mac));
        let gone: BTreeSet<Mac> = plans.iter().map(|(plan, _)| plan.phone).collect();
        let names = self.actors.iter().filter(|actor| gone.contains(&actor.phone.mac));
        names.map(|actor| actor.player.name.clone()).collect()
    }

    /// Takes in what happens; `false` when it speaks of a trip that cannot have been.
    fn take(&mut self, Step { at, player, news, .. }: &Step) -> bool {
        if let Some(view) = news.view {
            let pbxs: BTreeSet<PbxName> =
                self.actors[*player].phone.lines.keys().map(|line| line.pbx.clone()).collect();
            for pbx in pbxs {
                let was = self.views.insert(pbx.clone(), view).unwrap_or_default();
                if was == ViewNews::Gone && view != ViewNews::Gone {
                    // Nobody watched meanwhile: quiet begins anew.
                    self.actors.iter_mut().for_each(|actor| actor.quiet_anew(&pbx, *at));
                }
            }
        }
        if let Some(down) = news.down {
            self.down = (down, *player);
        }
        self.actors[*player].take(news, *at);
        let ended = match &news.ended {
            Some(ending) => self.end(*player, ending, news.attempt, *at),
            None => true,
        };
        let departed = news.under_way != Some(true) || self.order(*player, *at).is_some();
        ended && departed
    }

    /// A trip of the phone ended.
    fn end(&mut self, player: usize, ending: &Ending, attempt: Option<u32>, at: DateTime<Utc>) -> bool {
        let Some((seen, order)) = self.order(player, at) else { return false };
        let actor = &mut self.actors[player];
        let outcome = match ending {
            Ending::Failed(failure) => {
                actor.found = !matches!(failure, Failure::NeverReturned { .. });
                Outcome::Failed { failure: failure.clone() }
            }
            Ending::Rebooted => {
                actor.phone.booted = Some(at);
                Outcome::Rebooted
            }
        };
        // A whole trip takes longer than the least time between two NOTIFYs.
        let asked = at - order.terms.timing.gap;
        let order = Order { attempt: attempt.unwrap_or(order.attempt), ..order };
        actor.last = Some(Trip::over(plan(&seen, order), asked, at, outcome));
        actor.under_way = false;
        true
    }

    /// The phone as it is seen, and what it would be sent for.
    fn order(&self, player: usize, at: DateTime<Utc>) -> Option<(Phone, Order)> {
        let scene = self.scene(at);
        let phone = scene.fleet.get(self.actors[player].phone.mac)?;
        let order = scene.scheduler.judge(phone, at, at, &scene.fleet).order?;
        Some((phone.clone(), order))
    }

    /// The fleet and the scheduler as they are at this instant.
    fn scene(&self, at: DateTime<Utc>) -> Scene {
        let mut fleet = Fleet::default();
        for actor in &self.actors {
            actor.enter(&mut fleet);
        }
        let others = self.others();
        for (phone, _) in &others {
            fleet.introduce(phone.clone());
        }
        self.tell(&mut fleet, &others, at);
        let mut scheduler = Scheduler::new(self.case.rules.clone());
        let mut under_way = BTreeSet::new();
        for actor in &self.actors {
            if let Some(last) = &actor.last {
                scheduler.remember(last.clone());
            }
            if actor.found {
                scheduler.found(actor.phone.mac, at);
            }
        }
        let travellers = self.actors.iter().filter(|actor| actor.under_way).map(|actor| &actor.phone);
        for phone in travellers.chain(others.iter().map(|(phone, _)| phone)) {
            let seen = fleet.get(phone.mac).unwrap_or(phone);
            let Some(order) = scheduler.judge(seen, at, at, &fleet).order else { continue };
            let began = at - BEGAN_BEFORE;
            let (mut trip, _) = Trip::begin(plan(seen, order), began);
            trip.handle(began, Input::Confirmed);
            scheduler.resume(&trip);
            under_way.insert(phone.mac);
        }
        Scene { fleet, scheduler, under_way }
    }

    /// What the PBXs tell.
    fn tell(&self, fleet: &mut Fleet, others: &[(Phone, IpAddr)], at: DateTime<Utc>) {
        type Told = (Vec<(LineId, Contact)>, Vec<(LineId, CallState)>);
        let mut told: BTreeMap<PbxName, Told> = BTreeMap::new();
        let mut groups: BTreeMap<PbxName, Vec<(Group, Vec<LineId>)>> = BTreeMap::new();
        let named: BTreeSet<&Group> = self
            .case
            .rules
            .policies
            .iter()
            .flat_map(|p| &p.coverage)
            .map(|coverage| &coverage.group)
            .collect();
        for actor in &self.actors {
            for (line, seen) in &actor.lines {
                let (contacts, calls) = told.entry(line.pbx.clone()).or_default();
                match seen.doing {
                    Doing::Calls(state) => {
                        contacts.push((line.clone(), contact(line, actor.player.address)));
                        calls.push((line.clone(), state));
                    }
                    Doing::Unregistered => calls.push((line.clone(), CallState::Offline)),
                }
                let own = groups.entry(line.pbx.clone()).or_default();
                own.extend(named.iter().map(|group| {
                    let member = actor.player.groups.contains(group);
                    ((*group).clone(), member.then(|| line.clone()).into_iter().collect())
                }));
            }
        }
        for (phone, address) in others {
            for line in phone.lines.keys() {
                let (contacts, calls) = told.entry(line.pbx.clone()).or_default();
                contacts.push((line.clone(), contact(line, *address)));
                calls.push((line.clone(), CallState::Idle));
            }
        }
        for (pbx, (contacts, calls)) in told {
            let view = self.views.get(&pbx).copied().unwrap_or_default();
            let last = match view {
                ViewNews::Silent => at - STALE_AFTER - TimeDelta::seconds(1),
                ViewNews::Fresh | ViewNews::Gone => at,
            };
            fleet.watch(pbx.clone(), STALE_AFTER);
            fleet.picture(&pbx, contacts, calls, last);
            fleet.set_groups(&pbx, groups.remove(&pbx).unwrap_or_default());
            if view == ViewNews::Gone {
                fleet.lost(&pbx);
            }
        }
    }

    /// The other phones under way: like the one they were told with, but in none of the groups that coverage names.
    fn others(&self) -> Vec<(Phone, IpAddr)> {
        let (down, like) = self.down;
        let Some(actor) = self.actors.get(like) else { return Vec::new() };
        let covered = |tag: &crate::domain::phone::Tag| {
            let by = |policy: &Policy| policy.coverage.iter().any(|c| c.group == Group::Tag(tag.clone()));
            self.case.rules.policies.iter().any(by)
        };
        let other = |n: u32| {
            let [a, b, c, d] = n.to_be_bytes();
            // Locally administered: nobody's own address.
            let mut phone = actor.phone.clone();
            phone.mac = Mac::new([0x02, 0x73, a, b, c, d]);
            phone.tags.retain(|tag| !covered(tag));
            phone.lines = actor
                .phone
                .lines
                .iter()
                .take(1)
                .map(|(line, state)| {
                    let user = format!("other-{n}").into();
                    (LineId { pbx: line.pbx.clone(), user }, state.clone())
                })
                .collect();
            (phone, actor.player.address)
        };
        (1..=down).map(other).collect()
    }
}

impl Actor<'_> {
    fn take(&mut self, news: &News, at: DateTime<Utc>) {
        let meant = |line: &LineId| news.line.as_ref().is_none_or(|user| line.user == *user);
        for (_, seen) in self.lines.iter_mut().filter(|(line, _)| meant(line)) {
            let doing = news.doing.or(news.quiet.map(|_| Doing::Calls(CallState::Idle)));
            if let Some(doing) = doing {
                if seen.doing != doing {
                    seen.idle_since = at;
                }
                seen.doing = doing;
            }
            seen.idle_since = news.quiet.map_or(seen.idle_since, |quiet| at - quiet);
            seen.agent = news.agent.unwrap_or(seen.agent);
            seen.do_not_disturb = news.do_not_disturb.unwrap_or(seen.do_not_disturb);
        }
        self.phone.version = news.version.clone().or(self.phone.version.take());
        if news.booted {
            self.phone.booted = Some(at);
        }
        self.found = news.lost.map_or(self.found, |lost| !lost);
        self.under_way = news.under_way.unwrap_or(self.under_way);
    }

    fn quiet_anew(&mut self, pbx: &PbxName, at: DateTime<Utc>) {
        self.lines.iter_mut().filter(|(line, _)| line.pbx == *pbx).for_each(|(_, seen)| seen.idle_since = at);
    }

    /// Brings the phone into the fleet, as idle as it has been.
    fn enter(&self, fleet: &mut Fleet) {
        fleet.introduce(self.phone.clone());
        for (line, seen) in &self.lines {
            if seen.doing == Doing::Calls(CallState::Idle) {
                fleet.calls(line.clone(), CallState::Idle, seen.idle_since);
            }
        }
        let Some(phone) = fleet.get_mut(self.phone.mac) else { return };
        phone.booted = self.phone.booted;
        for (id, line) in phone.lines.iter_mut() {
            let seen = self.lines.get(id);
            line.agent_logged_in = seen.and_then(|seen| seen.agent);
            line.do_not_disturb = seen.and_then(|seen| seen.do_not_disturb);
        }
    }
}

/// A phone on a trip has its place; what it is held by is that it went already.
fn tell_under_way(judged: &mut Judged) {
    if let Some(budget) = judged.verdict.gates.iter_mut().find(|gate| gate.gate == Gate::Budget) {
        let reason = Reason::UnderWay { state: "asked".to_owned() };
        budget.saw = reason.to_string();
        budget.changes = None;
        budget.holds = vec![reason];
    }
}

fn contact(line: &LineId, address: IpAddr) -> Contact {
    let source = SocketAddr::new(address, 5060);
    Contact {
        uri: format!("sip:{}@{source}", line.user).into(),
        source: Some(source),
        call_id: Some(format!("{line}").into()),
        user_agent: None,
        expires: None,
    }
}

/// The plan of a trip for this order.
fn plan(phone: &Phone, order: Order) -> Plan {
    let registered = |(line, state): (&LineId, &Line)| {
        let contact = state.contact.as_ref()?;
        let (call_id, expires) = (contact.call_id.clone(), contact.expires);
        let address = contact.source.map(|source| source.ip());
        Some(LineBefore { line: line.clone(), call_id, expires, address })
    };
    let line = phone.lines.keys().next().cloned();
    Plan {
        phone: phone.mac,
        policy: order.policy,
        attempt: order.attempt,
        goal: order.goal,
        line: line.unwrap_or_else(|| LineId { pbx: PbxName::new(""), user: "".into() }),
        triggers: order.triggers,
        serves: order.terms.serves,
        look: order.look,
        timing: order.terms.timing,
        runs: phone.version.clone(),
        lines: phone.lines.iter().filter_map(registered).collect(),
    }
}
