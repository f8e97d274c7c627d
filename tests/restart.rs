//! kill -9 at random instants.
//!
//! Fifty times the daemon is killed while it updates a hundred phones. The phones' own diaries then tell whether
//! one was ordered again before it was through with its first order.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may say so by panicking")]

mod daemon;
mod office;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sipherd::clock::SystemClock;
use sipherd::domain::phone::Mac;
use sipherd::ports::Clock;
use sipherd::sim::{Building, BuildingSpec, Expectation, LogLine, Outcome, Rules, What, judge};
use tokio::time::{Instant, sleep, timeout};

use daemon::Daemon;
use office::{DOWN_AT_ONCE, Files, PHONES, TARGET, calls, phones};
use steps::Steps;

/// How often the daemon is killed.
const KILLS: usize = 50;
/// The test must end on a slow machine too.
const LIMIT: Duration = Duration::from_secs(150);
/// Any; another one is another test. `SIPHERD_SEED` overrides it.
const SEED: u64 = 20_261_120;

/// How long a daemon lives: from its start where it is killed while booting, else from when it was ready.
enum Life {
    WhileBooting(Duration),
    Ready(Duration),
}

fn draw_life(dice: &mut StdRng) -> Life {
    let mut millis = |from, to| Duration::from_millis(dice.random_range(from..to));
    let (booting, short, long) = (millis(1, 120), millis(20, 400), millis(400, 1500));
    match dice.random_range(0..10) {
        0 | 1 => Life::WhileBooting(booting),
        // Long enough to see phones through some of their way.
        2 | 3 => Life::Ready(long),
        _ => Life::Ready(short),
    }
}

fn seed() -> u64 {
    std::env::var("SIPHERD_SEED").ok().map_or(SEED, |seed| seed.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_trigger_no_phone_twice_and_all_are_verified() {
    let seed = seed();
    println!("SIPHERD_SEED={seed}");
    let clock = Arc::new(SystemClock);
    let building = Building::start(BuildingSpec::new(clock.clone(), phones(seed), seed)).await.unwrap();
    building.all_registered(LIMIT).await.unwrap();
    let files = Files::write(&building).await;
    building.point_at_depot(Some(&files.depot_url()));

    let began = clock.now();
    building.hold_calls(calls(began, seed));
    let started = Instant::now();
    let ended = timeout(LIMIT, kill_again_and_again(&building, &files, seed)).await;
    let killing = started.elapsed();
    let (daemon, mid_step) = ended.unwrap_or_else(|_| panic!("{}", report(&building, &[])));
    let verified = timeout(LIMIT.saturating_sub(killing), all_verified(&building, &files)).await;
    let history = files.history().await;
    println!(
        "{KILLS} kills in {:.1} s, {mid_step} of them while phones were on their way; all done after {:.1} s\n{}",
        killing.as_secs_f64(),
        started.elapsed().as_secs_f64(),
        report(&building, &history),
    );
    assert!(verified.is_ok(), "not all phones are verified");
    drop(daemon);

    assert!(mid_step > KILLS / 2, "only {mid_step} kills fell into a phone's way");
    for (mac, log) in building.logs() {
        let steps = Steps::of(&log);
        let told = || format!("{steps:#?}\n{log:#?}\n{}", files.log_of(mac));
        assert!(steps.wrong.is_empty() && steps.is_over(), "{mac}: {}", told());
        let kept = history.iter().filter(|entry| entry.is("asked", mac)).count();
        assert!((1..=kept).contains(&steps.orders), "{mac}: {kept} orders kept: {}", told());
    }
    let judgement = judge(&building.logs(), &rules(began, clock.now(), &building));
    println!("{judgement}");
    assert!(judgement.is_clean());
    building.shutdown().await;
}

/// Returns the daemon that is left to live, and how many kills found a phone on its way.
async fn kill_again_and_again(building: &Building, files: &Files, seed: u64) -> (Daemon, usize) {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut mid_step = 0;
    for _ in 0..KILLS {
        let mut daemon = Daemon::start(files);
        match draw_life(&mut dice) {
            Life::WhileBooting(life) => sleep(life).await,
            Life::Ready(life) => {
                daemon.ready().await;
                sleep(life).await;
            }
        }
        daemon.kill().await;
        mid_step += usize::from(building.logs().values().any(|log| !Steps::of(log).is_over()));
    }
    let mut daemon = Daemon::start(files);
    daemon.ready().await;
    (daemon, mid_step)
}

/// First the phones must say so, then the daemon.
async fn all_verified(building: &Building, files: &Files) {
    for mac in building.phones().keys() {
        building.wait(*mac, LIMIT, |log| Steps::of(log).runs_target()).await.unwrap();
    }
    loop {
        let states = files.states().await;
        if states.len() == usize::from(PHONES) && states.iter().all(|state| state == "verified") {
            return;
        }
        sleep(Duration::from_millis(250)).await;
    }
}

/// The general rules of any night. A second order may follow soon, but never before the first is done with.
fn rules(began: DateTime<Utc>, ended: DateTime<Utc>, building: &Building) -> Rules {
    let updated = Expectation {
        outcome: Outcome::Updated { to: TARGET.to_owned() },
        orders_at_most: usize::from(office::ATTEMPTS),
    };
    Rules {
        windows: vec![(began, ended)],
        slack: TimeDelta::zero(),
        down_at_once: DOWN_AT_ONCE,
        gap: TimeDelta::seconds(1),
        expected: building.phones().keys().map(|mac| (*mac, updated.clone())).collect(),
        special: BTreeSet::new(),
    }
}

/// The figures, for people.
fn report(building: &Building, history: &[daemon::Entry]) -> String {
    let (mut orders, mut failures) = (BTreeMap::<usize, usize>::new(), BTreeMap::<&str, usize>::new());
    let logs: BTreeMap<Mac, Vec<LogLine>> = building.logs();
    for log in logs.values() {
        *orders.entry(Steps::of(log).orders).or_default() += 1;
    }
    let updated = logs.values().filter(|log| Steps::of(log).runs_target()).count();
    let broken = logs.values().flatten().filter(|line| matches!(line.what, What::ImageBroke { .. })).count();
    let asked = history.iter().filter(|entry| entry.kind == "asked").count();
    for entry in history.iter().filter(|entry| matches!(entry.kind.as_str(), "failed" | "withdrawn")) {
        *failures.entry(&entry.text).or_default() += 1;
    }
    format!(
        "{updated} of {PHONES} updated; phones by orders that reached them: {orders:?}; orders kept: {asked}; \
         downloads broken off and taken up again: {broken}; trips that ended otherwise: {failures:#?}"
    )
}
