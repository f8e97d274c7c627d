//! The table of scenarios in docs/phones.md: each of them is played with the phones of each maker that sipherd updates.

use std::collections::BTreeSet;
use std::path::Path;

use super::{names, tree};

/// The makers, in the order of the table's columns.
const MAKERS: [&str; 3] = ["snom", "innovaphone", "Unify"];

/// What each maker's phones must go through, in the order of the table's rows.
const SCENARIOS: [&str; 7] = [
    "update",
    "refusal",
    "wrong hardware",
    "interrupted download",
    "equal version",
    "busy phone",
    "two-step update",
];

/// These run the daemon, and phones that it meets over real sockets.
const OVER_SOCKETS: [&str; 1] = ["orchestrator::"];

/// What is wrong with the table of a page.
fn wrong(page: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let Some((_, table)) = page.split_once("<!-- scenarios -->") else { return vec!["no table".to_owned()] };
    let table = table.split("<!-- end of scenarios -->").next().unwrap_or_default();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::trim).collect())
        .collect();
    let mut wrong = Vec::new();
    if rows.first().is_none_or(|head| head.get(1..) != Some(&MAKERS[..])) {
        wrong.push(format!("the columns are not {MAKERS:?}"));
    }
    let played: Vec<&str> = rows.iter().skip(1).map(|row| row[0]).collect();
    if played != SCENARIOS {
        wrong.push(format!("the rows are {played:?}, not {SCENARIOS:?}"));
    }
    for row in rows.iter().skip(1) {
        if row.len() != MAKERS.len() + 1 {
            wrong.push(format!("{} has {} cells", row[0], row.len()));
        }
        for (maker, cell) in MAKERS.iter().zip(&row[1..]) {
            let Some(names) = names(cell) else {
                wrong.push(format!("{}, {maker}: `{cell}` names no test", row[0]));
                continue;
            };
            for name in names {
                if !tests.contains(name) {
                    wrong.push(format!("{}, {maker}: there is no test {name}", row[0]));
                } else if !OVER_SOCKETS.iter().any(|part| name.starts_with(part)) {
                    wrong.push(format!("{}, {maker}: {name} runs no daemon", row[0]));
                }
            }
        }
    }
    wrong
}

#[test]
fn every_scenario_of_each_maker_is_played_by_a_test() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/phones.md");
    let found = wrong(&std::fs::read_to_string(path).unwrap(), &tree::tests());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn a_scenario_that_nobody_plays_is_found() {
    let tests = BTreeSet::from(["orchestrator::all".to_owned(), "phones::one".to_owned()]);
    let page = |row: &str, cell: &str| {
        let mut text =
            "<!-- scenarios -->\n| scenario | snom | innovaphone | Unify |\n|---|---|---|---|\n".to_owned();
        for scenario in SCENARIOS {
            let cell = if scenario == row { cell } else { "`orchestrator::all`" };
            text += &format!("| {scenario} | `orchestrator::all` | {cell} | `orchestrator::all` |\n");
        }
        text + "<!-- end of scenarios -->\n"
    };
    assert_eq!(wrong(&page("", ""), &tests), [""; 0]);
    for (cell, told) in [
        ("`orchestrator::gone`", "there is no test orchestrator::gone"),
        ("not yet", "`not yet` names no test"),
        ("`phones::one`", "phones::one runs no daemon"),
    ] {
        assert_eq!(wrong(&page("refusal", cell), &tests), [format!("refusal, innovaphone: {told}")]);
    }
    let short = page("", "").replace("| busy phone | ", "| busy phones | ");
    assert_eq!(wrong(&short, &tests).len(), 1, "{:?}", wrong(&short, &tests));
    assert_eq!(wrong("", &tests), ["no table"]);
}
