//! Every zone of the tz database around every change of its clock, and some ordinary days of each.
//!
//! The benchmark `windows` compares every minute of three years; this is what a test has time for.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use sipherd::domain::policy::{Calendar, Opening};

use super::every_minute::{Clock, Tables, calendars};
use super::utc;

/// Midnights of UTC before which and after which a zone's clock differs, from 2026 to 2028.
fn changes(zone: Tz) -> Vec<DateTime<Utc>> {
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc());
    let days = (0..3 * 365).map(|day| utc("2026-01-02 00:00") + TimeDelta::days(day));
    days.filter(|day| offset(*day) != offset(*day - TimeDelta::days(1))).collect()
}

fn compare(zone: Tz, span: Opening, tables: &Tables, calendars: &[(&str, Calendar)]) {
    let (start, end) = (span.start.timestamp() / 60, span.end.timestamp() / 60);
    let expected = Clock::new(zone, start, end).inside(tables);
    let minute = |at: DateTime<Utc>| usize::try_from((at - span.start).num_minutes()).unwrap();
    let mut told = vec![0; expected.len()];
    for (number, (_, calendar)) in calendars.iter().enumerate() {
        for opening in calendar.openings_within(span, zone) {
            told[minute(opening.start)..minute(opening.end)].iter_mut().for_each(|set| *set |= 1 << number);
        }
    }
    if let Some(minute) = (0..told.len()).find(|minute| told[*minute] != expected[*minute]) {
        let at = span.start + TimeDelta::minutes(i64::try_from(minute).unwrap());
        let number = (told[minute] ^ expected[minute]).trailing_zeros();
        let (name, _) = calendars[usize::try_from(number).unwrap()];
        panic!("{name}, {at} in {zone}: expected {:06b}, told {:06b}", expected[minute], told[minute]);
    }
}

/// The changes seen in every so manieth zone.
fn compare_zones(first: usize, step: usize) -> usize {
    let (tables, calendars) = (Tables::new(), calendars());
    let mut seen = 0;
    for (number, zone) in TZ_VARIANTS.into_iter().enumerate().skip(first).step_by(step) {
        let changes = changes(zone);
        seen += changes.len();
        // An ordinary day, another one for each zone.
        let ordinary = utc("2026-01-15 00:00") + TimeDelta::days(i64::try_from(number).unwrap() * 37 % 1_000);
        for around in changes.into_iter().chain([ordinary]) {
            let half = TimeDelta::hours(18);
            compare(zone, Opening { start: around - half, end: around + half }, &tables, &calendars);
        }
    }
    seen
}

#[test]
fn every_minute_around_every_change_of_every_zone_agrees_with_the_walk() {
    let threads: Vec<_> = (0..2).map(|first| std::thread::spawn(move || compare_zones(first, 2))).collect();
    let seen: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert!(seen > 1_000, "{seen} changes");
}
