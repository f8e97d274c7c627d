//! Scripts made of policies: hours where a script can say them, and why not where it cannot.

use chrono::{NaiveTime, TimeDelta, Weekday};
use sipherd::domain::policy::{Calendar, Cron, EVERY_DAY, Lasts, Window};
use sipherd::phones::innovaphone::generation::{Inexpressible, Load, Order, script};
use sipherd::phones::innovaphone::product::Product;
use sipherd::phones::innovaphone::script::Code;

fn firmware() -> Order {
    Order::Install(vec![load(Code::Firmware, "04-5679")])
}

fn load(code: Code, serial: &str) -> Load {
    Load { code, url: "http://192.0.2.5/fw/".into(), serial: serial.into() }
}

fn time(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).unwrap()
}

fn daily(from: NaiveTime, to: NaiveTime) -> Window {
    Window::weekly(EVERY_DAY, from, Lasts::Until(to))
}

const PROT: &str = "mod cmd UP0 prot http://192.0.2.5/fw/ ireset 04-5679\r\n";

#[test]
fn whole_hours_of_every_day_stand_in_the_script() {
    for (windows, allow) in [
        (vec![daily(time(22, 0), time(5, 0))], Some("22,23,0,1,2,3,4")),
        (vec![daily(time(1, 0), time(2, 0))], Some("1")),
        (vec![Window::hours(vec![0, 23, 12, 1], EVERY_DAY)], Some("12,23,0,1")),
        (vec![daily(time(22, 0), time(0, 0)), daily(time(23, 0), time(2, 0))], Some("22,23,0,1")),
        (vec![daily(time(0, 0), time(0, 0))], None),
        (vec![daily(time(3, 0), time(15, 0)), daily(time(15, 0), time(3, 0))], None),
    ] {
        let made = script(&Calendar::of(windows), &firmware(), None);
        let times = allow.map(|hours| format!("mod cmd UP1 times /allow {hours}\r\n")).unwrap_or_default();
        assert_eq!(made.script.to_string(), format!("{times}{PROT}"));
        assert_eq!(made.gate_alone, None);
    }
}

#[test]
fn what_a_script_cannot_say_is_left_to_the_gate_alone() {
    let night = || daily(time(22, 0), time(5, 0));
    let zoned = Window { zone: Some(chrono_tz::Europe::Berlin), ..night() };
    for (calendar, why) in [
        (
            Calendar::of(vec![Window::weekly([Weekday::Sat], time(22, 0), Lasts::Until(time(5, 0)))]),
            Inexpressible::Days,
        ),
        (Calendar::of(vec![night(), Window::hours(vec![3], [Weekday::Sun])]), Inexpressible::Days),
        (Calendar::of(vec![daily(time(22, 30), time(5, 0))]), Inexpressible::Minutes),
        (Calendar::of(vec![daily(time(22, 0), time(5, 30))]), Inexpressible::Minutes),
        (
            Calendar::of(vec![Window::weekly(EVERY_DAY, time(22, 0), Lasts::For(TimeDelta::hours(7)))]),
            Inexpressible::Elapsed,
        ),
        (
            Calendar::of(vec![Window::cron("0 1 * * *".parse::<Cron>().unwrap(), TimeDelta::hours(2))]),
            Inexpressible::Cron,
        ),
        (Calendar::of(vec![zoned]), Inexpressible::Zone),
    ] {
        let made = script(&calendar, &firmware(), None);
        assert_eq!((made.script.to_string().as_str(), made.gate_alone), (PROT, Some(why)));
    }
}

#[test]
fn a_policy_without_a_window_orders_nothing() {
    let made = script(&Calendar::default(), &firmware(), None);
    assert_eq!(made.script.commands().count(), 0);
}

#[test]
fn wireless_phones_stay_awake_and_backups_go_once_for_each_serial() {
    let calendar = Calendar::of(vec![Window::hours(vec![1], EVERY_DAY)]);
    let ip72 = Product::new("IP72").unwrap();
    assert_eq!(
        script(&calendar, &firmware(), Some(&ip72)).script.to_string(),
        format!(
            "mod cmd UP1 times /allow 1\r\nmod cmd WLANMGR0 activate-pwr\r\n{PROT}mod cmd WLANMGR0 deactivate-pwr\r\n"
        )
    );
    let backup =
        Order::Backup { url: "http://192.0.2.5/c/#h.txt".into(), serial: "2026-11-20".into(), force: None };
    assert_eq!(
        script(&calendar, &backup, Some(&ip72)).script.to_string(),
        "mod cmd UP1 times /allow 1\r\nmod cmd UP0 scfg http://192.0.2.5/c/#h.txt no-op 2026-11-20\r\n"
    );
}

#[test]
fn the_minutes_after_a_boot_stand_in_the_script_rounded_up() {
    let night = Window::hours(vec![1, 2], EVERY_DAY);
    let of = |seconds: i64, window: Window| {
        let calendar = Calendar { initial: Some(TimeDelta::seconds(seconds)), ..Calendar::of(vec![window]) };
        script(&calendar, &firmware(), None).script.to_string()
    };
    assert_eq!(of(600, night.clone()), format!("mod cmd UP1 times /allow 1,2 /initial 10\r\n{PROT}"));
    assert_eq!(of(601, night), format!("mod cmd UP1 times /allow 1,2 /initial 11\r\n{PROT}"));
    let saturday = Window::hours(vec![1], [Weekday::Sat]);
    assert_eq!(of(360, saturday), format!("mod cmd UP1 times /initial 6\r\n{PROT}"), "the gate has the days");
}

#[test]
fn all_code_is_fetched_before_the_one_restart_and_the_watchdog_activates_boot_code() {
    let calendar = Calendar::of(vec![daily(time(0, 0), time(0, 0))]);
    let order = Order::Install(vec![
        load(Code::Boot, "205"),
        load(Code::Radio, "PCS04fd"),
        load(Code::Firmware, "04-5679"),
    ]);
    let text = |product: &str| script(&calendar, &order, Product::new(product).as_ref()).script.to_string();
    let with = |last: &str| {
        format!(
            "mod cmd UP0 boot http://192.0.2.5/fw/ ser 205\r\nmod cmd UP0 bmc http://192.0.2.5/fw/ ser PCS04fd\r\n\
             mod cmd UP0 prot http://192.0.2.5/fw/ {last} 04-5679\r\n"
        )
    };
    assert_eq!(text("IP222"), with("ireboot"));
    assert_eq!(text("IP21"), with("ireset"), "an IP21 cannot `ireboot`");
    let boot_alone = Order::Install(vec![load(Code::Boot, "205")]);
    assert_eq!(
        script(&calendar, &boot_alone, None).script.to_string(),
        "mod cmd UP0 boot http://192.0.2.5/fw/ ireboot 205\r\n"
    );
}

#[test]
fn one_restart_and_one_restore_for_each_serial() {
    let calendar = Calendar::of(vec![Window::hours(vec![3], EVERY_DAY)]);
    let restart = Order::Restart { serial: "sipherd-17".into() };
    assert_eq!(
        script(&calendar, &restart, None).script.to_string(),
        "mod cmd UP1 times /allow 3\r\nmod cmd UP1 check ireset sipherd-17\r\n"
    );
    let restore = Order::Restore { url: "http://192.0.2.5/c/latest".into(), serial: "sipherd-18".into() };
    assert_eq!(
        script(&calendar, &restore, None).script.to_string(),
        "mod cmd UP1 times /allow 3\r\nmod cmd UP0 cfg http://192.0.2.5/c/latest ireset sipherd-18\r\n"
    );
}
