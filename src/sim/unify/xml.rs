//! As much XML as a phone needs: it writes its messages, and finds words in those it gets.

/// One item of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Its name.
    pub name: String,
    /// Which one of the name.
    pub index: Option<u32>,
    /// What it says.
    pub value: String,
}

impl Item {
    /// One without an index.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), index: None, value: value.to_owned() }
    }
}

/// What a service told a phone to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub nonce: String,
    pub action: String,
    pub items: Vec<Item>,
}

impl Told {
    /// What an item says.
    pub fn item(&self, name: &str) -> Option<&str> {
        self.items.iter().find(|item| item.name == name).map(|item| item.value.as_str())
    }

    /// What an item of this index says.
    pub fn at(&self, name: &str, index: Option<u32>) -> Option<&str> {
        let found = self.items.iter().find(|item| item.name == name && item.index == index)?;
        Some(&found.value)
    }
}

/// Reads a `DLSMessage`; a phone is content with what it finds.
pub(super) fn read(text: &str) -> Option<Told> {
    let message = tag(text, "Message")?;
    let action = unescaped(between(text, "<Action>", "</Action>")?.trim());
    let mut items = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("<Item ") {
        rest = &rest[at..];
        let end = rest.find('>')?;
        let head = &rest[..end];
        let name = attribute(head, "name")?;
        let value = if head.ends_with('/') { "" } else { rest[end + 1..].split("</Item>").next()? };
        let index = attribute(head, "index").and_then(|text| text.parse().ok());
        items.push(Item { name, index, value: unescaped(value.trim()) });
        rest = &rest[end..];
    }
    Some(Told { nonce: attribute(message, "nonce").unwrap_or_default(), action, items })
}

/// A `WorkpointMessage`.
pub(super) fn message(
    nonce: &str,
    more: Option<bool>,
    reason: &str,
    reply: Option<(&str, &str)>,
    items: &[Item],
) -> String {
    let fragment = match more {
        Some(true) => " fragment=\"next\"",
        Some(false) => " fragment=\"final\"",
        None => "",
    };
    let reply = reply
        .map_or_else(String::new, |(action, status)| format!(" status=\"{status}\" action=\"{action}\""));
    let items: String = items
        .iter()
        .map(|Item { name, index, value }| {
            let index = index.map_or_else(String::new, |index| format!(" index=\"{index}\""));
            format!("<Item name=\"{name}\"{index}>{}</Item>\n", escaped(value))
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<WorkpointMessage\nxmlns=\"http://www.siemens.com/DLS\"\n\
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"\nxsi:schemaLocation=\"http://www.siemens.com/DLS\">\n\
         <Message nonce=\"{nonce}\" maxItems=\"-1\"{fragment}>\n<ReasonForContact{reply}>{reason}</ReasonForContact>\n\
         <ItemList>\n{items}</ItemList>\n</Message>\n</WorkpointMessage>\n"
    )
}

fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let opening = format!("<{name}");
    let (at, _) = text
        .match_indices(&opening)
        .find(|(at, _)| text[at + opening.len()..].starts_with([' ', '>', '\n', '\t']))?;
    text[at..].split('>').next()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
    Some(unescaped(value))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split(after).next()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_found_in_its_document() {
        let told = read(
            "<DLSMessage a=\"b\"><Message nonce=\"A1\"><Action>SoftwareDeployment</Action><ItemList>\
             <Item name=\"file-pwd\">a&lt;b</Item><Item name=\"empty\"/><Item name=\"x\" index=\"1\">y</Item>\
             </ItemList></Message></DLSMessage>",
        )
        .unwrap();
        assert_eq!((told.nonce.as_str(), told.action.as_str()), ("A1", "SoftwareDeployment"));
        assert_eq!(
            (told.item("file-pwd"), told.item("empty"), told.item("x")),
            (Some("a<b"), Some(""), Some("y"))
        );
        assert_eq!((told.items[0].index, told.items[2].index), (None, Some(1)));
        assert_eq!(read("<html>"), None);
    }
}
