//! What the tests share.

/// A real Asterisk.
pub mod asterisk;
/// The least of a phone.
pub mod handset;
/// A manager interface that says what a test wants.
pub mod manager;
/// What a PBX adapter tells, awaited.
pub mod news;
/// What a daemon reads, and the daemon.
pub mod office;
/// The programs that are not ours.
pub mod peers;
