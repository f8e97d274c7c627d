//! Requests from outside: each gets the right answer, once decided.

use sipherd::sip::message::{Message, Start};

use super::phone::{Phone, config, start};

fn request(method: &str, via: &str, lines: &str) -> String {
    format!(
        "{method} sip:sipherd@127.0.0.1 SIP/2.0\r\nVia: {via}\r\nFrom: <sip:x@h>;tag=1\r\n\
         To: <sip:sipherd@127.0.0.1>\r\nCall-ID: {method}\r\nCSeq: 1 {method}\r\n{lines}Content-Length: 0\r\n\r\n"
    )
}

fn status(message: &Message) -> u16 {
    match message.start {
        Start::Response { status, .. } => status,
        Start::Request { .. } => panic!("a request"),
    }
}

#[tokio::test]
async fn every_method_gets_its_status() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    for (method, lines, wanted) in [
        ("OPTIONS", "", 200),
        ("NOTIFY", "Event: dialog\r\n", 481),
        ("SUBSCRIBE", "Event: presence\r\n", 489),
        ("REGISTER", "", 405),
        ("INVITE", "", 405),
        ("FOO", "", 501),
        ("options", "", 501),
        ("OPTIONS", "Require: 100rel\r\n", 420),
        ("OPTIONS", "no header\r\n", 400),
        ("OPTIONS", "l: 30\r\n", 400),
    ] {
        let via = format!("SIP/2.0/UDP 192.0.2.9:1;rport;branch=z9hG4bK{method}{}", lines.len());
        phone.send(request(method, &via, lines).as_bytes(), agent.local_addr()).await;
        let (text, answer, _) = phone.next().await;
        assert_eq!(status(&answer), wanted, "{method} {lines}");
        let seen = answer.top_via().unwrap();
        assert_eq!(seen.received, Some(phone.address.ip()));
        assert_eq!(seen.rport, Some(Some(phone.address.port())));
        assert!(answer.to().unwrap().contains(";tag="), "{text}");
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_from_memory() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    let text =
        request("OPTIONS", "SIP/2.0/UDP h;rport;branch=z9hG4bKsame, SIP/2.0/UDP i;branch=z9hG4bKi", "");
    phone.send(text.as_bytes(), agent.local_addr()).await;
    phone.send(text.as_bytes(), agent.local_addr()).await;
    let (first, answer, _) = phone.next().await;
    assert_eq!(answer.vias().count(), 2, "every hop comes back");
    assert_eq!(phone.next().await.0, first, "with the same tag");
}

#[tokio::test]
async fn acks_answers_and_junk_get_silence() {
    let (phone, (agent, _guard)) = (Phone::start().await, start(config()));
    let me = agent.local_addr();
    let via = "SIP/2.0/UDP h;rport;branch=z9hG4bKq";
    phone.send(request("ACK", via, "").as_bytes(), me).await;
    let answer =
        request("OPTIONS", via, "").replacen("OPTIONS sip:sipherd@127.0.0.1 SIP/2.0", "SIP/2.0 200 OK", 1);
    phone.send(answer.as_bytes(), me).await;
    for junk in [
        &b""[..],
        b"\r\n\r\n",
        b"\0\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 60_000],
        b"OPTIONS sip:h SIP/2.0\r\n\r\n",
    ] {
        phone.send(junk, me).await;
    }
    phone.send(request("OPTIONS", "SIP/2.0/UDP h;rport;branch=z9hG4bKlast", "").as_bytes(), me).await;
    let (_, answer, _) = phone.next().await;
    assert_eq!(
        answer.top_via().unwrap().branch,
        Some("z9hG4bKlast"),
        "the first answer is to the last request"
    );
}

#[tokio::test]
async fn without_rport_the_answer_goes_to_the_port_in_the_via() {
    let (phone, elsewhere) = (Phone::start().await, Phone::start().await);
    let (agent, _guard) = start(config());
    let via = format!("SIP/2.0/UDP 127.0.0.1:{};branch=z9hG4bKp", elsewhere.address.port());
    phone.send(request("OPTIONS", &via, "").as_bytes(), agent.local_addr()).await;
    assert_eq!(status(&elsewhere.next().await.1), 200);
}
