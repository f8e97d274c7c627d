//! Reading the files again.

use std::sync::Arc;
use std::time::Duration;

use sipherd::clock::{ScaledClock, SystemClock};
use sipherd::sim::PhoneSpec;

use super::site::{ALWAYS, Child, FAST, House, LIMIT, Site, building, count, friday, orders, quick, user};

const NEVER_NOW: &str =
    "[select]\nline = \"*\"\n[reboot]\n[[window]]\ndays = [\"sun\"]\nfrom = \"03:00\"\nto = \"04:00\"\n";

fn now() -> String {
    format!("[select]\nline = \"*\"\n[reboot]\n{ALWAYS}[idle]\nquiet = \"0s\"\n")
}

#[tokio::test]
async fn a_reload_takes_over_what_is_right_and_leaves_what_was_when_anything_is_wrong() {
    let house = House(20);
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let asks = PhoneSpec { challenges: true, ..house.snom(1) };
    let building = building(clock.clone(), vec![asks, house.snom(2)]).await;
    let site = Site::new(house);
    site.write("policies/night.toml", NEVER_NOW);
    site.write("phones.csv", &house.inventory(&[(1, ""), (2, "")]));
    site.write("sip-credentials.csv", "line,username,password\n2001,2001,not-this-one\n");
    site.settings(&building, "credentials = \"sip-credentials.csv\"", FAST);
    let daemon = site.start(clock, Duration::from_millis(1)).await;
    daemon.phone(&user(1), |phone| phone.detail.starts_with("outside the window")).await;

    site.write("policies/night.toml", &now().replace("[reboot]", "[rebot]"));
    site.write("phones.csv", "mac,lines\n00:04:13,2001\n");
    let refused = site.sipherd(&["reload"]).await;
    assert_eq!((refused.status, refused.out.as_str()), (1, ""), "{}", refused.err);
    for wrong in ["night.toml:3", "`rebot`", "phones.csv:2", "`00:04:13`"] {
        assert!(refused.err.contains(wrong), "{wrong} in {}", refused.err);
    }
    let status = site.prints(&["status"]).await;
    let told = "the last reload was refused, the old configuration goes on:";
    assert!(status.contains(told) && status.contains("night.toml:3"), "{status}");
    assert!(status.contains("\n  phones  2 waiting\n") && status.contains("2 outside-window"), "{status}");

    site.write("policies/night.toml", &now());
    site.write("phones.csv", &house.inventory(&[(1, "")]));
    site.write("sip-credentials.csv", "line,username,password\n2001,2001,secret-2001\n");
    assert_eq!(site.prints(&["reload"]).await, "reloaded\n");
    daemon.state(&user(1), "rebooted").await;
    let log = building.log(house.mac(1));
    let answers = |status| {
        count(&log, |what| matches!(what, sipherd::sim::What::Answered { status: s, .. } if *s == status))
    };
    assert_eq!((answers(401), answers(200)), (1, 1), "asked for its password once, and content: {log:#?}");
    let forgotten = site.sipherd(&["why", "2002"]).await;
    assert_eq!(forgotten.status, 1, "{}", forgotten.out);
    assert_eq!(orders(&building.log(house.mac(2))), 0, "a phone that is not listed any more is left alone");
    let status = site.prints(&["status"]).await;
    assert!(!status.contains("refused"), "{status}");
    assert!(status.contains("\n2002@pocket  snomD785/10.1.64.14\n"), "its contact is a stranger's: {status}");
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_hangup_signal_reloads() {
    let house = House(21);
    let building = building(Arc::new(SystemClock), vec![quick(house.snom(1))]).await;
    let site = Site::new(house);
    site.write("policies/night.toml", "[select]\n");
    site.write("phones.csv", &house.inventory(&[(1, "")]));
    site.settings(&building, "", "");
    let check = site.sipherd(&["check", site.path("sipherd.toml").to_str().unwrap()]).await;
    assert_eq!(check.status, 1);
    site.write("policies/night.toml", &now().replace("line = \"*\"", "line = \"9*\""));
    let mut child = Child::start(&site, "first").await;
    child.tells("STATUS=watching").await;

    child.forget_told();
    site.write("policies/night.toml", "[select]\n");
    child.signal("HUP").await;
    child.tells("STATUS=watching").await;
    let log = child.log();
    assert!(log.contains("the configuration is not taken over") && log.contains("night.toml"), "{log}");
    let status = site.prints(&["status"]).await;
    assert!(status.contains("the last reload was refused") && status.contains("1 unmanaged"), "{status}");

    child.forget_told();
    site.write("policies/night.toml", &now());
    child.signal("HUP").await;
    child.tells("STATUS=watching").await;
    let rebooted = building.wait(house.mac(1), LIMIT, |log| orders(log) == 1).await;
    rebooted.unwrap_or_else(|error| panic!("{error}: {}", child.log()));
    assert!(!site.prints(&["status"]).await.contains("refused"));
    child.signal("TERM").await;
    assert_eq!(child.ends().await, Some(0), "{}", child.log());
    building.shutdown().await;
}

#[tokio::test]
async fn a_policy_edited_lately_waits_and_then_acts_by_itself() {
    let house = House(22);
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let building = building(clock.clone(), vec![house.snom(1)]).await;
    let site = Site::new(house);
    site.write("policies/night.toml", &now());
    site.write("phones.csv", &house.inventory(&[(1, "")]));
    site.settings(&building, "", FAST);
    let settings = std::fs::read_to_string(site.path("sipherd.toml")).unwrap();
    site.write("sipherd.toml", &settings.replace("edit_grace = \"0s\"", "edit_grace = \"6m\""));
    let policy = std::fs::File::options().append(true).open(site.path("policies/night.toml")).unwrap();
    policy.set_modified(friday().into()).unwrap();
    let daemon = site.start(clock.clone(), Duration::from_millis(1)).await;
    let held = daemon.phone(&user(1), |phone| phone.detail.contains("edited")).await;
    assert!(held.detail.contains("night"), "{}", held.detail);
    assert!(site.prints(&["why", "2001"]).await.contains("edited"));
    daemon.state(&user(1), "rebooted").await;
    let asked =
        building.log(house.mac(1)).into_iter().find(|line| orders(std::slice::from_ref(line)) > 0).unwrap();
    assert!(asked.at >= friday() + chrono::TimeDelta::minutes(6), "{asked:?}");
    daemon.stop().await;
    building.shutdown().await;
}
