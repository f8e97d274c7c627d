//! What each message of a conversation is answered.

use proptest::prelude::*;

use super::*;
use crate::phones::unify::Item;
use crate::phones::unify::order::{MediaKind, Place};

const ALL: [(&str, &str); 5] = [
    ("mac-addr", "00:1a:e8:01:02:03"),
    ("device-type", "OpenStage 80"),
    ("software-type", "Siemens SIP"),
    ("software-version", "V1 R4.9.0"),
    ("part-number", "S30817-S7403-A101-015"),
];

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn items(told: &[(&str, &str)]) -> Items {
    let item = |(name, value): &(&str, &str)| Item {
        name: (*name).to_owned(),
        index: None,
        value: (*value).to_owned(),
    };
    Items(told.iter().map(item).collect())
}

fn message(reason: Reason, told: &[(&str, &str)]) -> Message {
    Message { nonce: "A1".into(), reason, more: false, items: items(told) }
}

fn reply(action: Action, status: Status) -> Message {
    message(Reason::ReplyTo { action, status }, &[])
}

fn software() -> Software {
    Software {
        file: "OS_80_SIP_V1_R5_6_0.img".into(),
        place: Place::Defaults,
        software_type: "Siemens SIP".into(),
        version: "1.5.6.0".into(),
    }
}

fn answer(heard: Heard) -> Order {
    match heard.next {
        Next::Answer(order) => order,
        Next::Decide(..) => panic!("{heard:?}"),
    }
}

fn called() -> Session {
    let mut session = Session::new(now());
    let heard = session.hear(now(), message(Reason::Solicited, &ALL));
    assert!(matches!(heard.next, Next::Decide(Arrival::Asks, who) if who.is_whole()));
    session
}

const CONFUSED: Order = Order::CleanUp { send_solicited: false, because: Some("unexpected message") };

#[test]
fn a_phone_that_was_asked_to_call_gets_its_image_and_then_goodbye() {
    let mut session = called();
    assert_eq!(session.decide([Job::Install(software())]), Order::Software(software()));
    let heard = session.hear(now(), reply(Action::SoftwareDeployment, Status::Accepted));
    assert_eq!((heard.news.clone(), heard.odd.clone()), (None, None));
    assert_eq!(answer(heard), Order::GOODBYE);
    assert!(session.is_over(now()));
}

#[test]
fn a_phone_with_nothing_to_do_is_let_go() {
    assert_eq!(called().decide([]), Order::GOODBYE);
}

#[test]
fn a_phone_that_started_is_asked_what_it_runs() {
    let mut session = Session::new(now());
    let order = answer(session.hear(now(), message(Reason::StartUp, &ALL)));
    assert_eq!(order, Order::ReadItems(Who::ITEMS));
    let told = Reason::ReplyTo { action: Action::ReadItems, status: Status::Accepted };
    let heard = session.hear(now(), message(told, &[("software-version", "V1 R5.6.0")]));
    match heard.next {
        Next::Decide(Arrival::Started, who) => assert_eq!(who.version.unwrap().as_str(), "V1 R5.6.0"),
        other => panic!("{other:?}"),
    }
    assert_eq!(session.decide([]), Order::GOODBYE);
}

#[test]
fn a_phone_that_does_not_tell_all_is_asked_for_the_rest_part_by_part() {
    let mut session = Session::new(now());
    let order = answer(session.hear(now(), message(Reason::InventoryChanges, &ALL[..1])));
    assert_eq!(order, Order::ReadItems(Who::ITEMS));
    let told = |action| Reason::ReplyTo { action, status: Status::Accepted };
    let first = Message { more: true, ..message(told(Action::ReadItems), &ALL[1..3]) };
    assert_eq!(answer(session.hear(now(), first)), Order::GetNextFragment);
    let heard = session.hear(now(), message(told(Action::GetNextFragment), &ALL[3..]));
    assert!(matches!(heard.next, Next::Decide(Arrival::Asks, who) if who.is_whole()), "{session:?}");
}

#[test]
fn a_phone_that_tells_no_more_is_taken_as_it_is() {
    for status in [Status::Busy, Status::Failed] {
        let mut session = Session::new(now());
        session.hear(now(), message(Reason::StartUp, &ALL[..2]));
        let heard = session.hear(now(), reply(Action::ReadItems, status));
        assert!(matches!(heard.next, Next::Decide(Arrival::Started, who) if who.version.is_none()));
    }
}

#[test]
fn a_busy_phone_is_asked_to_call_again() {
    for job in [Job::Install(software()), Job::Write(vec![skin("1")]), Job::Reboot] {
        let mut session = called();
        let action = session.decide([job]).action();
        let heard = session.hear(now(), reply(action, Status::Busy));
        assert!(matches!(&heard.news, Some(News::Deferred(why)) if why.contains(action.as_str())));
        assert_eq!(answer(heard), Order::CleanUp { send_solicited: true, because: None });
        assert!(session.is_over(now()));
    }
}

#[test]
fn a_phone_that_says_no_is_believed() {
    let mut session = called();
    session.decide([Job::Install(software()), Job::Reboot]);
    let heard = session.hear(now(), reply(Action::SoftwareDeployment, Status::Failed));
    assert_eq!(heard.news, Some(News::Refused("it said no to SoftwareDeployment".into())));
    assert_eq!(answer(heard), Order::GOODBYE);
}

#[test]
fn one_job_follows_the_other() {
    let mut session = called();
    let jobs = [Job::Write(vec![]), Job::Write(vec![skin("1")]), Job::Reboot];
    assert_eq!(session.decide(jobs), Order::ReadSettings(vec![skin("1")]));
    let heard = session.hear(now(), tells("1"));
    assert_eq!(heard.news, Some(News::Settings(ItemsFound::AsWanted { written: 0 })));
    assert_eq!(answer(heard), Order::Restart, "nothing to be written comes between");
    assert_eq!(answer(session.hear(now(), reply(Action::Restart, Status::Accepted))), Order::GOODBYE);
}

fn skin(value: &str) -> Setting {
    Setting::new("display-skin", None, value).unwrap()
}

/// The phone tells its skin.
fn tells(value: &str) -> Message {
    let told = Reason::ReplyTo { action: Action::ReadItems, status: Status::Accepted };
    message(told, &[("display-skin", value)])
}

#[test]
fn settings_are_read_written_and_read_back() {
    for (kept, found) in [
        ("1", ItemsFound::AsWanted { written: 1 }),
        ("0", ItemsFound::NotKept { items: vec!["display-skin is `0`, not `1`".into()] }),
    ] {
        let mut session = called();
        assert_eq!(session.decide([Job::Write(vec![skin("1")])]), Order::ReadSettings(vec![skin("1")]));
        let part = Message { more: true, ..reply(Action::ReadItems, Status::Accepted) };
        assert_eq!(answer(session.hear(now(), part)), Order::GetNextFragment);
        assert_eq!(answer(session.hear(now(), tells("0"))), Order::WriteItems(vec![skin("1")]));
        let again = session.hear(now(), reply(Action::WriteItems, Status::Accepted));
        assert_eq!((again.news.clone(), answer(again)), (None, Order::ReadSettings(vec![skin("1")])));
        let heard = session.hear(now(), tells(kept));
        assert_eq!(heard.news, Some(News::Settings(found)));
        assert_eq!(answer(heard), Order::GOODBYE);
        assert!(session.is_over(now()));
    }
}

#[test]
fn a_phone_that_does_not_know_a_setting_is_written_nothing() {
    let mut session = called();
    session.decide([Job::Write(vec![skin("1")]), Job::Reboot]);
    let heard = session.hear(now(), reply(Action::ReadItems, Status::Accepted));
    let unknown = ItemsFound::Unknown { items: vec!["display-skin".into()] };
    assert_eq!(heard.news, Some(News::Settings(unknown)));
    assert_eq!(answer(heard), Order::GOODBYE, "nor is it told what comes behind");
    for (answered, told) in [
        (Action::ReadItems, News::Refused("it said no to ReadItems".into())),
        (Action::WriteItems, News::Refused("it said no to WriteItems".into())),
    ] {
        let mut session = called();
        session.decide([Job::Write(vec![skin("1")])]);
        if answered == Action::WriteItems {
            session.hear(now(), tells("0"));
        }
        assert_eq!(session.hear(now(), reply(answered, Status::Failed)).news, Some(told));
    }
    let mut session = called();
    session.decide([Job::Write(vec![skin("1")])]);
    let odd = session.hear(now(), reply(Action::WriteItems, Status::Accepted)).odd;
    assert_eq!(odd.as_deref(), Some("it answers WriteItems, not ReadItems"));
}

#[test]
fn a_deployment_that_failed_is_told_of_an_image_as_a_refusal_and_of_other_files_one_by_one() {
    let news = |told: &[(&str, &str)]| {
        let mut session = Session::new(now());
        let heard = session.hear(now(), message(Reason::Status, &[&ALL[..1], told].concat()));
        assert_eq!(answer(heard.clone()), Order::GOODBYE);
        heard.news
    };
    let failed = [("file-deployment-status", "failed"), ("file-deployment-name", "OS_80.img")];
    let refused = Some(News::Refused("it did not deploy OS_80.img: failed".into()));
    assert_eq!(news(&failed), refused);
    assert_eq!(news(&[failed[0], failed[1], ("file-deployment-type", "APP")]), refused);
    let status = |file: Option<&str>, failed: Option<&str>| FileStatus {
        file: file.map(str::to_owned),
        failed: failed.map(str::to_owned),
    };
    let unnamed = status(None, Some("it did not deploy its file: failed"));
    assert_eq!(news(&[failed[0], ("file-deployment-type", "LOGO")]), Some(News::Files(vec![unnamed])));
    let named = [("file-deployment-name", "/media/a.png"), ("file-deployment-type", "LOGO")];
    let broken = status(Some("a.png"), Some("it did not deploy a.png: failed"));
    assert_eq!(news(&[failed[0], named[0], named[1]]), Some(News::Files(vec![broken])));
    let well = [("file-deployment-status", "OK"), named[0], named[1]];
    assert_eq!(news(&well), Some(News::Files(vec![status(Some("a.png"), None)])));
    assert_eq!(news(&[("file-deployment-status", "OK")]), None);
    assert_eq!(news(&[]), None);
}

#[test]
fn a_phone_is_told_to_load_files_and_a_no_names_the_file() {
    let file = MediaFile { file: "a.png".into(), place: Place::Defaults, kind: MediaKind::Logo };
    for (told, why) in [
        (&[][..], "it said no to FileDeployment"),
        (
            &[
                ("file-deployment-status", "failed"),
                ("file-deployment-type", "LOGO"),
                ("file-deployment-name", "a.png"),
            ][..],
            "it did not deploy a.png: failed",
        ),
    ] {
        let mut session = called();
        assert_eq!(session.decide([Job::Deploy(vec![file.clone()])]), Order::Files(vec![file.clone()]));
        let no = Reason::ReplyTo { action: Action::FileDeployment, status: Status::Failed };
        assert_eq!(session.hear(now(), message(no, told)).news, Some(News::Refused(why.into())));
    }
    let mut session = called();
    session.decide([Job::Deploy(vec![file])]);
    let heard = session.hear(now(), reply(Action::FileDeployment, Status::Accepted));
    assert_eq!((heard.news.clone(), answer(heard)), (None, Order::GOODBYE));
}

#[test]
fn what_comes_out_of_order_ends_the_conversation() {
    let confused = |session: &mut Session, message: Message, odd: &str| {
        let heard = session.hear(now(), message);
        assert_eq!(heard.odd.as_deref(), Some(odd));
        assert_eq!(answer(heard), CONFUSED);
        assert!(session.is_over(now()));
    };
    let fresh = || Session::new(now());
    confused(&mut fresh(), reply(Action::Restart, Status::Accepted), "reply-to out of order");
    confused(&mut fresh(), message(Reason::Solicited, &[]), "it does not tell its `mac-addr`");
    let mut session = called();
    session.decide([Job::Install(software())]);
    let other = reply(Action::Restart, Status::Accepted);
    confused(&mut session, other, "it answers Restart, not SoftwareDeployment");
    let mut session = called();
    confused(&mut session, message(Reason::StartUp, &ALL), "start-up out of order");
    let mut session = fresh();
    session.hear(now(), message(Reason::StartUp, &ALL));
    let told = Reason::ReplyTo { action: Action::ReadItems, status: Status::Accepted };
    let another = message(told.clone(), &[("mac-addr", "00:1a:e8:01:02:04")]);
    confused(&mut session, another, "it is 00:1a:e8:01:02:04 all of a sudden");
    let mut session = fresh();
    session.hear(now(), message(Reason::StartUp, &ALL));
    confused(
        &mut session,
        reply(Action::WriteItems, Status::Accepted),
        "it answers WriteItems, not ReadItems",
    );
    assert_eq!(session.decide([Job::Reboot]), Order::GOODBYE, "nothing is decided any more");
}

#[test]
fn a_phone_that_stays_silent_is_given_up() {
    let mut session = called();
    session.decide([Job::Reboot]);
    let later = now() + PATIENCE;
    assert!(!session.is_over(later - TimeDelta::milliseconds(1)) && session.is_over(later));
    let heard = session.hear(later, reply(Action::Restart, Status::Accepted));
    assert_eq!(heard.odd.as_deref(), Some("reply-to: it comes too late"));
    assert_eq!(answer(heard), CONFUSED);
}

#[test]
fn a_conversation_ends_at_some_time() {
    let mut session = Session::new(now());
    session.hear(now(), message(Reason::StartUp, &ALL));
    let told = Reason::ReplyTo { action: Action::ReadItems, status: Status::Accepted };
    let part = Message { more: true, ..message(told, &ALL) };
    let heard = std::iter::repeat_with(|| session.hear(now(), part.clone())).take(300).last().unwrap();
    assert_eq!(heard.odd.as_deref(), Some("reply-to: the conversation does not end"));
}

fn messages() -> impl Strategy<Value = Message> {
    let reason = prop_oneof![
        Just(Reason::StartUp),
        Just(Reason::Solicited),
        Just(Reason::Status),
        Just(Reason::LocalChanges),
        Just(Reason::InventoryChanges),
        (prop::sample::select(Action::ALL.to_vec()), 0..3_u8).prop_map(|(action, status)| Reason::ReplyTo {
            action,
            status: [Status::Accepted, Status::Failed, Status::Busy][usize::from(status)]
        }),
    ];
    (reason, any::<bool>(), 0..=ALL.len())
        .prop_map(|(reason, more, told)| Message { more, ..message(reason, &ALL[..told]) })
}

proptest! {
    /// Whatever a phone says, it is told no more than what was decided, in this order, and nothing after the end.
    #[test]
    fn nothing_is_ordered_that_was_not_decided(said in prop::collection::vec(messages(), 0..12)) {
        let mut session = Session::new(now());
        let mut decided = false;
        for message in said {
            let was_over = session.is_over(now());
            let order = match session.hear(now(), message).next {
                Next::Decide(_, who) => {
                    prop_assert!(!decided && !was_over);
                    prop_assert_eq!(who.mac.bare_upper(), "001AE8010203");
                    decided = true;
                    session.decide([Job::Install(software())])
                }
                Next::Answer(order) => {
                    prop_assert!(!matches!(order, Order::Software(_) | Order::Restart | Order::WriteItems(_)));
                    order
                }
            };
            prop_assert!(!was_over || order == CONFUSED);
            prop_assert_eq!(session.is_over(now()), matches!(order, Order::CleanUp { .. }));
        }
    }
}
