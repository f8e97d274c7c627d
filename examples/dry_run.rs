//! A night on paper: which phones of a pretend fleet would go, and why the others would not.
//!
//! `cargo run --example dry_run`. Only the pure parts of sipherd are used: no socket, no file, no clock. The scheduler
//! that is asked here is the one that acts in the daemon.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use sipherd::config;
use sipherd::domain::firmware::{Image, Release, Version};
use sipherd::domain::fleet::Fleet;
use sipherd::domain::phone::{CallState, Contact, KnownBy, Line, LineId, Mac, Model, PbxName, Phone, Vendor};
use sipherd::domain::policy::{Action, Calendar, Firmware, Lasts, Pace, Policy, Selection, Window};
use sipherd::domain::rules::{Rules, Terms};
use sipherd::domain::scheduler::Scheduler;

type Wrong = Box<dyn std::error::Error>;

fn main() -> Result<(), Wrong> {
    let afternoon: DateTime<Utc> = "2026-11-20T15:00:00Z".parse()?;
    let night: DateTime<Utc> = "2026-11-20T22:30:00Z".parse()?;
    let scheduler = Scheduler::new(rules()?);
    for now in [afternoon, night] {
        let fleet = fleet(now)?;
        println!("{}", now.with_timezone(&Tz::Europe__Berlin).format("%A %H:%M in Berlin"));
        for phone in fleet.iter() {
            let judged = scheduler.judge(phone, now, now, &fleet);
            let reasons: Vec<String> =
                judged.verdict.reasons().map(|reason| reason.told_in(Tz::Europe__Berlin)).collect();
            let verdict = if judged.verdict.is_go() { "goes".to_owned() } else { reasons.join("; ") };
            println!("  {}  {:16}{verdict}", phone.label(), phone.kind());
        }
        println!();
    }
    Ok(())
}

/// One policy: all snoms, Fridays from 22:00 to 05:00 in Berlin, quiet for ten minutes, three at once.
fn rules() -> Result<Rules, Wrong> {
    let window = Window::weekly(
        vec![Weekday::Fri],
        NaiveTime::MIN + TimeDelta::hours(22),
        Lasts::Until(NaiveTime::MIN + TimeDelta::hours(5)),
    );
    let snoms = Selection { vendor: vec![Vendor::SNOM], ..Selection::default() };
    let update = Action::Update { from: Firmware::Release("snom-10.1.198".into()) };
    let policy = Policy {
        calendar: Calendar::of(vec![window]),
        pace: Pace::at_once(3),
        ..Policy::new("office-night", snoms, update)
    };
    let image = Image {
        file: "snomD785-10.1.198.19-SIP-r.bin".to_owned(),
        part: sipherd::domain::firmware::Part::Firmware,
        handling: sipherd::domain::firmware::Handling::default(),
        vendor: Vendor::SNOM,
        models: vec![Model::new("D785")],
        version: Version::parse("10.1.198.19")?,
        sha256: String::new(),
        size: 0,
        from_at_least: Some(Version::parse("10.1.64.14")?),
        from_at_most: None,
        hardware: Vec::new(),
    };
    let release = Release { name: "snom-10.1.198".to_owned(), images: vec![image] };
    // The makers' profiles as they are; the daemon lays the administrator's own timing over them.
    let makers = config::profiles::shipped();
    let terms = Arc::new(move |phone: &Phone| {
        let profile = makers.profile(phone.vendor.as_ref()?)?;
        Some(Terms {
            triggers: profile.reboot.clone(),
            update_boots: profile.update_boots,
            resync: profile.resync.clone(),
            tells_dialogs: profile.tells_dialogs,
            serves: sipherd::domain::trip::Serves::default(),
            timing: profile.timing,
            special: Default::default(),
        })
    });
    Ok(Rules {
        releases: BTreeMap::from([(release.name.as_str().into(), release)]),
        ..Rules::new(vec![policy], Tz::Europe__Berlin, terms)
    })
}

/// The phones, as a PBX would tell of them.
fn fleet(now: DateTime<Utc>) -> Result<Fleet, Wrong> {
    use CallState::{Idle, Offline, Talking};
    let hour = TimeDelta::hours(1);
    let kinds = [
        // Line, maker, model, what it runs, what it is doing, and for how long it has been quiet.
        ("2101", "snom", "D785", "10.1.33.33", Idle, hour),
        ("2102", "snom", "D785", "10.1.127.10", Talking, hour),
        ("2103", "snom", "D785", "10.1.64.14", Idle, TimeDelta::minutes(4)),
        ("2104", "snom", "D785", "10.1.198.19", Idle, hour),
        ("2105", "snom", "D785", "10.1.127.10", Idle, hour),
        ("2106", "snom", "D385", "10.1.127.10", Idle, hour),
        ("2107", "snom", "D785", "10.1.127.10", Offline, hour),
        ("2108", "yealink", "T46S", "66.86.0.15", Idle, hour),
    ];
    let pbx = PbxName::new("pbx1");
    let mut fleet = Fleet::default();
    fleet.watch(pbx.clone(), TimeDelta::seconds(30));
    let (mut contacts, mut calls) = (Vec::new(), Vec::new());
    for (number, (user, vendor, model, version, state, _)) in (1..).zip(kinds) {
        let line = LineId { pbx: pbx.clone(), user: user.into() };
        let mut phone = Phone::new(Mac::new([0, 4, 0x13, 0, 0, number]), KnownBy::Inventory);
        phone.vendor = Some(Vendor::new(vendor));
        phone.model = Some(Model::new(model));
        phone.version = Some(Version::parse(version)?);
        phone.lines.insert(line.clone(), Line::UNSEEN);
        fleet.introduce(phone);
        if state != Offline {
            let contact = Contact {
                uri: format!("sip:{user}@192.0.2.{number}").into(),
                source: None,
                call_id: None,
                user_agent: None,
                expires: None,
            };
            contacts.push((line.clone(), contact));
        }
        calls.push((line, state));
    }
    // Quiet is what sipherd saw itself: first everything an hour ago, then what was in a call until lately.
    fleet.picture(&pbx, contacts.clone(), calls.clone(), now - hour);
    for ((line, state), (.., quiet)) in calls.iter().zip(kinds) {
        if *state == Idle && quiet < hour {
            fleet.calls(line.clone(), Talking, now - hour);
            fleet.calls(line.clone(), Idle, now - quiet);
        }
    }
    fleet.freshen(&pbx, now);
    Ok(fleet)
}
