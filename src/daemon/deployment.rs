//! Puts the deployment service of Unify phones into operation.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{StartError, address_of, listen};
use crate::config::DeploymentConfig;
use crate::depot::{
    Deployment, DeploymentSettings, Depot, Door, Files, FtpAccounts, Identity, Releases, serve_deployment,
};
use crate::domain::phone::{Tag, Vendor};
use crate::domain::rules::TermsOf;
use crate::domain::trip::Way;

/// Binds the service's address and serves there; gives the address.
pub(super) async fn start(
    config: &DeploymentConfig,
    depot: Depot,
    releases: Arc<Releases>,
    accounts: Arc<FtpAccounts>,
    services: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<SocketAddr, StartError> {
    let listener = listen("[deployment] listen", config.listen).await?;
    let address = address_of(&listener, config.listen);
    let door = match &config.identity {
        Some((certificate, key)) => Door::encrypted(listener, Arc::new(Identity::read(certificate, key)?)),
        None => Door::from(listener),
    };
    let files = match &config.ftp {
        Some((server, port)) => Files::Ftp { server: server.clone(), port: *port },
        None => Files::Web { url: config.url.clone() },
    };
    let settings = DeploymentSettings { path: config.path.clone(), files };
    let service = Deployment::new(settings, depot, releases, accounts);
    tasks.spawn(serve_deployment(service, door, services.clone()));
    Ok(address)
}

/// The terms of phones, of which those with one of these tags are asked by nothing but the answers to their polls.
pub(super) fn polling(terms: TermsOf, tags: std::collections::BTreeSet<Tag>) -> TermsOf {
    if tags.is_empty() {
        return terms;
    }
    Arc::new(move |phone| {
        let mut terms = terms(phone)?;
        if phone.vendor == Some(Vendor::UNIFY) && !phone.tags.is_disjoint(&tags) {
            terms.triggers = vec![Way::Poll.into()];
            // Nobody documents how a poll is answered so that settings are read anew.
            terms.resync.clear();
        }
        Some(terms)
    })
}
