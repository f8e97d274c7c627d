//! Reads what a phone says of its own calls: one `application/dialog-info+xml` document (RFC 4235).

use roxmltree::{Document, Node, ParsingOptions};

use crate::domain::phone::CallState;
use crate::ports::DialogOutcome;

/// The media type of the documents.
pub const DIALOG_INFO: &str = "application/dialog-info+xml";
const NAMESPACE: &str = "urn:ietf:params:xml:ns:dialog-info";
/// Far more than a phone with every line busy writes.
const MAX_NODES: u32 = 4096;

/// What a document says of the phone. Anything that is not a full, understood document about one of `users` (the
/// line's name, and the user of its contact) is [`DialogOutcome::Unknown`].
pub fn read(document: &[u8], users: &[&str]) -> DialogOutcome {
    match understood(document, users) {
        Ok(None) => DialogOutcome::Idle,
        Ok(Some(state)) => DialogOutcome::Busy(state),
        Err(why) => DialogOutcome::Unknown { why: why.to_owned() },
    }
}

/// What a final answer other than 2xx to the SUBSCRIBE means.
pub fn refused(status: u16) -> DialogOutcome {
    match status {
        405 | 481 | 489 | 501 => DialogOutcome::Unsupported { status },
        _ => DialogOutcome::Unknown { why: format!("the phone answered {status} to the SUBSCRIBE") },
    }
}

fn understood(document: &[u8], users: &[&str]) -> Result<Option<CallState>, &'static str> {
    let text = std::str::from_utf8(document).map_err(|_| "the dialog document is not UTF-8")?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|_| "the dialog document is not well-formed XML")?;
    let root = document.root_element();
    if !root.has_tag_name((NAMESPACE, "dialog-info")) {
        return Err("the document is no dialog-info");
    }
    if root.attribute("state") != Some("full") {
        return Err("the dialog document is not a full one");
    }
    let entity = root.attribute("entity").ok_or("the dialog document names no entity")?;
    let user = user_of(entity).ok_or("the dialog document's entity has no user")?;
    if !users.contains(&user) {
        return Err("the dialog document speaks of another entity");
    }
    let mut busiest = None;
    for dialog in root.children().filter(|node| node.has_tag_name((NAMESPACE, "dialog"))) {
        busiest = busiest.max(call(dialog)?);
    }
    Ok(busiest)
}

/// The state of one dialog; `None` when it is over.
fn call(dialog: Node<'_, '_>) -> Result<Option<CallState>, &'static str> {
    let state = child(dialog, "state").and_then(|state| state.text()).map(str::trim);
    let incoming = dialog.attribute("direction") != Some("initiator");
    match state {
        Some("terminated") => Ok(None),
        Some("early") if incoming => Ok(Some(CallState::Ringing)),
        // The phone's own `trying` can be no more than an off-hook handset.
        Some("trying" | "proceeding" | "early") => Ok(Some(CallState::Talking)),
        Some("confirmed") if on_hold(dialog) => Ok(Some(CallState::Held)),
        Some("confirmed") => Ok(Some(CallState::Talking)),
        Some(_) => Err("the dialog document holds a state that RFC 4235 does not know"),
        None => Err("the dialog document holds a dialog without a state"),
    }
}

/// The local side does not render media: `+sip.rendering` is `no` (RFC 4235 section 4.1.6, RFC 3840).
fn on_hold(dialog: Node<'_, '_>) -> bool {
    let Some(target) = child(dialog, "local").and_then(|local| child(local, "target")) else { return false };
    target.children().any(|param| {
        param.has_tag_name((NAMESPACE, "param"))
            && param.attribute("pname") == Some("+sip.rendering")
            && param.attribute("pval") == Some("no")
    })
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name((NAMESPACE, name)))
}

/// The user part of `sip:user@host…`.
fn user_of(entity: &str) -> Option<&str> {
    let rest = entity.trim().split_once(':')?.1;
    rest.split_once('@').map(|(user, _)| user).filter(|user| !user.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(attributes: &str, dialogs: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><dialog-info xmlns=\"{NAMESPACE}\" version=\"0\" {attributes}>{dialogs}</dialog-info>"
        )
    }

    fn full(dialogs: &str) -> DialogOutcome {
        read(document("state=\"full\" entity=\"sip:1001@pbx\"", dialogs).as_bytes(), &["1001"])
    }

    fn in_state(state: &str) -> DialogOutcome {
        full(&format!("<dialog id=\"1\"><state>{state}</state></dialog>"))
    }

    #[test]
    fn no_dialog_or_only_ended_ones_is_idle() {
        assert_eq!(full(""), DialogOutcome::Idle);
        assert_eq!(in_state("terminated"), DialogOutcome::Idle);
    }

    #[test]
    fn every_living_state_is_busy() {
        for (state, wanted) in [
            ("trying", CallState::Talking),
            ("proceeding", CallState::Talking),
            ("early", CallState::Ringing),
            ("confirmed", CallState::Talking),
        ] {
            assert_eq!(in_state(state), DialogOutcome::Busy(wanted), "{state}");
        }
    }

    #[test]
    fn the_busiest_dialog_counts() {
        let both = "<dialog id=\"1\"><state>terminated</state></dialog>\
                    <dialog id=\"2\" direction=\"initiator\"><state>early</state></dialog>\
                    <dialog id=\"3\"><state>early</state></dialog>";
        assert_eq!(full(both), DialogOutcome::Busy(CallState::Talking));
        let held = "<dialog id=\"1\"><state>confirmed</state><local><target uri=\"sip:1\">\
                    <param pname=\"+sip.rendering\" pval=\"no\"/></target></local></dialog>";
        assert_eq!(full(held), DialogOutcome::Busy(CallState::Held));
    }

    #[test]
    fn doubt_is_unknown() {
        let partial = document("state=\"partial\" entity=\"sip:1001@pbx\"", "");
        let other = document("state=\"full\" entity=\"sip:1002@pbx\"", "");
        let nobody = document("state=\"full\"", "");
        let dtd = "<!DOCTYPE d [<!ENTITY e \"terminated\">]><dialog-info/>".to_owned();
        let foreign = "<dialog-info state=\"full\" entity=\"sip:1001@pbx\"/>".to_owned();
        for text in [partial, other, nobody, dtd, foreign, String::new(), "<dialog-info".to_owned()] {
            let outcome = read(text.as_bytes(), &["1001"]);
            assert!(matches!(outcome, DialogOutcome::Unknown { .. }), "{text}: {outcome:?}");
        }
        assert!(matches!(in_state("dancing"), DialogOutcome::Unknown { .. }));
        assert!(matches!(full("<dialog id=\"1\"/>"), DialogOutcome::Unknown { .. }));
        assert!(matches!(read(b"\xff\xfe", &["1001"]), DialogOutcome::Unknown { .. }));
    }

    #[test]
    fn a_refusal_is_told_from_a_failure() {
        for status in [405, 481, 489, 501] {
            assert_eq!(refused(status), DialogOutcome::Unsupported { status });
        }
        assert!(matches!(refused(404), DialogOutcome::Unknown { .. }));
    }
}
