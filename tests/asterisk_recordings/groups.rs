//! Queues, ring groups, agents and do-not-disturb, as Asterisk tells of them.

use sipherd::domain::phone::LineId;
use sipherd::domain::policy::Group;
use sipherd::ports::Groups;

use super::{line, settle, settled, watch, watch_over_wire};
use crate::support::ami::{device, hint, member, queue};

#[tokio::test(start_paused = true)]
async fn last_looks_that_meet_share_a_reading_that_began_after_them() {
    let (manager, pbx, mut news) = watch_over_wire();
    let mut talk = settle(&manager, &mut news).await;
    let answers = async {
        let first = talk.asked("QueueStatus").await;
        // Two more look while that list is on its way: it may have passed their member already.
        let two =
            futures_util::future::join(pbx.confirm(vec![line("1001")]), pbx.confirm(vec![line("1001")]));
        let rest = async {
            let (mut lists, mut open) = (0, Some(first));
            for _ in 0..10 {
                let asked = talk.next().await.unwrap();
                match asked.get("Action") {
                    "QueueStatus" => {
                        lists += 1;
                        talk.list(&asked, &[queue("a"), member("a", "PJSIP/1001", "", false)]).await;
                    }
                    _ => talk.answer(&asked, "Success", "Value: NOT_INUSE\n").await,
                }
                if let Some(first) = open.take_if(|_| asked.get("Variable").contains("DEVDND")) {
                    talk.list(&first, &[queue("a")]).await;
                }
            }
            lists
        };
        tokio::join!(two, rest)
    };
    let (first, ((second, third), lists)) = tokio::join!(pbx.confirm(vec![line("1001")]), answers);
    let agents = [first, second, third].map(|told| told.unwrap()[0].agent_logged_in);
    assert_eq!(agents, [Some(false), Some(true), Some(true)]);
    assert_eq!(lists, 1);
}

#[tokio::test]
async fn queues_and_ring_groups_are_told_and_told_again_when_they_change() {
    let (manager, _pbx, mut news) = watch().await;
    let mut talk = manager.admit().await;
    let asked = talk.asked("PJSIPShowContacts").await;
    talk.contacts(&asked, &[]).await;
    let asked = talk.asked("DeviceStateList").await;
    let devices = [device("Queue:support_avail", "INUSE"), device("Custom:DND2117", "BUSY")];
    talk.list(&asked, &devices).await;
    let asked = talk.asked("CoreShowChannels").await;
    talk.list(&asked, &[]).await;
    let hints = [
        hint("2117", "ext-local", "PJSIP/desk-17&Custom:DND2117,CustomPresence:2117"),
        hint("700", "groups", "PJSIP/1001&PJSIP/desk-17"),
    ];
    let waiting = "Event: QueueEntry\nQueue: support\nPosition: 1\nChannel: PJSIP/1009-00000001\n".to_owned();
    let mut queues = vec![
        queue("support"),
        member("support", "PJSIP/1001", "PJSIP/1001", true),
        member("support", "Local/2117@from-queue/n", "hint:2117@ext-local", false),
        waiting,
        queue("empty"),
    ];
    talk.groups(&hints, Some(&queues)).await;
    let picture = news.picture().await;
    let lines = |users: &[&str]| users.iter().map(|user| line(user)).collect::<Vec<_>>();
    let ring = [("700", ["1001", "desk-17"]), ("700@groups", ["1001", "desk-17"])];
    let mut members: Vec<(Group, Vec<LineId>)> =
        ring.map(|(name, users)| (Group::RingGroup(name.into()), lines(&users))).into();
    members.push((Group::Queue("empty".into()), vec![]));
    members.push((Group::Queue("support".into()), lines(&["1001", "desk-17"])));
    let agents = Some(lines(&["desk-17"]));
    assert_eq!(
        picture.groups,
        Groups { members: members.clone(), agents },
        "a paused member is one all the same"
    );
    assert_eq!(picture.do_not_disturb, Some(lines(&["2117", "desk-17"])));

    // What is told of it as a device comes to a manager user without the class `agent`, too.
    queues[1] = member("support", "PJSIP/1001", "PJSIP/1001", false);
    talk.say(&format!("{}\n", device("Queue:support_pause_PJSIP/1001", "NOT_INUSE"))).await;
    talk.queues(Some(&queues)).await;
    let told = Groups { members: members.clone(), agents: Some(lines(&["1001", "desk-17"])) };
    assert_eq!(news.groups().await, told);

    queues.truncate(2);
    for _ in 0..100 {
        talk.say("Event: QueueMemberRemoved\nQueue: support\nInterface: Local/2117@from-queue/n\n\n").await;
    }
    talk.queues(Some(&queues)).await;
    let told = news.groups().await;
    assert_eq!(told.agents, Some(lines(&["1001"])));
    assert!(!told.members.iter().any(|(group, _)| *group == Group::Queue("empty".into())), "{told:?}");

    talk.say(&format!("{}\n", device("Custom:DND2117", "NOT_INUSE"))).await;
    for user in ["2117", "desk-17"] {
        assert_eq!(news.do_not_disturb().await, (line(user), false));
    }
    talk.say(&format!("{}\n", device("Custom:DEVDNDdesk-17", "BUSY"))).await;
    assert_eq!(news.do_not_disturb().await, (line("desk-17"), true));
}

#[tokio::test]
async fn a_list_of_queues_cut_short_is_a_loss() {
    let (_manager, _pbx, mut news, mut talk) = settled().await;
    talk.say("Event: QueueMemberAdded\nQueue: support\n\n").await;
    let asked = talk.asked("QueueStatus").await;
    talk.begin_list(&asked, &[queue("support")]).await;
    talk.end_list(&asked, 2).await;
    assert_eq!(news.lost().await, "the list of QueueStatus is cut short: 1 items came, 2 were announced");
}
