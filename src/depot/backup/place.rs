//! Where a phone's stored configurations are on the depot: `/configs/<MAC>/<name>`.

use crate::domain::phone::Mac;

/// The name under which the newest configuration of a phone is read.
pub const LATEST: &str = "latest";

/// What stands before the number of a configuration where it is read by that.
const NUMBERED: &str = "number-";

/// The name under which the configuration of this number is read.
pub fn numbered(number: u64) -> String {
    format!("{NUMBERED}{number}")
}

/// The number in such a name.
pub(super) fn number_in(name: &str) -> Option<u64> {
    name.strip_prefix(NUMBERED)?.parse().ok()
}

/// The longest name.
const LONGEST: usize = 64;

/// The URL at which a phone hands in its configuration (PUT) and is given one back (GET).
///
/// `base` is the depot's own URL. `name` is the place among the phone's configurations; it may hold innovaphone's
/// rolling index, `#b5`, which the device replaces by a number. [`LATEST`] is the newest, for `cfg`.
pub fn url(base: &str, mac: Mac, name: &str) -> String {
    format!("{}/configs/{}/{name}", base.trim_end_matches('/'), mac.bare_upper())
}

/// A path below `/configs/`, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::depot) struct Place<'a> {
    /// The phone whose configurations these are.
    pub mac: Mac,
    /// Which of them.
    pub name: &'a str,
}

/// A path below `/configs/` that is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::depot) enum NoPlace {
    /// It names no phone.
    #[error("configurations lie at /configs/<MAC>/<name>: this path names no phone")]
    NoMac,
    /// What it names cannot be stored.
    #[error("the name of a configuration has 1 to 64 letters, digits, `.`, `-` and `_`, and no `.` in front")]
    NoName,
}

/// Reads a path; `None` when it is none of a configuration.
pub(in crate::depot) fn read(path: &str) -> Option<Result<Place<'_>, NoPlace>> {
    let rest = path.strip_prefix("/configs/")?;
    let read = || {
        let (mac, name) = rest.split_once('/').ok_or(NoPlace::NoMac)?;
        let mac = mac.parse().map_err(|_| NoPlace::NoMac)?;
        let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let good = (1..=LONGEST).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(clean);
        good.then_some(Place { mac, name }).ok_or(NoPlace::NoName)
    };
    Some(read())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf0]);

    #[test]
    fn a_url_leads_back_to_its_place() {
        let url = url("http://192.0.2.5:8480/", MAC, "3");
        assert_eq!(url, "http://192.0.2.5:8480/configs/009033030DF0/3");
        let path = url.strip_prefix("http://192.0.2.5:8480").unwrap();
        assert_eq!(read(path), Some(Ok(Place { mac: MAC, name: "3" })));
    }

    #[test]
    fn a_device_may_write_its_own_mac_as_innovaphone_does() {
        for path in ["/configs/00-90-33-03-0d-f0/3.txt", "/configs/009033030df0/20261128-170130"] {
            assert_eq!(read(path).unwrap().unwrap().mac, MAC, "{path}");
        }
    }

    #[test]
    fn nothing_else_is_a_place() {
        assert_eq!(read("/snom/000413922D24/firmware.xml"), None);
        assert_eq!(read("/configs"), None);
        for path in ["/configs/", "/configs/3", "/configs/IP1200-03-0d-f0/3", "/configs//3"] {
            assert_eq!(read(path), Some(Err(NoPlace::NoMac)), "{path}");
        }
        for name in ["", ".", "..", ".index", "a/b", "%2e%2e", "a b", "a%00", &"x".repeat(65)] {
            assert_eq!(read(&format!("/configs/{MAC}/{name}")), Some(Err(NoPlace::NoName)), "{name}");
        }
    }
}
