//! The simulated innovaphone over real HTTP: what it asks a web server, and what it makes of the answers.

mod commands;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use chrono::TimeDelta;
use sipherd::sim::innovaphone::{Make, Part, image};
use sipherd::sim::{Building, Cause, Misfit, PhoneSpec, What};

use super::{building, count, ip, left, mac, registered, until};

const OLD: &str = "04-5656";

/// A web server as the customer has one: files, and what it was asked.
#[derive(Clone, Default)]
struct Web {
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    /// A server with these files, and its address.
    async fn with(files: &[(&str, Vec<u8>)]) -> (Self, String) {
        let web = Self::default();
        for (path, bytes) in files {
            web.files.lock().unwrap().insert((*path).to_owned(), bytes.clone());
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(web.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (web, url)
    }

    /// From now on this file is that.
    fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(path.to_owned(), bytes.into());
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    State(web): State<Web>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    let chunked = headers.get("transfer-encoding").is_some_and(|value| value == "chunked");
    let text = String::from_utf8_lossy(&body);
    web.asked.lock().unwrap().push(format!("{method} {uri} chunked={chunked} {text}"));
    let file = web.files.lock().unwrap().get(uri.path()).cloned();
    // A file of three digits is a refusal with that status.
    let refusal = file.as_deref().filter(|bytes| bytes.len() == 3);
    let refusal = refusal.and_then(|bytes| StatusCode::from_bytes(bytes).ok());
    match (method, file) {
        (_, Some(_)) if refusal.is_some() => (refusal.unwrap(), Vec::new()),
        (Method::PUT, _) => (StatusCode::CREATED, Vec::new()),
        (_, Some(bytes)) => (StatusCode::OK, bytes),
        (_, None) => (StatusCode::NOT_FOUND, Vec::new()),
    }
}

/// From one poll to the next, and from a boot to the first.
const INTERVAL: TimeDelta = TimeDelta::minutes(4);

/// Phone 1, which polls this URL.
fn ip222(url: &str) -> PhoneSpec {
    let make =
        Make { update_url: url.to_owned(), interval: INTERVAL, first_poll: INTERVAL, ..Make::default() };
    PhoneSpec { innovaphone: Some(make), ..PhoneSpec::innovaphone(mac(1), "IP222", OLD, "2001", ip(1)) }
}

async fn polled(building: &Building, times: usize) -> Vec<(String, u16)> {
    until(building, 1, times, |what| matches!(what, What::Polled { .. })).await;
    let polls = building.log(mac(1)).into_iter().filter_map(|line| match line.what {
        What::Polled { query, status } => Some((query, status)),
        _ => None,
    });
    polls.collect()
}

#[tokio::test]
async fn it_downloads_first_restarts_then_and_tells_at_its_next_poll_what_runs() {
    let script = "mod cmd UP0 prot http://SERVER/fw/ ireset 04-5679\r\n";
    let (web, url) = Web::with(&[("/fw/IP222.bin", image("IP222", Part::Prot, "04-5679", 50_000))]).await;
    let script = script.replace("http://SERVER", &url);
    web.files.lock().unwrap().insert("/configs/update-ip222.htm".into(), script.into_bytes());
    let building = building(vec![ip222(&format!("{url}/configs/"))]).await;
    let polls = polled(&building, 2).await;
    assert!(polls[0].0.starts_with("ver=12r2%20IP222%5b04-5656%5d"), "{polls:?}");
    assert!(!polls[0].0.contains("PROT="), "nothing is stored yet: {polls:?}");
    assert!(polls[1].0.contains("IP222%5b04-5679%5d") && polls[1].0.contains("&PROT=04-5679&"), "{polls:?}");
    let log = building.log(mac(1));
    let at = |wanted: &dyn Fn(&What) -> bool| log.iter().find(|line| wanted(&line.what)).unwrap().at;
    let whole = at(&|what| matches!(what, What::ImageComplete { .. }));
    let away = at(&|what| *what == What::RebootBegan { cause: Cause::ByScript });
    assert!(whole < away);
    let first = at(&|what| matches!(what, What::Polled { .. }));
    assert!(first - log[0].at >= INTERVAL - TimeDelta::seconds(30), "a while after its boot");
    let asked = web.asked();
    assert!(asked[0].starts_with("GET /configs/update-ip222.htm?ver="), "{asked:?}");
    assert_eq!(asked.iter().filter(|line| line.starts_with("GET /fw/IP222.bin")).count(), 1, "{asked:?}");
    building.shutdown().await;
}

#[tokio::test]
async fn ireset_waits_for_the_end_of_the_call_and_reset_does_not() {
    for (last, waits) in [("ireset", true), ("reset", false)] {
        let (web, url) = Web::with(&[]).await;
        let script = format!("mod cmd UP1 check {last} 1\r\n");
        web.files.lock().unwrap().insert("/u.htm".into(), script.into_bytes());
        let other = PhoneSpec::snom(mac(2), "D785", "10.1.64.14", "2002", ip(2));
        let building = building(vec![ip222(&format!("{url}/u.htm")), other]).await;
        building.call("2001", "2002", TimeDelta::minutes(10)).unwrap();
        until(&building, 1, 1, left).await;
        let log = building.log(mac(1));
        let cut = count(&log, |what| matches!(what, What::CallCut { .. }));
        assert_eq!(cut, usize::from(!waits), "{last}: {log:#?}");
        until(&building, 1, 2, registered).await;
        let polls = polled(&building, 2).await;
        assert!(polls.last().unwrap().0.contains("CHECK=1"), "{polls:?}");
        assert_eq!(count(&building.log(mac(1)), left), 1, "once only");
        building.shutdown().await;
    }
}

#[tokio::test]
async fn a_configuration_is_handed_in_chunked_under_its_own_name_and_read_back() {
    let (web, url) = Web::with(&[("/site.txt", b"config change SIP0 /x y\r\n".to_vec())]).await;
    let script = format!(
        "# saves\r\nmod cmd UP0 scfg {url}/saved/#h_#b3.txt no-op 1\r\nmod cmd UP0 cfg {url}/site.txt ser 7\r\n"
    );
    web.files.lock().unwrap().insert("/u".into(), script.into_bytes());
    let building = building(vec![ip222(&format!("{url}/u"))]).await;
    until(&building, 1, 1, |what| matches!(what, What::ConfigurationHandedIn { status: 201, .. })).await;
    // With the serials it has stored nothing is done at the second poll, nor at the third.
    let polls = polled(&building, 4).await;
    assert!(polls[1].0.contains("&SCFG=1&") && polls[1].0.contains("&CFG=7&"), "{polls:?}");
    let reads = web.asked().iter().filter(|line| line.starts_with("GET /site.txt")).count();
    assert_eq!(reads, 1, "{polls:?}");
    let puts: Vec<String> = web.asked().into_iter().filter(|line| line.starts_with("PUT ")).collect();
    assert_eq!(puts.len(), 1, "{puts:?}");
    assert!(
        puts[0].starts_with("PUT /saved/IP222-51-00-01_0.txt chunked=true config change PHONE"),
        "{puts:?}"
    );
    building.shutdown().await;
}

#[tokio::test]
async fn what_the_web_server_refuses_is_shown_by_its_status() {
    let files = [("/closed.htm", b"401".to_vec()), ("/busy.htm", b"503".to_vec())];
    let (_web, url) = Web::with(&files).await;
    for (update_url, status) in [
        (format!("{url}/closed.htm"), 401),
        (format!("{url}/nowhere.htm"), 404),
        ("http:".to_owned(), 502),
        (format!("{url}/busy.htm"), 503),
    ] {
        let building = building(vec![ip222(&update_url)]).await;
        assert_eq!(polled(&building, 1).await[0].1, status, "{update_url}");
        building.shutdown().await;
    }
}

#[tokio::test]
async fn a_new_url_is_polled_from_then_on() {
    let (web, url) = Web::with(&[("/second", b"# nothing\r\n".to_vec())]).await;
    let second = format!("{url}/second?sn=#m").replace(':', "%3A").replace('/', "%2F").replace('#', "%23");
    let script = format!(
        "config add UP1 /url {second}\r\nconfig add UP1 /no-dhcp\r\nconfig write\r\nconfig activate\r\n"
    );
    web.files.lock().unwrap().insert("/first".into(), script.into_bytes());
    let building = building(vec![ip222(&format!("{url}/first"))]).await;
    let polls = polled(&building, 2).await;
    assert!(polls[1].0.starts_with("sn=00-04-13-51-00-01&ver="), "{polls:?}");
    assert!(web.asked().iter().any(|line| line.starts_with("GET /second?sn=00-04-13-51-00-01&")));
    building.shutdown().await;
}

#[tokio::test]
async fn broken_foreign_and_kept_firmware_show_in_the_query() {
    let script = |url: &str| format!("mod cmd UP0 prot {url}/fw.bin ireset 2\r\n").into_bytes();
    for (misfit, made_for, polls, tells) in [
        // It breaks once, and fetches again at its next poll.
        (Misfit::BreaksDownload, "IP222", 3, "IP222%5b2%5d"),
        // An image for another product is not kept, nor is its serial.
        (Misfit::None, "IP232", 2, "IP222%5b04-5656%5d%2c%20Bootcode%5b200%5d%2c%20Hardware%5b102%5d"),
        // The serial is stored and the old build runs on.
        (Misfit::ReturnsOld, "IP222", 2, "Hardware%5b102%5d&PROT=2&"),
    ] {
        let (web, url) = Web::with(&[("/fw.bin", image(made_for, Part::Prot, "2", 50_000))]).await;
        web.files.lock().unwrap().insert("/u".into(), script(&url));
        let building = building(vec![ip222(&format!("{url}/u")).with_misfit(misfit)]).await;
        let polls = polled(&building, polls).await;
        assert!(polls.last().unwrap().0.contains(tells), "{misfit:?}: {polls:#?}");
        if made_for == "IP232" {
            assert!(!polls[1].0.contains("PROT="), "{polls:#?}");
        }
        building.shutdown().await;
    }
}

#[tokio::test]
async fn one_that_never_polls_registers_all_the_same() {
    let (web, url) = Web::with(&[]).await;
    let building = building(vec![ip222(&format!("{url}/u")).with_misfit(Misfit::NeverPolls)]).await;
    building.call("2001", "600", TimeDelta::minutes(10)).unwrap();
    until(&building, 1, 1, |what| matches!(what, What::CallEnded { .. })).await;
    assert_eq!(web.asked(), [""; 0]);
    building.shutdown().await;
}
