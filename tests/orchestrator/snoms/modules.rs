//! What holds the modules of snoms, and D7Cs through their whole trip.

use super::super::site::{StillClock, quick};
use super::*;

const D7C: &[(&str, &str)] = &[("snomD7C-1.0.2-r.bin", "part = \"d7c\"\nversion = \"1.0.2\"")];

/// These phones of the house with a module on USB power, each updated from its own release.
fn write_down(site: &Site, house: House, phones: &[(u8, &str)]) {
    for (n, release) in phones {
        let update =
            policy(&format!("line = \"{}\"", user(*n)), &format!("[module-update]\nrelease = \"{release}\""));
        site.write(&format!("policies/of-{n}.toml"), &update);
    }
    let rows = phones.iter().map(|(n, _)| format!("{},{},snom,usb\n", house.mac(*n), user(*n)));
    site.write("phones.csv", &("mac,lines,vendor,module_power\n".to_owned() + &rows.collect::<String>()));
}

fn touched(log: &[LogLine]) -> usize {
    let of_image = |what: &What| {
        matches!(what, What::ImageBegan { .. } | What::ModuleLeft { .. } | What::ModuleFlashed { .. })
    };
    count(log, of_image)
}

#[tokio::test]
async fn a_d7c_is_updated_and_believed_once_the_page_of_its_phone_shows_it() {
    let house = House(115);
    let (clock, port) = (clock(), web_port(house));
    let d7c = |n, runs: &str| {
        let spec = PhoneSpec::snom(house.mac(n), "D785", runs, &user(n), house.ip(n));
        with(spec, make(port, vec![Module::d7c("1.0.1")]))
    };
    let building = building(clock.clone(), vec![d7c(1, OLD), d7c(2, "10.1.64.13")]).await;
    let site = Site::new(house);
    stage(&site, "d7c", D7C);
    write_down(&site, house, &[(1, "d7c"), (2, "d7c")]);
    web_settings(&site, &building, port, "");
    let daemon = site.start(clock, DRAIN).await;
    let written = What::ModuleFlashed { version: "1.0.2".into() };
    ends(&building, house, 1, |log| count(log, |what| *what == written) == 1).await;
    let done = daemon.state(&user(1), "verified").await;
    assert_eq!(done.version.unwrap().to_string(), OLD, "the phone itself keeps its firmware");
    let told = daemon.history(house.mac(1)).await;
    assert!(told.iter().any(|(kind, text)| kind == "verified" && text.contains("1.0.2")), "{told:?}");
    let log = building.log(house.mac(1));
    assert_eq!(count(&log, |what| matches!(what, What::ModuleLeft { .. })), 0, "{log:#?}");
    assert_eq!(building.phones()[&house.mac(1)].modules(), ["1.0.2"]);

    let why = held(&daemon, 2, "module-firmware").await;
    assert_eq!(why, "updates modules from 10.1.64.14 on, runs 10.1.64.13");
    let log = building.log(house.mac(2));
    assert_eq!((orders(&log), touched(&log)), (0, 0), "{log:#?}");
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_d7c_is_never_given_the_image_of_a_uxm() {
    let house = House(116);
    let (clock, port) = (clock(), web_port(house));
    let d7c = |n| with(house.snom(n), make(port, vec![Module::d7c("1.0.1")]));
    let silent = Make { web_port: None, ..make(port, vec![Module::d7c("1.0.1")]) };
    let building = building(clock.clone(), vec![with(house.snom(1), silent), d7c(2)]).await;
    let site = Site::new(house);
    stage(&site, "uxm", UXM);
    write_down(&site, house, &[(1, "uxm"), (2, "uxm")]);
    web_settings(&site, &building, port, "");
    // What is never fetched need not be waited for so long.
    let settings = std::fs::read_to_string(site.path("sipherd.toml")).unwrap();
    site.write("sipherd.toml", &settings.replace("\"30m\"", "\"10m\"").replace("\"60m\"", "\"10m\""));
    let daemon = site.start(clock, DRAIN).await;
    // The first told of what kind it is as it booted.
    held(&daemon, 1, "module-untold").await;
    building.phones()[&house.mac(1)].power_cycle();
    held(&daemon, 1, "no-image").await;
    // A page tells no kind. The second is asked, tells its kind as it boots, and is offered nothing then.
    ends(&building, house, 2, |log| orders(log) == 1).await;
    held(&daemon, 2, "no-image").await;
    let told = daemon.history(house.mac(2)).await;
    assert!(told.iter().any(|(kind, _)| kind == "failed"), "{told:?}");
    for (n, asked) in [(1, 0), (2, 1)] {
        let log = building.log(house.mac(n));
        assert_eq!((orders(&log), touched(&log)), (asked, 0), "{n}: {log:#?}");
        let phone = &building.phones()[&house.mac(n)];
        assert_eq!((phone.modules(), phone.firmware_uxm()), (vec!["1.0.1".to_owned()], String::new()), "{n}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_module_plugged_in_just_now_is_given_its_ten_seconds_and_a_phone_without_one_is_left_alone() {
    let house = House(117);
    let (clock, port) = (StillClock::at(friday()), web_port(house));
    let one = with(house.snom(1), make(port, vec![Module::uxm("2.0.7")]));
    let phones = vec![quick(one), quick(with(house.snom(2), make(port, vec![])))];
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    stage(&site, "uxm", UXM);
    write_down(&site, house, &[(1, "uxm"), (2, "uxm")]);
    web_settings(&site, &building, port, "");
    let daemon = site.start(clock.clone(), DRAIN).await;
    for n in [1, 2] {
        held(&daemon, n, "module-untold").await;
    }
    // A minute later their pages are read, and tell it for the first time.
    let seen = friday() + TimeDelta::minutes(1);
    clock.set(seen);
    let why = held(&daemon, 1, "module-settles").await;
    assert_eq!(why, "its module was plugged in just now, not before 21:01:10 UTC");
    assert_eq!(held(&daemon, 2, "module-count").await, "no expansion module is attached");
    clock.set(seen + TimeDelta::seconds(9));
    held(&daemon, 1, "module-settles").await;
    assert_eq!(orders(&building.log(house.mac(1))), 0);
    clock.set(seen + TimeDelta::seconds(10));
    daemon.phone(&user(1), |phone| phone.state != "waiting").await;
    ends(&building, house, 1, |log| orders(log) == 1).await;
    assert_eq!(orders(&building.log(house.mac(2))), 0);
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_module_already_current_or_forbidden_by_the_settings_files_is_left_alone() {
    let house = House(118);
    let (clock, port) = (clock(), web_port(house));
    let runs = |n, version: &str| with(house.snom(n), make(port, vec![Module::uxm(version)]));
    let building = building(clock.clone(), vec![runs(1, "2.1.1"), runs(2, "2.0.7"), runs(3, "2.0.7")]).await;
    let site = Site::new(house);
    stage(&site, "uxm", UXM);
    write_down(&site, house, &[(1, "uxm"), (2, "uxm"), (3, "uxm")]);
    web_settings(&site, &building, port, "[snom]\ntemplates = \"snom\"\n");
    std::fs::create_dir(site.path("snom")).unwrap();
    for (n, value) in [(2, "settings_only"), (3, "ask_for_update")] {
        let text = format!(
            "<settings><phone-settings><update_policy>{value}</update_policy></phone-settings></settings>"
        );
        site.write(&format!("snom/snomD785-{}.htm", house.mac(n).bare_upper()), &text);
    }
    let daemon = site.start(clock, DRAIN).await;
    assert_eq!(held(&daemon, 1, "already-current").await, "runs 2.1.1 already");
    let why = held(&daemon, 2, "update-policy").await;
    assert_eq!(why, "the settings files say `update_policy` `settings_only` for it");
    for n in [1, 2] {
        building.phones()[&house.mac(n)].power_cycle();
        ends(&building, house, n, |log| count(log, |what| *what == What::Registered) == 2).await;
        let log = building.log(house.mac(n));
        assert_eq!((orders(&log), touched(&log)), (0, 0), "{n}: {log:#?}");
    }
    // The document names `never_update` and `settings_only` alone.
    daemon.state(&user(3), "verified").await;
    assert_eq!(building.phones()[&house.mac(3)].modules(), ["2.1.1"]);
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_too_old_for_its_module_is_brought_to_newer_firmware_first_and_its_module_then() {
    let house = House(35);
    let (clock, port) = (clock(), web_port(house));
    let spec = PhoneSpec::snom(house.mac(1), "D785", "8.9.3.60", &user(1), house.ip(1));
    let phone = with(spec, make(port, vec![Module::uxm("2.0.7")]));
    let building = building(clock.clone(), vec![phone]).await;
    let site = Site::new(house);
    stage(&site, "uxm", UXM);
    site.release("snom-new", &[("D785", "")]);
    let (old, new) = ("version = \"< 8.9.3.68\"", "version = \">= 8.9.3.68\"");
    site.write("policies/phones.toml", &policy(old, "[update]\nrelease = \"snom-new\""));
    site.write("policies/modules.toml", &policy(new, "[module-update]\nrelease = \"uxm\""));
    let row = format!("{},{},snom,usb\n", house.mac(1), user(1));
    site.write("phones.csv", &("mac,lines,vendor,module_power\n".to_owned() + &row));
    web_settings(&site, &building, port, "");
    let daemon = site.start(clock, DRAIN).await;
    ends(&building, house, 1, |log| touched(log) > 0).await;
    ends(&building, house, 1, |log| {
        count(log, |what| *what == What::ModuleFlashed { version: "2.1.1".into() }) == 1
    })
    .await;
    let done = daemon.state(&user(1), "verified").await;
    assert_eq!(done.version.unwrap().to_string(), NEW);
    let log = building.log(house.mac(1));
    let place = |wanted: &What| log.iter().position(|line| line.what == *wanted);
    let (firmware, module) =
        (What::Flashed { version: NEW.into() }, What::ModuleFlashed { version: "2.1.1".into() });
    assert!(place(&firmware) < place(&module) && place(&firmware).is_some(), "{log:#?}");
    daemon.stop().await;
    building.shutdown().await;
}
