//! Whole updates, against a settings server as small as can be.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta};
use futures_util::{StreamExt, stream};
use sipherd::clock::ScaledClock;
use sipherd::sim::night::{Night, NightSpec};
use sipherd::sim::traffic::draw_calls;
use sipherd::sim::{Building, BuildingSpec, LogLine, Misfit, Outcome, PhoneSpec, Rules, What, judge};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::ami::Ami;
use super::{LIMIT, NEW, Stranger, building, contact, count, mac, registered, snom, until};

/// What a settings server tells phones.
#[derive(Clone, Copy)]
struct Shelf {
    /// Length of each image, in bytes.
    image: usize,
    update_policy: &'static str,
    /// The firmware document names a bootloader, too.
    bootloader: bool,
}

/// A settings server as small as can be; it writes down what was asked for.
struct Stub {
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    async fn new(image: usize) -> Self {
        Self::with(Shelf { image, update_policy: "auto_update", bootloader: false }).await
    }

    async fn with(shelf: Shelf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let stub = Self { base: base.clone(), asked: Arc::clone(&asked) };
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let (base, asked) = (base.clone(), Arc::clone(&asked));
                tokio::spawn(async move { Self::serve(stream, peer.ip(), &base, &asked, shelf).await });
            }
        });
        stub
    }

    async fn serve(
        mut stream: TcpStream,
        peer: IpAddr,
        base: &str,
        asked: &Mutex<Vec<String>>,
        Shelf { image, update_policy, bootloader }: Shelf,
    ) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap();
        let field = |name: &str| {
            let of = |line: &str| line.to_ascii_lowercase().strip_prefix(name).map(str::to_owned);
            head.lines().find_map(of).unwrap_or_default()
        };
        let (range, agent) = (field("range: "), field("user-agent: "));
        asked.lock().unwrap().push(format!("{peer} {path} {range} {agent}"));
        let (status, body) = if let Some((model, _)) =
            path.strip_prefix("/snom").and_then(|p| p.split_once('-'))
        {
            let settings = format!(
                "<settings><phone-settings><firmware_status perm=\"R\">{base}/{model}.xml</firmware_status>\
                 <update_policy perm=\"R\">{update_policy}</update_policy></phone-settings></settings>"
            );
            ("200 OK".to_owned(), settings.into_bytes())
        } else if let Some(model) = path.strip_suffix(".xml").filter(|path| !path.starts_with("/cfg")) {
            let image = format!("{base}/fw/snom{}-{NEW}-SIP-r.bin", &model[1..]);
            let boot = format!("<bootloader perm=\"\">{base}/fw/boot.bin</bootloader>");
            let boot = if bootloader { boot } else { String::new() };
            let xml = format!(
                "<firmware-settings><firmware perm=\"\">{image}</firmware>{boot}</firmware-settings>"
            );
            ("200 OK".to_owned(), xml.into_bytes())
        } else if !path.starts_with("/fw/") {
            ("404 Not Found".to_owned(), Vec::new())
        } else {
            let from = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0);
            let status = match from {
                0 => "200 OK".to_owned(),
                _ => format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{image}", image - 1),
            };
            (status, vec![0x5a; image - from])
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        // The phone may break off.
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&body).await;
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The kinds of line, in their order.
fn story(log: &[LogLine]) -> Vec<&'static str> {
    log.iter()
        .map(|line| match &line.what {
            What::Notify { .. } => "notify",
            What::Answered { .. } => "answered",
            What::RebootBegan { .. } => "reboot",
            What::BootDone { version } if version == NEW => "boot new",
            What::BootDone { .. } => "boot old",
            What::SettingsAsked { .. } => "settings",
            What::FirmwareOffered { .. } => "offer",
            What::ImageBegan { from: 0 } => "image",
            What::ImageBegan { .. } => "resume",
            What::ImageBroke { .. } => "broke",
            What::ImageComplete { .. } => "complete",
            What::ImageRejected => "rejected",
            What::Flashed { .. } => "flashed",
            What::Registered => "registered",
            _ => "other",
        })
        .collect()
}

async fn rebooted_towards(stub: &Stub, phone: PhoneSpec, registrations: usize) -> Building {
    let building = building(vec![phone]).await;
    building.point_at_depot(Some(&stub.base));
    let (uri, address) = contact(&building, "2001");
    let stranger = Stranger::new().await;
    assert_eq!(stranger.ask(&stranger.notify(&uri, "reboot", "n1"), address).await.code(), 200);
    until(&building, 1, registrations, registered).await;
    building
}

#[tokio::test]
async fn a_snom_updates_in_two_boots_and_shows_its_new_version() {
    let stub = Stub::new(100_000).await;
    let building = rebooted_towards(&stub, snom(1), 2).await;
    assert_eq!(
        story(&building.log(mac(1))),
        [
            "boot old",
            "registered",
            "notify",
            "answered",
            "reboot",
            "boot old",
            "settings",
            "offer",
            "image",
            "complete",
            "flashed",
            "reboot",
            "boot new",
            "settings",
            "registered"
        ]
    );
    let stranger = Stranger::new().await;
    let (uri, address) = contact(&building, "2001");
    let answer = stranger.ask(&stranger.request("OPTIONS", &uri, "o1"), address).await;
    assert_eq!(answer.get("User-Agent"), format!("snomD785/{NEW}"));
    let asked = stub.asked();
    assert_eq!(asked.len(), 5, "{asked:#?}");
    assert!(asked[0].starts_with("127.51.0.1 /snomD785-000413510001.htm"), "{}", asked[0]);
    assert!(asked[0].contains("snomd785-sip 10.1.64.14 2010.12-00004 000413510001"), "{}", asked[0]);
    assert!(asked[3].contains(&format!("snomd785-sip {NEW}")), "{}", asked[3]);
}

#[tokio::test]
async fn the_old_version_may_be_seen_once_more_before_the_download() {
    let stub = Stub::new(100_000).await;
    let building = rebooted_towards(&stub, PhoneSpec { two_boots_visible: true, ..snom(1) }, 3).await;
    assert_eq!(
        story(&building.log(mac(1)))[4..],
        [
            "reboot",
            "boot old",
            "settings",
            "offer",
            "registered",
            "image",
            "complete",
            "flashed",
            "reboot",
            "boot new",
            "settings",
            "registered"
        ]
    );
}

#[tokio::test]
async fn a_broken_download_is_resumed_where_it_broke() {
    let stub = Stub::new(3_000_000).await;
    let building = rebooted_towards(&stub, snom(1).with_misfit(Misfit::BreaksDownload), 2).await;
    let log = building.log(mac(1));
    assert_eq!(
        story(&log)[7..],
        [
            "offer",
            "image",
            "broke",
            "resume",
            "complete",
            "flashed",
            "reboot",
            "boot new",
            "settings",
            "registered"
        ]
    );
    let broke = log.iter().find_map(|line| match line.what {
        What::ImageBroke { at } => Some(at),
        _ => None,
    });
    let resumed = log.iter().rev().find_map(|line| match line.what {
        What::ImageBegan { from } => Some(from),
        _ => None,
    });
    assert_eq!(broke, resumed);
    assert_eq!(count(&log, |what| *what == What::ImageComplete { bytes: 3_000_000 }), 1);
}

#[tokio::test]
async fn some_phones_stay_on_their_old_version() {
    for (misfit, end) in [
        (Misfit::ReturnsOld, vec!["offer", "registered"]),
        (Misfit::RejectsImage, vec!["offer", "image", "complete", "rejected", "registered"]),
    ] {
        let stub = Stub::new(1000).await;
        let building = rebooted_towards(&stub, snom(1).with_misfit(misfit), 2).await;
        assert_eq!(story(&building.log(mac(1)))[7..], end, "{misfit:?}");
    }
}

#[tokio::test]
async fn a_snom_that_is_to_ask_its_user_takes_nothing_while_nobody_answers() {
    let shelf = Shelf { image: 1000, update_policy: "ask_for_update", bootloader: false };
    let building = rebooted_towards(&Stub::with(shelf).await, snom(1), 2).await;
    let log = building.log(mac(1));
    assert_eq!(count(&log, |what| *what == What::AsksItsUser), 1, "{log:#?}");
    assert_eq!(count(&log, |what| matches!(what, What::ImageBegan { .. })), 0, "{log:#?}");
}

#[tokio::test]
async fn a_bootloader_is_fetched_behind_the_firmware_and_ruins_a_snom_of_the_old_models() {
    let shelf = Shelf { image: 1000, update_policy: "auto_update", bootloader: true };
    let stub = Stub::with(shelf).await;
    let building = rebooted_towards(&stub, snom(1), 2).await;
    let log = building.log(mac(1));
    assert_eq!(count(&log, |what| *what == What::BootloaderFetched { bytes: 1000 }), 1, "{log:#?}");
    assert_eq!(count(&log, |what| *what == What::Flashed { version: NEW.into() }), 1, "{log:#?}");
    for model in ["190", "320", "370"] {
        let old = PhoneSpec { model: model.into(), ..snom(1) };
        let building = rebooted_towards(&stub, old, 1).await;
        until(&building, 1, 1, |what| *what == What::BootloaderRuined).await;
        let log = building.log(mac(1));
        let flashed = count(&log, |what| matches!(what, What::Flashed { .. }));
        assert_eq!((flashed, count(&log, registered)), (0, 1), "{model}: {log:#?}");
        building.shutdown().await;
    }
}

#[tokio::test]
async fn without_a_depot_that_answers_a_phone_still_comes_up() {
    let building = building(vec![snom(1)]).await;
    building.point_at_depot(Some("http://127.0.0.1:1"));
    building.phone("2001").unwrap().power_cycle();
    until(&building, 1, 2, registered).await;
    assert_eq!(count(&building.log(mac(1)), |what| *what == What::SettingsAsked { status: 0 }), 1);
}

/// Asks one phone to reboot and waits for what becomes of it.
async fn tend(building: &Building, phone: &PhoneSpec) {
    let mut ami = Ami::logged_in(building).await;
    let event = if phone.vendor == "snom" { "reboot" } else { "check-sync;reboot=true" };
    let (uri, _) = contact(building, &phone.user);
    let notify = ["Action: PJSIPNotify", &format!("URI: {uri}"), &format!("Variable: Event={event}")];
    assert_eq!(ami.ask(&notify).await["Response"], "Success");
    let misfit = phone.misfit;
    let target = if phone.vendor == "snom" && misfit != Misfit::ReturnsOld { NEW } else { &phone.version };
    let home = |log: &[LogLine]| {
        let asked = log.iter().position(|line| matches!(line.what, What::Answered { .. }));
        let rest = asked.map_or(&[][..], |at| &log[at..]);
        let there = |what: &What| matches!(what, What::BootDone { version } if version == target);
        match misfit {
            Misfit::Refuses(_) | Misfit::NeverLeaves => asked.is_some(),
            Misfit::NeverReturns => rest.iter().any(|line| matches!(line.what, What::RebootBegan { .. })),
            _ => {
                rest.last().is_some_and(|line| line.what == What::Registered)
                    && rest.iter().any(|line| there(&line.what))
            }
        }
    };
    let waited = building.wait(phone.mac, LIMIT, home).await;
    waited.unwrap_or_else(|error| panic!("{error}: {phone:?} {:#?}", building.log(phone.mac)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_careful_hand_brings_the_cast_of_a_night_home_and_the_judge_agrees() {
    let opens = DateTime::from_timestamp(1_795_000_000, 0).unwrap() + TimeDelta::minutes(10);
    let closes = opens + TimeDelta::hours(2);
    let spec =
        NightSpec { seed: 3, opens, closes, target: NEW.to_owned(), others: Outcome::Rebooted, tries: 1 };
    let night = Night::cast(&spec);
    let stub = Stub::new(200_000).await;
    let clock = Arc::new(ScaledClock::starting_at(opens - TimeDelta::minutes(10), 300));
    let building = Building::start(BuildingSpec::new(clock, night.phones.clone(), 3)).await.unwrap();
    building.all_registered(LIMIT).await.unwrap();
    building.point_at_depot(Some(&stub.base));
    // Only those talk that wait for their calls themselves: whether a call begins between look and leap is chance.
    let snoms = night.phones.iter().filter(|phone| phone.vendor == "snom");
    let users: Vec<String> = snoms.map(|phone| phone.user.clone()).collect();
    building.hold_calls(draw_calls(
        3,
        80,
        &users,
        opens - TimeDelta::minutes(5),
        opens + TimeDelta::minutes(25),
    ));
    tokio::time::sleep(building.until(opens)).await;
    let slots = 25;
    stream::iter(&night.phones).for_each_concurrent(slots, |phone| tend(&building, phone)).await;
    let rules = Rules {
        windows: vec![(opens, closes)],
        slack: TimeDelta::seconds(30),
        down_at_once: 26,
        gap: TimeDelta::minutes(5),
        expected: night.expected,
        special: std::collections::BTreeSet::new(),
    };
    let judgement = judge(&building.logs(), &rules);
    assert!(judgement.is_clean(), "{judgement}");
    building.shutdown().await;
}
