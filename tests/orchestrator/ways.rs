//! A daemon whose depot speaks HTTPS, TFTP and FTP too, keeps configurations, and rescues.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use sipherd::clock::SystemClock;
use sipherd::domain::phone::Mac;
use sipherd::ports::HistoryQuery;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::site::{Daemon, House, LIMIT, Site, building, quick};

const WAYS: &str = r#"
[depot.tls]
listen = "127.0.0.1:0"
certificate = "depot.crt"
key = "depot.key"

[depot.tftp]
listen = "127.0.0.1:0"

[[depot.rescue]]
release = "nov"
models = "D785"

[depot.ftp]
listen = "127.0.0.1:0"

[depot.configs]
keep = 3
"#;

fn certify(site: &Site) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    site.write("depot.crt", &cert.pem());
    site.write("depot.key", &signing_key.serialize_pem());
}

/// What the depot answers to a request from this address: status and body.
async fn asks(site: &Site, from: IpAddr, request: &str) -> (u16, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    let at = site.depot_url().strip_prefix("http://").unwrap().parse().unwrap();
    let mut depot = socket.connect(at).await.unwrap();
    depot.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(LIMIT, depot.read_to_string(&mut answer)).await.unwrap().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), body)
}

fn put(mac: Mac, text: &str) -> String {
    let length = text.len();
    format!("PUT /configs/{}/0 HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{text}", mac.bare_upper())
}

fn get(mac: Mac) -> String {
    format!("GET /configs/{}/latest HTTP/1.0\r\n\r\n", mac.bare_upper())
}

/// Waits for an entry of this kind in the history of all phones.
async fn happened(daemon: &Daemon, kind: &str) -> String {
    let look = async {
        loop {
            let entries = daemon.control.history(HistoryQuery::default()).await.unwrap();
            if let Some(entry) = entries.into_iter().find(|entry| entry.kind == kind) {
                return entry.text;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LIMIT, look).await.unwrap_or_else(|_| panic!("{kind} never happened"))
}

#[tokio::test]
async fn every_way_that_is_configured_is_served_from_the_start_to_the_end() {
    let house = House(5);
    let clock = std::sync::Arc::new(SystemClock);
    let building = building(clock.clone(), vec![quick(house.snom(1))]).await;
    let site = Site::new(house);
    certify(&site);
    site.write(
        "policies/night.toml",
        "[select]\nline = \"*\"\n[reboot]\n[[window]]\ndays = [\"sun\"]\nfrom = \"03:00\"\nto = \"03:05\"\n",
    );
    site.write("phones.csv", &house.inventory(&[(1, ""), (2, "")]));
    site.release("nov", &[("D785", "")]);
    site.settings(&building, "", WAYS);
    let daemon = site.start(clock, Duration::from_millis(1)).await;
    daemon.sees("pocket").await;

    // A configuration, from the phone's own place and from elsewhere.
    let (mac, text) = (house.mac(1), "config change PHONE /lang de\r\n");
    let (status, said) = asks(&site, house.ip(1), &put(mac, text)).await;
    assert_eq!(status, 201, "{said}");
    assert_eq!(asks(&site, house.ip(1), &get(mac)).await, (200, text.to_owned()));
    for (from, mac) in [(house.ip(2), mac), (house.ip(2), house.mac(2)), (house.ip(1), house.mac(9))] {
        assert_eq!(asks(&site, from, &get(mac)).await.0, 403, "{mac} from {from}");
        assert_eq!(asks(&site, from, &put(mac, "x")).await.0, 403, "{mac} from {from}");
    }
    assert!(happened(&daemon, "handed-in").await.contains("number 1"));

    // A broken phone.
    let ways = daemon.running.depot_ways;
    let phone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    phone.send_to(b"\0\x01snomD785.bin\0octet\0", ways.tftp.unwrap()).await.unwrap();
    let mut packet = [0; 600];
    let (length, _) = timeout(LIMIT, phone.recv_from(&mut packet)).await.unwrap().unwrap();
    assert_eq!((length, &packet[..8]), (516, &b"\0\x03\0\x01D785"[..]));
    assert!(
        happened(&daemon, "rescue").await.starts_with("a broken phone at 127.0.0.1 begins to load snomD785-")
    );

    // FTP greets; TLS speaks.
    let mut ftp = TcpStream::connect(ways.ftp.unwrap()).await.unwrap();
    let mut greeting = [0; 11];
    timeout(LIMIT, ftp.read_exact(&mut greeting)).await.unwrap().unwrap();
    assert_eq!(&greeting, b"220 ready\r\n");
    let mut tls = TcpStream::connect(ways.tls.unwrap()).await.unwrap();
    tls.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut alert = Vec::new();
    timeout(LIMIT, tls.read_to_end(&mut alert)).await.unwrap().unwrap();
    assert_eq!(alert.first(), Some(&21), "an alert, since this is no TLS: {alert:?}");

    // A certificate that cannot be used stops a reload, and a new one does not.
    site.write("depot.key", "no key");
    let refused = site.sipherd(&["reload"]).await;
    assert!(
        refused.status == 1 && refused.err.contains("depot.key: there is no private key in it"),
        "{}",
        refused.err
    );
    let settings = site.path("sipherd.toml");
    let checked = site.sipherd(&["--config", settings.to_str().unwrap(), "check"]).await;
    assert!(checked.status == 1 && checked.out.contains("there is no private key in it"), "{}", checked.out);
    certify(&site);
    assert_eq!(site.prints(&["reload"]).await, "reloaded\n");
    let checked = site.sipherd(&["--config", settings.to_str().unwrap(), "check"]).await;
    assert_eq!(checked.status, 0, "{}", checked.out);
    daemon.stop().await;
    assert!(TcpStream::connect(ways.tls.unwrap()).await.is_err(), "nobody listens any more");
    building.shutdown().await;
}
