//! Advice to policy authors: what can be loaded, but will hardly do what its author thinks.
//!
//! It rests on the inventory and the makers' profiles, and says nothing where they do not tell: a phone whose version
//! nobody has seen yet may be meant or not, members of a queue are known to the PBX alone.

mod coverage;
mod hours;
mod limits;
mod makers;
mod nights;
mod selection;
mod versions;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::check::Read;
use super::code::Code;
use super::compare::{Compared, Zones};
use super::policy::Draft;
use super::raw::{Complaint, Source};
use super::settings::Settings;
use super::{InventoryPhone, TimingOverride};
use crate::domain::forecast::Usual;
use crate::domain::phone::{Phone, Vendor};
use crate::domain::policy::{Action, Policy};
use crate::domain::rules::FleetPace;
use crate::phones::Makers;

/// What the advice rests on.
pub(super) struct Ground<'a> {
    /// The phones of the inventory; empty where there is none.
    phones: Vec<Phone>,
    timing: Option<&'a BTreeMap<Vendor, TimingOverride>>,
    pace: Option<&'a FleetPace>,
    /// Phones are asked to call a deployment service, and there is none.
    no_deployment: bool,
    /// snoms are asked to clear their `firmware_uxm`, and nobody knows the passwords of their web servers.
    cannot_clear: bool,
    /// The host of the depot's URL, where it is a name and no address.
    depot_name: Option<&'a str>,
    /// The daemon's zone.
    zone: Tz,
    now: DateTime<Utc>,
    makers: &'a Makers,
}

/// One policy and its phones of the inventory.
struct Subject<'a> {
    source: &'a Source,
    draft: &'a Draft,
    policy: &'a Policy,
    /// Those it selects.
    meant: Vec<&'a Phone>,
    /// Those it selects or may select: too little is known of some.
    perhaps: Vec<&'a Phone>,
    /// Those it selects and no policy of a higher priority does.
    decided: Vec<&'a Phone>,
}

/// Records advice on all policies in their files.
pub(super) fn give(
    policies: &[Read],
    with: Option<(&Settings, &[InventoryPhone])>,
    zones: &Zones,
    what: &Compared<'_>,
) {
    let ground = Ground {
        phones: with.iter().flat_map(|(_, inventory)| inventory.iter().map(InventoryPhone::phone)).collect(),
        timing: with.map(|(settings, _)| &settings.timing),
        pace: with.map(|(settings, _)| &settings.pace),
        no_deployment: with.is_some_and(|(settings, _)| settings.deployment.is_none()),
        cannot_clear: with
            .is_some_and(|(settings, _)| settings.snom.clears() && settings.web_credentials.is_none()),
        depot_name: with.and_then(|(settings, _)| settings.depot.as_ref()?.host_name()),
        zone: zones.daemon.unwrap_or(Tz::UTC),
        now: what.now,
        makers: what.makers,
    };
    let subjects = subjects(policies, &ground);
    // Where names are mistaken, what follows from them is no news.
    for subject in subjects.iter().filter(|subject| !subject.source.has_errors()) {
        selection::advise(subject, &subjects, &ground);
        hours::advise(subject, &ground);
        makers::advise(subject, &ground);
        coverage::advise(subject, &ground);
        limits::advise(subject, &ground);
        nights::advise(subject, &ground);
    }
}

fn subjects<'a>(policies: &'a [Read], ground: &'a Ground<'_>) -> Vec<Subject<'a>> {
    let mut subjects: Vec<Subject<'a>> = policies
        .iter()
        .map(|Read { source, draft }| Subject {
            source,
            draft,
            policy: &draft.policy,
            meant: Vec::new(),
            perhaps: Vec::new(),
            decided: Vec::new(),
        })
        .collect();
    for phone in &ground.phones {
        let mut top = None;
        for subject in &mut subjects {
            let held = subject.policy.select.holds(phone);
            if held != Some(false) {
                subject.perhaps.push(phone);
            }
            if held == Some(true) {
                subject.meant.push(phone);
                top = top.max(Some(subject.policy.priority));
            }
        }
        for subject in &mut subjects {
            let last = subject.meant.last().is_some_and(|last| last.mac == phone.mac);
            if last && Some(subject.policy.priority) == top {
                subject.decided.push(phone);
            }
        }
    }
    subjects
}

impl Subject<'_> {
    /// Records a warning at these bytes.
    fn warn(&self, code: Code, span: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.source.warn(code, span, Complaint::new(message, hint));
    }

    /// Where this limit stands, or the windows that it has to do with where the author left it out.
    fn place_of_limit(&self, path: &str) -> Range<usize> {
        let window = || self.draft.windows.first().map(|marks| marks.closes.clone());
        let place = self.draft.places.has(path).then(|| self.draft.places.value(path));
        place.or_else(window).unwrap_or_else(|| self.draft.priority.clone())
    }

    /// The makers of its phones: as the inventory tells, else as its selection does.
    fn vendors(&self) -> BTreeSet<&Vendor> {
        if self.perhaps.is_empty() {
            return self.draft.mentions.vendors.iter().map(|vendor| &vendor.value).collect();
        }
        self.perhaps.iter().filter_map(|phone| phone.vendor.as_ref()).collect()
    }

    /// Where it means this maker's phones, if it may: its selection, else what it does.
    fn meaning(&self, vendor: &Vendor) -> Option<Range<usize>> {
        let named = self.draft.mentions.vendors.iter().find(|named| named.value == *vendor);
        let listed = self.perhaps.iter().any(|phone| phone.vendor.as_ref() == Some(vendor));
        let action = || self.draft.places.key(self.policy.action.table());
        named.map(|named| named.span.clone()).or_else(|| listed.then(action))
    }

    /// What it does to a phone, for people.
    fn done(&self) -> &'static str {
        match self.policy.action {
            Action::Reboot => "rebooted",
            Action::Update { .. } | Action::Stage { .. } | Action::ModuleUpdate { .. } => "updated",
            Action::Move { .. } => "moved",
            Action::Resync | Action::Backup | Action::Write { .. } | Action::Files { .. } => "done",
        }
    }
}

impl Ground<'_> {
    /// The most that a trip of such a phone takes, as the gates reckon; `None` where the action needs no boot, or
    /// such phones are held anyway.
    fn needs(&self, vendor: &Vendor, action: &Action) -> Option<TimeDelta> {
        let with_image = match action {
            Action::Reboot | Action::Move { .. } => false,
            Action::Update { .. } | Action::ModuleUpdate { .. } => true,
            Action::Resync | Action::Stage { .. } | Action::Backup => return None,
            Action::Write { .. } | Action::Files { .. } => return None,
        };
        let profile = self.makers.profile(vendor)?;
        let own = self.timing.and_then(|timing| timing.get(vendor));
        let timing = own.map_or(profile.timing, |own| own.over(profile.timing));
        let boots = if with_image { own.and_then(|own| own.boots).or(profile.update_boots)? } else { 1 };
        Some(timing.whole_trip(boots, with_image))
    }

    /// What a trip of such a phone usually takes, as forecasts reckon; `None` as in [`Self::needs`].
    fn usually(&self, vendor: &Vendor, action: &Action) -> Option<TimeDelta> {
        self.needs(vendor, action)?;
        let with_image = !matches!(action, Action::Reboot | Action::Move { .. });
        let profile = self.makers.profile(vendor)?;
        let own = self.timing.and_then(|timing| timing.get(vendor));
        let timing = own.map_or(profile.timing, |own| own.over(profile.timing));
        let boots = if with_image { own.and_then(|own| own.boots).or(profile.update_boots)? } else { 1 };
        let usual = profile.usual.unwrap_or_else(|| Usual::of(&timing)).within(&timing);
        Some(usual.whole_trip(boots, with_image))
    }

    /// The maker among these whose phones usually take longest, and how long.
    fn longest_usual<'v>(
        &self,
        vendors: &BTreeSet<&'v Vendor>,
        action: &Action,
    ) -> Option<(&'v Vendor, TimeDelta)> {
        let takes = vendors.iter().filter_map(|vendor| Some((*vendor, self.usually(vendor, action)?)));
        takes.max_by_key(|(_, takes)| *takes)
    }

    /// The slowest maker among these, and what its phones need.
    fn slowest<'v>(
        &self,
        vendors: &BTreeSet<&'v Vendor>,
        action: &Action,
    ) -> Option<(&'v Vendor, TimeDelta)> {
        let needs = vendors.iter().filter_map(|vendor| Some((*vendor, self.needs(vendor, action)?)));
        needs.max_by_key(|(_, needs)| *needs)
    }
}

/// `a`, `b` and `c`.
fn and(names: impl IntoIterator<Item = String>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        last => last.unwrap_or_default(),
    }
}

/// `1 phone`, `412 phones`.
fn count(phones: usize) -> String {
    format!("{phones} phone{}", if phones == 1 { "" } else { "s" })
}
