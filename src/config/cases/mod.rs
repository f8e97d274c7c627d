//! `[[test]]` tables: what policy authors expect of their policies, in the policy or in a `.test.toml` file beside it.

mod firmware;
mod instant;
mod phones;
mod rules;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use chrono_tz::Tz;
use toml::Spanned;
use toml::de::DeTable;

use super::check::Policies;
use super::keys::{TEST_TABLES, nearest};
use super::problem::Place;
use super::raw::{Complaint, Source};
use super::settings::Settings;
use super::table::Table;
use super::value;
use crate::config::code::Code;
use crate::domain::phone::{PbxName, Phone, Realm, Site};
use crate::domain::policy::{Action, Policy};
use crate::domain::rehearsal::Case;
use crate::domain::rules::{FleetPace, Rules};

pub(super) use rules::rules_of;

/// A test that can be played, and where it stands.
#[derive(Clone)]
pub struct WrittenCase {
    /// Its file.
    pub file: PathBuf,
    /// Where it begins.
    pub place: Place,
    /// The test. Nobody's phones have terms in it yet.
    pub case: Case,
    /// Where each step says what it expects.
    pub steps: Vec<Place>,
}

/// A rule of a policy, and the policy changed so that a test that depends on the rule fails.
#[derive(Debug, Clone)]
pub struct WrittenRule {
    /// The policy's file.
    pub file: PathBuf,
    /// Where the rule stands.
    pub place: Place,
    /// What it is: `[select] model D7*`.
    pub what: String,
    /// What is to be said when no test fails with the changed policy.
    pub lacks: &'static str,
    /// The policy with the rule taken away or turned round.
    pub changed: Policy,
}

/// What holds around the tests of a folder.
#[derive(Default)]
pub(super) struct Surroundings {
    /// The policies of the folder.
    pub policies: Vec<Policy>,
    /// The daemon's zone.
    pub zone: Option<Tz>,
    /// Sites with their zones; `None` without `sipherd.toml`, and then any site will do.
    pub sites: Option<BTreeMap<Site, Option<Tz>>>,
    /// The PBXs.
    pub pbxs: Vec<PbxName>,
    /// The channels.
    pub channels: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// What holds over all policies.
    pub pace: FleetPace,
}

impl Surroundings {
    /// What the files of a folder, and perhaps `sipherd.toml`, say.
    pub fn of(policies: &Policies, settings: Option<&Settings>) -> Self {
        let read = policies.read.iter().map(|read| read.draft.policy.clone()).collect();
        let Some(settings) = settings else { return Self { policies: read, ..Self::default() } };
        Self {
            policies: read,
            zone: settings.zone,
            sites: Some(settings.sites.iter().map(|(name, site)| (name.clone(), site.zone)).collect()),
            pbxs: settings.pbxs.iter().map(|pbx| pbx.name.clone()).collect(),
            channels: settings.channels.clone(),
            pace: settings.pace.clone(),
        }
    }
}

/// Reads the tests of a file. `own` is the policy they stand in; a file of its own has none.
pub(super) fn read(
    source: &Source,
    document: &Spanned<DeTable<'_>>,
    own: Option<&Policy>,
    around: &Surroundings,
) -> Vec<WrittenCase> {
    let top = match own {
        Some(_) => Table::part(source, &TEST_TABLES, document.get_ref()),
        None => Table::top(source, &TEST_TABLES, document),
    };
    let Some(top) = top else { return Vec::new() };
    let mut forced: Vec<Policy> = own.cloned().into_iter().collect();
    if own.is_none() {
        if !top.has("test") {
            top.missing("test", "a file of tests has one `[[test]]` at least");
        }
        forced = match named(&top, around) {
            Some(Ok(policy)) => vec![policy.clone()],
            Some(Err(())) => return Vec::new(),
            None => around.policies.clone(),
        };
    }
    let mut names = BTreeSet::new();
    top.tables("test")
        .iter()
        .filter_map(|table| test(table, own.is_some(), &forced, around, &mut names))
        .collect()
}

/// The policy that the key `policy` names; `Err` when there is none.
fn named<'a>(table: &Table<'_>, around: &'a Surroundings) -> Option<Result<&'a Policy, ()>> {
    if !table.has("policy") {
        return None;
    }
    let names = || around.policies.iter().map(|policy| policy.name.as_ref());
    let found = table.read("policy", |text| {
        around.policies.iter().find(|policy| &*policy.name == text).ok_or_else(|| Complaint {
            message: format!("there is no policy `{text}`"),
            near: nearest(text, names()),
            hint: Some("a policy is called as its file, without `.toml`".to_owned()),
        })
    });
    Some(found.map(|at| at.value).ok_or(()))
}

fn test(
    table: &Table<'_>,
    inside: bool,
    forced: &[Policy],
    around: &Surroundings,
    names: &mut BTreeSet<String>,
) -> Option<WrittenCase> {
    let name = table.text("name");
    match &name {
        None if !table.has("name") => {
            table.missing("name", "say what must hold: `name = \"nobody at Christmas\"`")
        }
        Some(name) if name.value.trim().is_empty() => {
            table.error_at("name", Complaint::new("this name is empty", "say what must hold, in a sentence"));
        }
        Some(name) if !names.insert(name.value.to_owned()) => {
            let hint = "say what differs between the two";
            table.source().refuse(
                Code::Twice,
                &name.span,
                Complaint::new("another test of this file has the same name", hint),
            );
        }
        Some(_) | None => {}
    }
    let policies = match (inside, named(table, around)) {
        (true, Some(_)) => {
            let hint = "leave it out, or write the test into a `.test.toml` file beside the policy";
            table.error_at("policy", Complaint::new("in force is the policy that the test stands in", hint));
            return None;
        }
        (_, Some(Err(()))) => return None,
        (_, Some(Ok(policy))) => vec![policy.clone()],
        (_, None) => forced.to_vec(),
    };
    let zone = table.read("zone", value::zone).map(|zone| zone.value);
    let (players, site_zones) = phones::read(table, &policies, around);
    let kinds: Vec<&Phone> = players.iter().map(|player| &player.phone).collect();
    let firmware = firmware::read(table, &policies, &kinds, around);
    let rules = Rules {
        releases: firmware.releases,
        channels: firmware.channels,
        site_zones,
        fleet_pace: around.pace.clone(),
        realms: realms(&policies, &kinds),
        ..Rules::new(policies, zone.or(around.zone).unwrap_or_else(|| zone_of(forced)), Arc::new(|_| None))
    };
    let (steps, places) = steps::read(table, &players, &rules);
    if table.source().has_errors() || players.is_empty() {
        return None;
    }
    Some(WrittenCase {
        file: table.source().path.clone(),
        place: table.source().place(&table.span()),
        case: Case { name: name?.value.into(), rules, players, steps },
        steps: places,
    })
}

/// Realms that policies and phones name: where tests run nobody need have configured them.
fn realms(policies: &[Policy], phones: &[&Phone]) -> BTreeMap<Realm, bool> {
    let named = policies.iter().filter_map(|policy| match &policy.action {
        Action::Move { realm } => realm.as_ref(),
        _ => None,
    });
    let homes = phones.iter().filter_map(|phone| phone.home.as_ref());
    named.chain(homes).map(|realm| (realm.clone(), true)).collect()
}

/// The zone that all windows name, else UTC.
fn zone_of(policies: &[Policy]) -> Tz {
    let windows = policies.iter().flat_map(|policy| &policy.calendar.windows);
    let mut zones = windows.filter_map(|window| window.zone);
    match zones.next() {
        Some(zone) if zones.all(|other| other == zone) => zone,
        Some(_) | None => Tz::UTC,
    }
}
