//! Problems in the Static Analysis Results Interchange Format, version 2.1.0 (OASIS).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::config::{Code, Problem, Report, Severity};

/// The log of one run, all kinds of problems found in it as its rules.
pub fn log(report: &Report) -> Value {
    let codes: std::collections::BTreeSet<Code> = report.problems.iter().map(|p| p.code).collect();
    let index: BTreeMap<Code, usize> = codes.iter().enumerate().map(|(i, code)| (*code, i)).collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = report.problems.iter().map(|problem| result(problem, &index)).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "sipherd",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            // Problems are found whatever they are, so this run of the tool was itself a success.
            "invocations": [{ "executionSuccessful": true }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({ "id": code.slug(), "shortDescription": { "text": code.meaning().trim() } })
}

fn result(problem: &Problem, index: &BTreeMap<Code, usize>) -> Value {
    let level = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut location = json!({ "artifactLocation": { "uri": uri(&problem.file) } });
    if let Some(place) = &problem.place {
        let mut region =
            json!({ "startLine": place.line, "startColumn": place.column, "endColumn": place.end_column });
        if let Some(text) = &place.text {
            region["snippet"] = json!({ "text": text.get(place.span.clone()).unwrap_or(text) });
        }
        location["region"] = region;
    }
    let mut result = json!({
        "ruleId": problem.code.slug(),
        "ruleIndex": index.get(&problem.code),
        "level": level,
        "message": { "text": problem.in_full() },
        "locations": [{ "physicalLocation": location }],
    });
    let properties: BTreeMap<&str, &String> = [("hint", &problem.hint), ("near", &problem.near)]
        .into_iter()
        .filter_map(|(k, v)| Some((k, v.as_ref()?)))
        .collect();
    if !properties.is_empty() {
        result["properties"] = json!(properties);
    }
    result
}

/// A path as a reference (RFC 3986): an absolute one with its scheme, the others as they are.
fn uri(path: &Path) -> String {
    let text = path.display().to_string();
    let text = text.strip_prefix("./").unwrap_or(&text);
    let mut uri = String::new();
    if text.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri += &format!("%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference() {
        for (path, expected) in [
            ("policies/night.toml", "policies/night.toml"),
            ("./night.toml", "night.toml"),
            ("/etc/sipherd/two words.toml", "file:///etc/sipherd/two%20words.toml"),
            ("süd:1.toml", "s%C3%BCd%3A1.toml"),
        ] {
            assert_eq!(uri(Path::new(path)), expected);
        }
    }
}
