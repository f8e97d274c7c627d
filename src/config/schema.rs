//! JSON Schemas (draft 2020-12) of the files, made of the tables of keys, for editors that complete and underline TOML.
//!
//! A schema says what may stand where. What only several keys, several files or the calendar can tell is `sipherd check`'s.

use serde_json::{Map, Value as Json, json};

use super::keys::{self, Absent, Form, Keys, Value};

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// A policy.
    Policy,
    /// `selections.toml`: selections that policies share.
    Selections,
    /// `sipherd.toml`.
    Settings,
    /// The profile of a maker.
    Profile,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Policy, Self::Selections, Self::Settings, Self::Profile];

    /// The name of the schema's file.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Policy => "policy.schema.json",
            Self::Selections => "selections.schema.json",
            Self::Settings => "sipherd.schema.json",
            Self::Profile => "profile.schema.json",
        }
    }
}

/// Of these keys of a table exactly one is written.
const EXACTLY_ONE: [(&str, &[&str]); 7] = [
    ("", &["reboot", "resync", "update", "stage", "module-update", "move", "backup", "write", "files"]),
    ("[update]", &["release", "channel"]),
    ("[stage]", &["release", "channel"]),
    ("[module-update]", &["release", "channel"]),
    ("[files]", &["release", "channel"]),
    ("[[coverage]]", &["tag", "queue", "ring_group"]),
    ("[[coverage]]", &["keep_up", "never_together", "exclude", "last"]),
];

/// The schema of this kind of file.
pub fn schema(kind: Kind) -> Json {
    let (keys, title) = match kind {
        Kind::Policy => (&keys::POLICY, "sipherd: a policy"),
        Kind::Selections => (&keys::SELECTIONS, "sipherd: shared selections"),
        Kind::Settings => (&keys::SETTINGS, "sipherd: sipherd.toml"),
        Kind::Profile => (&keys::PROFILE, "sipherd: a profile of a maker"),
    };
    let mut definitions = Map::new();
    let mut schema = table(keys, kind == Kind::Policy, &mut definitions);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(title);
    schema["$defs"] = Json::Object(definitions);
    schema
}

/// A table; those inside it become definitions, since selections hold selections.
fn table(keys: &'static Keys, has_one_action: bool, definitions: &mut Map<String, Json>) -> Json {
    let mut properties = Map::new();
    for key in keys.keys {
        let mut schema = value(&key.value, definitions);
        let about = match key.absent {
            Absent::Missing | Absent::Nothing | Absent::Default(_) => key.about.to_owned(),
            Absent::Means(words) => format!("{}; without it {words}", key.about),
        };
        // Beside a reference an annotation is allowed since draft 2019-09.
        schema["description"] = json!(about);
        if let Some(example) = from_toml(key.example) {
            schema["examples"] = json!([example]);
        }
        if let Absent::Default(text) = key.absent
            && let Some(default) = from_toml(text)
        {
            schema["default"] = default;
        }
        properties.insert(key.name.to_owned(), schema);
    }
    let missing = keys.keys.iter().filter(|key| key.absent == Absent::Missing);
    let required: Vec<&str> = missing.map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "description": keys.about,
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let choices = EXACTLY_ONE.iter().filter(|(name, _)| *name == keys.table);
    let choices = choices.filter(|(name, _)| !name.is_empty() || has_one_action);
    let one_of = |names: &[&str]| {
        let each: Vec<Json> = names.iter().map(|name| json!({ "required": [name] })).collect();
        json!({ "oneOf": each })
    };
    let all: Vec<Json> = choices.map(|(_, names)| one_of(names)).collect();
    if !all.is_empty() {
        schema["allOf"] = json!(all);
    }
    schema
}

/// A table by its definition, which is made the first time.
fn defined(keys: &'static Keys, definitions: &mut Map<String, Json>) -> Json {
    let name: String = keys.table.chars().filter(|c| c.is_alphanumeric() || "-._".contains(*c)).collect();
    if !definitions.contains_key(&name) {
        // Its place is taken before it is made: it may hold itself.
        definitions.insert(name.clone(), Json::Null);
        let made = table(keys, false, definitions);
        definitions.insert(name.clone(), made);
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn value(value_of: &'static Value, definitions: &mut Map<String, Json>) -> Json {
    match value_of {
        Value::Text(form) => text(*form),
        Value::Word(words) => json!({ "type": "string", "enum": words }),
        Value::Number { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Value::Duration { least, most } => json!({
            "type": "string",
            "pattern": "^([0-9]+(d|h|m|s|ms))+$",
            "$comment": format!("from {least} to {most}"),
        }),
        Value::Flag => json!({ "type": "boolean" }),
        Value::Yes => json!({ "const": true }),
        Value::OneOrMore(one) => {
            let one = value(one, definitions);
            json!({ "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] })
        }
        Value::List(one) => json!({ "type": "array", "minItems": 1, "items": value(one, definitions) }),
        Value::Either(these) => {
            let these: Vec<Json> = these.iter().map(|one| value(one, definitions)).collect();
            json!({ "anyOf": these })
        }
        Value::Table(keys) => defined(keys, definitions),
        Value::Tables(keys) => json!({ "type": "array", "items": defined(keys, definitions) }),
        Value::Named(keys) => {
            json!({ "type": "object", "additionalProperties": defined(keys, definitions) })
        }
        Value::Each(one) => json!({ "type": "object", "additionalProperties": value(one, definitions) }),
    }
}

/// A text, with the pattern that editors can check; the reader checks more.
fn text(form: Form) -> Json {
    let pattern = match form {
        Form::Free => None,
        Form::Name => Some(r"^[\p{L}\p{N}\-_.+*#]+$"),
        Form::Time => Some("^([01][0-9]|2[0-3]):[0-5][0-9]$"),
        Form::Date => Some("^([0-9]{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"),
        Form::Weekday => Some("^[A-Za-z]{3,9}$"),
        Form::Mac => Some(r"^[0-9A-Fa-f]{2}([:\-]?[0-9A-Fa-f]{2}){0,5}[:\-]?\*?$"),
        Form::Network => Some(r"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"),
        Form::Rate => Some("^[0-9]+ */ *(s|m|h)$"),
        Form::Percent => Some("^[0-9]{1,3} *%$"),
        Form::Url => Some("^https?://"),
        Form::Ports => Some("^[0-9]{1,5} *- *[0-9]{1,5}$"),
        Form::Ipv4 => Some(r"^([0-9]{1,3}\.){3}[0-9]{1,3}$"),
        Form::Pattern
        | Form::Zone
        | Form::ZoneOrSite
        | Form::Cron
        | Form::Versions
        | Form::Bandwidth
        | Form::Path
        | Form::Address
        | Form::Host => Some("."),
    };
    match pattern {
        Some(pattern) => json!({ "type": "string", "pattern": pattern }),
        None => json!({ "type": "string" }),
    }
}

/// A TOML value as JSON; `None` for one that is no value (a test keeps that from happening).
fn from_toml(text: &str) -> Option<Json> {
    let document: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    serde_json::to_value(document.get("value")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_and_default_is_a_value() {
        let tables = keys::POLICY_TABLES.iter().chain(&keys::SELECTIONS_TABLES).chain(&keys::SETTINGS_TABLES);
        let tables = tables.chain(&keys::PROFILE_TABLES);
        for key in tables.flat_map(|table| table.keys) {
            assert!(from_toml(key.example).is_some(), "{}: {}", key.name, key.example);
            if let Absent::Default(text) = key.absent {
                assert!(from_toml(text).is_some(), "{}: {text}", key.name);
            }
        }
    }
}
