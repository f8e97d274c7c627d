//! What `sipherd check` writes besides text: workflow commands, SARIF, the fleet, and policies with their defaults.

use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sipherd::config;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs `sipherd check` in this folder; its status, output and errors.
fn check(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let run =
        Command::new(env!("CARGO_BIN_EXE_sipherd")).arg("check").args(words).current_dir(folder).output();
    let run = run.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (run.status.code().unwrap(), text(run.stdout), text(run.stderr))
}

fn json(folder: &Path, words: &[&str]) -> Value {
    let (_, out, err) = check(folder, words);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}\n{out}{err}"))
}

fn bad() -> PathBuf {
    root().join("tests/fixtures/bad")
}

#[test]
fn github_gets_a_command_for_each_problem() {
    let (status, out, err) = check(&bad(), &["--format", "github", "unknown-table.toml"]);
    assert_eq!((status, err.as_str()), (1, ""));
    let commands: Vec<&str> = out.lines().filter(|line| line.starts_with("::")).collect();
    let command = "::error file=unknown-table.toml,line=7,col=3,endLine=7,endColumn=9,title=sipherd unknown-key::\
                   unknown key `windwo`%0Adid you mean `window`?";
    assert!(commands.contains(&command), "{out}");
    let counts = json(&bad(), &["--json", "unknown-table.toml"])["problems"].as_array().unwrap().len();
    assert_eq!(commands.len(), counts);
}

/// Objects of the published SARIF 2.1.0 schema: what they must have, and what they may have of what is written here.
const SHAPES: [(&str, &[&str], &[&str]); 12] = [
    ("log", &["version", "runs"], &["$schema"]),
    ("run", &["tool"], &["invocations", "columnKind", "results"]),
    ("tool", &["driver"], &[]),
    ("component", &["name"], &["version", "rules"]),
    ("rule", &["id"], &["shortDescription"]),
    ("text", &["text"], &[]),
    ("invocation", &["executionSuccessful"], &[]),
    ("result", &["message"], &["ruleId", "ruleIndex", "level", "locations", "properties"]),
    ("location", &[], &["physicalLocation"]),
    ("physical", &[], &["artifactLocation", "region"]),
    ("artifact", &[], &["uri"]),
    ("region", &[], &["startLine", "startColumn", "endColumn", "snippet"]),
];

fn shaped<'v>(what: &str, value: &'v Value) -> &'v serde_json::Map<String, Value> {
    let (_, required, allowed) = SHAPES.iter().find(|(name, ..)| *name == what).unwrap();
    let object = value.as_object().unwrap_or_else(|| panic!("{what}: {value}"));
    for key in *required {
        assert!(object.contains_key(*key), "{what} lacks {key}: {value}");
    }
    for key in object.keys() {
        assert!(required.contains(&key.as_str()) || allowed.contains(&key.as_str()), "{what} has {key}");
    }
    object
}

#[test]
fn sarif_has_the_shape_its_schema_asks_for() {
    for entry in std::fs::read_dir(bad()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".toml") && !name.starts_with("tie") {
            continue;
        }
        let log = json(&bad(), &["--format", "sarif", &name]);
        assert_eq!(shaped("log", &log)["version"], "2.1.0");
        let run = shaped("run", &log["runs"][0]);
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        shaped("tool", &run["tool"]);
        let driver = shaped("component", &run["tool"]["driver"]);
        shaped("invocation", &run["invocations"][0]);
        let rules: Vec<&Value> = driver["rules"].as_array().unwrap().iter().collect();
        for rule in &rules {
            shaped("text", &shaped("rule", rule)["shortDescription"]);
        }
        let results = run["results"].as_array().unwrap();
        let problems = json(&bad(), &["--format", "json", &name]);
        assert_eq!(results.len(), problems["problems"].as_array().unwrap().len(), "{name}");
        for (result, problem) in results.iter().zip(problems["problems"].as_array().unwrap()) {
            let result = shaped("result", result);
            assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
            let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[rule]["id"], result["ruleId"]);
            assert_eq!(result["ruleId"], problem["code"]);
            shaped("text", &result["message"]);
            let physical = &shaped("location", &result["locations"][0])["physicalLocation"];
            let physical = shaped("physical", physical);
            let uri = shaped("artifact", &physical["artifactLocation"])["uri"].as_str().unwrap();
            assert!(uri.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b)), "{uri}");
            let Some(region) = physical.get("region") else { continue };
            let region = shaped("region", region);
            let number = |key: &str| region[key].as_u64().unwrap();
            assert!(number("startLine") >= 1 && number("startColumn") >= 1);
            assert!(number("endColumn") >= number("startColumn"));
            assert_eq!(region["startLine"], problem["line"]);
            if let Some(snippet) = region.get("snippet") {
                shaped("text", snippet);
            }
        }
    }
}

#[test]
fn what_a_format_has_no_room_for_is_refused() {
    let policies = root().join("policies");
    let (status, out, err) = check(&policies, &["--format", "sarif", "--fleet", "office-night.toml"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(err.starts_with("error: `--fleet` is told as text or json only"), "{err}");
    let (status, _, err) = check(&policies, &["--fleet", "office-night.toml"]);
    assert!(status == 1 && err.contains("needs an inventory"), "{err}");
    let (status, _, err) = check(&policies, &["--effective=nobody", "office-night.toml"]);
    assert!(status == 1 && err.contains("there is no policy `nobody` here"), "{err}");
}

#[test]
fn the_fleet_is_told_even_where_policies_tie() {
    let tie = bad().join("tie");
    let fleet = json(&tie, &["--json", "--fleet", "sipherd.toml"]);
    assert_eq!(fleet["clean"], false);
    assert_eq!(fleet["fleet"]["phones"], 2);
    assert!(!fleet["fleet"]["tied"].as_array().unwrap().is_empty(), "{fleet}");
}

/// A policy with every key there is.
const EVERYTHING: &str = r#"
about = "All at once, \"so to say\""
priority = -3

[select]
vendor = ["snom", "yealink"]
model = ["D7*", "T5?W"]
hardware = "3"
version = [">= 10.1.33, < 10.1.198", "!= 10.1.64"]
site = "berlin"
tag = ["door", "lift"]
mac = ["00:04:13", "00:04:13:92:2d:24"]
line = "21*"
subnet = ["192.0.2.0/24", "2001:db8::/64"]
pbx = "pbx1"
is = "floors"
any = [{ tag = "a", is = "lifts" }, { model = "D735", not = { tag = "b" } }]
not.tag = "emergency"
not.any = [{ site = "bonn" }]

[update]
channel = "stable"

[[window]]
days = ["mon", "sun"]
from = "22:00"
to = "05:00"
zone = "America/New_York"
last_start = "25m"

[[window]]
days = "sat"
from = "23:00"
length = "9h"

[[window]]
cron = "30 1 * * sun"
length = "90m"
zone = "site"

[[window]]
allow = [22, 23, 0, 1]
initial = "10m"

[[blackout]]
on = ["2026-12-24", "05-01"]

[[blackout]]
from = "12-20"
to = "01-06"
zone = "Europe/Berlin"

[[blackout]]
calendar = "holidays.ics"

[[blackout]]
from = "2027-03-01"
to = "2027-03-09"

[idle]
quiet = "15m"
by = "both"
busy = ["talking", "agent-logged-in", "do-not-disturb"]
probe = false
patience = "force"
force_after = "2h"

[pace]
down_at_once = 60
per = { site = 20, model = 5, subnet = 4, switch = 4, tag = { "floor-*" = 2 } }
notify_rate = "30/m"
registrations = "20/s"
downloads = 10
bandwidth = { total = "40 Mbit/s", per_site = "10 MB/s" }
spread = "2h"

[[coverage]]
tag = "reception"
keep_up = 2

[[coverage]]
queue = "sales"
keep_up = "half"

[[coverage]]
ring_group = "600"
never_together = true

[[coverage]]
tag = "emergency"
exclude = true

[[coverage]]
tag = "boss"
last = true

[[wave]]
name = "canary"
per_model = 1
sites = ["bonn", "berlin"]
soak = "24h"

[[wave]]
name = "a tenth"
percent = 10
needs_approval = true
success_percent = 95

[[wave]]
name = "everyone else"
rest = true

[brake]
failed_percent = 5
min_sample = 30
lost_phones = 3
registration_latency = "2s"
check = { command = ["/usr/local/bin/go-on", "--now"] }
in_flight = "withdraw"

[rollback]
release = "snom-10.1.64"

[retry]
attempts = 2
backoff = "30m"
jitter = "25%"
not_after = ["image-rejected"]
penalty_box = "7d"
"#;

const SELECTIONS: &str = "[selection.floors]\ntag = \"floor-1\"\nis = \"lifts\"\n\n[selection.lifts]\ntag = \"lift\"\n\n[selection.fragile]\ntag = \"alarm\"\n";

const HOLIDAYS: &str = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//EN\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n\
                        DTSTART;VALUE=DATE:20261003\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR\n";

/// The policies of a folder, each as it is when all is read.
fn read(folder: &Path) -> Vec<String> {
    let now: DateTime<Utc> = "2099-01-01T00:00:00Z".parse().unwrap();
    let checked = config::check_paths(&[folder], now);
    assert!(!checked.report.has_errors(), "{}", checked.report);
    checked.policies.iter().map(|policy| format!("{policy:#?}")).collect()
}

#[test]
fn a_policy_with_its_defaults_reads_back_to_the_same_policy() {
    let before = tempfile::tempdir().unwrap();
    let after = tempfile::tempdir().unwrap();
    let fixtures = root().join("tests/fixtures/advice");
    for folder in [root().join("policies"), fixtures] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_policy = name.ends_with(".toml") && !name.ends_with(".test.toml");
            if is_policy && !["sipherd.toml", "selections.toml"].contains(&name) {
                std::fs::copy(&path, before.path().join(name)).unwrap();
            }
        }
    }
    std::fs::write(before.path().join("everything.toml"), EVERYTHING).unwrap();
    let phone = "[select]\nvendor = \"snom\"\n[reboot]\n[idle]\nby = \"phone\"\n[retry]\nattempts = 1\n[brake]\ncheck.http = \"https://192.0.2.9/go\"\n";
    std::fs::write(before.path().join("by-phone.toml"), phone).unwrap();
    for folder in [&before, &after] {
        std::fs::write(folder.path().join("selections.toml"), SELECTIONS).unwrap();
        for name in ["holidays.ics", "holidays-de.ics"] {
            std::fs::write(folder.path().join(name), HOLIDAYS.replace('\n', "\r\n")).unwrap();
        }
    }
    let print = |folder: &Path| json(folder, &["--json", "--effective", "."])["effective"].clone();
    let printed = print(before.path());
    let printed_policies = printed.as_array().unwrap();
    assert!(printed_policies.len() > 20);
    for policy in printed_policies {
        let file = format!("{}.toml", policy["name"].as_str().unwrap());
        std::fs::write(after.path().join(file), policy["toml"].as_str().unwrap()).unwrap();
    }
    for (before, after) in read(before.path()).iter().zip(read(after.path())) {
        assert_eq!(*before, after);
    }
    assert_eq!(printed, print(after.path()));
}

#[test]
fn defaults_are_written_as_authors_write_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("night.toml"),
        "[select]\nvendor = \"snom\"\n[reboot]\n[[window]]\ndays = \"fri\"\nfrom = \"22:00\"\nto = \"05:00\"\n",
    )
    .unwrap();
    let (status, out, _) = check(folder.path(), &["--effective=night", "."]);
    assert_eq!(status, 0);
    let expected = r#"
# policy night, all defaults filled in
priority = 0

[select]
vendor = ["snom"]

[reboot]

[[window]]
days = ["fri"]
from = "22:00"
to = "05:00"
zone = "site"
# last_start: what the phone's model needs to boot and flash

[idle]
by = "pbx"
quiet = "10m"
busy = ["talking", "ringing", "held"]
probe = true
patience = "next-window"

[pace]
down_at_once = 1
# per.site: not limited
# per.model: not limited
# per.subnet: not limited
# per.switch: not limited
# per.tag: not limited
# notify_rate: `notifies_per_second` of sipherd.toml alone
# registrations: not limited
# spread: each phone may go as soon as the window opens

[retry]
attempts = 3
backoff = "10m"
jitter = "10%"
# not_after: every failure may be tried again
# penalty_box: a phone without attempts left waits for a person
"#;
    assert!(out.ends_with(expected), "{out}");
}

#[test]
fn what_openings_alone_do_not_tell_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, rest: &str| {
        let text = format!("priority = {}\n[select]\nvendor = \"snom\"\n{rest}", name.len());
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("boots.toml", "[update]\nrelease = \"a\"\n[[window]]\nallow = [3]\ninitial = \"10m\"\n");
    write("next-one.toml", "[stage]\nrelease = \"a\"\n");
    write("silent.toml", "[reboot]\n");
    let (status, out, _) = check(folder.path(), &["."]);
    assert_eq!(status, 0, "{out}");
    for line in [
        "  but no phone for 10 min after it booted by itself",
        "next-one only tells who would get which image: `[stage]`",
        "silent never acts",
    ] {
        assert!(out.lines().any(|said| said == line), "no `{line}` in\n{out}");
    }
}
