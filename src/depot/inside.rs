//! What Unify images say of themselves, by their names and inside, against what their manifest says.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::domain::firmware::{Handling, Image, Part, Version};
use crate::domain::phone::{Model, Vendor};
use crate::phones::unify::image::{HEAD, TAIL, inside};
use crate::phones::unify::spelling::{Protocol, named};

/// Tells where name or content of an image contradict its manifest.
pub(super) fn contradictions(image: &Image, path: &Path, wrong: &mut dyn FnMut(&str, String, &str)) {
    if let Some(named) = named(&image.file) {
        compare(image, "the file's name", Some(&named.model), named.protocol, &named.version, wrong);
    }
    if let Some(found) = look(path) {
        compare(image, "the file itself", found.model.as_ref(), found.protocol, &found.version, wrong);
    }
}

/// Whether phones that compare images with their hardware find nothing about it in the manifest.
pub(super) fn says_nothing_of_hardware(image: &Image) -> bool {
    let Handling { overrides, .. } = image.handling;
    image.vendor == Vendor::UNIFY && image.part == Part::Firmware && image.hardware.is_empty() && !overrides
}

fn compare(
    image: &Image,
    who: &str,
    model: Option<&Model>,
    protocol: Protocol,
    version: &Version,
    wrong: &mut dyn FnMut(&str, String, &str),
) {
    if *version != image.version {
        wrong("image.version", format!("{who} says {version}"), "make file and manifest agree");
    }
    if let Some(model) = model.filter(|model| image.models != [(*model).clone()]) {
        let hint = "its phones reject it: make file and manifest agree";
        wrong("image.models", format!("{who} says {model}"), hint);
    }
    if protocol != Protocol::Sip {
        let message = format!("{who} says {}", protocol.software_type());
        wrong("image.file", message, "phones that run it speak no SIP any more: take the image for SIP");
    }
}

fn look(path: &Path) -> Option<crate::phones::unify::image::Inside> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let (mut head, mut tail) = (vec![0; HEAD], vec![0; TAIL]);
    if length < (HEAD + TAIL) as u64 {
        return None;
    }
    file.read_exact(&mut head).ok()?;
    file.seek(SeekFrom::Start(length - TAIL as u64)).ok()?;
    file.read_exact(&mut tail).ok()?;
    inside(&head, &tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(file: &str, version: &str, models: &[&str]) -> Vec<String> {
        let image = Image {
            file: file.into(),
            part: Part::Firmware,
            vendor: Vendor::UNIFY,
            models: models.iter().map(|model| Model::new(*model)).collect(),
            version: Version::parse(version).unwrap(),
            sha256: String::new(),
            size: 0,
            from_at_least: None,
            from_at_most: None,
            hardware: vec![],
            handling: Handling::default(),
        };
        let mut found = Vec::new();
        contradictions(&image, Path::new("nowhere"), &mut |key, message, _| {
            found.push(format!("{key}: {message}"))
        });
        found
    }

    #[test]
    fn a_name_that_says_something_else_is_told() {
        let file = "OS_80_SIP_V1_R4_9_0.img";
        assert_eq!(said(file, "V1 R4.9.0", &["OpenStage 80"]), [""; 0]);
        assert_eq!(said(file, "1.5", &["OpenStage 80"]), ["image.version: the file's name says V1 R4.9.0"]);
        assert_eq!(
            said(file, "1.4.9", &["OpenStage 60", "OpenStage 80"]),
            ["image.models: the file's name says OpenStage 80"]
        );
        assert_eq!(
            said("OS_80_HFA_V1_R4_9_0.img", "1.4.9", &["OpenStage 80"]),
            ["image.file: the file's name says Siemens HFA"]
        );
        assert_eq!(said("image.img", "1.4.9", &["OpenStage 80"]), [""; 0]);
    }

    #[test]
    fn the_file_itself_is_looked_into() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.img");
        let mut bytes = vec![0; 0x20];
        bytes.extend(b"OpenStage_40\0\0V3 R5.12.0\0");
        bytes.resize(2000, 0);
        bytes.extend(b"OpenStage 40\0\x01\x02Siemens SIP\0");
        bytes.resize(2000 + TAIL, 0);
        std::fs::write(&path, &bytes).unwrap();
        let found = look(&path).unwrap();
        assert_eq!((found.model.unwrap().as_str(), found.version.as_str()), ("OpenStage 40", "V3 R5.12.0"));
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(look(&path), None);
    }
}
