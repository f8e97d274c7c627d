//! The building itself: switches PBX and phones on, makes the calls of a night, and hands out the diaries.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::diary::{Diaries, LogLine, What};
use super::house::House;
use super::pbx::{PocketPbx, PocketSpec};
use super::phone::{Phone, PhoneSpec};
use super::traffic::CallPlan;
use crate::domain::phone::Mac;
use crate::ports::Clock;

/// What stands in a building.
pub struct BuildingSpec {
    /// The building's time.
    pub clock: Arc<dyn Clock>,
    /// The phones.
    pub phones: Vec<PhoneSpec>,
    /// Call-IDs, tags and `line=` values are drawn from it.
    pub seed: u64,
    /// Base address of the depot, if it is known already; see [`Building::point_at_depot`].
    pub depot: Option<String>,
    /// The address the PBX binds, ports taken freely.
    pub pbx_ip: IpAddr,
    /// The AMI account.
    pub ami_user: String,
    /// Its secret.
    pub ami_secret: String,
}

impl BuildingSpec {
    /// A building with these phones, a PBX on 127.0.0.1 and no depot yet.
    pub fn new(clock: Arc<dyn Clock>, phones: Vec<PhoneSpec>, seed: u64) -> Self {
        Self {
            clock,
            phones,
            seed,
            depot: None,
            pbx_ip: Ipv4Addr::LOCALHOST.into(),
            ami_user: "sipherd".to_owned(),
            ami_secret: "pocket".to_owned(),
        }
    }
}

/// The building could not be put up.
#[derive(Debug, thiserror::Error)]
pub enum BuildingError {
    /// The PBX found no address.
    #[error("cannot bind the pocket PBX on `{address}`: {source}; hint: use an address of 127.0.0.0/8")]
    Pbx {
        /// Where.
        address: IpAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A phone found no address.
    #[error("cannot bind phone {mac} on `{address}`: {source}; hint: each phone needs an address of its own")]
    Phone {
        /// Which.
        mac: Mac,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Nobody here has this line.
    #[error("no phone has line `{user}`")]
    NoSuchLine {
        /// The line.
        user: String,
    },
    /// Something awaited did not happen.
    #[error("phone {mac} did not get there within {seconds} s")]
    TooLate {
        /// Which.
        mac: Mac,
        /// How long was waited, in real seconds.
        seconds: u64,
    },
}

/// A building in operation; switched off by [`Building::shutdown`] or when dropped.
pub struct Building {
    house: Arc<House>,
    phones: BTreeMap<Mac, Phone>,
    by_user: BTreeMap<String, Mac>,
    pbx: PocketPbx,
    tasks: TaskTracker,
    off: CancellationToken,
    ami: (String, String),
}

impl Building {
    /// Binds every socket, switches the PBX on, then the phones. They boot and register in their own time.
    pub async fn start(spec: BuildingSpec) -> Result<Self, BuildingError> {
        let house = Arc::new(House {
            clock: spec.clock,
            diaries: Diaries::default(),
            depot: RwLock::new(spec.depot),
            deployment: RwLock::default(),
            lying: AtomicBool::new(false),
        });
        let (tasks, off) = (TaskTracker::new(), CancellationToken::new());
        let pocket = PocketSpec {
            ip: spec.pbx_ip,
            lines: spec.phones.iter().map(|phone| (phone.user.clone(), phone.password.clone())).collect(),
            ami_user: spec.ami_user.clone(),
            ami_secret: spec.ami_secret.clone(),
        };
        let pbx = PocketPbx::switch_on(pocket, Arc::clone(&house), &tasks, off.clone())
            .await
            .map_err(|source| BuildingError::Pbx { address: spec.pbx_ip, source })?;
        let (mut phones, mut by_user) = (BTreeMap::new(), BTreeMap::new());
        for (phone, nth) in spec.phones.into_iter().zip(1_u64..) {
            let (mac, address, user) = (phone.mac, phone.address, phone.user.clone());
            let registrar = phone.registrar.unwrap_or_else(|| pbx.sip());
            let seed = spec.seed.wrapping_mul(1_000_003).wrapping_add(nth);
            let phone = Phone::switch_on(phone, registrar, seed, Arc::clone(&house), &tasks, off.clone())
                .await
                .map_err(|source| BuildingError::Phone { mac, address, source })?;
            phones.insert(mac, phone);
            by_user.insert(user, mac);
        }
        let ami = (spec.ami_user, spec.ami_secret);
        Ok(Self { house, phones, by_user, pbx, tasks, off, ami })
    }

    /// The PBX, for its addresses and switches.
    pub fn pbx(&self) -> &PocketPbx {
        &self.pbx
    }

    /// User and secret of the AMI account.
    pub fn ami_account(&self) -> (&str, &str) {
        (&self.ami.0, &self.ami.1)
    }

    /// The phones, by MAC.
    pub fn phones(&self) -> &BTreeMap<Mac, Phone> {
        &self.phones
    }

    /// The phone with this line.
    pub fn phone(&self, user: &str) -> Result<&Phone, BuildingError> {
        let missing = || BuildingError::NoSuchLine { user: user.to_owned() };
        self.by_user.get(user).and_then(|mac| self.phones.get(mac)).ok_or_else(missing)
    }

    /// A copy of one phone's diary.
    pub fn log(&self, mac: Mac) -> Vec<LogLine> {
        self.house.diaries.of(mac)
    }

    /// A copy of all diaries.
    pub fn logs(&self) -> BTreeMap<Mac, Vec<LogLine>> {
        let mut logs = self.house.diaries.all();
        for mac in self.phones.keys() {
            logs.entry(*mac).or_default();
        }
        logs
    }

    /// Names the deployment service of Unify phones; read anew at each of their calls.
    pub fn point_at_deployment(&self, url: Option<&str>) {
        *self.house.deployment.write().unwrap_or_else(PoisonError::into_inner) = url.map(str::to_owned);
    }

    /// From their next boot on, phones ask here for settings: `http://127.0.0.1:8080/snom`.
    pub fn point_at_depot(&self, base: Option<&str>) {
        *self.house.depot.write().unwrap_or_else(PoisonError::into_inner) = base.map(str::to_owned);
    }

    /// Makes PBX and phones say "idle" whatever is true; the rule can then be broken on purpose.
    pub fn lie_idle(&self, lie: bool) {
        self.house.lying.store(lie, Ordering::Relaxed);
    }

    /// Has one phone dial another line, or `600`.
    pub fn call(&self, from: &str, to: &str, lasts: TimeDelta) -> Result<(), BuildingError> {
        self.phone(from)?.call(to, lasts);
        Ok(())
    }

    /// Makes these calls at their times; calls of a line nobody has are left out.
    pub fn hold_calls(&self, mut plans: Vec<CallPlan>) {
        plans.sort_by_key(|plan| plan.at);
        let house = Arc::clone(&self.house);
        let off = self.off.clone();
        let calls: Vec<(CallPlan, Phone)> = plans
            .into_iter()
            .filter_map(|plan| self.phone(&plan.from).ok().cloned().map(|phone| (plan, phone)))
            .collect();
        self.tasks.spawn(async move {
            for (plan, phone) in calls {
                tokio::select! {
                    () = tokio::time::sleep(house.clock.until(plan.at)) => phone.call(&plan.to, plan.lasts),
                    () = off.cancelled() => return,
                }
            }
        });
    }

    /// How long it really takes until this instant of the building's time.
    pub fn until(&self, instant: DateTime<Utc>) -> Duration {
        self.house.clock.until(instant)
    }

    /// Waits until a phone's diary is as wanted, `limit` of real time at most.
    pub async fn wait(
        &self,
        mac: Mac,
        limit: Duration,
        wanted: impl FnMut(&[LogLine]) -> bool,
    ) -> Result<(), BuildingError> {
        tokio::time::timeout(limit, self.house.diaries.wait(mac, wanted))
            .await
            .map_err(|_| BuildingError::TooLate { mac, seconds: limit.as_secs() })
    }

    /// Waits until every phone has registered at least once, `limit` of real time at most.
    pub async fn all_registered(&self, limit: Duration) -> Result<(), BuildingError> {
        for mac in self.phones.keys() {
            self.wait(*mac, limit, |log| log.iter().any(|line| line.what == What::Registered)).await?;
        }
        Ok(())
    }

    /// Switches everything off and waits until it is.
    pub async fn shutdown(self) {
        self.off.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        self.off.cancel();
    }
}
