//! How fast phones may follow each other.

use chrono::TimeDelta;

use super::at;
use super::town::{Desk, TRIP, Town, mac, night};
use crate::domain::policy::Rate;
use crate::domain::policy::verdict::Reason;
use crate::domain::trip::{Input, Trip};

fn per_minute(count: u32) -> Option<Rate> {
    Some(Rate { count, per: TimeDelta::seconds(60) })
}

#[test]
fn starts_keep_the_rate_and_the_next_pass_is_when_a_place_comes_back() {
    let mut town = Town::new(night(99, |p| p.pace.notify_rate = per_minute(3)), vec![Desk::default(); 8]);
    assert_eq!(town.pass_at(0).len(), 3);
    let held = (0..8).find(|n| !town.away.contains_key(&mac(*n))).unwrap();
    assert_eq!(
        town.reasons(held),
        [Reason::RateReached {
            budget: "NOTIFYs of night".into(),
            count: 3,
            per_milliseconds: 60_000,
            until: at(60)
        }]
    );
    assert_eq!(town.scheduler.next_pass(), Some(at(60)));
    assert_eq!(town.pass_at(59), []);
    assert_eq!(town.pass_at(60).len(), 3);
    assert_eq!(town.scheduler.next_pass(), Some(at(120)));
    assert_eq!(town.pass_at(120).len(), 2);
}

#[test]
fn registrations_weigh_as_many_as_the_phone_has_lines() {
    let desks = vec![Desk { more_lines: 1, ..Desk::default() }; 5];
    let mut rules = night(99, |_| {});
    rules.fleet_pace.registrations = per_minute(5);
    let mut town = Town::new(rules, desks);
    assert_eq!(town.pass_at(0).len(), 2, "two lines each of five");
    let held = (0..5).find(|n| !town.away.contains_key(&mac(*n))).unwrap();
    assert_eq!(
        town.told(held),
        ["5 in 1 min are enough for registrations of the whole fleet at pbx1, next at 22:01:00 UTC"]
    );
    assert_eq!(town.pass_at(60).len(), 2);
}

#[test]
fn a_phone_with_more_lines_than_the_rate_has_goes_when_all_are_free() {
    let mut desks = vec![Desk::default(); 40];
    desks.push(Desk { more_lines: 9, ..Desk::default() });
    let rules = || night(99, |p| p.pace.registrations = per_minute(4));
    let mut town = Town::new(rules(), desks.clone());
    town.run(3_600);
    assert_eq!(town.done.len(), 41);
    let at_second = |wanted| town.done.iter().find(|(_, m)| *m == mac(wanted)).unwrap().0;
    let alone = at_second(40);
    let beside = town.done.iter().filter(|(end, m)| (*end - alone).abs() < TRIP && *m != mac(40)).count();
    assert_eq!(beside, 0, "nobody else started within a minute of it");
    // Those that come newly do not overtake it for ever.
    let mut town = Town::new(rules(), desks);
    let talking = crate::domain::phone::CallState::Talking;
    for n in 0..40 {
        town.calls(n, talking);
    }
    town.calls(0, crate::domain::phone::CallState::Idle);
    assert_eq!(town.pass_at(0).len(), 1, "{:?}", town.away.keys());
    for second in 1..=60 {
        if second % 10 == 0 {
            town.calls(second as u32 / 10, crate::domain::phone::CallState::Idle);
        }
        town.pass_at(second);
    }
    assert!(town.away.contains_key(&mac(40)) || town.away.contains_key(&mac(0)));
    for second in 61..=240 {
        town.pass_at(second);
    }
    assert!(town.away.contains_key(&mac(40)));
}

#[test]
fn a_restart_remembers_who_was_asked_just_before() {
    let rules = || night(99, |p| p.pace.notify_rate = per_minute(2));
    let mut town = Town::new(rules(), vec![Desk::default(); 5]);
    let going = town.pass_at(0);
    assert_eq!(going.len(), 2);
    let mut again = Town::new(rules(), vec![Desk::default(); 5]);
    for mac in &going {
        let (mut trip, _) = Trip::begin(town.away[mac].0.clone(), at(0));
        trip.handle(at(1), Input::Confirmed);
        again.scheduler.resume(&trip);
    }
    again.away.clone_from(&town.away);
    again.scheduler.reconcile(&again.fleet);
    assert_eq!(again.pass_at(30), []);
    assert_eq!(again.scheduler.next_pass(), Some(at(61)));
    assert_eq!(again.pass_at(61).len(), 2);
}

#[test]
fn a_reload_that_changes_a_rate_counts_those_that_started_lately() {
    let mut town = Town::new(night(99, |p| p.pace.notify_rate = per_minute(2)), vec![Desk::default(); 9]);
    assert_eq!(town.pass_at(0).len(), 2);
    town.scheduler.adopt(night(99, |p| p.pace.notify_rate = per_minute(5)), &town.fleet, at(10));
    assert_eq!(town.pass_at(10).len(), 3);
    assert_eq!(town.pass_at(60).len(), 2);
}
