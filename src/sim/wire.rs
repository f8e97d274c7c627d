//! SIP text as the building's inhabitants read and write it; deliberately a reader of its own (RFC 3261 section 7).

use std::fmt::Write as _;

use md5::{Digest, Md5};

/// A SIP message in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Its first line.
    pub start: Start,
    /// Headers in their order, compact names written out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// The first line of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// A request.
    Request {
        /// `NOTIFY`.
        method: String,
        /// The Request-URI.
        uri: String,
    },
    /// A response.
    Status {
        /// 100 to 699.
        code: u16,
        /// The reason phrase.
        phrase: String,
    },
}

impl Packet {
    /// Reads a datagram; `None` when it is no SIP message.
    pub fn read(datagram: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(datagram).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let first = lines.next()?;
        let start = match first.strip_prefix("SIP/2.0 ") {
            Some(rest) => {
                let (code, phrase) = rest.split_once(' ').unwrap_or((rest, ""));
                Start::Status { code: code.parse().ok()?, phrase: phrase.to_owned() }
            }
            None => {
                let mut words = first.split(' ');
                let (method, uri, version) = (words.next()?, words.next()?, words.next()?);
                if version != "SIP/2.0" {
                    return None;
                }
                Start::Request { method: method.to_owned(), uri: uri.to_owned() }
            }
        };
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '\t']) {
                let (_, value) = headers.last_mut()?;
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':')?;
            headers.push((long_name(name.trim()).to_owned(), value.trim().to_owned()));
        }
        Some(Self { start, headers, body: body.to_owned() })
    }

    /// A request without headers.
    pub fn request(method: &str, uri: &str) -> Self {
        let start = Start::Request { method: method.to_owned(), uri: uri.to_owned() };
        Self { start, headers: Vec::new(), body: String::new() }
    }

    /// The answer to a request: its Vias, From, To (with this tag, where it has none), Call-ID and CSeq.
    pub fn answer(request: &Self, code: u16, phrase: &str, tag: &str) -> Self {
        let mut answer = Self {
            start: Start::Status { code, phrase: phrase.to_owned() },
            headers: Vec::new(),
            body: String::new(),
        };
        for (name, value) in &request.headers {
            let value = match name.as_str() {
                "Via" | "From" | "Call-ID" | "CSeq" | "Record-Route" => value.clone(),
                "To" if value.contains(";tag=") => value.clone(),
                "To" => format!("{value};tag={tag}"),
                _ => continue,
            };
            answer.headers.push((name.clone(), value));
        }
        answer
    }

    /// The same with one more header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same with a body.
    pub fn with_body(mut self, kind: &str, body: String) -> Self {
        self.body = body;
        self.with("Content-Type", kind)
    }

    /// The first header of this name; empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or("", |(_, v)| v)
    }

    /// Puts another value into the first header of this name, or adds it.
    pub fn set(&mut self, name: &str, value: String) {
        match self.headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value,
            None => self.headers.push((name.to_owned(), value)),
        }
    }

    /// The method: of a request its own, of a response the one in its CSeq.
    pub fn method(&self) -> &str {
        match &self.start {
            Start::Request { method, .. } => method,
            Start::Status { .. } => self.get("CSeq").rsplit(' ').next().unwrap_or(""),
        }
    }

    /// The Request-URI; empty for a response.
    pub fn uri(&self) -> &str {
        match &self.start {
            Start::Request { uri, .. } => uri,
            Start::Status { .. } => "",
        }
    }

    /// The status code; 0 for a request.
    pub fn code(&self) -> u16 {
        match &self.start {
            Start::Request { .. } => 0,
            Start::Status { code, .. } => *code,
        }
    }

    /// The branch of the topmost Via, the name of the transaction (RFC 3261 section 17.2.3).
    pub fn branch(&self) -> &str {
        parameter(self.get("Via"), "branch").unwrap_or("")
    }

    /// The bytes for the wire; Content-Length is added here.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = match &self.start {
            Start::Request { method, uri } => format!("{method} {uri} SIP/2.0\r\n"),
            Start::Status { code, phrase } => format!("SIP/2.0 {code} {phrase}\r\n"),
        };
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "Content-Length") {
            // Writing into a String cannot fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n{}", self.body.len(), self.body);
        text.into_bytes()
    }
}

/// Writes the compact header names out (RFC 3261 section 7.3.3).
fn long_name(name: &str) -> &str {
    match name {
        "v" => "Via",
        "f" => "From",
        "t" => "To",
        "i" => "Call-ID",
        "m" => "Contact",
        "l" => "Content-Length",
        "c" => "Content-Type",
        "o" => "Event",
        _ => ["Via", "From", "To", "Call-ID", "CSeq", "Contact", "Record-Route", "Content-Length"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(name))
            .unwrap_or(name),
    }
}

/// A `;name=value` of a header or URI, quotes taken off.
pub fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let mut quoted = false;
    let ends = move |c: char| {
        quoted ^= c == '"';
        !quoted && matches!(c, ';' | ',' | '>')
    };
    value.split(ends).find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.trim().rsplit(' ').next()?.eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// The URI of a name-addr or addr-spec: what stands between `<` and `>`, or all without header parameters.
pub fn uri_of(value: &str) -> &str {
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or(rest),
        None => value.split(';').next().unwrap_or(value).trim(),
    }
}

/// The user part of a SIP URI; empty when it has none.
pub fn user_of(uri: &str) -> &str {
    let rest = uri.strip_prefix("sip:").unwrap_or(uri);
    rest.split_once('@').map_or("", |(user, _)| user)
}

/// `host:port` of a SIP URI, without its parameters.
pub fn host_of(uri: &str) -> &str {
    let rest = uri.strip_prefix("sip:").unwrap_or(uri);
    let rest = rest.split_once('@').map_or(rest, |(_, host)| host);
    rest.split([';', '?', '>']).next().unwrap_or(rest)
}

/// Lower-case hexadecimal MD5.
pub fn md5_hex(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}

/// Answers a digest challenge (RFC 7616 with MD5; with `qop=auth` where offered).
pub fn answer_challenge(
    challenge: &str,
    method: &str,
    uri: &str,
    user: &str,
    secret: &str,
    cnonce: &str,
) -> String {
    let realm = parameter(challenge, "realm").unwrap_or("");
    let nonce = parameter(challenge, "nonce").unwrap_or("");
    let qop = parameter(challenge, "qop").map(|_| cnonce);
    let response = digest(realm, nonce, qop, method, uri, user, secret);
    let mut text = format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=MD5"
    );
    if qop.is_some() {
        let _ = write!(text, ", qop=auth, nc=00000001, cnonce=\"{cnonce}\"");
    }
    text
}

/// Whether an `Authorization` header fits this nonce, method and secret.
pub fn credentials_fit(authorization: &str, nonce: &str, method: &str, user: &str, secret: &str) -> bool {
    let of = |name| parameter(authorization, name).unwrap_or("");
    if of("nonce") != nonce || of("username") != user {
        return false;
    }
    let ha1 = md5_hex(&format!("{user}:{}:{secret}", of("realm")));
    let ha2 = md5_hex(&format!("{method}:{}", of("uri")));
    let expected = match of("qop") {
        "" => md5_hex(&format!("{ha1}:{nonce}:{ha2}")),
        qop => md5_hex(&format!("{ha1}:{nonce}:{}:{}:{qop}:{ha2}", of("nc"), of("cnonce"))),
    };
    of("response") == expected
}

fn digest(
    realm: &str,
    nonce: &str,
    qop: Option<&str>,
    method: &str,
    uri: &str,
    user: &str,
    secret: &str,
) -> String {
    let ha1 = md5_hex(&format!("{user}:{realm}:{secret}"));
    let ha2 = md5_hex(&format!("{method}:{uri}"));
    match qop {
        None => md5_hex(&format!("{ha1}:{nonce}:{ha2}")),
        Some(cnonce) => md5_hex(&format!("{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_packet_is_read_back() {
        let packet = Packet::request("NOTIFY", "sip:1001@127.20.0.1:5060;line=2c03007c")
            .with("Via", "SIP/2.0/UDP 127.0.0.10:5060;rport;branch=z9hG4bKa1")
            .with("To", "<sip:1001@127.20.0.1;line=2c03007c>")
            .with("CSeq", "8344 NOTIFY");
        let read = Packet::read(&packet.bytes()).unwrap();
        assert_eq!((read.method(), read.branch()), ("NOTIFY", "z9hG4bKa1"));
        assert_eq!(parameter(read.uri(), "line"), Some("2c03007c"));
        assert_eq!((user_of(read.uri()), host_of(read.uri())), ("1001", "127.20.0.1:5060"));
        let answer = Packet::answer(&read, 200, "OK", "t1");
        assert_eq!((answer.code(), answer.method()), (200, "NOTIFY"));
        assert!(answer.get("To").ends_with(";tag=t1"));
    }

    #[test]
    fn what_is_no_sip_is_none() {
        for text in [
            "",
            "\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "SIP/2.0 abc\r\n\r\n",
            "OPTIONS x SIP/2.0\r\nno colon\r\n\r\n",
        ] {
            assert_eq!(Packet::read(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn credentials_fit_only_with_the_right_secret_and_nonce() {
        let challenge = "Digest realm=\"127.0.0.10\", nonce=\"9375dcf7\", algorithm=MD5, qop=\"auth\"";
        let given =
            answer_challenge(challenge, "NOTIFY", "sip:1100@127.20.1.100;line=2c", "1100", "open", "81ee");
        assert_eq!(parameter(&given, "uri"), Some("sip:1100@127.20.1.100;line=2c"));
        assert!(credentials_fit(&given, "9375dcf7", "NOTIFY", "1100", "open"));
        assert!(!credentials_fit(&given, "9375dcf7", "NOTIFY", "1100", "closed"));
        assert!(!credentials_fit(&given, "other", "NOTIFY", "1100", "open"));
    }
}
