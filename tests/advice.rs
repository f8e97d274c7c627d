//! Policies that load but will hardly do what their authors think, each beside the exact advice it must get.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sipherd::config::{self, Checked, Code};
use tempfile::TempDir;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/advice")
}

fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// Names of the fixtures: policies, and folders of several.
fn names() -> Vec<String> {
    let entries = std::fs::read_dir(fixtures()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter(|name| name != "sipherd.toml" && (name.ends_with(".toml") || !name.contains(['.', '-'])))
        .collect();
    names.sort();
    names
}

/// Lays the policies of a fixture beside the configuration and the inventory they share.
fn laid_out(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    for file in ["sipherd.toml", "phones.csv", "ami-secret"] {
        std::fs::copy(fixtures().join(file), folder.path().join(file)).unwrap();
    }
    #[cfg(unix)]
    std::fs::set_permissions(
        folder.path().join("ami-secret"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let fixture = fixtures().join(name);
    let files = match fixture.is_dir() {
        true => std::fs::read_dir(&fixture).unwrap().map(|entry| entry.unwrap().path()).collect(),
        false => vec![fixture],
    };
    for file in files {
        std::fs::copy(&file, policies.join(file.file_name().unwrap())).unwrap();
    }
    folder
}

fn checked(folder: &TempDir) -> Checked {
    config::check_paths(&[folder.path()], now())
}

/// With `BLESS=1` in the environment the expected texts are written anew, to be read before they are committed.
#[test]
fn every_fixture_gets_its_advice() {
    let mut differing = Vec::new();
    assert!(names().len() >= 20);
    for name in names() {
        let folder = laid_out(&name);
        let said =
            checked(&folder).report.to_string().replace(&format!("{}/", folder.path().display()), "") + "\n";
        let expected_file = fixtures().join(format!("{}.txt", name.trim_end_matches(".toml")));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected_file, &said).unwrap();
        }
        let expected = std::fs::read_to_string(&expected_file).unwrap_or_default();
        if said != expected {
            differing.push(format!("--- {name}, expected:\n{expected}\n--- said:\n{said}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn advice_never_stops_a_policy_from_being_loaded_and_has_a_kind_and_a_hint() {
    for name in names() {
        let folder = laid_out(&name);
        for problem in checked(&folder).report.problems {
            assert!(problem.code != Code::Doubtful, "{name}: {problem}");
            assert!(problem.place.is_some(), "{name}: {problem}");
        }
        assert!(config::load(&folder.path().join("sipherd.toml"), now()).is_ok(), "{name}");
    }
}

#[test]
fn check_names_a_kind_for_every_problem_of_the_broken_files() {
    let bad = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad");
    let mut kinds = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(&bad).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            continue;
        }
        for problem in config::check_paths(&[&path], now()).report.problems {
            kinds.insert(problem.code);
            let unnamed = matches!(problem.code, Code::Mistake | Code::Doubtful);
            assert!(!unnamed, "{}", problem);
        }
    }
    assert!(kinds.len() >= 15, "{kinds:?}");
}
