//! Staged firmware and the gate in front of it.

mod connection;
mod http;
mod images;
mod innovaphone;
mod lanes;
mod manifest;
mod problem;
mod range;
mod releases;
mod reply;
mod staging;
mod transfer;

pub use http::{Depot, Limits, MakersNow, ServeError, serve, serve_within};
pub use manifest::MANIFEST;
pub use problem::{Problem, Severity};
pub use releases::{Catalogue, Condition, Releases, ReleasesError, Verified, catalogue, verify};
pub use staging::{AddError, Hashing, Staged, TFTP_LIMIT, add};
