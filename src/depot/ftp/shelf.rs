//! What a phone sees once it has logged in: one folder with the image, or the other files, it is permitted, read-only.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use unftp_core::auth::UserDetail;
use unftp_core::storage::{Error, ErrorKind, Fileinfo, Metadata, Result, StorageBackend};

use crate::depot::http::Depot;
use crate::depot::transfer::{Meter, Progress};
use crate::domain::codes::Codes;
use crate::domain::phone::Mac;
use crate::ports::{Lane, Permit, Visit, Wanted};

/// The decision must come within this time.
const DECISION: Duration = Duration::from_secs(10);
/// So much goes to the connection at once.
const PART: usize = 64 * 1024;

/// A phone that has logged in.
#[derive(Debug)]
pub(super) struct Guest {
    pub mac: Mac,
    pub source: IpAddr,
    /// The files its account is for.
    pub files: Vec<String>,
}

impl fmt::Display for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.mac, self.source)
    }
}

impl UserDetail for Guest {}

/// The staged images, as one phone may see them.
pub(super) struct Shelf {
    pub depot: Depot,
    /// A phone that takes no byte for so long is given up.
    pub patience: Duration,
    /// Transfers are to end now.
    pub cut: CancellationToken,
    /// While this lives, the server waits with its end.
    pub _under_way: TaskTrackerToken,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

/// A folder, or a file of this length.
#[derive(Debug)]
pub(super) struct Entry(Option<u64>);

impl Metadata for Entry {
    fn len(&self) -> u64 {
        self.0.unwrap_or(0)
    }

    fn is_dir(&self) -> bool {
        self.0.is_none()
    }

    fn is_file(&self) -> bool {
        self.0.is_some()
    }

    fn is_symlink(&self) -> bool {
        false
    }

    fn modified(&self) -> Result<SystemTime> {
        // A staged image is known by its content; when it was staged tells a phone nothing.
        Err(ErrorKind::PermanentFileNotAvailable.into())
    }

    fn gid(&self) -> u32 {
        0
    }

    fn uid(&self) -> u32 {
        0
    }
}

/// What a path means.
enum Named {
    Folder,
    File(String),
}

fn named(path: &Path) -> Option<Named> {
    let mut file = None;
    for part in path.components() {
        match part {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) if file.is_none() => file = Some(name.to_str()?.to_owned()),
            Component::Normal(_) | Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(file.map_or(Named::Folder, Named::File))
}

struct Opened {
    bytes: Bytes,
    lanes: Vec<Lane>,
}

impl Shelf {
    /// The image of this name, if this phone may have it now. A look (`peek`) offers nothing and proves nothing.
    async fn open(&self, guest: &Guest, file: &str, peek: bool) -> Result<Opened> {
        let refused = |why: &str| {
            tracing::info!(mac = %guest.mac, file, why, "image not given");
            Error::new(ErrorKind::PermanentFileNotAvailable, why.to_owned())
        };
        if !guest.files.iter().any(|known| known == file) {
            return Err(refused("the account is for another file"));
        }
        let visit = Visit {
            mac: guest.mac,
            vendor: None,
            model: None,
            version: None,
            hardware: None,
            codes: Codes::default(),
            modules: None,
            realm: None,
            source: guest.source,
            wanted: Wanted::Image { file: file.to_owned() },
            peek,
        };
        match tokio::time::timeout(DECISION, self.depot.gatekeeper.visit(visit)).await {
            Err(_) => {
                tracing::warn!(mac = %guest.mac, "no decision in time");
                Err(ErrorKind::TransientFileNotAvailable.into())
            }
            Ok(Permit::Offer { release, file: offered, lanes }) if offered == file => {
                match self.depot.images.open(&release, file) {
                    Some((bytes, _)) if !bytes.is_empty() => Ok(Opened { bytes, lanes }),
                    Some(_) | None => Err(refused("it is not staged, or broken")),
                }
            }
            Ok(Permit::Offer { file: offered, .. }) => Err(refused(&format!("{offered} is offered"))),
            Ok(Permit::Stay { why, .. }) => Err(refused(&why)),
            Ok(Permit::Module { file: offered, .. }) => Err(refused(&format!("{offered} is offered"))),
            Ok(Permit::Elsewhere { realm }) => Err(refused(&format!("it moves to realm {realm}"))),
            Ok(Permit::Order { .. }) => Err(refused("orders are no images")),
        }
    }

    /// Sends all from this byte on, as fast as the permit's lanes allow, and tells the gatekeeper how it goes.
    async fn send<W>(
        &self,
        guest: &Guest,
        file: String,
        opened: Opened,
        start: u64,
        output: &mut W,
    ) -> io::Result<u64>
    where
        W: AsyncWrite + Unpin + Send + ?Sized,
    {
        let Opened { bytes, lanes } = opened;
        let length = bytes.len() as u64;
        let of = Progress { mac: guest.mac, file, length, gatekeeper: Arc::clone(&self.depot.gatekeeper) };
        let mut rest = usize::try_from(start).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
        let whole = rest.len() as u64;
        let mut driver = self.depot.lanes.driver(&lanes);
        let meter = Meter::new(of, start, length);
        meter.begin();
        while !rest.is_empty() {
            let part = match &mut driver {
                Some(driver) => std::future::poll_fn(|cx| driver.poll_turn(rest.len(), cx)).await,
                None => rest.len().min(PART),
            };
            let (now, later) = rest.split_at(part);
            let written = tokio::time::timeout(self.patience, output.write_all(now)).await;
            written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            meter.advance(part as u64);
            rest = later;
        }
        output.flush().await?;
        Ok(whole)
    }
}

fn denied<T>() -> Result<T> {
    Err(ErrorKind::PermissionDenied.into())
}

fn nothing<T>() -> Result<T> {
    Err(ErrorKind::PermanentFileNotAvailable.into())
}

#[async_trait]
impl StorageBackend<Guest> for Shelf {
    type Metadata = Entry;

    fn supported_features(&self) -> u32 {
        unftp_core::storage::FEATURE_RESTART
    }

    async fn metadata<P: AsRef<Path> + Send + fmt::Debug>(&self, guest: &Guest, path: P) -> Result<Entry> {
        match named(path.as_ref()) {
            Some(Named::Folder) => Ok(Entry(None)),
            Some(Named::File(file)) => {
                let opened = self.open(guest, &file, true).await?;
                Ok(Entry(Some(opened.bytes.len() as u64)))
            }
            None => nothing(),
        }
    }

    async fn list<P: AsRef<Path> + Send + fmt::Debug>(
        &self,
        guest: &Guest,
        path: P,
    ) -> Result<Vec<Fileinfo<PathBuf, Entry>>> {
        let files = match named(path.as_ref()) {
            Some(Named::Folder) => guest.files.clone(),
            Some(Named::File(file)) => vec![file],
            None => return nothing(),
        };
        let mut listed = Vec::new();
        for file in files {
            // What it may not have is not there.
            if let Ok(opened) = self.open(guest, &file, true).await {
                let metadata = Entry(Some(opened.bytes.len() as u64));
                listed.push(Fileinfo { path: file.into(), metadata });
            }
        }
        Ok(listed)
    }

    async fn get_into<'a, P, W: ?Sized>(
        &self,
        guest: &Guest,
        path: P,
        start: u64,
        output: &'a mut W,
    ) -> Result<u64>
    where
        W: AsyncWrite + Unpin + Sync + Send,
        P: AsRef<Path> + Send + fmt::Debug,
    {
        let Some(Named::File(file)) = named(path.as_ref()) else { return nothing() };
        let opened = self.open(guest, &file, false).await?;
        if start > opened.bytes.len() as u64 {
            return nothing();
        }
        tokio::select! {
            sent = self.send(guest, file, opened, start, output) => Ok(sent?),
            () = self.cut.cancelled() => Err(ErrorKind::ConnectionClosed.into()),
        }
    }

    async fn get<P: AsRef<Path> + Send + fmt::Debug>(
        &self,
        _: &Guest,
        _: P,
        _: u64,
    ) -> Result<Box<dyn AsyncRead + Send + Sync + Unpin>> {
        // Images go out through `get_into` alone, where they are counted.
        denied()
    }

    async fn put<P: AsRef<Path> + Send + fmt::Debug, R: AsyncRead + Send + Sync + Unpin + 'static>(
        &self,
        _: &Guest,
        _: R,
        _: P,
        _: u64,
    ) -> Result<u64> {
        denied()
    }

    async fn del<P: AsRef<Path> + Send + fmt::Debug>(&self, _: &Guest, _: P) -> Result<()> {
        denied()
    }

    async fn mkd<P: AsRef<Path> + Send + fmt::Debug>(&self, _: &Guest, _: P) -> Result<()> {
        denied()
    }

    async fn rename<P: AsRef<Path> + Send + fmt::Debug>(&self, _: &Guest, _: P, _: P) -> Result<()> {
        denied()
    }

    async fn rmd<P: AsRef<Path> + Send + fmt::Debug>(&self, _: &Guest, _: P) -> Result<()> {
        denied()
    }

    async fn cwd<P: AsRef<Path> + Send + fmt::Debug>(&self, _: &Guest, path: P) -> Result<()> {
        match named(path.as_ref()) {
            Some(Named::Folder) => Ok(()),
            Some(Named::File(_)) | None => Err(ErrorKind::PermanentDirectoryNotAvailable.into()),
        }
    }
}
