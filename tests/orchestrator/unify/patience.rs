//! A phone that could not be asked to call is left alone for five minutes before it is asked again.

use chrono::{DateTime, TimeDelta, Utc};
use sipherd::sim::{LogLine, Misfit, What};

use super::super::site::{House, boots, count, user};
use super::{Night, REBOOT, Setup, openstage, policy};

#[tokio::test]
async fn two_contacts_to_one_phone_lie_five_minutes_apart_though_it_may_be_tried_again_at_once() {
    let house = House(25);
    let phone = openstage(house, 1).with_misfit(Misfit::Refuses(503));
    let retry = "[retry]\nattempts = 3\nbackoff = \"1s\"\njitter = \"0%\"\n";
    let night = Night::begin(house, vec![phone], &policy(REBOOT, retry), Setup::default()).await;
    let contacts = |log: &[LogLine]| count(log, |what| *what == What::ContactMe);
    night.until(1, |log| contacts(log) == 3).await;
    let failed = night.daemon.state(&user(1), "failed").await;
    assert!(failed.detail.contains("503"), "{}", failed.detail);
    let log = night.log(1);
    let contacts: Vec<DateTime<Utc>> =
        log.iter().filter(|line| line.what == What::ContactMe).map(|line| line.at).collect();
    assert_eq!((contacts.len(), boots(&log)), (3, 1), "the boot is that of its own before: {log:#?}");
    // The phone hears of it a moment later than the daemon counts, and its time runs 120 times as fast.
    let least = TimeDelta::minutes(4);
    assert!(contacts.windows(2).all(|pair| pair[1] - pair[0] >= least), "{contacts:?}");
    night.end().await;
}
