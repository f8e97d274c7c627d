//! What the gates said of each phone while its window was open, so that nobody has to be awake to learn why it did not go.
//!
//! Only what is news is kept: a phone that is held by something else than before. A phone that merely waits for its turn,
//! and one whose window is closed, is no news; the calendar tells the latter for every past instant.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::gates::Judged;
use super::phone::{Mac, Phone};
use super::policy::verdict::{Gate, GateAnswer};
use super::version::Version;

/// What the gates said of one phone from an instant on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The phone.
    pub mac: Mac,
    /// From when on.
    pub at: DateTime<Utc>,
    /// The policy or job that spoke of it.
    pub policy: Option<Arc<str>>,
    /// What it ran.
    pub runs: Option<Version>,
    /// What firmware it was to run.
    pub target: Option<Version>,
    /// The gates that held it; none when it went, or waited for its turn.
    pub held: Vec<GateAnswer>,
    /// It went.
    pub went: bool,
}

/// What was said last of each phone whose window is open, and the news since it was last asked.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// The slugs of the reasons, gate by gate; empty for a phone that waits for its turn.
    last: HashMap<Mac, Vec<(Gate, &'static str)>>,
    news: Vec<Finding>,
}

impl Journal {
    /// Takes in what a pass found of a phone.
    pub fn see(&mut self, phone: &Phone, judged: &Judged, at: DateTime<Utc>, went: bool) {
        let gates = &judged.verdict.gates;
        let closed =
            |gate: &GateAnswer| matches!(gate.gate, Gate::Window | Gate::Blackout) && !gate.is_open();
        if gates.iter().any(closed) {
            self.last.remove(&phone.mac);
            return;
        }
        let held = || gates.iter().filter(|gate| !gate.is_open() && !waits_for_others(gate.gate));
        let shape: Vec<_> =
            held().flat_map(|gate| gate.holds.iter().map(|reason| (gate.gate, reason.slug()))).collect();
        let known = self.last.get(&phone.mac);
        // Whoever waits for its turn from the beginning needs no line; nor does one that is done.
        let is_news = went || known.map_or(!shape.is_empty(), |known| *known != shape);
        if !is_news {
            return;
        }
        let target = judged.order.as_ref().and_then(|order| order.goal.firmware().cloned());
        self.news.push(Finding {
            mac: phone.mac,
            at,
            policy: judged.budget.clone(),
            runs: phone.version.clone(),
            target,
            held: held().cloned().collect(),
            went,
        });
        self.last.insert(phone.mac, shape);
    }

    /// Whether the phone was held when something was last said of it.
    pub fn was_held(&self, mac: Mac) -> bool {
        self.last.get(&mac).is_some_and(|shape| !shape.is_empty())
    }

    /// The news since the last time, in order.
    pub fn take_news(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.news)
    }
}

/// Whether a gate asks about the other phones only.
fn waits_for_others(gate: Gate) -> bool {
    matches!(gate, Gate::Coverage | Gate::Budget)
}
