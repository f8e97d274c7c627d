//! NOTIFYs to fake phones over loopback.

use std::time::Duration;

use sipherd::domain::trip::Notice;
use sipherd::ports::{Credentials, Notifier, NotifyOutcome, OrderId, ProbeOutcome, Prober, Secret};
use sipherd::sip::digest::{self, Subject};
use sipherd::sip::message::Message;
use sipherd::sip::message::challenge::Challenge;
use sipherd::sip::message::quoting::{parameter, split_outside, unquote};
use sipherd::sip::message::uri::Uri;
use sipherd::sip::{AgentConfig, Timers};
use tokio::time::timeout;

use super::phone::{PATIENCE, Phone, config, line, order, quick, start, target};

fn answered(status: u16, phrase: &str, challenged: bool) -> NotifyOutcome {
    NotifyOutcome::Answered {
        status,
        phrase: phrase.to_owned(),
        user_agent: None,
        retry_after: None,
        challenged,
    }
}

#[tokio::test]
async fn the_notify_has_exactly_these_bytes() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    let sent = tokio::spawn(agent.notify(order(1, phone.target())));
    let (text, request, from) = phone.next().await;
    let (me, there) = (agent.local_addr(), phone.address);
    assert_eq!(from, me);
    let branch = request.top_via().unwrap().branch.unwrap();
    let tag = request.from().unwrap().rsplit_once("tag=").unwrap().1;
    let call_id = request.call_id().unwrap();
    assert!(branch.starts_with("z9hG4bK") && branch.len() == 23);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        text,
        format!(
            "NOTIFY sip:1100@{there};line=2c03007c SIP/2.0\r\n\
             Via: SIP/2.0/UDP {me};rport;branch={branch}\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:sipherd@{me}>;tag={tag}\r\n\
             To: <sip:1100@127.0.0.1>\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: 1 NOTIFY\r\n\
             Contact: <sip:sipherd@{me}>\r\n\
             User-Agent: sipherd/{version}\r\n\
             Event: reboot\r\n\
             Subscription-State: terminated\r\n\
             Content-Length: 0\r\n\r\n"
        )
    );
    phone
        .answer(&request, from, "503 Später", "Retry-After: 90 (boot)\r\nUser-Agent: snomD785/10.1.64.14\r\n")
        .await;
    let outcome = timeout(PATIENCE, sent).await.unwrap().unwrap();
    assert_eq!(
        outcome,
        NotifyOutcome::Answered {
            status: 503,
            phrase: "Später".to_owned(),
            user_agent: Some("snomD785/10.1.64.14".to_owned()),
            retry_after: Some(90),
            challenged: false,
        }
    );
}

#[tokio::test]
async fn a_body_goes_out_with_its_type_and_length() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    let mut order = order(1, phone.target());
    order.notice = Notice {
        body: Some(("text/plain".to_owned(), "action=restart\r\nRegisterCallId={ü}\r\n".to_owned())),
        ..Notice::event("service-control")
    };
    let _sent = tokio::spawn(agent.notify(order));
    let (text, request, _) = phone.next().await;
    assert_eq!(request.content_type(), Some("text/plain"));
    assert!(text.ends_with("Content-Length: 37\r\n\r\naction=restart\r\nRegisterCallId={ü}\r\n"), "{text}");
}

const CHALLENGE: &str = "Digest realm=\"127.0.0.10\", nonce=\"NONCE\", algorithm=MD5, qop=\"auth\"";

fn challenge_line(nonce: &str, more: &str) -> String {
    format!("WWW-Authenticate: {}{more}\r\n", CHALLENGE.replace("NONCE", nonce))
}

/// Checks the digest as a phone would.
fn assert_authorised(request: &Message, password: &str) {
    let value = request.authorization().unwrap().strip_prefix("Digest ").unwrap();
    let get = |wanted: &str| {
        let found = split_outside(value, b',').map(parameter).find(|(name, _)| *name == wanted);
        unquote(found.unwrap().1.unwrap()).into_owned()
    };
    let challenge = Challenge {
        realm: get("realm"),
        nonce: get("nonce"),
        qop: vec!["auth".to_owned()],
        ..Challenge::default()
    };
    let credentials = Credentials { username: get("username"), password: Secret::new(password) };
    let (uri, cnonce) = (get("uri"), get("cnonce"));
    assert!(Uri::parse(&uri).unwrap().parameter("line").is_some(), "the digest covers the whole URI");
    let count = u32::from_str_radix(&get("nc"), 16).unwrap();
    let subject = Subject { method: "NOTIFY", uri: &uri, count, cnonce: &cnonce };
    assert_eq!(digest::response(&challenge, &credentials, subject).unwrap(), get("response"));
}

#[tokio::test]
async fn a_challenge_is_answered_once_in_the_same_call() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    let sent = tokio::spawn(agent.notify(order(1, phone.target())));
    let (_, first, from) = phone.next().await;
    assert!(first.authorization().is_none());
    phone.answer(&first, from, "401 Unauthorized", &challenge_line("n1", "")).await;
    let (_, second, _) = phone.next().await;
    assert_authorised(&second, "gate-19");
    assert_eq!(first.call_id(), second.call_id());
    assert_eq!(first.from(), second.from());
    assert_eq!(second.raw_cseq(), Some("2 NOTIFY"));
    assert_ne!(first.top_via().unwrap().branch, second.top_via().unwrap().branch);
    phone.answer(&second, from, "200 OK", "").await;
    assert_eq!(timeout(PATIENCE, sent).await.unwrap().unwrap(), answered(200, "OK", true));
}

#[tokio::test]
async fn a_second_401_is_final_unless_the_nonce_was_stale() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    for (second_challenge, tries) in [("", 2), (", stale=true", 3)] {
        let sent = tokio::spawn(agent.notify(order(tries, phone.target())));
        for try_number in 1..=tries {
            let (_, request, from) = phone.next().await;
            assert_eq!(request.cseq().unwrap().number, u32::try_from(try_number).unwrap());
            if try_number > 1 {
                assert_authorised(&request, "gate-19");
            }
            let more = if try_number > 1 { second_challenge } else { "" };
            let line = challenge_line(&format!("n{try_number}"), more);
            phone.answer(&request, from, "401 Unauthorized", &line).await;
        }
        assert_eq!(timeout(PATIENCE, sent).await.unwrap().unwrap(), answered(401, "Unauthorized", true));
    }
}

#[tokio::test]
async fn a_407_of_a_proxy_and_a_401_behind_it_are_both_answered() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    let sent = tokio::spawn(agent.notify(order(1, phone.target())));
    let (_, first, from) = phone.next().await;
    let proxy = "Proxy-Authenticate: Digest realm=\"proxy\", nonce=\"p\", algorithm=SHA-256, qop=\"auth\"\r\n\
                 Proxy-Authenticate: Digest realm=\"proxy\", nonce=\"q\"\r\n";
    phone.answer(&first, from, "407 Proxy Authentication Required", proxy).await;
    let (text, second, _) = phone.next().await;
    assert!(
        text.contains("Proxy-Authorization: Digest username=\"1100\", realm=\"proxy\", nonce=\"p\""),
        "{text}"
    );
    phone.answer(&second, from, "401 Unauthorized", &challenge_line("n", "")).await;
    let (text, third, _) = phone.next().await;
    assert!(text.contains("realm=\"proxy\"") && text.contains("nc=00000002"), "{text}");
    assert_authorised(&third, "gate-19");
    phone.answer(&third, from, "200 OK", "").await;
    assert_eq!(timeout(PATIENCE, sent).await.unwrap().unwrap(), answered(200, "OK", true));
}

#[tokio::test]
async fn without_credentials_the_realm_is_told_and_replaced_ones_count() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    agent.replace_credentials(std::collections::BTreeMap::new());
    let sent = tokio::spawn(agent.notify(order(1, phone.target())));
    let (_, request, from) = phone.next().await;
    phone.answer(&request, from, "401 Unauthorized", &challenge_line("n", "")).await;
    let outcome = timeout(PATIENCE, sent).await.unwrap().unwrap();
    assert_eq!(outcome, NotifyOutcome::NoCredentials { status: 401, realm: "127.0.0.10".to_owned() });

    let fresh = Credentials { username: "1100".to_owned(), password: Secret::new("other") };
    agent.replace_credentials([(line(), fresh)].into());
    let _sent = tokio::spawn(agent.notify(order(2, phone.target())));
    let (_, request, from) = phone.next().await;
    phone.answer(&request, from, "401 Unauthorized", &challenge_line("n", "")).await;
    assert_authorised(&phone.next().await.1, "other");
}

#[tokio::test]
async fn a_silent_phone_gets_copies_and_then_no_answer() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(AgentConfig { timers: quick(), ..config() }));
    let outcome = timeout(PATIENCE, agent.notify(order(1, phone.target()))).await.unwrap();
    let NotifyOutcome::NoAnswer { copies } = outcome else { panic!("{outcome:?}") };
    let (first, ..) = phone.next().await;
    for _ in 1..copies {
        assert_eq!(phone.next().await.0, first, "a copy is the same bytes");
    }
    assert!((3..=19).contains(&copies), "{copies} copies in 1.28 s");
}

#[tokio::test]
async fn a_lost_200_is_repeated_from_memory_and_heard() {
    let (phone, (agent, _guard)) =
        (Phone::start().await, start(AgentConfig { timers: Timers::default(), ..config() }));
    let sent = tokio::spawn(agent.notify(order(1, phone.target())));
    let (first, _, _) = phone.next().await;
    let (second, request, from) = phone.next().await;
    assert_eq!(first, second);
    phone.answer(&request, from, "200 OK", "").await;
    phone.answer(&request, from, "200 OK", "").await;
    assert_eq!(timeout(PATIENCE, sent).await.unwrap().unwrap(), answered(200, "OK", false));
}

#[tokio::test]
async fn a_stopped_order_sends_no_further_copy() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    let sent = tokio::spawn(agent.notify(order(7, phone.target())));
    phone.next().await;
    agent.stop_resending(OrderId(99));
    agent.stop_resending(OrderId(7));
    let outcome = timeout(PATIENCE, sent).await.unwrap().unwrap();
    assert_eq!(outcome, NotifyOutcome::Stopped { copies: 1 });
    // The next thing this phone hears is the next order, not a copy.
    let _next = tokio::spawn(agent.options(phone.target(), PATIENCE));
    assert_eq!(phone.next().await.1.method(), Some("OPTIONS"));
}

#[tokio::test]
async fn an_order_stopped_before_its_turn_never_goes() {
    let slow = AgentConfig { notifies_per_second: 1, ..config() };
    let (phone, (agent, _guard)) = (Phone::start().await, start(slow));
    let first = tokio::spawn(agent.notify(order(1, phone.target())));
    let (_, request, from) = phone.next().await;
    let mut second = Box::pin(agent.notify(order(2, phone.target())));
    assert!(timeout(Duration::ZERO, &mut second).await.is_err(), "given, and waiting for its turn");
    agent.stop_resending(OrderId(2));
    assert_eq!(timeout(PATIENCE, second).await.unwrap(), NotifyOutcome::Stopped { copies: 0 });
    phone.answer(&request, from, "200 OK", "").await;
    assert_eq!(timeout(PATIENCE, first).await.unwrap().unwrap(), answered(200, "OK", false));
}

#[tokio::test]
async fn through_a_proxy_the_contact_stays_the_request_uri() {
    let proxy = Phone::start().await;
    let (agent, _guard) = start(AgentConfig { outbound_proxy: Some(proxy.address), ..config() });
    let uri = "sip:1100@phone.invalid:2048;line=2c03007c";
    let sent = tokio::spawn(agent.notify(order(1, target(uri, None))));
    let (text, request, from) = proxy.next().await;
    assert!(text.starts_with(&format!("NOTIFY {uri} SIP/2.0\r\n")), "{text}");
    assert!(text.contains(&format!("\r\nRoute: <sip:{};lr>\r\n", proxy.address)), "{text}");
    proxy.answer(&request, from, "404 Not Registered", "").await;
    assert_eq!(timeout(PATIENCE, sent).await.unwrap().unwrap(), answered(404, "Not Registered", false));
}

#[tokio::test]
async fn what_cannot_be_sent_says_why() {
    let phone = Phone::start().await;
    let (agent, _guard) = start(config());
    let not_sent = async |order| match timeout(PATIENCE, agent.notify(order)).await.unwrap() {
        NotifyOutcome::NotSent { why } => why,
        outcome => panic!("{outcome:?}"),
    };
    assert!(not_sent(order(1, target("sips:1@10.0.0.1", None))).await.contains("asks for TLS"));
    assert!(not_sent(order(2, target("sip:1@phone.invalid", None))).await.contains("outbound_proxy"));
    let mut smuggler = order(3, phone.target());
    smuggler.notice.event = "reboot\r\nContent-Length: 99".to_owned();
    assert!(not_sent(smuggler).await.contains("Event holds a line break"));
    assert!(
        not_sent(order(4, target("sip:1@127.0.0.1\r\nX: y", None))).await.contains("no SIP URI may hold")
    );
}

#[tokio::test]
async fn answers_that_belong_to_nothing_are_ignored() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    let sent = tokio::spawn(agent.notify(order(1, phone.target())));
    let (text, request, from) = phone.next().await;
    let branch = request.top_via().unwrap().branch.unwrap().to_owned();
    for wrong in [
        text.replace(&branch, "z9hG4bK0000000000000000"),
        text.replace(&branch, "z9hG4bKx"),
        text.replace("1 NOTIFY", "1 OPTIONS"),
        text.replace("Max-Forwards", "Via: SIP/2.0/UDP h;branch=z9hG4bK2\r\nMax-Forwards"),
    ] {
        let start = wrong.find("\r\n").unwrap();
        phone.send(format!("SIP/2.0 486 Wrong{}", &wrong[start..]).as_bytes(), from).await;
    }
    phone.answer(&request, from, "100 Trying", "").await;
    phone.answer(&request, from, "200 OK", "").await;
    assert_eq!(timeout(PATIENCE, sent).await.unwrap().unwrap(), answered(200, "OK", false));
}

#[tokio::test]
async fn an_unreachable_port_does_not_stop_the_socket() {
    let (agent, _guard) = start(AgentConfig { timers: quick(), ..config() });
    let gone = Phone::start().await.target();
    let outcome = timeout(PATIENCE, agent.notify(order(1, gone))).await.unwrap();
    assert!(matches!(outcome, NotifyOutcome::NoAnswer { .. }), "{outcome:?}");
    let phone = Phone::start().await;
    let probe = tokio::spawn(agent.options(phone.target(), PATIENCE));
    let (_, request, from) = phone.next().await;
    phone.answer(&request, from, "200 OK", "Server: baresip\r\n").await;
    let alive = ProbeOutcome::Alive { status: 200, user_agent: Some("baresip".to_owned()) };
    assert_eq!(timeout(PATIENCE, probe).await.unwrap().unwrap(), alive);
}

#[tokio::test]
async fn thousands_at_once_each_get_their_own_answer() {
    let (phone, (agent, _guard)) = (
        Phone::start().await,
        start(AgentConfig { notifies_per_second: 3000, timers: Timers::default(), ..config() }),
    );
    let orders: Vec<_> = (0..2000).map(|id| tokio::spawn(agent.notify(order(id, phone.target())))).collect();
    let responder = tokio::spawn(async move {
        loop {
            let (_, request, from) = phone.next().await;
            phone.answer(&request, from, "200 OK", "").await;
        }
    });
    for order in orders {
        assert_eq!(timeout(PATIENCE, order).await.unwrap().unwrap(), answered(200, "OK", false));
    }
    responder.abort();
}

#[tokio::test]
async fn an_ipv6_phone_is_reached_from_an_ipv6_socket() {
    let Ok(socket) = tokio::net::UdpSocket::bind("[::1]:0").await else { return };
    let address = socket.local_addr().unwrap();
    let phone = Phone { socket, address };
    let (agent, _guard) = start(AgentConfig { listen: "[::1]:0".parse().unwrap(), ..config() });
    let sent = tokio::spawn(agent.notify(order(1, target(&format!("sip:1100@{address}"), None))));
    let (text, request, from) = phone.next().await;
    assert!(text.contains("\r\nTo: <sip:1100@[::1]>\r\n"), "{text}");
    phone.answer(&request, from, "200 OK", "").await;
    assert_eq!(timeout(PATIENCE, sent).await.unwrap().unwrap(), answered(200, "OK", false));
}
