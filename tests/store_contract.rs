#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use sipherd::domain::firmware::Version;
use sipherd::domain::phone::{Hardware, KnownBy, LineId, Mac, Model, PbxName, Vendor};
use sipherd::ports::{Change, Entry, HistoryQuery, Job, Kept, PhoneRow, Store, StoreError, TripId, TripRow};
use sipherd::store::SqliteStore;

/// Opens the same store again and again.
type Opener<'a> = &'a (dyn Fn() -> BoxFuture<'static, Result<Arc<dyn Store>, StoreError>> + Sync);

fn mac(n: u32) -> Mac {
    let [_, a, b, c] = n.to_be_bytes();
    Mac::new([0, 4, 0x13, a, b, c])
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + second, 123_456_789).unwrap()
}

fn trip(id: u64, phone: u32, state: &str, open: bool) -> Change {
    Change::Trip(trip_row(id, phone, state, open))
}

fn trip_row(id: u64, phone: u32, state: &str, open: bool) -> TripRow {
    TripRow {
        id: TripId(id),
        mac: mac(phone),
        policy: "office-night".into(),
        state: state.into(),
        open,
        changed: at(id as i64),
        body: format!(r#"{{"v":1,"id":{id}}}"#),
    }
}

fn phone_row(n: u32) -> PhoneRow {
    PhoneRow {
        mac: mac(n),
        known_by: KnownBy::SipInstance,
        vendor: Some(Vendor::SNOM),
        model: Some(Model::new("D785")),
        version: Some(Version::parse("V1 R4.9.0").unwrap()),
        hardware: Some(Hardware::new("S30817-S7403-A101-015")),
        booted: DateTime::from_timestamp(1_795_193_256, 789),
        realm: Some(sipherd::domain::phone::Realm::new("berlin")),
        files: [("logo.png".to_owned(), "ab".repeat(32))].into(),
        lines: vec![LineId { pbx: PbxName::new("pbx1"), user: "2117".into() }],
    }
}

fn job(number: u32, macs: Vec<Mac>) -> Job {
    Job {
        name: format!("reboot-{number}").into(),
        macs,
        now: true,
        even_in_a_call: false,
        restore: number.is_multiple_of(2).then_some(number.into()),
        asked: at(0),
    }
}

fn entry(second: i64, phone: Option<u32>, text: &str) -> Entry {
    Entry {
        at: at(second),
        mac: phone.map(mac),
        trip: phone.map(|n| TripId(n.into())),
        kind: "asked".into(),
        text: text.into(),
    }
}

/// Opens a store whose former owner was dropped and may still be writing its last commit.
async fn reopen(open: Opener<'_>) -> Arc<dyn Store> {
    tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            match open().await {
                Ok(store) => return store,
                Err(e) if e.why.starts_with("in use") => tokio::task::yield_now().await,
                Err(e) => panic!("{e}"),
            }
        }
    })
    .await
    .unwrap()
}

async fn everything_comes_back_after_a_reopening(open: Opener<'_>) {
    let store = open().await.unwrap();
    assert_eq!(store.load().await.unwrap(), Kept::default());
    let batch = vec![
        trip(1, 1, "failed", false),
        trip(2, 1, "verified", false),
        trip(3, 1, "asked", true),
        trip(4, 2, "verified", false),
        Change::Phone(phone_row(1)),
        Change::Phone(PhoneRow {
            vendor: None,
            model: None,
            version: None,
            hardware: None,
            booted: None,
            realm: None,
            files: [].into(),
            lines: vec![],
            ..phone_row(2)
        }),
        Change::Job(job(1, vec![mac(1)])),
        Change::Job(job(7, vec![mac(1), mac(2)])),
        Change::Entry(entry(1, Some(1), "asked to reboot")),
        Change::Entry(entry(2, None, "started")),
    ];
    store.apply(batch).await.unwrap();
    store.apply(vec![Change::Job(job(7, vec![]))]).await.unwrap();
    let expected = Kept {
        trips: vec![
            trip_row(2, 1, "verified", false),
            trip_row(3, 1, "asked", true),
            trip_row(4, 2, "verified", false),
        ],
        phones: vec![
            phone_row(1),
            PhoneRow {
                vendor: None,
                model: None,
                version: None,
                hardware: None,
                booted: None,
                realm: None,
                files: [].into(),
                lines: vec![],
                ..phone_row(2)
            },
        ],
        jobs: vec![job(1, vec![mac(1)])],
        last_trip: 4,
        last_job: 7,
    };
    assert_eq!(store.load().await.unwrap(), expected);
    drop(store);
    let store = reopen(open).await;
    assert_eq!(store.load().await.unwrap(), expected);
    let history = store.history(HistoryQuery::default()).await.unwrap();
    assert_eq!(history, vec![entry(1, Some(1), "asked to reboot"), entry(2, None, "started")]);
}

async fn the_last_word_on_a_key_wins(open: Opener<'_>) {
    let store = open().await.unwrap();
    store.apply(vec![trip(1, 1, "asked", true), trip(1, 1, "accepted", true)]).await.unwrap();
    store.apply(vec![trip(1, 1, "away", true)]).await.unwrap();
    assert_eq!(store.load().await.unwrap().trips, vec![trip_row(1, 1, "away", true)]);
}

async fn a_batch_is_kept_whole_or_not_at_all(open: Opener<'_>) {
    let store = open().await.unwrap();
    let impossible = trip(u64::MAX, 2, "asked", true);
    let error = store.apply(vec![trip(1, 1, "asked", true), impossible]).await.unwrap_err();
    assert_eq!(error.why, "number 18446744073709551615 is too large to be kept");
    assert_eq!(store.load().await.unwrap(), Kept::default());
    store.apply(vec![trip(1, 1, "asked", true)]).await.unwrap();
}

async fn a_hundred_callers_at_once_are_all_kept(open: Opener<'_>) {
    let store = open().await.unwrap();
    let callers = (1..=100).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .apply(vec![trip(n, n as u32, "asked", true), Change::Entry(entry(n as i64, None, "x"))])
                .await
        })
    });
    for result in join_all(callers).await {
        result.unwrap().unwrap();
    }
    let kept = store.load().await.unwrap();
    assert_eq!(kept.trips.len(), 100);
    assert_eq!(kept.last_trip, 100);
    assert_eq!(store.history(HistoryQuery::default()).await.unwrap().len(), 100);
}

async fn any_text_comes_back_as_it_was(open: Opener<'_>) {
    let store = open().await.unwrap();
    let texts =
        ["Büro 2. Stock · 電話 ☎", "'; DROP TABLE history; --", "line\nbreak\ttab", "", "$1 ? \"quoted\" %s"];
    store.apply(texts.iter().map(|t| Change::Entry(entry(0, Some(1), t))).collect()).await.unwrap();
    let history = store.history(HistoryQuery { mac: Some(mac(1)), ..Default::default() }).await.unwrap();
    assert_eq!(history.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(), texts);
}

async fn ten_thousand_entries_are_found_by_phone_time_and_number(open: Opener<'_>) {
    let store = open().await.unwrap();
    let all: Vec<_> = (0..10_000).map(|n| entry(n, Some(n as u32 % 100), &n.to_string())).collect();
    store.apply(all.iter().cloned().map(Change::Entry).collect()).await.unwrap();
    let of_one: Vec<_> = all.iter().filter(|e| e.mac == Some(mac(17))).cloned().collect();
    let ask = async |query| store.history(query).await.unwrap();
    assert_eq!(ask(HistoryQuery::default()).await, all);
    assert_eq!(ask(HistoryQuery { mac: Some(mac(17)), ..Default::default() }).await, of_one);
    assert_eq!(ask(HistoryQuery { limit: Some(3), ..Default::default() }).await, all[9_997..]);
    assert_eq!(ask(HistoryQuery { since: Some(at(9_990)), ..Default::default() }).await, all[9_990..]);
    assert_eq!(ask(HistoryQuery { since: Some(DateTime::<Utc>::MIN_UTC), ..Default::default() }).await, all);
    let query = HistoryQuery { mac: Some(mac(17)), since: Some(at(5_000)), limit: Some(2) };
    assert_eq!(ask(query).await, of_one[98..]);
    assert_eq!(ask(HistoryQuery { limit: Some(0), ..Default::default() }).await, []);
}

async fn what_was_answered_survives_a_drop_without_a_close(open: Opener<'_>) {
    for round in 1..=10_u64 {
        let store = reopen(open).await;
        assert_eq!(store.load().await.unwrap().last_trip, (round - 1) * 2);
        store.apply(vec![trip(round * 2 - 1, round as u32, "asked", true)]).await.unwrap();
        // Nobody waits for the second one: it may not vanish half.
        let unanswered = store.apply(vec![trip(round * 2, 1000 + round as u32, "asked", true)]);
        unanswered.now_or_never();
        drop(store);
    }
    assert_eq!(reopen(open).await.load().await.unwrap().trips.len(), 20);
}

async fn a_second_daemon_is_refused(open: Opener<'_>) {
    let first = open().await.unwrap();
    let error = open().await.err().unwrap();
    let holder = std::process::id();
    assert_eq!(
        error.why,
        format!("in use by process {holder}; stop that sipherd first, or give this one its own store")
    );
    first.apply(vec![trip(1, 1, "asked", true)]).await.unwrap();
}

/// Makes one test of each sentence of the contract, each with a store of its own.
macro_rules! contract {
    ($store:ident: $($sentence:ident),+ $(,)?) => {
        mod $store {
            $(#[tokio::test]
            async fn $sentence() {
                let folder = tempfile::tempdir().unwrap();
                let open = super::$store(folder.path());
                super::$sentence(&open).await;
            })+
        }
    };
}

fn sqlite(
    folder: &Path,
) -> impl Fn() -> BoxFuture<'static, Result<Arc<dyn Store>, StoreError>> + Sync + use<> {
    let path = folder.join("state/sipherd.db");
    move || {
        let path = path.clone();
        async move { Ok(Arc::new(SqliteStore::open(&path).await?) as Arc<dyn Store>) }.boxed()
    }
}

contract!(
    sqlite: everything_comes_back_after_a_reopening,
    the_last_word_on_a_key_wins,
    a_batch_is_kept_whole_or_not_at_all,
    a_hundred_callers_at_once_are_all_kept,
    any_text_comes_back_as_it_was,
    ten_thousand_entries_are_found_by_phone_time_and_number,
    what_was_answered_survives_a_drop_without_a_close,
    a_second_daemon_is_refused,
);

/// Changes the file behind the store's back.
async fn tamper(path: &Path, sql: &'static str) {
    use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
    let mut raw = SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
}

async fn a_closed_store(folder: &Path) -> PathBuf {
    let path = folder.join("sipherd.db");
    let store = SqliteStore::open(&path).await.unwrap();
    store.apply(vec![trip(1, 1, "asked", true), Change::Phone(phone_row(1))]).await.unwrap();
    store.close().await;
    assert!(store.apply(vec![trip(2, 1, "asked", true)]).await.is_err());
    path
}

#[tokio::test]
async fn a_copy_of_the_files_at_any_instant_holds_all_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sipherd.db");
    let store = SqliteStore::open(&path).await.unwrap();
    for n in 1..=20 {
        store.apply(vec![trip(n, n as u32, "asked", true)]).await.unwrap();
        // What `kill -9` leaves behind: the file and its log as the kernel has them, nothing closed.
        let left = folder.path().join(format!("left-{n}.db"));
        std::fs::copy(&path, &left).unwrap();
        std::fs::copy(folder.path().join("sipherd.db-wal"), folder.path().join(format!("left-{n}.db-wal")))
            .unwrap();
        let kept = SqliteStore::open(&left).await.unwrap().load().await.unwrap();
        assert_eq!(kept.trips.len() as u64, n);
    }
}

#[tokio::test]
async fn a_store_of_a_newer_sipherd_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = a_closed_store(folder.path()).await;
    tamper(
        &path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99, 'later', 1, x'00', 0)",
    )
    .await;
    let error = SqliteStore::open(&path).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "store {}: written by a newer sipherd (schema 99, this one knows 7); install that sipherd again or \
             restore a backup from before",
            path.display()
        )
    );
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    tamper(&path, "CREATE TABLE theirs (x)").await;
    let before = std::fs::read(&path).unwrap();
    let error = SqliteStore::open(&path).await.err().unwrap();
    assert_eq!(error.why, "this SQLite file belongs to another program; choose another path");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    std::fs::write(&path, "not a database, but a file that is long enough to be looked at").unwrap();
    assert!(SqliteStore::open(&path).await.is_err());
}

#[tokio::test]
async fn a_store_whose_making_was_cut_short_is_made_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    for (n, left) in [
        "",
        "PRAGMA application_id = 1397313608",
        "PRAGMA application_id = 1397313608; CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, \
         description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
         success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(format!("{n}.db"));
        tamper(&path, left).await;
        let store = SqliteStore::open(&path).await.unwrap();
        store.apply(vec![trip(1, 1, "asked", true)]).await.unwrap();
        store.close().await;
        SqliteStore::open(&path).await.unwrap();
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = a_closed_store(folder.path()).await;
    tamper(&path, "UPDATE trips SET mac = 'nonsense' WHERE id = 1").await;
    let store = SqliteStore::open(&path).await.unwrap();
    let error = store.load().await.unwrap_err();
    assert_eq!(
        error.why,
        "table trips, row 1 cannot be read: `nonsense` is not a MAC address; restore a backup or mend that row"
    );
}

#[tokio::test]
async fn a_failed_commit_fails_its_callers_and_keeps_nothing_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = a_closed_store(folder.path()).await;
    tamper(
        &path,
        "CREATE TRIGGER full BEFORE INSERT ON history BEGIN SELECT raise(ABORT, 'disk is full'); END",
    )
    .await;
    let store = SqliteStore::open(&path).await.unwrap();
    let batch = vec![trip(2, 2, "asked", true), Change::Entry(entry(1, Some(2), "asked"))];
    let error = store.apply(batch).await.unwrap_err();
    assert!(error.why.contains("disk is full"), "{error}");
    assert_eq!(store.load().await.unwrap().last_trip, 1);
    store.apply(vec![trip(2, 2, "asked", true)]).await.unwrap();
    assert_eq!(store.load().await.unwrap().last_trip, 2);
}

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/sipherd.db");
    let _store = SqliteStore::open(&path).await.unwrap();
    let mut seen = 0;
    for file in std::fs::read_dir(folder.path().join("new")).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        seen += 1;
    }
    assert_eq!(seen, 4, "store, log, shared memory and lock");
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_stands_still_while_the_memory_store_works() {
    let store = SqliteStore::open_memory().await.unwrap();
    let begin = tokio::time::Instant::now();
    let alarm = tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
    for n in 1..=50 {
        store.apply(vec![trip(n, 1, "asked", true)]).await.unwrap();
        store.load().await.unwrap();
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert!(!alarm.is_finished());
    assert_eq!(store.load().await.unwrap().last_trip, 50);
    assert!(
        store
            .history(HistoryQuery { since: Some(at(0) + TimeDelta::days(1)), ..Default::default() })
            .await
            .unwrap()
            .is_empty()
    );
}
