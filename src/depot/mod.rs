//! Staged firmware and the gate in front of it.

mod images;
mod manifest;
mod problem;
mod releases;
mod staging;

pub use manifest::MANIFEST;
pub use problem::{Problem, Severity};
pub use releases::{Catalogue, Condition, Releases, ReleasesError, Verified, catalogue, verify};
pub use staging::{AddError, Hashing, Staged, TFTP_LIMIT, add};
