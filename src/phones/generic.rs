//! Requests of phones whose maker's files are not served: they still say who is there.

use super::user_agent::recognise;
use super::{Sighting, snom};
use crate::domain::phone::Mac;

/// A phone asking for its own file, as far as path, query and User-Agent tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFile {
    /// The phone.
    pub mac: Mac,
    /// What its User-Agent tells.
    pub sighting: Sighting,
}

/// Reads a request as one for the phone's own file; `None` unless a phone known here names its MAC in it.
///
/// snom's requests are read by [`snom::visit`]. A MAC in the path that is not the one in the User-Agent makes the
/// request nobody's.
pub fn visit(path: &str, query: Option<&str>, user_agent: Option<&str>) -> Option<OwnFile> {
    let sighting = recognise(user_agent?)?;
    let file = path.rsplit('/').next()?;
    let named = mac_in(file).or_else(|| snom::mac_in_query(query?))?;
    let agrees = sighting.mac.is_none_or(|mac| mac == named);
    agrees.then_some(OwnFile { mac: named, sighting })
}

/// The MAC in a file's name: `0004f2abcdef.cfg`, `cfg0004f2abcdef.xml`, `snomM900-000413B60680.htm`.
fn mac_in(file: &str) -> Option<Mac> {
    let (stem, _) = file.split_once('.')?;
    let at = stem.len().checked_sub(12)?;
    let (prefix, digits) = (stem.get(..at)?, stem.get(at..)?);
    let plain = matches!(prefix, "" | "cfg" | "Config" | "SIP");
    let base = prefix.starts_with("snom") && prefix.ends_with('-');
    let mac: Mac = (plain || base).then(|| digits.parse().ok())??;
    (mac.octets() != [0; 6]).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEALINK: &str = "Yealink SIP-T46G 28.82.0.20 44:db:d2:bd:b5:69";

    #[test]
    fn a_phone_that_asks_for_its_own_file_is_known() {
        let own = visit("/prov/44dbd2bdb569.cfg", None, Some(YEALINK)).unwrap();
        assert_eq!(own.mac.to_string(), "44:db:d2:bd:b5:69");
        assert_eq!(own.sighting.vendor.as_str(), "yealink");
        let grandstream = "Grandstream Model HW GXP1628 SW 1.0.4.138 DevId c074ad2bd859";
        assert!(visit("/cfgc074ad2bd859.xml", None, Some(grandstream)).is_some());
        let base = "Mozilla/4.0 (compatible; Snom M900 05.20.0001 000413b60680)";
        assert!(visit("/snomM900-000413B60680.htm", None, Some(base)).is_some());
        let unnamed = "PolycomVVX-VVX_400-UA/4.1.4.7430";
        assert_eq!(
            visit("/0004f2abcdef.cfg", None, Some(unnamed)).unwrap().mac.to_string(),
            "00:04:f2:ab:cd:ef"
        );
    }

    #[test]
    fn a_file_for_everybody_or_of_somebody_else_is_nobodys() {
        for path in ["/y000000000028.cfg", "/000000000000.cfg", "/44dbd2bdb570.cfg", "/", "", "/44dbd2bdb569"]
        {
            assert_eq!(visit(path, None, Some(YEALINK)), None, "{path}");
        }
        assert_eq!(visit("/44dbd2bdb569.cfg", None, Some("curl/7.88.1")), None);
        assert_eq!(visit("/44dbd2bdb569.cfg", None, None), None);
    }
}
