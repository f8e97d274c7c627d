//! Images over FTP: to the phone whose account it is, while it is permitted, and nothing else.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Output;

use sipherd::depot::{FtpAccount, Limits};
use sipherd::ports::{Lane, TransferStep};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::curl::{CURL, present};
use super::fixture::{AT_MOST, D785, Equipment, LENGTH, OTHERS, OURS, Running};

/// A phone's control connection.
struct Control(BufReader<TcpStream>);

impl Control {
    /// Connects, and takes the greeting.
    async fn to(at: SocketAddr) -> (Self, String) {
        let mut control = Self(BufReader::new(TcpStream::connect(at).await.unwrap()));
        let greeting = control.reply().await;
        (control, greeting)
    }

    async fn logged_in(depot: &Running, account: &FtpAccount) -> Self {
        let (mut control, _) = Self::to(depot.ftp).await;
        assert!(control.say(&format!("USER {}", account.user)).await.starts_with("331 "));
        let answer = control.say(&format!("PASS {}", account.password.reveal())).await;
        assert!(answer.starts_with("230 "), "{answer}");
        control
    }

    async fn say(&mut self, command: &str) -> String {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        self.reply().await
    }

    async fn reply(&mut self) -> String {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            timeout(AT_MOST, self.0.read_line(&mut line)).await.expect("no reply").unwrap();
            text += &line;
            if line.is_empty() || line.as_bytes().get(3) == Some(&b' ') {
                return text;
            }
        }
    }

    /// Opens a data connection.
    async fn passive(&mut self) -> TcpStream {
        let answer = self.say("PASV").await;
        let numbers = answer.split(['(', ')']).nth(1).unwrap_or_else(|| panic!("{answer}"));
        let numbers: Vec<u16> = numbers.split(',').map(|n| n.parse().unwrap()).collect();
        let host = format!("{}.{}.{}.{}", numbers[0], numbers[1], numbers[2], numbers[3]);
        TcpStream::connect(format!("{host}:{}", numbers[4] * 256 + numbers[5])).await.unwrap()
    }

    /// The bytes of a file from this one on, and what was said behind them.
    async fn fetch(&mut self, file: &str, from: usize) -> (Vec<u8>, String) {
        assert!(self.say("TYPE I").await.starts_with("200 "));
        let mut data = self.passive().await;
        if from > 0 {
            assert!(self.say(&format!("REST {from}")).await.starts_with("350 "));
        }
        let answer = self.say(&format!("RETR {file}")).await;
        assert!(answer.starts_with("150 "), "{answer}");
        let mut bytes = Vec::new();
        timeout(AT_MOST, data.read_to_end(&mut bytes)).await.expect("no end").unwrap();
        (bytes, self.reply().await)
    }
}

fn account(depot: &Running) -> FtpAccount {
    depot.accounts.open(OURS.parse().unwrap(), &[D785])
}

#[tokio::test]
async fn a_permitted_phone_logs_in_and_fetches_its_image() {
    let mut depot = Running::new().await;
    depot.offer();
    let account = account(&depot);
    let (_, greeting) = Control::to(depot.ftp).await;
    assert_eq!(greeting, "220 ready\r\n", "it names nobody");
    let mut control = Control::logged_in(&depot, &account).await;
    assert!(control.say(&format!("SIZE {D785}")).await.starts_with(&format!("213 {}", depot.image.len())));
    depot.no_step();
    let (bytes, said) = control.fetch(D785, 0).await;
    assert!(bytes == depot.image && said.starts_with("226 "), "{said}");
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
    assert_eq!(depot.step().await, TransferStep::Delivered);
    let (bytes, _) = control.fetch(&format!("/{D785}"), 1_000_000).await;
    assert!(bytes == depot.image[1_000_000..]);
    assert_eq!(depot.step().await, TransferStep::Began { offset: 1_000_000 });
    assert_eq!(depot.step().await, TransferStep::Delivered);
    let visits = depot.visits();
    assert!(visits[0].peek && !visits.last().unwrap().peek, "asking for its length is only a look");
    assert_eq!(visits[0].mac, OURS.parse().unwrap());
}

#[tokio::test]
async fn data_connections_come_in_at_the_ports_that_were_named_and_at_no_others() {
    // Outside of what the machine gives to those that ask for any port.
    let ports = 21_900..=21_939;
    let equipment = Equipment { passive_ports: Some(ports.clone()), ..Equipment::default() };
    let depot = Running::equipped(LENGTH, equipment).await;
    let mut seen = BTreeSet::new();
    for _ in 0..6 {
        let mut control = Control::logged_in(&depot, &account(&depot)).await;
        seen.insert(control.passive().await.peer_addr().unwrap().port());
        let answer = control.say("EPSV").await;
        seen.insert(answer.split('|').nth(3).unwrap_or_else(|| panic!("{answer}")).parse().unwrap());
    }
    assert!(seen.iter().all(|port| ports.contains(port)) && seen.len() > 1, "{seen:?}");
}

#[tokio::test]
async fn nobody_else_gets_in() {
    let depot = Running::new().await;
    depot.offer();
    let account = account(&depot);
    let password = account.password.reveal();
    for (user, password) in
        [("anonymous", "x@y"), (OURS, "wrong"), (OTHERS, password), ("root", password), (OURS, "")]
    {
        let (mut control, _) = Control::to(depot.ftp).await;
        control.say(&format!("USER {user}")).await;
        let answer = control.say(&format!("PASS {password}")).await;
        assert!(answer.starts_with("530 "), "{user}: {answer}");
        let answer = control.say("PASV").await;
        assert!(answer.starts_with("530 "), "{user}: {answer}");
    }
    assert!(depot.visits().is_empty());
}

#[tokio::test]
async fn without_a_permit_its_folder_is_empty() {
    let mut depot = Running::new().await;
    let mut control = Control::logged_in(&depot, &account(&depot)).await;
    assert!(control.say(&format!("SIZE {D785}")).await.starts_with("550 "));
    let mut data = control.passive().await;
    assert!(control.say("NLST").await.starts_with("150 "));
    let mut names = String::new();
    data.read_to_string(&mut names).await.unwrap();
    assert_eq!(names, "");
    control.reply().await;
    let (bytes, said) = control.fetch(D785, 0).await;
    assert!(bytes.is_empty() && said.starts_with("550 "), "{said}");
    depot.no_step();
    depot.offer();
    let mut data = control.passive().await;
    assert!(control.say("NLST").await.starts_with("150 "));
    data.read_to_string(&mut names).await.unwrap();
    assert_eq!(names, format!("{D785}\r\n"));
}

#[tokio::test]
async fn nothing_can_be_written_and_no_path_leads_out() {
    let depot = Running::new().await;
    depot.offer();
    let mut control = Control::logged_in(&depot, &account(&depot)).await;
    for command in
        ["DELE x", "MKD x", "RMD x", "CWD ..", "CWD nov", "SIZE ../nov/release.toml", "SIZE release.toml"]
    {
        let answer = control.say(command).await;
        let refused = answer.starts_with("550 ") || (command == "CWD .." && answer.starts_with("250 "));
        assert!(refused, "{command}: {answer}");
    }
    let (bytes, said) = control.fetch("../releases/nov/release.toml", 0).await;
    assert!(bytes.is_empty() && said.starts_with("550 "), "{said}");
    let mut data = control.passive().await;
    control.say("STOR x.bin").await;
    let _ = data.write_all(b"x").await;
    drop(data);
    assert!(control.reply().await.starts_with("550 "));
    let answer = control.say("PORT 127,0,0,1,1,1").await;
    assert!(answer.starts_with('5'), "it connects to nobody: {answer}");
}

#[tokio::test]
async fn an_account_is_for_one_image_and_ends_with_the_next() {
    let depot = Running::new().await;
    depot.offer();
    let other = depot.accounts.open(OURS.parse().unwrap(), &["other.bin"]);
    let mut control = Control::logged_in(&depot, &other).await;
    assert!(control.say(&format!("SIZE {D785}")).await.starts_with("550 "));
    assert!(depot.visits().is_empty());
    account(&depot);
    let (mut control, _) = Control::to(depot.ftp).await;
    control.say(&format!("USER {}", other.user)).await;
    assert!(control.say(&format!("PASS {}", other.password.reveal())).await.starts_with("530 "));
}

#[tokio::test]
async fn a_transfer_that_breaks_off_is_told() {
    let mut depot = Running::long(Limits::default()).await;
    depot.offer();
    let mut control = Control::logged_in(&depot, &account(&depot)).await;
    control.say("TYPE I").await;
    let mut data = control.passive().await;
    control.say(&format!("RETR {D785}")).await;
    data.read_exact(&mut [0; 1000]).await.unwrap();
    drop(data);
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
    assert!(matches!(depot.step().await, TransferStep::Broken { at } if at > 0));
}

#[tokio::test]
async fn a_transfer_that_does_not_end_is_cut_off_by_the_shutdown_and_told() {
    let limits = Limits { drain: Duration::from_millis(50), ..Limits::default() };
    let mut depot = Running::long(limits).await;
    depot.offer();
    let mut control = Control::logged_in(&depot, &account(&depot)).await;
    control.say("TYPE I").await;
    let _data = control.passive().await;
    control.say(&format!("RETR {D785}")).await;
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
    depot.shutdown.cancel();
    timeout(AT_MOST, &mut depot.serving_ftp).await.expect("still serving").unwrap();
    assert!(matches!(depot.step().await, TransferStep::Broken { .. }));
}

async fn curl(depot: &Running, account: &FtpAccount, arguments: &[&str]) -> Output {
    let mut command = Command::new(CURL);
    command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "60", "--user"]);
    command.arg(format!("{}:{}", account.user, account.password.reveal()));
    command.args(arguments).arg(format!("ftp://{}/{D785}", depot.ftp)).kill_on_drop(true);
    command.output().await.unwrap()
}

#[tokio::test]
async fn curl_fetches_by_ftp_whole_in_part_and_within_its_lanes() {
    if !present() {
        return;
    }
    let depot = Running::new().await;
    depot.offer();
    let account = account(&depot);
    for mode in ["--ftp-pasv", "--disable-epsv"] {
        let output = curl(&depot, &account, &[mode]).await;
        assert!(
            output.status.success() && output.stdout == depot.image,
            "{mode}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let output = curl(&depot, &account, &["--continue-at", "1234567"]).await;
    assert!(output.status.success() && output.stdout == depot.image[1_234_567..]);
    let output = curl(&depot, &account, &["--head"]).await;
    assert!(String::from_utf8_lossy(&output.stdout).contains("Content-Length: 2000003"), "{output:?}");
    let lane = Lane { name: "policy in all".into(), bytes_per_second: 4_000_000 };
    depot.offer_within(&[OURS], &[lane]);
    let began = tokio::time::Instant::now();
    assert!(curl(&depot, &account, &[]).await.stdout == depot.image);
    assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
    depot.accounts.close(OURS.parse().unwrap());
    let output = curl(&depot, &account, &[]).await;
    assert_eq!(output.status.code(), Some(67), "curl's status for a refused login");
}
