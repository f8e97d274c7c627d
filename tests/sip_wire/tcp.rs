//! Over TCP: framing, reuse of flows, keep-alives, peers that are not there.

use std::net::SocketAddr;

use sipherd::ports::{Notifier, NotifyOutcome, ProbeOutcome, Prober};
use sipherd::sip::message::Message;
use sipherd::sip::message::front::frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::phone::{PATIENCE, answer, config, order, start, target};

async fn next(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Message {
    loop {
        if let Some(length) = frame(buffer).unwrap() {
            let message = Message::parse(&buffer[..length]).unwrap();
            buffer.drain(..length);
            return message;
        }
        let read = timeout(PATIENCE, stream.read_buf(buffer)).await.expect("bytes in time").unwrap();
        assert_ne!(read, 0, "the stream ended");
    }
}

fn tcp(address: SocketAddr) -> String {
    format!("sip:1100@{address};transport=tcp;line=1")
}

#[tokio::test]
async fn two_requests_share_one_flow_and_keep_alives_pass() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (agent, _guard) = start(config());
    let sent = tokio::spawn(agent.notify(order(1, target(&tcp(address), None))));
    let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut buffer = Vec::new();
    let notify = next(&mut stream, &mut buffer).await;
    assert_eq!(notify.top_via().unwrap().transport, "TCP");
    // A keep-alive, then the answer in two pieces.
    let bytes = [b"\r\n\r\n".to_vec(), answer(&notify, "200 OK", "")].concat();
    stream.write_all(&bytes[..40]).await.unwrap();
    stream.write_all(&bytes[40..]).await.unwrap();
    let outcome = timeout(PATIENCE, sent).await.unwrap().unwrap();
    assert!(matches!(outcome, NotifyOutcome::Answered { status: 200, .. }), "{outcome:?}");

    let probe = tokio::spawn(agent.options(target(&tcp(address), None), PATIENCE));
    let options = next(&mut stream, &mut buffer).await;
    assert_eq!(options.method(), Some("OPTIONS"));
    stream.write_all(&answer(&options, "486 Busy", "")).await.unwrap();
    let outcome = timeout(PATIENCE, probe).await.unwrap().unwrap();
    assert_eq!(outcome, ProbeOutcome::Alive { status: 486, user_agent: None });
}

#[tokio::test]
async fn nobody_listening_is_not_sent() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (agent, _guard) = start(config());
    let outcome = timeout(PATIENCE, agent.notify(order(1, target(&tcp(address), None)))).await.unwrap();
    assert!(
        matches!(&outcome, NotifyOutcome::NotSent { why } if why.contains("no TCP connection")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn requests_over_tcp_are_answered_on_their_flow_and_pings_with_pongs() {
    let (agent, _guard) = start(config());
    let mut stream = TcpStream::connect(agent.local_addr()).await.unwrap();
    stream.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    timeout(PATIENCE, stream.read_exact(&mut pong)).await.unwrap().unwrap();
    assert_eq!(&pong, b"\r\n");
    let options = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
                   To: <sip:h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(options.repeat(2).as_bytes()).await.unwrap();
    let mut buffer = Vec::new();
    for _ in 0..2 {
        let answer = next(&mut stream, &mut buffer).await;
        assert_eq!(answer.raw_cseq(), Some("1 OPTIONS"));
    }
}

#[tokio::test]
async fn a_stream_without_boundaries_is_closed() {
    let (agent, _guard) = start(config());
    for junk in ["OPTIONS sip:h SIP/2.0\r\nContent-Length: x\r\n\r\n".to_owned(), "x".repeat(70_000)] {
        let mut stream = TcpStream::connect(agent.local_addr()).await.unwrap();
        // The far end may close before all of it is written.
        stream.write_all(junk.as_bytes()).await.ok();
        let mut rest = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("closed in time").ok();
        assert!(rest.is_empty());
    }
}
