//! Phones that are asked by their polls, and phones that are asked to call back.

use super::*;
use crate::domain::codes::Codes;
use crate::domain::trip::{Serves, Trigger, Way};
use crate::ports::{Order, PhoneNews, WebAsk};

/// A night in which phones of the maker are asked in this way.
fn night_of(way: &Way) -> Night {
    let mut night = Night::with("innovaphone", |_| {});
    let triggers = vec![Trigger { waits_for_idle: true, ..way.clone().into() }];
    let mut rules = night.daemon.scheduler.rules().clone();
    let terms = rules.terms.clone();
    rules.terms = Arc::new(move |phone| {
        let terms = terms(phone)?;
        // No snom: those cannot be told to reboot at a poll.
        let special = crate::domain::rules::Special::default();
        Some(crate::domain::rules::Terms {
            triggers: triggers.clone(),
            serves: Serves::OnceAsked,
            special,
            ..terms
        })
    });
    let now = night.daemon.hands.clock.now();
    night.daemon.scheduler.await_polls();
    night.daemon.scheduler.adopt(rules, &night.daemon.fleet, now);
    night.tell(PbxNews::Picture(Picture {
        contacts: vec![(line(), Contact { user_agent: None, ..Night::contact() })],
        calls: vec![(line(), CallState::Idle)],
        ..Picture::default()
    }));
    night
}

impl Night {
    /// The phone asks what there is to do.
    fn poll(&mut self, source: &str) -> oneshot::Receiver<Permit> {
        let (reply, answer) = oneshot::channel();
        let visit = Visit {
            mac: mac(),
            vendor: Some(Vendor::INNOVAPHONE),
            model: None,
            version: Version::parse("10.1.64.14").ok(),
            hardware: None,
            codes: Codes::default(),
            modules: None,
            realm: None,
            source: source.parse().unwrap(),
            wanted: Wanted::Orders,
            peek: false,
        };
        self.daemon.read(Mail::Visit(visit, reply));
        answer
    }

    /// The states of trips in the order they were kept.
    fn kept_states(&self) -> Vec<String> {
        let state = |change: &Change| match change {
            Change::Trip(row) => Some(row.state.clone()),
            _ => None,
        };
        self.ledger.kept.lock().unwrap().iter().filter_map(state).collect()
    }

    fn state(&self) -> Option<&State> {
        self.daemon.trips.get(&mac()).map(|open| open.trip.state())
    }
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_polls_goes_at_its_poll_and_not_before() {
    let mut night = night_of(&Way::Poll);
    night.step().await;
    assert_eq!(night.state(), None, "nothing is done while it does not ask");
    let mut answer = night.poll("10.0.0.1");
    night.step().await;
    night.step().await;
    let Permit::Order { order: Order::Reboot { serial, .. }, calendar } = answer.try_recv().unwrap() else {
        panic!("it may reboot")
    };
    assert_eq!((serial.as_str(), calendar.is_some()), ("sipherd-1", true));
    assert_eq!(night.state(), Some(&State::Accepted { sure: true }));
    assert!(night.kept_states().contains(&"asked".to_owned()), "its intent was kept before");
    assert_eq!(night.sent(), 0, "nothing was sent");
    // The same poll once more: it was told already.
    let mut again = night.poll("10.0.0.1");
    night.step().await;
    assert!(matches!(again.try_recv().unwrap(), Permit::Stay { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_phone_in_a_call_polls_in_vain() {
    let mut night = night_of(&Way::Poll);
    night.tell(PbxNews::Calls(line(), CallState::Talking));
    let mut answer = night.poll("10.0.0.1");
    night.step().await;
    let Permit::Stay { why, .. } = answer.try_recv().unwrap() else { panic!("it is in a call") };
    assert_eq!(why, "in a call (line 2117)");
}

#[tokio::test(start_paused = true)]
async fn a_call_behind_the_last_look_of_a_poll_gives_no_order() {
    let mut night = night_of(&Way::Poll);
    let mut answer = night.poll("10.0.0.1");
    night.daemon.step().await;
    let confirmed = night.mailbox.recv().await.unwrap();
    night.daemon.read(confirmed);
    night.tell(PbxNews::Calls(line(), CallState::Ringing));
    night.step().await;
    assert!(matches!(answer.try_recv().unwrap(), Permit::Stay { .. }));
    night.step().await;
    assert_eq!(night.state(), None, "the trip is over");
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_orders_from_another_place() {
    let mut night = night_of(&Way::Poll);
    let mut answer = night.poll("10.0.0.99");
    night.step().await;
    let Permit::Stay { why, .. } = answer.try_recv().unwrap() else { panic!("it is a stranger") };
    assert!(why.contains("another address"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_hung_up_is_not_taken_for_told() {
    let mut night = night_of(&Way::Poll);
    drop(night.poll("10.0.0.1"));
    night.step().await;
    night.step().await;
    assert_eq!(night.state(), None, "it withdrew");
    assert!(night.daemon.scheduler.past(mac()).is_some_and(|past| past.withdrawn.is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_phone_is_asked_to_call_back_and_told_when_it_does() {
    let mut night = night_of(&Way::ContactMe);
    night.step().await;
    night.step().await;
    let asked = night.yard.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].address.to_string(), &asked[0].ask), ("10.0.0.1".to_owned(), &WebAsk::ContactMe));
    assert_eq!(night.state(), Some(&State::Accepted { sure: true }));
    let mut answer = night.poll("10.0.0.1");
    night.step().await;
    assert!(matches!(answer.try_recv().unwrap(), Permit::Order { order: Order::Reboot { .. }, .. }));
    // It says that somebody took up the receiver meanwhile.
    let from = "10.0.0.1".parse().unwrap();
    night.daemon.read(Mail::Told(mac(), from, PhoneNews::Deferred { why: "busy".to_owned() }));
    let mut later = night.poll("10.0.0.1");
    night.step().await;
    assert!(matches!(later.try_recv().unwrap(), Permit::Order { .. }), "it is told once more");
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_calls_back_in_a_call_is_told_later() {
    let mut night = night_of(&Way::ContactMe);
    night.step().await;
    night.step().await;
    night.tell(PbxNews::Calls(line(), CallState::Talking));
    let mut answer = night.poll("10.0.0.1");
    night.step().await;
    let Permit::Stay { why, .. } = answer.try_recv().unwrap() else { panic!("it is in a call") };
    assert!(why.contains("in a call"), "{why}");
    assert_eq!(night.state(), Some(&State::Accepted { sure: true }), "it is waited for");
}

#[test]
fn trips_of_earlier_versions_are_read_as_asked_by_notify() {
    let kept = r#"{"v":2,"trip":{"plan":{"phone":"00:04:13:00:00:01","policy":"night","attempt":1,"goal":{"goal":"reboot"},
        "line":{"pbx":"pbx1","user":"2117"},"triggers":[{"event":"reboot","body":null,"waits_for_idle":true}],
        "timing":{"answer":1,"leave":1,"leave_busy":1,"boot_at_least":1,"boot":1,"fetch":1,"flash":1,"gap":1},
        "runs":null,"lines":[]},"state":{"state":"asked","trigger":0},"since":"2026-11-20T22:00:00Z",
        "asked_at":"2026-11-20T22:00:00Z","seen":{}}}"#;
    let trip = crate::daemon::trips::read_kept(kept).unwrap();
    assert_eq!(trip.plan().triggers, [Trigger::waiting("reboot")]);
    assert_eq!(trip.plan().serves, Serves::AfterReboot);
}
