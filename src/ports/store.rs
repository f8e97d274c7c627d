//! What must survive a restart, and the history.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::domain::files::Fetched;
use crate::domain::firmware::Version;
use crate::domain::phone::{Hardware, KnownBy, LineId, Mac, Model, Realm, Vendor};

/// A number for one trip, unique in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TripId(pub u64);

/// A trip as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TripRow {
    /// Its number.
    pub id: TripId,
    /// The phone.
    pub mac: Mac,
    /// The policy, or the ad hoc job, that sent it.
    pub policy: Arc<str>,
    /// Its state's slug.
    pub state: String,
    /// Whether it is still under way.
    pub open: bool,
    /// When the row last changed.
    pub changed: DateTime<Utc>,
    /// The whole trip as JSON, with a `v` that numbers its form.
    pub body: String,
}

/// What was learned about a phone by observation and must survive a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneRow {
    /// The phone.
    pub mac: Mac,
    /// How its lines became known.
    pub known_by: KnownBy,
    /// Its maker.
    pub vendor: Option<Vendor>,
    /// Its model.
    pub model: Option<Model>,
    /// What it was last seen to run.
    pub version: Option<Version>,
    /// What it last told of its hardware: a level, a revision or a part number.
    pub hardware: Option<Hardware>,
    /// When it was last seen to boot by itself.
    pub booted: Option<DateTime<Utc>>,
    /// The firmware realm it asked for its settings in last.
    #[serde(default)]
    pub realm: Option<Realm>,
    /// The files, no images, that it fetched whole and did not reject.
    #[serde(default)]
    pub files: Fetched,
    /// Lines learned by observation (those of the inventory are not kept here).
    pub lines: Vec<LineId>,
}

/// An ad hoc job: `sipherd reboot SELECT`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name: `reboot-17`.
    pub name: Arc<str>,
    /// The phones it still speaks of.
    pub macs: Vec<Mac>,
    /// Do not wait for a window.
    pub now: bool,
    /// Do not wait for idle either.
    pub even_in_a_call: bool,
    /// The number of a configuration that the phone handed in once, and is to read before it reboots.
    #[serde(default)]
    pub restore: Option<u64>,
    /// When a person asked.
    pub asked: DateTime<Utc>,
}

/// One line of the history: something that happened, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// To which phone, if to one.
    pub mac: Option<Mac>,
    /// In which trip, if in one.
    pub trip: Option<TripId>,
    /// What kind of thing, as a short machine name: `asked`, `answered`, `away`, `verified`.
    pub kind: String,
    /// A sentence for people.
    pub text: String,
}

/// What the gates said of one phone from an instant on, until the next row of the same phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// The phone.
    pub mac: Mac,
    /// From when on.
    pub at: DateTime<Utc>,
    /// The finding as JSON.
    pub body: String,
}

/// A change to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A trip began or moved on.
    Trip(TripRow),
    /// A phone was learned about.
    Phone(PhoneRow),
    /// A job was asked for, or some of its phones are done. A job without phones is removed.
    Job(Job),
    /// Something happened.
    Entry(Entry),
    /// The gates say something else of a phone.
    Finding(FindingRow),
    /// Findings before this instant are asked for no more.
    ForgetFindings(DateTime<Utc>),
}

/// All that the daemon needs to go on after a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Every open trip, and the last finished one of each phone.
    pub trips: Vec<TripRow>,
    /// What was learned about phones.
    pub phones: Vec<PhoneRow>,
    /// Jobs with phones left.
    pub jobs: Vec<Job>,
    /// The highest trip number ever given.
    pub last_trip: u64,
    /// The highest job number ever given.
    pub last_job: u64,
}

/// Which part of the history is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// Only of this phone.
    pub mac: Option<Mac>,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
}

/// The store failed; nothing of the batch was kept.
#[derive(Debug, Clone, thiserror::Error)]
#[error("store {path}: {why}")]
pub struct StoreError {
    /// Which store; no credentials.
    pub path: String,
    /// What it said.
    pub why: String,
}

/// Keeps what must survive.
pub trait Store: Send + Sync {
    /// Everything needed at start.
    fn load(&self) -> BoxFuture<'_, Result<Kept, StoreError>>;

    /// Keeps the batch, all or nothing; when the future ends well it is on the disk.
    fn apply(&self, batch: Vec<Change>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What the gates said of a phone at an instant: the last finding that is not after it.
    fn finding(&self, mac: Mac, at: DateTime<Utc>) -> BoxFuture<'_, Result<Option<FindingRow>, StoreError>>;

    /// A part of the history, oldest first.
    fn history(&self, query: HistoryQuery) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>>;
}
