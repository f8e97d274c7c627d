//! The depot's FTP server, for phones that fetch images by it: read-only, an account for each phone, passive mode.

mod accounts;
mod shelf;

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use libunftp::ServerBuilder;
use libunftp::options::{ActivePassiveMode, PassiveHost, SiteMd5};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use unftp_core::auth::{
    AuthenticationError, Authenticator, Credentials, Principal, UserDetailError, UserDetailProvider,
};

pub use accounts::{FtpAccount, FtpAccounts, FtpServer};

use self::shelf::{Guest, Shelf};
use super::http::Depot;
use super::listener::refused;

/// What whoever connects is greeted with; nobody learns from it who serves here.
const GREETING: &str = "ready";

/// How FTP is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FtpSettings {
    /// The ports that phones fetch from.
    pub passive_ports: RangeInclusive<u16>,
    /// The address they are told for it; else the one they came to.
    pub advertise: Option<Ipv4Addr>,
    /// Sessions at once; further ones wait to be accepted.
    pub sessions: usize,
    /// A phone that is silent, or takes no byte, for so long is given up.
    pub patience: Duration,
    /// Time for transfers under way to end after the shutdown was asked for.
    pub drain: Duration,
}

impl Default for FtpSettings {
    fn default() -> Self {
        Self {
            passive_ports: 50_000..=50_499,
            advertise: None,
            sessions: 500,
            patience: Duration::from_secs(60),
            drain: Duration::from_secs(20),
        }
    }
}

/// Serves images over FTP until the shutdown is asked for; transfers under way then have a little time to end.
pub async fn serve_ftp(
    settings: FtpSettings,
    listener: TcpListener,
    depot: Depot,
    accounts: Arc<FtpAccounts>,
    shutdown: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(settings.sessions));
    let (tasks, under_way) = (TaskTracker::new(), TaskTracker::new());
    let (hang_up, cut) = (CancellationToken::new(), CancellationToken::new());
    loop {
        // Never closed, so a place always comes.
        let place = tokio::select! {
            () = shutdown.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let (stream, source) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, source)) => (stream, source.ip().to_canonical()),
                Err(error) => {
                    refused(&error).await;
                    continue;
                }
            },
        };
        let session = Session {
            settings: settings.clone(),
            depot: depot.clone(),
            accounts: Arc::clone(&accounts),
            source,
            cut: cut.clone(),
        };
        let (under_way, hang_up) = (under_way.clone(), hang_up.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = session.talk(stream, &under_way) => {}
                () = hang_up.cancelled() => {}
            }
            drop(place);
        });
    }
    drop(listener);
    under_way.close();
    tasks.close();
    if tokio::time::timeout(settings.drain, tasks.wait()).await.is_err() {
        tracing::warn!(sessions = tasks.len(), "FTP sessions cut off by the shutdown");
    }
    cut.cancel();
    hang_up.cancel();
    tasks.wait().await;
    // What waits for a data connection that never comes holds nothing that matters.
    let _ = tokio::time::timeout(settings.drain, under_way.wait()).await;
}

struct Session {
    settings: FtpSettings,
    depot: Depot,
    accounts: Arc<FtpAccounts>,
    source: IpAddr,
    cut: CancellationToken,
}

impl Session {
    /// One phone's connection, command after command.
    async fn talk(self, stream: TcpStream, under_way: &TaskTracker) {
        let Self { settings, depot, accounts, source, cut } = self;
        let (patience, under_way) = (settings.patience, under_way.clone());
        let shelf =
            move || Shelf { depot: depot.clone(), patience, cut: cut.clone(), _under_way: under_way.token() };
        let doorman = Arc::new(Doorman { accounts, source });
        let passive = settings.advertise.map_or(PassiveHost::FromConnection, PassiveHost::Ip);
        let keeper: Arc<Doorman> = Arc::clone(&doorman);
        let built = ServerBuilder::with_user_detail_provider(Box::new(shelf), doorman)
            .authenticator(keeper)
            .greeting(GREETING)
            .passive_ports(settings.passive_ports)
            .passive_host(passive)
            // A server that connects to wherever it is told is a bridge into other networks.
            .active_passive_mode(ActivePassiveMode::PassiveOnly)
            .idle_session_timeout(patience.as_secs().max(1))
            .sitemd5(SiteMd5::None)
            .logger(slog::Logger::root(slog::Discard, slog::o!()))
            .build();
        match built {
            Ok(server) => {
                if let Err(error) = server.service(stream).await {
                    tracing::debug!(%source, %error, "FTP session ended early");
                }
            }
            Err(error) => tracing::error!(%error, "FTP cannot be served"),
        }
    }
}

/// Lets phones in whose account is open.
#[derive(Debug)]
struct Doorman {
    accounts: Arc<FtpAccounts>,
    source: IpAddr,
}

#[async_trait]
impl Authenticator for Doorman {
    async fn authenticate(
        &self,
        user: &str,
        credentials: &Credentials,
    ) -> Result<Principal, AuthenticationError> {
        let password = credentials.password.as_deref().unwrap_or_default();
        match self.accounts.check(user, password) {
            // The files go along, for the account may be for others by the time they are asked for. No name has a slash.
            Some((mac, files)) => {
                Ok(Principal { username: format!("{}/{}", mac.bare_upper(), files.join("/")) })
            }
            None => {
                tracing::warn!(source = %self.source, "FTP: nobody has such an account, or its time is over");
                Err(AuthenticationError::BadPassword)
            }
        }
    }
}

#[async_trait]
impl UserDetailProvider for Doorman {
    type User = Guest;

    async fn provide_user_detail(&self, principal: &Principal) -> Result<Guest, UserDetailError> {
        let unknown = || UserDetailError::UserNotFound { username: String::new() };
        let (mac, files) = principal.username.split_once('/').ok_or_else(unknown)?;
        let mac = mac.parse().map_err(|_| unknown())?;
        let files = files.split('/').map(str::to_owned).collect();
        Ok(Guest { mac, source: self.source, files })
    }
}
