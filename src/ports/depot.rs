//! What phones ask the depot for, what they may have, and where the bytes lie.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::domain::firmware::Version;
use crate::domain::phone::{Mac, Model, Vendor};

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
        /// What limits how fast it is served: all of them, the narrowest first. None limits nothing.
        lanes: Vec<Lane>,
    },
    /// Nothing new: its documents name what it already runs.
    Stay {
        /// What it runs, where known.
        runs: Option<Version>,
        /// Why nothing is offered, for the log.
        why: String,
    },
}

/// A limit on how fast images are served, shared by all downloads whose permits name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Its name: permits of the same name mean the same lane.
    pub name: Arc<str>,
    /// Bytes per second over all of them together. The permit given last decides.
    pub bytes_per_second: u64,
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

/// Whether a request for what is one phone's alone, its stored configurations, comes from that phone's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// One of its lines is registered from there.
    OwnPlace,
    /// It is known, and none of its lines is registered: it boots, or was reset, or somebody pretends to be it.
    Unregistered,
    /// Its lines are registered, from elsewhere.
    Elsewhere,
    /// No such phone is known.
    Stranger,
}

/// Decides for the depot.
pub trait Gatekeeper: Send + Sync {
    /// What this phone may have now. Every settings request is also evidence of a boot.
    fn visit(&self, visit: Visit) -> BoxFuture<'static, Permit>;

    /// Whether this phone asks from its own place. Whoever cannot tell knows no phone.
    fn standing(&self, mac: Mac, source: IpAddr) -> BoxFuture<'static, Standing> {
        let _ = (mac, source);
        Box::pin(std::future::ready(Standing::Stranger))
    }

    /// News of a transfer.
    fn transfer(&self, transfer: Transfer);

    /// Something that belongs into the history and changes nothing else: its kind as a short machine name, and a
    /// sentence.
    fn happened(&self, mac: Option<Mac>, kind: &'static str, text: String) {
        let _ = (mac, kind, text);
    }
}

/// Where a release's bytes lie.
pub trait Images: Send + Sync {
    /// The bytes of a staged image, and its strong entity tag without quotes.
    fn open(&self, release: &str, file: &str) -> Option<(bytes::Bytes, String)>;
}
