//! What a person sees of the demonstration: a live table on a terminal, a line now and then elsewhere, the judgement.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};

use chrono::{DateTime, TimeDelta, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Failure;
use crate::domain::phone::{CallState, Mac};
use crate::ports::{Control, PhoneView, StatusView};
use crate::sim::Judgement;

/// Phones that the live table has room for.
const ROWS: usize = 12;

/// Where the demonstration is shown.
pub struct Screen {
    json: bool,
    live: Option<ProgressBar>,
}

#[derive(Serialize)]
struct JudgementJson {
    clean: bool,
    rows: Vec<RowJson>,
    faults: Vec<FaultJson>,
}

#[derive(Serialize)]
struct FaultJson {
    phone: String,
    end: String,
}

#[derive(Serialize)]
struct RowJson {
    kept: bool,
    text: String,
    findings: Vec<String>,
}

impl Screen {
    /// A live table when standard error is a terminal; with `json` only the judgement is printed.
    pub fn new(json: bool) -> Self {
        let live = (!json && io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        });
        Self { json, live }
    }

    /// How much of the night passes between two pictures.
    pub fn every(&self) -> TimeDelta {
        if self.live.is_some() { TimeDelta::minutes(1) } else { TimeDelta::minutes(20) }
    }

    /// One sentence.
    pub fn says(&self, text: &str) {
        match &self.live {
            Some(bar) => bar.println(text),
            None if self.json => {}
            None => eprintln!("{text}"),
        }
    }

    /// The night at this moment.
    pub fn moment(&self, status: &StatusView, phones: &[PhoneView]) {
        let headline = headline(status, phones);
        match &self.live {
            Some(bar) => bar.set_message(table(&headline, phones)),
            None if self.json => {}
            None => eprintln!("{headline}"),
        }
    }

    /// How the daemon itself sees the end of the night.
    pub async fn ending(&self, control: &dyn Control) -> Result<(), Failure> {
        if let Some(bar) = &self.live {
            bar.finish_and_clear();
        }
        if self.json {
            return Ok(());
        }
        let unavailable = |error: crate::ports::ControlError| Failure::Demo(error.to_string());
        let status = control.status().await.map_err(unavailable)?;
        let phones = control.phones(Vec::new()).await.map_err(unavailable)?;
        let mut out = io::stdout().lock();
        let count = |state: &str| status.states.get(state).copied().unwrap_or(0);
        writeln!(
            out,
            "\nWhat sipherd says in the morning: {} verified, {} rebooted, {} not",
            count("verified"),
            count("rebooted"),
            phones.len() - count("verified") - count("rebooted"),
        )?;
        for phone in phones.iter().filter(|p| !matches!(p.state.as_str(), "verified" | "rebooted")) {
            let line = phone.lines.join(" ");
            writeln!(out, "  {line:6}{:20}{:10}{}", kind(phone), phone.state, phone.detail)?;
        }
        Ok(())
    }

    /// What the judge found in the phones' diaries.
    pub fn judgement(&self, judgement: &Judgement, faults: &BTreeMap<Mac, String>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            let rows = judgement.table.iter().map(|row| RowJson {
                kept: row.findings.is_empty(),
                text: row.text.clone(),
                findings: row.findings.iter().map(ToString::to_string).collect(),
            });
            let faults = judgement.special.iter().map(|(mac, end)| FaultJson {
                phone: faults.get(mac).cloned().unwrap_or_else(|| mac.to_string()),
                end: end.clone(),
            });
            let json =
                JudgementJson { clean: judgement.is_clean(), rows: rows.collect(), faults: faults.collect() };
            serde_json::to_writer_pretty(&mut out, &json)?;
            return writeln!(out);
        }
        writeln!(out, "\nWhat the phones' own diaries say:\n{judgement}")?;
        for (mac, end) in &judgement.special {
            writeln!(out, "  {:31}{end}", faults.get(mac).map_or("", String::as_str))?;
        }
        writeln!(out)?;
        if judgement.is_clean() {
            writeln!(out, "Everything is as it must be.")?;
        }
        Ok(())
    }
}

fn berlin(instant: DateTime<Utc>) -> String {
    instant.with_timezone(&chrono_tz::Europe::Berlin).format("%a %H:%M").to_string()
}

fn kind(phone: &PhoneView) -> String {
    let vendor = phone.vendor.as_ref().map_or("", |vendor| vendor.as_str());
    let model = phone.model.as_ref().map_or("", |model| model.as_str());
    format!("{vendor} {model}")
}

fn in_calls(phones: &[PhoneView]) -> usize {
    let busy = |calls: &CallState| matches!(calls, CallState::Ringing | CallState::Talking | CallState::Held);
    phones.iter().filter(|phone| phone.calls.iter().any(|(_, calls)| busy(calls))).count()
}

fn under_way(phone: &PhoneView) -> bool {
    let states = ["confirming", "asked", "accepted", "away", "fetching", "flashing", "back"];
    states.contains(&phone.state.as_str())
}

fn headline(status: &StatusView, phones: &[PhoneView]) -> String {
    let count = |state: &str| status.states.get(state).copied().unwrap_or(0);
    format!(
        "{}   {:3} waiting  {:2} under way  {:2} in calls  {:3} verified  {:2} rebooted  {} failed or lost",
        berlin(status.now),
        count("waiting") + count("ready"),
        phones.iter().filter(|phone| under_way(phone)).count(),
        in_calls(phones),
        count("verified"),
        count("rebooted"),
        count("failed") + count("lost"),
    )
}

/// The headline, then those under way, then those held by a call.
fn table(headline: &str, phones: &[PhoneView]) -> String {
    let mut text = format!("{headline}\n");
    let away = phones.iter().filter(|phone| under_way(phone));
    let held = phones.iter().filter(|phone| phone.state == "waiting" && phone.detail.contains("in a call"));
    for phone in away.chain(held).take(ROWS) {
        let detail = phone.detail.split(';').next().unwrap_or_default();
        text.push_str(&format!(
            "\n  {:6}{:20}{:12}{detail}",
            phone.lines.join(" "),
            kind(phone),
            phone.state
        ));
    }
    text
}
