//! The client against a phone of a few lines.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::ports::{Credentials, Secret};

const PHONE: Mac = Mac::new([0, 4, 0x13, 0, 0, 1]);

/// A phone that gives these answers, one a connection, and tells what it was asked.
async fn phone(answers: &[&'static str]) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers = answers.to_vec();
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = Vec::new();
            while !text.windows(4).any(|four| four == b"\r\n\r\n") {
                text.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(text).unwrap();
            let length = head
                .to_lowercase()
                .split_once("content-length: ")
                .map_or(0, |(_, rest)| rest.split("\r\n").next().unwrap().parse().unwrap());
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            asked.push(head + &String::from_utf8(body).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    (port, asked)
}

fn client(port: u16, credentials: Option<(&str, &'static str)>) -> WebClient {
    let config = WebConfig { port, contact_me_port: port, patience: Duration::from_secs(10) };
    let credentials = credentials.map(|(user, password)| {
        (PHONE, Credentials { username: user.to_owned(), password: Secret::new(password) })
    });
    WebClient::new(config, WebPasswords { of: credentials.into_iter().collect(), others: None })
}

fn order(ask: WebAsk) -> WebOrder {
    WebOrder { phone: PHONE, address: "127.0.0.1".parse().unwrap(), ask }
}

fn get(path: &str) -> WebAsk {
    WebAsk::Get { path: path.to_owned() }
}

#[tokio::test]
async fn contact_me_is_a_form_and_204_is_an_acceptance() {
    let (port, asked) = phone(&["HTTP/1.1 204 No Content\r\nServer: DlsClient\r\n\r\n"]).await;
    let outcome = client(port, None).ask(order(WebAsk::ContactMe)).await;
    let NotifyOutcome::Answered { status: 204, user_agent, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(user_agent.as_deref(), Some("DlsClient"));
    let asked = asked.await.unwrap().remove(0);
    assert!(asked.starts_with("POST /contact_dls.html/ContactDLS HTTP/1.1\r\n"), "{asked}");
    assert!(asked.ends_with("\r\n\r\nContactMe=true"), "{asked}");
}

#[tokio::test]
async fn a_challenge_is_answered_once() {
    const CHALLENGE: &str =
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"snom\"\r\nContent-Length: 0\r\n\r\n";
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    let (port, asked) = phone(&[CHALLENGE, OK]).await;
    let page =
        client(port, Some(("admin", "pw"))).page(PHONE, "127.0.0.1".parse().unwrap(), "/info.htm").await;
    assert_eq!(page.as_deref(), Ok("hi"));
    let asked = asked.await.unwrap();
    assert!(!asked[0].contains("authorization") && asked[1].contains("authorization: Basic YWRtaW46cHc="));

    let (port, asked) = phone(&[CHALLENGE, CHALLENGE]).await;
    let outcome = client(port, Some(("admin", "wrong"))).ask(order(get("/x?reboot=Reboot"))).await;
    assert!(matches!(outcome, NotifyOutcome::Answered { status: 401, challenged: true, .. }), "{outcome:?}");
    assert_eq!(asked.await.unwrap().len(), 2);

    let (port, _asked) = phone(&[CHALLENGE]).await;
    let outcome = client(port, None).ask(order(get("/x"))).await;
    assert_eq!(outcome, NotifyOutcome::NoCredentials { status: 401, realm: "snom".to_owned() });
}

#[tokio::test]
async fn what_was_not_sent_is_told_apart_from_what_was_not_answered() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let outcome = client(closed, None).ask(order(get("/x"))).await;
    assert!(matches!(outcome, NotifyOutcome::NotSent { .. }), "{outcome:?}");
    let (port, _asked) = phone(&[""]).await;
    let outcome = client(port, None).ask(order(get("/x"))).await;
    assert_eq!(outcome, NotifyOutcome::NoAnswer { copies: 1 });
}
