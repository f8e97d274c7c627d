//! Files of a phone that are no image: logos, ringtones and the like, which its deployment service has it load (Unify).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::firmware::{Image, Release};
use super::phone::Phone;
use super::policy::Firmware;
use super::rules::Rules;

/// The files a phone has fetched: their names, and the SHA-256 of each, 64 lower-case hexadecimal digits.
pub type Fetched = BTreeMap<String, String>;

/// A file that a phone is to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedFile {
    /// Its name.
    pub name: String,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl WantedFile {
    /// Whether it is among these.
    pub fn is_among(&self, fetched: &Fetched) -> bool {
        fetched.get(&self.name) == Some(&self.sha256)
    }
}

impl From<&Image> for WantedFile {
    fn from(file: &Image) -> Self {
        Self { name: file.file.clone(), sha256: file.sha256.clone() }
    }
}

/// What is heard of the files that a phone was told to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileNews {
    /// Its first byte went out, or the first one of a further try.
    Began {
        /// Its name.
        file: String,
    },
    /// Its last byte was handed over.
    Delivered {
        /// Its name.
        file: String,
    },
    /// The phone broke off.
    Broken {
        /// Its name.
        file: String,
    },
    /// The phone itself tells how it went.
    Told(FileStatus),
}

/// How a phone says that the deployment of a file went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStatus {
    /// Its name; `None` where the phone does not say which one.
    pub file: Option<String>,
    /// What went wrong, in words; `None` when all is well.
    pub failed: Option<String>,
}

impl Release {
    /// The files, no images, that are made for this phone's vendor and model.
    pub fn files_for(&self, phone: &Phone) -> Vec<&Image> {
        let (Some(vendor), Some(model)) = (&phone.vendor, &phone.model) else { return Vec::new() };
        let mine =
            |file: &&Image| file.part.is_media() && file.vendor == *vendor && file.models.contains(model);
        self.images.iter().filter(mine).collect()
    }
}

impl Rules {
    /// The files a phone gets from there, with the name of their release: of a channel those of its first release that
    /// has any for it. `None` when there are none.
    pub fn files_for(&self, from: &Firmware, phone: &Phone) -> Option<(Arc<str>, Vec<&Image>)> {
        self.first_with(from, |release| Some(release.files_for(phone)).filter(|files| !files.is_empty()))
    }
}
