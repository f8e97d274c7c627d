//! `trigger = "through-pbx"`: Asterisk sends the NOTIFY and says nothing of its answer.

use sipherd::sim::{Expectation, Outcome, PhoneSpec};

use super::yard::{NEW, UPDATE_SNOMS, Yard, mac, snom, yealink};
use crate::support::peers;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_asked_through_asterisk_are_done_by_evidence_alone_and_a_refusal_is_not_heard() {
    let Some([asterisk]) = peers::require(["asterisk"]) else { return };
    let mut phones: Vec<PhoneSpec> = (1..=4).map(snom).collect();
    phones[1].same_contact = true;
    phones[2].unregisters = true;
    // Asterisk has no password for a challenge, and does not tell that there was one.
    phones[3].challenges = true;
    phones.push(yealink(5));
    let mut yard = Yard::new(&asterisk, 5, phones).await;
    yard.policy("snoms", UPDATE_SNOMS, 4);
    yard.policy("yealinks", "[select]\nvendor = \"yealink\"\n\n[reboot]\n", 1);
    let daemon = yard.daemon("trigger = \"through-pbx\"").await;

    let phones = daemon.until_all(&["verified", "rebooted", "failed"]).await;
    let of = |n: u8| phones.iter().find(|phone| phone.mac == mac(n)).unwrap();
    assert_eq!([1, 2, 3, 5].map(|n| of(n).state.as_str()), ["verified", "verified", "verified", "rebooted"]);
    assert_eq!(of(4).state, "failed");
    assert!(of(4).detail.contains("never left"), "{}", of(4).detail);
    for n in 1..=5 {
        let history = daemon.history(mac(n)).await;
        let said = |text: &str| history.iter().filter(|entry| entry.text.contains(text)).count();
        assert_eq!(said("the PBX took the NOTIFY; its answer stays unknown"), 1, "{history:#?}");
        assert_eq!((said("200 OK"), said("401")), (0, 0), "{history:#?}");
    }
    let updated = || Expectation::once(Outcome::Updated { to: NEW.to_owned() });
    let judgement = yard.judge(
        5,
        [
            (mac(1), updated()),
            (mac(2), updated()),
            (mac(3), updated()),
            (mac(4), Expectation::once(Outcome::Refuses)),
            (mac(5), Expectation::once(Outcome::Rebooted)),
        ],
    );
    assert!(judgement.is_clean(), "{judgement}{}", daemon.told(&phones).await);
    daemon.close().await;
    yard.building.shutdown().await;
}
