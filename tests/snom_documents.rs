//! Every document a snom is served, byte for byte against golden files, over real HTTP.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use sipherd::depot::{Depot, Releases, add, serve};
use sipherd::domain::phone::{Mac, Realm};
use sipherd::phones::snom::{Papers, RealmPapers, Scope, Template, Templates};
use sipherd::ports::{Gatekeeper, Permit, PhoneNews, Transfer, Visit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const MAC: &str = "000413922D24";
const D785: &str =
    "Mozilla/4.0 (compatible; snomD785-SIP 10.1.64.14 2010.12-00004-g9ba52f5 000413922D24 SXM:0 UXM:1)";
const D335: &str =
    "Mozilla/4.0 (compatible; snomD335-SIP 10.1.64.14 2010.12-00004-g9ba52f5 000413922D24 SXM:0 UXM:0)";
const OLD: &str = "Mozilla/4.0 (compatible; snom320-SIP 8.4.18 1.1.3-s)";

fn fixtures(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/snom").join(name)
}

fn templates(folder: &str) -> Templates {
    let mut templates = Templates::default();
    for entry in std::fs::read_dir(fixtures(folder)).unwrap() {
        let path = entry.unwrap().path();
        let scope = Scope::of_file(path.file_name().unwrap().to_str().unwrap()).unwrap();
        assert!(templates.put(scope, Template::read(&std::fs::read_to_string(path).unwrap()).unwrap()));
    }
    templates
}

fn papers() -> Papers {
    let berlin = RealmPapers { setting_server: None, templates: templates("berlin") };
    let away = RealmPapers {
        setting_server: Some("http://192.0.2.9/snom.htm?mac={mac}&site=a".into()),
        templates: Templates::default(),
    };
    Papers {
        templates: templates("templates"),
        realms: [(Realm::new("berlin"), berlin), (Realm::new("away"), away)].into(),
        ..Papers::default()
    }
}

/// Permits what a test wants, and remembers who asked.
struct Fake {
    permit: Mutex<Permit>,
    visits: Mutex<Vec<Visit>>,
}

impl Gatekeeper for Fake {
    fn visit(&self, visit: Visit) -> BoxFuture<'static, Permit> {
        self.visits.lock().unwrap().push(visit);
        Box::pin(std::future::ready(self.permit.lock().unwrap().clone()))
    }

    fn transfer(&self, _: Transfer) {}

    fn told(&self, _: Mac, _: std::net::IpAddr, _: PhoneNews) {}
}

struct Served {
    fake: Arc<Fake>,
    at: std::net::SocketAddr,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Served {
    async fn new(papers: Papers) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        std::fs::create_dir(&source).unwrap();
        for file in [
            "snomD785-10.1.198.19-SIP-r.bin",
            "snomD335-10.1.198.19-SIP-r.bin",
            "chain.bin",
            "boot.bin",
            "snomUXM-2.1.1.bin",
        ] {
            std::fs::write(source.join(file), file.repeat(10)).unwrap();
        }
        std::fs::copy(fixtures("release.toml"), source.join("release.toml")).unwrap();
        add(&folder.path().join("releases"), &source, None, &mut |_| {}).unwrap();
        let stay = Permit::Stay { runs: None, why: "not its turn".into() };
        let fake = Arc::new(Fake { permit: Mutex::new(stay), visits: Mutex::default() });
        let gatekeeper: Arc<Fake> = Arc::clone(&fake);
        let images = Arc::new(Releases::open(&folder.path().join("releases")).unwrap());
        let makers = Arc::new(sipherd::config::profiles::shipped);
        let papers = Arc::new(papers);
        let snom = Arc::new(move || Arc::clone(&papers));
        // What stands in the documents is told apart from where the test happens to listen.
        let depot =
            Depot::new(gatekeeper, images, makers, "http://depot.example:8480").with_snom_papers(snom);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        tokio::spawn(serve(listener, depot, stop.clone()));
        Self { fake, at, stop, _folder: folder }
    }

    fn permit(&self, permit: Permit) {
        *self.fake.permit.lock().unwrap() = permit;
    }

    fn offer(&self, file: &str) {
        self.permit(Permit::Offer { release: "golden".into(), file: file.into(), lanes: vec![] });
    }

    async fn get(&self, path: &str, agent: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: d\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The document at this path, against a golden file; with `BLESS=1` in the environment it is written anew.
    async fn is(&self, path: &str, agent: &str, golden: &str) {
        let (status, body) = self.get(path, agent).await;
        assert_eq!(status, 200, "{path}: {body}");
        let file = fixtures("golden").join(golden);
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            return std::fs::write(file, body).unwrap();
        }
        assert_eq!(body, read(&file), "{path} and {golden}");
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn settings_are_the_administrators_with_sipherds_own_keys_among_them() {
    let depot = Served::new(papers()).await;
    for path in ["/snomD785.htm", &format!("/snomD785-{MAC}.htm"), &format!("/prov/snom.htm?mac={MAC}")] {
        depot.is(path, D785, "settings-d785.xml").await;
    }
    depot.is(&format!("/snom320.htm?mac={MAC}"), OLD, "settings-320.xml").await;
    let (status, text) = depot.get("/snom320.htm", OLD).await;
    assert_eq!(status, 404, "nothing tells whose they would be");
    assert!(text.contains("?mac={mac}"), "{text}");
}

#[tokio::test]
async fn without_templates_the_settings_are_sipherds_alone_and_may_have_the_phone_poll() {
    let depot = Served::new(Papers::default()).await;
    depot.is(&format!("/snomD785-{MAC}.htm"), D785, "settings-bare.xml").await;
    let depot = Served::new(Papers { poll_seconds: Some(21_600), ..Papers::default() }).await;
    depot.is(&format!("/snomD785-{MAC}.htm"), D785, "settings-polling.xml").await;
}

#[tokio::test]
async fn a_realm_has_settings_of_its_own_and_sends_phones_there() {
    let depot = Served::new(papers()).await;
    depot.is(&format!("/realm/berlin/snomD785-{MAC}.htm"), D785, "settings-d785-berlin.xml").await;
    assert_eq!(depot.fake.visits.lock().unwrap().last().unwrap().realm, Some(Realm::new("berlin")));
    let (status, _) = depot.get(&format!("/realm/bonn/snomD785-{MAC}.htm"), D785).await;
    assert_eq!(status, 404, "there is no such realm");
    depot.permit(Permit::Elsewhere { realm: Realm::new("berlin") });
    depot.is(&format!("/snomD785-{MAC}.htm"), D785, "redirection-berlin.xml").await;
    depot.permit(Permit::Elsewhere { realm: Realm::new("away") });
    depot.is(&format!("/snomD785-{MAC}.htm"), D785, "redirection-away.xml").await;
}

#[tokio::test]
async fn the_firmware_document_names_the_offered_image_and_what_goes_with_it() {
    let depot = Served::new(papers()).await;
    let document = format!("/snom/{MAC}/firmware.xml");
    depot.is(&document, D785, "firmware-none.xml").await;
    let runs = sipherd::domain::firmware::Version::parse("10.1.64.14").ok();
    depot.permit(Permit::Stay { runs, why: "not its turn".into() });
    depot.is(&document, D785, "firmware-stays.xml").await;
    depot.offer("snomD785-10.1.198.19-SIP-r.bin");
    depot.is(&document, D785, "firmware-with-bootloader.xml").await;
    depot.offer("snomD335-10.1.198.19-SIP-r.bin");
    depot.is(&document, D335, "firmware-chained.xml").await;
    depot.permit(Permit::Module {
        release: "golden".into(),
        file: "snomUXM-2.1.1.bin".into(),
        order: 17,
        lanes: vec![],
    });
    depot.is(&document, D785, "firmware-module.xml").await;
}

#[tokio::test]
async fn only_the_offered_image_and_what_goes_with_it_is_given() {
    let depot = Served::new(papers()).await;
    let status = async |file: &str| depot.get(&format!("/snom/{MAC}/{file}"), D785).await.0;
    assert_eq!(status("snomUXM-2.1.1.bin").await, 404);
    depot.offer("snomD335-10.1.198.19-SIP-r.bin");
    assert_eq!(
        status("snomD335-10.1.198.19-SIP-r.bin?mac=000413922D24&chained_url=http%3A%2F%2Fx").await,
        200
    );
    assert_eq!(status("chain.bin").await, 200);
    assert_eq!((status("boot.bin").await, status("snomD785-10.1.198.19-SIP-r.bin").await), (404, 404));
    let module =
        |file: &str| Permit::Module { release: "golden".into(), file: file.into(), order: 1, lanes: vec![] };
    depot.permit(module("snomUXM-2.1.1.bin"));
    assert_eq!(status("snomUXM-2.1.1.bin?module=1").await, 200);
    assert_eq!(status("chain.bin").await, 404);
}

#[tokio::test]
async fn a_request_tells_how_many_modules_are_attached() {
    let depot = Served::new(papers()).await;
    depot.get(&format!("/snomD785-{MAC}.htm"), D785).await;
    let visit = depot.fake.visits.lock().unwrap().last().unwrap().clone();
    assert_eq!(visit.mac, "00:04:13:92:2d:24".parse::<Mac>().unwrap());
    assert_eq!(visit.modules.unwrap().uxm, Some(1));
}
