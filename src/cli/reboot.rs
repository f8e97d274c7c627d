//! `sipherd reboot`: ask for reboots and, if wanted, follow them to their end.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::time::Duration;

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::client::Client;
use super::report::{self, Screen, Tone};
use super::{Failure, phones};
use crate::domain::phone::Mac;
use crate::ports::{PhoneView, RebootAsk, RebootTaken};

/// The first look at the phones comes this soon; each later one takes twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(100);

/// The longest pause between two looks.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// States in which a trip has ended.
const ENDS: [&str; 6] = ["verified", "already-current", "rebooted", "failed", "cancelled", "skipped"];

/// The words behind `reboot`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// MACs, lines (`21*`) or key=value of vendor, model, site, tag
    #[arg(required = true)]
    select: Vec<String>,
    /// Do not wait for a window; still wait until each phone is idle
    #[arg(long)]
    now: bool,
    /// Do not even wait for the end of a call
    #[arg(long)]
    even_in_a_call: bool,
    /// Give this one phone the configuration of this number back first (innovaphone; `sipherd configs` lists them)
    #[arg(long, value_name = "NUMBER")]
    restore: Option<u64>,
    /// Follow the phones until all are done
    #[arg(long)]
    wait: bool,
}

pub async fn run(options: Options, client: &Client, screen: &mut Screen) -> Result<(), Failure> {
    let Options { select, now, even_in_a_call, restore, wait } = options;
    let before = if wait { phones::select(client, &select).await? } else { Vec::new() };
    let ask = RebootAsk { select, now, even_in_a_call, restore };
    let taken: RebootTaken = client.post("/v1/reboot", &ask).await?;
    let when = match (now, even_in_a_call) {
        (true, true) => "at once, even in a call",
        (true, false) => "now, each as soon as it is idle",
        (false, true) => "in their windows, even in a call",
        (false, false) => "in their windows, each when it is idle",
    };
    if !screen.is_json() {
        screen.line(&format!("{}: {} {when}", taken.job, report::phones(taken.phones.len())))?;
    }
    if !wait {
        return if screen.is_json() { Ok(screen.json(&taken)?) } else { Ok(()) };
    }
    let last = follow(client, screen, &taken, &before).await?;
    if screen.is_json() {
        screen.json(&json!({ "job": taken.job, "phones": last }))?;
    } else {
        phones::print(&last, screen)?;
    }
    let failed = last.iter().filter(|phone| Tone::of_state(&phone.state) != Tone::Good).count();
    if failed > 0 { Err(Failure::PhonesFailed { failed, all: last.len() }) } else { Ok(()) }
}

/// Looks at the phones until the trip of each has ended.
async fn follow(
    client: &Client,
    screen: &mut Screen,
    taken: &RebootTaken,
    before: &[PhoneView],
) -> Result<Vec<PhoneView>, Failure> {
    let words: Vec<_> = taken.phones.iter().map(|mac| format!("mac={mac}")).collect();
    let mut job = Following {
        job: &taken.job,
        before: before.iter().map(|phone| (phone.mac, phone.since)).collect(),
        seen: BTreeMap::new(),
    };
    let bar = io::stderr().is_terminal().then(|| progress(taken.phones.len()));
    let mut pause = FIRST_LOOK;
    loop {
        let phones = phones::select(client, &words).await?;
        let mut done = 0;
        for phone in &phones {
            let changed = job.look(phone);
            done += usize::from(job.is_done(phone));
            if changed && bar.is_none() && !screen.is_json() {
                let label = report::label(phone) + "  ";
                let detail = format!("  {}", phone.detail);
                let state = (phone.state.as_str(), Tone::of_state(&phone.state));
                screen.parts(&[(&label, Tone::Plain), state, (&detail, Tone::Plain)])?;
            }
        }
        if let Some(bar) = &bar {
            bar.set_position(done as u64);
            let states = phones.iter().filter(|phone| !job.is_done(phone)).map(|phone| phone.state.as_str());
            bar.set_message(report::tally(count(states)));
        }
        if done == phones.len() {
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            return Ok(phones);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_LOOK);
    }
}

/// What was seen of a job's phones so far.
struct Following<'a> {
    job: &'a str,
    /// When each phone's state had last changed before the job: how an earlier trip ended is not this job's end.
    before: BTreeMap<Mac, Option<DateTime<Utc>>>,
    /// The last state of each, and whether the job ever spoke of it.
    seen: BTreeMap<Mac, (String, bool)>,
}

impl Following<'_> {
    /// Notes what a phone does now; tells whether that is new.
    fn look(&mut self, phone: &PhoneView) -> bool {
        let mine = phone.policy.as_deref() == Some(self.job);
        let (state, ever_mine) = self.seen.entry(phone.mac).or_default();
        *ever_mine |= mine;
        let changed = *state != phone.state;
        phone.state.clone_into(state);
        changed
    }

    /// Whether the job is done with this phone.
    fn is_done(&self, phone: &PhoneView) -> bool {
        let mine = phone.policy.as_deref() == Some(self.job);
        let ended = ENDS.contains(&phone.state.as_str());
        let moved = self.before.get(&phone.mac).is_none_or(|since| *since != phone.since);
        let was_mine = self.seen.get(&phone.mac).is_some_and(|(_, ever_mine)| *ever_mine);
        (ended && moved) || (was_mine && !mine)
    }
}

fn count<'a>(states: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for state in states {
        *counts.entry(state).or_insert(0) += 1;
    }
    counts
}

fn progress(all: usize) -> ProgressBar {
    let bar = ProgressBar::new(all as u64);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} done {bar:30} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
