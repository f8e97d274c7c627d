//! What a phone sends to its deployment service: a `WorkpointMessage`, read with nothing guessed.

use roxmltree::{Document, Node};

use super::item::{Item, Items};

/// No phone sends a longer message: all items of an OpenStage are some hundred kilobytes.
pub const LONGEST: usize = 2 * 1024 * 1024;

/// No message has more elements than this.
const MOST_NODES: u32 = 100_000;

/// A message of a phone, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The number it made up; the answer must repeat it.
    pub nonce: String,
    /// Why it calls.
    pub reason: Reason,
    /// Further items follow: they must be asked for.
    pub more: bool,
    /// What it tells of itself.
    pub items: Items,
}

/// Why a phone calls its deployment service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It has started.
    StartUp,
    /// Somebody changed its settings at the phone.
    LocalChanges,
    /// Something was plugged in or pulled out.
    InventoryChanges,
    /// How a deployment went.
    Status,
    /// It was asked to call.
    Solicited,
    /// It answers an order.
    ReplyTo {
        /// The order.
        action: Action,
        /// What became of it.
        status: Status,
    },
}

impl Reason {
    /// As phones write it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::StartUp => "start-up",
            Self::LocalChanges => "local-changes",
            Self::InventoryChanges => "inventory-changes",
            Self::Status => "status",
            Self::Solicited => "solicited",
            Self::ReplyTo { .. } => "reply-to",
        }
    }
}

/// What a phone can be ordered to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Tell all items.
    ReadAllItems,
    /// Tell some items.
    ReadItems,
    /// Tell the items that did not fit into the last message.
    GetNextFragment,
    /// Change settings.
    WriteItems,
    /// Load an image.
    SoftwareDeployment,
    /// Load or delete files that are no image.
    FileDeployment,
    /// Reboot.
    Restart,
    /// Hang up.
    CleanUp,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ReadAllItems,
        Self::ReadItems,
        Self::GetNextFragment,
        Self::WriteItems,
        Self::SoftwareDeployment,
        Self::FileDeployment,
        Self::Restart,
        Self::CleanUp,
    ];

    /// As it is written in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadAllItems => "ReadAllItems",
            Self::ReadItems => "ReadItems",
            Self::GetNextFragment => "GetNextFragment",
            Self::WriteItems => "WriteItems",
            Self::SoftwareDeployment => "SoftwareDeployment",
            Self::FileDeployment => "FileDeployment",
            Self::Restart => "Restart",
            Self::CleanUp => "CleanUp",
        }
    }
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does it.
    Accepted,
    /// It does not, or cannot.
    Failed,
    /// It cannot now: it is in a call.
    Busy,
}

/// A message that is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is too long.
    #[error("{0} bytes are more than any phone sends")]
    TooLong(usize),
    /// It is no XML, or has a DTD.
    #[error("no XML: {0}")]
    Xml(String),
    /// It is XML of another kind.
    #[error("`{0}` is no `WorkpointMessage`")]
    Root(String),
    /// Something is not there.
    #[error("it has no `{0}`")]
    Missing(&'static str),
    /// Something has a value nobody knows.
    #[error("`{value}` is no `{what}` known here")]
    Unknown {
        /// Which part of it.
        what: &'static str,
        /// What stands there.
        value: String,
    },
}

/// Reads a message.
pub fn read(text: &str) -> Result<Message, Unreadable> {
    if text.len() > LONGEST {
        return Err(Unreadable::TooLong(text.len()));
    }
    let options =
        roxmltree::ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..Default::default() };
    let document =
        Document::parse_with_options(text, options).map_err(|error| Unreadable::Xml(error.to_string()))?;
    let root = document.root_element();
    if root.tag_name().name() != "WorkpointMessage" {
        return Err(Unreadable::Root(short(root.tag_name().name())));
    }
    let message = child(root, "Message").ok_or(Unreadable::Missing("Message"))?;
    let nonce = message.attribute("nonce").map(str::trim).unwrap_or_default();
    if nonce.is_empty() {
        return Err(Unreadable::Missing("nonce"));
    }
    if nonce.len() > 200 || !nonce.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Unreadable::Unknown { what: "nonce", value: short(nonce) });
    }
    let contact = child(message, "ReasonForContact").ok_or(Unreadable::Missing("ReasonForContact"))?;
    let reason = reason(contact)?;
    // One page of the guide has the attribute at the reason, its examples have it at the message.
    let more = [message, contact].iter().any(|node| node.attribute("fragment") == Some("next"));
    let listed = child(message, "ItemList");
    let items = listed.into_iter().flat_map(|list| list.children().filter(|node| is(*node, "Item")));
    let items = items.map(item).collect::<Result<_, _>>()?;
    Ok(Message { nonce: nonce.to_owned(), reason, more, items: Items(items) })
}

fn reason(contact: Node<'_, '_>) -> Result<Reason, Unreadable> {
    let text = contact.text().unwrap_or_default().trim();
    Ok(match text {
        "start-up" => Reason::StartUp,
        "local-changes" => Reason::LocalChanges,
        "inventory-changes" => Reason::InventoryChanges,
        "status" => Reason::Status,
        "solicited" => Reason::Solicited,
        "reply-to" => {
            let action = contact.attribute("action").ok_or(Unreadable::Missing("action"))?;
            let known = Action::ALL.into_iter().find(|known| known.as_str() == action);
            let unknown = || Unreadable::Unknown { what: "action", value: short(action) };
            let status = match contact.attribute("status").ok_or(Unreadable::Missing("status"))? {
                "accepted" => Status::Accepted,
                "failed" => Status::Failed,
                "busy" => Status::Busy,
                other => return Err(Unreadable::Unknown { what: "status", value: short(other) }),
            };
            Reason::ReplyTo { action: known.ok_or_else(unknown)?, status }
        }
        other => return Err(Unreadable::Unknown { what: "ReasonForContact", value: short(other) }),
    })
}

fn item(node: Node<'_, '_>) -> Result<Item, Unreadable> {
    let name = node.attribute("name").map(str::trim).filter(|name| !name.is_empty());
    let index = match node.attribute("index").map(str::trim) {
        None | Some("") => None,
        Some(text) => {
            let wrong = |_| Unreadable::Unknown { what: "index", value: short(text) };
            Some(text.parse().map_err(wrong)?)
        }
    };
    // A value may be in several pieces: between them comments, or references that stand for a character.
    let value: String =
        node.children().filter_map(|piece| piece.text().filter(|_| piece.is_text())).collect();
    let name = name.ok_or(Unreadable::Missing("name"))?.to_owned();
    Ok(Item { name, index, value: value.trim().to_owned() })
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| is(*child, name))
}

/// No more of a text than a log can bear.
fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(inside: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<WorkpointMessage xmlns=\"http://www.siemens.com/DLS\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"http://www.siemens.com/DLS\">\n\
             {inside}\n</WorkpointMessage>"
        )
    }

    #[test]
    fn a_phone_that_was_asked_to_call_says_who_it_is() {
        let text = message(
            "<Message nonce=\"2253A4B0\" maxItems=\"-1\"> <ReasonForContact>solicited</ReasonForContact> <ItemList>\
             <Item name=\"device-type\">OpenStage 80</Item>\n<Item name=\"mac-addr\"> 00:1a:e8:01:02:03 </Item>\
             <Item name=\"key-label\" index=\"3\">A &amp; B &#x20AC;</Item></ItemList></Message>",
        );
        let read = read(&text).unwrap();
        assert_eq!((read.nonce.as_str(), &read.reason, read.more), ("2253A4B0", &Reason::Solicited, false));
        assert_eq!(read.items.get("device-type"), Some("OpenStage 80"));
        assert_eq!(read.items.get("mac-addr"), Some("00:1a:e8:01:02:03"));
        assert_eq!(read.items.at("key-label", Some(3)), Some("A & B €"));
    }

    #[test]
    fn every_reason_is_read_by_its_name() {
        for reason in [
            Reason::StartUp,
            Reason::LocalChanges,
            Reason::InventoryChanges,
            Reason::Status,
            Reason::Solicited,
        ] {
            let name = reason.as_str();
            let text = message(&format!(
                "<Message nonce=\"a\"><ReasonForContact>{name}</ReasonForContact></Message>"
            ));
            assert_eq!(read(&text).unwrap().reason, reason);
        }
        for action in Action::ALL {
            for (word, status) in
                [("accepted", Status::Accepted), ("failed", Status::Failed), ("busy", Status::Busy)]
            {
                let text = message(&format!(
                    "<Message nonce=\"a\"><ReasonForContact status=\"{word}\" action=\"{}\">\nreply-to</ReasonForContact>\
                     <ItemList/></Message>",
                    action.as_str()
                ));
                assert_eq!(read(&text).unwrap().reason, Reason::ReplyTo { action, status });
            }
        }
    }

    #[test]
    fn a_message_in_parts_says_that_more_follows() {
        for (at_message, at_reason, more) in
            [("next", "", true), ("", "next", true), ("final", "", false), ("", "", false)]
        {
            let text = message(&format!(
                "<Message nonce=\"a\" fragment=\"{at_message}\"><ReasonForContact action=\"ReadItems\" \
                 status=\"accepted\" fragment=\"{at_reason}\">reply-to</ReasonForContact></Message>"
            ));
            assert_eq!(read(&text).unwrap().more, more, "{at_message} {at_reason}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let told = |text: &str| read(text).unwrap_err().to_string();
        let reason = |attributes: &str, text: &str| {
            told(&message(&format!(
                "<Message nonce=\"a\"><ReasonForContact{attributes}>{text}</ReasonForContact></Message>"
            )))
        };
        assert_eq!(reason("", "bored"), "`bored` is no `ReasonForContact` known here");
        assert_eq!(reason("", "reply-to"), "it has no `action`");
        assert_eq!(reason(" action=\"Restart\"", "reply-to"), "it has no `status`");
        assert_eq!(
            reason(" action=\"Dance\" status=\"busy\"", "reply-to"),
            "`Dance` is no `action` known here"
        );
        assert_eq!(reason(" action=\"Restart\" status=\"?\"", "reply-to"), "`?` is no `status` known here");
        assert_eq!(told(&message("<Message nonce=\" \"/>")), "it has no `nonce`");
        assert_eq!(told(&message("<Message nonce=\"a b\"/>")), "`a b` is no `nonce` known here");
        assert_eq!(told(&message("<Message nonce=\"a\"/>")), "it has no `ReasonForContact`");
        assert_eq!(told(&message("")), "it has no `Message`");
        assert_eq!(told("<DLSMessage/>"), "`DLSMessage` is no `WorkpointMessage`");
        assert!(told("<WorkpointMessage>").starts_with("no XML: "));
        let dtd = "<!DOCTYPE a [<!ENTITY b \"c\">]><WorkpointMessage/>";
        assert!(told(dtd).starts_with("no XML: "), "{}", told(dtd));
        assert_eq!(told(&"<".repeat(LONGEST + 1)), "2097153 bytes are more than any phone sends");
        let index = "<Message nonce=\"a\"><ReasonForContact>status</ReasonForContact><ItemList><Item name=\"x\" \
                     index=\"one\"/></ItemList></Message>";
        assert_eq!(told(&message(index)), "`one` is no `index` known here");
    }

    proptest::proptest! {
        #[test]
        fn no_message_brings_it_down(text in "\\PC{0,200}", reason in "[a-z-]{0,12}", value in "\\PC{0,40}") {
            let _ = read(&text);
            let _ = read(&message(&text));
            let _ = read(&message(&format!(
                "<Message nonce=\"a\"><ReasonForContact>{reason}</ReasonForContact><ItemList><Item name=\"a\">{value}\
                 </Item></ItemList></Message>"
            )));
        }
    }
}
