//! Update scripts of innovaphones: read, linted, played hour by hour, imported.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

/// What is advised about scripts.
mod advice;
/// What scripts make devices do, hour by hour.
mod days;
/// Scripts made of policies.
mod generated;
/// `sipherd import innovaphone`, run as an administrator runs it.
mod imported;
/// The language.
mod language;
/// The previews beside the simulated phone.
mod models;
/// The scripts that are served, byte for byte.
mod served;
/// The customer's scripts in the simulated phone.
mod simulated;

use sipherd::phones::innovaphone::script::{Script, read};

/// A script that must be readable.
fn script(text: &str) -> Script {
    read(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"))
}

/// A script of `tests/fixtures/innovaphone`.
fn fixture(name: &str) -> Script {
    let path = format!("{}/tests/fixtures/innovaphone/{name}", env!("CARGO_MANIFEST_DIR"));
    script(&std::fs::read_to_string(path).unwrap())
}
