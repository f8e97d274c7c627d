//! The scheduler, told case by case: places, order, lost phones, work that follows changes.

use chrono::{NaiveTime, Weekday};

mod coverage;
mod model;
mod packing;
mod purses;
mod rates;
mod town;

use std::sync::Arc;

use super::*;
use crate::domain::lot::lot;
use crate::domain::phone::{CallState, Contact, KnownBy, Line, LineId, PbxName};
use crate::domain::policy::{Action, Calendar, IdleRule, Lasts, Pace, Policy, Selection, Window};
use crate::domain::rules::{FleetPace, Terms};
use crate::domain::trip::{Input, Plan, Timing, Trigger};

/// Friday 20 November 2026, 22:00 UTC, and so many seconds.
fn at(seconds: i64) -> DateTime<Utc> {
    "2026-11-20T22:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
}

fn line(n: u8) -> LineId {
    LineId { pbx: PbxName::new("pbx1"), user: format!("{}", 2000 + u32::from(n)).into() }
}

fn mac(n: u8) -> Mac {
    Mac::new([0, 4, 0x13, 0, 0, n])
}

fn rules(down_at_once: u32, in_all: Option<u32>) -> Rules {
    let minutes = TimeDelta::minutes;
    let timing = Timing {
        answer: minutes(1),
        leave: minutes(3),
        leave_busy: minutes(60),
        boot_at_least: TimeDelta::zero(),
        boot: minutes(3),
        fetch: minutes(1),
        flash: minutes(1),
        gap: minutes(5),
    };
    let window = Window::weekly(
        vec![Weekday::Fri],
        NaiveTime::from_hms_opt(22, 0, 0).unwrap(),
        Lasts::For(TimeDelta::hours(6)),
    );
    let policy = Policy {
        calendar: Calendar::of(vec![window]),
        idle: IdleRule { quiet: TimeDelta::zero(), probe: false, ..IdleRule::default() },
        pace: Pace::at_once(down_at_once),
        ..Policy::new("night", Selection::default(), Action::Reboot)
    };
    let terms = Arc::new(move |_: &crate::domain::phone::Phone| {
        Some(Terms {
            triggers: vec![Trigger::event("reboot")],
            update_boots: None,
            resync: vec![],
            tells_dialogs: false,
            serves: crate::domain::trip::Serves::default(),
            timing,
            special: Default::default(),
        })
    });
    Rules {
        fleet_pace: FleetPace { down_at_once: in_all, ..FleetPace::default() },
        ..Rules::new(vec![policy], chrono_tz::UTC, terms)
    }
}

fn fleet(phones: u8) -> Fleet {
    let mut fleet = Fleet::default();
    fleet.watch(PbxName::new("pbx1"), TimeDelta::days(1));
    for n in 0..phones {
        let mut phone = crate::domain::phone::Phone::new(mac(n), KnownBy::Inventory);
        phone.lines.insert(line(n), Line::UNSEEN);
        fleet.introduce(phone);
    }
    let contact = |n| Contact {
        uri: format!("sip:{n}@10.0.0.1").into(),
        source: None,
        call_id: Some("a".into()),
        user_agent: None,
        expires: None,
    };
    let contacts = (0..phones).map(|n| (line(n), contact(n))).collect();
    let calls = (0..phones).map(|n| (line(n), CallState::Idle)).collect();
    fleet.picture(&PbxName::new("pbx1"), contacts, calls, at(-60));
    fleet
}

/// A scheduler over so many phones, all to be judged.
fn yard(phones: u8, down_at_once: u32, in_all: Option<u32>) -> (Scheduler, Fleet) {
    let (mut scheduler, fleet) = (Scheduler::new(rules(down_at_once, in_all)), fleet(phones));
    for n in 0..phones {
        scheduler.touch(mac(n), at(-60));
    }
    (scheduler, fleet)
}

fn pass(scheduler: &mut Scheduler, fleet: &Fleet, seconds: i64, away: &[Mac]) -> Vec<Plan> {
    let going = scheduler.pass(at(seconds), fleet, &|mac| away.contains(&mac));
    going.into_iter().map(|(plan, _)| plan).collect()
}

fn rebooted(plan: Plan, seconds: i64) -> Trip {
    let line = plan.line.clone();
    let (mut trip, _) = Trip::begin(plan, at(seconds));
    trip.handle(at(seconds), Input::Confirmed);
    trip.handle(at(seconds), Input::Gone { line: line.clone() });
    let call_id = Some("b".into());
    trip.handle(at(seconds + 60), Input::Registered { line, call_id, expires: None, version: None });
    trip
}

fn lost(plan: Plan, seconds: i64) -> Trip {
    let line = plan.line.clone();
    let (mut trip, _) = Trip::begin(plan, at(seconds));
    trip.handle(at(seconds), Input::Confirmed);
    trip.handle(at(seconds), Input::Gone { line });
    trip.handle(at(seconds + 1_000), Input::Tick { busy: false });
    trip
}

#[test]
fn nobody_goes_before_the_window_and_the_wake_up_is_its_start() {
    let (mut scheduler, fleet) = yard(5, 3, None);
    assert_eq!(pass(&mut scheduler, &fleet, -60, &[]), []);
    assert_eq!(scheduler.next_pass(), Some(at(0)));
    assert_eq!(pass(&mut scheduler, &fleet, 0, &[]).len(), 3);
}

#[test]
fn every_phone_goes_once_and_never_more_than_the_places_there_are() {
    let (mut scheduler, fleet) = yard(20, 3, None);
    let (mut away, mut done, mut second): (Vec<Plan>, Vec<Mac>, i64) = (Vec::new(), Vec::new(), 0);
    while done.len() < 20 {
        let macs: Vec<Mac> = away.iter().map(|plan| plan.phone).collect();
        away.extend(pass(&mut scheduler, &fleet, second, &macs));
        assert!(away.len() <= 3);
        assert!(!away.is_empty(), "somebody always goes");
        let trip = rebooted(away.remove(0), second);
        done.push(trip.plan().phone);
        scheduler.ended(&trip, at(second + 60));
        second += 70;
    }
    done.sort();
    done.dedup();
    assert_eq!(done.len(), 20, "each once");
    assert_eq!(pass(&mut scheduler, &fleet, second, &[]), [], "the rest of the night is quiet");
}

#[test]
fn the_order_is_the_same_in_every_run_and_not_that_of_the_macs() {
    let order = || {
        let (mut scheduler, fleet) = yard(20, 20, None);
        pass(&mut scheduler, &fleet, 0, &[]).into_iter().map(|plan| plan.phone).collect::<Vec<_>>()
    };
    let sorted: Vec<Mac> = (0..20).map(mac).collect();
    assert_eq!(order(), order());
    assert_ne!(order(), sorted);
}

#[test]
fn the_whole_fleet_has_a_budget_too() {
    let (mut scheduler, fleet) = yard(10, 9, Some(4));
    assert_eq!(pass(&mut scheduler, &fleet, 0, &[]).len(), 4);
}

#[test]
fn a_lost_phone_keeps_its_place_until_it_is_seen_again() {
    let (mut scheduler, fleet) = yard(5, 1, None);
    let plan = pass(&mut scheduler, &fleet, 0, &[]).remove(0);
    let gone = plan.phone;
    scheduler.ended(&lost(plan, 0), at(1_000));
    assert_eq!(pass(&mut scheduler, &fleet, 1_001, &[]), []);
    assert!(scheduler.lost().contains(&gone));
    assert!(scheduler.found(gone, at(1_100)));
    assert_eq!(pass(&mut scheduler, &fleet, 1_101, &[]).len(), 1);
}

#[test]
fn a_lost_phone_keeps_its_place_over_a_restart() {
    let (mut scheduler, fleet) = yard(5, 1, None);
    let plan = pass(&mut scheduler, &fleet, 0, &[]).remove(0);
    let (mut again, _) = yard(5, 1, None);
    again.remember(lost(plan, 0));
    assert_eq!(pass(&mut again, &fleet, 1_001, &[]), []);
}

#[test]
fn a_phone_that_starts_a_call_while_it_waits_for_a_place_is_passed_over() {
    let (mut scheduler, mut fleet) = yard(3, 1, None);
    let first = pass(&mut scheduler, &fleet, 0, &[]).remove(0);
    for n in 0..3 {
        if mac(n) != first.phone {
            fleet.calls(line(n), CallState::Talking, at(5));
        }
    }
    let trip = rebooted(first, 0);
    scheduler.ended(&trip, at(60));
    assert_eq!(pass(&mut scheduler, &fleet, 61, &[]), []);
    for n in 0..3 {
        fleet.calls(line(n), CallState::Idle, at(100));
        scheduler.touch(mac(n), at(100));
    }
    assert_eq!(pass(&mut scheduler, &fleet, 100, &[]).len(), 1);
}

#[test]
fn work_follows_changes_not_the_fleet() {
    let (mut scheduler, fleet) = yard(50, 1, None);
    pass(&mut scheduler, &fleet, -60, &[]);
    assert_eq!(scheduler.next_pass(), Some(at(0)), "nothing is due for a whole minute");
    scheduler.touch(mac(7), at(-30));
    assert_eq!(scheduler.next_pass(), Some(at(-30)));
    pass(&mut scheduler, &fleet, -30, &[]);
    assert_eq!(scheduler.next_pass(), Some(at(0)));
}

#[test]
fn draining_starts_nothing() {
    let (mut scheduler, fleet) = yard(5, 3, None);
    scheduler.drain();
    assert_eq!(pass(&mut scheduler, &fleet, 0, &[]), []);
}

#[test]
fn a_job_goes_without_a_window_and_ends_with_its_trip() {
    let (mut scheduler, fleet) = yard(3, 1, None);
    let job = AdHoc { name: "reboot-1".into(), now: true, even_in_a_call: false };
    scheduler.ask_for(&job, &[mac(0), mac(1)], at(-1_000));
    let going = pass(&mut scheduler, &fleet, -1_000, &[]);
    assert_eq!(going.len(), 2);
    for plan in going {
        scheduler.ended(&rebooted(plan, -1_000), at(-900));
    }
    assert_eq!(scheduler.phones_of("reboot-1"), []);
}

/// A trip whose last look found a call: nothing was sent.
fn withdrawn(plan: Plan, seconds: i64) -> Trip {
    let (mut trip, _) = Trip::begin(plan, at(seconds));
    trip.handle(at(seconds), Input::NotIdle { why: "it does not answer".to_owned() });
    trip
}

#[test]
fn a_job_outlives_the_end_of_a_trip_that_was_not_its_own() {
    let (mut scheduler, fleet) = yard(1, 1, None);
    let plan = pass(&mut scheduler, &fleet, 0, &[]).remove(0);
    let job = AdHoc { name: "reboot-1".into(), now: true, even_in_a_call: false };
    scheduler.ask_for(&job, &[mac(0)], at(10));
    scheduler.ended(&rebooted(plan, 0), at(60));
    assert_eq!(scheduler.phones_of("reboot-1"), [mac(0)]);
    let plan = pass(&mut scheduler, &fleet, 400, &[]).remove(0);
    assert_eq!(&*plan.policy, "reboot-1");
    scheduler.ended(&rebooted(plan, 400), at(460));
    assert_eq!(scheduler.phones_of("reboot-1"), []);
}

#[test]
fn a_lost_phone_is_not_asked_again_and_its_place_stays_taken_until_it_is_seen() {
    // Its contact has not lapsed, so that by its registration alone it could go.
    let (mut scheduler, fleet) = yard(5, 1, None);
    let plan = pass(&mut scheduler, &fleet, 0, &[]).remove(0);
    scheduler.ended(&lost(plan, 0), at(1_000));
    for hour in 1..5 {
        assert_eq!(pass(&mut scheduler, &fleet, hour * 3_600, &[]), []);
    }
}

#[test]
fn phones_that_withdraw_again_and_again_do_not_starve_the_others() {
    let (mut scheduler, fleet) = yard(12, 1, None);
    // The first four in the order never tell of their calls: each costs 32 s before it withdraws.
    let mut order: Vec<Mac> = (0..12).map(mac).collect();
    order.sort_by_key(|mac| lot(*mac, 0));
    let (silent, mut left) = (order[..4].to_vec(), order[4..].to_vec());
    let mut second = 0;
    while !left.is_empty() && second < 3_600 {
        let Some(plan) = pass(&mut scheduler, &fleet, second, &[]).pop() else {
            second += 1;
            continue;
        };
        if silent.contains(&plan.phone) {
            second += 32;
            scheduler.ended(&withdrawn(plan, second), at(second));
        } else {
            left.retain(|mac| *mac != plan.phone);
            scheduler.ended(&rebooted(plan, second), at(second + 60));
            second += 60;
        }
    }
    assert_eq!(left, [], "all others went within the hour");
}

#[test]
fn a_lost_phone_that_is_taken_out_of_the_inventory_gives_its_place_back() {
    let (mut scheduler, mut fleet) = yard(5, 1, None);
    let plan = pass(&mut scheduler, &fleet, 0, &[]).remove(0);
    let gone = plan.phone;
    scheduler.ended(&lost(plan, 0), at(1_000));
    fleet.forget(gone);
    scheduler.adopt(rules(1, None), &fleet, at(1_100));
    assert!(scheduler.lost().is_empty());
    assert_eq!(pass(&mut scheduler, &fleet, 1_100, &[]).len(), 1);
}

#[test]
fn a_policy_with_a_new_name_counts_the_phones_that_went_under_the_old_one() {
    let (mut scheduler, fleet) = yard(5, 2, None);
    let away: Vec<Mac> = pass(&mut scheduler, &fleet, 0, &[]).into_iter().map(|plan| plan.phone).collect();
    assert_eq!(away.len(), 2);
    let mut renamed = rules(2, None);
    renamed.policies[0].name = "nightly".into();
    scheduler.adopt(renamed, &fleet, at(10));
    assert_eq!(pass(&mut scheduler, &fleet, 10, &away), []);
}
