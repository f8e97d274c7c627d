//! All files together: reads them, compares them, and collects every problem in one run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::clock_changes;
use super::inventory::{self, Known};
use super::keys::nearest;
use super::policy_file::{self, Draft};
use super::problem::{Problem, Report};
use super::raw::{At, Complaint, Source};
use super::settings::{self, Settings};
use super::{Config, InventoryPhone, SipConfig};
use crate::domain::phone::{KnownBy, Line, LineId, Mac, Phone, Site, Tag, Vendor};
use crate::domain::policy::{Action, Policy};
use crate::domain::rules::FleetPace;
use crate::phones;
use crate::ports::Credentials;

/// What is being read: the files so far, and their problems.
#[derive(Default)]
pub(super) struct Reading {
    report: Report,
    /// The files in the order they were come across.
    files: Vec<PathBuf>,
}

/// A policy that can be read, with its file.
pub(super) struct Read {
    source: Source,
    draft: Draft,
}

/// The zones a policy's windows may be meant in.
pub(super) struct Zones {
    /// The daemon's; `None` when only policies are checked.
    pub daemon: Option<Tz>,
    /// Those of the sites.
    pub sites: BTreeMap<Site, Tz>,
}

impl Reading {
    /// Reads `sipherd.toml` and all that it names. With `now`, daylight saving is looked at too.
    pub fn everything(&mut self, path: &Path, now: Option<DateTime<Utc>>) -> Option<Config> {
        let source = self.open(path)?.with_secrets();
        let Some(document) = source.parse() else {
            self.close(&source);
            return None;
        };
        let settings = settings::read(&source, &document);
        let (inventory, credentials) = self.lists(&source, &settings);
        // The problems of sipherd.toml come first, then those of the policies.
        self.close(&source);
        let drafts = self.policies(&settings.policies);
        let policies = self.compare(drafts, Some((&settings, &inventory)), now);
        let (zone, depot) = (settings.zone?, settings.depot?);
        let sip = settings.sip;
        Some(Config {
            file: path.to_owned(),
            state: settings.state,
            policies_dir: settings.policies,
            zone,
            sites: settings.sites,
            inventory,
            sip: SipConfig {
                listen: sip.listen,
                advertise: sip.advertise,
                user: sip.user,
                outbound_proxy: sip.outbound_proxy,
                trigger: sip.trigger,
                credentials,
                notifies_per_second: sip.notifies_per_second,
            },
            depot,
            pbxs: settings.pbxs,
            ops: settings.ops,
            api_socket: settings.api_socket,
            log: settings.log,
            timing: settings.timing,
            pace: FleetPace { down_at_once: settings.down_at_once, ..FleetPace::default() },
            channels: BTreeMap::new(),
            policies,
        })
    }

    /// Reads policies alone: a folder of them, or one file.
    pub fn policies_alone(&mut self, path: &Path, now: DateTime<Utc>) -> Vec<Policy> {
        let drafts =
            if path.is_dir() { self.policies(path) } else { self.policy(path).into_iter().collect() };
        self.compare(drafts, None, Some(now))
    }

    /// Opens a file and counts it.
    pub fn open(&mut self, path: &Path) -> Option<Source> {
        self.report.files += 1;
        self.files.push(path.to_owned());
        Source::read(path).map_err(|problem| self.report.problems.push(problem)).ok()
    }

    /// All problems in the order of the files, once everything is read.
    pub fn report(mut self) -> Report {
        let order = |file: &PathBuf| self.files.iter().position(|other| other == file).unwrap_or(usize::MAX);
        self.report.problems.sort_by_key(|problem| order(&problem.file));
        self.report.problems.dedup();
        self.report
    }

    /// Opens a file that a key of `sipherd.toml` names.
    fn open_list(&mut self, path: &Path, key: &str) -> Option<Source> {
        let list = self.open(path);
        if list.is_none()
            && let Some(problem) = self.report.problems.last_mut()
            && problem.hint.is_none()
        {
            problem.hint = Some(format!("the key `{key}` of sipherd.toml names it"));
        }
        list
    }

    fn close(&mut self, source: &Source) {
        self.report.problems.extend(source.take_problems());
    }

    fn lists(
        &mut self,
        source: &Source,
        settings: &Settings,
    ) -> (Vec<InventoryPhone>, BTreeMap<LineId, Credentials>) {
        let sites: BTreeSet<Site> = settings.sites.keys().cloned().collect();
        let known = Known { pbxs: &settings.pbx_names, sites: &sites };
        let mut lists = Vec::new();
        let mut inventory = Vec::new();
        let mut credentials = BTreeMap::new();
        if let Some(list) = settings.inventory.as_deref().and_then(|path| self.open_list(path, "inventory")) {
            inventory = inventory::read_phones(&list, &known);
            lists.push(list);
        }
        if let Some(list) =
            settings.credentials.as_deref().and_then(|path| self.open_list(path, "credentials"))
        {
            settings::warn_if_open(&list, &list.path);
            credentials = inventory::read_credentials(&list, &known);
            lists.push(list);
        }
        self.close(source);
        lists.iter().for_each(|list| self.close(list));
        (inventory, credentials)
    }

    /// Every policy of a folder, in the order of the names. Nothing else may lie there.
    fn policies(&mut self, folder: &Path) -> Vec<Read> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                let message = match error.kind() {
                    std::io::ErrorKind::NotFound => "the folder of policies does not exist",
                    _ => "the folder of policies cannot be read",
                };
                let hint = "sipherd.toml names it: `policies = \"policies\"`";
                self.report.problems.push(Problem::error(folder, message).hint(hint));
                return Vec::new();
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.into_iter().filter_map(|path| self.policy_among_others(&path)).collect()
    }

    fn policy_among_others(&mut self, path: &Path) -> Option<Read> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if name.starts_with(".git") {
            return None;
        }
        let (message, hint) = if path.is_dir() {
            ("a folder among the policies is not read", "put its policies beside the others")
        } else if name.starts_with('.') || name.ends_with('~') || name.starts_with('#') {
            (
                "this is no policy, but what an editor leaves behind",
                "save or discard it in the editor, then remove it",
            )
        } else if !name.ends_with(".toml") {
            (
                "this is no policy: the names of policies end in `.toml`",
                "rename it, or put it into another folder",
            )
        } else {
            return self.policy(path);
        };
        self.files.push(path.to_owned());
        self.report.problems.push(Problem::error(path, message).hint(hint));
        None
    }

    fn policy(&mut self, path: &Path) -> Option<Read> {
        let source = self.open(path)?;
        if policy_file::name(path).is_none_or(|name| super::value::name(&name).is_err()) {
            let hint = "a policy is called as its file: use letters, digits and the signs - _ . + only";
            source.push(Problem::error(path, "this file's name cannot be a policy's name").hint(hint));
        }
        let draft = source.parse().and_then(|document| policy_file::read(&source, &document));
        match draft {
            Some(draft) => Some(Read { source, draft }),
            None => {
                self.close(&source);
                None
            }
        }
    }

    /// Compares the policies with each other, the inventory and the settings.
    fn compare(
        &mut self,
        policies: Vec<Read>,
        with: Option<(&Settings, &[InventoryPhone])>,
        now: Option<DateTime<Utc>>,
    ) -> Vec<Policy> {
        let mut zones = Zones { daemon: None, sites: BTreeMap::new() };
        if let Some((settings, inventory)) = with {
            zones.daemon = settings.zone;
            let own = settings.sites.iter().filter_map(|(site, own)| Some((site.clone(), own.zone?)));
            zones.sites = own.collect();
            let names = Names::of(settings, inventory);
            policies.iter().for_each(|policy| names.check(policy));
            ties(&policies, inventory);
        }
        for Read { source, draft } in &policies {
            makers(source, draft);
            if let Some(now) = now {
                clock_changes::warn(source, draft, &zones, now);
                never_closing(source, draft, &zones, now);
            }
            self.close(source);
        }
        policies.into_iter().map(|policy| policy.draft.policy).collect()
    }
}

/// The names that selections may use.
struct Names {
    sites: BTreeSet<Site>,
    tags: BTreeSet<Tag>,
    macs: BTreeSet<Mac>,
}

impl Names {
    fn of(settings: &Settings, inventory: &[InventoryPhone]) -> Self {
        Self {
            sites: settings.sites.keys().cloned().collect(),
            tags: inventory.iter().flat_map(|phone| phone.tags.iter().cloned()).collect(),
            macs: inventory.iter().map(|phone| phone.mac).collect(),
        }
    }

    fn check(&self, Read { source, draft }: &Read) {
        for site in draft.sites.iter().filter(|site| !self.sites.contains(&site.value)) {
            source.error(&site.span, inventory::unknown_site(site.value.as_str(), &self.sites));
        }
        for tag in draft.tags.iter().filter(|tag| !self.tags.contains(&tag.value)) {
            source.warning(
                &tag.span,
                Complaint {
                    message: format!("no phone of the inventory has the tag `{}`", tag.value),
                    near: nearest(tag.value.as_str(), self.tags.iter().map(Tag::as_str)),
                    hint: None,
                },
            );
        }
        let stranger = |mac: &&At<Mac>| !self.macs.is_empty() && !self.macs.contains(&mac.value);
        for mac in draft.macs.iter().filter(stranger) {
            source.warning(&mac.span, format!("{} is not in the inventory", mac.value));
        }
    }
}

/// Warns about makers whose phones would be held for ever: nobody knows how they are asked, or served.
fn makers(source: &Source, draft: &Draft) {
    let updates = matches!(draft.policy.action, Action::Update { .. });
    for vendor in &draft.vendors {
        match phones::profile(&vendor.value) {
            None => source.warning(&vendor.span, no_profile(&vendor.value)),
            Some(profile) if updates && profile.update_boots.is_none() => source.warning(
                &vendor.span,
                Complaint::new(
                    format!("phones of `{}` can be rebooted, but not updated: they are held", vendor.value),
                    "give them a policy of their own with `[reboot]`",
                ),
            ),
            Some(_) => {}
        }
    }
}

/// A maker of whose phones nothing is known.
pub(super) fn no_profile(vendor: &Vendor) -> Complaint {
    let names: Vec<&str> = phones::vendors().map(Vendor::as_str).collect();
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
        let phone = phone(listed);
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
        source.error(
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

/// A listed phone as selections see it.
fn phone(listed: &InventoryPhone) -> Phone {
    let mut phone = Phone::new(listed.mac, KnownBy::Inventory);
    phone.vendor = listed.vendor.clone();
    phone.model = listed.model.clone();
    phone.hardware = listed.hardware.clone();
    phone.site = listed.site.clone();
    phone.tags = listed.tags.clone();
    phone.lines = listed.lines.iter().map(|line| (line.clone(), Line::UNSEEN)).collect();
    phone
}

/// Warns about a policy that reboots once in each opening, and whose only opening never ends.
fn never_closing(source: &Source, draft: &Draft, zones: &Zones, now: DateTime<Utc>) {
    let policy = &draft.policy;
    let zone = zones.daemon.unwrap_or(Tz::UTC);
    if policy.action == Action::Reboot && policy.calendar.never_closes(now, zone) {
        let place = draft.windows.first().map(|marks| marks.opens.clone()).unwrap_or(0..0);
        source.warning(
            &place,
            Complaint::new(
                "these windows follow each other without a pause, and phones reboot once in each opening",
                "leave a pause between them",
            ),
        );
    }
}
