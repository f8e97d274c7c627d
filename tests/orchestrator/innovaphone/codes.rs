//! Boot code and radio code by themselves: to phones that run the firmware already and tell that they have another one.

use sipherd::sim::innovaphone::{Make, Part};
use sipherd::sim::{LogLine, Misfit, PhoneSpec, What};

use super::super::site::{House, boots, count, user};
use super::{
    AFTER, BEFORE, UPDATE, always, by_script, cuts, ip222, mac, made, phone, place, polls, start, stop, until,
};

const BOOT: &str = "125501";

/// It runs the new firmware, and old boot code.
fn half(house: House, n: u8, product: &str) -> PhoneSpec {
    PhoneSpec { version: AFTER.to_owned(), ..phone(house, n, product) }
}

fn boot222() -> (&'static str, Part, &'static str, &'static str, &'static str) {
    ("IP222", Part::Boot, "boot222.bin", BOOT, "")
}

/// What it fetched and wrote, but for firmware, and how many downloads it began at all.
fn fetched(log: &[LogLine]) -> (Vec<String>, usize) {
    let part = |line: &LogLine| match &line.what {
        What::PartFlashed { part, build } => Some(format!("{part} {build}")),
        _ => None,
    };
    (log.iter().filter_map(part).collect(), count(log, |what| matches!(what, What::ImageBegan { .. })))
}

/// One part and nothing else.
fn only(part: &str) -> (Vec<String>, usize) {
    (vec![part.to_owned()], 1)
}

#[tokio::test]
async fn boot_code_alone_is_fetched_activated_by_the_watchdog_and_proved_by_the_next_poll() {
    let house = House(6);
    let ip21 = [("IP21", Part::Prot, "ip21.bin", AFTER, ""), ("IP21", Part::Boot, "boot21.bin", BOOT, "")];
    let staged = [&[ip222(AFTER), boot222()][..], &ip21[..]].concat();
    let phones = vec![half(house, 1, "IP222"), half(house, 2, "IP21")];
    let (site, building, daemon) = start(house, phones, &always(UPDATE), &staged).await;
    for n in [1, 2] {
        until(&building, mac(house, n), |log| {
            polls(log).last().is_some_and(|query| query.contains(&format!("&bootcode={BOOT}&")))
        })
        .await;
        daemon.state(&user(n), "verified").await;
        let log = building.log(mac(house, n));
        assert_eq!((fetched(&log), boots(&log)), (only("boot 125501"), 1), "{log:#?}");
        let history = daemon.history(mac(house, n)).await;
        let verified = format!("runs {BOOT}, all lines registered");
        assert!(history.iter().any(|(kind, text)| kind == "verified" && *text == verified), "{history:#?}");
    }
    let why = site.prints(&["why", "2001"]).await;
    assert!(why.contains(&format!("runs {AFTER} already")), "{why}");
    stop(building, daemon).await;
}

#[tokio::test]
async fn a_release_of_boot_code_alone_does_for_phones_that_told_theirs() {
    let house = House(7);
    let phones = vec![phone(house, 1, "IP222"), phone(house, 2, "IP232")];
    let (_site, building, daemon) = start(house, phones, &always(UPDATE), &[boot222()]).await;
    let done = daemon.phone(&user(1), |phone| phone.detail == format!("runs {BOOT} already")).await;
    assert_eq!(done.version.unwrap().to_string(), BEFORE, "its firmware is nobody's matter here");
    daemon.phone(&user(2), |phone| phone.detail == "release new has no image for it").await;
    let log = building.log(mac(house, 1));
    assert_eq!((fetched(&log), boots(&log)), (only("boot 125501"), 1), "{log:#?}");
    stop(building, daemon).await;
}

#[tokio::test]
async fn radio_code_is_believed_only_behind_a_boot_and_the_serial_of_a_poll() {
    let house = House(8);
    let staged =
        [("IP1200", Part::Prot, "ip1200.bin", AFTER, ""), ("IP1200", Part::Bmc, "bmc.bin", "502", "")];
    let stored = |serial: &str| {
        let serial = serial.to_owned();
        move |make: Make| Make { radio: serial, ..make }
    };
    let phones = vec![
        made(half(house, 1, "IP1200"), stored("501")),
        made(half(house, 2, "IP1200"), stored("502")),
        made(half(house, 3, "IP1200"), stored("501")).with_misfit(Misfit::RejectsImage),
        half(house, 4, "IP1200"),
    ];
    let policy = format!("{}\n[pace]\ndown_at_once = 4\n[retry]\nattempts = 1\n", always(UPDATE));
    let (_site, building, daemon) = start(house, phones, &policy, &staged).await;
    let told = |query: &String| query.contains("BMC=502");
    until(&building, mac(house, 1), |log| polls(log).last().is_some_and(told)).await;
    daemon.state(&user(1), "verified").await;
    let log = building.log(mac(house, 1));
    let radio = place(&log, |what| matches!(what, What::PartFlashed { part, .. } if part == "bmc"));
    assert!(radio < place(&log, by_script), "{log:#?}");
    assert_eq!((fetched(&log), boots(&log), cuts(&log)), (only("bmc 502"), 1, 0), "{log:#?}");
    let failed = daemon.state(&user(3), "failed").await;
    assert!(failed.detail.starts_with("rejected the image"), "{}", failed.detail);
    // One has it, and of the other nobody knows: it gets radio code with its next firmware.
    for n in [2, 4] {
        daemon.state(&user(n), "verified").await;
        until(&building, mac(house, n), |log| polls(log).len() >= 4).await;
        let log = building.log(mac(house, n));
        assert_eq!((boots(&log), count(&log, |what| matches!(what, What::ImageBegan { .. }))), (0, 0));
    }
    stop(building, daemon).await;
}
