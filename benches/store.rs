//! Events kept per second: the store's group commit against one row per transaction, on the same disk in one run.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod measure;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use chrono::{DateTime, TimeDelta};
use sipherd::domain::phone::Mac;
use sipherd::ports::{Change, Entry, Store, TripId};
use sipherd::store::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::time::Instant;

use measure::{row, table, verdict};

/// Callers of the daemon that have something to keep at the same time.
const CALLERS: usize = 100;
const GOAL: f64 = 20_000.0;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("store.db");
    let store = Arc::new(SqliteStore::open(&path).await?);
    let mut rows =
        vec![row(["events kept", "batch", "callers", "events/s", "against single rows", "goal", ""])];
    let mut kept = Vec::new();
    for (batch, events) in [(1, 50_000), (100, 100_000), (1000, 200_000)] {
        kept.push((batch, grouped(&store, batch, events).await?));
    }
    store.close().await;
    let single = one_by_one(&path, 3_000).await?;
    for (batch, speed) in kept {
        let (batch, callers, ratio) = (batch.to_string(), CALLERS.to_string(), speed / single);
        rows.push(row([
            "group commit",
            &batch,
            &callers,
            &format!("{speed:.0}"),
            &format!("{ratio:.1} x"),
            &format!("{GOAL:.0}"),
            verdict(speed >= GOAL),
        ]));
    }
    rows.push(row(["a row a transaction", "1", "1", &format!("{single:.0}"), "1.0 x"]));
    table(
        "Store: SQLite, write-ahead log, full synchronisation; every event on the disk when it counts",
        &rows,
    );
    Ok(())
}

/// What the daemon writes most: a line of the history.
fn entry(number: usize) -> Entry {
    let low = (number % 100_000) as u32;
    let [_, a, b, c] = low.to_be_bytes();
    Entry {
        at: DateTime::UNIX_EPOCH + TimeDelta::milliseconds(number as i64),
        mac: Some(Mac::new([0, 4, 0x13, a, b, c])),
        trip: Some(TripId(u64::from(low))),
        kind: "answered".to_owned(),
        text: "200 OK; its settings will be asked for within 3 min".to_owned(),
    }
}

/// Events per second when all callers apply batches of this size, each waiting for its own to be on the disk.
async fn grouped(store: &Arc<SqliteStore>, batch: usize, events: usize) -> Result<f64> {
    let rounds = events.div_ceil(batch * CALLERS);
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for round in 0..rounds {
                    let first = (round * CALLERS + caller) * batch;
                    let changes = (first..first + batch).map(|n| Change::Entry(entry(n))).collect();
                    store.apply(changes).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    Ok((rounds * batch * CALLERS) as f64 / began.elapsed().as_secs_f64())
}

/// Events per second the plain way, into the same table with the same durability.
async fn one_by_one(path: &Path, events: usize) -> Result<f64> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.disable_statement_logging().connect().await?;
    let began = Instant::now();
    for entry in (0..events).map(entry) {
        sqlx::query("INSERT INTO history (at, mac, trip, kind, text) VALUES ($1, $2, $3, $4, $5)")
            .bind(entry.at.timestamp_millis())
            .bind(entry.mac.map(|mac| mac.to_string()))
            .bind(entry.trip.map(|trip| trip.0 as i64))
            .bind(entry.kind)
            .bind(entry.text)
            .execute(&mut connection)
            .await?;
    }
    let speed = events as f64 / began.elapsed().as_secs_f64();
    connection.close().await?;
    Ok(speed)
}
