//! Draws worlds at random.

use std::sync::Arc;

use chrono::TimeDelta;
use proptest::prelude::*;
use sipherd::domain::phone::CallState;
use sipherd::domain::policy::{AlsoBusy, CoverageRule, IdleBy, IdleRule, Patience, Retry, Share};

use super::world::{Before, Desk, Other, World};

fn maybe<T: std::fmt::Debug>(odds: f64, what: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(odds, what)
}

fn desk() -> impl Strategy<Value = Desk> {
    let calls = prop_oneof![
        8 => Just(CallState::Idle),
        1 => Just(CallState::Talking),
        1 => Just(CallState::Ringing),
        1 => Just(CallState::Held),
        1 => Just(CallState::Unknown),
        1 => Just(CallState::Offline),
    ];
    let contacts = prop_oneof![1 => Just(0_usize), 12 => Just(1), 1 => Just(2)];
    let told = || maybe(0.9, prop::bool::weighted(0.1));
    (calls, 0_i64..40, contacts, told(), told()).prop_map(|(calls, quiet, contacts, agent, silent)| Desk {
        calls,
        quiet,
        contacts,
        agent,
        silent,
    })
}

fn idle() -> impl Strategy<Value = IdleRule> {
    let by = prop_oneof![3 => Just(IdleBy::Pbx), 1 => Just(IdleBy::Phone), 1 => Just(IdleBy::Both)];
    let patience = prop_oneof![
        2 => Just(Patience::NextWindow),
        1 => Just(Patience::PhoneWaits),
        1 => (0_i64..200).prop_map(|after| Patience::Force { after: TimeDelta::minutes(after) }),
    ];
    let also = (prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (0_i64..30, by, also, any::<bool>(), patience).prop_map(|(quiet, by, also, probe, patience)| IdleRule {
        quiet: TimeDelta::minutes(quiet),
        by,
        also_busy: AlsoBusy { agent_logged_in: also.0, do_not_disturb: also.1 },
        probe,
        patience,
    })
}

pub fn rule() -> impl Strategy<Value = (usize, CoverageRule)> {
    let rule = prop_oneof![
        3 => (0_u32..6).prop_map(|n| CoverageRule::KeepUp(Share::Count(n))),
        1 => (1_u8..100).prop_map(|n| CoverageRule::KeepUp(Share::Percent(n))),
        1 => Just(CoverageRule::KeepUp(Share::AllBut(1))),
        1 => Just(CoverageRule::Exclude),
        1 => Just(CoverageRule::Last),
    ];
    (0_usize..3, rule)
}

fn retry() -> impl Strategy<Value = Retry> {
    let named = prop_oneof![3 => Just(vec![]), 1 => Just(vec![Arc::from("never-left")])];
    (1_u32..4, 1_i64..60, 0_u8..=100, named, maybe(0.4, 1_i64..600)).prop_map(
        |(attempts, backoff, jitter_percent, not_after, penalty)| Retry {
            attempts,
            backoff: TimeDelta::minutes(backoff),
            jitter_percent,
            not_after,
            penalty: penalty.map(TimeDelta::minutes),
        },
    )
}

fn other() -> impl Strategy<Value = Other> {
    prop_oneof![
        6 => Just(Other::Up),
        1 => Just(Other::Unplugged),
        1 => Just(Other::Away),
        1 => Just(Other::Lost),
        1 => Just(Other::WentLately),
    ]
}

/// Any world.
pub fn world() -> impl Strategy<Value = World> {
    let window = (-300_i64..600, 1_i64..500, maybe(0.3, 0_i64..90));
    let hours = (
        -60_i64..500,
        proptest::collection::vec(window, 0..4),
        proptest::collection::vec((-100_i64..700, 1_i64..120), 0..2),
        (maybe(0.3, 1_i64..60), maybe(0.3, 0_i64..60), maybe(0.3, 1_i64..300), maybe(0.1, 0_i64..3)),
    );
    let few = || maybe(0.15, 1_u32..4);
    let limits = (
        1_u32..5,
        [few(), few(), few(), few(), few()],
        (few(), few()),
        [few(), few()],
        proptest::collection::vec(rule(), 0..2),
        prop::bool::weighted(0.9),
    );
    let before = (0_u8..3, 1_u32..4, 0_u8..7, 0_i64..300).prop_map(|(goal, attempt, ended, ago)| Before {
        goal,
        attempt,
        ended,
        ago,
    });
    let action = prop_oneof![4 => Just(0_u8), 4 => Just(1), 4 => Just(2), 1 => 3_u8..8];
    let runs = prop_oneof![8 => Just(Some("10.1.64")), 1 => Just(Some("10.1.198")), 1 => Just(Some("8.9")), 1 => Just(None)];
    let often = || prop::bool::weighted(0.95);
    let rare = || prop::bool::weighted(0.05);
    let phone = (
        proptest::collection::vec(desk(), 0..3),
        (often(), any::<bool>(), any::<bool>(), often()),
        runs,
        maybe(0.4, before),
        (any::<bool>(), rare(), rare(), rare(), often(), often()),
        maybe(0.15, (any::<bool>(), rare())),
        [other(), other(), other(), other()],
    );
    (action, hours, idle(), limits, retry(), phone).prop_map(|(action, hours, idle, limits, retry, phone)| {
        let (now, windows, blackouts, (initial, booted_ago, spread, acts_in)) = hours;
        let (at_once, per, (downloads, fleet_at_once), rates, coverage, told) = limits;
        let (lines, (known_kind, waits, tells, has_image), runs, before, flags, job, others) = phone;
        let (found, withdrawn, draining, tie, selected, fresh) = flags;
        World {
            now,
            action,
            windows,
            blackouts,
            initial,
            booted_ago,
            spread,
            idle,
            at_once,
            per,
            downloads,
            fleet_at_once,
            rates,
            coverage,
            told,
            retry,
            acts_in,
            selected,
            tie,
            known_kind,
            waits,
            tells,
            has_image,
            runs,
            lines,
            fresh,
            before,
            found,
            withdrawn,
            job,
            draining,
            others,
        }
    })
}
