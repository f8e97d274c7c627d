//! Places in the body of a NOTIFY that are filled for each phone when it is sent.

use crate::domain::phone::Contact;

/// The places there are, each written between braces.
pub const PLACES: [&str; 1] = ["register_call_id"];

/// A Call-ID longer than this is left out: a NOTIFY must fit into one packet. In bytes.
const LONGEST: usize = 200;

/// The body with its places filled for this contact: `{register_call_id}` by the Call-ID that the phone registered
/// with. Where nobody told that, the place stays empty, as the makers' documents allow.
pub(super) fn filled(body: &str, contact: &Contact) -> String {
    let plain = |call_id: &&str| {
        call_id.len() <= LONGEST && !call_id.contains(|c: char| c.is_control() || "{}".contains(c))
    };
    let call_id = contact.call_id.as_deref().filter(plain).unwrap_or_default();
    body.replace("{register_call_id}", call_id)
}

/// The first place in a body that is none of [`PLACES`]: a name of small letters between braces.
pub fn unknown(body: &str) -> Option<&str> {
    let names = body.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    names.filter(is_name).find(|name| !PLACES.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str =
        "action=reset\r\nRegisterCallId={{register_call_id}}\r\nConfigVersionStamp={0000000000000000}\r\n";

    fn contact(call_id: Option<&str>) -> Contact {
        Contact {
            uri: "sip:1001@192.0.2.1".into(),
            source: None,
            call_id: call_id.map(Into::into),
            user_agent: None,
            expires: None,
        }
    }

    #[test]
    fn the_place_of_the_call_id_is_filled_and_nothing_else_is_touched() {
        for (call_id, told) in [
            (Some("00082f-1@192.0.2.7"), "00082f-1@192.0.2.7"),
            (None, ""),
            (Some("a\r\naction=restart"), ""),
            (Some("a}b"), ""),
        ] {
            let line = format!("RegisterCallId={{{told}}}\r\n");
            let body = filled(BODY, &contact(call_id));
            assert_eq!(body, BODY.replace("RegisterCallId={{register_call_id}}\r\n", &line), "{call_id:?}");
        }
        assert_eq!(filled(BODY, &contact(Some(&"x".repeat(201)))), filled(BODY, &contact(None)));
    }

    #[test]
    fn a_place_that_does_not_exist_is_found() {
        assert_eq!(unknown(BODY), None);
        assert_eq!(unknown("x={0}\r\ny={}\r\nz={A}"), None);
        assert_eq!(unknown("x={call_id}"), Some("call_id"));
    }
}
