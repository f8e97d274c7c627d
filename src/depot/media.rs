//! Files of a release that are no images: logos, ringtones and the like, which have no version.

use crate::domain::firmware::Image;
use crate::domain::phone::Vendor;

/// Keys of an image that say nothing of a file that is none.
pub(super) const OF_IMAGES_ALONE: [&str; 6] =
    ["version", "from_at_least", "from_at_most", "hardware", "override", "use_defaults"];

/// What stands against a file that phones of its maker are not told to load.
pub(super) fn against(image: &Image) -> Option<String> {
    let nobody = image.part.is_media() && image.vendor != Vendor::UNIFY;
    nobody.then(|| format!("nobody tells a phone of {} to load a {}", image.vendor, image.part))
}
