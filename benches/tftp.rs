//! Speed of TFTP: the depot against tftpd-hpa, one transfer and fifty, with and without windows, in the same run.
//!
//! Both run in processes of their own; the same client, a thread for each transfer, fetches from both. tftpd-hpa knows no
//! windowsize and leaves it out of its answer, so for a client that asks for windows it goes on block by block.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod measure;
mod shelf;

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sipherd::depot::{Releases, Rescues, TftpLimits, serve_tftp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use measure::{median, peer, row, table, verdict};
use shelf::{PATH, Server, put_image};

const IMAGE: usize = 4 * 1000 * 1000;
const BLOCK: usize = 1428;
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    match shelf::to_serve()? {
        Some(image) => serve_image(&image),
        None => compare(),
    }
}

fn compare() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let served = put_image(folder.path(), IMAGE)?;

    let mut servers = vec![("sipherd's depot", Server::depot(&served)?)];
    match peer("in.tftpd") {
        Some(program) => servers.push(("tftpd-hpa", tftpd(&program, folder.path())?)),
        None => println!("no tftpd-hpa: run tests/peers/fetch and set SIPHERD_PEERS to compare"),
    }
    let mut rows = vec![row(["", "", "MB a second", "ratio", "goal", ""])];
    for (what, transfers, window, goal) in [
        ("one transfer", 1, None, 1.0),
        ("50 transfers", 50, None, 1.0),
        ("one transfer, windowsize 16", 1, Some(16), 2.0),
        ("50 transfers, windowsize 16", 50, Some(16), 2.0),
    ] {
        let mut speeds = vec![Vec::new(); servers.len()];
        for _ in 0..ROUNDS {
            for ((_, server), speeds) in servers.iter().zip(&mut speeds) {
                speeds.push(megabytes_a_second(server, transfers, window)?);
            }
        }
        let speeds = speeds.into_iter().map(median).collect::<Result<Vec<_>>>()?;
        for ((name, _), speed) in servers.iter().zip(&speeds) {
            let mut cells = row([what, name, &format!("{speed:.0}")]);
            if let [ours, theirs] = speeds[..] {
                cells.push(format!("{:.2} x", speed / theirs));
                if *name != "tftpd-hpa" {
                    cells.extend([format!(">= {goal} x"), verdict(ours / theirs >= goal).to_owned()]);
                }
            }
            rows.push(cells);
        }
    }
    let title = format!(
        "Firmware over TFTP: an image of {} MB in blocks of {BLOCK} bytes, median of {ROUNDS} rounds",
        IMAGE / 1_000_000
    );
    table(&title, &rows);
    Ok(())
}

/// How fast so many transfers at once go together.
fn megabytes_a_second(server: &Server, transfers: usize, window: Option<u16>) -> Result<f64> {
    let (at, began) = (server.at, Instant::now());
    let phones: Vec<_> = (0..transfers).map(|_| std::thread::spawn(move || download(at, window))).collect();
    for phone in phones {
        phone.join().map_err(|_| anyhow::anyhow!("a download panicked"))??;
    }
    Ok((IMAGE * transfers) as f64 / 1e6 / began.elapsed().as_secs_f64())
}

/// One phone: fetches the image and acknowledges every block, or every window that was agreed on.
fn download(at: SocketAddr, window: Option<u16>) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    let mut ask = format!("\0\x01{PATH}\0octet\0blksize\0{BLOCK}\0").into_bytes();
    if let Some(window) = window {
        ask.extend_from_slice(format!("windowsize\0{window}\0").as_bytes());
    }
    socket.send_to(&ask, at)?;
    let mut packet = [0; 4 + BLOCK];
    let (mut answer, mut silent) = (ask, 0);
    let (mut transfer, mut agreed, mut had, mut in_window, mut got) = (at, 1, 0_u16, 0, 0);
    loop {
        let (length, from) = match socket.recv_from(&mut packet) {
            Ok(received) => received,
            Err(_) if silent < 20 => {
                silent += 1;
                socket.send_to(&answer, transfer)?;
                continue;
            }
            Err(error) => return Err(error).context("the server is silent"),
        };
        (transfer, silent) = (from, 0);
        let number = u16::from_be_bytes([packet[2], packet[3]]);
        let acknowledges = match packet[1] {
            6 => {
                let text = String::from_utf8_lossy(&packet[2..length]).into_owned();
                let mut words = text.split('\0');
                if words.any(|word| word == "windowsize") {
                    agreed = words.next().context("a window")?.parse()?;
                }
                true
            }
            3 if number == had.wrapping_add(1) => {
                (had, in_window, got) = (number, in_window + 1, got + length - 4);
                in_window == agreed || length < 4 + BLOCK
            }
            3 => in_window > 0 || agreed == 1,
            _ => bail!("answered {:?}", String::from_utf8_lossy(&packet[..length])),
        };
        if acknowledges {
            in_window = 0;
            answer = [&[0, 4][..], &had.to_be_bytes()].concat();
            socket.send_to(&answer, transfer)?;
        }
        if packet[1] == 3 && length < 4 + BLOCK && number == had {
            ensure!(got == IMAGE, "{got} bytes");
            return Ok(());
        }
    }
}

/// The depot's TFTP server, for as long as the process lives.
fn serve_image(image: &Path) -> Result<()> {
    let nothing = Arc::new(Releases::open(&image.with_file_name("releases"))?);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
        shelf::serves_at(socket.local_addr()?)?;
        let depot = shelf::depot(image, "http://127.0.0.1")?;
        let limits = TftpLimits { per_phone: 1_000, ..TftpLimits::default() };
        let rescues = Rescues::new(Vec::new(), nothing);
        serve_tftp(limits, socket, depot, rescues, CancellationToken::new()).await;
        Ok(())
    })
}

/// tftpd-hpa as its package starts it, for this folder; it must be started as root.
fn tftpd(program: &Path, folder: &Path) -> Result<Server> {
    let at = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    let process = Command::new(program)
        .args(["--foreground", "--user", "root", "--address", &at.to_string(), "--secure"])
        .arg(folder)
        .spawn()?;
    let server = Server { process, at };
    // It tells nobody when it is ready.
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    for _ in 0..100 {
        socket.send_to(b"\0\x01nothing\0octet\0", at)?;
        if socket.recv_from(&mut [0; 100]).is_ok() {
            return Ok(server);
        }
    }
    bail!("tftpd-hpa does not listen on {at}")
}
