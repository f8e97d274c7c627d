//! What innovaphones are answered: the script of their orders, the files it names, or why not.

use std::net::IpAddr;

use hyper::{Method, Response, StatusCode};

use super::backup;
use super::http::Depot;
use super::reply::{Asked, decision};
use super::transfer::Outgoing;
use crate::domain::codes::Codes;
use crate::domain::firmware::{Image, Part};
use crate::domain::phone::{Hardware, Mac, Model, Vendor};
use crate::phones::innovaphone::answer::{
    activates_boot_code, file_url, loads, nothing, script, stored_build,
};
use crate::phones::innovaphone::generation;
use crate::phones::innovaphone::product::Product;
use crate::phones::innovaphone::provisioning;
use crate::phones::innovaphone::request::{Asks, Request, Unreadable};
use crate::phones::innovaphone::script::{Code, Script};
use crate::ports::{Order, Permit, Visit, Wanted};

/// The name under which a phone hands in its configuration.
const CONFIGURATION: &str = "scfg.txt";

impl Asked<'_> {
    /// Answers a request in the folder of innovaphones.
    pub(super) async fn innovaphone(
        &self,
        depot: &Depot,
        source: IpAddr,
        read: Result<Request, Unreadable>,
    ) -> Response<Outgoing> {
        let read = match read {
            Ok(read) => read,
            Err(unreadable @ Unreadable::Anonymous) => {
                tracing::info!(%source, why = %unreadable, "told an update URL");
                return self.script(&provisioning::script(depot.base()));
            }
            Err(unreadable @ Unreadable::AnotherPhone { .. }) => {
                tracing::warn!(%source, why = %unreadable, "request refused");
                return self.text(StatusCode::FORBIDDEN, &unreadable.to_string());
            }
        };
        let visit = Visit {
            mac: read.mac,
            vendor: Some(Vendor::INNOVAPHONE),
            model: read.product.as_ref().map(|product| Model::new(product.as_str())),
            version: read.poll.builds.firmware.clone(),
            codes: told_codes(&read),
            modules: None,
            realm: None,
            hardware: read.poll.builds.hardware.as_deref().map(Hardware::new),
            source,
            wanted: match &read.asks {
                Asks::Script => Wanted::Orders,
                Asks::File { file } => Wanted::Image { file: file.clone() },
            },
            peek: self.method == Method::HEAD,
        };
        let Some(permit) = decision(depot, visit).await else {
            return self.later();
        };
        match &read.asks {
            Asks::Script => self.script(&answer_to(depot, &read, permit)),
            Asks::File { file } => self.file(depot, read.mac, file, permit),
        }
    }

    fn script(&self, script: &Script) -> Response<Outgoing> {
        self.whole(StatusCode::OK, "text/plain; charset=utf-8", script.to_string().into_bytes())
    }

    /// The firmware that is offered, or boot code and radio code that go with it.
    fn file(&self, depot: &Depot, mac: Mac, file: &str, permit: Permit) -> Response<Outgoing> {
        match permit {
            Permit::Offer { release, file: firmware, lanes }
                if goes_with(depot, &release, &firmware, file) =>
            {
                match depot.images.open(&release, file) {
                    Some((bytes, tag)) if !bytes.is_empty() => self.bytes(&bytes, &tag, None, &lanes),
                    Some(_) | None => self.text(StatusCode::NOT_FOUND, "it is not staged, or broken"),
                }
            }
            permit @ (Permit::Offer { .. }
            | Permit::Module { .. }
            | Permit::Elsewhere { .. }
            | Permit::Order { .. }
            | Permit::Stay { .. }) => self.image(depot, mac, file, permit),
        }
    }
}

/// The code it tells of besides its firmware. Of a product without boot code a poll cannot tell any; and where no script
/// can have boot code activated, what runs is nobody's matter here.
fn told_codes(read: &Request) -> Codes {
    let product = read.product.as_ref();
    let matters = product.is_some_and(Product::has_boot_code) && activates_boot_code(&read.poll, product);
    Codes {
        boot: read.poll.running(Code::Boot).filter(|_| matters).cloned(),
        radio: stored_build(&read.poll, Code::Radio),
    }
}

/// Whether a file is another part for the models of the offered firmware, in the same release.
fn goes_with(depot: &Depot, release: &str, firmware: &str, file: &str) -> bool {
    let images = depot.images.list(release);
    let named = |name: &str| images.iter().find(|image| image.file == name);
    let (Some(offered), Some(asked)) = (named(firmware), named(file)) else { return false };
    let shared = offered.models.iter().any(|model| asked.models.contains(model));
    let rides = matches!(asked.part, Part::Boot | Part::Radio);
    offered.part.is_firmware() && rides && offered.vendor == asked.vendor && shared
}

/// The script for what was decided.
fn answer_to(depot: &Depot, read: &Request, permit: Permit) -> Script {
    let (order, calendar) = match permit {
        Permit::Order { order, calendar } => (order, calendar),
        Permit::Stay { why, .. } => return nothing(&why),
        Permit::Offer { .. } | Permit::Module { .. } | Permit::Elsewhere { .. } => {
            return nothing("it is to ask for its orders");
        }
    };
    let (mac, product) = (read.mac, read.product.as_ref());
    let order = match order {
        Order::Install { release, file, .. } => {
            let images = with_what_goes_with_it(depot.images.list(&release), &file);
            let url = |file: &str| file_url(depot.base(), mac, file);
            let loads = loads(&images, &read.poll, product, url);
            if loads.is_empty() {
                tracing::error!(%mac, %release, file, "to be installed, but nothing of it is staged for this phone");
                return nothing("nothing of what it is to run is staged");
            }
            generation::Order::Install(loads)
        }
        Order::Reboot { serial, restore: None } => generation::Order::Restart { serial },
        Order::Reboot { serial, restore: Some(number) } => {
            let url = backup::url(depot.base(), mac, &backup::numbered(number));
            generation::Order::Restore { url, serial }
        }
        // Held by its gate.
        Order::Write { .. } | Order::Deploy { .. } => {
            return nothing("innovaphones have no deployment service");
        }
        Order::HandIn { serial } => {
            let url = backup::url(depot.base(), mac, CONFIGURATION);
            generation::Order::Backup { url, serial, force: None }
        }
    };
    if read.poll.has_no_time() {
        tracing::warn!(%mac, "its clock has never been set: sipherd's own decides alone");
    }
    script(&order, calendar.as_ref(), &read.poll, product)
}

/// Of a release the image that was decided on; where that is a firmware, with all other parts.
fn with_what_goes_with_it(images: Vec<Image>, file: &str) -> Vec<Image> {
    let brings_others = images.iter().any(|image| image.file == file && image.part.is_firmware());
    let comes = |image: &Image| image.file == file || brings_others && !image.part.is_firmware();
    images.into_iter().filter(comes).collect()
}
