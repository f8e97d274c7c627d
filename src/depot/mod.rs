//! Staged firmware and the gate in front of it.

mod backup;
mod connection;
mod http;
mod images;
mod lanes;
mod listener;
mod manifest;
mod problem;
mod range;
mod releases;
mod reply;
mod staging;
mod tls;
mod transfer;

pub use backup::{
    Configurations, DrawerError, HandedIn, Index, Keeping, LATEST, Version, difference,
    url as configuration_url,
};
pub use http::{Depot, Limits, MakersNow, ServeError, serve, serve_within};
pub use lanes::Lanes;
pub use listener::{Door, receive};
pub use manifest::MANIFEST;
pub use problem::{Problem, Severity};
pub use releases::{Catalogue, Condition, Releases, ReleasesError, Verified, catalogue, verify};
pub use staging::{AddError, Hashing, Staged, TFTP_LIMIT, add};
pub use tls::{Identity, TlsError};
