//! Whose word on its calls lets a phone go, what else counts as busy, and when patience with it ends.

use proptest::prelude::*;

use super::*;
use crate::domain::policy::{AlsoBusy, IdleBy, Patience};
use crate::domain::trip::{CallsAllowed, Probe};

/// A trip of an update takes so long at most, and two last looks before it.
const LAST_MOMENT: i64 = 6 * 3_600 - 21 * 60 - (40 + 120);

const CALLS: [CallState; 6] = [
    CallState::Idle,
    CallState::Ringing,
    CallState::Talking,
    CallState::Held,
    CallState::Unknown,
    CallState::Offline,
];

/// A world whose view never ages, with this word on calls.
fn world(by: IdleBy) -> World {
    let mut world = World::new();
    world.fleet.watch(PbxName::new("pbx1"), TimeDelta::days(1));
    world.rules.policies[0].idle.by = by;
    world
}

fn patient(patience: Patience) -> World {
    let mut world = world(IdleBy::Pbx);
    world.rules.policies[0].idle.patience = patience;
    world
}

fn idle(world: &World, seconds: i64) -> GateAnswer {
    world.judge(seconds).verdict.gates.into_iter().find(|answer| answer.gate == Gate::Idle).unwrap()
}

/// A kind that reboots at once, and tells of its calls or not.
fn hasty(world: &mut World, tells_dialogs: bool) {
    let triggers = vec![Trigger::event("check-sync;reboot=true")];
    world.rules.terms =
        Arc::new(move |_| Some(Terms { triggers: triggers.clone(), tells_dialogs, ..terms() }));
}

fn events(judged: &Judged) -> Vec<&str> {
    judged
        .order
        .iter()
        .flat_map(|order| &order.triggers)
        .map(|trigger| trigger.notice().unwrap().event.as_str())
        .collect()
}

#[test]
fn a_phone_that_waits_itself_is_asked_whatever_its_calls_and_only_so_that_it_waits() {
    for calls in CALLS {
        let mut world = world(IdleBy::Phone);
        world.fleet.calls(line(), calls, at(10));
        let judged = world.judge(11);
        assert!(judged.verdict.is_go(), "{calls}: {:?}", judged.verdict);
        assert_eq!(events(&judged), ["reboot"], "check-sync;reboot=true is not documented to wait");
        assert_eq!(judged.order.unwrap().look, LastLook::NONE);
    }
}

#[test]
fn what_waits_itself_must_still_be_seen_registered_by_a_fresh_view() {
    let mut world = world(IdleBy::Phone);
    world.fleet.lost(&PbxName::new("pbx1"));
    assert_eq!(world.slugs(600), ["view-stale"]);
    let mut world = self::world(IdleBy::Phone);
    world.fleet.contacts(line(), vec![]);
    assert_eq!(world.slugs(600), ["not-registered"]);
}

#[test]
fn a_phone_of_which_nobody_documents_that_it_waits_is_not_left_to_itself() {
    let mut world = world(IdleBy::Phone);
    hasty(&mut world, true);
    let answer = idle(&world, 600);
    assert_eq!(answer.holds, [Reason::CannotWait { kind: "snom D785".into() }]);
    assert_eq!(answer.changes, None);
    // Its settings a snom reads at once, in a call or not.
    let mut world = self::world(IdleBy::Phone);
    world.rules.policies[0].action = Action::Resync;
    assert_eq!(world.slugs(600), ["cannot-wait"]);
}

#[test]
fn both_words_are_needed_where_both_are_asked() {
    let waiting = world(IdleBy::Both);
    let judged = waiting.judge(600);
    assert!(judged.verdict.is_go());
    assert_eq!((events(&judged), judged.order.as_ref().unwrap().look.probe), (vec!["reboot"], Probe::Ask));
    let mut busy = world(IdleBy::Both);
    busy.fleet.calls(line(), CallState::Talking, at(10));
    assert_eq!(busy.slugs(3_000), ["busy"], "the PBX's word still counts");
    let mut tells = world(IdleBy::Both);
    hasty(&mut tells, true);
    let judged = tells.judge(600);
    assert!(judged.verdict.is_go());
    assert_eq!(judged.order.unwrap().look.probe, Probe::MustTell);
    hasty(&mut tells, false);
    assert_eq!(tells.slugs(600), ["cannot-wait"]);
    hasty(&mut tells, true);
    tells.rules.policies[0].idle.probe = false;
    assert_eq!(tells.slugs(600), ["cannot-wait"]);
}

#[test]
fn agents_and_do_not_disturb_hold_where_the_policy_says_so() {
    type Told = (Option<bool>, Option<bool>);
    let table: [(Told, &[&str]); 6] = [
        ((Some(false), Some(false)), &[]),
        ((Some(true), Some(false)), &["agent-logged-in"]),
        ((Some(false), Some(true)), &["do-not-disturb"]),
        ((Some(true), Some(true)), &["agent-logged-in", "do-not-disturb"]),
        ((None, Some(false)), &["untold"]),
        ((None, None), &["untold", "untold"]),
    ];
    for by in [IdleBy::Pbx, IdleBy::Phone, IdleBy::Both] {
        for ((agent, dnd), expected) in table {
            let mut world = world(by);
            let told = world.phone().lines.get_mut(&line()).unwrap();
            (told.agent_logged_in, told.do_not_disturb) = (agent, dnd);
            assert!(world.judge(600).verdict.is_go(), "nobody said that it counts");
            world.rules.policies[0].idle.also_busy = AlsoBusy { agent_logged_in: true, do_not_disturb: true };
            assert_eq!(world.slugs(600), expected, "{by:?}");
            assert_eq!(world.judge(600).verdict.is_go(), expected.is_empty());
        }
    }
}

#[test]
fn without_patience_written_a_call_holds_to_the_end() {
    let mut world = patient(Patience::NextWindow);
    world.fleet.calls(line(), CallState::Talking, at(10));
    for seconds in [600, LAST_MOMENT, LAST_MOMENT + 60] {
        assert_eq!(world.slugs(seconds), ["busy"]);
        assert_eq!(idle(&world, seconds).changes, None);
    }
}

#[test]
fn at_the_last_moment_a_phone_that_can_wait_is_asked_in_its_call() {
    let mut world = patient(Patience::PhoneWaits);
    world.fleet.calls(line(), CallState::Talking, at(10));
    let before = idle(&world, LAST_MOMENT - 1);
    assert_eq!(before.holds, [Reason::Busy { line: line(), calls: CallState::Talking }]);
    assert_eq!(before.changes, Some(at(LAST_MOMENT)), "the scheduler looks then");
    let then = "it is asked then and waits for the end of its calls itself";
    assert_eq!(before.saw, format!("in a call (line 2117); patience ends Sat 21 Nov 03:36: {then}"));
    let judged = world.judge(LAST_MOMENT);
    assert!(judged.verdict.is_go());
    assert_eq!(events(&judged), ["reboot"]);
    assert_eq!(judged.order.unwrap().look.calls, CallsAllowed::Known);
    assert_eq!(idle(&world, LAST_MOMENT).saw, format!("in a call (line 2117); patience ended: {then}"));
    // In time for the window, which asks for a whole trip.
    assert!(world.judge(LAST_MOMENT + 160).verdict.is_go());
    assert_eq!(world.slugs(LAST_MOMENT + 161), ["too-little-left"]);
}

#[test]
fn patience_ends_before_a_margin_or_a_blackout_closes_the_window() {
    use crate::domain::policy::{Blackout, BlackoutDates};
    let mut world = patient(Patience::PhoneWaits);
    world.fleet.calls(line(), CallState::Talking, at(10));
    world.rules.policies[0].calendar.windows[0].last_start = Some(TimeDelta::hours(2));
    assert_eq!(idle(&world, 600).changes, Some(at(4 * 3_600 - 160)));
    let day = "2026-11-21".parse().unwrap();
    world.rules.policies[0].calendar.blackouts =
        vec![Blackout::of(BlackoutDates::Range { from: day, to: day })];
    assert_eq!(idle(&world, 600).changes, Some(at(2 * 3_600 - 21 * 60 - 160)));
}

#[test]
fn patience_never_ends_with_what_is_unknown_or_cannot_wait() {
    for patience in [Patience::PhoneWaits, Patience::Force { after: TimeDelta::hours(1) }] {
        for calls in [CallState::Unknown, CallState::Offline] {
            let mut world = patient(patience);
            world.fleet.calls(line(), calls, at(10));
            assert_eq!(world.slugs(LAST_MOMENT), ["busy"], "{patience:?} {calls}");
            assert_eq!(idle(&world, LAST_MOMENT).changes, None);
        }
        let mut world = patient(patience);
        world.fleet.calls(line(), CallState::Talking, at(10));
        world.rules.policies[0].idle.also_busy.agent_logged_in = true;
        world.phone().lines.get_mut(&line()).unwrap().agent_logged_in = Some(true);
        assert_eq!(world.slugs(LAST_MOMENT), ["agent-logged-in", "busy"], "{patience:?}");
        world.fleet.lost(&PbxName::new("pbx1"));
        assert!(world.slugs(LAST_MOMENT).contains(&"view-stale"));
    }
    let mut world = patient(Patience::PhoneWaits);
    hasty(&mut world, true);
    world.fleet.calls(line(), CallState::Talking, at(10));
    assert_eq!(world.slugs(LAST_MOMENT), ["busy"]);
}

#[test]
fn force_goes_even_in_a_call_after_the_time_that_was_written() {
    let mut world = patient(Patience::Force { after: TimeDelta::hours(2) });
    hasty(&mut world, false);
    world.fleet.calls(line(), CallState::Held, at(10));
    let before = idle(&world, 7_199);
    assert_eq!(before.changes, Some(at(7_200)));
    let words = "in a call on hold (line 2117); patience ends Sat 21 Nov 00:00: it goes then even in a call";
    assert_eq!(before.saw, words);
    let judged = world.judge(7_200);
    assert!(judged.verdict.is_go());
    assert_eq!(events(&judged), ["check-sync;reboot=true"]);
    assert_eq!(judged.order.unwrap().look.calls, CallsAllowed::Known);
    // What was quiet soon enough does not wait for force.
    world.fleet.calls(line(), CallState::Idle, at(3_000));
    assert_eq!(idle(&world, 3_100).changes, Some(at(3_600)));
    world.fleet.calls(line(), CallState::Ringing, at(7_000));
    world.fleet.calls(line(), CallState::Idle, at(7_100));
    assert_eq!(idle(&world, 7_150).changes, Some(at(7_200)));
}

#[test]
fn before_the_window_opens_the_end_of_patience_is_told() {
    let mut world = patient(Patience::Force { after: TimeDelta::minutes(30) });
    world.fleet.calls(line(), CallState::Talking, at(-7_000));
    assert_eq!(idle(&world, -3_600).changes, Some(at(1_800)));
    assert_eq!(world.judge(-3_600).verdict.earliest(), Some(at(1_800)), "no event is needed");
    // An opening of ten minutes forces nobody; that of the next Friday is longer.
    let short = Window::cron("0 22 20 11 *".parse().unwrap(), TimeDelta::minutes(10));
    let long = Window::cron("0 22 27 11 *".parse().unwrap(), TimeDelta::hours(2));
    world.rules.policies[0].calendar = Calendar::of(vec![short, long]);
    assert_eq!(idle(&world, 0).changes, Some(at(7 * 86_400 + 1_800)));
}

#[test]
fn a_window_that_never_closes_forces_nobody() {
    let mut world = patient(Patience::Force { after: TimeDelta::hours(1) });
    world.rules.policies[0].calendar.windows =
        vec![Window::weekly(vec![chrono::Weekday::Fri], NaiveTime::MIN, Lasts::For(TimeDelta::days(8)))];
    world.fleet.calls(line(), CallState::Talking, at(10));
    assert_eq!(world.slugs(80_000), ["busy"]);
    assert_eq!(idle(&world, 80_000).changes, None);
}

#[test]
fn a_person_who_asks_is_not_bound_by_the_policys_rule() {
    let mut world = world(IdleBy::Phone);
    world.jobs.insert(mac(), AdHoc { name: "reboot-1".into(), now: true, even_in_a_call: false });
    world.fleet.calls(line(), CallState::Talking, at(10));
    assert_eq!(world.slugs(600), ["busy"], "who asks for a reboot sees whether it is in a call");
}

/// A phone with these lines, each doing something since some second, under this rule.
fn phone_with(lines: &[(CallState, i64)], idle: IdleRule) -> World {
    let mut world = world(IdleBy::Pbx);
    world.rules.policies[0].idle = idle;
    let contact = world.phone().lines.get(&line()).unwrap().contact.clone();
    for (nth, (calls, since)) in lines.iter().enumerate() {
        let id = LineId { user: format!("30{nth}").into(), ..line() };
        let told = crate::domain::phone::Line {
            contact: contact.clone(),
            contacts: 1,
            calls: *calls,
            quiet_since: (*calls == CallState::Idle).then(|| at(*since)),
            agent_logged_in: Some(false),
            do_not_disturb: None,
        };
        world.phone().lines.insert(id, told);
    }
    world
}

fn rules() -> impl Strategy<Value = IdleRule> {
    let by = prop_oneof![Just(IdleBy::Pbx), Just(IdleBy::Both)];
    let patience = prop_oneof![
        Just(Patience::NextWindow),
        Just(Patience::PhoneWaits),
        (0_i64..30_000).prop_map(|s| Patience::Force { after: TimeDelta::seconds(s) }),
    ];
    (0_i64..3_600, by, patience, any::<bool>()).prop_map(|(quiet, by, patience, probe)| IdleRule {
        quiet: TimeDelta::seconds(quiet),
        by,
        also_busy: AlsoBusy::default(),
        probe,
        patience,
    })
}

fn doing() -> impl Strategy<Value = (CallState, i64)> {
    (proptest::sample::select(CALLS.to_vec()), 0_i64..20_000)
}

proptest! {
    /// One more busy line lets nobody go who was held, unless patience that was written has ended: and then in known
    /// states only.
    #[test]
    fn one_more_busy_line_never_lets_a_phone_go(
        lines in proptest::collection::vec(doing(), 1..4),
        busier in (0_usize..4, proptest::sample::select(CALLS[1..].to_vec())),
        rule in rules(),
        seconds in 0_i64..21_600,
    ) {
        let before = phone_with(&lines, rule);
        let mut more = lines.clone();
        let nth = busier.0 % more.len();
        more[nth].0 = busier.1;
        let after = phone_with(&more, rule);
        let (held, goes) = (!before.judge(seconds).verdict.is_go(), after.judge(seconds).verdict.is_go());
        if goes {
            prop_assert!(rule.patience != Patience::NextWindow);
            let known = |(calls, _): &(CallState, i64)| {
                matches!(calls, CallState::Idle | CallState::Ringing | CallState::Talking | CallState::Held)
            };
            prop_assert!(more.iter().all(known), "{more:?}");
            let look = after.judge(seconds).order.unwrap().look;
            prop_assert_eq!(look.calls, CallsAllowed::Known);
        }
        if held && goes {
            // What was in the way was something unknown that the change made known.
            prop_assert!(matches!(lines[nth].0, CallState::Unknown | CallState::Offline), "{lines:?} {more:?}");
        }
    }

    /// A phone is held by what its verdict names and by nothing else.
    #[test]
    fn removing_all_that_is_named_lets_it_go(
        lines in proptest::collection::vec(doing(), 1..4),
        rule in rules(),
        seconds in 0_i64..20_000,
    ) {
        let mut world = phone_with(&lines, rule);
        let reasons: Vec<Reason> = world.judge(seconds).verdict.reasons().cloned().collect();
        for reason in reasons {
            match reason {
                Reason::Busy { line, .. } | Reason::NotQuietYet { line, .. } => {
                    let told = world.phone().lines.get_mut(&line).unwrap();
                    (told.calls, told.quiet_since) = (CallState::Idle, Some(at(-3_600)));
                }
                Reason::TooLittleLeft { .. } => return Ok(()),
                other => prop_assert!(false, "{other}"),
            }
        }
        prop_assert!(world.judge(seconds).verdict.is_go(), "{:?}", world.judge(seconds).verdict);
    }
}
