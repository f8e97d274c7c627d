//! The pure heart: no tokio, socket, file, clock, randomness or logging. Time comes in as an argument.

pub mod budget;
pub mod check_sync;
pub mod codes;
pub mod files;
pub mod firmware;
pub mod fleet;
pub mod forecast;
pub mod gates;
pub mod hardware;
pub mod hours;
pub mod items;
pub mod journal;
pub mod lines;
pub mod lot;
pub mod modules;
pub mod part;
pub mod phone;
pub mod policy;
pub mod realm;
pub mod rehearsal;
pub mod rules;
pub mod scheduler;
pub mod trip;
pub mod version;
