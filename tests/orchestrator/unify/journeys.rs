//! Phones that are asked to call: updates, restarts, refusals, calls in the way.

use chrono::TimeDelta;
use sipherd::sim::{Cause, Misfit, PhoneSpec, What};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::site::{House, boots, count, user};
use super::{NEW, Night, OLD, REBOOT, Setup, UPDATE, made, openstage, policy, stage};

fn contacts(log: &[sipherd::sim::LogLine]) -> usize {
    count(log, |what| *what == What::ContactMe)
}

#[tokio::test]
async fn a_phone_calls_loads_its_image_and_is_believed_when_it_starts_with_it() {
    let house = House(36);
    let phones = vec![
        openstage(house, 1),
        // It registers first and calls then, and tells its items in parts.
        made(openstage(house, 2), |make| {
            make.starts_late = Some(TimeDelta::seconds(5));
            make.in_parts = true;
        }),
        openstage(house, 3).with_misfit(Misfit::BreaksDownload),
    ];
    let night =
        Night::begin(house, phones, &policy(UPDATE, "[pace]\ndown_at_once = 3\n"), Setup::default()).await;
    for n in [1, 2, 3] {
        let phone = night.daemon.state(&user(n), "verified").await;
        // Its first start, the call it was asked for, and its start with the image.
        night.conversations(n, 3).await;
        assert_eq!(phone.version.unwrap().to_string(), "V1 R5.6.0");
        let log = night.log(n);
        assert_eq!(
            (contacts(&log), count(&log, |what| *what == What::RebootBegan { cause: Cause::Update })),
            (1, 1)
        );
        assert_eq!(count(&log, |what| *what == What::Flashed { version: NEW.into() }), 1, "{log:#?}");
        assert_eq!(
            count(&log, |what| matches!(what, What::ImageBroke { .. })),
            usize::from(n == 3),
            "{log:#?}"
        );
    }
    assert_eq!(
        night.said(1),
        ["ReadItems", "SoftwareDeployment", "CleanUp", "ReadItems", "CleanUp"],
        "asked to call, told what, and asked again once it has started: {:#?}",
        night.log(1)
    );
    assert_eq!(night.said(2)[..4], ["ReadItems", "GetNextFragment", "SoftwareDeployment", "CleanUp"]);
    let kinds = night.kinds(1).await;
    for kind in ["asked", "accepted", "ordered", "fetching", "flashing", "away", "verified"] {
        assert!(kinds.iter().any(|known| known == kind), "{kind} in {kinds:?}");
    }
    night.end().await;
}

#[tokio::test]
async fn all_of_it_goes_over_tls_as_well() {
    let house = House(37);
    let setup = Setup { secure: true, ..Setup::default() };
    let night = Night::begin(house, vec![openstage(house, 1)], &policy(UPDATE, ""), setup).await;
    night.daemon.state(&user(1), "verified").await;
    assert_eq!(night.said(1)[1], "SoftwareDeployment");
    night.end().await;
}

#[tokio::test]
async fn a_restart_is_a_restart_and_no_more() {
    let house = House(38);
    let night = Night::begin(house, vec![openstage(house, 1)], &policy(REBOOT, ""), Setup::default()).await;
    night.daemon.state(&user(1), "rebooted").await;
    night.conversations(1, 2).await;
    assert_eq!(night.said(1)[..3], ["ReadItems", "Restart", "CleanUp"], "{:#?}", night.log(1));
    let log = night.log(1);
    assert_eq!(count(&log, |what| *what == What::RebootBegan { cause: Cause::ByService }), 1);
    assert_eq!(contacts(&log), 1, "no second contact");
    night.end().await;
}

#[tokio::test]
async fn a_phone_that_does_not_take_contact_me_is_refused_and_told_of() {
    let house = House(39);
    let phones = vec![openstage(house, 1).with_misfit(Misfit::Refuses(404))];
    let retry = "[retry]\nattempts = 1\n";
    let night = Night::begin(house, phones, &policy(UPDATE, retry), Setup::default()).await;
    let phone = night.daemon.state(&user(1), "failed").await;
    assert!(phone.detail.contains("refused with 404"), "{}", phone.detail);
    assert_eq!(boots(&night.log(1)), 1, "its own, when it was switched on");
    night.end().await;
}

#[tokio::test]
async fn a_phone_that_runs_the_version_already_is_left_alone() {
    let house = House(41);
    let phones = vec![PhoneSpec { version: NEW.into(), ..openstage(house, 1) }];
    let night = Night::begin(house, phones, &policy(UPDATE, ""), Setup::default()).await;
    let held = night.daemon.phone(&user(1), |phone| phone.detail.contains("already")).await;
    assert_eq!(held.detail, "runs V1 R5.6.0 already", "two spellings, one version");
    assert_eq!(contacts(&night.log(1)), 0);
    night.end().await;
}

#[tokio::test]
async fn a_phone_in_a_call_says_so_and_calls_again_when_that_has_ended() {
    let house = House(42);
    let left_to_it = format!("[select]\nline = \"2001\"\n{UPDATE}{}[idle]\nby = \"phone\"\n", super::ALWAYS);
    let night = Night::begin(
        house,
        vec![openstage(house, 1), openstage(house, 2)],
        "about = \"none\"\n[select]\nline = \"2001\"\n[stage]\nrelease = \"unify-new\"\n",
        Setup::default(),
    )
    .await;
    night
        .until(1, |log| {
            log.iter().any(|line| matches!(&line.what, What::ServiceSaid { action } if action == "CleanUp"))
        })
        .await;
    let registered = |what: &What| *what == What::Registered;
    for n in [1, 2] {
        night.until(n, |log| count(log, registered) >= 2).await;
    }
    night.building.call("2001", "2002", TimeDelta::minutes(12)).unwrap();
    night.until(1, |log| count(log, |what| matches!(what, What::CallBegan { .. })) == 1).await;
    night.site.write("policies/night.toml", &left_to_it);
    night.daemon.control.reload().await.unwrap();
    night.daemon.state(&user(1), "verified").await;
    let log = night.log(1);
    let place = |wanted: &dyn Fn(&What) -> bool| log.iter().position(|line| wanted(&line.what)).unwrap();
    let ended = place(&|what| matches!(what, What::CallEnded { .. }));
    let began = place(&|what| matches!(what, What::ImageBegan { .. }));
    assert!(ended < began, "{log:#?}");
    assert_eq!(count(&log, |what| matches!(what, What::CallCut { .. })), 0);
    assert_eq!(contacts(&log), 1, "it called again by itself");
    let said = night.said(1);
    assert_eq!(said.iter().filter(|action| *action == "SoftwareDeployment").count(), 2, "{said:?}");
    assert!(night.daemon.history(house.mac(1)).await.iter().any(|(_, text)| text.contains("busy")));
    night.end().await;
}

#[tokio::test]
async fn an_old_phone_goes_by_a_stepping_stone() {
    let house = House(43);
    let to_stone = format!(
        "[select]\nversion = \"< 1.5\"\n[update]\nrelease = \"unify-stone\"\n{}[idle]\nquiet = \"0s\"\n",
        super::ALWAYS
    );
    let setup = Setup {
        image: "hardware = [\"2\"]\nfrom_at_least = \"1.5\"",
        starts_anew: false,
        ..Setup::default()
    };
    let further =
        format!("[select]\nversion = \">= 1.5\"\n{UPDATE}{}[idle]\nquiet = \"0s\"\n", super::ALWAYS);
    let night = Night::begin(house, vec![openstage(house, 1)], &further, setup).await;
    stage(&night.site, "unify-stone", "1.5.0.0", Setup::default());
    night.site.write("policies/stone.toml", &to_stone);
    night.daemon.control.reload().await.unwrap();
    night.building.phone(&user(1)).unwrap().power_cycle();
    let new = |phone: &sipherd::ports::PhoneView| {
        phone.state == "verified"
            && phone.version.as_ref().is_some_and(|version| version.to_string() == "V1 R5.6.0")
    };
    night.daemon.phone(&user(1), new).await;
    let flashed: Vec<String> = night
        .log(1)
        .into_iter()
        .filter_map(|line| match line.what {
            What::Flashed { version } => Some(version),
            _ => None,
        })
        .collect();
    assert_eq!(flashed, ["1.5.0.0", NEW]);
    night.end().await;
}

#[tokio::test]
async fn a_resync_lets_a_phone_tell_what_it_is() {
    let house = House(44);
    let setup = Setup { starts_anew: false, ..Setup::default() };
    let night = Night::begin(house, vec![openstage(house, 1)], &policy("[resync]\n", ""), setup).await;
    let phone = night.daemon.state(&user(1), "resynced").await;
    assert_eq!(phone.version.unwrap().to_string(), "V1 R4.9.0");
    night.conversations(1, 1).await;
    let log = night.log(1);
    assert_eq!((contacts(&log), boots(&log)), (1, 0));
    assert_eq!(night.said(1), ["ReadItems", "CleanUp"]);
    assert_eq!(OLD, "1.4.9.0");
    night.end().await;
}

#[tokio::test]
async fn what_is_plugged_in_makes_a_phone_tell_what_it_is() {
    let house = House(219);
    let setup = Setup { starts_anew: false, ..Setup::default() };
    let phone = made(openstage(house, 1), |make| make.inventory_changes = Some(TimeDelta::minutes(20)));
    let night = Night::begin(house, vec![phone], &policy(UPDATE, ""), setup).await;
    let held =
        night.daemon.phone(&user(1), |phone| phone.detail.contains("hardware level is not known yet")).await;
    assert!(held.version.is_none());
    night.daemon.state(&user(1), "verified").await;
    let log = night.log(1);
    let called = |wanted: &str| {
        count(&log, |what| matches!(what, What::ServiceCalled { reason, status: 200 } if reason == wanted))
    };
    assert!(called("inventory-changes") >= 1, "{log:#?}");
    assert_eq!((contacts(&log), called("solicited")), (1, 1), "{log:#?}");
    night.end().await;
}

#[tokio::test]
async fn a_phone_that_takes_its_order_and_stays_is_a_failure() {
    let house = House(45);
    let phones = vec![openstage(house, 1).with_misfit(Misfit::NeverLeaves)];
    let night =
        Night::begin(house, phones, &policy(REBOOT, "[retry]\nattempts = 1\n"), Setup::default()).await;
    let phone = night.daemon.state(&user(1), "failed").await;
    assert!(phone.detail.contains("was not seen to leave"), "{}", phone.detail);
    night.end().await;
}

/// A file server that is not sipherd's: whatever is asked for is this image.
async fn elsewhere() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/files/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let image = "SIM-BIND hardware=2\nimage";
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{image}", image.len());
            stream.write_all(head.as_bytes()).await.unwrap();
        }
    });
    base
}

#[tokio::test]
async fn an_image_may_come_from_where_the_phones_own_defaults_say() {
    let house = House(46);
    let base = elsewhere().await;
    let phone = made(openstage(house, 1), |make| make.defaults = Some(base));
    let setup = Setup { image: "hardware = [\"2\"]\nuse_defaults = true", ..Setup::default() };
    let night = Night::begin(house, vec![phone], &policy(UPDATE, ""), setup).await;
    night.daemon.state(&user(1), "verified").await;
    assert!(!night.kinds(1).await.contains(&"fetching".to_owned()), "sipherd saw nothing of the download");
    night.end().await;
}

/// The depot speaks FTP too, and images are loaded by it.
async fn by_ftp(house: House, phones: Vec<PhoneSpec>, retry: &str) -> Night {
    let free = std::net::TcpListener::bind(std::net::SocketAddr::new(house.ip(250), 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let keys =
        format!("images = \"ftp\"\n[depot.ftp]\nlisten = \"{free}\"\npassive_ports = \"54000-54199\"\n");
    Night::begin(house, phones, &policy(UPDATE, retry), Setup { keys: &keys, ..Setup::default() }).await
}

#[tokio::test]
async fn an_image_is_loaded_by_ftp_with_an_account_of_the_phones_own() {
    let house = House(217);
    let phones = vec![openstage(house, 1), openstage(house, 2).with_misfit(Misfit::BreaksDownload)];
    let night = by_ftp(house, phones, "[pace]\ndown_at_once = 2\n").await;
    for n in [1, 2] {
        night.daemon.state(&user(n), "verified").await;
        let kinds = night.kinds(n).await;
        assert!(
            kinds.contains(&"fetching".to_owned()) && kinds.contains(&"flashing".to_owned()),
            "{kinds:?}"
        );
    }
    assert_eq!(count(&night.log(2), |what| matches!(what, What::ImageBroke { .. })), 1);
    night.end().await;
}

#[tokio::test]
async fn a_phone_that_gets_nothing_by_ftp_says_so_and_is_no_rejected_image() {
    let house = House(218);
    let phone = made(openstage(house, 1), |make| make.no_ftp = true);
    let night = by_ftp(house, vec![phone], "[retry]\nattempts = 1\n").await;
    let failed = night.daemon.state(&user(1), "failed").await;
    assert!(failed.detail.contains("it did not deploy unify-new-1.5.6.0.img: failed"), "{}", failed.detail);
    assert_eq!(count(&night.log(1), |what| *what == What::UpdateGivenUp), 1);
    night.end().await;
}
