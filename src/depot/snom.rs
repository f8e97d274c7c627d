//! What snoms are answered: their settings, the document that names their firmware, and whose image it is.

use std::net::IpAddr;

use hyper::{Method, Response, StatusCode};

use super::http::Depot;
use super::reply::{Asked, decision};
use super::transfer::Outgoing;
use crate::domain::codes::Codes;
use crate::domain::firmware::Part;
use crate::domain::phone::Vendor;
use crate::phones::snom;
use crate::ports::{Permit, Visit, Wanted};

impl Asked<'_> {
    /// Answers a snom.
    pub(super) async fn snom(
        &self,
        depot: &Depot,
        source: IpAddr,
        read: snom::Request,
        user_agent: Option<&str>,
    ) -> Response<Outgoing> {
        let wanted = match &read.asks {
            snom::Asks::Settings => Wanted::Settings,
            snom::Asks::FirmwareDocument => Wanted::FirmwarePointer,
            snom::Asks::Image { file } => Wanted::Image { file: file.clone() },
        };
        let papers = (depot.snom)();
        if let Some(realm) = read.realm.as_ref().filter(|realm| !papers.realms.contains_key(realm)) {
            tracing::warn!(mac = %read.mac, %source, %realm, "asks in a realm that is not there");
            return self.text(StatusCode::NOT_FOUND, &format!("there is no realm {realm}"));
        }
        let visit = Visit {
            mac: read.mac,
            vendor: Some(Vendor::SNOM),
            model: read.model.clone(),
            version: read.version.clone(),
            codes: Codes::default(),
            modules: user_agent.and_then(snom::attached),
            realm: read.realm.clone(),
            hardware: None,
            source,
            wanted,
            peek: self.method == Method::HEAD,
        };
        let Some(permit) = decision(depot, visit).await else {
            return self.later();
        };
        match &read.asks {
            snom::Asks::Settings => self.document(settings(depot, &papers, &read, &permit)),
            snom::Asks::FirmwareDocument => self.document(firmware(depot, &papers, &read, &permit)),
            snom::Asks::Image { file } => self.image(depot, read.mac, file, permit),
        }
    }
}

fn settings(depot: &Depot, papers: &snom::Papers, read: &snom::Request, permit: &Permit) -> Vec<u8> {
    if let Permit::Elsewhere { realm } = permit {
        match papers.setting_server(depot.base(), realm) {
            Some(url) => return snom::redirection(&url),
            None => tracing::error!(mac = %read.mac, %realm, "is to be sent to a realm that is not there"),
        }
    }
    papers.settings(depot.base(), read.mac, read.model.as_ref(), read.realm.as_ref())
}

/// The document that names the offered image, else the one the phone runs; and its module's, while that is offered.
fn firmware(depot: &Depot, papers: &snom::Papers, read: &snom::Request, permit: &Permit) -> Vec<u8> {
    let url = |file: &str| snom::image_url(depot.base(), read.mac, file);
    let staged = |release: &str, file: &str| {
        let there = depot.images.open(release, file).is_some();
        if !there {
            tracing::error!(mac = %read.mac, release, file, "offered, but not staged");
        }
        there
    };
    let model = read.model.as_ref();
    let runs = |runs: Option<&crate::domain::firmware::Version>| {
        let url = url(&snom::image_name(model?, runs?));
        Some(snom::PhoneImage { model, url, chained: None, bootloader: None })
    };
    let named = match permit {
        Permit::Offer { release, file, .. } => {
            let beside = |part| depot.images.beside(release, file, part).map(|image| url(&image.file));
            let image = staged(release, file).then(|| {
                let (chained, bootloader) = (beside(Part::Chained), beside(Part::Boot));
                snom::PhoneImage { model, url: url(file), chained, bootloader }
            });
            snom::Firmware { phone: image, module: None }
        }
        Permit::Module { release, file, order, .. } => {
            let url = || snom::module_url(depot.base(), read.mac, file, papers.module_urls, *order);
            let module = staged(release, file).then(url);
            snom::Firmware { phone: runs(read.version.as_ref()), module }
        }
        Permit::Stay { runs: known, .. } => snom::Firmware { phone: runs(known.as_ref()), module: None },
        // Orders are for those who ask for them.
        Permit::Elsewhere { .. } | Permit::Order { .. } => {
            snom::Firmware { phone: runs(read.version.as_ref()), module: None }
        }
    };
    snom::firmware(&named)
}

/// Whether a file of the release goes with its firmware: what is written behind it, and its bootloader.
pub(super) fn goes_with(depot: &Depot, release: &str, firmware: &str, file: &str) -> bool {
    let beside = |part| depot.images.beside(release, firmware, part).is_some_and(|image| image.file == file);
    beside(Part::Chained) || beside(Part::Boot)
}
