//! Who waits for a call: the PBX's word, the phone's own, patience that ends; and resyncs.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sipherd::clock::ScaledClock;
use sipherd::sim::diary::CutBy;
use sipherd::sim::{Building, Cause, LogLine, Misfit, PhoneSpec, What};

use super::site::{ALWAYS, Daemon, FAST, House, LIMIT, Site, boots, building, count, friday, orders, user};

const DRAIN: Duration = Duration::from_millis(1);

/// A window that closes at 23:10, an hour and ten minutes after the clock starts. What a reboot takes at most, and two
/// last looks before it, are an hour and two minutes of that (see the deadlines of `FAST`).
const CLOSES: &str = "[[window]]\ndays = [\"fri\"]\nfrom = \"21:00\"\nto = \"23:10\"\n";

/// One phone in a call of twelve minutes that began before the daemon, two minutes of it in a second.
async fn in_a_call(phone: PhoneSpec, house: House, policy: &str) -> (Site, Building, Daemon) {
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let building = building(clock.clone(), vec![phone]).await;
    building.call(&user(1), "600", TimeDelta::minutes(12)).unwrap();
    let began = |log: &[LogLine]| count(log, |what| matches!(what, What::CallBegan { .. })) > 0;
    building.wait(house.mac(1), LIMIT, began).await.unwrap();
    let site = Site::new(house);
    site.write("policies/night.toml", &format!("[select]\ntag = \"night\"\n[reboot]\n{policy}"));
    site.write("phones.csv", &house.inventory(&[(1, "night")]));
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, DRAIN).await;
    (site, building, daemon)
}

/// Where the first such line stands in a diary.
fn place(log: &[LogLine], wanted: impl Fn(&What) -> bool) -> usize {
    log.iter().position(|line| wanted(&line.what)).unwrap_or_else(|| panic!("{log:#?}"))
}

/// The phone was asked in its call, and booted when that was over.
fn assert_it_waited(log: &[LogLine]) {
    let asked = place(log, |what| matches!(what, What::Notify { event, .. } if event == "reboot"));
    let hung_up = place(log, |what| matches!(what, What::CallEnded { .. }));
    let went = place(log, |what| matches!(what, What::RebootBegan { .. }));
    assert!(asked < hung_up && hung_up < went, "{log:#?}");
    assert_eq!((orders(log), boots(log)), (1, 1), "{log:#?}");
    assert_eq!(count(log, |what| matches!(what, What::CallCut { .. })), 0, "{log:#?}");
}

#[tokio::test]
async fn a_wait_left_to_the_phone_cuts_no_call() {
    let house = House(70);
    let policy = format!("{ALWAYS}[idle]\nby = \"phone\"\n");
    let (site, building, daemon) = in_a_call(house.snom(1), house, &policy).await;
    daemon.state(&user(1), "accepted").await;
    let why = site.prints(&["why", "2001"]).await;
    assert!(
        why.contains("\n  ok    idle               left to the phone, which waits for its calls to end\n"),
        "{why}"
    );
    daemon.state(&user(1), "rebooted").await;
    assert_it_waited(&building.log(house.mac(1)));
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_yealink_is_never_left_to_itself() {
    let house = House(4);
    let policy = format!("{ALWAYS}[idle]\nby = \"phone\"\n");
    let (_site, building, daemon) = in_a_call(house.yealink(1), house, &policy).await;
    let held = daemon.phone(&user(1), |phone| phone.detail.starts_with("yealink T46S is not")).await;
    assert_eq!(held.detail, "yealink T46S is not documented to wait for its calls");
    assert_eq!(orders(&building.log(house.mac(1))), 0);
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn when_patience_ends_the_phone_waits_itself() {
    let house = House(72);
    let policy = format!("{CLOSES}[idle]\nquiet = \"0s\"\npatience = \"phone-waits\"\n");
    let (site, building, daemon) = in_a_call(house.snom(1), house, &policy).await;
    daemon.phone(&user(1), |phone| phone.detail.starts_with("in a call")).await;
    let why = site.prints(&["why", "2001"]).await;
    let told = "in a call (line 2001); patience ends Fri 20 Nov 22:08: it is asked then and waits for the end of its \
                calls itself; ok from Fri 20 Nov 22:08 (in ";
    assert!(why.contains(told), "{why}");
    daemon.state(&user(1), "rebooted").await;
    let log = building.log(house.mac(1));
    assert_it_waited(&log);
    let asked = log[place(&log, |what| matches!(what, What::Notify { .. }))].at;
    assert!(asked >= friday() + TimeDelta::minutes(8), "not before its patience ended: {asked}");
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn force_cuts_a_call_when_its_time_has_come() {
    let house = House(73);
    let policy = format!("{CLOSES}[idle]\nquiet = \"0s\"\npatience = \"force\"\nforce_after = \"66m\"\n");
    let (_site, building, daemon) = in_a_call(house.yealink(1), house, &policy).await;
    daemon.state(&user(1), "rebooted").await;
    let log = building.log(house.mac(1));
    let cut = log
        [place(&log, |what| matches!(what, What::CallCut { by: CutBy::Me(Cause::ByNotify { .. }), .. }))]
    .at;
    assert!(cut >= friday() + TimeDelta::minutes(6), "not before: {cut}");
    assert_eq!((orders(&log), boots(&log)), (1, 1));
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn phones_read_their_settings_anew_and_reboot_only_if_they_must() {
    let house = House(74);
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let phones = vec![
        house.snom(1),
        house.yealink(2).with_misfit(Misfit::RebootsToResync),
        house.snom(3).with_misfit(Misfit::NeverLeaves),
    ];
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    site.write(
        "policies/resync.toml",
        &format!(
            "[select]\ntag = \"resync\"\n[resync]\n{ALWAYS}[idle]\nquiet = \"0s\"\n[pace]\ndown_at_once = 3\n\
             [retry]\nattempts = 1\n"
        ),
    );
    site.write("phones.csv", &house.inventory(&[(1, "resync"), (2, "resync"), (3, "resync")]));
    site.settings(&building, "", &FAST.replacen("leave = \"30m\"", "leave = \"8m\"", 1));
    let daemon = site.start(clock, DRAIN).await;

    let asked = |log: &[LogLine]| count(log, |what| *what == What::SettingsAsked { status: 200 });
    for (n, booted, kind) in [(1, 0, "resynced"), (2, 1, "rebooted")] {
        let phone = daemon.state(&user(n), "resynced").await;
        assert!(phone.detail.starts_with("read its settings in this window already"), "{}", phone.detail);
        let log = building.log(house.mac(n));
        assert_eq!((orders(&log), boots(&log)), (1, booted), "{log:#?}");
        let event =
            |what: &What| matches!(what, What::Notify { event, .. } if event == "check-sync;reboot=false");
        assert_eq!(count(&log, event), 1, "{log:#?}");
        let history = daemon.history(house.mac(n)).await;
        assert!(history.iter().any(|(known, _)| known == kind), "{history:?}");
    }
    assert_eq!(asked(&building.log(house.mac(1))), 1, "it asked once: because it was asked to");
    let failed = daemon.state(&user(3), "failed").await;
    assert_eq!(
        failed.detail,
        "accepted and did not ask this depot for its settings; point the phone's setting server to this depot, and \
         see whether it allows a resync by NOTIFY"
    );
    let metrics = daemon.control.metrics().await.unwrap();
    for line in ["resynced", "rebooted", "never-asked"] {
        let line = format!("sipherd_trips_total{{what=\"{line}\"}} 1\n");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    daemon.stop().await;
    building.shutdown().await;
}
