//! curl as a phone: a client nobody here wrote.

use std::path::{Path, PathBuf};
use std::process::Output;

use sipherd::ports::{Lane, Standing};
use tokio::process::Command;

use super::fixture::{AGENT, D785, OTHERS, OURS, Running, image_path};

pub const CURL: &str = "/usr/bin/curl";

/// Whether curl is there; where the peers are required, it must be.
pub fn present() -> bool {
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

/// Downloads by this curl, and what it says of it: its status, bytes, seconds.
async fn timed(depot: &Running, phone: &str, arguments: &[&str]) -> (u64, f64) {
    let say = ["--fail", "--output", "/dev/null", "--write-out", "%{size_download} %{time_total}"];
    let agent = AGENT.replace(OURS, phone);
    let arguments: Vec<&str> = say.iter().copied().chain(arguments.iter().copied()).collect();
    let arguments = [&arguments[..], &["--user-agent", &agent]].concat();
    let output = curl(depot, &format!("/snom/{phone}/{D785}"), &arguments).await;
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let (bytes, seconds) = said.split_once(' ').unwrap();
    (bytes.parse().unwrap(), seconds.parse().unwrap())
}

/// Phones, their lanes, what else curl is told, and the rate they share.
type Kind<'a> = (&'a [&'a str], &'a [Lane], &'a [&'a str], f64);

/// Never faster than one part in ten above the rate; as slow as ever a busy machine makes it, so the best of some tries
/// is no more than one part in ten below it.
#[tokio::test]
async fn curl_is_served_at_the_rate_of_its_lanes() {
    if !present() {
        return;
    }
    let depot = Running::new().await;
    let lane = |name: &str, bytes_per_second| Lane { name: name.into(), bytes_per_second };
    let whole = depot.image.len() as u64;
    let (all, half) = (lane("policy in all", 4_000_000), lane("policy at berlin", 2_000_000));
    let phones = [OURS, OTHERS];
    // One phone alone, a part of the image, and two that share a lane.
    let kinds: [Kind<'_>; 3] = [
        (&phones[..1], &[half.clone(), all.clone()], &[], 2_000_000.0),
        (&phones[..1], &[lane("policy in all", 1_000_000)], &["--range", "1000003-"], 1_000_000.0),
        (&phones, std::slice::from_ref(&all), &[], 4_000_000.0),
    ];
    for (phones, lanes, arguments, rate) in kinds {
        depot.offer_within(phones, lanes);
        let mut best = 0.0_f64;
        for _ in 0..5 {
            let each = phones.iter().map(|phone| timed(&depot, phone, arguments));
            let each = futures_util::future::join_all(each).await;
            let bytes: u64 = each.iter().map(|(bytes, _)| bytes).sum();
            let length = if arguments.is_empty() { whole } else { whole - 1_000_003 };
            assert_eq!(bytes, length * phones.len() as u64);
            let seconds = each.iter().map(|(_, seconds)| *seconds).fold(0.0, f64::max);
            let found = f64::from(u32::try_from(bytes).unwrap()) / seconds / rate;
            assert!(found <= 1.1, "{lanes:?}: {found:.3} of the rate");
            best = best.max(found);
            if best >= 0.8 {
                break;
            }
        }
        assert!(best >= 0.8, "{lanes:?}: at best {best:.3} of the rate");
    }
}

/// What curl says of a request for the place of our phone's configuration: its status, and what it was told.
async fn config(depot: &Running, arguments: &[&str]) -> (String, String) {
    let say = ["--write-out", "\n%{http_code}"];
    let arguments: Vec<&str> = say.iter().copied().chain(arguments.iter().copied()).collect();
    let output = curl(depot, &format!("/configs/{OURS}/0"), &arguments).await;
    let said = String::from_utf8(output.stdout).unwrap();
    let (told, status) = said.rsplit_once('\n').unwrap();
    (status.to_owned(), told.to_owned())
}

#[tokio::test]
async fn curl_hands_in_a_configuration_in_chunks_and_with_its_length() {
    if !present() {
        return;
    }
    let depot = Running::new().await;
    depot.stands(OURS, Standing::OwnPlace);
    let file = depot.dir.path().join("config.txt");
    let from = file.to_str().unwrap();
    let text = "config change PHONE /x\r\n".repeat(2_000);
    for (n, how) in [
        &["--header", "Transfer-Encoding: chunked"][..],
        &["--header", "Expect: 100-continue"],
        &["--http1.0"],
        &["--header", "Expect:"],
    ]
    .iter()
    .enumerate()
    {
        let text = format!("{text}config change PHONE /number {n}\r\n");
        std::fs::write(&file, &text).unwrap();
        let arguments = [how, &["--upload-file", from][..]].concat();
        let (status, told) = config(&depot, &arguments).await;
        assert_eq!(status, "201", "{how:?}: {told}");
        assert_eq!(config(&depot, &[]).await, ("200".to_owned(), text), "{how:?}");
    }
    std::fs::write(&file, "x".repeat(100_001)).unwrap();
    assert_eq!(config(&depot, &["--upload-file", from]).await.0, "413");
    depot.stands(OURS, Standing::Elsewhere);
    assert_eq!(config(&depot, &["--upload-file", from]).await.0, "403");
}

#[tokio::test]
async fn curl_fetches_by_tftp_with_and_without_options() {
    if !present() {
        return;
    }
    let depot = Running::new().await;
    depot.offer();
    for arguments in [&["--tftp-blksize", "1428"][..], &["--tftp-no-options"], &["--tftp-blksize", "65464"]] {
        let mut command = Command::new(CURL);
        command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]);
        command.args(arguments).arg(format!("tftp://{}/{}", depot.tftp, image_path())).kill_on_drop(true);
        let output = command.output().await.unwrap();
        assert!(
            output.status.success() && output.stdout == depot.image,
            "{arguments:?}: {:?}",
            output.status
        );
    }
}
