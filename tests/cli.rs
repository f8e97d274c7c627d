#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::api::FakeControl;

/// What a command printed, and its exit status.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    out: String,
    err: String,
    status: i32,
}

/// Runs the program that was built, without anything of the tester's own surroundings.
async fn sipherd(words: &[&str], socket: &Path) -> Outcome {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_sipherd"))
        .args(words)
        .env_clear()
        .env("SIPHERD_SOCKET", socket)
        .output()
        .await
        .unwrap();
    Outcome {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        status: output.status.code().unwrap(),
    }
}

/// Runs it against a fake daemon behind the real API.
async fn with_daemon(control: Arc<FakeControl>, words: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("api.sock");
    let listener = sipherd::api::bind_unix(&socket).await.unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, sipherd::api::router(control)).await });
    let outcome = sipherd(words, &socket).await;
    serving.abort();
    outcome
}

async fn prints(words: &[&str], expected: &str) {
    let outcome = with_daemon(Arc::default(), words).await;
    assert_eq!(outcome, Outcome { out: expected.into(), err: String::new(), status: 0 });
}

async fn fails(words: &[&str], status: i32, expected: &str) {
    let outcome = with_daemon(Arc::default(), words).await;
    assert_eq!(outcome, Outcome { out: String::new(), err: expected.into(), status });
}

#[tokio::test]
async fn phones_is_a_table_with_a_summary() {
    prints(
        &["phones"],
        "\
LINE       MAC                PHONE          FIRMWARE               STATE     WHY / WHAT TO DO
2117,2150  00:04:13:00:00:17  snom D785      10.1.64.14 → 10.1.198  waiting   in a call (line 2150)
2118       00:04:13:00:00:18  snom D785      10.1.198               verified
2119       00:04:13:00:00:19  unknown phone  -                      failed    never returned; look whether it has power

1 failed, 1 verified, 1 waiting
",
    )
    .await;
}

#[tokio::test]
async fn phones_selects_by_words() {
    let outcome = with_daemon(Arc::default(), &["phones", "vendor=snom", "2118"]).await;
    assert_eq!(outcome.out.lines().count(), 4);
    assert!(outcome.out.ends_with("\n\n1 verified\n"), "{}", outcome.out);
    prints(&["phones", "2999"], "no phones\n").await;
}

#[tokio::test]
async fn phone_tells_its_history() {
    prints(
        &["phone", "2118"],
        "\
2118  snom D785  10.1.198
  MAC     00:04:13:00:00:18
  lines   2118 idle
  site    berlin
  tags    none
  policy  office-night
  state   verified
  since   2026-11-19 22:00:00Z

TIME                  MAC                TRIP  WHAT
2026-11-19 21:59:00Z  00:04:13:00:00:18  3     asked     NOTIFY check-sync;reboot=true
2026-11-19 22:00:00Z  00:04:13:00:00:18  3     verified  runs 10.1.198
",
    )
    .await;
}

#[tokio::test]
async fn why_tells_every_gate_in_the_zone_of_the_phone() {
    prints(
        &["why", "2117"],
        "\
2117  snom D785  10.1.64.14 → 10.1.198        held by policy office-night
  ok    identity           known from the inventory, 2 lines
  ok    selected           policy office-night, priority 0
  ok    work to do         10.1.64.14 → 10.1.198
  ok    image fits         snomD785-10.1.198-SIP-r.bin
  HOLD  attempts           after no answer: not before Fri 20 Nov 19:06:00; ok in 6 min
  HOLD  window             opens Fri 20 Nov 23:00 (in 4 h), until Sat 04:00
  ok    PBX view           pbx1, 1 s old
  ok    registered         2 of 2 lines
  HOLD  idle               in a call (line 2150)
  ok    budget             0 of 5 phones down
earliest: Fri 20 Nov 23:00, if by then ok: idle
",
    )
    .await;
}

#[tokio::test]
async fn why_can_be_asked_about_another_instant() {
    let outcome = with_daemon(Arc::default(), &["why", "2117", "--at", "2026-11-20T19:30:00+01:00"]).await;
    assert_eq!(outcome.out.lines().nth(1), Some("at Fri 20 Nov 19:30"));
    assert!(!outcome.out.contains("ok in"), "{}", outcome.out);
}

#[tokio::test]
async fn history_is_a_line_an_event() {
    prints(
        &["history"],
        "\
TIME                  MAC                TRIP  WHAT
2026-11-19 21:59:00Z  00:04:13:00:00:18  3     asked     NOTIFY check-sync;reboot=true
2026-11-19 22:00:00Z  00:04:13:00:00:18  3     verified  runs 10.1.198
2026-11-20 17:55:00Z  -                  -     started   sipherd 0.1.0
",
    )
    .await;
    let control = Arc::new(FakeControl::default());
    with_daemon(
        control.clone(),
        &["history", "2118", "--since", "2026-11-19T23:00:00+01:00", "--limit", "7"],
    )
    .await;
    let query = control.queries.lock().unwrap()[0].clone();
    assert_eq!(query.mac.unwrap().to_string(), "00:04:13:00:00:18");
    assert_eq!(query.since.unwrap().to_rfc3339(), "2026-11-19T22:00:00+00:00");
    assert_eq!(query.limit, Some(7));
}

#[tokio::test]
async fn status_is_one_screen() {
    prints(
        &["status"],
        "\
sipherd 0.1.0, running
  phones  412 verified, 3 waiting, 1 failed
  held    3 outside-window, 1 busy
  PBX     pbx1 seen 2 s ago
  PBX     pbx2 seen 0 s ago

contacts that belong to no known phone:
LINE       USER-AGENT
2199@pbx1  Yealink SIP-T46S 66.85.0.5
",
    )
    .await;
}

#[tokio::test]
async fn status_says_what_is_wrong() {
    let control =
        FakeControl { draining: true, broken: Some("error: a.toml:3".into()), ..Default::default() };
    let outcome = with_daemon(Arc::new(control), &["status"]).await;
    assert!(outcome.out.starts_with("sipherd 0.1.0, finishing what is under way, starting nothing new\n"));
    assert!(outcome.out.contains("\n  PBX     pbx2 no view: its phones are left alone\n"));
    assert!(
        outcome
            .out
            .ends_with("\nthe last reload was refused, the old configuration goes on:\nerror: a.toml:3\n")
    );
}

#[tokio::test]
async fn reboot_names_the_job_and_its_terms() {
    prints(&["reboot", "vendor=snom"], "reboot-17: 2 phones in their windows, each when it is idle\n").await;
    prints(&["reboot", "2117", "--now"], "reboot-17: 1 phone now, each as soon as it is idle\n").await;
    let control = Arc::new(FakeControl::default());
    with_daemon(control.clone(), &["reboot", "2117", "--now", "--even-in-a-call"]).await;
    let ask = control.asked.lock().unwrap()[0].clone();
    assert!(ask.now && ask.even_in_a_call);
    assert_eq!(ask.select, ["2117"]);
}

#[tokio::test]
async fn reboot_follows_its_phones_to_the_end() {
    let control = FakeControl { rounds_left: Mutex::new(1), ..Default::default() };
    let outcome = with_daemon(Arc::new(control), &["reboot", "2118", "--now", "--wait"]).await;
    let expected = "\
reboot-17: 1 phone now, each as soon as it is idle
2118  away  boots
2118  rebooted  back after 62 s
LINE  MAC                PHONE      FIRMWARE  STATE     WHY / WHAT TO DO
2118  00:04:13:00:00:18  snom D785  10.1.198  rebooted  back after 62 s

1 rebooted
";
    assert_eq!(outcome, Outcome { out: expected.into(), err: String::new(), status: 0 });
}

#[tokio::test]
async fn every_answer_comes_as_json_too() {
    for words in [
        &["status"][..],
        &["phones"],
        &["phone", "2117"],
        &["why", "2117"],
        &["history"],
        &["reload"],
        &["reboot", "2117"],
        &["reboot", "2117", "--wait"],
    ] {
        let mut all = words.to_vec();
        all.push("--json");
        let outcome = with_daemon(Arc::default(), &all).await;
        assert_eq!((outcome.status, outcome.err.as_str()), (0, ""), "{words:?}");
        serde_json::from_str::<serde_json::Value>(&outcome.out).unwrap_or_else(|e| panic!("{words:?}: {e}"));
    }
}

#[tokio::test]
async fn what_the_daemon_refuses_is_an_error_with_its_hint() {
    fails(
        &["phone", "2999"],
        1,
        "error: no phone has the MAC or line `2999`\n\nhint: `sipherd phones` lists all that are known\n",
    )
    .await;
    fails(
        &["phones", "colour=red"],
        1,
        "error: `colour=red` is not a selection\n\nhint: the keys are vendor, model, hardware, version, site, realm, tag, mac, line, subnet and pbx\n",
    )
    .await;
    let control = FakeControl { draining: true, ..Default::default() };
    let outcome = with_daemon(Arc::new(control), &["reboot", "2117"]).await;
    assert_eq!((outcome.err.as_str(), outcome.status), ("error: sipherd is shutting down\n", 2));
    let control = FakeControl { broken: Some("2 errors in 7 files".into()), ..Default::default() };
    let outcome = with_daemon(Arc::new(control), &["reload"]).await;
    assert_eq!((outcome.err.as_str(), outcome.status), ("error: 2 errors in 7 files\n", 1));
    prints(&["reload"], "reloaded\n").await;
}

#[tokio::test]
async fn without_a_daemon_it_says_how_to_start_one() {
    let outcome = sipherd(&["status"], Path::new("/nonexistent/api.sock")).await;
    let expected = "\
error: sipherd is not running (no answer on `/nonexistent/api.sock`)

hint: start it with `systemctl start sipherd`, or name its socket with `--socket` or its `--config`
";
    assert_eq!(outcome, Outcome { out: String::new(), err: expected.into(), status: 1 });
}

#[tokio::test]
async fn the_socket_comes_from_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sipherd.toml");
    std::fs::write(&config, "[api]\nsocket = \"mine.sock\"\n").unwrap();
    let run = async |config: &Path| {
        let program = env!("CARGO_BIN_EXE_sipherd");
        let words = ["--config", config.to_str().unwrap(), "status"];
        let output = tokio::process::Command::new(program).args(words).env_clear().output().await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let socket = folder.path().join("mine.sock");
    assert!(run(&config).await.contains(&format!("(no answer on `{}`)", socket.display())));
    let missing = folder.path().join("none.toml");
    assert_eq!(
        run(&missing).await,
        format!(
            "error: {}: cannot be read: No such file or directory (os error 2)\n\nhint: name the right file with \
             `--config`, or the socket with `--socket`\n",
            missing.display()
        )
    );
}

#[tokio::test]
async fn wrong_words_are_the_users_to_mend() {
    let nowhere = Path::new("/nonexistent");
    for words in
        [&["phones", "--colour"][..], &["reboot"], &["frobnicate"], &["why", "2117", "--at", "noon"], &[]]
    {
        let outcome = sipherd(words, nowhere).await;
        assert_eq!(outcome.status, 1, "{words:?}");
        assert_eq!(outcome.out, "");
        assert!(outcome.err.contains("Usage: sipherd") || outcome.err.contains("--help"), "{}", outcome.err);
    }
}

#[tokio::test]
async fn help_completions_and_manual_need_no_daemon() {
    let nowhere = Path::new("/nonexistent");
    for (words, part) in [
        (&["--help"][..], "Tell why a phone waits: every gate and its answer"),
        (&["reboot", "--help"], "still wait until each phone is idle"),
        (&["--version"], "sipherd 0.1.0"),
        (&["completions", "bash"], "_sipherd()"),
        (&["man"], ".TH sipherd 1"),
    ] {
        let outcome = sipherd(words, nowhere).await;
        assert_eq!((outcome.status, outcome.err.as_str()), (0, ""), "{words:?}");
        assert!(outcome.out.contains(part), "{words:?}: {}", outcome.out);
    }
}

#[tokio::test]
async fn check_needs_no_daemon_and_its_status_tells_whose_turn_it_is() {
    let nowhere = Path::new("/nonexistent");
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.toml");
    std::fs::write(&broken, "colour = \"red\"\n").unwrap();
    let outcome = sipherd(&["check", broken.to_str().unwrap()], nowhere).await;
    assert_eq!((outcome.status, outcome.err.as_str()), (1, ""));
    assert!(outcome.out.contains("`colour`"), "{}", outcome.out);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/office-night.toml");
    let outcome = sipherd(&["check", shipped], nowhere).await;
    assert_eq!((outcome.status, outcome.err.as_str()), (0, ""), "{}", outcome.out);
    let outcome = sipherd(&["check", shipped, "--json"], nowhere).await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&outcome.out).unwrap()["clean"], true);
}

#[tokio::test]
async fn firmware_is_staged_in_the_state_folder_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sipherd.toml");
    std::fs::write(&config, "state = \"state\"\n").unwrap();
    let image = folder.path().join("snomD785-10.1.198.19-SIP-r.bin");
    std::fs::write(&image, b"image").unwrap();
    let run = async |words: &[&str]| {
        let mut all = vec!["--config", config.to_str().unwrap(), "release"];
        all.extend(words);
        sipherd(&all, Path::new("/nonexistent")).await
    };
    let outcome = run(&["add", image.to_str().unwrap(), "--name", "nov"]).await;
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(folder.path().join("state/releases/nov").is_dir());
    assert!(run(&["list"]).await.out.contains("snomD785-10.1.198.19-SIP-r.bin"));
    assert!(run(&["verify"]).await.out.ends_with("1 image, all whole\n"));
    let outcome = run(&["add", "/nonexistent/image.bin"]).await;
    assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
    assert!(outcome.err.starts_with("error: "), "{}", outcome.err);
}

#[tokio::test]
async fn programs_read_errors_as_json() {
    let said = async |words: &[&str]| {
        let outcome = with_daemon(Arc::default(), words).await;
        assert_eq!((outcome.status, outcome.out.as_str()), (1, ""), "{words:?}");
        assert_eq!(outcome.err.lines().count(), 1, "{}", outcome.err);
        serde_json::from_str::<serde_json::Value>(&outcome.err).unwrap()
    };
    let usage = said(&["why", "--json"]).await;
    assert_eq!(usage["error"], "the following required arguments were not provided: <PHONE>");
    assert_eq!(usage["hint"], "`--help` shows what can be written");
    let missing = said(&["--json", "--config", "/nowhere/sipherd.toml", "run"]).await;
    assert_eq!(missing["error"], "1 error, 0 warnings in 1 file");
    assert_eq!(missing["problems"][0]["message"], "this file does not exist");
    assert_eq!(missing["problems"][0]["hint"], "`sipherd init` writes a first one; `--config` names another");
    let zone = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bad/bad-zone.toml");
    let broken = said(&["--json", "simulate", "--phones", "3", "--policies", zone]).await;
    assert_eq!(broken["problems"][0]["near"], "Europe/Berlin");
    let night = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/office-night.toml");
    let filter = said(&["--json", "check", "--effective=nobody", night]).await;
    assert_eq!(filter["error"], "there is no policy `nobody` here");
}
