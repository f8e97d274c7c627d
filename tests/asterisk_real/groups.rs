//! Queues, ring groups, agents and do-not-disturb of a real Asterisk.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use sipherd::domain::fleet::Fleet;
use sipherd::domain::phone::{KnownBy, Line, LineId, Mac, PbxName, Phone};
use sipherd::domain::policy::Group;
use sipherd::pbx::asterisk::connect;
use sipherd::ports::{Groups, Pbx};
use tokio_util::sync::CancellationToken;

use crate::support::asterisk::Asterisk;
use crate::support::news::News;
use crate::support::peers;

fn lines(users: &[&str]) -> Vec<LineId> {
    users.iter().map(|user| Asterisk::line(user)).collect()
}

fn queue(name: &str) -> Group {
    Group::Queue(name.into())
}

/// The lines of a group, as told.
fn of<'a>(groups: &'a Groups, wanted: &Group) -> Option<&'a Vec<LineId>> {
    groups.members.iter().find(|(group, _)| group == wanted).map(|(_, lines)| lines)
}

/// Whether an agent is logged in at a line, and do-not-disturb is set, by the last look.
async fn now(pbx: &dyn Pbx, user: &str) -> (Option<bool>, Option<bool>) {
    let told = pbx.confirm(lines(&[user])).await.unwrap();
    (told[0].agent_logged_in, told[0].do_not_disturb)
}

#[tokio::test]
async fn members_agents_and_do_not_disturb_of_a_real_asterisk_are_seen() {
    let Some([program]) = peers::require(["asterisk"]) else { return };
    let asterisk = Asterisk::start(&program, 4).await;
    let (events, mut news) = News::channel();
    let pbx = connect(asterisk.settings(), events, CancellationToken::new());
    let picture = news.picture().await;
    let (support, empty, ring) = (queue("support"), queue("empty"), Group::RingGroup("700".into()));
    assert_eq!(of(&picture.groups, &support), Some(&lines(&["1001"])));
    assert_eq!(of(&picture.groups, &empty), Some(&vec![]));
    assert_eq!(of(&picture.groups, &ring), Some(&lines(&["1002", "1003"])));
    assert_eq!(of(&picture.groups, &Group::RingGroup("1001".into())), None, "one phone is no group");
    assert_eq!(picture.groups.agents, Some(lines(&["1001"])), "a static member is an agent");
    assert_eq!(picture.do_not_disturb, Some(vec![]));
    assert_eq!(now(&*pbx, "1001").await, (Some(true), Some(false)));

    // A dynamic member as FreePBX makes them: the queue dials through the dialplan, the hint tells the device.
    let dynamic = "Queue: support\nInterface: Local/1002@phones/n";
    let added =
        asterisk.manage(&format!("Action: QueueAdd\n{dynamic}\nStateInterface: hint:1002@phones\n")).await;
    assert!(added.contains("Success"), "{added}");
    let told = news.groups().await;
    assert_eq!(of(&told, &support), Some(&lines(&["1001", "1002"])));
    assert_eq!(told.agents, Some(lines(&["1001", "1002"])));

    let paused = asterisk.manage("Action: QueuePause\nInterface: PJSIP/1001\nPaused: true\n").await;
    assert!(paused.contains("Success"), "{paused}");
    assert_eq!(now(&*pbx, "1001").await.0, Some(false), "the last look asks anew");
    let told = news.groups().await;
    assert_eq!(of(&told, &support), Some(&lines(&["1001", "1002"])), "paused, and still one of its phones");
    assert_eq!(told.agents, Some(lines(&["1002"])));

    asterisk.manage(&format!("Action: QueueRemove\n{dynamic}\n")).await;
    assert_eq!(news.groups().await.agents, Some(vec![]));

    for (state, set) in [("BUSY", true), ("NOT_INUSE", false)] {
        let toggle = format!("Action: Setvar\nVariable: DEVICE_STATE(Custom:DND1003)\nValue: {state}\n");
        asterisk.manage(&toggle).await;
        assert_eq!(now(&*pbx, "1003").await.1, Some(set));
        assert_eq!(news.do_not_disturb().await, (Asterisk::line("1003"), set));
    }

    let unloaded = asterisk.manage("Action: ModuleLoad\nModule: app_queue.so\nLoadType: unload\n").await;
    assert!(unloaded.contains("Success"), "{unloaded}");
    assert_eq!(now(&*pbx, "1001").await, (None, Some(false)), "nobody is left who could tell of agents");
}

#[tokio::test]
async fn the_phones_of_a_real_queue_are_the_members_of_its_group() {
    let Some([program]) = peers::require(["asterisk"]) else { return };
    let asterisk = Asterisk::start(&program, 4).await;
    let yard = PbxName::new("yard");
    let mac = |n: u8| Mac::new([0, 4, 0x13, 0, 0, n]);
    let mut fleet = Fleet::default();
    fleet.watch(yard.clone(), TimeDelta::seconds(30));
    for n in 1..=4 {
        let mut phone = Phone::new(mac(n), KnownBy::Inventory);
        phone.lines.insert(Asterisk::line(&format!("100{n}")), Line::UNSEEN);
        fleet.introduce(phone);
    }
    let (events, mut news) = News::channel();
    let shutdown = CancellationToken::new();
    let _pbx = connect(asterisk.settings(), events, shutdown.clone());
    let set = |numbers: &[u8]| numbers.iter().map(|n| mac(*n)).collect::<BTreeSet<Mac>>();

    let picture = news.picture().await;
    assert_eq!(fleet.set_groups(&yard, picture.groups.members), set(&[1, 2, 3]));
    assert_eq!(fleet.members(&queue("support")), Some(set(&[1])));
    assert_eq!(fleet.members(&Group::RingGroup("700".into())), Some(set(&[2, 3])));
    assert_eq!(fleet.members(&queue("sales")), None);

    asterisk.manage("Action: QueueAdd\nQueue: support\nInterface: PJSIP/1004\n").await;
    assert_eq!(fleet.set_groups(&yard, news.groups().await.members), set(&[1, 4]));
    assert_eq!(fleet.members(&queue("support")), Some(set(&[1, 4])));
    fleet.lost(&yard);
    assert_eq!(fleet.members(&queue("support")), Some(set(&[1, 4])), "who belongs to whom stays known");
}
