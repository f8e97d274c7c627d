//! The words of a trip: its plan, its states, what it hears and what it orders.
//!
//! ```text
//! Confirming ──idle──▶ Asked ──2xx──▶ Accepted ──gone / new Call-ID / boot request──▶ Away
//!     │                  │  │            │  the vendor may wait for a call               │ ▲
//!     │ not idle         │  └─ seen to go ──────────────────────────────────────────────▶│ │ further boot
//!     ▼                  │ 405, 481, 489: next trigger, else                            ▼ │
//!  Withdrawn             ▼                                    Back ◀── Flashing ◀── Fetching
//!                     Failed(…)  ◀── any deadline ──           │
//!                                                              └── right version, all lines ──▶ Verified
//! ```
//!
//! A resync ends well as soon as the phone asks for its settings after it was asked; where it reboots instead, as soon
//! as it is back.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::look::LastLook;
use super::outcome::Outcome;
use super::timing::{Serves, Timing, Trigger, Way};
use crate::domain::files::{FileNews, WantedFile};
use crate::domain::firmware::{Part, Version};
use crate::domain::items::{ItemsFound, WantedItem};
use crate::domain::phone::{LineId, Mac, Realm};

/// What a trip is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "goal", rename_all = "kebab-case")]
pub enum Goal {
    /// The phone is to reboot, no more.
    Reboot,
    /// The phone is to read its settings anew; it need not reboot for that.
    Resync,
    /// The phone is to run this version of its firmware, or of another code in it.
    Update {
        /// The staged release.
        release: Arc<str>,
        /// The image's file in it.
        file: String,
        /// What the phone must report in the end.
        target: Version,
        /// Of which part.
        #[serde(default, skip_serializing_if = "Part::is_firmware")]
        part: Part,
    },
    /// The expansion module of the phone is to run this version.
    Module {
        /// The staged release.
        release: Arc<str>,
        /// The image's file in it.
        file: String,
        /// What the module must report in the end.
        target: Version,
    },
    /// The phone is to ask another realm's setting server for its settings.
    Move {
        /// The realm.
        realm: Realm,
        /// Whether its setting server is this depot, where the phone can be seen to ask.
        here: bool,
    },
    /// The phone is to hand in its configuration.
    Backup,
    /// Settings of the phone are to be so.
    Write {
        /// What they are to be.
        items: Arc<[WantedItem]>,
    },
    /// The phone is to load these files, which are no images.
    Files {
        /// The staged release.
        release: Arc<str>,
        /// Those of its files that the phone has not fetched yet.
        files: Vec<WantedFile>,
    },
}

impl Goal {
    /// Whether the phone fetches an image for it.
    pub const fn has_image(&self) -> bool {
        matches!(self, Self::Update { .. } | Self::Module { .. })
    }

    /// Whether the phone fetches anything for it.
    pub const fn fetches(&self) -> bool {
        self.has_image() || matches!(self, Self::Files { .. })
    }

    /// Whether a phone that calls its service does not do this while it is in a call: an image that is told with
    /// `file-priority` `normal`, and `WriteItems`.
    pub const fn is_denied_in_a_call(&self) -> bool {
        self.has_image() || matches!(self, Self::Write { .. })
    }

    /// The version of its firmware that the phone is to report in the end; none where it is to have something else.
    pub const fn firmware(&self) -> Option<&Version> {
        match self {
            Self::Update { target, part: Part::Firmware, .. } => Some(target),
            Self::Update { .. }
            | Self::Module { .. }
            | Self::Reboot
            | Self::Resync
            | Self::Move { .. }
            | Self::Backup
            | Self::Write { .. }
            | Self::Files { .. } => None,
        }
    }

    /// The version wanted in the end, where there is one.
    pub const fn target(&self) -> Option<&Version> {
        match self {
            Self::Update { target, .. } | Self::Module { target, .. } => Some(target),
            Self::Reboot | Self::Resync | Self::Move { .. } | Self::Backup => None,
            Self::Write { .. } | Self::Files { .. } => None,
        }
    }
}

/// How a line was registered when the trip began; what differs later is evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineBefore {
    /// The line.
    pub line: LineId,
    /// The REGISTER's Call-ID.
    pub call_id: Option<Arc<str>>,
    /// When the registration was to lapse.
    pub expires: Option<DateTime<Utc>>,
    /// The address it was registered from.
    #[serde(default)]
    pub address: Option<IpAddr>,
}

/// Everything decided before the trip begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The phone.
    pub phone: Mac,
    /// The policy or ad hoc job that sends it.
    pub policy: Arc<str>,
    /// 1 for the first trip towards this goal.
    pub attempt: u32,
    /// What for.
    pub goal: Goal,
    /// The line the NOTIFY goes to.
    pub line: LineId,
    /// How it is asked, first choice first.
    pub triggers: Vec<Trigger>,
    /// When it is given its image.
    #[serde(default)]
    pub serves: Serves,
    /// The last look before each of them.
    #[serde(default)]
    pub look: LastLook,
    /// The deadlines.
    pub timing: Timing,
    /// What it ran when the trip began.
    pub runs: Option<Version>,
    /// Every line that was registered when the trip began.
    pub lines: Vec<LineBefore>,
}

/// Where the phone is on its trip: settled facts, never events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// The slot is taken; PBX and phone are asked once more whether it is idle, before each trigger.
    Confirming {
        /// Which of the plan's triggers comes next.
        trigger: usize,
    },
    /// The intent is kept, the NOTIFY is on its way.
    Asked {
        /// Which of the plan's triggers.
        trigger: usize,
    },
    /// The phone has, or may have, taken the order; it has not left yet.
    Accepted {
        /// It said so itself with a 2xx. Without that the order may be lost, or done without an answer.
        sure: bool,
    },
    /// It went: it boots.
    Away,
    /// It is downloading the image.
    Fetching,
    /// It has the whole image.
    Flashing,
    /// It is registered again, but not what it should be yet.
    Back,
    /// The trip is over.
    Done {
        /// How.
        outcome: Outcome,
    },
}

impl State {
    /// A short machine name.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Confirming { .. } => "confirming",
            Self::Asked { .. } => "asked",
            Self::Accepted { .. } => "accepted",
            Self::Away => "away",
            Self::Fetching => "fetching",
            Self::Flashing => "flashing",
            Self::Back => "back",
            Self::Done { outcome } => outcome.slug(),
        }
    }
}

/// What a trip hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// PBX and phone agree: idle.
    Confirmed,
    /// The last look found something else.
    NotIdle {
        /// What.
        why: String,
    },
    /// A final answer to the NOTIFY.
    Answered {
        /// The status code.
        status: u16,
        /// The phrase.
        phrase: String,
    },
    /// The PBX took the NOTIFY and will never tell what became of it.
    Blind,
    /// Timer F fired.
    NoAnswer,
    /// Nothing left this machine.
    NotSent {
        /// Why.
        why: String,
    },
    /// The NOTIFY was held back before its first copy: something came in behind the last look.
    Withheld {
        /// What.
        why: String,
    },
    /// A challenge that cannot be answered.
    NoCredentials {
        /// The realm.
        realm: String,
    },
    /// A line's contact is gone.
    Gone {
        /// The line.
        line: LineId,
    },
    /// A line's registration as it is now.
    Registered {
        /// The line.
        line: LineId,
        /// The REGISTER's Call-ID.
        call_id: Option<Arc<str>>,
        /// When it lapses.
        expires: Option<DateTime<Utc>>,
        /// The version in its User-Agent.
        version: Option<Version>,
    },
    /// The phone asked for its own settings.
    BootRequest {
        /// The version it named.
        version: Option<Version>,
        /// Whether all its lines are without a call right now.
        idle: bool,
        /// Whether it asked from where its lines are registered: anybody can write its MAC into a request.
        own: bool,
    },
    /// It asked what there is to do: a poll for its script, a session with its deployment service.
    Called {
        /// The version it named.
        version: Option<Version>,
    },
    /// It was told so, in answer to its question.
    Ordered,
    /// It said itself that it will not do it.
    Declined {
        /// Why, in its words or ours.
        why: String,
    },
    /// It said itself that it is busy and will do it, or ask again, later.
    Deferred {
        /// Why, in its words or ours.
        why: String,
    },
    /// Its configuration arrived whole.
    HandedIn,
    /// Something is heard of the files that it is to load.
    File {
        /// What.
        news: FileNews,
    },
    /// What it tells of the settings it was to have.
    Items {
        /// What.
        found: ItemsFound,
    },
    /// It was sent to the setting server of another realm, in answer to its question for settings.
    Redirected,
    /// It asked for its settings as a phone of this realm.
    InRealm {
        /// The realm.
        realm: Realm,
    },
    /// What the phone tells of the code in it besides its firmware.
    Code {
        /// Which.
        part: Part,
        /// Its version.
        version: Version,
    },
    /// What its expansion module runs, as the phone tells it.
    Module {
        /// The version of the module.
        version: Version,
    },
    /// The phone read the document that offers it the image.
    Offered,
    /// It began to fetch the image, or a part of it.
    ImageBegan,
    /// It has the last byte.
    ImageDelivered,
    /// It broke off.
    ImageBroken,
    /// It answered an OPTIONS.
    Alive {
        /// The version it named.
        version: Option<Version>,
    },
    /// It left an OPTIONS unanswered for a few seconds.
    Silent,
    /// A person wants it to stop.
    Cancel,
    /// The daemon was started again and found this trip open.
    Restarted,
    /// Time passed; handed over at the latest at the deadline.
    Tick {
        /// Whether a line of the phone is in a call.
        busy: bool,
    },
}

/// What a trip orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Ask PBX and phone whether it is idle at this very moment.
    Confirm,
    /// The new state is kept first; then ask the phone in this way.
    Ask(Way),
    /// The phone was seen to go: no further copy.
    StopResending,
    /// Look closely: read its contacts again, and ask it with OPTIONS.
    Look,
    /// For the history: what happened, as a short machine name and as a sentence.
    Note(&'static str, String),
}
