//! What the daemon answers to its operators.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::plan::{PlanAsk, PlanView};
use super::store::{Entry, HistoryQuery};
use crate::domain::firmware::{Release, Version};
use crate::domain::phone::{CallState, Mac, Model, PbxName, Vendor};
use crate::domain::policy::verdict::GateAnswer;

/// A phone in a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneView {
    /// Its hardware address.
    pub mac: Mac,
    /// The users of its lines.
    pub lines: Vec<String>,
    /// Its maker.
    pub vendor: Option<Vendor>,
    /// Its model.
    pub model: Option<Model>,
    /// What it runs.
    pub version: Option<Version>,
    /// The firmware its policy wants it to run.
    pub target: Option<Version>,
    /// Where it stands.
    pub site: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The policy or job that speaks of it.
    pub policy: Option<String>,
    /// `waiting`, a trip's state, or how the last trip ended: `verified`, `failed` …
    pub state: String,
    /// Why it waits, how it failed, and what to do.
    pub detail: String,
    /// What each line is doing.
    pub calls: Vec<(String, CallState)>,
    /// When its state last changed, if it ever did.
    pub since: Option<DateTime<Utc>>,
}

/// The explanation of one phone at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// The phone.
    pub phone: PhoneView,
    /// The instant asked about.
    pub at: DateTime<Utc>,
    /// Each gate's answer.
    pub gates: Vec<GateAnswer>,
    /// Whether it would go.
    pub go: bool,
    /// The earliest instant it may go, when time alone decides.
    pub earliest: Option<DateTime<Utc>>,
    /// The zone to print times in.
    pub zone: chrono_tz::Tz,
    /// For an instant that is past: where these answers come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<PastAnswers>,
}

/// Where the answers about a past instant come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answers", rename_all = "kebab-case")]
pub enum PastAnswers {
    /// The window was closed, or a blackout held, by the policies of now; what else held it was not written down.
    Closed,
    /// They were written down when they changed, and stood at the instant.
    WrittenDown {
        /// When they changed.
        from: DateTime<Utc>,
        /// It went then.
        went: bool,
    },
    /// The window was open and nothing was written down: it waited for its turn.
    WaitedForItsTurn {
        /// When the window opened.
        from: DateTime<Utc>,
    },
}

/// The daemon at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// sipherd's version.
    pub version: String,
    /// Now, on the daemon's clock.
    pub now: DateTime<Utc>,
    /// Whether it is draining.
    pub draining: bool,
    /// Phones by state.
    pub states: BTreeMap<String, usize>,
    /// Phones held, by reason.
    pub holds: BTreeMap<String, usize>,
    /// Each PBX and the age of its view in seconds; `None` when there is none.
    pub views: Vec<(PbxName, Option<i64>)>,
    /// Contacts that belong to no known phone.
    pub strangers: Vec<(String, String)>,
    /// What is wrong with the configuration on disk, when a reload was refused.
    pub refused_reload: Option<String>,
}

/// A request to reboot phones now or in their windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RebootAsk {
    /// Words of a selection, as on the command line; never empty.
    pub select: Vec<String>,
    /// Do not wait for a window.
    pub now: bool,
    /// Do not wait for idle either.
    pub even_in_a_call: bool,
    /// The number of a configuration that the phone handed in once, and is to read before it reboots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<u64>,
}

/// What became of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebootTaken {
    /// The job's name.
    pub job: String,
    /// The phones it speaks of.
    pub phones: Vec<Mac>,
}

/// The daemon did not do what was asked. A text may end in a line `hint: …` that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No such phone, job or release.
    #[error("{0}")]
    NotFound(String),
    /// The request makes no sense; the user can mend it.
    #[error("{0}")]
    Refused(String),
    /// The daemon is going down or its store failed.
    #[error("{0}")]
    Unavailable(String),
}

/// What the API may ask of the daemon.
pub trait Control: Send + Sync {
    /// The phones that these words select; none means all.
    fn phones(&self, select: Vec<String>) -> BoxFuture<'_, Result<Vec<PhoneView>, ControlError>>;

    /// Why one phone (a MAC or a line) is held, now or at another instant.
    fn why(&self, phone: String, at: Option<DateTime<Utc>>) -> BoxFuture<'_, Result<WhyView, ControlError>>;

    /// What would happen from now on, if everything took its usual time.
    fn plan(&self, ask: PlanAsk) -> BoxFuture<'_, Result<PlanView, ControlError>>;

    /// Reboots phones.
    fn reboot(&self, ask: RebootAsk) -> BoxFuture<'_, Result<RebootTaken, ControlError>>;

    /// A part of the history.
    fn history(&self, query: HistoryQuery) -> BoxFuture<'_, Result<Vec<Entry>, ControlError>>;

    /// The staged releases the daemon knows.
    fn releases(&self) -> BoxFuture<'_, Result<Vec<Release>, ControlError>>;

    /// Reads configuration, policies and releases again; the error holds every problem as text.
    fn reload(&self) -> BoxFuture<'_, Result<(), ControlError>>;

    /// The daemon at a glance.
    fn status(&self) -> BoxFuture<'_, Result<StatusView, ControlError>>;

    /// All metrics in the OpenMetrics text format.
    fn metrics(&self) -> BoxFuture<'_, Result<String, ControlError>>;
}
