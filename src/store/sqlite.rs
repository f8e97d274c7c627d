//! The store in one SQLite file: write-ahead log, full synchronisation, many callers in one commit.

mod row;
mod writer;

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::lock::Lock;
use crate::domain::phone::Mac;
use crate::ports::{Change, Entry, FindingRow, HistoryQuery, Kept, Store, StoreError};
use writer::{Waiting, Writer};

/// `SIPH` in the file's header, so that no other program's file is taken for a store.
const APPLICATION_ID: i64 = 1_397_313_608;

/// How long another program (a backup, an administrator's `sqlite3`) may hold the file before a commit fails.
const BUSY: Duration = Duration::from_secs(10);

/// Batches that may wait for the writer before `apply` itself waits.
const QUEUE: usize = 1024;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("src/store/migrations/sqlite");

/// A store in one SQLite file.
///
/// There are two connections and no pool: one belongs to the writer, the other reads. A pool would bring timers of
/// its own, which a paused clock fires at once.
pub struct SqliteStore {
    place: Place,
    reader: Arc<Mutex<SqliteConnection>>,
    queue: StdMutex<Option<mpsc::Sender<Waiting>>>,
    writer: StdMutex<Option<JoinHandle<()>>>,
}

/// Where the store is, for errors.
#[derive(Debug, Clone)]
struct Place {
    path: Arc<str>,
    in_memory: bool,
}

impl SqliteStore {
    /// Opens the store, and makes it (and its folder) when it is not there yet.
    ///
    /// Refuses a store that another process has open, one that a newer sipherd wrote, and a file that is not a store.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let place = Place { path: path.display().to_string().into(), in_memory: false };
        make_file(path).map_err(|e| place.error(format!("cannot create it: {e}")))?;
        let lock = Lock::take(path).map_err(|why| place.error(why))?;

        let plain = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY).disable_statement_logging();
        let mut probe = plain.connect().await.map_err(|e| place.said(e))?;
        inspect(&mut probe, &place).await?;
        probe.close().await.map_err(|e| place.said(e))?;

        let options = plain
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let mut writing = options.connect().await.map_err(|e| place.said(e))?;
        migrate(&mut writing, &place).await?;
        let reading = options.connect().await.map_err(|e| place.said(e))?;
        Ok(Self::start(place, Arc::new(Mutex::new(writing)), Arc::new(Mutex::new(reading)), Some(lock)))
    }

    /// A store that forgets everything when it is dropped, for tests and the demonstration.
    pub async fn open_memory() -> Result<Self, StoreError> {
        let place = Place { path: "in memory".into(), in_memory: true };
        let _hold = place.hold_clock();
        let options =
            SqliteConnectOptions::new().in_memory(true).foreign_keys(true).disable_statement_logging();
        let mut only = options.connect().await.map_err(|e| place.said(e))?;
        migrate(&mut only, &place).await?;
        let only = Arc::new(Mutex::new(only));
        Ok(Self::start(place, only.clone(), only, None))
    }

    /// Writes what waits, then gives the file free. Whoever applies later gets an error.
    pub async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take());
        let writer = self.writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(writer) = writer
            && let Err(e) = writer.await
        {
            tracing::error!(store = %self.place.path, error = %e, "the store's writer did not end well");
        }
    }

    fn start(
        place: Place,
        writing: Arc<Mutex<SqliteConnection>>,
        reader: Arc<Mutex<SqliteConnection>>,
        lock: Option<Lock>,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let writer = Writer { place: place.clone(), connection: writing, waiting, _lock: lock };
        let task = tokio::spawn(writer.run());
        Self { place, reader, queue: StdMutex::new(Some(queue)), writer: StdMutex::new(Some(task)) }
    }

    fn queue(&self) -> Option<mpsc::Sender<Waiting>> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

impl Store for SqliteStore {
    fn load(&self) -> BoxFuture<'_, Result<Kept, StoreError>> {
        async move {
            let _hold = self.place.hold_clock();
            let mut reader = self.reader.lock().await;
            // One transaction, so that all tables are seen at the same instant.
            let mut snapshot = reader.begin().await.map_err(|e| self.place.said(e))?;
            row::load(&mut snapshot, &self.place).await
        }
        .boxed()
    }

    fn apply(&self, batch: Vec<Change>) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            if batch.is_empty() {
                return Ok(());
            }
            row::check(&batch).map_err(|why| self.place.error(why))?;
            let gone = || self.place.error("it is closed already; nothing of this was kept".to_owned());
            let (done, answer) = oneshot::channel();
            let queue = self.queue().ok_or_else(gone)?;
            queue.send(Waiting { batch, done }).await.map_err(|_| gone())?;
            // This clone would keep the writer from ending.
            drop(queue);
            answer.await.unwrap_or_else(|_| Err(gone()))
        }
        .boxed()
    }

    fn finding(&self, mac: Mac, at: DateTime<Utc>) -> BoxFuture<'_, Result<Option<FindingRow>, StoreError>> {
        async move {
            let _hold = self.place.hold_clock();
            let mut reader = self.reader.lock().await;
            row::finding(&mut reader, &self.place, mac, at).await
        }
        .boxed()
    }

    fn history(&self, query: HistoryQuery) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>> {
        async move {
            let _hold = self.place.hold_clock();
            let mut reader = self.reader.lock().await;
            row::history(&mut reader, &self.place, &query).await
        }
        .boxed()
    }
}

impl Place {
    fn error(&self, why: String) -> StoreError {
        StoreError { path: self.path.to_string(), why }
    }

    fn said(&self, error: sqlx::Error) -> StoreError {
        self.error(error.to_string())
    }

    /// While this lives a paused clock stands still: tokio moves it on only when nothing runs, and it cannot see
    /// SQLite's thread run, but it does see its own blocking tasks. Does nothing for a store on disk.
    fn hold_clock(&self) -> Option<std::sync::mpsc::Sender<()>> {
        self.in_memory.then(|| {
            let (hold, released) = std::sync::mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || released.recv());
            hold
        })
    }
}

/// Writes who the file belongs to into its header.
async fn mark(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let pragma = sqlx::AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}"));
    sqlx::raw_sql(pragma).execute(connection).await.map(drop)
}

/// Brings the tables up to date.
async fn migrate(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    // Not `run`: its future is not `Send` for every lifetime, so nobody could spawn what opens a store.
    let run = MIGRATIONS.run_direct(None, connection, false);
    run.await.map_err(|e| place.error(format!("cannot bring it up to date: {e}")))
}

/// Makes folder and file, both for their owner only.
fn make_file(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

/// Refuses what is not a store, or not one this sipherd can read, before anything is written to it.
async fn inspect(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table'")
        .fetch_one(&mut *connection)
        .await
        .map_err(|e| place.said(e))?;
    if tables == 0 {
        // Before the first table, so that a death while the tables are made leaves a file that is known again.
        return mark(connection).await.map_err(|e| place.said(e));
    }
    let id: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut *connection)
        .await
        .map_err(|e| place.said(e))?;
    if id != APPLICATION_ID {
        return Err(
            place.error("this SQLite file belongs to another program; choose another path".to_owned())
        );
    }
    let schema: i64 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
        .fetch_one(&mut *connection)
        .await
        .map_err(|e| place.said(e))?;
    let known = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
    if schema > known {
        return Err(place.error(format!(
            "written by a newer sipherd (schema {schema}, this one knows {known}); install that sipherd again or \
             restore a backup from before"
        )));
    }
    Ok(())
}
