//! A phone's FTP client: it logs in, goes to a folder and takes one file (RFC 959, passive).

use std::net::IpAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::web::connect;

/// Where a file lies.
pub(super) struct Where<'a> {
    pub server: &'a str,
    pub port: u16,
    pub username: &'a str,
    pub password: &'a str,
    pub path: &'a str,
    pub file: &'a str,
}

/// A file on its way.
pub(super) struct Download {
    control: Control,
    pub data: TcpStream,
}

impl Download {
    /// Whether the server said that all of it was sent.
    pub async fn confirmed(mut self) -> bool {
        drop(self.data);
        let whole = matches!(self.control.answer().await, Some(226 | 250));
        self.control.tell("QUIT").await;
        whole
    }
}

struct Control {
    lines: BufReader<OwnedReadHalf>,
    orders: OwnedWriteHalf,
    last: String,
}

impl Control {
    /// The number of the next answer; those of several lines are read to their end.
    async fn answer(&mut self) -> Option<u16> {
        loop {
            self.last.clear();
            if self.lines.read_line(&mut self.last).await.ok()? == 0 {
                return None;
            }
            let number = self.last.get(..3).and_then(|text| text.parse().ok());
            if let (Some(number), Some(" ")) = (number, self.last.get(3..4)) {
                return Some(number);
            }
        }
    }

    async fn tell(&mut self, order: &str) -> Option<u16> {
        self.orders.write_all(format!("{order}\r\n").as_bytes()).await.ok()?;
        self.answer().await
    }
}

/// Begins a download; `None` when the server will not have it.
pub(super) async fn open(from: IpAddr, place: &Where<'_>) -> Option<Download> {
    let host = format!("{}:{}", place.server, place.port);
    let (lines, orders) = connect(from, &host, 21).await?.into_split();
    let mut control = Control { lines: BufReader::new(lines), orders, last: String::new() };
    (control.answer().await? == 220).then_some(())?;
    let mut login = control.tell(&format!("USER {}", place.username)).await?;
    if login == 331 {
        login = control.tell(&format!("PASS {}", place.password)).await?;
    }
    (login == 230).then_some(())?;
    (control.tell("TYPE I").await? == 200).then_some(())?;
    if !matches!(place.path, "" | "/") {
        (control.tell(&format!("CWD {}", place.path)).await? == 250).then_some(())?;
    }
    (control.tell("PASV").await? == 227).then_some(())?;
    let port = passive_port(&control.last)?;
    let data = connect(from, &format!("{}:{port}", place.server), 0).await?;
    matches!(control.tell(&format!("RETR {}", place.file)).await?, 125 | 150).then_some(())?;
    Some(Download { control, data })
}

/// Reads some bytes of a file; none is its end.
pub(super) async fn read(download: &mut Download, buffer: &mut [u8]) -> Option<usize> {
    download.data.read(buffer).await.ok()
}

/// The port in `227 Entering Passive Mode (127,0,0,1,4,1).`
fn passive_port(answer: &str) -> Option<u16> {
    let numbers = answer.split_once('(')?.1.split(')').next()?;
    let mut numbers = numbers.split(',').skip(4).map(|n| n.trim().parse::<u16>().ok());
    let (high, low) = (numbers.next()??, numbers.next()??);
    high.checked_mul(256)?.checked_add(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_passive_port_is_read() {
        assert_eq!(passive_port("227 Entering Passive Mode (127,0,0,1,4,1).\r\n"), Some(1025));
        assert_eq!(passive_port("227 (1,2)"), None);
    }
}
