//! Logos, ringtones and the like: fetched whole, once, without a reboot, and believed unless the phone speaks against it.

use std::fs;

use chrono::TimeDelta;
use sipherd::sim::unify::{Make, Mode};
use sipherd::sim::{Misfit, PhoneSpec, What};

use super::super::site::{House, Site, boots, count, user};
use super::doors::{POLLING, document, get, message, post};
use super::{MODEL, Night, OLD, Setup, made, openstage, policy};

/// Files of phones that have told what they run.
const FILES: &str = "version = \">= 1\"\n\n[files]\nrelease = \"logos-2026\"\n";

const ONCE: &str = "[retry]\nattempts = 1\n";

const LOGO: (&str, &str) = ("logo.png", "logo");
const RING: (&str, &str) = ("ring.mp3", "ringtone");

/// Longer than what a connection holds by itself: whoever breaks it off is seen to.
const LONG: (&str, &str) = ("long.png", "screensaver");

/// What is in a file: its name, over and over.
fn content(file: &str) -> String {
    file.repeat(if file == LONG.0 { 800_000 } else { 10_000 })
}

/// Stages a release of these files for this model.
fn stage(site: &Site, name: &str, model: &str, files: &[(&str, &str)]) {
    let source = site.path(&format!("source-{name}"));
    fs::create_dir(&source).unwrap();
    let mut manifest = format!("name = \"{name}\"\n");
    for (file, part) in files {
        fs::write(source.join(file), content(file)).unwrap();
        manifest += &format!(
            "[[image]]\nfile = \"{file}\"\npart = \"{part}\"\nvendor = \"unify\"\nmodels = [\"{model}\"]\n"
        );
    }
    fs::write(source.join("release.toml"), manifest).unwrap();
    sipherd::depot::add(&site.path("state/releases"), &source, None, &mut |_| {}).unwrap();
}

/// A night whose phones are to have these files.
async fn night(
    house: House,
    phones: Vec<PhoneSpec>,
    files: &[(&str, &str)],
    more: &str,
    setup: Setup<'_>,
) -> Night {
    let night = Night::begin(house, phones, &policy(FILES, more), setup).await;
    stage(&night.site, "logos-2026", setup.model, files);
    night.daemon.control.reload().await.unwrap();
    night
}

/// Files that a phone kept: name, kind and length.
fn kept(log: &[sipherd::sim::LogLine]) -> Vec<(String, String, u64)> {
    let files = log.iter().filter_map(|line| match &line.what {
        What::FileKept { file, kind, bytes } => Some((file.clone(), kind.clone(), *bytes)),
        _ => None,
    });
    files.collect()
}

fn contacts(log: &[sipherd::sim::LogLine]) -> usize {
    count(log, |what| *what == What::ContactMe)
}

/// Keys of a service whose files are loaded by FTP.
fn ftp(house: House) -> String {
    let free = std::net::TcpListener::bind(std::net::SocketAddr::new(house.ip(250), 0)).unwrap();
    let free = free.local_addr().unwrap();
    format!("images = \"ftp\"\n[depot.ftp]\nlisten = \"{free}\"\npassive_ports = \"54200-54399\"\n")
}

#[tokio::test]
async fn each_file_is_fetched_whole_and_never_again_also_after_a_restart() {
    let house = House(235);
    let phones = vec![openstage(house, 1), made(openstage(house, 2), |make| make.tells_each = true)];
    let setup = Setup { secure: true, ..Setup::default() };
    let mut night = night(house, phones, &[LOGO, RING], "[pace]\ndown_at_once = 2\n", setup).await;
    for n in [1, 2] {
        let done = night.daemon.state(&user(n), "deployed").await;
        assert_eq!(done.detail, "has its files of release logos-2026 already");
        assert_eq!(night.said(n)[..3], ["ReadItems", "FileDeployment", "CleanUp"], "{:#?}", night.log(n));
        let log = night.log(n);
        let length = 80_000;
        let both = [("logo.png", "LOGO"), ("ring.mp3", "RINGTONE")];
        assert_eq!(kept(&log), both.map(|(file, kind)| (file.to_owned(), kind.to_owned(), length)));
        assert_eq!((boots(&log), contacts(&log)), (1, 1), "no reboot but its own");
        let kinds = night.kinds(n).await;
        for kind in ["ordered", "fetching", "delivered", "flashing", "deployed"] {
            assert!(kinds.iter().any(|known| known == kind), "{kind} in {kinds:?}");
        }
    }
    let metrics = night.daemon.control.metrics().await.unwrap();
    assert!(metrics.contains("sipherd_trips_total{what=\"deployed\"} 2"), "{metrics}");
    // What a phone has is known to the next daemon too, and of another release it gets what it has not got.
    stage(&night.site, "logos-2027", MODEL, &[LOGO, ("rest.png", "screensaver")]);
    night.daemon.stop().await;
    night.daemon = night.site.start(night.clock.clone(), super::DRAIN).await;
    night.daemon.sees("pocket").await;
    let had = night.daemon.state(&user(1), "deployed").await;
    assert_eq!(had.detail, "has its files of release logos-2026 already");
    assert_eq!(contacts(&night.log(1)), 1);
    night
        .site
        .write("policies/night.toml", &policy(&FILES.replace("2026", "2027"), "[pace]\ndown_at_once = 2\n"));
    night.daemon.control.reload().await.unwrap();
    let new =
        |phone: &sipherd::ports::PhoneView| phone.detail == "has its files of release logos-2027 already";
    night.daemon.phone(&user(1), new).await;
    let files: Vec<String> = kept(&night.log(1)).into_iter().map(|(file, _, _)| file).collect();
    assert_eq!(files, ["logo.png", "ring.mp3", "rest.png"]);
    night.end().await;
}

#[tokio::test]
async fn files_are_loaded_by_ftp_under_one_account_and_a_break_is_no_failure() {
    let house = House(236);
    let keys = ftp(house);
    let phones = vec![openstage(house, 1), openstage(house, 2).with_misfit(Misfit::BreaksDownload)];
    let setup = Setup { keys: &keys, ..Setup::default() };
    let night = night(house, phones, &[LONG, RING], "[pace]\ndown_at_once = 2\n", setup).await;
    for n in [1, 2] {
        night.daemon.state(&user(n), "deployed").await;
        let files: Vec<String> = kept(&night.log(n)).into_iter().map(|(file, _, _)| file).collect();
        assert_eq!(files, ["long.png", "ring.mp3"]);
    }
    assert_eq!(count(&night.log(2), |what| matches!(what, What::ImageBroke { .. })), 1);
    assert!(night.kinds(2).await.contains(&"broken".to_owned()));
    night.end().await;
}

/// What is told of a phone made so that is to have this file, and whether it keeps it.
async fn fails(
    house: House,
    keys: &str,
    file: (&str, &str),
    change: impl FnOnce(&mut Make),
) -> (String, usize) {
    let breaks = if file == LONG { Misfit::BreaksDownload } else { Misfit::None };
    let phone = made(openstage(house, 1), change).with_misfit(breaks);
    let setup = Setup { keys, ..Setup::default() };
    let night = night(house, vec![phone], &[file], ONCE, setup).await;
    let failed = night.daemon.state(&user(1), "failed").await;
    let kept = kept(&night.log(1)).len();
    night.end().await;
    (failed.detail, kept)
}

#[tokio::test]
async fn a_phone_that_says_no_to_a_file_it_has_is_believed() {
    let reject = |make: &mut Make| make.rejects_files = vec!["logo.png".into()];
    let (detail, kept) = fails(House(237), "", LOGO, reject).await;
    assert_eq!(
        detail,
        "fetched it and did not take it: it did not deploy logo.png: failed; compare format and length of the file with \
         what the phone takes"
    );
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_download_that_breaks_for_good_is_told() {
    let give_up = |make: &mut Make| (make.gives_up, make.tells_status) = (true, false);
    let (detail, _) = fails(House(238), "", LONG, give_up).await;
    assert!(detail.starts_with("did not finish the download (1 breaks); look at the network"), "{detail}");
}

#[tokio::test]
async fn a_phone_that_fetches_nothing_is_told_whether_it_says_so_or_not() {
    let keys = ftp(House(239));
    let (detail, _) = fails(House(239), &keys, LOGO, |make| make.no_ftp = true).await;
    assert!(detail.starts_with("declined: it did not deploy logo.png: failed; "), "{detail}");
    let keys = ftp(House(240));
    let silent = |make: &mut Make| (make.no_ftp, make.tells_status) = (true, false);
    let (detail, _) = fails(House(240), &keys, LOGO, silent).await;
    assert!(
        detail.starts_with(
            "took the order and did not fetch logo.png; see whether the phone can reach this depot"
        ),
        "{detail}"
    );
}

#[tokio::test]
async fn a_phone_told_by_a_file_loads_its_files_as_well() {
    let house = House(241);
    let cp600 = PhoneSpec::unify(house.mac(1), "CP600", OLD, &user(1), house.ip(1));
    let phone = made(cp600, |make| make.mode = Mode::Fetches { every: TimeDelta::minutes(2) });
    let setup = Setup { keys: POLLING, columns: "2,outside", model: "CP600", ..Setup::default() };
    let night = night(house, vec![phone], &[LOGO, RING], "", setup).await;
    night.daemon.state(&user(1), "deployed").await;
    assert_eq!(kept(&night.log(1)).len(), 2);
    night.end().await;
}

#[tokio::test]
async fn phones_without_such_a_service_and_models_without_files_are_held() {
    let house = House(242);
    let night = night(
        house,
        vec![openstage(house, 1), house.snom(2)],
        &[LOGO],
        "",
        Setup { starts_anew: false, ..Setup::default() },
    )
    .await;
    let rows = format!(
        "mac,lines,vendor,model\n{},2001,unify,OpenStage 40\n{},2002,snom,D785\n",
        house.mac(1),
        house.mac(2)
    );
    night.site.write("phones.csv", &rows);
    night.site.write("policies/night.toml", &policy(&FILES.replace("version = \">= 1\"\n", ""), ""));
    night.daemon.control.reload().await.unwrap();
    for (n, reason) in
        [(1, "release logos-2026 has no files for it"), (2, "no profile for files of snom D785")]
    {
        night.daemon.phone(&user(n), |phone| phone.state == "waiting" && phone.detail.contains(reason)).await;
        let why = night.site.prints(&["why", &user(n)]).await;
        assert!(why.contains(reason), "{why}");
    }
    assert_eq!(contacts(&night.log(1)), 0);
    night.end().await;
}

#[tokio::test]
async fn the_order_goes_out_byte_for_byte_and_nothing_is_given_before_or_to_others() {
    let house = House(243);
    let far = made(openstage(house, 1), |make| make.mode = Mode::Polls { every: TimeDelta::days(9) });
    let setup = Setup { keys: POLLING, columns: ",outside", ..Setup::default() };
    let idle = "[select]\nline = \"2001\"\n[stage]\nrelease = \"unify-new\"\n";
    let night = Night::begin(house, vec![far], idle, setup).await;
    night.conversations(1, 1).await;
    night.until(1, |log| count(log, |what| *what == What::Registered) >= 2).await;
    stage(&night.site, "logos-2026", MODEL, &[LOGO, RING]);
    night.site.write("policies/night.toml", &policy(FILES, ""));
    night.daemon.control.reload().await.unwrap();
    let own = house.ip(1);
    let bare = house.mac(1).bare_upper();
    let path = |file: &str| format!("/unify/{bare}/{file}");
    let status = |head: String| head.split(' ').nth(1).unwrap().to_owned();
    assert_eq!(status(get(&night, own, &path("logo.png"), "").await.0), "404", "nobody told it to");
    let (head, _) = get(&night, own, &format!("/dcmp/contact-me?device-id={}", house.mac(1)), "").await;
    assert_eq!(status(head), "202");
    let who = format!(
        "<Item name=\"mac-addr\">{}</Item><Item name=\"device-type\">OpenStage 80</Item>\
         <Item name=\"software-type\">Siemens SIP</Item><Item name=\"software-version\">V1 R4.9.0</Item>\
         <Item name=\"part-number\">S30817-S7403-A101-015</Item>",
        house.mac(1)
    );
    let (_, answer) = post(&night, own, &message("A1", "solicited", &who)).await;
    let url = |file: &str| format!("http://{}{}", night.service, path(file));
    let order = format!(
        "<Action>FileDeployment</Action><ItemList><Item name=\"file-https-base-url\" index=\"1\">{}</Item>\
         <Item name=\"file-type\" index=\"1\">LOGO</Item><Item name=\"file-action\" index=\"1\">deploy</Item>\
         <Item name=\"file-https-base-url\" index=\"2\">{}</Item><Item name=\"file-type\" index=\"2\">RINGTONE</Item>\
         <Item name=\"file-action\" index=\"2\">deploy</Item></ItemList>",
        url("logo.png"),
        url("ring.mp3")
    );
    assert_eq!(answer, document("A1", &order));
    assert_eq!(status(get(&night, own, &path("other.png"), "").await.0), "404", "it is no file of its order");
    for file in ["logo.png", "ring.mp3"] {
        let (head, body) = get(&night, own, &path(file), "").await;
        assert_eq!((status(head), body), ("200".to_owned(), content(file)));
    }
    night.daemon.state(&user(1), "deployed").await;
    assert_eq!(status(get(&night, own, &path("logo.png"), "").await.0), "404", "its trip is over");
    // It finds fault with one of them after all: that one it has not got, and is told to load it alone.
    let late = format!(
        "{who}<Item name=\"file-deployment-status\">failed</Item><Item name=\"file-deployment-type\">LOGO</Item>\
         <Item name=\"file-deployment-name\">logo.png</Item>"
    );
    let (_, answer) = post(&night, own, &message("B1", "status", &late)).await;
    assert_eq!(answer, document("B1", "<Action>CleanUp</Action>"));
    let again = |phone: &sipherd::ports::PhoneView| phone.state != "deployed";
    night.daemon.phone(&user(1), again).await;
    let history = night.daemon.history(house.mac(1)).await;
    assert!(history.iter().any(|(kind, text)| kind == "files" && text.contains("logo.png")), "{history:?}");
    night.end().await;
}
