//! What a simulation is played with: policies, zones, phones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::Options;
use super::calls::Source;
use crate::cli::plan::{paper, refused};
use crate::cli::{Failure, places};
use crate::config::{self, Config};
use crate::daemon;
use crate::domain::firmware::Release;
use crate::domain::fleet::Fleet;
use crate::domain::phone::{Model, PbxName, Phone, Site, Tag, Vendor};
use crate::domain::policy::{Group, Policy};
use crate::domain::rules::Rules;
use crate::sim::office::{OfficeSpec, draw_phones};

/// Models of phones that are made up, by maker, the most frequent ones first.
const MODELS: [(&str, &[&str]); 3] = [
    ("snom", &["D785", "D735", "D717", "D765", "D715", "D865"]),
    ("yealink", &["T46S", "T54W", "T48S", "T42S"]),
    ("grandstream", &["GXP2170", "GRP2614", "GXP1628"]),
];

/// Policies and all that stands around them.
pub struct Stage {
    config: Option<Config>,
    releases: Vec<Release>,
    policies: Vec<Policy>,
    /// The daemon's zone; UTC where no configuration tells.
    pub zone: Tz,
}

impl Stage {
    /// From the configuration, or from policies alone.
    pub fn of_files(options: &Options, file: &Path, now: DateTime<Utc>) -> Result<Self, Failure> {
        if let Some(path) = &options.policies
            && !file.is_file()
        {
            let policies = policies(path, None, now)?;
            return Ok(Self { config: None, releases: Vec::new(), policies, zone: Tz::UTC });
        }
        let mut config = config::load(file, now).map_err(Failure::Broken)?.config;
        if let Some(path) = &options.inventory {
            config.inventory = config::load_inventory(path, &config).map_err(Failure::Broken)?;
        }
        let policies = match &options.policies {
            Some(path) => policies(path, Some(&config), now)?,
            None => std::mem::take(&mut config.policies),
        };
        let staged = paper::staged(&places::state(file)?).ok().flatten();
        let releases = staged.map(|releases| releases.list()).unwrap_or_default();
        Ok(Self { zone: config.zone, config: Some(config), releases, policies })
    }

    /// The same with other policies.
    pub fn with_policies(&self, path: &Path, now: DateTime<Utc>) -> Result<Self, Failure> {
        let policies = policies(path, self.config.as_ref(), now)?;
        Ok(Self { config: self.config.clone(), releases: self.releases.clone(), policies, zone: self.zone })
    }

    /// The phones: made up, or those of the inventory, or one for each account of the call records.
    pub fn phones(&self, options: &Options, source: &Source) -> Result<Vec<Phone>, Failure> {
        let listed = self.config.as_ref().map(daemon::inventory).unwrap_or_default();
        let users = source.users();
        let count = match options.phones {
            Some(count) => count as usize,
            None if !listed.is_empty() => return Ok(listed),
            None => users.len(),
        };
        if count == 0 {
            return Err(refused("there is no phone to play with", "say how many with `--phones 500`"));
        }
        let pbx = self.config.as_ref().and_then(|config| config.pbxs.first()).map(|pbx| pbx.name.clone());
        Ok(draw_phones(&OfficeSpec {
            phones: count,
            seed: options.seed,
            sites: self.sites(),
            kinds: self.kinds(),
            tags: self.tags(),
            pbx: pbx.unwrap_or_else(|| PbxName::new("pbx1")),
            users,
        }))
    }

    /// Rules, fleet, and what was taken for granted.
    pub fn set(&self, phones: &[Phone], from: DateTime<Utc>) -> (Rules, Fleet, Vec<String>) {
        let mut rules = match &self.config {
            Some(config) => daemon::rules(config, self.releases.clone()),
            None => {
                let mut rules = Rules::new(
                    Vec::new(),
                    self.zone,
                    daemon::terms(config::profiles::shipped(), BTreeMap::new(), std::sync::Arc::default()),
                );
                rules.usual = daemon::usual(config::profiles::shipped());
                rules
            }
        };
        rules.policies.clone_from(&self.policies);
        for policy in &mut rules.policies {
            // Edited a moment ago or not: on paper it acts.
            policy.acts_from = None;
        }
        let mut phones = phones.to_vec();
        let mut assumed = paper::stage_missing(&mut rules, &phones);
        assumed.extend(paper::guess_versions(&rules, &mut phones));
        assumed.push("every phone is registered and stays so, but for its own trips".to_owned());
        assumed.push("each phone takes the usual time of its kind and comes back".to_owned());
        let fleet = paper::fleet(phones, from);
        (rules, fleet, assumed)
    }

    fn sites(&self) -> Vec<Site> {
        let configured = self.config.iter().flat_map(|config| config.sites.keys());
        let named = self.policies.iter().flat_map(|policy| &policy.select.site);
        let sites: BTreeSet<&Site> = configured.chain(named).collect();
        sites.into_iter().cloned().collect()
    }

    /// The makers policies speak of, and those of their models that they mean; snom when they name none.
    fn kinds(&self) -> Vec<(Vendor, Model)> {
        let named: BTreeSet<&Vendor> =
            self.policies.iter().flat_map(|policy| &policy.select.vendor).collect();
        let mut kinds = Vec::new();
        for (vendor, models) in MODELS {
            let vendor = Vendor::new(vendor);
            if named.contains(&vendor) || named.is_empty() && vendor == Vendor::SNOM {
                kinds.extend(models.iter().map(|model| (vendor.clone(), Model::new(*model))));
            }
        }
        for vendor in named {
            if !kinds.iter().any(|(known, _)| known == vendor) {
                kinds.push((vendor.clone(), Model::new("1")));
            }
        }
        kinds
    }

    /// The tags policies speak of.
    fn tags(&self) -> Vec<Tag> {
        let selected = self.policies.iter().flat_map(|policy| policy.select.tag.iter());
        let covered =
            self.policies.iter().flat_map(|policy| &policy.coverage).filter_map(|c| match &c.group {
                Group::Tag(tag) => Some(tag),
                Group::Queue(_) | Group::RingGroup(_) => None,
            });
        let tags: BTreeSet<&Tag> = selected.chain(covered).collect();
        tags.into_iter().cloned().collect()
    }
}

/// Policies alone: a folder or a file. What a daemon would not act on yet is refused here as well.
fn policies(path: &Path, config: Option<&Config>, now: DateTime<Utc>) -> Result<Vec<Policy>, Failure> {
    let checked = config::check_paths(&[path], now);
    if checked.report.has_errors() {
        return Err(Failure::Broken(checked.report));
    }
    for policy in &checked.policies {
        if !policy.waves.is_empty() || policy.brake.is_some() || policy.rollback.is_some() {
            let error = format!("policy {} has waves, a brake or a way back", policy.name);
            return Err(refused(&error, "this version does not act on them: play it without"));
        }
        let sites = config.iter().flat_map(|config| config.sites.keys()).collect::<BTreeSet<_>>();
        if let Some(site) = policy.select.site.iter().find(|site| config.is_some() && !sites.contains(site)) {
            let error = format!(
                "policy {} names the site {site}, which the configuration does not know",
                policy.name
            );
            return Err(refused(&error, "add it to sipherd.toml, or name another `--config`"));
        }
    }
    Ok(checked.policies)
}
