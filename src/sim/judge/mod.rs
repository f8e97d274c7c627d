//! The judge of a night: reads what the phones wrote about themselves, and nothing else, and says which rules held.

mod finding;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::finding::Finding;
use self::reading::{Order, Reading};
use super::diary::LogLine;
use crate::domain::phone::Mac;

/// How many findings of one rule are printed.
const PRINTED: usize = 5;

/// What a night is measured against.
#[derive(Debug, Clone)]
pub struct Rules {
    /// When phones may be asked to reboot: opening and closing instants.
    pub windows: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// How late a datagram may arrive; in a compressed night milliseconds of the wire look like seconds.
    pub slack: TimeDelta,
    /// How many phones may be down at the same instant.
    pub down_at_once: u32,
    /// The least time between two orders to one phone, unless it refused the first.
    pub gap: TimeDelta,
    /// What shall become of each phone; of those not listed only the general rules are asked.
    pub expected: BTreeMap<Mac, Expectation>,
    /// Phones whose end is told one by one.
    pub special: BTreeSet<Mac>,
}

/// What shall become of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// How its night ends.
    pub outcome: Outcome,
    /// How many orders it may get that it does not refuse.
    pub orders_at_most: usize,
}

impl Expectation {
    /// This outcome, after one order.
    pub fn once(outcome: Outcome) -> Self {
        Self { outcome, orders_at_most: 1 }
    }
}

/// How a phone's night may end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It runs this version and is registered.
    Updated {
        /// The version.
        to: String,
    },
    /// It was rebooted, runs what it ran, and fetched no image.
    Rebooted,
    /// It got no order at all.
    LeftAlone,
    /// It refused every order.
    Refuses,
    /// It accepted an order and did not reboot.
    NeverLeaves,
    /// It rebooted and never registered again.
    NeverReturns,
    /// It was rebooted and still runs what it ran, whatever it was offered.
    StaysOld,
}

impl Outcome {
    /// Whether an image may be offered on the way there.
    fn allows_image(&self) -> bool {
        match self {
            Self::Updated { .. } | Self::StaysOld | Self::NeverReturns => true,
            Self::Rebooted | Self::LeftAlone | Self::Refuses | Self::NeverLeaves => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Updated { to } => write!(f, "updated to {to}"),
            Self::Rebooted => f.write_str("rebooted, same version"),
            Self::LeftAlone => f.write_str("left alone"),
            Self::Refuses => f.write_str("refuses"),
            Self::NeverLeaves => f.write_str("accepts and never leaves"),
            Self::NeverReturns => f.write_str("leaves and never returns"),
            Self::StaysOld => f.write_str("rebooted, still on the old version"),
        }
    }
}

/// One rule and how it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The rule and the figures.
    pub text: String,
    /// What broke it; empty when it was kept.
    pub findings: Vec<Finding>,
}

/// What the judge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Everything that was wrong.
    pub findings: Vec<Finding>,
    /// One row a rule.
    pub table: Vec<Row>,
    /// What became of each phone of which something special was expected, by its MAC.
    pub special: BTreeMap<Mac, String>,
}

impl Judgement {
    /// Whether every rule was kept.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.table {
            writeln!(f, "{} {}", if row.findings.is_empty() { '✓' } else { '✗' }, row.text)?;
            for finding in row.findings.iter().take(PRINTED) {
                writeln!(f, "    {finding}")?;
            }
            if let Some(more) = row.findings.len().checked_sub(PRINTED).filter(|more| *more > 0) {
                writeln!(f, "    and {more} more")?;
            }
        }
        Ok(())
    }
}

/// Judges a night by the phones' diaries.
pub fn judge(logs: &BTreeMap<Mac, Vec<LogLine>>, rules: &Rules) -> Judgement {
    let readings: BTreeMap<Mac, Reading> = logs.iter().map(|(mac, log)| (*mac, Reading::of(log))).collect();
    let table = vec![
        calls(&readings),
        windows(&readings, rules),
        down_at_once(&readings, rules),
        doubles(&readings, rules),
        too_early(&readings),
        unwanted_images(&readings, rules),
        outcomes(&readings, rules),
    ];
    let special = rules.special.iter().filter_map(|mac| {
        let (reading, expected) = (readings.get(mac)?, rules.expected.get(mac)?);
        let verdict = if reading.ended_as(&expected.outcome) { '✓' } else { '✗' };
        Some((*mac, format!("{verdict} {}: {reading}", expected.outcome)))
    });
    let special = special.collect();
    Judgement { findings: table.iter().flat_map(|row| row.findings.clone()).collect(), table, special }
}

fn calls(readings: &BTreeMap<Mac, Reading>) -> Row {
    let held: BTreeSet<&str> = readings.values().flat_map(|r| r.calls.iter().map(String::as_str)).collect();
    let mut own = 0;
    let mut findings = Vec::new();
    for (mac, reading) in readings {
        for cut in &reading.cuts {
            if cut.cause.is_some() {
                findings.push(Finding::CallInterrupted {
                    mac: *mac,
                    at: cut.at,
                    with: cut.with.clone(),
                    call_id: cut.call_id.clone(),
                    notify: cut.notify().map(str::to_owned),
                });
            } else {
                own += 1;
            }
        }
    }
    let text = format!(
        "calls interrupted: {} of {} held ({own} lost to phones that rebooted on their own)",
        findings.len(),
        held.len()
    );
    Row { text, findings }
}

fn windows(readings: &BTreeMap<Mac, Reading>, rules: &Rules) -> Row {
    let open = |at| rules.windows.iter().any(|(from, to)| *from <= at && at <= *to + rules.slack);
    let orders = || readings.iter().flat_map(|(mac, r)| r.orders.iter().map(move |order| (*mac, order)));
    let findings: Vec<Finding> = orders()
        .filter(|(_, order)| !open(order.at))
        .map(|(mac, order)| Finding::OutsideWindow { mac, at: order.at, call_id: order.call_id.clone() })
        .collect();
    Row { text: format!("orders outside the window: {} of {}", findings.len(), orders().count()), findings }
}

fn down_at_once(readings: &BTreeMap<Mac, Reading>, rules: &Rules) -> Row {
    // Who comes back at an instant is back before another leaves at it.
    let mut steps: Vec<(DateTime<Utc>, i32)> = Vec::new();
    for (from, to) in readings.values().flat_map(|reading| &reading.downs) {
        steps.push((*from, 1));
        steps.extend(to.map(|to| (to, -1)));
    }
    steps.sort_unstable();
    let (mut down, mut most, mut when) = (0, 0, None);
    for (at, step) in steps {
        down += step;
        if down > most {
            (most, when) = (down, Some(at));
        }
    }
    let most = u32::try_from(most).unwrap_or(0);
    let findings = match when {
        Some(at) if most > rules.down_at_once => {
            vec![Finding::TooManyDown { at, down: most, allowed: rules.down_at_once }]
        }
        Some(_) | None => Vec::new(),
    };
    Row { text: format!("most phones down at once: {most}, allowed {}", rules.down_at_once), findings }
}

fn doubles(readings: &BTreeMap<Mac, Reading>, rules: &Rules) -> Row {
    let mut findings = Vec::new();
    for (mac, reading) in readings {
        for call_id in &reading.acted_twice {
            findings.push(Finding::ActedTwice { mac: *mac, call_id: call_id.clone() });
        }
        let taken: Vec<&Order> = reading.orders.iter().filter(|order| !order.refused()).collect();
        for pair in taken.windows(2) {
            if let [first, second] = pair
                && second.at < first.at + rules.gap
            {
                findings.push(Finding::OrderedTwice { mac: *mac, first: first.at, second: second.at });
            }
        }
        let allowed = rules.expected.get(mac).map_or(usize::MAX, |expected| expected.orders_at_most);
        if taken.len() > allowed {
            findings.push(Finding::TooManyOrders { mac: *mac, orders: taken.len(), allowed });
        }
    }
    Row { text: format!("phones ordered or rebooted twice for one step: {}", findings.len()), findings }
}

fn too_early(readings: &BTreeMap<Mac, Reading>) -> Row {
    let early = |mac: &Mac, reading: &Reading| {
        let before = reading.offered_before_reboot.map(|at| Finding::OfferedTooEarly { mac: *mac, at });
        let unasked = reading.offered_after_own_reboot.map(|at| Finding::OfferedUnasked { mac: *mac, at });
        before.into_iter().chain(unasked)
    };
    let findings: Vec<Finding> = readings.iter().flat_map(|(mac, reading)| early(mac, reading)).collect();
    let text = format!("firmware offered before the reboot that was asked for: {}", findings.len());
    Row { text, findings }
}

fn unwanted_images(readings: &BTreeMap<Mac, Reading>, rules: &Rules) -> Row {
    let unwanted = |mac: &Mac| rules.expected.get(mac).is_some_and(|e| !e.outcome.allows_image());
    let findings: Vec<Finding> = readings
        .iter()
        .filter(|(mac, _)| unwanted(mac))
        .filter_map(|(mac, reading)| reading.first_image.map(|at| Finding::UnwantedImage { mac: *mac, at }))
        .collect();
    let updated = readings.values().filter(|reading| reading.flashed).count();
    Row {
        text: format!(
            "images given to phones not to be updated: {} ({updated} phones flashed)",
            findings.len()
        ),
        findings,
    }
}

fn outcomes(readings: &BTreeMap<Mac, Reading>, rules: &Rules) -> Row {
    let nothing = Reading::of(&[]);
    let findings: Vec<Finding> = rules
        .expected
        .iter()
        .filter_map(|(mac, expected)| {
            let reading = readings.get(mac).unwrap_or(&nothing);
            (!reading.ended_as(&expected.outcome)).then(|| Finding::WrongOutcome {
                mac: *mac,
                expected: expected.outcome.clone(),
                saw: reading.to_string(),
            })
        })
        .collect();
    let all = rules.expected.len();
    Row { text: format!("outcomes as expected: {} of {all}", all - findings.len()), findings }
}
