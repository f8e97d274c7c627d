//! The simulated phones and pocket PBX, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may say so by panicking")]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use sipherd::clock::ScaledClock;
use sipherd::domain::phone::Mac;
use sipherd::sim::diary::CutBy;
use sipherd::sim::wire::{Packet, answer_challenge};
use sipherd::sim::{Building, BuildingSpec, Cause, LogLine, Misfit, PhoneSpec, What};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const OLD: &str = "10.1.64.14";
const NEW: &str = "10.1.198.19";
/// Generous: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(30);

fn mac(n: u8) -> Mac {
    Mac::new([0, 4, 0x13, 0x51, 0, n])
}

fn ip(n: u8) -> IpAddr {
    [127, 51, 0, n].into()
}

/// Phone `n`: line `200n`, on 127.51.0.n.
fn snom(n: u8) -> PhoneSpec {
    PhoneSpec::snom(mac(n), "D785", OLD, &format!("200{n}"), ip(n))
}

fn yealink(n: u8) -> PhoneSpec {
    PhoneSpec::yealink(mac(n), "T46S", "66.86.0.15", &format!("200{n}"), ip(n))
}

/// A building whose time runs 200 times as fast as ours.
async fn building(phones: Vec<PhoneSpec>) -> Building {
    let epoch = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    let clock = Arc::new(ScaledClock::starting_at(epoch, 200));
    let building = Building::start(BuildingSpec::new(clock, phones, 7)).await.unwrap();
    building.all_registered(LIMIT).await.unwrap();
    building
}

fn count(log: &[LogLine], wanted: impl Fn(&What) -> bool) -> usize {
    log.iter().filter(|line| wanted(&line.what)).count()
}

async fn until(building: &Building, n: u8, times: usize, wanted: impl Fn(&What) -> bool) {
    let waited = building.wait(mac(n), LIMIT, |log| count(log, &wanted) >= times).await;
    waited.unwrap_or_else(|error| panic!("{error}: {:#?}", building.log(mac(n))));
}

fn registered(what: &What) -> bool {
    *what == What::Registered
}

fn left(what: &What) -> bool {
    matches!(what, What::RebootBegan { .. })
}

/// Somebody on the network who sends SIP by hand.
struct Stranger {
    socket: UdpSocket,
}

impl Stranger {
    async fn new() -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").await.unwrap() }
    }

    fn request(&self, method: &str, uri: &str, id: &str) -> Packet {
        let me = self.socket.local_addr().unwrap();
        Packet::request(method, uri)
            .with("Via", format!("SIP/2.0/UDP {me};branch=z9hG4bK{id};rport"))
            .with("From", format!("<sip:sipherd@{me}>;tag={id}"))
            .with("To", format!("<{uri}>"))
            .with("Call-ID", id)
            .with("CSeq", format!("1 {method}"))
            .with("Contact", format!("<sip:sipherd@{me}>"))
    }

    fn notify(&self, uri: &str, event: &str, id: &str) -> Packet {
        self.request("NOTIFY", uri, id).with("Event", event).with("Subscription-State", "terminated")
    }

    async fn send(&self, packet: &Packet, to: SocketAddr) {
        self.socket.send_to(&packet.bytes(), to).await.unwrap();
    }

    async fn receive(&self) -> Packet {
        let mut buffer = [0; 4096];
        let (length, _) =
            tokio::time::timeout(LIMIT, self.socket.recv_from(&mut buffer)).await.unwrap().unwrap();
        Packet::read(&buffer[..length]).unwrap()
    }

    async fn ask(&self, packet: &Packet, to: SocketAddr) -> Packet {
        self.send(packet, to).await;
        self.receive().await
    }
}

fn contact(building: &Building, user: &str) -> (String, SocketAddr) {
    (building.pbx().contact(user).unwrap(), building.phone(user).unwrap().address)
}

// ----------------------------------------------------------------------------------- registering

#[tokio::test]
async fn a_phone_registers_and_the_pbx_knows_its_contact() {
    let building = building(vec![snom(1), yealink(2)]).await;
    let (uri, address) = contact(&building, "2001");
    assert!(uri.starts_with(&format!("sip:2001@{address};line=")), "{uri}");
    assert_eq!(address.ip(), ip(1));
    assert_eq!(contact(&building, "2002").0, format!("sip:2002@{}", contact(&building, "2002").1));
    building.shutdown().await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_by_the_registrar() {
    let building = building(vec![snom(1)]).await;
    let stranger = Stranger::new().await;
    let sip = building.pbx().sip();
    let register = |id: &str| {
        let mut packet = stranger.request("REGISTER", &format!("sip:{sip}"), id);
        packet.set("To", format!("<sip:2001@{sip}>"));
        packet
    };
    let challenge = stranger.ask(&register("r1"), sip).await;
    assert_eq!(challenge.code(), 401);
    let with = |secret| {
        let challenge = challenge.get("WWW-Authenticate");
        answer_challenge(challenge, "REGISTER", &format!("sip:{sip}"), "2001", secret, "c0ffee")
    };
    let wrong = stranger.ask(&register("r2").with("Authorization", with("guess")), sip).await;
    assert_eq!(wrong.code(), 401);
    let right = stranger.ask(&register("r3").with("Authorization", with("secret-2001")), sip).await;
    assert_eq!(right.code(), 200);
}

#[tokio::test]
async fn after_a_reboot_a_snom_has_a_new_contact_and_a_yealink_the_old_one() {
    let building = building(vec![snom(1), yealink(2)]).await;
    let (snom_before, yealink_before) = (contact(&building, "2001").0, contact(&building, "2002").0);
    for n in [1, 2] {
        building.phone(&format!("200{n}")).unwrap().power_cycle();
        until(&building, n, 2, registered).await;
    }
    assert_ne!(contact(&building, "2001").0, snom_before);
    assert_eq!(contact(&building, "2002").0, yealink_before);
}

// --------------------------------------------------------------------------------------- NOTIFYs

#[tokio::test]
async fn an_idle_snom_reboots_and_registers_again() {
    let building = building(vec![snom(1)]).await;
    let (uri, address) = contact(&building, "2001");
    let stranger = Stranger::new().await;
    let answer = stranger.ask(&stranger.notify(&uri, "reboot", "n1"), address).await;
    assert_eq!((answer.code(), answer.get("User-Agent")), (200, "snomD785/10.1.64.14"));
    until(&building, 1, 2, registered).await;
    let cause = Cause::ByNotify { call_id: "n1".into() };
    assert_eq!(count(&building.log(mac(1)), |what| *what == What::RebootBegan { cause: cause.clone() }), 1);
}

#[tokio::test]
async fn a_snom_in_a_call_waits_for_its_end() {
    let building = building(vec![snom(1), snom(2)]).await;
    building.call("2001", "2002", TimeDelta::minutes(5)).unwrap();
    until(&building, 1, 1, |what| matches!(what, What::CallBegan { .. })).await;
    let (uri, address) = contact(&building, "2001");
    let stranger = Stranger::new().await;
    assert_eq!(stranger.ask(&stranger.notify(&uri, "reboot", "n1"), address).await.code(), 200);
    assert_eq!(count(&building.log(mac(1)), left), 0, "it promised, and talks on");
    until(&building, 1, 2, registered).await;
    let log = building.log(mac(1));
    let at = |wanted: &dyn Fn(&What) -> bool| log.iter().position(|line| wanted(&line.what)).unwrap();
    assert!(at(&|what| matches!(what, What::CallEnded { .. })) < at(&left), "{log:#?}");
    assert_eq!(count(&log, |what| matches!(what, What::CallCut { .. })), 0);
    assert_eq!(building.pbx().calls(), 0);
}

#[tokio::test]
async fn a_yealink_in_a_call_cuts_it_and_both_ends_say_so() {
    let building = building(vec![yealink(1), snom(2)]).await;
    building.call("2002", "2001", TimeDelta::hours(2)).unwrap();
    until(&building, 2, 1, |what| matches!(what, What::CallBegan { .. })).await;
    let (uri, address) = contact(&building, "2001");
    let stranger = Stranger::new().await;
    assert_eq!(
        stranger.ask(&stranger.notify(&uri, "check-sync;reboot=true", "n1"), address).await.code(),
        200
    );
    let mine = CutBy::Me(Cause::ByNotify { call_id: "n1".into() });
    until(
        &building,
        1,
        1,
        |what| matches!(what, What::CallCut { by, with, .. } if *by == mine && with == "2002"),
    )
    .await;
    until(&building, 2, 1, |what| matches!(what, What::CallCut { by: CutBy::TheOther, .. })).await;
}

#[tokio::test]
async fn what_is_not_addressed_to_this_boot_of_a_snom_is_not_found() {
    let building = building(vec![snom(1)]).await;
    let (uri, address) = contact(&building, "2001");
    let stranger = Stranger::new().await;
    let bare = uri.split(';').next().unwrap();
    for (nth, wrong) in
        [bare.to_owned(), format!("{bare};line=0"), uri.replace("2001", "2009")].iter().enumerate()
    {
        let answer = stranger.ask(&stranger.notify(wrong, "reboot", &format!("n{nth}")), address).await;
        assert_eq!(answer.code(), 404, "{wrong}");
    }
    let unknown = stranger.ask(&stranger.notify(&uri, "resync", "n9"), address).await;
    assert_eq!((unknown.code(), unknown.get("Allow-Events").is_empty()), (489, false));
    assert_eq!(stranger.ask(&stranger.request("OPTIONS", &uri, "o1"), address).await.code(), 200);
    assert_eq!(count(&building.log(mac(1)), left), 0);
}

#[tokio::test]
async fn a_challenging_phone_wants_the_password_of_its_line() {
    let building = building(vec![PhoneSpec { challenges: true, ..snom(1) }]).await;
    let (uri, address) = contact(&building, "2001");
    let stranger = Stranger::new().await;
    let challenge = stranger.ask(&stranger.notify(&uri, "reboot", "n1"), address).await;
    assert_eq!(challenge.code(), 401);
    let with =
        |secret| answer_challenge(challenge.get("WWW-Authenticate"), "NOTIFY", &uri, "2001", secret, "c0");
    let wrong = stranger.notify(&uri, "reboot", "n2").with("Authorization", with("guess"));
    assert_eq!(stranger.ask(&wrong, address).await.code(), 401);
    let right = stranger.notify(&uri, "reboot", "n3").with("Authorization", with("secret-2001"));
    assert_eq!(stranger.ask(&right, address).await.code(), 200);
    until(&building, 1, 1, left).await;
}

#[tokio::test]
async fn a_copy_is_answered_from_memory_and_taken_for_new_after_the_reboot() {
    let mut phone = snom(1);
    // The same Contact, so that a late copy still reaches this boot.
    phone.same_contact = true;
    let building = building(vec![phone, snom(2)]).await;
    building.call("2001", "2002", TimeDelta::minutes(5)).unwrap();
    until(&building, 1, 1, |what| matches!(what, What::CallBegan { .. })).await;
    let (uri, address) = contact(&building, "2001");
    let stranger = Stranger::new().await;
    let notify = stranger.notify(&uri, "reboot", "n1");
    let first = stranger.ask(&notify, address).await;
    assert_eq!(stranger.ask(&notify, address).await, first, "the same answer to the byte");
    until(&building, 1, 2, registered).await;
    assert_eq!(count(&building.log(mac(1)), left), 1, "executed once");

    assert_eq!(stranger.ask(&notify, address).await.code(), 200);
    until(&building, 1, 2, left).await;
    let copies: Vec<bool> = building
        .log(mac(1))
        .iter()
        .filter_map(|line| match line.what {
            What::Notify { copy, .. } => Some(copy),
            _ => None,
        })
        .collect();
    assert_eq!(copies, [false, true, false]);
}

#[tokio::test]
async fn misfits_do_as_their_name_says() {
    let building = building(vec![
        snom(1).with_misfit(Misfit::Refuses(403)),
        snom(2).with_misfit(Misfit::NeverLeaves),
        snom(3).with_misfit(Misfit::NeverReturns),
        snom(4).with_misfit(Misfit::LosesOks(1)),
        snom(5).with_misfit(Misfit::RebootsItself { after: TimeDelta::minutes(2) }),
        snom(6).with_misfit(Misfit::SilentFor(TimeDelta::days(9))),
    ])
    .await;
    let stranger = Stranger::new().await;
    let notify = |user: &str| {
        let (uri, address) = contact(&building, user);
        (stranger.notify(&uri, "reboot", &format!("n-{user}")), address)
    };
    let (packet, address) = notify("2001");
    assert_eq!(stranger.ask(&packet, address).await.code(), 403);
    let (packet, address) = notify("2002");
    assert_eq!(stranger.ask(&packet, address).await.code(), 200);
    let (packet, address) = notify("2006");
    stranger.send(&packet, address).await;
    until(&building, 6, 1, |what| matches!(what, What::Notify { .. })).await;
    let (packet, address) = notify("2004");
    stranger.send(&packet, address).await;
    until(&building, 4, 2, registered).await;
    let (packet, address) = notify("2003");
    assert_eq!(
        stranger.ask(&packet, address).await.get("Call-ID"),
        "n-2003",
        "nothing came of 2004 and 2006"
    );
    until(&building, 5, 2, registered).await;
    assert_eq!(count(&building.log(mac(5)), |w| *w == What::RebootBegan { cause: Cause::Itself }), 1);
    for (n, reboots, registrations) in [(1, 0, 1), (2, 0, 1), (3, 1, 1), (4, 1, 2), (6, 0, 1)] {
        let log = building.log(mac(n));
        assert_eq!((count(&log, left), count(&log, registered)), (reboots, registrations), "{n}: {log:#?}");
    }
}

// ----------------------------------------------------------------------------------- its dialogs

#[tokio::test]
async fn a_phone_tells_about_its_dialogs_unless_the_building_lies() {
    let building = building(vec![snom(1), snom(2)]).await;
    let (uri, address) = contact(&building, "2001");
    let stranger = Stranger::new().await;
    let subscribe = |id: &str| {
        let request = stranger.request("SUBSCRIBE", &uri, id).with("Event", "dialog");
        request.with("Expires", "0").with("Accept", "application/dialog-info+xml")
    };
    let document = async |id: &str| {
        assert_eq!(stranger.ask(&subscribe(id), address).await.code(), 200);
        let notify = stranger.receive().await;
        assert_eq!((notify.method(), notify.get("Call-ID")), ("NOTIFY", id));
        assert!(notify.get("Subscription-State").starts_with("terminated"));
        stranger.send(&Packet::answer(&notify, 200, "OK", "t"), address).await;
        notify.body
    };
    let idle = document("s1").await;
    assert!(idle.contains("state=\"full\"") && !idle.contains("<dialog "), "{idle}");
    building.call("2001", "2002", TimeDelta::hours(1)).unwrap();
    until(&building, 1, 1, |what| matches!(what, What::CallBegan { .. })).await;
    let busy = document("s2").await;
    assert!(busy.contains("<state>confirmed</state>"), "{busy}");
    building.lie_idle(true);
    assert_eq!(stranger.ask(&subscribe("s3"), address).await.code(), 489);
}

// ------------------------------------------------------------------------------------------ AMI

/// An AMI client that reads blocks.
struct Ami {
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

    async fn logged_in(building: &Building) -> Self {
        let mut ami = Self::connect(building).await;
        let (user, secret) = building.ami_account();
        let answer =
            ami.ask(&["Action: Login", &format!("Username: {user}"), &format!("Secret: {secret}")]).await;
        assert_eq!(answer["Message"], "Authentication accepted");
        ami
    }

    async fn ask(&mut self, action: &[&str]) -> Block {
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
async fn a_restart_drops_the_ami_and_forgets_nothing() {
    let building = building(vec![snom(1)]).await;
    let mut ami = Ami::logged_in(&building).await;
    building.pbx().restart();
    while ami.block().await.is_some() {}
    let mut again = Ami::logged_in(&building).await;
    assert_eq!(again.list("PJSIPShowContacts", "ContactListComplete").await.len(), 1);
}

// ----------------------------------------------------------------------------------------- calls

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

// --------------------------------------------------------------------------------------- updates

/// A settings server as small as can be; it writes down what was asked for.
struct Stub {
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    async fn new(image: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let stub = Self { base: base.clone(), asked: Arc::clone(&asked) };
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let (base, asked) = (base.clone(), Arc::clone(&asked));
                tokio::spawn(async move { Self::serve(stream, peer.ip(), &base, &asked, image).await });
            }
        });
        stub
    }

    async fn serve(
        mut stream: TcpStream,
        peer: IpAddr,
        base: &str,
        asked: &Mutex<Vec<String>>,
        image: usize,
    ) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap();
        let field = |name: &str| {
            let of = |line: &str| line.to_ascii_lowercase().strip_prefix(name).map(str::to_owned);
            head.lines().find_map(of).unwrap_or_default()
        };
        let (range, agent) = (field("range: "), field("user-agent: "));
        asked.lock().unwrap().push(format!("{peer} {path} {range} {agent}"));
        let file = format!("/fw/snomD785-{NEW}-SIP-r.bin");
        let (status, body) = if path.ends_with(".htm") {
            let settings = format!(
                "<settings><phone-settings><firmware_status perm=\"R\">{base}/fw.xml</firmware_status>\
                 <update_policy perm=\"R\">auto_update</update_policy></phone-settings></settings>"
            );
            ("200 OK".to_owned(), settings.into_bytes())
        } else if path == "/fw.xml" {
            let xml =
                format!("<firmware-settings><firmware perm=\"\">{base}{file}</firmware></firmware-settings>");
            ("200 OK".to_owned(), xml.into_bytes())
        } else {
            let from = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0);
            let status = match from {
                0 => "200 OK".to_owned(),
                _ => format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{image}", image - 1),
            };
            (status, vec![0x5a; image - from])
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        // The phone may break off.
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&body).await;
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The kinds of line, in their order.
fn story(log: &[LogLine]) -> Vec<&'static str> {
    log.iter()
        .map(|line| match &line.what {
            What::Notify { .. } => "notify",
            What::Answered { .. } => "answered",
            What::RebootBegan { .. } => "reboot",
            What::BootDone { version } if version == NEW => "boot new",
            What::BootDone { .. } => "boot old",
            What::SettingsAsked { .. } => "settings",
            What::FirmwareOffered { .. } => "offer",
            What::ImageBegan { from: 0 } => "image",
            What::ImageBegan { .. } => "resume",
            What::ImageBroke { .. } => "broke",
            What::ImageComplete { .. } => "complete",
            What::ImageRejected => "rejected",
            What::Flashed { .. } => "flashed",
            What::Registered => "registered",
            _ => "other",
        })
        .collect()
}

async fn rebooted_towards(stub: &Stub, phone: PhoneSpec, registrations: usize) -> Building {
    let building = building(vec![phone]).await;
    building.point_at_depot(Some(&stub.base));
    let (uri, address) = contact(&building, "2001");
    let stranger = Stranger::new().await;
    assert_eq!(stranger.ask(&stranger.notify(&uri, "reboot", "n1"), address).await.code(), 200);
    until(&building, 1, registrations, registered).await;
    building
}

#[tokio::test]
async fn a_snom_updates_in_two_boots_and_shows_its_new_version() {
    let stub = Stub::new(100_000).await;
    let building = rebooted_towards(&stub, snom(1), 2).await;
    assert_eq!(
        story(&building.log(mac(1))),
        [
            "boot old",
            "registered",
            "notify",
            "answered",
            "reboot",
            "boot old",
            "settings",
            "offer",
            "image",
            "complete",
            "flashed",
            "reboot",
            "boot new",
            "settings",
            "registered"
        ]
    );
    let stranger = Stranger::new().await;
    let (uri, address) = contact(&building, "2001");
    let answer = stranger.ask(&stranger.request("OPTIONS", &uri, "o1"), address).await;
    assert_eq!(answer.get("User-Agent"), format!("snomD785/{NEW}"));
    let asked = stub.asked();
    assert_eq!(asked.len(), 5, "{asked:#?}");
    assert!(asked[0].starts_with("127.51.0.1 /snomD785-000413510001.htm"), "{}", asked[0]);
    assert!(asked[0].contains("snomd785-sip 10.1.64.14 2010.12-00004 000413510001"), "{}", asked[0]);
    assert!(asked[3].contains(&format!("snomd785-sip {NEW}")), "{}", asked[3]);
}

#[tokio::test]
async fn the_old_version_may_be_seen_once_more_before_the_download() {
    let stub = Stub::new(100_000).await;
    let building = rebooted_towards(&stub, PhoneSpec { two_boots_visible: true, ..snom(1) }, 3).await;
    assert_eq!(
        story(&building.log(mac(1)))[4..],
        [
            "reboot",
            "boot old",
            "settings",
            "offer",
            "registered",
            "image",
            "complete",
            "flashed",
            "reboot",
            "boot new",
            "settings",
            "registered"
        ]
    );
}

#[tokio::test]
async fn a_broken_download_is_resumed_where_it_broke() {
    let stub = Stub::new(3_000_000).await;
    let building = rebooted_towards(&stub, snom(1).with_misfit(Misfit::BreaksDownload), 2).await;
    let log = building.log(mac(1));
    assert_eq!(
        story(&log)[7..],
        [
            "offer",
            "image",
            "broke",
            "resume",
            "complete",
            "flashed",
            "reboot",
            "boot new",
            "settings",
            "registered"
        ]
    );
    let broke = log.iter().find_map(|line| match line.what {
        What::ImageBroke { at } => Some(at),
        _ => None,
    });
    let resumed = log.iter().rev().find_map(|line| match line.what {
        What::ImageBegan { from } => Some(from),
        _ => None,
    });
    assert_eq!(broke, resumed);
    assert_eq!(count(&log, |what| *what == What::ImageComplete { bytes: 3_000_000 }), 1);
}

#[tokio::test]
async fn some_phones_stay_on_their_old_version() {
    for (misfit, end) in [
        (Misfit::ReturnsOld, vec!["offer", "registered"]),
        (Misfit::RejectsImage, vec!["offer", "image", "complete", "rejected", "registered"]),
    ] {
        let stub = Stub::new(1000).await;
        let building = rebooted_towards(&stub, snom(1).with_misfit(misfit), 2).await;
        assert_eq!(story(&building.log(mac(1)))[7..], end, "{misfit:?}");
    }
}

#[tokio::test]
async fn without_a_depot_that_answers_a_phone_still_comes_up() {
    let building = building(vec![snom(1)]).await;
    building.point_at_depot(Some("http://127.0.0.1:1"));
    building.phone("2001").unwrap().power_cycle();
    until(&building, 1, 2, registered).await;
    assert_eq!(count(&building.log(mac(1)), |what| *what == What::SettingsAsked { status: 0 }), 1);
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
