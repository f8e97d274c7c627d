//! Firmware: images, releases, and whether an image fits a phone.

use serde::{Deserialize, Serialize};

use super::hardware::Level;
pub use super::part::{ModuleKind, Part};
use super::phone::{Hardware, Model, Phone, Vendor};
pub use super::version::{NotAVersion, Version};

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
    /// The hardware levels, revisions or part numbers (`*` for anything) it runs on; empty means the maker names none.
    pub hardware: Vec<Hardware>,
    /// How it is handed to phones.
    #[serde(default)]
    pub handling: Handling,
}

/// How an image is handed to phones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Handling {
    /// It is offered although the phone's hardware level does not fit, or is not known.
    pub overrides: bool,
    /// Phones load it from where their own defaults say, and are told its name alone (Unify, "Use defaults").
    pub use_defaults: bool,
}

/// A named set of images, for each vendor, model and part one. Of several firmwares for one model the newest is the target,
/// and the others are stepping stones to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The name policies use.
    pub name: String,
    /// Its images.
    pub images: Vec<Image>,
}

impl Release {
    /// The image this phone is to get next, if there is one: its firmware; once it runs that, or where the release has
    /// none for it, the code besides that it told to have in another version.
    pub fn image_for(&self, phone: &Phone) -> Option<&Image> {
        let firmware = self.firmware_for(phone);
        match firmware {
            Some(image) if phone.version.as_ref() != Some(&image.version) => firmware,
            Some(_) | None => self.code_for(phone, firmware.is_none()).or(firmware),
        }
    }

    /// The boot or radio code that a phone is to get by itself; with `any` one that it has already, too. A phone that
    /// told nothing of such a part gets none but with its firmware.
    fn code_for(&self, phone: &Phone, any: bool) -> Option<&Image> {
        let (vendor, model) = (phone.vendor.as_ref()?, phone.model.as_ref()?);
        let codes = phone.codes.as_ref()?;
        let image = |part: Part| {
            let has = codes.of(part)?;
            let image = self.images.iter().find(|image| {
                image.part == part && image.vendor == *vendor && image.models.contains(model)
            })?;
            Some((image, image.version == *has))
        };
        let other = Part::CODES.into_iter().filter_map(image).find(|(_, has_it)| !has_it);
        let found = other.or_else(|| Part::CODES.into_iter().find_map(image).filter(|_| any));
        found.map(|(image, _)| image)
    }

    /// The firmware made for this phone's vendor and model: the newest, or, while the phone is too old for that one, the
    /// stepping stone that leads there.
    fn firmware_for(&self, phone: &Phone) -> Option<&Image> {
        let (vendor, model) = (phone.vendor.as_ref()?, phone.model.as_ref()?);
        let mine = || {
            let images = self.images.iter().filter(|image| image.part == Part::Firmware);
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
        let mut fitting = self.images.iter().filter_map(|image| {
            let of = image.part.module().filter(|of| kind.is_none_or(|kind| kind == *of))?;
            let mine = image.models.is_empty() || image.models.contains(model);
            (image.vendor == *vendor && mine).then_some((of, image))
        });
        match (fitting.next(), fitting.next()) {
            (only, None) => only,
            (_, Some(_)) => None,
        }
    }

    /// The images of another part that go with a firmware: what is written behind it, and its model's boot code.
    pub fn beside(&self, part: Part, firmware: &Image) -> Option<&Image> {
        let same = |image: &&Image| {
            let version = part != Part::Chained || image.version == firmware.version;
            let model = image.models.iter().any(|model| firmware.models.contains(model));
            image.part == part && image.vendor == firmware.vendor && version && model
        };
        self.images.iter().find(same)
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
        /// `vendor`, `model`, `version`, `boot code`, `radio code` or `hardware level`.
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
    /// It names no levels, and is older than what the phone's hardware needs.
    #[error("the phone's hardware needs {needs} or newer, the image is {image}")]
    SoftwareLevel {
        /// The oldest software that runs on the phone.
        needs: Version,
        /// The image's version.
        image: Version,
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

/// Whether this image may be offered to this phone, whose hardware is of this level; what is unknown does not fit.
///
/// With `overrides` it may be offered whatever its hardware level; what is passed over then is told.
pub fn fits(image: &Image, phone: &Phone, level: &Level, overrides: bool) -> Result<Option<Misfit>, Misfit> {
    let unknown = |what: &str| Misfit::Unknown { what: what.to_owned() };
    let vendor = phone.vendor.as_ref().ok_or_else(|| unknown("vendor"))?;
    if image.vendor != *vendor {
        return Err(Misfit::Vendor { image: image.vendor.clone(), phone: vendor.clone() });
    }
    let model = phone.model.as_ref().ok_or_else(|| unknown("model"))?;
    let of_phone = image.part.is_firmware() || Part::CODES.contains(&image.part);
    if !(of_phone && image.models.contains(model)) {
        return Err(Misfit::Model { phone: model.clone() });
    }
    let passed_over = level.against(image);
    if let Some(misfit) = passed_over.clone().filter(|_| !overrides && !image.handling.overrides) {
        return Err(misfit);
    }
    let what = if image.part.is_firmware() { "version" } else { image.part.spoken() };
    let runs = phone.runs(image.part).ok_or_else(|| unknown(what))?;
    match (&image.from_at_least, &image.from_at_most) {
        (Some(needs), _) if runs < needs => {
            Err(Misfit::SteppingStone { needs: needs.clone(), runs: runs.clone() })
        }
        (_, Some(up_to)) if runs > up_to => {
            Err(Misfit::Downgrade { up_to: up_to.clone(), runs: runs.clone() })
        }
        (_, _) => Ok(passed_over),
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
            handling: Handling::default(),
        }
    }

    fn fit(image: &Image, phone: &Phone) -> Result<Option<Misfit>, Misfit> {
        fits(image, phone, &Level::of(phone, &[], false), false)
    }

    #[test]
    fn a_phone_too_old_for_the_newest_image_gets_the_stone_that_leads_there() {
        let step = |version_: &str, needs: Option<&str>| Image {
            file: version_.into(),
            version: version(version_),
            from_at_least: needs.map(version),
            ..image()
        };
        let module = Image { part: Part::Uxm, ..step("99.1", None) };
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
            (image.file.clone(), fit(image, &phone).is_ok())
        };
        assert_eq!(path("10.1.70"), ("10.2".into(), true));
        assert_eq!(path("10.1.20"), ("10.1.64".into(), true));
        assert_eq!(path("8.7.5.17"), ("8.9.3.80".into(), true));
        assert_eq!(path("8.4.1"), ("8.9.3.80".into(), false), "no stone leads there");
        assert_eq!(path("10.2"), ("10.2".into(), true));
    }

    #[test]
    fn the_image_of_a_module_is_of_its_kind() {
        let module = |kind: ModuleKind, file: &str| Image {
            file: file.into(),
            models: vec![],
            part: kind.into(),
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
        assert!(matches!(fit(&image(), &phone), Err(Misfit::Unknown { .. })));
        phone.vendor = Some(Vendor::SNOM);
        phone.model = Some(Model::new("D785"));
        assert!(matches!(fit(&image(), &phone), Err(Misfit::Unknown { .. })), "version unknown");
        phone.version = Some(version("10.1.20"));
        assert!(matches!(fit(&image(), &phone), Err(Misfit::SteppingStone { .. })));
        phone.version = Some(version("10.1.64.14"));
        assert_eq!(fit(&image(), &phone), Ok(None));
        phone.model = Some(Model::new("D765"));
        assert!(matches!(fit(&image(), &phone), Err(Misfit::Model { .. })));
        phone.vendor = Some(Vendor::UNIFY);
        assert!(matches!(fit(&image(), &phone), Err(Misfit::Vendor { .. })));
    }

    #[test]
    fn a_hardware_level_that_is_not_known_does_not_fit() {
        let mut phone = Phone::new(Mac::new([0; 6]), KnownBy::Inventory);
        phone.vendor = Some(Vendor::SNOM);
        phone.model = Some(Model::new("D785"));
        phone.version = Some(version("10.1.64.14"));
        let image = Image { hardware: vec![Hardware::new("2")], ..image() };
        assert!(matches!(fit(&image, &phone), Err(Misfit::Unknown { .. })));
        phone.hardware = Some(Hardware::new("1"));
        assert!(matches!(fit(&image, &phone), Err(Misfit::Hardware { .. })));
        phone.hardware = Some(Hardware::new("2"));
        assert_eq!(fit(&image, &phone), Ok(None));
    }

    #[test]
    fn an_override_passes_over_the_hardware_and_nothing_else() {
        let mut phone = Phone::new(Mac::new([0; 6]), KnownBy::Inventory);
        phone.vendor = Some(Vendor::SNOM);
        phone.model = Some(Model::new("D785"));
        phone.version = Some(version("10.1.64.14"));
        phone.hardware = Some(Hardware::new("1"));
        let level = Level::of(&phone, &[], true);
        let picky = Image { hardware: vec![Hardware::new("2")], ..image() };
        let misfit = Misfit::Hardware { phone: Hardware::new("1") };
        assert_eq!(fits(&picky, &phone, &level, false), Err(misfit.clone()));
        assert_eq!(fits(&picky, &phone, &level, true), Ok(Some(misfit.clone())), "the policy says so");
        let handling = Handling { overrides: true, ..Handling::default() };
        assert_eq!(
            fits(&Image { handling, ..picky }, &phone, &level, false),
            Ok(Some(misfit)),
            "the image does"
        );
        phone.version = Some(version("10.1.20"));
        let old = fits(&image(), &phone, &level, true);
        assert!(matches!(old, Err(Misfit::SteppingStone { .. })), "{old:?}");
    }
}
