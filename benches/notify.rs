//! CPU time of a NOTIFY transaction: our agent against SIPp as UAC, each sending the same request to the same answerer
//! in the same run.
//!
//! Three processes: this one drives, `--answer` is the phones, `--agent` is a process around the agent alone, so that
//! its CPU time is nobody else's. SIPp is charged for its run less that of a run with one message, which is its start.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod measure;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sipherd::domain::phone::{Contact, LineId, PbxName};
use sipherd::domain::trip::Notice;
use sipherd::ports::{Notifier, NotifyOrder, NotifyOutcome, OrderId, Target};
use sipherd::sip::{Agent, AgentConfig, Timers};
use tokio_util::sync::CancellationToken;

use measure::{cpu, median, peer, row, table, verdict};

const MESSAGES: u32 = 20_000;
/// Under way at once: what fits into an ordinary socket buffer, so that nobody resends.
const AT_ONCE: u32 = 100;
const ROUNDS: usize = 5;
const GOAL: f64 = 2.0;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("--answer") => answer(),
        Some("--agent") => agent(arguments.get(2).context("notify whom?")?.parse()?),
        _ => compare(),
    }
}

fn compare() -> Result<()> {
    let mut phones = spawn(&["--answer"])?;
    let to: SocketAddr = phones.line()?.parse()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let sipp = peer("sipp");
    for _ in 0..ROUNDS {
        ours.push(spawn(&["--agent", &to.to_string()])?.line()?.parse()?);
        if let Some(sipp) = &sipp {
            let start = sipp_seconds(sipp, to, 1)?;
            theirs.push((sipp_seconds(sipp, to, MESSAGES)? - start) * 1e6 / f64::from(MESSAGES - 1));
        }
    }
    drop(phones);
    let ours = median(ours)?;
    let per_second = |micros: f64| format!("{:.0}", 1e6 / micros);
    let mut rows = vec![row(["", "CPU each", "a CPU-second", "ratio", "goal", ""])];
    let mut cells = row(["sipherd's agent", &format!("{ours:.2} us"), &per_second(ours)]);
    if theirs.is_empty() {
        println!("no SIPp: run tests/peers/fetch and set SIPHERD_PEERS to compare");
        rows.push(cells);
    } else {
        let theirs = median(theirs)?;
        let ratio = theirs / ours;
        cells.extend([format!("{ratio:.2} x"), format!(">= {GOAL:.0} x"), verdict(ratio >= GOAL).to_owned()]);
        rows.push(cells);
        rows.push(row(["SIPp as UAC", &format!("{theirs:.2} us"), &per_second(theirs), "1.00 x"]));
    }
    table(
        &format!(
            "NOTIFY transactions over UDP: {MESSAGES} of each, {AT_ONCE} at once, median of {ROUNDS} rounds"
        ),
        &rows,
    );
    Ok(())
}

/// A process of this benchmark; ended when dropped.
struct Part(Child);

impl Part {
    /// The next line it prints.
    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().context("no output")?).read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It has ended already, or ends now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(arguments: &[&str]) -> Result<Part> {
    Ok(Part(Command::new(std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?))
}

/// The phones: answers every request with 200 until it is ended.
fn answer() -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20)?;
    println!("{}", socket.local_addr()?);
    std::io::stdout().flush()?;
    let (mut buffer, mut reply) = (vec![0; 65_536], Vec::with_capacity(1024));
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        reply.clear();
        reply.extend_from_slice(b"SIP/2.0 200 OK\r\n");
        for line in buffer[..length].split_inclusive(|byte| *byte == b'\n') {
            if [&b"Via:"[..], b"From:", b"Call-ID:", b"CSeq:"].iter().any(|name| line.starts_with(name)) {
                reply.extend_from_slice(line);
            } else if line.starts_with(b"To:") {
                reply.extend_from_slice(line.trim_ascii_end());
                reply.extend_from_slice(b";tag=8f3a\r\n");
            }
        }
        reply.extend_from_slice(b"User-Agent: snomD785/10.1.198.19\r\nContent-Length: 0\r\n\r\n");
        socket.send_to(&reply, from)?;
    }
}

/// The agent alone: sends all NOTIFYs and prints the microseconds of CPU time that each took.
fn agent(to: SocketAddr) -> Result<()> {
    // One thread, as SIPp has one: a second would be charged for the wake-ups between the two.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let config = AgentConfig {
            listen: "127.0.0.1:0".parse()?,
            advertise: None,
            user: "sipherd".to_owned(),
            outbound_proxy: None,
            credentials: Default::default(),
            notifies_per_second: 1_000_000,
            timers: Timers::default(),
        };
        let agent = Agent::start(config, CancellationToken::new())?;
        let before = cpu(std::process::id())?;
        let senders: Vec<_> = (0..AT_ONCE)
            .map(|sender| {
                let agent = agent.clone();
                tokio::spawn(async move {
                    for n in (sender..MESSAGES).step_by(AT_ONCE as usize) {
                        match agent.notify(order(n, to)).await {
                            NotifyOutcome::Answered { status: 200, .. } => {}
                            other => bail!("message {n}: {other:?}"),
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        for sender in senders {
            sender.await??;
        }
        let spent = cpu(std::process::id())? - before;
        println!("{}", spent.as_secs_f64() * 1e6 / f64::from(MESSAGES));
        Ok(())
    })
}

fn order(n: u32, to: SocketAddr) -> NotifyOrder {
    let user = (2_000_000 + n).to_string();
    let contact = Contact {
        uri: format!("sip:{user}@{to};line=2c03007c").into(),
        source: Some(to),
        call_id: None,
        user_agent: None,
        expires: None,
    };
    let line = LineId { pbx: PbxName::new("pbx1"), user: user.into() };
    let notice = Notice::event("check-sync;reboot=true");
    NotifyOrder {
        id: OrderId(u64::from(n)),
        target: Target { line, contact },
        notice,
        copies_for: Duration::from_secs(32),
    }
}

/// CPU seconds of a whole SIPp that sends so many.
fn sipp_seconds(sipp: &Path, to: SocketAddr, messages: u32) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let scenario = folder.path().join("notify.xml");
    std::fs::write(&scenario, SCENARIO)?;
    let mut child = Command::new(sipp)
        .arg(to.to_string())
        .arg("-sf")
        .arg(&scenario)
        .args(["-i", "127.0.0.1", "-m", &messages.to_string(), "-l", &AT_ONCE.to_string(), "-r", "100000"])
        .args(["-nostdin", "-buff_size", "4194304", "-timeout", "20"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let pid = child.id();
    // Its account can be read until it is waited for.
    let status = format!("/proc/{pid}/stat");
    while !std::fs::read_to_string(&status)?.contains(") Z ") {
        std::thread::sleep(Duration::from_millis(5));
    }
    let spent = cpu(pid)?;
    ensure!(child.wait()?.success(), "SIPp did not get all its answers");
    Ok(spent.as_secs_f64())
}

const SCENARIO: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="a NOTIFY">
  <send retrans="500">
    <![CDATA[
      NOTIFY sip:[call_number]@[remote_ip]:[remote_port];line=2c03007c SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
      Max-Forwards: 70
      From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
      To: <sip:[call_number]@[remote_ip]>
      Call-ID: [call_id]
      CSeq: 1 NOTIFY
      Contact: <sip:sipp@[local_ip]:[local_port]>
      User-Agent: sipherd/0.1.0
      Event: check-sync;reboot=true
      Subscription-State: terminated
      Content-Length: [len]

    ]]>
  </send>
  <recv response="200"/>
</scenario>
"#;
