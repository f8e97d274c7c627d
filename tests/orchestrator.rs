//! The daemon on the virtual wire.
