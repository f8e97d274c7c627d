//! The server side: answers a repeated request from memory (RFC 3261 section 17.2.2).

use bytes::Bytes;
use tokio::time::Instant;

use super::Timers;
use crate::sip::message::Message;
use crate::sip::message::address::Address;

/// What makes two requests the same one (RFC 3261 section 17.2.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The key of a request; `None` for an answer or a request without the headers it needs.
    pub fn of(request: &Message) -> Option<Self> {
        let method = request.method()?;
        let via = request.top_via()?;
        let sent_by = (&via.host, via.port.unwrap_or(5060));
        Some(Self(match via.branch.filter(|branch| branch.starts_with("z9hG4bK")) {
            Some(branch) => format!("{branch} {}:{} {method}", sent_by.0, sent_by.1),
            None => {
                // A sender from before RFC 3261: its branch is no name, so all that must be equal is compared.
                let tag = request.from().and_then(|from| Address::parse(from).ok()?.tag().map(String::from));
                let (call, cseq) = (request.call_id()?, request.raw_cseq()?);
                format!("{} {}:{} {method} {call} {cseq} {tag:?}", via.transport, sent_by.0, sent_by.1)
            }
        }))
    }
}

/// A request that was answered.
#[derive(Debug, Clone)]
pub struct ServerTransaction {
    response: Bytes,
    /// When timer J fires.
    until: Instant,
}

impl ServerTransaction {
    /// The request was answered now; over a reliable transport nothing needs to be remembered.
    pub fn answered(now: Instant, response: Bytes, timers: Timers, reliable: bool) -> Option<Self> {
        (!reliable).then(|| Self { response, until: now + timers.give_up() })
    }

    /// The answer, for the request that came once more.
    pub fn again(&self) -> Bytes {
        self.response.clone()
    }

    /// When it may be forgotten (timer J).
    pub fn deadline(&self) -> Instant {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(via: &str, cseq: u32) -> Message {
        let text = format!(
            "OPTIONS sip:h SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:h>\r\nCall-ID: c\r\n\
             CSeq: {cseq} OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        Message::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn branch_sender_and_method_name_a_request() {
        let key = |via, cseq| Key::of(&request(via, cseq)).unwrap();
        let first = key("SIP/2.0/UDP h;branch=z9hG4bK1", 1);
        assert_eq!(first, key("SIP/2.0/UDP h:5060 ;branch=z9hG4bK1", 1));
        assert_ne!(first, key("SIP/2.0/UDP h;branch=z9hG4bK2", 1));
        assert_ne!(first, key("SIP/2.0/UDP i;branch=z9hG4bK1", 1));
    }

    #[test]
    fn without_the_magic_cookie_the_whole_request_counts() {
        let key = |via, cseq| Key::of(&request(via, cseq)).unwrap();
        assert_eq!(key("SIP/2.0/UDP h;branch=1", 1), key("SIP/2.0/UDP h", 1));
        assert_ne!(key("SIP/2.0/UDP h;branch=1", 1), key("SIP/2.0/UDP h;branch=1", 2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_64_t1_over_udp_and_not_at_all_over_tcp() {
        let (now, timers) = (Instant::now(), Timers::default());
        let kept = ServerTransaction::answered(now, Bytes::from_static(b"x"), timers, false).unwrap();
        assert_eq!((kept.deadline() - now).as_secs(), 32);
        assert!(ServerTransaction::answered(now, Bytes::from_static(b"x"), timers, true).is_none());
    }
}
