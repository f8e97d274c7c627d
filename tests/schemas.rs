//! The JSON Schemas of docs/schema: those the keys make, and true for every file that loads.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value as Json;
use sipherd::config::keys::{self, Keys};
use sipherd::config::schema::{Kind, schema};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn validator(kind: Kind) -> Validator {
    jsonschema::options().build(&schema(kind)).unwrap()
}

fn file(path: &Path) -> Json {
    let text = std::fs::read_to_string(path).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::to_value(table).unwrap()
}

fn errors(validator: &Validator, json: &Json) -> Vec<String> {
    validator.iter_errors(json).map(|error| format!("{} at {}", error, error.instance_path())).collect()
}

#[test]
fn the_shipped_schemas_are_those_the_keys_make() {
    for kind in Kind::ALL {
        let path = root().join("docs/schema").join(kind.file());
        let made = serde_json::to_string_pretty(&schema(kind)).unwrap() + "\n";
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &made).unwrap();
        }
        let shipped = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(shipped == made, "{} is not what the keys make: run with BLESS=1", path.display());
    }
}

#[test]
fn every_shipped_file_is_valid() {
    let kinds =
        [(Kind::Policy, "policies"), (Kind::Settings, "examples"), (Kind::Profile, "src/phones/profiles")];
    for (kind, folder) in kinds {
        let validator = validator(kind);
        let mut seen = 0;
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if !name.ends_with(".toml") || name.ends_with(".test.toml") {
                continue;
            }
            let found = match name.as_str() {
                "selections.toml" => errors(&self::validator(Kind::Selections), &file(&path)),
                _ => errors(&validator, &file(&path)),
            };
            assert!(found.is_empty(), "{}: {found:#?}", path.display());
            seen += 1;
        }
        assert!(seen > 0, "{folder}");
    }
}

/// Every example of a key alone, in the place of the table it belongs to, is valid there.
#[test]
fn every_example_is_valid_where_it_stands() {
    let check = |kind: Kind, tables: &[&'static Keys]| {
        let whole = schema(kind);
        for table in tables {
            let name: String =
                table.table.chars().filter(|c| c.is_alphanumeric() || "-._".contains(*c)).collect();
            let properties = match name.as_str() {
                "" => &whole["properties"],
                name => &whole["$defs"][name]["properties"],
            };
            for key in table.keys {
                let property = &properties[key.name];
                assert!(property.is_object(), "{} of {}", key.name, table.table);
                let part = serde_json::json!({ "$defs": whole["$defs"], "allOf": [property] });
                let validator = jsonschema::options().build(&part).unwrap();
                let example: toml::Table = toml::from_str(&format!("value = {}", key.example)).unwrap();
                let found = errors(&validator, &serde_json::to_value(&example["value"]).unwrap());
                // What a table needs besides the example is another matter.
                let found: Vec<_> = found.iter().filter(|e| !e.contains("required property")).collect();
                assert!(found.is_empty(), "{} of {}: {found:?}", key.name, table.table);
            }
        }
    };
    check(Kind::Policy, &keys::POLICY_TABLES);
    check(Kind::Selections, &keys::SELECTIONS_TABLES);
    check(Kind::Settings, &keys::SETTINGS_TABLES);
    check(Kind::Profile, &keys::PROFILE_TABLES);
}

#[test]
fn what_the_schema_can_see_is_refused() {
    let validator = validator(Kind::Policy);
    let good = "select = { vendor = \"snom\" }\nreboot = {}\n";
    assert_eq!(errors(&validator, &text(good)), Vec::<String>::new());
    for (what, more) in [
        ("an unknown key", "windwo = 1"),
        ("a wrong type", "priority = \"high\""),
        ("two actions", "update = { release = \"a\" }"),
        ("a time that is none", "window = [{ days = \"mon\", from = \"24:00\", to = \"05:00\" }]"),
        ("a word that is none", "idle = { by = \"nobody\" }"),
        ("an unknown key in a table", "pace = { down_at_onc = 1 }"),
        ("a number out of bounds", "pace = { down_at_once = 0 }"),
    ] {
        assert!(!errors(&validator, &text(&format!("{good}{more}\n"))).is_empty(), "{what}");
    }
}

fn text(toml: &str) -> Json {
    serde_json::to_value(toml::from_str::<toml::Table>(toml).unwrap()).unwrap()
}
