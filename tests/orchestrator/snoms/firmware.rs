//! Ways back that a maker forbids, bootloaders, and images that do not fit.

use super::*;

fn offered(log: &[LogLine]) -> usize {
    count(log, |what| matches!(what, What::FirmwareOffered { .. } | What::ImageBegan { .. }))
}

fn update(site: &Site, house: House, phones: &[u8]) {
    site.write("policies/updates.toml", &policy("vendor = \"snom\"", "[update]\nrelease = \"snom-new\""));
    let rows = phones.iter().map(|n| format!("{},{},snom\n", house.mac(*n), user(*n)));
    site.write("phones.csv", &("mac,lines,vendor\n".to_owned() + &rows.collect::<String>()));
}

#[tokio::test]
async fn a_downgrade_that_the_maker_forbids_is_never_offered_and_one_within_its_range_is() {
    let house = House(119);
    let clock = clock();
    let runs = |n, version: &str| {
        let spec = PhoneSpec::snom(house.mac(n), "D785", version, &user(n), house.ip(n));
        with(spec, Make::default())
    };
    let building = building(clock.clone(), vec![runs(1, "10.1.220.1"), runs(2, NEW)]).await;
    let site = Site::new(house);
    let file = format!("snomD785-{OLD}-SIP-r.bin");
    let ban = format!("models = [\"D785\"]\nversion = \"{OLD}\"\nfrom_at_most = \"{NEW}\"");
    stage(&site, "snom-new", &[(&file, &ban)]);
    update(&site, house, &[1, 2]);
    site.settings(&building, "", &format!("{FAST}\n[snom]\npoll = \"5m\"\n"));
    let daemon = site.start(clock, DRAIN).await;
    let done = daemon.state(&user(2), "verified").await;
    assert_eq!(done.version.unwrap().to_string(), OLD, "from the newest version that is allowed");
    assert_eq!(boots(&building.log(house.mac(2))), 2);

    let why = held(&daemon, 1, "misfit").await;
    assert_eq!(why, format!("no way back from 10.1.220.1: the image accepts phones up to {NEW}"));
    // Its user reboots it, and from then on it reads its settings and its firmware document by itself.
    building.phones()[&house.mac(1)].power_cycle();
    let asked = |log: &[LogLine]| count(log, |what| *what == What::SettingsAsked { status: 200 });
    ends(&building, house, 1, |log| asked(log) == 3).await;
    let log = building.log(house.mac(1));
    assert_eq!((orders(&log), offered(&log), boots(&log)), (0, 0, 1), "{log:#?}");
    held(&daemon, 1, "misfit").await;
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_bootloader_is_fetched_behind_the_firmware_and_named_to_no_snom_of_the_old_models() {
    let house = House(26);
    let clock = clock();
    let models = ["D785", "320", "370", "190"];
    let phones =
        (1..).zip(models).map(|(n, model)| PhoneSpec::snom(house.mac(n), model, OLD, &user(n), house.ip(n)));
    let building = building(clock.clone(), phones.collect()).await;
    let site = Site::new(house);
    let file = format!("firmware-{NEW}-r.bin");
    let all = format!("models = {models:?}\nversion = \"{NEW}\"");
    let boot = "models = [\"D785\"]\nversion = \"1.1.3\"\npart = \"boot\"";
    stage(&site, "snom-new", &[(&file, &all), ("boot.bin", boot)]);
    update(&site, house, &[1, 2, 3, 4]);
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, DRAIN).await;
    for n in 1..=4 {
        let done = daemon.state(&user(n), "verified").await;
        assert_eq!(done.version.unwrap().to_string(), NEW, "{n}");
        let log = building.log(house.mac(n));
        let fetched = |what: &What| *what == What::BootloaderFetched { bytes: 16_000 };
        let ruined = |what: &What| *what == What::BootloaderRuined;
        assert_eq!((count(&log, fetched), count(&log, ruined)), (usize::from(n == 1), 0), "{n}: {log:#?}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn every_image_that_does_not_fit_holds_a_snom_with_its_own_reason() {
    let house = House(27);
    let clock = clock();
    let model =
        |n, model: &str, runs: &str| PhoneSpec::snom(house.mac(n), model, runs, &user(n), house.ip(n));
    let phones = vec![
        model(1, "D785", "8.9.3.80"),
        model(2, "D765", OLD),
        model(3, "D735", OLD),
        model(4, "D715", OLD),
        model(5, "D745", ""),
    ];
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    site.release(
        "snom-new",
        &[
            ("D785", "from_at_least = \"10.1.33\""),
            ("D765", "hardware = [\"2\"]"),
            ("D735", "hardware = [\"2\"]"),
            ("D745", ""),
        ],
    );
    update(&site, house, &[]);
    let rows = (1..=5).map(|n| {
        let level = if n == 2 { "1" } else { "" };
        format!("{},{},snom,{level}\n", house.mac(n), user(n))
    });
    site.write("phones.csv", &("mac,lines,vendor,hardware\n".to_owned() + &rows.collect::<String>()));
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, DRAIN).await;
    for (n, slug, told) in [
        (1, "misfit", "needs 10.1.33 first, the phone runs 8.9.3.80"),
        (2, "misfit", "image does not run on hardware level 1"),
        (3, "misfit", "the phone's hardware level is not known yet"),
        (4, "no-image", "release snom-new has no image for it"),
        (5, "misfit", "the phone's version is not known yet"),
    ] {
        assert_eq!(held(&daemon, n, slug).await, told, "{n}");
        let log = building.log(house.mac(n));
        assert_eq!((orders(&log), offered(&log)), (0, 0), "{n}: {log:#?}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn firmware_that_the_settings_files_forbid_holds_a_phone_and_nothing_is_offered_to_it() {
    let house = House(28);
    let clock = clock();
    let values = ["never_update", "settings_only", "ask_for_update", "sometimes"];
    let building = building(clock.clone(), (1..=4).map(|n| house.snom(n)).collect()).await;
    let site = Site::new(house);
    site.release("snom-new", &[("D785", "")]);
    update(&site, house, &[1, 2, 3, 4]);
    site.settings(&building, "", &format!("{FAST}\n[snom]\ntemplates = \"snom\"\n"));
    std::fs::create_dir(site.path("snom")).unwrap();
    for (n, value) in (1..).zip(values) {
        let text = format!(
            "<settings><phone-settings><update_policy>{value}</update_policy></phone-settings></settings>"
        );
        site.write(&format!("snom/snomD785-{}.htm", house.mac(n).bare_upper()), &text);
    }
    let daemon = site.start(clock, DRAIN).await;
    for (n, value) in (1..).zip(values) {
        let why = held(&daemon, n, "update-policy").await;
        assert_eq!(why, format!("the settings files say `update_policy` `{value}` for it"));
        building.phones()[&house.mac(n)].power_cycle();
        ends(&building, house, n, |log| count(log, |what| *what == What::Registered) == 2).await;
        let log = building.log(house.mac(n));
        assert_eq!((orders(&log), offered(&log)), (0, 0), "{n}: {log:#?}");
    }
    daemon.stop().await;
    building.shutdown().await;
}
