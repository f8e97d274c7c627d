//! The only task that writes: takes all batches that wait, commits them together, answers their callers.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, QueryBuilder, Sqlite};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::Place;
use super::row::{flag, json, nanos, word};
use crate::ports::{Change, StoreError};
use crate::store::group::Group;
use crate::store::lock::Lock;

/// Rows after which no further batch joins a commit.
const COMMIT_ROWS: usize = 1000;

/// Rows in one statement; 7 columns of each stay far below SQLite's 32,766 parameters.
const STATEMENT_ROWS: usize = 1000;

/// A batch and its caller.
pub struct Waiting {
    /// What is to be kept.
    pub batch: Vec<Change>,
    /// Told when it is on the disk, or why not.
    pub done: oneshot::Sender<Result<(), StoreError>>,
}

/// Owns the writing connection and the lock.
pub struct Writer {
    /// For errors.
    pub place: Place,
    /// The writing connection; shared with the reader when the store is in memory.
    pub connection: Arc<Mutex<SqliteConnection>>,
    /// The queue; its end is the end of the writer.
    pub waiting: mpsc::Receiver<Waiting>,
    /// Given free when the last commit is done.
    pub _lock: Option<Lock>,
}

impl Writer {
    /// Writes until the store is closed or dropped.
    pub async fn run(mut self) {
        while let Some(first) = self.waiting.recv().await {
            let _hold = self.place.hold_clock();
            let mut group = Group::default();
            let mut callers = vec![first.done];
            group.add(first.batch);
            while group.rows() < COMMIT_ROWS
                && let Ok(next) = self.waiting.try_recv()
            {
                group.add(next.batch);
                callers.push(next.done);
            }
            let mut connection = self.connection.lock().await;
            let result = commit(&mut connection, &group).await.map_err(|e| self.place.said(e));
            drop(connection);
            if let Err(error) = &result {
                tracing::error!(store = %error.path, why = %error.why, callers = callers.len(), "commit failed");
            }
            for caller in callers {
                // A caller that no longer waits loses nothing: its batch is on the disk all the same.
                let _ = caller.send(result.clone());
            }
        }
    }
}

async fn commit(connection: &mut SqliteConnection, group: &Group) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    write(&mut transaction, group).await?;
    transaction.commit().await
}

async fn write(connection: &mut SqliteConnection, group: &Group) -> Result<(), sqlx::Error> {
    upsert(
        connection,
        "INSERT INTO trips (id, mac, policy, state, open, changed, body) ",
        " ON CONFLICT (id) DO UPDATE SET mac = excluded.mac, policy = excluded.policy, state = excluded.state, \
         open = excluded.open, changed = excluded.changed, body = excluded.body",
        group.trips.values().collect(),
        |row, trip| {
            row.push_bind(trip.id.0 as i64).push_bind(trip.mac.to_string()).push_bind(trip.policy.to_string());
            row.push_bind(trip.state.clone()).push_bind(flag(trip.open)).push_bind(nanos(trip.changed));
            row.push_bind(trip.body.clone());
        },
    )
    .await?;
    upsert(
        connection,
        "INSERT INTO phones (mac, known_by, vendor, model, version, lines, booted, hardware, realm, files) ",
        " ON CONFLICT (mac) DO UPDATE SET known_by = excluded.known_by, vendor = excluded.vendor, \
         model = excluded.model, version = excluded.version, lines = excluded.lines, booted = excluded.booted, \
         hardware = excluded.hardware, realm = excluded.realm, files = excluded.files",
        group.phones.values().collect(),
        |row, phone| {
            row.push_bind(phone.mac.to_string()).push_bind(word(&phone.known_by));
            row.push_bind(phone.vendor.as_ref().map(|v| v.as_str().to_owned()));
            row.push_bind(phone.model.as_ref().map(|m| m.as_str().to_owned()));
            row.push_bind(phone.version.as_ref().map(|v| v.as_str().to_owned()))
                .push_bind(json(&phone.lines))
                .push_bind(phone.booted.map(nanos))
                .push_bind(phone.hardware.as_ref().map(|hardware| hardware.as_str().to_owned()))
                .push_bind(phone.realm.as_ref().map(|realm| realm.as_str().to_owned()))
                .push_bind((!phone.files.is_empty()).then(|| json(&phone.files)));
        },
    )
    .await?;
    upsert(
        connection,
        "INSERT INTO jobs (name, macs, now, even_in_a_call, asked, restore) ",
        " ON CONFLICT (name) DO UPDATE SET macs = excluded.macs, now = excluded.now, \
         even_in_a_call = excluded.even_in_a_call, asked = excluded.asked, restore = excluded.restore",
        group.jobs.values().filter(|job| !job.macs.is_empty()).collect(),
        |row, job| {
            row.push_bind(job.name.to_string()).push_bind(json(&job.macs)).push_bind(flag(job.now));
            // Checked before: it fits.
            let restore = job.restore.and_then(|number| i64::try_from(number).ok());
            row.push_bind(flag(job.even_in_a_call)).push_bind(nanos(job.asked)).push_bind(restore);
        },
    )
    .await?;
    for job in group.jobs.values().filter(|job| job.macs.is_empty()) {
        sqlx::query("DELETE FROM jobs WHERE name = $1")
            .bind(job.name.to_string())
            .execute(&mut *connection)
            .await?;
    }
    upsert(
        connection,
        "INSERT INTO history (at, mac, trip, kind, text) ",
        "",
        group.entries.iter().collect(),
        |row, entry| {
            row.push_bind(nanos(entry.at)).push_bind(entry.mac.map(|mac| mac.to_string()));
            row.push_bind(entry.trip.map(|trip| trip.0 as i64)).push_bind(entry.kind.clone());
            row.push_bind(entry.text.clone());
        },
    )
    .await?;
    upsert(
        connection,
        "INSERT INTO findings (mac, at, body) ",
        "",
        group.findings.iter().collect(),
        |row, finding| {
            row.push_bind(finding.mac.to_string())
                .push_bind(nanos(finding.at))
                .push_bind(finding.body.clone());
        },
    )
    .await?;
    if let Some(before) = group.forget_findings {
        sqlx::query("DELETE FROM findings WHERE at < $1")
            .bind(nanos(before))
            .execute(&mut *connection)
            .await?;
    }
    for (counter, value) in [("trip", group.last_trip()), ("job", group.last_job)] {
        if let Some(value) = value {
            sqlx::query(
                "INSERT INTO counters (name, value) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            )
            .bind(counter)
            .bind(value as i64)
            .execute(&mut *connection)
            .await?;
        }
    }
    Ok(())
}

/// Many rows in one statement: sqlx pays a change of thread for each.
async fn upsert<T>(
    connection: &mut SqliteConnection,
    insert: &str,
    conflict: &str,
    rows: Vec<&T>,
    bind: impl Fn(&mut sqlx::query_builder::Separated<'_, Sqlite, &'static str>, &T),
) -> Result<(), sqlx::Error> {
    for chunk in rows.chunks(STATEMENT_ROWS) {
        let mut statement = QueryBuilder::<Sqlite>::new(insert);
        statement.push_values(chunk, |mut row, item| bind(&mut row, item));
        statement.push(conflict);
        // Only the form for one row is met again and again; the others would crowd the statement cache.
        statement.build().persistent(chunk.len() == 1).execute(&mut *connection).await?;
    }
    Ok(())
}
