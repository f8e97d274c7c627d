//! One diary, read for what a judge wants to know.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};

use super::Outcome;
use crate::sim::diary::{Cause, CutBy, LogLine, What};

/// An order to reboot: a NOTIFY by its Call-ID, with all its copies and repetitions.
pub(super) struct Order {
    /// Its Call-ID.
    pub call_id: String,
    /// When it first came.
    pub at: DateTime<Utc>,
    /// The last status the phone answered it with.
    pub status: Option<u16>,
}

impl Order {
    /// Whether the phone will certainly not act on it.
    pub fn refused(&self) -> bool {
        self.status.is_some_and(|status| status >= 300)
    }
}

/// A call the phone cut by going down.
pub(super) struct Cut {
    pub at: DateTime<Utc>,
    pub with: String,
    pub call_id: String,
    /// Why it went down; `None` when it did so on its own.
    pub cause: Option<Cause>,
}

impl Cut {
    /// The NOTIFY behind it.
    pub fn notify(&self) -> Option<&str> {
        match &self.cause {
            Some(Cause::ByNotify { call_id }) => Some(call_id),
            Some(Cause::Update | Cause::ByScript | Cause::ByWeb | Cause::ByService | Cause::Itself)
            | None => None,
        }
    }
}

/// What a diary says.
pub(super) struct Reading {
    /// Orders to reboot, in the order they came.
    pub orders: Vec<Order>,
    /// From leaving to being registered again; an open end is never. Only reboots that were asked for.
    pub downs: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)>,
    /// Call-IDs of answered calls.
    pub calls: BTreeSet<String>,
    /// Calls it cut.
    pub cuts: Vec<Cut>,
    /// NOTIFYs it rebooted for more than once.
    pub acted_twice: Vec<String>,
    /// Firmware was offered before any reboot.
    pub offered_before_reboot: Option<DateTime<Utc>>,
    /// Firmware was offered after a reboot that nobody had asked for.
    pub offered_after_own_reboot: Option<DateTime<Utc>>,
    /// When firmware was first offered or given.
    pub first_image: Option<DateTime<Utc>>,
    /// It flashed an image.
    pub flashed: bool,
    obeyed: BTreeSet<String>,
    first_version: Option<String>,
    last_version: Option<String>,
    registered: bool,
}

impl Reading {
    /// Reads a diary.
    pub fn of(log: &[LogLine]) -> Self {
        let mut reading = Self {
            orders: Vec::new(),
            downs: Vec::new(),
            calls: BTreeSet::new(),
            cuts: Vec::new(),
            acted_twice: Vec::new(),
            offered_before_reboot: None,
            offered_after_own_reboot: None,
            first_image: None,
            flashed: false,
            obeyed: BTreeSet::new(),
            first_version: None,
            last_version: None,
            registered: false,
        };
        let mut open: BTreeMap<String, String> = BTreeMap::new();
        let (mut rebooted, mut by_itself, mut polls) = (false, false, false);
        for LogLine { at, what } in log {
            match what {
                What::Notify { call_id, event, .. } => reading.notify(*at, call_id, event),
                What::Answered { call_id, status } => {
                    if let Some(order) = reading.orders.iter_mut().find(|order| order.call_id == *call_id) {
                        order.status = Some(*status);
                    }
                }
                What::RebootBegan { cause } => {
                    rebooted = true;
                    by_itself = *cause == Cause::Itself;
                    reading.left(*at, cause);
                    // Calls that nobody says were cut, but that were not over either.
                    for (call_id, with) in std::mem::take(&mut open) {
                        reading.cut(*at, with, call_id, cause);
                    }
                }
                What::BootDone { version } => {
                    reading.first_version.get_or_insert_with(|| version.clone());
                    reading.last_version = Some(version.clone());
                }
                What::Registered => {
                    reading.registered = true;
                    if let Some((_, to)) = reading.downs.last_mut() {
                        to.get_or_insert(*at);
                    }
                }
                What::FirmwareOffered { .. } | What::ImageBegan { .. } => {
                    reading.first_image.get_or_insert(*at);
                    // Whoever polls, or calls its service, is told so, and reboots afterwards.
                    if !rebooted && !polls {
                        reading.offered_before_reboot.get_or_insert(*at);
                    }
                    if by_itself && !polls {
                        reading.offered_after_own_reboot.get_or_insert(*at);
                    }
                }
                What::Polled { .. } | What::ServiceCalled { .. } => polls = true,
                What::Flashed { .. } => reading.flashed = true,
                What::CallBegan { with, call_id } => {
                    reading.calls.insert(call_id.clone());
                    open.insert(call_id.clone(), with.clone());
                }
                What::CallEnded { call_id } | What::CallFailed { call_id, .. } => {
                    open.remove(call_id);
                }
                What::CallCut { with, call_id, by } => {
                    open.remove(call_id);
                    if let CutBy::Me(cause) = by {
                        reading.cut(*at, with.clone(), call_id.clone(), cause);
                    }
                }
                What::SettingsAsked { .. }
                | What::ContactMe
                | What::ServiceSaid { .. }
                | What::SettingsWritten { .. }
                | What::FileKept { .. }
                | What::FileRejected { .. }
                | What::Redirected { .. }
                | What::AsksItsUser
                | What::FactoryReset
                | What::ContactsDeleted
                | What::ModulePrepares
                | What::ModuleLeft { .. }
                | What::ModuleFlashed { .. }
                | What::ChainedFetched { .. }
                | What::BootloaderFetched { .. }
                | What::BootloaderRuined
                | What::PartFlashed { .. }
                | What::ConfigurationHandedIn { .. }
                | What::ConfigurationRead { .. }
                | What::ImageBroke { .. }
                | What::ImageComplete { .. }
                | What::ImageRejected
                | What::UpdateGivenUp
                | What::RegisterRefused { .. } => {}
            }
        }
        reading
    }

    /// Whether the night ended so.
    pub fn ended_as(&self, outcome: &Outcome) -> bool {
        let asked = !self.obeyed.is_empty();
        let same = self.first_version.is_some() && self.first_version == self.last_version;
        match outcome {
            Outcome::Updated { to } => self.registered && self.last_version.as_ref() == Some(to),
            Outcome::Rebooted => asked && same && self.registered && self.first_image.is_none(),
            Outcome::LeftAlone => self.orders.is_empty(),
            Outcome::Refuses => !asked && !self.orders.is_empty() && self.orders.iter().all(Order::refused),
            Outcome::NeverLeaves => !asked && self.orders.iter().any(|order| order.status == Some(200)),
            Outcome::NeverReturns => asked && !self.registered,
            Outcome::StaysOld => asked && same && self.registered,
        }
    }

    fn notify(&mut self, at: DateTime<Utc>, call_id: &str, event: &str) {
        let reboots = event.starts_with("reboot") || event.contains("reboot=true");
        if reboots && !self.orders.iter().any(|order| order.call_id == call_id) {
            self.orders.push(Order { call_id: call_id.to_owned(), at, status: None });
        }
    }

    fn left(&mut self, at: DateTime<Utc>, cause: &Cause) {
        self.registered = false;
        if let Cause::ByNotify { call_id } = cause
            && !self.obeyed.insert(call_id.clone())
        {
            self.acted_twice.push(call_id.clone());
        }
        let still_down = self.downs.last().is_some_and(|(_, to)| to.is_none());
        if *cause != Cause::Itself && !still_down {
            self.downs.push((at, None));
        }
    }

    fn cut(&mut self, at: DateTime<Utc>, with: String, call_id: String, cause: &Cause) {
        let cause = (*cause != Cause::Itself).then(|| cause.clone());
        self.cuts.push(Cut { at, with, call_id, cause });
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.last_version.as_deref().unwrap_or("no boot");
        let registered = if self.registered { "registered" } else { "not registered" };
        let refused = self.orders.iter().filter(|order| order.refused()).count();
        write!(
            f,
            "{version}, {registered}, {} orders of which {refused} refused, {} obeyed, {}",
            self.orders.len(),
            self.obeyed.len(),
            if self.flashed { "flashed" } else { "not flashed" }
        )
    }
}
