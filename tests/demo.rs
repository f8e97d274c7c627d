//! The demonstration and its judge.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may say so by panicking")]

use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

/// A night takes a minute, on a busy machine more.
const LIMIT: Duration = Duration::from_secs(300);

/// The rules, by the beginning of the line that tells of each.
const RULES: [&str; 7] = [
    "calls interrupted: ",
    "orders outside the window: ",
    "most phones down at once: ",
    "phones ordered or rebooted twice for one step: ",
    "firmware offered before the reboot that was asked for: ",
    "images given to phones not to be updated: ",
    "outcomes as expected: ",
];

/// What `sipherd demo --json` prints.
#[derive(Debug, Deserialize)]
struct Judgement {
    clean: bool,
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    kept: bool,
    text: String,
    findings: Vec<String>,
}

impl Judgement {
    /// The row of this rule; every rule has one.
    fn row(&self, rule: &str) -> &Row {
        self.rows.iter().find(|row| row.text.starts_with(rule)).unwrap_or_else(|| panic!("{rule}: {self:#?}"))
    }
}

/// Plays a night; the judgement and the exit status.
async fn demo(words: &[&str]) -> (Judgement, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sipherd"));
    command.args(["demo", "--json"]).args(words).env_clear().kill_on_drop(true);
    let output = timeout(LIMIT, command.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let judgement = serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{e}: {text}\n{}", String::from_utf8_lossy(&output.stderr)));
    (judgement, output.status.code())
}

/// Both nights in one test: at the same time they take no longer than one.
#[tokio::test]
async fn a_night_keeps_every_rule_and_a_broken_rule_is_found() {
    let ((kept, status), (broken, broken_status)) = tokio::join!(demo(&[]), demo(&["--break", "busy"]));

    let calls = broken.row(RULES[0]);
    assert!(!broken.clean && !calls.kept, "{broken:#?}");
    // Which phone cut its call with whom, and which NOTIFY is to blame.
    let told =
        |finding: &String| finding.contains(" cut its call with ") && finding.contains("asked by NOTIFY ");
    assert!(calls.findings.iter().any(told), "{calls:#?}");
    assert_eq!(broken_status, Some(1));

    for rule in RULES {
        assert!(kept.row(rule).kept, "{kept:#?}");
    }
    assert_eq!((kept.clean, kept.rows.len(), status), (true, RULES.len(), Some(0)), "{kept:#?}");
    assert!(kept.row(RULES[6]).text.ends_with("200 of 200"), "{kept:#?}");
}
