//! Makers that nobody here knew: held, until their administrator's own profile says how they are asked.

use std::sync::Arc;
use std::time::Duration;

use sipherd::clock::ScaledClock;
use sipherd::sim::{PhoneSpec, What};

use super::site::{ALWAYS, House, Site, boots, building, count, friday, orders, user};

const ACME: &str = r#"vendor = "acme"
reboot = [{ event = "check-sync;reboot=true" }]
own_files = ["{mac}.cfg"]

[[user_agent]]
matches = '^Acme (?<model>\w+) (?<version>[0-9.]+)(?: (?<mac>[0-9A-Fa-f]{12}))?$'
example = "Acme P10 1.2.3"

[timing]
answer = "30m"
leave = "30m"
leave_busy = "30m"
boot = "30m"
"#;

#[tokio::test]
async fn an_own_profile_makes_an_unknown_makers_phone_rebootable_at_the_next_reload() {
    let house = House(63);
    let clock = Arc::new(ScaledClock::starting_at(friday(), 120));
    let acme = PhoneSpec {
        vendor: "Acme".into(),
        ..PhoneSpec::grandstream(house.mac(1), "P10", "1.2.3", &user(1), house.ip(1))
    };
    let building = building(clock.clone(), vec![acme]).await;
    let site = Site::new(house);
    let night = format!("[select]\nline = \"*\"\n[reboot]\n{ALWAYS}[idle]\nquiet = \"0s\"\n");
    site.write("policies/night.toml", &night);
    site.write("phones.csv", &house.inventory(&[(1, "")]));
    site.settings(&building, "", "");
    let daemon = site.start(clock, Duration::from_millis(1)).await;
    let held = daemon.phone(&user(1), |phone| phone.detail.contains("no profile")).await;
    assert_eq!(held.state, "waiting", "{}", held.detail);
    assert_eq!(orders(&building.log(house.mac(1))), 0, "nobody guesses how it is asked");

    std::fs::create_dir(site.path("profiles")).unwrap();
    let settings = std::fs::read_to_string(site.path("sipherd.toml")).unwrap();
    site.write("sipherd.toml", &format!("profiles = \"profiles\"\n{settings}"));
    site.write("profiles/acme.toml", &ACME.replace("vendor", "vendr"));
    let refused = site.sipherd(&["reload"]).await;
    assert!(refused.status == 1 && refused.err.contains("acme.toml:1"), "{}", refused.err);
    assert_eq!(orders(&building.log(house.mac(1))), 0);

    site.write("profiles/acme.toml", ACME);
    assert_eq!(site.prints(&["reload"]).await, "reloaded\n");
    let done = daemon.state(&user(1), "rebooted").await;
    assert_eq!(done.version.map(|version| version.to_string()).as_deref(), Some("1.2.3"));
    let log = building.log(house.mac(1));
    assert_eq!((orders(&log), boots(&log)), (1, 1), "{log:#?}");
    let asked = |what: &What| matches!(what, What::Notify { event, .. } if event == "check-sync;reboot=true");
    assert_eq!(count(&log, asked), 1, "{log:#?}");
    daemon.stop().await;
    building.shutdown().await;
}
