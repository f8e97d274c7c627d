//! What scripts make devices do, hour by hour: the maker's handbook as tables.

use chrono::{NaiveDateTime, TimeDelta};
use sipherd::phones::innovaphone::device::{Cancel, Device, Did, Step, Variable};
use sipherd::phones::innovaphone::product::Product;
use sipherd::phones::innovaphone::script::{Code, Script};
use sipherd::phones::innovaphone::timetable::{Kind, day};

use super::{fixture, script};

fn ip(number: u16) -> Product {
    Product::new(&format!("IP{number}")).unwrap()
}

fn at(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn did(steps: Vec<Step>) -> Vec<Did> {
    steps.into_iter().map(|step| step.did).collect()
}

/// The hours in which a device does something of this kind, minute by minute through a day.
fn hours(script: &Script, device: &Device, wanted: impl Fn(&Did) -> bool) -> Vec<i64> {
    let midnight = at("2026-11-20T00:00:00");
    let minutes: Vec<i64> = (0..24 * 60)
        .filter(|minute| {
            let steps = device.clone().poll(script, midnight + TimeDelta::minutes(*minute));
            steps.iter().any(|step| wanted(&step.did))
        })
        .collect();
    let mut hours: Vec<i64> = minutes.iter().map(|minute| minute / 60).collect();
    hours.dedup();
    assert_eq!(hours.len() * 60, minutes.len(), "whole hours: {minutes:?}");
    hours
}

const fn fetched(did: &Did) -> bool {
    matches!(did, Did::Fetched(Code::Firmware, _))
}

const fn saved(did: &Did) -> bool {
    matches!(did, Did::Saved(_))
}

#[test]
fn ip1200s_are_updated_from_23_to_5_and_new_ones_after_six_minutes() {
    let (script, ip1200) = (fixture("update-ip1200.htm"), ip(1200));
    let of = |kind: Kind| kind.device(Some(&ip1200));
    let night = [0, 1, 2, 3, 4, 23];
    assert_eq!(hours(&script, &of(Kind::Settled), fetched), night);
    assert_eq!(hours(&script, &of(Kind::Settled), saved), night);
    assert_eq!(hours(&script, &of(Kind::New), fetched), (0..24).collect::<Vec<_>>());
    for kind in [Kind::JustBooted, Kind::WithoutTime] {
        assert_eq!(hours(&script, &of(kind), |did| fetched(did) || saved(did)), [0; 0], "{kind:?}");
    }
    let noon = at("2026-11-20T12:00:00");
    for (minutes, goes) in [(0, false), (5, false), (6, true), (7, true)] {
        let mut new = Device { up_minutes: minutes, ..of(Kind::New) };
        assert_eq!(
            did(new.poll(&script, noon)).iter().any(fetched),
            goes,
            "{minutes} minutes after its boot"
        );
    }
}

#[test]
fn the_firmware_is_fetched_once_and_the_configuration_once_a_week() {
    let script = fixture("update-ip1200.htm");
    let mut device = Kind::Settled.device(Some(&ip(1200)));
    let first = at("2026-11-20T23:10:00");
    assert_eq!(
        did(device.poll(&script, first)),
        [
            Did::Saved("http://192.0.2.5/configs/saved/IP1200-03-0d-f0_0.txt".into()),
            Did::Fetched(Code::Firmware, "http://192.0.2.5/configs/firmware/IP1200.bin".into()),
            Did::Restarted { in_use: false },
        ]
    );
    device.up_minutes = 10;
    assert_eq!(did(device.poll(&script, first + TimeDelta::minutes(15))), [Did::Same, Did::Same]);
    let week = TimeDelta::hours(168);
    assert_eq!(did(device.poll(&script, first + week - TimeDelta::minutes(1))), [Did::Same, Did::Same]);
    let again = did(device.poll(&script, first + week));
    assert_eq!(again, [Did::Saved("http://192.0.2.5/configs/saved/IP1200-03-0d-f0_1.txt".into()), Did::Same]);
    // Five copies, then the oldest is overwritten.
    let mut names = Vec::new();
    for round in 2..6 {
        names.extend(did(device.poll(&script, first + week * round)));
    }
    assert!(
        names.contains(&Did::Saved("http://192.0.2.5/configs/saved/IP1200-03-0d-f0_0.txt".into())),
        "{names:?}"
    );
}

#[test]
fn ip3000s_fetch_at_night_and_restart_by_nobody() {
    let script = fixture("update-ip3000.htm");
    let device = Kind::Settled.device(Some(&ip(3000)));
    assert_eq!(hours(&script, &device, fetched), [0, 1, 2, 3, 4, 23]);
    assert_eq!(hours(&script, &device, |did| matches!(did, Did::Restarted { .. })), [0; 0]);
    let new = Kind::New.device(Some(&ip(3000)));
    assert_eq!(hours(&script, &new, fetched), [0, 1, 2, 3, 4, 23], "no `/initial`: new ones wait too");
}

#[test]
fn an_ip72_that_fetched_restarts_before_it_saves_power_again() {
    let script = fixture("update-ip72.htm");
    let mut device = Kind::Settled.device(Some(&ip(72)));
    let now = at("2026-11-20T12:00:00");
    assert_eq!(
        did(device.poll(&script, now)),
        [
            Did::StaysAwake(true),
            Did::Fetched(Code::Firmware, "http://192.0.2.5/firmware/IP72.bin".into()),
            Did::Restarted { in_use: false }
        ]
    );
    assert_eq!(did(device.poll(&script, now)), [Did::StaysAwake(true), Did::Same, Did::StaysAwake(false)]);
}

#[test]
fn the_hours_of_the_handbook_are_12_and_22_to_4() {
    let script = script("mod cmd UP1 times /allow 12,22,23,0,1,2,3,4\nconfig x y\n");
    let device = Kind::Settled.device(None);
    let done = |did: &Did| matches!(did, Did::Executed(_));
    assert_eq!(hours(&script, &device, done), [0, 1, 2, 3, 4, 12, 22, 23]);
    let stretches: Vec<(u8, u8)> = day(&script, &device).iter().map(|part| (part.from, part.hours)).collect();
    assert_eq!(stretches, [(5, 7), (12, 1), (13, 9), (22, 7)]);
}

#[test]
fn a_call_delays_ireset_and_is_ended_by_reset() {
    let text = |last: &str| script(&format!("mod cmd UP0 prot http://192.0.2.5/fw/ {last} 1\nconfig x y\n"));
    let now = at("2026-11-20T12:00:00");
    let run = |last: &str| {
        let mut device = Kind::InCall.device(None);
        let steps = did(device.poll(&text(last), now));
        (steps[1..].to_vec(), device.hang_up())
    };
    let executed = || Did::Executed("config x y".into());
    assert_eq!(run("ireset"), (vec![Did::WillRestart, executed()], true));
    assert_eq!(run("iresetn"), (vec![Did::WillRestart, executed()], true));
    assert_eq!(run("ser"), (vec![executed()], false));
    for last in ["reset", "resetn", "reboot"] {
        assert_eq!(run(last), (vec![Did::Restarted { in_use: true }], false), "{last}");
    }
}

#[test]
fn check_lets_the_rest_happen_once_for_each_serial() {
    let text = |serial: &str, line: &str| script(&format!("mod cmd UP1 check iresetn {serial}\n{line}\n"));
    let now = at("2026-11-20T12:00:00");
    let mut device = Kind::Settled.device(None);
    let executed = |line: &str| Did::Executed(line.into());
    let config = "config x y";
    assert_eq!(
        did(device.poll(&text("1", config), now)),
        [executed(config), Did::Checked, Did::Restarted { in_use: false }]
    );
    assert_eq!(did(device.poll(&text("1", config), now)), [Did::Cancelled(Cancel::Done)]);
    let lookup = "mod cmd PHONE x";
    assert_eq!(
        did(device.poll(&text("2", lookup), now)),
        [executed(lookup), Did::Checked],
        "nothing asks for a reset now"
    );
}

#[test]
fn a_reset_to_factory_defaults_empties_every_serial() {
    let script = script(
        "mod cmd UP1 check ser 1\nmod cmd UP0 prot http://192.0.2.5/fw/ ser 7\nmod cmd UP0 cfg http://192.0.2.5/c ser 8\n",
    );
    let now = at("2026-11-20T12:00:00");
    let mut device = Kind::Settled.device(None);
    assert_eq!(did(device.poll(&script, now)).last(), Some(&Did::Checked));
    assert_eq!(did(device.poll(&script, now)), [Did::Cancelled(Cancel::Done)]);
    device.factory_reset();
    assert_eq!(device.serials.len(), 0);
    // PROT is not set, so the build that runs counts: it is the one of the script.
    assert_eq!(
        did(device.poll(&script, now)),
        [Did::Same, Did::Loaded("http://192.0.2.5/c".into()), Did::Checked]
    );
}

#[test]
fn a_restart_keeps_check_from_storing_its_serial() {
    let looping = script("mod cmd UP1 check ser 1\nireset\n");
    let fetching = script("mod cmd UP1 check ser 1\nmod cmd UP0 prot http://192.0.2.5/fw/ ireset 1\n");
    let now = at("2026-11-20T12:00:00");
    let mut device = Kind::Settled.device(None);
    for _ in 0..3 {
        assert_eq!(did(device.poll(&looping, now)), [Did::Restarted { in_use: false }], "for ever");
    }
    assert_eq!(did(device.poll(&fetching, now)).len(), 2, "fetched, restarted");
    assert_eq!(did(device.poll(&fetching, now)), [Did::Same, Did::Checked]);
    assert_eq!(did(device.poll(&fetching, now)), [Did::Cancelled(Cancel::Done)]);
}

#[test]
fn without_a_stored_serial_the_running_build_counts() {
    let script = script("mod cmd UP0 prot http://192.0.2.5/fw/ ireset 04-5656\n");
    let mut device = Kind::Settled.device(None);
    device.facts.firmware = "04-5656".into();
    assert_eq!(did(device.poll(&script, at("2026-11-20T12:00:00"))), [Did::Same]);
}

#[test]
fn a_day_of_one_kind_is_one_stretch() {
    let script = script("config x y\n");
    let day = day(&script, &Kind::Settled.device(None));
    assert_eq!(day.iter().map(|part| (part.from, part.hours)).collect::<Vec<_>>(), [(0, 24)]);
}

#[test]
fn boot_code_and_radio_code_are_fetched_once_for_serials_of_their_own() {
    let script = script(
        "mod cmd UP0 boot http://192.0.2.5/fw/ ser 205\nmod cmd UP0 bmc http://192.0.2.5/fw/PCS04fd.bin ser PCS04fd\n",
    );
    let now = at("2026-11-20T12:00:00");
    let mut device = Kind::Settled.device(Some(&ip(1200)));
    assert_eq!(
        did(device.poll(&script, now)),
        [
            Did::Fetched(Code::Boot, "http://192.0.2.5/fw/boot1200.bin".into()),
            Did::Fetched(Code::Radio, "http://192.0.2.5/fw/PCS04fd.bin".into()),
        ]
    );
    assert_eq!(did(device.poll(&script, now)), [Did::Same, Did::Same]);
    let stored = |code: Code| device.serials.get(&Variable::Code(code)).map(String::as_str);
    assert_eq!((stored(Code::Boot), stored(Code::Radio)), (Some("205"), Some("PCS04fd")));
    assert_eq!(stored(Code::Firmware), None);
}
