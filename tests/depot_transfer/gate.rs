//! Who gets what: documents, images, and the reasons for neither.

use std::net::IpAddr;

use sipherd::ports::{Permit, TransferStep, Wanted};

use super::client::{Connection, ask, request};
use super::fixture::{D785, OTHERS, OURS, Running, image_path, version};

#[tokio::test]
async fn the_settings_lead_to_the_firmware_document_and_to_the_image() {
    let mut depot = Running::new().await;
    depot.offer();
    let settings = ask(depot.at, "GET", &format!("/snomD785-{OURS}.htm"), &[]).await;
    let pointer = format!("http://{}/snom/{OURS}/firmware.xml", depot.at);
    assert_eq!(settings.status, 200);
    assert_eq!(settings.header("content-type"), Some("text/xml; charset=utf-8"));
    assert!(settings.text().contains(&format!("<firmware_status perm=\"R\">{pointer}</firmware_status>")));
    let document = ask(depot.at, "GET", &format!("/snom/{OURS}/firmware.xml"), &[]).await;
    let url = format!("<firmware perm=\"\">http://{}{}</firmware>", depot.at, image_path());
    assert!(document.text().contains(&url), "{}", document.text());
    let image = ask(depot.at, "GET", &image_path(), &[]).await;
    assert_eq!((image.status, image.version.as_str()), (200, "HTTP/1.1"));
    assert_eq!(image.header("etag"), Some(depot.etag().as_str()));
    assert_eq!(image.header("accept-ranges"), Some("bytes"));
    assert!(image.body == depot.image);
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
    assert_eq!(depot.step().await, TransferStep::Delivered);
    let visits = depot.visits();
    let wanted: Vec<_> = visits.iter().map(|visit| visit.wanted.clone()).collect();
    assert_eq!(wanted, [Wanted::Settings, Wanted::FirmwarePointer, Wanted::Image { file: D785.into() }]);
    for visit in visits {
        assert_eq!(visit.source, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(visit.mac, OURS.parse().unwrap());
        assert_eq!(visit.vendor.unwrap().as_str(), "snom");
        assert_eq!(visit.model.unwrap().as_str(), "D785");
        assert_eq!(visit.version, Some(version("10.1.33.33")));
    }
}

#[tokio::test]
async fn without_an_offer_the_phone_is_shown_what_it_runs_and_given_nothing() {
    let mut depot = Running::new().await;
    let path = format!("/snom/{OURS}/firmware.xml");
    let document = ask(depot.at, "GET", &path, &[]).await;
    let own = format!("/snom/{OURS}/snomD785-10.1.33.33-SIP-r.bin</firmware>");
    assert!(document.text().contains(&own), "{}", document.text());
    depot.permit(Permit::Stay { runs: None, why: "unknown".into() });
    let document = ask(depot.at, "GET", &path, &[]).await;
    assert!(document.text().ends_with("<firmware-settings></firmware-settings>"));
    for method in ["GET", "HEAD"] {
        let image = ask(depot.at, method, &image_path(), &[]).await;
        assert_eq!(image.status, 404);
        assert_eq!(image.header("etag"), None);
    }
    depot.no_step();
}

#[tokio::test]
async fn an_image_asked_for_before_its_permit_is_refused_with_the_reason() {
    let depot = Running::new().await;
    depot.permit(Permit::Stay { runs: None, why: "its window is\r\nclosed".into() });
    let image = ask(depot.at, "GET", &image_path(), &[]).await;
    assert_eq!(image.status, 404);
    let told = format!("{D785} is not offered to 00:04:13:92:2d:24: its window is  closed\n");
    assert_eq!(image.text(), told);
    depot.offer();
    assert_eq!(ask(depot.at, "HEAD", &image_path(), &[]).await.status, 200);
}

#[tokio::test]
async fn another_phone_and_another_file_are_refused() {
    let mut depot = Running::new().await;
    depot.offer();
    let foreign = format!("/snom/{OTHERS}/{D785}");
    let borrowed = ask(depot.at, "GET", &foreign, &[]).await;
    assert_eq!(borrowed.status, 403, "our phone's User-Agent, another's path");
    assert!(depot.visits().is_empty());
    let mut silent = Connection::to(depot.at).await;
    silent.send(&format!("GET {foreign} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    assert_eq!(silent.answer("GET").await.status, 404, "the other phone has no permit");
    for file in ["snomD785-10.1.198.20-SIP-r.bin", "SNOMD785-10.1.198.19-SIP-r.bin", "release.toml"] {
        let answer = ask(depot.at, "GET", &format!("/snom/{OURS}/{file}"), &[]).await;
        assert_eq!(answer.status, 404, "{file}");
        assert!(answer.text().contains(&format!("{D785} is\n")), "{}", answer.text());
    }
    depot.no_step();
}

#[tokio::test]
async fn no_path_leads_out_of_the_depot() {
    let depot = Running::new().await;
    depot.offer();
    for path in [
        "/",
        "/etc/passwd",
        "/../../etc/passwd",
        "/snom/../release.toml",
        &format!("/snom/{OURS}/../nov/{D785}"),
        &format!("/snom/{OURS}/..%2fnov%2frelease.toml"),
        &format!("/snom/{OURS}/%2e%2e/{D785}"),
        &format!("/snom//{D785}"),
        &format!("/releases/nov/{D785}"),
        &format!("//snom/{OURS}/{D785}"),
    ] {
        let answer = ask(depot.at, "GET", path, &[]).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
    assert!(depot.visits().is_empty());
}

#[tokio::test]
async fn an_image_that_is_offered_but_broken_is_named_nowhere() {
    let mut depot = Running::new().await;
    depot.offer();
    std::fs::write(depot.dir.path().join("releases/nov").join(D785), b"broken").unwrap();
    depot.releases.reload().unwrap();
    let document = ask(depot.at, "GET", &format!("/snom/{OURS}/firmware.xml"), &[]).await;
    assert!(!document.text().contains("<firmware "), "{}", document.text());
    let image = ask(depot.at, "GET", &image_path(), &[]).await;
    assert_eq!(image.status, 404);
    assert!(image.text().contains("it is not staged, or broken"));
    depot.no_step();
}

#[tokio::test]
async fn a_phone_of_another_maker_is_seen_and_served_nothing() {
    let depot = Running::new().await;
    let mut phone = Connection::to(depot.at).await;
    let agent = "Yealink SIP-T46G 28.82.0.20 44:db:d2:bd:b5:69";
    phone.send(&format!("GET /44dbd2bdb569.cfg HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\n\r\n")).await;
    let answer = phone.answer("GET").await;
    assert_eq!((answer.status, answer.text()), (404, "files for yealink phones are not served here\n"));
    let visit = depot.visits().remove(0);
    assert_eq!(visit.mac, "44:db:d2:bd:b5:69".parse().unwrap());
    assert_eq!((visit.wanted, visit.model.unwrap().as_str()), (Wanted::Settings, "T46G"));
    assert_eq!(visit.version, Some(version("28.82.0.20")));
}

#[tokio::test]
async fn only_reading_is_allowed() {
    let depot = Running::new().await;
    depot.offer();
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = ask(depot.at, method, &image_path(), &["Content-Length: 0"]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert!(depot.visits().is_empty());
}

#[tokio::test]
async fn old_and_new_clients_are_answered_in_their_own_way() {
    let depot = Running::new().await;
    depot.offer();
    let mut old = Connection::to(depot.at).await;
    old.send(&format!("GET {} HTTP/1.0\r\n\r\n", image_path())).await;
    let answer = old.answer("GET").await;
    assert_eq!((answer.status, answer.version.as_str()), (200, "HTTP/1.0"));
    assert!(answer.body == depot.image);
    assert!(old.head().await.is_none(), "closed after the answer");
    let mut new = Connection::to(depot.at).await;
    for _ in 0..3 {
        new.send(&request("HEAD", &image_path(), &[])).await;
        assert_eq!(new.answer("HEAD").await.status, 200, "the connection is kept");
    }
    let mut nameless = Connection::to(depot.at).await;
    nameless.send(&format!("GET {} HTTP/1.1\r\n\r\n", image_path())).await;
    assert_eq!(nameless.answer("GET").await.status, 400, "HTTP/1.1 without Host");
}
