//! Groups of which some stay up, whoever sends their phones.

use super::town::{Desk, Town, cover, line_of, mac, night};
use super::{at, rules};
use crate::domain::phone::{CallState, LineId, PbxName};
use crate::domain::policy::verdict::Gate;
use crate::domain::policy::{Coverage, CoverageRule, Group, PerPart, Policy, Selection, Share};
use crate::domain::rules::Rules;

fn keep(share: Share) -> Rules {
    night(9, |policy| policy.coverage.push(cover("reception", CoverageRule::KeepUp(share))))
}

fn reception(phones: usize) -> Vec<Desk> {
    vec![Desk::tagged(&["reception"]); phones]
}

#[test]
fn so_many_stay_up_and_the_rest_follows_when_one_is_back() {
    let mut town = Town::new(keep(Share::Count(2)), reception(4));
    town.pass_at(-60);
    assert_eq!(town.saw(0, Gate::Coverage), "reception: 4 up, 2 stay up");
    assert_eq!(town.pass_at(0).len(), 2);
    let held = (0..4).find(|n| !town.away.contains_key(&mac(*n))).unwrap();
    assert_eq!(town.told(held), ["reception: 2 of its phones are up, 2 must stay up"]);
    assert_eq!(town.run(600), 120);
    assert_eq!(town.done.len(), 4);
}

#[test]
fn shares_and_pairs() {
    for (share, phones, going) in [
        (Share::Percent(50), 5, 2),
        (Share::Percent(60), 10, 4),
        (Share::AllBut(1), 2, 1),
        (Share::AllBut(1), 5, 1),
        (Share::Count(9), 5, 0),
        (Share::Percent(100), 5, 0),
    ] {
        let mut town = Town::new(keep(share), reception(phones));
        assert_eq!(town.pass_at(0).len(), going, "{share:?} of {phones}");
    }
}

#[test]
fn who_is_not_up_counts_as_down_and_takes_nobody_from_the_group() {
    let mut town = Town::new(keep(Share::Count(2)), reception(4));
    town.pull_out(0);
    town.pull_out(1);
    assert_eq!(town.pass_at(0), []);
    assert_eq!(town.told(0), ["line 20000-0 is not registered"], "its own fault, not the group's");
    town.plug_in(0);
    town.calls(0, CallState::Idle);
    assert_eq!(town.pass_at(1).len(), 1, "three are up");
}

#[test]
fn a_group_is_bound_whoever_sends_its_phones() {
    let mut rules = keep(Share::AllBut(1));
    let other = Policy { name: "other".into(), coverage: Vec::new(), ..rules.policies[0].clone() };
    rules.policies[0].select =
        Selection { line: Vec::new(), ..Selection::from_words(&["tag=mine"]).unwrap() };
    rules.policies.push(Policy { select: Selection::from_words(&["tag=yours"]).unwrap(), ..other });
    let mine = Desk::tagged(&["reception", "mine"]);
    let yours = Desk::tagged(&["reception", "yours"]);
    let mut town = Town::new(rules, vec![mine, yours.clone(), yours]);
    assert_eq!(town.pass_at(0).len(), 1);
    let job = (0..3).find(|n| !town.away.contains_key(&mac(*n))).unwrap();
    town.ask(job, false);
    assert_eq!(town.pass_at(1), []);
    assert_eq!(town.told(job), ["reception: 2 of its phones are up, 2 must stay up"]);
    town.ask(job, true);
    assert_eq!(town.pass_at(2), [mac(job)], "--even-in-a-call");
}

#[test]
fn an_excluded_group_is_never_touched() {
    let rules = night(9, |policy| policy.coverage.push(cover("lift", CoverageRule::Exclude)));
    let mut town = Town::new(rules, vec![Desk::tagged(&["lift"]), Desk::default()]);
    assert_eq!(town.pass_at(0), [mac(1)]);
    assert_eq!(town.told(0), ["lift is never touched"]);
    town.ask(0, false);
    assert_eq!(town.pass_at(10), []);
    town.ask(0, true);
    assert_eq!(town.pass_at(20), [mac(0)]);
}

#[test]
fn the_last_go_when_all_others_are_done() {
    let rules = night(2, |policy| policy.coverage.push(cover("boss", CoverageRule::Last)));
    let mut desks = vec![Desk::default(); 5];
    desks.extend(vec![Desk::tagged(&["boss"]); 2]);
    let mut town = Town::new(rules, desks);
    town.pass_at(0);
    assert_eq!(town.told(5)[0], "boss goes last, 5 other phones are not done");
    assert_eq!(town.run(3_600), 240, "three rounds, and one for the bosses together");
    let mut last: Vec<_> = town.done[5..].iter().map(|(_, mac)| *mac).collect();
    last.sort();
    assert_eq!(last, [mac(5), mac(6)]);
}

#[test]
fn the_last_do_not_wait_for_those_that_cannot_go() {
    let rules = night(9, |policy| {
        policy.coverage.push(cover("boss", CoverageRule::Last));
        policy.coverage.push(cover("reception", CoverageRule::KeepUp(Share::Percent(100))));
        policy.coverage.push(cover("lift", CoverageRule::Exclude));
        policy.pace.per = PerPart { switch: Some(1), ..PerPart::default() };
    });
    let on_switch = Desk::on_switch("sw1");
    let tagged = |tag| Desk::tagged(&[tag]);
    let desks = vec![tagged("boss"), tagged("reception"), tagged("lift"), on_switch.clone(), on_switch];
    let mut town = Town::new(rules, desks);
    let lost = town.pass_at(0)[0];
    assert!([mac(3), mac(4)].contains(&lost));
    town.end(lost, false);
    assert_eq!(town.pass_at(10), [mac(0)], "the switch's other phone waits for a person");
}

fn ring_group(phones: std::ops::Range<u32>) -> (PbxName, Vec<(Group, Vec<LineId>)>) {
    let lines = phones.map(|n| line_of(n, 0)).collect();
    (PbxName::new("pbx1"), vec![(Group::RingGroup("600".into()), lines)])
}

#[test]
fn a_group_of_the_pbx_holds_until_it_is_told_and_follows_what_is_told() {
    let mut rules = rules(9, None);
    let group = Group::RingGroup("600".into());
    rules.policies[0].coverage.push(Coverage { group, rule: CoverageRule::KeepUp(Share::Count(2)) });
    let mut town = Town::new(rules, vec![Desk::default(); 4]);
    assert_eq!(town.pass_at(0), []);
    assert_eq!(town.told(3), ["nobody tells who belongs to ring group 600"]);
    let (pbx, groups) = ring_group(0..3);
    town.fleet.set_groups(&pbx, groups);
    let going = town.pass_at(1);
    assert_eq!(going.len(), 2, "one of the group, and the one outside it");
    assert!(going.contains(&mac(3)));
    let held = (0..3).find(|n| !town.away.contains_key(&mac(*n))).unwrap();
    assert_eq!(town.told(held), ["ring group 600: 2 of its phones are up, 2 must stay up"]);
    let (pbx, groups) = ring_group(0..4);
    town.fleet.set_groups(&pbx, groups);
    assert_eq!(town.pass_at(2), [], "the fourth is away");
    town.end(mac(3), true);
    assert_eq!(town.pass_at(60).len(), 1);
    town.fleet.set_groups(&pbx, Vec::new());
    assert_eq!(town.pass_at(61), []);
    assert!(town.told(held).is_empty() || town.told(held)[0].starts_with("nobody tells"));
}

#[test]
fn a_last_look_sees_what_became_of_the_group_meanwhile() {
    let mut town = Town::new(keep(Share::Count(2)), reception(3));
    let gone = town.pass_at(0)[0];
    let n = (0..3).find(|n| mac(*n) == gone).unwrap();
    assert!(town.reasons(n).is_empty(), "it may go on");
    let other = (0..3).find(|other| *other != n).unwrap();
    town.pull_out(other);
    town.scheduler.look_round(&town.fleet, at(1));
    assert_eq!(town.told(n), ["reception: 2 of its phones are up, 2 must stay up"]);
}

#[test]
fn a_phone_that_comes_to_a_group_or_leaves_it_is_counted_at_once() {
    let mut town = Town::new(keep(Share::Count(2)), vec![Desk::tagged(&["reception"]); 2]);
    assert_eq!(town.pass_at(0), []);
    let joined = Desk::tagged(&["reception"]);
    town.desks.push(joined.clone());
    town.fleet.introduce(joined.phone(2));
    town.plug_in(2);
    assert_eq!(town.pass_at(1).len(), 1, "its own calls nobody told yet, but it is up");
    assert!(!town.away.contains_key(&mac(2)));
}
