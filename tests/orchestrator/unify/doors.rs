//! Phones behind address translation (DCMP), CP phones that fetch a file (DMS), callers from elsewhere, and the bytes.

use std::net::{IpAddr, SocketAddr};

use chrono::TimeDelta;
use sipherd::sim::unify::Mode;
use sipherd::sim::{PhoneSpec, What};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::super::site::{House, count, user};
use super::{NEW, Night, OLD, REBOOT, Setup, UPDATE, made, openstage, policy};

pub const POLLING: &str = "polling = [\"outside\"]\n";

/// A request from this address; head and body of the answer.
async fn ask(night: &Night, from: IpAddr, request: String) -> (String, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    let mut stream = socket.connect(night.service).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

pub async fn get(night: &Night, from: IpAddr, path: &str, fields: &str) -> (String, String) {
    ask(night, from, format!("GET {path} HTTP/1.1\r\nHost: x\r\n{fields}Connection: close\r\n\r\n")).await
}

pub async fn post(night: &Night, from: IpAddr, message: &str) -> (String, String) {
    let length = message.len();
    let head = "POST /DeploymentService/LoginService HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nConnection: close\r\n";
    ask(night, from, format!("{head}Content-Length: {length}\r\n\r\n{message}")).await
}

pub fn message(nonce: &str, reason: &str, items: &str) -> String {
    format!(
        "<WorkpointMessage xmlns=\"http://www.siemens.com/DLS\"><Message nonce=\"{nonce}\" maxItems=\"-1\">\
         <ReasonForContact>{reason}</ReasonForContact><ItemList>{items}</ItemList></Message></WorkpointMessage>"
    )
}

pub fn document(nonce: &str, inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DLSMessage xmlns=\"http://www.siemens.com/DLS\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"http://www.siemens.com/DLS\">\
         <Message nonce=\"{nonce}\">{inside}</Message></DLSMessage>"
    )
}

#[tokio::test]
async fn phones_behind_address_translation_poll_and_call_when_something_is_to_be_done() {
    let house = House(220);
    let polls =
        |n| made(openstage(house, n), |make| make.mode = Mode::Polls { every: TimeDelta::seconds(60) });
    let setup = Setup { keys: POLLING, columns: ",outside", ..Setup::default() };
    let night =
        Night::begin(house, vec![polls(1), polls(2)], &policy(UPDATE, "[pace]\ndown_at_once = 2\n"), setup)
            .await;
    for n in [1, 2] {
        night.daemon.state(&user(n), "verified").await;
        let log = night.log(n);
        assert_eq!(count(&log, |what| *what == What::ContactMe), 0, "nobody can reach it");
        assert_eq!(count(&log, |what| *what == What::Flashed { version: NEW.into() }), 1);
    }
    let (head, _) =
        get(&night, house.ip(1), &format!("/dcmp/contact-me?device-id={}", house.mac(1)), "").await;
    assert!(head.starts_with("HTTP/1.1 200"), "nothing is to be done any more: {head}");
    night.end().await;
}

#[tokio::test]
async fn a_phone_that_polls_restarts_as_well() {
    let house = House(221);
    let phone = made(openstage(house, 1), |make| make.mode = Mode::Polls { every: TimeDelta::seconds(60) });
    let setup = Setup { keys: POLLING, columns: ",outside", ..Setup::default() };
    let night = Night::begin(house, vec![phone], &policy(REBOOT, ""), setup).await;
    night.daemon.state(&user(1), "rebooted").await;
    let restarts =
        count(&night.log(1), |what| matches!(what, What::ServiceSaid { action } if action == "Restart"));
    assert_eq!(restarts, 1);
    night.end().await;
}

#[tokio::test]
async fn a_cp_phone_is_told_by_the_file_it_fetches() {
    let house = House(222);
    let cp600 = PhoneSpec::unify(house.mac(1), "CP600", OLD, &user(1), house.ip(1));
    let phone = made(cp600, |make| make.mode = Mode::Fetches { every: TimeDelta::minutes(2) });
    let profile = "vendor = \"unify\"\n[[hardware]]\npart = \"*\"\nlevel = \"2\"\n";
    let setup = Setup { keys: POLLING, columns: "2,outside", model: "CP600", profile, ..Setup::default() };
    let night = Night::begin(house, vec![phone], &policy(UPDATE, ""), setup).await;
    let done = night.daemon.state(&user(1), "verified").await;
    assert_eq!(done.version.unwrap().to_string(), "V1 R5.6.0");
    let asked = |status: u16| What::SettingsAsked { status };
    // Its own file while there is something to do; behind that neither its own nor anybody's.
    night
        .until(1, |log| {
            let asks =
                log.iter().map(|line| &line.what).filter(|what| matches!(what, What::SettingsAsked { .. }));
            let asks: Vec<&What> = asks.collect();
            asks.contains(&&asked(200)) && asks.ends_with(&[&asked(404), &asked(404)])
        })
        .await;
    let (head, _) = get(
        &night,
        house.ip(1),
        &format!("/dms/{}_config.xml", house.mac(1).bare_upper()),
        "macaddress: 001ae8000001\r\n",
    )
    .await;
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    night.end().await;
}

#[tokio::test]
async fn whoever_calls_from_elsewhere_is_told_nothing() {
    let house = House(223);
    let night = Night::begin(
        house,
        vec![openstage(house, 1)],
        "[select]\nline = \"2001\"\n[stage]\nrelease = \"unify-new\"\n",
        Setup::default(),
    )
    .await;
    night.daemon.phone(&user(1), |phone| phone.version.is_some()).await;
    let registered = |what: &What| *what == What::Registered;
    night.until(1, |log| count(log, registered) == 2).await;
    let items = format!(
        "<Item name=\"mac-addr\">{}</Item><Item name=\"device-type\">OpenStage 80</Item>\
         <Item name=\"software-type\">Siemens SIP</Item><Item name=\"software-version\">V9 R9.9.9</Item>\
         <Item name=\"part-number\">S30817-S7403-A101-099</Item>",
        house.mac(1)
    );
    let (_, answer) = post(&night, house.ip(66), &message("A1", "solicited", &items)).await;
    assert_eq!(answer, document("A1", "<Action>CleanUp</Action>"));
    let phone = night.daemon.state(&user(1), "waiting").await;
    assert_eq!(phone.version.unwrap().to_string(), "V1 R4.9.0", "nor believed");
    night.end().await;
}

#[tokio::test]
async fn the_service_answers_byte_for_byte() {
    let house = House(224);
    let night = Night::begin(
        house,
        vec![openstage(house, 1)],
        "[select]\nline = \"2001\"\n[stage]\nrelease = \"unify-new\"\n",
        Setup::default(),
    )
    .await;
    let items = format!("<Item name=\"mac-addr\">{}</Item>", house.mac(1));
    let (head, answer) = post(&night, house.ip(1), &message("2253A4B0", "start-up", &items)).await;
    let read = "<Action>ReadItems</Action><ItemList><Item name=\"mac-addr\"/><Item name=\"device-type\"/>\
                <Item name=\"software-type\"/><Item name=\"software-version\"/><Item name=\"part-number\"/></ItemList>";
    assert_eq!(answer, document("2253A4B0", read));
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let field = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name)).unwrap();
        line.split_once(": ").unwrap().1.to_owned()
    };
    assert_eq!(field("content-type"), "text/xml; charset=utf-8");
    assert_eq!(field("content-length"), answer.len().to_string());
    assert!(field("set-cookie").starts_with("JSESSIONID=") && field("set-cookie").ends_with("; Path=/"));
    let confused = "<Action>CleanUp</Action><ItemList><Item name=\"cleanup-reason\">unexpected message</Item></ItemList>";
    let (_, answer) = post(&night, house.ip(9), &message("B1", "solicited", "")).await;
    assert_eq!(answer, document("B1", confused), "it does not say who it is");
    for (wrong, status) in [("", "400"), ("<a/>", "400"), ("<!DOCTYPE a [<!ENTITY b \"c\">]><a/>", "400")] {
        let (head, _) = post(&night, house.ip(1), wrong).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{wrong}: {head}");
    }
    for (path, status) in [
        ("/DeploymentService/LoginService", "405"),
        ("/nothing", "404"),
        ("/000000000000_config.xml", "404"),
        ("/dcmp/contact-me", "404"),
        ("/unify/001AE8000001/x.img", "404"),
    ] {
        let (head, _) = get(&night, house.ip(1), path, "").await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {head}");
    }
    night.end().await;
}
