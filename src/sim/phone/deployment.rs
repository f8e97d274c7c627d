//! The deployment client of a Unify phone, beside its SIP service.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicU32;

use super::Misfit;
use super::stack::Desk;
use crate::sim::diary::Cause;
use crate::sim::unify::{Client, Left};

/// A client that runs, and why the phone has to reboot in the end.
pub(super) type Deployment = Option<Pin<Box<dyn Future<Output = Left> + Send>>>;

impl Desk<'_> {
    /// Switches the client on, if this is a phone that has one.
    pub(super) fn begin_client(&mut self) -> Deployment {
        let (make, memory) = (self.life.spec.unify.clone()?, self.life.service.clone()?);
        let (life, spec) = (&self.life, &self.life.spec);
        let client = Client {
            house: life.house.clone(),
            mac: spec.mac,
            ip: life.address.ip(),
            model: spec.model.clone(),
            version: life.version.clone(),
            make,
            memory,
            in_use: life.in_use.clone(),
            registered: life.registered.clone(),
            bytes_per_second: spec.pace.bytes_per_second,
            flash: spec.pace.flash,
            breaks: spec.misfit == Misfit::BreaksDownload,
            rejects: spec.misfit == Misfit::RejectsImage,
            never_leaves: spec.misfit == Misfit::NeverLeaves,
            refuses: match spec.misfit {
                Misfit::Refuses(code) => Some(code),
                _ => None,
            },
            messages: AtomicU32::new(0),
        };
        Some(Box::pin(client.live()))
    }

    /// The client has ended: a restart is done at once, a new image run when nobody talks.
    pub(super) fn client_left(&mut self, left: Left) -> Option<Cause> {
        match left {
            Left::Restart => Some(Cause::ByService),
            Left::Updated(version) => {
                self.life.version = version;
                self.promised = Some(Cause::Update);
                self.leave_if_idle()
            }
        }
    }
}

/// Waits for the end of a client that runs.
pub(super) async fn ended(client: &mut Deployment) -> Left {
    let left = match client {
        Some(client) => client.await,
        None => std::future::pending().await,
    };
    *client = None;
    left
}
