//! The staged releases: what stands in the state folder, whether it is whole, and how the daemon sees it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use serde::Serialize;

use super::images::Shelf;
use super::manifest::{self, MANIFEST};
use super::problem::Problem;
use super::staging::{Hashing, hash};
use crate::domain::firmware::{Image, Part, Release};
use crate::ports::Images;

/// What the manifests in the state folder say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// The releases, by name.
    pub releases: Vec<Release>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// The state folder's releases cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {source}")]
pub struct ReleasesError {
    /// The folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// One image, hashed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The release.
    pub release: String,
    /// The image's file.
    pub file: String,
    /// How it is.
    #[serde(flatten)]
    pub condition: Condition,
}

/// How a staged image is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "condition", rename_all = "kebab-case")]
pub enum Condition {
    /// Byte for byte what was staged.
    Whole,
    /// Not what was staged.
    Changed {
        /// The length it has, in bytes.
        size: u64,
        /// The SHA-256 it has.
        sha256: String,
    },
    /// It cannot be read.
    Unreadable {
        /// What the system said.
        why: String,
    },
}

/// Reads the manifests in this folder; a folder that is not there holds none.
pub fn catalogue(folder: &Path) -> Result<Catalogue, ReleasesError> {
    let failed = |source| ReleasesError { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Catalogue::default()),
        other => other.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    let mut catalogue = Catalogue::default();
    for name in names {
        match staged(folder, &name) {
            Ok(release) => catalogue.releases.push(release),
            Err(problems) => catalogue.problems.extend(problems),
        }
    }
    Ok(catalogue)
}

/// Hashes every image of these releases again.
pub fn verify(folder: &Path, releases: &[Release], hashed: &mut dyn FnMut(Hashing<'_>)) -> Vec<Verified> {
    let mut verified = Vec::new();
    for release in releases {
        for image in &release.images {
            let condition = match hash(&folder.join(&release.name).join(&image.file), hashed, None) {
                Ok((size, sha256)) if size == image.size && sha256 == image.sha256 => Condition::Whole,
                Ok((size, sha256)) => Condition::Changed { size, sha256 },
                Err(error) => Condition::Unreadable { why: error.to_string() },
            };
            verified.push(Verified { release: release.name.clone(), file: image.file.clone(), condition });
        }
    }
    verified
}

/// The releases the daemon serves, with all their bytes in memory, each image once.
///
/// Opening and reloading read and hash every image: call them where blocking is allowed.
#[derive(Debug)]
pub struct Releases {
    folder: PathBuf,
    shelf: RwLock<Arc<Shelf>>,
}

impl Releases {
    /// Loads every release staged in this folder (`<state>/releases`).
    ///
    /// An image that is not byte for byte what was staged is left out of its release, is never served, and is
    /// among the problems.
    pub fn open(folder: &Path) -> Result<Self, ReleasesError> {
        let shelf = Shelf::load(folder, &Shelf::default())?;
        Ok(Self { folder: folder.to_owned(), shelf: RwLock::new(Arc::new(shelf)) })
    }

    /// Every release, by name.
    pub fn list(&self) -> Vec<Release> {
        self.shelf().releases.clone()
    }

    /// The release of this name.
    pub fn get(&self, name: &str) -> Option<Release> {
        self.shelf().releases.iter().find(|release| release.name == name).cloned()
    }

    /// What was wrong when they were loaded.
    pub fn problems(&self) -> Vec<Problem> {
        self.shelf().problems.clone()
    }

    /// Hashes every image on the disk again, the ones that are not served too.
    pub fn verify(&self) -> Result<Vec<Verified>, ReleasesError> {
        Ok(verify(&self.folder, &catalogue(&self.folder)?.releases, &mut |_| {}))
    }

    /// Loads everything anew; transfers under way keep the bytes they began with. When it fails, what was loaded
    /// stays.
    pub fn reload(&self) -> Result<(), ReleasesError> {
        let shelf = Arc::new(Shelf::load(&self.folder, &self.shelf())?);
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = shelf;
        Ok(())
    }

    fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.shelf.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Images for Releases {
    fn open(&self, release: &str, file: &str) -> Option<(Bytes, String)> {
        self.shelf().open(release, file)
    }

    fn list(&self, release: &str) -> Vec<Image> {
        self.shelf().list(release).to_vec()
    }

    fn beside(&self, release: &str, firmware: &str, part: Part) -> Option<Image> {
        let shelf = self.shelf();
        let release = shelf.releases.iter().find(|known| known.name == release)?;
        release.beside(part, release.image(firmware)?).cloned()
    }
}

fn staged(folder: &Path, name: &str) -> Result<Release, Vec<Problem>> {
    let path = folder.join(name).join(MANIFEST);
    let hint = "remove the folder and add the release again";
    let text = fs::read_to_string(&path)
        .map_err(|error| vec![Problem::error(&path, format!("cannot be read: {error}")).hint(hint)])?;
    let draft = manifest::read(&path, &text)?;
    let whole = draft.images.iter().all(|image| image.has_sha256 && image.has_size);
    if draft.name.as_deref() != Some(name) || !whole {
        return Err(vec![Problem::error(&path, "not what `sipherd release add` wrote").hint(hint)]);
    }
    let images = draft.images.into_iter().map(|draft| draft.image).collect();
    Ok(Release { name: name.to_owned(), images })
}

#[cfg(test)]
#[path = "releases_tests.rs"]
mod tests;
