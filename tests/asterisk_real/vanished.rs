//! Contacts that vanish: while their phone waits for the window, and in the middle of its trip.

use sipherd::domain::policy::verdict::{Gate, GateAnswer};
use sipherd::ports::WhyView;
use sipherd::sim::{Expectation, Misfit, Outcome, PhoneSpec};

use super::handset;
use super::yard::{NEW, UPDATE_SNOMS, Yard, mac, snom};
use crate::support::handset::header;
use crate::support::peers;

const AGENT: &str = "Grandstream GXP2135 1.0.11.16";

const OTHERS: &str = "[select]\nline = [\"1001\", \"1002\"]\n\n[reboot]\n";

fn gate(why: &WhyView, gate: Gate) -> &GateAnswer {
    why.gates.iter().find(|answer| answer.gate == gate).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_without_a_contact_waits_and_one_that_loses_it_on_its_trip_keeps_its_place() {
    let Some([asterisk]) = peers::require(["asterisk"]) else { return };
    let lost = PhoneSpec { unregisters: true, ..snom(3).with_misfit(Misfit::NeverReturns) };
    let mut yard = Yard::new(&asterisk, 4, vec![lost, snom(4)]).await;
    yard.boot = "2m";
    let (mut one, mut two) = (handset(&yard.asterisk, "1001").await, handset(&yard.asterisk, "1002").await);
    yard.list(mac(1), "1001", "");
    yard.list(mac(2), "1002", "");
    one.register("short", AGENT, 3).await;
    // Without a window nobody ever goes.
    yard.office.write("policies/others.toml", OTHERS);
    let daemon = yard.daemon("").await;
    daemon.until_why("1001", "its registration", |why| gate(why, Gate::Registered).is_open()).await;

    // Nobody renews it: Asterisk lets it lapse, and the window that opens finds nobody there.
    daemon.until_why("1001", "the lapse", |why| !gate(why, Gate::Registered).is_open()).await;
    yard.policy("others", OTHERS, 1);
    yard.policy("snoms", UPDATE_SNOMS, 2);
    daemon.control.reload().await.unwrap();
    let held = |why: &WhyView| gate(why, Gate::Window).is_open() && !gate(why, Gate::Registered).is_open();
    let why = daemon.until_why("1001", "held without a contact in the window", held).await;
    assert_eq!(gate(&why, Gate::Registered).saw, "line 1001 is not registered");
    assert_eq!(daemon.count(mac(1), "asked").await, 0);

    // It is back, goes on its trip, and is never seen again.
    one.register("again", AGENT, 300).await;
    let asked = one.notify().await;
    assert_eq!(header(&asked, "Event"), Some("check-sync;reboot=true"));
    one.register("again", AGENT, 0).await;
    daemon.until_why("1001", "the loss", |why| why.phone.state == "lost").await;
    let history = daemon.history(mac(1)).await;
    let last = history.last().unwrap();
    assert_eq!(last.kind, "failed");
    assert!(last.text.starts_with("did not come back (line 1001)"), "{}", last.text);

    // Its place stays taken until it is seen again.
    two.register("first", AGENT, 300).await;
    let full = |why: &WhyView| {
        let others = why.gates.iter().filter(|answer| answer.gate != Gate::Budget);
        others.clone().all(GateAnswer::is_open) && !gate(why, Gate::Budget).is_open()
    };
    let why = daemon.until_why("1002", "no place", full).await;
    assert_eq!(gate(&why, Gate::Budget).saw, "1 of 1 phones of others are down");
    one.register("found", AGENT, 300).await;
    two.notify().await;
    assert_eq!(daemon.count(mac(1), "found").await, 1);
    let mut booted = handset(&yard.asterisk, "1002").await;
    booted.register("second", AGENT, 300).await;
    daemon.until_why("1002", "its end", |why| why.phone.state == "rebooted").await;

    let phones = daemon
        .until("the snoms' ends", |phones| {
            let of = |n: u8| phones.iter().find(|phone| phone.mac == mac(n)).unwrap().state.as_str();
            (of(3), of(4)) == ("lost", "verified")
        })
        .await;
    let judgement = yard.judge(
        2,
        [
            (mac(3), Expectation::once(Outcome::NeverReturns)),
            (mac(4), Expectation::once(Outcome::Updated { to: NEW.to_owned() })),
        ],
    );
    assert!(judgement.is_clean(), "{judgement}{}", daemon.told(&phones).await);
    for n in [1, 2] {
        assert_eq!(daemon.count(mac(n), "asked").await, 1);
    }
    daemon.close().await;
    yard.building.shutdown().await;
}
