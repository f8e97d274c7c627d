//! What a profile's author knows of the hardware behind part numbers.

use crate::config::raw::Complaint;
use crate::config::table::Table;
use crate::config::value;
use crate::domain::firmware::Version;
use crate::domain::hardware::Rule;
use crate::domain::phone::Hardware;

/// All `[[hardware]]`, in their order.
pub(super) fn read(top: &Table<'_>) -> Vec<Rule> {
    top.tables("hardware").iter().filter_map(rule).collect()
}

fn rule(table: &Table<'_>) -> Option<Rule> {
    if !table.has("part") {
        table.missing("part", "the part numbers it is about: `part = \"S30817-S7403-A101-*\"`");
    }
    if !table.has("level") && !table.has("software") {
        table.error(Complaint::new(
            "this says nothing of the hardware",
            "write its level, the oldest software that runs on it, or both: `level = \"2\"`, `software = \"1.4.0\"`",
        ));
    }
    let part = table.read("part", part);
    let level = table.read("level", value::name).map(|level| Hardware::new(level.value));
    let software = table.read("software", |text| {
        Version::parse(text).map_err(|error| {
            Complaint::new(error.to_string(), "write it as the phone reports it: `V1 R4.9.0`")
        })
    });
    Some(Rule { part: Hardware::new(part?.value), level, software: software.map(|software| software.value) })
}

fn part(text: &str) -> Result<String, Complaint> {
    let clean = |c: char| c.is_ascii_alphanumeric() || "-_./*".contains(c);
    if text.is_empty() || text.len() > 60 || !text.chars().all(clean) {
        return Err(Complaint::new(
            format!("`{text}` is no part number"),
            "write it as the phone tells it, with `*` for what may be anything: `S30817-S7403-A101-*`",
        ));
    }
    Ok(text.to_owned())
}
