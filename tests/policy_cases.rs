//! `sipherd test`: what it prints, that it fails what must fail, and which rules it finds without a test.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What it printed, and its exit status; called in this folder.
fn sipherd(folder: &Path, words: &[&str]) -> (String, String, i32) {
    let command = Command::new(env!("CARGO_BIN_EXE_sipherd"))
        .args(words)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(command.stdout), text(command.stderr), command.status.code().unwrap())
}

fn fixtures() -> PathBuf {
    root().join("tests/fixtures/cases")
}

#[test]
fn the_shipped_policies_pass_their_tests_and_no_rule_is_without_one() {
    let (said, _, status) = sipherd(&root(), &["test", "policies", "--cover", "100"]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains(" 0 failed\n") && said.ends_with("(100 %)\n"), "{said}");
}

const WHY: &str = "\
2117  snom D785  10.1.64.14 → 10.1.198        held by policy night
at Fri 20 Nov 23:10
  ok    identity           snom D785
  ok    selected           policy night, priority 0
  ok    work to do         10.1.64.14 → 10.1.198
  ok    image fits         snomD785-10.1.198.bin
  ok    attempts           0 of 3 used
  ok    window             open until Sat 21 Nov 05:00
  ok    blackout           none
  ok    PBX view           pbx, 0.0 s old
  ok    registered         line 2117
  HOLD  idle               in a call (line 2117)
";

const OPEN: &str = "\
  failing/night.toml:2: [select] vendor: no test has a phone that it alone leaves out
  failing/night.toml:7: [[window]]: no test is held outside of it alone
  failing/night.toml:14: [idle] quiet: no test is held by it alone
";

#[test]
fn a_failed_test_shows_its_line_and_every_gate() {
    let (said, _, status) = sipherd(&fixtures(), &["test", "failing"]);
    assert_eq!(status, 1);
    let head = "\
failing/night.toml
  ok    goes at eleven
  FAIL  goes in a call # and <so> on

error: expected go, found hold
  --> failing/night.toml:26:55
   |
26 |   { at = \"2026-11-20 23:10\", talking = true, expect = \"go\" },
   |                                                       ^^^^

";
    let tail = format!(
        "earliest: as soon as ok: idle\n\n2 tests, 1 failed\n3 of 6 rules are held up by a test (50 %)\n  {OPEN}"
    );
    assert!(said.starts_with(&format!("{head}{WHY}")) && said.ends_with(&tail), "{said}");
}

#[test]
fn tap_tells_the_same_with_its_escapes() {
    let (said, _, status) = sipherd(&fixtures(), &["test", "failing", "--format", "tap"]);
    assert_eq!(status, 1);
    let head = "\
TAP version 14
1..2
ok 1 - failing/night.toml: goes at eleven
not ok 2 - failing/night.toml: goes in a call \\# and <so> on
  ---
  severity: fail
  steps:
    - message: \"expected go, found hold\"
      file: \"failing/night.toml\"
      line: 26
      at: \"2026-11-20T22:10:00+00:00\"
      why: |-
        2117  snom D785  10.1.64.14 → 10.1.198        held by policy night
          ok    identity           snom D785
";
    assert!(said.starts_with(head), "{said}");
    let tail: String = OPEN.lines().map(|line| format!("# {}\n", line.trim())).collect();
    assert!(said.ends_with(&format!("  ...\n# 3 of 6 rules are held up by a test (50 %)\n{tail}")), "{said}");
}

#[test]
fn junit_is_xml_with_a_case_for_each_test() {
    let (said, _, status) = sipherd(&fixtures(), &["test", "failing", "--format", "junit"]);
    assert_eq!(status, 1);
    let document = roxmltree::Document::parse(&said).unwrap_or_else(|e| panic!("{e}\n{said}"));
    let suites = document.root_element();
    assert_eq!((suites.attribute("tests"), suites.attribute("failures")), (Some("2"), Some("1")));
    let cases: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    let names: Vec<_> = cases.iter().filter_map(|case| case.attribute("name")).collect();
    assert_eq!(names, ["goes at eleven", "goes in a call # and <so> on"]);
    let failures: Vec<_> = document.descendants().filter(|node| node.has_tag_name("failure")).collect();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].parent().unwrap().attribute("line"), Some("21"));
    assert_eq!(failures[0].attribute("message"), Some("expected go, found hold"));
    let text = failures[0].text().unwrap();
    assert!(text.starts_with(&format!("failing/night.toml:26\n{WHY}")), "{text}");
}

#[test]
fn programs_get_every_gate_and_every_open_rule() {
    let (said, _, status) = sipherd(&fixtures(), &["test", "failing", "--json"]);
    assert_eq!(status, 1);
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["passed"], false);
    let step = &told["tests"][1]["steps"][1];
    assert_eq!((&step["line"], &step["answer"]), (&26.into(), &"hold".into()));
    let busy = step["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == "idle").unwrap();
    assert_eq!(busy["holds"][0]["reason"], "busy");
    assert_eq!((&told["cover"]["percent"], &told["cover"]["open"][2]["line"]), (&50.into(), &14.into()));
}

#[test]
fn only_what_is_asked_for_is_played() {
    let (said, _, status) = sipherd(&fixtures(), &["test", "failing", "--filter", "eleven"]);
    assert_eq!(
        (said.as_str(), status),
        ("failing/night.toml\n  ok    goes at eleven\n\n1 test, 0 failed\n", 0)
    );
    let (_, error, status) = sipherd(&fixtures(), &["test", "failing", "--filter", "twelve"]);
    assert_eq!((error.as_str(), status), ("error: no test's name or file holds `twelve`\n", 1));
}

#[test]
fn a_policy_without_tests_has_every_rule_open_at_its_line() {
    let (said, _, status) = sipherd(&fixtures(), &["test", "all-rules", "--cover", "1"]);
    assert_eq!(status, 1);
    let expected = std::fs::read_to_string(fixtures().join("all-rules.txt")).unwrap_or_default();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(fixtures().join("all-rules.txt"), &said).unwrap();
    } else {
        assert_eq!(said, expected);
    }
}

/// Everything in a folder of its own: a policy, and tests whose single step must be judged so.
fn judged(policy: &str, steps: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let mut text = policy.to_owned();
    for (number, (step, _)) in steps.iter().enumerate() {
        text += &format!(
            "[[test]]\nname = \"{number}\"\nphone = {{ model = \"D785\", version = \"10.1.64.14\" }}\nwhen = [{step}]\n"
        );
    }
    std::fs::write(folder.path().join("night.toml"), text).unwrap();
    let (said, error, _) = sipherd(folder.path(), &["test", "night.toml", "--json"]);
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}\n{said}{error}"));
    assert!(told["tests"].is_array(), "{said}");
    for (number, (step, expected)) in steps.iter().enumerate() {
        let misses: Vec<&str> = told["tests"][number]["steps"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|step| step["misses"].as_array().unwrap())
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(misses.join("; "), *expected, "{step}");
    }
}

const NIGHT: &str = "\
[select]
vendor = \"snom\"
[update]
release = \"snom-10.1.198\"
[[window]]
days = \"fri\"
from = \"22:00\"
to = \"05:00\"
zone = \"Europe/Berlin\"
[idle]
quiet = \"10m\"
[pace]
down_at_once = 2
";

#[test]
fn what_must_fail_fails() {
    judged(
        NIGHT,
        &[
            ("{ at = \"2026-11-20 23:00\", expect = \"go\" }", ""),
            ("{ at = \"2026-11-20 23:00\", expect = \"hold\" }", "expected hold, found go"),
            ("{ at = \"2026-11-20 23:00\", expect = \"done\" }", "expected done, found go"),
            ("{ at = \"2026-11-20 23:00\", expect = \"not-selected\" }", "expected not-selected, found go"),
            ("{ at = \"2026-11-20 21:59\", expect = \"go\" }", "expected go, found hold"),
            (
                "{ at = \"2026-11-20 21:59\", expect = \"hold\", because = \"talking\" }",
                "expected the reason `talking`, found none",
            ),
            (
                "{ at = \"2026-11-20 21:59\", expect = \"hold\", because = [\"window\", \"idle\"] }",
                "expected a reason of gate `idle`, found none",
            ),
            (
                "{ at = \"2026-11-20 21:59\", expect = \"hold\", because = \"opens Fri 20 Nov 21:00\" }",
                "expected a reason with the words `opens fri 20 nov 21:00`, found none",
            ),
            (
                "{ at = \"2026-11-20 23:00\", talking = true, expect = \"hold\", because = \"ringing\" }",
                "expected the reason `ringing`, found none",
            ),
            ("{ at = \"2026-11-20 23:00\", quiet = \"9m\", expect = \"go\" }", "expected go, found hold"),
            (
                "{ at = \"2026-11-20 23:00\", version = \"10.1.198\", expect = \"hold\" }",
                "expected hold, found done",
            ),
            ("{ at = \"2026-11-20 23:00\", down = 2, expect = \"go\" }", "expected go, found hold"),
            ("{ at = \"2026-11-20 23:00\", goes = 0 }", "expected 0 to go at once, found 1: 1"),
            ("{ at = \"2026-11-20 23:00\", pbx = \"silent\", expect = \"go\" }", "expected go, found hold"),
            (
                "{ at = \"2026-11-20 23:00\", failed = \"image-rejected\", expect = \"hold\", because = \"penalty-box\" }",
                "expected the reason `penalty-box`, found none",
            ),
        ],
    );
}

#[test]
fn the_calendar_of_a_policy_is_asked() {
    let policy = format!("{NIGHT}[[blackout]]\nfrom = \"12-20\"\nto = \"01-06\"\n")
        .replace("zone =", "last_start = \"2h\"\nzone =");
    judged(
        &policy,
        &[
            ("{ at = \"2026-12-25 23:00\", expect = \"hold\", because = \"blackout until 2027-01-07\" }", ""),
            ("{ at = \"2026-12-25 23:00\", expect = \"hold\", because = \"blackouts\" }", ""),
            ("{ at = \"2026-11-21 03:01\", expect = \"hold\", because = \"past-last-start\" }", ""),
            ("{ at = \"2026-11-21 02:59\", expect = \"go\" }", ""),
            ("{ at = \"2026-12-25 23:00\", expect = \"go\" }", "expected go, found hold"),
        ],
    );
}

/// A test of several phones; the misses of each of its steps.
fn together(policy: &str, test: &str, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("night.toml"), format!("{policy}[[test]]\nname = \"t\"\n{test}"))
        .unwrap();
    let (said, error, _) = sipherd(folder.path(), &["test", "night.toml", "--json"]);
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}\n{said}{error}"));
    let steps = told["tests"][0]["steps"].as_array().unwrap_or_else(|| panic!("{said}"));
    let misses = |step: &Value| {
        let misses = step["misses"].as_array().unwrap().iter().filter_map(Value::as_str);
        misses.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(steps.iter().map(misses).collect::<Vec<_>>(), expected);
}

#[test]
fn limits_and_groups_act_between_the_phones_of_a_test() {
    let policy = NIGHT.replace("down_at_once = 2", "down_at_once = 9\nper = { site = 1, subnet = 2 }")
        + "[[coverage]]\ntag = \"desk\"\nkeep_up = 1\n[[coverage]]\nqueue = \"support\"\nkeep_up = 1\n";
    let test = "\
fleet = [
  { name = \"a\", model = \"D785\", version = \"10.1.64\", site = \"bonn\", tags = \"desk\", address = \"192.0.2.1\" },
  { name = \"b\", model = \"D785\", version = \"10.1.64\", site = \"bonn\", tags = \"desk\", address = \"198.51.100.1\" },
  { name = \"c\", model = \"D785\", version = \"10.1.64\", queue = \"support\", address = \"203.0.113.1\" },
  { name = \"d\", model = \"D785\", version = \"10.1.64\", address = \"203.0.113.2\" },
]
when = [
  { at = \"2026-11-20 23:00\", phone = \"a\", expect = \"go\", goes = 2 },
  { at = \"2026-11-20 23:01\", phone = \"c\", expect = \"hold\", because = \"coverage\" },
  { at = \"2026-11-20 23:02\", phone = \"a\", under_way = true, expect = \"hold\", because = \"under-way\" },
  { at = \"2026-11-20 23:03\", phone = \"b\", expect = \"hold\", because = [\"coverage\", \"budget-full\"] },
  { at = \"2026-11-20 23:04\", phone = \"d\", down = 2, expect = \"hold\", because = \"subnet 203.0.113.0/24\" },
  { at = \"2026-11-20 23:05\", phone = \"d\", down = 0, expect = \"go\" },
  { at = \"2026-11-20 23:06\", phone = \"b\", expect = \"go\" },
]
";
    together(&policy, test, &["", "", "", "", "", "", "expected go, found hold"]);
}
