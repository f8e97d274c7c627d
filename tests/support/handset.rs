//! The least of a phone: registers over UDP with digest and answers what it is sent.

use std::net::SocketAddr;
use std::time::Duration;

use md5::{Digest, Md5};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Longer than any answer on loopback takes on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);
/// A REGISTER is sent again after this time.
const RESEND: Duration = Duration::from_secs(2);

/// One account on one socket.
pub struct Handset {
    socket: UdpSocket,
    pbx: SocketAddr,
    user: String,
    password: String,
    cseq: u32,
}

impl Handset {
    /// A phone that will register this account there.
    pub async fn new(pbx: SocketAddr, user: &str, password: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        Self { socket, pbx, user: user.to_owned(), password: password.to_owned(), cseq: 0 }
    }

    /// Its Contact, with a parameter as snom phones have one.
    pub fn contact(&self) -> String {
        format!("sip:{}@{};line=2c03007c", self.user, self.socket.local_addr().unwrap())
    }

    /// Registers for so many seconds; each boot of a phone has a Call-ID of its own.
    pub async fn register(&mut self, call_id: &str, user_agent: &str, seconds: u32) {
        let answer = self.try_register(call_id, user_agent, seconds, "").await;
        assert!(answer.starts_with("SIP/2.0 401"), "{answer}");
        let challenge = header(&answer, "WWW-Authenticate").unwrap();
        let value = |key: &str| {
            let rest = &challenge[challenge.find(&format!("{key}=\"")).unwrap() + key.len() + 2..];
            rest[..rest.find('"').unwrap()].to_owned()
        };
        let (realm, nonce, uri) = (value("realm"), value("nonce"), format!("sip:{}", self.pbx));
        let md5 = |text: String| hex::encode(Md5::digest(text.as_bytes()));
        let ha1 = md5(format!("{}:{realm}:{}", self.user, self.password));
        let ha2 = md5(format!("REGISTER:{uri}"));
        let response = md5(format!("{ha1}:{nonce}:00000001:c0ffee:auth:{ha2}"));
        let opaque = challenge.contains("opaque=").then(|| format!(", opaque=\"{}\"", value("opaque")));
        let credentials = format!(
            "Authorization: Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c0ffee\"{}\r\n",
            self.user,
            opaque.unwrap_or_default()
        );
        let answer = self.try_register(call_id, user_agent, seconds, &credentials).await;
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    }

    async fn try_register(
        &mut self,
        call_id: &str,
        user_agent: &str,
        seconds: u32,
        credentials: &str,
    ) -> String {
        self.cseq += 1;
        let (user, pbx, cseq) = (&self.user, self.pbx, self.cseq);
        let me = self.socket.local_addr().unwrap();
        let tag = me.port();
        let request = format!(
            "REGISTER sip:{pbx} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{tag}-{call_id}-{cseq};rport\r\n\
             From: <sip:{user}@{pbx}>;tag={tag}\r\nTo: <sip:{user}@{pbx}>\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} REGISTER\r\nContact: <{}>\r\nExpires: {seconds}\r\nMax-Forwards: 70\r\n\
             User-Agent: {user_agent}\r\n{credentials}Content-Length: 0\r\n\r\n",
            self.contact()
        );
        let wanted = format!("CSeq: {cseq} REGISTER");
        timeout(PATIENCE, async {
            loop {
                self.socket.send_to(request.as_bytes(), pbx).await.unwrap();
                // A datagram may be lost, by a machine under load even here.
                let answer = timeout(RESEND, self.receive("SIP/2.0 ", &wanted)).await;
                if let Ok((answer, _)) = answer {
                    return answer;
                }
            }
        })
        .await
        .unwrap_or_else(|_| panic!("no answer to {request}"))
    }

    /// Waits for the next NOTIFY, whoever sends it, and accepts it.
    pub async fn notify(&self) -> String {
        let notify = timeout(PATIENCE, self.receive("NOTIFY ", ""));
        let (request, from) = notify.await.expect("a NOTIFY comes");
        let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"]
            .iter()
            .map(|name| format!("{name}: {}\r\n", header(&request, name).unwrap()))
            .collect();
        let answer = format!("SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n");
        self.socket.send_to(answer.as_bytes(), from).await.unwrap();
        request
    }

    /// The next message that starts so and holds this.
    async fn receive(&self, start: &str, wanted: &str) -> (String, SocketAddr) {
        let mut buffer = vec![0; 65_536];
        loop {
            let (length, from) = self.socket.recv_from(&mut buffer).await.unwrap();
            let text = String::from_utf8_lossy(&buffer[..length]);
            if text.starts_with(start) && text.contains(wanted) {
                return (text.into_owned(), from);
            }
        }
    }
}

/// The value of a header.
pub fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
