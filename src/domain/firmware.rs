//! Firmware: images, releases, and whether an image fits a phone.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::phone::{Hardware, Model, Phone, Vendor};
pub use super::version::{NotAVersion, Version};

/// Which part of a phone an image is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The firmware: what a phone names as its version.
    #[default]
    Firmware,
    /// The boot code that starts it (innovaphone).
    Boot,
    /// The radio code of a DECT device (innovaphone `bmc`).
    Radio,
    /// The expansion module at its side (snom UXM and D7C).
    Module,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Firmware, Self::Boot, Self::Radio, Self::Module];

    /// The word of a manifest.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Firmware => "firmware",
            Self::Boot => "boot",
            Self::Radio => "radio",
            Self::Module => "module",
        }
    }

    /// Reads the word of a manifest.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One firmware file of a release, as its manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The file's name, case exact, without a folder.
    pub file: String,
    /// Which part of a phone it is for.
    #[serde(default)]
    pub part: Part,
    /// Its maker.
    pub vendor: Vendor,
    /// The models it is made for, exactly as the phones report them.
    pub models: Vec<Model>,
    /// The version a phone reports of this part once it runs this image.
    pub version: Version,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Length of the file in bytes.
    pub size: u64,
    /// The oldest version a phone may come from; older ones need a stepping stone first.
    pub from_at_least: Option<Version>,
    /// The newest version a phone may come from (a downgrade ban for those above).
    pub from_at_most: Option<Version>,
    /// The hardware levels or revisions it runs on; empty means the maker names none.
    pub hardware: Vec<Hardware>,
}

/// A named set of images, at most one per vendor, model and part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The name policies use.
    pub name: String,
    /// Its images.
    pub images: Vec<Image>,
}

impl Release {
    /// The firmware made for this phone's vendor and model, if there is one.
    pub fn image_for(&self, phone: &Phone) -> Option<&Image> {
        self.part_for(Part::Firmware, phone)
    }

    /// The same for any part.
    pub fn part_for(&self, part: Part, phone: &Phone) -> Option<&Image> {
        let (vendor, model) = (phone.vendor.as_ref()?, phone.model.as_ref()?);
        let made_for = |image: &&Image| image.vendor == *vendor && image.models.contains(model);
        self.images.iter().filter(|image| image.part == part).find(made_for)
    }
}

/// Why an image must not be offered to a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "misfit", rename_all = "kebab-case")]
pub enum Misfit {
    /// The phone's maker, model or version has not been seen yet.
    #[error("the phone's {what} is not known yet")]
    Unknown {
        /// `vendor`, `model`, `version` or `hardware level`.
        what: String,
    },
    /// Made by somebody else.
    #[error("image is for {image}, the phone is a {phone}")]
    Vendor {
        /// The image's vendor.
        image: Vendor,
        /// The phone's vendor.
        phone: Vendor,
    },
    /// Made for other models.
    #[error("image is not for model {phone}")]
    Model {
        /// The phone's model.
        phone: Model,
    },
    /// Not made for this hardware level.
    #[error("image does not run on hardware level {phone}")]
    Hardware {
        /// The phone's level.
        phone: Hardware,
    },
    /// The phone is too old to go there in one step.
    #[error("needs {needs} first, the phone runs {runs}")]
    SteppingStone {
        /// The oldest version the image accepts.
        needs: Version,
        /// What the phone runs.
        runs: Version,
    },
    /// The phone is too new: the maker forbids this downgrade.
    #[error("no way back from {runs}: the image accepts phones up to {up_to}")]
    Downgrade {
        /// The newest version the image accepts.
        up_to: Version,
        /// What the phone runs.
        runs: Version,
    },
}

/// Whether this image may be offered to this phone; what is unknown does not fit.
pub fn fits(image: &Image, phone: &Phone) -> Result<(), Misfit> {
    let unknown = |what: &str| Misfit::Unknown { what: what.to_owned() };
    let vendor = phone.vendor.as_ref().ok_or_else(|| unknown("vendor"))?;
    if image.vendor != *vendor {
        return Err(Misfit::Vendor { image: image.vendor.clone(), phone: vendor.clone() });
    }
    let model = phone.model.as_ref().ok_or_else(|| unknown("model"))?;
    if !image.models.contains(model) {
        return Err(Misfit::Model { phone: model.clone() });
    }
    if !image.hardware.is_empty() {
        let hardware = phone.hardware.as_ref().ok_or_else(|| unknown("hardware level"))?;
        if !image.hardware.contains(hardware) {
            return Err(Misfit::Hardware { phone: hardware.clone() });
        }
    }
    let runs = phone.version.as_ref().ok_or_else(|| unknown("version"))?;
    match (&image.from_at_least, &image.from_at_most) {
        (Some(needs), _) if runs < needs => {
            Err(Misfit::SteppingStone { needs: needs.clone(), runs: runs.clone() })
        }
        (_, Some(up_to)) if runs > up_to => {
            Err(Misfit::Downgrade { up_to: up_to.clone(), runs: runs.clone() })
        }
        (_, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::phone::{KnownBy, Mac};

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|e| panic!("{e}"))
    }

    fn image() -> Image {
        Image {
            file: "snomD785-10.1.198-SIP-r.bin".into(),
            part: Part::Firmware,
            vendor: Vendor::SNOM,
            models: vec![Model::new("D785")],
            version: version("10.1.198"),
            sha256: String::new(),
            size: 1,
            from_at_least: Some(version("10.1.33")),
            from_at_most: None,
            hardware: vec![],
        }
    }

    #[test]
    fn an_image_fits_only_the_phone_it_is_made_for() {
        let mut phone = Phone::new(Mac::new([0; 6]), KnownBy::Inventory);
        assert!(matches!(fits(&image(), &phone), Err(Misfit::Unknown { .. })));
        phone.vendor = Some(Vendor::SNOM);
        phone.model = Some(Model::new("D785"));
        assert!(matches!(fits(&image(), &phone), Err(Misfit::Unknown { .. })), "version unknown");
        phone.version = Some(version("10.1.20"));
        assert!(matches!(fits(&image(), &phone), Err(Misfit::SteppingStone { .. })));
        phone.version = Some(version("10.1.64.14"));
        assert_eq!(fits(&image(), &phone), Ok(()));
        phone.model = Some(Model::new("D765"));
        assert!(matches!(fits(&image(), &phone), Err(Misfit::Model { .. })));
        phone.vendor = Some(Vendor::UNIFY);
        assert!(matches!(fits(&image(), &phone), Err(Misfit::Vendor { .. })));
    }

    #[test]
    fn a_hardware_level_that_is_not_known_does_not_fit() {
        let mut phone = Phone::new(Mac::new([0; 6]), KnownBy::Inventory);
        phone.vendor = Some(Vendor::SNOM);
        phone.model = Some(Model::new("D785"));
        phone.version = Some(version("10.1.64.14"));
        let image = Image { hardware: vec![Hardware::new("2")], ..image() };
        assert!(matches!(fits(&image, &phone), Err(Misfit::Unknown { .. })));
        phone.hardware = Some(Hardware::new("1"));
        assert!(matches!(fits(&image, &phone), Err(Misfit::Hardware { .. })));
        phone.hardware = Some(Hardware::new("2"));
        assert_eq!(fits(&image, &phone), Ok(()));
    }
}
