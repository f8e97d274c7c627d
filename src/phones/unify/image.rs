//! What an OpenStage image says of itself inside.
//!
//! No document of Unify's describes the file. The layout is what public tools read from images of the OpenStage 40: a
//! device and a version in the head, a device and a software type 296 bytes before the end. Where the hardware level
//! lies is not known: it is the manifest's to say. Whatever does not look so tells nothing.

use super::spelling::{Protocol, model};
use crate::domain::firmware::Version;
use crate::domain::phone::Model;

/// So many bytes of the beginning are looked at.
pub const HEAD: usize = 512;

/// So many bytes of the end are looked at.
pub const TAIL: usize = 0x128;

/// What stands in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// The model it is for, where it is told.
    pub model: Option<Model>,
    /// What it speaks.
    pub protocol: Protocol,
    /// What it brings.
    pub version: Version,
}

/// Looks into an image, of which these are the first [`HEAD`] and the last [`TAIL`] bytes.
pub fn inside(head: &[u8], tail: &[u8]) -> Option<Inside> {
    let (_, rest) = word(head.get(0x20..)?)?;
    let padding = rest.iter().take_while(|byte| **byte == 0).count();
    let (version, _) = word(rest.get(padding..)?)?;
    let last = tail.get(tail.len().checked_sub(TAIL)?..)?;
    let (device, rest) = word(last)?;
    let (kind, _) = word(rest.get(2..)?)?;
    // A word that nobody would write by accident: without it this is no such image.
    let protocol = Protocol::of(kind)?;
    Some(Inside { model: model(device), protocol, version: Version::parse(version).ok()? })
}

/// A text up to its NUL, and what follows that.
fn word(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
    text.bytes().all(|b| b.is_ascii_graphic() || b == b' ').then_some((text, bytes.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(version: &str, device: &str, kind: &str) -> Vec<u8> {
        let mut bytes = vec![7; 0x20];
        bytes.extend(b"OpenStage_40\0\0\0\0");
        bytes.extend(version.as_bytes());
        bytes.resize(4096, 0);
        let mut tail = device.as_bytes().to_vec();
        tail.extend([0, 1, 2]);
        tail.extend(kind.as_bytes());
        tail.resize(TAIL, 0);
        bytes.extend(tail);
        bytes
    }

    fn look(bytes: &[u8]) -> Option<Inside> {
        inside(&bytes[..HEAD.min(bytes.len())], &bytes[bytes.len().saturating_sub(TAIL)..])
    }

    #[test]
    fn an_image_tells_what_it_is() {
        let found = look(&image("V3 R5.12.0", "OpenStage 40", "Siemens SIP")).unwrap();
        assert_eq!(found.model, Some(Model::new("OpenStage 40")));
        assert_eq!((found.protocol, found.version), (Protocol::Sip, Version::parse("3.5.12").unwrap()));
    }

    #[test]
    fn what_does_not_look_so_tells_nothing() {
        assert_eq!(look(&image("V3 R5.12.0", "OpenStage 40", "Somebody's SIP")), None);
        assert_eq!(look(&image("new", "OpenStage 40", "Siemens SIP")), None);
        assert_eq!(look(b"too short"), None);
        assert_eq!(look(&[0; 4096]), None);
        assert_eq!(look(&[0xff; 4096]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_file_brings_it_down(head in proptest::collection::vec(0_u8.., 0..600), tail in proptest::collection::vec(0_u8.., 0..400)) {
            let _ = inside(&head, &tail);
        }
    }
}
