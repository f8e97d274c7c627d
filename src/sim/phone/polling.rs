//! When an innovaphone polls its script, and what it does with a restart that the script wants.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};

use super::Misfit;
use super::stack::{Desk, Due};
use crate::sim::diary::{Cause, What};
use crate::sim::innovaphone::{Caller, Restart, poll};

/// A poll that runs beside the phone's service, and the restart that follows it at once.
pub(super) type Polling = Option<Pin<Box<dyn Future<Output = Option<Restart>> + Send>>>;

impl Desk<'_> {
    /// The first poll comes a while after the boot.
    pub(super) fn plan_first_poll(&mut self) {
        let first = self.life.spec.innovaphone.as_ref().map(|make| make.first_poll);
        if let Some(first) = first.filter(|_| self.life.spec.misfit != Misfit::NeverPolls) {
            self.after(first, Due::Poll);
        }
    }

    /// Polls, beside its service.
    pub(super) fn begin_poll(&mut self) -> Polling {
        let unit = Arc::clone(self.life.unit.as_ref()?);
        let depot = self.life.spec.depot.clone().or_else(|| self.life.house.depot()).unwrap_or_default();
        let caller = Caller {
            house: self.life.house.clone(),
            mac: self.life.spec.mac,
            from: self.life.address.ip(),
            user_agent: format!("innovaphone {}", self.life.spec.model),
            depot,
            pace: self.life.spec.pace,
            in_use: self.life.in_use.clone(),
        };
        Some(Box::pin(poll(unit, caller)))
    }

    /// A poll is over: the next one is planned, and what restart it wants is done now or promised.
    pub(super) fn has_polled(&mut self, restart: Option<Restart>) -> Option<Cause> {
        let (next, owes) = {
            let unit = self.life.memory()?.lock().unwrap_or_else(PoisonError::into_inner);
            (unit.next_poll(self.life.house.now()), unit.owes)
        };
        self.after(next, Due::Poll);
        if let Some(Restart { waits: false, .. }) = restart {
            return Some(Cause::ByScript);
        }
        // One in a call, or rung in this moment, waits.
        owes.filter(|_| self.life.spec.misfit != Misfit::NeverLeaves)?;
        self.promised.get_or_insert(Cause::ByScript);
        self.leave_if_idle()
    }
    /// Somebody resets it to factory defaults; only an innovaphone knows how.
    pub(super) fn wiped(&mut self) -> Option<Cause> {
        self.life.memory()?.lock().unwrap_or_else(PoisonError::into_inner).factory_reset();
        self.life.write(What::FactoryReset);
        Some(Cause::Itself)
    }
}
