//! The store of configurations in the state folder: a folder for each phone, every file there whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::index::{Index, Version};
use super::place::{LATEST, number_in};
use crate::domain::phone::Mac;
use crate::phones::innovaphone::configuration::lasting;
use crate::ports::Clock;

/// The index of a phone's folder.
const INDEX: &str = "index.json";

/// How much is kept, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// Differing configurations of one phone; the oldest one goes first.
    pub versions: usize,
    /// The longest configuration, in bytes.
    pub bytes: u64,
    /// Where phones may ask from while none of their lines is registered.
    pub networks: Vec<IpNet>,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { versions: 10, bytes: 2_000_000, networks: Vec::new() }
    }
}

/// The configurations cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DrawerError {
    /// The system refused.
    #[error("cannot {what} {path}: {why}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// An index that sipherd did not write.
    #[error("{path}: {why}")]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        why: serde_json::Error,
    },
}

impl DrawerError {
    /// Whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { why, .. } if matches!(why.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

/// What became of a configuration that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandedIn {
    /// It differs from the newest one, or is the first: it is kept.
    Kept(Version),
    /// It says the same as the newest one, but for lines that change by themselves: this is noted with that one.
    Unchanged(Version),
}

/// The stored configurations of all phones.
pub struct Configurations {
    folder: PathBuf,
    keeping: Keeping,
    clock: Arc<dyn Clock>,
    /// One is written at a time: indexes are read and written again.
    writing: Mutex<()>,
}

impl Configurations {
    /// The store in this folder (`<state>/configs`), which is made when the first configuration comes.
    pub fn open(folder: &Path, keeping: Keeping, clock: Arc<dyn Clock>) -> Self {
        Self { folder: folder.to_owned(), keeping, clock, writing: Mutex::new(()) }
    }

    /// How much is kept.
    pub fn keeping(&self) -> &Keeping {
        &self.keeping
    }

    /// Whether a phone without a registered line may ask from there.
    pub(super) fn trusts(&self, source: IpAddr) -> bool {
        self.keeping.networks.iter().any(|network| network.contains(&source))
    }

    /// Takes in what a phone hands in under this name. Blocks.
    ///
    /// When this returns, the configuration is on the disk, or nothing has changed.
    pub fn hand_in(&self, mac: Mac, name: &str, bytes: &[u8]) -> Result<HandedIn, DrawerError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, folder) = (self.clock.now(), self.folder_of(mac));
        make_folder(&folder)?;
        let mut index = index_in(&folder)?;
        let comparable = digest_of_lines(bytes);
        if let Some(newest) = index.versions.last_mut()
            && newest.lasting == comparable
            && folder.join(&newest.file).exists()
        {
            newest.seen = at;
            newest.times += 1;
            let newest = newest.clone();
            index.names.insert(name.to_owned(), newest.number);
            write_index(&folder, &index)?;
            return Ok(HandedIn::Unchanged(newest));
        }
        let version = version(&index, name, bytes, comparable, at);
        write_whole(&folder, &version.file, bytes)?;
        index.versions.push(version.clone());
        index.names.insert(name.to_owned(), version.number);
        index.keep(self.keeping.versions);
        write_index(&folder, &index)?;
        sweep(&folder, &index);
        Ok(HandedIn::Kept(version))
    }

    /// The configuration a phone is given under this name. Blocks.
    pub fn read(&self, mac: Mac, name: &str) -> Result<Option<(Version, Vec<u8>)>, DrawerError> {
        let index = self.index(mac)?;
        let found = match number_in(name) {
            Some(number) => index.version(number),
            None if name == LATEST => index.newest(),
            None => index.named(name),
        };
        found.map(|version| Ok((version.clone(), self.bytes(mac, version)?))).transpose()
    }

    /// What is stored of a phone; empty when nothing is. Blocks.
    pub fn index(&self, mac: Mac) -> Result<Index, DrawerError> {
        index_in(&self.folder_of(mac))
    }

    /// The bytes of one configuration. Blocks.
    pub fn bytes(&self, mac: Mac, version: &Version) -> Result<Vec<u8>, DrawerError> {
        let path = self.folder_of(mac).join(&version.file);
        fs::read(&path).map_err(io_error("read", &path))
    }

    /// The phones of which something is stored. Blocks.
    pub fn phones(&self) -> Result<Vec<Mac>, DrawerError> {
        let failed = || io_error("read", &self.folder);
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed())?,
        };
        let mut macs = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed())?.file_name();
            macs.extend(name.to_str().and_then(|name| name.parse::<Mac>().ok()));
        }
        macs.sort();
        Ok(macs)
    }

    fn folder_of(&self, mac: Mac) -> PathBuf {
        self.folder.join(mac.bare_upper())
    }
}

fn version(index: &Index, name: &str, bytes: &[u8], lasting: String, at: DateTime<Utc>) -> Version {
    let number = index.next();
    Version {
        number,
        file: format!("{number:06}-{}.txt", at.format("%Y%m%dT%H%M%SZ")),
        name: name.to_owned(),
        at,
        seen: at,
        times: 1,
        bytes: bytes.len() as u64,
        sha256: hex::encode(Sha256::digest(bytes)),
        lasting,
    }
}

fn digest_of_lines(bytes: &[u8]) -> String {
    let mut digest = Sha256::new();
    for line in lasting(bytes) {
        digest.update(line);
        digest.update(b"\n");
    }
    hex::encode(digest.finalize())
}

fn io_error<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> DrawerError + 'a {
    move |why| DrawerError::Io { what, path: path.to_owned(), why }
}

/// Configurations hold passwords: nobody else on the machine may read them.
fn make_folder(folder: &Path) -> Result<(), DrawerError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(io_error("create", folder))
}

fn index_in(folder: &Path) -> Result<Index, DrawerError> {
    let path = folder.join(INDEX);
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|why| DrawerError::Index { path, why }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Index::default()),
        Err(error) => Err(io_error("read", &path)(error)),
    }
}

fn write_index(folder: &Path, index: &Index) -> Result<(), DrawerError> {
    let path = folder.join(INDEX);
    let text = serde_json::to_vec_pretty(index).map_err(|why| DrawerError::Index { path, why })?;
    write_whole(folder, INDEX, &text)
}

/// Writes beside, waits for the disk, and gives the file its name last.
fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), DrawerError> {
    let (path, beside) = (folder.join(name), folder.join(format!(".{name}.new")));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let named = written.and_then(|()| fs::rename(&beside, &path));
    if named.is_err() {
        // What was wrong is told; a leftover is written over by the next attempt.
        let _ = fs::remove_file(&beside);
    }
    named.map_err(io_error("write", &path))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error("write", folder))
}

/// Removes configurations that are in no index any more, and those an interrupted run left. Other files stay.
fn sweep(folder: &Path, index: &Index) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if is_ours(name) && index.versions.iter().all(|version| version.file != name) {
            // It costs room and nothing else; the next one tries again.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// `000007-20261128T030500Z.txt`
fn is_ours(name: &str) -> bool {
    let Some((number, at)) = name.strip_suffix("Z.txt").and_then(|stem| stem.split_once('-')) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    number.len() >= 6
        && digits(number)
        && at.len() == 15
        && at.split_once('T').is_some_and(|(d, t)| digits(d) && digits(t))
}

#[cfg(test)]
#[path = "drawer_tests.rs"]
mod tests;
