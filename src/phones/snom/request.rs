//! Reading the requests of snom phones.

use super::super::Sighting;
use super::super::user_agent::snom_model;
use super::realm::realm_in_path;
use crate::domain::firmware::Version;
use crate::domain::phone::{Mac, Model, Realm, Vendor};

/// What a snom asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// `snomD785.htm` or `snomD785-000413922D24.htm`.
    Settings,
    /// The document that `firmware_status` names.
    FirmwareDocument,
    /// An image named by that document.
    Image {
        /// Its file name.
        file: String,
    },
}

/// A request of a snom, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The phone: from path, query or User-Agent.
    pub mac: Mac,
    /// The model, unless path and User-Agent disagree.
    pub model: Option<Model>,
    /// What it runs, from the User-Agent.
    pub version: Option<Version>,
    /// The realm whose setting server it asks.
    pub realm: Option<Realm>,
    /// What it wants.
    pub asks: Asks,
}

/// A request for one of snom's paths that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Nothing names the phone.
    #[error("the request does not tell its MAC: ask with `?mac={{mac}}` in the setting server's URL")]
    NoMac,
    /// Path, query and User-Agent name different phones.
    #[error("the request names {asked} but comes from {asks}")]
    AnotherPhone {
        /// The MAC of path or query.
        asked: Mac,
        /// The other one.
        asks: Mac,
    },
}

/// Reads a request with what its User-Agent tells; `None` when the path is none of snom's, or the User-Agent is another
/// maker's (or a snom base's).
pub fn visit(
    path: &str,
    query: Option<&str>,
    sighting: Option<&Sighting>,
) -> Option<Result<Request, Unreadable>> {
    let (asks, in_path, model_in_path) = read_path(path)?;
    let in_query = query.and_then(mac_in_query);
    if sighting.is_some_and(|sighting| sighting.vendor != Vendor::SNOM) {
        return None;
    }
    let in_agent = sighting.and_then(|sighting| sighting.mac);
    let mut named = [in_path, in_query, in_agent].into_iter().flatten();
    let Some(mac) = named.next() else {
        return Some(Err(Unreadable::NoMac));
    };
    if let Some(other) = named.find(|other| *other != mac) {
        return Some(Err(Unreadable::AnotherPhone { asked: mac, asks: other }));
    }
    let (model_in_agent, version) =
        sighting.map_or((None, None), |seen| (seen.model.clone(), seen.version.clone()));
    let model = match (model_in_path, model_in_agent) {
        (Some(path), Some(agent)) => (path == agent).then_some(agent),
        (path, agent) => path.or(agent),
    };
    Some(Ok(Request { mac, model, version, realm: realm_in_path(path), asks }))
}

/// The MAC of `mac=…` in a query.
pub fn mac_in_query(query: &str) -> Option<Mac> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("mac="))?;
    value.replace("%3A", ":").replace("%3a", ":").parse().ok()
}

/// Model and version of an image named as snom names it: `snomD785-10.1.198.19-SIP-r.bin`, `snom320-8.7.3.10-SIP-f.bin`.
pub fn image_in_name(file: &str) -> Option<(Model, Version)> {
    let stem = file.strip_suffix("-SIP-r.bin").or_else(|| file.strip_suffix("-SIP-f.bin"))?;
    let (model, version) = stem.strip_prefix("snom")?.split_once('-')?;
    let number = version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    Some((snom_model(model)?, number.then(|| Version::parse(version).ok())??))
}

fn read_path(path: &str) -> Option<(Asks, Option<Mac>, Option<Model>)> {
    if let Some((mac, file)) = path.strip_prefix("/snom/").and_then(|rest| rest.split_once('/')) {
        let mac = bare_mac(mac)?;
        let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
        if file.is_empty() || file.len() > 128 || file.starts_with('.') || !file.bytes().all(clean) {
            return None;
        }
        let asks = match file {
            "firmware.xml" => Asks::FirmwareDocument,
            _ => Asks::Image { file: file.to_owned() },
        };
        return Some((asks, Some(mac), None));
    }
    let stem = path.rsplit('/').next()?.strip_prefix("snom")?.strip_suffix(".htm")?;
    match stem.split_once('-') {
        Some((model, mac)) => Some((Asks::Settings, Some(bare_mac(mac)?), Some(snom_model(model)?))),
        None if stem.is_empty() => Some((Asks::Settings, None, None)),
        None => Some((Asks::Settings, None, Some(snom_model(stem)?))),
    }
}

/// Twelve upper-case digits, as snom writes them in paths.
fn bare_mac(text: &str) -> Option<Mac> {
    let mac: Mac = text.parse().ok()?;
    (mac.bare_upper() == text).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phones::tests::maker;
    use crate::phones::{Makers, generic};

    const D785: &str =
        "Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12-00004-g9ba52f5 000413922D24 SXM:0 UXM:0)";
    const OLD: &str = "Mozilla/4.0 (compatible; snom320-SIP 8.4.18 1.1.3-s)";
    const MAC: Mac = Mac::new([0x00, 0x04, 0x13, 0x92, 0x2d, 0x24]);

    fn visit(path: &str, query: Option<&str>, agent: Option<&str>) -> Option<Result<Request, Unreadable>> {
        super::visit(path, query, agent.and_then(|agent| makers().recognise(agent)).as_ref())
    }

    fn makers() -> Makers {
        let mut makers = Makers::default();
        let pattern = r"\(compatible; snom(?<model>\w+)-SIP (?<version>\S+)(?: \S+ (?<mac>[0-9A-F]{12}))?";
        makers.put(maker("snom", pattern), false);
        makers
    }

    fn asks(path: &str, query: Option<&str>, agent: Option<&str>) -> Request {
        visit(path, query, agent).expect(path).expect(path)
    }

    #[test]
    fn the_settings_are_asked_for_by_model_and_by_mac() {
        let wanted = Request {
            mac: MAC,
            model: Some(Model::new("D785")),
            version: Version::parse("10.1.33.33").ok(),
            realm: None,
            asks: Asks::Settings,
        };
        assert_eq!(asks("/snomD785.htm", None, Some(D785)), wanted);
        assert_eq!(asks("/snomD785-000413922D24.htm", None, Some(D785)), wanted);
        assert_eq!(asks("/prov/snom.htm", Some("mac=000413922D24"), Some(D785)), wanted);
        let old = asks("/snom320.htm", Some("x=1&mac=00%3A04%3a13:92:2D:24"), Some(OLD));
        assert_eq!((old.mac, old.model), (MAC, Some(Model::new("320"))));
    }

    #[test]
    fn documents_and_images_are_asked_for_under_the_mac() {
        assert_eq!(asks("/snom/000413922D24/firmware.xml", None, Some(D785)).asks, Asks::FirmwareDocument);
        let file = "snomD785-10.1.198.19-SIP-r.bin".to_owned();
        let request = asks(&format!("/snom/000413922D24/{file}"), None, None);
        assert_eq!(request.asks, Asks::Image { file });
        assert_eq!((request.mac, request.model), (MAC, None));
    }

    #[test]
    fn a_request_that_contradicts_itself_is_refused() {
        let other = visit("/snomD785-000413922D25.htm", None, Some(D785)).unwrap();
        assert!(matches!(other, Err(Unreadable::AnotherPhone { asks, .. }) if asks == MAC));
        let query = visit("/snomD785-000413922D24.htm", Some("mac=000413922D25"), None).unwrap();
        assert!(matches!(query, Err(Unreadable::AnotherPhone { .. })));
        assert_eq!(visit("/snom320.htm", None, Some(OLD)), Some(Err(Unreadable::NoMac)));
        assert_eq!(asks("/snomD765-000413922D24.htm", None, Some(D785)).model, None, "which is it?");
    }

    #[test]
    fn other_paths_are_not_snoms() {
        for path in [
            "",
            "/",
            "/snomD785.html",
            "/SNOMD785.htm",
            "/snomD785-000413922d24.htm",
            "/snomD785-0004.htm",
            "/snom/000413922D24/",
            "/snom/000413922D24/../x",
            "/snom/000413922D24/a/b",
            "/snom/000413922D24/.x",
            "/snom/000413922D24/%2e%2e",
            "/snom/firmware.xml",
        ] {
            assert_eq!(visit(path, None, Some(D785)), None, "{path}");
        }
    }

    #[test]
    fn an_image_tells_its_model_and_version_by_its_name() {
        let read = |file| image_in_name(file).map(|(m, v)| (m.as_str().to_owned(), v.as_str().to_owned()));
        let both = |m: &str, v: &str| Some((m.to_owned(), v.to_owned()));
        assert_eq!(read("snomD785-10.1.198.19-SIP-r.bin"), both("D785", "10.1.198.19"));
        assert_eq!(read("snom320-8.7.3.10-SIP-f.bin"), both("320", "8.7.3.10"));
        for file in ["snomUXM-2.1.1.bin", "snomD785-SIP-r.bin", "D785-10.1-SIP-r.bin", "snomD785-x-SIP-r.bin"]
        {
            assert_eq!(read(file), None, "{file}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_request_brings_it_down(path in "\\PC{0,60}", tail in "\\PC{0,20}", agent in "\\PC{0,60}") {
            let _ = visit(&path, Some(&tail), Some(&agent));
            let _ = visit(&format!("/snom/000413922D24/{tail}"), None, None);
            let _ = visit(&format!("/snom{tail}.htm"), Some(&format!("mac={path}")), None);
            let seen = makers().recognise(D785).unwrap();
            let _ = generic::visit(&makers(), &path, Some(&tail), seen.clone());
            let _ = generic::visit(&makers(), &format!("/{tail}000413922D24.cfg"), None, seen);
        }
    }
}
