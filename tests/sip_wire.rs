//! Exact bytes out, awkward bytes in, recorded traffic, resend times against the RFC.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test")]

/// What a phone says of its own calls.
mod dialogs;
/// Junk, torture and property tests.
mod junk;
/// NOTIFYs to fake phones over loopback.
mod notify;
/// Requests from outside.
mod outside;
/// The fake far end.
mod phone;
/// Traffic of real Asterisks, a Kamailio and a baresip.
mod recordings;
/// Over TCP.
mod tcp;
