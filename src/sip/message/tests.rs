//! The forms that `rsip` 0.4.0 gets wrong, by their numbers in the library evaluation, and their cures.

use super::builder::Builder;
use super::uri::{Host, UriError};
use super::*;
use crate::ports::{Credentials, Secret};
use crate::sip::digest::{self, Algorithm, Hash, Subject};

/// A NOTIFY with these further lines; each ends with CRLF.
fn notify(lines: &str) -> Vec<u8> {
    format!(
        "NOTIFY sip:1@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:1@10.0.0.1>\r\nCall-ID: x\r\nCSeq: 1 NOTIFY\r\n{lines}\r\n"
    )
    .into_bytes()
}

fn parsed(bytes: &[u8]) -> Message {
    Message::parse(bytes).unwrap()
}

fn why(bytes: &[u8]) -> MessageError {
    Message::parse(bytes).unwrap_err().why
}

#[test]
fn d01_compact_names_are_expanded() {
    let message = parsed(
        b"NOTIFY sip:1@h SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nt: <sip:1@h>\r\n\
          i: call\r\nm: <sip:a@h>\r\no: reboot\r\nCSeq: 1 NOTIFY\r\nl: 0\r\n\r\n",
    );
    assert_eq!(message.top_via().unwrap().branch, Some("z9hG4bK1"));
    assert_eq!(message.call_id(), Some("call"));
    assert_eq!(message.contacts().next().unwrap().uri, "sip:a@h");
    assert_eq!(message.event(), Some("reboot"));
}

#[test]
fn d02_folded_headers_are_unfolded() {
    let message = parsed(&notify("X-Subject: a\r\n b\r\n\t c\r\n"));
    assert_eq!(message.other("x-subject"), Some("a b c"));
}

#[test]
fn d03_a_blank_before_the_colon_is_allowed() {
    let message = parsed(&notify("Event : reboot\r\n"));
    assert_eq!(message.event(), Some("reboot"));
}

#[test]
fn d04_leading_line_ends_are_stripped() {
    let mut bytes = b"\r\n\r\n".to_vec();
    bytes.extend(notify(""));
    assert_eq!(parsed(&bytes).method(), Some("NOTIFY"));
}

#[test]
fn d05_the_empty_line_is_required() {
    let whole = notify("Content-Length: 0\r\n");
    assert_eq!(why(&whole[..whole.len() - 2]), MessageError::NoEmptyLine);
    assert_eq!(
        why(b"NOTIFY sip:1@h SIP/2.0\r\nCall-ID: x\r\nContent-Length: 0\r\n"),
        MessageError::NoEmptyLine
    );
}

#[test]
fn d06_content_length_frames_the_body() {
    let with = |length: &str, body: &str| {
        let mut bytes = notify(&format!("Content-Length: {length}\r\n"));
        bytes.extend(body.as_bytes());
        bytes
    };
    assert_eq!(parsed(&with("3", "abcdef")).body, b"abc");
    for (length, body) in
        [("30", "abc"), ("-1", "abc"), ("x", ""), ("", ""), ("99999999999", ""), ("1, 2", "ab")]
    {
        let fault = Message::parse(&with(length, body)).unwrap_err();
        assert_eq!(fault.why, MessageError::ContentLength, "{length}");
        assert!(fault.answerable.is_some(), "{length}: 400 can be answered");
    }
    let two = notify("Content-Length: 1\r\nl: 2\r\n");
    assert_eq!(why(&two), MessageError::ContentLength);
    assert_eq!(
        parsed(&[notify(""), b"rest".to_vec()].concat()).body,
        b"rest",
        "a datagram's end is its body's"
    );
}

#[test]
fn d07_latin_1_stays_readable() {
    let mut bytes = notify("User-Agent: M?ller\r\n");
    let at = bytes.iter().position(|b| *b == b'?').unwrap();
    bytes[at] = 0xfc;
    assert_eq!(parsed(&bytes).user_agent(), Some("Müller"));
    assert_eq!(parsed(&notify("User-Agent: Müller\r\n")).user_agent(), Some("Müller"));
}

#[test]
fn d08_a_body_is_bytes() {
    let body = [0xff, 0xfe, 0x00, 0x80];
    let bytes = Builder::response(200, "OK")
        .header("Via", "SIP/2.0/UDP h;branch=z9hG4bK1")
        .header("From", "<sip:a@h>")
        .header("To", "<sip:a@h>")
        .header("Call-ID", "c")
        .header("CSeq", "1 NOTIFY")
        .finish(&body)
        .unwrap();
    assert_eq!(parsed(&bytes).body, body);
}

#[test]
fn d09_unknown_methods_are_read() {
    let text = String::from_utf8(notify("")).unwrap().replace("NOTIFY", "FOO");
    assert_eq!(parsed(text.as_bytes()).method(), Some("FOO"));
    assert!(!Message::is_known_method("FOO"));
    assert!(Message::is_known_method("PRACK") && Message::is_known_method("REGISTER"));
}

#[test]
fn d10_methods_have_a_case_and_the_version_is_2_0() {
    let text = String::from_utf8(notify("")).unwrap().replace("NOTIFY", "notify");
    assert_eq!(parsed(text.as_bytes()).method(), Some("notify"));
    assert!(!Message::is_known_method("notify"));
    let newer = String::from_utf8(notify("")).unwrap().replace("10.0.0.1 SIP/2.0", "10.0.0.1 SIP/2.9");
    let fault = Message::parse(newer.as_bytes()).unwrap_err();
    assert_eq!((fault.why, fault.why.status()), (MessageError::Version, 505));
    assert!(fault.answerable.is_some());
}

#[test]
fn d11_reason_phrases_may_be_missing_and_are_kept() {
    let response = |line: &str| {
        let text = String::from_utf8(notify("")).unwrap();
        let (_, rest) = text.split_once("\r\n").unwrap();
        parsed(format!("{line}\r\n{rest}").as_bytes()).start
    };
    let start = |status, phrase: &str| Start::Response { status, phrase: phrase.to_owned() };
    assert_eq!(response("SIP/2.0 200 "), start(200, ""));
    assert_eq!(response("SIP/2.0 200"), start(200, ""));
    assert_eq!(response("SIP/2.0 200 Alles klar"), start(200, "Alles klar"));
}

#[test]
fn d12_ipv6_literals_are_read_everywhere() {
    let uri = Uri::parse("sip:1@[2001:db8::1]:5070;line=x").unwrap();
    assert_eq!(uri.address().unwrap().to_string(), "[2001:db8::1]:5070");
    assert_eq!(Uri::parse("sip:[2001:db8::1]").unwrap().host.to_string(), "[2001:db8::1]");
    let text = "NOTIFY sip:1@[2001:db8::1]:5060 SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::2]:5080;branch=z9hG4bK1\r\n\
                From: <sip:a@[2001:db8::2]>;tag=1\r\nTo: <sip:1@[2001:db8::1]>\r\nCall-ID: x\r\nCSeq: 1 NOTIFY\r\n\
                Contact: <sip:a@[2001:db8::2]:5080>\r\nRoute: <sip:[2001:db8::3];lr>\r\n\r\n";
    let message = parsed(text.as_bytes());
    let via = message.top_via().unwrap();
    assert_eq!((via.host, via.port), (Host::Ip("2001:db8::2".parse().unwrap()), Some(5080)));
}

#[test]
fn d13_received_may_be_ipv6_with_and_without_brackets() {
    for received in ["[2001:db8::9]", "2001:db8::9"] {
        let text = format!("SIP/2.0/UDP h;received={received};branch=z9hG4bK1");
        let via = Via::parse(&text).unwrap();
        assert_eq!(via.received, Some("2001:db8::9".parse().unwrap()));
        assert_eq!(via.branch, Some("z9hG4bK1"));
    }
}

#[test]
fn d14_blanks_around_semicolons_lose_nothing() {
    for text in ["SIP/2.0/UDP 10.0.0.1:5060; branch=z9hG4bK1", "SIP/2.0/UDP 10.0.0.1:5060 ;branch=z9hG4bK1"] {
        let via = Via::parse(text).unwrap();
        assert_eq!((via.port, via.branch), (Some(5060), Some("z9hG4bK1")), "{text}");
    }
    let torture =
        Via::parse("SIP  / 2.0\t/ UDP  first.example.com: 4000;ttl=16\t;maddr=224.2.0.1 ;branch = z9hG4bKa");
    let torture = torture.unwrap();
    assert_eq!((torture.transport, torture.port, torture.branch), ("UDP", Some(4000), Some("z9hG4bKa")));
}

#[test]
fn d15_lists_of_hops_are_split_and_garbage_is_refused() {
    let hops = Via::parse_list("SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=2").unwrap();
    assert_eq!(hops.iter().map(|via| via.branch).collect::<Vec<_>>(), [Some("1"), Some("2")]);
    assert!(Via::parse_list("SIP/2.0/UDP a;branch=1, garbage").is_err());
}

#[test]
fn d16_blanks_around_a_tag_lose_nothing() {
    for text in ["<sip:1@h> ;tag=1", "<sip:1@h>; tag=1", "<sip:1@h>;tag = 1"] {
        assert_eq!(Address::parse(text).unwrap().tag().as_deref(), Some("1"), "{text}");
    }
}

#[test]
fn d17_quoted_parameters_are_read() {
    let contact = Address::parse("<sip:1@h>;+sip.instance=\"<urn:uuid:1>\";expires=60").unwrap();
    assert_eq!(contact.parameter("+sip.instance").as_deref(), Some("<urn:uuid:1>"));
    assert_eq!(contact.parameter("expires").as_deref(), Some("60"));
}

#[test]
fn d18_lists_of_contacts_are_split() {
    let list = Address::parse_list("<sip:a@h1>;expires=60, <sip:a@h2>").unwrap();
    assert_eq!(list.iter().map(|contact| contact.uri).collect::<Vec<_>>(), ["sip:a@h1", "sip:a@h2"]);
}

#[test]
fn d19_d20_brackets_and_escapes_inside_quotes_do_not_confuse() {
    let address = Address::parse("\"A <B>\" <sip:1@h>;tag=1").unwrap();
    assert_eq!((address.display.as_ref(), address.uri), ("A <B>", "sip:1@h"));
    let bare = Address::parse("sip:1@h;x=\"<\";tag=1").unwrap();
    assert_eq!((bare.uri, bare.tag().as_deref()), ("sip:1@h", Some("1")));
    let escaped = Address::parse("\"A \\\" <x\" <sip:1@h>;tag=1").unwrap();
    assert_eq!((escaped.display.as_ref(), escaped.uri), ("A \" <x", "sip:1@h"));
}

#[test]
fn d21_blanks_inside_the_brackets_do_not_reach_the_uri() {
    assert_eq!(Address::parse("< sip:1@h >;tag=1").unwrap().uri, "sip:1@h");
}

#[test]
fn d22_other_schemes_are_told_apart() {
    for text in ["tel:+4930123", "tel:+49;phone-context=x", "mailto:a@b", "sip", ""] {
        assert_eq!(Uri::parse(text), Err(UriError::Scheme), "{text}");
    }
}

#[test]
fn d23_d38_uri_headers_are_kept_apart() {
    let uri = Uri::parse("sip:1@h?a=b").unwrap();
    assert_eq!((uri.host, uri.headers), (Host::Name("h".to_owned()), Some("a=b")));
    let uri = Uri::parse("sip:1@h;x=y?a=b").unwrap();
    assert_eq!((uri.parameter("x"), uri.headers), (Some(Some("y")), Some("a=b")));
}

#[test]
fn d24_unknown_transports_are_read() {
    assert_eq!(Uri::parse("sip:1@h;transport=xyz").unwrap().parameter("transport"), Some(Some("xyz")));
    assert_eq!(Via::parse("SIP/2.0/FOO h").unwrap().transport, "FOO");
}

#[test]
fn d25_what_is_no_host_is_refused() {
    for text in [
        "sip:a@b@h",
        "sip:1@h,x",
        "sip:1@h>",
        "sip:1@h\t",
        "sip:1@",
        "sip:",
        "sip:@h",
        "sip:1@h:0",
        "sip:1@h:x",
        "sip:1@[::1",
        "sip:1@[::1]x",
    ] {
        assert!(Uri::parse(text).is_err(), "{text}");
    }
    let odd = Uri::parse("sip:user;par=u%40example.net@example.com").unwrap();
    assert_eq!((odd.user, odd.parameters), (Some("user;par=u%40example.net"), ""));
}

#[test]
fn d26_the_request_uri_goes_out_and_into_the_digest_as_it_is() {
    let bytes = Builder::request("NOTIFY", "sip:h;transport=udp").finish(b"").unwrap();
    assert!(bytes.starts_with(b"NOTIFY sip:h;transport=udp SIP/2.0\r\n"));
    let challenge = &Challenge::parse_list("Digest realm=\"r\", nonce=\"n\"")[0];
    let credentials = Credentials { username: "u".to_owned(), password: Secret::new("p") };
    let response = |uri| {
        digest::response(challenge, &credentials, Subject { method: "NOTIFY", uri, count: 1, cnonce: "" })
    };
    assert_ne!(response("sip:h;transport=udp"), response("sip:h;transport=UDP"));
}

#[test]
fn d27_algorithm_tokens_are_those_of_the_registry() {
    let of = |value: &str| Algorithm::of(&Challenge::parse_list(value)[0]);
    let plain = |hash| Some(Algorithm { hash, session: false });
    assert_eq!(of("Digest realm=\"r\", nonce=\"n\""), plain(Hash::Md5), "absent means MD5");
    assert_eq!(of("Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256"), plain(Hash::Sha256));
    assert_eq!(of("Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256"), plain(Hash::Sha512_256));
    assert_eq!(of("Digest realm=\"r\", nonce=\"n\", algorithm=SHA256"), None);
}

#[test]
fn d28_lists_of_qop_are_read() {
    let challenge = &Challenge::parse_list("Digest realm=\"r\", qop=\"auth,auth-int\", nonce=\"n\"")[0];
    assert_eq!(challenge.qop, ["auth", "auth-int"]);
    assert_eq!(
        Challenge::parse_list("Digest realm=\"r\", qop=\"auth-conf\", nonce=\"n\"")[0].qop,
        ["auth-conf"]
    );
}

#[test]
fn d29_the_nonce_count_has_eight_hexadecimal_digits() {
    let challenge = &Challenge::parse_list("Digest realm=\"r\", nonce=\"n\", qop=\"auth\"")[0];
    let credentials = Credentials { username: "u".to_owned(), password: Secret::new("p") };
    for (count, wanted) in [(10, "nc=0000000a,"), (0x300, "nc=00000300,"), (16, "nc=00000010,")] {
        let subject = Subject { method: "NOTIFY", uri: "sip:h", count, cnonce: "c" };
        let value = digest::authorization(challenge, &credentials, subject).unwrap();
        assert!(value.contains(wanted) && value.contains("qop=auth,"), "{value}");
    }
}

#[test]
fn d30_session_algorithms_are_told_apart() {
    let challenge = &Challenge::parse_list("Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess")[0];
    assert_eq!(Algorithm::of(challenge), Some(Algorithm { hash: Hash::Md5, session: true }));
}

#[test]
fn d31_d32_escapes_and_blanks_in_challenges_are_read() {
    let challenge = &Challenge::parse_list("Digest realm=\"a\\\"b\", nonce=\"n\"")[0];
    assert_eq!(challenge.realm, "a\"b");
    for text in
        ["Digest realm = \"r\" , nonce = \"n\"", "Digest realm=\"r\" ,nonce=\"n\"", "digest  realm=r,nonce=n"]
    {
        let challenge = &Challenge::parse_list(text)[0];
        assert_eq!((challenge.realm.as_str(), challenge.nonce.as_str()), ("r", "n"), "{text}");
    }
}

#[test]
fn d33_two_challenges_in_one_header_are_two() {
    let both = "Digest realm=\"r\", nonce=\"1\", algorithm=SHA-256, Basic realm=\"b\", Digest realm=\"r\", nonce=\"2\"";
    let nonces: Vec<_> = Challenge::parse_list(both).into_iter().map(|challenge| challenge.nonce).collect();
    assert_eq!(nonces, ["1", "2"]);
}

#[test]
fn d34_cseq_takes_blanks_and_only_digits() {
    for text in ["1\tNOTIFY", " 1 NOTIFY", "1   NOTIFY "] {
        let text = text.trim_end();
        assert_eq!(CSeq::parse(text), Some(CSeq { number: 1, method: "NOTIFY" }), "{text}");
    }
    for text in ["+1 NOTIFY", "1", "NOTIFY", "-1 NOTIFY", "2147483648 NOTIFY", "1 NO TIFY", ""] {
        assert_eq!(CSeq::parse(text), None, "{text}");
    }
}

#[test]
fn d35_no_value_can_smuggle_in_a_header() {
    for value in ["x\r\nContent-Length: 99", "x\n", "x\r", "x\0"] {
        assert!(Builder::response(200, "OK").header("Subject", value).finish(b"").is_err());
        assert!(Builder::response(200, value).finish(b"").is_err());
        assert!(Builder::request("NOTIFY", value).finish(b"").is_err());
    }
    assert!(Builder::request("NOTIFY", "sip:a b").finish(b"").is_err());
}

#[test]
fn d36_errors_hold_nothing_of_the_input() {
    let junk = vec![b'J'; MAX_JUNK];
    let fault = Message::parse(&junk).unwrap_err();
    assert_eq!(fault.why, MessageError::NoEmptyLine);
    assert!(format!("{fault} {fault:?}").len() < 200);
    assert_eq!(why(&vec![b'J'; MAX_JUNK + 1]), MessageError::TooLong);
}

const MAX_JUNK: usize = front::MAX_BYTES;

#[test]
fn d37_auth_int_is_never_offered() {
    let only_int =
        Challenge::parse_list("Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256, qop=\"auth-int\"");
    assert_eq!(digest::topmost_supported(only_int), None);
}

#[test]
fn more_than_64_headers_are_refused() {
    let lines = "X-A: 1\r\n".repeat(60);
    assert_eq!(why(&notify(&lines)), MessageError::TooManyHeaders);
    parsed(&notify(&"X-A: 1\r\n".repeat(59)));
}

#[test]
fn bare_line_feeds_end_lines_too() {
    let text = String::from_utf8(notify("Event: reboot\r\n")).unwrap().replace("\r\n", "\n");
    assert_eq!(parsed(text.as_bytes()).event(), Some("reboot"));
}

#[test]
fn nothing_of_a_message_shows_in_debug_output() {
    let secret = "Authorization: Digest response=\"39ef2d16\"\r\n";
    let shown = format!("{:?}", parsed(&notify(secret)));
    assert_eq!(shown, "Message(request)");
    let fault = Message::parse(&notify(&format!("{secret}no colon\r\n"))).unwrap_err();
    assert!(!format!("{fault:?} {fault}").contains("39ef2d16"));
}

#[test]
fn a_wrong_line_is_left_out_and_answered_400() {
    let fault = Message::parse(&notify("no colon here\r\n folded\r\n")).unwrap_err();
    assert_eq!((fault.why, fault.why.status()), (MessageError::Header, 400));
    assert_eq!(fault.answerable.unwrap().call_id(), Some("x"));
}

#[test]
fn a_stream_is_framed_by_content_length() {
    let mut bytes = notify("Content-Length: 3\r\n");
    let head = bytes.len();
    bytes.extend(b"abcNOTIFY next");
    assert_eq!(front::frame(&bytes), Ok(Some(head + 3)));
    assert_eq!(front::frame(&bytes[..head + 2]), Ok(None));
    assert_eq!(front::frame(&bytes[..head - 1]), Ok(None));
    assert_eq!(front::frame(&notify("")), Err(MessageError::ContentLength), "required on a stream");
    assert_eq!(front::frame(&vec![b'x'; MAX_JUNK + 1]), Err(MessageError::TooLong));
}

#[test]
fn retry_after_and_subscription_state_lose_their_trimmings() {
    let message = parsed(&notify(
        "Retry-After: 18000;duration=3600 (lunch)\r\nSubscription-State: terminated;reason=x\r\n",
    ));
    assert_eq!(message.retry_after(), Some(18_000));
    assert_eq!(message.subscription_state(), Some("terminated"));
}
