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

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::look::LastLook;
use super::timing::{Timing, Trigger};
use crate::domain::firmware::Version;
use crate::domain::phone::{LineId, Mac};

/// What a trip is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "goal", rename_all = "kebab-case")]
pub enum Goal {
    /// The phone is to reboot, no more.
    Reboot,
    /// The phone is to read its settings anew; it need not reboot for that.
    Resync,
    /// The phone is to run this version.
    Update {
        /// The staged release.
        release: Arc<str>,
        /// The image's file in it.
        file: String,
        /// What the phone must report in the end.
        target: Version,
    },
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

/// How a trip ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It runs the target and all its lines are registered again.
    Verified {
        /// What it reported.
        version: Version,
    },
    /// It rebooted and all its lines are registered again.
    Rebooted,
    /// It read its settings anew, without a reboot.
    Resynced,
    /// It failed.
    Failed {
        /// How.
        failure: Failure,
    },
    /// Nothing was sent: at the last look the phone was not what it had to be.
    Withdrawn {
        /// What was seen.
        why: String,
    },
    /// A person stopped it.
    Cancelled,
}

impl Outcome {
    /// A short machine name.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Verified { .. } => "verified",
            Self::Rebooted => "rebooted",
            Self::Resynced => "resynced",
            Self::Failed { .. } => "failed",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why a trip failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "failure", rename_all = "kebab-case")]
pub enum Failure {
    /// It, or something on the way, said no.
    Refused {
        /// The last status code.
        status: u16,
        /// Its phrase.
        phrase: String,
    },
    /// It asked for a password and none is known for the line.
    NoCredentials {
        /// The realm that asked.
        realm: String,
    },
    /// Nothing could be sent to it.
    NotReachable {
        /// Why.
        why: String,
    },
    /// No answer came and it never left.
    NoAnswer,
    /// It accepted and never left.
    NeverLeft,
    /// It accepted and did not ask for its settings, nor did it leave.
    NeverAsked,
    /// It left and did not come back in time, or not with all its lines.
    NeverReturned {
        /// The lines still missing.
        missing: Vec<LineId>,
    },
    /// It had the whole image and kept running the old one without a reboot.
    ImageRejected,
    /// It began the image and never got to its end.
    DownloadBroken {
        /// How often the connection broke.
        breaks: u32,
    },
    /// It flashed, rebooted, and runs something else than the target.
    WrongVersion {
        /// What it runs.
        runs: Version,
    },
    /// It rebooted and did not even begin.
    NothingHappened {
        /// The likely reason.
        cause: Cause,
    },
}

/// Why a phone that rebooted may have left the firmware alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It never asked this depot for its settings.
    OtherServer,
    /// It asked for its settings and not for the firmware document.
    SettingsOnly,
    /// It read the firmware document and did not ask for the image.
    NotWanted,
    /// sipherd was restarted meanwhile: it may have asked and found nobody.
    NobodyThere,
}

impl Failure {
    /// All short machine names.
    pub const SLUGS: [&'static str; 11] = [
        "refused",
        "no-credentials",
        "not-reachable",
        "no-answer",
        "never-left",
        "never-asked",
        "never-returned",
        "image-rejected",
        "download-broken",
        "wrong-version",
        "nothing-happened",
    ];

    /// A short machine name, one of [`Self::SLUGS`].
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::NoCredentials { .. } => "no-credentials",
            Self::NotReachable { .. } => "not-reachable",
            Self::NoAnswer => "no-answer",
            Self::NeverLeft => "never-left",
            Self::NeverAsked => "never-asked",
            Self::NeverReturned { .. } => "never-returned",
            Self::ImageRejected => "image-rejected",
            Self::DownloadBroken { .. } => "download-broken",
            Self::WrongVersion { .. } => "wrong-version",
            Self::NothingHappened { .. } => "nothing-happened",
        }
    }

    /// Whether another try could end otherwise without anybody mending something first.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::NotReachable { .. }
            | Self::NoAnswer
            | Self::NeverLeft
            | Self::NeverAsked
            | Self::NeverReturned { .. }
            | Self::DownloadBroken { .. } => true,
            Self::NothingHappened { cause } => !matches!(cause, Cause::NotWanted),
            Self::Refused { status, .. } => matches!(status, 408 | 480 | 486 | 500..=599),
            Self::NoCredentials { .. } | Self::ImageRejected | Self::WrongVersion { .. } => false,
        }
    }

    /// The slugs of failures that are never retryable, whatever they carry besides.
    pub const NEVER_RETRYABLE: [&'static str; 3] = ["no-credentials", "image-rejected", "wrong-version"];

    /// What the administrator can do about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Refused { status: 401 | 407, .. } => "correct the line's password in the credentials file",
            Self::Refused { status: 403, .. } => "let the phone accept requests from this address",
            Self::Refused { status: 404, .. } => "the contact is not the phone's: let it register again",
            Self::Refused { status: 405 | 481 | 489, .. } => {
                "this phone takes no such NOTIFY: allow it there"
            }
            Self::Refused { .. } => "look at the phone: it refuses the NOTIFY",
            Self::NoCredentials { .. } => "add the line to the credentials file",
            Self::NotReachable { .. } => "see how this phone can be reached from here",
            Self::NoAnswer => "see whether the phone is alive and takes SIP from this address",
            Self::NeverLeft => "see whether the phone's settings allow a reboot by NOTIFY",
            Self::NeverAsked => {
                "point the phone's setting server to this depot, and see whether it allows a resync by NOTIFY"
            }
            Self::NeverReturned { .. } => "go and look at the phone; do not cut its power while it flashes",
            Self::ImageRejected => "compare the image with the phone's hardware level",
            Self::DownloadBroken { .. } => "look at the network between phone and depot",
            Self::WrongVersion { .. } => "compare the manifest's version with what the image really is",
            Self::NothingHappened { cause: Cause::OtherServer } => {
                "point the phone's setting server to this depot"
            }
            Self::NothingHappened { cause: Cause::SettingsOnly } => {
                "the phone's update_policy forbids firmware: set it to auto_update"
            }
            Self::NothingHappened { cause: Cause::NobodyThere } => "nothing: it is tried again",
            Self::NothingHappened { cause: Cause::NotWanted } => {
                "see whether the phone asks its user, or refuses this image"
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, phrase } => write!(f, "refused with {status} {phrase}"),
            Self::NoCredentials { realm } => write!(f, "asked for a password of realm `{realm}`"),
            Self::NotReachable { why } => write!(f, "not reachable: {why}"),
            Self::NoAnswer => write!(f, "gave no answer and never left"),
            Self::NeverLeft => write!(f, "accepted and was not seen to leave"),
            Self::NeverAsked => write!(f, "accepted and did not ask this depot for its settings"),
            Self::NeverReturned { missing } => {
                let lines: Vec<&str> = missing.iter().map(|line| line.user.as_ref()).collect();
                write!(f, "did not come back (line {})", lines.join(", "))
            }
            Self::ImageRejected => write!(f, "rejected the image"),
            Self::DownloadBroken { breaks } => write!(f, "did not finish the download ({breaks} breaks)"),
            Self::WrongVersion { runs } => write!(f, "came back with {runs}"),
            Self::NothingHappened { cause: Cause::OtherServer } => {
                write!(f, "rebooted and asked nothing of this depot")
            }
            Self::NothingHappened { cause: Cause::SettingsOnly } => {
                write!(f, "rebooted, read its settings and left the firmware alone")
            }
            Self::NothingHappened { cause: Cause::NobodyThere } => {
                write!(f, "rebooted while sipherd was being restarted")
            }
            Self::NothingHappened { cause: Cause::NotWanted } => {
                write!(f, "rebooted, saw the firmware and did not fetch it")
            }
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
    /// The new state is kept first; then send this NOTIFY.
    Notify(Trigger),
    /// The phone was seen to go: no further copy.
    StopResending,
    /// Look closely: read its contacts again, and ask it with OPTIONS.
    Look,
    /// For the history: what happened, as a short machine name and as a sentence.
    Note(&'static str, String),
}
