//! What Unify phones ask a web server for: their image, their configuration file, and whether something is to be done.

use super::spelling::model;
use crate::domain::firmware::Version;
use crate::domain::phone::{Mac, Model};

/// What the file of a phone is called behind its hardware address, where a CP phone is told to look (DMS).
const CONFIG: &str = "_config.xml";

/// The header in which a CP phone tells its hardware address.
pub const MAC_HEADER: &str = "macaddress";

/// A request of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// `/unify/001AE8010203/OS_80_SIP_V1_R4_9_0.img`
    Image {
        /// The phone.
        mac: Mac,
        /// The file.
        file: String,
    },
    /// `001ae8010203_config.xml`: what this phone is to do.
    Config {
        /// The phone.
        mac: Mac,
    },
    /// `000000000000_config.xml`: what a phone without a file of its own is to do.
    AnybodysConfig,
    /// `contact-me?device-id=00:1A:E8:01:02:03`: whether a phone behind address translation is to call (DCMP).
    Poll {
        /// The phone.
        mac: Mac,
    },
}

/// Reads a request; `None` when it is none of a Unify phone's.
pub fn asks(path: &str, query: Option<&str>) -> Option<Asks> {
    if let Some(rest) = path.strip_prefix("/unify/") {
        let (mac, file) = rest.split_once('/')?;
        let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
        if file.is_empty() || file.len() > 128 || file.starts_with('.') || !file.bytes().all(clean) {
            return None;
        }
        return Some(Asks::Image { mac: bare(mac)?, file: file.to_owned() });
    }
    let file = path.rsplit('/').next()?;
    if let Some(mac) = file.strip_suffix(CONFIG) {
        if mac == "000000000000" {
            return Some(Asks::AnybodysConfig);
        }
        return Some(Asks::Config { mac: bare(mac)? });
    }
    if file == "contact-me" {
        let value = query?.split('&').find_map(|pair| pair.strip_prefix("device-id="))?;
        let mac: Mac = value.replace("%3A", ":").replace("%3a", ":").parse().ok()?;
        return some(mac).map(|mac| Asks::Poll { mac });
    }
    None
}

/// The path under which a phone finds its image.
pub fn image_path(mac: Mac, file: &str) -> String {
    format!("/unify/{}/{file}", mac.bare_upper())
}

/// Twelve digits.
fn bare(text: &str) -> Option<Mac> {
    (text.len() == 12).then(|| text.parse().ok()).flatten().and_then(some)
}

fn some(mac: Mac) -> Option<Mac> {
    (mac.octets() != [0; 6]).then_some(mac)
}

/// What the head of a request tells of a CP phone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// Its hardware address: the header `macaddress`.
    pub mac: Option<Mac>,
    /// Its model.
    pub model: Option<Model>,
    /// What it runs.
    pub version: Option<Version>,
}

/// Reads the headers of a request.
///
/// Unify says that model and version are among them, and not under which names: they are known by how their values look,
/// and only where all such values agree.
pub fn head<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Head {
    let (mut mac, mut models, mut versions) = (None, Vec::new(), Vec::new());
    for (name, value) in fields {
        if name.eq_ignore_ascii_case(MAC_HEADER) {
            mac = value.trim().parse().ok().and_then(some);
        } else if value.trim().starts_with("OpenScape Desk Phone ") {
            models.extend(model(value));
        } else if is_version(value.trim()) {
            versions.extend(Version::parse(value.trim()).ok());
        }
    }
    Head { mac, model: only(models), version: only(versions) }
}

/// `V1 R3.8.0`
fn is_version(text: &str) -> bool {
    let digit = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    text.len() <= 40
        && text.strip_prefix('V').is_some_and(digit)
        && text.split_once(" R").is_some_and(|(_, rest)| digit(rest))
}

fn only<T: PartialEq>(values: Vec<T>) -> Option<T> {
    let mut values = values.into_iter();
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac::new([0x00, 0x1a, 0xe8, 0x01, 0x02, 0x03]);

    #[test]
    fn a_request_says_what_a_phone_wants() {
        let file = "OS_80_SIP_V1_R4_9_0.img".to_owned();
        let path = image_path(MAC, &file);
        assert_eq!(path, "/unify/001AE8010203/OS_80_SIP_V1_R4_9_0.img");
        assert_eq!(asks(&path, None), Some(Asks::Image { mac: MAC, file }));
        for path in ["/001AE8010203_config.xml", "/dms/001ae8010203_config.xml"] {
            assert_eq!(asks(path, None), Some(Asks::Config { mac: MAC }), "{path}");
        }
        assert_eq!(asks("/dms/000000000000_config.xml", None), Some(Asks::AnybodysConfig));
        for query in ["device-id=00:1A:E8:01:02:03", "a=b&device-id=00%3A1a%3AE8%3a01%3A02%3A03"] {
            assert_eq!(asks("/dcmp/contact-me", Some(query)), Some(Asks::Poll { mac: MAC }), "{query}");
        }
    }

    #[test]
    fn other_requests_are_not_theirs() {
        for (path, query) in [
            ("/unify/001AE8010203/", None),
            ("/unify/001AE8010203/../x", None),
            ("/unify/001AE8010203/.x", None),
            ("/unify/000000000000/x.img", None),
            ("/unify/001AE801020/x.img", None),
            ("/_config.xml", None),
            ("/00-1a-e8-01-02-03_config.xml", None),
            ("/config.xml", None),
            ("/dcmp/contact-me", None),
            ("/dcmp/contact-me", Some("device-id=me")),
            ("/dcmp/contact-me", Some("device-id=00:00:00:00:00:00")),
            ("/", None),
        ] {
            assert_eq!(asks(path, query), None, "{path}");
        }
    }

    #[test]
    fn the_head_of_a_request_tells_model_and_version_whatever_they_are_called() {
        let read = |fields: &[(&str, &str)]| head(fields.iter().copied());
        let found = read(&[
            ("Host", "192.0.2.5"),
            ("MacAddress", "001ae8010203"),
            ("x-device", "OpenScape Desk Phone CP600"),
            ("x-software", "V1 R3.8.0"),
            ("Accept", "text/xml"),
        ]);
        assert_eq!(found.mac, Some(MAC));
        assert_eq!((found.model, found.version), (Some(Model::new("CP600")), Version::parse("1.3.8").ok()));
        let torn = read(&[("a", "V1 R3.8.0"), ("b", "V1 R3.9.0"), ("macaddress", "000000000000")]);
        assert_eq!(torn, Head::default());
    }

    proptest::proptest! {
        #[test]
        fn no_request_brings_it_down(path in "\\PC{0,60}", tail in "\\PC{0,30}") {
            let _ = asks(&path, Some(&tail));
            let _ = asks(&format!("/unify/{tail}"), None);
            let _ = asks("/contact-me", Some(&format!("device-id={tail}")));
            let _ = head([(path.as_str(), tail.as_str()), ("macaddress", tail.as_str())].into_iter());
        }
    }
}
