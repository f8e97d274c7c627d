//! What must hold for the verdicts of all gates together: more that stands against a phone never lets it go, what is
//! named is all there is, and nothing changes by itself before the instant that was told.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod draw;
mod mend;
mod world;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use sipherd::domain::phone::CallState;
use sipherd::domain::policy::verdict::{Gate, Reason};
use sipherd::domain::policy::{CoverageRule, Opening, Patience};

use draw::{rule, world};
use world::{Other, World, at, mac};

/// Something more that stands against the phone.
#[derive(Debug, Clone)]
enum More {
    Blackout(i64, i64),
    Call(CallState),
    Agent,
    Stale,
    Gone,
    SecondContact,
    Limits,
    Rates,
    Coverage(usize, CoverageRule),
    Down(usize),
    Grace(i64),
    Attempt,
    Spread(i64),
    /// Its last boot was so many minutes ago.
    Booted(i64),
    Withdrawn,
    Draining,
}

fn more() -> impl Strategy<Value = More> {
    let busy = prop_oneof![
        Just(CallState::Talking),
        Just(CallState::Ringing),
        Just(CallState::Held),
        Just(CallState::Unknown),
        Just(CallState::Offline),
    ];
    prop_oneof![
        (-100_i64..700, 1_i64..120).prop_map(|(from, length)| More::Blackout(from, length)),
        busy.prop_map(More::Call),
        rule().prop_map(|(n, rule)| More::Coverage(n, rule)),
        (0_usize..4).prop_map(More::Down),
        (1_i64..100).prop_map(More::Grace),
        (1_i64..100).prop_map(More::Spread),
        Just(More::Agent),
        Just(More::Stale),
        Just(More::Gone),
        Just(More::SecondContact),
        Just(More::Limits),
        Just(More::Rates),
        Just(More::Attempt),
        (0_i64..60).prop_map(More::Booted),
        Just(More::Withdrawn),
        Just(More::Draining),
    ]
}

impl World {
    fn and(&self, more: &More) -> Self {
        let mut world = self.clone();
        let first = world.lines.first_mut();
        match more {
            More::Blackout(from, length) => world.blackouts.push((*from, *length)),
            // What was unknown and is known now may be waited for in another way.
            More::Call(calls) => {
                let idle = first.into_iter().filter(|desk| desk.calls == CallState::Idle);
                idle.for_each(|desk| desk.calls = *calls);
            }
            More::Agent => first.into_iter().for_each(|desk| (desk.agent, desk.silent) = (Some(true), None)),
            More::Stale => world.fresh = false,
            More::Gone => first.into_iter().for_each(|desk| desk.contacts = 0),
            More::SecondContact => {
                first.into_iter().for_each(|desk| desk.contacts += usize::from(desk.contacts > 0));
            }
            More::Limits => {
                let lower = |limit: &mut Option<u32>| *limit = Some(limit.map_or(1, |n| (n - 1).max(1)));
                world.at_once = (world.at_once - 1).max(1);
                world.per.iter_mut().for_each(lower);
                lower(&mut world.downloads);
                lower(&mut world.fleet_at_once);
            }
            More::Rates => {
                world.rates.iter_mut().for_each(|rate| *rate = Some(rate.map_or(1, |n| (n - 1).max(1))));
            }
            More::Coverage(n, rule) => world.coverage.push((*n, *rule)),
            More::Down(n) => world.others[*n] = Other::Away,
            More::Grace(minutes) => world.acts_in = world.acts_in.max(Some(*minutes)),
            More::Attempt => world.before.iter_mut().for_each(|before| before.attempt += 1),
            More::Spread(minutes) => world.spread = world.spread.or(Some(*minutes)),
            More::Booted(ago) => {
                world.booted_ago = Some(world.booted_ago.map_or(*ago, |before| before.min(*ago)))
            }
            More::Withdrawn => world.withdrawn = true,
            More::Draining => world.draining = true,
        }
        world
    }

    /// Whether its author wrote that this may let a phone go: patience with calls that ends sooner before a blackout, a
    /// penalty that is shorter than a pause.
    fn is_written(&self, more: &More) -> bool {
        match more {
            More::Blackout(..) => self.idle.patience == Patience::PhoneWaits,
            More::Attempt => self.retry.penalty.is_some(),
            _ => false,
        }
    }

    /// Instants at which something may change, and some more.
    fn instants(&self, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let now = self.instant();
        let mut edges: Vec<DateTime<Utc>> = Vec::new();
        let span = Opening { start: now - TimeDelta::days(2), end: until };
        for opening in self.calendar().openings_within(span, chrono_tz::UTC) {
            edges.extend([opening.start, opening.end]);
        }
        edges.extend(self.blackouts.iter().map(|(from, length)| at(from + length)));
        edges.extend(self.judge().verdict.gates.iter().filter_map(|gate| gate.changes));
        let around = |at: &DateTime<Utc>| [-1, 0, 1, 180_000].map(|ms| *at + TimeDelta::milliseconds(ms));
        let mut all: Vec<DateTime<Utc>> = edges.iter().flat_map(around).collect();
        all.extend((1..100).map(|n| now + TimeDelta::minutes(n * 11)));
        all.extend((0..20).map(|n| now + TimeDelta::minutes(n * 2)));
        all.retain(|at| *at > now && *at <= until);
        all.sort_unstable();
        all.dedup();
        all
    }
}

const CASES: u32 = 256;

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_more_stands_against_a_phone_never_lets_it_go(
        world in world(),
        mended in any::<bool>(),
        several in proptest::collection::vec(more(), 1..24),
    ) {
        // Of worlds at random few let a phone go; one cause that is left tells more.
        let world = if mended { all_but_one_mended(world) } else { world };
        let before = world.judge().verdict;
        for more in several.iter().filter(|more| !world.is_written(more)) {
            let after = world.and(more).judge().verdict;
            prop_assert!(before.is_go() || !after.is_go(), "{more:?} ends {:?}", before.reasons().collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_named_is_all_there_is(world in world()) {
        let (mut world, mut named) = (world, Vec::new());
        for _ in 0..8 {
            let verdict = world.judge().verdict;
            let reasons: Vec<Reason> = verdict.reasons().cloned().collect();
            prop_assert_eq!(verdict.is_go(), reasons.is_empty());
            reasons.iter().for_each(|reason| world.mend(reason));
            named.push(reasons);
        }
        prop_assert!(world.judge().verdict.is_go(), "{:#?}", named);
    }

    #[test]
    fn nothing_opens_before_the_instant_that_was_told(world in world(), mended in any::<bool>()) {
        let world = if mended { all_but_one_mended(world) } else { world };
        let (scheduler, mut fleet) = world.stage();
        let (now, judged) = (world.instant(), world.judge());
        let horizon = now + TimeDelta::hours(17);
        let next = judged.next_change().unwrap_or(horizon);
        // Whoever loses patience with calls in a later opening than the next is told of none yet.
        let patient = world.idle.patience == Patience::NextWindow;
        let earliest = judged.verdict.earliest().unwrap_or(if patient { horizon } else { now });
        for instant in world.instants(horizon) {
            keep_fresh(&world, &mut fleet, instant);
            let later = scheduler.judge(fleet.get(mac(0)).unwrap(), instant, instant, &fleet);
            if !judged.verdict.is_go() && instant < next.max(earliest) {
                prop_assert!(!later.verdict.is_go(), "at {instant}, told {next} and {earliest}: {:#?}", judged.verdict);
            }
            for (held, later) in judged.verdict.gates.iter().zip(&later.verdict.gates) {
                // What an opening of the window forbids, its end allows: of those gates only all together are true.
                let alone = matches!(held.gate, Gate::Selected | Gate::Blackout | Gate::Idle | Gate::Budget);
                let told = held.changes.filter(|change| instant < *change && alone);
                prop_assert!(held.is_open() || told.is_none() || !later.is_open(), "at {instant}: {held:#?}");
            }
        }
    }

    #[test]
    fn the_scheduler_is_there_when_a_phone_may_go(world in world(), mended in any::<bool>()) {
        let world = if mended { all_but_one_mended(world) } else { world };
        let (mut scheduler, mut fleet) = world.stage();
        let horizon = world.instant() + TimeDelta::hours(17);
        let mut instants = world.instants(horizon).into_iter().peekable();
        let mut now = world.instant();
        scheduler.touch(mac(0), now);
        let mut passes = 0;
        'night: loop {
            keep_fresh(&world, &mut fleet, now);
            if !scheduler.pass(now, &fleet, &|_| false).is_empty() {
                break;
            }
            passes += 1;
            prop_assert!(passes < 2_000, "it looks too often");
            let next = scheduler.next_pass().unwrap_or(horizon).max(now);
            while let Some(instant) = instants.next_if(|instant| *instant < next) {
                if instant <= now {
                    continue;
                }
                keep_fresh(&world, &mut fleet, instant);
                let judged = scheduler.judge(fleet.get(mac(0)).unwrap(), instant, instant, &fleet);
                prop_assert!(!judged.verdict.is_go(), "it could go at {instant}, the next pass is at {next}");
            }
            if next >= horizon {
                break 'night;
            }
            now = next;
        }
    }
}

/// The PBXs whose views are fresh go on telling that they are there.
fn keep_fresh(world: &World, fleet: &mut sipherd::domain::fleet::Fleet, now: DateTime<Utc>) {
    for pbx in fleet.views().keys().cloned().collect::<Vec<_>>() {
        if world.fresh || pbx.as_str() != "pbx1" {
            fleet.freshen(&pbx, now);
        }
    }
}

/// The world with all causes mended but the last one named.
fn all_but_one_mended(mut world: World) -> World {
    for _ in 0..40 {
        let reasons: Vec<Reason> = world.judge().verdict.reasons().cloned().collect();
        match reasons.as_slice() {
            [] | [_] => break,
            [first, ..] => world.mend(first),
        }
    }
    world
}
