//! What an administrator's settings, and what somebody left in a phone, make of orders and updates.

use super::*;

fn notified(log: &[LogLine], name: &str) -> usize {
    count(log, |what| matches!(what, What::Notify { event, copy: false, .. } if event.starts_with(name)))
}

#[tokio::test]
async fn a_check_sync_that_does_something_else_is_sent_only_where_that_is_what_is_wanted() {
    let house = House(29);
    let clock = clock();
    let phones = (1..=4).map(|n| with(house.snom(n), Make::default())).collect();
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    let lines = "line = [\"2001\", \"2002\", \"2003\"]";
    site.write("policies/resync.toml", &policy(lines, "[resync]"));
    site.write("policies/reboot.toml", &policy("line = \"2004\"", "[reboot]"));
    let rows = [1, 2, 3, 4].map(|n| format!("{},{},snom\n", house.mac(n), user(n)));
    site.write("phones.csv", &("mac,lines,vendor\n".to_owned() + &rows.concat()));
    site.settings(&building, "", &format!("{FAST}\n[snom]\ntemplates = \"snom\"\n"));
    std::fs::create_dir(site.path("snom")).unwrap();
    for (n, action) in [(1, "reboot"), (2, "sync"), (3, "reregister"), (4, "sync")] {
        let text = format!(
            "<settings><phone-settings><checksync_action>{action}</checksync_action></phone-settings></settings>"
        );
        site.write(&format!("snom/snomD785-{}.htm", house.mac(n).bare_upper()), &text);
    }
    let daemon = site.start(clock, DRAIN).await;
    for (n, action) in [(1, "reboot"), (3, "reregister")] {
        let why = held(&daemon, n, "check-sync-does-other").await;
        let told = format!("by the settings files any check-sync does `{action}`, and nothing else asks it");
        assert_eq!(why, told);
    }
    daemon.state(&user(2), "resynced").await;
    daemon.state(&user(4), "rebooted").await;
    for (n, syncs, reboots) in [(1, 0, 0), (2, 1, 0), (3, 0, 0), (4, 0, 1)] {
        let log = building.log(house.mac(n));
        let seen = (notified(&log, "check-sync"), notified(&log, "reboot"), boots(&log));
        assert_eq!(seen, (syncs, reboots, reboots), "{n}: {log:#?}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_that_asks_another_setting_server_is_not_rebooted_for_firmware_it_would_never_see() {
    let house = House(33);
    let clock = clock();
    let phones = vec![with(house.snom(1), Make::default()), with(house.snom(2), Make::default())];
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    site.release("snom-new", &[("D785", "")]);
    site.write("policies/updates.toml", &policy("vendor = \"snom\"", "[update]\nrelease = \"snom-new\""));
    let rows = format!("{},{},snom,away\n{},{},snom,\n", house.mac(1), user(1), house.mac(2), user(2));
    site.write("phones.csv", &("mac,lines,vendor,realm\n".to_owned() + &rows));
    let away = "[realm.away]\nsetting_server = \"http://192.0.2.9/snom.htm?mac={mac}\"\n";
    site.settings(&building, "", &format!("{FAST}\n{away}"));
    let daemon = site.start(clock, DRAIN).await;
    let why = held(&daemon, 1, "realm-elsewhere").await;
    assert_eq!(why, "is in realm away, whose setting server is another's: it asks this depot for nothing");
    daemon.state(&user(2), "verified").await;
    let log = building.log(house.mac(1));
    assert_eq!((orders(&log), boots(&log)), (0, 0), "{log:#?}");
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_bootloader_that_somebody_left_in_an_old_snom_is_emptied_before_it_is_updated() {
    let house = House(34);
    let clock = clock();
    let left = "http://192.0.2.9/snom320-boot.bin";
    let snom = |n, model: &str| {
        let spec = PhoneSpec::snom(house.mac(n), model, OLD, &user(n), house.ip(n));
        with(spec, Make { bootloader: left.to_owned(), ..Make::default() })
    };
    let building = building(clock.clone(), vec![snom(1, "320")]).await;
    let site = Site::new(house);
    site.release("snom-new", &[("320", "")]);
    site.write("policies/updates.toml", &policy("vendor = \"snom\"", "[update]\nrelease = \"snom-new\""));
    site.write("phones.csv", &format!("mac,lines,vendor\n{},{},snom\n", house.mac(1), user(1)));
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, DRAIN).await;
    let done = daemon.state(&user(1), "verified").await;
    assert_eq!(done.version.unwrap().to_string(), NEW);
    let log = building.log(house.mac(1));
    assert_eq!(count(&log, |what| *what == What::BootloaderRuined), 0, "{log:#?}");
    daemon.stop().await;
    building.shutdown().await;
}
