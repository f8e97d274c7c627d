//! What the maker's handbook says of single phones, with a daemon over real sockets: the customer's own script, old
//! firmware, phones that save power, forget, show another hour or are reset to factory defaults.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use sipherd::clock::ScaledClock;
use sipherd::phones::innovaphone::import::import;
use sipherd::phones::innovaphone::product::Product;
use sipherd::phones::innovaphone::script::read;
use sipherd::ports::RebootAsk;
use sipherd::sim::innovaphone::{Make, Part};
use sipherd::sim::{LogLine, PhoneSpec, What};

use super::super::site::{ALWAYS, House, Site, boots, building, count, user};
use super::{
    AFTER, DRAIN, TIMING, UPDATE, always, ip222, mac, made, phone, polls, stage_as, start, stop, until,
};

/// Berlin's clock in November.
const BERLIN: TimeDelta = TimeDelta::hours(1);

/// A moment of Sunday, 22 November 2026, in Berlin.
fn sunday(time: &str) -> DateTime<Utc> {
    format!("2026-11-22T{time}+01:00").parse::<DateTime<FixedOffset>>().unwrap().to_utc()
}

fn downloads(log: &[LogLine]) -> usize {
    count(log, |what| matches!(what, What::ImageBegan { .. }))
}

fn handed_in(what: &What) -> bool {
    matches!(what, What::ConfigurationHandedIn { status: 201, .. })
}

fn flashed(log: &[LogLine], build: &str) -> bool {
    log.iter().any(|line| matches!(&line.what, What::Flashed { version } if version == build))
}

/// The customer's script for IP1200s, imported: nothing before 23:00, the update after it, and the configuration of
/// whoever runs the build, once.
#[tokio::test]
async fn the_imported_policies_do_in_a_daemon_what_the_script_does() {
    let house = House(120);
    let clock = Arc::new(ScaledClock::starting_at(sunday("22:52:00"), 60));
    let ip1200 = |n: u8, build: &str| {
        let of = PhoneSpec { version: build.to_owned(), ..phone(house, n, "IP1200") };
        made(of, |make| Make { clock: Some(BERLIN), ..make })
    };
    let building = building(clock.clone(), vec![ip1200(1, "04-5600"), ip1200(2, "04-5679")]).await;
    let site = Site::new(house);
    let image = ("IP1200", Part::Prot, "ip1200.bin", "04-5679", "");
    stage_as(&site, "innovaphone-04-5679", &[image]);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/innovaphone/update-ip1200.htm");
    let script = read(&std::fs::read_to_string(file).unwrap()).unwrap();
    let imported = import(&script, Product::new("IP1200").as_ref());
    for draft in &imported.drafts {
        site.write(&format!("policies/{}.toml", draft.name), &draft.text);
    }
    let rows: String = [1, 2].map(|n| format!("{},{}\n", mac(house, n), user(n))).concat();
    site.write("phones.csv", &format!("mac,lines\n{rows}"));
    site.settings(&building, "", TIMING);
    let daemon = site.start(clock, DRAIN).await;
    until(&building, mac(house, 1), |log| flashed(log, "04-5679")).await;
    for n in [1, 2] {
        until(&building, mac(house, n), |log| count(log, handed_in) > 0).await;
    }
    let opens = sunday("23:00:00");
    for (n, fetches) in [(1, 1), (2, 0)] {
        let log = building.log(mac(house, n));
        let told = |line: &&LogLine| matches!(&line.what, What::Polled { query, status: 200 } if query.starts_with("sn="));
        assert!(log.iter().filter(told).any(|line| line.at < opens), "it polled before the hours: {log:#?}");
        let does = |what: &What| handed_in(what) || matches!(what, What::ImageBegan { .. });
        assert!(log.iter().filter(|line| does(&line.what)).all(|line| line.at >= opens), "{log:#?}");
        assert_eq!((downloads(&log), boots(&log), count(&log, handed_in)), (fetches, fetches, 1), "{log:#?}");
        assert_eq!(flashed(&log, "04-5679"), n == 1);
    }
    stop(building, daemon).await;
}

/// Asleep, its downloads break half way (the test of the simulated phone shows it): so it was kept awake.
#[tokio::test]
async fn an_ip72_is_kept_awake_for_its_download_and_saves_power_afterwards() {
    let house = House(121);
    let staged = [("IP72", Part::Prot, "ip72.bin", AFTER, "")];
    let (_site, building, daemon) =
        start(house, vec![phone(house, 1, "IP72")], &always(UPDATE), &staged).await;
    daemon.state(&user(1), "verified").await;
    let log = building.log(mac(house, 1));
    assert_eq!(count(&log, |what| matches!(what, What::ImageBroke { .. })), 0, "{log:#?}");
    assert_eq!((downloads(&log), boots(&log)), (1, 1), "{log:#?}");
    assert!(building.phone(&user(1)).unwrap().memory().unwrap().saves_power, "after its restart");
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_phone_whose_clock_shows_another_hour_is_updated_by_sipherds_clock() {
    let house = House(122);
    let ahead = |n, hours| {
        made(phone(house, n, "IP222"), move |make| Make { clock: Some(TimeDelta::hours(hours)), ..make })
    };
    // It is 22 o'clock in Berlin: the first shows 3, the second 22.
    let phones = vec![ahead(1, 6), ahead(2, 1)];
    let policy = format!("{UPDATE}\n[[window]]\nallow = [21, 22, 23, 0, 1]\n\n[idle]\nquiet = \"0s\"\n");
    let (_site, building, daemon) = start(house, phones, &policy, &[ip222(AFTER)]).await;
    for (n, shows) in [(1, "&now=20261121-03"), (2, "&now=20261120-22")] {
        daemon.state(&user(n), "verified").await;
        let log = building.log(mac(house, n));
        assert!(polls(&log)[1].contains(shows), "{log:#?}");
        assert_eq!((downloads(&log), boots(&log)), (1, 1), "{log:#?}");
    }
    stop(building, daemon).await;
}

#[tokio::test]
async fn firmware_without_ireboot_is_updated_and_sent_no_boot_code() {
    let house = House(123);
    let runs = |n, release: &str, build: &str| {
        let release = release.to_owned();
        let of = PhoneSpec { version: build.to_owned(), ..phone(house, n, "IP222") };
        made(of, move |make| Make { release, ..make })
    };
    let phones = vec![runs(1, "V5.01", "05-5000"), runs(2, "V6.00 sr2-hotfix3", "06-5000")];
    let staged = [ip222(AFTER), ("IP222", Part::Boot, "boot222.bin", "125501", "")];
    let (_site, building, daemon) = start(house, phones, &always(UPDATE), &staged).await;
    for (n, parts) in [(1, 0), (2, 1)] {
        daemon.state(&user(n), "verified").await;
        let before = polls(&building.log(mac(house, n))).len();
        until(&building, mac(house, n), |log| polls(log).len() >= before + 2).await;
        let log = building.log(mac(house, n));
        assert!(flashed(&log, AFTER), "{log:#?}");
        let boot_code = count(&log, |what| matches!(what, What::PartFlashed { .. }));
        assert_eq!((boot_code, downloads(&log), boots(&log)), (parts, parts + 1, 1), "{log:#?}");
    }
    stop(building, daemon).await;
}

#[tokio::test]
async fn firmware_whose_scfg_knows_a_url_alone_hands_in_once_all_the_same() {
    let house = House(124);
    let old = made(phone(house, 1, "IP222"), |make| Make { release: "V5.01".into(), ..make });
    let policy = format!("[backup]\n{ALWAYS}\n[idle]\nby = \"phone\"\n");
    let (_site, building, daemon) = start(house, vec![old], &policy, &[ip222(AFTER)]).await;
    daemon.state(&user(1), "handed-in").await;
    let before = polls(&building.log(mac(house, 1))).len();
    until(&building, mac(house, 1), |log| polls(log).len() >= before + 3).await;
    let log = building.log(mac(house, 1));
    assert_eq!((count(&log, handed_in), boots(&log)), (1, 0), "{log:#?}");
    assert!(!polls(&log).last().unwrap().contains("SCFG="), "it stores no serial: {log:#?}");
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_phone_reset_to_factory_defaults_is_given_its_configuration_back() {
    let house = House(125);
    let policy = format!("[backup]\n{ALWAYS}\n[idle]\nby = \"phone\"\n");
    let (_site, building, daemon) =
        start(house, vec![phone(house, 1, "IP222")], &policy, &[ip222(AFTER)]).await;
    daemon.state(&user(1), "handed-in").await;
    let line = "config change PHONE USER0 /name desk".to_owned();
    let in_force = || building.phone(&user(1)).unwrap().memory().unwrap().in_force;
    assert!(in_force().contains(&line));
    building.phone(&user(1)).unwrap().factory_reset();
    // All it knew is gone, its update URL as well: it is told the long one anew, and polls that.
    let anew = |log: &[LogLine]| {
        let mut after = log.iter().skip_while(|line| line.what != What::FactoryReset);
        after.any(|line| matches!(&line.what, What::Polled { query, .. } if query.starts_with("sn=")))
    };
    until(&building, mac(house, 1), anew).await;
    assert!(!in_force().contains(&line), "{:?}", in_force());
    let ask = RebootAsk { select: vec![user(1)], now: true, even_in_a_call: false, restore: Some(1) };
    daemon.control.reboot(ask).await.unwrap();
    until(&building, mac(house, 1), |log| boots(log) == 2).await;
    let read = |what: &What| matches!(what, What::ConfigurationRead { status: 200, .. });
    let log = building.log(mac(house, 1));
    assert_eq!(count(&log, read), 1, "{log:#?}");
    assert!(in_force().contains(&line), "{:?}", in_force());
    stop(building, daemon).await;
}

/// "The UPDATE/PROT variable is not set (new devices or after a device restart)": read so or otherwise, it is all one.
#[tokio::test]
async fn a_phone_that_forgets_its_serial_at_each_restart_is_updated_once() {
    let house = House(126);
    let forgets = made(phone(house, 1, "IP222"), |make| Make { forgets: true, ..make });
    let remembers = phone(house, 2, "IP222");
    let (_site, building, daemon) =
        start(house, vec![forgets, remembers], &always(UPDATE), &[ip222(AFTER)]).await;
    for (n, stored) in [(1, false), (2, true)] {
        daemon.state(&user(n), "verified").await;
        let before = polls(&building.log(mac(house, n))).len();
        until(&building, mac(house, n), |log| polls(log).len() >= before + 2).await;
        let log = building.log(mac(house, n));
        assert_eq!(polls(&log).last().unwrap().contains("PROT=125555"), stored, "{log:#?}");
        assert_eq!((downloads(&log), boots(&log)), (1, 1), "{log:#?}");
    }
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_url_of_dhcp_option_215_leads_to_the_one_that_tells_who_asks() {
    let house = House(127);
    let by_dhcp = made(phone(house, 1, "IP222"), |make| Make { by_dhcp: true, ..make });
    let (_site, building, daemon) = start(house, vec![by_dhcp], &always(UPDATE), &[ip222(AFTER)]).await;
    daemon.state(&user(1), "verified").await;
    let polls = polls(&building.log(mac(house, 1)));
    assert!(polls[0].starts_with("ver=") && polls[1].starts_with("sn="), "{polls:#?}");
    assert!(polls[1..].iter().all(|query| query.starts_with("sn=")), "also behind a restart: {polls:#?}");
    stop(building, daemon).await;
}
