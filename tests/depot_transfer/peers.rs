//! Debian's own clients of TFTP and FTP: they were written for other servers.

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::process::Output;

use sipherd::depot::Rescue;
use sipherd::ports::TransferStep;
use tokio::process::Command;

use super::fixture::{D785, Equipment, LENGTH, OURS, Running, image_path};
use crate::support::peers::require;

/// Runs a client; it may take a minute.
async fn run(program: &Path, arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).kill_on_drop(true);
    let output = tokio::time::timeout(super::fixture::AT_MOST, command.output()).await;
    output.unwrap_or_else(|_| panic!("{program:?} does not end")).unwrap()
}

fn fetched(folder: &Path, file: &str) -> Vec<u8> {
    std::fs::read(folder.join(file)).unwrap_or_default()
}

async fn both_steps(depot: &mut Running, who: &str) {
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 }, "{who}");
    assert_eq!(depot.step().await, TransferStep::Delivered, "{who}");
}

#[tokio::test]
async fn debians_tftp_fetches_an_image_in_both_modes_and_is_told_why_not() {
    let Some([tftp]) = require(["tftp"]) else { return };
    let mut depot = Running::new().await;
    let (folder, port) = (tempfile::tempdir().unwrap(), depot.tftp.port().to_string());
    let get = |mode: &str, to: &str| -> Vec<String> {
        let words = ["-m", mode, "127.0.0.1", &port, "-c", "get", &image_path(), to];
        words.map(str::to_owned).to_vec()
    };
    let words = get("octet", "refused");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = run(&tftp, &words, folder.path()).await;
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is not offered to 00:04:13:92:2d:24: it is not its turn"), "{said}");
    depot.offer();
    for mode in ["octet", "netascii"] {
        let words = get(mode, mode);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = run(&tftp, &words, folder.path()).await;
        assert!(fetched(folder.path(), mode) == depot.image, "{mode}: {output:?}");
        both_steps(&mut depot, mode).await;
    }
}

#[tokio::test]
async fn atftp_fetches_with_every_option() {
    let Some([atftp]) = require(["atftp"]) else { return };
    let mut depot = Running::new().await;
    depot.offer();
    let (folder, port) = (tempfile::tempdir().unwrap(), depot.tftp.port().to_string());
    for (name, options) in [
        ("plain", &[][..]),
        ("large", &["blksize 1428"]),
        ("huge", &["blksize 65464", "tsize 0"]),
        ("small", &["blksize 8", "windowsize 64"]),
        ("windows", &["blksize 1428", "windowsize 16", "timeout 2", "tsize 0"]),
    ] {
        let mut words = Vec::new();
        for option in options {
            words.extend(["--option", option]);
        }
        let path = image_path();
        words.extend(["--get", "--remote-file", &path, "--local-file", name, "127.0.0.1", &port]);
        let output = run(&atftp, &words, folder.path()).await;
        assert!(output.status.success() && fetched(folder.path(), name) == depot.image, "{name}: {output:?}");
        both_steps(&mut depot, name).await;
    }
}

#[tokio::test]
async fn debians_tftp_loads_a_long_image_whose_count_wraps() {
    let Some([tftp]) = require(["tftp"]) else { return };
    let rescue = Rescue { release: "nov".into(), models: Default::default(), networks: Vec::new() };
    let length = 512 * 65_540 + 7;
    let depot = Running::equipped(length, Equipment { rescues: vec![rescue], ..Equipment::default() }).await;
    let (folder, port) = (tempfile::tempdir().unwrap(), depot.tftp.port().to_string());
    let words = ["-m", "octet", "127.0.0.1", &port, "-c", "get", "snomD785.bin", "rescued"];
    let output = run(&tftp, &words, folder.path()).await;
    assert!(fetched(folder.path(), "rescued") == depot.image, "{output:?}");
}

#[tokio::test]
async fn a_depot_at_all_addresses_serves_both_families() {
    let Some([tftp, ftp]) = require(["tftp", "ftp"]) else { return };
    if !super::curl::present() {
        return;
    }
    let address = Some(Ipv6Addr::UNSPECIFIED.into());
    let equipment = Equipment { address, ..Equipment::default() };
    let mut depot = Running::equipped(LENGTH, equipment).await;
    depot.offer();
    let folder = tempfile::tempdir().unwrap();
    for (family, at) in [("six", "::1"), ("four", "127.0.0.1")] {
        let (port, file) = (depot.tftp.port().to_string(), format!("{family}-tftp"));
        let words = ["-m", "octet", at, &port, "-c", "get", &image_path(), &file];
        let output = run(&tftp, &words, folder.path()).await;
        assert!(fetched(folder.path(), &file) == depot.image, "{file}: {output:?}");
        both_steps(&mut depot, &file).await;
        let place = if family == "six" { format!("[{at}]") } else { at.to_owned() };
        let (url, file) =
            (format!("http://{place}:{}{}", depot.at.port(), image_path()), format!("{family}-http"));
        let output =
            run(Path::new(super::curl::CURL), &["-sS", "-g", "-o", &file, &url], folder.path()).await;
        assert!(fetched(folder.path(), &file) == depot.image, "{file}: {output:?}");
        both_steps(&mut depot, &file).await;
        let account = depot.accounts.open(OURS.parse().unwrap(), &[D785]);
        let login = format!("{}:{}", account.user, account.password.reveal());
        let (url, file) =
            (format!("ftp://{login}@{place}:{}/{D785}", depot.ftp.port()), format!("{family}-ftp"));
        let output = run(&ftp, &["-V", "-o", &file, &url], folder.path()).await;
        assert!(fetched(folder.path(), &file) == depot.image, "{file}: {output:?}");
        both_steps(&mut depot, &file).await;
        // The gatekeeper is told the phone's own address, not one that is dressed up as the other family's.
        let from: Vec<String> =
            depot.visits().iter().rev().take(3).map(|visit| visit.source.to_string()).collect();
        assert_eq!(from, [at; 3]);
    }
}

#[tokio::test]
async fn debians_ftp_fetches_and_lists() {
    let Some([ftp]) = require(["ftp"]) else { return };
    let mut depot = Running::with(LENGTH, Default::default()).await;
    depot.offer();
    let account = depot.accounts.open(OURS.parse().unwrap(), &[D785]);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("ftp://{}:{}@{}/{D785}", account.user, account.password.reveal(), depot.ftp);
    for (name, more) in [("extended", &[][..]), ("old", &["-4"])] {
        let words: Vec<&str> = more.iter().copied().chain(["-V", "-o", name, &url]).collect();
        let output = run(&ftp, &words, folder.path()).await;
        assert!(output.status.success() && fetched(folder.path(), name) == depot.image, "{name}: {output:?}");
        both_steps(&mut depot, name).await;
    }
    let to: PathBuf = folder.path().join("wrong");
    let url = url.replace(account.password.reveal(), "wrong");
    let output = run(&ftp, &["-V", "-o", to.to_str().unwrap(), &url], folder.path()).await;
    assert!(!output.status.success() && !to.exists(), "{output:?}");
}
