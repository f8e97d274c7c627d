//! Policies beside each other, the inventory and the settings: names nobody knows, ties, and what `run` refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::advice;
use super::check::{Policies, Read};
use super::clock_changes;
use super::code::Code;
use super::inventory;
use super::keys::{self, Value, nearest};
use super::policy::{Draft, Mentions};
use super::raw::{At, Complaint, Source};
use super::settings::Settings;
use super::{InventoryPhone, Purpose};
use crate::domain::phone::{Mac, PbxName, Realm, Site, Tag, Vendor};
use crate::domain::policy::{Action, BlackoutDates};
use crate::phones::Makers;

/// What the files are compared for.
pub(super) struct Compared<'a> {
    pub purpose: Purpose,
    pub now: DateTime<Utc>,
    pub makers: &'a Makers,
}

/// The zones a policy's windows may be meant in.
pub(super) struct Zones {
    /// The daemon's; `None` when only policies are checked.
    pub daemon: Option<Tz>,
    /// Those of the sites.
    pub sites: BTreeMap<Site, Tz>,
}

/// Compares everything; problems are recorded in the files they stand in.
pub(super) fn all(policies: &Policies, with: Option<(&Settings, &[InventoryPhone])>, what: &Compared<'_>) {
    let mut zones = Zones { daemon: None, sites: BTreeMap::new() };
    if let Some((settings, inventory)) = with {
        zones.daemon = settings.zone;
        let own = settings.sites.iter().filter_map(|(site, own)| Some((site.clone(), own.zone?)));
        zones.sites = own.collect();
        let names = Names::of(settings, inventory);
        for read in &policies.read {
            names.check(&read.source, &read.draft.mentions);
            names.check_channel(read);
            names.check_realm(read);
        }
        if let Some(selections) = &policies.selections {
            names.check(selections, &policies.shared.mentions);
        }
        ties(&policies.read, inventory);
    }
    if let Some(selections) = &policies.selections {
        makers(selections, &policies.shared.mentions, false, what.makers);
    }
    if what.purpose == Purpose::Check {
        advice::give(&policies.read, with, &zones, what);
    }
    for Read { source, draft } in &policies.read {
        makers(
            source,
            &draft.mentions,
            matches!(draft.policy.action, Action::Update { .. } | Action::Stage { .. }),
            what.makers,
        );
        not_yet(source, draft, what.purpose);
        if what.purpose == Purpose::Check {
            clock_changes::warn(source, draft, &zones, what.now);
            never_closing(source, draft, &zones, what.now);
            bygone(source, draft, what.now);
        }
    }
}

/// Records what this version reads and checks but does not act on: an error for whoever wants to run it.
fn not_yet(source: &Source, draft: &Draft, purpose: Purpose) {
    for At { value, span } in &draft.not_yet {
        let table = match keys::POLICY.get(value).map(|key| &key.value) {
            Some(Value::Table(keys) | Value::Tables(keys)) => keys.table,
            _ => value,
        };
        match purpose {
            Purpose::Run => source.refuse(
                Code::NotActedOn,
                span,
                Complaint::new(
                    format!("this version reads and checks `{table}`, but `run` does not act on it yet"),
                    "leave it out; a later version acts on it",
                ),
            ),
            Purpose::Check => source.warn(
                Code::NotActedOn,
                span,
                Complaint::new(
                    format!("`{table}` is read and checked, but `sipherd run` refuses this policy: it does not act on it yet"),
                    "leave it out to run the policy; a later version acts on it",
                ),
            ),
        }
    }
}

/// Warns about blackouts that are over for good.
fn bygone(source: &Source, draft: &Draft, now: DateTime<Utc>) {
    for (blackout, span) in draft.policy.calendar.blackouts.iter().zip(&draft.blackouts) {
        // No zone is further behind than a day.
        let over = |to: chrono::NaiveDate| to < now.date_naive() - chrono::Days::new(1);
        if let BlackoutDates::Range { to, .. } = blackout.when
            && over(to)
        {
            let hint = format!("remove it, or write `{}` to have it every year", to.format("%m-%d"));
            source.warn(
                Code::CalendarEnds,
                span,
                Complaint::new(format!("this blackout was over on {to}"), hint),
            );
        }
    }
}

/// The names that selections may use.
struct Names {
    sites: BTreeSet<Site>,
    tags: BTreeSet<Tag>,
    macs: BTreeSet<Mac>,
    pbxs: BTreeSet<PbxName>,
    channels: BTreeSet<Arc<str>>,
    realms: BTreeSet<Realm>,
}

impl Names {
    fn of(settings: &Settings, inventory: &[InventoryPhone]) -> Self {
        Self {
            sites: settings.sites.keys().cloned().collect(),
            tags: inventory.iter().flat_map(|phone| phone.tags.iter().cloned()).collect(),
            macs: inventory.iter().map(|phone| phone.mac).collect(),
            pbxs: settings.pbx_names.clone(),
            channels: settings.channels.keys().cloned().collect(),
            realms: settings.snom.realms(),
        }
    }

    fn check(&self, source: &Source, mentions: &Mentions) {
        for site in mentions.sites.iter().filter(|site| !self.sites.contains(&site.value)) {
            source.refuse(
                Code::UnknownName,
                &site.span,
                inventory::unknown_site(site.value.as_str(), &self.sites),
            );
        }
        for realm in mentions.realms.iter().filter(|realm| !self.realms.contains(&realm.value)) {
            let complaint = inventory::unknown_realm(realm.value.as_str(), &self.realms);
            source.refuse(Code::UnknownName, &realm.span, complaint);
        }
        for tag in mentions.tags.iter().filter(|tag| !self.tags.contains(&tag.value)) {
            source.warn(
                Code::UnknownName,
                &tag.span,
                Complaint {
                    message: format!("no phone of the inventory has the tag `{}`", tag.value),
                    near: nearest(tag.value.as_str(), self.tags.iter().map(Tag::as_str)),
                    hint: None,
                },
            );
        }
        let stranger = |mac: &&At<Mac>| !self.macs.is_empty() && !self.macs.contains(&mac.value);
        for mac in mentions.macs.iter().filter(stranger) {
            source.warn(Code::UnknownName, &mac.span, format!("{} is not in the inventory", mac.value));
        }
        for pbx in mentions.pbxs.iter().filter(|pbx| !self.pbxs.contains(&pbx.value)) {
            source.refuse(
                Code::UnknownName,
                &pbx.span,
                Complaint {
                    message: format!("unknown PBX `{}`", pbx.value),
                    near: nearest(pbx.value.as_str(), self.pbxs.iter().map(PbxName::as_str)),
                    hint: Some("PBXs are named in sipherd.toml: `[[pbx]]`".to_owned()),
                },
            );
        }
    }

    /// The firmware realm of a policy.
    fn check_realm(&self, Read { source, draft }: &Read) {
        if let Some(realm) = draft.realm.as_ref().filter(|realm| !self.realms.contains(&realm.value)) {
            let complaint = inventory::unknown_realm(realm.value.as_str(), &self.realms);
            source.refuse(Code::UnknownName, &realm.span, complaint);
        }
    }

    /// The channel of a policy.
    fn check_channel(&self, Read { source, draft }: &Read) {
        if let Some(channel) =
            draft.channel.as_ref().filter(|channel| !self.channels.contains(&channel.value))
        {
            source.refuse(
                Code::UnknownName,
                &channel.span,
                Complaint {
                    message: format!("unknown channel `{}`", channel.value),
                    near: nearest(&channel.value, self.channels.iter().map(AsRef::as_ref)),
                    hint: Some(format!("channels are named in sipherd.toml: `[channel.{}]`", channel.value)),
                },
            );
        }
    }
}

/// Warns about makers whose phones would be held for ever: nobody knows how they are asked, or served.
fn makers(source: &Source, mentions: &Mentions, updates: bool, makers: &Makers) {
    for vendor in &mentions.vendors {
        match makers.profile(&vendor.value) {
            None => source.warn(Code::NotPossible, &vendor.span, no_profile(&vendor.value, makers)),
            Some(profile) if updates && profile.update_boots.is_none() => source.warn(
                Code::NotPossible,
                &vendor.span,
                Complaint::new(
                    format!("phones of `{}` can be rebooted, but not updated: they are held", vendor.value),
                    match &profile.firmware_setting {
                        Some(setting) => format!(
                            "name their firmware in `{setting}` of their settings, and give them a policy of their own with `[reboot]`"
                        ),
                        None => "give them a policy of their own with `[reboot]`".to_owned(),
                    },
                ),
            ),
            Some(_) => {}
        }
    }
}

/// A maker of whose phones nothing is known.
pub(super) fn no_profile(vendor: &Vendor, makers: &Makers) -> Complaint {
    let names: Vec<&str> = makers.vendors().map(Vendor::as_str).collect();
    Complaint {
        message: format!("there is no profile for phones of `{vendor}`: they are held"),
        near: nearest(vendor.as_str(), names.iter().copied()),
        hint: Some(format!("there are profiles for {}", names.join(", "))),
    }
}

/// Records policies between which nothing decides: the highest priority for a phone, given twice.
fn ties(policies: &[Read], inventory: &[InventoryPhone]) {
    let mut ties: BTreeMap<(usize, usize), Vec<&InventoryPhone>> = BTreeMap::new();
    for listed in inventory {
        let phone = listed.phone();
        let matching =
            || policies.iter().enumerate().filter(|(_, read)| read.draft.policy.select.matches(&phone));
        let Some(highest) = matching().map(|(_, read)| read.draft.policy.priority).max() else { continue };
        let mut best = matching().filter(|(_, read)| read.draft.policy.priority == highest).map(|(i, _)| i);
        if let Some(first) = best.next() {
            best.for_each(|other| ties.entry((first, other)).or_default().push(listed));
        }
    }
    for ((first, second), phones) in ties {
        let (first, Read { source, draft }) = (&policies[first].draft.policy, &policies[second]);
        let example = phones.first().map(|phone| phone.mac.to_string()).unwrap_or_default();
        let which = match phones.len() {
            1 => format!("phone {example}"),
            n => format!("{n} phones, {example} the first of them"),
        };
        source.refuse(
            Code::Tie,
            &draft.priority,
            Complaint::new(
                format!(
                    "this policy and `{}` both select {which}, with equal priority {}",
                    first.name, first.priority
                ),
                "give one of them a higher `priority`, or select different phones",
            ),
        );
    }
}

/// Warns about a policy that reboots once in each opening, and whose only opening never ends.
fn never_closing(source: &Source, draft: &Draft, zones: &Zones, now: DateTime<Utc>) {
    let policy = &draft.policy;
    let zone = zones.daemon.unwrap_or(Tz::UTC);
    let once =
        matches!(policy.action, Action::Reboot | Action::Resync | Action::Backup | Action::Write { .. });
    if once && policy.calendar.never_closes(now, zone) {
        let place = draft.windows.first().map_or(0..0, |marks| draft.places.key(&marks.path));
        source.warn(
            Code::NeverCloses,
            &place,
            Complaint::new(
                format!(
                    "these windows follow each other without a pause, and `[{}]` acts once in each opening",
                    policy.action.table()
                ),
                "leave a pause between them",
            ),
        );
    }
}
