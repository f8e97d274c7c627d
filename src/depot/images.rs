//! The images in memory: read and hashed once, shared by every transfer.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::releases::{ReleasesError, catalogue};
use crate::domain::firmware::{Image, Release};

/// All that is served at one time.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// The releases, without the images that are broken.
    pub releases: Vec<Release>,
    /// What is wrong with the rest.
    pub problems: Vec<Problem>,
    /// The bytes of each image by its SHA-256: the same image of two releases is held once.
    bytes: BTreeMap<String, Bytes>,
}

impl Shelf {
    /// Reads and hashes everything; memory that `before` holds is shared where the content is the same.
    pub fn load(folder: &Path, before: &Self) -> Result<Self, ReleasesError> {
        let catalogue = catalogue(folder)?;
        let mut shelf = Self { problems: catalogue.problems, ..Self::default() };
        for mut release in catalogue.releases {
            let name = release.name.clone();
            release
                .images
                .retain(|image| shelf.take_in(&folder.join(&name).join(&image.file), image, before));
            shelf.releases.push(release);
        }
        Ok(shelf)
    }

    /// The bytes of an image and its SHA-256.
    pub fn open(&self, release: &str, file: &str) -> Option<(Bytes, String)> {
        let release = self.releases.iter().find(|known| known.name == release)?;
        let image = release.images.iter().find(|image| image.file == file)?;
        Some((self.bytes.get(&image.sha256)?.clone(), image.sha256.clone()))
    }

    /// The images of a release that are whole.
    pub fn list(&self, release: &str) -> &[Image] {
        let release = self.releases.iter().find(|known| known.name == release);
        release.map_or(&[], |release| &release.images)
    }

    fn take_in(&mut self, path: &Path, image: &Image, before: &Self) -> bool {
        let hint = "remove the release and add it again; until then the image is not served";
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.problems.push(Problem::error(path, format!("cannot be read: {error}")).hint(hint));
                return false;
            }
        };
        if bytes.len() as u64 != image.size || hex::encode(Sha256::digest(&bytes)) != image.sha256 {
            self.problems.push(Problem::error(path, "is not the image that was staged").hint(hint));
            return false;
        }
        let shared = before.bytes.get(&image.sha256).cloned();
        self.bytes
            .entry(image.sha256.clone())
            .or_insert_with(|| shared.unwrap_or_else(|| Bytes::from(bytes)));
        true
    }
}
