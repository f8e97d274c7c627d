//! Innovaphones: told what to do in the answer to their own poll, over real sockets, from the first poll to the last proof.

mod codes;
mod handbook;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sipherd::clock::ScaledClock;
use sipherd::domain::phone::Mac;
use sipherd::ports::RebootAsk;
use sipherd::sim::innovaphone::{Make, Part, image};
use sipherd::sim::{Building, Cause, LogLine, Misfit, PhoneSpec, What};

use super::site::{ALWAYS, Daemon, House, LIMIT, Site, boots, building, count, friday, orders, user};

const DRAIN: Duration = Duration::from_millis(1);
const BEFORE: &str = "121111";
const AFTER: &str = "125555";
/// Length of each image, in bytes.
const LENGTH: usize = 60_000;
/// Length of one that does not fit into the buffers of a connection.
const LONG: usize = 16_000_000;

/// Deadlines for polls every two minutes.
const TIMING: &str = r#"
[timing.innovaphone]
answer = "10m"
leave = "6m"
boot = "6m"
fetch = "8m"
flash = "2m"
gap = "30s"
"#;

const UPDATE: &str = "[update]\nrelease = \"new\"\n";

/// A minute in a second.
fn clock() -> Arc<ScaledClock> {
    Arc::new(ScaledClock::starting_at(friday(), 60))
}

fn mac(house: House, n: u8) -> Mac {
    let [.., last, nth] = house.mac(n).octets();
    Mac::new([0x00, 0x90, 0x33, 0x70, last, nth])
}

/// An innovaphone with line `20nn` that polls every two minutes.
fn phone(house: House, n: u8, product: &str) -> PhoneSpec {
    let two = TimeDelta::minutes(2);
    let make = Make { interval: two, first_poll: two, ..Make::default() };
    PhoneSpec {
        innovaphone: Some(make),
        ..PhoneSpec::innovaphone(mac(house, n), product, BEFORE, &user(n), house.ip(n))
    }
}

/// The same, made otherwise.
fn made(phone: PhoneSpec, change: impl FnOnce(Make) -> Make) -> PhoneSpec {
    PhoneSpec { innovaphone: phone.innovaphone.map(change), ..phone }
}

/// A release of these parts: product, part, file, build, and further keys of its manifest.
fn stage(site: &Site, parts: &[(&str, Part, &str, &str, &str)]) {
    stage_as(site, "new", parts);
}

/// The same under another name.
fn stage_as(site: &Site, name: &str, parts: &[(&str, Part, &str, &str, &str)]) {
    let source = site.path("firmware");
    std::fs::create_dir(&source).unwrap();
    let mut manifest = format!("name = \"{name}\"\n");
    for (product, part, file, build, more) in parts {
        // The file that breaks must not fit into the buffers between depot and phone.
        let length = if *file == "long.bin" { LONG } else { LENGTH };
        std::fs::write(source.join(file), image(product, *part, build, length)).unwrap();
        let word = match part {
            Part::Prot => "firmware",
            Part::Boot => "boot",
            Part::Bmc => "radio",
        };
        manifest += &format!(
            "\n[[image]]\nfile = \"{file}\"\npart = \"{word}\"\nvendor = \"innovaphone\"\nmodels = [\"{product}\"]\n\
             version = \"{build}\"\n{more}\n"
        );
    }
    std::fs::write(source.join("release.toml"), manifest).unwrap();
    sipherd::depot::add(&site.path("state/releases"), &source, None, &mut |_| {}).unwrap();
}

fn ip222(build: &'static str) -> (&'static str, Part, &'static str, &'static str, &'static str) {
    ("IP222", Part::Prot, "ip222.bin", build, "")
}

/// A building of these phones and a daemon with this policy for them.
async fn start(
    house: House,
    phones: Vec<PhoneSpec>,
    policy: &str,
    staged: &[(&str, Part, &str, &str, &str)],
) -> (Site, Building, Daemon) {
    let clock = clock();
    let rows: String = phones.iter().map(|phone| format!("{},{}\n", phone.mac, phone.user)).collect();
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    stage(&site, staged);
    site.write("policies/night.toml", &format!("[select]\nvendor = \"innovaphone\"\n\n{policy}"));
    site.write("phones.csv", &format!("mac,lines\n{rows}"));
    site.settings(&building, "", TIMING);
    let daemon = site.start(clock, DRAIN).await;
    (site, building, daemon)
}

async fn stop(building: Building, daemon: Daemon) {
    daemon.stop().await;
    building.shutdown().await;
}

/// A policy that may act at any hour.
fn always(action: &str) -> String {
    format!("{action}\n{ALWAYS}\n[idle]\nquiet = \"0s\"\n")
}

async fn until(building: &Building, mac: Mac, wanted: impl Fn(&[LogLine]) -> bool) {
    let waited = building.wait(mac, LIMIT, wanted).await;
    waited.unwrap_or_else(|error| panic!("{error}: {:#?}", building.log(mac)));
}

fn polls(log: &[LogLine]) -> Vec<String> {
    let query = |line: &LogLine| match &line.what {
        What::Polled { query, status: 200 } => Some(query.clone()),
        _ => None,
    };
    log.iter().filter_map(query).collect()
}

fn place(log: &[LogLine], wanted: impl Fn(&What) -> bool) -> usize {
    log.iter().position(|line| wanted(&line.what)).unwrap_or_else(|| panic!("{log:#?}"))
}

fn by_script(what: &What) -> bool {
    *what == What::RebootBegan { cause: Cause::ByScript }
}

fn cuts(log: &[LogLine]) -> usize {
    count(log, |what| matches!(what, What::CallCut { .. }))
}

#[tokio::test]
async fn a_phone_is_told_its_url_then_its_firmware_and_is_believed_by_what_it_runs() {
    let house = House(200);
    let (site, building, daemon) =
        start(house, vec![phone(house, 1, "IP222")], &always(UPDATE), &[ip222(AFTER)]).await;
    let held = daemon.phone(&user(1), |phone| phone.detail.contains("poll")).await;
    assert!(held.detail.contains("it was not seen to poll yet"), "{}", held.detail);
    let phone = daemon.state(&user(1), "verified").await;
    assert_eq!(phone.version.unwrap().to_string(), AFTER);
    // It writes its poll down once it has the answer.
    let proved = |log: &[LogLine]| polls(log).last().is_some_and(|query| query.contains("&runs=125555&"));
    until(&building, mac(house, 1), proved).await;
    let log = building.log(mac(house, 1));
    let polls = polls(&log);
    // The first tells too little: it is told a URL that tells more. Then it is told to fetch, and proves what runs.
    assert!(polls[0].starts_with("ver="), "{polls:#?}");
    assert!(
        polls[1]
            .starts_with("sn=00-90-33-70-c8-01&type=IP222&hwid=IP222-70-c8-01&ip=127.70.200.1&runs=121111&")
    );
    assert!(polls.last().unwrap().contains("PROT=125555"), "{polls:#?}");
    assert!(
        place(&log, |what| matches!(what, What::ImageComplete { .. })) < place(&log, by_script),
        "{log:#?}"
    );
    assert_eq!((orders(&log), boots(&log), cuts(&log)), (0, 1, 0), "{log:#?}");
    let kinds: Vec<String> = daemon.history(mac(house, 1)).await.into_iter().map(|(kind, _)| kind).collect();
    for kind in ["asked", "ordered", "accepted", "fetching", "flashing", "away", "verified"] {
        assert!(kinds.iter().any(|known| known == kind), "{kind} in {kinds:?}");
    }
    let why = site.prints(&["why", "2001"]).await;
    assert!(why.contains("innovaphone IP222"), "{why}");
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_phone_that_runs_the_build_is_left_alone_whatever_serial_it_has_stored() {
    let house = House(201);
    let stores = |n, serial: &str| {
        let prot = serial.to_owned();
        made(phone(house, n, "IP222"), move |make| Make { prot, ..make })
    };
    let runs = |phone: PhoneSpec| PhoneSpec { version: AFTER.to_owned(), ..phone };
    // Two run it, with no serial and a wrong one; the third has the right serial and runs something else.
    let phones = vec![runs(phone(house, 1, "IP222")), runs(stores(2, BEFORE)), stores(3, AFTER)];
    let (_site, building, daemon) = start(house, phones, &always(UPDATE), &[ip222(AFTER)]).await;
    for n in [1, 2, 3] {
        daemon.state(&user(n), "verified").await;
        until(&building, mac(house, n), |log| polls(log).len() >= 4).await;
        let log = building.log(mac(house, n));
        let began = count(&log, |what| matches!(what, What::ImageBegan { .. }));
        assert_eq!((boots(&log), began), if n == 3 { (1, 1) } else { (0, 0) }, "{log:#?}");
    }
    let told = polls(&building.log(mac(house, 2)));
    assert!(told.last().unwrap().contains("PROT=121111"), "{told:#?}");
    let told = polls(&building.log(mac(house, 3)));
    assert!(told.first().unwrap().ends_with("PROT=125555"), "{told:#?}");
    assert!(told.last().unwrap().contains("PROT=125555-2&"), "{told:#?}");
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_phone_in_a_call_gets_no_order_and_one_that_is_called_later_waits_for_its_end() {
    let house = House(202);
    let slow = phone(house, 1, "IP222");
    let slow = PhoneSpec { pace: sipherd::sim::Pace { bytes_per_second: 1_000, ..slow.pace }, ..slow };
    let (_site, building, daemon) = start(house, vec![slow], &always(UPDATE), &[ip222(AFTER)]).await;
    // Through its first three polls.
    building.call(&user(1), "600", TimeDelta::minutes(10)).unwrap();
    until(&building, mac(house, 1), |log| polls(log).len() >= 3).await;
    let log = building.log(mac(house, 1));
    assert_eq!(count(&log, |what| matches!(what, What::ImageBegan { .. })), 0, "{log:#?}");
    // It is free, downloads for a minute, and somebody dials meanwhile.
    until(&building, mac(house, 1), |log| count(log, |what| matches!(what, What::ImageBegan { .. })) > 0)
        .await;
    building.call(&user(1), "600", TimeDelta::minutes(4)).unwrap();
    daemon.state(&user(1), "verified").await;
    let log = building.log(mac(house, 1));
    assert_eq!((cuts(&log), boots(&log)), (0, 1), "{log:#?}");
    assert_eq!(count(&log, |what| matches!(what, What::CallEnded { .. })), 2, "{log:#?}");
    let last_call = log.iter().rposition(|line| matches!(line.what, What::CallEnded { .. })).unwrap();
    assert!(last_call < place(&log, by_script), "{log:#?}");
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_download_that_breaks_is_begun_again_at_the_next_poll() {
    let house = House(203);
    let breaks = phone(house, 1, "IP222").with_misfit(Misfit::BreaksDownload);
    let (_site, building, daemon) =
        start(house, vec![breaks], &always(UPDATE), &[("IP222", Part::Prot, "long.bin", AFTER, "")]).await;
    daemon.state(&user(1), "verified").await;
    let log = building.log(mac(house, 1));
    assert_eq!(count(&log, |what| matches!(what, What::ImageBroke { .. })), 1, "{log:#?}");
    assert_eq!(
        (count(&log, |what| matches!(what, What::ImageBegan { .. })), boots(&log)),
        (2, 1),
        "{log:#?}"
    );
    let history = daemon.history(mac(house, 1)).await;
    assert!(history.iter().any(|(kind, _)| kind == "broken"), "{history:#?}");
    stop(building, daemon).await;
}

#[tokio::test]
async fn an_image_for_other_hardware_is_never_offered() {
    let house = House(204);
    let wrong = ("IP222", Part::Prot, "ip222.bin", AFTER, "hardware = [\"208\"]");
    let phones = vec![phone(house, 1, "IP222"), phone(house, 2, "IP232")];
    let (_site, building, daemon) = start(house, phones, &always(UPDATE), &[wrong]).await;
    daemon.phone(&user(1), |phone| phone.detail == "image does not run on hardware level 102").await;
    daemon.phone(&user(2), |phone| phone.detail == "release new has no image for it").await;
    for n in [1, 2] {
        until(&building, mac(house, n), |log| polls(log).len() >= 4).await;
        let log = building.log(mac(house, n));
        assert_eq!((boots(&log), count(&log, |what| matches!(what, What::ImageBegan { .. }))), (0, 0));
    }
    stop(building, daemon).await;
}

#[tokio::test]
async fn each_way_of_not_doing_it_has_its_own_name() {
    let house = House(205);
    let phones = vec![
        phone(house, 1, "IP222").with_misfit(Misfit::RejectsImage),
        phone(house, 2, "IP222").with_misfit(Misfit::ReturnsOld),
        phone(house, 3, "IP222").with_misfit(Misfit::NeverPolls),
        phone(house, 4, "IP222").with_misfit(Misfit::NeverLeaves),
    ];
    let policy = format!("{}\n[pace]\ndown_at_once = 4\n[retry]\nattempts = 1\n", always(UPDATE));
    let (site, building, daemon) = start(house, phones, &policy, &[ip222(AFTER)]).await;
    let failed = daemon.state(&user(1), "failed").await;
    assert!(failed.detail.starts_with("rejected the image"), "{}", failed.detail);
    // It stored the serial, restarted and runs what it ran: the serial proves nothing.
    let failed = daemon.state(&user(2), "failed").await;
    assert!(failed.detail.starts_with("rejected the image"), "{}", failed.detail);
    assert_eq!(failed.version.unwrap().to_string(), BEFORE);
    let log = building.log(mac(house, 2));
    assert!(polls(&log).last().unwrap().contains("PROT=125555"), "{log:#?}");
    let held = daemon.state(&user(3), "waiting").await;
    assert!(held.detail.contains("see whether its update URL names this depot"), "{}", held.detail);
    let why = site.prints(&["why", "2003"]).await;
    let flat = why.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "it was not seen to poll yet",
        "Configuration/General/Update",
        "`not polled` (its first interval is not over)",
        "`failed(401)` (the URL names a server that wants a password)",
        "`failed(404)` (its path is misspelt)",
        "`failed(502)` (it is no URL, or a proxy is between)",
        "other numbers are HTTP statuses",
    ] {
        assert!(flat.contains(told), "{told}: {why}");
    }
    let failed = daemon.state(&user(4), "failed").await;
    assert!(failed.detail.starts_with("rejected the image"), "has it and never restarts: {}", failed.detail);
    stop(building, daemon).await;
}

#[tokio::test]
async fn boot_code_and_firmware_come_together_and_one_watchdog_restart_activates_both() {
    let house = House(206);
    let staged = [
        ip222(AFTER),
        ("IP222", Part::Boot, "boot222.bin", "125501", ""),
        ("IP21", Part::Prot, "ip21.bin", AFTER, ""),
    ];
    let (_site, building, daemon) =
        start(house, vec![phone(house, 1, "IP222"), phone(house, 2, "IP21")], &always(UPDATE), &staged).await;
    for n in [1, 2] {
        daemon.state(&user(n), "verified").await;
    }
    let log = building.log(mac(house, 1));
    let boot = place(
        &log,
        |what| matches!(what, What::PartFlashed { part, build } if part == "boot" && build == "125501"),
    );
    let firmware = place(&log, |what| matches!(what, What::Flashed { version } if version == AFTER));
    assert!(boot < firmware && firmware < place(&log, by_script), "{log:#?}");
    assert_eq!(boots(&log), 1, "one restart for both: {log:#?}");
    until(&building, mac(house, 1), |log| {
        polls(log).last().is_some_and(|query| query.contains("&runs=125555&"))
    })
    .await;
    let told = polls(&building.log(mac(house, 1)));
    assert!(told.last().unwrap().contains("&bootcode=125501&"), "{told:#?}");
    assert!(told.last().unwrap().contains("BOOT=125501"), "{told:#?}");
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_reboot_is_done_once_however_often_the_phone_polls() {
    let house = House(207);
    let (_site, building, daemon) =
        start(house, vec![phone(house, 1, "IP222")], &always("[reboot]\n"), &[ip222(AFTER)]).await;
    daemon.state(&user(1), "rebooted").await;
    until(&building, mac(house, 1), |log| {
        log.iter()
            .skip_while(|line| !by_script(&line.what))
            .filter(|line| matches!(line.what, What::Polled { .. }))
            .count()
            >= 3
    })
    .await;
    let log = building.log(mac(house, 1));
    assert_eq!(
        (boots(&log), count(&log, |what| matches!(what, What::ImageBegan { .. }))),
        (1, 0),
        "{log:#?}"
    );
    assert!(polls(&log).last().unwrap().contains("CHECK=sipherd-1"), "{log:#?}");
    stop(building, daemon).await;
}

#[tokio::test]
async fn outside_the_window_a_poll_is_answered_with_nothing_to_do() {
    let house = House(208);
    let policy = format!("{UPDATE}\n[[window]]\nallow = [3, 4]\n\n[idle]\nquiet = \"0s\"\n");
    let (_site, building, daemon) =
        start(house, vec![phone(house, 1, "IP222")], &policy, &[ip222(AFTER)]).await;
    daemon.phone(&user(1), |phone| phone.detail.starts_with("outside the window")).await;
    until(&building, mac(house, 1), |log| polls(log).len() >= 3).await;
    let log = building.log(mac(house, 1));
    assert_eq!(
        (boots(&log), count(&log, |what| matches!(what, What::ImageBegan { .. }))),
        (0, 0),
        "{log:#?}"
    );
    // But its poll told what it runs, and how it is made.
    let phone = daemon.phone(&user(1), |phone| phone.version.is_some()).await;
    assert_eq!(phone.version.unwrap().to_string(), BEFORE);
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_phone_without_the_time_is_updated_by_sipherds_clock() {
    let house = House(209);
    let clockless = made(phone(house, 1, "IP222"), |make| Make { clock: None, ..make });
    // The hours stand in the script: 21 to 23 UTC is 22 to 24 in Berlin, and the window is the whole day.
    let policy = format!("{UPDATE}\n[[window]]\nallow = [21, 22, 23, 0, 1]\n\n[idle]\nquiet = \"0s\"\n");
    let (_site, building, daemon) = start(house, vec![clockless], &policy, &[ip222(AFTER)]).await;
    daemon.state(&user(1), "verified").await;
    let log = building.log(mac(house, 1));
    assert!(polls(&log)[1].contains("&now=1970"), "{log:#?}");
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_daemon_that_starts_again_sends_nobody_twice() {
    let house = House(210);
    let slow = phone(house, 1, "IP222");
    let slow = PhoneSpec { pace: sipherd::sim::Pace { bytes_per_second: 1_000, ..slow.pace }, ..slow };
    let clock = clock();
    let building = building(clock.clone(), vec![slow]).await;
    let site = Site::new(house);
    stage(&site, &[ip222(AFTER)]);
    site.write("policies/night.toml", &format!("[select]\nvendor = \"innovaphone\"\n\n{}", always(UPDATE)));
    site.write("phones.csv", &format!("mac,lines\n{},{}\n", mac(house, 1), user(1)));
    site.settings(&building, "", TIMING);
    let daemon = site.start(clock.clone(), DRAIN).await;
    until(&building, mac(house, 1), |log| count(log, |what| matches!(what, What::ImageBegan { .. })) > 0)
        .await;
    daemon.stop().await;
    let daemon = site.start(clock, DRAIN).await;
    daemon.state(&user(1), "verified").await;
    let log = building.log(mac(house, 1));
    assert_eq!(
        (boots(&log), count(&log, |what| matches!(what, What::ImageComplete { .. }))),
        (1, 1),
        "{log:#?}"
    );
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_configuration_is_handed_in_once_in_each_opening_without_a_reboot() {
    let house = House(211);
    let phones = vec![phone(house, 1, "IP222")];
    let policy = format!("[backup]\n{ALWAYS}\n[idle]\nby = \"phone\"\n");
    let (site, building, daemon) = start(house, phones, &policy, &[ip222(AFTER)]).await;
    // Through its first polls: a call is no reason not to hand it in where the policy says so.
    building.call(&user(1), "600", TimeDelta::minutes(12)).unwrap();
    let phone = daemon.state(&user(1), "handed-in").await;
    assert!(
        phone.detail.starts_with("handed in its configuration in this window already"),
        "{}",
        phone.detail
    );
    until(&building, mac(house, 1), |log| polls(log).len() >= 5).await;
    let log = building.log(mac(house, 1));
    let taken = count(&log, |what| matches!(what, What::ConfigurationHandedIn { status: 201, .. }));
    assert_eq!((taken, boots(&log), cuts(&log)), (1, 0, 0), "{log:#?}");
    until(&building, mac(house, 1), |log| count(log, |what| matches!(what, What::CallEnded { .. })) > 0)
        .await;
    let folder = site.path("state/configs").join(mac(house, 1).bare_upper());
    let kept: Vec<String> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(
        kept.iter().any(|text| text.starts_with("config change PHONE USER0 /name desk\r\n")),
        "{kept:#?}"
    );
    // And given back when a person says so: read, then one restart.
    let select = vec![user(1)];
    let ask = |restore| RebootAsk { select: select.clone(), now: true, even_in_a_call: false, restore };
    daemon.control.reboot(ask(Some(1))).await.unwrap();
    let others =
        RebootAsk { select: vec!["vendor=snom".into()], now: true, even_in_a_call: false, restore: Some(1) };
    assert!(daemon.control.reboot(others).await.is_err(), "nobody else can read one");
    until(&building, mac(house, 1), |log| boots(log) == 1).await;
    let log = building.log(mac(house, 1));
    let given = |what: &What| matches!(what, What::ConfigurationRead { url, status: 200 } if url.ends_with("/number-1"));
    assert!(place(&log, given) < place(&log, by_script), "{log:#?}");
    let history = daemon.history(mac(house, 1)).await;
    assert!(history.iter().any(|(kind, _)| kind == "handed-in"), "{history:#?}");
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_phone_too_old_for_the_target_goes_over_a_stepping_stone() {
    let house = House(97);
    let staged = [
        ("IP222", Part::Prot, "stone.bin", "123333", ""),
        ("IP222", Part::Prot, "ip222.bin", AFTER, "from_at_least = \"123333\""),
    ];
    let (_site, building, daemon) =
        start(house, vec![phone(house, 1, "IP222")], &always(UPDATE), &staged).await;
    let flashed = |log: &[LogLine]| -> Vec<String> {
        let version = |line: &LogLine| match &line.what {
            What::Flashed { version } => Some(version.clone()),
            _ => None,
        };
        log.iter().filter_map(version).collect()
    };
    until(&building, mac(house, 1), |log| flashed(log).len() == 2).await;
    let there = |phone: &sipherd::ports::PhoneView| {
        phone.state == "verified" && phone.version.as_ref().is_some_and(|version| version.as_str() == AFTER)
    };
    daemon.phone(&user(1), there).await;
    let log = building.log(mac(house, 1));
    assert_eq!((flashed(&log), boots(&log)), (vec!["123333".to_owned(), AFTER.to_owned()], 2), "{log:#?}");
    stop(building, daemon).await;
}
