//! `sipherd init` and `sipherd fmt`, run as an author runs them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sipherd::config::layout::laid_out;

fn sipherd(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sipherd"));
    command.args(words).current_dir(folder).env_clear().stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const OPTIONS: [&str; 9] = [
    "init",
    "--zone",
    "Europe/Berlin",
    "--address",
    "192.0.2.5",
    "--ami",
    "192.0.2.10:5038",
    "--defaults",
    "site",
];

#[test]
fn what_init_writes_is_checked_and_laid_out() {
    let folder = tempfile::tempdir().unwrap();
    let done = sipherd(folder.path(), &OPTIONS);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let site = folder.path().join("site");
    let secret = std::fs::read_to_string(site.join("ami-secret")).unwrap();
    let told = text(&done.stdout);
    assert!(told.contains(&format!("secret = {}", secret.trim())), "{told}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(site.join("ami-secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let settings = std::fs::read_to_string(site.join("sipherd.toml")).unwrap();
    for line in ["zone = \"Europe/Berlin\"", "url    = \"http://192.0.2.5:8480\"", "\"192.0.2.10:5038\""] {
        assert!(settings.contains(line), "{settings}");
    }
    let check = sipherd(folder.path(), &["--config", "site/sipherd.toml", "check"]);
    assert!(check.status.success(), "{}{}", text(&check.stdout), text(&check.stderr));
    assert!(text(&check.stdout).contains("0 errors, 0 warnings"), "{}", text(&check.stdout));
    let fmt = sipherd(folder.path(), &["--config", "site/sipherd.toml", "fmt", "--check"]);
    assert_eq!(text(&fmt.stdout), "nothing to do in 2 files\n");
    assert!(fmt.status.success());
}

#[test]
fn init_overwrites_nothing_and_refuses_what_cannot_work() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("phones.csv"), "mine").unwrap();
    let refused = sipherd(folder.path(), &["init", "--defaults"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        text(&refused.stderr),
        "error: ./phones.csv: is there already; nothing was written\n\nhint: name another folder: `sipherd init DIR`\n"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let odd = sipherd(folder.path(), &["init", "--defaults", "--zone", "Europe/Belrin", "new"]);
    assert_eq!(odd.status.code(), Some(1));
    assert!(text(&odd.stderr).contains("Europe/Belrin"), "{}", text(&odd.stderr));
    assert!(!folder.path().join("new").exists());
}

#[test]
fn fmt_changes_layout_alone_and_check_only_tells() {
    let folder = tempfile::tempdir().unwrap();
    let (odd, good, bad) = ("[select]\nvendor=\"snom\" # all\n", "[reboot]\n", "[reboot\n");
    for (name, text) in [("a.toml", odd), ("b.toml", good), ("c.toml", bad), ("notes.txt", odd)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let told = "./a.toml: not laid out\nerror: ./c.toml:1: ";
    let check = sipherd(folder.path(), &["fmt", "--check", "."]);
    assert!(text(&check.stdout).starts_with(told), "{}", text(&check.stdout));
    assert_eq!(check.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(folder.path().join("a.toml")).unwrap(), odd);
    let done = sipherd(folder.path(), &["fmt", "a.toml", "b.toml"]);
    assert_eq!(text(&done.stdout), "a.toml: laid out\n1 of 2 files laid out\n");
    assert!(done.status.success());
    let after = std::fs::read_to_string(folder.path().join("a.toml")).unwrap();
    assert_eq!(after, "[select]\nvendor = \"snom\"                  # all\n");
    assert_eq!(std::fs::read_to_string(folder.path().join("notes.txt")).unwrap(), odd);
}

#[test]
fn every_shipped_file_is_laid_out() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    for folder in ["policies", "examples"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "toml") {
                let text = std::fs::read_to_string(&path).unwrap();
                assert_eq!(laid_out(&text).unwrap(), text, "{}: run `sipherd fmt`", path.display());
            }
        }
    }
}
