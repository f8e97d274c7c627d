//! A plan in words: one line a phone, then what matters of all of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::cli::Failure;
use crate::cli::report::{Screen, Tone, phones as counted, tally};
use crate::domain::forecast::{Brake, Fate, Forecast, Going, Staying};
use crate::domain::phone::Mac;
use crate::domain::policy::verdict::{Reason, spell};
use crate::domain::trip::Outcome;
use crate::ports::{PlanPhone, PlanView};

/// Lines of a table that nobody asked to see whole.
const MOST_LINES: usize = 60;

/// Reasons that a cell has room for.
const REASONS_SHOWN: usize = 2;

/// Prints the plan.
pub fn print(view: &PlanView, all: bool, screen: &mut Screen) -> Result<(), Failure> {
    let rows = rows(view);
    let left_out = if all { 0 } else { rows.len().saturating_sub(MOST_LINES) };
    let shown = rows.into_iter().take(if all { usize::MAX } else { MOST_LINES });
    screen.table(&["PHONE", "KIND", "STARTS", "TAKES", "POLICY", "WHAT / WHY NOT"], shown.collect())?;
    if left_out > 0 {
        screen.line(&format!("and {left_out} lines more; --all shows them"))?;
    }
    screen.line("")?;
    for line in lines(view) {
        screen.line(&line)?;
    }
    Ok(())
}

/// The phones that go in the order of their first starts, then those that do not, but for those without a task.
fn rows(view: &PlanView) -> Vec<Vec<(String, Tone)>> {
    let plain = |text: String| (text, Tone::Plain);
    let mut trips: BTreeMap<Mac, Vec<&Going>> = BTreeMap::new();
    let mut order = Vec::new();
    for going in &view.forecast.going {
        let own = trips.entry(going.mac).or_default();
        if own.is_empty() {
            order.push(going.mac);
        }
        own.push(going);
    }
    let cells = |mac: &Mac| match view.phones.get(mac) {
        Some(phone) => (phone.label.clone(), phone.kind.clone(), phone.zone),
        None => (mac.to_string(), String::new(), view.zone),
    };
    let mut rows = Vec::new();
    for mac in &order {
        let Some(own) = trips.get(mac) else { continue };
        // Withdrawn looks come before the trip they held up.
        let Some(first) = own.iter().find(|going| !going.is_withdrawn()).or_else(|| own.first()) else {
            continue;
        };
        let (label, kind, zone) = cells(mac);
        let takes = first.end.map_or_else(String::new, |end| spell(end - first.start));
        let (what, tone) = told(first, own.len() - 1);
        rows.push(vec![
            plain(label),
            plain(kind),
            plain(clock(first.start, zone)),
            plain(takes),
            plain(first.policy.to_string()),
            (what, tone),
        ]);
    }
    let mut staying: Vec<&Staying> =
        view.forecast.staying.iter().filter(|staying| staying.fate != Fate::Nothing).collect();
    staying.sort_by_key(|staying| (std::cmp::Reverse(staying.fate), staying.mac));
    for staying in staying {
        let (label, kind, zone) = cells(&staying.mac);
        let policy = staying.policy.as_ref().map(ToString::to_string).unwrap_or_default();
        let tone = if staying.fate == Fate::Never { Tone::Bad } else { Tone::Notice };
        let why = why(staying, zone);
        let none = || plain(String::new());
        rows.push(vec![plain(label), plain(kind), none(), none(), plain(policy), (why, tone)]);
    }
    rows
}

fn told(going: &Going, more: usize) -> (String, Tone) {
    let (text, tone) = match &going.outcome {
        None => ("under way at the end of the plan".to_owned(), Tone::Notice),
        Some(Outcome::Verified { version }) => (format!("runs {version}"), Tone::Good),
        Some(Outcome::Withdrawn { why }) => (why.clone(), Tone::Notice),
        Some(Outcome::Failed { failure }) => (failure.to_string(), Tone::Bad),
        Some(other) => (other.slug().to_owned(), Tone::Good),
    };
    let more = match more {
        0 => String::new(),
        1 => ", and once more".to_owned(),
        n => format!(", and {n} times more"),
    };
    (text + &more, tone)
}

/// Why a phone stays. That its window is closed at the plan's end is told only where nothing else is.
pub fn why(staying: &Staying, zone: Tz) -> String {
    let by_clock = |reason: &&Reason| matches!(reason, Reason::OutsideWindow { opens: Some(_) });
    let mut reasons: Vec<&Reason> = staying.reasons.iter().filter(|reason| !by_clock(reason)).collect();
    if reasons.is_empty() {
        let opens = staying.reasons.iter().find(by_clock).map(|reason| reason.told_in(zone));
        return match opens {
            Some(opens) => format!("its turn does not come; {opens}"),
            None => "its turn does not come".to_owned(),
        };
    }
    let more = reasons.len().saturating_sub(REASONS_SHOWN);
    reasons.truncate(REASONS_SHOWN);
    let mut texts: Vec<String> = reasons.iter().map(|reason| reason.told_in(zone)).collect();
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    texts.join("; ")
}

/// What matters of all phones.
fn lines(view: &PlanView) -> Vec<String> {
    let forecast = &view.forecast;
    let mut lines = Vec::new();
    let nights: Vec<String> = nights(forecast, view.zone)
        .iter()
        .map(|(day, phones)| format!("{phones} on {}", day.format("%a %d %b")))
        .collect();
    let done = forecast.done().len();
    let how = if nights.is_empty() { String::new() } else { format!(": {}", nights.join(", ")) };
    lines.push(format!("{} {}{how}", counted(done), if done == 1 { "goes" } else { "go" }));
    let of = |fate: Fate| forecast.staying.iter().filter(move |staying| staying.fate == fate);
    for (fate, text) in
        [(Fate::Later, "would go later"), (Fate::Never, "will not go"), (Fate::Nothing, "without a task")]
    {
        let causes = causes(of(fate));
        let phones: usize = of(fate).count();
        if phones > 0 {
            lines.push(format!("{} {text}: {causes}", counted(phones)));
        }
    }
    if !forecast.going.is_empty() {
        lines.push(ends(forecast, view.zone));
    }
    lines.extend(holds(forecast));
    lines.extend(view.assumed.iter().map(|text| format!("assumed: {text}")));
    lines
}

/// How many phones make their first successful trip in the openings that begin on each day.
pub fn nights(forecast: &Forecast, zone: Tz) -> BTreeMap<NaiveDate, usize> {
    let mut seen = BTreeSet::new();
    let mut nights = BTreeMap::new();
    for going in forecast.going.iter().filter(|going| going.succeeds()) {
        if seen.insert(going.mac) {
            let start = going.opening.map_or(going.start, |opening| opening.start);
            // A calendar that never closes has no nights: each day counts for itself.
            let start = if going.start - start > chrono::TimeDelta::days(2) { going.start } else { start };
            *nights.entry(start.with_timezone(&zone).date_naive()).or_default() += 1;
        }
    }
    nights
}

/// When the last phone is back.
pub fn ends(forecast: &Forecast, zone: Tz) -> String {
    let left = forecast.staying.iter().filter(|staying| staying.fate == Fate::Later).count();
    match forecast.ends {
        Some(end) => {
            format!("the last one is back {} (in {})", clock(end, zone), spell(end - forecast.from))
        }
        None if left > 0 => {
            format!("not finished by {}: {} left", clock(forecast.until, zone), counted(left))
        }
        None if forecast.going.is_empty() => "nobody goes".to_owned(),
        None => format!("not finished by {}", clock(forecast.until, zone)),
    }
}

/// What holds phones up, the tightest first.
pub fn holds(forecast: &Forecast) -> Vec<String> {
    let hours = |seconds: i64| match (seconds + 1_800) / 3_600 {
        0 => "less than a phone-hour".to_owned(),
        1 => "1 phone-hour".to_owned(),
        n => format!("{n} phone-hours"),
    };
    let in_windows: Vec<_> = forecast.held.iter().filter(|held| held.by != Brake::Window).collect();
    let mut lines = Vec::new();
    match in_windows.split_first() {
        Some((tightest, rest)) => {
            let mut line = format!("tightest: {} ({})", tightest.by, hours(tightest.phone_seconds));
            for held in rest.iter().take(3) {
                line += &format!("; then {} ({})", held.by, hours(held.phone_seconds));
            }
            lines.push(line);
        }
        None if forecast.held.is_empty() => {}
        None => {
            lines.push("tightest: the windows; while they are open nothing holds anybody for long".to_owned())
        }
    }
    lines
}

/// Phones by their first cause, the most frequent first.
pub fn causes<'a>(staying: impl Iterator<Item = &'a Staying>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for staying in staying {
        let outside = |reason: &&Reason| !matches!(reason, Reason::OutsideWindow { opens: Some(_) });
        let slug = staying.reasons.iter().find(outside).map_or("turn-does-not-come", Reason::slug);
        *counts.entry(slug).or_default() += 1;
    }
    tally(counts)
}

/// The label of a phone, as plans name it.
pub fn label(phone: Option<&PlanPhone>, mac: Mac) -> String {
    phone.map_or_else(|| mac.to_string(), |phone| phone.label.clone())
}

/// As clocks in this zone show it.
pub fn clock(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%a %d %b %H:%M:%S").to_string()
}
