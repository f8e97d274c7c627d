//! `sipherd import innovaphone`, run as an administrator runs it. With `BLESS=1` the golden files are written anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/innovaphone")
}

fn import(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sipherd"));
    let command = command.args(["import", "innovaphone"]).args(words).current_dir(folder);
    command.env_clear().stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn golden(file: &Path, told: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, told).unwrap();
    }
    assert_eq!(told, std::fs::read_to_string(file).unwrap(), "{}", file.display());
}

#[test]
fn each_script_becomes_its_policy_and_is_told_about() {
    let mut scripts = 0;
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.retain(|path| path.extension().is_some_and(|end| end == "htm"));
    for path in entries {
        let name = path.file_name().unwrap().to_str().unwrap();
        let done = import(&fixtures(), &[name]);
        let status = done.status.code().unwrap();
        golden(&path.with_extension("toml"), &text(&done.stdout));
        golden(&path.with_extension("txt"), &format!("{}exit status {status}\n", text(&done.stderr)));
        scripts += 1;
    }
    assert_eq!(scripts, 8);
}

#[test]
fn the_policy_is_written_once_and_can_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = fixtures().join("update-ip1200.htm");
    let words = [file.to_str().unwrap(), "--out", "policies"];
    let done = import(folder.path(), &words);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), "policies/innovaphone-ip1200-firmware.toml: written\n");
    let written =
        std::fs::read_to_string(folder.path().join("policies/innovaphone-ip1200-firmware.toml")).unwrap();
    assert_eq!(written, std::fs::read_to_string(fixtures().join("update-ip1200.toml")).unwrap());
    let sipherd = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sipherd"));
        command.args(words).current_dir(folder.path()).env_clear().stdin(Stdio::null()).output().unwrap()
    };
    let checked = sipherd(&["check", "policies"]);
    assert!(checked.status.success(), "{}", text(&checked.stdout));
    assert!(text(&checked.stdout).contains("0 errors, 0 warnings in 1 file"), "{}", text(&checked.stdout));
    assert!(sipherd(&["fmt", "--check", "policies"]).status.success());
    let again = import(folder.path(), &words);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is there already; nothing was written"), "{}", text(&again.stderr));
}

#[test]
fn mistakes_stop_the_import_with_all_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mod cmd UP1 times /allow 22,24\r\nmod cmd UP0 prot ireset 04-5656\r\n";
    std::fs::write(folder.path().join("update-ip222.htm"), script).unwrap();
    let done = import(folder.path(), &["update-ip222.htm", "--out", "policies"]);
    assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(1), ""));
    assert!(!folder.path().join("policies").exists());
    assert_eq!(
        text(&done.stderr),
        "\
error: `24` is not an hour of the day
 --> update-ip222.htm:1:29
  |
1 | mod cmd UP1 times /allow 22,24
  |                             ^^
  |
  = hint: list hours from 0 to 23 with commas and without blanks: `/allow 22,23,0,1`

error: the URL is missing before `ireset`
 --> update-ip222.htm:2:18
  |
2 | mod cmd UP0 prot ireset 04-5656
  |                  ^^^^^^
  |
  = hint: write `mod cmd UP0 prot http://192.0.2.5/firmware/ ireset 04-5656`

"
    );
    let missing = import(folder.path(), &["nowhere.htm"]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn hours_that_a_script_never_reaches_are_told() {
    let done = import(&fixtures(), &["update-ip240.htm"]);
    let wanted = "line 3: the script does this never, the policy in the hours 1, 2, 3\n";
    assert!(text(&done.stderr).contains(wanted), "{}", text(&done.stderr));
    let same = import(&fixtures(), &["site.htm"]);
    assert!(!text(&same.stderr).contains("the script does this"), "after two restarts it gets there");
}

#[test]
fn programs_get_all_of_it_as_json() {
    let query = "/update-ip3000.htm?ver=IP3000+04-5656&PROT=04-5679";
    let done = import(&fixtures(), &["update-ip3000.htm", "--json", "--poll", query]);
    assert!(done.status.success());
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(told["product"], "IP3000");
    let rules: Vec<_> = told["problems"].as_array().unwrap().iter().map(|problem| &problem["rule"]).collect();
    assert_eq!(rules, ["no-initial", "not-activated"]);
    assert_eq!(told["policy"]["name"], "innovaphone-ip3000-firmware");
    assert_eq!(
        told["policy"]["script"],
        "mod cmd UP1 times /allow 23,0,1,2,3,4\r\nmod cmd UP0 prot http://192.0.2.5/configs/firmware/ ireset 04-5679\r\n"
    );
    let polled = told["devices"].as_array().unwrap().last().unwrap();
    assert_eq!(polled["device"], "the device that polled");
    assert_eq!(polled["hours"][1]["does"][0], "nothing: the serial is the stored one");
    let remarks = told["remarks"].to_string();
    assert!(remarks.contains("has stored `04-5679` and runs `IP3000 04-5656`"), "{remarks}");
}
