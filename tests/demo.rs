//! The demonstration and its judge.
