//! The full names of all tests, read from the sources.

use std::collections::BTreeSet;

use crate::architecture::names::tokens;
use crate::architecture::sources;

/// The names of all tests of the library and of this binary, as `cargo test` prints them: without those that are
/// ignored, and without files that no module declares.
pub fn tests() -> BTreeSet<String> {
    let files = sources(&["src", "tests"]);
    let read: Vec<Read> =
        files.iter().filter_map(|(file, text)| Some(read(&module_of(file)?, text))).collect();
    let declared: BTreeSet<&str> = read.iter().flat_map(|file| &file.declares).map(String::as_str).collect();
    let is_part = |module: &str| module.is_empty() || declared.contains(module);
    let parts = read.iter().filter(|file| is_part(&file.module));
    parts.flat_map(|file| file.tests.iter().cloned()).collect()
}

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    module: String,
    declares: Vec<String>,
    tests: Vec<String>,
}

/// The module a file is, empty for a root; `None` for the program's own file, which has no tests.
fn module_of(file: &str) -> Option<String> {
    let path = file.strip_prefix("src/").or_else(|| file.strip_prefix("tests/"))?.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match (file, path) {
        ("src/main.rs", _) => None,
        (_, "lib" | "main") => Some(String::new()),
        // `gates_tests.rs` and its folder are the tests of `gates`.
        (_, path) => Some(path.replace("_tests", "/tests").replace('/', "::")),
    }
}

fn join(module: &str, inline: &[(String, i32)], name: &str) -> String {
    let parts = inline.iter().map(|(name, _)| name.as_str());
    let all: Vec<&str> =
        [module].into_iter().filter(|part| !part.is_empty()).chain(parts).chain([name]).collect();
    all.join("::")
}

/// Reads a file; literals and comments say nothing.
fn read(module: &str, text: &str) -> Read {
    let tokens = tokens(text);
    let at = |n: usize| tokens.get(n).map_or("", |(_, token)| token.as_str());
    let mut found = Read { module: module.to_owned(), declares: Vec::new(), tests: Vec::new() };
    let mut inline: Vec<(String, i32)> = Vec::new();
    let (mut depth, mut n) = (0, 0);
    let (mut is_test, mut is_ignored) = (false, false);
    while n < tokens.len() {
        match at(n) {
            "#" if at(n + 1) == "[" => {
                is_test |=
                    at(n + 2) == "test" || (at(n + 2), at(n + 3), at(n + 4)) == ("tokio", "::", "test");
                is_ignored |= at(n + 2) == "ignore";
            }
            "mod" if at(n + 2) == ";" => found.declares.push(join(module, &inline, at(n + 1))),
            "mod" if at(n + 2) == "{" => inline.push((at(n + 1).to_owned(), depth)),
            "fn" => {
                if is_test && !is_ignored {
                    found.tests.push(join(module, &inline, at(n + 1)));
                }
                (is_test, is_ignored) = (false, false);
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.pop_if(|(_, outside)| *outside == depth);
            }
            _ => {}
        }
        n += 1;
    }
    found
}

#[test]
fn tests_are_found_under_the_names_that_cargo_gives_them() {
    let text = "mod wire;\n\
                #[test]\nfn outside() {}\n\
                mod tests {\n    // #[test] fn no() {}\n    const TEXT: &str = \"#[test] fn no() { mod x {\";\n\
                \x20   #[tokio::test(start_paused = true)]\n    async fn inside() { if true {} }\n\
                \x20   fn helper() {}\n\
                \x20   proptest! { #[test] fn drawn(n in 0..9) {} }\n\
                \x20   #[test]\n    #[ignore = \"slow\"]\n    fn never() {}\n}\n\
                #[test]\nfn after() {}\n";
    let read = read("sip::agent", text);
    assert_eq!(read.declares, ["sip::agent::wire"]);
    let names =
        ["outside", "tests::inside", "tests::drawn", "after"].map(|name| format!("sip::agent::{name}"));
    assert_eq!(read.tests, names);
    for (file, module) in [
        ("src/lib.rs", Some("")),
        ("src/main.rs", None),
        ("src/sip/mod.rs", Some("sip")),
        ("src/domain/fleet_tests.rs", Some("domain::fleet::tests")),
        ("tests/main.rs", Some("")),
        ("tests/sim_phones/update.rs", Some("sim_phones::update")),
    ] {
        assert_eq!(module_of(file).as_deref(), module, "{file}");
    }
    let all = tests();
    assert!(all.contains("demands::tree::tests_are_found_under_the_names_that_cargo_gives_them"));
    assert!(all.contains("daemon::orchestrator::tests::idle::a_trip_kept_in_the_first_form_is_still_read"));
    assert!(all.len() > 700, "{}", all.len());
}
