//! The PBX's view of its phones.

pub mod asterisk;
