//! Everything in policies/ and examples/ loads without a problem.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sipherd::config;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn copy(folder: &str, into: &Path) {
    let target = into.join(folder);
    std::fs::create_dir(&target).unwrap();
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() {
            copy(&format!("{folder}/{}", name.to_str().unwrap()), into);
            continue;
        }
        let copy = target.join(name);
        std::fs::copy(&path, &copy).unwrap();
        // A checkout is readable by everybody, and secrets in it are worth a warning.
        #[cfg(unix)]
        std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

#[test]
fn the_example_loads_without_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    copy("policies", folder.path());
    copy("examples", folder.path());
    let loaded =
        config::load(&folder.path().join("examples/sipherd.toml"), now()).unwrap_or_else(|e| panic!("{e}"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(loaded.config.inventory.len(), 25);
    assert_eq!(loaded.config.policies.len(), 18);
    assert_eq!(loaded.config.sip.credentials.len(), 2);
}

#[test]
fn secrets_are_not_shown_by_debug() {
    let folder = tempfile::tempdir().unwrap();
    copy("policies", folder.path());
    copy("examples", folder.path());
    let loaded =
        config::load(&folder.path().join("examples/sipherd.toml"), now()).unwrap_or_else(|e| panic!("{e}"));
    assert!(!format!("{loaded:?}").contains("replace-me"));
}

#[test]
fn shipped_policies_are_clean_also_where_the_clocks_change() {
    let checked = config::check_paths(&[root().join("policies")], now());
    assert!(checked.report.problems.is_empty(), "{}", checked.report);
    let folder = tempfile::tempdir().unwrap();
    copy("policies", folder.path());
    copy("examples", folder.path());
    let checked = config::check_paths(&[folder.path().join("examples/sipherd.toml")], now());
    assert!(checked.report.problems.is_empty(), "{}", checked.report);
}

#[test]
fn the_first_policy_fits_on_a_screen() {
    let text = std::fs::read_to_string(root().join("policies/office-night.toml")).unwrap();
    assert!(text.lines().count() <= 40 && text.contains("[[test]]"));
}

/// The program itself, as whoever reads the handbook calls it.
#[test]
fn the_program_finds_nothing_wrong_and_a_test_for_every_rule() {
    let said = |words: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_sipherd"))
            .args(words)
            .current_dir(root())
            .env_clear()
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{words:?} said\n{text}");
        text
    };
    assert!(said(&["check", "policies"]).starts_with("0 errors, 0 warnings in "));
    let tested = said(&["test", "policies", "--cover", "100"]);
    assert!(tested.contains(", 0 failed\n") && tested.contains(" (100 %)"), "{tested}");
    said(&["fmt", "--check", "policies", "examples"]);
}
