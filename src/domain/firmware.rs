//! Firmware: images, releases, and whether an image fits a phone.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::phone::{Hardware, Model, Phone, Vendor};
pub use super::version::{NotAVersion, Version};

/// One firmware file of a release, as its manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The file's name, case exact, without a folder.
    pub file: String,
    /// Its maker.
    pub vendor: Vendor,
    /// The models it is made for, exactly as the phones report them.
    pub models: Vec<Model>,
    /// The version a phone reports once it runs this image.
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
    /// What of a phone it is for.
    #[serde(default, skip_serializing_if = "Part::is_plain")]
    pub part: Part,
}

/// What of a phone an image is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The phone's own firmware.
    Phone {
        /// The file of the same release that must be written behind it (snom D3xx: a chained update).
        chained: Option<String>,
        /// The file of the same release that is the phone's bootloader.
        bootloader: Option<String>,
    },
    /// The firmware of an expansion module at the phone.
    Module(ModuleKind),
    /// What is written behind another image, never by itself.
    Chained,
    /// A bootloader, named beside a phone's image, never by itself.
    Bootloader,
}

impl Default for Part {
    fn default() -> Self {
        Self::Phone { chained: None, bootloader: None }
    }
}

impl Part {
    /// Whether it is a phone's own firmware.
    pub const fn is_phone(&self) -> bool {
        matches!(self, Self::Phone { .. })
    }

    /// Whether it is a phone's own firmware that needs nothing beside it.
    pub const fn is_plain(&self) -> bool {
        matches!(self, Self::Phone { chained: None, bootloader: None })
    }

    /// How a manifest calls it.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Phone { .. } => "phone",
            Self::Module(kind) => kind.slug(),
            Self::Chained => "chained",
            Self::Bootloader => "bootloader",
        }
    }
}

/// An expansion module of a snom desk phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleKind {
    /// The UXM.
    Uxm,
    /// The D7C, with a colour display.
    D7c,
}

impl ModuleKind {
    /// How a manifest calls it.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Uxm => "uxm",
            Self::D7c => "d7c",
        }
    }
}

impl fmt::Display for ModuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uxm => "UXM",
            Self::D7c => "D7C",
        })
    }
}

/// A named set of images. Of several for one model the newest is the target, and the others are stepping stones to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The name policies use.
    pub name: String,
    /// Its images.
    pub images: Vec<Image>,
}

impl Release {
    /// The image made for this phone's vendor and model, if there is one: the newest, or, while the phone is too old
    /// for that one, the stepping stone that leads there.
    pub fn image_for(&self, phone: &Phone) -> Option<&Image> {
        let (vendor, model) = (phone.vendor.as_ref()?, phone.model.as_ref()?);
        let mine = || {
            let images = self.images.iter().filter(|image| image.part.is_phone());
            images.filter(|image| image.vendor == *vendor && image.models.contains(model))
        };
        let newest = |one: &&Image, other: &&Image| one.version.cmp(&other.version);
        let mut step = mine().max_by(newest)?;
        while let (Some(runs), Some(needs)) = (&phone.version, &step.from_at_least)
            && runs < needs
        {
            let stones = mine().filter(|stone| stone.version < step.version && stone.version >= *needs);
            match stones.max_by(newest) {
                Some(stone) => step = stone,
                // Nothing leads there: `fits` tells what is missing.
                None => break,
            }
        }
        Some(step)
    }

    /// The image for the module at this phone: of the kind that is attached, else, while nobody told the kind, the only
    /// kind there is.
    pub fn module_for(&self, phone: &Phone, kind: Option<ModuleKind>) -> Option<(ModuleKind, &Image)> {
        let (vendor, model) = (phone.vendor.as_ref()?, phone.model.as_ref()?);
        let mut fitting = self.images.iter().filter_map(|image| match image.part {
            Part::Module(of) => {
                let mine = image.models.is_empty() || image.models.contains(model);
                (image.vendor == *vendor && mine && kind.is_none_or(|kind| kind == of)).then_some((of, image))
            }
            Part::Phone { .. } | Part::Chained | Part::Bootloader => None,
        });
        match (fitting.next(), fitting.next()) {
            (only, None) => only,
            (_, Some(_)) => None,
        }
    }

    /// The file of this name.
    pub fn image(&self, file: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.file == file)
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
    if !(image.part.is_phone() && image.models.contains(model)) {
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
            vendor: Vendor::SNOM,
            models: vec![Model::new("D785")],
            version: version("10.1.198"),
            sha256: String::new(),
            size: 1,
            from_at_least: Some(version("10.1.33")),
            from_at_most: None,
            hardware: vec![],
            part: Part::default(),
        }
    }

    #[test]
    fn a_phone_too_old_for_the_newest_image_gets_the_stone_that_leads_there() {
        let step = |version_: &str, needs: Option<&str>| Image {
            file: version_.into(),
            version: version(version_),
            from_at_least: needs.map(version),
            ..image()
        };
        let module = Image { part: Part::Module(ModuleKind::Uxm), ..step("99.1", None) };
        let images = vec![
            step("8.9.3.80", Some("8.7.5")),
            step("10.1.64", Some("8.9.3")),
            step("10.2", Some("10.1.64")),
            module,
        ];
        let release = Release { name: "r".into(), images };
        let mut phone = Phone::new(Mac::new([0; 6]), KnownBy::Inventory);
        phone.vendor = Some(Vendor::SNOM);
        phone.model = Some(Model::new("D785"));
        let mut path = |runs: &str| {
            phone.version = Some(version(runs));
            let image = release.image_for(&phone).unwrap();
            (image.file.clone(), fits(image, &phone).is_ok())
        };
        assert_eq!(path("10.1.70"), ("10.2".into(), true));
        assert_eq!(path("10.1.20"), ("10.1.64".into(), true));
        assert_eq!(path("8.7.5.17"), ("8.9.3.80".into(), true));
        assert_eq!(path("8.4.1"), ("8.9.3.80".into(), false), "no stone leads there");
        assert_eq!(path("10.2"), ("10.2".into(), true));
    }

    #[test]
    fn the_image_of_a_module_is_of_its_kind() {
        let module = |kind, file: &str| Image {
            file: file.into(),
            models: vec![],
            part: Part::Module(kind),
            ..image()
        };
        let mut phone = Phone::new(Mac::new([0; 6]), KnownBy::Inventory);
        (phone.vendor, phone.model) = (Some(Vendor::SNOM), Some(Model::new("D785")));
        let one = Release { name: "r".into(), images: vec![image(), module(ModuleKind::Uxm, "uxm")] };
        let file =
            |release: &Release, kind| release.module_for(&phone, kind).map(|(_, image)| image.file.clone());
        assert_eq!(file(&one, None).as_deref(), Some("uxm"));
        assert_eq!(file(&one, Some(ModuleKind::D7c)), None);
        let images = vec![module(ModuleKind::Uxm, "uxm"), module(ModuleKind::D7c, "d7c")];
        let two = Release { name: "r".into(), images };
        assert_eq!(file(&two, None), None, "nobody told which");
        assert_eq!(file(&two, Some(ModuleKind::D7c)).as_deref(), Some("d7c"));
        assert_eq!(two.image_for(&phone), None, "a module's image is none for a phone");
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
