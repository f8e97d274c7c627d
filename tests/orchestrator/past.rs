//! The morning after: `sipherd why --at` tells what held a phone in the night.

use std::time::Duration;

use chrono::TimeDelta;
use sipherd::sim::Misfit;

use super::site::{Daemon, House, Site, StillClock, building, friday, quick, user};

const NIGHT: &str = "[[window]]\ndays = [\"fri\"]\nfrom = \"22:00\"\nto = \"03:00\"\n[idle]\nquiet = \"0s\"\n[pace]\ndown_at_once = 3\n";

/// What was written down of a phone, once it says this.
async fn told(site: &Site, words: &[&str], wanted: &str) -> String {
    let look = async {
        loop {
            let page = site.prints(words).await;
            if page.contains(wanted) {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(super::site::LIMIT, look)
        .await
        .unwrap_or_else(|_| panic!("{words:?} never says {wanted}"))
}

async fn quits(daemon: &Daemon, phone: &str) {
    daemon.phone(phone, |phone| phone.detail.contains("outside the window")).await;
}

#[tokio::test]
async fn the_night_can_be_asked_about_in_the_morning() {
    let house = House(61);
    let clock = StillClock::at(friday());
    let gone = quick(house.snom(4)).with_misfit(Misfit::NeverReturns);
    let phones = (1..=3).map(|n| quick(house.snom(n))).chain([gone]).collect();
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    site.write("policies/night.toml", &format!("[select]\ntag = \"night\"\n[reboot]\n{NIGHT}"));
    site.write("phones.csv", &house.inventory(&[(1, "night"), (2, "night"), (4, "night")]));
    site.settings(&building, "", "");
    building.call(&user(1), &user(3), TimeDelta::hours(1)).unwrap();
    let daemon = site.start(clock.clone(), Duration::from_secs(60)).await;
    daemon.sees("pocket").await;
    daemon.state(&user(2), "rebooted").await;
    daemon.phone(&user(1), |phone| phone.detail.starts_with("in a call")).await;
    daemon.state(&user(4), "accepted").await;

    clock.set(friday() + TimeDelta::hours(12));
    daemon.running.control.phones(Vec::new()).await.unwrap();
    quits(&daemon, &user(1)).await;
    let (one, two, four) = (user(1), user(2), user(4));
    let held = told(&site, &["why", &one, "--at", "2026-11-20T23:00:00+01:00"], "in a call").await;
    assert_eq!(
        held,
        "\
2001  snom D785  10.1.64.14        held by policy night
at Fri 20 Nov 23:00
as written down Fri 20 Nov 22:00
  ok    identity
  ok    selected
  ok    work to do
  ok    image fits
  ok    attempts
  ok    window
  ok    blackout
  ok    PBX view
  ok    registered
  HOLD  idle               in a call (line 2001)
  ok    coverage
  ok    budget
earliest: as soon as ok: idle
"
    );
    let went = told(&site, &["why", &four, "--at", "2026-11-20T22:00:00+01:00"], "it went").await;
    assert!(
        went.starts_with("2004  snom D785  10.1.64.14        let go by policy night\nat Fri 20 Nov 22:00\n"),
        "{went}"
    );
    let done = told(&site, &["why", &two, "--at", "2026-11-21T02:59:00+01:00"], "already").await;
    assert!(done.contains("HOLD  work to do         rebooted in this window already (22:00)"), "{done}");
    let closed = site.prints(&["why", &one, "--at", "2026-11-20T21:59:00+01:00"]).await;
    assert!(closed.contains("HOLD  window             opens Fri 20 Nov 22:00"), "{closed}");
    assert!(closed.contains("was not written down") && !closed.contains("idle"), "{closed}");
    let before = site.prints(&["why", &one, "--at", "2026-11-13T23:00:00+01:00"]).await;
    assert!(before.contains("waited for its turn from Fri 13 Nov 22:00 on"), "{before}");
    daemon.stop().await;
    building.shutdown().await;
}
