//! What proves a boot, and what only looks like one.

use super::*;

#[test]
fn a_phone_that_keeps_its_contact_shows_its_boot_by_silence_and_a_later_lapse() {
    let again = |second, lapse| {
        let line = line("2117");
        let call_id = Some("before".into());
        (second, Input::Registered { line, call_id, expires: Some(at(lapse)), version: None })
    };
    let mut inputs = vec![(1, answered(200)), (10, Input::Silent), (15, Input::Silent)];
    let left = asked(Goal::Reboot, inputs.clone());
    assert_eq!(left.state(), &State::Away);
    assert!(left.wants_questions());
    inputs.push(again(20, 600));
    assert_eq!(
        asked(Goal::Reboot, inputs.clone()).state(),
        &State::Away,
        "the same lapse is the old REGISTER"
    );
    inputs.push(again(60, 760));
    assert_eq!(asked(Goal::Reboot, inputs).outcome(), Some(&Outcome::Rebooted));
}

#[test]
fn a_phone_that_spoke_in_the_last_look_and_is_silent_after_the_notify_went() {
    let silences = vec![(5, Input::Silent), (10, Input::Silent)];
    assert_eq!(asked(Goal::Reboot, silences.clone()).state(), &State::Asked { trigger: 0 });
    let mut spoke = vec![(0, Input::Alive { version: None })];
    spoke.extend(silences);
    assert_eq!(asked(Goal::Reboot, spoke).state(), &State::Away);
}

#[test]
fn a_hiccup_and_an_ordinary_refresh_are_no_reboot() {
    let line = line("2117");
    let refresh =
        Input::Registered { line, call_id: Some("before".into()), expires: Some(at(1_000)), version: None };
    let mut inputs = vec![
        (301, answered(200)),
        (310, Input::Silent),
        (315, Input::Silent),
        (320, Input::Alive { version: None }),
        (400, refresh.clone()),
        (900, late()),
    ];
    assert_eq!(failure(&asked(Goal::Reboot, inputs.clone())), Some(&Failure::NeverLeft));
    for second in [316, 317, 318] {
        inputs.insert(3, (second, Input::Silent));
    }
    let outcome = asked(Goal::Reboot, inputs).outcome().cloned();
    assert_eq!(outcome, Some(Outcome::Rebooted), "a silence this long is no hiccup");
}

#[test]
fn one_silence_or_that_of_a_phone_that_never_answers_is_no_boot() {
    let hiccup = vec![
        (1, answered(200)),
        (10, Input::Silent),
        (15, Input::Alive { version: None }),
        (20, Input::Silent),
    ];
    assert_eq!(asked(Goal::Reboot, hiccup).state(), &State::Accepted { sure: true });
    let deaf = vec![(1, Input::Blind), (10, Input::Silent), (15, Input::Silent), (20, Input::Silent)];
    assert_eq!(asked(Goal::Reboot, deaf).state(), &State::Accepted { sure: false });
}

#[test]
fn a_phone_that_was_only_silent_for_a_while_never_left() {
    let inputs = vec![
        (1, answered(200)),
        (10, Input::Silent),
        (15, Input::Silent),
        (20, Input::Alive { version: None }),
        (300, late()),
    ];
    assert_eq!(failure(&asked(Goal::Reboot, inputs)), Some(&Failure::NeverLeft));
}

#[test]
fn a_refresh_with_the_same_call_id_is_no_reboot() {
    let trip = asked(Goal::Reboot, vec![(1, answered(200)), (30, registered("2117", "before", "10.1.64"))]);
    assert_eq!(trip.state(), &State::Accepted { sure: true });
}

#[test]
fn a_maker_that_keeps_its_call_id_is_back_when_its_contact_was_gone() {
    let trip = asked(
        Goal::Reboot,
        vec![
            (1, answered(200)),
            (5, Input::Gone { line: line("2117") }),
            (60, registered("2117", "before", "10.1.64")),
        ],
    );
    assert_eq!(trip.outcome(), Some(&Outcome::Rebooted));
}

#[test]
fn a_settings_request_too_soon_or_in_a_call_is_a_poll() {
    let early = asked(update(), vec![(1, answered(200)), (5, boot_request("10.1.64"))]);
    assert_eq!(early.state(), &State::Accepted { sure: true });
    let busy = Input::BootRequest { version: None, idle: false, own: true };
    let waiting = asked(update(), vec![(1, answered(200)), (100, busy)]);
    assert_eq!(waiting.state(), &State::Accepted { sure: true });
    assert_eq!(waiting.offer(), None);
}
