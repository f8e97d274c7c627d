//! Counters and gauges in the OpenMetrics text format; every label has few values.

use std::collections::BTreeMap;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::domain::trip::Outcome;
use crate::ports::{NotifyOutcome, StatusView, TransferStep};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Label {
    what: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PbxLabel {
    pbx: String,
}

/// All metrics.
pub struct Metrics {
    registry: Registry,
    notifies: Family<Label, Counter>,
    trips: Family<Label, Counter>,
    transfers: Family<Label, Counter>,
    pictures: Counter,
    store_works: Gauge,
    phones: Family<Label, Gauge>,
    holds: Family<Label, Gauge>,
    lost: Gauge,
    full: Family<Label, Gauge>,
    view_age: Family<PbxLabel, Gauge>,
}

impl Metrics {
    /// All zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("sipherd");
        let metrics = Self {
            notifies: Family::default(),
            trips: Family::default(),
            transfers: Family::default(),
            pictures: Counter::default(),
            store_works: Gauge::default(),
            phones: Family::default(),
            holds: Family::default(),
            lost: Gauge::default(),
            full: Family::default(),
            view_age: Family::default(),
            registry: Registry::default(),
        };
        registry.register("notifies", "NOTIFYs by how they ended", metrics.notifies.clone());
        registry.register("trips", "trips by how they ended", metrics.trips.clone());
        registry.register("transfers", "image transfers by step", metrics.transfers.clone());
        registry.register("pictures", "whole pictures read from PBXs", metrics.pictures.clone());
        registry.register("store_works", "1 while the store takes writes", metrics.store_works.clone());
        registry.register("phones", "phones by state", metrics.phones.clone());
        registry.register("holds", "waiting phones by reason", metrics.holds.clone());
        registry.register("lost_phones", "phones that left and never came back", metrics.lost.clone());
        registry.register(
            "full_purses",
            "limits on phones down that are reached, by kind",
            metrics.full.clone(),
        );
        registry.register(
            "view_age_seconds",
            "age of a PBX's view, -1 when there is none",
            metrics.view_age.clone(),
        );
        metrics.store_works.set(1);
        Self { registry, ..metrics }
    }

    /// A NOTIFY ended.
    pub fn notify_ended(&self, outcome: &NotifyOutcome) {
        let what = match outcome {
            NotifyOutcome::Answered { status, .. } => format!("{}xx", status / 100),
            NotifyOutcome::NoCredentials { .. } => "no-credentials".to_owned(),
            NotifyOutcome::Blind => "blind".to_owned(),
            NotifyOutcome::NoAnswer { .. } => "no-answer".to_owned(),
            NotifyOutcome::NotSent { .. } => "not-sent".to_owned(),
            NotifyOutcome::Stopped { .. } => "stopped".to_owned(),
        };
        self.notifies.get_or_create(&Label { what }).inc();
    }

    /// A trip ended.
    pub fn trip_ended(&self, outcome: &Outcome) {
        let what = match outcome {
            Outcome::Failed { failure } => failure.slug(),
            Outcome::Verified { .. }
            | Outcome::Rebooted
            | Outcome::Resynced
            | Outcome::Moved { .. }
            | Outcome::HandedIn
            | Outcome::Written { .. }
            | Outcome::Deployed
            | Outcome::Withdrawn { .. }
            | Outcome::Cancelled => outcome.slug(),
        };
        self.trips.get_or_create(&Label { what: what.to_owned() }).inc();
    }

    /// A transfer went a step on.
    pub fn transfer(&self, step: &TransferStep) {
        let what = match step {
            TransferStep::Began { .. } => "began",
            TransferStep::Delivered => "delivered",
            TransferStep::Broken { .. } => "broken",
        };
        self.transfers.get_or_create(&Label { what: what.to_owned() }).inc();
    }

    /// A whole picture came.
    pub fn picture(&self) {
        self.pictures.inc();
    }

    /// Whether the store takes writes.
    pub fn store_works(&self, works: bool) {
        self.store_works.set(works.into());
    }

    /// How many limits of each kind are reached.
    pub fn full_purses(&self, kinds: &BTreeMap<&'static str, usize>) {
        self.full.clear();
        for (what, count) in kinds {
            let label = Label { what: (*what).to_owned() };
            self.full.get_or_create(&label).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
    }

    /// Everything as text, with the gauges of this moment.
    pub fn text(&self, status: &StatusView, lost: usize) -> String {
        let set = |family: &Family<Label, Gauge>, values: &BTreeMap<String, usize>| {
            family.clear();
            for (what, count) in values {
                let label = Label { what: what.clone() };
                family.get_or_create(&label).set(i64::try_from(*count).unwrap_or(i64::MAX));
            }
        };
        set(&self.phones, &status.states);
        set(&self.holds, &status.holds);
        self.lost.set(i64::try_from(lost).unwrap_or(i64::MAX));
        for (pbx, age) in &status.views {
            self.view_age.get_or_create(&PbxLabel { pbx: pbx.to_string() }).set(age.unwrap_or(-1));
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_what_happened() {
        let metrics = Metrics::new();
        metrics.notify_ended(&NotifyOutcome::NoAnswer { copies: 11 });
        metrics.trip_ended(&Outcome::Rebooted);
        let status = StatusView {
            version: "0".into(),
            now: chrono::DateTime::UNIX_EPOCH,
            draining: false,
            states: [("verified".to_owned(), 412)].into(),
            holds: [("busy".to_owned(), 3)].into(),
            views: vec![(crate::domain::phone::PbxName::new("pbx1"), None)],
            strangers: vec![],
            refused_reload: None,
        };
        metrics.full_purses(&[("site", 2)].into());
        let text = metrics.text(&status, 1);
        for line in [
            "sipherd_notifies_total{what=\"no-answer\"} 1",
            "sipherd_trips_total{what=\"rebooted\"} 1",
            "sipherd_phones{what=\"verified\"} 412",
            "sipherd_holds{what=\"busy\"} 3",
            "sipherd_view_age_seconds{pbx=\"pbx1\"} -1",
            "sipherd_lost_phones 1",
            "sipherd_full_purses{what=\"site\"} 2",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
