//! Images over real HTTP: gate, ranges, resumption, curl.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test sets up must stand")]

mod client;
mod curl;
mod fixture;
mod gate;
mod limits;
mod ranges;
