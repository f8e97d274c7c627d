//! `sipherd why`: every gate, its answer, and the earliest instant the phone may go.

use chrono::{DateTime, Timelike, Utc};

use super::Failure;
use super::client::{Client, escape};
use super::report::{self, Screen, Tone};
use crate::domain::policy::verdict::{GateAnswer, Reason, spell};
use crate::ports::{PastAnswers, WhyView};

/// The words behind `why`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Its MAC or one of its lines
    phone: String,
    /// Ask about this instant instead of now: 2026-11-20T22:00:00+01:00
    #[arg(long, value_name = "TIME", value_parser = report::instant)]
    at: Option<DateTime<Utc>>,
}

pub async fn run(options: &Options, client: &Client, screen: &mut Screen) -> Result<(), Failure> {
    let mut path = format!("/v1/phones/{}/why", escape(&options.phone));
    if let Some(at) = options.at {
        path += &format!("?at={}", escape(&at.to_rfc3339()));
    }
    let view: WhyView = client.get(&path).await?;
    if screen.is_json() {
        return Ok(screen.json(&view)?);
    }
    screen.line(&headline(&view))?;
    if options.at.is_some() {
        screen.line(&format!("at {}", clock(&view, view.at)))?;
    }
    if let Some(past) = &view.past {
        screen.line(&origin(&view, past))?;
    }
    for gate in &view.gates {
        let (mark, tone) = if gate.is_open() { ("  ok    ", Tone::Plain) } else { ("  HOLD  ", Tone::Bad) };
        let answer = format!("{:<19}{}", gate.gate.name(), explanation(&view, gate));
        screen.parts(&[(mark, tone), (answer.trim_end(), Tone::Plain)])?;
    }
    match view.past {
        None | Some(PastAnswers::WrittenDown { went: false, .. }) => Ok(screen.line(&earliest(&view))?),
        Some(_) => Ok(()),
    }
}

/// Where the answers about a past instant come from.
fn origin(view: &WhyView, past: &PastAnswers) -> String {
    match past {
        PastAnswers::Closed => {
            "by the policies of now; what else held it then was not written down".to_owned()
        }
        PastAnswers::WrittenDown { from, went: false } => {
            format!("as written down {}", clock(view, *from))
        }
        PastAnswers::WrittenDown { from, went: true } => {
            format!("it went {}; `sipherd history` tells the rest", clock(view, *from))
        }
        PastAnswers::WaitedForItsTurn { from } => {
            format!("nothing but other phones held it: it waited for its turn from {} on", clock(view, *from))
        }
    }
}

fn headline(view: &WhyView) -> String {
    let phone = &view.phone;
    let firmware = report::versions(phone.version.as_ref(), phone.target.as_ref());
    let mut parts = vec![report::label(phone), report::kind(phone), firmware];
    parts.retain(|part| !part.is_empty());
    let left = parts.join("  ");
    let went = matches!(view.past, Some(PastAnswers::WrittenDown { went: true, .. }));
    match (view.go || went, &phone.policy) {
        (true, Some(policy)) => format!("{left}        let go by policy {policy}"),
        (false, Some(policy)) => format!("{left}        held by policy {policy}"),
        (_, None) => format!("{left}        no policy speaks of it"),
    }
}

fn explanation(view: &WhyView, gate: &GateAnswer) -> String {
    let reasons = || gate.holds.iter().map(|reason| reason.told_in(view.zone)).collect::<Vec<_>>().join("; ");
    let text = if gate.saw.is_empty() { reasons() } else { gate.saw.clone() };
    let Some(change) = gate.changes.filter(|change| !gate.is_open() && *change > view.at) else {
        return text;
    };
    let (at, length) = (clock(view, change), spell(change - view.at));
    let has = |wanted: fn(&Reason) -> bool| gate.holds.iter().any(wanted);
    if has(|reason| matches!(reason, Reason::OutsideWindow { .. })) {
        // Names its opening already.
        text
    } else if gate.holds.iter().any(|r| matches!(r, Reason::PenaltyBox { until, .. } if *until == change)) {
        format!("{text}; ok in {length}")
    } else if has(|reason| matches!(reason, Reason::UnderWay { .. })) {
        format!("{text}; moves on or fails by {at} (in {length})")
    } else {
        format!("{text}; ok from {at} (in {length})")
    }
}

fn earliest(view: &WhyView) -> String {
    if view.go {
        return "goes now".to_owned();
    }
    let held = || view.gates.iter().filter(|gate| !gate.is_open());
    if held().any(|gate| gate.holds.iter().any(|reason| matches!(reason, Reason::UnderWay { .. }))) {
        let since = view.phone.since.map(|since| format!(" since {}", clock(view, since)));
        return format!("{}{}, {}", view.phone.state, since.unwrap_or_default(), view.phone.detail);
    }
    let waits: Vec<_> = held().filter(|gate| gate.changes.is_none()).map(|gate| gate.gate.name()).collect();
    let time = view.earliest.or_else(|| held().filter_map(|gate| gate.changes).max());
    let waits = waits.join(", ");
    match time.map(|at| clock(view, at)) {
        Some(at) if waits.is_empty() => format!("earliest: {at}"),
        Some(at) => format!("earliest: {at}, if by then ok: {waits}"),
        None => format!("earliest: as soon as ok: {waits}"),
    }
}

/// As clocks in the phone's zone show it; seconds only where they are not zero.
fn clock(view: &WhyView, at: DateTime<Utc>) -> String {
    let local = at.with_timezone(&view.zone);
    let form = if local.second() == 0 { "%a %d %b %H:%M" } else { "%a %d %b %H:%M:%S" };
    local.format(form).to_string()
}
