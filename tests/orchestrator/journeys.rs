//! Phones that go, and what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sipherd::clock::ScaledClock;
use sipherd::sim::diary::CutBy;
use sipherd::sim::{Building, Cause, LogLine, Misfit, PhoneSpec, What};

use super::site::{
    ALWAYS, Daemon, FAST, House, LIMIT, NEW, OLD, Site, boots, building, count, friday, orders, user,
};

/// Two minutes in a second.
fn clock() -> Arc<ScaledClock> {
    Arc::new(ScaledClock::starting_at(friday(), 120))
}

const DRAIN: Duration = Duration::from_millis(1);

/// A policy for a tag, with a window that is always open.
fn policy(tag: &str, action: &str, more: &str) -> String {
    format!("[select]\ntag = \"{tag}\"\n\n{action}\n\n{ALWAYS}\n[idle]\nquiet = \"0s\"\n\n{more}")
}

const UPDATE: &str = "[update]\nrelease = \"snom-new\"";
const REBOOT: &str = "[reboot]";

fn first(log: &[LogLine], wanted: impl Fn(&What) -> bool) -> DateTime<Utc> {
    log.iter().find(|line| wanted(&line.what)).unwrap_or_else(|| panic!("{log:#?}")).at
}

fn offered(log: &[LogLine]) -> usize {
    count(log, |what| matches!(what, What::FirmwareOffered { .. }))
}

async fn ends(building: &Building, house: House, n: u8, wanted: impl Fn(&[LogLine]) -> bool) {
    let waited = building.wait(house.mac(n), LIMIT, wanted).await;
    waited.unwrap_or_else(|error| panic!("{error}: {:#?}", building.log(house.mac(n))));
}

#[tokio::test]
async fn updates_and_reboots_reach_their_ends() {
    let house = House(10);
    let clock = clock();
    let slow_flash = PhoneSpec { two_boots_visible: true, unregisters: true, ..house.snom(2) };
    let phones = vec![house.snom(1), slow_flash, house.yealink(3), house.snom(4)];
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    site.release("snom-new", &[("D785", "")]);
    site.write("policies/updates.toml", &policy("update", UPDATE, "[pace]\ndown_at_once = 4\n"));
    site.write("policies/reboots.toml", &policy("reboot", REBOOT, "[pace]\ndown_at_once = 4\n"));
    site.write("phones.csv", &house.inventory(&[(1, "update"), (2, "update"), (3, "reboot"), (4, "reboot")]));
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, DRAIN).await;

    for n in [1, 2] {
        let phone = daemon.state(&user(n), "verified").await;
        assert_eq!(phone.version.unwrap().to_string(), NEW);
        let log = building.log(house.mac(n));
        assert_eq!((orders(&log), boots(&log)), (1, 2), "asked once, booted twice: {log:#?}");
    }
    for n in [3, 4] {
        let phone = daemon.state(&user(n), "rebooted").await;
        assert!(phone.detail.starts_with("rebooted in this window already"), "{}", phone.detail);
        let log = building.log(house.mac(n));
        assert_eq!((orders(&log), boots(&log), offered(&log)), (1, 1, 0), "{log:#?}");
        // A window that never closes has no next opening soon: nobody looks again and again.
        let why = daemon.control.why(user(n), None).await.unwrap();
        assert!(why.earliest.unwrap() > friday() + TimeDelta::days(30), "{why:#?}");
        assert!(why.gates.iter().any(|gate| gate.saw == "open, never closes"), "{why:#?}");
    }
    let kinds: Vec<String> = daemon.history(house.mac(2)).await.into_iter().map(|(kind, _)| kind).collect();
    for kind in ["asked", "accepted", "away", "offered", "fetching", "flashing", "verified"] {
        assert!(kinds.iter().any(|known| known == kind), "{kind} in {kinds:?}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_that_reboots_by_itself_is_offered_nothing() {
    let house = House(11);
    let clock = clock();
    let building = building(clock.clone(), vec![house.snom(1)]).await;
    let site = Site::new(house);
    site.release("snom-new", &[("D785", "")]);
    let later = "[[window]]\ndays = [\"sun\"]\nfrom = \"22:00\"\nto = \"05:00\"\n";
    site.write("policies/updates.toml", &policy("update", UPDATE, "").replace(ALWAYS, later));
    site.write("phones.csv", &house.inventory(&[(1, "update")]));
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, DRAIN).await;
    daemon.phone(&user(1), |phone| phone.detail.starts_with("outside the window")).await;

    building.phone(&user(1)).unwrap().power_cycle();
    ends(&building, house, 1, |log| count(log, |what| *what == What::Registered) == 2).await;
    let log = building.log(house.mac(1));
    assert_eq!(count(&log, |what| *what == What::SettingsAsked { status: 200 }), 1, "{log:#?}");
    assert_eq!((orders(&log), offered(&log)), (0, 0), "{log:#?}");
    let phone = daemon.state(&user(1), "waiting").await;
    assert_eq!(phone.version.unwrap().to_string(), OLD);
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_lost_phone_keeps_its_place() {
    let house = House(12);
    let clock = clock();
    let phones = (1..=3).map(|n| house.snom(n).with_misfit(Misfit::NeverReturns)).collect();
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    let two = "[pace]\ndown_at_once = 2\n";
    site.write("policies/reboots.toml", &policy("reboot", REBOOT, two));
    site.write("phones.csv", &house.inventory(&[(1, "reboot"), (2, "reboot"), (3, "reboot")]));
    site.settings(&building, "", &FAST.replacen("boot = \"30m\"", "boot = \"4m\"", 1));
    let daemon = site.start(clock, DRAIN).await;

    let lost = async {
        loop {
            for n in 1..=3 {
                if boots(&building.log(house.mac(n))) > 0 {
                    building.pbx().vanish_contact(&user(n));
                }
            }
            let states = daemon.control.status().await.unwrap().states;
            if states.get("lost") == Some(&2) {
                return states;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let states = tokio::time::timeout(LIMIT, lost).await.expect("two phones are lost");
    assert_eq!(states["waiting"], 1, "{states:?}");
    let asked: usize = (1..=3).map(|n| orders(&building.log(house.mac(n)))).sum();
    assert_eq!(asked, 2, "the third one waits for a place that nobody gives back");
    let held = daemon.control.status().await.unwrap().holds;
    assert_eq!(held.get("budget-full"), Some(&1), "{held:?}");
    daemon.stop().await;
    building.shutdown().await;
}

/// A building of phones that no policy speaks of, the first of them in a call of four minutes.
async fn in_a_call(house: House, phones: Vec<PhoneSpec>) -> (Site, Building, Daemon) {
    let clock = clock();
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    site.write("policies/nobody.toml", &policy("nobody", REBOOT, ""));
    site.write("phones.csv", &house.inventory(&[(1, "")]));
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, DRAIN).await;
    building.call(&user(1), "600", TimeDelta::minutes(4)).unwrap();
    daemon
        .phone(&user(1), |phone| phone.calls.iter().any(|(_, calls)| calls.to_string() == "in a call"))
        .await;
    (site, building, daemon)
}

#[tokio::test]
async fn a_reboot_asked_for_now_waits_for_the_end_of_the_call() {
    let house = House(13);
    let (site, building, daemon) = in_a_call(house, vec![house.yealink(1)]).await;
    let taken = site.prints(&["reboot", "2001", "--now"]).await;
    assert_eq!(taken, "reboot-1: 1 phone now, each as soon as it is idle\n");
    let why = site.prints(&["why", "2001"]).await;
    assert!(why.contains("\n  ok    selected           asked for by hand: reboot-1\n"), "{why}");
    assert!(why.contains("\n  ok    window             not waited for (--now)\n"), "{why}");
    assert!(why.contains("\n  HOLD  idle               in a call (line 2001)\n"), "{why}");

    ends(&building, house, 1, |log| count(log, |what| *what == What::Registered) == 2).await;
    let log = building.log(house.mac(1));
    let hung_up = first(&log, |what| matches!(what, What::CallEnded { .. }));
    let asked = first(&log, |what| matches!(what, What::Notify { .. }));
    assert!(hung_up <= asked, "{log:#?}");
    assert_eq!(count(&log, |what| matches!(what, What::CallCut { .. })), 0, "{log:#?}");
    // The job is done, and nobody speaks of the phone any more.
    daemon.state(&user(1), "unmanaged").await;
    let history = site.prints(&["history"]).await;
    assert!(history.contains("reboot-1: reboot 1 phone now\n"), "{history}");
    assert!(history.contains("rebooted, all lines registered"), "{history}");
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_reboot_even_in_a_call_does_not_wait() {
    let house = House(14);
    let (site, building, daemon) = in_a_call(house, vec![house.yealink(1)]).await;
    let taken = site.prints(&["reboot", "2001", "--now", "--even-in-a-call"]).await;
    assert_eq!(taken, "reboot-1: 1 phone at once, even in a call\n");
    ends(&building, house, 1, |log| boots(log) == 1).await;
    let log = building.log(house.mac(1));
    let cut = |what: &What| matches!(what, What::CallCut { by: CutBy::Me(Cause::ByNotify { .. }), .. });
    assert_eq!((orders(&log), count(&log, cut)), (1, 1), "{log:#?}");
    daemon.state(&user(1), "unmanaged").await;
    daemon.stop().await;
    building.shutdown().await;
}

/// A phone that is in no list asks for its settings while its line is registered from where it asks.
#[tokio::test]
async fn a_phone_in_no_list_is_known_by_its_boot_and_then_updated() {
    for (house, unregisters) in [(House(15), false), (House(16), true)] {
        let clock = clock();
        let phone = PhoneSpec { unregisters, ..house.snom(1) };
        let building = building(clock.clone(), vec![phone]).await;
        let site = Site::new(house);
        site.release("snom-new", &[("D785", "")]);
        let all = policy("x", UPDATE, "").replace("tag = \"x\"", "vendor = \"snom\"");
        site.write("policies/updates.toml", &all);
        site.write("phones.csv", "mac,lines\n");
        site.settings(&building, "", FAST);
        let daemon = site.start(clock, DRAIN).await;
        daemon.sees("pocket").await;
        let status = site.prints(&["status"]).await;
        assert!(status.contains("\n2001@pocket  snomD785/10.1.64.14\n"), "a stranger: {status}");
        assert!(daemon.control.phones(vec![]).await.unwrap().is_empty());

        building.phone(&user(1)).unwrap().power_cycle();
        let phone = daemon.state(&user(1), "verified").await;
        assert_eq!((phone.mac, phone.version.unwrap().to_string()), (house.mac(1), NEW.to_owned()));
        let log = building.log(house.mac(1));
        assert_eq!((orders(&log), boots(&log)), (1, 3), "by itself, asked, for the image: {log:#?}");
        let learned = daemon.history(house.mac(1)).await;
        assert!(learned.iter().any(|(kind, _)| kind == "learned"), "{learned:?}");
        let status = site.prints(&["status"]).await;
        assert!(!status.contains("2001@pocket"), "no stranger any more: {status}");
        daemon.stop().await;
        building.shutdown().await;
    }
}

#[tokio::test]
async fn a_look_at_the_head_of_a_file_is_no_boot() {
    let house = House(17);
    let clock = clock();
    let building = building(clock.clone(), vec![house.snom(1)]).await;
    let site = Site::new(house);
    site.write("policies/nobody.toml", &policy("nobody", REBOOT, ""));
    site.write("phones.csv", "mac,lines\n");
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, DRAIN).await;
    daemon.sees("pocket").await;
    let (mac, from) = (house.mac(1), house.ip(1));
    assert_eq!(site.asks_for_settings("HEAD", mac, from).await, 200);
    assert!(daemon.control.phones(vec![]).await.unwrap().is_empty(), "nobody was there");
    assert_eq!(site.asks_for_settings("GET", mac, from).await, 200);
    assert_eq!(daemon.control.phones(vec![]).await.unwrap().len(), 1, "somebody was there");
    daemon.stop().await;
    building.shutdown().await;
}
