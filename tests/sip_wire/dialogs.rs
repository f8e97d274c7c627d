//! What a phone says of its own calls: the one-shot dialog SUBSCRIBE.

use std::net::SocketAddr;

use sipherd::domain::phone::CallState;
use sipherd::ports::{DialogOutcome, Prober};
use sipherd::sip::AgentConfig;
use sipherd::sip::message::Message;
use sipherd::sip::message::address::Address;
use tokio::time::timeout;

use super::phone::{PATIENCE, Phone, config, quick, start};

const ENDED: &str = "terminated;reason=timeout";

fn document(state: &str, entity: &str, dialogs: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"0\" \
         state=\"{state}\" entity=\"{entity}\">{dialogs}</dialog-info>"
    )
}

/// The NOTIFY of the subscription that this SUBSCRIBE made.
fn notify(subscribe: &Message, from: SocketAddr, cseq: u32, state: &str, body: &str) -> String {
    let tag = Address::parse(subscribe.from().unwrap()).unwrap().tag().unwrap().into_owned();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/dialog-info+xml\r\n" };
    format!(
        "NOTIFY sip:sipherd@{from} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKn{cseq}{tag}\r\n\
         From: <sip:1100@h>;tag=phone\r\nTo: <sip:sipherd@{from}>;tag={tag}\r\nCall-ID: {}\r\nCSeq: {cseq} NOTIFY\r\n\
         Event: dialog\r\nSubscription-State: {state}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        subscribe.call_id().unwrap(),
        body.len()
    )
}

/// Asks a phone that sends this document; `early` sends it before the 202.
async fn told(body: &str, early: bool) -> DialogOutcome {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    let asked = tokio::spawn(agent.dialogs(phone.target()));
    let (text, subscribe, from) = phone.next().await;
    for line in ["Event: dialog", "Accept: application/dialog-info+xml", "Expires: 0"] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line} in {text}");
    }
    let notify = notify(&subscribe, from, 1, ENDED, body);
    if early {
        phone.send(notify.as_bytes(), from).await;
        assert!(phone.next().await.0.starts_with("SIP/2.0 200 OK\r\n"), "the NOTIFY is answered");
        phone.answer(&subscribe, from, "202 Accepted", "Expires: 0\r\n").await;
    } else {
        phone.answer(&subscribe, from, "200 OK", "Expires: 0\r\n").await;
        phone.send(notify.as_bytes(), from).await;
        assert!(phone.next().await.0.starts_with("SIP/2.0 200 OK\r\n"), "the NOTIFY is answered");
    }
    timeout(PATIENCE, asked).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_idle_phone_says_so_before_or_after_its_2xx() {
    let idle = document("full", "sip:1100@pbx.example", "");
    assert_eq!(told(&idle, false).await, DialogOutcome::Idle);
    assert_eq!(told(&idle, true).await, DialogOutcome::Idle);
}

#[tokio::test]
async fn a_busy_phone_says_how() {
    let ringing = "<dialog id=\"1\" direction=\"recipient\"><state>early</state></dialog>";
    let outcome = told(&document("full", "sip:1100@pbx.example", ringing), false).await;
    assert_eq!(outcome, DialogOutcome::Busy(CallState::Ringing));
}

#[tokio::test]
async fn partial_foreign_and_broken_documents_are_unknown() {
    for body in [
        document("partial", "sip:1100@pbx.example", ""),
        document("full", "sip:1101@pbx.example", ""),
        "<dialog-info".to_owned(),
        String::new(),
    ] {
        let outcome = told(&body, false).await;
        assert!(matches!(outcome, DialogOutcome::Unknown { .. }), "{body}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_phone_that_cannot_tell_is_told_from_one_that_fails() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    for (status, unsupported) in
        [(489, true), (405, true), (481, true), (501, true), (404, false), (503, false)]
    {
        let asked = tokio::spawn(agent.dialogs(phone.target()));
        let (_, subscribe, from) = phone.next().await;
        phone.answer(&subscribe, from, &format!("{status} No"), "").await;
        match timeout(PATIENCE, asked).await.unwrap().unwrap() {
            DialogOutcome::Unsupported { status: told } if unsupported => assert_eq!(told, status),
            DialogOutcome::Unknown { why } if !unsupported => {
                assert!(why.contains(&status.to_string()), "{why}")
            }
            outcome => panic!("{status}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn silence_before_and_after_the_2xx_is_unknown() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(AgentConfig { timers: quick(), ..config() }));
    let outcome = timeout(PATIENCE, agent.dialogs(phone.target())).await.unwrap();
    assert!(
        matches!(&outcome, DialogOutcome::Unknown { why } if why.contains("did not answer") || why.contains("no NOTIFY")),
        "{outcome:?}"
    );

    let (phone, asked) = (Phone::start().await, agent.clone());
    let target = phone.target();
    let asked = tokio::spawn(async move { asked.dialogs(target).await });
    let (_, subscribe, from) = phone.next().await;
    phone.answer(&subscribe, from, "200 OK", "").await;
    // A pending NOTIFY without a body is not the end; the document never comes.
    phone.send(notify(&subscribe, from, 1, "active;expires=0", "").as_bytes(), from).await;
    let outcome = timeout(PATIENCE, asked).await.unwrap().unwrap();
    assert!(matches!(&outcome, DialogOutcome::Unknown { why } if why.contains("no NOTIFY")), "{outcome:?}");
}

#[tokio::test]
async fn a_notify_with_a_foreign_tag_tells_nothing() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    let asked = tokio::spawn(agent.dialogs(phone.target()));
    let (_, subscribe, from) = phone.next().await;
    let idle = document("full", "sip:1100@pbx.example", "");
    let forged = notify(&subscribe, from, 1, ENDED, &idle).replace(">;tag=", ">;tag=f");
    phone.send(forged.as_bytes(), from).await;
    assert!(phone.next().await.0.starts_with("SIP/2.0 481 "));
    phone.answer(&subscribe, from, "489 Bad Event", "").await;
    assert_eq!(timeout(PATIENCE, asked).await.unwrap().unwrap(), DialogOutcome::Unsupported { status: 489 });
}

#[tokio::test]
async fn a_challenged_subscribe_is_answered() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    let asked = tokio::spawn(agent.dialogs(phone.target()));
    let (_, first, from) = phone.next().await;
    let line = "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",algorithm=MD5,qop=\"auth\"\r\n";
    phone.answer(&first, from, "401 Unauthorized", line).await;
    let (_, second, _) = phone.next().await;
    assert!(second.authorization().is_some());
    phone.send(notify(&second, from, 1, ENDED, &document("full", "sip:1100@h", "")).as_bytes(), from).await;
    assert_eq!(timeout(PATIENCE, asked).await.unwrap().unwrap(), DialogOutcome::Idle);
}
