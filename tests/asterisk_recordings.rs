//! The AMI adapter against recorded traffic of real Asterisks, and against one that misbehaves.

mod groups;

use std::sync::Arc;
use std::time::Duration;

use sipherd::domain::phone::{CallState, Contact, LineId, PbxName};
use sipherd::domain::trip::Notice;
use sipherd::pbx::asterisk::{connect, connect_over};
use sipherd::ports::{Groups, LineNow, NotifyOrder, NotifyOutcome, OrderId, Pbx, PbxNews, Target};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::ami::{Manager, Talk, contact, device, member, queue, recorded, recording};
use crate::support::news::News;

fn line(user: &str) -> LineId {
    LineId { pbx: PbxName::new("yard"), user: user.into() }
}

async fn watch() -> (Manager, Arc<dyn Pbx>, News) {
    let manager = Manager::start().await;
    let (events, news) = News::channel();
    let pbx = connect(manager.settings(), events, CancellationToken::new());
    (manager, pbx, news)
}

/// The same on a virtual wire, for a paused clock.
fn watch_over_wire() -> (Manager, Arc<dyn Pbx>, News) {
    let (manager, dial) = Manager::virtual_wire();
    let (events, news) = News::channel();
    let pbx = connect_over(dial, manager.settings(), events, CancellationToken::new());
    (manager, pbx, news)
}

/// One phone registered and idle, the first picture told.
async fn settle(manager: &Manager, news: &mut News) -> Talk {
    let contacts = [contact("1001", "one", "snomD785/10.1.64.14", 1_800_000_000)];
    let talk = manager.serve(&contacts, &[("PJSIP/1001", "NOT_INUSE")], &[]).await;
    news.picture().await;
    talk
}

/// Watched and settled.
async fn settled() -> (Manager, Arc<dyn Pbx>, News, Talk) {
    let (manager, pbx, mut news) = watch().await;
    let talk = settle(&manager, &mut news).await;
    (manager, pbx, news, talk)
}

#[tokio::test]
async fn registrations_recorded_from_asterisk_16_become_contacts() {
    let (manager, _pbx, mut news) = watch().await;
    let contacts = recorded("ami-asterisk16.txt", "ContactList");
    let _talk =
        manager.serve(&contacts, &[("PJSIP/1001", "NOT_INUSE"), ("Custom:night", "INUSE")], &[]).await;
    let picture = news.picture().await;
    assert_eq!(picture.contacts.len(), 10);
    let (seen, contact) = &picture.contacts[0];
    assert_eq!(*seen, line("1001"));
    assert_eq!(&*contact.uri, "sip:1001@127.20.0.1:5060;line=2c03007c");
    assert_eq!(contact.source, Some("127.20.0.1:5060".parse().unwrap()));
    assert_eq!(contact.call_id.as_deref(), Some("0004130003e9-d3d697c894"));
    assert_eq!(contact.user_agent.as_deref(), Some("snomD785/10.1.64.14"));
    assert_eq!(contact.expires.map(|at| at.timestamp()), Some(1_795_193_256));
    assert_eq!(picture.calls, [(line("1001"), CallState::Idle)], "only what is PJSIP is a phone");
}

#[tokio::test]
async fn a_recorded_ringing_call_is_seen_in_the_channels_when_the_devices_lag() {
    let (manager, _pbx, mut news) = watch().await;
    let contacts = recorded("ami-baresip-call.txt", "ContactList");
    let channels = recorded("ami-baresip-call.txt", "CoreShowChannel");
    let devices = [("PJSIP/1001", "NOT_INUSE"), ("PJSIP/1002", "NOT_INUSE"), ("PJSIP/1003", "UNAVAILABLE")];
    let _talk = manager.serve(&contacts, &devices, &channels).await;
    let picture = news.picture().await;
    let expected = [("1001", CallState::Talking), ("1002", CallState::Ringing), ("1003", CallState::Offline)];
    assert_eq!(picture.calls, expected.map(|(user, state)| (line(user), state)));
}

#[tokio::test]
async fn a_recorded_evening_of_events_is_told_call_by_call() {
    let (_manager, _pbx, mut news, mut talk) = settled().await;
    talk.say(&recording("ami-events-register-call-unregister.txt")).await;
    talk.say("\n\n").await;
    talk.say(&device("PJSIP/1999", "ONHOLD")).await;
    talk.say("\n").await;
    let mut told = Vec::new();
    news.until("the end", |news| match news {
        PbxNews::Calls(line, CallState::Held) if &*line.user == "1999" => Some(()),
        PbxNews::Calls(line, state) => {
            told.push((line.user.to_string(), *state));
            None
        }
        PbxNews::Lost { why } => panic!("{why}"),
        _ => None,
    })
    .await;
    let of = |user: &str| told.iter().filter(|(u, _)| u == user).map(|(_, state)| *state).collect::<Vec<_>>();
    use CallState::{Idle, Offline, Ringing, Talking};
    assert_eq!(of("1001"), [Idle, Talking, Idle, Offline]);
    assert_eq!(of("1002"), [Idle, Ringing, Talking, Idle, Offline]);
    assert_eq!(of("1100")[..3], [Idle, Offline, Idle]);
    assert_eq!(talk.asked("PJSIPShowContacts").await.id(), "13", "all those registrations cost one reading");
}

#[tokio::test]
async fn a_list_cut_short_is_a_loss_and_never_an_empty_fleet() {
    let (manager, _pbx, mut news) = watch().await;
    let mut talk = manager.admit().await;
    let asked = talk.asked("PJSIPShowContacts").await;
    let items = recorded("ami-PJSIPShowContacts.txt", "ContactList");
    talk.begin_list(&asked, &items).await;
    talk.end_list(&asked, 50).await;
    let mut pictures = 0;
    let why = news
        .until("a loss", |news| match news {
            PbxNews::Lost { why } => Some(why.clone()),
            PbxNews::Picture(_) => {
                pictures += 1;
                None
            }
            _ => None,
        })
        .await;
    assert_eq!(why, "the list of PJSIPShowContacts is cut short: 4 items came, 50 were announced");
    assert_eq!(pictures, 0);
    assert!(talk.asked("DeviceStateList").await.id() > asked.id());
    let _again = manager.serve(&[], &[("PJSIP/1001", "UNAVAILABLE")], &[]).await;
    assert_eq!(news.picture().await.contacts, []);
}

#[tokio::test]
async fn what_is_heard_while_the_lists_are_read_is_newer_than_the_lists() {
    let (manager, _pbx, mut news) = watch().await;
    let mut talk = manager.admit().await;
    let asked = talk.asked("PJSIPShowContacts").await;
    talk.contacts(&asked, &[]).await;
    let asked = talk.asked("DeviceStateList").await;
    let items = [device("PJSIP/1001", "NOT_INUSE"), device("PJSIP/1002", "INUSE")];
    talk.begin_list(&asked, &items[..1]).await;
    talk.say(&format!("{}\n", device("PJSIP/1001", "RINGING"))).await;
    talk.say(&format!("{}\n", device("PJSIP/1001", "INUSE"))).await;
    talk.say("Event: TestEvent\nType: StateChange\n\n").await;
    let second = items[1].replacen('\n', &format!("\nActionID: {}\n", asked.id()), 1);
    talk.say(&format!("{second}\n")).await;
    talk.end_list(&asked, 2).await;
    talk.say(&format!("{}\n", device("PJSIP/1002", "NOT_INUSE"))).await;
    let asked = talk.asked("CoreShowChannels").await;
    talk.say("Event: ContactStatus\nContactStatus: NonQualified\nAOR: 1001\nURI: sip:1001@a\n\n").await;
    talk.list(&asked, &[]).await;
    talk.say(&format!("{}\n", device("Custom:DND1002", "BUSY"))).await;
    talk.groups(&[], None).await;
    let picture = news.picture().await;
    assert_eq!(picture.calls, [(line("1001"), CallState::Talking), (line("1002"), CallState::Idle)]);
    assert_eq!(picture.do_not_disturb, Some(vec![line("1002")]));
    assert_eq!(picture.groups, Groups::default(), "nobody there knows of queues");
    let asked = talk.asked("PJSIPShowContacts").await;
    talk.contacts(&asked, &[contact("1001", "new", "snomD785/10.1", 1_800_000_000)]).await;
    assert_eq!(news.contacts(&line("1001")).await.len(), 1);
}

#[tokio::test]
async fn a_return_with_the_same_contact_is_found_by_a_refresh() {
    let (_manager, pbx, mut news, mut talk) = settled().await;
    for _ in 0..100 {
        pbx.refresh();
    }
    let asked = talk.asked("PJSIPShowContacts").await;
    let back = [contact("1001", "two", "snomD785/10.1.198", 1_800_000_300)];
    talk.contacts(&asked, &back).await;
    let seen = news.contacts(&line("1001")).await;
    assert_eq!(seen[0].call_id.as_deref(), Some("two"));
    assert_eq!(seen[0].user_agent.as_deref(), Some("snomD785/10.1.198"));
    news.fresh().await;
    pbx.refresh();
    let asked = talk.asked("PJSIPShowContacts").await;
    talk.contacts(&asked, &[]).await;
    assert_eq!(news.contacts(&line("1001")).await, [], "gone is told too");
}

#[tokio::test]
async fn a_line_is_confirmed_by_asking_anew() {
    let (_manager, pbx, _news, mut talk) = settled().await;
    let lines = vec![line("1002"), line("1001"), line("1003")];
    let answers = async {
        for _ in 0..10 {
            let asked = talk.next().await.unwrap();
            if asked.get("Action") == "QueueStatus" {
                let member = member("support", "PJSIP/1001", "", false);
                talk.list(&asked, &[queue("support"), member]).await;
                continue;
            }
            let variable = asked.get("Variable").to_owned();
            let state = match variable.as_str() {
                "DEVICE_STATE(PJSIP/1002)" => "RINGINUSE",
                "DEVICE_STATE(PJSIP/1001)" => "NOT_INUSE",
                "DEVICE_STATE(PJSIP/1003)" => "INVALID",
                "DEVICE_STATE(Custom:DND1003)" => "BUSY",
                "DEVICE_STATE(Custom:DND1001)" => "NOT_INUSE",
                other if other.starts_with("DEVICE_STATE(Custom:D") => "UNKNOWN",
                other => panic!("{other}"),
            };
            talk.answer(&asked, "Success", &format!("Variable: {variable}\nValue: {state}\n")).await;
        }
    };
    let (told, ()) = tokio::join!(pbx.confirm(lines), answers);
    let now =
        |calls, agent, silent| LineNow { calls, agent_logged_in: Some(agent), do_not_disturb: Some(silent) };
    let expected = [
        now(CallState::Talking, false, false),
        now(CallState::Idle, true, false),
        now(CallState::Unknown, false, true),
    ];
    assert_eq!(told.unwrap(), expected);

    let answers = async {
        talk.queues(None).await;
        for state in ["NOT_INUSE", "UNKNOWN", "UNKNOWN"] {
            let asked = talk.asked("Getvar").await;
            talk.answer(&asked, "Success", &format!("Variable: x\nValue: {state}\n")).await;
        }
    };
    let (told, ()) = tokio::join!(pbx.confirm(vec![line("1001")]), answers);
    let untold = LineNow { agent_logged_in: None, ..now(CallState::Idle, false, false) };
    assert_eq!(told.unwrap(), [untold], "no queue is loaded: nobody can tell of agents");

    let answers = async {
        talk.queues(None).await;
        let asked = talk.asked("Getvar").await;
        talk.answer(&asked, "Success", "Variable: DEVICE_STATE(PJSIP/1001)\nValue: \n").await;
    };
    let (told, ()) = tokio::join!(pbx.confirm(vec![line("1001")]), answers);
    assert!(told.unwrap_err().why.contains("func_devstate"));

    for strange in ["1001)\r\nAction: Originate", "1001),SHELL(x", ""] {
        let error = pbx.confirm(vec![line(strange)]).await.unwrap_err();
        assert!(error.why.contains("is no line it could be asked about"), "{error}");
    }

    let hang_up = async {
        talk.next().await.unwrap();
        drop(talk);
    };
    let (told, ()) = tokio::join!(pbx.confirm(vec![line("1001")]), hang_up);
    told.unwrap_err();
}

fn order(uri: &str, notice: Notice) -> NotifyOrder {
    let contact = Contact { uri: uri.into(), source: None, call_id: None, user_agent: None, expires: None };
    NotifyOrder {
        id: OrderId(1),
        target: Target { line: line("1001"), contact },
        notice,
        copies_for: Duration::ZERO,
    }
}

const URI: &str = "sip:1001@127.20.0.1:5060;line=2c03007c";

#[tokio::test]
async fn a_notify_names_one_contact_and_ends_blind_or_with_the_words_of_asterisk() {
    let (_manager, pbx, _news, mut talk) = settled().await;
    let body = Some(("text/plain".to_owned(), "action=restart\r\nRegisterCallId={}\r\n".to_owned()));
    let answers = async {
        let asked = talk.asked("PJSIPNotify").await;
        assert_eq!(asked.get("URI"), URI);
        assert_eq!(asked.all("Endpoint"), [""; 0]);
        let variables = [
            "Event=service-control",
            "Content-type=text/plain",
            "Content=action=restart",
            "Content=RegisterCallId={}",
        ];
        assert_eq!(asked.all("Variable"), variables);
        talk.answer(&asked, "Success", "Message: NOTIFY sent\n").await;
        let asked = talk.asked("PJSIPNotify").await;
        assert_eq!(asked.all("Variable"), ["Event=check-sync;reboot=true"]);
        talk.answer(&asked, "Error", "Message: Unable to retrieve endpoint 2999\n").await;
    };
    let notify = async {
        let sent = pbx.notify_through(order(URI, Notice { body, ..Notice::event("service-control") })).await;
        (sent, pbx.notify_through(order(URI, Notice::event("check-sync;reboot=true"))).await)
    };
    let (outcomes, ()) = tokio::join!(notify, answers);
    let refused = NotifyOutcome::NotSent { why: "Unable to retrieve endpoint 2999".into() };
    assert_eq!(outcomes, (NotifyOutcome::Blind, refused));
}

#[tokio::test]
async fn a_notify_that_asterisk_would_mangle_or_that_smuggles_lines_is_not_sent() {
    let (_manager, pbx, _news, mut talk) = settled().await;
    let body = |text: &str| Notice { body: Some(("text/plain".into(), text.into())), ..Notice::event("x") };
    for bad in [
        order(URI, Notice::event("check-sync;a=1,b=2")),
        order(URI, Notice::event("reboot\r\nAction: Originate")),
        order(URI, body("a,b")),
        order("sip:1001@a\r\nVariable: Event=reboot", Notice::event("x")),
        order("tel:+49301234", Notice::event("x")),
        order("1001", Notice::event("x")),
    ] {
        let outcome = pbx.notify_through(bad.clone()).await;
        assert!(matches!(outcome, NotifyOutcome::NotSent { .. }), "{bad:?}: {outcome:?}");
    }
    pbx.refresh();
    talk.asked("PJSIPShowContacts").await;
}

#[tokio::test]
async fn a_notify_whose_answer_is_lost_may_have_been_sent() {
    let (_manager, pbx, mut news, mut talk) = settled().await;
    let hang_up = async {
        talk.asked("PJSIPNotify").await;
        drop(talk);
    };
    let (outcome, ()) = tokio::join!(pbx.notify_through(order(URI, Notice::event("reboot"))), hang_up);
    assert_eq!(outcome, NotifyOutcome::Blind);
    assert_eq!(news.lost().await, "asterisk closed the connection");
    let outcome = pbx.notify_through(order(URI, Notice::event("reboot"))).await;
    assert_eq!(outcome, NotifyOutcome::NotSent { why: "asterisk closed the connection".into() });
}

#[tokio::test]
async fn an_endless_line_and_noise_between_blocks_do_no_harm() {
    let (_manager, pbx, mut news, mut talk) = settled().await;
    talk.say_bytes(b"\x00\xff\xfe: \x80\r\nno colon here\r\n\r\n").await;
    talk.say_bytes(format!("Event: VarSet\r\nValue: {}\r\n\r\n", "x".repeat(5_000_000)).as_bytes()).await;
    talk.say(&format!("{}\n", device("PJSIP/1001", "INUSE"))).await;
    news.calls(&line("1001"), CallState::Talking).await;

    pbx.refresh();
    let asked = talk.asked("PJSIPShowContacts").await;
    let long = contact("1001", "one", &"y".repeat(50_000), 1_800_000_000);
    talk.contacts(&asked, &[long]).await;
    assert_eq!(news.lost().await, "the answer to PJSIPShowContacts holds a line too long to be true");
}

#[tokio::test]
async fn another_service_on_the_port_and_a_farewell_are_named() {
    let (manager, _pbx, mut news) = watch().await;
    manager.accept().await.say("SSH-2.0-OpenSSH_9.2\n").await;
    let why = news.lost().await;
    assert!(why.starts_with("`SSH-2.0-OpenSSH_9.2` is no greeting of asterisk's manager"), "{why}");

    let (_manager, _pbx, mut news, mut talk) = settled().await;
    talk.say("Event: Shutdown\nShutdown: Cleanly\nRestart: False\n\n").await;
    assert_eq!(news.lost().await, "asterisk is shutting down");
    assert!(talk.next().await.is_none(), "the connection is closed");
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_explained_and_not_hammered() {
    let (manager, _pbx, mut news) = watch_over_wire();
    let began = Instant::now();
    for _ in 0..3 {
        let mut talk = manager.accept().await;
        talk.say("Asterisk Call Manager/11.0.0\n").await;
        let asked = talk.asked("Challenge").await;
        talk.answer(&asked, "Success", "Challenge: 1\n").await;
        let asked = talk.asked("Login").await;
        talk.answer(&asked, "Error", "Message: Authentication failed\n").await;
    }
    assert!(began.elapsed() >= Duration::from_secs(80), "{:?}", began.elapsed());
    let why = news.lost().await;
    assert!(
        why.starts_with("asterisk refused the manager user `sipherd`: Authentication failed; hint:"),
        "{why}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_asterisk_is_lost_within_the_probe_and_ten_seconds() {
    let (manager, pbx, mut news) = watch_over_wire();
    let mut talk = settle(&manager, &mut news).await;
    let began = Instant::now();
    assert_eq!(news.lost().await, "no answer to Ping within 10 s");
    assert!(began.elapsed() <= Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(pbx.confirm(vec![line("1001")]).await.is_err());
    assert_eq!(talk.next().await.unwrap().get("Action"), "Ping");
}

#[tokio::test(start_paused = true)]
async fn an_answering_asterisk_stays_fresh_and_is_read_anew_from_time_to_time() {
    let (manager, _pbx, mut news) = watch_over_wire();
    let mut talk = settle(&manager, &mut news).await;
    let began = Instant::now();
    let mut fresh = 0;
    let heard = async {
        let next = |news: &PbxNews| match news {
            PbxNews::Picture(picture) => Some(Some(picture.clone())),
            PbxNews::Fresh => Some(None),
            _ => None,
        };
        loop {
            match news.until("freshness", next).await {
                Some(picture) => return picture,
                None => fresh += 1,
            }
        }
    };
    let (picture, ()) = tokio::join!(heard, talk.survey(&[], &[("PJSIP/1001", "UNAVAILABLE")], &[]));
    assert_eq!(began.elapsed().as_secs(), 300);
    assert_eq!(picture.contacts, []);
    assert!(fresh >= 59, "{fresh}");
}

#[tokio::test(start_paused = true)]
async fn an_asterisk_that_never_boots_is_lost_and_the_rights_are_hinted_at() {
    let (manager, pbx, mut news) = watch_over_wire();
    let mut talk = manager.accept().await;
    talk.admit("").await;
    let error = pbx.confirm(vec![line("1001")]).await.unwrap_err();
    assert_eq!(error.why, "asterisk is still booting");
    let pings = async {
        while let Some(ping) = talk.next().await {
            talk.answer(&ping, "Success", "Ping: Pong\n").await;
        }
    };
    let began = Instant::now();
    let (why, ()) = tokio::join!(news.lost(), pings);
    assert_eq!(began.elapsed().as_secs(), 60);
    assert!(why.starts_with("no `FullyBooted` within 60 s; hint:"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn pauses_between_attempts_grow_and_a_picture_resets_them() {
    let (manager, _pbx, mut news) = watch_over_wire();
    let mut last = Instant::now();
    let mut pauses = Vec::new();
    for _ in 0..9 {
        drop(manager.accept().await);
        pauses.push(last.elapsed().as_secs_f64());
        last = Instant::now();
    }
    for (n, pause) in pauses.iter().enumerate().skip(1) {
        let whole = f64::from((1 << (n - 1)).min(40));
        assert!((whole * 0.5..=whole + 0.01).contains(pause), "{n}: {pauses:?}");
    }
    assert_eq!(news.lost().await, "asterisk closed the connection");
    let talk = manager.serve(&[], &[], &[]).await;
    news.picture().await;
    drop(talk);
    last = Instant::now();
    drop(manager.accept().await);
    assert!(last.elapsed() <= Duration::from_secs(1), "{:?}", last.elapsed());
}
