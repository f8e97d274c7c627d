//! Modules under one and the same URL: the phone's `firmware_uxm` is cleared before each order.

use sipherd::ports::PlanAsk;

use super::*;

const CLEARED: &str = "[snom]\nmodule_urls = \"cleared\"\n";

/// A daemon that updates the modules of these phones of the house, and clears their settings for it.
async fn night(house: House, building: &Building, phones: &[u8], port: u16) -> Site {
    let site = Site::new(house);
    stage(&site, "uxm", UXM);
    site.write("policies/modules.toml", &policy("vendor = \"snom\"", "[module-update]\nrelease = \"uxm\""));
    let rows = phones.iter().map(|n| format!("{},{},snom,usb\n", house.mac(*n), user(*n)));
    site.write("phones.csv", &("mac,lines,vendor,module_power\n".to_owned() + &rows.collect::<String>()));
    web_settings(&site, building, port, CLEARED);
    site
}

fn flashed(log: &[LogLine]) -> usize {
    count(log, |what| *what == What::ModuleFlashed { version: "2.1.1".into() })
}

fn left(log: &[LogLine]) -> usize {
    count(log, |what| matches!(what, What::ModuleLeft { .. }))
}

/// When sipherd cleared a phone's setting, oldest first.
async fn clearings(daemon: &Daemon, house: House, n: u8) -> Vec<chrono::DateTime<chrono::Utc>> {
    let query = sipherd::ports::HistoryQuery { mac: Some(house.mac(n)), ..Default::default() };
    let entries = daemon.control.history(query).await.unwrap();
    let mut at: Vec<_> =
        entries.into_iter().filter(|entry| entry.kind == "cleared").map(|entry| entry.at).collect();
    at.sort_unstable();
    at
}

/// The phones that a plan lets go.
async fn planned(daemon: &Daemon) -> Vec<sipherd::domain::phone::Mac> {
    let plan = daemon.control.plan(PlanAsk::default()).await.unwrap();
    plan.forecast.going.iter().map(|going| going.mac).collect()
}

#[tokio::test]
async fn two_modules_go_through_one_phone_under_one_url_which_is_cleared_before_each() {
    let house = House(110);
    let (clock, port) = (clock(), web_port(house));
    let phone = with(house.snom(1), make(port, vec![Module::uxm("2.0.7")]));
    let building = building(clock.clone(), vec![phone]).await;
    let site = night(house, &building, &[1], port).await;
    let daemon = site.start(clock.clone(), DRAIN).await;
    ends(&building, house, 1, |log| flashed(log) == 1).await;
    daemon.state(&user(1), "verified").await;
    let phone = &building.phones()[&house.mac(1)];
    let url = format!("{}/snom/{}/snomUXM-2.1.1.bin", site.depot_url(), house.mac(1).bare_upper());
    assert_eq!(phone.firmware_uxm(), url);
    assert_eq!(clearings(&daemon, house, 1).await.len(), 1);
    daemon.stop().await;

    // Nobody remembers over a start whether it is empty; and the next module has the same URL.
    phone.plug(vec![Module::uxm("2.0.7")]);
    let daemon = site.start(clock, DRAIN).await;
    ends(&building, house, 1, |log| flashed(log) == 2).await;
    daemon.state(&user(1), "verified").await;
    let log = building.log(house.mac(1));
    assert_eq!((left(&log), orders(&log)), (0, 2), "{log:#?}");
    assert_eq!((phone.firmware_uxm(), phone.modules()), (url, vec!["2.1.1".to_owned()]));
    assert_eq!(clearings(&daemon, house, 1).await.len(), 2);
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_that_was_not_cleared_leaves_the_next_module_alone() {
    let house = House(111);
    let (clock, port) = (clock(), web_port(house));
    let make = Make { saves_nothing: true, ..make(port, vec![Module::uxm("2.0.7")]) };
    let building = building(clock.clone(), vec![with(house.snom(1), make)]).await;
    let site = night(house, &building, &[1], port).await;
    let daemon = site.start(clock, DRAIN).await;
    // At first it keeps no URL, and there is nothing to clear.
    ends(&building, house, 1, |log| flashed(log) == 1).await;
    daemon.state(&user(1), "verified").await;
    let phone = &building.phones()[&house.mac(1)];
    phone.plug(vec![Module::uxm("2.0.7")]);
    let same = What::ModuleLeft { why: "same URL".into() };
    ends(&building, house, 1, |log| count(log, |what| *what == same) == 1).await;
    let log = building.log(house.mac(1));
    assert_eq!((flashed(&log), orders(&log)), (1, 2), "{log:#?}");
    assert_eq!(phone.modules(), ["2.0.7"]);
    assert_eq!(clearings(&daemon, house, 1).await.len(), 2, "it said so");
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_whose_setting_cannot_be_cleared_is_held_with_what_failed() {
    let house = House(112);
    let (clock, port) = (clock(), web_port(house));
    let one = |n| with(house.snom(n), make(port, vec![Module::uxm("2.0.7")]));
    let without = Make { web_port: None, ..make(port, vec![Module::uxm("2.0.7")]) };
    let building = building(clock.clone(), vec![one(1), one(2), with(house.snom(3), without)]).await;
    let site = night(house, &building, &[1, 2, 3], port).await;
    let passwords = |of_first: &str| {
        let row = |n, password: &str| format!("{},admin,{password}\n", house.mac(n));
        site.write("web.csv", &format!("mac,username,password\n{}{}", row(1, of_first), row(3, "secret")));
    };
    passwords("wrong");
    let daemon = site.start(clock, DRAIN).await;
    for n in [1, 2, 3] {
        // Their pages are closed to sipherd; what they have they tell as they boot.
        held(&daemon, n, "module-untold").await;
        building.phones()[&house.mac(n)].power_cycle();
    }
    for (n, why) in [
        (1, "its web server refuses the password (401)"),
        (2, "its web server asks for a password and `[web]` has none for it"),
        (3, "its web server did not answer"),
    ] {
        let told = daemon.phone(&user(n), |phone| phone.detail.ends_with(why)).await;
        assert_eq!(held(&daemon, n, "module-url").await, told.detail, "{n}");
        let log = building.log(house.mac(n));
        let began = count(&log, |what| matches!(what, What::ImageBegan { .. }));
        assert_eq!((orders(&log), began, left(&log)), (0, 0, 0), "{n}: {log:#?}");
    }
    assert_eq!(planned(&daemon).await, [], "nobody plans with what has just failed");
    // With the right password it goes.
    passwords("secret");
    daemon.control.reload().await.unwrap();
    ends(&building, house, 1, |log| flashed(log) == 1).await;
    daemon.state(&user(1), "verified").await;
    assert_eq!(orders(&building.log(house.mac(2))), 0);
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn no_setting_is_cleared_while_the_phone_is_in_a_call() {
    let house = House(113);
    let (clock, port) = (clock(), web_port(house));
    let phones = vec![with(house.snom(1), make(port, vec![Module::uxm("2.0.7")])), house.snom(2)];
    let building = building(clock.clone(), phones).await;
    building.call(&user(1), "600", TimeDelta::minutes(10)).unwrap();
    ends(&building, house, 1, |log| count(log, |what| matches!(what, What::CallBegan { .. })) == 1).await;
    let site = night(house, &building, &[1], port).await;
    let daemon = site.start(clock, DRAIN).await;
    // Its turn comes when the call is over. That it is cleared then is taken for granted.
    let look = async {
        while slugs(&daemon, 1).await != ["module-url", "busy"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, look).await.expect("its module is seen during the call");
    assert_eq!(planned(&daemon).await, [house.mac(1)]);
    daemon.state(&user(1), "verified").await;
    let log = building.log(house.mac(1));
    let ended = log.iter().find(|line| matches!(line.what, What::CallEnded { .. })).unwrap().at;
    let cleared = clearings(&daemon, house, 1).await;
    assert!(cleared.len() == 1 && cleared[0] > ended, "{cleared:?} {log:#?}");
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_that_is_asked_at_its_polls_alone_is_cleared_between_them() {
    let house = House(114);
    let (clock, port) = (clock(), web_port(house));
    let phone = with(house.snom(1), make(port, vec![Module::uxm("2.0.7")]));
    let building = building(clock.clone(), vec![phone]).await;
    let site = night(house, &building, &[1], port).await;
    web_settings(&site, &building, port, &format!("{CLEARED}poll = \"10m\"\n"));
    ask_snoms(&site, "reboot = [{ poll = true }]\nserves = \"once-asked\"");
    let daemon = site.start(clock, DRAIN).await;
    daemon.phone(&user(1), |phone| phone.detail.contains("poll")).await;
    building.phones()[&house.mac(1)].power_cycle();
    ends(&building, house, 1, |log| flashed(log) == 1).await;
    daemon.state(&user(1), "verified").await;
    assert_eq!(clearings(&daemon, house, 1).await.len(), 1);
    assert_eq!(orders(&building.log(house.mac(1))), 0);
    daemon.stop().await;
    building.shutdown().await;
}
