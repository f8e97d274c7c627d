//! The PBX's view of its phones.
