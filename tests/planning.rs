//! `sipherd plan --offline` and `sipherd simulate` as their users type them, and the pictures they draw.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

const POLICY: &str = "\
[select]\nvendor = \"snom\"\n[update]\nrelease = \"spring-10.1.198\"\n[[window]]\n\
days = [\"mon\", \"tue\"]\nfrom = \"22:00\"\nlength = \"40m\"\n[idle]\nquiet = \"10m\"\n[pace]\ndown_at_once = 2\n";

const SETTINGS: &str = "\
state = \"state\"\npolicies = \"policies\"\nzone = \"Europe/Berlin\"\nedit_grace = \"0s\"\ninventory = \"phones.csv\"\n\
[sip]\nlisten = \"127.0.0.1:0\"\n[depot]\nlisten = \"127.0.0.1:8080\"\nurl = \"http://127.0.0.1:8080\"\n\
[[pbx]]\nname = \"pbx1\"\nkind = \"asterisk\"\nami = \"127.0.0.1:5038\"\nuser = \"a\"\nsecret = \"b\"\n";

/// A folder with a configuration of five phones.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(desk.path("policies")).unwrap();
        desk.write("policies/night.toml", POLICY);
        desk.write("sipherd.toml", SETTINGS);
        let rows: String = (1..=5).map(|n| format!("00:04:13:00:00:0{n},210{n},snom,D785\n")).collect();
        desk.write(
            "phones.csv",
            &format!("mac,lines,vendor,model\n{rows}00:15:65:00:00:09,2109,yealink,T46S\n"),
        );
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn sipherd(&self, words: &[&str]) -> (String, String, i32) {
        let output = Command::new(env!("CARGO_BIN_EXE_sipherd"))
            .current_dir(self.0.path())
            .args(["--config", "sipherd.toml"])
            .args(words)
            .env_clear()
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code().unwrap())
    }

    fn prints(&self, words: &[&str]) -> String {
        let (out, err, status) = self.sipherd(words);
        assert_eq!((status, err.as_str()), (0, ""), "{out}");
        out
    }

    fn json(&self, words: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(words);
        serde_json::from_str(&self.prints(&all)).unwrap()
    }
}

/// Monday 23 November 2026, 20:00 in Berlin.
const FROM: [&str; 2] = ["--from", "2026-11-23T20:00:00+01:00"];

fn with<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut all = words.to_vec();
    all.extend(FROM);
    all
}

#[test]
fn a_plan_without_a_daemon_says_who_goes_when_and_what_it_assumes() {
    let out = Desk::new().prints(&with(&["plan", "--assume-staged"]));
    for line in [
        "PHONE  KIND       STARTS               TAKES       POLICY  WHAT / WHY NOT",
        "5 phones go: 5 on Mon 23 Nov",
        "1 phone without a task: 1 not-selected",
        "the last one is back Mon 23 Nov 22:13:39 (in 2 h 13 min)",
        "assumed: spring-10.1.198 is not staged here: taken for staged, with an image for every model",
        "assumed: 5 phones of unknown version run something older than their image",
        "assumed: every phone is registered, idle since yesterday, and nobody makes a call",
    ] {
        assert!(out.lines().any(|found| found == line), "{line}\nin\n{out}");
    }
    assert_eq!(out.matches("Mon 23 Nov 22:00:00").count(), 2, "two at once\n{out}");
    assert!(out.contains("tightest: the pace of night"), "{out}");
}

#[test]
fn nothing_is_taken_for_staged_unless_it_is_said() {
    let plan = Desk::new().json(&with(&["plan", "--offline"]));
    assert_eq!(plan["forecast"]["going"], serde_json::json!([]));
    assert_eq!(plan["forecast"]["staying"][0]["fate"], "never");
    assert_eq!(plan["forecast"]["staying"][0]["reasons"][0]["reason"], "no-image");
}

#[test]
fn settings_and_files_are_planned_as_well_and_each_phone_has_its_files_once() {
    let desk = Desk::new();
    let rows: String = (1..=3).map(|n| format!("00:1a:e8:00:00:0{n},210{n},unify,CP600\n")).collect();
    desk.write("phones.csv", &format!("mac,lines,vendor,model\n{rows}"));
    let plan = |action: &str| {
        let policy = POLICY.replace("snom", "unify");
        desk.write(
            "policies/night.toml",
            &policy.replace("[update]\nrelease = \"spring-10.1.198\"\n", action),
        );
        desk.json(&with(&["plan", "--assume-staged", "--until", "2026-11-25T20:00:00+01:00"]))
    };
    let outcomes = |plan: &Value| {
        let going = plan["forecast"]["going"].as_array().unwrap();
        going.iter().map(|going| going["outcome"]["outcome"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let files = plan("[files]\nrelease = \"logos\"\n");
    assert_eq!(outcomes(&files), ["deployed"; 3], "{files:#}");
    let assumed = files["assumed"].to_string();
    assert!(
        assumed.contains("logos is not staged here: taken for staged, with a file for every model"),
        "{assumed}"
    );
    let written = plan("[write]\nitems = [{ name = \"display-skin\", value = \"1\" }]\n");
    assert_eq!(outcomes(&written), ["written"; 6], "on Monday, and looked at again on Tuesday");
}

#[test]
fn only_the_phones_asked_for_are_shown_and_all_are_planned() {
    let desk = Desk::new();
    let all = desk.json(&with(&["plan", "--assume-staged"]));
    let one = desk.json(&with(&["plan", "--assume-staged", "2103"]));
    let going = one["forecast"]["going"].as_array().unwrap();
    assert_eq!(going.len(), 1);
    assert!(all["forecast"]["going"].as_array().unwrap().contains(&going[0]));
}

#[test]
fn mistakes_are_told_with_a_way_out() {
    let desk = Desk::new();
    let (_, err, status) = desk.sipherd(&with(&["plan", "--until", "2026-11-23T10:00:00Z"]));
    assert_eq!(status, 1);
    assert_eq!(err, "error: the plan would end before it begins\n\nhint: name a later `--until`\n");
    desk.write("calls.csv", "hello,world\n");
    let (_, err, status) = desk.sipherd(&["simulate", "--cdr", "calls.csv"]);
    assert_eq!(status, 1);
    assert_eq!(
        err,
        "error: calls.csv: its first line is of no known form\n\n\
         hint: say who wrote it with `--cdr-format`: asterisk, freeswitch or kamailio\n"
    );
}

#[test]
fn the_picture_has_a_row_a_phone_windows_bars_and_a_legend() {
    let desk = Desk::new();
    desk.prints(&with(&["plan", "--assume-staged", "--svg", "plan.svg"]));
    let text = std::fs::read_to_string(desk.path("plan.svg")).unwrap();
    let picture = roxmltree::Document::parse(&text).unwrap();
    let root = picture.root_element();
    assert_eq!(
        (root.tag_name().name(), root.tag_name().namespace()),
        ("svg", Some("http://www.w3.org/2000/svg"))
    );
    let class =
        |wanted: &str| root.descendants().filter(|node| node.attribute("class") == Some(wanted)).count();
    assert_eq!(class("line"), 5, "a row for each phone with a task");
    // Each row has the windows of Monday, Tuesday and the Monday after, as far as the picture goes; one stands in the
    // legend, which has one of each sign.
    assert_eq!(class("window"), 5 + 1);
    assert_eq!(class("good"), 5 + 1);
    assert_eq!(class("held"), 3 + 1, "three wait for a place");
    let words: Vec<&str> = root.descendants().filter_map(|node| node.text()).collect();
    for word in ["What sipherd would do", "2101", "snom D785", "22:00", "window open", "waits in its window"]
    {
        assert!(words.iter().any(|found| found.trim() == word), "{word} in {words:?}");
    }
    let number = |node: roxmltree::Node<'_, '_>, key| node.attribute(key).and_then(|n| n.parse::<f64>().ok());
    for node in root.descendants().filter(|node| node.attribute("class").is_some()) {
        assert!(number(node, "x").is_none_or(|x| (0.0..=1200.0).contains(&x)), "{node:?}");
        assert!(number(node, "width").is_none_or(|width| width > 0.0), "{node:?}");
    }
}

#[test]
fn many_phones_share_the_rows_of_a_picture() {
    let desk = Desk::new();
    let words = ["simulate", "--phones", "100", "--days", "3", "--svg", "nights.svg"];
    desk.prints(&with(&words));
    let text = std::fs::read_to_string(desk.path("nights.svg")).unwrap();
    let picture = roxmltree::Document::parse(&text).unwrap();
    let rows = picture.descendants().filter(|node| node.attribute("class") == Some("line")).count();
    assert_eq!(rows, 1, "one policy, no sites");
    assert!(picture.descendants().any(|node| node.text() == Some("at most 2 down at once")));
}

#[test]
fn a_simulation_is_the_same_for_the_same_seed() {
    let desk = Desk::new();
    let words = with(&["simulate", "--phones", "30", "--days", "2", "--calls-per-hour", "6"]);
    let one = desk.json(&words);
    assert_eq!(one, desk.json(&words));
    let mut other = words.clone();
    other.extend(["--seed", "2"]);
    assert_ne!(one, desk.json(&other));
    let forecast = &one["simulated"]["forecast"];
    assert!(forecast["calls"]["calls"].as_u64().unwrap() > 50, "{}", forecast["calls"]);
    assert_eq!(forecast["phones"], 30);
}

#[test]
fn a_wider_pace_is_seen_beside_the_narrow_one() {
    let desk = Desk::new();
    desk.write("wide.toml", &POLICY.replace("down_at_once = 2", "down_at_once = 20"));
    let out = desk.prints(&with(&[
        "simulate",
        "--phones",
        "40",
        "--calls-per-hour",
        "0",
        "--compare",
        "wide.toml",
    ]));
    let row = |name: &str| {
        let line =
            out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in\n{out}"));
        line[name.len()..].split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    // A snom may need 21 minutes by its deadlines, so in a window of 40 five rounds of two start, in each of two nights.
    assert_eq!(row("phones done"), ["20", "40", "+20"]);
    assert_eq!(row("phones left"), ["20", "0", "-20"]);
    assert_eq!(row("nights used"), ["2", "1", "-1"]);
    assert!(row("last one back").ends_with(&["finishes".to_owned()]), "{out}");
}

#[test]
fn records_keep_their_phones_busy_at_their_hours() {
    let desk = Desk::new();
    // Monday 16 November: 2101 talks from 21:55 to 22:30, past the end of the window; on Tuesday nobody does.
    desk.write(
        "calls.csv",
        "\"\",\"2101\",\"0151\",\"i\",\"2101\",\"PJSIP/2101-1\",\"PJSIP/trunk-2\",\"Dial\",\"\",\"2026-11-16 21:55:00\",\
         \"\",\"2026-11-16 22:30:00\",2100,0,\"ANSWERED\",\"DOCUMENTATION\"\nbroken\n",
    );
    let told = desk.json(&with(&["simulate", "--cdr", "calls.csv", "--days", "2"]));
    assert_eq!(told["unusable"][0]["line"], 2);
    let forecast = &told["simulated"]["forecast"];
    assert_eq!(
        (forecast["calls"]["calls"].as_u64(), forecast["calls"]["strange"].as_u64()),
        (Some(1), Some(1))
    );
    let starts: Vec<&str> = forecast["going"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|going| going["mac"] == "00:04:13:00:00:01")
        .map(|going| going["start"].as_str().unwrap())
        .collect();
    assert_eq!(starts, ["2026-11-24T21:00:00Z"], "the night after");
}
