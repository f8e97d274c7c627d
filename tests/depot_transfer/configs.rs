//! Configurations that phones hand in, and are given back: from their own place, whole, within limits.

use sipherd::ports::{PhoneNews, Standing};

use super::client::{Answer, Connection, ask};
use super::fixture::{AGENT, CONFIGURATION, Equipment, LENGTH, OTHERS, OURS, Running};

const TEXT: &str = "config change PHONE /lang de\r\nvars create UPDATE/CHECK p 1\r\n";

fn path(name: &str) -> String {
    format!("/configs/{OURS}/{name}")
}

/// A PUT with these header lines and this body, on a connection of its own.
async fn put(depot: &Running, path: &str, headers: &[&str], body: &str) -> Answer {
    let mut phone = Connection::to(depot.at).await;
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    phone.send(&format!("PUT {path} HTTP/1.1\r\nHost: depot\r\n{headers}\r\n{body}")).await;
    phone.answer("PUT").await
}

async fn hand_in(depot: &Running, name: &str, text: &str) -> Answer {
    put(depot, &path(name), &[&format!("Content-Length: {}", text.len())], text).await
}

async fn at_home() -> Running {
    let depot = Running::with(1000, Default::default()).await;
    depot.stands(OURS, Standing::OwnPlace);
    depot
}

#[tokio::test]
async fn a_configuration_is_handed_in_whole_and_given_back() {
    let depot = at_home().await;
    let first = hand_in(&depot, "0", TEXT).await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(first.text(), "its configuration, as `0`: 60 bytes, number 1\n");
    for name in ["0", "latest"] {
        let given = ask(depot.at, "GET", &path(name), &[]).await;
        assert_eq!((given.status, given.text()), (200, TEXT), "{name}");
        assert_eq!(given.header("last-modified"), Some("Sat, 28 Nov 2026 03:01:00 GMT"));
    }
    let head = ask(depot.at, "HEAD", &path("0"), &[]).await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("60")));
    assert_eq!(ask(depot.at, "GET", &path("1"), &[]).await.status, 404);
    let told = depot.happened();
    assert_eq!((told.len(), told[0].0, told[0].1), (1, Some(OURS.parse().unwrap()), "handed-in"));
    assert_eq!(depot.news(), [(OURS.parse().unwrap(), PhoneNews::HandedIn)]);
}

#[tokio::test]
async fn a_configuration_may_come_in_chunks() {
    let depot = at_home().await;
    let chunks =
        "1e\r\nconfig change PHONE /lang de\r\n\r\n1E;x=y\r\nvars create UPDATE/CHECK p 1\r\n\r\n0\r\n\r\n";
    let answer = put(&depot, &path("0"), &["Transfer-Encoding: chunked"], chunks).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(ask(depot.at, "GET", &path("0"), &[]).await.text(), TEXT);
}

#[tokio::test]
async fn an_old_client_hands_in_with_a_length_and_without_host() {
    let depot = at_home().await;
    let mut old = Connection::to(depot.at).await;
    old.send(&format!("PUT {} HTTP/1.0\r\nContent-Length: 60\r\n\r\n{TEXT}", path("0"))).await;
    let answer = old.answer("PUT").await;
    assert_eq!((answer.status, answer.version.as_str()), (201, "HTTP/1.0"));
    assert!(old.head().await.is_none(), "closed after the answer");
    let mut endless = Connection::to(depot.at).await;
    endless.send(&format!("PUT {} HTTP/1.0\r\n\r\n{TEXT}", path("0"))).await;
    assert_eq!(endless.head().await.unwrap().status, 411, "its length is not told");
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on_or_why_not() {
    let depot = at_home().await;
    let expect = |length: u64| format!("Expect: 100-continue\r\nContent-Length: {length}");
    let mut phone = Connection::to(depot.at).await;
    phone.send(&format!("PUT {} HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n", path("0"), expect(60))).await;
    assert_eq!(phone.head().await.unwrap().status, 100);
    phone.send(TEXT).await;
    assert_eq!(phone.answer("PUT").await.status, 201);
    for (path, length, status) in [
        (path("1"), CONFIGURATION + 1, 413),
        (format!("/configs/{OTHERS}/0"), 60, 403),
        (path("latest"), 60, 409),
        (path("number-1"), 60, 409),
    ] {
        let mut phone = Connection::to(depot.at).await;
        phone.send(&format!("PUT {path} HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n", expect(length))).await;
        assert_eq!(phone.answer("PUT").await.status, status, "{path}: without a byte of the body");
    }
}

#[tokio::test]
async fn an_unchanged_configuration_makes_no_new_file() {
    let depot = at_home().await;
    hand_in(&depot, "0", TEXT).await;
    let again = hand_in(&depot, "1", &TEXT.replace("CHECK p 1", "CHECK p 2")).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.text(), "its configuration, as `1`: unchanged since number 1\n");
    let other = hand_in(&depot, "2", &TEXT.replace("de", "en")).await;
    assert_eq!(other.status, 201);
    let index = depot.configurations.index(OURS.parse().unwrap()).unwrap();
    assert_eq!(depot.news().len(), 3, "unchanged ones count as handed in too");
    assert_eq!(index.versions.iter().map(|version| version.times).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn one_that_is_too_long_is_refused_wherever_that_shows() {
    let depot = at_home().await;
    let most = usize::try_from(CONFIGURATION).unwrap();
    assert_eq!(hand_in(&depot, "0", &"x".repeat(most)).await.status, 201);
    assert_eq!(hand_in(&depot, "1", &"y".repeat(most + 1)).await.status, 413);
    let mut phone = Connection::to(depot.at).await;
    let chunk = format!("{most:x}\r\n{}\r\n2\r\nyy\r\n0\r\n\r\n", "y".repeat(most));
    phone
        .send(&format!("PUT {} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}", path("1")))
        .await;
    assert_eq!(phone.answer("PUT").await.status, 413, "nobody had told its length");
    assert_eq!(ask(depot.at, "GET", &path("1"), &[]).await.status, 404);
}

#[tokio::test]
async fn who_is_refused_in_the_middle_of_a_long_one_hears_why() {
    let depot = at_home().await;
    // More than the buffers between hold: a client that is cut off while it sends reads nothing any more.
    let long = "x".repeat(12_000_000);
    let length = format!("Content-Length: {}", long.len());
    assert_eq!(put(&depot, &path("0"), &[&length], &long).await.status, 413);
    depot.stands(OURS, Standing::Elsewhere);
    assert_eq!(put(&depot, &path("0"), &[&length], &long).await.status, 403);
}

#[tokio::test]
async fn one_that_breaks_off_leaves_nothing() {
    let depot = at_home().await;
    hand_in(&depot, "0", TEXT).await;
    let mut phone = Connection::to(depot.at).await;
    phone.send(&format!("PUT {} HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\nconfig", path("0"))).await;
    phone.close_sending().await;
    let answer = phone.head().await;
    assert!(answer.is_none_or(|answer| answer.status == 400));
    assert_eq!(ask(depot.at, "GET", &path("0"), &[]).await.text(), TEXT);
    assert_eq!((depot.happened().len(), depot.news().len()), (1, 1));
}

#[tokio::test]
async fn only_a_phone_at_its_own_place_hands_in_and_is_given() {
    let depot = at_home().await;
    hand_in(&depot, "0", TEXT).await;
    for (standing, told) in [
        (Standing::Elsewhere, "its lines are registered from elsewhere"),
        (
            Standing::Unregistered,
            "none of its lines is registered, and `[depot.configs] networks` does not name",
        ),
        (Standing::Stranger, "no such phone is known"),
    ] {
        depot.stands(OURS, standing);
        let mine = depot.happened().len();
        for answer in [hand_in(&depot, "0", "x").await, ask(depot.at, "GET", &path("0"), &[]).await] {
            assert_eq!(answer.status, 403, "{standing:?}");
            assert!(answer.text().contains(told), "{}", answer.text());
        }
        assert_eq!(depot.happened().len(), mine);
    }
    depot.stands(OURS, Standing::OwnPlace);
    depot.stands(OTHERS, Standing::OwnPlace);
    let foreign = format!("User-Agent: {}", AGENT.replace(OURS, OTHERS));
    let answer = put(&depot, &path("0"), &[&foreign, "Content-Length: 1"], "x").await;
    assert_eq!(answer.status, 403, "another phone by its User-Agent");
}

#[tokio::test]
async fn a_phone_that_was_reset_is_given_its_configuration_where_the_administrator_trusts_the_network() {
    let equipment = Equipment { networks: vec!["127.0.0.0/8".parse().unwrap()], ..Equipment::default() };
    let depot = Running::equipped(LENGTH, equipment).await;
    depot.stands(OURS, Standing::OwnPlace);
    hand_in(&depot, "0", TEXT).await;
    depot.stands(OURS, Standing::Unregistered);
    assert_eq!(ask(depot.at, "GET", &path("latest"), &[]).await.text(), TEXT);
    depot.stands(OURS, Standing::Stranger);
    assert_eq!(ask(depot.at, "GET", &path("latest"), &[]).await.status, 403, "it must be known all the same");
}

#[tokio::test]
async fn what_is_no_configuration_is_refused() {
    let depot = at_home().await;
    let length = "Content-Length: 1";
    for (headers, body, status) in [
        (vec!["Content-Length: 0"], "", 400),
        (vec![length, "Content-Range: bytes 0-0/5"], "x", 400),
        (vec![length, "Content-Encoding: gzip"], "x", 415),
    ] {
        assert_eq!(put(&depot, &path("0"), &headers, body).await.status, status, "{headers:?}");
    }
    for (path, status) in
        [("/configs/x/0", 404), ("/configs/", 404), (&*path("..%2f0"), 404), (&*path(".index"), 404)]
    {
        assert_eq!(put(&depot, path, &[length], "x").await.status, status, "{path}");
    }
    for method in ["POST", "DELETE"] {
        let answer = ask(depot.at, method, &path("0"), &["Content-Length: 0"]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, PUT")), "{method}");
    }
    assert!(depot.happened().is_empty());
}
