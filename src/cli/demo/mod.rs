//! `sipherd demo`: a whole night in a minute. Simulated phones, a pocket PBX and the real daemon on loopback; at the
//! end a judge reads the phones' own diaries.

mod screen;
mod stage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::clock::ScaledClock;
use crate::config;
use crate::daemon;
use crate::domain::phone::Mac;
use crate::ports::{Clock, Control};
use crate::sim::night::{Night, NightSpec};
use crate::sim::{Building, BuildingError, BuildingSpec, CallPlan, Judgement, Misfit, Outcome, Rules, judge};

use screen::Screen;
use stage::Stage;

/// Seconds of the night in one second.
const SPEED: u32 = 280;
/// Phones are switched on this long before the window opens.
const EVENING: TimeDelta = TimeDelta::minutes(20);
/// Length of the window.
const NIGHT: TimeDelta = TimeDelta::hours(5);
/// The version the snoms are to get.
const TARGET: &str = "10.1.198.19";
/// Milliseconds of the wire look like minutes in a night this fast.
const SLACK: TimeDelta = TimeDelta::minutes(3);
/// How the store and the sockets may end once everything is over.
const DRAIN: Duration = Duration::from_secs(2);

/// What the demonstration is played with.
#[derive(Debug, Args)]
pub struct Options {
    /// Same seed, same phones, faults and calls
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Break a rule on purpose, to see the judge find it
    #[arg(long, value_name = "RULE")]
    r#break: Option<Rule>,
}

/// A rule that can be broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rule {
    /// PBX and phones tell the daemon that nobody is in a call, whatever is true
    Busy,
}

/// Plays the night, shows it, prints the judgement. Fails when anything was not as it must be.
pub fn run(options: &Options, json: bool) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Machine)?;
    let screen = Screen::new(json);
    let (judgement, special) = runtime.block_on(play(options, &screen))?;
    screen.judgement(&judgement, &special)?;
    if judgement.is_clean() {
        Ok(())
    } else {
        Err(Failure::RulesBroken { findings: judgement.findings.len() })
    }
}

/// The judgement, and the phones with a fault, by line and fault.
type Played = (Judgement, BTreeMap<Mac, String>);

async fn play(options: &Options, screen: &Screen) -> Result<Played, Failure> {
    let opens = opening();
    let closes = opens + NIGHT;
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::starting_at(opens - EVENING, SPEED));
    let mut night = Night::cast(&NightSpec {
        seed: options.seed,
        opens,
        closes,
        target: TARGET.to_owned(),
        others: Outcome::Rebooted,
        tries: stage::ATTEMPTS,
    });
    night.calls.push(long_call(opens));
    let late = stage::late_phones(&night);
    let special = misfits(&night);
    let stage = Stage::new().map_err(Failure::Machine)?;

    screen.says("switching on 200 phones and their PBX");
    let building =
        Building::start(BuildingSpec::new(clock.clone(), night.phones.clone(), options.seed)).await?;
    building.lie_idle(options.r#break == Some(Rule::Busy));
    building.point_at_depot(Some(&stage.depot_url()));
    building.hold_calls(night.calls.clone());
    stage.write(&building, &night, &late).map_err(Failure::Machine)?;

    let loaded = config::load(&stage.config(), clock.now()).map_err(|report| {
        eprintln!("{report}");
        Failure::AlreadyTold
    })?;
    let shutdown = CancellationToken::new();
    let running = daemon::start(loaded.config, clock.clone(), shutdown.clone(), DRAIN).await?;
    let control = running.control.clone();
    watch(screen, control.as_ref(), clock.as_ref(), opens, closes).await;
    screen.ending(control.as_ref()).await?;
    shutdown.cancel();
    running.stopped().await;

    let rules = Rules {
        windows: vec![(opens, closes)],
        slack: SLACK,
        down_at_once: stage::DOWN_AT_ONCE,
        gap: TimeDelta::minutes(5),
        expected: night.expected,
        special: special.keys().copied().collect(),
    };
    let judgement = judge(&building.logs(), &rules);
    building.shutdown().await;
    Ok((judgement, special))
}

/// Phones with a fault: their line, and what is wrong with them.
fn misfits(night: &Night) -> BTreeMap<Mac, String> {
    let faulty = night.phones.iter().filter(|phone| phone.misfit != Misfit::None);
    faulty.map(|phone| (phone.mac, format!("{} {}", phone.user, phone.misfit))).collect()
}

/// A Friday evening at ten in Berlin.
fn opening() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_208_400, 0).unwrap_or_default()
}

/// One phone of a maker that never waits is on the phone when the window opens, and stays so for long.
fn long_call(opens: DateTime<Utc>) -> CallPlan {
    CallPlan {
        at: opens - TimeDelta::minutes(8),
        from: stage::TALKER.to_owned(),
        to: "600".to_owned(),
        lasts: TimeDelta::minutes(100),
    }
}

/// Shows the night until the window has closed.
async fn watch(
    screen: &Screen,
    control: &dyn Control,
    clock: &dyn Clock,
    opens: DateTime<Utc>,
    closes: DateTime<Utc>,
) {
    let mut shown = opens - EVENING;
    while clock.now() < closes {
        if let (Ok(status), Ok(phones)) = (control.status().await, control.phones(Vec::new()).await) {
            screen.moment(&status, &phones);
        }
        shown += screen.every();
        tokio::time::sleep(clock.until(shown.max(clock.now() + TimeDelta::minutes(1)).min(closes))).await;
    }
}

impl From<BuildingError> for Failure {
    fn from(error: BuildingError) -> Self {
        Self::Demo(error.to_string())
    }
}
