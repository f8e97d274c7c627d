//! Traffic of real Asterisks, a Kamailio and a baresip: every message is read, and read right.

use sipherd::domain::phone::CallState;
use sipherd::ports::{Credentials, DialogOutcome, Secret};
use sipherd::sip::dialog;
use sipherd::sip::digest::{self, Subject, topmost_supported};
use sipherd::sip::message::address::Address;
use sipherd::sip::message::quoting::{parameter, split_outside, unquote};
use sipherd::sip::message::{Message, Start};

/// The messages of a recording: each follows a line that begins with `===`.
fn messages(recording: &str) -> Vec<Message> {
    let mut texts: Vec<String> = Vec::new();
    for line in recording.lines() {
        if line.starts_with("=== ") {
            texts.push(String::new());
        } else if let Some(text) = texts.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    texts
        .iter()
        .map(|text| Message::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{why}: {text}")))
        .collect()
}

macro_rules! recording {
    ($name:literal) => {
        messages(include_str!(concat!("../fixtures/transcripts/", $name, ".txt")))
    };
}

fn statuses(messages: &[Message]) -> Vec<u16> {
    let status = |message: &Message| match message.start {
        Start::Response { status, .. } => Some(status),
        Start::Request { .. } => None,
    };
    messages.iter().filter_map(status).collect()
}

#[test]
fn every_message_of_every_recording_is_read() {
    for messages in [
        recording!("wire-baresip"),
        recording!("wire-notify-asterisk"),
        recording!("wire-notify-401-asterisk"),
        recording!("wire-notify-via-kamailio"),
    ] {
        assert!(messages.len() >= 4);
        for message in messages {
            assert_eq!(message.cseq().unwrap().method, "NOTIFY");
            assert!(message.top_via().unwrap().branch.unwrap().starts_with("z9hG4bK"));
        }
    }
}

#[test]
fn baresip_refuses_and_says_who_it_is() {
    let messages = recording!("wire-baresip");
    assert_eq!(statuses(&messages), [481, 481]);
    assert_eq!(messages[2].user_agent(), Some("baresip v1.0.0 (x86_64/linux)"));
    assert_eq!(messages[2].top_via().unwrap().rport, Some(Some(5060)));
}

#[test]
fn the_challenge_of_a_phone_is_understood() {
    let messages = recording!("wire-notify-401-asterisk");
    assert_eq!(statuses(&messages), [401, 401, 200]);
    let challenge = topmost_supported(messages[3].challenges(false)).unwrap();
    assert_eq!(challenge.realm, "127.0.0.10");
    assert_eq!(challenge.nonce, "9375dcf71a3ca2e90e709519da57e66f");
    assert_eq!(challenge.qop, ["auth"]);
    assert!(
        messages[4].authorization().unwrap().contains("uri=\"sip:1100@127.20.1.100:5060;line=2c03007c\"")
    );
}

/// Computes anew what a real Asterisk sent; the laboratory's passwords are `pw` and the user's name.
fn assert_same_digest(challenged: &Message, answer: &Message, user: &str) {
    let value = answer.authorization().unwrap().strip_prefix("Digest ").unwrap();
    let get = |wanted: &str| {
        let mut all = split_outside(value, b',').map(parameter);
        unquote(all.find(|(name, _)| *name == wanted).unwrap().1.unwrap()).into_owned()
    };
    let challenge = topmost_supported(challenged.challenges(false)).unwrap();
    let credentials = Credentials { username: user.to_owned(), password: Secret::new(format!("pw{user}")) };
    let (uri, cnonce) = (get("uri"), get("cnonce"));
    let subject = Subject { method: answer.method().unwrap(), uri: &uri, count: 1, cnonce: &cnonce };
    assert_eq!(digest::response(&challenge, &credentials, subject).unwrap(), get("response"));
}

#[test]
fn digests_of_real_agents_come_out_the_same() {
    let asterisk = recording!("wire-notify-401-asterisk");
    assert_same_digest(&asterisk[3], &asterisk[4], "1100");
    let subscriber = recording!("dialog-info-asterisk-1001-caller");
    assert_same_digest(&subscriber[1], &subscriber[2], "1010");
}

#[test]
fn a_proxied_notify_has_two_hops() {
    let messages = recording!("wire-notify-via-kamailio");
    assert_eq!(messages[1].vias().count(), 2);
    assert_eq!(messages[1].top_via().unwrap().port, None);
    assert_eq!(statuses(&messages), [200, 200, 404]);
}

/// What each NOTIFY with a document says.
fn told(messages: &[Message], user: &str) -> Vec<DialogOutcome> {
    let documents =
        messages.iter().filter(|message| message.method() == Some("NOTIFY") && !message.body.is_empty());
    documents.map(|message| dialog::read(&message.body, &[user])).collect()
}

#[test]
fn dialog_documents_tell_the_call() {
    use DialogOutcome::{Busy, Idle};
    let (ringing, talking) = (Busy(CallState::Ringing), Busy(CallState::Talking));
    let caller = recording!("dialog-info-asterisk-1001-caller");
    assert_eq!(told(&caller, "1001"), [Idle, talking.clone(), Idle]);
    let callee = recording!("dialog-info-asterisk-1002-callee");
    assert_eq!(told(&callee, "1002"), [Idle, ringing.clone(), talking.clone(), Idle]);
    let kamailio = recording!("dialog-info-kamailio-1002");
    assert_eq!(told(&kamailio, "1002"), [ringing, talking, Idle]);
    let offline = recording!("dialog-info-asterisk-1003-unregistered");
    assert!(
        told(&offline, "1003").iter().all(|outcome| *outcome == Idle),
        "an offline phone looks idle to a PBX"
    );
    assert!(matches!(told(&kamailio, "1001")[0], DialogOutcome::Unknown { .. }), "of another user");
}

#[test]
fn a_dialog_keeps_its_tags() {
    for message in recording!("dialog-info-asterisk-1001-caller") {
        let from = Address::parse(message.from().unwrap()).unwrap();
        assert!(from.tag().is_some() && from.uri.starts_with("sip:"));
    }
}
