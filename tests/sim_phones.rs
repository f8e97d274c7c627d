//! The simulated phones and pocket PBX, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may say so by panicking")]

mod ami;
mod innovaphone;
mod update;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use sipherd::clock::ScaledClock;
use sipherd::domain::phone::Mac;
use sipherd::sim::diary::CutBy;
use sipherd::sim::wire::{Packet, answer_challenge};
use sipherd::sim::{
    Building, BuildingSpec, Cause, Expectation, Finding, LogLine, Misfit, Outcome, PhoneSpec, Rules, What,
    judge,
};
use tokio::net::UdpSocket;

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
async fn a_phone_reads_its_settings_anew_in_a_call_and_does_not_reboot() {
    let clumsy = snom(3).with_misfit(Misfit::RebootsToResync);
    let building = building(vec![yealink(1), snom(2), clumsy]).await;
    // Nobody answers there; that it asks is what counts.
    building.point_at_depot(Some("http://127.0.0.1:9"));
    building.call("2001", "2002", TimeDelta::minutes(30)).unwrap();
    until(&building, 1, 1, |what| matches!(what, What::CallBegan { .. })).await;
    let stranger = Stranger::new().await;
    for (n, event) in [(1, "check-sync"), (2, "check-sync;reboot=false"), (3, "check-sync;reboot=false")] {
        let (uri, address) = contact(&building, &format!("200{n}"));
        let order = stranger.notify(&uri, event, &format!("n{n}"));
        assert_eq!(stranger.ask(&order, address).await.code(), 200);
        until(&building, n, 1, |what| matches!(what, What::SettingsAsked { .. })).await;
        let log = building.log(mac(n));
        assert_eq!(count(&log, left), usize::from(n == 3), "{log:#?}");
        assert_eq!(count(&log, |what| matches!(what, What::CallCut { .. })), 0, "{log:#?}");
    }
    building.shutdown().await;
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

// ------------------------------------------------------------------------------------- the judge

#[tokio::test]
async fn a_blast_to_everybody_does_not_get_past_the_judge() {
    let phones: Vec<PhoneSpec> = (1..=6).map(yealink).collect();
    let building = building(phones).await;
    building.call("2001", "2002", TimeDelta::hours(2)).unwrap();
    until(&building, 1, 1, |what| matches!(what, What::CallBegan { .. })).await;
    let stranger = Stranger::new().await;
    for n in 1..=6 {
        let (uri, address) = contact(&building, &format!("200{n}"));
        stranger.send(&stranger.notify(&uri, "check-sync;reboot=true", &format!("n{n}")), address).await;
    }
    for n in 1..=6 {
        until(&building, n, 2, registered).await;
    }
    let asked = building.log(mac(3)).iter().find(|line| left(&line.what)).unwrap().at;
    let expected = (1..=6).map(|n| (mac(n), Expectation::once(Outcome::Rebooted))).collect();
    let mut rules = Rules {
        windows: vec![(asked - TimeDelta::hours(1), asked + TimeDelta::hours(1))],
        slack: TimeDelta::seconds(10),
        down_at_once: 6,
        gap: TimeDelta::minutes(5),
        expected,
        special: std::collections::BTreeSet::new(),
    };
    let judgement = judge(&building.logs(), &rules);
    let cut = |finding: &Finding| matches!(finding, Finding::CallInterrupted { .. });
    assert!(!judgement.findings.is_empty() && judgement.findings.iter().all(cut), "{judgement}");
    rules.down_at_once = 1;
    rules.windows.clear();
    let judgement = judge(&building.logs(), &rules);
    let outside = judgement.findings.iter().filter(|f| matches!(f, Finding::OutsideWindow { .. })).count();
    assert_eq!(outside, 6, "{judgement}");
    assert!(judgement.findings.iter().any(|f| matches!(f, Finding::TooManyDown { .. })), "{judgement}");
}
