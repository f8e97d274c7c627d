//! One daemon, one store: an advisory lock beside the store's file, with the holder's process number in it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The lock; dropping it, or the death of the process, gives the store free.
///
/// It is a file of its own: closing any descriptor of the store's file would drop SQLite's own locks on it.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the store at `store`; the error says who holds it.
    pub fn take(store: &Path) -> Result<Self, String> {
        let path = beside(store);
        let failed = |e: std::io::Error| format!("cannot lock `{}`: {e}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let known = file.read_to_string(&mut holder).is_ok() && holder.trim().parse::<u32>().is_ok();
                let who = if known { format!("process {}", holder.trim()) } else { "another process".into() };
                return Err(format!(
                    "in use by {who}; stop that sipherd first, or give this one its own store"
                ));
            }
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
