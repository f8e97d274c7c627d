//! The tables of keys in docs/ say what the code says, and every example in them can be read.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fmt::Write as _;
use std::path::PathBuf;

use sipherd::config::keys::{self, Absent, Key, Keys, Value};
use sipherd::config::{self, Severity};

fn docs(page: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(page)
}

/// The rows of a table of keys, as the handbook has them.
fn rows(keys: &Keys) -> String {
    if keys.keys.is_empty() {
        return "\nIt has no keys.\n\n".to_owned();
    }
    let mut text = "\n| key | means | example | without it |\n|---|---|---|---|\n".to_owned();
    for key in keys.keys {
        let example = match &key.value {
            Value::Table(inner) | Value::Tables(inner) | Value::Named(inner) if keys.table.is_empty() => {
                inner.table.to_owned()
            }
            _ => format!("{} = {}", key.name, key.example),
        };
        let absent = match key.absent {
            Absent::Missing => "an error".to_owned(),
            Absent::Nothing => String::new(),
            Absent::Default(value) => format!("`{value}`"),
            Absent::Means(words) => words.to_owned(),
        };
        writeln!(text, "| `{}` | {}{} | `{example}` | {absent} |", key.name, key.about, bounds(&key.value))
            .unwrap();
    }
    text + "\n"
}

fn bounds(value: &Value) -> String {
    match value {
        Value::Number { least, most: 1_000_000 } if *least >= 0 => String::new(),
        Value::Number { least, most } => format!("; {least} to {most}"),
        Value::Duration { least, most } => format!("; `\"{least}\"` to `\"{most}\"`"),
        Value::Word(words) if words.len() > 1 => format!("; `\"{}\"`", words.join("\"`, `\"")),
        Value::OneOrMore(inner) | Value::List(inner) => bounds(inner),
        _ => String::new(),
    }
}

/// With `BLESS=1` in the environment the tables are written anew.
fn compare(page: &str, tables: &[&Keys]) {
    let mut text = std::fs::read_to_string(docs(page)).unwrap();
    let before = text.clone();
    for keys in tables {
        let head =
            format!("<!-- keys of {} -->\n", if keys.table.is_empty() { "the file" } else { keys.table });
        let start =
            text.find(&head).unwrap_or_else(|| panic!("docs/{page} has no `{}`", head.trim())) + head.len();
        let end = start + text[start..].find("<!-- end of keys -->").unwrap();
        text.replace_range(start..end, &rows(keys));
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(docs(page), text).unwrap();
    } else {
        assert!(
            before == text,
            "docs/{page} differs from the code: run this test with BLESS=1 and read what it wrote"
        );
    }
}

#[test]
fn the_handbook_says_what_the_code_says() {
    compare("policy.md", &keys::POLICY_TABLES);
    compare("policy-tests.md", &keys::TEST_TABLES);
    compare(
        "configuration.md",
        &keys::SETTINGS_TABLES
            .map(|keys| if std::ptr::eq(keys, &keys::PER) { &keys::SETTINGS } else { keys }),
    );
    compare("phones.md", &keys::PROFILE_TABLES);
    let text = std::fs::read_to_string(docs("policy.md")).unwrap();
    for name in keys::SELECTIONS_TABLES.iter().map(|keys| keys.table) {
        assert!(text.contains(name), "docs/policy.md does not speak of `{name}`");
    }
    let text = std::fs::read_to_string(docs("configuration.md")).unwrap();
    for column in keys::INVENTORY_COLUMNS.iter().chain(&keys::CREDENTIALS_COLUMNS) {
        assert!(text.contains(&format!("`{column}`")), "docs/configuration.md does not speak of `{column}`");
    }
}

/// Whether the reader takes this value of the key: nothing is wrong where the value stands.
fn is_taken(keys: &Keys, key: &Key, value: &str, file: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let table = keys.table.replace("NAME", "stable").replace("VENDOR", "snom");
    // A profile is known by its maker's name.
    let (table, line) = if file == "acme.toml" && key.name != "vendor" {
        (format!("vendor = \"snom\"\n{table}"), 3)
    } else {
        (table, 2)
    };
    std::fs::write(folder.path().join(file), format!("{table}\n{} = {value}\n", key.name)).unwrap();
    let checked = config::check_paths(&[folder.path().join(file)], "2026-11-21T12:00:00Z".parse().unwrap());
    let stands = |place: &config::Place| place.line == line && place.column > key.name.len();
    let wrong =
        checked.report.problems.iter().find(|problem| {
            problem.severity == Severity::Error && problem.place.as_ref().is_some_and(stands)
        });
    wrong.map_or(Ok(()), |problem| Err(format!("{table} {} = {value}: {}", key.name, problem.message)))
}

#[test]
fn every_example_and_every_default_can_be_read() {
    let files = keys::POLICY_TABLES.iter().map(|keys| (*keys, "night.toml"));
    let files = files.chain(keys::SETTINGS_TABLES.iter().map(|keys| (*keys, "sipherd.toml")));
    let files = files.chain(keys::PROFILE_TABLES.iter().map(|keys| (*keys, "acme.toml")));
    let mut wrong = Vec::new();
    let mut taken = 0;
    for (keys, file) in files {
        for key in keys.keys {
            let default = match key.absent {
                Absent::Default(value) => Some(value),
                _ => None,
            };
            for value in default.into_iter().chain([key.example]) {
                taken += 1;
                // What a table holds is tried where it stands; a calendar is a file that is not there.
                let table = matches!(&key.value, Value::Table(_) | Value::Tables(_) | Value::Named(_));
                let elsewhere =
                    table || ["calendar", "is", "secret_file", "certificate", "key"].contains(&key.name);
                wrong.extend(is_taken(keys, key, value, file).err().filter(|_| !elsewhere));
            }
        }
    }
    assert!(taken > 130 && wrong.is_empty(), "{taken}: {wrong:#?}");
}
