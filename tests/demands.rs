//! The customer's five documents in docs/phones.md: each demand has its row, each row its tests, and each test is there.
//! And the scenarios that each maker's phones are put through.

mod scenarios;
mod tree;

use std::collections::BTreeSet;
use std::path::Path;

/// The documents, by the letter their rows begin with, and how many demands were found in each.
const DOCUMENTS: &[(&str, usize)] = &[("F", 24), ("U", 34), ("I", 95), ("C", 20), ("V", 16)];

/// The names in a cell: each in backquotes, parted by commas.
fn names(cell: &str) -> Option<Vec<&str>> {
    cell.split(", ").map(|name| name.trim().strip_prefix('`')?.strip_suffix('`')).collect()
}

/// What is wrong with the tables of a page.
fn wrong(page: &str, documents: &[(&str, usize)], tests: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (letter, least) in documents {
        let mut numbers = Vec::new();
        for line in page.lines() {
            let cells: Vec<&str> =
                line.trim_matches('|').split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
            let number = cells[0].strip_prefix(letter).and_then(|number| number.parse::<usize>().ok());
            let Some(number) = number.filter(|_| line.starts_with("| ")) else { continue };
            numbers.push(number);
            match cells[..] {
                [_, "", _] => wrong.push(format!("{letter}{number} says nothing")),
                [_, _, shown] => match names(shown) {
                    None => wrong.push(format!("{letter}{number}: `{shown}` names no test")),
                    Some(names) => wrong.extend(
                        names
                            .into_iter()
                            .filter(|name| !tests.contains(*name))
                            .map(|name| format!("{letter}{number}: there is no test {name}")),
                    ),
                },
                _ => wrong.push(format!("{letter}{number} has {} columns", cells.len())),
            }
        }
        numbers.sort_unstable();
        let doubles = numbers.windows(2).filter(|pair| pair[0] == pair[1]);
        wrong.extend(doubles.map(|pair| format!("{letter}{} is here twice", pair[0])));
        let last = numbers.last().copied().unwrap_or(0).max(*least);
        let missing = (1..=last).filter(|number| !numbers.contains(number));
        wrong.extend(missing.map(|number| format!("{letter}{number} is missing")));
    }
    wrong
}

#[test]
fn every_demand_of_the_five_documents_has_a_test_that_shows_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/phones.md");
    let page = std::fs::read_to_string(path).unwrap();
    let found = wrong(&page, DOCUMENTS, &tree::tests());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn a_demand_that_nobody_shows_is_found() {
    let tests = BTreeSet::from(["a::shown".to_owned(), "b::shown".to_owned()]);
    let told =
        |rows: &str| wrong(&format!("| # | asked | shown by |\n|---|---|---|\n{rows}"), &[("F", 2)], &tests);
    let first = "| F1 | one | `a::shown` |\n";
    assert_eq!(told(&format!("{first}| F2 | two | `a::shown`, `b::shown` |\n")), [""; 0]);
    assert_eq!(told(&format!("{first}| F2 | two | `a::gone` |\n")), ["F2: there is no test a::gone"]);
    assert_eq!(told(&format!("{first}| F2 | two |  |\n")), ["F2: `` names no test"]);
    assert_eq!(told(&format!("{first}| F2 | two | a::shown |\n")), ["F2: `a::shown` names no test"]);
    assert_eq!(told(&format!("{first}| F2 |  | `a::shown` |\n")), ["F2 says nothing"]);
    assert_eq!(told(&format!("{first}| F2 | two |\n")), ["F2 has 2 columns"]);
    assert_eq!(told(first), ["F2 is missing"]);
    assert_eq!(
        told(&format!("{first}{first}| F3 | three | `a::shown` |\n")),
        ["F1 is here twice", "F2 is missing"]
    );
}
