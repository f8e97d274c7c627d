//! Many phones, slow phones, rude phones, and the end of the day.

use std::time::Duration;

use sipherd::depot::{Depot, Limits, ServeError, serve};
use sipherd::ports::TransferStep;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::client::{Connection, ask, request};
use super::fixture::{AT_MOST, Running, image_path};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_phones_are_served_at_once() {
    let depot = Running::new().await;
    depot.offer();
    let (at, end) = (depot.at, 300_000);
    let mut phones = Vec::new();
    for _ in 0..200 {
        let mut phone = Connection::to(at).await;
        phone.send(&request("GET", &image_path(), &[&format!("Range: bytes=0-{}", end - 1)])).await;
        phones.push(phone);
    }
    for mut phone in phones {
        let answer = phone.answer("GET").await;
        assert_eq!(answer.status, 206);
        assert!(answer.body == depot.image[..end]);
    }
}

#[tokio::test]
async fn a_phone_that_stops_reading_is_given_up() {
    let limits = Limits { patience: Duration::from_millis(200), ..Limits::default() };
    let mut depot = Running::long(limits).await;
    depot.offer();
    let mut phone = Connection::to(depot.at).await;
    phone.send(&request("GET", &image_path(), &[])).await;
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
    assert!(matches!(depot.step().await, TransferStep::Broken { at } if at > 0));
}

#[tokio::test]
async fn a_client_that_closes_its_sending_side_gets_the_whole_image() {
    let depot = Running::long(Limits::default()).await;
    depot.offer();
    let mut old = Connection::to(depot.at).await;
    old.send(&format!("GET {} HTTP/1.0\r\n\r\n", image_path())).await;
    old.close_sending().await;
    assert!(old.answer("GET").await.body == depot.image);
    assert!(old.head().await.is_none(), "closed after the answer");
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_is_closed() {
    let limits = Limits { head_wait: Duration::from_millis(200), ..Limits::default() };
    let depot = Running::with(1000, limits).await;
    let mut silent = Connection::to(depot.at).await;
    let mut halting = Connection::to(depot.at).await;
    halting.send("GET / HT").await;
    assert!(silent.head().await.is_none());
    let answer = halting.head().await;
    assert!(answer.is_none_or(|answer| answer.status == 408));
}

#[tokio::test]
async fn an_overlong_request_is_refused() {
    let depot = Running::new().await;
    let long = format!("X-Long: {}", "x".repeat(20_000));
    let many: String = (0..100).map(|i| format!("X-{i}: y\r\n")).collect();
    for request in [
        request("GET", "/", &[&long]),
        request("GET", &format!("/{}", "x".repeat(70_000)), &[]),
        request("GET", "/", &[many.trim_end()]),
    ] {
        let mut phone = Connection::to(depot.at).await;
        phone.send(&request).await;
        let status = phone.head().await.map(|answer| answer.status);
        assert!(matches!(status, None | Some(414 | 431)), "{status:?}");
    }
    assert_eq!(ask(depot.at, "GET", "/", &[]).await.status, 404, "others are served");
}

#[tokio::test]
async fn what_is_not_http_harms_nobody() {
    let depot = Running::new().await;
    for rubbish in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "REGISTER sip:x SIP/2.0\r\n\r\n", "\u{16}\u{3}\u{1}"] {
        let mut phone = Connection::to(depot.at).await;
        phone.send(rubbish).await;
    }
    assert_eq!(ask(depot.at, "GET", "/", &[]).await.status, 404);
}

#[tokio::test]
async fn a_transfer_under_way_is_finished_before_the_depot_closes() {
    let mut depot = Running::long(Limits::default()).await;
    depot.offer();
    let mut phone = Connection::to(depot.at).await;
    phone.send(&request("GET", &image_path(), &[])).await;
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
    depot.shutdown.cancel();
    assert!(phone.answer("GET").await.body == depot.image);
    assert!(phone.head().await.is_none(), "not kept any longer");
    let ended = tokio::time::timeout(AT_MOST, &mut depot.serving).await.expect("still serving");
    assert_eq!(ended.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_transfer_that_does_not_end_is_cut_off_and_told() {
    let mut depot = Running::long(Limits { drain: Duration::from_millis(50), ..Limits::default() }).await;
    depot.offer();
    let mut phone = Connection::to(depot.at).await;
    phone.send(&request("GET", &image_path(), &[])).await;
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
    depot.shutdown.cancel();
    let ended = tokio::time::timeout(AT_MOST, &mut depot.serving).await.expect("still serving");
    assert_eq!(ended.unwrap(), Ok(()));
    assert!(matches!(depot.step().await, TransferStep::Broken { .. }));
}

#[tokio::test]
async fn a_base_url_that_phones_cannot_follow_is_refused() {
    let depot = Running::new().await;
    for base in ["", "10.0.0.5:8080", "ftp://x", "http://", "http:///x", "http://x y", "http://x?y"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let served = serve(
            listener,
            Depot::new(
                depot.gatekeeper(),
                std::sync::Arc::<sipherd::depot::Releases>::clone(&depot.releases),
                std::sync::Arc::new(sipherd::config::profiles::shipped),
                base,
            ),
            CancellationToken::new(),
        );
        assert_eq!(served.await, Err(ServeError::BaseUrl(base.trim_end_matches('/').into())), "{base}");
    }
}
