//! The same depot behind TLS: for phones that speak it, with a certificate that can be changed while it runs.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use sipherd::depot::Identity;
use tempfile::TempDir;
use tokio::process::Command;

use super::client::Connection;
use super::curl::{CURL, present};
use super::fixture::{AGENT, Equipment, LENGTH, OURS, Running, image_path};

struct Files {
    folder: TempDir,
}

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a new certificate and its key.
    fn renew(&self) {
        let made = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let CertifiedKey { cert, signing_key } = made;
        std::fs::write(self.path("depot.crt"), cert.pem()).unwrap();
        std::fs::write(self.path("depot.key"), signing_key.serialize_pem()).unwrap();
    }
}

async fn depot() -> (Running, Files, Arc<Identity>) {
    let files = Files { folder: TempDir::new().unwrap() };
    files.renew();
    let identity = Arc::new(Identity::read(&files.path("depot.crt"), &files.path("depot.key")).unwrap());
    let equipment = Equipment { identity: Some(Arc::clone(&identity)), ..Equipment::default() };
    (Running::equipped(LENGTH, equipment).await, files, identity)
}

/// What curl says when it trusts this certificate: whether it was served, and the bytes.
async fn curl(depot: &Running, trusted: &PathBuf, arguments: &[&str], path: &str) -> (bool, Vec<u8>) {
    let mut command = Command::new(CURL);
    command.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        "60",
        "--fail",
        "--user-agent",
        AGENT,
    ]);
    command.arg("--cacert").arg(trusted).args(arguments).arg(format!("https://{}{path}", depot.at));
    let output = command.kill_on_drop(true).output().await.unwrap();
    (output.status.success(), output.stdout)
}

#[tokio::test]
async fn curl_is_served_over_tls_1_2_and_1_3() {
    if !present() {
        return;
    }
    let (depot, files, _) = depot().await;
    depot.offer();
    for versions in [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3", "--tls-max", "1.3"]] {
        let (served, bytes) = curl(&depot, &files.path("depot.crt"), &versions, &image_path()).await;
        assert!(served && bytes == depot.image, "{versions:?}");
    }
    let (served, _) = curl(&depot, &files.path("depot.crt"), &["--tls-max", "1.1"], &image_path()).await;
    assert!(!served, "nothing older is spoken");
    let other = Files { folder: TempDir::new().unwrap() };
    other.renew();
    let (served, _) = curl(&depot, &other.path("depot.crt"), &[], &image_path()).await;
    assert!(!served, "it is who its certificate says");
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_whoever_comes_next() {
    if !present() {
        return;
    }
    let (depot, files, identity) = depot().await;
    let document = format!("/snom/{OURS}/firmware.xml");
    files.renew();
    let (served, _) = curl(&depot, &files.path("depot.crt"), &[], &document).await;
    assert!(!served, "not read yet");
    identity.reload().unwrap();
    let (served, bytes) = curl(&depot, &files.path("depot.crt"), &[], &document).await;
    assert!(served && bytes.starts_with(b"<?xml"));
}

#[tokio::test]
async fn who_speaks_plainly_at_this_door_harms_nobody() {
    let (depot, ..) = depot().await;
    let mut plain = Connection::to(depot.at).await;
    plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut rest = Vec::new();
    plain.rest(&mut rest).await;
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
}
