//! The daemon on the virtual wire: what it does with a building of simulated phones, and what it says of it.

/// A phone in each state in which it is held, as `sipherd why` tells it.
mod holds;
/// Innovaphones: told what to do in the answer to their own poll.
mod innovaphone;
/// Phones that go, and what becomes of them.
mod journeys;
/// What is written to the log, and what never is.
mod logs;
/// Makers that nobody here knew.
mod makers;
/// Metrics and health.
mod monitoring;
/// The morning after.
mod past;
/// Limits for parts of a fleet, and groups of which some stay up.
mod places;
/// What would happen: from live state and on paper.
mod plan;
/// Reading the files again.
mod reload;
/// A snom through the scenarios of every maker.
mod scenarios;
/// Ending: drain, second signal, next start.
mod shutdown;
/// A building, the daemon beside it, and their files.
mod site;
/// What only snoms do: modules, realms, polled settings, web pages.
mod snoms;
/// Unify phones and their deployment service.
mod unify;
/// Phones of makers that are data alone, through their whole trip.
mod vendors;
/// Who waits for a call, until when; and resyncs.
mod waits;
/// The depot in every way it can be spoken to.
mod ways;
