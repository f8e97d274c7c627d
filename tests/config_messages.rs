//! Each broken file beside the exact message it must produce.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sipherd::config::{self, Severity};
use tempfile::TempDir;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// Copies files so that nobody but their owner can read them, however they were checked out.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
            permit(&target, 0o600);
        }
    }
}

fn permit(path: &Path, mode: u32) {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

fn bad() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("tests/fixtures/bad"), folder.path());
    folder
}

/// What `check` says, with names as if it had been called inside the folder.
fn said(folder: &TempDir, name: &str) -> String {
    let checked = config::check_paths(&[folder.path().join(name)], now());
    checked.report.to_string().replace(&format!("{}/", folder.path().display()), "")
}

/// With `BLESS=1` in the environment the expected messages are written anew, to be read before they are committed.
#[test]
fn every_broken_file_has_its_message() {
    let folder = bad();
    let mut names: Vec<String> = std::fs::read_dir(root().join("tests/fixtures/bad"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".txt"))
        .collect();
    names.sort();
    assert!(names.len() >= 60, "{}", names.len());
    let mut differing = Vec::new();
    for name in names {
        let expected_file =
            root().join("tests/fixtures/bad").join(format!("{}.txt", name.trim_end_matches(".toml")));
        let said = said(&folder, &name) + "\n";
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
fn no_message_shows_a_secret_or_speaks_of_the_program() {
    let folder = bad();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".txt") {
            continue;
        }
        let said = said(&folder, &name);
        for word in
            ["hunter", "s3cret", "invalid type", "struct", "u32", "i64", "usize", "byte ", "TimeDelta"]
        {
            assert!(!said.contains(word), "{name} says `{word}`:\n{said}");
        }
    }
}

#[test]
fn a_broken_configuration_is_not_loaded_and_a_warning_does_not_stop_it() {
    let folder = bad();
    assert!(config::load(&folder.path().join("tie/sipherd.toml"), now()).is_err());
    assert!(config::load(&folder.path().join("nowhere.toml"), now()).is_err());
    std::fs::remove_file(folder.path().join("tie/policies/weekend.toml")).unwrap();
    permit(&folder.path().join("tie/ami-secret"), 0o644);
    let loaded =
        config::load(&folder.path().join("tie/sipherd.toml"), now()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.warnings[0].severity, Severity::Warning);
    assert!(loaded.warnings[0].one_line().ends_with("everybody on this machine can read it"));
}

#[test]
fn nothing_but_policies_may_lie_among_the_policies() {
    let folder = bad();
    let policies = folder.path().join("tie/policies");
    std::fs::create_dir(policies.join("old")).unwrap();
    for name in [".night.toml.swp", "night.toml~", "night.tml", ".gitkeep", "two words.toml"] {
        std::fs::copy(policies.join("night.toml"), policies.join(name)).unwrap();
    }
    let checked = config::check_paths(&[&policies], now());
    let lines: Vec<String> = checked.report.problems.iter().map(|problem| problem.one_line()).collect();
    let said = lines.join("\n").replace(&format!("{}/", policies.display()), "");
    assert_eq!(
        said,
        ".night.toml.swp: this is no policy, but what an editor leaves behind\n\
         night.tml: this is no policy: the names of policies end in `.toml`\n\
         night.toml~: this is no policy, but what an editor leaves behind\n\
         old: a folder among the policies is not read\n\
         two words.toml: this file's name cannot be a policy's name"
    );
}

#[test]
fn one_line_names_file_and_line() {
    let folder = bad();
    let checked = config::check_paths(&[folder.path().join("unknown-table.toml")], now());
    let lines: Vec<String> = checked.report.problems.iter().map(|problem| problem.one_line()).collect();
    assert!(
        lines[0].ends_with("unknown-table.toml:7: unknown key `windwo`, did you mean `window`?"),
        "{lines:?}"
    );
}

/// Cuts a text after each character, and puts an odd character there; each form is written and checked.
fn mangle(file: &Path, check: impl Fn() -> String) {
    let text = std::fs::read_to_string(file).unwrap();
    for (i, (at, _)) in text.char_indices().enumerate().step_by(3) {
        let odd = ["ß", "\t", "\"", "\n[", "=", "\u{1f600}", "#", "\r"][i % 8];
        for form in [text[..at].to_owned(), format!("{}{odd}{}", &text[..at], &text[at..])] {
            std::fs::write(file, form).unwrap();
            assert!(check().contains(" in "), "a report ends with its counts");
        }
    }
    std::fs::write(file, text).unwrap();
}

#[test]
fn mangled_files_are_reported_on_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("policies"), &folder.path().join("policies"));
    copy(&root().join("examples"), &folder.path().join("examples"));
    // A few policies are enough: all of them are read for each of thousands of forms.
    for entry in std::fs::read_dir(folder.path().join("policies")).unwrap() {
        let path = entry.unwrap().path();
        if !["office-night.toml", "three-sites.toml"].contains(&path.file_name().unwrap().to_str().unwrap()) {
            std::fs::remove_file(path).unwrap();
        }
    }
    let settings = folder.path().join("examples/sipherd.toml");
    let everything = || config::check_file(&settings, now()).report.to_string();
    let policy = folder.path().join("policies/three-sites.toml");
    mangle(&policy, || config::check_paths(&[&policy], now()).report.to_string());
    mangle(&settings, everything);
    let text = std::fs::read_to_string(&settings).unwrap();
    let table = &text[text.find("[[pbx]]").unwrap()..text.find("[ops]").unwrap()];
    std::fs::write(&settings, table.replace("secret_file = \"ami-secret\"", "secret = \"hunter2\"")).unwrap();
    mangle(&settings, || {
        let said = everything();
        assert!(!said.contains("hunter") && !said.contains("ter2"), "{said}");
        said
    });
    std::fs::write(&settings, text).unwrap();
    mangle(&folder.path().join("examples/phones.csv"), everything);
    mangle(&folder.path().join("examples/sip-credentials.csv"), || {
        let said = everything();
        assert!(!said.contains("replace"), "{said}");
        said
    });
}
