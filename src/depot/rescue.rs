//! Which image a broken phone is rescued with: what the administrator wrote, and nothing without it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::releases::Releases;
use super::staging::TFTP_LIMIT;
use crate::domain::firmware::Image;
use crate::domain::phone::{Model, Vendor};

/// One `[[depot.rescue]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescue {
    /// The release that broken phones get their images of.
    pub release: Arc<str>,
    /// For these models; for all of the release when empty.
    pub models: BTreeSet<Model>,
    /// For phones in these networks; anywhere when empty.
    pub networks: Vec<IpNet>,
}

/// All of them, the first that fits decides.
#[derive(Clone)]
pub struct Rescues {
    rescues: Vec<Rescue>,
    releases: Arc<Releases>,
}

impl Rescues {
    /// These rescues, by these releases.
    pub fn new(rescues: Vec<Rescue>, releases: Arc<Releases>) -> Self {
        Self { rescues, releases }
    }

    /// The release and the image for a broken phone, or why there is none.
    pub(super) fn find(
        &self,
        vendor: &Vendor,
        model: &Model,
        source: IpAddr,
    ) -> Result<(Arc<str>, Image), String> {
        let fits = |rescue: &&Rescue| {
            (rescue.models.is_empty() || rescue.models.contains(model))
                && (rescue.networks.is_empty()
                    || rescue.networks.iter().any(|network| network.contains(&source)))
        };
        let mut why = "no `[[depot.rescue]]` is meant for it".to_owned();
        for rescue in self.rescues.iter().filter(fits) {
            let Some(release) = self.releases.get(&rescue.release) else {
                why = format!("release {} is not staged", rescue.release);
                continue;
            };
            let image = release
                .images
                .into_iter()
                .find(|image| image.vendor == *vendor && image.models.contains(model));
            match image {
                Some(image) => return Ok((Arc::clone(&rescue.release), image)),
                None => why = format!("release {} has no image for it", rescue.release),
            }
        }
        Err(why)
    }

    /// What stands against a rescue, as warnings for the log.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for rescue in &self.rescues {
            let Some(release) = self.releases.get(&rescue.release) else {
                warnings.push(format!("[[depot.rescue]]: release {} is not staged", rescue.release));
                continue;
            };
            let named = |image: &&Image| {
                rescue.models.is_empty() || image.models.iter().any(|m| rescue.models.contains(m))
            };
            for image in release.images.iter().filter(named).filter(|image| image.size > TFTP_LIMIT) {
                warnings.push(format!(
                    "[[depot.rescue]]: {} of release {} has {} bytes; a bootloader that counts 65535 blocks of 512 bytes \
                     cannot load it over TFTP",
                    image.file, rescue.release, image.size
                ));
            }
            for model in &rescue.models {
                if release.images.iter().all(|image| !image.models.contains(model)) {
                    warnings.push(format!(
                        "[[depot.rescue]]: release {} has no image for {model}",
                        rescue.release
                    ));
                }
            }
        }
        warnings
    }
}
