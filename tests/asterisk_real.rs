//! A real Asterisk on loopback: watched through our adapter alone here, and by the whole daemon in the modules.

mod doubles;
mod groups;
mod night;
mod restart;
mod through_pbx;
mod vanished;
mod yard;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use sipherd::domain::phone::CallState;
use sipherd::domain::trip::Notice;
use sipherd::pbx::asterisk::connect;
use sipherd::ports::{NotifyOrder, NotifyOutcome, OrderId, Target};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::support::asterisk::Asterisk;
use crate::support::handset::{Handset, header};
use crate::support::news::News;
use crate::support::peers;

const AGENT: &str = "snomD785/10.1.64.14";

async fn handset(asterisk: &Asterisk, user: &str) -> Handset {
    Handset::new(asterisk.sip, user, &Asterisk::password(user)).await
}

/// SIPp calls with an account and talks for so many milliseconds.
fn call(sipp: &Path, scratch: &Path, pbx: SocketAddr, user: &str, service: &str, talk: u32) -> Child {
    let accounts = scratch.join(format!("{user}.csv"));
    let row = format!("{user};[authentication username={user} password={}]", Asterisk::password(user));
    std::fs::write(&accounts, format!("SEQUENTIAL\n{row}\n")).unwrap();
    Command::new(sipp)
        .arg(pbx.to_string())
        .args(["-sf", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/call.xml")])
        .args(["-i", "127.0.0.1", "-m", "1", "-l", "1", "-nostdin", "-timeout", "90s", "-s", service])
        .args(["-d", &talk.to_string(), "-inf"])
        .arg(accounts)
        .current_dir(scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_registration_a_call_and_a_return_with_the_same_contact_are_seen() {
    let Some([program, sipp]) = peers::require(["asterisk", "sipp"]) else { return };
    let asterisk = Asterisk::start(&program, 3).await;
    let (events, mut news) = News::channel();
    let pbx = connect(asterisk.settings(), events, CancellationToken::new());
    let (line, other) = (Asterisk::line("1001"), Asterisk::line("1002"));

    let picture = news.picture().await;
    assert_eq!(picture.contacts, vec![], "asterisk calls an empty list an error");
    assert!(picture.calls.contains(&(line.clone(), CallState::Offline)), "{:?}", picture.calls);

    let mut phone = handset(&asterisk, "1001").await;
    phone.register("first-boot", AGENT, 300).await;
    let seen = news.contacts(&line).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(*seen[0].uri, *phone.contact());
    assert_eq!(seen[0].call_id.as_deref(), Some("first-boot"));
    assert_eq!(seen[0].user_agent.as_deref(), Some(AGENT));
    assert!(seen[0].source.is_some_and(|source| phone.contact().contains(&source.to_string())));
    assert!(seen[0].expires.is_some());
    let now = pbx.confirm(vec![line.clone(), other.clone()]).await.unwrap();
    let now: [_; 2] = now.try_into().unwrap();
    assert_eq!(now.map(|line| line.calls), [CallState::Idle, CallState::Offline]);

    // A phone that boots and comes back with the Contact it had: no event, and Asterisk 22 keeps the Call-ID of the
    // first REGISTER. Only the User-Agent and the expiry tell.
    phone.register("second-boot", "snomD785/10.1.198", 600).await;
    pbx.refresh();
    let back = news.contacts(&line).await;
    assert_eq!(back[0].uri, seen[0].uri);
    assert_eq!(back[0].call_id, seen[0].call_id);
    assert_eq!(back[0].user_agent.as_deref(), Some("snomD785/10.1.198"));
    assert!(back[0].expires > seen[0].expires);

    let scratch = tempfile::tempdir().unwrap();
    let mut talk = call(&sipp, scratch.path(), asterisk.sip, "1001", "600", 2000);
    news.calls(&line, CallState::Talking).await;
    let now = pbx.confirm(vec![other, line.clone()]).await.unwrap();
    let now: [_; 2] = now.try_into().unwrap();
    assert_eq!(now.map(|line| line.calls), [CallState::Offline, CallState::Talking]);
    news.calls(&line, CallState::Idle).await;
    assert!(talk.wait().await.unwrap().success(), "SIPp is content with its call");

    phone.register("second-boot", AGENT, 0).await;
    assert_eq!(news.contacts(&line).await, []);
}

#[tokio::test]
async fn a_restarted_asterisk_is_lost_and_found_with_its_contacts() {
    let Some([program]) = peers::require(["asterisk"]) else { return };
    let mut asterisk = Asterisk::start(&program, 3).await;
    let mut phone = handset(&asterisk, "1002").await;
    phone.register("boot", AGENT, 300).await;
    let (events, mut news) = News::channel();
    let pbx = connect(asterisk.settings(), events, CancellationToken::new());
    let before = news.picture().await;
    assert_eq!(before.contacts.len(), 1);

    asterisk.stop().await;
    news.lost().await;
    assert!(pbx.confirm(vec![Asterisk::line("1002")]).await.is_err());
    asterisk.restart().await;
    assert_eq!(news.picture().await.contacts, before.contacts);
    news.fresh().await;
}

#[tokio::test]
async fn a_notify_through_asterisk_reaches_the_contact_with_its_event() {
    let Some([program]) = peers::require(["asterisk"]) else { return };
    let asterisk = Asterisk::start(&program, 3).await;
    let mut phone = handset(&asterisk, "1003").await;
    phone.register("boot", AGENT, 300).await;
    let (events, mut news) = News::channel();
    let pbx = connect(asterisk.settings(), events, CancellationToken::new());
    let (line, contact) = news.picture().await.contacts.remove(0);

    let notice = Notice::event("check-sync;reboot=true");
    let order = NotifyOrder {
        id: OrderId(1),
        target: Target { line, contact },
        notice,
        copies_for: std::time::Duration::ZERO,
    };
    let (outcome, request) = tokio::join!(pbx.notify_through(order.clone()), phone.notify());
    assert_eq!(outcome, NotifyOutcome::Blind);
    assert!(request.starts_with(&format!("NOTIFY {} SIP/2.0\r\n", phone.contact())), "{request}");
    assert_eq!(header(&request, "Event"), Some("check-sync;reboot=true"));
    assert_eq!(header(&request, "Subscription-State"), Some("terminated"));

    let body = "action=restart\nRegisterCallId={}\n".to_owned();
    let notice = Notice { body: Some(("text/plain".into(), body)), ..Notice::event("service-control") };
    let (outcome, request) =
        tokio::join!(pbx.notify_through(NotifyOrder { notice, ..order }), phone.notify());
    assert_eq!(outcome, NotifyOutcome::Blind);
    assert_eq!(header(&request, "Content-Type"), Some("text/plain"));
    assert!(request.contains("\r\n\r\naction=restart\r\nRegisterCallId={}"), "{request}");
}
