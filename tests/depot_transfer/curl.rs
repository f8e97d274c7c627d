//! curl as a phone: a client nobody here wrote.

use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;

use super::fixture::{AGENT, OURS, Running, image_path};

const CURL: &str = "/usr/bin/curl";

/// Whether curl is there; where the peers are required, it must be.
fn present() -> bool {
    let present = Path::new(CURL).exists();
    if !present {
        assert!(std::env::var_os("SIPHERD_PEERS").is_none(), "SIPHERD_PEERS is set, but {CURL} is missing");
        eprintln!("left out: {CURL} is not installed");
    }
    present
}

async fn curl(depot: &Running, path: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(CURL);
    command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "60", "--user-agent", AGENT]);
    command.args(arguments).arg(format!("http://{}{path}", depot.at)).kill_on_drop(true);
    command.output().await.unwrap()
}

async fn downloaded(depot: &Running, file: &str, arguments: &[&str]) -> (Output, Vec<u8>) {
    let to: PathBuf = depot.dir.path().join(file);
    let to_text = to.to_str().unwrap().to_owned();
    let all: Vec<&str> = arguments.iter().copied().chain(["--output", &to_text]).collect();
    let output = curl(depot, &image_path(), &all).await;
    (output, std::fs::read(&to).unwrap_or_default())
}

#[tokio::test]
async fn curl_downloads_whole_in_part_and_on() {
    if !present() {
        return;
    }
    let depot = Running::new().await;
    depot.offer();
    for version in ["--http1.1", "--http1.0"] {
        let (output, bytes) = downloaded(&depot, version, &["--fail", version]).await;
        assert!(output.status.success(), "{version}: {output:?}");
        assert!(bytes == depot.image, "{version}");
    }
    let (output, bytes) = downloaded(&depot, "part", &["--fail", "--range", "1000-1999"]).await;
    assert!(output.status.success() && bytes == depot.image[1000..2000], "{output:?}");
    let resumed = depot.dir.path().join("resumed");
    std::fs::write(&resumed, &depot.image[..1_234_567]).unwrap();
    let (output, bytes) = downloaded(&depot, "resumed", &["--fail", "--continue-at", "-"]).await;
    assert!(output.status.success() && bytes == depot.image, "{output:?}");
}

#[tokio::test]
async fn curl_is_told_lengths_and_refusals() {
    if !present() {
        return;
    }
    let depot = Running::new().await;
    let document = curl(&depot, &format!("/snom/{OURS}/firmware.xml"), &["--fail"]).await;
    assert!(String::from_utf8_lossy(&document.stdout).contains("snomD785-10.1.33.33-SIP-r.bin"));
    let (refused, _) = downloaded(&depot, "refused", &["--fail"]).await;
    assert_eq!(refused.status.code(), Some(22), "curl's status for an HTTP error: {refused:?}");
    depot.offer();
    let head = curl(&depot, &image_path(), &["--head"]).await;
    let head = String::from_utf8_lossy(&head.stdout).to_ascii_lowercase();
    assert!(head.contains(&format!("content-length: {}\r\n", depot.image.len())), "{head}");
    assert!(head.contains(&format!("etag: {}\r\n", depot.etag())), "{head}");
}
