//! `sipherd plan`: who goes when, who does not and why, when it ends, and what holds it up.

pub(super) mod paper;
pub(super) mod summary;
pub(super) mod timeline;

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::Failure;
use super::client::{Client, escape};
use super::places;
use super::report::{self, Screen};
use crate::api::Problem;
use crate::config;
use crate::domain::forecast::{Setting, forecast};
use crate::domain::policy::Selection;
use crate::domain::scheduler::Scheduler;
use crate::ports::{PLAN_AHEAD, PLAN_AT_MOST, PlanView};

/// The words behind `plan`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Show these phones alone: MACs, lines (`21*`) or key=value, as for `phones`; all are planned
    select: Vec<String>,
    /// Plan up to this instant: 2026-11-21T06:00:00+01:00; a week ahead without it
    #[arg(long, value_name = "TIME", value_parser = report::instant)]
    until: Option<DateTime<Utc>>,
    /// How long the calls of now last (`20m`, `2h`), or `forever`; an hour without it
    #[arg(long, value_name = "LENGTH", value_parser = calls_last)]
    calls_last: Option<CallsLast>,
    /// Without the daemon: from configuration and inventory, every phone registered and idle
    #[arg(long)]
    offline: bool,
    /// Another inventory than the configuration's; without the daemon
    #[arg(long, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// Begin at this instant instead of now; without the daemon
    #[arg(long, value_name = "TIME", value_parser = report::instant)]
    from: Option<DateTime<Utc>>,
    /// Take releases that are not staged here for staged, with an image for every model; without the daemon
    #[arg(long)]
    assume_staged: bool,
    /// Draw the plan into this file as well
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// List all phones, however many there are
    #[arg(long)]
    all: bool,
}

/// How long calls last, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallsLast {
    For(TimeDelta),
    Forever,
}

impl Options {
    /// Whether the daemon is left alone.
    pub fn is_offline(&self) -> bool {
        self.offline || self.inventory.is_some() || self.from.is_some() || self.assume_staged
    }
}

/// Asks the daemon.
pub async fn run(options: &Options, client: &Client, screen: &mut Screen) -> Result<(), Failure> {
    let mut query: Vec<String> =
        options.select.iter().map(|word| format!("select={}", escape(word))).collect();
    query.extend(options.until.map(|until| format!("until={}", escape(&until.to_rfc3339()))));
    query.extend(options.calls_last.map(|calls| match calls {
        CallsLast::For(length) => format!("calls_last={}", length.num_seconds()),
        CallsLast::Forever => "calls_last=forever".to_owned(),
    }));
    let view: PlanView = client.get(&format!("/v1/plan?{}", query.join("&"))).await?;
    show(&view, options, screen)
}

/// Plans from the files alone.
pub fn run_offline(
    options: &Options,
    config: &Path,
    now: DateTime<Utc>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let view = offline(options, config, now)?;
    show(&view, options, screen)
}

fn offline(options: &Options, file: &Path, now: DateTime<Utc>) -> Result<PlanView, Failure> {
    let from = options.from.unwrap_or(now);
    let until = options.until.unwrap_or(from + PLAN_AHEAD);
    if until <= from {
        return Err(refused("the plan would end before it begins", "name a later `--until`"));
    }
    if until - from > PLAN_AT_MOST {
        return Err(refused("a plan looks a year ahead at most", "name an earlier `--until`"));
    }
    let shown = Selection::from_words(&options.select)
        .map_err(|e| refused(&e.to_string(), "see `sipherd plan --help`"))?;
    let mut config = config::load(file, now).map_err(Failure::Broken)?.config;
    if let Some(inventory) = &options.inventory {
        config.inventory = config::load_inventory(inventory, &config).map_err(Failure::Broken)?;
    }
    let releases = paper::staged(&places::state(file)?)?;
    let mut rules = paper::rules(&config, releases);
    let mut phones = crate::daemon::inventory(&config);
    let mut assumed = Vec::new();
    if options.assume_staged {
        assumed.extend(paper::stage_missing(&mut rules, &phones));
    }
    assumed.extend(paper::guess_versions(&rules, &mut phones));
    assumed.push("every phone is registered, idle since yesterday, and nobody makes a call".to_owned());
    assumed.push("nothing was done before: no attempts, no phone lost".to_owned());
    assumed.push("each phone takes the usual time of its kind and comes back".to_owned());
    let fleet = paper::fleet(phones, from);
    let mut scheduler = Scheduler::new(rules.clone());
    for phone in fleet.iter() {
        scheduler.touch(phone.mac, from);
    }
    let told = forecast(Setting {
        scheduler,
        fleet: fleet.clone(),
        under_way: Vec::new(),
        calls: Box::new(std::iter::empty()),
        calls_last: None,
        from,
        until,
    });
    Ok(PlanView::of(told, &fleet, &rules, assumed, |phone| shown.matches(phone)))
}

fn show(view: &PlanView, options: &Options, screen: &mut Screen) -> Result<(), Failure> {
    if let Some(path) = &options.svg {
        write_picture(path, &timeline::picture(view, "What sipherd would do"))?;
    }
    if screen.is_json() {
        return Ok(screen.json(view)?);
    }
    summary::print(view, options.all, screen)?;
    if let Some(path) = &options.svg {
        screen.line(&format!("drawn into {}", path.display()))?;
    }
    Ok(())
}

/// Writes a picture beside what is printed.
pub(super) fn write_picture(path: &Path, picture: &str) -> Result<(), Failure> {
    fs::write(path, picture).map_err(|error| {
        refused(&format!("{} cannot be written: {error}", path.display()), "name another file with `--svg`")
    })
}

/// Something the user can mend.
pub(super) fn refused(error: &str, hint: &str) -> Failure {
    Failure::Refused(Problem { error: error.to_owned(), hint: Some(hint.to_owned()) })
}

fn calls_last(text: &str) -> Result<CallsLast, String> {
    if text == "forever" { Ok(CallsLast::Forever) } else { length(text).map(CallsLast::For) }
}

/// Reads `90s`, `20m`, `2h` or `3d`.
pub(super) fn length(text: &str) -> Result<TimeDelta, String> {
    let wrong = || "write it as `90s`, `20m`, `2h` or `3d`".to_owned();
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let n = i64::from(digits.parse::<u32>().map_err(|_| wrong())?);
    match unit {
        "s" => Ok(TimeDelta::seconds(n)),
        "m" => Ok(TimeDelta::minutes(n)),
        "h" => Ok(TimeDelta::hours(n)),
        "d" if n <= 36_600 => Ok(TimeDelta::days(n)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_with_their_unit() {
        assert_eq!(length("20m"), Ok(TimeDelta::minutes(20)));
        assert_eq!(length("3d"), Ok(TimeDelta::days(3)));
        for text in ["", "20", "m", "-1h", "1w", "ü", "99999999999h"] {
            assert!(length(text).is_err(), "{text}");
        }
        assert_eq!(calls_last("forever"), Ok(CallsLast::Forever));
    }
}
