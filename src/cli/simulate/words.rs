//! What came of the nights, in words and tables.

use std::path::Path;

use super::Options;
use super::calls::Source;
use crate::cli::Failure;
use crate::cli::plan::summary::{self, causes, clock, nights};
use crate::cli::report::{Screen, Tone, phones as counted};
use crate::domain::forecast::{Fate, Forecast};
use crate::domain::policy::verdict::spell;
use crate::ports::PlanView;

/// Unusable lines of a file that are told one by one.
const LINES_TOLD: usize = 10;

/// What was played.
pub fn head(view: &PlanView, source: &Source, options: &Options, screen: &mut Screen) -> Result<(), Failure> {
    let forecast = &view.forecast;
    screen.line(&format!(
        "{}, {} to {} ({}), seed {}",
        counted(forecast.phones),
        clock(forecast.from, view.zone),
        clock(forecast.until, view.zone),
        view.zone,
        options.seed
    ))?;
    match source {
        Source::Drawn { .. } => screen.line(&format!(
            "calls made up: {} a line in the busiest hour of a working day",
            options.calls_per_hour
        ))?,
        Source::Records { records, zone } => {
            let bad = records.unusable.len();
            screen.line(&format!(
                "calls of {} records ({}, times of {zone}), moved by whole weeks and repeated where they end; {bad} lines \
                 could not be used",
                records.calls.len(),
                records.format
            ))?;
            for line in records.unusable.iter().take(LINES_TOLD) {
                screen.line(&format!("  line {}: {}", line.line, line.why))?;
            }
            if bad > LINES_TOLD {
                screen.line(&format!("  and {} more; --json has them all", bad - LINES_TOLD))?;
            }
        }
    }
    Ok(screen.line("")?)
}

/// Night by night, then all in all.
pub fn print(view: &PlanView, screen: &mut Screen) -> Result<(), Failure> {
    let forecast = &view.forecast;
    let mut sum = 0;
    let rows = nights(forecast, view.zone).into_iter().map(|(day, phones)| {
        sum += phones;
        let cells = [day.format("%a %d %b").to_string(), phones.to_string(), share(sum, forecast)];
        cells.map(|cell| (cell, Tone::Plain)).to_vec()
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        screen.line("nobody goes")?;
    } else {
        screen.table(&["NIGHT", "PHONES", "DONE BY THEN"], rows)?;
    }
    screen.line("")?;
    screen.line(&summary::ends(forecast, view.zone))?;
    screen.line(&calls(forecast))?;
    for line in summary::holds(forecast) {
        screen.line(&line)?;
    }
    for (fate, text) in
        [(Fate::Later, "left"), (Fate::Never, "that never go"), (Fate::Nothing, "without a task")]
    {
        let of = || forecast.staying.iter().filter(move |staying| staying.fate == fate);
        if of().next().is_some() {
            screen.line(&format!("{} {text}: {}", counted(of().count()), causes(of())))?;
        }
    }
    for text in &view.assumed {
        screen.line(&format!("assumed: {text}"))?;
    }
    Ok(())
}

fn share(done: usize, forecast: &Forecast) -> String {
    let all = forecast.phones.max(1) as f64;
    format!("{:.1} %", done as f64 * 100.0 / all)
}

fn calls(forecast: &Forecast) -> String {
    let met = &forecast.calls;
    let strange =
        if met.strange > 0 { format!(", {} at lines of no phone", met.strange) } else { String::new() };
    format!(
        "calls: {} at lines of the fleet{strange}; {} phones were held by calls, {} last looks found one, {} came for a \
         phone that was down, {} were cut",
        met.calls, met.phones_held, met.withdrawn, met.missed, met.cut
    )
}

/// Two sets of policies side by side.
pub fn compare(
    first: &PlanView,
    second: &PlanView,
    other: &Path,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let name =
        other.file_stem().map_or_else(|| other.display().to_string(), |stem| stem.to_string_lossy().into());
    let rows = differences(first, second);
    let plain = |text: String| (text, Tone::Plain);
    let rows = rows.into_iter().map(|[what, one, two, difference]| {
        let tone = if difference.is_empty() { Tone::Plain } else { Tone::Notice };
        let difference = if difference.is_empty() { "same".to_owned() } else { difference };
        vec![plain(what), plain(one), plain(two), (difference, tone)]
    });
    screen.table(&["", "THESE", &name.to_uppercase(), "DIFFERENCE"], rows.collect())?;
    screen.line("")?;
    for text in first.assumed.iter().filter(|text| second.assumed.contains(text)) {
        screen.line(&format!("assumed: {text}"))?;
    }
    Ok(())
}

/// Each figure of both, and what is different; empty when nothing is.
fn differences(first: &PlanView, second: &PlanView) -> Vec<[String; 4]> {
    let number = |what: &str, figure: &dyn Fn(&Forecast) -> i64| {
        let (one, two) = (figure(&first.forecast), figure(&second.forecast));
        let difference = if one == two { String::new() } else { format!("{:+}", two - one) };
        [what.to_owned(), one.to_string(), two.to_string(), difference]
    };
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let fated = |forecast: &Forecast, fate: Fate| forecast.staying.iter().filter(|s| s.fate == fate).count();
    let end = |view: &PlanView| match view.forecast.ends {
        Some(end) => clock(end, view.zone),
        None => "not finished".to_owned(),
    };
    let sooner = match (first.forecast.ends, second.forecast.ends) {
        (Some(one), Some(two)) if one < two => format!("{} later", spell(two - one)),
        (Some(one), Some(two)) if one > two => format!("{} sooner", spell(one - two)),
        (Some(_), None) => "does not finish".to_owned(),
        (None, Some(_)) => "finishes".to_owned(),
        _ => String::new(),
    };
    let tightest = |view: &PlanView| {
        view.forecast.tightest().map_or_else(|| "nothing".to_owned(), |held| held.by.to_string())
    };
    let (one, two) = (tightest(first), tightest(second));
    let other = if one == two { String::new() } else { "another".to_owned() };
    vec![
        number("phones done", &|forecast| count(forecast.done().len())),
        number("phones left", &|forecast| count(fated(forecast, Fate::Later))),
        number("phones that never go", &|forecast| count(fated(forecast, Fate::Never))),
        number("phones without a task", &|forecast| count(fated(forecast, Fate::Nothing))),
        number("nights used", &|forecast| count(nights(forecast, first.zone).len())),
        ["last one back".to_owned(), end(first), end(second), sooner],
        ["tightest".to_owned(), one, two, other],
        number("phones held by calls", &|forecast| forecast.calls.phones_held.cast_signed()),
        number("last looks that found a call", &|forecast| forecast.calls.withdrawn.cast_signed()),
        number("calls for a phone that was down", &|forecast| forecast.calls.missed.cast_signed()),
        number("calls cut", &|forecast| forecast.calls.cut.cast_signed()),
    ]
}
