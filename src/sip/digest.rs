//! Digest answers to challenges (RFC 7616, RFC 8760): MD5, SHA-256, SHA-512-256, their `-sess` forms, `qop=auth`.

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

use super::message::challenge::Challenge;
use super::message::quoting::quote;
use crate::ports::Credentials;

/// A hash a challenge may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// RFC 1321; what phones use.
    Md5,
    /// FIPS 180-4.
    Sha256,
    /// FIPS 180-4, SHA-512 truncated with its own initial values.
    Sha512_256,
}

impl Hash {
    /// The hash in lower-case hexadecimal digits.
    fn hex(self, text: &str) -> String {
        match self {
            Self::Md5 => hex::encode(Md5::digest(text)),
            Self::Sha256 => hex::encode(Sha256::digest(text)),
            Self::Sha512_256 => hex::encode(Sha512_256::digest(text)),
        }
    }
}

/// An algorithm token, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithm {
    /// Its hash.
    pub hash: Hash,
    /// The `-sess` form, which mixes both nonces into the key.
    pub session: bool,
}

impl Algorithm {
    /// The algorithm of a challenge; absent means MD5, unknown means none.
    pub fn of(challenge: &Challenge) -> Option<Self> {
        let Some(token) = challenge.algorithm.as_deref() else {
            return Some(Self { hash: Hash::Md5, session: false });
        };
        let token = token.to_ascii_uppercase();
        let (name, session) = match token.strip_suffix("-SESS") {
            Some(name) => (name, true),
            None => (token.as_str(), false),
        };
        let hash = match name {
            "MD5" => Hash::Md5,
            "SHA-256" => Hash::Sha256,
            "SHA-512-256" => Hash::Sha512_256,
            _ => return None,
        };
        Some(Self { hash, session })
    }
}

/// The first challenge that can be answered: they come most wanted first (RFC 8760 section 2.4).
pub fn topmost_supported(challenges: Vec<Challenge>) -> Option<Challenge> {
    let answerable = |challenge: &Challenge| {
        Algorithm::of(challenge).is_some()
            && (challenge.qop.is_empty() || challenge.qop.iter().any(|qop| qop == "auth"))
    };
    challenges.into_iter().find(answerable)
}

/// The request that is to be authorised.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its Request-URI, the very text that goes out.
    pub uri: &'a str,
    /// How often this nonce was used, this time included.
    pub count: u32,
    /// Our own nonce.
    pub cnonce: &'a str,
}

/// The value of `Authorization` or `Proxy-Authorization`; `None` when the algorithm is not known.
pub fn authorization(
    challenge: &Challenge,
    credentials: &Credentials,
    subject: Subject<'_>,
) -> Option<String> {
    let algorithm = Algorithm::of(challenge)?;
    let response = response(challenge, credentials, subject)?;
    let mut value = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\"",
        quote(&credentials.username),
        quote(&challenge.realm),
        quote(&challenge.nonce),
        quote(subject.uri),
    );
    if let Some(token) = &challenge.algorithm {
        value.push_str(", algorithm=");
        value.push_str(token);
    }
    if !challenge.qop.is_empty() {
        value.push_str(&format!(", qop=auth, nc={:08x}", subject.count));
    }
    if !challenge.qop.is_empty() || algorithm.session {
        value.push_str(", cnonce=");
        value.push_str(&quote(subject.cnonce));
    }
    if let Some(opaque) = &challenge.opaque {
        value.push_str(", opaque=");
        value.push_str(&quote(opaque));
    }
    Some(value)
}

/// The digest itself (RFC 7616 section 3.4.1).
pub fn response(challenge: &Challenge, credentials: &Credentials, subject: Subject<'_>) -> Option<String> {
    let Algorithm { hash, session } = Algorithm::of(challenge)?;
    let Subject { method, uri, count, cnonce } = subject;
    let nonce = &challenge.nonce;
    let mut a1 =
        hash.hex(&format!("{}:{}:{}", credentials.username, challenge.realm, credentials.password.reveal()));
    if session {
        a1 = hash.hex(&format!("{a1}:{nonce}:{cnonce}"));
    }
    let a2 = hash.hex(&format!("{method}:{uri}"));
    Some(if challenge.qop.is_empty() {
        hash.hex(&format!("{a1}:{nonce}:{a2}"))
    } else {
        hash.hex(&format!("{a1}:{nonce}:{count:08x}:{cnonce}:auth:{a2}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Secret;

    fn credentials(username: &str, password: &str) -> Credentials {
        Credentials { username: username.to_owned(), password: Secret::new(password) }
    }

    fn challenge(value: &str) -> Challenge {
        topmost_supported(Challenge::parse_list(value)).unwrap()
    }

    #[test]
    fn the_examples_of_rfc_7616_section_3_9_1_come_out() {
        let mufasa = credentials("Mufasa", "Circle of Life");
        let subject = Subject {
            method: "GET",
            uri: "/dir/index.html",
            count: 1,
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        };
        for (algorithm, wanted) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let challenge = challenge(&format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            ));
            assert_eq!(response(&challenge, &mufasa, subject).as_deref(), Some(wanted), "{algorithm}");
        }
    }

    #[test]
    fn the_example_of_rfc_2617_section_3_5_comes_out() {
        let challenge = challenge(
            "Digest realm=\"testrealm@host.com\",qop=\"auth,auth-int\",\
             nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\",opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
        );
        let subject = Subject { method: "GET", uri: "/dir/index.html", count: 1, cnonce: "0a4f113b" };
        let mufasa = credentials("Mufasa", "Circle Of Life");
        assert_eq!(
            response(&challenge, &mufasa, subject).as_deref(),
            Some("6629fae49393a05397450978507c4ef1")
        );
    }

    #[test]
    fn sha_512_256_agrees_with_another_implementation() {
        // The challenge of RFC 7616 section 3.9.2; the value wanted was computed with OpenSSL.
        let challenge = challenge(
            "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
             nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\"",
        );
        let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm";
        let subject = Subject { method: "GET", uri: "/doe.json", count: 1, cnonce };
        let wanted = "7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c";
        let jason = credentials("Jäsøn Doe", "Secret, or not?");
        assert_eq!(response(&challenge, &jason, subject).as_deref(), Some(wanted));
    }

    #[test]
    fn the_topmost_challenge_that_can_be_answered_is_taken() {
        let three = "Digest realm=\"r\", nonce=\"1\", algorithm=SHA3-999, Digest realm=\"r\", nonce=\"2\", \
                     algorithm=SHA-256, qop=\"auth-int\", Digest realm=\"r\", nonce=\"3\", algorithm=MD5";
        assert_eq!(challenge(three).nonce, "3");
        assert_eq!(
            topmost_supported(Challenge::parse_list("Digest realm=\"r\", nonce=\"1\", qop=\"auth-conf\"")),
            None
        );
    }

    #[test]
    fn the_header_quotes_what_the_rfc_quotes_and_counts_in_hexadecimal() {
        let challenge =
            challenge("Digest realm=\"a\\\"b\", nonce=\"n\", algorithm=MD5-sess, qop=\"auth\", opaque=\"o\"");
        let subject = Subject { method: "NOTIFY", uri: "sip:1@h;line=x", count: 0x300, cnonce: "c" };
        let value = authorization(&challenge, &credentials("u\"x", "p"), subject).unwrap();
        assert!(value.starts_with(
            "Digest username=\"u\\\"x\", realm=\"a\\\"b\", nonce=\"n\", uri=\"sip:1@h;line=x\", response=\""
        ));
        assert!(value.ends_with("\", algorithm=MD5-sess, qop=auth, nc=00000300, cnonce=\"c\", opaque=\"o\""));
    }

    #[test]
    fn a_session_algorithm_gives_another_response_than_the_plain_one() {
        let subject = Subject { method: "NOTIFY", uri: "sip:1@h", count: 1, cnonce: "c" };
        let of = |algorithm: &str| {
            let challenge =
                challenge(&format!("Digest realm=\"r\", nonce=\"n\", algorithm={algorithm}, qop=\"auth\""));
            response(&challenge, &credentials("u", "p"), subject).unwrap()
        };
        let all = ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"].map(of);
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), 6);
    }
}
