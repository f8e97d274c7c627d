//! Whole updates, against a settings server as small as can be.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use sipherd::sim::{Building, LogLine, Misfit, PhoneSpec, What};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{NEW, Stranger, building, contact, count, mac, registered, snom, until};

/// A settings server as small as can be; it writes down what was asked for.
struct Stub {
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    async fn new(image: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let stub = Self { base: base.clone(), asked: Arc::clone(&asked) };
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let (base, asked) = (base.clone(), Arc::clone(&asked));
                tokio::spawn(async move { Self::serve(stream, peer.ip(), &base, &asked, image).await });
            }
        });
        stub
    }

    async fn serve(
        mut stream: TcpStream,
        peer: IpAddr,
        base: &str,
        asked: &Mutex<Vec<String>>,
        image: usize,
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
        let file = format!("/fw/snomD785-{NEW}-SIP-r.bin");
        let (status, body) = if path.ends_with(".htm") {
            let settings = format!(
                "<settings><phone-settings><firmware_status perm=\"R\">{base}/fw.xml</firmware_status>\
                 <update_policy perm=\"R\">auto_update</update_policy></phone-settings></settings>"
            );
            ("200 OK".to_owned(), settings.into_bytes())
        } else if path == "/fw.xml" {
            let xml =
                format!("<firmware-settings><firmware perm=\"\">{base}{file}</firmware></firmware-settings>");
            ("200 OK".to_owned(), xml.into_bytes())
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
async fn without_a_depot_that_answers_a_phone_still_comes_up() {
    let building = building(vec![snom(1)]).await;
    building.point_at_depot(Some("http://127.0.0.1:1"));
    building.phone("2001").unwrap().power_cycle();
    until(&building, 1, 2, registered).await;
    assert_eq!(count(&building.log(mac(1)), |what| *what == What::SettingsAsked { status: 0 }), 1);
}
