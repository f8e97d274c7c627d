//! Answers to the challenges of phones' web servers: Digest where it is offered, else Basic (RFC 7616, RFC 7617).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};

use crate::ports::Credentials;

/// The value of `Authorization`; `None` where no challenge is one of these.
pub(super) fn authorization(
    challenges: &[String],
    credentials: &Credentials,
    method: &'static str,
    path: &str,
) -> Option<String> {
    let of = |scheme: &str| {
        challenges.iter().find(|challenge| {
            challenge.get(..scheme.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(scheme))
        })
    };
    let (user, password) = (&credentials.username, credentials.password.reveal());
    if let Some(challenge) = of("digest ") {
        let mut challenge = WwwAuthenticateHeader::parse(challenge).ok()?;
        let method = match method {
            "POST" => HttpMethod::POST,
            _ => HttpMethod::GET,
        };
        let context = AuthContext::new_with_method(user, password, path, Option::<&[u8]>::None, method);
        return challenge.respond(&context).ok().map(|answer| answer.to_string());
    }
    of("basic").map(|_| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Secret;

    fn answer(challenge: &str) -> Option<String> {
        let credentials =
            Credentials { username: "Mufasa".to_owned(), password: Secret::new("Circle Of Life") };
        authorization(&[challenge.to_owned()], &credentials, "GET", "/dir/index.html")
    }

    #[test]
    fn a_digest_challenge_is_answered_as_the_rfc_does() {
        // RFC 2617 section 3.5 without qop, so that nothing in the answer is drawn by lot.
        let challenge = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let answer = answer(challenge).unwrap();
        assert!(answer.starts_with("Digest username=\"Mufasa\""), "{answer}");
        // MD5(HA1:nonce:HA2) of the example's values.
        assert!(answer.contains("response=\"670fd8c2df070c60b045671b8b24ff02\""), "{answer}");
    }

    #[test]
    fn a_basic_challenge_is_answered_and_another_is_not() {
        assert_eq!(answer("Basic realm=\"snom\"").as_deref(), Some("Basic TXVmYXNhOkNpcmNsZSBPZiBMaWZl"));
        assert_eq!(answer("Negotiate"), None);
    }
}
