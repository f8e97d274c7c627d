//! Purses: the places there are for phones away from their desks, of a policy, of a job, of the whole fleet, and of parts
//! of it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::domain::phone::{Model, PbxName, Phone, Site, Switch, Tag};
use crate::domain::policy::{PerPart, Policy, Rate};
use crate::domain::rules::Rules;

/// Phones of one ad hoc job under way at once.
pub const AD_HOC_AT_ONCE: u32 = 5;

/// Whose places.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// Those of all policies and jobs together.
    Fleet,
    /// Those of the policy or the job of this name.
    Of(Arc<str>),
}

/// Which phones share the places.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Those that hang on one switch.
    Switch(Switch),
    /// Those with one tag.
    Tag(Tag),
    /// Those registered from one network.
    Subnet(IpNet),
    /// Those of one model.
    Model(Model),
    /// Those of one site.
    Site(Site),
    /// Those that have not fetched their image yet.
    Downloads,
    /// All.
    All,
}

impl Scope {
    /// A short machine name for metric labels.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Switch(_) => "switch",
            Self::Tag(_) => "tag",
            Self::Subnet(_) => "subnet",
            Self::Model(_) => "model",
            Self::Site(_) => "site",
            Self::Downloads => "downloads",
            Self::All => "all",
        }
    }
}

/// Places that phones share; a phone takes one in each of its purses when it goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purse {
    /// Whose places.
    pub owner: Owner,
    /// Which phones share them.
    pub scope: Scope,
}

impl Purse {
    /// All places of a policy or job.
    pub fn of(name: &Arc<str>) -> Self {
        Self { owner: Owner::Of(name.clone()), scope: Scope::All }
    }

    /// All places of the whole fleet.
    pub const FLEET: Self = Self { owner: Owner::Fleet, scope: Scope::All };
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fleet => f.write_str("the whole fleet"),
            Self::Of(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Purse {
    /// As people say it: `night`, `site berlin of night`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = &self.owner;
        match &self.scope {
            Scope::Switch(switch) => write!(f, "switch {switch} of {owner}"),
            Scope::Tag(tag) => write!(f, "tag {tag} of {owner}"),
            Scope::Subnet(net) => write!(f, "subnet {net} of {owner}"),
            Scope::Model(model) => write!(f, "model {model} of {owner}"),
            Scope::Site(site) => write!(f, "site {site} of {owner}"),
            Scope::Downloads => write!(f, "{owner} that wait for their image"),
            Scope::All => write!(f, "{owner}"),
        }
    }
}

/// A limit on what follows each other: NOTIFYs, or registrations at one PBX.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Whose limit.
    pub owner: Owner,
    /// Registrations at this PBX; `None` for NOTIFYs.
    pub registrations_at: Option<PbxName>,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.registrations_at {
            Some(pbx) => write!(f, "registrations of {} at {pbx}", self.owner),
            None => write!(f, "NOTIFYs of {}", self.owner),
        }
    }
}

/// What a phone needs to go: a place in each of its purses, and a share of each flow.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Purses with the places each has, narrow ones first.
    pub purses: Vec<(Purse, u32)>,
    /// Flows with their limits, and how much of each the phone is.
    pub flows: Vec<(Flow, Rate, u32)>,
}

/// What a phone needs to go for a policy or job.
///
/// `fetches` says whether it is to fetch an image. `addresses` are those its lines are registered from.
pub fn needs(
    rules: &Rules,
    phone: &Phone,
    addresses: &[IpAddr],
    owner: &Arc<str>,
    policy: Option<&Policy>,
    fetches: bool,
) -> Needs {
    let mut needs = Needs::default();
    let whose = Owner::Of(owner.clone());
    let fleet = &rules.fleet_pace;
    let mut parts: [(&Owner, Option<&PerPart>); 2] =
        [(&whose, policy.map(|policy| &policy.pace.per)), (&Owner::Fleet, Some(&fleet.per))];
    for (_, per) in &mut parts {
        *per = per.filter(|per| limits_anything(per));
    }
    for (owner, per) in parts.iter().filter_map(|(owner, per)| Some((*owner, (*per)?))) {
        parts_of(phone, addresses, per, |scope, limit| {
            needs.purses.push((Purse { owner: owner.clone(), scope }, limit));
        });
    }
    if needs.purses.len() > 1 {
        // A switch before a site: whoever waits waits where places fall free least often.
        needs.purses.sort_by(|(a, _), (b, _)| (&a.scope, &a.owner).cmp(&(&b.scope, &b.owner)));
    }
    if let Some(limit) = policy.and_then(|policy| policy.pace.downloads).filter(|_| fetches) {
        needs.purses.push((Purse { owner: whose.clone(), scope: Scope::Downloads }, limit));
    }
    let all = policy.map_or(AD_HOC_AT_ONCE, |policy| policy.pace.down_at_once);
    needs.purses.push((Purse { owner: whose.clone(), scope: Scope::All }, all));
    if let Some(limit) = fleet.down_at_once {
        needs.purses.push((Purse::FLEET, limit));
    }
    let own = policy.and_then(|policy| policy.pace.registrations);
    for (owner, rate) in [(&whose, own), (&Owner::Fleet, fleet.registrations)] {
        let Some(rate) = rate else { continue };
        for (pbx, lines) in lines_by_pbx(phone) {
            let flow = Flow { owner: owner.clone(), registrations_at: Some(pbx) };
            needs.flows.push((flow, rate, lines));
        }
    }
    if let Some(rate) = policy.and_then(|policy| policy.pace.notify_rate) {
        needs.flows.push((Flow { owner: whose, registrations_at: None }, rate, 1));
    }
    needs
}

/// The lines a phone will register again, by PBX.
pub fn lines_by_pbx(phone: &Phone) -> Vec<(PbxName, u32)> {
    let mut counts: Vec<(PbxName, u32)> = Vec::new();
    for line in phone.lines.keys() {
        match counts.iter_mut().find(|(pbx, _)| *pbx == line.pbx) {
            Some((_, count)) => *count += 1,
            None => counts.push((line.pbx.clone(), 1)),
        }
    }
    counts
}

/// The network an address belongs to: /24 of IPv4, /64 of IPv6.
pub fn subnet(address: IpAddr) -> Option<IpNet> {
    let address = address.to_canonical();
    let net = IpNet::new(address, if address.is_ipv4() { 24 } else { 64 }).ok()?;
    Some(net.trunc())
}

fn limits_anything(per: &PerPart) -> bool {
    per.site.is_some()
        || per.model.is_some()
        || per.subnet.is_some()
        || per.switch.is_some()
        || !per.tag.is_empty()
}

/// The limited parts of a fleet that the phone belongs to.
fn parts_of(phone: &Phone, addresses: &[IpAddr], per: &PerPart, mut see: impl FnMut(Scope, u32)) {
    if let (Some(limit), Some(switch)) = (per.switch, &phone.switch) {
        see(Scope::Switch(switch.clone()), limit);
    }
    if !per.tag.is_empty() {
        for tag in &phone.tags {
            let limits = per.tag.iter().filter(|(glob, _)| glob.is_match(tag.as_str()));
            if let Some(limit) = limits.map(|(_, limit)| *limit).min() {
                see(Scope::Tag(tag.clone()), limit);
            }
        }
    }
    if let Some(limit) = per.subnet {
        let mut nets: Vec<IpNet> = addresses.iter().copied().filter_map(subnet).collect();
        nets.sort();
        nets.dedup();
        for net in nets {
            see(Scope::Subnet(net), limit);
        }
    }
    if let (Some(limit), Some(model)) = (per.model, &phone.model) {
        see(Scope::Model(model.clone()), limit);
    }
    if let (Some(limit), Some(site)) = (per.site, &phone.site) {
        see(Scope::Site(site.clone()), limit);
    }
}
