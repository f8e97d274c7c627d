//! Who waits for a call, until when, and what the last look still refuses; and resyncs, which nobody waits for long.

use chrono::TimeDelta;

use super::*;
use crate::domain::policy::{Action, IdleBy, Patience};
use crate::domain::trip::{Goal, Outcome};

/// The night's window closes at 05:00; a reboot takes 3 minutes at most, and two last looks 2 minutes 40 seconds.
const LAST_MOMENT: &str = "2026-11-21T03:54:20Z";

impl Night {
    /// The phone is registered, as one whose User-Agent tells nothing, and does this.
    fn doing(&mut self, calls: CallState) {
        let contact = Contact { user_agent: None, ..Self::contact() };
        let contacts = vec![(line(), contact)];
        self.tell(PbxNews::Picture(Picture { contacts, calls: vec![(line(), calls)], ..Picture::default() }));
    }

    fn pbx_says(&self, calls: CallState) {
        self.yard.line.lock().unwrap().calls = calls;
    }

    /// Time passes until then, while the PBX keeps telling that it is there.
    async fn until(&mut self, instant: &str) {
        let instant: DateTime<Utc> = instant.parse().unwrap();
        let left = self.daemon.hands.clock.until(instant);
        tokio::time::advance(left).await;
        self.tell(PbxNews::Fresh);
    }

    /// The events that were sent.
    fn events(&self) -> Vec<String> {
        self.yard.notified.lock().unwrap().iter().map(|order| order.notice.event.clone()).collect()
    }

    fn outcome(&self) -> Option<Outcome> {
        self.daemon.scheduler.past(mac()).and_then(|past| past.last.as_ref()?.outcome().cloned())
    }

    /// Why its last look withdrew.
    fn withdrawn(&self) -> Option<String> {
        self.daemon.scheduler.past(mac()).and_then(|past| Some(past.withdrawn.as_ref()?.1.clone()))
    }

    fn answered(&mut self, status: u16) {
        let id = self.daemon.trips[&mac()].id;
        self.daemon.read(Mail::Notified(id, mac(), answer(status, "OK")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_left_to_the_phone_asks_nobody_and_outlasts_the_call() {
    for calls in [CallState::Talking, CallState::Unknown] {
        let mut night = Night::with("snom", |policy| policy.idle.by = IdleBy::Phone);
        night.doing(calls);
        night.step().await;
        night.tell(PbxNews::Calls(line(), CallState::Ringing));
        night.step().await;
        assert_eq!(night.events(), ["reboot"]);
        assert_eq!(night.yard.looks.load(Ordering::Relaxed), 0, "nobody was asked for calls");
        assert_eq!(night.yard.stopped.load(Ordering::Relaxed), 0, "a further call does not stop it");
        night.answered(200);
        *night.yard.options.lock().unwrap() = ProbeOutcome::Alive { status: 200, user_agent: None };
        // Its call lasts longer than an idle phone would have time to leave.
        for _ in 0..60 {
            tokio::time::advance(Duration::from_secs(120)).await;
            night.tell(PbxNews::Calls(line(), calls));
            night.step().await;
            assert_eq!(night.daemon.trips[&mac()].trip.state().slug(), "accepted");
        }
        night.tell(PbxNews::Contacts(line(), vec![]));
        let back = Contact { call_id: Some("b".into()), ..Night::contact() };
        night.tell(PbxNews::Contacts(line(), vec![back]));
        night.step().await;
        assert_eq!(night.outcome(), Some(Outcome::Rebooted));
        assert_eq!(night.sent(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_would_not_wait_is_never_left_to_itself() {
    let mut night = Night::with("yealink", |policy| policy.idle.by = IdleBy::Phone);
    night.doing(CallState::Idle);
    night.step().await;
    assert_eq!(night.sent(), 0);
    let phone = night.daemon.fleet.get(mac()).unwrap();
    let now = night.daemon.hands.clock.now();
    let judged = night.daemon.scheduler.judge(phone, now, now, &night.daemon.fleet);
    assert_eq!(judged.verdict.reasons().map(|reason| reason.slug()).collect::<Vec<_>>(), ["cannot-wait"]);
}

#[tokio::test(start_paused = true)]
async fn where_both_must_say_so_the_phone_itself_must_tell() {
    let both = || {
        let mut night = Night::with("yealink", |policy| {
            policy.idle.by = IdleBy::Both;
            policy.idle.probe = true;
        });
        night.doing(CallState::Idle);
        night
    };
    for (says, sent) in [
        (DialogOutcome::Idle, 1),
        (DialogOutcome::Unsupported { status: 489 }, 0),
        (DialogOutcome::Busy(CallState::Talking), 0),
    ] {
        let mut night = both();
        *night.yard.phone.lock().unwrap() = says.clone();
        night.step().await;
        assert_eq!(night.sent(), sent, "{says:?}");
    }
    // A snom waits by its maker's word: one that does not tell may go on that.
    let mut night = Night::with("snom", |policy| {
        policy.idle.by = IdleBy::Both;
        policy.idle.probe = true;
    });
    *night.yard.phone.lock().unwrap() = DialogOutcome::Unsupported { status: 489 };
    night.doing(CallState::Idle);
    night.step().await;
    assert_eq!(night.events(), ["reboot"]);
    night.answered(489);
    night.step().await;
    assert_eq!(night.events(), ["reboot"], "the other event is not documented to wait");
    assert!(matches!(night.outcome(), Some(Outcome::Failed { .. })), "{:?}", night.outcome());
}

#[tokio::test(start_paused = true)]
async fn at_the_last_moment_the_wait_is_left_to_the_phone() {
    let mut night = Night::with("snom", |policy| policy.idle.patience = Patience::PhoneWaits);
    night.doing(CallState::Talking);
    night.pbx_says(CallState::Talking);
    night.step().await;
    assert_eq!(night.sent(), 0, "it is in a call, and there is time left");
    night.until("2026-11-21T03:54:00Z").await;
    night.step().await;
    assert_eq!(night.sent(), 0);
    assert_eq!(night.daemon.scheduler.next_pass(), Some(LAST_MOMENT.parse().unwrap()), "a look is due then");
    night.until(LAST_MOMENT).await;
    night.step().await;
    assert_eq!(night.events(), ["reboot"], "asked in its call, in the way in which it waits");
    assert!(night.yard.looks.load(Ordering::Relaxed) > 0, "the last look was taken");
    night.answered(200);
    night.tell(PbxNews::Contacts(line(), vec![]));
    let back = Contact { call_id: Some("b".into()), ..Night::contact() };
    night.tell(PbxNews::Contacts(line(), vec![back]));
    night.step().await;
    assert_eq!(night.outcome(), Some(Outcome::Rebooted));
}

#[tokio::test(start_paused = true)]
async fn what_became_unknown_at_the_last_look_is_not_asked_even_then() {
    let patience = [Patience::PhoneWaits, Patience::Force { after: TimeDelta::minutes(30) }];
    for (patience, unknown) in patience.into_iter().flat_map(|p| [(p, true), (p, false)]) {
        let mut night = Night::with("snom", |policy| policy.idle.patience = patience);
        night.doing(CallState::Talking);
        night.pbx_says(if unknown { CallState::Unknown } else { CallState::Held });
        night.until(LAST_MOMENT).await;
        night.step().await;
        assert_eq!(night.sent(), usize::from(!unknown), "{patience:?}");
        let why = "at the last look line 2117 was in an unknown state";
        assert_eq!(night.withdrawn().as_deref(), unknown.then_some(why));
    }
}

#[tokio::test(start_paused = true)]
async fn a_view_lost_right_behind_the_last_look_stops_even_what_patience_let_go() {
    let mut night = Night::with("snom", |policy| policy.idle.patience = Patience::PhoneWaits);
    night.doing(CallState::Talking);
    night.pbx_says(CallState::Talking);
    night.until(LAST_MOMENT).await;
    night.daemon.step().await;
    let confirmed = night.mailbox.recv().await.unwrap();
    night.daemon.read(confirmed);
    night.tell(PbxNews::Lost { why: "gone".to_owned() });
    night.step().await;
    assert_eq!(night.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn force_cuts_a_call_only_after_the_time_that_was_written() {
    // The window opened at 22:00; it is 22:30.
    let force = |minutes| {
        let patience = Patience::Force { after: TimeDelta::minutes(minutes) };
        let mut night = Night::with("yealink", |policy| policy.idle.patience = patience);
        night.doing(CallState::Talking);
        night.pbx_says(CallState::Talking);
        night
    };
    let mut early = force(31);
    early.step().await;
    assert_eq!(early.sent(), 0);
    assert_eq!(early.daemon.scheduler.next_pass(), Some("2026-11-20T21:31:00Z".parse().unwrap()));
    early.until("2026-11-20T21:31:00Z").await;
    early.step().await;
    assert_eq!(early.events(), ["check-sync;reboot=true"]);
    let mut due = force(30);
    due.step().await;
    assert_eq!(due.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_begins_while_patience_ends_is_looked_at_anew() {
    // Idle when it was judged and in a call when the look came back, after patience had ended: it was to be asked in
    // ways that do not wait.
    let mut night = Night::with("snom", |policy| policy.idle.patience = Patience::PhoneWaits);
    night.doing(CallState::Idle);
    night.until("2026-11-21T03:54:10Z").await;
    night.daemon.step().await;
    let confirmed = night.mailbox.recv().await.unwrap();
    night.tell(PbxNews::Calls(line(), CallState::Talking));
    night.until("2026-11-21T03:54:30Z").await;
    night.daemon.read(confirmed);
    night.step().await;
    assert_eq!(night.sent(), 0);
    assert_eq!(night.withdrawn().as_deref(), Some("it is to be asked in another way now"));
}

#[tokio::test(start_paused = true)]
async fn an_agent_who_logs_in_at_the_last_look_is_seen() {
    let mut night = Night::with("snom", |policy| policy.idle.also_busy.agent_logged_in = true);
    night.doing(CallState::Idle);
    night.step().await;
    assert_eq!(night.sent(), 0, "nobody told about agents");
    let told = night.daemon.fleet.get_mut(mac()).unwrap().lines.get_mut(&line()).unwrap();
    told.agent_logged_in = Some(false);
    night.yard.line.lock().unwrap().agent_logged_in = Some(true);
    night.daemon.scheduler.touch(mac(), night.daemon.hands.clock.now());
    night.step().await;
    assert_eq!(night.sent(), 0);
    let why = "at the last look: a queue agent is logged in (line 2117)";
    assert_eq!(night.withdrawn().as_deref(), Some(why));
}

#[tokio::test(start_paused = true)]
async fn a_resync_is_over_when_the_phone_reads_its_settings() {
    let mut night = Night::with("snom", |policy| policy.action = Action::Resync);
    night.doing(CallState::Idle);
    night.step().await;
    assert_eq!(night.events(), ["check-sync;reboot=false"]);
    assert_eq!(night.daemon.trips[&mac()].trip.plan().goal, Goal::Resync);
    night.answered(200);
    night.visit(mac(), "192.0.2.66", "10.1.64.14");
    assert!(!night.daemon.trips.is_empty(), "anybody can ask in its name");
    let permit = night.visit(mac(), "10.0.0.1", "10.1.64.14");
    assert!(matches!(permit, Permit::Stay { .. }), "nothing is offered");
    night.step().await;
    assert_eq!(night.outcome(), Some(Outcome::Resynced));
    let (reply, mut answer) = oneshot::channel();
    night.daemon.read(Mail::Asked(crate::daemon::mail::Question::Phones(vec![], reply)));
    night.step().await;
    let phones = answer.try_recv().unwrap().unwrap();
    assert_eq!(phones[0].state, "resynced");
    assert!(phones[0].detail.starts_with("read its settings in this window already"), "{}", phones[0].detail);
    assert_eq!(night.sent(), 1, "once in an opening");
}

#[tokio::test(start_paused = true)]
async fn a_trip_kept_in_the_first_form_is_still_read() {
    let mut night = Night::confirming().await;
    night.step().await;
    let kept = night.ledger.kept.lock().unwrap();
    let body = kept.iter().rev().find_map(|change| match change {
        Change::Trip(row) => Some(row.body.clone()),
        _ => None,
    });
    let now = crate::daemon::trips::read_kept(&body.unwrap()).unwrap();
    assert!(now.plan().triggers[0].waits_for_idle);
    let mut old = serde_json::json!({ "v": 1, "trip": now, "ask_phone": false, "even_in_a_call": false });
    let plan = &mut old["trip"]["plan"];
    plan["waits_for_idle"] = true.into();
    plan.as_object_mut().unwrap().remove("look");
    for trigger in plan["triggers"].as_array_mut().unwrap() {
        trigger.as_object_mut().unwrap().remove("waits_for_idle");
    }
    old["trip"].as_object_mut().unwrap().remove("asked_with");
    let read = crate::daemon::trips::read_kept(&old.to_string()).unwrap();
    assert_eq!(read, now);
    for broken in ["", "[]", "{}", "\"x\"", "{\"v\":3}", "{\"v\":1}", "{\"v\":1,\"trip\":{\"plan\":7}}"] {
        assert!(crate::daemon::trips::read_kept(broken).is_err(), "{broken}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_else_counts_as_busy_stops_a_notify_behind_the_last_look_too() {
    let agents = |lines| PbxNews::Groups(crate::ports::Groups { agents: lines, ..Default::default() });
    for (news, on_the_wire) in [
        (PbxNews::DoNotDisturb(line(), true), false),
        (PbxNews::DoNotDisturb(line(), true), true),
        (agents(Some(vec![line()])), false),
        (agents(Some(vec![line()])), true),
        (agents(None), true),
    ] {
        let mut night = Night::with("snom", |policy| {
            policy.idle.also_busy.agent_logged_in = true;
            policy.idle.also_busy.do_not_disturb = true;
        });
        night.tell(PbxNews::Picture(Picture {
            contacts: vec![(line(), Night::contact())],
            calls: vec![(line(), CallState::Idle)],
            do_not_disturb: Some(vec![]),
            groups: crate::ports::Groups { agents: Some(vec![]), ..Default::default() },
        }));
        if on_the_wire {
            night.step().await;
            assert_eq!((night.sent(), night.yard.stopped.load(Ordering::Relaxed)), (1, 0));
            night.tell(news.clone());
            assert_eq!(night.yard.stopped.load(Ordering::Relaxed), 1, "it may still wait its turn: {news:?}");
        } else {
            night.daemon.step().await;
            let confirmed = night.mailbox.recv().await.unwrap();
            night.daemon.read(confirmed);
            night.tell(news.clone());
            night.step().await;
            assert_eq!(night.sent(), 0, "{news:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_boot_that_was_ordered_is_none_of_its_own_however_late_it_comes() {
    let booted = |night: &Night| night.daemon.fleet.get(mac()).unwrap().booted;
    let contact = |call_id: &str| Contact { call_id: Some(call_id.into()), ..Night::contact() };
    let mut night = Night::new();
    *night.yard.options.lock().unwrap() = ProbeOutcome::Alive { status: 200, user_agent: None };
    night.doing(CallState::Idle);
    night.step().await;
    night.answered(200);
    for _ in 0..60 {
        tokio::time::advance(Duration::from_secs(60)).await;
        night.tell(PbxNews::Fresh);
        night.step().await;
        if night.outcome().is_some() {
            break;
        }
    }
    let never_left = Outcome::Failed { failure: crate::domain::trip::Failure::NeverLeft };
    assert_eq!(night.outcome(), Some(never_left));
    night.tell(PbxNews::Contacts(line(), vec![]));
    night.tell(PbxNews::Contacts(line(), vec![contact("b")]));
    assert_eq!(booted(&night), None, "it does late what it was asked");
    tokio::time::advance(Duration::from_secs(86_400)).await;
    night.tell(PbxNews::Contacts(line(), vec![]));
    night.tell(PbxNews::Contacts(line(), vec![contact("c")]));
    assert!(booted(&night).is_some(), "a day later it is its own");
}
