//! What must survive a restart, on disk: trips, learned phones, jobs and the history.

mod group;
mod lock;
pub mod sqlite;

pub use sqlite::SqliteStore;
