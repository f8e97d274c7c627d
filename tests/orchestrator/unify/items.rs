//! Settings of phones: read, written where they differ, and believed once they are read back.

use chrono::TimeDelta;
use sipherd::sim::unify::Mode;
use sipherd::sim::{PhoneSpec, What};

use super::super::site::{House, boots, count, user};
use super::doors::{POLLING, document, get, message, post};
use super::{Night, Setup, made, openstage, policy};

/// Two of three settings are to be otherwise than they are; of phones that have told what they run.
const WRITE: &str = "version = \">= 1\"\n\n[write]\nitems = [\n    { name = \"display-skin\", value = \"1\" },\n    \
                     { name = \"line-ring-type\", index = 2, value = \"true\" },\n    \
                     { name = \"date-format\", value = \"0\" },\n]\n";

const ONCE: &str = "[retry]\nattempts = 1\n";

/// A phone with these settings and others.
fn phone(house: House, n: u8) -> PhoneSpec {
    made(openstage(house, n), |make| {
        make.settings = [
            ("display-skin", None, "0"),
            ("line-ring-type", Some(1), "false"),
            ("line-ring-type", Some(2), "false"),
            ("date-format", None, "0"),
        ]
        .map(|(name, index, value)| (name.to_owned(), index, value.to_owned()))
        .into();
    })
}

fn written(log: &[sipherd::sim::LogLine]) -> Vec<usize> {
    let items = log.iter().filter_map(|line| match line.what {
        What::SettingsWritten { items } => Some(items),
        _ => None,
    });
    items.collect()
}

#[tokio::test]
async fn settings_are_written_where_they_differ_and_read_back() {
    let house = House(226);
    let night = Night::begin(house, vec![phone(house, 1)], &policy(WRITE, ""), Setup::default()).await;
    let done = night.daemon.state(&user(1), "written").await;
    assert!(done.detail.starts_with("has its settings in this window already ("), "{}", done.detail);
    night.conversations(1, 2).await;
    // Who it is, what its settings are, what they are to be, and what they are then.
    assert_eq!(night.said(1), ["ReadItems", "ReadItems", "WriteItems", "ReadItems", "CleanUp"]);
    let log = night.log(1);
    assert_eq!((written(&log), boots(&log)), (vec![2], 1), "no reboot but its own: {log:#?}");
    let history = night.daemon.history(house.mac(1)).await;
    let texts: Vec<&str> = history.iter().map(|(_, text)| text.as_str()).collect();
    assert!(texts.contains(&"2 settings were written and read back"), "{texts:?}");
    assert!(texts.contains(&"is asked for 3 of its settings"), "{texts:?}");
    let metrics = night.daemon.control.metrics().await.unwrap();
    assert!(metrics.contains("sipherd_trips_total{what=\"written\"} 1"), "{metrics}");
    let why = night.site.prints(&["why", "2001"]).await;
    assert!(why.contains("has its settings in this window already"), "{why}");
    night.end().await;
}

#[tokio::test]
async fn a_phone_that_has_its_settings_is_written_nothing() {
    let house = House(227);
    let ready = made(phone(house, 1), |make| {
        make.settings[0].2 = "1".to_owned();
        make.settings[2].2 = "true".to_owned();
        make.in_parts = true;
    });
    let night = Night::begin(house, vec![ready], &policy(WRITE, ""), Setup::default()).await;
    night.daemon.state(&user(1), "written").await;
    night.conversations(1, 2).await;
    assert_eq!(
        night.said(1),
        ["ReadItems", "GetNextFragment", "ReadItems", "GetNextFragment", "CleanUp"],
        "it tells its items in parts"
    );
    assert_eq!(written(&night.log(1)), [0; 0]);
    let history = night.daemon.history(house.mac(1)).await;
    assert!(history.iter().any(|(_, text)| text == "had all its settings already, nothing was written"));
    night.end().await;
}

#[tokio::test]
async fn a_phone_in_a_call_is_written_to_once_it_calls_again() {
    let house = House(228);
    let idle = "about = \"none\"\n[select]\nline = \"2001\"\n[stage]\nrelease = \"unify-new\"\n";
    let night = Night::begin(house, vec![phone(house, 1), openstage(house, 2)], idle, Setup::default()).await;
    let registered = |what: &What| *what == What::Registered;
    night.conversations(1, 1).await;
    for n in [1, 2] {
        night.until(n, |log| count(log, registered) >= 2).await;
    }
    night.building.call("2001", "2002", TimeDelta::minutes(12)).unwrap();
    night.until(1, |log| count(log, |what| matches!(what, What::CallBegan { .. })) == 1).await;
    let left_to_it =
        format!("[select]\nline = \"2001\"\n{WRITE}{}[idle]\nby = \"phone\"\n", super::super::site::ALWAYS);
    night.site.write("policies/night.toml", &left_to_it);
    night.daemon.control.reload().await.unwrap();
    night.daemon.state(&user(1), "written").await;
    let log = night.log(1);
    let place = |wanted: &dyn Fn(&What) -> bool| log.iter().position(|line| wanted(&line.what)).unwrap();
    let ended = place(&|what| matches!(what, What::CallEnded { .. }));
    assert!(ended < place(&|what| matches!(what, What::SettingsWritten { .. })), "{log:#?}");
    assert_eq!(count(&log, |what| *what == What::ContactMe), 1, "it called again by itself");
    assert_eq!(count(&log, |what| matches!(what, What::CallCut { .. })), 0);
    assert_eq!(night.said(1).iter().filter(|action| *action == "WriteItems").count(), 2);
    let history = night.daemon.history(house.mac(1)).await;
    assert!(history.iter().any(|(_, text)| text.contains("it is busy: WriteItems has to wait")));
    night.end().await;
}

/// What is told of a phone made so, and how often it was written to.
async fn fails(house: House, phone: PhoneSpec) -> (String, Vec<usize>) {
    let night = Night::begin(house, vec![phone], &policy(WRITE, ONCE), Setup::default()).await;
    let failed = night.daemon.state(&user(1), "failed").await;
    let written = written(&night.log(1));
    night.end().await;
    (failed.detail, written)
}

#[tokio::test]
async fn a_phone_that_refuses_a_setting_is_told_of() {
    let house = House(229);
    let phone = made(phone(house, 1), |make| make.read_only = vec!["display-skin".into()]);
    let (detail, written) = fails(house, phone).await;
    assert!(detail.starts_with("declined: it said no to WriteItems; "), "{detail}");
    assert_eq!(written, [0; 0]);
}

#[tokio::test]
async fn a_phone_that_says_yes_and_keeps_nothing_is_not_believed() {
    let house = House(230);
    let phone = made(phone(house, 1), |make| make.forgets = vec!["line-ring-type".into()]);
    let (detail, written) = fails(house, phone).await;
    assert_eq!(
        detail,
        "did not keep what was written: line-ring-type[2] is `false`, not `true`; see whether the phone can only tell it, \
         spells the value otherwise, or is set by somebody else as well"
    );
    assert_eq!(written, [1], "the other one it kept");
}

#[tokio::test]
async fn a_phone_that_does_not_know_a_setting_is_written_nothing_at_all() {
    let house = House(231);
    let phone = made(phone(house, 1), |make| drop(make.settings.pop()));
    let (detail, written) = fails(house, phone).await;
    assert!(detail.starts_with("does not know date-format; compare the names"), "{detail}");
    assert_eq!(written, [0; 0]);
}

#[tokio::test]
async fn other_makers_phones_are_held() {
    let house = House(232);
    let night = Night::begin(
        house,
        vec![house.snom(1)],
        &policy(WRITE, ""),
        Setup { starts_anew: false, ..Setup::default() },
    )
    .await;
    let rows = format!("mac,lines,vendor,model\n{},2001,snom,D785\n", house.mac(1));
    night.site.write("phones.csv", &rows);
    night.daemon.control.reload().await.unwrap();
    let held =
        night.daemon.phone(&user(1), |phone| phone.detail == "no profile for items of snom D785").await;
    assert_eq!(held.state, "waiting");
    night.end().await;
}

#[tokio::test]
async fn a_phone_told_by_a_file_is_written_nothing_for_nobody_could_read_it_back() {
    let house = House(233);
    let cp600 = PhoneSpec::unify(house.mac(1), "CP600", super::OLD, &user(1), house.ip(1));
    let phone = made(cp600, |make| {
        make.mode = Mode::Fetches { every: TimeDelta::minutes(2) };
        make.settings = vec![("display-skin".into(), None, "0".into())];
    });
    let setup = Setup { keys: POLLING, columns: "2,outside", model: "CP600", ..Setup::default() };
    let night = Night::begin(house, vec![phone], &policy(WRITE, ONCE), setup).await;
    let failed = night.daemon.state(&user(1), "failed").await;
    assert!(failed.detail.contains("told by a file (DMS), nothing could be read back"), "{}", failed.detail);
    assert_eq!(count(&night.log(1), |what| matches!(what, What::ServiceSaid { .. })), 0);
    night.end().await;
}

#[tokio::test]
async fn each_document_goes_out_byte_for_byte() {
    let house = House(234);
    let idle = "[select]\nline = \"2001\"\n[stage]\nrelease = \"unify-new\"\n";
    let far = made(openstage(house, 1), |make| make.mode = Mode::Polls { every: TimeDelta::days(9) });
    let setup = Setup { keys: POLLING, columns: ",outside", ..Setup::default() };
    let night = Night::begin(house, vec![far], idle, setup).await;
    night.conversations(1, 1).await;
    night.until(1, |log| count(log, |what| *what == What::Registered) >= 2).await;
    night.site.write("policies/night.toml", &policy(WRITE, ""));
    night.daemon.control.reload().await.unwrap();
    let (own, poll) = (house.ip(1), format!("/dcmp/contact-me?device-id={}", house.mac(1)));
    let (head, _) = get(&night, own, &poll, "").await;
    assert!(head.starts_with("HTTP/1.1 202"), "{head}");
    let who = format!(
        "<Item name=\"mac-addr\">{}</Item><Item name=\"device-type\">OpenStage 80</Item>\
         <Item name=\"software-type\">Siemens SIP</Item><Item name=\"software-version\">V1 R4.9.0</Item>\
         <Item name=\"part-number\">S30817-S7403-A101-015</Item>",
        house.mac(1)
    );
    let read = "<Action>ReadItems</Action><ItemList><Item name=\"display-skin\"/><Item name=\"line-ring-type\" index=\"2\"/>\
                <Item name=\"date-format\"/></ItemList>";
    let (_, answer) = post(&night, own, &message("A1", "solicited", &who)).await;
    assert_eq!(answer, document("A1", read));
    let reply = |nonce: &str, action: &str, items: &str| {
        message(nonce, "reply-to", items).replace(
            "<ReasonForContact>",
            &format!("<ReasonForContact status=\"accepted\" action=\"{action}\">"),
        )
    };
    let told = |skin: &str, ring: &str| {
        format!(
            "<Item name=\"display-skin\">{skin}</Item><Item name=\"line-ring-type\" index=\"2\">{ring}</Item>\
             <Item name=\"date-format\">0</Item>"
        )
    };
    let (_, answer) = post(&night, own, &reply("A2", "ReadItems", &told("0", "false"))).await;
    let write = "<Action>WriteItems</Action><ItemList><Item name=\"display-skin\">1</Item>\
                 <Item name=\"line-ring-type\" index=\"2\">true</Item></ItemList>";
    assert_eq!(answer, document("A2", write));
    let (_, answer) = post(&night, own, &reply("A3", "WriteItems", "")).await;
    assert_eq!(answer, document("A3", read));
    let (_, answer) = post(&night, own, &reply("A4", "ReadItems", &told("1", "true"))).await;
    assert_eq!(answer, document("A4", "<Action>CleanUp</Action>"));
    night.daemon.state(&user(1), "written").await;
    let (head, _) = get(&night, own, &poll, "").await;
    assert!(head.starts_with("HTTP/1.1 200"), "once in each opening: {head}");
    night.end().await;
}
