//! The scripts that the depot serves, byte for byte. With `BLESS=1` the golden files are written anew.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use sipherd::depot::{Depot, Releases, add, serve};
use sipherd::domain::phone::Mac;
use sipherd::domain::policy::{Calendar, EVERY_DAY, Window};
use sipherd::ports::{Gatekeeper, Order, Permit, PhoneNews, Transfer, Visit, Wanted};
use sipherd::sim::innovaphone::{Part, image};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Where the phones of the golden files reach the depot.
const BASE: &str = "http://192.0.2.5:8480";

/// Permits what it is told to, and writes down who came and which transfers it heard of.
#[derive(Default)]
struct Porter {
    permits: Mutex<VecDeque<Permit>>,
    visits: Mutex<Vec<Visit>>,
    heard: Mutex<Vec<Transfer>>,
}

impl Gatekeeper for Porter {
    fn visit(&self, visit: Visit) -> BoxFuture<'static, Permit> {
        self.visits.lock().unwrap().push(visit);
        let permit = self.permits.lock().unwrap().pop_front().expect("nobody should ask");
        Box::pin(std::future::ready(permit))
    }

    fn transfer(&self, transfer: Transfer) {
        self.heard.lock().unwrap().push(transfer);
    }

    fn told(&self, _: Mac, _: IpAddr, _: PhoneNews) {}
}

struct Desk {
    at: SocketAddr,
    porter: Arc<Porter>,
    _dir: tempfile::TempDir,
    off: CancellationToken,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.off.cancel();
    }
}

impl Desk {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("firmware");
        std::fs::create_dir(&source).unwrap();
        let mut manifest = "name = \"innovaphone-12r2\"\n".to_owned();
        for (product, part, word, file, build) in [
            ("IP222", Part::Prot, "firmware", "ip222.bin", "125555"),
            ("IP222", Part::Boot, "boot", "boot222.bin", "125501"),
            ("IP21", Part::Prot, "firmware", "ip21.bin", "125555"),
            ("IP21", Part::Boot, "boot", "boot21.bin", "125501"),
            ("IP72", Part::Prot, "firmware", "ip72.bin", "125555"),
            ("IP1200", Part::Prot, "firmware", "ip1200.bin", "125555"),
            ("IP1200", Part::Bmc, "radio", "bmc-0502.bin", "0502"),
        ] {
            std::fs::write(source.join(file), image(product, part, build, 1000)).unwrap();
            manifest += &format!(
                "\n[[image]]\nfile = \"{file}\"\npart = \"{word}\"\nvendor = \"innovaphone\"\n\
                 models = [\"{product}\"]\nversion = \"{build}\"\n"
            );
        }
        std::fs::write(source.join("release.toml"), manifest).unwrap();
        let staged = dir.path().join("releases");
        add(&staged, &source, None, &mut |_| {}).unwrap();
        let porter = Arc::new(Porter::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let images = Arc::new(Releases::open(&staged).unwrap());
        let makers = Arc::new(sipherd::config::profiles::shipped);
        let depot = Depot::new(porter.clone(), images, makers, format!("{BASE}/"));
        let off = CancellationToken::new();
        tokio::spawn(serve(listener, depot, off.clone()));
        Self { at, porter, _dir: dir, off }
    }

    /// The answer to one request, while this is permitted: its status, type and body.
    async fn asks(&self, permit: Option<Permit>, method: &str, path: &str) -> (u16, String, Vec<u8>) {
        self.porter.permits.lock().unwrap().extend(permit);
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
        (status, kind.to_owned(), answer[end + 4..].to_vec())
    }
}

fn install(file: &str) -> Option<Permit> {
    let version = sipherd::domain::firmware::Version::parse("125555").unwrap();
    ordered(Order::Install { release: "innovaphone-12r2".into(), file: file.into(), version })
}

/// This order, in the night of every day.
fn ordered(order: Order) -> Option<Permit> {
    let calendar = Calendar::of(vec![Window::hours(vec![23, 0, 1, 2, 3, 4], EVERY_DAY)]);
    Some(Permit::Order { order, calendar: Some(calendar) })
}

fn offered(file: &str) -> Option<Permit> {
    Some(Permit::Offer { release: "innovaphone-12r2".into(), file: file.into(), lanes: Vec::new() })
}

/// What sipherd's own update URL becomes on a phone.
fn told(product: &str, more: &str) -> String {
    format!(
        "/innovaphone/update?sn=00-90-33-03-0d-f0&type={product}&hwid={product}-03-0d-f0&ip=192.0.2.7&runs=121111&\
         bootcode=121111&hw=208&now=20261128-233000{more}&ver=12r1%20{product}%5b12.1111%5d"
    )
}

/// The same of a phone that runs such a version.
fn old(version: &str) -> String {
    told("IP222", "")
        .replace("121111", "06-5679")
        .replace("ver=12r1%20IP222%5b12.1111%5d", &format!("ver={version}%20IP222%5b06-5679%5d"))
}

#[tokio::test]
async fn every_script_is_byte_for_byte_what_it_should_be() {
    let desk = Desk::new().await;
    let serial = || "sipherd-17".to_owned();
    let stay = Permit::Stay { runs: None, why: "outside the window, opens Fri 20 Nov 23:00".into() };
    let clock = told("IP222", "").replace("now=20261128-233000", "now=19700101-000312");
    for (name, permit, path) in [
        ("first-poll", None, "/innovaphone/update-ip222.htm?ver=12r1%20IP222%5b12.1111%5d&PROT=".to_owned()),
        ("nothing", Some(stay), told("IP222", "")),
        ("ip222-update", install("ip222.bin"), told("IP222", "")),
        ("ip222-stale-serial", install("ip222.bin"), told("IP222", "&PROT=125555&BOOT=125501")),
        ("ip21-update", install("ip21.bin"), told("IP21", "")),
        ("ip72-update", install("ip72.bin"), told("IP72", "")),
        ("ip1200-update", install("ip1200.bin"), told("IP1200", "&BMC=0501")),
        ("ip222-no-time", install("ip222.bin"), clock),
        ("ip222-reboot", ordered(Order::Reboot { serial: serial(), restore: None }), told("IP222", "")),
        ("ip222-restore", ordered(Order::Reboot { serial: serial(), restore: Some(3) }), told("IP222", "")),
        ("ip222-backup", ordered(Order::HandIn { serial: serial() }), told("IP222", "")),
        ("old-update", install("ip222.bin"), old("V6.00%20sr2")),
        ("old-backup", ordered(Order::HandIn { serial: serial() }), old("V6.00%20sr2")),
        ("since-hotfix3-update", install("ip222.bin"), old("V6.00%20sr2-hotfix3")),
        (
            "ip222-by-hand",
            Some(Permit::Order { order: Order::Reboot { serial: serial(), restore: None }, calendar: None }),
            told("IP222", ""),
        ),
        // Nothing of it is staged for this product.
        ("ip232-nothing-staged", install("ip222.bin"), told("IP232", "")),
    ] {
        let (status, kind, body) = desk.asks(permit, "GET", &path).await;
        assert_eq!((status, kind.as_str()), (200, "text/plain; charset=utf-8"), "{name}");
        let body = String::from_utf8(body).unwrap();
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/fixtures/innovaphone/served/{name}.htm"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&file, &body).unwrap();
        }
        assert_eq!(body, std::fs::read_to_string(&file).unwrap(), "{name}");
    }
}

#[tokio::test]
async fn a_poll_tells_the_gatekeeper_what_runs_on_which_hardware() {
    let desk = Desk::new().await;
    let stay = || Some(Permit::Stay { runs: None, why: "later".into() });
    desk.asks(stay(), "GET", &told("IP222", "")).await;
    desk.asks(stay(), "HEAD", &told("IP222", "")).await;
    desk.asks(stay(), "GET", "/innovaphone/update-ip1200?sn=00-90-33-03-0d-f0&ver=04-5679").await;
    let visits = desk.porter.visits.lock().unwrap().clone();
    let first = &visits[0];
    assert_eq!(first.mac.to_string(), "00:90:33:03:0d:f0");
    assert_eq!(first.vendor.as_ref().unwrap().as_str(), "innovaphone");
    assert_eq!(first.model.as_ref().unwrap().as_str(), "IP222");
    assert_eq!(first.version.as_ref().unwrap().as_str(), "121111");
    assert_eq!(first.hardware.as_ref().unwrap().as_str(), "208");
    assert_eq!((&first.wanted, first.peek), (&Wanted::Orders, false));
    assert!(visits[1].peek, "a HEAD is only a look");
    assert_eq!(visits[2].model.as_ref().unwrap().as_str(), "IP1200");
    assert_eq!(visits[2].version.as_ref().unwrap().as_str(), "04-5679");
}

#[tokio::test]
async fn only_the_offered_firmware_and_what_goes_with_it_is_given() {
    let desk = Desk::new().await;
    let path = |file: &str| format!("/innovaphone/009033030DF0/{file}");
    let firmware = desk.asks(offered("ip222.bin"), "GET", &path("ip222.bin")).await;
    assert_eq!((firmware.0, firmware.2), (200, image("IP222", Part::Prot, "125555", 1000)));
    let heard = desk.porter.heard.lock().unwrap().len();
    assert!(heard > 0, "the transfer of the firmware is told");
    let boot = desk.asks(offered("ip222.bin"), "GET", &path("boot222.bin")).await;
    assert_eq!((boot.0, boot.2), (200, image("IP222", Part::Boot, "125501", 1000)));
    assert_eq!(desk.porter.heard.lock().unwrap().len(), heard, "boot code is no step of the trip");
    for (permit, file) in [
        (offered("ip222.bin"), "boot21.bin"),
        (offered("ip222.bin"), "ip21.bin"),
        (offered("ip222.bin"), "bmc-0502.bin"),
        (offered("ip222.bin"), "nothing.bin"),
        (Some(Permit::Stay { runs: None, why: "no".into() }), "ip222.bin"),
        (Some(Permit::Stay { runs: None, why: "no".into() }), "boot222.bin"),
    ] {
        assert_eq!(desk.asks(permit, "GET", &path(file)).await.0, 404, "{file}");
    }
}

#[tokio::test]
async fn a_poll_that_names_two_phones_is_refused_and_other_paths_are_not_there() {
    let desk = Desk::new().await;
    let two = "/innovaphone/009033030DF1/update?sn=00-90-33-03-0d-f0";
    assert_eq!(desk.asks(None, "GET", two).await.0, 403);
    for path in ["/innovaphone/ip222.bin", "/innovaphone/x/y/z", "/innovaphonex"] {
        assert_eq!(desk.asks(None, "GET", path).await.0, 404, "{path}");
    }
    assert_eq!(desk.porter.visits.lock().unwrap().len(), 0);
}
