//! What each phone writes down about itself: the only evidence the judge accepts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::domain::phone::Mac;

/// One line of a phone's diary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When, in the building's time.
    pub at: DateTime<Utc>,
    /// What happened.
    pub what: What,
}

/// Why a phone rebooted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It was asked by the NOTIFY with this Call-ID.
    ByNotify {
        /// The NOTIFY's Call-ID.
        call_id: String,
    },
    /// Its deployment service said so (Unify).
    ByService,
    /// An update script said so.
    ByScript,
    /// On its own.
    Itself,
    /// It was asked at its web page.
    ByWeb,
    /// To run the firmware it has just flashed.
    Update,
}

/// What happens to a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A NOTIFY arrived.
    Notify {
        /// Its Call-ID.
        call_id: String,
        /// Its `Event`.
        event: String,
        /// It is a copy of one the phone still remembers; not executed again.
        copy: bool,
    },
    /// It answered a NOTIFY (the answer may have been lost on the way).
    Answered {
        /// The NOTIFY's Call-ID.
        call_id: String,
        /// The status code.
        status: u16,
    },
    /// It went down.
    RebootBegan {
        /// Why.
        cause: Cause,
    },
    /// Its firmware runs; it does not speak SIP yet.
    BootDone {
        /// What it runs.
        version: String,
    },
    /// It asked the depot for its settings.
    SettingsAsked {
        /// The HTTP status, 0 when the depot could not be reached, however often it tried.
        status: u16,
    },
    /// Its deployment client was asked to call its service (Unify).
    ContactMe,
    /// It called its deployment service.
    ServiceCalled {
        /// Why: `start-up`, `solicited` …
        reason: String,
        /// The HTTP status, 0 when nobody answered.
        status: u16,
    },
    /// Its deployment service told it to do something.
    ServiceSaid {
        /// What: `ReadItems`, `CleanUp` …
        action: String,
    },
    /// Its deployment service wrote settings, and so many of them have another value now (Unify).
    SettingsWritten {
        /// How many.
        items: usize,
    },
    /// It keeps a file that is no image (Unify).
    FileKept {
        /// Its name.
        file: String,
        /// What it is: `LOGO`, `RINGTONE` …
        kind: String,
        /// Its length in bytes.
        bytes: u64,
    },
    /// It has a file that is no image, and does not take it (Unify).
    FileRejected {
        /// Its name.
        file: String,
    },
    /// Its settings sent it to another setting server (snom).
    Redirected {
        /// Where to.
        to: String,
    },
    /// Its settings have its user asked before an update, and nobody answers (snom).
    AsksItsUser,
    /// It was reset to factory defaults: by a person (innovaphone), or by a check-sync, as its settings say (snom).
    FactoryReset,
    /// It deleted the contacts of its user.
    ContactsDeleted,
    /// It has the image for its expansion module and shows that it prepares to write it (snom).
    ModulePrepares,
    /// It left the image for its expansion module alone (snom).
    ModuleLeft {
        /// Why.
        why: String,
    },
    /// Its expansion module runs this now (snom).
    ModuleFlashed {
        /// The version.
        version: String,
    },
    /// What belongs behind the image is in its flash memory as well (snom D3xx).
    ChainedFetched {
        /// Its length in bytes.
        bytes: u64,
    },
    /// Its bootloader is there as well (snom).
    BootloaderFetched {
        /// Its length in bytes.
        bytes: u64,
    },
    /// It was given a bootloader that its model must not have: it is broken, and only TFTP helps (snom190, snom3xx).
    BootloaderRuined,
    /// It polled its update script (innovaphone).
    Polled {
        /// What it told of itself.
        query: String,
        /// The HTTP status, 0 when nobody answered.
        status: u16,
    },
    /// Boot code or radio code is in its flash memory (innovaphone).
    PartFlashed {
        /// `boot` or `bmc`.
        part: String,
        /// The build.
        build: String,
    },
    /// It handed its configuration in.
    ConfigurationHandedIn {
        /// To where.
        url: String,
        /// The HTTP status, 0 when nobody answered.
        status: u16,
    },
    /// It read a configuration.
    ConfigurationRead {
        /// From where.
        url: String,
        /// The HTTP status, 0 when nobody answered.
        status: u16,
    },
    /// The depot named a firmware other than the one it runs.
    FirmwareOffered {
        /// The image's address.
        file: String,
    },
    /// The first byte of an image (or of the rest of one) arrived.
    ImageBegan {
        /// Offset of that byte.
        from: u64,
    },
    /// The download broke off.
    ImageBroke {
        /// Bytes it has so far.
        at: u64,
    },
    /// The last byte of an image arrived.
    ImageComplete {
        /// Its length in bytes.
        bytes: u64,
    },
    /// It looked at the image and will not flash it.
    ImageRejected,
    /// The image could not be had, however often it tried.
    UpdateGivenUp,
    /// The image is in its flash memory.
    Flashed {
        /// The image's version.
        version: String,
    },
    /// The registrar accepted it (once a boot; refreshes are not written down).
    Registered,
    /// The registrar refused it for good.
    RegisterRefused {
        /// The status code.
        status: u16,
    },
    /// A call was answered.
    CallBegan {
        /// The other party.
        with: String,
        /// The call's Call-ID.
        call_id: String,
    },
    /// A call was ended by one of the two people.
    CallEnded {
        /// The call's Call-ID.
        call_id: String,
    },
    /// A call was never answered.
    CallFailed {
        /// The call's Call-ID.
        call_id: String,
        /// The status code, 408 for silence.
        status: u16,
    },
    /// A call, ringing or answered, was lost because a phone went down.
    CallCut {
        /// The other party.
        with: String,
        /// The call's Call-ID.
        call_id: String,
        /// Who cut it.
        by: CutBy,
    },
}

/// Which of the two phones of a cut call went down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CutBy {
    /// The writer of the diary, for this cause.
    Me(Cause),
    /// The other one.
    TheOther,
}

/// The diaries of all phones of a building.
#[derive(Debug, Clone)]
pub struct Diaries {
    pages: Arc<Mutex<BTreeMap<Mac, Vec<LogLine>>>>,
    written: watch::Sender<u64>,
}

impl Default for Diaries {
    fn default() -> Self {
        Self { pages: Arc::default(), written: watch::Sender::new(0) }
    }
}

impl Diaries {
    /// Writes one line.
    pub fn write(&self, mac: Mac, at: DateTime<Utc>, what: What) {
        tracing::trace!(%mac, ?what, "diary");
        self.pages().entry(mac).or_default().push(LogLine { at, what });
        self.written.send_modify(|count| *count += 1);
    }

    /// A copy of one phone's diary; empty when it has written nothing.
    pub fn of(&self, mac: Mac) -> Vec<LogLine> {
        self.pages().get(&mac).cloned().unwrap_or_default()
    }

    /// A copy of all diaries.
    pub fn all(&self) -> BTreeMap<Mac, Vec<LogLine>> {
        self.pages().clone()
    }

    /// Waits until a phone's diary is as wanted; looked at whenever anybody writes.
    pub async fn wait(&self, mac: Mac, mut wanted: impl FnMut(&[LogLine]) -> bool) {
        let mut written = self.written.subscribe();
        while !wanted(self.pages().get(&mac).map_or(&[], Vec::as_slice)) {
            if written.changed().await.is_err() {
                return;
            }
        }
    }

    fn pages(&self) -> MutexGuard<'_, BTreeMap<Mac, Vec<LogLine>>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
