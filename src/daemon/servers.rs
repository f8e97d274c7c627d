//! The depot's servers: bound before anything is said to be ready, and put to work in every way that is configured.

use std::net::{SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::Arc;

use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{StartError, address_of, listen};
use crate::config::{Config, DepotConfig};
use crate::depot::{
    Configurations, Depot, Door, FtpAccounts, FtpServer, FtpSettings, Identity, Keeping, Limits, Releases,
    Rescue, Rescues, TftpLimits, serve_ftp, serve_tftp, serve_within,
};
use crate::ports::Clock;

/// Where the depot is bound in other ways than plain HTTP, if it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DepotWays {
    /// HTTPS.
    pub tls: Option<SocketAddr>,
    /// TFTP.
    pub tftp: Option<SocketAddr>,
    /// FTP.
    pub ftp: Option<SocketAddr>,
}

/// What is bound.
pub(super) struct Servers {
    plain: (TcpListener, SocketAddr),
    tls: Option<(TcpListener, SocketAddr, Arc<Identity>)>,
    tftp: Option<(UdpSocket, SocketAddr)>,
    ftp: Option<(TcpListener, SocketAddr, Arc<FtpAccounts>)>,
}

impl Servers {
    /// Binds every address of `[depot]`, and reads its certificate.
    pub async fn bind(config: &DepotConfig) -> Result<Self, StartError> {
        let plain = bound("[depot] listen", config.listen).await?;
        let tls = match &config.tls {
            Some(tls) => {
                let identity = Arc::new(Identity::read(&tls.certificate, &tls.key)?);
                let (listener, address) = bound("[depot.tls] listen", tls.listen).await?;
                Some((listener, address, identity))
            }
            None => None,
        };
        let tftp = match &config.tftp {
            Some(tftp) => Some(bound_datagrams("[depot.tftp] listen", tftp.listen)?),
            None => None,
        };
        let ftp = match &config.ftp {
            Some(ftp) => {
                let (listener, address) = bound("[depot.ftp] listen", ftp.listen).await?;
                let server = FtpServer { host: config.host().to_owned(), port: address.port() };
                Some((listener, address, Arc::new(FtpAccounts::new(server))))
            }
            None => None,
        };
        Ok(Self { plain, tls, tftp, ftp })
    }

    /// Where plain HTTP is spoken.
    pub fn plain(&self) -> SocketAddr {
        self.plain.1
    }

    /// Where the rest is spoken.
    pub fn ways(&self) -> DepotWays {
        DepotWays {
            tls: self.tls.as_ref().map(|(_, address, _)| *address),
            tftp: self.tftp.as_ref().map(|(_, address)| *address),
            ftp: self.ftp.as_ref().map(|(_, address, _)| *address),
        }
    }

    /// The certificate that a reload reads again.
    pub fn identity(&self) -> Option<Arc<Identity>> {
        self.tls.as_ref().map(|(_, _, identity)| Arc::clone(identity))
    }

    /// The depot with all it may do beyond serving images over plain HTTP.
    pub fn equip(&self, depot: Depot, config: &Config, clock: &Arc<dyn Clock>) -> Depot {
        let configs = &config.depot.configs;
        let keeping =
            Keeping { versions: configs.keep, bytes: configs.longest, networks: configs.networks.clone() };
        let folder = config.state.join("configs");
        let configurations = Configurations::open(&folder, keeping, Arc::clone(clock));
        let mut depot = depot.with_configurations(Arc::new(configurations));
        depot.accounts = self.ftp.as_ref().map(|(_, _, accounts)| Arc::clone(accounts));
        depot.secure_url = config.depot.tls.as_ref().map(|tls| tls.url.clone());
        depot
    }

    /// Serves in every way until the services are to stop.
    pub fn serve(
        self,
        config: &DepotConfig,
        depot: &Depot,
        releases: &Arc<Releases>,
        stop: &CancellationToken,
        tasks: &TaskTracker,
    ) {
        let doors = [
            Some(Door::from(self.plain.0)),
            self.tls.map(|(listener, _, identity)| Door::encrypted(listener, identity)),
        ];
        for door in doors.into_iter().flatten() {
            let (depot, stop) = (depot.clone(), stop.clone());
            tasks.spawn(async move {
                if let Err(error) = serve_within(Limits::default(), door, depot, stop).await {
                    tracing::error!(%error, "the depot stopped");
                }
            });
        }
        if let (Some((socket, _)), Some(tftp)) = (self.tftp, &config.tftp) {
            let limits =
                TftpLimits { transfers: tftp.transfers, per_phone: tftp.per_phone, ..TftpLimits::default() };
            let rescues = rescues(config, releases);
            for warning in rescues.warnings() {
                tracing::warn!("{warning}");
            }
            tasks.spawn(serve_tftp(limits, socket, depot.clone(), rescues, stop.clone()));
        }
        if let (Some((listener, _, accounts)), Some(ftp)) = (self.ftp, &config.ftp) {
            let settings = FtpSettings {
                passive_ports: ftp.passive_ports.clone(),
                advertise: ftp.advertise,
                sessions: ftp.sessions,
                ..FtpSettings::default()
            };
            tasks.spawn(serve_ftp(settings, listener, depot.clone(), accounts, stop.clone()));
        }
    }
}

fn rescues(config: &DepotConfig, releases: &Arc<Releases>) -> Rescues {
    let rescue = |rescue: &crate::config::RescueConfig| Rescue {
        release: Arc::clone(&rescue.release),
        models: rescue.models.clone(),
        networks: rescue.networks.clone(),
    };
    Rescues::new(config.rescues.iter().map(rescue).collect(), Arc::clone(releases))
}

async fn bound(what: &'static str, asked: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listener = listen(what, asked).await?;
    let address = address_of(&listener, asked);
    Ok((listener, address))
}

fn bound_datagrams(what: &'static str, asked: SocketAddr) -> Result<(UdpSocket, SocketAddr), StartError> {
    let failed = |error: std::io::Error| StartError::Listen {
        what,
        address: asked.to_string(),
        why: error.to_string(),
    };
    let bind = || {
        let socket = StdUdpSocket::bind(asked)?;
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket)
    };
    let socket = bind().map_err(failed)?;
    let address = socket.local_addr().unwrap_or(asked);
    Ok((socket, address))
}
