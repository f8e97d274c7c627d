//! What only snoms do: expansion modules, realms, polled settings, a reboot by web, settings files that forbid something.

/// Downgrades that a maker forbids, bootloaders, images that do not fit.
mod firmware;
/// What holds modules, and D7Cs.
mod modules;
/// What settings files and left-overs make of orders and updates.
mod settings;
/// Modules through phones whose setting is cleared before each.
mod urls;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sipherd::clock::ScaledClock;
use sipherd::sim::snom::{Make, Module};
use sipherd::sim::{Building, Cause, LogLine, PhoneSpec, What};

use super::site::{
    ALWAYS, Daemon, FAST, House, LIMIT, NEW, OLD, Site, boots, building, count, friday, orders, user,
};

const DRAIN: Duration = Duration::from_millis(1);

/// Two minutes in a second.
fn clock() -> Arc<ScaledClock> {
    Arc::new(ScaledClock::starting_at(friday(), 120))
}

fn policy(select: &str, action: &str) -> String {
    format!(
        "[select]\n{select}\n\n{action}\n\n{ALWAYS}\n[idle]\nquiet = \"0s\"\n\n[pace]\ndown_at_once = 9\n"
    )
}

/// A port that is free at all addresses of the house.
fn web_port(house: House) -> u16 {
    TcpListener::bind(SocketAddr::new(house.ip(251), 0)).unwrap().local_addr().unwrap().port()
}

fn with(spec: PhoneSpec, make: Make) -> PhoneSpec {
    PhoneSpec { snom: Some(make), ..spec }
}

fn make(port: u16, modules: Vec<Module>) -> Make {
    let web_password = Some(("admin".to_owned(), "secret".to_owned()));
    Make { usb: true, modules, web_port: Some(port), web_password, ..Make::default() }
}

/// Stages a release of these files and their manifest lines.
fn stage(site: &Site, name: &str, images: &[(&str, &str)]) {
    let source = site.path(&format!("firmware-{name}"));
    std::fs::create_dir(&source).unwrap();
    let mut manifest = format!("name = \"{name}\"\n");
    for (file, more) in images {
        std::fs::write(source.join(file), file.repeat(2_000)).unwrap();
        manifest += &format!("\n[[image]]\nfile = \"{file}\"\nvendor = \"snom\"\n{more}\n");
    }
    std::fs::write(source.join("release.toml"), manifest).unwrap();
    sipherd::depot::add(&site.path("state/releases"), &source, None, &mut |_| {}).unwrap();
}

const UXM: &[(&str, &str)] = &[("snomUXM-2.1.1.bin", "part = \"uxm\"\nversion = \"2.1.1\"")];

fn web_settings(site: &Site, building: &Building, port: u16, more: &str) {
    let web = format!("[web]\nport = {port}\ncredentials = \"web.csv\"\n{FAST}\n{more}");
    site.settings(building, "", &web);
    site.write("web.csv", "mac,username,password\n*,admin,secret\n");
}

/// Puts a key before the first table of `sipherd.toml`, and a profile that changes how snoms are asked.
fn ask_snoms(site: &Site, reboot: &str) {
    std::fs::create_dir(site.path("profiles")).unwrap();
    let settings = std::fs::read_to_string(site.path("sipherd.toml")).unwrap();
    site.write("sipherd.toml", &format!("profiles = \"profiles\"\n{settings}"));
    site.write("profiles/snom.toml", &format!("vendor = \"snom\"\n{reboot}\n"));
}

async fn ends(building: &Building, house: House, n: u8, wanted: impl Fn(&[LogLine]) -> bool) {
    let waited = building.wait(house.mac(n), LIMIT, wanted).await;
    waited.unwrap_or_else(|error| panic!("{error}: {:#?}", building.log(house.mac(n))));
}

async fn slugs(daemon: &Daemon, n: u8) -> Vec<&'static str> {
    let why = daemon.control.why(user(n), None).await.unwrap();
    why.gates.iter().flat_map(|gate| &gate.holds).map(sipherd::domain::policy::reason::Reason::slug).collect()
}

/// Waits until this alone holds the phone; what is told of it.
async fn held(daemon: &Daemon, n: u8, wanted: &str) -> String {
    let look = async {
        loop {
            let why = daemon.control.why(user(n), None).await.unwrap();
            let holds: Vec<_> = why.gates.iter().flat_map(|gate| &gate.holds).collect();
            if let [only] = holds[..]
                && only.slug() == wanted
            {
                return only.to_string();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(LIMIT, look).await {
        Ok(told) => told,
        Err(_) => panic!("{n}: {wanted} in {:?}", slugs(daemon, n).await),
    }
}

#[tokio::test]
async fn modules_are_updated_one_after_the_other_through_one_phone_and_believed_once_its_page_shows_them() {
    let house = House(100);
    let (clock, port) = (clock(), web_port(house));
    let phone = with(house.snom(1), make(port, vec![Module::uxm("2.0.7")]));
    let building = building(clock.clone(), vec![phone]).await;
    let site = Site::new(house);
    stage(&site, "uxm", UXM);
    site.write("policies/modules.toml", &policy("vendor = \"snom\"", "[module-update]\nrelease = \"uxm\""));
    site.write(
        "phones.csv",
        &format!("mac,lines,vendor,module_power\n{},{},snom,usb\n", house.mac(1), user(1)),
    );
    web_settings(&site, &building, port, "");
    let daemon = site.start(clock, DRAIN).await;

    let flashed = |times: usize| {
        move |log: &[LogLine]| {
            count(log, |what| *what == What::ModuleFlashed { version: "2.1.1".into() }) == times
        }
    };
    ends(&building, house, 1, flashed(1)).await;
    let done = daemon.state(&user(1), "verified").await;
    assert_eq!(done.version.unwrap().to_string(), OLD, "the phone itself keeps its firmware");
    let told = daemon.history(house.mac(1)).await;
    assert!(told.iter().any(|(kind, text)| kind == "verified" && text.contains("2.1.1")), "{told:?}");
    let log = building.log(house.mac(1));
    assert_eq!(count(&log, |what| matches!(what, What::FirmwareOffered { .. })), 0, "{log:#?}");
    let place = |wanted: &dyn Fn(&What) -> bool| log.iter().position(|line| wanted(&line.what)).unwrap();
    let whole = place(&|what| matches!(what, What::ImageComplete { .. }));
    let prepares = place(&|what| *what == What::ModulePrepares);
    assert!(
        whole < prepares && prepares < place(&|what| matches!(what, What::ModuleFlashed { .. })),
        "{log:#?}"
    );

    // The next module: the phone would pass over a URL that it has written already.
    building.phones()[&house.mac(1)].plug(vec![Module::uxm("2.0.7")]);
    ends(&building, house, 1, flashed(2)).await;
    daemon.state(&user(1), "verified").await;
    let log = building.log(house.mac(1));
    assert_eq!(count(&log, |what| matches!(what, What::ModuleLeft { .. })), 0, "{log:#?}");
    assert_eq!(building.phones()[&house.mac(1)].modules(), ["2.1.1"]);
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn every_requirement_of_a_module_update_holds_a_phone_with_its_own_reason() {
    let house = House(101);
    let (clock, port) = (clock(), web_port(house));
    let one = || vec![Module::uxm("2.0.7")];
    let spec =
        |n: u8, model: &str, runs: &str| PhoneSpec::snom(house.mac(n), model, runs, &user(n), house.ip(n));
    let building = building(
        clock.clone(),
        vec![
            with(spec(1, "D120", OLD), make(port, one())),
            with(spec(2, "D785", "8.9.3.60"), make(port, one())),
            with(spec(3, "D785", OLD), make(port, vec![Module::uxm("2.0.7"), Module::uxm("2.0.7")])),
            with(spec(4, "D785", OLD), make(port, one())),
            with(spec(5, "D785", OLD), make(port, one())),
            with(spec(6, "D785", OLD), Make { web_port: None, ..make(port, one()) }),
            with(spec(7, "D785", OLD), make(port, one())),
        ],
    )
    .await;
    let site = Site::new(house);
    stage(&site, "uxm", UXM);
    site.write("policies/modules.toml", &policy("vendor = \"snom\"", "[module-update]\nrelease = \"uxm\""));
    let power = [(1, "usb"), (2, "usb"), (3, "usb"), (4, "external"), (5, ""), (6, "usb"), (7, "usb")];
    let rows = power.map(|(n, power)| format!("{},{},snom,{power}\n", house.mac(n), user(n)));
    site.write("phones.csv", &("mac,lines,vendor,module_power\n".to_owned() + &rows.concat()));
    web_settings(&site, &building, port, "[snom]\ntemplates = \"snom\"\n");
    std::fs::create_dir(site.path("snom")).unwrap();
    let never =
        "<settings><phone-settings><update_policy>never_update</update_policy></phone-settings></settings>";
    site.write(&format!("snom/snomD785-{}.htm", house.mac(7).bare_upper()), never);
    let daemon = site.start(clock, DRAIN).await;
    for (n, wanted) in [
        (1, "module-no-port"),
        (2, "module-firmware"),
        (3, "module-count"),
        (4, "module-powered"),
        (5, "module-power-untold"),
        (6, "module-untold"),
        (7, "update-policy"),
    ] {
        held(&daemon, n, wanted).await;
    }
    for n in 1..=7 {
        assert_eq!(orders(&building.log(house.mac(n))), 0, "{n}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_moves_into_a_realm_and_asks_there_from_then_on() {
    let house = House(102);
    let clock = clock();
    let phones = [1, 2, 3].map(|n| with(house.snom(n), Make::default())).to_vec();
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    site.write("policies/move.toml", &policy("line = \"2001\"", "[move]\nrealm = \"berlin\""));
    site.write("policies/reboot.toml", &policy("line = [\"2002\", \"2003\"]", "[reboot]"));
    let rows = [(1, ""), (2, "berlin"), (3, "")];
    let rows = rows.map(|(n, realm)| format!("{},{},snom,{realm}\n", house.mac(n), user(n))).concat();
    site.write("phones.csv", &("mac,lines,vendor,realm\n".to_owned() + &rows));
    site.settings(&building, "", &format!("{FAST}\n[realm.berlin]\ntemplates = \"berlin\"\n"));
    std::fs::create_dir(site.path("berlin")).unwrap();
    let file = "<settings><phone-settings><ntp_server>ntp.berlin</ntp_server></phone-settings></settings>";
    site.write("berlin/snom.htm", file);
    let daemon = site.start(clock.clone(), DRAIN).await;

    let moved = daemon.state(&user(1), "moved").await;
    assert!(moved.detail.contains("is in realm berlin already"), "{}", moved.detail);
    daemon.state(&user(2), "rebooted").await;
    for n in [1, 2] {
        let log = building.log(house.mac(n));
        let to = format!("{}/realm/berlin/snom.htm?mac={{mac}}", site.depot_url());
        assert_eq!(count(&log, |what| *what == What::Redirected { to: to.clone() }), 1, "{n}: {log:#?}");
        assert_eq!((orders(&log), boots(&log)), (1, 1), "{n}");
    }
    daemon.state(&user(3), "rebooted").await;
    let log = building.log(house.mac(3));
    assert_eq!(count(&log, |what| matches!(what, What::Redirected { .. })), 0, "nobody entered it: {log:#?}");
    let told = daemon.history(house.mac(1)).await;
    for kind in ["redirected", "moved"] {
        assert!(told.iter().any(|(known, _)| known == kind), "{kind} in {told:?}");
    }
    daemon.stop().await;

    // Where it was seen last is remembered: the next daemon sends it nowhere.
    let daemon = site.start(clock, DRAIN).await;
    daemon.state(&user(1), "moved").await;
    assert_eq!(orders(&building.log(house.mac(1))), 1);
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_sent_to_another_server_has_moved_once_it_is_back_and_is_sent_nowhere_again() {
    let house = House(109);
    let clock = clock();
    let building = building(clock.clone(), vec![with(house.snom(1), Make::default())]).await;
    let other = tokio::net::TcpListener::bind(SocketAddr::new(house.ip(252), 0)).await.unwrap();
    let server = format!("http://{}/snom.htm?mac={{mac}}", other.local_addr().unwrap());
    let settings = "<settings><phone-settings></phone-settings></settings>";
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = other.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut request).await;
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{settings}", settings.len());
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await;
        }
    });
    let site = Site::new(house);
    site.write("policies/move.toml", &policy("vendor = \"snom\"", "[move]"));
    site.write("phones.csv", &format!("mac,lines,vendor,realm\n{},{},snom,away\n", house.mac(1), user(1)));
    site.settings(&building, "", &format!("{FAST}\n[realm.away]\nsetting_server = \"{server}\"\n"));
    let daemon = site.start(clock, DRAIN).await;
    daemon.state(&user(1), "moved").await;
    let log = building.log(house.mac(1));
    assert_eq!(count(&log, |what| *what == What::Redirected { to: server.clone() }), 1, "{log:#?}");
    assert_eq!((orders(&log), boots(&log)), (1, 1), "{log:#?}");
    assert!(slugs(&daemon, 1).await.contains(&"realm-already-there"));
    serving.abort();
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_that_polls_its_settings_is_offered_its_firmware_at_a_poll_and_never_asked() {
    let house = House(103);
    let clock = clock();
    let building = building(clock.clone(), vec![with(house.snom(1), Make::default())]).await;
    let site = Site::new(house);
    site.release("snom-new", &[("D785", "")]);
    site.write("policies/updates.toml", &policy("vendor = \"snom\"", "[update]\nrelease = \"snom-new\""));
    site.write("phones.csv", &format!("mac,lines,vendor\n{},{},snom\n", house.mac(1), user(1)));
    site.settings(&building, "", &format!("{FAST}\n[snom]\npoll = \"10m\"\n"));
    ask_snoms(&site, "reboot = [{ poll = true }]\nserves = \"once-asked\"");
    let daemon = site.start(clock, DRAIN).await;
    daemon.phone(&user(1), |phone| phone.detail.contains("poll")).await;
    // It learns at its next boot that it is to poll, and boots when it likes.
    building.phones()[&house.mac(1)].power_cycle();
    ends(&building, house, 1, |log| count(log, |what| *what == What::BootDone { version: NEW.into() }) == 1)
        .await;
    let done = daemon.state(&user(1), "verified").await;
    assert_eq!(done.version.unwrap().to_string(), NEW);
    let log = building.log(house.mac(1));
    assert_eq!(orders(&log), 0, "{log:#?}");
    assert_eq!(count(&log, |what| *what == What::Flashed { version: NEW.into() }), 1, "{log:#?}");
    // It reboots by itself once it has the address, loads and writes, and ends with another reboot.
    let of_update = |line: &LogLine| line.what == What::RebootBegan { cause: Cause::Update };
    let first = log.iter().position(of_update).unwrap();
    let loads = log.iter().position(|line| matches!(line.what, What::ImageBegan { .. })).unwrap();
    let last = log.iter().rposition(of_update).unwrap();
    assert!(first < loads && loads < last, "{log:#?}");
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_is_rebooted_at_its_web_page_with_the_password_of_its_web_server() {
    let house = House(104);
    let (clock, port) = (clock(), web_port(house));
    let building = building(clock.clone(), vec![with(house.snom(1), make(port, vec![]))]).await;
    let site = Site::new(house);
    site.write("policies/reboot.toml", &policy("vendor = \"snom\"", "[reboot]"));
    site.write("phones.csv", &format!("mac,lines,vendor\n{},{},snom\n", house.mac(1), user(1)));
    web_settings(&site, &building, port, "");
    ask_snoms(&site, "reboot = [{ web = \"/advanced_update.htm?reboot=Reboot\" }]");
    let daemon = site.start(clock, DRAIN).await;
    daemon.state(&user(1), "rebooted").await;
    let log = building.log(house.mac(1));
    assert_eq!(count(&log, |what| *what == What::RebootBegan { cause: Cause::ByWeb }), 1, "{log:#?}");
    assert_eq!(orders(&log), 0);
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_too_old_for_the_target_goes_over_a_stepping_stone() {
    let house = House(105);
    let clock = clock();
    let old = PhoneSpec::snom(house.mac(1), "D785", "8.9.3.80", &user(1), house.ip(1));
    let building = building(clock.clone(), vec![old]).await;
    let site = Site::new(house);
    let of = |version: &str, more: &str| format!("models = [\"D785\"]\nversion = \"{version}\"\n{more}");
    let (stone, target) = (of(OLD, ""), of(NEW, &format!("from_at_least = \"{OLD}\"")));
    let files = [format!("snomD785-{OLD}-SIP-r.bin"), format!("snomD785-{NEW}-SIP-r.bin")];
    stage(&site, "snom-new", &[(&files[0], &stone), (&files[1], &target)]);
    site.write("policies/updates.toml", &policy("vendor = \"snom\"", "[update]\nrelease = \"snom-new\""));
    site.write("phones.csv", &format!("mac,lines,vendor\n{},{},snom\n", house.mac(1), user(1)));
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, DRAIN).await;
    ends(&building, house, 1, |log| count(log, |what| *what == What::BootDone { version: NEW.into() }) == 1)
        .await;
    daemon
        .phone(&user(1), |phone| {
            phone.state == "verified" && phone.version.as_ref().is_some_and(|v| v.as_str() == NEW)
        })
        .await;
    let log = building.log(house.mac(1));
    let flashed: Vec<&str> = log
        .iter()
        .filter_map(|line| match &line.what {
            What::Flashed { version } => Some(version.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(flashed, [OLD, NEW]);
    assert_eq!((orders(&log), boots(&log)), (2, 4), "two boots for each step: {log:#?}");
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_chained_image_is_fetched_behind_the_first() {
    let house = House(106);
    let clock = clock();
    let phone = PhoneSpec::snom(house.mac(1), "D335", OLD, &user(1), house.ip(1));
    let building = building(clock.clone(), vec![phone]).await;
    let site = Site::new(house);
    let of = |more: &str| format!("models = [\"D335\"]\nversion = \"{NEW}\"\n{more}");
    let file = format!("snomD335-{NEW}-SIP-r.bin");
    stage(&site, "snom-new", &[(&file, &of("")), ("chain.bin", &of("part = \"chained\""))]);
    site.write("policies/updates.toml", &policy("vendor = \"snom\"", "[update]\nrelease = \"snom-new\""));
    site.write("phones.csv", &format!("mac,lines,vendor\n{},{},snom\n", house.mac(1), user(1)));
    site.settings(&building, "", FAST);
    let daemon = site.start(clock, DRAIN).await;
    daemon.state(&user(1), "verified").await;
    let log = building.log(house.mac(1));
    assert_eq!(count(&log, |what| *what == What::ChainedFetched { bytes: 18_000 }), 1, "{log:#?}");
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_phone_whose_settings_files_make_check_syncs_wipe_it_is_sent_none() {
    let house = House(107);
    let clock = clock();
    let phones = vec![with(house.snom(1), Make::default()), with(house.snom(2), Make::default())];
    let building = building(clock.clone(), phones).await;
    let site = Site::new(house);
    site.write("policies/resync.toml", &policy("line = \"2001\"", "[resync]"));
    site.write("policies/reboot.toml", &policy("line = \"2002\"", "[reboot]"));
    let rows = [1, 2].map(|n| format!("{},{},snom\n", house.mac(n), user(n)));
    site.write("phones.csv", &("mac,lines,vendor\n".to_owned() + &rows.concat()));
    site.settings(&building, "", &format!("{FAST}\n[snom]\ntemplates = \"snom\"\n"));
    std::fs::create_dir(site.path("snom")).unwrap();
    let wipes = "<settings><phone-settings><checksync_action>factory-reset</checksync_action></phone-settings></settings>";
    site.write("snom/snom.htm", wipes);
    let daemon = site.start(clock, DRAIN).await;
    // `Event: reboot` is no check-sync, and the phone reads the setting at that boot.
    daemon.state(&user(2), "rebooted").await;
    assert_eq!(slugs(&daemon, 1).await, ["wiped-by-check-sync"]);
    for n in [1, 2] {
        let log = building.log(house.mac(n));
        let sync =
            |what: &What| matches!(what, What::Notify { event, .. } if event.starts_with("check-sync"));
        assert_eq!(count(&log, sync) + count(&log, |what| *what == What::FactoryReset), 0, "{log:#?}");
    }
    daemon.stop().await;
    building.shutdown().await;
}

#[tokio::test]
async fn a_call_at_the_time_of_a_module_update_is_waited_for() {
    let house = House(108);
    let (clock, port) = (clock(), web_port(house));
    let phones = vec![with(house.snom(1), make(port, vec![Module::uxm("2.0.7")])), house.snom(2)];
    let building = building(clock.clone(), phones).await;
    building.call(&user(1), "600", TimeDelta::minutes(20)).unwrap();
    ends(&building, house, 1, |log| count(log, |what| matches!(what, What::CallBegan { .. })) == 1).await;
    let site = Site::new(house);
    stage(&site, "uxm", UXM);
    site.write("policies/modules.toml", &policy("line = \"2001\"", "[module-update]\nrelease = \"uxm\""));
    let rows = format!("{},{},snom,usb\n{},{},snom,\n", house.mac(1), user(1), house.mac(2), user(2));
    site.write("phones.csv", &("mac,lines,vendor,module_power\n".to_owned() + &rows));
    web_settings(&site, &building, port, "");
    let daemon = site.start(clock, DRAIN).await;
    daemon.state(&user(1), "verified").await;
    let log = building.log(house.mac(1));
    let cut = |what: &What| matches!(what, What::CallCut { .. });
    assert_eq!(count(&log, cut), 0, "{log:#?}");
    let place = |wanted: &dyn Fn(&What) -> bool| log.iter().position(|line| wanted(&line.what));
    let ended = place(&|what| matches!(what, What::CallEnded { .. }));
    assert!(ended < place(&|what| matches!(what, What::Notify { .. })), "{log:#?}");
    daemon.stop().await;
    building.shutdown().await;
}
