//! The pure heart: no tokio, socket, file, clock, randomness or logging. Time comes in as an argument.

pub mod firmware;
pub mod phone;
pub mod policy;
pub mod trip;
