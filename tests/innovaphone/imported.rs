//! `sipherd import innovaphone`, run as an administrator runs it. With `BLESS=1` the golden files are written anew.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sipherd::phones::innovaphone::import::import as imported;

use super::script;

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
    let names = ["innovaphone-ip1200-firmware", "innovaphone-ip1200-backup"];
    let said = names.map(|name| format!("policies/{name}.toml: written\n")).concat();
    assert_eq!(text(&done.stdout), said);
    let written = names.map(|name| {
        let text = std::fs::read_to_string(folder.path().join(format!("policies/{name}.toml"))).unwrap();
        format!("# {name}.toml\n{text}")
    });
    assert_eq!(
        written.join("\n"),
        std::fs::read_to_string(fixtures().join("update-ip1200.toml")).unwrap(),
        "what is printed, each below its name"
    );
    let sipherd = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sipherd"));
        command.args(words).current_dir(folder.path()).env_clear().stdin(Stdio::null()).output().unwrap()
    };
    let checked = sipherd(&["check", "policies"]);
    assert!(checked.status.success(), "{}", text(&checked.stdout));
    assert!(text(&checked.stdout).contains("0 errors, 0 warnings in 2 files"), "{}", text(&checked.stdout));
    assert!(sipherd(&["fmt", "--check", "policies"]).status.success());
    // One of them is there: the other is not written either.
    std::fs::remove_file(folder.path().join("policies/innovaphone-ip1200-firmware.toml")).unwrap();
    let again = import(folder.path(), &words);
    assert!(!folder.path().join("policies/innovaphone-ip1200-firmware.toml").exists());
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
    assert_eq!(told["policies"].as_array().unwrap().len(), 1);
    assert_eq!(told["policies"][0]["name"], "innovaphone-ip3000-firmware");
    assert_eq!(
        told["policies"][0]["script"],
        "mod cmd UP1 times /allow 23,0,1,2,3,4\r\nmod cmd UP0 prot http://192.0.2.5/configs/firmware/ ireset 04-5679\r\n"
    );
    let polled = told["devices"].as_array().unwrap().last().unwrap();
    assert_eq!(polled["device"], "the device that polled");
    assert_eq!(polled["hours"][1]["does"][0], "nothing: the serial is the stored one");
    let remarks = told["remarks"].to_string();
    assert!(remarks.contains("has stored `04-5679` and runs `IP3000 04-5656`"), "{remarks}");
}

/// The policies of a script: the ends of their names, with the days and hours of those that keep configurations.
fn kinds(text: &str) -> (Vec<String>, String) {
    let made = imported(&script(text), None);
    let kind = |name: &str, text: &str| {
        let of = |key: &str| {
            text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().replace('"', "")
        };
        let end = name.rsplit('-').next().unwrap().to_owned();
        if end == "backup" { format!("{end}{}{}{}", of("days ="), of("from ="), of("to =")) } else { end }
    };
    let remarks: Vec<String> = made.remarks.into_iter().map(|remark| remark.text).collect();
    (made.drafts.iter().map(|draft| kind(&draft.name, &draft.text)).collect(), remarks.join("\n"))
}

#[test]
fn force_becomes_days_and_the_hours_one_stretch() {
    let night = "mod cmd UP1 times /allow 23,0,1,2,3,4\n";
    let save = |more: &str| format!("mod cmd UP0 scfg http://192.0.2.5/#m.txt{more}\n");
    let all = "[mon, tue, wed, thu, fri, sat, sun]";
    for (script, wanted) in [
        (format!("{night}{}", save(" no-op WEEKLY /force 168")), "[sun] 23:00 05:00".to_owned()),
        (format!("{night}{}", save(" no-op A /force 1000")), "[sun] 23:00 05:00".into()),
        (format!("{night}{}", save(" no-op A")), "[sun] 23:00 05:00".into()),
        (format!("{night}{}", save(" no-op A /force 84")), "[sat, sun] 23:00 05:00".into()),
        (format!("{night}{}", save(" no-op A /force 24")), format!("{all} 23:00 05:00")),
        (format!("{night}{}", save(" no-op A /force 1")), format!("{all} 23:00 05:00")),
        (format!("{night}{}", save(" no-op A /force 0")), format!("{all} 23:00 05:00")),
        (format!("{night}{}", save("")), format!("{all} 23:00 05:00")),
        (save(" no-op WEEKLY /force 168"), "[sun] 00:00 00:00".into()),
    ] {
        assert_eq!(kinds(&script).0, [format!("backup {wanted}")], "{script}");
    }
    let apart = format!("mod cmd UP1 times /allow 12,1,2,3\n{}", save(" no-op WEEKLY /force 168"));
    let (made, remarks) = kinds(&apart);
    assert_eq!(made, ["backup [sun] 01:00 04:00"]);
    assert!(remarks.contains("only the longest stretch is taken, 3 from 1:00 on"), "{remarks}");
}

#[test]
fn initial_spares_phones_in_the_firmwares_policy() {
    let prot = "mod cmd UP0 prot http://192.0.2.5/fw/ ireset 04-5679\n";
    for (times, wanted) in [
        ("mod cmd UP1 times /allow 1,2 /initial 6\n", "allow = [1, 2]\ninitial = \"6m\"\n"),
        (
            "mod cmd UP1 times /allow 1,2\nmod cmd UP1 times /initial 9\n",
            "allow = [1, 2]\ninitial = \"9m\"\n",
        ),
        ("mod cmd UP1 times /allow 1,2 /initial 0\n", "allow = [1, 2]\n"),
        ("mod cmd UP1 times /initial 6\n", "20, 21, 22, 23]\ninitial = \"6m\"\n"),
    ] {
        let made = imported(&script(&format!("{times}{prot}")), None);
        assert!(made.drafts[0].text.ends_with(wanted), "{times}{}", made.drafts[0].text);
    }
}

#[test]
fn the_backups_are_a_policy_of_their_own_where_a_build_tells_the_phones_apart() {
    let save = "mod cmd UP0 scfg http://192.0.2.5/#m.txt no-op WEEKLY /force 168\n";
    let prot = |serial: &str| format!("mod cmd UP0 prot http://192.0.2.5/fw/ ireset {serial}\n");
    let backup = "backup [sun] 00:00 00:00";
    for (script, wanted, told) in [
        (format!("{save}{}", prot("04-5679")), vec!["firmware", backup], "run 04-5679 already"),
        (format!("{}{save}", prot("125555")), vec!["firmware", backup], "run 125555 already"),
        (format!("{save}{}", prot("10/1")), vec!["firmware"], "`10/1` is no build"),
        (format!("{save}{save}"), vec![backup], "no policy hands in twice: line 1 is the one that counts"),
        (format!("{save}{}{}", prot("1"), prot("2")), vec![], "no policy is written, so no configuration"),
    ] {
        let (made, remarks) = kinds(&script);
        assert_eq!(made, wanted, "{script}");
        assert!(remarks.contains(told), "{script}{remarks}");
    }
}
