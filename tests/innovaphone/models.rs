//! The two models of a device, made from the document apart from each other: the one that previews what scripts do, and
//! the simulated phone. Both play the same generated scripts; what they fetch, store and restart for must be the same.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sipherd::domain::phone::Mac;
use sipherd::phones::innovaphone::device::{Device, Did, Variable};
use sipherd::phones::innovaphone::product::Product;
use sipherd::phones::innovaphone::script::{Code, Final, Script};
use sipherd::phones::innovaphone::timetable::Kind;
use sipherd::sim::innovaphone::{Act, Came, Make, Part, Run, Unit, image};

use super::script;

/// The MAC of the device of the previews.
const MAC: Mac = Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf0]);
const PRODUCTS: [&str; 4] = ["IP222", "IP1200", "IP21", "IP72"];
/// Between two polls.
const BETWEEN: TimeDelta = TimeDelta::minutes(40);

fn one<'a>(dice: &mut StdRng, of: &[&'a str]) -> &'a str {
    of[dice.random_range(0..of.len())]
}

/// A line that a script may have; addresses of code hold its serial, as its file holds the build.
fn line(dice: &mut StdRng) -> String {
    let last = Final::ALL[dice.random_range(0..Final::ALL.len())].word();
    let serial = ["0", "4", "5"][dice.random_range(0..3)];
    let initial = ["", " /initial 6", " /initial 50"][dice.random_range(0..3)];
    let force = ["", " /force 0", " /force 1", " /force 2"][dice.random_range(0..4)];
    let meta = one(dice, &["#m", "#h_#b3", "#F", "#B_#H"]);
    match dice.random_range(0..14) {
        0 => format!("mod cmd UP1 check {last} {serial}"),
        1 => format!("mod cmd UP1 times /allow 23,0,1,12,13{initial}"),
        2 => "mod cmd UP1 times /initial 30".to_owned(),
        3 | 4 => format!("mod cmd UP0 prot http://192.0.2.5/{serial}/ {last} {serial}"),
        5 => format!("mod cmd UP0 boot http://192.0.2.5/{serial}/ {last} {serial}"),
        6 => format!("mod cmd UP0 bmc http://192.0.2.5/{serial}/bmc.bin {last} {serial}"),
        7 => format!("mod cmd UP0 scfg http://192.0.2.5/{meta}"),
        8 | 9 => format!("mod cmd UP0 scfg http://192.0.2.5/{meta} {last} {serial}{force}"),
        10 => format!("mod cmd UP0 cfg http://192.0.2.5/site.txt {last} {serial}"),
        11 => one(dice, &["ireset", "reset", "iresetn", "resetn", "ireboot", "reboot"]).to_owned(),
        12 => one(dice, &["config change A /b c", "config add UP1 /x y", "vars create A b"]).to_owned(),
        _ => one(dice, &["config write", "config activate", "mod cmd UP1 poll", "# nothing"]).to_owned(),
    }
}

/// What both are: the preview's device, and the simulated phone.
struct Pair {
    device: Device,
    unit: Unit,
}

impl Pair {
    fn new(kind: Kind, product: &str, now: DateTime<Utc>) -> Self {
        let mut device = kind.device(Product::new(product).as_ref());
        let make = Make {
            boot_code: "0".into(),
            hardware: "0".into(),
            clock: device.has_time.then(TimeDelta::zero),
            new: device.new,
            ..Make::default()
        };
        let mut unit = Unit::new(MAC, product, "0", make);
        unit.is_up(now - TimeDelta::minutes(device.up_minutes.into()));
        device.up_minutes = u32::try_from(unit.up(now).num_minutes()).unwrap();
        Self { device, unit }
    }

    /// What each of them stored, and whether it would restart for `iresetn`.
    fn stored(&self) -> [String; 2] {
        let (device, unit) = (&self.device, &self.unit);
        let of = |variable| device.serials.get(&variable).map(String::as_str);
        let code = |code| of(Variable::Code(code));
        let serials = [
            of(Variable::Check),
            code(Code::Firmware),
            code(Code::Boot),
            code(Code::Radio),
            of(Variable::Loaded),
            of(Variable::Saved),
        ];
        let names = ["CHECK", "PROT", "BOOT", "BMC", "CFG", "SCFG"].map(|name| unit.variable(name));
        let facts = &device.facts;
        [
            format!("{serials:?} {} {} {}+{}", device.new, device.needs_reset, facts.firmware, facts.boot),
            format!("{names:?} {} {} {}+{}", unit.new, unit.wants_reset, unit.firmware, unit.boot_code),
        ]
    }
}

/// The preview's poll, and the end of the call there may be.
fn previewed(device: &mut Device, script: &Script, now: DateTime<Utc>) -> String {
    let mut story = String::new();
    for step in device.poll(script, now.naive_utc()) {
        match step.did {
            Did::Fetched(_, url) => write!(story, "GET {url} ").unwrap(),
            Did::Saved(url) => write!(story, "PUT {url} ").unwrap(),
            Did::Loaded(url) => write!(story, "GET {url} ").unwrap(),
            Did::Restarted { .. } => story += "restarts ",
            _ => {}
        }
    }
    if device.hang_up() {
        story += "restarts after the call";
    }
    story
}

/// The simulated phone's.
fn simulated(unit: &mut Unit, text: &str, now: DateTime<Utc>, in_use: bool) -> String {
    let mut run = Run::new(text);
    let (mut came, mut story) = (None, String::new());
    loop {
        came = Some(match run.go_on(unit, came.take(), now, in_use) {
            Act::Done => break,
            Act::Restart(_) => {
                unit.goes_down(false);
                unit.is_up(now);
                return story + "restarts ";
            }
            Act::Fetch { part, url } => {
                write!(story, "GET {url} ").unwrap();
                let build = url.split('/').nth(3).unwrap();
                Came::Whole(image(&unit.product, part, build, 64))
            }
            Act::Read { url } => {
                write!(story, "GET {url} ").unwrap();
                Came::Whole(b"config change SITE /a b\r\n".to_vec())
            }
            Act::HandIn { url, .. } => {
                write!(story, "PUT {url} ").unwrap();
                Came::Taken
            }
        });
    }
    if unit.owes.is_some() {
        unit.goes_down(false);
        unit.is_up(now);
        story += "restarts after the call";
    }
    story
}

#[test]
fn the_preview_and_the_simulated_phone_do_the_same_by_any_script() {
    let (mut restarts, mut fetches, mut saves) = (0, 0, 0);
    for seed in 0..4000 {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut now: DateTime<Utc> = "2026-11-20T22:10:00Z".parse().unwrap();
        now += TimeDelta::hours(dice.random_range(0..24));
        let kind = Kind::ALL[dice.random_range(0..Kind::ALL.len())];
        let product = one(&mut dice, &PRODUCTS);
        let mut pair = Pair::new(kind, product, now);
        // A few scripts after each other, each polled twice.
        for _ in 0..3 {
            let lines: Vec<String> = (0..dice.random_range(1..6)).map(|_| line(&mut dice)).collect();
            let text = lines.join("\r\n");
            let script = script(&text);
            for _ in 0..2 {
                let in_use = kind == Kind::InCall;
                pair.device.busy = in_use;
                let before = pair.stored();
                let preview = previewed(&mut pair.device, &script, now);
                let phone = simulated(&mut pair.unit, &text, now, in_use);
                let at = format!("seed {seed}, {kind:?} {product}, {now}, {before:?}:\n{text}");
                assert_eq!(preview, phone, "{at}");
                let [preview_has, phone_has] = pair.stored();
                assert_eq!(preview_has, phone_has, "{at}");
                restarts += phone.matches("restarts").count();
                fetches += phone.matches("GET").count();
                saves += phone.matches("PUT").count();
                now += BETWEEN;
                pair.device.up_minutes = u32::try_from(pair.unit.up(now).num_minutes()).unwrap();
            }
            if dice.random_range(0..8) == 0 {
                pair.device.factory_reset();
                pair.unit.factory_reset();
                pair.unit.goes_down(false);
                pair.unit.is_up(now);
            }
        }
    }
    // The scripts are none that do nothing.
    assert!(restarts > 1000 && fetches > 1000 && saves > 1000, "{restarts} {fetches} {saves}");
}

#[test]
fn a_configuration_line_asks_for_a_reset_and_the_update_clients_own_do_not() {
    let now: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
    for (line, restarts) in [
        ("config change A /b c", true),
        ("config change A /b c\r\nconfig write\r\nconfig activate", true),
        ("config add UP1 /url http%3A%2F%2F192.0.2.5%2F", false),
        ("config write\r\nconfig activate", false),
        ("vars create A b", false),
        ("mod cmd A b", false),
    ] {
        let wanted = if restarts { "restarts " } else { "" };
        for text in [format!("{line}\r\niresetn"), format!("mod cmd UP1 check resetn 1\r\n{line}")] {
            let mut pair = Pair::new(Kind::Settled, "IP222", now);
            assert_eq!(previewed(&mut pair.device, &script(&text), now), wanted, "{text}");
            assert_eq!(simulated(&mut pair.unit, &text, now, false), wanted, "{text}");
        }
    }
}

#[test]
fn nothing_needs_a_reset_so_resetn_does_none_even_in_a_call() {
    let now: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
    for (last, plain) in [("resetn", "reset"), ("iresetn", "ireset")] {
        let mut pair = Pair::new(Kind::InCall, "IP222", now);
        assert_eq!(previewed(&mut pair.device, &script(last), now), "", "{last}");
        assert_eq!(simulated(&mut pair.unit, last, now, true), "", "{last}");
        let mut pair = Pair::new(Kind::InCall, "IP222", now);
        assert!(simulated(&mut pair.unit, plain, now, true).starts_with("restarts"), "{plain}");
    }
}

#[test]
fn one_part_is_stored_and_run_by_its_own_variable() {
    let now: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
    for (part, name) in [(Part::Prot, "PROT"), (Part::Boot, "BOOT"), (Part::Bmc, "BMC")] {
        let text = format!("mod cmd UP0 {} http://192.0.2.5/7/x.bin ireboot 7", part.word());
        let mut pair = Pair::new(Kind::Settled, "IP222", now);
        assert_eq!(simulated(&mut pair.unit, &text, now, false), "GET http://192.0.2.5/7/x.bin restarts ");
        assert_eq!(pair.unit.variable(name), Some("7"));
        assert_eq!(simulated(&mut pair.unit, &text, now, false), "", "{name}: once for its serial");
    }
}

#[test]
fn metacharacters_are_left_alone_in_other_urls() {
    let now: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
    for (text, asked) in [
        ("mod cmd UP0 prot http://192.0.2.5/0/#F.bin ser 7", "GET http://192.0.2.5/0/#F.bin "),
        ("mod cmd UP0 cfg http://192.0.2.5/#m.txt ser 7", "GET http://192.0.2.5/#m.txt "),
        ("mod cmd UP0 scfg http://192.0.2.5/#m_#F.txt", "PUT http://192.0.2.5/00-90-33-03-0d-f0_0.txt "),
    ] {
        let mut pair = Pair::new(Kind::Settled, "IP222", now);
        assert_eq!(previewed(&mut pair.device, &script(text), now), asked);
        assert_eq!(simulated(&mut pair.unit, text, now, false), asked);
    }
}
