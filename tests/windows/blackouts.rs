//! Blackouts, told case by case, and what they leave of openings.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sipherd::domain::policy::{Blackout, BlackoutDates, BlackoutState, Calendar, Event, Opening};

use super::{calendar, spell, utc};

fn range(from: &str, to: &str) -> Blackout {
    let day = |text: &str| text.parse().unwrap();
    Blackout::of(BlackoutDates::Range { from: day(from), to: day(to) })
}

fn yearly(from: (u32, u32), to: (u32, u32)) -> Blackout {
    Blackout::of(BlackoutDates::Yearly { from, to })
}

/// Zone, blackouts, an instant in UTC, and what is said then.
fn blackouts() -> Vec<(Tz, Vec<Blackout>, &'static str, &'static str)> {
    use Tz::{America__New_York as NewYork, Europe__Berlin as Berlin, UTC};
    let own = |zone, blackout| Blackout { zone: Some(zone), ..blackout };
    vec![
        (Berlin, vec![], "2026-12-24 00:00", "off"),
        // Whole days by the clock of whoever asks, the last one included.
        (Berlin, vec![range("2026-12-24", "2026-12-26")], "2026-12-23 22:59", "off, next 2026-12-23 23:00"),
        (Berlin, vec![range("2026-12-24", "2026-12-26")], "2026-12-23 23:00", "on until 2026-12-26 23:00"),
        (Berlin, vec![range("2026-12-24", "2026-12-26")], "2026-12-26 23:00", "off"),
        (NewYork, vec![range("2026-12-24", "2026-12-26")], "2026-12-24 04:59", "off, next 2026-12-24 05:00"),
        (
            NewYork,
            vec![own(Berlin, range("2026-12-24", "2026-12-26"))],
            "2026-12-24 04:59",
            "on until 2026-12-26 23:00",
        ),
        // A day of 23 hours, and one of 25.
        (Berlin, vec![range("2027-03-28", "2027-03-28")], "2027-03-28 01:00", "on until 2027-03-28 22:00"),
        (Berlin, vec![range("2027-10-31", "2027-10-31")], "2027-10-31 01:00", "on until 2027-10-31 23:00"),
        // Midnight does not exist in Beirut that day, and in Havana the day before ends at the first of two.
        (
            Tz::Asia__Beirut,
            vec![range("2027-03-28", "2027-03-28")],
            "2027-03-27 21:00",
            "off, next 2027-03-27 22:00",
        ),
        (
            Tz::America__Havana,
            vec![range("2026-10-31", "2026-10-31")],
            "2026-10-31 12:00",
            "on until 2026-11-01 04:00",
        ),
        // A day that Samoa skipped.
        (Tz::Pacific__Apia, vec![range("2011-12-30", "2011-12-30")], "2011-12-30 12:00", "off"),
        // Those that touch are one, whatever their kind.
        (
            UTC,
            vec![
                range("2027-01-07", "2027-01-09"),
                yearly((12, 20), (1, 6)),
                range("2027-01-10", "2027-01-10"),
            ],
            "2026-12-31 12:00",
            "on until 2027-01-11 00:00",
        ),
        // Every year, across the new year, seen from both sides.
        (UTC, vec![yearly((12, 20), (1, 6))], "2027-01-06 23:59", "on until 2027-01-07 00:00"),
        (UTC, vec![yearly((12, 20), (1, 6))], "2027-01-07 00:00", "off, next 2027-12-20 00:00"),
        (UTC, vec![yearly((5, 1), (5, 1))], "2026-05-02 00:00", "off, next 2027-05-01 00:00"),
        // A leap day, over 2100 too; a range from it or to it has the day before or after.
        (UTC, vec![yearly((2, 29), (2, 29))], "2026-01-01 00:00", "off, next 2028-02-29 00:00"),
        (UTC, vec![yearly((2, 29), (2, 29))], "2097-01-01 00:00", "off, next 2104-02-29 00:00"),
        (UTC, vec![yearly((2, 29), (3, 2))], "2026-02-28 12:00", "off, next 2026-03-01 00:00"),
        (UTC, vec![yearly((2, 27), (2, 29))], "2026-02-28 12:00", "on until 2026-03-01 00:00"),
        // Always.
        (UTC, vec![yearly((3, 1), (2, 29))], "2026-02-28 12:00", "on until 2067-03-01 00:00"),
        // Events: days and times by the clock of whoever asks, instants by none.
        (
            Berlin,
            vec![Blackout::of(BlackoutDates::Events(vec![
                Event::Days { from: "2026-12-24".parse().unwrap(), to: "2026-12-24".parse().unwrap() },
                Event::Local {
                    from: utc("2026-12-25 00:00").naive_utc(),
                    to: utc("2026-12-25 06:00").naive_utc(),
                },
                Event::Instants(Opening { start: utc("2026-12-25 05:00"), end: utc("2026-12-25 07:00") }),
            ]))],
            "2026-12-24 12:00",
            "on until 2026-12-25 07:00",
        ),
        (
            Berlin,
            vec![Blackout::of(BlackoutDates::Events(vec![
                Event::Instants(Opening { start: utc("2026-12-25 05:00"), end: utc("2026-12-25 07:00") }),
                Event::Days { from: "2026-12-25".parse().unwrap(), to: "2026-12-25".parse().unwrap() },
            ]))],
            "2026-12-01 00:00",
            "off, next 2026-12-24 23:00",
        ),
    ]
}

#[test]
fn blackouts_are_those_of_the_table() {
    for (zone, blackouts, now, expected) in blackouts() {
        let calendar = Calendar { blackouts, ..Calendar::default() };
        let time = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M").to_string();
        let said = match calendar.blackout_at(utc(now), zone) {
            BlackoutState::On { until } => format!("on until {}", time(until)),
            BlackoutState::Off { next: Some(next) } => format!("off, next {}", time(next)),
            BlackoutState::Off { next: None } => "off".to_owned(),
        };
        assert_eq!(said, expected, "{:?} in {zone} at {now}", calendar.blackouts);
    }
}

#[test]
fn openings_are_told_without_their_blackouts() {
    let told = |windows: &str, blackouts: Vec<Blackout>, n| {
        let calendar = Calendar { blackouts, ..calendar(windows) };
        let openings = calendar.openings(utc("2026-12-22 12:00"), Tz::UTC, n);
        openings.into_iter().map(spell).collect::<Vec<_>>()
    };
    // Cut at the end, gone, cut at the beginning.
    assert_eq!(
        told("daily 22:00-05:00", vec![range("2026-12-24", "2026-12-25")], 3),
        [
            "2026-12-22 22:00 to 2026-12-23 05:00",
            "2026-12-23 22:00 to 2026-12-24 00:00",
            "2026-12-26 00:00 to 2026-12-26 05:00"
        ]
    );
    // Cut in two.
    assert_eq!(
        told("tue 22:00+3600m", vec![range("2026-12-23", "2026-12-23")], 2),
        ["2026-12-22 22:00 to 2026-12-23 00:00", "2026-12-24 00:00 to 2026-12-25 10:00"]
    );
    // Windows that only ever fall into a blackout never open, and saying so takes no time.
    assert!(told("cron 0 3 24 12 * +60m", vec![yearly((12, 20), (1, 6))], 5).is_empty());
    assert!(told("daily 22:00-05:00", vec![yearly((1, 1), (12, 31))], 5).is_empty());
    // Windows without a pause are told up to the horizon, in the pieces that blackouts leave.
    let always = told("daily 00:00-00:00", vec![range("2026-12-24", "2026-12-24")], 2);
    assert!(
        always[0].ends_with("to 2026-12-24 00:00") && always[1].starts_with("2026-12-25 00:00 to "),
        "{always:?}"
    );
}
