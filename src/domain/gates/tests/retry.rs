//! What a failure means for the next trip.

use super::*;

fn world() -> World {
    let mut world = World::new();
    world.fleet.watch(PbxName::new("pbx1"), TimeDelta::days(400));
    world
}

fn penalty(world: &World, seconds: i64) -> GateAnswer {
    world.judge(seconds).verdict.gates.into_iter().find(|answer| answer.gate == Gate::Penalty).unwrap()
}

fn unreachable() -> Failure {
    Failure::NotReachable { why: "no route".into() }
}

#[test]
fn the_pause_has_its_jitter_and_says_when_it_ends() {
    let mut world = world();
    world.failed(unreachable(), 1, 1_000);
    world.rules.policies[0].retry.jitter_percent = 20;
    let pause = world.rules.policies[0].retry.pause(mac(), 1);
    assert!(pause > TimeDelta::minutes(10) && pause < TimeDelta::minutes(12), "{pause}");
    let answer = penalty(&world, 1_500);
    assert_eq!(answer.changes, Some(at(1_000) + pause));
    assert_eq!(penalty(&world, 1_000 + pause.num_seconds() + 1).holds, []);
}

#[test]
fn a_failure_the_author_named_ends_the_tries() {
    let mut world = world();
    world.failed(unreachable(), 1, 1_000);
    world.rules.policies[0].retry.not_after = vec!["never-left".into()];
    assert_eq!(world.slugs(1_400), ["penalty-box"]);
    world.rules.policies[0].retry.not_after.push("not-reachable".into());
    assert_eq!(world.slugs(20_000), ["no-attempts-left"]);
    assert_eq!(penalty(&world, 20_000).changes, None);
    world.rules.policies[0].retry.penalty = Some(TimeDelta::hours(1));
    assert_eq!(
        world.slugs(20_000),
        ["no-attempts-left"],
        "the penalty lets out who tried in vain, not those"
    );
}

#[test]
fn the_penalty_box_opens_after_its_time_and_all_attempts_are_forgotten() {
    for (failure, attempt) in [(unreachable(), 3), (Failure::Refused { status: 403, phrase: "no".into() }, 1)]
    {
        let mut world = world();
        world.failed(failure, attempt, 1_000);
        assert_eq!(penalty(&world, 9_000).changes, None);
        world.rules.policies[0].retry.penalty = Some(TimeDelta::hours(2));
        let held = penalty(&world, 8_199);
        assert_eq!(held.holds.iter().map(Reason::slug).collect::<Vec<_>>(), ["no-attempts-left"]);
        assert_eq!(held.changes, Some(at(8_200)));
        let out = world.judge(8_200);
        assert!(out.verdict.is_go(), "{:?}", out.verdict);
        assert_eq!(out.order.unwrap().attempt, 1, "as if it had never been tried");
        assert_eq!(penalty(&world, 8_200).saw, "0 of 3 used");
    }
}

#[test]
fn what_a_person_stopped_no_time_sends_again() {
    let mut world = world();
    world.failed(unreachable(), 1, 1_000);
    let order = world.judge(5_000).order.unwrap();
    let plan = Plan { goal: order.goal, ..world.past[&mac()].last.as_ref().unwrap().plan().clone() };
    let (mut trip, _) = Trip::begin(plan, at(1_000));
    trip.handle(at(1_000), Input::Confirmed);
    trip.handle(at(1_100), Input::Cancel);
    world.past.entry(mac()).or_default().last = Some(trip);
    world.rules.policies[0].retry.penalty = Some(TimeDelta::minutes(10));
    assert_eq!(world.slugs(20_000), ["no-attempts-left"]);
}

#[test]
fn after_a_restart_the_answers_are_the_same() {
    let mut world = world();
    world.rules.policies[0].retry.penalty = Some(TimeDelta::hours(2));
    for attempt in 1..=3 {
        world.failed(unreachable(), attempt, 1_000);
        let before: Vec<_> = (0..40).map(|step| penalty(&world, step * 500)).collect();
        let past = world.past.get_mut(&mac()).unwrap();
        let kept = serde_json::to_string(past.last.as_ref().unwrap()).unwrap();
        past.last = Some(serde_json::from_str(&kept).unwrap());
        let after: Vec<_> = (0..40).map(|step| penalty(&world, step * 500)).collect();
        assert_eq!(before, after);
    }
}

/// Reboots on Friday from 22:00 to 23:00 and from 23:30 on, with an hour between attempts.
fn two_openings() -> World {
    let mut world = world();
    let policy = &mut world.rules.policies[0];
    policy.action = Action::Reboot;
    (policy.retry.backoff, policy.retry.jitter_percent) = (TimeDelta::hours(1), 0);
    let window = |hour, minute, lasts| {
        let from = NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        Window::weekly(vec![chrono::Weekday::Fri], from, Lasts::For(lasts))
    };
    policy.calendar =
        Calendar::of(vec![window(22, 0, TimeDelta::hours(1)), window(23, 30, TimeDelta::hours(4))]);
    world
}

#[test]
fn the_next_opening_does_not_cut_a_pause_short() {
    let mut world = two_openings();
    world.failed(unreachable(), 1, 3_000);
    let held = penalty(&world, 3_100);
    assert_eq!(held.changes, Some(at(6_600)));
    for second in [3_600, 5_399, 5_400, 6_599] {
        assert_eq!(penalty(&world, second).changes, Some(at(6_600)), "{second}");
    }
    let judged = world.judge(6_600);
    assert!(judged.verdict.is_go(), "{:?}", judged.verdict);
    assert_eq!(judged.order.unwrap().attempt, 1, "what failed in another opening does not count");
}
