//! Every minute of 2026 to 2028 in every zone of the tz database: are calendars open when a walk along the wall clock says so?
//!
//! Exit status 1 on any difference. `cargo bench --bench windows`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

#[path = "../tests/windows/every_minute.rs"]
mod every_minute;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use every_minute::{Clock, Tables, calendars};
use sipherd::domain::policy::{BlackoutState, Calendar, Opening, WindowState};

/// Differences that are shown; one mistake makes thousands.
const SHOWN: usize = 20;

/// Single minutes that are asked about in each zone and calendar, as a gate asks.
const ASKED: u64 = 100;

fn main() -> ExitCode {
    let instant = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let span = Opening { start: instant("2026-01-01T00:00:00Z"), end: instant("2029-01-01T00:00:00Z") };
    let (tables, calendars) = (Tables::new(), calendars());
    let (next, differences) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(zone) = TZ_VARIANTS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = compare(*zone, span, &tables, &calendars);
                    differences.lock().unwrap().extend(found);
                }
            });
        }
    });
    let took = began.elapsed().as_secs_f64();
    let (zones, minutes) = (TZ_VARIANTS.len(), (span.end - span.start).num_minutes());
    println!("zones {zones}, minutes {minutes} each, calendars {}, threads {threads}", calendars.len());
    let differences = differences.into_inner().unwrap();
    differences.iter().take(SHOWN).for_each(|difference| println!("{difference}"));
    println!("{} differences in {took:.1} s, the goal is 10 s", differences.len());
    if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All differences in one zone, in words.
fn compare(zone: Tz, span: Opening, tables: &Tables, calendars: &[(&str, Calendar)]) -> Vec<String> {
    let start = span.start.timestamp() / 60;
    let expected = Clock::new(zone, start, span.end.timestamp() / 60).inside(tables);
    let index = |at: DateTime<Utc>| usize::try_from((at - span.start).num_minutes()).unwrap();
    let mut told = vec![0_u8; expected.len()];
    let mut found = Vec::new();
    for (number, (name, calendar)) in calendars.iter().enumerate() {
        for opening in calendar.openings_within(span, zone) {
            if opening.start.timestamp() % 60 != 0 || opening.end.timestamp() % 60 != 0 {
                found.push(format!("{zone}, {name}: {opening:?} is not on the minute"));
            }
            told[index(opening.start)..index(opening.end)].iter_mut().for_each(|set| *set |= 1 << number);
        }
        // The gates ask about single instants.
        let mut random = u64::try_from(number).unwrap() + 1;
        for _ in 0..ASKED {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let minute = usize::try_from((random >> 33) % u64::try_from(expected.len()).unwrap()).unwrap();
            let at = span.start + TimeDelta::minutes(i64::try_from(minute).unwrap());
            let open = matches!(calendar.at(at, zone), WindowState::Open(_))
                && matches!(calendar.blackout_at(at, zone), BlackoutState::Off { .. });
            if open != (expected[minute] >> number & 1 == 1) {
                found.push(format!("{zone}, {name}: asked about {at} it says {open}"));
            }
        }
    }
    let differing = (0..expected.len()).filter(|minute| expected[*minute] != told[*minute]);
    found.extend(differing.map(|minute| {
        let at = span.start + TimeDelta::minutes(i64::try_from(minute).unwrap());
        let bits = expected[minute] ^ told[minute];
        let (number, (name, _)) =
            calendars.iter().enumerate().find(|(number, _)| bits >> number & 1 == 1).unwrap();
        let open = if told[minute] >> number & 1 == 1 { "open" } else { "closed" };
        format!("{zone}, {name}: {at} ({}) is told to be {open}", at.with_timezone(&zone).naive_local())
    }));
    found
}
