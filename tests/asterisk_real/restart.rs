//! Asterisk is restarted while phones are under way: the view is lost, nobody new goes, all comes to its end.

use sipherd::domain::policy::verdict::{Gate, Reason};
use sipherd::ports::{PhoneView, WhyView};
use sipherd::sim::{Expectation, Outcome, PhoneSpec};

use super::yard::{NEW, UPDATE_SNOMS, Yard, mac, snom, user};
use crate::support::peers;

const PHONES: u8 = 8;
const AT_ONCE: u32 = 3;

fn count(phones: &[PhoneView], states: &[&str]) -> usize {
    phones.iter().filter(|phone| states.contains(&phone.state.as_str())).count()
}

fn view_lost(why: &WhyView) -> bool {
    let unseen = |reason: &Reason| matches!(reason, Reason::ViewStale { .. });
    !why.go && why.gates.iter().any(|gate| gate.gate == Gate::View && gate.holds.iter().any(unseen))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_asterisk_holds_those_who_wait_and_nobody_is_asked_twice() {
    let Some([asterisk]) = peers::require(["asterisk"]) else { return };
    let phones = (1..=PHONES).map(|n| PhoneSpec { unregisters: n % 2 == 0, ..snom(n) });
    let mut yard = Yard::new(&asterisk, PHONES.into(), phones.collect()).await;
    yard.policy("snoms", UPDATE_SNOMS, AT_ONCE);
    let daemon = yard.daemon("").await;

    let gone = ["away", "fetching", "flashing"];
    let phones = daemon.until("three away", |phones| count(phones, &gone) == AT_ONCE as usize).await;
    yard.asterisk.stop().await;
    let waiting: Vec<String> =
        phones.iter().filter(|phone| phone.state == "waiting").map(|phone| phone.lines.join("")).collect();
    assert_eq!(waiting.len(), usize::from(PHONES) - AT_ONCE as usize, "{phones:#?}");
    for line in &waiting {
        let why = daemon.until_why(line, "the view is lost", view_lost).await;
        assert_eq!(why.phone.state, "waiting");
        assert!(why.gates.iter().any(|gate| gate.saw == "no view of yard"), "{:?}", why.gates);
    }
    let before: Vec<String> = orders(&yard);
    assert_eq!(before.len(), AT_ONCE as usize, "{before:?}");
    yard.asterisk.restart().await;

    let phones = daemon.until_all(&["verified"]).await;
    let expected = (1..=PHONES).map(|n| (mac(n), Expectation::once(Outcome::Updated { to: NEW.to_owned() })));
    let judgement = yard.judge(AT_ONCE, expected);
    assert!(judgement.is_clean(), "{judgement}{}", daemon.told(&phones).await);
    for n in 1..=PHONES {
        assert_eq!(daemon.count(mac(n), "asked").await, 1, "{}", user(n));
    }
    let all = daemon.control.history(sipherd::ports::HistoryQuery::default()).await.unwrap();
    assert!(all.iter().any(|entry| entry.kind == "pbx-lost"), "{all:#?}");
    daemon.close().await;
    yard.building.shutdown().await;
}

/// The phones that were asked so far, by their own word.
fn orders(yard: &Yard) -> Vec<String> {
    let asked = |log: &[sipherd::sim::LogLine]| {
        log.iter().any(|line| matches!(line.what, sipherd::sim::What::Notify { .. }))
    };
    yard.building
        .logs()
        .iter()
        .filter(|(_, log)| asked(log.as_slice()))
        .map(|(mac, _)| mac.to_string())
        .collect()
}
