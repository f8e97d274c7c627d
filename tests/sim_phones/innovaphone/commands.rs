//! Single commands of the maker's handbook, carried out by the simulated phone over real HTTP.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use sipherd::sim::innovaphone::{Make, Part, image};
use sipherd::sim::{Building, LogLine, PhoneSpec, What};

use super::super::{building, count, ip, left, mac, until};
use super::{INTERVAL, OLD, Web, ip222, polled};

fn changed(phone: PhoneSpec, change: impl FnOnce(Make) -> Make) -> PhoneSpec {
    PhoneSpec { innovaphone: phone.innovaphone.map(change), ..phone }
}

fn polls(log: &[LogLine]) -> Vec<DateTime<Utc>> {
    let poll = |line: &&LogLine| matches!(line.what, What::Polled { .. });
    log.iter().filter(poll).map(|line| line.at).collect()
}

fn configuration(building: &Building) -> (Vec<String>, Vec<String>) {
    let memory = building.phone("2001").unwrap().memory().unwrap();
    (memory.configuration, memory.in_force)
}

#[tokio::test]
async fn nothing_is_stored_and_no_final_command_follows_before_it_succeeded() {
    let (web, url) = Web::with(&[("/fw/IP222.bin", b"404".to_vec()), ("/saved.txt", b"403".to_vec())]).await;
    let script =
        format!("mod cmd UP0 prot {url}/fw/ ireset 7\r\nmod cmd UP0 scfg {url}/saved.txt ireset A\r\n");
    web.put("/u", script);
    let building = building(vec![ip222(&format!("{url}/u"))]).await;
    let told = polled(&building, 3).await;
    assert!(told.iter().all(|(query, _)| !query.contains("PROT=") && !query.contains("SCFG=")), "{told:?}");
    let log = building.log(mac(1));
    assert_eq!(count(&log, left), 0, "{log:#?}");
    assert!(count(&log, |what| matches!(what, What::ConfigurationHandedIn { status: 403, .. })) >= 2);
    // Now the configuration is taken: stored, and restarted for; the firmware still is not.
    web.put("/saved.txt", "");
    until(&building, 1, 1, left).await;
    until(&building, 1, 5, |what| matches!(what, What::Polled { .. })).await;
    let (query, _) = polled(&building, 5).await.pop().unwrap();
    assert!(query.contains("SCFG=A&") && !query.contains("PROT="), "{query}");
    // And the firmware.
    web.put("/fw/IP222.bin", image("IP222", Part::Prot, "7", 20_000));
    until(&building, 1, 2, left).await;
    until(&building, 1, 1, |what| *what == What::BootDone { version: "7".into() }).await;
    let memory = building.phone("2001").unwrap().memory().unwrap();
    assert_eq!((memory.variable("PROT"), memory.variable("SCFG")), (Some("7"), Some("A")));
    building.shutdown().await;
}

#[tokio::test]
async fn a_loaded_configuration_is_written_and_in_force_once_it_was_activated() {
    let lines = "config change SIP0 /x y\r\nmod cmd UP0 prot http://192.0.2.1/fw/ reset 9\r\n";
    for (after, in_force, restarts) in [
        ("", false, 0),
        ("config activate\r\n", true, 0),
        ("config activate\r\niresetn\r\n", true, 1),
        ("iresetn\r\n", true, 1),
    ] {
        let (web, url) = Web::with(&[("/site.txt", lines.into())]).await;
        web.put("/u", format!("mod cmd UP0 cfg {url}/site.txt ser 7\r\n{after}"));
        let building = building(vec![ip222(&format!("{url}/u"))]).await;
        let told = polled(&building, 3).await;
        assert!(told[1].0.contains("&CFG=7&"), "{told:?}");
        let line = "config change SIP0 /x y".to_owned();
        let (written, active) = configuration(&building);
        assert_eq!((written.contains(&line), active.contains(&line)), (true, in_force), "{after}");
        let log = building.log(mac(1));
        assert_eq!(count(&log, left), restarts, "{after}: {log:#?}");
        // What UP0 is told inside the file is not carried out.
        assert_eq!(count(&log, |what| matches!(what, What::ImageBegan { .. })), 0);
        assert!(!told[2].0.contains("PROT="), "{told:?}");
        building.shutdown().await;
    }
}

#[tokio::test]
async fn a_line_that_was_not_written_is_lost_at_a_restart() {
    for (write, kept) in [("config write\r\n", true), ("", false)] {
        let (web, url) = Web::with(&[]).await;
        web.put("/u", format!("mod cmd UP1 check ireset 1\r\nconfig change SIP0 /x y\r\n{write}"));
        let building = building(vec![ip222(&format!("{url}/u"))]).await;
        polled(&building, 2).await;
        let (written, active) = configuration(&building);
        let has = |lines: &[String]| lines.iter().any(|line| line == "config change SIP0 /x y");
        assert_eq!((has(&written), has(&active)), (kept, kept));
        building.shutdown().await;
    }
}

#[tokio::test]
async fn poll_asks_again_at_once_and_provision_for_some_minutes() {
    for command in ["poll", "provision 10"] {
        let (web, url) = Web::with(&[]).await;
        web.put("/u", format!("mod cmd UP1 check ser 1\r\nmod cmd UP1 {command}\r\n"));
        let building = building(vec![ip222(&format!("{url}/u"))]).await;
        polled(&building, 2).await;
        let at = polls(&building.log(mac(1)));
        assert!(at[1] - at[0] < INTERVAL / 2, "{command}: {at:?}");
        building.shutdown().await;
    }
    let (web, url) = Web::with(&[]).await;
    let script = |more: &str| format!("mod cmd UP1 check ser {}\r\n{more}", more.len());
    web.put("/u", script("mod cmd UP1 provision 600\r\n"));
    let building = building(vec![ip222(&format!("{url}/u"))]).await;
    polled(&building, 4).await;
    web.put("/u", script("mod cmd UP1 provision 0\r\n"));
    let often = polled(&building, 5).await.len();
    polled(&building, often + 3).await;
    let at = polls(&building.log(mac(1)));
    assert!(at[3] - at[2] < INTERVAL / 2, "{at:?}");
    let [.., before, last] = at.as_slice() else { panic!("{at:?}") };
    assert!(*last - *before >= INTERVAL, "0 ends it: {at:?}");
    building.shutdown().await;
}

#[tokio::test]
async fn the_hours_are_those_of_the_devices_own_clock() {
    let (web, url) = Web::with(&[]).await;
    let ahead = |n: u8, hours| {
        let phone = ip222(&format!("{url}/u"));
        let phone =
            PhoneSpec { mac: mac(n), user: format!("200{n}"), password: format!("secret-200{n}"), ..phone };
        let phone = PhoneSpec { address: (ip(n), 0).into(), ..phone };
        changed(phone, |make| Make { clock: Some(TimeDelta::hours(hours)), ..make })
    };
    let building = building(vec![ahead(1, 0), ahead(2, 6)]).await;
    // The hour that the second one shows, and the next.
    let hour = building.log(mac(1))[0].at.hour();
    let (shown, next) = ((hour + 6) % 24, (hour + 7) % 24);
    web.put("/u", format!("mod cmd UP1 times /allow {shown},{next}\r\nmod cmd UP1 check ser 1\r\n"));
    for n in [1, 2] {
        until(&building, n, 3, |what| matches!(what, What::Polled { status: 200, .. })).await;
    }
    let memory = |user: &str| building.phone(user).unwrap().memory().unwrap();
    assert_eq!(memory("2001").variable("CHECK"), None, "its own clock shows another hour");
    assert_eq!(memory("2002").variable("CHECK"), Some("1"));
    building.shutdown().await;
}

#[tokio::test]
async fn one_reset_to_factory_defaults_is_new_again() {
    let (web, url) = Web::with(&[]).await;
    let building = building(vec![ip222(&format!("{url}/u"))]).await;
    let hour = building.log(mac(1))[0].at.hour();
    let closed = (hour + 12) % 24;
    let script = |initial: &str, serial: u8| {
        format!("mod cmd UP1 times /allow {closed}{initial}\r\nmod cmd UP1 check ser {serial}\r\n")
    };
    web.put("/u", "mod cmd UP1 check ser 1\r\nconfig change SIP0 /x y\r\nconfig write\r\n");
    polled(&building, 2).await;
    let check = || building.phone("2001").unwrap().memory().unwrap().variable("CHECK").map(str::to_owned);
    assert_eq!(check().as_deref(), Some("1"));
    // Not an allowed hour, and it is not new.
    web.put("/u", script(" /initial 1", 2));
    polled(&building, 4).await;
    assert_eq!(check().as_deref(), Some("1"));
    // Its serials are empty again, and without `/initial` it waits for the hours as everybody does.
    web.put("/u", script("", 2));
    building.phone("2001").unwrap().factory_reset();
    until(&building, 1, 1, |what| *what == What::FactoryReset).await;
    let told = polled(&building, 7).await;
    assert!(told[5..].iter().all(|(query, _)| !query.contains("CHECK=")), "{told:?}");
    assert_eq!(check(), None);
    // With it the hours do not hold for one that is new again.
    web.put("/u", script(" /initial 1", 2));
    let told = polled(&building, 9).await;
    assert!(told.last().unwrap().0.contains("CHECK=2"), "{told:?}");
    building.shutdown().await;
}

#[tokio::test]
async fn an_ip72_that_saves_power_loses_its_download_unless_it_was_woken() {
    for (awake, whole) in [("", false), ("mod cmd WLANMGR0 activate-pwr\r\n", true)] {
        let (web, url) = Web::with(&[("/fw/IP72.bin", image("IP72", Part::Prot, "7", 50_000))]).await;
        web.put(
            "/u",
            format!("{awake}mod cmd UP0 prot {url}/fw/ ireset 7\r\nmod cmd WLANMGR0 deactivate-pwr\r\n"),
        );
        let ip72 = PhoneSpec { model: "IP72".into(), ..ip222(&format!("{url}/u")) };
        let building = building(vec![ip72]).await;
        polled(&building, 3).await;
        let log = building.log(mac(1));
        let broke = count(&log, |what| matches!(what, What::ImageBroke { .. }));
        assert_eq!((broke > 0, count(&log, left)), (!whole, usize::from(whole)), "{log:#?}");
        let memory = building.phone("2001").unwrap().memory().unwrap();
        assert_eq!((memory.firmware.as_str(), memory.saves_power), (if whole { "7" } else { OLD }, true));
        building.shutdown().await;
    }
}

#[tokio::test]
async fn the_url_of_dhcp_wins_until_the_configuration_says_no_dhcp() {
    for (no_dhcp, follows) in [("", false), ("config add UP1 /no-dhcp\r\n", true)] {
        let (web, url) = Web::with(&[("/second", b"# nothing\r\n".to_vec())]).await;
        let second = format!("{url}/second").replace(':', "%3A").replace('/', "%2F");
        web.put(
            "/first",
            format!("config add UP1 /url {second}\r\n{no_dhcp}config write\r\nconfig activate\r\n"),
        );
        let phone = changed(ip222(&format!("{url}/first")), |make| Make { by_dhcp: true, ..make });
        let building = building(vec![phone]).await;
        polled(&building, 3).await;
        let asked = web.asked();
        let at_second = asked.iter().filter(|line| line.starts_with("GET /second")).count();
        assert_eq!(at_second >= 2, follows, "{asked:?}");
        assert_eq!(at_second == 0, !follows, "{asked:?}");
        building.shutdown().await;
    }
}
