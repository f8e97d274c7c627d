//! Behaviour and end-to-end tests in one binary; this is their table of contents.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics is a test that fails")]

/// Policies beside the exact advice their authors get.
mod advice;
/// The API router without a socket.
mod api;
/// The import rule.
mod architecture;
/// A real Asterisk on loopback.
mod asterisk_real;
/// The AMI adapter against recorded traffic of real Asterisks.
mod asterisk_recordings;
/// `init` and `fmt`, run as an author runs them.
mod authoring;
/// Call records of Asterisk, FreeSWITCH and Kamailio.
mod call_records;
/// What check writes besides text.
mod check_formats;
/// The commands as their users type them.
mod cli;
/// Each broken file beside the exact message it must produce.
mod config_messages;
/// What phones have handed in, as its readers see it.
mod configs_command;
/// What five documents ask, and the tests that show it.
mod demands;
/// The demonstration and its judge.
mod demo;
/// Images over real HTTP and HTTPS, TFTP and FTP, by real clients; configurations handed in.
mod depot_transfer;
/// A plan equals what is then done.
mod forecast;
/// The tables of keys in docs/ against the code.
mod handbook;
/// Update scripts of innovaphones: read, linted, played hour by hour, imported.
mod innovaphone;
/// What makers say of their phones, beside the profiles.
mod maker_facts;
/// The daemon on the virtual wire.
mod orchestrator;
/// Plans without a daemon, simulations, and their pictures.
mod planning;
/// `sipherd test` on policies with tests that pass, fail, and cannot be read.
mod policy_cases;
/// Policy text and what is made of it.
mod policy_reading;
/// Own profiles of makers laid over the shipped ones, and the page about them.
mod profiles;
/// kill -9 at random instants.
mod restart;
/// JSON Schemas for editors.
mod schemas;
/// Everything in policies/ and examples/ loads without a problem.
mod shipped_files;
/// The simulated phones and pocket PBX, over real sockets.
mod sim_phones;
/// Exact bytes out, awkward bytes in, recorded traffic, resend times against the RFC.
mod sip_wire;
/// Every document a snom is served, against golden files.
mod snom_documents;
/// One suite for every store.
mod store_contract;
/// What the tests share.
mod support;
/// User-Agents seen in the field against the shipped profiles.
mod user_agents;
/// All gates together: monotone, complete, and true about when they change.
mod verdicts;
/// Policy text, instant and expected window; DST days of three zones.
mod windows;
