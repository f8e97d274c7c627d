//! One image that is offered to everybody, by a depot in a process of its own: its time is nobody else's.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use sipherd::depot::Depot;
use sipherd::domain::firmware::{Image, Part};
use sipherd::ports::{Gatekeeper, Images, Permit, PhoneNews, Transfer, Visit};

/// The image's file.
pub const FILE: &str = "snomD785-10.1.198.19-SIP-r.bin";
/// Where a phone asks for it.
pub const PATH: &str = "snom/000413922D24/snomD785-10.1.198.19-SIP-r.bin";

/// An image of so many bytes where a server with this folder finds it under [`PATH`].
pub fn put_image(folder: &Path, length: usize) -> Result<PathBuf> {
    let block: Vec<u8> = (0..65_521_u32).map(|i| (i / 7 % 251) as u8).collect();
    let image = block.repeat(length / block.len() + 1)[..length].to_vec();
    let served = folder.join(PATH);
    std::fs::create_dir_all(served.parent().context("a folder")?)?;
    std::fs::write(&served, image)?;
    Ok(served)
}

/// A server in a process of its own; ended when dropped.
pub struct Server {
    pub process: Child,
    pub at: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// This program once more, which serves this image.
    pub fn depot(image: &Path) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("--serve")
            .arg(image)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
        Ok(Self { process, at: line.trim().parse()? })
    }
}

/// The image that this program is to serve, if it was started for that.
pub fn to_serve() -> Result<Option<PathBuf>> {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(word) if word == "--serve" => Ok(Some(arguments.next().context("serve what?")?.into())),
        Some(_) | None => Ok(None),
    }
}

/// Tells who started this program where it serves.
pub fn serves_at(at: SocketAddr) -> Result<()> {
    println!("{at}");
    Ok(std::io::stdout().flush()?)
}

/// A depot that offers the image in this file to everybody.
pub fn depot(image: &Path, base: impl Into<String>) -> Result<Depot> {
    let shelf = Arc::new(Shelf(Bytes::from(std::fs::read(image)?)));
    let makers = Arc::new(sipherd::config::profiles::shipped);
    Ok(Depot::new(shelf.clone(), shelf, makers, base))
}

struct Shelf(Bytes);

impl Gatekeeper for Shelf {
    fn visit(&self, _: Visit) -> BoxFuture<'static, Permit> {
        let (release, file) = ("nov".into(), FILE.to_owned());
        Box::pin(std::future::ready(Permit::Offer { release, file, lanes: Vec::new() }))
    }

    fn transfer(&self, _: Transfer) {}

    fn told(&self, _: sipherd::domain::phone::Mac, _: std::net::IpAddr, _: PhoneNews) {}
}

impl Images for Shelf {
    fn open(&self, _: &str, _: &str) -> Option<(Bytes, String)> {
        Some((self.0.clone(), "5f2c9a".repeat(10)))
    }

    fn beside(&self, _: &str, _: &str, _: Part) -> Option<Image> {
        None
    }

    fn list(&self, _: &str) -> Vec<Image> {
        Vec::new()
    }
}
