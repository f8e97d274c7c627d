//! Metrics and health.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sipherd::clock::ScaledClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::site::{ALWAYS, FAST, House, LIMIT, Site, building, friday, user};

/// Status and body of a page.
async fn get(at: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn until_ready(at: SocketAddr, status: u16) -> String {
    let look = async {
        loop {
            let (found, body) = get(at, "/readyz").await;
            if found == status {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, look).await.unwrap_or_else(|_| panic!("never {status}"))
}

#[tokio::test]
async fn monitoring_sees_the_pbx_come_and_go_and_what_was_done() {
    let house = House(40);
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let building = building(clock.clone(), vec![house.snom(1), house.snom(2)]).await;
    let site = Site::new(house);
    let quiet = "[idle]\nquiet = \"0s\"\n";
    site.write("policies/one.toml", &format!("[select]\nline = \"2001\"\n[reboot]\n{ALWAYS}{quiet}"));
    let sunday = "[[window]]\ndays = [\"sun\"]\nfrom = \"03:00\"\nto = \"04:00\"\n";
    site.write("policies/two.toml", &format!("[select]\nline = \"2002\"\n[reboot]\n{sunday}"));
    site.write("phones.csv", &house.inventory(&[(1, ""), (2, "")]));
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, Duration::from_millis(1)).await;
    let ops = daemon.running.ops.unwrap();
    assert_eq!(get(ops, "/healthz").await, (200, "alive\n".to_owned()));
    assert_eq!(until_ready(ops, 200).await, r#"{"ready":true,"reasons":[]}"#);
    daemon.state(&user(1), "rebooted").await;

    let (status, metrics) = get(ops, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "sipherd_notifies_total{what=\"2xx\"} 1",
        "sipherd_trips_total{what=\"rebooted\"} 1",
        "sipherd_store_works 1",
        "sipherd_phones{what=\"rebooted\"} 1",
        "sipherd_phones{what=\"waiting\"} 1",
        "sipherd_holds{what=\"outside-window\"} 1",
        "sipherd_lost_phones 0",
        "sipherd_view_age_seconds{pbx=\"pocket\"} ",
        "sipherd_pictures_total ",
        "# EOF",
    ] {
        assert!(metrics.lines().any(|found| found.starts_with(line)), "{line} in\n{metrics}");
    }

    building.shutdown().await;
    assert_eq!(until_ready(ops, 503).await, r#"{"ready":false,"reasons":["no view of pocket"]}"#);
    assert_eq!(get(ops, "/healthz").await.0, 200, "alive all the same");
    let (_, metrics) = get(ops, "/metrics").await;
    assert!(metrics.contains("sipherd_view_age_seconds{pbx=\"pocket\"} -1\n"), "{metrics}");
    assert_eq!(get(ops, "/v1/status").await.0, 404, "nothing else is told here");
    daemon.stop().await;
}
