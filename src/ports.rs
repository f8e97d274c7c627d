//! What the daemon needs of the world and what it offers to it: small traits and the words they speak.
//!
//! Adapters (`sip`, `pbx`, `depot`, `store`, `api`) know this file and `domain`, never each other.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::domain::firmware::{Release, Version};
use crate::domain::phone::{CallState, Contact, KnownBy, LineId, Mac, Model, PbxName, Vendor};
use crate::domain::policy::verdict::GateAnswer;
use crate::domain::trip::Trigger;

// ---------------------------------------------------------------------------------------------- time

/// The only way to the time of day.
///
/// Policies, trips and history live in this time; SIP transaction timers run on tokio's clock.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;

    /// How long tokio's clock runs until this instant; zero when it has passed.
    ///
    /// Not `instant - now()`: the clock of the demonstration runs faster than tokio's.
    fn until(&self, instant: DateTime<Utc>) -> Duration;
}

// ----------------------------------------------------------------------------------------------- SIP

/// A number for one order to the SIP side; the trip's own NOTIFY is recognised by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderId(pub u64);

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The phone's line.
    pub line: LineId,
    /// The contact the PBX has for it: its URI is used verbatim, its source address is where the packets go.
    pub contact: Contact,
}

/// A NOTIFY to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyOrder {
    /// The order's number.
    pub id: OrderId,
    /// Where to.
    pub target: Target,
    /// The event and its body.
    pub trigger: Trigger,
}

/// How a NOTIFY ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum NotifyOutcome {
    /// A final answer came (after a challenge was answered once, where one came).
    Answered {
        /// The status code, 200 to 699.
        status: u16,
        /// The reason phrase as it came.
        phrase: String,
        /// The `User-Agent` or `Server` of the answer: every reply is a version probe.
        user_agent: Option<String>,
        /// `Retry-After` in seconds.
        retry_after: Option<u32>,
        /// A 401 or 407 was answered with credentials on the way.
        challenged: bool,
    },
    /// A challenge came and no credentials are known for the line.
    NoCredentials {
        /// 401 or 407.
        status: u16,
        /// The realm that asked.
        realm: String,
    },
    /// The PBX took it into its queue and will never tell what became of it.
    Blind,
    /// Timer F fired: no final answer.
    NoAnswer {
        /// How many copies went out.
        copies: u32,
    },
    /// It could not be sent at all.
    NotSent {
        /// Why, for people.
        why: String,
    },
    /// Resending was stopped because the phone was seen to go.
    Stopped {
        /// How many copies went out.
        copies: u32,
    },
}

/// What a phone answered to an OPTIONS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// Any final answer: its SIP stack is alive.
    Alive {
        /// The status code.
        status: u16,
        /// The `User-Agent` or `Server` of the answer.
        user_agent: Option<String>,
    },
    /// Nothing came.
    Silent,
}

/// What a phone said of its own calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DialogOutcome {
    /// A full document without a live dialog.
    Idle,
    /// It has a dialog, or is off-hook.
    Busy(CallState),
    /// It does not do that (405, 481, 489, 501 …).
    Unsupported {
        /// The status code.
        status: u16,
    },
    /// It did not answer, or not in a way that can be understood.
    Unknown {
        /// Why, for people.
        why: String,
    },
}

/// Sends NOTIFYs.
pub trait Notifier: Send + Sync {
    /// Sends one; the future ends with its outcome, at the latest after timer F.
    fn notify(&self, order: NotifyOrder) -> BoxFuture<'static, NotifyOutcome>;

    /// The phone was seen to go: send no further copy of this order. The order's future ends with
    /// [`NotifyOutcome::Stopped`]; an order that ended, or is unknown, is left alone.
    fn stop_resending(&self, id: OrderId);
}

/// Asks a phone something that changes nothing.
pub trait Prober: Send + Sync {
    /// Is its SIP stack alive?
    fn options(&self, target: Target) -> BoxFuture<'static, ProbeOutcome>;

    /// Has it a call, in its own words? One-shot dialog SUBSCRIBE (`Expires: 0`).
    fn dialogs(&self, target: Target) -> BoxFuture<'static, DialogOutcome>;
}

/// A text that must never be shown: `Debug` prints dots, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Keeps this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that computes or sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a phone's challenge is answered with (RFC 8760 digest).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name of the digest.
    pub username: String,
    /// Its password.
    pub password: Secret,
}

// ----------------------------------------------------------------------------------------------- PBX

/// All a PBX knows at one instant, complete: what is missing here is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// Registered contacts, each with its line. A line may have several.
    pub contacts: Vec<(LineId, Contact)>,
    /// What each line is doing. A line that is not listed is unknown.
    pub calls: Vec<(LineId, CallState)>,
}

/// What a PBX adapter tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PbxNews {
    /// The whole picture, after connecting and at each reconciliation.
    Picture(Picture),
    /// All contacts of one line, read anew.
    Contacts(LineId, Vec<Contact>),
    /// One line changed what it is doing.
    Calls(LineId, CallState),
    /// The PBX answered just now: what is known is fresh.
    Fresh,
    /// The connection is gone; the adapter is trying to get it back.
    Lost {
        /// Why, for people; no secrets.
        why: String,
    },
}

/// News with its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PbxEvent {
    /// Which PBX.
    pub pbx: PbxName,
    /// What it tells.
    pub news: PbxNews,
}

/// The PBX could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pbx} cannot tell: {why}")]
pub struct PbxSilent {
    /// Which PBX.
    pub pbx: PbxName,
    /// Why, for people.
    pub why: String,
}

/// One PBX that can be asked. Its adapter also sends [`PbxEvent`]s on its own.
pub trait Pbx: Send + Sync {
    /// Its name in `sipherd.toml`.
    fn name(&self) -> &PbxName;

    /// What these lines are doing at this very moment, asked anew; one answer a line, in the same order.
    fn confirm(&self, lines: Vec<LineId>) -> BoxFuture<'static, Result<Vec<CallState>, PbxSilent>>;

    /// Read all contacts again soon: a phone is awaited back, and one that returns with the same Contact raises no
    /// event on Asterisk.
    fn refresh(&self);

    /// Have the PBX itself send the NOTIFY to this one contact (never to an endpoint).
    fn notify_through(&self, order: NotifyOrder) -> BoxFuture<'static, NotifyOutcome>;
}

// --------------------------------------------------------------------------------------------- depot

/// What a phone asks the depot for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Its settings.
    Settings,
    /// The document that names its firmware.
    FirmwarePointer,
    /// An image.
    Image {
        /// The file's name.
        file: String,
    },
}

/// A request of a phone, understood: who it says it is and what it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Its MAC, from the path or the User-Agent.
    pub mac: Mac,
    /// Its maker, where the request tells.
    pub vendor: Option<Vendor>,
    /// Its model, where the request tells.
    pub model: Option<Model>,
    /// What it runs, where the request tells.
    pub version: Option<Version>,
    /// The address it asks from.
    pub source: IpAddr,
    /// What it asks for.
    pub wanted: Wanted,
    /// Only the head of the answer is wanted (HTTP HEAD): a look that proves no boot and offers nothing.
    pub peek: bool,
}

/// What a phone may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    /// This image of this release is offered to it now.
    Offer {
        /// The release.
        release: Arc<str>,
        /// The image's file.
        file: String,
    },
    /// Nothing new: its documents name what it already runs.
    Stay {
        /// What it runs, where known.
        runs: Option<Version>,
        /// Why nothing is offered, for the log.
        why: String,
    },
}

/// How the transfer of an image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The phone.
    pub mac: Mac,
    /// The image's file.
    pub file: String,
    /// What happened.
    pub step: TransferStep,
}

/// A step of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferStep {
    /// A response body began at this offset (0 for a whole file).
    Began {
        /// First byte of the range.
        offset: u64,
    },
    /// The last byte of the image was handed to the phone's connection.
    Delivered,
    /// The phone broke off before the end of the response.
    Broken {
        /// The first byte it did not get.
        at: u64,
    },
}

/// Decides for the depot.
pub trait Gatekeeper: Send + Sync {
    /// What this phone may have now. Every settings request is also evidence of a boot.
    fn visit(&self, visit: Visit) -> BoxFuture<'static, Permit>;

    /// News of a transfer.
    fn transfer(&self, transfer: Transfer);
}

// --------------------------------------------------------------------------------------------- store

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

    /// A part of the history, oldest first.
    fn history(&self, query: HistoryQuery) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>>;
}

// ----------------------------------------------------------------------------- what the daemon offers

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
    /// What its policy wants it to run.
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
    pub states: std::collections::BTreeMap<String, usize>,
    /// Phones held, by reason.
    pub holds: std::collections::BTreeMap<String, usize>,
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

/// Where a release's bytes lie.
pub trait Images: Send + Sync {
    /// The bytes of a staged image, and its strong entity tag without quotes.
    fn open(&self, release: &str, file: &str) -> Option<(bytes::Bytes, String)>;
}
