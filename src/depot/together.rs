//! What of one release goes ill together: a file twice, two images for one phone without a way from one to the other.

use std::collections::BTreeMap;
use std::path::Path;

use super::manifest::{Draft, DraftImage};
use super::problem::Problem;
use crate::domain::firmware::{Image, Part};
use crate::domain::phone::Vendor;
use crate::phones::snom::may_have_bootloader;

/// Records it.
pub(super) fn together(draft: &Draft, manifest: &Path, problems: &mut Vec<Problem>) {
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for (nth, DraftImage { image, line, .. }) in draft.images.iter().enumerate() {
        let mut wrong = |key: &str, message: String, hint: &str| {
            problems.push(Problem::error(manifest, message).at(*line).of(key).hint(hint));
        };
        if let Some(first) = files.insert(&image.file, *line) {
            let message = format!("`{}` is listed on line {first} already", image.file);
            wrong("image.file", message, "list each file once, with all its models");
        }
        if let (Part::Boot, Some(model)) = (image.part, without_bootloader(image)) {
            let message = format!("a snom {model} has no field for a bootloader");
            wrong("image.part", message, "leave it out: on a snom190 and snom3xx it stops the update");
        }
        if image.part == Part::Chained && !draft.images.iter().any(|other| goes_before(&other.image, image)) {
            let message = "nothing of this release is written before it".to_owned();
            wrong("image.part", message, "add the firmware of the same version for the same model");
        }
        for first in draft.images[..nth].iter().filter(|first| same_part(&first.image, image)) {
            let Some(both) = both_for(&first.image, image) else { continue };
            if leads(draft, &first.image, image) {
                continue;
            }
            let part = if image.part == Part::Firmware { "" } else { &format!("{} ", image.part) };
            let message = format!("the {part}image of line {} is for {both} too", first.line);
            let hint = match image.part {
                Part::Firmware => {
                    "put the other into another release; or, where it is the stepping stone to the newer one, give that one `from_at_least`"
                }
                _ => "a release holds one image of a part for each model; put the other into another release",
            };
            wrong("image.models", message, hint);
        }
    }
}

/// A model of the image that must not be named a bootloader.
fn without_bootloader(image: &Image) -> Option<&crate::domain::phone::Model> {
    let snom = image.vendor == Vendor::SNOM;
    image.models.iter().find(|model| snom && !may_have_bootloader(model))
}

/// Whether this is the firmware that the chained image is written behind.
fn goes_before(firmware: &Image, chained: &Image) -> bool {
    firmware.part == Part::Firmware
        && firmware.vendor == chained.vendor
        && firmware.version == chained.version
        && firmware.models.iter().any(|model| chained.models.contains(model))
}

/// Whether two images are for the same part of phones of one maker, so that it had to be known which a phone gets.
fn same_part(one: &Image, other: &Image) -> bool {
    let same = one.vendor == other.vendor && one.part == other.part;
    // A phone may have several pictures and ringtones.
    same && !one.part.is_media() && (one.part != Part::Chained || one.version == other.version)
}

/// Phones that both images are for.
fn both_for(one: &Image, other: &Image) -> Option<String> {
    if one.models.is_empty() || other.models.is_empty() {
        return Some(format!("modules of every {}", one.vendor));
    }
    let model = other.models.iter().find(|model| one.models.contains(model))?;
    Some(format!("{} {model}", one.vendor))
}

/// Whether a phone gets from the older firmware to the newer one, over further stones between them or not.
fn leads(draft: &Draft, one: &Image, other: &Image) -> bool {
    let (older, newer) = if one.version < other.version { (one, other) } else { (other, one) };
    let is_newer = |_: &&crate::domain::firmware::Version| older.version < newer.version;
    let Some(needs) = newer.from_at_least.as_ref().filter(is_newer) else { return false };
    let between = |stone: &Image| {
        same_part(stone, newer) && older.version < stone.version && stone.version < newer.version
    };
    let reached = older.version >= *needs || draft.images.iter().any(|other| between(&other.image));
    newer.part == Part::Firmware && reached
}
