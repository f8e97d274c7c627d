//! Phones that boot in five seconds, keep their Contact and lose the 200 of their NOTIFY: a copy of it that comes after the
//! boot is a new order to them.

use std::time::Duration;

use chrono::TimeDelta;
use sipherd::domain::phone::Mac;
use sipherd::sim::{Cause, Expectation, Finding, LogLine, Misfit, Outcome, PhoneSpec, What, judge};

use super::yard::{SPEED, Yard, mac, user, yealink};
use crate::support::peers;

fn forgetful(n: u8) -> PhoneSpec {
    let phone = yealink(n).with_misfit(Misfit::LosesOks(1));
    let pace = sipherd::sim::Pace { boot: TimeDelta::seconds(5 * i64::from(SPEED)), ..phone.pace };
    PhoneSpec { pace, ..phone }
}

fn boots(log: &[LogLine]) -> usize {
    log.iter().filter(|line| matches!(line.what, What::RebootBegan { cause: Cause::ByNotify { .. } })).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_asterisk_reboot_phones_twice_and_ours_do_not() {
    let Some([asterisk]) = peers::require(["asterisk"]) else { return };
    let mut phones: Vec<PhoneSpec> = (1..=6).map(forgetful).collect();
    phones[5].unregisters = true;
    // This one shows itself by nothing but its silence.
    phones[4].depot = Some("http://127.0.0.1:1".to_owned());
    let mut yard = Yard::new(&asterisk, 6, phones).await;
    yard.policy("ours", "[select]\nline = [\"1003\", \"1004\", \"1005\", \"1006\"]\n\n[reboot]\n", 4);
    let daemon = yard.daemon("").await;

    let theirs = [mac(1), mac(2)];
    for (phone, n) in theirs.iter().map(|mac| &yard.building.phones()[mac]).zip(1..) {
        let uri = format!("sip:{}@{}", user(n), phone.address);
        let notify = format!("Action: PJSIPNotify\nURI: {uri}\nVariable: Event=check-sync;reboot=true");
        let answer = yard.asterisk.manage(&notify).await;
        assert!(answer.contains("Response: Success"), "{answer}");
    }
    for phone in theirs {
        yard.building.wait(phone, Duration::from_secs(60), |log| boots(log) == 2).await.unwrap();
    }
    daemon
        .until("ours done", |phones| {
            let ours = phones.iter().filter(|phone| !theirs.contains(&phone.mac));
            ours.clone().all(|phone| phone.state == "rebooted")
        })
        .await;
    // Timer F of RFC 3261 would send copies for 32 s; those that could still come are none that was not sent by now.
    let ours = |n: u8| (mac(n), Expectation::once(Outcome::Rebooted));
    let rules = yard.rules(6, (3..=6).map(ours));
    let (asked_by_asterisk, asked_by_us): (Vec<(Mac, Vec<LogLine>)>, Vec<_>) =
        yard.building.logs().into_iter().partition(|(mac, _)| theirs.contains(mac));
    let doubles = judge(&asked_by_asterisk.into_iter().collect(), &rules).findings;
    for phone in theirs {
        let twice = |finding: &Finding| matches!(finding, Finding::ActedTwice { mac, .. } if *mac == phone);
        assert!(doubles.iter().any(twice), "{doubles:#?}");
    }
    let judgement = judge(&asked_by_us.into_iter().collect(), &rules);
    assert!(judgement.is_clean(), "{judgement}{}", daemon.told(&daemon.phones().await).await);
    daemon.close().await;
    yard.building.shutdown().await;
}
