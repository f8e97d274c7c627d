//! Requests of phones whose maker's files are not served: they still say who is there.

use super::{Makers, Sighting, snom};
use crate::domain::phone::Mac;

/// A phone asking for its own file, as far as path, query and User-Agent tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFile {
    /// The phone.
    pub mac: Mac,
    /// What its User-Agent tells.
    pub sighting: Sighting,
}

/// How a maker names a phone's own file: `{mac}.cfg`, `snom{model}-{mac}.htm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

/// A name that is not one phone's alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFileName {
    /// It is a file for many phones.
    #[error("`{0}` names no phone: the file of one phone has its `{{mac}}` in its name")]
    NoMac(String),
    /// It is no name of a file.
    #[error("`{0}` is no name of a file")]
    NoName(String),
}

impl FileName {
    /// Reads a name with `{mac}` in it, and `{model}` before that if need be.
    pub fn new(text: &str) -> Result<Self, BadFileName> {
        let Some((before, after)) = text.split_once("{mac}") else {
            return Err(BadFileName::NoMac(text.to_owned()));
        };
        let rest = format!("{}{after}", before.replacen("{model}", "", 1));
        let clean = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.len() > 80 || !rest.chars().all(clean) {
            return Err(BadFileName::NoName(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// As it is written in a profile.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The MAC in a file of such a name.
    fn mac_in(&self, file: &str) -> Option<Mac> {
        let (before, after) = self.0.split_once("{mac}")?;
        let stem = file.strip_suffix(after)?;
        let at = stem.len().checked_sub(12)?;
        let (prefix, digits) = (stem.get(..at)?, stem.get(at..)?);
        let fits = match before.split_once("{model}") {
            Some((head, tail)) => prefix
                .strip_prefix(head)
                .and_then(|rest| rest.strip_suffix(tail))
                .is_some_and(|model| !model.is_empty()),
            None => prefix == before,
        };
        let mac: Mac = fits.then(|| digits.parse().ok())??;
        (mac.octets() != [0; 6]).then_some(mac)
    }
}

/// Reads a request as one for the phone's own file; `None` unless a phone known here names its MAC in it.
///
/// snom's requests are read by [`snom::visit`]. A MAC in the path that is not the one in the User-Agent makes the
/// request nobody's.
pub fn visit(makers: &Makers, path: &str, query: Option<&str>, sighting: Sighting) -> Option<OwnFile> {
    let file = path.rsplit('/').next()?;
    let names = &makers.known(&sighting.vendor)?.own_files;
    let in_name = names.iter().find_map(|name| name.mac_in(file));
    let named = in_name.or_else(|| snom::mac_in_query(query?))?;
    let agrees = sighting.mac.is_none_or(|mac| mac == named);
    agrees.then_some(OwnFile { mac: named, sighting })
}

/// Whose own file this is, by its name alone: over TFTP nobody says who he is. `None` when makers would read different
/// phones from it.
pub fn owner(makers: &Makers, file: &str) -> Option<Mac> {
    let mut named = makers.all().flat_map(|maker| &maker.own_files).filter_map(|name| name.mac_in(file));
    let mac = named.next()?;
    named.all(|other| other == mac).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_name(name: &str, file: &str) -> Option<String> {
        FileName::new(name).unwrap().mac_in(file).map(|mac| mac.bare_upper())
    }

    #[test]
    fn a_name_tells_whose_file_it_is() {
        let found = |name, file| assert!(in_name(name, file).is_some(), "{name} {file}");
        found("{mac}.cfg", "44dbd2bdb569.cfg");
        found("cfg{mac}.xml", "cfgc074ad2bd859.xml");
        found("SEP{mac}.cnf.xml", "SEP0004F2ABCDEF.cnf.xml");
        found("snom{model}-{mac}.htm", "snomM900-000413B60680.htm");
        assert_eq!(in_name("{mac}.cfg", "44dbd2bdb569.cfg").unwrap(), "44DBD2BDB569");
        for file in ["y000000000028.cfg", "000000000000.cfg", "44dbd2bdb569", "44dbd2bdb569.xml", "", ".cfg"]
        {
            assert_eq!(in_name("{mac}.cfg", file), None, "{file}");
        }
        assert_eq!(in_name("snom{model}-{mac}.htm", "snom-000413B60680.htm"), None);
    }

    #[test]
    fn a_file_without_a_user_agent_tells_its_owner_where_makers_agree() {
        let mut makers = Makers::default();
        for (vendor, name) in [("acme", "{mac}.cfg"), ("globex", "SEP{mac}.cnf.xml"), ("other", "{mac}.cfg")]
        {
            let profile = crate::phones::tests::maker(vendor, "^Xylophone");
            let own_files = vec![FileName::new(name).unwrap()];
            makers.put(super::super::Profile { own_files, ..profile }, false);
        }
        let owner = |file| owner(&makers, file).map(|mac| mac.bare_upper());
        assert_eq!(owner("SEP0004F2ABCDEF.cnf.xml").as_deref(), Some("0004F2ABCDEF"));
        assert_eq!(owner("44dbd2bdb569.cfg").as_deref(), Some("44DBD2BDB569"));
        assert_eq!((owner("y000000000028.cfg"), owner("44dbd2bdb569.xml")), (None, None));
    }

    #[test]
    fn a_name_for_everybody_is_refused() {
        assert_eq!(FileName::new("aastra.cfg"), Err(BadFileName::NoMac("aastra.cfg".into())));
        for name in ["{mac}/x", "{mac}{mac}.cfg", "{mac}{model}.cfg", "{model}{model}{mac}", "a b{mac}"] {
            assert!(matches!(FileName::new(name), Err(BadFileName::NoName(_))), "{name}");
        }
    }
}
