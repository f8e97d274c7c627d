//! What the tests share.

/// A manager interface that says what a test wants.
pub mod ami;
/// A real Asterisk.
pub mod asterisk;
/// The least of a phone.
pub mod handset;
/// What a PBX adapter tells, awaited.
pub mod news;
/// What a daemon reads, and the daemon.
pub mod office;
/// The programs that are not ours.
pub mod peers;
