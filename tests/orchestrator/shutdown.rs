//! Ending: drain, second signal, next start.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sipherd::clock::SystemClock;
use sipherd::sim::{Building, What};

use super::site::{ALWAYS, Child, House, LIMIT, Site, boots, building, count, orders, quick, user};

/// Phones that take this long to boot, and a policy that lets one go at a time.
async fn one_at_a_time(house: House, phones: u8, boot: TimeDelta) -> (Site, Building) {
    let slow = |n| {
        let mut phone = quick(house.snom(n));
        phone.pace.boot = boot;
        phone
    };
    let building = building(Arc::new(SystemClock), (1..=phones).map(slow).collect()).await;
    let site = Site::new(house);
    let one = "[idle]\nquiet = \"0s\"\n[pace]\ndown_at_once = 1\n";
    site.write("policies/all.toml", &format!("[select]\nline = \"*\"\n[reboot]\n{ALWAYS}{one}"));
    let listed: Vec<(u8, &str)> = (1..=phones).map(|n| (n, "")).collect();
    site.write("phones.csv", &house.inventory(&listed));
    site.settings(&building, "", "");
    (site, building)
}

/// The phone that went first.
async fn gone(building: &Building, house: House, phones: u8) -> u8 {
    let look = async {
        loop {
            if let Some(n) = (1..=phones).find(|n| boots(&building.log(house.mac(*n))) > 0) {
                return n;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, look).await.expect("nobody went")
}

#[tokio::test]
async fn a_terminated_daemon_finishes_what_is_under_way_and_starts_nothing() {
    let house = House(30);
    let (site, building) = one_at_a_time(house, 2, TimeDelta::milliseconds(1500)).await;
    let mut child = Child::start(&site, "daemon").await;
    let first = gone(&building, house, 2).await;
    child.signal("TERM").await;
    child.tells("STOPPING=1").await;
    let text = site.prints(&["status"]).await;
    assert!(text.contains("finishing what is under way, starting nothing new"), "{text}");
    assert_eq!(child.ends().await, Some(0), "{}", child.log());
    let log = building.log(house.mac(first));
    assert_eq!((orders(&log), count(&log, |what| *what == What::Registered)), (1, 2), "{log:#?}");
    let other = building.log(house.mac(3 - first));
    assert_eq!((orders(&other), boots(&other)), (0, 0), "{other:#?}");
    let log = child.log();
    assert!(log.contains("draining: nothing new is started") && log.contains("left_open=0"), "{log}");
    building.shutdown().await;
}

#[tokio::test]
async fn a_second_signal_ends_at_once_and_the_next_start_goes_on_without_a_second_notify() {
    let house = House(31);
    let (site, building) = one_at_a_time(house, 1, TimeDelta::milliseconds(2500)).await;
    let mut child = Child::start(&site, "first").await;
    gone(&building, house, 1).await;
    child.signal("TERM").await;
    child.tells("STOPPING=1").await;
    child.signal("TERM").await;
    assert_eq!(child.ends().await, Some(0), "{}", child.log());
    assert!(child.log().contains("stopping at once"), "{}", child.log());
    let log = building.log(house.mac(1));
    assert_eq!(count(&log, |what| *what == What::Registered), 1, "it was not waited for: {log:#?}");

    let mut child = Child::start(&site, "second").await;
    let look = async {
        while !site.prints(&["phones", &user(1)]).await.contains("rebooted in this window already") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let done = tokio::time::timeout(LIMIT, look).await;
    assert!(done.is_ok(), "{}", child.log());
    let log = building.log(house.mac(1));
    assert_eq!((orders(&log), boots(&log)), (1, 1), "{log:#?}");
    child.signal("TERM").await;
    assert_eq!(child.ends().await, Some(0), "{}", child.log());
    building.shutdown().await;
}

#[tokio::test]
async fn a_second_daemon_on_the_same_store_says_who_has_it() {
    let house = House(32);
    let (site, building) = one_at_a_time(house, 1, TimeDelta::milliseconds(100)).await;
    let child = Child::start(&site, "first").await;
    let config = site.path("sipherd.toml");
    let refused = site.sipherd(&["--config", config.to_str().unwrap(), "run"]).await;
    assert_eq!(refused.status, 1, "{}", refused.err);
    let holder = format!("in use by process {}", child.id());
    assert!(refused.err.contains(&holder), "{holder} in {}", refused.err);
    building.shutdown().await;
}
