//! Phones of makers that are data alone, through their whole trip: they obey, refuse, or are in a call.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sipherd::clock::ScaledClock;
use sipherd::sim::{Building, LogLine, Misfit, PhoneSpec, What};

use super::site::{ALWAYS, Daemon, House, LIMIT, Site, boots, building, count, friday, orders, user};

/// Each maker with a model, a version, and the event that its phones get to reboot.
const MAKERS: [(&str, &str, &str, &str); 20] = [
    ("yealink", "T46G", "28.82.0.20", "check-sync;reboot=true"),
    ("grandstream", "GXP2124", "1.0.6.7", "check-sync;reboot=true"),
    ("cisco-spa", "SPA508G", "7.4.4", "reboot"),
    ("poly", "VVX_400", "4.1.4.7430", "check-sync"),
    ("gigaset", "N870 IP PRO", "83.V2.11.0", "check-sync;reboot=true"),
    ("cisco-enterprise", "CP7941G", "9.4.2", "service-control"),
    ("linksys", "SPA942", "6.1.5", "reboot_now"),
    ("cisco-mpp", "CP-8841-3PCC", "11.3.7", "reboot"),
    ("mitel", "6757i", "2.6.0.2010", "check-sync"),
    ("panasonic", "KX-UT113", "01.133", "check-sync;reboot=true"),
    ("fanvil", "X6U Pro", "0.0.10", "check-sync;reboot=true"),
    ("htek", "UC903", "2.0.4.2", "check-sync;reboot=true"),
    ("avaya", "J179", "4.1.3.0.6", "check-sync;reboot=true"),
    ("audiocodes", "440HDG", "2.2.8.61", "check-sync;reboot=true"),
    ("digium", "D40", "1_4_0_0_57389", "check-sync"),
    ("cisco", "CP7960G", "8.0", "check-sync"),
    ("snom-dect", "M900", "05.20.0001", "check-sync;reboot=true"),
    ("algo", "8180", "1.7.6", "check-sync;reboot=true"),
    ("technicolor", "TB30", "1.74.0", "check-sync;reboot=true"),
    ("generic", "P1", "1.0", "check-sync;reboot=true"),
];

/// Makers of which no User-Agent is known: their phones are who the inventory says they are.
const BY_INVENTORY: [&str; 3] = ["algo", "technicolor", "generic"];

/// The profile that phones of a maker go by: Cisco's multiplatform phones write another User-Agent than its older ones.
fn profile(vendor: &str) -> &str {
    if vendor == "cisco-mpp" { "cisco-spa" } else { vendor }
}

/// Each maker whose phones can be asked to read their settings without a reboot, and the event they get for it.
const READERS: [(&str, &str, &str, &str); 11] = [
    ("yealink", "T46G", "28.82.0.20", "check-sync;reboot=false"),
    ("grandstream", "GXP2124", "1.0.6.7", "check-sync"),
    ("cisco-spa", "SPA508G", "7.4.4", "resync"),
    ("cisco-enterprise", "CP7941G", "9.4.2", "service-control"),
    ("gigaset", "N870 IP PRO", "83.V2.11.0", "check-sync;reboot=false"),
    ("panasonic", "KX-UT113", "01.133", "check-sync"),
    ("fanvil", "X6U Pro", "0.0.10", "check-sync"),
    ("htek", "UC903", "2.0.4.2", "resync"),
    ("avaya", "J179", "4.1.3.0.6", "check-sync;reboot=false"),
    ("audiocodes", "440HDG", "2.2.8.61", "check-sync;reboot=false"),
    ("ale", "M3-CE", "2.11.01.1604", "check-sync"),
];

const DRAIN: Duration = Duration::from_millis(1);

/// Phone `n` of the makers, from 1.
fn phone(house: House, n: u8) -> PhoneSpec {
    let (vendor, model, version, _) = MAKERS[usize::from(n) - 1];
    PhoneSpec::of_maker(vendor, house.mac(n), model, version, &user(n), house.ip(n))
}

fn everybody() -> impl Iterator<Item = u8> {
    1..=u8::try_from(MAKERS.len()).unwrap()
}

/// Deadlines for a building whose time runs fast.
fn timing() -> String {
    let makers: BTreeSet<&str> = MAKERS.iter().chain(&READERS).map(|(vendor, ..)| profile(vendor)).collect();
    makers.into_iter().fold(String::new(), |mut text, vendor| {
        for key in ["answer", "leave", "leave_busy", "boot"] {
            let head = if key == "answer" { format!("\n[timing.{vendor}]\n") } else { String::new() };
            writeln!(text, "{head}{key} = \"30m\"").unwrap();
        }
        text
    })
}

/// A building of these phones, two of its minutes in a second, and the daemon that is to reboot all of them;
/// `credentials` are the rows of that file.
async fn night(
    house: House,
    phones: Vec<PhoneSpec>,
    action: &str,
    credentials: &str,
) -> (Site, Building, Daemon) {
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let inventory = inventory(&phones);
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    let pace = "[pace]\ndown_at_once = 20\n[retry]\nattempts = 1\n";
    let policy = format!("[select]\nline = \"*\"\n[{action}]\n{ALWAYS}[idle]\nquiet = \"0s\"\n{pace}");
    site.write("policies/night.toml", &policy);
    site.write("phones.csv", &inventory);
    site.write("sip-credentials.csv", &format!("line,username,password\n{credentials}"));
    site.settings(&building, "credentials = \"sip-credentials.csv\"", &timing());
    let daemon = site.start(clock, DRAIN).await;
    (site, building, daemon)
}

/// The rows of these phones; a maker is named where nothing else tells it.
fn inventory(phones: &[PhoneSpec]) -> String {
    let row = |phone: &PhoneSpec| {
        let (vendor, model) = match BY_INVENTORY.contains(&phone.vendor.as_str()) {
            true => (phone.vendor.as_str(), phone.model.as_str()),
            false => ("", ""),
        };
        format!("{},{},{vendor},{model},night\n", phone.mac, phone.user)
    };
    "mac,lines,vendor,model,tags\n".to_owned() + &phones.iter().map(row).collect::<String>()
}

/// The password of each line, as a phone knows it.
fn passwords() -> String {
    everybody().map(|n| format!("{0},{0},secret-{0}\n", user(n))).collect()
}

/// The events of its orders, copies left out.
fn events(log: &[LogLine]) -> Vec<&str> {
    log.iter()
        .filter_map(|line| match &line.what {
            What::Notify { event, copy: false, .. } => Some(event.as_str()),
            _ => None,
        })
        .collect()
}

fn answers(log: &[LogLine]) -> Vec<u16> {
    let status = |line: &LogLine| match line.what {
        What::Answered { status, .. } => Some(status),
        _ => None,
    };
    log.iter().filter_map(status).collect()
}

#[tokio::test]
async fn phones_of_each_maker_reboot_on_their_own_event_and_are_seen_to_return() {
    let house = House(80);
    let phones = everybody().map(|n| phone(house, n)).collect();
    let (_site, building, daemon) = night(house, phones, "reboot", &passwords()).await;
    for n in everybody() {
        let (vendor, model, version, event) = MAKERS[usize::from(n) - 1];
        let done = daemon.state(&user(n), "rebooted").await;
        let runs = done.version.map(|version| version.to_string());
        let maker = done.vendor.as_ref().map(|vendor| vendor.as_str());
        // What a User-Agent that nobody can read says of a version is not known either.
        let told = Some(version).filter(|_| !BY_INVENTORY.contains(&vendor));
        assert_eq!((maker, runs.as_deref()), (Some(profile(vendor)), told), "{model}");
        let log = building.log(house.mac(n));
        let challenged = phone(house, n).challenges;
        assert_eq!(answers(&log), if challenged { vec![401, 200] } else { vec![200] }, "{vendor}: {log:#?}");
        assert!(events(&log).iter().all(|sent| *sent == event), "{vendor}: {log:#?}");
        assert_eq!(boots(&log), 1, "{vendor}: {log:#?}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn phones_of_each_maker_read_their_settings_on_their_own_event_and_stay() {
    let house = House(9);
    let numbered = || (1_u8..).zip(READERS);
    let phones = numbered().map(|(n, (vendor, model, version, _))| {
        PhoneSpec::of_maker(vendor, house.mac(n), model, version, &user(n), house.ip(n))
    });
    let (_site, building, daemon) = night(house, phones.collect(), "resync", &passwords()).await;
    for (n, (vendor, _, _, event)) in numbered() {
        daemon.state(&user(n), "resynced").await;
        let log = building.log(house.mac(n));
        assert!(events(&log).iter().all(|sent| *sent == event), "{vendor}: {log:#?}");
        assert_eq!((boots(&log), orders(&log) > 0), (0, true), "{vendor}: {log:#?}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn who_refuses_is_told_with_its_own_words_and_not_asked_again() {
    let house = House(81);
    let refusing = |n| phone(house, n).with_misfit(Misfit::Refuses(403));
    let phones = everybody().map(refusing).collect();
    let (_site, building, daemon) = night(house, phones, "reboot", &passwords()).await;
    for n in everybody() {
        let vendor = MAKERS[usize::from(n) - 1].0;
        let held = daemon.phone(&user(n), |phone| phone.detail.contains("403")).await;
        assert!(held.detail.contains("403"), "{vendor}: {}", held.detail);
        let log = building.log(house.mac(n));
        assert_eq!((orders(&log), boots(&log)), (1, 0), "{vendor}: {log:#?}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_cisco_asks_for_the_password_of_its_line_and_takes_no_other() {
    let house = House(82);
    let spa = |n| PhoneSpec::of_maker("cisco-spa", house.mac(n), "SPA508G", "7.4.4", &user(n), house.ip(n));
    let wrong = "2001,2001,guessed\n";
    let (_site, building, daemon) = night(house, vec![spa(1), spa(2)], "reboot", wrong).await;
    for (n, statuses) in [(1, vec![401, 401]), (2, vec![401])] {
        let told = if n == 1 { "401" } else { "password" };
        daemon.phone(&user(n), |phone| phone.detail.contains(told)).await;
        let log = building.log(house.mac(n));
        assert_eq!((answers(&log), boots(&log)), (statuses, 0), "{log:#?}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn phones_in_a_call_are_held_until_it_ends_and_no_call_is_cut() {
    let house = House(83);
    let phones: Vec<PhoneSpec> = everybody().map(|n| phone(house, n)).collect();
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let building = building(clock.clone(), phones).await;
    for n in everybody() {
        building.call(&user(n), "600", TimeDelta::minutes(30)).unwrap();
        let began = |log: &[LogLine]| count(log, |what| matches!(what, What::CallBegan { .. })) > 0;
        building.wait(house.mac(n), LIMIT, began).await.unwrap();
    }
    let site = Site::new(house);
    let phones: Vec<PhoneSpec> = everybody().map(|n| phone(house, n)).collect();
    let pace = "[pace]\ndown_at_once = 20\n";
    let policy = format!("[select]\nline = \"*\"\n[reboot]\n{ALWAYS}[idle]\nquiet = \"0s\"\n{pace}");
    site.write("policies/night.toml", &policy);
    site.write("phones.csv", &inventory(&phones));
    site.write("sip-credentials.csv", &format!("line,username,password\n{}", passwords()));
    site.settings(&building, "credentials = \"sip-credentials.csv\"", &timing());
    let daemon = site.start(clock, DRAIN).await;
    for n in everybody() {
        daemon.phone(&user(n), |phone| phone.detail.starts_with("in a call")).await;
    }
    for n in everybody() {
        let vendor = MAKERS[usize::from(n) - 1].0;
        daemon.state(&user(n), "rebooted").await;
        let log = building.log(house.mac(n));
        let place = |wanted: &dyn Fn(&What) -> bool| log.iter().position(|line| wanted(&line.what)).unwrap();
        let hung_up = place(&|what| matches!(what, What::CallEnded { .. }));
        let asked = place(&|what| matches!(what, What::Notify { .. }));
        assert!(hung_up < asked, "{vendor}: {log:#?}");
        assert_eq!(count(&log, |what| matches!(what, What::CallCut { .. })), 0, "{vendor}: {log:#?}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_whose_settings_forbid_the_reboot_is_believed_to_stay() {
    let house = House(84);
    // A Gigaset without `CheckSyncRebootEnabled`, a Poly without `alwaysReboot`: both read their settings, no more.
    let phone = |n, vendor, model| {
        let phone = PhoneSpec::of_maker(vendor, house.mac(n), model, "5.5.0", &user(n), house.ip(n));
        phone.with_misfit(Misfit::ResyncsOnly)
    };
    let phones = vec![phone(1, "gigaset", "N870 IP PRO"), phone(2, "poly", "VVX_500")];
    let (_site, building, daemon) = night(house, phones, "reboot", "").await;
    for n in [1, 2] {
        let held = daemon.phone(&user(n), |phone| phone.detail.contains("not seen to leave")).await;
        let log = building.log(house.mac(n));
        assert_eq!((answers(&log), boots(&log)), (vec![200], 0), "{}: {log:#?}", held.detail);
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_maker_without_a_reboot_is_held_and_can_be_resynced() {
    let house = House(85);
    let base = |house: House| {
        let version = "42.245.00.000.000";
        PhoneSpec::of_maker("gigaset-n510", house.mac(1), "N510 IP PRO", version, &user(1), house.ip(1))
    };
    let (_site, building, daemon) = night(house, vec![base(house)], "reboot", "").await;
    let told = "no profile for reboots of gigaset-n510 N510 IP PRO";
    daemon.phone(&user(1), |phone| phone.detail == told).await;
    assert_eq!(orders(&building.log(house.mac(1))), 0);
    daemon.stop().await;
    building.shutdown().await;

    let house = House(86);
    let (_site, building, daemon) = night(house, vec![base(house)], "resync", "").await;
    daemon.state(&user(1), "resynced").await;
    let log = building.log(house.mac(1));
    assert_eq!((events(&log), boots(&log)), (vec!["check-sync;reboot=false"], 0), "{log:#?}");
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_that_nobody_knows_is_held_and_never_asked_anything() {
    let house = House(87);
    let stranger = PhoneSpec::of_maker("Unheard", house.mac(1), "U1", "1.2.3", &user(1), house.ip(1));
    let (site, building, daemon) = night(house, vec![stranger], "reboot", "").await;
    daemon.sees("pocket").await;
    let held = daemon.phone(&user(1), |phone| phone.detail == "no profile for unknown phone").await;
    assert_eq!((held.state.as_str(), held.vendor), ("waiting", None));
    let why = site.prints(&["why", "2001"]).await;
    assert!(why.contains("no profile for"), "{why}");
    assert_eq!(orders(&building.log(house.mac(1))), 0);
    daemon.stop().await;
    building.shutdown().await;
}
