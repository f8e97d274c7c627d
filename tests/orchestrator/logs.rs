//! What is written to the log, and what never is.

use std::sync::Arc;

use md5::{Digest, Md5};
use sipherd::clock::SystemClock;
use sipherd::sim::{Building, BuildingSpec, PhoneSpec, What};

use super::site::{ALWAYS, Child, House, LIMIT, Site, count, quick};

const AMI_SECRET: &str = "tell-nobody-of-the-manager";
const PASSWORD: &str = "tell-nobody-of-the-phone";
/// The challenge of the pocket PBX.
const CHALLENGE: &str = "184520651";

/// The log, at its most talkative, of a daemon that reboots a phone which asks for its password.
async fn log_of_a_reboot(house: House, format: &str) -> String {
    let phone = PhoneSpec { challenges: true, password: PASSWORD.to_owned(), ..quick(house.snom(1)) };
    let spec = BuildingSpec::new(Arc::new(SystemClock), vec![phone], 7);
    let building = Building::start(BuildingSpec { ami_secret: AMI_SECRET.to_owned(), ..spec }).await.unwrap();
    building.all_registered(LIMIT).await.unwrap();
    let site = Site::new(house);
    let quiet = "[idle]\nquiet = \"0s\"\n";
    site.write("policies/all.toml", &format!("[select]\nline = \"*\"\n[reboot]\n{ALWAYS}{quiet}"));
    site.write("phones.csv", &house.inventory(&[(1, "")]));
    site.write("sip-credentials.csv", &format!("line,username,password\n2001,2001,{PASSWORD}\n"));
    let log = format!("[log]\nformat = \"{format}\"\nfilter = \"trace\"\n");
    site.settings(&building, "credentials = \"sip-credentials.csv\"", &log);
    let mut child = Child::start(&site, "daemon").await;
    let registered = |log: &[_]| count(log, |what| *what == What::Registered) == 2;
    let back = building.wait(house.mac(1), LIMIT, registered).await;
    back.unwrap_or_else(|error| panic!("{error}: {}", child.log()));
    child.signal("TERM").await;
    assert_eq!(child.ends().await, Some(0), "{}", child.log());
    let challenged = |what: &What| matches!(what, What::Answered { status: 401, .. });
    assert_eq!(count(&building.log(house.mac(1)), challenged), 1, "it asked for its password");
    building.shutdown().await;
    child.log()
}

fn assert_no_secret(log: &str) {
    assert!(log.contains("TRACE"), "as talkative as can be");
    let key = hex::encode(Md5::digest(format!("{CHALLENGE}{AMI_SECRET}").as_bytes()));
    for secret in [AMI_SECRET, PASSWORD, &key, "response=", "cnonce"] {
        let found: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(found.is_empty(), "{secret} in {found:#?}");
    }
}

#[tokio::test]
async fn a_log_for_people_has_no_secret_and_no_colour() {
    let log = log_of_a_reboot(House(50), "text").await;
    assert_no_secret(&log);
    assert!(!log.contains('\u{1b}'), "{log}");
    let asked = log.lines().find(|line| line.contains("NOTIFY Event: reboot")).unwrap();
    assert!(asked.contains(" INFO ") && asked.contains("mac=00:04:13:70:32:01 kind=\"asked\""), "{asked}");
}

#[tokio::test]
async fn a_log_for_machines_is_an_object_a_line() {
    let log = log_of_a_reboot(House(51), "json").await;
    assert_no_secret(&log);
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    let asked = lines.iter().find(|line| line["fields"]["message"] == "NOTIFY Event: reboot").unwrap();
    assert_eq!(asked["level"], "INFO");
    assert_eq!(asked["fields"]["mac"], "00:04:13:70:33:01");
    assert_eq!(asked["fields"]["kind"], "asked");
    assert!(asked["timestamp"].is_string() && asked["target"].is_string());
}
