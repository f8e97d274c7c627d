//! The deployment service of Unify phones: they call, say why, and are told what to do.
//!
//! Three doors at one address: conversations in XML (POST), the question of phones behind address translation whether
//! they are to call (DCMP), and the file of CP phones that are told by a file (DMS). Images are served here too.

mod answer;
mod jobs;
mod talks;

use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;

use self::answer::{text, whole};
use self::talks::Talks;
use super::http::{Depot, Limits};
use super::listener::{Door, receive};
use super::releases::Releases;
use super::reply;
use super::transfer::Outgoing;
use crate::phones::unify::door::{self, Asks};

/// How the service is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentSettings {
    /// The path that phones POST their messages to.
    pub path: String,
    /// Where images are, as the phones see it.
    pub files: Files,
}

/// How phones load their images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// Over HTTP or HTTPS from this service: its own URL, without a slash at its end.
    Web {
        /// `https://192.0.2.5:18443`
        url: String,
    },
    /// Over FTP from the depot, with an account for each phone and image.
    Ftp,
}

/// The service.
pub struct Deployment {
    settings: DeploymentSettings,
    depot: Depot,
    releases: Arc<Releases>,
    talks: Talks,
}

impl Deployment {
    /// A service in front of this depot.
    pub fn new(settings: DeploymentSettings, depot: Depot, releases: Arc<Releases>) -> Self {
        Self { settings, depot, releases, talks: Talks::default() }
    }
}

/// Serves phones at this door until the shutdown is asked for.
pub async fn serve_deployment(service: Deployment, door: impl Into<Door>, shutdown: CancellationToken) {
    let service = Arc::new(service);
    let answer = move |source, request| {
        let service = Arc::clone(&service);
        async move { service.answer(source, request).await }
    };
    receive(Limits::default(), door.into(), shutdown, answer).await;
}

impl Deployment {
    async fn answer(&self, source: IpAddr, request: Request<Incoming>) -> Response<Outgoing> {
        let path = request.uri().path();
        if path == self.settings.path {
            if request.method() != Method::POST {
                return text(StatusCode::METHOD_NOT_ALLOWED, "messages are sent here by POST");
            }
            return self.message(source, request).await;
        }
        match door::asks(path, request.uri().query()) {
            Some(Asks::Image { .. }) => reply::answer(&self.depot, source, &request).await,
            _ if request.method() != Method::GET => {
                text(StatusCode::METHOD_NOT_ALLOWED, "only GET is served")
            }
            Some(Asks::Config { mac }) => self.config(source, mac, request.headers()).await,
            Some(Asks::AnybodysConfig) => {
                text(StatusCode::NOT_FOUND, "there is no file for phones that are not known")
            }
            Some(Asks::Poll { mac }) => self.poll(source, mac).await,
            None => text(StatusCode::NOT_FOUND, "nothing of this name"),
        }
    }

    /// A file that tells a CP phone what to do; there is none where nothing is to be done.
    async fn config(
        &self,
        source: IpAddr,
        mac: crate::domain::phone::Mac,
        headers: &hyper::HeaderMap,
    ) -> Response<Outgoing> {
        let fields = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let head = door::head(fields);
        if let Some(other) = head.mac.filter(|other| *other != mac) {
            tracing::warn!(%source, %mac, %other, "a phone asks for another's file");
            return text(StatusCode::FORBIDDEN, "this is another phone's file");
        }
        match self.file_for(source, mac, head).await {
            Some(order) => whole(StatusCode::OK, "text/xml; charset=utf-8", order.file(), None),
            None => text(StatusCode::NOT_FOUND, "nothing is to be done now"),
        }
    }

    /// Whether a phone that cannot be reached is to call.
    async fn poll(&self, source: IpAddr, mac: crate::domain::phone::Mac) -> Response<Outgoing> {
        if self.is_to_call(source, mac).await {
            text(StatusCode::ACCEPTED, "something is to be done")
        } else {
            text(StatusCode::OK, "nothing is to be done now")
        }
    }
}
