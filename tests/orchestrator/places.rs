//! Limits for parts of a fleet, and groups of which some stay up, from the policy's text to the phones' own diaries.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sipherd::clock::ScaledClock;
use sipherd::sim::{Building, What};

use super::site::{ALWAYS, FAST, House, Site, boots, building, friday, orders, user};

/// When a phone was down: from its reboot to its registration.
fn down(building: &Building, house: House, n: u8) -> (DateTime<Utc>, DateTime<Utc>) {
    let log = building.log(house.mac(n));
    let began = log.iter().position(|line| matches!(line.what, What::RebootBegan { .. })).unwrap();
    let back = log[began..].iter().find(|line| matches!(line.what, What::Registered));
    (log[began].at, back.unwrap_or_else(|| panic!("{log:#?}")).at)
}

/// The most of these phones that were down at the same instant.
fn most_down(building: &Building, house: House, phones: &[u8]) -> usize {
    let times: Vec<_> = phones.iter().map(|n| down(building, house, *n)).collect();
    let at_once = |instant| times.iter().filter(|(from, to)| *from <= instant && instant < *to).count();
    times.iter().map(|(from, _)| at_once(*from)).max().unwrap_or(0)
}

#[tokio::test]
async fn sites_and_groups_keep_their_phones_apart_to_the_end() {
    let house = House(52);
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let building = building(clock.clone(), (1..=7).map(|n| house.snom(n)).collect()).await;
    let site = Site::new(house);
    let policy = format!(
        "[select]\nvendor = \"snom\"\n[reboot]\n{ALWAYS}\n[idle]\nquiet = \"0s\"\n\
         [pace]\ndown_at_once = 7\nper = {{ site = 2 }}\n\
         [[coverage]]\ntag = \"reception\"\nkeep_up = 2\n"
    );
    site.write("policies/reboots.toml", &policy);
    let rows = [(1, "bonn", ""), (2, "bonn", ""), (3, "bonn", ""), (4, "bonn", "")];
    let desks = [(5, "", "reception"), (6, "", "reception"), (7, "", "reception")];
    let rows = rows
        .into_iter()
        .chain(desks)
        .map(|(n, place, tag)| format!("{},{},snom,{place},{tag}\n", house.mac(n), user(n)));
    site.write("phones.csv", &("mac,lines,vendor,site,tags\n".to_owned() + &rows.collect::<String>()));
    site.settings(&building, "", &format!("[site.bonn]\nzone = \"Europe/Berlin\"\n{FAST}"));
    let daemon = site.start(clock, Duration::from_millis(1)).await;

    for n in 1..=7 {
        daemon.state(&user(n), "rebooted").await;
        let log = building.log(house.mac(n));
        assert_eq!((orders(&log), boots(&log)), (1, 1), "{log:#?}");
    }
    assert_eq!(most_down(&building, house, &[1, 2, 3, 4]), 2, "of four at one site");
    assert_eq!(most_down(&building, house, &[5, 6, 7]), 1, "of three at the reception two stay up");
    let why = daemon.control.why(user(5), None).await.unwrap();
    assert!(why.gates.iter().any(|gate| gate.saw == "reception: 3 up, 2 stay up"), "{why:#?}");
    daemon.stop().await;
    building.shutdown().await;
}
