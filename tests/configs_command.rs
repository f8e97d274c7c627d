//! `sipherd configs`: what phones have handed in, as its users read it.
#![allow(clippy::unwrap_used, reason = "what a test sets up must stand")]

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sipherd::depot::{Configurations, Keeping};
use sipherd::domain::phone::Mac;
use sipherd::ports::Clock;
use tempfile::TempDir;

const MAC: Mac = Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf0]);

/// A clock on which every look comes an hour after the one before.
struct Hours(Mutex<DateTime<Utc>>);

impl Clock for Hours {
    fn now(&self) -> DateTime<Utc> {
        let mut now = self.0.lock().unwrap();
        *now += TimeDelta::hours(1);
        *now
    }

    fn until(&self, _: DateTime<Utc>) -> Duration {
        Duration::ZERO
    }
}

/// A folder with a configuration of the daemon, and what one phone handed in.
fn office() -> TempDir {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("ami-secret", "secret");
    write(
        "phones.csv",
        "mac,lines,vendor\n00:90:33:03:0d:f0,2117,innovaphone\n00:04:13:00:00:01,2118,snom\n",
    );
    std::fs::create_dir(folder.path().join("policies")).unwrap();
    write(
        "sipherd.toml",
        "state = \"state\"\nzone = \"UTC\"\ninventory = \"phones.csv\"\npolicies = \"policies\"\n[depot]\nurl = \"http://192.0.2.5:8480\"\n\
         [[pbx]]\nname = \"pbx1\"\nkind = \"asterisk\"\nuser = \"sipherd\"\nsecret_file = \"ami-secret\"\n",
    );
    let clock = Arc::new(Hours(Mutex::new("2026-11-28T00:00:00Z".parse().unwrap())));
    let kept = Configurations::open(&folder.path().join("state/configs"), Keeping::default(), clock);
    for (name, text) in [
        ("0", "config change PHONE /lang de\r\nvars create UPDATE/CHECK p 1\r\nconfig change X /a\r\n"),
        ("1", "config change PHONE /lang de\r\nvars create UPDATE/CHECK p 2\r\nconfig change X /a\r\n"),
        ("2", "config change PHONE /lang en\r\nvars create UPDATE/CHECK p 3\r\nconfig change X /a\r\n"),
    ] {
        kept.hand_in(MAC, name, text.as_bytes()).unwrap();
    }
    folder
}

fn sipherd(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sipherd"))
        .arg("--config")
        .arg(folder.join("sipherd.toml"))
        .arg("configs")
        .args(words)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn prints(folder: &TempDir, words: &[&str]) -> String {
    let (status, out, err) = sipherd(folder.path(), words);
    assert_eq!((status, err.as_str()), (0, ""), "{words:?}");
    out
}

#[test]
fn phones_and_their_configurations_are_listed() {
    let office = office();
    assert_eq!(
        prints(&office, &["list"]),
        "\
MAC                KEPT  NEWEST                LAST SEEN             BYTES
00:90:33:03:0d:f0  2     2026-11-28T03:00:00Z  2026-11-28T03:00:00Z  80
"
    );
    let of_one = "\
NUMBER  HANDED IN             LAST SEEN             TIMES  BYTES  NAMES
1       2026-11-28T01:00:00Z  2026-11-28T02:00:00Z  2      80     0 1
2       2026-11-28T03:00:00Z  2026-11-28T03:00:00Z  1      80     2
";
    for phone in ["00:90:33:03:0d:f0", "009033030DF0", "2117"] {
        assert_eq!(prints(&office, &["list", phone]), of_one, "{phone}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&prints(&office, &["list", "2117", "--json"])).unwrap();
    assert_eq!(
        (json["mac"].as_str(), json["versions"][0]["times"].as_u64()),
        (Some("00:90:33:03:0d:f0"), Some(2))
    );
    let json: serde_json::Value = serde_json::from_str(&prints(&office, &["list", "--json"])).unwrap();
    assert_eq!(json[0]["names"]["2"].as_u64(), Some(2));
}

#[test]
fn a_configuration_is_shown_byte_for_byte_and_two_are_compared() {
    let office = office();
    let first = "config change PHONE /lang de\r\nvars create UPDATE/CHECK p 1\r\nconfig change X /a\r\n";
    assert_eq!(prints(&office, &["show", "2117", "1"]), first);
    assert_eq!(prints(&office, &["show", "2117"]), first.replace("de", "en").replace("p 1", "p 3"));
    let told = "\
--- 00:90:33:03:0d:f0 number 1 of 2026-11-28T01:00:00Z
+++ 00:90:33:03:0d:f0 number 2 of 2026-11-28T03:00:00Z
@@ -1,2 +1,2 @@
-config change PHONE /lang de
+config change PHONE /lang en
 config change X /a
";
    assert_eq!(prints(&office, &["diff", "2117"]), told);
    assert_eq!(prints(&office, &["diff", "2117", "1", "2"]), told);
    assert!(prints(&office, &["diff", "2117", "--all"]).contains("+vars create UPDATE/CHECK p 3\n"));
    assert_eq!(prints(&office, &["diff", "2117", "1", "1"]), "");
    let json: serde_json::Value =
        serde_json::from_str(&prints(&office, &["diff", "2117", "--json"])).unwrap();
    assert_eq!((json["from"].as_u64(), json["diff"].as_str()), (Some(1), Some(told)));
    let json: serde_json::Value =
        serde_json::from_str(&prints(&office, &["show", "2117", "1", "--json"])).unwrap();
    assert_eq!((json["text"].as_str(), json["version"]["number"].as_u64()), (Some(first), Some(1)));
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let office = office();
    for (words, said) in [
        (
            &["show", "2118"][..],
            "error: 00:04:13:00:00:01: it has handed in no configuration\n\nhint: `sipherd configs list` shows the phones that have\n",
        ),
        (
            &["show", "2119"],
            "error: 2119: not a MAC, and no phone of the inventory has such a line\n\nhint: write its MAC\n",
        ),
        (
            &["show", "2117", "7"],
            "error: 00:90:33:03:0d:f0: no configuration of number 7 is kept\n\nhint: there is 1, 2\n",
        ),
        (
            &["diff", "2117", "1", "9"],
            "error: 00:90:33:03:0d:f0: no configuration of number 9 is kept\n\nhint: there is 1, 2\n",
        ),
    ] {
        assert_eq!(sipherd(office.path(), words), (1, String::new(), said.to_owned()), "{words:?}");
    }
    std::fs::remove_dir_all(office.path().join("state")).unwrap();
    assert_eq!(prints(&office, &["list"]), "no phone has handed in a configuration\n");
}
