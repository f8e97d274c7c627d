//! The pocket PBX as its AMI clients see it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sipherd::domain::phone::Mac;
use sipherd::sim::{Building, PhoneSpec, What};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{LIMIT, OLD, building, contact, registered, snom, until, yealink};

/// An AMI client that reads blocks.
pub struct Ami {
    lines: BufReader<TcpStream>,
}

type Block = BTreeMap<String, String>;

impl Ami {
    async fn connect(building: &Building) -> Self {
        let mut lines = BufReader::new(TcpStream::connect(building.pbx().ami()).await.unwrap());
        let mut banner = String::new();
        lines.read_line(&mut banner).await.unwrap();
        assert_eq!(banner, "Asterisk Call Manager/11.0.0\r\n");
        Self { lines }
    }

    pub async fn logged_in(building: &Building) -> Self {
        let mut ami = Self::connect(building).await;
        let (user, secret) = building.ami_account();
        let answer =
            ami.ask(&["Action: Login", &format!("Username: {user}"), &format!("Secret: {secret}")]).await;
        assert_eq!(answer["Message"], "Authentication accepted");
        ami
    }

    pub async fn ask(&mut self, action: &[&str]) -> Block {
        let text = format!("{}\r\n\r\n", action.join("\r\n"));
        self.lines.get_mut().write_all(text.as_bytes()).await.unwrap();
        self.until(|block| block.contains_key("Response")).await
    }

    async fn list(&mut self, action: &str, end: &str) -> Vec<Block> {
        let answer = self.ask(&[&format!("Action: {action}"), "ActionID: 7"]).await;
        assert_eq!((answer["Response"].as_str(), answer["ActionID"].as_str()), ("Success", "7"));
        let mut items = Vec::new();
        loop {
            let block = self.until(|block| block.get("ActionID").is_some_and(|id| id == "7")).await;
            if block["Event"] == end {
                assert_eq!(block["ListItems"], items.len().to_string());
                return items;
            }
            items.push(block);
        }
    }

    async fn event(&mut self, name: &str, key: &str, value: &str) -> Block {
        self.until(|block| {
            block.get("Event").is_some_and(|event| event == name)
                && block.get(key).is_some_and(|v| v == value)
        })
        .await
    }

    async fn until(&mut self, wanted: impl Fn(&Block) -> bool) -> Block {
        loop {
            let block = tokio::time::timeout(LIMIT, self.block()).await.unwrap().unwrap();
            if wanted(&block) {
                return block;
            }
        }
    }

    /// The next block; `None` at the end.
    async fn block(&mut self) -> Option<Block> {
        let mut block = Block::new();
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).await.unwrap_or(0) == 0 {
                return None;
            }
            match line.trim_end().split_once(':') {
                Some((key, value)) => block.insert(key.to_owned(), value.trim().to_owned()),
                None => return Some(block),
            };
        }
    }
}

#[tokio::test]
async fn the_ami_wants_its_secret() {
    let building = building(vec![snom(1)]).await;
    let mut ami = Ami::connect(&building).await;
    assert_eq!(ami.ask(&["Action: Ping"]).await["Message"], "Permission denied");
    let challenge = ami.ask(&["Action: Challenge", "AuthType: MD5"]).await["Challenge"].clone();
    let (user, secret) = building.ami_account();
    let key = sipherd::sim::wire::md5_hex(&format!("{challenge}{secret}"));
    let login = ["Action: Login", "AuthType: MD5", &format!("Username: {user}"), &format!("Key: {key}")];
    assert_eq!(ami.ask(&login).await["Response"], "Success");
    assert_eq!(ami.ask(&["Action: Ping"]).await["Ping"], "Pong");
    let mut wrong = Ami::connect(&building).await;
    let answer = wrong.ask(&["Action: Login", &format!("Username: {user}"), "Secret: guess"]).await;
    assert_eq!((answer["Response"].as_str(), answer["Message"].as_str()), ("Error", "Authentication failed"));
    assert_eq!(wrong.block().await, None, "and hangs up");
}

#[tokio::test]
async fn the_ami_lists_contacts_states_and_channels() {
    let building = building(vec![snom(1), snom(2), yealink(3)]).await;
    let mut ami = Ami::logged_in(&building).await;
    building.pbx().vanish_contact("2003");
    ami.event("ContactStatus", "ContactStatus", "Removed").await;
    building.call("2001", "2002", TimeDelta::hours(1)).unwrap();
    ami.event("Newchannel", "CallerIDNum", "2001").await;
    until(&building, 1, 1, |what| matches!(what, What::CallBegan { .. })).await;

    let contacts = ami.list("PJSIPShowContacts", "ContactListComplete").await;
    let ends: Vec<&str> = contacts.iter().map(|contact| contact["Endpoint"].as_str()).collect();
    assert_eq!(ends, ["2001", "2002"]);
    assert_eq!(contacts[0]["Uri"], contact(&building, "2001").0);
    assert_eq!(contacts[0]["UserAgent"], "snomD785/10.1.64.14");

    let states = ami.list("DeviceStateList", "DeviceStateListComplete").await;
    let states: Vec<_> = states.iter().map(|s| (s["Device"].as_str(), s["State"].as_str())).collect();
    assert_eq!(states, [("PJSIP/2001", "INUSE"), ("PJSIP/2002", "INUSE"), ("PJSIP/2003", "UNAVAILABLE")]);
    assert_eq!(ami.list("CoreShowChannels", "CoreShowChannelsComplete").await.len(), 2);
    let getvar = ["Action: Getvar", "Variable: DEVICE_STATE(PJSIP/2001)"];
    assert_eq!(ami.ask(&getvar).await["Value"], "INUSE");

    building.lie_idle(true);
    assert_eq!(ami.ask(&getvar).await["Value"], "NOT_INUSE");
    assert!(ami.list("CoreShowChannels", "CoreShowChannelsComplete").await.is_empty());
}

#[tokio::test]
async fn the_ami_sends_a_notify_blindly_and_a_return_with_the_same_contact_is_no_event() {
    let building = building(vec![yealink(1)]).await;
    let mut ami = Ami::logged_in(&building).await;
    let (uri, _) = contact(&building, "2001");
    let variable = "Variable: Event=check-sync;reboot=true";
    let unknown = ami.ask(&["Action: PJSIPNotify", "Endpoint: 2999", variable]).await;
    assert_eq!(unknown["Message"], "Unable to retrieve endpoint 2999");
    let sent = ami.ask(&["Action: PJSIPNotify", &format!("URI: {uri}"), variable]).await;
    assert_eq!(sent["Message"], "NOTIFY sent");
    until(&building, 1, 2, registered).await;
    building.pbx().vanish_contact("2001");
    let next = ami.event("ContactStatus", "AOR", "2001").await;
    assert_eq!(next["ContactStatus"], "Removed", "the first event is the vanishing");
}

#[tokio::test]
async fn a_filter_lets_only_its_own_events_through() {
    let building = building(vec![snom(1)]).await;
    let mut ami = Ami::logged_in(&building).await;
    let filter = ["Action: Filter", "Operation: Add", "Filter: Event: PeerStatus"];
    assert_eq!(ami.ask(&filter).await["Response"], "Success");
    building.pbx().vanish_contact("2001");
    let next = ami.until(|block| block.get("Event").is_some_and(|event| event != "FullyBooted")).await;
    assert_eq!(next["Event"], "PeerStatus", "DeviceStateChange came before it");
}

#[tokio::test]
async fn a_restart_drops_the_ami_and_forgets_nothing() {
    let building = building(vec![snom(1)]).await;
    let mut ami = Ami::logged_in(&building).await;
    building.pbx().restart();
    while ami.block().await.is_some() {}
    let mut again = Ami::logged_in(&building).await;
    assert_eq!(again.list("PJSIPShowContacts", "ContactListComplete").await.len(), 1);
}

#[tokio::test]
async fn a_call_to_the_echo_test_ends_by_itself_and_both_kinds_leave_no_trace() {
    let building = building(vec![snom(1), snom(2)]).await;
    let mut ami = Ami::logged_in(&building).await;
    building.call("2001", "600", TimeDelta::minutes(1)).unwrap();
    building.call("2002", "2009", TimeDelta::minutes(1)).unwrap();
    until(&building, 1, 1, |what| matches!(what, What::CallEnded { .. })).await;
    ami.event("Hangup", "CallerIDNum", "2001").await;
    until(&building, 2, 1, |what| matches!(what, What::CallFailed { status: 404, .. })).await;
    assert_eq!(building.pbx().calls(), 0);
}

#[tokio::test]
async fn a_thousand_phones_are_cheap() {
    let phones = (0_u16..1000)
        .map(|n| {
            let [a, b] = n.to_be_bytes();
            let ip = [127, 52, a, b].into();
            PhoneSpec::snom(Mac::new([0, 4, 0x13, 0x52, a, b]), "D735", OLD, &format!("{}", 3000 + n), ip)
        })
        .collect();
    let building = building(phones).await;
    let mut ami = Ami::logged_in(&building).await;
    assert_eq!(ami.list("PJSIPShowContacts", "ContactListComplete").await.len(), 1000);
    building.shutdown().await;
}

#[tokio::test]
async fn the_ami_tells_of_queues_ring_groups_and_do_not_disturb() {
    let building = building(vec![snom(1), snom(2)]).await;
    let pbx = building.pbx();
    let mut ami = Ami::logged_in(&building).await;
    pbx.open_queue("empty");
    pbx.join_queue("support", "2001");
    let added = ami.event("QueueMemberAdded", "Queue", "support").await;
    assert_eq!((added["Interface"].as_str(), added["Paused"].as_str()), ("Local/2001@from-queue/n", "0"));
    pbx.pause_member("support", "2001", true);
    ami.event("QueueMemberPause", "Paused", "1").await;
    let queues = ami.list("QueueStatus", "QueueStatusComplete").await;
    let seen: Vec<_> = queues.iter().map(|item| (item["Event"].as_str(), item["Queue"].as_str())).collect();
    assert_eq!(seen, [("QueueParams", "empty"), ("QueueParams", "support"), ("QueueMember", "support")]);
    assert_eq!(
        (queues[2]["StateInterface"].as_str(), queues[2]["Paused"].as_str()),
        ("hint:2001@phones", "1")
    );
    pbx.leave_queue("support", "2001");
    ami.event("QueueMemberRemoved", "Queue", "support").await;
    assert_eq!(ami.list("QueueStatus", "QueueStatusComplete").await.len(), 2);

    pbx.ring_together("700", &["2001", "2002"]);
    let hints = ami.list("ExtensionStateList", "ExtensionStateListComplete").await;
    let seen: Vec<_> = hints.iter().map(|item| (item["Exten"].as_str(), item["Hint"].as_str())).collect();
    let own = [("2001", "PJSIP/2001&Custom:DND2001"), ("2002", "PJSIP/2002&Custom:DND2002")];
    assert_eq!(seen, [own[0], own[1], ("700", "PJSIP/2001&PJSIP/2002")]);

    let getvar = ["Action: Getvar", "Variable: DEVICE_STATE(Custom:DND2001)"];
    assert_eq!(ami.ask(&getvar).await["Value"], "UNKNOWN");
    pbx.do_not_disturb("2001", true);
    ami.event("DeviceStateChange", "Device", "Custom:DND2001").await;
    assert_eq!(ami.ask(&getvar).await["Value"], "BUSY");
    let states = ami.list("DeviceStateList", "DeviceStateListComplete").await;
    assert_eq!(states.last().unwrap()["Device"], "Custom:DND2001");
}
