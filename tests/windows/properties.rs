//! What holds of all calendars.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use sipherd::domain::policy::{
    Blackout, BlackoutDates, BlackoutState, Calendar, EVERY_DAY, Event, Lasts, Opening, Window, WindowState,
};

use super::oracle::Walk;
use super::{ZONES, clock_changes, compare};

fn any_window() -> impl Strategy<Value = Window> {
    let time =
        (0u32..24 * 4).prop_map(|quarter| NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap());
    let days = proptest::sample::subsequence(EVERY_DAY.to_vec(), 1..=7);
    let length = prop_oneof![1i64..240, 240i64..4000].prop_map(TimeDelta::minutes);
    let weekly = (
        days.clone(),
        time.clone(),
        prop_oneof![time.prop_map(Lasts::Until), length.clone().prop_map(Lasts::For)],
    )
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
    let hours = (proptest::collection::vec(0u32..24, 1..6), days)
        .prop_map(|(hours, days)| Window::hours(hours, days));
    prop_oneof![2 => weekly, 2 => cron, 1 => hours]
}

fn any_blackout() -> impl Strategy<Value = Blackout> {
    let day = (2026i32..2029, 1u32..=12, 1u32..=28)
        .prop_map(|(year, month, day)| NaiveDate::from_ymd_opt(year, month, day).unwrap());
    let yearly = (1u32..=12, 1u32..=28);
    let instant =
        (0i64..3 * 365 * 24 * 4).prop_map(|quarter| first_minute() + TimeDelta::minutes(quarter * 15));
    let event = prop_oneof![
        (day.clone(), 0i64..4)
            .prop_map(|(from, days)| Event::Days { from, to: from + TimeDelta::days(days) }),
        (instant.clone(), 1i64..3_000).prop_map(|(start, minutes)| {
            Event::Instants(Opening { start, end: start + TimeDelta::minutes(minutes) })
        }),
        (instant, 1i64..3_000).prop_map(|(start, minutes)| {
            let from = start.naive_utc();
            Event::Local { from, to: from + TimeDelta::minutes(minutes) }
        }),
    ];
    let when = prop_oneof![
        (day, 0i64..40)
            .prop_map(|(from, days)| BlackoutDates::Range { from, to: from + TimeDelta::days(days) }),
        (yearly.clone(), yearly).prop_map(|(from, to)| BlackoutDates::Yearly { from, to }),
        proptest::collection::vec(event, 0..40).prop_map(BlackoutDates::Events),
    ];
    (when, proptest::option::of(0usize..3))
        .prop_map(|(when, zone)| Blackout { zone: zone.map(|zone| ZONES[zone]), ..Blackout::of(when) })
}

fn first_minute() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    (0i64..3 * 365 * 24 * 60).prop_map(|minute| first_minute() + TimeDelta::minutes(minute))
}

/// Whether a phone that is away for so long may go.
fn lets_go(calendar: &Calendar, at: DateTime<Utc>, zone: Tz, needs: TimeDelta) -> bool {
    matches!(calendar.at(at, zone), WindowState::Open(opening) if opening.end - at >= needs)
        && match calendar.blackout_at(at, zone) {
            BlackoutState::On { .. } => false,
            BlackoutState::Off { next } => next.is_none_or(|next| next - at >= needs),
        }
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

    #[test]
    fn a_blackout_more_lets_nobody_go_and_a_window_more_holds_nobody(
        windows in proptest::collection::vec(any_window(), 0..3),
        blackouts in proptest::collection::vec(any_blackout(), 0..3),
        (window, blackout) in (any_window(), any_blackout()),
        zone in 0usize..3,
        instants in proptest::collection::vec(any_instant(), 40),
        minutes in 0i64..60,
    ) {
        let (zone, needs) = (ZONES[zone], TimeDelta::minutes(minutes));
        let calendar = Calendar { windows, blackouts, initial: None };
        let (mut darker, mut wider) = (calendar.clone(), calendar.clone());
        darker.blackouts.push(blackout);
        wider.windows.push(window);
        for at in instants {
            let now = lets_go(&calendar, at, zone, needs);
            prop_assert!(now || !lets_go(&darker, at, zone, needs), "{at}");
            prop_assert!(!now || lets_go(&wider, at, zone, needs), "{at}");
        }
    }

    #[test]
    fn openings_hold_the_instants_at_which_phones_may_go(
        windows in proptest::collection::vec(any_window(), 1..3),
        blackouts in proptest::collection::vec(any_blackout(), 0..3),
        zone in 0usize..3,
        from in any_instant(),
        minutes in proptest::collection::vec(0i64..20 * 1_440, 60),
    ) {
        let zone = ZONES[zone];
        let calendar = Calendar { windows, blackouts, initial: None };
        let span = Opening { start: from, end: from + TimeDelta::days(20) };
        let (openings, within) = (calendar.openings(from, zone, 60), calendar.openings_within(span, zone));
        prop_assert!(within.windows(2).all(|pair| pair[0].end < pair[1].start));
        let told_until = if openings.len() < 60 { span.end } else { openings[59].end };
        for minute in minutes {
            let at = from + TimeDelta::minutes(minute);
            let go = lets_go(&calendar, at, zone, TimeDelta::zero());
            prop_assert_eq!(within.iter().any(|opening| opening.contains(at)), go, "{} of {:?}", at, within);
            if at < told_until {
                prop_assert_eq!(openings.iter().any(|opening| opening.contains(at)), go, "{} of {:?}", at, openings);
            }
        }
    }
}
