//! Puts the deployment service of Unify phones into operation.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{StartError, address_of, listen};
use crate::config::{DeploymentConfig, ServiceIdentity};
use crate::depot::{
    Deployment, DeploymentSettings, Depot, Door, Files, Identity, Releases, serve_deployment,
};
use crate::domain::phone::{Tag, Vendor};
use crate::domain::rules::TermsOf;
use crate::domain::trip::Way;

/// Binds the service's address and serves there; gives the address.
pub(super) async fn start(
    config: &DeploymentConfig,
    depots: Option<Arc<Identity>>,
    depot: Depot,
    releases: &Arc<Releases>,
    services: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<SocketAddr, StartError> {
    let listener = listen("[deployment] listen", config.listen).await?;
    let address = address_of(&listener, config.listen);
    let identity = match &config.identity {
        ServiceIdentity::Own(certificate, key) => Some(Arc::new(Identity::read(certificate, key)?)),
        ServiceIdentity::Depot => depots,
        ServiceIdentity::Plain => None,
    };
    let door = match identity {
        Some(identity) => Door::encrypted(listener, identity),
        None => Door::from(listener),
    };
    let files = if config.by_ftp { Files::Ftp } else { Files::Web { url: config.url.clone() } };
    let settings = DeploymentSettings { path: config.path.clone(), files };
    let service = Deployment::new(settings, depot, Arc::clone(releases));
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
