//! CPU time of serving firmware: the depot against nginx with sendfile, whole images and ranges, in the same run.
//!
//! The depot runs in a process of its own (`--serve`), so that its CPU time is nobody else's; the same load generator
//! downloads from both. What counts is CPU time a gigabyte: the speed on loopback is the load generator's.

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod measure;
mod shelf;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use sipherd::depot::serve;
use tokio_util::sync::CancellationToken;

use measure::{cpu, median, peer, row, table, verdict};
use shelf::{PATH, Server, put_image};

const CONNECTIONS: usize = 50;
const IMAGE: usize = 40 * 1000 * 1000;
const RANGE: usize = 64 * 1024;
/// Ranges that each connection asks for; whole images: one.
const RANGES: usize = 200;
const ROUNDS: usize = 3;

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
    match peer("nginx") {
        Some(program) => servers.push(("nginx, sendfile", nginx(&program, folder.path())?)),
        None => println!("no nginx: run tests/peers/fetch and set SIPHERD_PEERS to compare"),
    }
    let mut rows = vec![row(["", "", "CPU a GB", "a CPU-second", "ratio", "goal", ""])];
    for (what, length, times) in [("whole images", IMAGE, 1), ("64 KiB ranges", RANGE, RANGES)] {
        let mut costs = vec![Vec::new(); servers.len()];
        for _ in 0..ROUNDS {
            for ((_, server), costs) in servers.iter().zip(&mut costs) {
                costs.push(seconds_a_gigabyte(server, length, times)?);
            }
        }
        let costs = costs.into_iter().map(median).collect::<Result<Vec<_>>>()?;
        for ((name, _), cost) in servers.iter().zip(&costs) {
            let mut cells = row([what, name, &format!("{cost:.3} s"), &format!("{:.1} GB", 1.0 / cost)]);
            if let [ours, theirs] = costs[..] {
                cells.push(format!("{:.2} x", theirs / cost));
                if *name != "nginx, sendfile" {
                    cells.extend([">= 1 x".to_owned(), verdict(ours <= theirs).to_owned()]);
                }
            }
            rows.push(cells);
        }
    }
    let title = format!(
        "Firmware over HTTP: an image of {} MB, {CONNECTIONS} connections, median of {ROUNDS} rounds",
        IMAGE / 1_000_000
    );
    table(&title, &rows);
    Ok(())
}

/// CPU seconds a server spends on a gigabyte when every connection asks so many times for so many bytes.
fn seconds_a_gigabyte(server: &Server, length: usize, times: usize) -> Result<f64> {
    let before = cpu(server.process.id())?;
    let at = server.at;
    let phones: Vec<_> = (0..CONNECTIONS)
        .map(|phone| std::thread::spawn(move || download(at, phone, length, times)))
        .collect();
    for phone in phones {
        phone.join().map_err(|_| anyhow::anyhow!("a download panicked"))??;
    }
    let spent = cpu(server.process.id())? - before;
    Ok(spent.as_secs_f64() * 1e9 / (CONNECTIONS * length * times) as f64)
}

/// One phone: asks over one connection, again when it has got what it asked for.
fn download(at: SocketAddr, phone: usize, length: usize, times: usize) -> Result<()> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut buffer = vec![0; 128 * 1024];
    for time in 0..times {
        let range = if length < IMAGE {
            let first = (phone * times + time) * length % (IMAGE - length);
            format!("Range: bytes={first}-{}\r\n", first + length - 1)
        } else {
            String::new()
        };
        let request = format!(
            "GET /{PATH} HTTP/1.1\r\nHost: {at}\r\n{range}User-Agent: Mozilla/4.0 (compatible; snomD785-SIP \
             10.1.33.33 2010.12-00004-g9ba52f5 000413922D24 SXM:0 UXM:0)\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let (mut filled, mut head) = (0, None);
        while head.is_none() {
            let read = stream.read(&mut buffer[filled..])?;
            ensure!(read > 0, "the server hung up");
            filled += read;
            head = buffer[..filled].windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
        }
        let head = head.unwrap_or(filled);
        let answer = String::from_utf8_lossy(&buffer[..head]);
        let right = if length < IMAGE { "HTTP/1.1 206" } else { "HTTP/1.1 200" };
        ensure!(answer.starts_with(right), "answered {answer}");
        let mut left = length - (filled - head);
        while left > 0 {
            let most = left.min(buffer.len());
            let read = stream.read(&mut buffer[..most])?;
            ensure!(read > 0, "the server hung up");
            left -= read;
        }
    }
    Ok(())
}

/// The depot over HTTP, for as long as the process lives.
fn serve_image(image: &Path) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let at = listener.local_addr()?;
        shelf::serves_at(at)?;
        let depot = shelf::depot(image, format!("http://{at}"))?;
        Ok(serve(listener, depot, CancellationToken::new()).await?)
    })
}

/// nginx as one process, with what its manual recommends for large files, and no log.
fn nginx(program: &Path, folder: &Path) -> Result<Server> {
    let at = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let root = folder.display();
    let configuration = format!(
        "daemon off; master_process off; pid {root}/nginx.pid; error_log stderr crit;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n\
           access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000;\n\
           open_file_cache max=10;\n\
           client_body_temp_path {root}/a; proxy_temp_path {root}/b; fastcgi_temp_path {root}/c;\n\
           uwsgi_temp_path {root}/d; scgi_temp_path {root}/e;\n\
           server {{ listen {at}; root {root}; }}\n\
         }}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, configuration)?;
    let process = Command::new(program)
        .args(["-e", "stderr", "-p"])
        .arg(folder)
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::null())
        .spawn()?;
    let server = Server { process, at };
    // It tells nobody when it is ready.
    for _ in 0..200 {
        if TcpStream::connect(at).is_ok() {
            return Ok(server);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    anyhow::bail!("nginx does not listen on {at}")
}
