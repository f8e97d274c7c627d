//! Policy text and what is made of it: every table, shared selections, what `run` refuses, and edits that wait.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::Path;
use std::time::SystemTime;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use sipherd::config;
use sipherd::domain::items::WantedItem;
use sipherd::domain::phone::{KnownBy, Mac, Model, Phone, Site, Tag, Vendor};
use sipherd::domain::policy::{
    Action, Bandwidth, BlackoutDates, Coverage, CoverageRule, Event, Firmware, Group, IdleBy, InFlight,
    Lasts, Opens, OutsideCheck, Patience, Policy, Rate, Share, WaveSize,
};
use sipherd::domain::version::Version;
use tempfile::TempDir;

const REST: &str =
    "[update]\nrelease = \"snom-10.1.198\"\n[[window]]\ndays = \"fri\"\nfrom = \"22:00\"\nto = \"05:00\"\n";

fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
}

/// Reads one policy in which nothing is wrong; warnings are handed over too.
fn read(text: &str) -> (Policy, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "night.toml", text);
    let checked = config::check_paths(&[folder.path()], now());
    assert!(!checked.report.has_errors(), "{}", checked.report);
    let warnings = checked.report.problems.iter().map(|problem| problem.message.clone()).collect();
    (checked.policies.into_iter().next().unwrap(), warnings)
}

fn with(text: &str) -> Policy {
    read(&format!("{text}\n[select]\nvendor = \"snom\"\n{REST}")).0
}

fn after(text: &str) -> Policy {
    read(&format!("[select]\nvendor = \"snom\"\n{REST}{text}")).0
}

fn minutes(n: i64) -> TimeDelta {
    TimeDelta::minutes(n)
}

#[test]
fn each_action_is_a_table_of_its_own() {
    let release = |name: &str| Firmware::Release(name.into());
    let item = |name: &str, index, value: &str| WantedItem { name: name.into(), index, value: value.into() };
    for (text, expected) in [
        ("[reboot]", Action::Reboot),
        ("[resync]", Action::Resync),
        ("[backup]", Action::Backup),
        ("[update]\nrelease = \"a\"", Action::Update { from: release("a") }),
        ("[update]\nchannel = \"stable\"", Action::Update { from: Firmware::Channel("stable".into()) }),
        ("[stage]\nrelease = \"a\"", Action::Stage { from: release("a") }),
        ("[module-update]\nrelease = \"a\"", Action::ModuleUpdate { from: release("a") }),
        ("[files]\nrelease = \"a\"", Action::Files { from: release("a") }),
        ("[files]\nchannel = \"b\"", Action::Files { from: Firmware::Channel("b".into()) }),
        (
            "[write]\nitems = [{ name = \"skin\", value = \"\" }, { name = \"ring\", index = 2, value = \"1\" }]",
            Action::Write { items: [item("skin", None, ""), item("ring", Some(2), "1")].into() },
        ),
    ] {
        let window = "[[window]]\nallow = [1]\n";
        assert_eq!(read(&format!("[select]\nline = \"*\"\n{text}\n{window}")).0.action, expected, "{text}");
    }
    let (_, warnings) = read("[select]\nline = \"*\"\n[stage]\nrelease = \"a\"\n");
    assert!(warnings.is_empty(), "who only stages needs no window: {warnings:?}");
}

#[test]
fn a_selection_means_what_it_says() {
    let phone = |model: &str, version: &str, site: &str, tag: Option<&str>| {
        let mut phone = Phone::new(Mac::new([0, 4, 0x13, 0, 0, 1]), KnownBy::Inventory);
        phone.vendor = Some(Vendor::SNOM);
        phone.model = Some(Model::new(model));
        phone.version = Version::parse(version).ok();
        phone.site = Some(Site::new(site));
        phone.tags.extend(tag.map(Tag::new));
        phone
    };
    let text = format!(
        "[select]\nvendor = \"Snom\"\nmodel = [\"D7*\", \"D865\"]\nversion = \">= 10.1.33, < 10.1.198\"\n\
         mac = \"00:04:13\"\nany = [{{ site = \"bonn\" }}, {{ tag = \"lobby\" }}]\nnot.tag = [\"lift\"]\nnot.model = \"D710\"\n{REST}"
    );
    let select = read(&text).0.select;
    for (phone, expected) in [
        (phone("D785", "10.1.64.14", "bonn", None), true),
        (phone("D865", "10.1.64.14", "berlin", Some("lobby")), true),
        (phone("D785", "10.1.64.14", "berlin", None), false),
        (phone("D785", "10.1.198", "bonn", None), false),
        (phone("D785", "8.9.3", "bonn", None), false),
        (phone("D785", "10.1.64.14", "bonn", Some("lift")), false),
        (phone("D710", "10.1.64.14", "bonn", None), false),
        (phone("M100", "10.1.64.14", "bonn", None), false),
    ] {
        assert_eq!(select.matches(&phone), expected, "{phone:?}");
    }
}

#[test]
fn shared_selections_are_named_by_policies_and_by_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let shared = "[selection.centre]\nis = \"desk\"\nsite = \"bonn\"\n[selection.desk]\nmodel = \"D7*\"\n";
    write(folder.path(), "selections.toml", shared);
    write(folder.path(), "night.toml", &format!("[select]\nis = \"centre\"\n{REST}"));
    for path in [folder.path().to_owned(), folder.path().join("night.toml")] {
        let checked = config::check_paths(&[&path], now());
        assert!(checked.report.problems.is_empty(), "{}", checked.report);
        let mut phone = Phone::new(Mac::new([0; 6]), KnownBy::Inventory);
        phone.model = Some(Model::new("D785"));
        phone.site = Some(Site::new("bonn"));
        let select = &checked.policies[0].select;
        assert!(select.matches(&phone));
        phone.site = Some(Site::new("berlin"));
        assert!(!select.matches(&phone));
        assert_eq!(&*select.is[0].name, "centre");
    }
}

#[test]
fn windows_have_three_forms() {
    let text = "[select]\nvendor = \"snom\"\n[update]\nrelease = \"a\"\n\
                [[window]]\ndays = [\"mon\", \"tuesday\"]\nfrom = \"22:00\"\nto = \"05:00\"\nlast_start = \"25m\"\nzone = \"Europe/Berlin\"\n\
                [[window]]\ncron = \"30 1 * * sun\"\nlength = \"4h\"\nzone = \"site\"\n\
                [[window]]\nallow = [23, 22, 0]\ndays = \"fri\"\ninitial = \"10m\"\n";
    let calendar = read(text).0.calendar;
    let [weekly, cron, hours] = calendar.windows.as_slice() else { panic!("{calendar:?}") };
    let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    assert_eq!(
        weekly.opens,
        Opens::Weekly { days: vec![Weekday::Mon, Weekday::Tue], from: at(22), lasts: Lasts::Until(at(5)) }
    );
    assert_eq!((weekly.zone, weekly.last_start), (Some(chrono_tz::Europe::Berlin), Some(minutes(25))));
    assert!(matches!(&cron.opens, Opens::Cron { length, .. } if *length == minutes(240)));
    assert_eq!(cron.zone, None);
    assert_eq!(hours.opens, Opens::Hours { hours: vec![0, 22, 23], days: vec![Weekday::Fri] });
    assert_eq!(calendar.initial, Some(minutes(10)));
    let alone =
        read("[select]\nvendor = \"snom\"\n[update]\nrelease = \"a\"\n[[window]]\ninitial = \"5m\"\n")
            .0
            .calendar;
    assert_eq!((alone.windows.len(), alone.initial), (0, Some(minutes(5))));
}

#[test]
fn an_author_may_accept_what_the_clocks_do() {
    let text = |dst: &str| {
        format!(
            "[select]\nvendor = \"snom\"\n[reboot]\n[[window]]\ndays = \"sun\"\nfrom = \"02:30\"\nlength = \"2h\"\nzone = \"Europe/Berlin\"\n{dst}"
        )
    };
    assert_eq!(read(&text("")).1.len(), 2);
    assert!(read(&text("dst = \"shift\"\n")).1.is_empty());
}

#[test]
fn blackouts_are_days_ranges_and_years() {
    let policy = after(
        "[[blackout]]\non = [\"2026-12-24\", \"02-29\"]\nzone = \"Europe/Berlin\"\n\
         [[blackout]]\nfrom = \"2026-12-30\"\nto = \"2027-01-02\"\n[[blackout]]\nfrom = \"12-20\"\nto = \"01-06\"\n",
    );
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
    let when: Vec<_> = policy.calendar.blackouts.iter().map(|blackout| blackout.when.clone()).collect();
    assert_eq!(
        when,
        [
            BlackoutDates::Range { from: day(2026, 12, 24), to: day(2026, 12, 24) },
            BlackoutDates::Yearly { from: (2, 29), to: (2, 29) },
            BlackoutDates::Range { from: day(2026, 12, 30), to: day(2027, 1, 2) },
            BlackoutDates::Yearly { from: (12, 20), to: (1, 6) },
        ]
    );
    assert_eq!(policy.calendar.blackouts[1].zone, Some(chrono_tz::Europe::Berlin));
}

#[test]
fn idle_rules_are_read_over_safe_defaults() {
    let idle = after("").idle;
    assert_eq!(
        (idle.quiet, idle.by, idle.probe, idle.patience),
        (minutes(10), IdleBy::Pbx, true, Patience::NextWindow)
    );
    let idle = after(
        "[idle]\nquiet = \"15m\"\nby = \"both\"\nbusy = [\"held\", \"do-not-disturb\"]\nprobe = false\n\
         patience = \"force\"\nforce_after = \"2h\"\n",
    )
    .idle;
    assert_eq!((idle.quiet, idle.by, idle.probe), (minutes(15), IdleBy::Both, false));
    assert_eq!(idle.patience, Patience::Force { after: minutes(120) });
    assert_eq!((idle.also_busy.agent_logged_in, idle.also_busy.do_not_disturb), (false, true));
    assert_eq!(after("[idle]\nby = \"phone\"\n").idle.by, IdleBy::Phone);
    assert_eq!(after("[idle]\npatience = \"phone-waits\"\n").idle.patience, Patience::PhoneWaits);
}

#[test]
fn paces_are_counts_rates_and_speeds() {
    let pace = after("").pace;
    assert_eq!((pace.down_at_once, pace.per.site, pace.spread), (1, None, None));
    let pace = after(
        "[pace]\ndown_at_once = 60\nper = { site = 20, model = 5, subnet = 4, switch = 3, tag = { \"floor-*\" = 2 } }\n\
         notify_rate = \"5/s\"\nregistrations = \"30/m\"\ndownloads = 10\n\
         bandwidth = { total = \"40 Mbit/s\", per_site = \"10 MB/s\" }\nspread = \"2h\"\n",
    )
    .pace;
    assert_eq!(pace.down_at_once, 60);
    assert_eq!(
        (pace.per.site, pace.per.model, pace.per.subnet, pace.per.switch),
        (Some(20), Some(5), Some(4), Some(3))
    );
    assert!(pace.per.tag[0].0.is_match("floor-3") && !pace.per.tag[0].0.is_match("lobby"));
    assert_eq!(pace.per.tag[0].1, 2);
    assert_eq!(pace.notify_rate, Some(Rate { count: 5, per: TimeDelta::seconds(1) }));
    assert_eq!(pace.registrations, Some(Rate { count: 30, per: minutes(1) }));
    assert_eq!(pace.downloads, Some(10));
    assert_eq!(pace.bandwidth, Bandwidth { total: Some(5_000_000), per_site: Some(10_000_000) });
    assert_eq!(pace.spread, Some(minutes(120)));
}

#[test]
fn coverage_names_a_group_and_a_rule() {
    let tag = |name: &str| Group::Tag(Tag::new(name));
    let keep = CoverageRule::KeepUp;
    for (text, group, rule) in [
        ("tag = \"a\"\nkeep_up = 2", tag("a"), keep(Share::Count(2))),
        ("tag = \"a\"\nkeep_up = \"half\"", tag("a"), keep(Share::Percent(50))),
        ("queue = \"support\"\nkeep_up = \"60%\"", Group::Queue("support".into()), keep(Share::Percent(60))),
        (
            "ring_group = \"600\"\nnever_together = true",
            Group::RingGroup("600".into()),
            keep(Share::AllBut(1)),
        ),
        ("tag = \"lift\"\nexclude = true", tag("lift"), CoverageRule::Exclude),
        ("tag = \"boss\"\nlast = true", tag("boss"), CoverageRule::Last),
    ] {
        assert_eq!(after(&format!("[[coverage]]\n{text}\n")).coverage, [Coverage { group, rule }], "{text}");
    }
}

#[test]
fn retry_is_read_whole() {
    let retry = after(
        "[retry]\nattempts = 5\nbackoff = \"30m\"\njitter = \"20%\"\nnot_after = [\"never-returned\", \"refused\"]\n\
         penalty_box = \"7d\"\n",
    )
    .retry;
    assert_eq!((retry.attempts, retry.backoff, retry.jitter_percent), (5, minutes(30), 20));
    assert_eq!(retry.not_after.iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["never-returned", "refused"]);
    assert_eq!(retry.penalty, Some(TimeDelta::days(7)));
}

const WAVES: &str = "[[wave]]\nname = \"canary\"\nper_model = 1\nsoak = \"24h\"\nneeds_approval = true\n\
     [[wave]]\nname = \"tenth\"\npercent = 10\nsites = [\"berlin\", \"bonn\"]\nsuccess_percent = 95\n\
     [[wave]]\nname = \"rest\"\nrest = true\n\
     [brake]\nfailed_percent = 5\nregistration_latency = \"2s\"\nin_flight = \"withdraw\"\n\
     check = { command = [\"/bin/go-on\", \"phones\"] }\n[rollback]\nrelease = \"snom-10.1.64\"\n";

#[test]
fn waves_brakes_and_rollback_are_read() {
    let policy = after(WAVES);
    let sizes: Vec<_> = policy.waves.iter().map(|wave| wave.size).collect();
    assert_eq!(sizes, [WaveSize::PerModel(1), WaveSize::Percent(10), WaveSize::Rest]);
    let [canary, tenth, _] = policy.waves.as_slice() else { panic!() };
    assert_eq!(
        (canary.soak, canary.needs_approval, canary.success_percent),
        (TimeDelta::hours(24), true, 100)
    );
    assert_eq!((tenth.soak, tenth.sites.len(), tenth.success_percent), (TimeDelta::hours(1), 2, 95));
    let brake = policy.brake.unwrap();
    assert_eq!((brake.failed_percent, brake.min_sample, brake.in_flight), (Some(5), 20, InFlight::Withdraw));
    assert_eq!(brake.check, Some(OutsideCheck::Command(vec!["/bin/go-on".into(), "phones".into()])));
    assert_eq!(&*policy.rollback.unwrap().release, "snom-10.1.64");
}

#[test]
fn the_top_of_the_file_is_read() {
    let policy = with("about = \"Doors\"\npriority = -3");
    assert_eq!((policy.about.as_deref(), policy.priority, &*policy.name), (Some("Doors"), -3, "night"));
    assert_eq!(policy.acts_from, None, "who checks is told of every opening");
}

const SETTINGS: &str = "zone = \"Europe/Berlin\"\ninventory = \"phones.csv\"\nGRACE\n[depot]\nurl = \"http://192.0.2.5:8480\"\n\
     [[pbx]]\nname = \"pbx1\"\nkind = \"asterisk\"\nuser = \"sipherd\"\nsecret = \"none\"\n\
     [pace]\ndown_at_once = 50\nper = { site = 20 }\nregistrations = \"20/s\"\n\
     [channel.stable]\nreleases = [\"snom-10.1.198\", \"snom-10.1.64\"]\n[site.berlin]\n[site.bonn]\n";

/// A whole configuration in a folder, its files edited at this instant.
fn site(grace: &str, policy: &str, edited: DateTime<Utc>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "sipherd.toml", &SETTINGS.replace("GRACE", grace));
    write(folder.path(), "phones.csv", "mac,lines,switch\n00:04:13:92:2d:24,2117,sw-3a\n");
    write(folder.path(), "policies/selections.toml", "[selection.all]\nline = \"*\"\n");
    write(folder.path(), "policies/night.toml", policy);
    for name in ["selections.toml", "night.toml"] {
        edit(&folder, name, edited);
    }
    folder
}

fn edit(folder: &TempDir, name: &str, at: DateTime<Utc>) {
    let file = std::fs::File::options().append(true).open(folder.path().join("policies").join(name)).unwrap();
    file.set_modified(SystemTime::from(at)).unwrap();
}

fn acts_from(folder: &TempDir) -> Option<DateTime<Utc>> {
    let loaded = config::load(&folder.path().join("sipherd.toml"), now()).unwrap_or_else(|e| panic!("{e}"));
    loaded.config.policies[0].acts_from
}

#[test]
fn a_policy_edited_lately_waits() {
    let policy = format!("[select]\nis = \"all\"\n{REST}");
    let (lately, long_ago) = (now() - minutes(1), now() - minutes(60));
    let seconds = TimeDelta::seconds;
    assert_eq!(acts_from(&site("", &policy, lately)), Some(lately + seconds(90)));
    assert_eq!(acts_from(&site("edit_grace = \"5m\"", &policy, lately)), Some(lately + minutes(5)));
    assert_eq!(acts_from(&site("edit_grace = \"0s\"", &policy, now())), None);
    assert_eq!(acts_from(&site("", &policy, long_ago)), None);
    let ahead = site("", &policy, now() + minutes(600));
    assert_eq!(acts_from(&ahead), Some(now() + seconds(90)), "a clock that was wrong holds nobody for hours");
    let shared = site("", &policy, long_ago);
    edit(&shared, "selections.toml", lately);
    assert_eq!(acts_from(&shared), Some(lately + seconds(90)), "it names a selection that was edited");
    let alone = site("", &format!("[select]\nline = \"*\"\n{REST}"), long_ago);
    std::fs::remove_file(alone.path().join("policies/selections.toml")).unwrap();
    assert_eq!(acts_from(&alone), None);
}

#[test]
fn a_calendar_beside_the_policy_is_its_blackout_and_its_edit() {
    let text = format!("[select]\nline = \"*\"\n{REST}[[blackout]]\ncalendar = \"./holidays.ics\"\n");
    let folder = site("", &text, now() - minutes(60));
    std::fs::remove_file(folder.path().join("policies/selections.toml")).unwrap();
    let ics = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n\
               DTSTART;VALUE=DATE:20281224\r\nDTEND;VALUE=DATE:20281227\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    write(folder.path(), "policies/holidays.ics", ics);
    edit(&folder, "holidays.ics", now() - minutes(1));
    let loaded = config::load(&folder.path().join("sipherd.toml"), now()).unwrap_or_else(|e| panic!("{e}"));
    let policy = &loaded.config.policies[0];
    assert_eq!(policy.acts_from, Some(now() + TimeDelta::seconds(30)));
    let BlackoutDates::Events(events) = &policy.calendar.blackouts[0].when else { panic!("{policy:?}") };
    let day = |day| NaiveDate::from_ymd_opt(2028, 12, day).unwrap();
    assert_eq!(events.as_slice(), [Event::Days { from: day(24), to: day(26) }]);
}

#[test]
fn run_refuses_what_is_only_read_and_checked() {
    let folder = site("", &format!("[select]\nis = \"all\"\n{REST}{WAVES}"), now());
    let path = folder.path().join("sipherd.toml");
    let checked = config::check_paths(&[&path], now());
    assert!(!checked.report.has_errors(), "{}", checked.report);
    let report = config::load(&path, now()).unwrap_err();
    let said: Vec<_> = report.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert!(report.has_errors());
    for table in ["[[wave]]", "[brake]", "[rollback]"] {
        let message = format!("this version reads and checks `{table}`, but `run` does not act on it yet");
        assert!(said.contains(&message.as_str()), "{said:?}");
    }
}

#[test]
fn the_settings_hold_channels_and_the_pace_of_the_fleet() {
    let policy = "[select]\nis = \"all\"\n[update]\nchannel = \"stable\"\n[[window]]\nallow = [1]\n";
    let folder = site("", policy, now());
    let loaded = config::load(&folder.path().join("sipherd.toml"), now()).unwrap_or_else(|e| panic!("{e}"));
    let config = loaded.config;
    let stable: Vec<&str> = config.channels["stable"].iter().map(AsRef::as_ref).collect();
    assert_eq!(stable, ["snom-10.1.198", "snom-10.1.64"]);
    assert_eq!((config.pace.down_at_once, config.pace.per.site), (Some(50), Some(20)));
    assert_eq!(config.pace.registrations, Some(Rate { count: 20, per: TimeDelta::seconds(1) }));
    assert_eq!(config.inventory[0].switch.as_ref().map(|switch| switch.as_str()), Some("sw-3a"));
}

/// A test, as another reader takes it apart.
const CASE: &str = "[[test]]\nname = \"nobody goes at noon\"\nphone = { vendor = \"snom\" }\n\
                    when = [{ at = \"2026-11-20 12:00\", expect = \"hold\" }]\n";

#[test]
fn tests_of_policies_are_no_policies() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "night.toml", &format!("[select]\nline = \"*\"\n{REST}{CASE}"));
    write(folder.path(), "night.test.toml", &format!("policy = \"night\"\n{CASE}"));
    let checked = config::check_paths(&[folder.path()], now());
    assert!(checked.report.problems.is_empty(), "{}", checked.report);
    assert_eq!(checked.policies.len(), 1);
}
