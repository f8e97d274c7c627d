//! The import rule of `src/lib.rs`, kept by reading which paths every file names; and what all files have in common.

pub mod names;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use names::{Named, names};

/// Which modules of the crate each module may name besides itself. What is not listed is refused.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("phones", &["domain"]),
    ("ports", &["domain"]),
    ("clock", &["ports"]),
    ("config", &["domain", "phones", "ports"]),
    ("sip", &["domain", "ports"]),
    ("web", &["domain", "ports"]),
    ("pbx", &["domain", "ports"]),
    ("store", &["domain", "ports"]),
    ("api", &["domain", "ports"]),
    ("depot", &["domain", "phones", "ports"]),
    // Shares no protocol code with what it tests.
    ("sim", &["domain", "ports"]),
    (
        "daemon",
        &["api", "clock", "config", "depot", "domain", "pbx", "phones", "ports", "sip", "store", "web"],
    ),
    // Stages firmware and imports makers' files itself, and speaks the words of the API; all else it asks of the daemon.
    ("cli", &["api", "clock", "config", "daemon", "depot", "domain", "phones", "ports", "sim"]),
    ("main", &["cli"]),
];

/// The only crates that `domain` and `phones` may name.
const PURE_CRATES: &[&str] = &[
    "chrono",
    "chrono_tz",
    "cron",
    "globset",
    "ipnet",
    "hex",
    "quick_xml",
    "regex",
    "roxmltree",
    "serde",
    "serde_json",
    "thiserror",
    "toml",
];

/// What of the standard library reaches out of a pure module.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// Names that say nothing of what lies in a file.
const NOT_NOUNS: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "manager"];

/// What names the type of a file's time because a library's trait asks for one, and reads no clock.
const TELLS_FILE_TIMES: &[(&str, &str)] = &[("src/depot/ftp/shelf.rs", "std::time::SystemTime")];

/// The longest a file may be.
const MOST_LINES: usize = 500;

/// Longer all the same, until they are split. Nothing is added here.
const STILL_LONGER: &[&str] = &[];

fn module_of(file: &str) -> &str {
    let path = file.strip_prefix("src/").unwrap_or(file);
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

/// What breaks the import rule in a file of `src`; `crates` are the dependencies of Cargo.toml.
fn broken_imports(file: &str, text: &str, crates: &BTreeSet<String>) -> Vec<String> {
    let module = module_of(file);
    if module == "lib" {
        return Vec::new();
    }
    let Some((_, may_name)) = MAY_NAME.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{file}: tests/architecture.rs does not say what `{module}` may name")];
    };
    let wrong = |named: &Named| match named.path.as_slice() {
        [root, to, ..] if root == "crate" => {
            (to != module && !may_name.contains(&to.as_str())).then_some("belongs to another part")
        }
        _ if named.is_in("rsip") && !file.starts_with("src/sip/message") => {
            Some("only sip/message may know the parser")
        }
        _ if TELLS_FILE_TIMES.contains(&(file, named.text().as_str())) => None,
        _ if reads_the_clock(named) && module != "clock" => Some("only clock.rs reads the clock"),
        [root, ..] if matches!(module, "domain" | "phones") => {
            let outside = crates.contains(root) && !PURE_CRATES.contains(&root.as_str());
            let impure = IMPURE.iter().any(|path| named.is_in(path));
            (outside || impure).then_some("is not pure")
        }
        _ => None,
    };
    names(file, text)
        .iter()
        .filter_map(|named| wrong(named).map(|why| format!("{file}:{}: {} {why}", named.line, named.text())))
        .collect()
}

/// `tokio::time::Instant` is a timer's clock, which tests can stop; it is free to all but the pure.
fn reads_the_clock(named: &Named) -> bool {
    let path = named.text();
    let read = ["Utc::now", "Local::now", "SystemTime::now"];
    path.starts_with("std::time::Instant")
        || path.starts_with("std::time::SystemTime")
        || read.iter().any(|end| path == *end || path.ends_with(&format!("::{end}")))
}

/// What no file may be, whatever it holds.
fn bad_form(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES && !STILL_LONGER.contains(&file) {
        found.push(format!("{file} has {lines} lines; split it along its nouns, {MOST_LINES} is the most"));
    }
    if !text.starts_with("//! ") && !text.starts_with("#!") {
        found.push(format!("{file} does not open with `//!` and a sentence of what it is"));
    }
    let parts = file.split('/').map(|part| part.trim_end_matches(".rs"));
    found.extend(
        parts
            .filter(|part| NOT_NOUNS.contains(part))
            .map(|part| format!("{file}: `{part}` says nothing of what lies in it")),
    );
    found
}

/// Every Rust file below these folders, by its path from the root of the crate, with its text.
pub fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The crates of Cargo.toml, as `use` lines write them.
fn dependencies() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().map(|name| name.replace('-', "_")).collect()
}

#[test]
fn no_module_names_what_it_must_not_know() {
    let crates = dependencies();
    assert!(crates.contains("tokio") && crates.contains("rsip"));
    let files = sources(&["src"]);
    assert!(files.len() > 100, "only {} files were read", files.len());
    let found: Vec<String> =
        files.iter().flat_map(|(file, text)| broken_imports(file, text, &crates)).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_file_opens_with_a_sentence_has_a_noun_for_a_name_and_can_be_read_in_one_go() {
    let found: Vec<String> = sources(&["src", "tests", "examples", "benches"])
        .iter()
        .flat_map(|(file, text)| bad_form(file, text))
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn a_broken_rule_is_found_however_it_is_written() {
    let crates = BTreeSet::from(["tokio", "tracing", "rand", "chrono", "rsip", "sqlx"].map(str::to_owned));
    for (file, text, found) in [
        ("src/domain/fleet.rs", "use crate::ports::Pbx;", "src/domain/fleet.rs:1: crate::ports::Pbx"),
        ("src/domain/fleet.rs", "\nuse super::super::sip;", "src/domain/fleet.rs:2: crate::sip"),
        ("src/domain/gates_tests.rs", "use super::super::super::api;", "crate::api"),
        (
            "src/domain/trip/mod.rs",
            "mod tests {\n use super::super::super::store::X;\n}",
            ":2: crate::store::X",
        ),
        ("src/domain/fleet.rs", "fn f() { tracing::info!(); }", "tracing::info is not pure"),
        ("src/domain/fleet.rs", "use {std::fmt, tokio::sync::mpsc};", "tokio::sync::mpsc is not pure"),
        ("src/phones/snom/mod.rs", "use std::{fmt, fs as files};", "std::fs is not pure"),
        ("src/phones/snom/mod.rs", "let s = std::net::UdpSocket::bind(a);", "std::net::UdpSocket::bind"),
        ("src/domain/fleet.rs", "let n: u8 = rand::random();", "rand::random is not pure"),
        ("src/sip/agent.rs", "use crate::pbx::asterisk;", "crate::pbx::asterisk belongs to another part"),
        (
            "src/depot/http.rs",
            "use crate::{\n ports::Permit,\n store::sqlite::Row,\n};",
            ":3: crate::store::sqlite::Row",
        ),
        ("src/api/why.rs", "pub use crate::daemon::*;", "crate::daemon::*"),
        ("src/sim/wire.rs", "use crate::sip::message::Message;", "crate::sip::message::Message"),
        ("src/cli/why.rs", "let a = crate::pbx::asterisk::connect;", "crate::pbx::asterisk::connect"),
        ("src/sip/agent.rs", "use rsip::Uri;", "rsip::Uri only sip/message may know the parser"),
        ("src/sip/agent.rs", "let now = chrono::Utc::now();", "chrono::Utc::now only clock.rs reads"),
        ("src/pbx/mod.rs", "use std::time::{Duration, Instant};", "std::time::Instant only clock.rs reads"),
        (
            "src/depot/ftp/shelf.rs",
            "let now = std::time::SystemTime::now();",
            "SystemTime::now only clock.rs reads",
        ),
        ("src/attic/mod.rs", "", "does not say what `attic` may name"),
    ] {
        let broken = broken_imports(file, text, &crates);
        assert!(broken.len() == 1 && broken[0].contains(found), "{text}: {broken:?}");
    }
}

#[test]
fn what_the_rule_allows_is_left_alone() {
    let crates = BTreeSet::from(["tokio", "chrono", "rsip"].map(str::to_owned));
    for (file, text) in [
        ("src/domain/fleet.rs", "use super::phone::{Mac, Phone};\nuse std::net::IpAddr;\nuse chrono::Utc;"),
        ("src/domain/fleet.rs", "//! Not [`crate::sip`].\n/* use /* tokio */ tokio::net; */ // tokio::net"),
        (
            "src/domain/fleet.rs",
            "let a = \"use tokio::net; \\\" crate::sip::X\"; let b = r#\"rsip::\"Uri\"#;",
        ),
        ("src/domain/fleet.rs", "fn f<'a>(c: &'a str) -> bool { c == 'x' || d == '\\'' || e == '\"' } //"),
        ("src/domain/gates_tests.rs", "use super::super::fleet::View;"),
        ("src/domain/trip/mod.rs", "mod tests {\n mod deep {\n use super::super::machine::X;\n }\n}"),
        ("src/sip/message/uri.rs", "use rsip::Uri;\nuse tokio::time::Instant;\nlet a = Instant::now();"),
        ("src/clock.rs", "use std::time::Instant;\nlet a = chrono::Utc::now();"),
        ("src/depot/http.rs", "use crate::{phones::snom, ports::{Permit, Visit}};"),
        ("src/main.rs", "use sipherd::cli;"),
    ] {
        assert_eq!(broken_imports(file, text, &crates), [""; 0], "{text}");
    }
}

#[test]
fn a_file_of_bad_form_is_found() {
    let long = format!("//! Long.\n{}", "\n".repeat(MOST_LINES));
    assert!(bad_form("src/a.rs", &long)[0].contains("has 501 lines"));
    assert!(bad_form("src/a.rs", "use std::fmt;\n")[0].contains("does not open"));
    assert!(bad_form("src/sip/utils.rs", "//! Things.\n")[0].contains("`utils` says nothing"));
    assert!(bad_form("src/common/sip.rs", "//! Things.\n")[0].contains("`common` says nothing"));
    assert_eq!(bad_form("src/a.rs", "//! A noun.\n"), [""; 0]);
}
