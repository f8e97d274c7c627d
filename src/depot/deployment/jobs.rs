//! What a phone that calls is to do: asked of the gatekeeper, and put into the words of its makers.

use std::net::IpAddr;
use std::time::Duration;

use super::{Deployment, Files};
use crate::domain::codes::Codes;
use crate::domain::firmware::{Part, Version};
use crate::domain::phone::{Mac, Vendor};
use crate::phones::unify::Who;
use crate::phones::unify::door::{Head, image_path};
use crate::phones::unify::order::{
    MediaFile, MediaKind, NotWritable, Order as Told, Password, Place, Setting, Software,
};
use crate::phones::unify::session::{Arrival, Job};
use crate::phones::unify::spelling::{Protocol, dotted};
use crate::ports::{Order, Permit, PhoneNews, Visit, Wanted};

/// The decision must come within this time. A phone that polls waits for the last look.
const DECISION: Duration = Duration::from_secs(20);

impl Deployment {
    /// What a phone is to do that called for this reason.
    pub(super) async fn jobs(&self, source: IpAddr, arrival: Arrival, who: &Who) -> Option<Job> {
        let visit = Visit {
            mac: who.mac,
            vendor: Some(Vendor::UNIFY),
            model: who.model.clone(),
            version: who.version.clone(),
            hardware: who.part.clone(),
            source,
            wanted: Wanted::Orders,
            codes: Codes::default(),
            modules: None,
            realm: None,
            peek: false,
        };
        if arrival == Arrival::Started {
            // That it has started is one thing, and what it runs another: a phone may tell of itself before it registers or
            // behind that.
            let started = Visit { wanted: Wanted::Settings, version: None, ..visit.clone() };
            self.decision(started).await;
        }
        let permit = self.decision(visit).await;
        self.job(source, who.mac, who.protocol, permit)
    }

    /// What a phone is told that fetches a file (DMS).
    pub(super) async fn file_for(&self, source: IpAddr, mac: Mac, head: Head) -> Option<Told> {
        let visit = Visit {
            mac,
            vendor: Some(Vendor::UNIFY),
            model: head.model,
            version: head.version,
            hardware: None,
            source,
            wanted: Wanted::Orders,
            codes: Codes::default(),
            modules: None,
            realm: None,
            peek: false,
        };
        self.decision(Visit { wanted: Wanted::Settings, version: None, ..visit.clone() }).await;
        let permit = self.decision(visit).await;
        match self.job(source, mac, None, permit)? {
            Job::Install(software) => Some(Told::Software(software)),
            Job::Reboot => Some(Told::Restart),
            Job::Deploy(files) => Some(Told::Files(files)),
            Job::Write(_) => {
                let why = "settings are written in a conversation (DLS) alone: told by a file (DMS), nothing could be read back";
                self.declines(mac, source, why);
                None
            }
        }
    }

    /// Whether a phone that polls is to call (DCMP).
    pub(super) async fn is_to_call(&self, source: IpAddr, mac: Mac) -> bool {
        let visit = Visit {
            mac,
            vendor: Some(Vendor::UNIFY),
            model: None,
            version: None,
            hardware: None,
            source,
            wanted: Wanted::Orders,
            codes: Codes::default(),
            modules: None,
            realm: None,
            peek: false,
        };
        if !matches!(self.decision(visit.clone()).await, Some(Permit::Order { .. })) {
            return false;
        }
        // It has not been told what yet: the order waits for its call, and is judged anew then. Behind a look that
        // changes nothing, everything about the order is on the books.
        self.decision(Visit { peek: true, ..visit }).await;
        let why = "its poll said that something is to be done, it is told what when it calls".to_owned();
        self.depot.gatekeeper.told(mac, source, PhoneNews::Deferred { why });
        true
    }

    fn job(
        &self,
        source: IpAddr,
        mac: Mac,
        protocol: Option<Protocol>,
        permit: Option<Permit>,
    ) -> Option<Job> {
        let order = match permit? {
            Permit::Order { order, .. } => order,
            Permit::Stay { why, .. } => {
                tracing::debug!(%mac, why, "nothing is to be done");
                return None;
            }
            // Images are offered to those who ask for them by name, modules and realms are snom's.
            Permit::Offer { .. } | Permit::Module { .. } | Permit::Elsewhere { .. } => return None,
        };
        match order {
            Order::Reboot { .. } => Some(Job::Reboot),
            Order::Install { release, file, version } => {
                match self.software(mac, protocol, &release, &file, &version) {
                    Ok(software) => Some(Job::Install(software)),
                    Err(why) => {
                        self.declines(mac, source, &why);
                        None
                    }
                }
            }
            Order::Deploy { release, files } => match self.media(mac, &release, &files) {
                Ok(files) => Some(Job::Deploy(files)),
                Err(why) => {
                    self.declines(mac, source, &why);
                    None
                }
            },
            Order::Write { items } => {
                let settings: Result<_, NotWritable> = items.iter().map(Setting::of).collect();
                let refused = |refused: NotWritable| self.declines(mac, source, &refused.to_string());
                settings.map(Job::Write).map_err(refused).ok()
            }
            Order::HandIn { .. } => {
                self.declines(mac, source, "Unify phones hand in no configuration");
                None
            }
        }
    }

    /// What was decided cannot be told to this phone.
    fn declines(&self, mac: Mac, source: IpAddr, why: &str) {
        self.depot.gatekeeper.told(mac, source, PhoneNews::Declined { why: why.to_owned() });
    }

    fn software(
        &self,
        mac: Mac,
        protocol: Option<Protocol>,
        release: &str,
        file: &str,
        version: &Version,
    ) -> Result<Software, String> {
        let staged = self.releases.get(release);
        let image =
            staged.as_ref().and_then(|release| release.images.iter().find(|image| image.file == file));
        let image = image.ok_or_else(|| format!("{file} is not staged, or broken"))?;
        let version = dotted(version).ok_or_else(|| format!("nobody knows how {version} is told to it"))?;
        // Whoever registers at a PBX of ours speaks SIP.
        let software_type = match protocol {
            None | Some(Protocol::Sip) => Protocol::Sip.software_type(),
            Some(Protocol::Hfa) => return Err("it runs Siemens HFA, and no image for SIP".to_owned()),
        };
        let place = match image.handling.use_defaults {
            true => Place::Defaults,
            false => self.places(mac, &[file])?.pop().ok_or("it lies nowhere")?,
        };
        Ok(Software { file: file.to_owned(), place, software_type: software_type.to_owned(), version })
    }

    /// Where these files lie for this phone, in their order.
    fn places(&self, mac: Mac, files: &[&str]) -> Result<Vec<Place>, String> {
        match &self.settings.files {
            Files::Web { url } => {
                let place = |file: &&str| Place::Https { url: format!("{url}{}", image_path(mac, file)) };
                Ok(files.iter().map(place).collect())
            }
            Files::Ftp => {
                let accounts = self.depot.accounts.as_ref().ok_or("the depot speaks no FTP")?;
                let (server, account) = (accounts.server(), accounts.open(mac, files));
                let place = |_: &&str| Place::Ftp {
                    server: server.host.clone(),
                    port: server.port,
                    username: account.user.clone(),
                    password: Password(account.password.reveal().to_owned()),
                    path: "/".to_owned(),
                };
                Ok(files.iter().map(place).collect())
            }
        }
    }

    /// The files that a phone is to load, which are no images.
    fn media(&self, mac: Mac, release: &str, files: &[String]) -> Result<Vec<MediaFile>, String> {
        let staged = self.releases.get(release);
        let kind = |file: &String| {
            let image = staged.as_ref().and_then(|release| release.image(file));
            let image = image.ok_or_else(|| format!("{file} is not staged, or broken"))?;
            kind_of(image.part).ok_or_else(|| format!("{file} is an image"))
        };
        let kinds = files.iter().map(kind).collect::<Result<Vec<MediaKind>, String>>()?;
        let names: Vec<&str> = files.iter().map(String::as_str).collect();
        let places = self.places(mac, &names)?;
        let file = |((file, place), kind): ((&String, Place), MediaKind)| MediaFile {
            file: file.clone(),
            place,
            kind,
        };
        Ok(files.iter().zip(places).zip(kinds).map(file).collect())
    }

    async fn decision(&self, visit: Visit) -> Option<Permit> {
        let (mac, wanted) = (visit.mac, visit.wanted.clone());
        let permit = tokio::time::timeout(DECISION, self.depot.gatekeeper.visit(visit)).await;
        if permit.is_err() {
            tracing::warn!(%mac, ?wanted, "no decision in time");
        }
        permit.ok()
    }
}

/// What phones call a file of this part; `None` for images.
fn kind_of(part: Part) -> Option<MediaKind> {
    match part {
        Part::Logo => Some(MediaKind::Logo),
        Part::Ringtone => Some(MediaKind::Ringtone),
        Part::Screensaver => Some(MediaKind::Screensaver),
        Part::Picture => Some(MediaKind::Picture),
        Part::Ldap => Some(MediaKind::Ldap),
        Part::Firmware | Part::Boot | Part::Radio | Part::Chained | Part::Uxm | Part::D7c => None,
    }
}
