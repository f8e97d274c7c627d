//! How a phone gets an image, checks it, and flashes it or goes on as it was.

use std::time::Duration;

use chrono::TimeDelta;
use http_body_util::BodyExt;
use hyper::{Method, header};

use super::check::takes;
use super::ftp::{self, Where};
use super::talk::Ended;
use super::xml::{Item, Told};
use super::{Client, Left, web};
use crate::sim::diary::What;

/// How often a phone tries to get an image before it gives up.
pub(super) const TRIES: u32 = 6;

/// How long it waits in between.
pub(super) const BETWEEN_TRIES: TimeDelta = TimeDelta::seconds(2);

/// What one try brought.
pub(super) enum Got {
    Whole,
    Broken,
    Refused,
}

impl Client {
    /// Carries out a software deployment; what follows from it.
    pub(super) async fn deploy(&mut self, told: &Told) -> Option<Left> {
        let version = told.item("file-sw-version").unwrap_or_default().to_owned();
        let mut image = Vec::new();
        let mut whole = false;
        for _ in 0..TRIES {
            match self.get(told, None, &mut image).await {
                Got::Whole => {
                    whole = true;
                    break;
                }
                Got::Broken => self.write(What::ImageBroke { at: image.len() as u64 }),
                Got::Refused => break,
            }
            self.house.pass(BETWEEN_TRIES).await;
        }
        let make = &self.make;
        let fits = takes(&image, &version, &make.level, &make.minimum, make.overrides) && !self.rejects;
        let file = told.item("file-name").or(told.item("file-https-base-url")).unwrap_or_default();
        let file = file.rsplit('/').next().unwrap_or_default().to_owned();
        if whole {
            self.write(What::ImageComplete { bytes: image.len() as u64 });
        }
        if whole && fits {
            self.house.pass(self.flash).await;
            self.write(What::Flashed { version: version.clone() });
            return Some(Left::Updated(version));
        }
        self.write(if whole { What::ImageRejected } else { What::UpdateGivenUp });
        if self.make.tells_status && !matches!(self.make.mode, super::Mode::Fetches { .. }) {
            self.tell_status(&file).await;
        }
        None
    }

    /// One try to get a file of an order: the only one, or that of this index.
    pub(super) async fn get(&mut self, told: &Told, index: Option<u32>, image: &mut Vec<u8>) -> Got {
        let item = |name| told.at(name, index);
        let file = item("file-name");
        match (item("file-https-base-url"), item("file-server"), file, self.make.defaults.clone()) {
            (Some(url), _, _, _) => self.get_by_http(url, image).await,
            (None, Some(server), Some(file), _) => {
                let text = |name| item(name).unwrap_or_default();
                let place = Where {
                    server,
                    port: text("file-port").parse().unwrap_or(21),
                    username: text("file-username"),
                    password: text("file-pwd"),
                    path: text("file-path"),
                    file,
                };
                self.get_by_ftp(&place, image).await
            }
            (None, None, Some(file), Some(base)) => self.get_by_http(&format!("{base}{file}"), image).await,
            (None, _, _, _) => Got::Refused,
        }
    }

    async fn get_by_http(&mut self, url: &str, image: &mut Vec<u8>) -> Got {
        let range = format!("bytes={}-", image.len());
        let fields: &[(&str, &str)] = if image.is_empty() { &[] } else { &[("range", &range)] };
        let Some(answer) = web::open(self.ip, Method::GET, url, fields, None).await else {
            return Got::Broken;
        };
        match answer.status().as_u16() {
            206 => {}
            200 => image.clear(),
            _ => return Got::Refused,
        }
        let length =
            answer.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        let Some(total) = length.map(|length| image.len() + length) else { return Got::Refused };
        self.write(What::ImageBegan { from: image.len() as u64 });
        let mut body = answer.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                image.extend_from_slice(data);
                self.slowly(data.len()).await;
            }
            if self.breaks && image.len() >= total / 2 {
                self.breaks = false;
                return Got::Broken;
            }
        }
        if image.len() == total { Got::Whole } else { Got::Broken }
    }

    async fn get_by_ftp(&mut self, place: &Where<'_>, image: &mut Vec<u8>) -> Got {
        image.clear();
        if self.make.no_ftp {
            return Got::Broken;
        }
        let Some(mut download) = ftp::open(self.ip, place).await else { return Got::Refused };
        self.write(What::ImageBegan { from: 0 });
        let mut buffer = vec![0; 16 * 1024];
        while let Some(length) = ftp::read(&mut download, &mut buffer).await.filter(|length| *length > 0) {
            image.extend_from_slice(&buffer[..length]);
            self.slowly(length).await;
            if self.breaks && image.len() > 10_000 {
                self.breaks = false;
                return Got::Broken;
            }
        }
        if download.confirmed().await { Got::Whole } else { Got::Broken }
    }

    /// Takes its time over so many bytes.
    async fn slowly(&self, bytes: usize) {
        if let Some(millis) = (bytes as u64 * 1000).checked_div(self.bytes_per_second) {
            self.house.pass(TimeDelta::milliseconds(i64::try_from(millis).unwrap_or(i64::MAX))).await;
        } else {
            tokio::time::sleep(Duration::ZERO).await;
        }
    }

    /// Fetches the file that says what it is to do (DMS), its own or anybody's, and does it.
    pub(super) async fn fetch_config(&mut self) -> Option<Left> {
        let root = web::root(&self.house.deployment()?);
        let (mac, model, version) = (
            self.mac.bare_upper().to_lowercase(),
            format!("OpenScape Desk Phone {}", self.model),
            self.spelt_version(),
        );
        let fields = [
            ("macaddress", mac.as_str()),
            ("x-device-type", model.as_str()),
            ("x-software", version.as_str()),
        ];
        let mut answer = None;
        for name in [mac.as_str(), "000000000000"] {
            let found = web::get(self.ip, &format!("{root}/dms/{name}_config.xml"), &fields).await;
            let status = found.as_ref().map_or(0, |answer| answer.status);
            self.write(What::SettingsAsked { status });
            answer = found.filter(|answer| answer.status == 200);
            if status != 404 {
                break;
            }
        }
        let told = super::xml::read(&answer?.body)?;
        self.write(What::ServiceSaid { action: told.action.clone() });
        match told.action.as_str() {
            "SoftwareDeployment" => self.deploy(&told).await,
            "FileDeployment" => {
                self.bring(&told).await;
                None
            }
            "Restart" => Some(Left::Restart),
            _ => None,
        }
    }

    /// Tells its service that a deployment failed.
    async fn tell_status(&mut self, file: &str) {
        let items = [
            ("file-deployment-status", "failed"),
            ("file-deployment-type", "APP"),
            ("file-deployment-name", file),
        ];
        let items = items.map(|(name, value)| Item::new(name, value));
        match self.talk_about("status", &items).await {
            Ended::Left(_) | Ended::CallAgain | Ended::Over => {}
        }
    }
}
