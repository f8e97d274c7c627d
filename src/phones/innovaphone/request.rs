//! Reading the requests of innovaphones: polls of the update script, and the files that a script names.

use super::poll::Poll;
use super::product::Product;
use super::url::Meta;
use crate::domain::phone::Mac;

/// The folder of the depot that is innovaphones'. An update URL is this, with or without a slash at its end, or a
/// script in it, whatever its extension.
pub const FOLDER: &str = "/innovaphone";

/// What an innovaphone asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// What it is to do: the update script.
    Script,
    /// A file that a script named.
    File {
        /// Its name.
        file: String,
    },
}

/// A request of an innovaphone, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The phone: from query or path.
    pub mac: Mac,
    /// Its product, where query or path tell.
    pub product: Option<Product>,
    /// What else it tells of itself.
    pub poll: Poll,
    /// What it wants.
    pub asks: Asks,
}

/// A request in the folder of innovaphones that cannot be served as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A poll that does not name the phone: it is told an update URL that does.
    #[error("the poll does not tell its MAC: the update URL needs `sn=#m`")]
    Anonymous,
    /// It names two phones.
    #[error("the request names {asked} and {asks}")]
    AnotherPhone {
        /// One of them.
        asked: String,
        /// The other one.
        asks: String,
    },
}

/// Reads a request; `None` when the path is none of innovaphones'.
pub fn visit(path: &str, query: Option<&str>) -> Option<Result<Request, Unreadable>> {
    let rest = path.strip_prefix(FOLDER)?;
    let parts: Vec<&str> = match rest.strip_prefix('/') {
        Some(rest) => rest.split('/').collect(),
        None if rest.is_empty() => vec![""],
        None => return None,
    };
    let (named, file) = match parts.as_slice() {
        [file] => (None, *file),
        [named, file] => (Some(Named::read(named)?), *file),
        _ => return None,
    };
    let mut poll = query.map(Poll::read).unwrap_or_default();
    let in_name = match read_script(file) {
        Some(in_name) => in_name,
        None => {
            let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
            let good = file.len() <= 128 && !file.starts_with('.') && file.bytes().all(clean);
            // Files are asked for under the phone's own MAC alone.
            let (Some(Named::Mac(mac)), true) = (named, good) else { return None };
            let asks = Asks::File { file: file.to_owned() };
            return Some(Ok(Request { mac, product: poll.product.clone(), poll, asks }));
        }
    };
    match named {
        Some(Named::Number(number)) if poll.number.is_none() => poll.number = Some(number),
        Some(Named::Mac(mac)) => {
            if let Some(told) = poll.mac.filter(|told| *told != mac) {
                return Some(Err(another(mac, told)));
            }
            poll.mac = Some(mac);
        }
        Some(Named::Number(_)) | None => {}
    }
    Some(whose(poll, in_name))
}

fn whose(poll: Poll, in_name: Option<Product>) -> Result<Request, Unreadable> {
    let mac = poll.mac.ok_or(Unreadable::Anonymous)?;
    if poll.contradicts_itself() {
        return Err(another(mac, poll.number.unwrap_or_default()));
    }
    let product = match (poll.product.clone(), in_name) {
        (Some(told), Some(named)) if told != named => return Err(another(named, told)),
        (told, named) => told.or(named),
    };
    Ok(Request { mac, product, poll, asks: Asks::Script })
}

fn another(asked: impl ToString, asks: impl ToString) -> Unreadable {
    Unreadable::AnotherPhone { asked: asked.to_string(), asks: asks.to_string() }
}

/// A folder that names a phone: what `#m` or `#h` of an update URL became, or the bare MAC of a script's own URLs.
enum Named {
    Mac(Mac),
    Number(String),
}

impl Named {
    fn read(text: &str) -> Option<Self> {
        let mac = || text.parse().ok().map(Self::Mac);
        mac().or_else(|| Meta::Number.takes(text).then(|| Self::Number(text.to_owned())))
    }
}

/// A script, by the last part of a path, and the product in its name. A device completes a slash by
/// `update-<product>.htm`; `update` alone is what sipherd has phones ask for.
fn read_script(file: &str) -> Option<Option<Product>> {
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    if stem.is_empty() && file.is_empty() || stem.eq_ignore_ascii_case("update") {
        return Some(None);
    }
    Product::of_script(file).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf0]);
    const SN: &str = "sn=00-90-33-03-0d-f0";

    fn asks(path: &str, query: &str) -> Request {
        visit(path, Some(query)).expect(path).expect(path)
    }

    #[test]
    fn a_script_is_asked_for_under_any_of_its_names() {
        for (path, product) in [
            ("/innovaphone", None),
            ("/innovaphone/", None),
            ("/innovaphone/update", None),
            ("/innovaphone/update.htm", None),
            ("/innovaphone/update-ip222.htm", Some("IP222")),
            ("/innovaphone/update-ip222.txt", Some("IP222")),
            ("/innovaphone/update-ip222", Some("IP222")),
            ("/innovaphone/UPDATE-IP222.HTM", Some("IP222")),
            ("/innovaphone/009033030DF0/update-ip222.htm", Some("IP222")),
            ("/innovaphone/IP222-03-0d-f0/", None),
        ] {
            let request = asks(path, SN);
            assert_eq!((request.mac, request.asks), (MAC, Asks::Script), "{path}");
            assert_eq!(request.product, product.and_then(Product::new), "{path}");
        }
        let in_path = visit("/innovaphone/00-90-33-03-0d-f0/", None).unwrap().unwrap();
        assert_eq!((in_path.mac, in_path.asks), (MAC, Asks::Script));
        assert_eq!(asks("/innovaphone/", &format!("{SN}&type=IP232")).product, Product::new("IP232"));
    }

    #[test]
    fn files_are_asked_for_under_the_mac() {
        let request = visit("/innovaphone/009033030DF0/ip222.bin", None).unwrap().unwrap();
        assert_eq!((request.mac, request.asks), (MAC, Asks::File { file: "ip222.bin".into() }));
    }

    #[test]
    fn a_poll_that_names_nobody_is_told_how_to() {
        for path in ["/innovaphone", "/innovaphone/update-ip222.htm", "/innovaphone/IP222-03-0d-f0/"] {
            assert_eq!(visit(path, Some("ver=1&PROT=")), Some(Err(Unreadable::Anonymous)), "{path}");
        }
    }

    #[test]
    fn a_request_that_names_two_phones_is_refused() {
        for (path, query) in [
            ("/innovaphone/009033030DF1/update", SN),
            ("/innovaphone/update", "sn=00-90-33-03-0d-f0&hwid=IP222-03-0d-f1"),
            ("/innovaphone/IP222-03-0d-f1/update", SN),
            ("/innovaphone/update-ip222.htm", "sn=00-90-33-03-0d-f0&type=IP232"),
        ] {
            let read = visit(path, Some(query)).unwrap();
            assert!(matches!(read, Err(Unreadable::AnotherPhone { .. })), "{path}?{query}: {read:?}");
        }
    }

    #[test]
    fn other_paths_are_not_innovaphones() {
        for path in [
            "",
            "/",
            "/innovaphones",
            "/innovaphone/ip222.bin",
            "/innovaphone/IP222-03-0d-f0/ip222.bin",
            "/innovaphone/009033030DF0/../x",
            "/innovaphone/009033030DF0/.x",
            "/innovaphone/x/update",
            "/innovaphone/009033030DF0/a/update",
        ] {
            assert_eq!(visit(path, Some(SN)), None, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_request_brings_it_down(path in "\\PC{0,40}", query in "\\PC{0,60}") {
            let _ = visit(&format!("{FOLDER}{path}"), Some(&query));
            let _ = visit(&format!("{FOLDER}/{path}/update-{query}"), Some(&format!("sn={path}&hwid={query}")));
        }
    }
}
