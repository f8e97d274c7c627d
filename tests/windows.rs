//! Policy text, instant and expected window; DST days of three zones.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod oracle;

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use oracle::Walk;
use proptest::prelude::*;
use sipherd::domain::policy::{Calendar, EVERY_DAY, Lasts, Opening, Window, WindowState};

// ------------------------------------------------------------------------------------------- reading

fn utc(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap_or_else(|e| panic!("{text}: {e}")).and_utc()
}

fn time(text: &str) -> NaiveTime {
    NaiveTime::parse_from_str(text, "%H:%M").unwrap()
}

/// Reads `sat,sun 22:00-05:00`, `daily 22:00+9h`, `cron 30 1 * * sun +4h`.
fn window(text: &str) -> Window {
    let minutes = |text: &str| TimeDelta::minutes(text.strip_suffix('m').unwrap().parse().unwrap());
    if let Some(cron) = text.strip_prefix("cron ") {
        let (cron, length) = cron.split_once(" +").unwrap();
        return Window::cron(cron.parse().unwrap(), minutes(length));
    }
    let (days, span) = text.split_once(' ').unwrap();
    let days = match days {
        "daily" => "mon,tue,wed,thu,fri,sat,sun",
        days => days,
    };
    let days: Vec<Weekday> = days.split(',').map(|day| day.parse().unwrap()).collect();
    let (from, lasts) = match span.split_once('-') {
        Some((from, to)) => (from, Lasts::Until(time(to))),
        None => {
            let (from, length) = span.split_once('+').unwrap();
            (from, Lasts::For(minutes(length)))
        }
    };
    Window::weekly(days, time(from), lasts)
}

fn calendar(texts: &str) -> Calendar {
    Calendar::of(texts.split(" & ").map(window).collect())
}

fn spell(opening: Opening) -> String {
    format!("{} to {}", opening.start.format("%Y-%m-%d %H:%M"), opening.end.format("%Y-%m-%d %H:%M"))
}

// -------------------------------------------------------------------------------------------- tables

/// Zone, windows, an instant in UTC, and the openings that follow it, in UTC.
const OPENINGS: &[(&str, &str, &str, &[&str])] = &[
    // An evening's window goes on after midnight, though Saturday is not named.
    (
        "Europe/Berlin",
        "fri 22:00-05:00",
        "2026-11-21 02:00",
        &["2026-11-20 21:00 to 2026-11-21 04:00", "2026-11-27 21:00 to 2026-11-28 04:00"],
    ),
    // Its last instant is outside.
    ("Europe/Berlin", "fri 22:00-05:00", "2026-11-21 04:00", &["2026-11-27 21:00 to 2026-11-28 04:00"]),
    // Equal times are a whole day.
    ("UTC", "sat 06:00-06:00", "2026-11-20 00:00", &["2026-11-21 06:00 to 2026-11-22 06:00"]),
    // Longer than a day.
    (
        "UTC",
        "fri 20:00+3600m",
        "2026-11-23 07:59",
        &["2026-11-20 20:00 to 2026-11-23 08:00", "2026-11-27 20:00 to 2026-11-30 08:00"],
    ),
    // Overlaps merge, and so do windows that touch.
    (
        "UTC",
        "sat 01:00-03:00 & sat 02:00-05:00 & sat 05:00-06:00",
        "2026-11-20 00:00",
        &["2026-11-21 01:00 to 2026-11-21 06:00", "2026-11-28 01:00 to 2026-11-28 06:00"],
    ),
    // A window inside a longer one adds nothing.
    (
        "UTC",
        "sat 01:00-09:00 & sat 02:00-03:00",
        "2026-11-20 00:00",
        &["2026-11-21 01:00 to 2026-11-21 09:00"],
    ),
    // The end of the year.
    ("Europe/Berlin", "thu 23:00-02:00", "2026-12-31 00:00", &["2026-12-31 22:00 to 2027-01-01 01:00"]),
    // Spring: a start in the gap waits for its end; 02:30 does not exist on 2027-03-28.
    (
        "Europe/Berlin",
        "daily 02:30-05:00",
        "2027-03-27 00:00",
        &[
            "2027-03-27 01:30 to 2027-03-27 04:00",
            "2027-03-28 01:00 to 2027-03-28 03:00",
            "2027-03-29 00:30 to 2027-03-29 03:00",
        ],
    ),
    // An end in the gap is the gap's end.
    (
        "Europe/Berlin",
        "daily 01:00-02:30",
        "2027-03-28 00:00",
        &["2027-03-28 00:00 to 2027-03-28 01:00", "2027-03-28 23:00 to 2027-03-29 00:30"],
    ),
    // Both in the gap: that day nothing is left.
    ("Europe/Berlin", "daily 02:10-02:50", "2027-03-27 12:00", &["2027-03-29 00:10 to 2027-03-29 00:50"]),
    // A length is elapsed time, on the short night too.
    ("Europe/Berlin", "sat 23:00+540m", "2027-03-27 12:00", &["2027-03-27 22:00 to 2027-03-28 07:00"]),
    // A wall-clock end makes the night shorter.
    ("Europe/Berlin", "sat 22:00-05:00", "2027-03-27 12:00", &["2027-03-27 21:00 to 2027-03-28 03:00"]),
    // Autumn: 02:30 comes twice on 2027-10-31; the window opens the first time, once.
    (
        "Europe/Berlin",
        "daily 02:30+60m",
        "2027-10-30 12:00",
        &["2027-10-31 00:30 to 2027-10-31 01:30", "2027-11-01 01:30 to 2027-11-01 02:30"],
    ),
    // It closes the second time.
    (
        "Europe/Berlin",
        "daily 01:00-02:30",
        "2027-10-30 12:00",
        &["2027-10-30 23:00 to 2027-10-31 01:30", "2027-11-01 00:00 to 2027-11-01 01:30"],
    ),
    ("Europe/Berlin", "sat 22:00-05:00", "2027-10-30 12:00", &["2027-10-30 20:00 to 2027-10-31 04:00"]),
    ("Europe/Berlin", "sat 23:00+540m", "2027-10-30 12:00", &["2027-10-30 21:00 to 2027-10-31 06:00"]),
    // The same by cron, where the crate alone would skip the spring day and fire twice in autumn.
    (
        "Europe/Berlin",
        "cron 30 2 * * * +60m",
        "2027-03-27 12:00",
        &["2027-03-28 01:00 to 2027-03-28 02:00", "2027-03-29 00:30 to 2027-03-29 01:30"],
    ),
    (
        "Europe/Berlin",
        "cron 30 2 * * * +60m",
        "2027-10-30 12:00",
        &["2027-10-31 00:30 to 2027-10-31 01:30", "2027-11-01 01:30 to 2027-11-01 02:30"],
    ),
    // Every half hour in the overlap: in order, each once.
    (
        "Europe/Berlin",
        "cron */30 1-3 * * * +10m",
        "2027-10-30 12:00",
        &[
            "2027-10-30 23:00 to 2027-10-30 23:10",
            "2027-10-30 23:30 to 2027-10-30 23:40",
            "2027-10-31 00:00 to 2027-10-31 00:10",
            "2027-10-31 00:30 to 2027-10-31 00:40",
            "2027-10-31 02:00 to 2027-10-31 02:10",
            "2027-10-31 02:30 to 2027-10-31 02:40",
        ],
    ),
    // Several starts in the gap are one.
    (
        "Europe/Berlin",
        "cron */20 2 * * * +10m",
        "2027-03-28 00:00",
        &["2027-03-28 01:00 to 2027-03-28 01:10", "2027-03-29 00:00 to 2027-03-29 00:10"],
    ),
    // New York: spring on 2027-03-14, autumn on 2027-11-07, both at 02:00.
    (
        "America/New_York",
        "daily 02:30-05:00",
        "2027-03-13 12:00",
        &["2027-03-14 07:00 to 2027-03-14 09:00", "2027-03-15 06:30 to 2027-03-15 09:00"],
    ),
    (
        "America/New_York",
        "daily 01:30+60m",
        "2027-11-06 12:00",
        &["2027-11-07 05:30 to 2027-11-07 06:30", "2027-11-08 06:30 to 2027-11-08 07:30"],
    ),
    // Lord Howe: half an hour, spring on 2026-10-04 (02:00 to 02:30), autumn on 2027-04-04 (02:00 to 01:30).
    (
        "Australia/Lord_Howe",
        "daily 02:10-03:00",
        "2026-10-02 20:00",
        &["2026-10-03 15:30 to 2026-10-03 16:00", "2026-10-04 15:10 to 2026-10-04 16:00"],
    ),
    (
        "Australia/Lord_Howe",
        "daily 01:45-01:50",
        "2027-04-03 12:00",
        &["2027-04-03 14:45 to 2027-04-03 15:20", "2027-04-04 15:15 to 2027-04-04 15:20"],
    ),
    // A zone whose clocks change at midnight: that midnight does not exist.
    (
        "Asia/Beirut",
        "daily 00:00-01:30",
        "2027-03-27 12:00",
        &["2027-03-27 22:00 to 2027-03-27 22:30", "2027-03-28 21:00 to 2027-03-28 22:30"],
    ),
    // Rare dates.
    (
        "UTC",
        "cron 0 3 29 2 * +60m",
        "2026-11-20 00:00",
        &["2028-02-29 03:00 to 2028-02-29 04:00", "2032-02-29 03:00 to 2032-02-29 04:00"],
    ),
    (
        "UTC",
        "cron 0 3 13 * fri +60m",
        "2026-11-10 00:00",
        &[
            "2026-11-13 03:00 to 2026-11-13 04:00",
            "2026-11-20 03:00 to 2026-11-20 04:00",
            "2026-11-27 03:00 to 2026-11-27 04:00",
            "2026-12-04 03:00 to 2026-12-04 04:00",
            "2026-12-11 03:00 to 2026-12-11 04:00",
            "2026-12-13 03:00 to 2026-12-13 04:00",
        ],
    ),
];

#[test]
fn openings_are_those_of_the_table() {
    for (zone, windows, from, expected) in OPENINGS {
        let zone: Tz = zone.parse().unwrap();
        let found = calendar(windows).openings(utc(from), zone, expected.len());
        let found: Vec<String> = found.into_iter().map(spell).collect();
        assert_eq!(found, *expected, "{windows} in {zone} from {from}");
    }
}

#[test]
fn a_window_has_its_own_zone_when_it_names_one() {
    let mut calendar = calendar("sat 23:00+60m");
    calendar.windows[0].zone = Some(Tz::America__New_York);
    let found = calendar.openings(utc("2026-11-20 00:00"), Tz::Europe__Berlin, 1);
    assert_eq!(spell(found[0]), "2026-11-22 04:00 to 2026-11-22 05:00");
}

#[test]
fn no_window_means_never() {
    assert_eq!(Calendar::default().at(utc("2026-11-20 00:00"), Tz::UTC), WindowState::Closed(None));
    assert!(Calendar::default().openings(utc("2026-11-20 00:00"), Tz::UTC, 3).is_empty());
}

#[test]
fn windows_without_a_pause_never_close() {
    let always = calendar("daily 00:00-00:00");
    let now = utc("2026-11-20 10:00");
    assert!(always.never_closes(now, Tz::Europe__Berlin));
    assert_eq!(always.openings(now, Tz::Europe__Berlin, 5).len(), 1);
    assert!(!calendar("daily 00:00-23:59").never_closes(now, Tz::Europe__Berlin));
}

// -------------------------------------------------------------------------------------------- oracle

/// Compares every minute up to so many hours before and after an instant in the middle of the walk.
fn compare(calendar: &Calendar, zone: Tz, walk: &Walk, around: DateTime<Utc>, hours: i64) {
    let (start, end) = (around - TimeDelta::hours(hours), around + TimeDelta::hours(hours));
    let inside = walk.inside(&calendar.windows);
    let mut proved = None;
    for (minute, expected) in inside.iter().enumerate() {
        let now = walk.start + TimeDelta::minutes(i64::try_from(minute).unwrap());
        if now < start || now >= end {
            continue;
        }
        let state = calendar.at(now, zone);
        let open = matches!(state, WindowState::Open(_));
        assert_eq!(open, *expected, "{now} ({}) in {zone}, {calendar:?}: {state:?}", walk.wall[minute]);
        // The opening that is told must begin and end where the oracle's does, as far as it walked.
        let (WindowState::Open(opening) | WindowState::Closed(Some(opening))) = state else { continue };
        let at = |instant: DateTime<Utc>| usize::try_from((instant - walk.start).num_minutes()).ok();
        if let (Some(first), Some(last)) = (at(opening.start), at(opening.end))
            && first > 0
            && last < inside.len() - 2 * 24 * 60
            && proved != Some((opening, open))
        {
            proved = Some((opening, open));
            assert!(
                !inside[first - 1] && inside[first..last].iter().all(|i| *i) && !inside[last],
                "{now} {opening:?}"
            );
            assert!(
                open || inside[minute..first].iter().all(|i| !*i),
                "{now}: an opening before {opening:?}"
            );
        }
    }
}

/// Every change of these zones' clocks from 2026 to 2028, found by looking at every hour.
fn clock_changes(zone: Tz) -> Vec<DateTime<Utc>> {
    let offset = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local() - at.naive_utc();
    let start = utc("2026-01-01 00:00");
    let hours = (0..3 * 366 * 24).map(|hour| start + TimeDelta::hours(hour));
    hours.filter(|at| offset(*at) != offset(*at - TimeDelta::hours(1))).collect()
}

const ZONES: [Tz; 3] = [Tz::Europe__Berlin, Tz::America__New_York, Tz::Australia__Lord_Howe];

/// A day and more before and after every change from 2026 to 2028.
fn compare_around_every_change(zone: Tz) {
    let windows = [
        "daily 02:30-05:00",
        "daily 01:00-02:30",
        "daily 02:10-02:20",
        "daily 01:45-01:30",
        "sat,sun 22:00-05:00",
        "sat,sun 02:00-02:00",
        "sun 02:15+45m",
        "sat 23:00+540m",
        "daily 23:00-02:15 & sun 02:15+30m",
        "cron 30 2 * * * +60m",
        "cron */20 1-3 * * * +10m",
        "cron 15 2 1-7 * 0 +90m",
    ];
    let changes = clock_changes(zone);
    assert_eq!(changes.len(), 6, "{zone}");
    for change in changes {
        let walk = Walk::around(zone, change);
        for text in windows {
            compare(&calendar(text), zone, &walk, change, 30);
        }
    }
}

#[test]
fn every_minute_around_every_change_in_berlin_agrees_with_the_oracle() {
    compare_around_every_change(Tz::Europe__Berlin);
}

#[test]
fn every_minute_around_every_change_in_new_york_agrees_with_the_oracle() {
    compare_around_every_change(Tz::America__New_York);
}

#[test]
fn every_minute_around_every_change_on_lord_howe_agrees_with_the_oracle() {
    compare_around_every_change(Tz::Australia__Lord_Howe);
}

fn any_window() -> impl Strategy<Value = Window> {
    let time =
        (0u32..24 * 4).prop_map(|quarter| NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap());
    let days = proptest::sample::subsequence(EVERY_DAY.to_vec(), 1..=7);
    let length = prop_oneof![1i64..240, 240i64..4000].prop_map(TimeDelta::minutes);
    let weekly =
        (days, time.clone(), prop_oneof![time.prop_map(Lasts::Until), length.clone().prop_map(Lasts::For)])
            .prop_map(|(days, from, lasts)| Window::weekly(days, from, lasts));
    let field = |least: u32, most: u32| {
        prop_oneof![
            2 => Just("*".to_owned()),
            3 => (least..=most).prop_map(|n| n.to_string()),
            1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
            1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{a},{b}")),
        ]
    };
    let minute = prop_oneof![(0u32..60).prop_map(|n| n.to_string()), Just("*/20".to_owned())];
    let cron = (
        minute,
        field(0, 5).prop_filter("dense windows are slow to walk", |hour| hour != "*"),
        field(1, 28),
        field(0, 7),
        length,
    )
        .prop_map(|(minute, hour, day, weekday, length)| {
            let text = format!("{minute} {hour} {day} * {weekday}");
            Window::cron(text.parse().unwrap(), length)
        });
    prop_oneof![weekly, cron]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_windows_agree_with_the_oracle(
        windows in proptest::collection::vec(any_window(), 1..4),
        zone in 0usize..3,
        change in 0usize..6,
    ) {
        let zone = ZONES[zone];
        let change = clock_changes(zone)[change];
        compare(&Calendar::of(windows), zone, &Walk::around(zone, change), change, 18);
    }

    #[test]
    fn openings_follow_each_other_with_a_pause_between(
        windows in proptest::collection::vec(any_window(), 1..4),
        zone in 0usize..3,
        change in 0usize..6,
    ) {
        let zone = ZONES[zone];
        let calendar = Calendar::of(windows);
        let from = clock_changes(zone)[change] - TimeDelta::days(2);
        let openings = calendar.openings(from, zone, 12);
        prop_assert!(openings.iter().all(|opening| opening.start < opening.end && opening.end > from));
        prop_assert!(openings.windows(2).all(|pair| pair[0].end < pair[1].start));
    }
}
