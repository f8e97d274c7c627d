//! The ways in which phones of a maker are asked, as its profile's author wrote them.

use crate::config::raw::Complaint;
use crate::config::table::Table;
use crate::domain::trip::{Notice, Trigger, Way, placeholder};

/// NOTIFYs must stay below 1300 bytes (RFC 3261, 18.1.1), and their heads take some.
const LONGEST_BODY: usize = 800;

/// The keys of which each way has exactly one.
const WAYS: [&str; 4] = ["event", "web", "contact_me", "poll"];

/// All ways of this key, in their order.
pub(super) fn read(top: &Table<'_>, key: &str) -> Vec<Trigger> {
    top.tables(key).iter().filter_map(way).collect()
}

fn way(table: &Table<'_>) -> Option<Trigger> {
    let only = table.one_of(&WAYS, "an event is written `event = \"check-sync;reboot=true\"`");
    let notice = notice(table);
    let path = table.read("web", path);
    let (contact_me, poll) = (table.yes("contact_me"), table.yes("poll"));
    let waits_for_idle = table.flag("waits_for_idle").unwrap_or(false);
    let may_wait = table.flag("may_wait").unwrap_or(false);
    if may_wait && waits_for_idle {
        table.error_at(
            "may_wait",
            Complaint::new(
                "`may_wait` has no effect beside `waits_for_idle`",
                "keep the one that the maker documents",
            ),
        );
    }
    let way = match only? {
        "event" => Way::Notify(notice?),
        "web" => Way::Web { path: path?.value },
        "contact_me" => {
            contact_me?;
            Way::ContactMe
        }
        _ => {
            poll?;
            Way::Poll
        }
    };
    Some(Trigger { way, waits_for_idle, may_wait })
}

fn path(text: &str) -> Result<String, Complaint> {
    let clean = |c: char| c.is_ascii_graphic() && !"\"<>#\\^`{|}".contains(c);
    if !text.starts_with('/') || text.len() > 200 || !text.chars().all(clean) {
        return Err(Complaint::new(
            format!("`{text}` is no path at a phone's web server"),
            "write path and query: `/advanced_update.htm?reboot=Reboot`",
        ));
    }
    Ok(text.to_owned())
}

/// The event of a NOTIFY, and its body.
fn notice(table: &Table<'_>) -> Option<Notice> {
    let event = table.read("event", |text| {
        let clean = |c: char| c.is_ascii_alphanumeric() || "-_.;=".contains(c);
        if text.is_empty() || text.len() > 100 || !text.chars().all(clean) {
            return Err(Complaint::new(
                format!("`{text}` is no value of `Event:`"),
                "a name and perhaps parameters: `check-sync;reboot=true`",
            ));
        }
        Ok(text.to_owned())
    });
    let kind = table.read("content_type", |text| {
        let clean = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
        match text.split_once('/') {
            Some((kind, sub))
                if !kind.is_empty() && !sub.is_empty() && format!("{kind}{sub}").chars().all(clean) =>
            {
                Ok(text.to_owned())
            }
            _ => Err(Complaint::new(format!("`{text}` is no content type"), "write it as `text/plain`")),
        }
    });
    let body = table.read("body", body);
    let both = match (table.has("content_type"), table.has("body")) {
        (true, false) => {
            table.error_at(
                "content_type",
                Complaint::new(
                    "`content_type` has no effect without `body`",
                    "leave it out, or write the body",
                ),
            );
            None
        }
        (false, true) => {
            table.error_at(
                "body",
                Complaint::new(
                    "a `body` needs a `content_type`",
                    "say what it is: `content_type = \"text/plain\"`",
                ),
            );
            None
        }
        (_, _) => kind.zip(body).map(|(kind, body)| (kind.value, body.value)),
    };
    Some(Notice { event: event?.value, body: both })
}

fn body(text: &str) -> Result<String, Complaint> {
    let sent = text.replace("\r\n", "\n").replace('\n', "\r\n");
    if sent.is_empty() || sent.len() > LONGEST_BODY {
        return Err(Complaint::new(
            format!("a body has 1 to {LONGEST_BODY} bytes, this one {}", sent.len()),
            "a NOTIFY must fit into one packet",
        ));
    }
    if sent.chars().any(|c| c.is_control() && !"\r\n\t".contains(c)) {
        return Err(Complaint::new("this body holds what is no text", "only lines of text are sent"));
    }
    if let Some(name) = placeholder::unknown(&sent) {
        return Err(Complaint {
            message: format!("`{{{name}}}` is nothing that a body is filled with"),
            near: crate::config::keys::nearest(name, placeholder::PLACES),
            hint: Some(format!("there is `{{{}}}`", placeholder::PLACES.join("}`, `{"))),
        });
    }
    Ok(sent)
}
