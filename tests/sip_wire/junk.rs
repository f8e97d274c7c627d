//! Junk, torture and property tests: nothing panics, nothing is misread, what is built is read back.

use proptest::collection::vec;
use proptest::prelude::*;
use sipherd::sip::dialog;
use sipherd::sip::message::address::Address;
use sipherd::sip::message::builder::Builder;
use sipherd::sip::message::challenge::Challenge;
use sipherd::sip::message::front::frame;
use sipherd::sip::message::quoting::{quote, unquote};
use sipherd::sip::message::uri::Uri;
use sipherd::sip::message::via::Via;
use sipherd::sip::message::{CSeq, Message, Start};

/// In the manner of RFC 4475 section 3.1.1.1: all the blanks, folds, cases and lists the grammar has room for.
const WINDING: &str = "SUBSCRIBE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n\
    TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n\
    from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n\
    MaX-fOrWaRdS: 0068\r\nCall-ID: wsinv.ndaksdj@192.0.2.1\r\ncseq: 0009\r\n  SUBSCRIBE\r\n\
    Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\ns :\r\n\
    NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n\
    v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n \
    SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n\
    m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ;\r\n  secondparam ; q = 0.33\r\n\
    O: dialog ; id = \"x;y\"\r\nl: 3\r\n\r\nabcdef";

#[test]
fn a_winding_message_is_read_to_the_last_blank() {
    let message = Message::parse(WINDING.as_bytes()).unwrap();
    assert_eq!(message.cseq(), Some(CSeq { number: 9, method: "SUBSCRIBE" }));
    let to = Address::parse(message.to().unwrap()).unwrap();
    assert_eq!((to.uri, to.tag().as_deref()), ("sip:vivekg@chair-dnrc.example.com", Some("1918181833n")));
    let from = Address::parse(message.from().unwrap()).unwrap();
    assert_eq!((from.display.as_ref(), from.tag().as_deref()), ("J Rosenberg \\\"", Some("98asjd8")));
    let hops: Vec<_> = message.vias().flat_map(|value| Via::parse_list(value).unwrap()).collect();
    let branches: Vec<_> = hops.iter().map(|hop| hop.branch.unwrap()).collect();
    assert_eq!(branches, ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]);
    assert_eq!(message.other("newfangledheader"), Some("newfangled value continued newfangled value"));
    let contact = message.contacts().next().unwrap();
    assert_eq!(
        (contact.display.as_ref(), contact.parameter("q").as_deref()),
        ("Quoted string \"\"", Some("0.33"))
    );
    assert_eq!((message.event(), message.body.as_slice()), (Some("dialog"), &b"abc"[..]));
}

#[test]
fn odd_but_valid_request_lines_are_read() {
    for line in [
        "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
        "RE%47IST%45R sip:registrar.example.com SIP/2.0",
        "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0",
        "OPTIONS sip:sips%3Auser%40example.com@example.net SIP/2.0",
    ] {
        let method = line.split(' ').next().unwrap();
        let text = format!(
            "{line}\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\n\
             CSeq: 1 {method}\r\n\r\n"
        );
        assert_eq!(Message::parse(text.as_bytes()).unwrap().method(), Some(method));
    }
}

#[test]
fn messages_that_must_not_be_taken_are_not() {
    let valid = "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
                 To: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    Message::parse(valid.as_bytes()).unwrap();
    for (from, to) in [
        ("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"),
        ("CSeq: 1 OPTIONS", "CSeq: 36893488147419103232 OPTIONS"),
        ("Content-Length: 0", "Content-Length: -999"),
        ("OPTIONS sip:b@h SIP/2.0", "OPTIONS <sip:b@h> SIP/2.0"),
        ("OPTIONS sip:b@h SIP/2.0", "OPTIONS sip:b@h; lr SIP/2.0"),
        ("OPTIONS sip:b@h SIP/2.0", "OPTIONS  sip:b@h  SIP/2.0"),
        ("OPTIONS sip:b@h SIP/2.0", "OPTIONS nobodyKnowsThisScheme:totallyopaque SIP/2.0"),
        ("OPTIONS sip:b@h SIP/2.0", "SIP/2.0 4294967301 better not break the receiver"),
        ("To: <sip:b@h>", "To: \"Mr. J. User <sip:b@h>"),
        ("Via: SIP/2.0/UDP h;branch=z9hG4bK1", "Via: SIP/7.0/UDP h;branch=z9hG4bK1"),
        ("Call-ID: x\r\n", ""),
    ] {
        let text = valid.replacen(from, to, 1);
        assert!(Message::parse(text.as_bytes()).is_err(), "{text}");
    }
}

/// Well-formed things to be mutilated.
fn seeds() -> Vec<Vec<u8>> {
    vec![
        WINDING.as_bytes().to_vec(),
        include_bytes!("../fixtures/transcripts/wire-notify-401-asterisk.txt")[48..2500].to_vec(),
        include_bytes!("../fixtures/transcripts/dialog-info-kamailio-1002.txt")[400..3000].to_vec(),
    ]
}

/// All readers on the same bytes.
fn read_everything(bytes: &[u8]) {
    if let Ok(message) = Message::parse(bytes) {
        let _ = (message.retry_after(), message.challenges(false), message.challenges(true), message.event());
        let _ = (message.contacts().count(), message.user_agent(), message.content_type());
    }
    let _ = frame(bytes);
    let _ = dialog::read(bytes, &["1"]);
    let text = String::from_utf8_lossy(bytes);
    let _ = (Uri::parse(&text), Via::parse_list(&text), Address::parse_list(&text), CSeq::parse(&text));
    let _ = (Challenge::parse_list(&text), unquote(&text).len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..600)) {
        read_everything(&bytes);
    }

    #[test]
    fn no_text_of_the_grammar_makes_a_reader_panic(text in "[a-zA-Z0-9:;,@<>\"\\\\=?/ \t\r\n\\[\\]%.ü-]{0,200}") {
        read_everything(text.as_bytes());
    }

    #[test]
    fn no_mutilation_makes_a_reader_panic(
        seed in 0..3_usize,
        changes in vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(at.max(1)),
                _ => bytes.extend_from_within(at..),
            }
            bytes.truncate(20_000);
        }
        read_everything(&bytes);
    }

    #[test]
    fn what_is_built_is_read_back(
        status in 200..700_u16,
        phrase in "[a-zA-Z]{0,12}",
        call_id in "[a-zA-Z0-9.@-]{1,40}",
        number in 0..0x7fff_ffff_u32,
        display in "[^\\p{Cc}]{0,20}",
        body in vec(any::<u8>(), 0..200),
    ) {
        let bytes = Builder::response(status, &phrase)
            .header("Via", "SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1")
            .header("From", format_args!("{} <sip:a@h>;tag=1", quote(&display)))
            .header("To", "<sip:b@h>")
            .header("Call-ID", &call_id)
            .header("CSeq", format_args!("{number} NOTIFY"))
            .finish(&body)
            .unwrap();
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(&message.start, &Start::Response { status, phrase });
        prop_assert_eq!(message.call_id(), Some(call_id.as_str()));
        prop_assert_eq!(message.cseq(), Some(CSeq { number, method: "NOTIFY" }));
        let from = Address::parse(message.from().unwrap()).unwrap();
        prop_assert_eq!(from.display.as_ref(), display.as_str());
        prop_assert_eq!(&message.body, &body);
        prop_assert_eq!(frame(&bytes), Ok(Some(bytes.len())));
    }

    #[test]
    fn no_value_ever_adds_a_line(value in "[a-z\r\n\0:; ]{0,40}") {
        match Builder::response(200, "OK").header("Subject", &value).finish(b"") {
            Ok(bytes) => {
                let lines = bytes.iter().filter(|b| **b == b'\n').count();
                prop_assert_eq!(lines, 4);
            }
            Err(_) => prop_assert!(value.contains(['\r', '\n', '\0'])),
        }
    }
}
