//! Who gets what over TFTP: the gatekeeper's word for phones, the administrator's for broken ones.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::name::{Wants, read};
use super::options::agree;
use super::packet::{Ask, code, error};
use super::sending::Sending;
use super::transfer::{Ended, transfer};
use super::{Counter, Place};
use crate::domain::codes::Codes;
use crate::domain::phone::{Mac, Model, Vendor};
use crate::ports::{Gatekeeper, Lane, Permit, Transfer, TransferStep, Visit, Wanted};

/// The decision must come within this time; else the client is asked to come again.
const DECISION: Duration = Duration::from_secs(10);

/// More blocks than this make the count wrap, which a bootloader may not expect.
const BLOCKS: u64 = 65_535;

/// What is served, and to whom.
struct Served {
    bytes: Bytes,
    lanes: Vec<Lane>,
    whose: Whose,
}

enum Whose {
    Phone { mac: Mac, file: String },
    Broken { source: IpAddr, file: String, release: Arc<str> },
}

/// Why a client gets nothing: a number and words.
type Refusal = (u16, String);

impl Counter {
    /// One request, from the decision to the last block.
    pub(super) async fn serve(&self, ask: Ask, from: SocketAddr, place: Place, cut: CancellationToken) {
        let socket = match own_socket(&self.socket, from).await {
            Ok(socket) => socket,
            Err(error) => return tracing::warn!(%from, %error, "no socket for a TFTP transfer"),
        };
        let source = from.ip().to_canonical();
        let served = match self.decide(&ask.name, source).await {
            Ok(served) => served,
            Err((code, text)) => {
                tracing::info!(%from, name = ask.name, code, text, "TFTP request refused");
                // Should it be lost, the client asks again.
                let _ = socket.send(&error(code, &text)).await;
                return;
            }
        };
        let agreed = agree(&ask, served.bytes.len() as u64);
        if served.bytes.len() as u64 / agreed.block as u64 >= BLOCKS {
            tracing::warn!(%from, name = ask.name, bytes = served.bytes.len(), block = agreed.block, "the count of blocks will wrap");
        }
        let mut sending = Sending::new(served.bytes.clone(), ask.mode, &agreed);
        let driver = self.depot.lanes.driver(&served.lanes);
        let mut began = false;
        let ended = {
            let begins = || {
                began = true;
                served.tell(&self.depot.gatekeeper, TransferStep::Began { offset: 0 });
            };
            tokio::select! {
                ended = transfer(&socket, &mut sending, &agreed, driver, self.limits.silence, begins) => Some(ended),
                () = cut.cancelled() => None,
            }
        };
        drop(place);
        tracing::info!(%from, name = ask.name, at = sending.at(), ended = ?ended, "TFTP transfer ended");
        if ended == Some(Ended::Delivered) {
            served.tell(&self.depot.gatekeeper, TransferStep::Delivered);
        } else if began {
            served.tell(&self.depot.gatekeeper, TransferStep::Broken { at: sending.at() });
        }
        if ended.is_none() {
            // So that it need not wait for nothing.
            let _ = socket.send(&error(code::SEE_TEXT, "the depot is being shut down")).await;
        }
    }

    async fn decide(&self, name: &str, source: IpAddr) -> Result<Served, Refusal> {
        let makers = (self.depot.makers)();
        match read(&makers, name) {
            Wants::Image { mac, vendor, file } => {
                // A folder's name is no news of a maker nobody knows.
                let vendor = Some(vendor).filter(|vendor| makers.known(vendor).is_some());
                self.permitted(mac, vendor, file, source).await
            }
            Wants::Own { mac } => {
                self.visit(mac, None, Wanted::Settings, source).await?;
                Err((code::NOT_FOUND, "settings are not served here".to_owned()))
            }
            Wants::Rescue { vendor, model } => self.rescue(&vendor, &model, source),
            Wants::Nothing => Err((code::NOT_FOUND, "nothing of this name".to_owned())),
        }
    }

    async fn permitted(
        &self,
        mac: Mac,
        vendor: Option<Vendor>,
        file: String,
        source: IpAddr,
    ) -> Result<Served, Refusal> {
        let refused = |why: &str| (code::NOT_FOUND, format!("{file} is not offered to {mac}: {why}"));
        match self.visit(mac, vendor, Wanted::Image { file: file.clone() }, source).await? {
            Permit::Offer { release, file: offered, lanes }
            | Permit::Module { release, file: offered, lanes, .. }
                if offered == file =>
            {
                match self.depot.images.open(&release, &file) {
                    Some((bytes, _)) if !bytes.is_empty() => {
                        Ok(Served { bytes, lanes, whose: Whose::Phone { mac, file } })
                    }
                    Some(_) | None => Err(refused("it is not staged, or broken")),
                }
            }
            Permit::Offer { file: offered, .. } | Permit::Module { file: offered, .. } => {
                Err(refused(&format!("{offered} is")))
            }
            Permit::Stay { why, .. } => Err(refused(&why)),
            Permit::Elsewhere { realm } => Err(refused(&format!("it moves to realm {realm}"))),
            Permit::Order { .. } => Err(refused("orders are no images")),
        }
    }

    async fn visit(
        &self,
        mac: Mac,
        vendor: Option<Vendor>,
        wanted: Wanted,
        source: IpAddr,
    ) -> Result<Permit, Refusal> {
        let visit = Visit {
            mac,
            vendor,
            model: None,
            version: None,
            hardware: None,
            codes: Codes::default(),
            modules: None,
            realm: None,
            source,
            wanted,
            peek: false,
        };
        tokio::time::timeout(DECISION, self.depot.gatekeeper.visit(visit)).await.map_err(|_| {
            tracing::warn!(%mac, "no decision in time");
            (code::SEE_TEXT, "no decision yet, please come again".to_owned())
        })
    }

    /// A phone whose firmware cannot be started belongs to no trip, and nobody could ask it anything.
    fn rescue(&self, vendor: &Vendor, model: &Model, source: IpAddr) -> Result<Served, Refusal> {
        let refused =
            |why: &str| (code::NOT_FOUND, format!("no image for a broken {vendor} {model} here: {why}"));
        let (release, image) = self.rescues.find(vendor, model, source).map_err(|why| refused(&why))?;
        let opened = self.depot.images.open(&release, &image.file).filter(|(bytes, _)| !bytes.is_empty());
        let (bytes, _) = opened.ok_or_else(|| refused("it is staged, and broken"))?;
        Ok(Served { bytes, lanes: Vec::new(), whose: Whose::Broken { source, file: image.file, release } })
    }
}

impl Served {
    fn tell(&self, gatekeeper: &Arc<dyn Gatekeeper>, step: TransferStep) {
        match &self.whose {
            Whose::Phone { mac, file } => {
                tracing::debug!(%mac, file, ?step, "image transfer");
                gatekeeper.transfer(Transfer { mac: *mac, file: file.clone(), step });
            }
            Whose::Broken { source, file, release } => {
                let how = match step {
                    TransferStep::Began { .. } => "begins to load".to_owned(),
                    TransferStep::Delivered => "has loaded".to_owned(),
                    TransferStep::Broken { at } => format!("broke off at byte {at} of"),
                };
                gatekeeper.happened(
                    None,
                    "rescue",
                    format!("a broken phone at {source} {how} {file} of {release}"),
                );
            }
        }
    }
}

/// A socket that only this client is heard on, at the address it asked.
async fn own_socket(main: &UdpSocket, client: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(SocketAddr::new(main.local_addr()?.ip(), 0)).await?;
    socket.connect(client).await?;
    Ok(socket)
}
