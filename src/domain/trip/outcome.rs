//! How a trip ends: well, with a failure that says what to do, or without anything having been sent.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::firmware::Version;
use crate::domain::phone::{LineId, Realm};

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
    /// It belongs to the realm: it asked there for its settings, or, where that is another server, was sent there.
    Moved {
        /// The realm.
        realm: Realm,
    },
    /// It handed in its configuration.
    HandedIn,
    /// Its settings are as they are to be, read back from it.
    Written {
        /// So many had to be changed.
        changed: usize,
    },
    /// It fetched all its files whole, and said nothing against them.
    Deployed,
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
    /// Whether the phone did what it was to do.
    pub const fn is_good(&self) -> bool {
        match self {
            Self::Verified { .. }
            | Self::Rebooted
            | Self::Resynced
            | Self::Moved { .. }
            | Self::HandedIn
            | Self::Written { .. }
            | Self::Deployed => true,
            Self::Failed { .. } | Self::Withdrawn { .. } | Self::Cancelled => false,
        }
    }

    /// What happened, as the history tells it.
    pub fn told(&self) -> String {
        match self {
            Self::Verified { version } => format!("runs {version}, all lines registered"),
            Self::Rebooted => "rebooted, all lines registered".to_owned(),
            Self::Resynced => "read its settings anew".to_owned(),
            Self::Moved { realm } => format!("belongs to realm {realm}"),
            Self::HandedIn => "handed in its configuration".to_owned(),
            Self::Written { changed: 0 } => "had all its settings already, nothing was written".to_owned(),
            Self::Written { changed: 1 } => "one setting was written and read back".to_owned(),
            Self::Written { changed } => format!("{changed} settings were written and read back"),
            Self::Deployed => "has all its files".to_owned(),
            Self::Failed { failure } => format!("{failure}; {}", failure.advice()),
            Self::Withdrawn { why } => why.clone(),
            Self::Cancelled => "cancelled".to_owned(),
        }
    }

    /// A short machine name.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Verified { .. } => "verified",
            Self::Rebooted => "rebooted",
            Self::Resynced => "resynced",
            Self::Moved { .. } => "moved",
            Self::HandedIn => "handed-in",
            Self::Written { .. } => "written",
            Self::Deployed => "deployed",
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
    /// It took the order and did not hand in its configuration.
    NeverHandedIn,
    /// It took the order and did not tell what its settings are then.
    ItemsUntold,
    /// It does not know settings that it was to have.
    ItemsUnknown {
        /// What they are called.
        items: Vec<String>,
    },
    /// It took settings, and tells others when it is asked for them.
    ItemsNotKept {
        /// Which is what.
        items: Vec<String>,
    },
    /// It was told to load files and did not fetch all of them.
    FilesNotFetched {
        /// Those it has not got.
        files: Vec<String>,
    },
    /// It fetched a file whole, and says that it does not take it.
    FilesRejected {
        /// Which, in its words or ours.
        why: String,
    },
    /// It said itself that it will not do it.
    Declined {
        /// Why.
        why: String,
    },
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
    /// It was told to fetch the image, and did not.
    NotFetched,
    /// It fetched the image of its expansion module, and its information page could not be read afterwards.
    ModuleUntold,
    /// It was sent to another setting server and did not ask there.
    NotMoved,
    /// sipherd was restarted meanwhile: it may have asked and found nobody.
    NobodyThere,
}

impl Failure {
    /// All short machine names.
    pub const SLUGS: [&'static str; 18] = [
        "refused",
        "no-credentials",
        "not-reachable",
        "no-answer",
        "never-left",
        "never-asked",
        "never-handed-in",
        "items-untold",
        "items-unknown",
        "items-not-kept",
        "files-not-fetched",
        "files-rejected",
        "declined",
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
            Self::NeverHandedIn => "never-handed-in",
            Self::ItemsUntold => "items-untold",
            Self::ItemsUnknown { .. } => "items-unknown",
            Self::ItemsNotKept { .. } => "items-not-kept",
            Self::FilesNotFetched { .. } => "files-not-fetched",
            Self::FilesRejected { .. } => "files-rejected",
            Self::Declined { .. } => "declined",
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
            | Self::NeverHandedIn
            | Self::ItemsUntold
            | Self::FilesNotFetched { .. }
            | Self::Declined { .. }
            | Self::NeverReturned { .. }
            | Self::DownloadBroken { .. } => true,
            Self::NothingHappened { cause } => !matches!(cause, Cause::NotWanted),
            Self::Refused { status, .. } => matches!(status, 408 | 480 | 486 | 500..=599),
            Self::NoCredentials { .. }
            | Self::ItemsUnknown { .. }
            | Self::ItemsNotKept { .. }
            | Self::FilesRejected { .. }
            | Self::ImageRejected
            | Self::WrongVersion { .. } => false,
        }
    }

    /// The slugs of failures that are never retryable, whatever they carry besides.
    pub const NEVER_RETRYABLE: [&'static str; 6] = [
        "no-credentials",
        "items-unknown",
        "items-not-kept",
        "files-rejected",
        "image-rejected",
        "wrong-version",
    ];

    /// What the administrator can do about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Refused { status: 401 | 407, .. } => "correct the line's password in the credentials file",
            Self::Refused { status: 403, .. } => "let the phone accept requests from this address",
            Self::Refused { status: 404, .. } => "the contact is not the phone's: let it register again",
            Self::Refused { status: 405 | 481 | 489, .. } => {
                "this phone takes no such NOTIFY: allow it there"
            }
            Self::Refused { .. } => "look at the phone: it refuses what it is asked",
            Self::NoCredentials { .. } => "add the line to the credentials file",
            Self::NotReachable { .. } => "see how this phone can be reached from here",
            Self::NoAnswer => "see whether the phone is alive and takes SIP from this address",
            Self::NeverLeft => "see whether the phone's settings allow a reboot by NOTIFY",
            Self::NeverAsked => {
                "point the phone's setting server to this depot, and see whether it allows a resync by NOTIFY"
            }
            Self::NeverHandedIn => {
                "see whether the phone can reach this depot, and whether it may write there"
            }
            Self::ItemsUntold => {
                "see whether the phone can reach the deployment service, and its trace there"
            }
            Self::ItemsUnknown { .. } => {
                "compare the names with those its software knows: Unify's list of items"
            }
            Self::ItemsNotKept { .. } => {
                "see whether the phone can only tell it, spells the value otherwise, or is set by somebody else as well"
            }
            Self::FilesNotFetched { .. } => {
                "see whether the phone can reach this depot, and whether it takes files of this kind and length"
            }
            Self::FilesRejected { .. } => "compare format and length of the file with what the phone takes",
            Self::Declined { .. } => "see what the phone says, and whether somebody uses it",
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
            Self::NothingHappened { cause: Cause::ModuleUntold } => {
                "let sipherd read the phone's page info.htm: `credentials` of `[web]`, and see what the module shows"
            }
            Self::NothingHappened { cause: Cause::NotMoved } => {
                "see whether something writes the phone's setting_server after this depot: DHCP, or a redirection"
            }
            Self::NothingHappened { cause: Cause::NotFetched } => {
                "see whether the phone can reach this depot, and whether it has done this order before"
            }
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
            Self::NeverHandedIn => write!(f, "took the order and did not hand in its configuration"),
            Self::ItemsUntold => write!(f, "took the order and did not tell what its settings are"),
            Self::ItemsUnknown { items } => write!(f, "does not know {}", items.join(", ")),
            Self::ItemsNotKept { items } => write!(f, "did not keep what was written: {}", items.join("; ")),
            Self::FilesNotFetched { files } => {
                write!(f, "took the order and did not fetch {}", files.join(", "))
            }
            Self::FilesRejected { why } => write!(f, "fetched it and did not take it: {why}"),
            Self::Declined { why } => write!(f, "declined: {why}"),
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
            Self::NothingHappened { cause: Cause::ModuleUntold } => {
                write!(f, "fetched the module's image, and nobody can read what the module runs")
            }
            Self::NothingHappened { cause: Cause::NotMoved } => {
                write!(f, "rebooted and did not ask in the realm it was sent to")
            }
            Self::NothingHappened { cause: Cause::NotFetched } => {
                write!(f, "took its orders and did not fetch the image")
            }
            Self::NothingHappened { cause: Cause::NotWanted } => {
                write!(f, "rebooted, saw the firmware and did not fetch it")
            }
        }
    }
}
