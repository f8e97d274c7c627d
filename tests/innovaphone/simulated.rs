//! The customer's scripts in the simulated phone, hour by hour, against a table written by hand from the document; and
//! the imported policies beside them.

use chrono::{DateTime, TimeDelta, Utc};
use sipherd::config;
use sipherd::domain::phone::Mac;
use sipherd::domain::policy::{Calendar, WindowState};
use sipherd::phones::innovaphone::generation::{Load, Order, script as made_of};
use sipherd::phones::innovaphone::product::Product;
use sipherd::phones::innovaphone::script::Code;
use sipherd::sim::innovaphone::{Act, Came, Make, Part, Run, Unit, image};

const MAC: Mac = Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf0]);
const OLD: &str = "04-5600";

/// The phones between which the document tells a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Settled,
    InCall,
    New,
    JustBooted,
    WithoutTime,
}

const EVERYBODY: [Who; 5] = [Who::Settled, Who::InCall, Who::New, Who::JustBooted, Who::WithoutTime];

fn text_of(file: &str) -> String {
    let path = format!("{}/tests/fixtures/innovaphone/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn at(hour: i64, minute: i64) -> DateTime<Utc> {
    let midnight: DateTime<Utc> = "2026-11-20T00:00:00Z".parse().unwrap();
    midnight + TimeDelta::hours(hour) + TimeDelta::minutes(minute)
}

fn phone(who: Who, product: &str, now: DateTime<Utc>) -> Unit {
    let clock = (who != Who::WithoutTime).then(TimeDelta::zero);
    let mut unit = Unit::new(MAC, product, OLD, Make { clock, new: who == Who::New, ..Make::default() });
    let up = match who {
        Who::JustBooted => TimeDelta::minutes(1),
        Who::New => TimeDelta::hours(1),
        Who::Settled | Who::InCall | Who::WithoutTime => TimeDelta::days(3),
    };
    unit.is_up(now - up);
    unit
}

/// What it does with this script now, in letters: S saves its configuration, F B R fetch firmware, boot code, radio code, r
/// restarts, w waits for the end of the call to restart; a small p before a download says that it saves power in it.
fn played(unit: &mut Unit, script: &str, now: DateTime<Utc>, in_use: bool) -> String {
    let mut run = Run::new(script);
    let (mut came, mut letters) = (None, String::new());
    loop {
        let act = run.go_on(unit, came.take(), now, in_use);
        came = Some(match act {
            Act::Done => break,
            Act::Restart(_) => {
                letters.push('r');
                unit.goes_down(false);
                unit.is_up(now);
                return letters;
            }
            Act::Fetch { part, url } => {
                if unit.saves_power {
                    letters.push('p');
                }
                letters.push(match part {
                    Part::Prot => 'F',
                    Part::Boot => 'B',
                    Part::Bmc => 'R',
                });
                assert!(url.starts_with("http://"), "{url}");
                // The file of the document's example holds what its serial says.
                let build = script.split_whitespace().last().unwrap();
                let build = if build == "deactivate-pwr" { "04-5656" } else { build };
                Came::Whole(image(&unit.product, part, build, 100))
            }
            Act::Read { .. } => Came::Whole(b"config change X /a\r\n".to_vec()),
            Act::HandIn { .. } => {
                letters.push('S');
                Came::Taken
            }
        });
    }
    if unit.owes.take().is_some() {
        letters.push('w');
    }
    letters
}

/// A day in 24 words: what each phone does at a poll in the middle of each hour, as it is then.
fn day(script: &str, product: &str, who: Who) -> Vec<String> {
    (0..24)
        .map(|hour| {
            let now = at(hour, 30);
            played(&mut phone(who, product, now), script, now, who == Who::InCall)
        })
        .collect()
}

/// `word` in these hours, nothing in the others.
fn hours(word: &str, hours: &[usize]) -> Vec<String> {
    (0..24).map(|hour| if hours.contains(&hour) { word.to_owned() } else { String::new() }).collect()
}

const NIGHT: [usize; 6] = [23, 0, 1, 2, 3, 4];
const NEVER: [usize; 0] = [];

fn all_day() -> Vec<usize> {
    (0..24).collect()
}

#[test]
fn the_documents_scripts_do_hour_by_hour_what_the_document_says() {
    let always = all_day();
    // "All IP1200 devices are instructed to load the firmware in the time period 23:00 hrs to 04:59 hrs. New devices are
    // updated after a restart and after the specified six minutes have elapsed." A call delays `ireset` alone.
    let ip1200: [(Who, &str, &[usize]); 5] = [
        (Who::Settled, "SFr", &NIGHT),
        (Who::InCall, "SFw", &NIGHT),
        (Who::New, "SFr", &always),
        (Who::JustBooted, "", &NEVER),
        (Who::WithoutTime, "", &NEVER),
    ];
    // "IP3000 devices are updated in the time period 23:00 hrs to 04:59 hrs": no /initial, so new ones wait too and nobody
    // is spared; `/ser` restarts nobody.
    let ip3000: [(Who, &str, &[usize]); 5] = [
        (Who::Settled, "F", &NIGHT),
        (Who::InCall, "F", &NIGHT),
        (Who::New, "F", &NIGHT),
        (Who::JustBooted, "F", &NIGHT),
        (Who::WithoutTime, "", &NEVER),
    ];
    // The IP72 example has no `times`: at any hour, and awake while it downloads.
    let ip72: [(Who, &str, &[usize]); 5] = [
        (Who::Settled, "Fr", &always),
        (Who::InCall, "Fw", &always),
        (Who::New, "Fr", &always),
        (Who::JustBooted, "Fr", &always),
        (Who::WithoutTime, "Fr", &always),
    ];
    for (file, product, table) in [
        ("update-ip1200.htm", "IP1200", ip1200),
        ("update-ip3000.htm", "IP3000", ip3000),
        ("update-ip72.htm", "IP72", ip72),
    ] {
        let script = text_of(file);
        for (who, word, when) in table {
            assert_eq!(day(&script, product, who), hours(word, when), "{file}, {who:?}");
        }
    }
}

#[test]
fn the_imported_policies_do_the_same_beside_them_but_for_what_the_import_tells() {
    let always = all_day();
    // In a call the gate is shut; a new phone is left to the policy's window (the import remarks it); a phone without the
    // time is stopped by `times` in the script that sipherd sends, and one that has just booted where the script has
    // `/initial`.
    let night = |just_booted: &'static [usize]| -> [(Who, &'static [usize]); 5] {
        [
            (Who::Settled, &NIGHT),
            (Who::InCall, &NEVER),
            (Who::New, &NIGHT),
            (Who::JustBooted, just_booted),
            (Who::WithoutTime, &NEVER),
        ]
    };
    let any: [(Who, &[usize]); 5] = [
        (Who::Settled, &always),
        (Who::InCall, &NEVER),
        (Who::New, &always),
        (Who::JustBooted, &always),
        (Who::WithoutTime, &always),
    ];
    for (file, product, build, table) in [
        ("update-ip1200.toml", "IP1200", "04-5679", night(&NEVER)),
        ("update-ip3000.toml", "IP3000", "04-5679", night(&NIGHT)),
        ("update-ip72.toml", "IP72", "04-5656", any),
    ] {
        let calendar = calendar(file);
        let load = Load { code: Code::Firmware, url: "http://192.0.2.5/ip.bin".into(), serial: build.into() };
        let made = made_of(&calendar, &Order::Install(vec![load]), Product::new(product).as_ref());
        assert_eq!(made.gate_alone, None, "{file}: the hours are guarded twice");
        let script = made.script.to_string();
        for (who, when) in table {
            let done: Vec<String> = day(&script, product, who)
                .into_iter()
                .zip(0..)
                .map(|(done, hour)| if goes(&calendar, hour, who) { done } else { String::new() })
                .collect();
            assert_eq!(done, hours("Fr", when), "{file}, {who:?}");
        }
    }
}

/// The calendar of a policy that the import wrote.
fn calendar(file: &str) -> Calendar {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    // Of two policies the firmware's comes first.
    let text = text_of(file);
    let first = text.split("\n# innovaphone-").next().unwrap();
    std::fs::write(&path, first).unwrap();
    let read = config::check_paths(&[&path], at(0, 0));
    read.policies.into_iter().next().unwrap_or_else(|| panic!("{:?}", read.report.problems)).calendar
}

/// Whether the gate would let it go: sipherd asks nobody outside the window or in a call.
fn goes(calendar: &Calendar, hour: i64, who: Who) -> bool {
    let open = matches!(calendar.at(at(hour, 30), chrono_tz::UTC), WindowState::Open(_));
    open && who != Who::InCall
}

#[test]
fn one_phone_is_updated_in_the_first_night_and_saved_once_a_week() {
    let script = text_of("update-ip1200.htm");
    let mut unit = phone(Who::Settled, "IP1200", at(12, 0));
    let mut story = Vec::new();
    // A poll every quarter of an hour, for two weeks from noon on.
    for poll in 0..14 * 24 * 4 {
        let now = at(12, poll * 15);
        let done = played(&mut unit, &script, now, false);
        if !done.is_empty() {
            story.push(format!("{} {done}", now.format("%d. %H:%M")));
        }
    }
    // After its update the first six minutes are over at the next poll. Saving is due again 168 hours later.
    assert_eq!(story, ["20. 23:00 SFr", "27. 23:00 S"]);
    assert_eq!(unit.firmware, "04-5679");
    assert_eq!(unit.variable("PROT"), Some("04-5679"));
    assert_eq!(unit.variable("CFG-BACKUP-NUM"), Some("2"));
}

#[test]
fn new_phones_are_spared_for_six_minutes() {
    let script = text_of("update-ip1200.htm");
    let booted = at(12, 0);
    for (minutes, does) in [(0, ""), (5, ""), (6, "SFr"), (7, "SFr")] {
        let mut unit = phone(Who::New, "IP1200", booted);
        unit.is_up(booted);
        assert_eq!(
            played(&mut unit, &script, at(12, minutes), false),
            does,
            "{minutes} minutes after its boot"
        );
    }
}

#[test]
fn an_ip72_is_awake_in_its_download_and_saves_power_again_after_it() {
    let script = text_of("update-ip72.htm");
    let mut unit = phone(Who::InCall, "IP72", at(12, 0));
    assert_eq!(played(&mut unit, &script, at(12, 0), true), "Fw");
    assert!(unit.saves_power, "deactivate-pwr was reached");
    let without: String = script.lines().filter(|line| line.contains("prot")).collect();
    let mut unit = phone(Who::Settled, "IP72", at(12, 0));
    assert_eq!(played(&mut unit, &without, at(12, 0), false), "pFr", "asleep without activate-pwr");
}

#[test]
fn boot_code_runs_after_the_watchdogs_restart_and_an_ip21_needs_none() {
    let script = |last: &str| format!("mod cmd UP0 boot http://192.0.2.5/ {last} 205\n");
    let now = at(12, 0);
    for (product, last, does, runs) in [
        ("IP222", "ireboot", "Br", "205"),
        ("IP222", "ireset", "Br", "200"),
        ("IP21", "ireboot", "B", "200"),
        ("IP21", "ireset", "Br", "205"),
    ] {
        let mut unit = phone(Who::Settled, product, now);
        assert_eq!(played(&mut unit, &script(last), now, false), does, "{product} {last}");
        assert_eq!(unit.boot_code, runs, "{product} {last}");
    }
}

#[test]
fn every_kind_is_in_the_tables() {
    for who in EVERYBODY {
        let script = "mod cmd UP1 check ireset 1\n";
        let mut unit = phone(who, "IP222", at(12, 0));
        let first = played(&mut unit, script, at(12, 0), who == Who::InCall);
        assert_eq!(first, if who == Who::InCall { "w" } else { "r" }, "{who:?}");
        assert_eq!(played(&mut unit, script, at(12, 15), false), "", "{who:?}: once only for each serial");
    }
}
