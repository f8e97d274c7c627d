//! Rows to words and back; a row that cannot be read is named, never skipped.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::QueryBuilder;
use sqlx::sqlite::SqliteConnection;

use super::Place;
use crate::domain::firmware::Version;
use crate::domain::phone::{Hardware, Mac, Model, Realm, Vendor};
use crate::ports::{
    Change, Entry, FindingRow, HistoryQuery, Job, Kept, PhoneRow, StoreError, TripId, TripRow,
};
use crate::store::group::job_number;

type TripText = (i64, String, String, String, i64, i64, String);
type PhoneText = (
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
);
type JobText = (String, String, i64, i64, i64, Option<i64>);
type EntryText = (i64, i64, Option<String>, Option<i64>, String, String);

/// Refuses numbers and times that SQLite's 64 signed bits cannot hold.
pub fn check(batch: &[Change]) -> Result<(), String> {
    let number = |n: u64| match i64::try_from(n) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("number {n} is too large to be kept")),
    };
    let time = |at: DateTime<Utc>| match at.timestamp_nanos_opt() {
        Some(_) => Ok(()),
        None => Err(format!("the time {at} is too far away to be kept")),
    };
    for change in batch {
        match change {
            Change::Trip(trip) => number(trip.id.0).and_then(|()| time(trip.changed))?,
            Change::Phone(phone) => phone.booted.map_or(Ok(()), time)?,
            Change::Job(job) => {
                number(job_number(&job.name).unwrap_or(0))?;
                number(job.restore.unwrap_or(0)).and_then(|()| time(job.asked))?;
            }
            Change::Finding(finding) => time(finding.at)?,
            Change::ForgetFindings(before) => time(*before)?,
            Change::Entry(entry) => {
                number(entry.trip.map_or(0, |trip| trip.0)).and_then(|()| time(entry.at))?
            }
        }
    }
    Ok(())
}

/// Everything that [`Kept`] holds.
pub async fn load(connection: &mut SqliteConnection, place: &Place) -> Result<Kept, StoreError> {
    let said = |e| place.said(e);
    let trips: Vec<TripText> = sqlx::query_as(
        "SELECT id, mac, policy, state, open, changed, body FROM trips \
         WHERE open = 1 OR id IN (SELECT max(id) FROM trips WHERE open = 0 GROUP BY mac) ORDER BY id",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(said)?;
    let phones: Vec<PhoneText> = sqlx::query_as(
        "SELECT mac, known_by, vendor, model, version, lines, booted, hardware, realm, files FROM phones \
         ORDER BY mac",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(said)?;
    let jobs: Vec<JobText> = sqlx::query_as(
        "SELECT name, macs, now, even_in_a_call, asked, restore FROM jobs ORDER BY asked, name",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(said)?;
    let counters: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, value FROM counters").fetch_all(&mut *connection).await.map_err(said)?;
    let counter = |name: &str| {
        counters.iter().find(|(n, _)| n == name).map_or(0, |(_, value)| u64::try_from(*value).unwrap_or(0))
    };
    Ok(Kept {
        trips: trips.into_iter().map(|t| named(place, "trips", t.0, trip(t))).collect::<Result<_, _>>()?,
        phones: phones
            .into_iter()
            .map(|p| named(place, "phones", p.0.clone(), phone(p)))
            .collect::<Result<_, _>>()?,
        jobs: jobs
            .into_iter()
            .map(|j| named(place, "jobs", j.0.clone(), job(j)))
            .collect::<Result<_, _>>()?,
        last_trip: counter("trip"),
        last_job: counter("job"),
    })
}

/// The last finding of a phone that is not after this instant.
pub async fn finding(
    connection: &mut SqliteConnection,
    place: &Place,
    mac: Mac,
    at: DateTime<Utc>,
) -> Result<Option<FindingRow>, StoreError> {
    let row: Option<(i64, String)> = sqlx::query_as(
        "SELECT at, body FROM findings WHERE mac = $1 AND at <= $2 ORDER BY at DESC, seq DESC LIMIT 1",
    )
    .bind(mac.to_string())
    .bind(nanos(at))
    .fetch_optional(connection)
    .await
    .map_err(|e| place.said(e))?;
    Ok(row.map(|(at, body)| FindingRow { mac, at: DateTime::from_timestamp_nanos(at), body }))
}

/// The newest entries that the query asks for, oldest first.
pub async fn history(
    connection: &mut SqliteConnection,
    place: &Place,
    query: &HistoryQuery,
) -> Result<Vec<Entry>, StoreError> {
    let mut select =
        QueryBuilder::<sqlx::Sqlite>::new("SELECT seq, at, mac, trip, kind, text FROM history WHERE 1 = 1");
    if let Some(mac) = query.mac {
        select.push(" AND mac = ").push_bind(mac.to_string());
    }
    if let Some(since) = query.since {
        select.push(" AND at >= ").push_bind(nanos(since));
    }
    select.push(" ORDER BY at DESC, seq DESC");
    if let Some(limit) = query.limit {
        select.push(" LIMIT ").push_bind(i64::from(limit));
    }
    let rows: Vec<EntryText> =
        select.build_query_as().fetch_all(&mut *connection).await.map_err(|e| place.said(e))?;
    rows.into_iter().rev().map(|e| named(place, "history", e.0, entry(e))).collect()
}

/// 1 or 0.
pub fn flag(is: bool) -> i64 {
    i64::from(is)
}

/// Nanoseconds since 1970; times beyond the years 1677 and 2262, which only a query can hold, count as their ends.
pub fn nanos(at: DateTime<Utc>) -> i64 {
    at.timestamp_nanos_opt().unwrap_or(if at < DateTime::UNIX_EPOCH { i64::MIN } else { i64::MAX })
}

/// A list as JSON. Names and addresses always have a JSON form.
pub fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A plain enum's name, without JSON's quotes.
pub fn word<T: Serialize>(value: &T) -> String {
    json(value).trim_matches('"').to_owned()
}

fn named<T>(
    place: &Place,
    table: &str,
    row: impl std::fmt::Display,
    read: Result<T, String>,
) -> Result<T, StoreError> {
    read.map_err(|why| {
        place.error(format!(
            "table {table}, row {row} cannot be read: {why}; restore a backup or mend that row"
        ))
    })
}

fn trip((id, mac, policy, state, open, changed, body): TripText) -> Result<TripRow, String> {
    Ok(TripRow {
        id: trip_id(id)?,
        mac: address(&mac)?,
        policy: policy.into(),
        state,
        open: open == 1,
        changed: DateTime::from_timestamp_nanos(changed),
        body,
    })
}

fn phone(
    (mac, known_by, vendor, model, version, lines, booted, hardware, realm, files): PhoneText,
) -> Result<PhoneRow, String> {
    Ok(PhoneRow {
        mac: address(&mac)?,
        known_by: serde_json::from_value(known_by.into()).map_err(|e| e.to_string())?,
        vendor: vendor.map(|v| Vendor::new(&v)),
        model: model.map(Model::new),
        version: version.map(|v| Version::parse(&v)).transpose().map_err(|e| e.to_string())?,
        hardware: hardware.map(Hardware::new),
        booted: booted.map(DateTime::from_timestamp_nanos),
        realm: realm.map(Realm::new),
        files: files.map(|files| read(&files)).transpose()?.unwrap_or_default(),
        lines: list(&lines)?,
    })
}

fn job((name, macs, now, even_in_a_call, asked, restore): JobText) -> Result<Job, String> {
    Ok(Job {
        name: name.into(),
        macs: list(&macs)?,
        now: now == 1,
        even_in_a_call: even_in_a_call == 1,
        restore: restore
            .map(u64::try_from)
            .transpose()
            .map_err(|_| "no number of a configuration".to_owned())?,
        asked: DateTime::from_timestamp_nanos(asked),
    })
}

fn entry((_, at, mac, trip, kind, text): EntryText) -> Result<Entry, String> {
    Ok(Entry {
        at: DateTime::from_timestamp_nanos(at),
        mac: mac.map(|mac| address(&mac)).transpose()?,
        trip: trip.map(trip_id).transpose()?,
        kind,
        text,
    })
}

fn trip_id(id: i64) -> Result<TripId, String> {
    u64::try_from(id).map(TripId).map_err(|_| format!("`{id}` is not a trip number"))
}

fn address(text: &str) -> Result<Mac, String> {
    text.parse().map_err(|e: crate::domain::phone::NotAMac| e.to_string())
}

fn list<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, String> {
    read(text)
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}
