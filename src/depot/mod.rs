//! Staged firmware and the gate in front of it.

mod backup;
mod connection;
mod deployment;
mod ftp;
mod http;
mod images;
mod innovaphone;
mod inside;
mod lanes;
mod listener;
mod manifest;
mod media;
mod problem;
mod range;
mod releases;
mod reply;
mod rescue;
mod snom;
mod staging;
mod tftp;
mod tls;
mod together;
mod transfer;

pub use backup::{
    Configurations, DrawerError, HandedIn, Index, Keeping, LATEST, Version, difference,
    url as configuration_url,
};
pub use deployment::{Deployment, DeploymentSettings, Files, serve_deployment};
pub use ftp::{FtpAccount, FtpAccounts, FtpServer, FtpSettings, serve_ftp};
pub use http::{Depot, Limits, MakersNow, ServeError, SnomPapersNow, serve, serve_within};
pub use lanes::Lanes;
pub use listener::{Door, receive};
pub use manifest::MANIFEST;
pub use problem::{Problem, Severity};
pub use releases::{Catalogue, Condition, Releases, ReleasesError, Verified, catalogue, verify};
pub use rescue::{Rescue, Rescues};
pub use staging::{AddError, Hashing, Staged, TFTP_LIMIT, add};
pub use tftp::{Silence, TftpLimits, serve_tftp};
pub use tls::{Identity, TlsError};
