//! A snom through the scenarios that each maker's phones must meet: refusal, wrong hardware, a broken download, nothing
//! to do, a call. Its plain update stands among the journeys, its stepping stones among what only snoms do.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sipherd::clock::ScaledClock;
use sipherd::sim::snom::Make;
use sipherd::sim::{Building, LogLine, Misfit, PhoneSpec, What};

use super::site::{
    ALWAYS, Daemon, FAST, House, LIMIT, NEW, OLD, Site, boots, building, count, friday, orders, user,
};

/// Stages a release of images for the D785: their versions, and further keys of each.
fn stage(site: &Site, images: &[(&str, &str)]) {
    stage_as(site, "snom-new", images);
}

/// The same under another name.
fn stage_as(site: &Site, name: &str, images: &[(&str, &str)]) {
    let source = site.path(&format!("firmware-{name}"));
    // There may be files in it that a key names.
    std::fs::create_dir_all(&source).unwrap();
    let mut manifest = format!("name = \"{name}\"\n");
    for (version, more) in images {
        let file = format!("snomD785-{version}-SIP-r.bin");
        std::fs::write(source.join(&file), version.repeat(5_000)).unwrap();
        write!(
            manifest,
            "\n[[image]]\nfile = \"{file}\"\nvendor = \"snom\"\nmodels = [\"D785\"]\nversion = \"{version}\"\n{more}\n"
        )
        .unwrap();
    }
    std::fs::write(source.join("release.toml"), manifest).unwrap();
    sipherd::depot::add(&site.path("state/releases"), &source, None, &mut |_| {}).unwrap();
}

/// Phone 1 of the house with its hardware level in the inventory, and a daemon that wants to update it to this release.
async fn night(house: House, phone: PhoneSpec, images: &[(&str, &str)]) -> (Site, Building, Daemon) {
    timed(house, phone, images, FAST).await
}

/// The same with these deadlines.
async fn timed(
    house: House,
    phone: PhoneSpec,
    images: &[(&str, &str)],
    timing: &str,
) -> (Site, Building, Daemon) {
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let building = building(clock.clone(), vec![phone]).await;
    let site = Site::new(house);
    stage(&site, images);
    let policy = "[select]\nline = \"*\"\n[update]\nrelease = \"snom-new\"\n";
    site.write("policies/night.toml", &format!("{policy}{ALWAYS}[idle]\nquiet = \"0s\"\n"));
    site.write("phones.csv", &format!("mac,lines,hardware\n{},{},1\n", house.mac(1), user(1)));
    site.settings(&building, "", timing);
    let daemon = site.start(clock, Duration::from_millis(1)).await;
    (site, building, daemon)
}

fn offered(log: &[LogLine]) -> usize {
    count(log, |what| matches!(what, What::FirmwareOffered { .. }))
}

async fn ends(daemon: Daemon, building: Building) {
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_snom_that_refuses_is_told_with_its_status_and_given_nothing() {
    let house = House(90);
    let phone = house.snom(1).with_misfit(Misfit::Refuses(403));
    let (_site, building, daemon) = night(house, phone, &[(NEW, "")]).await;
    let failed = daemon.state(&user(1), "failed").await;
    assert!(failed.detail.starts_with("refused with 403"), "{}", failed.detail);
    let log = building.log(house.mac(1));
    assert_eq!((orders(&log), boots(&log), offered(&log)), (1, 0, 0), "{log:#?}");
    ends(daemon, building).await;
}

#[tokio::test]
async fn a_snom_of_other_hardware_is_held_and_never_asked() {
    let house = House(91);
    let (_site, building, daemon) = night(house, house.snom(1), &[(NEW, "hardware = [\"2\"]")]).await;
    let held = daemon.phone(&user(1), |phone| phone.detail.contains("hardware level 1")).await;
    assert_eq!((held.state.as_str(), &*held.detail), ("waiting", "image does not run on hardware level 1"));
    // It boots by itself, and asks for its settings: nothing is offered then either.
    building.phone(&user(1)).unwrap().power_cycle();
    let again = |log: &[LogLine]| count(log, |what| *what == What::Registered) == 2;
    building.wait(house.mac(1), LIMIT, again).await.unwrap();
    let log = building.log(house.mac(1));
    assert_eq!((orders(&log), offered(&log)), (0, 0), "{log:#?}");
    ends(daemon, building).await;
}

#[tokio::test]
async fn a_snom_that_rejects_the_image_ends_with_a_failure_of_its_own() {
    let house = House(92);
    let phone = house.snom(1).with_misfit(Misfit::RejectsImage);
    let soon = FAST.replace("flash = \"30m\"", "flash = \"5m\"");
    let (_site, building, daemon) = timed(house, phone, &[(NEW, "")], &soon).await;
    let failed = daemon.state(&user(1), "failed").await;
    let log = building.log(house.mac(1));
    assert_eq!(count(&log, |what| *what == What::ImageRejected), 1, "{log:#?}");
    assert_eq!((failed.version.unwrap().to_string().as_str(), boots(&log)), (OLD, 1), "{}", failed.detail);
    ends(daemon, building).await;
}

#[tokio::test]
async fn a_snom_whose_download_breaks_goes_on_where_it_broke() {
    let house = House(93);
    let phone = house.snom(1).with_misfit(Misfit::BreaksDownload);
    let (_site, building, daemon) = night(house, phone, &[(NEW, "")]).await;
    let done = daemon.state(&user(1), "verified").await;
    assert_eq!(done.version.unwrap().to_string(), NEW);
    let log = building.log(house.mac(1));
    let resumed = count(&log, |what| matches!(what, What::ImageBegan { from } if *from > 0));
    let broke = count(&log, |what| matches!(what, What::ImageBroke { .. }));
    assert_eq!((broke, resumed, orders(&log)), (1, 1, 1), "{log:#?}");
    ends(daemon, building).await;
}

#[tokio::test]
async fn a_snom_that_runs_the_version_already_is_left_alone() {
    let house = House(94);
    let phone = PhoneSpec { version: NEW.to_owned(), ..house.snom(1) };
    let (_site, building, daemon) = night(house, phone, &[(NEW, "")]).await;
    let held = daemon.phone(&user(1), |phone| phone.detail.contains("already")).await;
    assert_eq!(held.detail, format!("runs {NEW} already"));
    assert_eq!(orders(&building.log(house.mac(1))), 0);
    ends(daemon, building).await;
}

#[tokio::test]
async fn a_snom_in_a_call_is_updated_after_it() {
    let house = House(95);
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let building = building(clock.clone(), vec![house.snom(1)]).await;
    building.call(&user(1), "600", TimeDelta::minutes(12)).unwrap();
    let began = |log: &[LogLine]| count(log, |what| matches!(what, What::CallBegan { .. })) > 0;
    building.wait(house.mac(1), LIMIT, began).await.unwrap();
    let site = Site::new(house);
    stage(&site, &[(NEW, "")]);
    let policy = "[select]\nline = \"*\"\n[update]\nrelease = \"snom-new\"\n";
    site.write("policies/night.toml", &format!("{policy}{ALWAYS}[idle]\nquiet = \"0s\"\n"));
    site.write("phones.csv", &house.inventory(&[(1, "")]));
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, Duration::from_millis(1)).await;
    daemon.phone(&user(1), |phone| phone.detail.starts_with("in a call")).await;
    daemon.state(&user(1), "verified").await;
    let log = building.log(house.mac(1));
    let place = |wanted: &dyn Fn(&What) -> bool| log.iter().position(|line| wanted(&line.what)).unwrap();
    let hung_up = place(&|what| matches!(what, What::CallEnded { .. }));
    assert!(hung_up < place(&|what| matches!(what, What::Notify { .. })), "{log:#?}");
    assert_eq!(count(&log, |what| matches!(what, What::CallCut { .. })), 0, "{log:#?}");
    ends(daemon, building).await;
}

#[tokio::test]
async fn snoms_of_two_realms_get_the_firmware_and_bootloader_that_the_operator_defined_for_theirs() {
    let house = House(98);
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let snom = |n| PhoneSpec { snom: Some(Make::default()), ..house.snom(n) };
    let building = building(clock.clone(), vec![snom(1), snom(2)]).await;
    let site = Site::new(house);
    let realms = [("berlin", 1, NEW), ("bonn", 2, "10.1.137.16")];
    let mut rows = "mac,lines,realm\n".to_owned();
    for (realm, n, version) in realms {
        let folder = site.path(&format!("firmware-{realm}"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("boot.bin"), realm.repeat(100)).unwrap();
        let boot = "[[image]]\nfile = \"boot.bin\"\npart = \"boot\"\nvendor = \"snom\"\nmodels = [\"D785\"]\nversion = \"1.1\"";
        stage_as(&site, realm, &[(version, boot)]);
        let policy = format!("[select]\nrealm = \"{realm}\"\n[update]\nrelease = \"{realm}\"\n{ALWAYS}");
        site.write(&format!("policies/{realm}.toml"), &format!("{policy}[idle]\nquiet = \"0s\"\n"));
        writeln!(rows, "{},{},{realm}", house.mac(n), user(n)).unwrap();
    }
    site.write("phones.csv", &rows);
    site.settings(&building, "", &format!("{FAST}\n[realm.berlin]\n[realm.bonn]\n"));
    let daemon = site.start(clock, Duration::from_millis(1)).await;
    for (realm, n, version) in realms {
        let done = daemon.state(&user(n), "verified").await;
        assert_eq!(done.version.unwrap().to_string(), version, "{realm}");
        let log = building.log(house.mac(n));
        let to = format!("{}/realm/{realm}/snom.htm?mac={{mac}}", site.depot_url());
        assert_eq!(count(&log, |what| *what == What::Redirected { to: to.clone() }), 1, "{log:#?}");
        assert_eq!((orders(&log), boots(&log)), (1, 2), "{log:#?}");
        let bytes = realm.len() as u64 * 100;
        assert_eq!(count(&log, |what| *what == What::BootloaderFetched { bytes }), 1, "{log:#?}");
    }
    ends(daemon, building).await;
}
