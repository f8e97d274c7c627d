//! `sipherd simulate`: nights on paper, with the scheduler that acts.

mod calls;
mod stage;
mod words;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use serde::Serialize;

use super::Failure;
use super::plan::{refused, timeline, write_picture};
use super::report::{self, Screen};
use crate::domain::forecast::{Setting, forecast};
use crate::domain::policy::wall_clock::first_instant;
use crate::domain::scheduler::Scheduler;
use crate::ports::{PLAN_AT_MOST, PlanView};
use crate::sim::records::{Format, Unusable};

use calls::Source;
use stage::Stage;

/// The words behind `simulate`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// So many phones, made up like those of a building; without it those of the inventory, else of the call records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    phones: Option<u32>,
    /// Another inventory than the configuration's
    #[arg(long, value_name = "FILE", conflicts_with = "phones")]
    inventory: Option<PathBuf>,
    /// Other policies than the configuration's: a folder or a file; no configuration is needed then
    #[arg(long, value_name = "PATH")]
    policies: Option<PathBuf>,
    /// These policies as well, side by side
    #[arg(long, value_name = "PATH")]
    compare: Option<PathBuf>,
    /// Calls of each line in the busiest hour of a working day; 0 makes none
    #[arg(long, value_name = "N", default_value_t = 2.0, value_parser = rate, conflicts_with = "cdr")]
    calls_per_hour: f64,
    /// Calls from these records, moved by whole weeks into the time that is played
    #[arg(long, value_name = "FILE")]
    cdr: Option<PathBuf>,
    /// Who wrote the records, where they do not tell: asterisk, freeswitch, kamailio
    #[arg(long, value_name = "NAME", value_parser = format, requires = "cdr")]
    cdr_format: Option<Format>,
    /// What phones and calls are drawn from: the same seed makes the same nights
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Begin at this instant; at the next midnight without it
    #[arg(long, value_name = "TIME", value_parser = report::instant)]
    from: Option<DateTime<Utc>>,
    /// End at this instant
    #[arg(long, value_name = "TIME", value_parser = report::instant, conflicts_with = "days")]
    until: Option<DateTime<Utc>>,
    /// Play so many days
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// Draw it into this file as well
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What comes of it, for machines.
#[derive(Serialize)]
struct Told<'a> {
    /// The nights.
    simulated: &'a PlanView,
    /// The nights under the other policies.
    compared: Option<&'a PlanView>,
    /// Lines of the call records that could not be used.
    unusable: &'a [Unusable],
}

pub fn run(options: &Options, config: &Path, now: DateTime<Utc>, screen: &mut Screen) -> Result<(), Failure> {
    let mut stage = Stage::of_files(options, config, now)?;
    let (from, until) = period(options, &stage, now)?;
    let source = Source::of(options, &stage)?;
    let phones = stage.phones(options, &source)?;
    let first = play(&mut stage, &phones, &source, options, (from, until))?;
    let second = match &options.compare {
        Some(path) => {
            let mut other = stage.with_policies(path, now)?;
            Some(play(&mut other, &phones, &source, options, (from, until))?)
        }
        None => None,
    };
    if let Some(path) = &options.svg {
        write_picture(path, &timeline::picture(&first, "Nights on paper"))?;
    }
    if screen.is_json() {
        let told = Told { simulated: &first, compared: second.as_ref(), unusable: source.unusable() };
        return Ok(screen.json(&told)?);
    }
    words::head(&first, &source, options, screen)?;
    match (&second, &options.compare) {
        (Some(second), Some(path)) => words::compare(&first, second, path, screen)?,
        _ => words::print(&first, screen)?,
    }
    if let Some(path) = &options.svg {
        screen.line(&format!("drawn into {}", path.display()))?;
    }
    Ok(())
}

/// From when to when is played.
fn period(
    options: &Options,
    stage: &Stage,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), Failure> {
    let tomorrow = now.with_timezone(&stage.zone).date_naive() + Days::new(1);
    let midnight = first_instant(tomorrow.and_time(NaiveTime::MIN), stage.zone);
    let from = options.from.or(midnight).unwrap_or(now);
    let last = from.with_timezone(&stage.zone).naive_local() + TimeDelta::days(i64::from(options.days));
    let until = options.until.or_else(|| first_instant(last, stage.zone)).unwrap_or(from);
    if until <= from {
        return Err(refused("it would end before it begins", "name a later `--until`"));
    }
    if until - from > PLAN_AT_MOST {
        return Err(refused("a year can be played at most", "name an earlier `--until`"));
    }
    Ok((from, until))
}

fn play(
    stage: &mut Stage,
    phones: &[crate::domain::phone::Phone],
    source: &Source,
    options: &Options,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<PlanView, Failure> {
    let (rules, fleet, assumed) = stage.set(phones, from);
    let mut scheduler = Scheduler::new(rules.clone());
    for phone in fleet.iter() {
        scheduler.touch(phone.mac, from);
    }
    let told = forecast(Setting {
        scheduler,
        calls: source.calls(&fleet, options, from, until),
        fleet: fleet.clone(),
        under_way: Vec::new(),
        calls_last: None,
        from,
        until,
    });
    Ok(PlanView::of(told, &fleet, &rules, assumed, |_| true))
}

fn rate(text: &str) -> Result<f64, String> {
    let wrong = || "write a number from 0 to 60".to_owned();
    let rate: f64 = text.parse().map_err(|_| wrong())?;
    if (0.0..=60.0).contains(&rate) { Ok(rate) } else { Err(wrong()) }
}

fn format(text: &str) -> Result<Format, String> {
    Format::named(text).ok_or_else(|| "there are asterisk, freeswitch and kamailio".to_owned())
}
