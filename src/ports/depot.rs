//! What phones ask the depot for, what they may have, and where the bytes lie.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::domain::codes::Codes;
use crate::domain::files::FileStatus;
use crate::domain::firmware::{Image, Part, Version};
use crate::domain::items::{ItemsFound, WantedItem};
use crate::domain::modules::Attached;
use crate::domain::phone::{Hardware, Mac, Model, Realm, Vendor};
use crate::domain::policy::Calendar;

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
    /// To be told what there is to do: an update script, a session with the deployment service.
    Orders,
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
    /// The expansion modules it counts, where the request tells.
    pub modules: Option<Attached>,
    /// The code it has besides its firmware, where the request tells.
    pub codes: Codes,
    /// The firmware realm whose setting server it asks, where the request tells.
    pub realm: Option<Realm>,
    /// Its hardware level or revision, where the request tells.
    pub hardware: Option<Hardware>,
    /// The address it asks from.
    pub source: IpAddr,
    /// What it asks for.
    pub wanted: Wanted,
    /// Only the head of the answer is wanted (HTTP HEAD): a look that proves no boot and offers nothing.
    pub peek: bool,
}

/// What a phone may have.
#[derive(Debug, Clone, PartialEq)]
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
    /// This image of this release is offered to its expansion module now.
    Module {
        /// The release.
        release: Arc<str>,
        /// The image's file.
        file: String,
        /// A number that no other order has: a phone passes over a URL that it has written to a module already.
        order: u64,
        /// What limits how fast it is served.
        lanes: Vec<Lane>,
    },
    /// Its settings are those of another realm: it is sent to that one's setting server.
    Elsewhere {
        /// The realm.
        realm: Realm,
    },
    /// It is to do this now: the answer to [`Wanted::Orders`].
    Order {
        /// What.
        order: Order,
        /// The hours of its policy, for makers whose phones guard them as well; `None` for one sent by hand.
        calendar: Option<Calendar>,
    },
    /// Nothing new: its documents name what it already runs.
    Stay {
        /// What it runs, where known.
        runs: Option<Version>,
        /// Why nothing is offered, for the log.
        why: String,
    },
}

/// What a phone that asks for orders is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Fetch this image of this release, run it, and reboot for that when nobody uses the phone.
    Install {
        /// The release.
        release: Arc<str>,
        /// The image's file.
        file: String,
        /// The version the phone reports once it runs it.
        version: Version,
    },
    /// Reboot when nobody uses the phone.
    Reboot {
        /// The same for one trip, another for each: a phone that keeps serials does it once.
        serial: String,
        /// The number of a configuration it handed in once, which it is to read before (innovaphone).
        restore: Option<u64>,
    },
    /// See to it that these settings are so, and read back what they are then.
    Write {
        /// What they are to be.
        items: Arc<[WantedItem]>,
    },
    /// Load these files of this release, which are no images.
    Deploy {
        /// The release.
        release: Arc<str>,
        /// The files' names.
        files: Vec<String>,
    },
    /// Hand in the configuration.
    HandIn {
        /// The same for one trip, another for each.
        serial: String,
    },
}

/// What a phone says of its orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneNews {
    /// It will not do it.
    Declined {
        /// Why, in its words or ours.
        why: String,
    },
    /// It is busy and will do it, or ask again, later.
    Deferred {
        /// Why, in its words or ours.
        why: String,
    },
    /// Its configuration arrived whole and is kept.
    HandedIn,
    /// What it tells of the settings it was to have.
    Items(ItemsFound),
    /// How it says that the deployment of files went.
    Files(Vec<FileStatus>),
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

    /// What a phone says of its orders, and from where it says so.
    fn told(&self, mac: Mac, source: IpAddr, news: PhoneNews);
}

/// Where a release's bytes lie.
pub trait Images: Send + Sync {
    /// The bytes of a staged image, and its strong entity tag without quotes.
    fn open(&self, release: &str, file: &str) -> Option<(bytes::Bytes, String)>;

    /// The images of a release that can be served, of every part.
    fn list(&self, release: &str) -> Vec<Image>;

    /// The image of another part that goes with this firmware of the release; `None` where there is none.
    fn beside(&self, release: &str, firmware: &str, part: Part) -> Option<Image>;
}
