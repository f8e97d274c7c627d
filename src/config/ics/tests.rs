//! Calendars as programs write them, broken ones with what is said of them, and bytes that are none.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// The events, and the problems in short.
fn all(text: &str) -> (Vec<Event>, Vec<String>) {
    let source = Source::new(Path::new("days.ics"), text);
    let events = read(&source, now());
    let problem = |problem: super::super::Problem| {
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{:?} {}{hint}", problem.severity, problem.one_line())
    };
    (events, source.take_problems().into_iter().map(problem).collect())
}

/// A calendar of these lines in one event each.
fn calendar(events: &[&str]) -> String {
    let events =
        events.iter().map(|lines| format!("BEGIN:VEVENT\n{}\nEND:VEVENT\n", lines.replace(" | ", "\n")));
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.collect::<String>())
}

/// The events of a calendar that can be read, in short.
fn told(events: &[&str]) -> Vec<String> {
    let (events, problems) = all(&calendar(events));
    assert!(problems.iter().all(|problem| problem.contains("nothing is held any more")), "{problems:?}");
    let time = "%Y-%m-%d %H:%M";
    let spell = |event: Event| match event {
        Event::Days { from, to } if from == to => from.to_string(),
        Event::Days { from, to } => format!("{from} to {to}"),
        Event::Local { from, to } => format!("{} to {} there", from.format(time), to.format(time)),
        Event::Instants(Opening { start, end }) => format!("{} to {}", start.format(time), end.format(time)),
    };
    events.into_iter().map(spell).collect()
}

#[test]
fn whole_days_end_the_day_before_their_end() {
    assert_eq!(
        told(&["DTSTART;VALUE=DATE:20261224 | DTEND;VALUE=DATE:20261227"]),
        ["2026-12-24 to 2026-12-26"]
    );
    for one_day in [
        "DTSTART;VALUE=DATE:20261224",
        "DTSTART:20261224 | DTEND:20261225",
        "DTSTART;VALUE=DATE:20261224 | DTEND;VALUE=DATE:20261224",
        "DTSTART;VALUE=DATE:20261224 | DURATION:P1D",
        "dtstart;value=date:20261224 | Summary:a\\, colon: and more",
    ] {
        assert_eq!(told(&[one_day]), ["2026-12-24"], "{one_day}");
    }
    assert_eq!(told(&["DTSTART;VALUE=DATE:20261224 | DURATION:P2W"]), ["2026-12-24 to 2027-01-06"]);
}

#[test]
fn times_are_told_by_their_own_clock() {
    for (lines, expected) in [
        ("DTSTART:20261224T220000Z | DTEND:20261225T010000Z", "2026-12-24 22:00 to 2026-12-25 01:00"),
        (
            "DTSTART;TZID=Europe/Berlin:20261224T220000 | DURATION:PT3H30M",
            "2026-12-24 21:00 to 2026-12-25 00:30",
        ),
        (
            "DTSTART;TZID=\"America/New_York\":20261224T220000 | DTEND;TZID=Europe/Berlin:20261225T050000",
            "2026-12-25 03:00 to 2026-12-25 04:00",
        ),
        ("DTSTART:20261224T220000 | DTEND:20261225T010000", "2026-12-24 22:00 to 2026-12-25 01:00 there"),
        // A day by the calendar has 23 hours in spring.
        ("DTSTART;TZID=Europe/Berlin:20270327T120000 | DURATION:P1D", "2027-03-27 11:00 to 2027-03-28 10:00"),
        (
            "DTSTART;TZID=Europe/Berlin:20270327T120000 | DURATION:PT24H",
            "2027-03-27 11:00 to 2027-03-28 11:00",
        ),
        (
            "DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20261224T220000 | DURATION:PT1H",
            "2026-12-24 21:00 to 2026-12-24 22:00",
        ),
    ] {
        assert_eq!(told(&[lines]), [expected], "{lines}");
    }
}

#[test]
fn a_zone_may_have_a_name_of_its_own_when_the_file_says_which_it_is() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Office time\nX-LIC-LOCATION:Europe/Berlin\nBEGIN:STANDARD\n\
        DTSTART:16010101T000000\nRRULE:FREQ=YEARLY\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\n\
        DTSTART;TZID=Office time:20261224T220000\nDURATION:PT1H\nBEGIN:VALARM\nDTSTART:nonsense\nEND:VALARM\n\
        END:VEVENT\nEND:VCALENDAR\n";
    let (events, problems) = all(text);
    assert!(problems.is_empty(), "{problems:?}");
    let at = |text: &str| text.parse().unwrap();
    let (start, end) = (at("2026-12-24T21:00:00Z"), at("2026-12-24T22:00:00Z"));
    assert_eq!(events, [Event::Instants(Opening { start, end })]);
}

#[test]
fn long_lines_are_folded() {
    let text = calendar(&["DTST\r\n ART;VALUE=DA\n\tTE:2026\r\n 1224"]);
    assert_eq!(all(&text).0.len(), 1, "{:?}", all(&text));
}

#[test]
fn rules_are_laid_out_from_last_year_to_the_fifth_ahead() {
    let christmas = told(&["DTSTART;VALUE=DATE:19991225 | RRULE:FREQ=YEARLY"]);
    let years: Vec<String> = (2025..=2031).map(|year| format!("{year}-12-25")).collect();
    assert_eq!(christmas, years);
    // The fourth Thursday of November.
    let thanks =
        told(&["DTSTART;VALUE=DATE:20201126 | RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;UNTIL=20271231"]);
    assert_eq!(thanks, ["2025-11-27", "2026-11-26", "2027-11-25"]);
    let counted =
        told(&["DTSTART;VALUE=DATE:20261201 | DTEND:20261203 | RRULE:FREQ=WEEKLY;COUNT=3;INTERVAL=2"]);
    assert_eq!(counted, ["2026-12-01 to 2026-12-02", "2026-12-15 to 2026-12-16", "2026-12-29 to 2026-12-30"]);
    let last = told(&["DTSTART;VALUE=DATE:20260130 | RRULE:FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20260430"]);
    assert_eq!(last, ["2026-01-30", "2026-02-27", "2026-03-27", "2026-04-24"]);
    assert_eq!(told(&["DTSTART:20261224 | RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"]), ["2026-12-24"]);
    let leap = told(&["DTSTART;VALUE=DATE:20240229 | RRULE:FREQ=YEARLY"]);
    assert_eq!(leap, ["2028-02-29"]);
}

#[test]
fn recurring_times_keep_to_the_wall_clock() {
    let nights = told(&[
        "DTSTART;TZID=Europe/Berlin:20261023T023000 | DURATION:PT1H | RRULE:FREQ=DAILY;UNTIL=20261025T013000Z",
    ]);
    assert_eq!(
        nights,
        [
            "2026-10-23 00:30 to 2026-10-23 01:30",
            "2026-10-24 00:30 to 2026-10-24 01:30",
            // The first of the two 02:30.
            "2026-10-25 00:30 to 2026-10-25 01:30"
        ]
    );
    let gap =
        told(&["DTSTART;TZID=Europe/Berlin:20270327T023000 | DURATION:PT1H | RRULE:FREQ=DAILY;COUNT=2"]);
    assert_eq!(gap[1], "2027-03-28 01:00 to 2027-03-28 02:00", "what falls into the gap begins at its end");
}

#[test]
fn single_occurrences_are_added_left_out_and_moved() {
    let base = "UID:a | DTSTART;VALUE=DATE:20261201 | RRULE:FREQ=DAILY;COUNT=4";
    assert_eq!(
        told(&[&format!("{base} | EXDATE;VALUE=DATE:20261202,20261204")]),
        ["2026-12-01", "2026-12-03"]
    );
    assert_eq!(
        told(&[&format!("{base} | EXDATE:20261201T000000Z | RDATE;VALUE=DATE:20270101")])[3],
        "2027-01-01"
    );
    let moved = "UID:a | RECURRENCE-ID;VALUE=DATE:20261202 | DTSTART;VALUE=DATE:20261224";
    assert_eq!(told(&[base, moved]), ["2026-12-01", "2026-12-03", "2026-12-04", "2026-12-24"]);
    let cancelled =
        "UID:a | RECURRENCE-ID;VALUE=DATE:20261202 | DTSTART;VALUE=DATE:20261202 | STATUS:CANCELLED";
    assert_eq!(told(&[base, cancelled]), ["2026-12-01", "2026-12-03", "2026-12-04"]);
    let stranger = "UID:b | RECURRENCE-ID;VALUE=DATE:20261202 | DTSTART;VALUE=DATE:20261224";
    assert_eq!(told(&[base, stranger]).len(), 5);
    let timed =
        "UID:a | DTSTART;TZID=Europe/Berlin:20261201T220000 | DURATION:PT1H | RRULE:FREQ=DAILY;COUNT=2";
    assert_eq!(
        told(&[&format!("{timed} | EXDATE:20261201T210000Z")]),
        ["2026-12-02 21:00 to 2026-12-02 22:00"],
        "the same instant by another clock"
    );
    let period = "RDATE;VALUE=PERIOD:20270101T000000Z/PT2H,20270201T000000Z/20270201T010000Z";
    assert_eq!(
        told(&[&format!("{timed} | {period}")])[2..],
        ["2027-01-01 00:00 to 2027-01-01 02:00", "2027-02-01 00:00 to 2027-02-01 01:00"]
    );
}

#[test]
fn cancelled_and_free_events_hold_nothing_but_free_days_do() {
    let day = "DTSTART;VALUE=DATE:20261224";
    let other = "DTSTART;VALUE=DATE:20261225";
    assert_eq!(told(&[&format!("{day} | STATUS:CANCELLED"), other]), ["2026-12-25"]);
    assert_eq!(
        told(&[&format!("{day} | TRANSP:TRANSPARENT")]),
        ["2026-12-24"],
        "as public holidays are written"
    );
    let meeting = "DTSTART:20261224T220000Z | DURATION:PT1H";
    assert_eq!(told(&[&format!("{meeting} | TRANSP:transparent"), other]), ["2026-12-25"]);
    assert_eq!(told(&["DTSTART:20261224T220000Z", other]), ["2026-12-25"], "without a length");
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let event = |lines: &str| calendar(&[lines]);
    let mend = "mend the event in the program that wrote it";
    for (text, expected) in [
        (String::new(), "Error days.ics:1: this is no iCalendar file: it does not begin with `BEGIN:VCALENDAR` (export the calendar as `.ics`)".to_owned()),
        ("BEGIN:VCALENDAR\nhello\nEND:VCALENDAR\n".into(), "Error days.ics:2: this is no line of an iCalendar file (a line is a name, a colon and a value; one that goes on begins with a blank)".into()),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261224\n".into(), "Error days.ics:2: `BEGIN:VEVENT` is never ended (export the calendar anew: the file may be cut off)".into()),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n".into(), "Error days.ics:3: `END:VCALENDAR` stands where `END:VEVENT` is due (export the calendar anew: the file may be cut off)".into()),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\nX:y\n".into(), "Error days.ics:3: this line stands outside all blocks (export the calendar anew: the file may be cut off)".into()),
        (event("UID:a"), format!("Error days.ics:3: this event has no `DTSTART`: nothing says when it is ({mend})")),
        (event("DTSTART:20261324"), "Error days.ics:4: `20261324` is not a date or a time (iCalendar writes `20261224`, `20261224T220000` or `20261224T220000Z`)".into()),
        (event("DTSTART:20261224 | DTEND:20261220"), format!("Error days.ics:5: this event ends before it begins ({mend})")),
        (event("DTSTART:20261224 | DTEND:20261225T000000Z"), format!("Error days.ics:5: this event begins and ends by different clocks ({mend})")),
        (event("DTSTART:20261224 | DTEND:20261225 | DURATION:P1D"), format!("Error days.ics:6: this event has both `DTEND` and `DURATION` ({mend})")),
        (event("DTSTART:20261224 | DURATION:1D"), "Error days.ics:5: `1D` is not a length (lengths look like `P1D`, `PT1H30M` or `P2W`)".into()),
        (event("DTSTART;TZID=Europe/Berln:20261224T220000 | DURATION:PT1H"), "Error days.ics:4: `Europe/Berln` is not a zone of the tz database, did you mean `Europe/Berlin`? (export the calendar with zones like `Europe/Berlin`, or write its times in UTC)".into()),
        (event("DTSTART;TZID=W. Europe Standard Time:20261224T220000"), "Error days.ics:4: `W. Europe Standard Time` is not a zone of the tz database (export the calendar with zones like `Europe/Berlin`, or write its times in UTC)".into()),
        (event("DTSTART:20261224 | RRULE:FREQ=SOMETIMES"), "Error days.ics:5: this rule cannot be read: `SOMETIMES` is not a valid frequency (a rule looks like `FREQ=YEARLY;COUNT=5`)".into()),
        (event("DTSTART:20261224T000000Z | DURATION:PT1S | RRULE:FREQ=SECONDLY"), "Error days.ics:6: this rule recurs too often, or too seldom, to be laid out (blackouts are days: let it recur daily at most, and begin it in this century)".into()),
        (event("DTSTART:20261224 | EXRULE:FREQ=DAILY"), "Error days.ics:5: `EXRULE` is not understood: RFC 5545 did away with it (list the days that are left out as `EXDATE`)".into()),
        (event("UID:a | RECURRENCE-ID;RANGE=THISANDFUTURE:20261224 | DTSTART:20261224"), "Error days.ics:5: a change of all later occurrences is not understood (end the old event with `UNTIL` and write a new one)".into()),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\n".into(), "Warning days.ics:1: this calendar has no events: nothing is ever held (put the events of the coming years into it, or leave the blackout out)".into()),
        (event("DTSTART:20251226"), "Warning days.ics:1: the last event of this calendar was on 2025-12-26: nothing is held any more (put the events of the coming years into it, or leave the blackout out)".into()),
    ] {
        assert_eq!(all(&text).1, [expected], "{text}");
    }
}

/// Pieces of calendars, whole and broken.
fn piece() -> impl Strategy<Value = String> {
    let moment = prop_oneof![
        "[0-9]{8}",
        "(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9])",
        "(1[0-9]|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9])T[01][0-9][0-5][0-9]00Z?",
        "[0-9]{0,9}T[0-9]{0,7}Z?"
    ];
    let rule = (
        prop_oneof![Just("YEARLY"), Just("MONTHLY"), Just("WEEKLY"), Just("DAILY"), Just("HOURLY")],
        prop_oneof![
            "",
            ";COUNT=[0-9]{1,5}",
            ";INTERVAL=[0-9]{1,9}",
            ";BYDAY=-?[0-9]{0,2}(MO|SU|XX)",
            ";BYMONTHDAY=-?[0-9]{1,2}",
            ";BYSETPOS=-?[0-9]{1,3};BYDAY=MO,TU",
            ";BYWEEKNO=-?[0-9]{1,2}",
            ";BYYEARDAY=-?[0-9]{1,3}",
            ";UNTIL=[0-9]{8}(T[0-9]{6}Z?)?",
            ";WKST=(MO|SU);BYMONTH=[0-9]{1,2}"
        ],
    )
        .prop_map(|(frequency, rest)| format!("RRULE:FREQ={frequency}{rest}"));
    prop_oneof![
        4 => (prop_oneof![Just("DTSTART"), Just("DTEND"), Just("EXDATE"), Just("RDATE"), Just("RECURRENCE-ID")], moment.clone())
            .prop_map(|(name, moment)| format!("{name}:{moment}")),
        2 => moment.prop_map(|moment| format!("DTSTART;TZID=Europe/Berlin:{moment}")),
        3 => rule,
        1 => "DURATION:[-+]?P[0-9]{0,12}[WDT]?[0-9]{0,12}[HMS]?",
        1 => Just("UID:a".to_owned()),
        1 => "BEGIN:[A-Z]{0,8}|END:V(EVENT|CALENDAR)|BEGIN:VEVENT",
        1 => "\\PC{0,40}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_calendar_makes_it_panic(
        events in proptest::collection::vec(proptest::collection::vec(piece(), 1..6), 0..4),
    ) {
        let events: Vec<String> = events.into_iter().map(|lines| lines.join("\n")).collect();
        all(&calendar(&events.iter().map(String::as_str).collect::<Vec<_>>()));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|BEGIN:VCALENDAR\n(\\PC|[\n\r\t:;=\"])*") {
        all(&text);
    }
}
