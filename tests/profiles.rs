//! Own profiles of makers laid over the shipped ones, and the page about them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use chrono::{TimeDelta, Utc};
use sipherd::config::{self, Checked};
use sipherd::domain::phone::Vendor;
use sipherd::domain::trip::{Notice, Trigger, Way};
use sipherd::phones::Profile;

/// Checks a folder of these profiles.
fn checked(files: &[(&str, &str)]) -> Checked {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let now: chrono::DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
    config::check_paths(&[folder.path()], now)
}

#[test]
fn what_an_own_profile_does_not_say_stays_as_shipped() {
    let yealink = "vendor = \"Yealink\"\nreboot = [{ event = \"check-sync\" }]\n[timing]\nboot = \"4m\"\n[usual]\nboot = \"90s\"\n";
    let checked = checked(&[("ours.toml", yealink)]);
    assert!(checked.report.problems.is_empty(), "{}", checked.report);
    let vendor = Vendor::new("yealink");
    let (shipped, own) = (config::profiles::shipped(), checked.makers.profile(&vendor).unwrap().clone());
    let shipped = shipped.profile(&vendor).unwrap().clone();
    let mut wanted = Profile { reboot: vec![Trigger::event("check-sync")], ..shipped.clone() };
    wanted.timing.boot = TimeDelta::minutes(4);
    let usual = wanted.usual.as_mut().unwrap();
    usual.boot = TimeDelta::seconds(90);
    assert_eq!(own, wanted);
    assert_ne!(own, shipped);
    assert_eq!(checked.makers.recognise("Yealink SIP-T46G 28.82.0.20").unwrap().vendor, vendor);
    let told = &checked.own_profiles[0];
    assert!(!told.new);
    assert_eq!(told.keys, ["reboot", "timing.boot", "usual.boot"]);
}

#[test]
fn own_user_agents_win_over_shipped_ones() {
    let acme = "vendor = \"acme\"\nreboot = [{ event = \"check-sync\" }]\n[[user_agent]]\n\
                matches = '^Yealink SIP-(?<model>T46\\w) (?<version>\\S+)'\nexample = \"Yealink SIP-T46G 28.82.0.20\"\n";
    let checked = checked(&[("acme.toml", acme)]);
    let lines: Vec<String> = checked.report.problems.iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(
        lines,
        ["this takes `Yealink SIP-T46G 28.82.0.20` from `yealink`: own profiles win over shipped ones"]
    );
    let vendor = |text: &str| checked.makers.recognise(text).unwrap().vendor;
    assert_eq!(vendor("Yealink SIP-T46G 28.82.0.20").as_str(), "acme");
    assert_eq!(vendor("Yealink SIP-T27G 69.86.0.15").as_str(), "yealink");
    assert_eq!(checked.makers.recognise("Acme P10"), None);
}

#[test]
fn a_new_maker_has_patient_deadlines_unless_it_says_others() {
    let acme = "vendor = \"acme\"\nreboot = [{ event = \"x\", content_type = \"text/plain\", body = \"a\\nb\\n\" }]\n";
    let checked = checked(&[("acme.toml", acme)]);
    assert!(checked.report.problems.is_empty(), "{}", checked.report);
    let acme = checked.makers.profile(&Vendor::new("acme")).unwrap();
    assert_eq!(acme.reboot[0].notice().unwrap().body, Some(("text/plain".into(), "a\r\nb\r\n".into())));
    assert_eq!((acme.timing.gap, acme.timing.answer), (TimeDelta::minutes(5), TimeDelta::seconds(40)));
    // What the table of keys says holds without a key does hold.
    for key in config::keys::PROFILE_TIMING.keys {
        let config::keys::Absent::Default(text) = key.absent else { panic!("{}", key.name) };
        let length = match key.name {
            "answer" => acme.timing.answer,
            "leave" => acme.timing.leave,
            "leave_busy" => acme.timing.leave_busy,
            "boot_at_least" => acme.timing.boot_at_least,
            "boot" => acme.timing.boot,
            "fetch" => acme.timing.fetch,
            "flash" => acme.timing.flash,
            "gap" => acme.timing.gap,
            other => panic!("{other}"),
        };
        let minutes = length.num_seconds() % 60 == 0;
        let spelt =
            if minutes { format!("{}m", length.num_minutes()) } else { format!("{}s", length.num_seconds()) };
        assert_eq!(text, format!("\"{spelt}\""), "{}", key.name);
    }
}

/// The rows of the table of makers, as the page has them.
fn table() -> String {
    let mut text = "\n| vendor | phones | reboot: `Event:` | waits for its call | resync: `Event:` | answers dialog SUBSCRIBE | update | own files | firmware is named by | known from memory alone |\n\
                    |---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let events = |triggers: &[Trigger]| {
        let one = |trigger: &Trigger| match &trigger.way {
            Way::Notify(Notice { event, body: Some((_, body)) }) => {
                format!("`{event}` with `{}`", body.lines().next().unwrap_or_default())
            }
            Way::Notify(Notice { event, body: None }) => format!("`{event}`"),
            Way::Web { path } => format!("its page `{path}`"),
            Way::ContactMe => "contact-me".to_owned(),
            Way::Poll => "at its poll".to_owned(),
        };
        let all: Vec<String> = triggers.iter().map(one).collect();
        if all.is_empty() { "none".to_owned() } else { all.join(", then ") }
    };
    let list = |texts: Vec<&str>| texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ");
    for maker in config::profiles::shipped().all() {
        let waits: Vec<&str> = maker.reboot.iter().filter(|t| t.waits_for_idle).map(called).collect();
        let may: Vec<&str> = maker.reboot.iter().filter(|t| t.may_wait).map(called).collect();
        let waits = match (waits.is_empty(), may.is_empty()) {
            (false, _) => format!("yes, with {}", list(waits)),
            (true, false) => format!("perhaps, with {}", list(may)),
            (true, true) => "no".to_owned(),
        };
        let update = match maker.update_boots {
            None => "no".to_owned(),
            Some(1) => "yes, 1 boot".to_owned(),
            Some(boots) => format!("yes, {boots} boots"),
        };
        writeln!(
            text,
            "| `{}` | {} | {} | {waits} | {} | {} | {update} | {} | {} | {} |",
            maker.vendor,
            maker.about.as_deref().unwrap_or_default(),
            events(&maker.reboot),
            events(&maker.resync),
            if maker.tells_dialogs { "yes" } else { "no" },
            list(maker.own_files.iter().map(|file| file.as_str()).collect()),
            list(maker.firmware_setting.iter().map(String::as_str).collect()),
            list(maker.unproven.clone()),
        )
        .unwrap();
    }
    text + "\n"
}

fn hazards() -> String {
    let mut text = "\n| vendor | mind |\n|---|---|\n".to_owned();
    for maker in config::profiles::shipped().all() {
        for hazard in &maker.hazards {
            writeln!(text, "| `{}` | {hazard} |", maker.vendor).unwrap();
        }
    }
    text + "\n"
}

/// With `BLESS=1` in the environment the tables are written anew.
#[test]
fn the_page_about_phones_says_what_the_profiles_say() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/phones.md");
    let before = std::fs::read_to_string(&path).unwrap();
    let mut text = before.clone();
    for (head, rows) in [("<!-- makers -->\n", table()), ("<!-- hazards -->\n", hazards())] {
        let start = text.find(head).unwrap_or_else(|| panic!("no {head}")) + head.len();
        let end = start + text[start..].find("<!-- end -->").unwrap();
        text.replace_range(start..end, &rows);
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    } else {
        assert!(before == text, "docs/phones.md differs from the profiles: run this test with BLESS=1");
    }
}

#[test]
fn every_maker_that_was_asked_for_is_there() {
    let makers = config::profiles::shipped();
    let there: BTreeSet<&str> = makers.vendors().map(Vendor::as_str).collect();
    for vendor in [
        "yealink",
        "poly",
        "grandstream",
        "cisco-spa",
        "cisco",
        "cisco-enterprise",
        "mitel",
        "gigaset",
        "panasonic",
        "fanvil",
        "htek",
        "algo",
        "avaya",
        "audiocodes",
        "digium",
        "generic",
        "snom",
        "snom-dect",
        "linksys",
    ] {
        assert!(there.contains(vendor), "{vendor}");
    }
    // Nobody becomes one of these but by the inventory.
    assert!(makers.known(&Vendor::new("generic")).unwrap().user_agents.is_empty());
}

/// A way of asking as the page names it where it says which of them wait.
fn called(trigger: &Trigger) -> &str {
    match &trigger.way {
        Way::Notify(notice) => &notice.event,
        Way::Web { path } => path,
        Way::ContactMe => "contact-me",
        Way::Poll => "poll",
    }
}
