//! What everybody in the building shares: the clock, the diaries, the depot's address and the lie.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::diary::{Diaries, What};
use crate::domain::phone::Mac;
use crate::ports::Clock;

/// The common ground of phones and PBX.
pub(super) struct House {
    /// The building's time; SIP resend timers do not follow it.
    pub clock: Arc<dyn Clock>,
    /// What the phones write down.
    pub diaries: Diaries,
    /// Where phones without a depot of their own ask for settings; read anew at each boot.
    pub depot: RwLock<Option<String>>,
    /// The deployment service of Unify phones, if there is one.
    pub deployment: RwLock<Option<String>>,
    /// Everybody says "idle", whatever is true.
    pub lying: AtomicBool,
}

impl House {
    /// Now, in the building's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The instant of tokio's clock at which this much of the building's time has passed.
    pub fn after(&self, time: TimeDelta) -> Instant {
        Instant::now() + self.clock.until(self.clock.now() + time)
    }

    /// Lets this much of the building's time pass.
    pub async fn pass(&self, time: TimeDelta) {
        if time > TimeDelta::zero() {
            tokio::time::sleep_until(self.after(time)).await;
        }
    }

    /// Writes into a phone's diary.
    pub fn write(&self, mac: Mac, what: What) {
        self.diaries.write(mac, self.now(), what);
    }

    /// The depot's base address, if there is one.
    pub fn depot(&self) -> Option<String> {
        self.depot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The address of the deployment service.
    pub fn deployment(&self) -> Option<String> {
        self.deployment.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether everybody is to say "idle".
    pub fn lies(&self) -> bool {
        self.lying.load(Ordering::Relaxed)
    }
}
