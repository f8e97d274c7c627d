//! All files together: reads them in their order, and collects every problem in one run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::cases::{self, WrittenCase, WrittenRule};
use super::code::Code;
use super::compare::{self, Compared};
use super::ics;
use super::inventory::{self, Known};
use super::policy::{self, Draft, SELECTIONS_FILE, Shared};
use super::problem::{Problem, Report};
use super::profiles::{self, OwnProfile};
use super::raw::{At, Complaint, Source};
use super::settings::{self, Settings};
use super::{Config, InventoryPhone, Purpose, SipConfig, is_settings};
use crate::domain::phone::{LineId, Site};
use crate::domain::policy::blackout::Event;
use crate::domain::policy::{BlackoutDates, Policy};
use crate::phones::Makers;
use crate::ports::{Credentials, WebPasswords};

/// What is being read: the files so far, and their problems.
pub(super) struct Reading {
    purpose: Purpose,
    now: DateTime<Utc>,
    pub report: Report,
    /// The files in the order they were come across.
    pub files: Vec<PathBuf>,
    /// The events of the calendar files so far.
    calendars: BTreeMap<PathBuf, Vec<Event>>,
    /// The makers that are known.
    pub makers: Arc<Makers>,
    /// The administrator's own profiles.
    pub own_profiles: Vec<OwnProfile>,
    /// The tests so far.
    cases: Vec<WrittenCase>,
    /// The rules of the policies so far.
    rules: Vec<WrittenRule>,
}

/// What the lists say that `sipherd.toml` names.
struct Lists {
    inventory: Vec<InventoryPhone>,
    credentials: BTreeMap<LineId, Credentials>,
    web_passwords: WebPasswords,
}

/// A policy that can be read, with its file.
pub(super) struct Read {
    pub source: Source,
    pub draft: Draft,
}

/// The policies of a folder, or one of them, with the selections they share.
#[derive(Default)]
pub(super) struct Policies {
    pub read: Vec<Read>,
    pub shared: Shared,
    /// The file of the shared selections.
    pub selections: Option<Source>,
    /// Files of tests.
    pub tests: Vec<Source>,
}

impl Reading {
    /// Nothing is read yet.
    pub fn new(purpose: Purpose, now: DateTime<Utc>) -> Self {
        Self {
            purpose,
            now,
            report: Report::default(),
            files: Vec::new(),
            calendars: BTreeMap::new(),
            makers: profiles::shipped(),
            own_profiles: Vec::new(),
            cases: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Reads `sipherd.toml` and all that it names.
    pub fn everything(&mut self, path: &Path) -> Option<Config> {
        let Some(source) = self.open(path) else {
            if let Some(problem) = self.report.problems.last_mut().filter(|problem| problem.hint.is_none()) {
                problem.hint = Some("`sipherd init` writes a first one; `--config` names another".to_owned());
            }
            return None;
        };
        let source = source.with_secrets();
        let settings = source.parse().and_then(|document| settings::read(&source, &document));
        let Some(settings) = settings else {
            self.close(&source);
            return None;
        };
        let Lists { inventory, credentials, web_passwords } = self.lists(&source, &settings);
        if let Some(folder) = &settings.profiles {
            self.profiles(folder);
        }
        settings::warn_of_strangers(&source, &settings.timed, &self.makers);
        // The problems of sipherd.toml come first, then those of the settings files and of the policies.
        self.close(&source);
        let snom = self.snom(&settings.snom);
        let drafts = self.folder(&settings.policies);
        let grace = settings.edit_grace;
        let policies = self.compare(drafts, Some((&settings, &inventory)), grace);
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
            web: settings.web,
            deployment: settings.deployment,
            web_passwords,
            depot,
            pbxs: settings.pbxs,
            ops: settings.ops,
            api_socket: settings.api_socket,
            log: settings.log,
            timing: settings.timing,
            makers: Arc::clone(&self.makers),
            own_profiles: self.own_profiles.clone(),
            pace: settings.pace,
            snom,
            channels: settings.channels,
            policies,
        })
    }

    /// Reads a configuration (its file, or the folder it lies in), a folder of policies, or one file.
    pub fn path(&mut self, path: &Path) -> (Option<Config>, Vec<Policy>) {
        let inside = path.join("sipherd.toml");
        if inside.is_file() || is_settings(path) {
            let config = self.everything(if inside.is_file() { &inside } else { path });
            let policies = config.iter().flat_map(|config| config.policies.iter().cloned()).collect();
            (config, policies)
        } else if profiles::is_profile(path) {
            self.profiles(path);
            (None, Vec::new())
        } else {
            (None, self.policies_alone(path))
        }
    }

    /// Reads policies alone: a folder of them, or one file.
    pub fn policies_alone(&mut self, path: &Path) -> Vec<Policy> {
        let policies = if path.is_dir() { self.folder(path) } else { self.single(path) };
        self.compare(policies, None, TimeDelta::zero())
    }

    /// The makers that are known, and the administrator's own profiles among them.
    pub fn makers(&self) -> (Arc<Makers>, Vec<OwnProfile>) {
        (Arc::clone(&self.makers), self.own_profiles.clone())
    }

    /// The tests, and the rules that they are held against.
    pub fn take_cases(&mut self) -> (Vec<WrittenCase>, Vec<WrittenRule>) {
        (std::mem::take(&mut self.cases), std::mem::take(&mut self.rules))
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

    /// Takes over the problems of a file.
    pub fn close(&mut self, source: &Source) {
        self.report.problems.extend(source.take_problems());
    }

    fn lists(&mut self, source: &Source, settings: &Settings) -> Lists {
        let sites: BTreeSet<Site> = settings.sites.keys().cloned().collect();
        let realms = settings.snom.realms();
        let known = Known { pbxs: &settings.pbx_names, sites: &sites, realms: &realms };
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
        let mut web_passwords = WebPasswords::default();
        if let Some(list) =
            settings.web_credentials.as_deref().and_then(|path| self.open_list(path, "[web] credentials"))
        {
            settings::warn_if_open(&list, &list.path);
            web_passwords = inventory::read_web_passwords(&list);
            lists.push(list);
        }
        self.close(source);
        lists.iter().for_each(|list| self.close(list));
        Lists { inventory, credentials, web_passwords }
    }

    /// Every policy of a folder, in the order of the names. Only what policies use may lie there too.
    fn folder(&mut self, folder: &Path) -> Policies {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                let message = match error.kind() {
                    std::io::ErrorKind::NotFound => "the folder of policies does not exist",
                    _ => "the folder of policies cannot be read",
                };
                let hint = "sipherd.toml names it: `policies = \"policies\"`";
                self.report.problems.push(Problem::error(folder, message).code(Code::Unreadable).hint(hint));
                return Policies::default();
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let mut policies = Policies::default();
        self.shared(folder, &mut policies);
        let mut whole = true;
        for path in &paths {
            if is_test_file(path) {
                if self.purpose == Purpose::Check {
                    policies.tests.extend(self.open(path));
                }
                continue;
            }
            if !self.is_policy(path) {
                continue;
            }
            let read = self.policy(path, &policies.shared);
            whole &= read.is_some();
            policies.read.extend(read);
        }
        for path in paths.iter().filter(|path| is_calendar(path) && !self.calendars.contains_key(*path)) {
            let (message, hint) = (
                "no policy names this calendar",
                "name it in a `[[blackout]]`, or put it into another folder",
            );
            // Of a policy that cannot be read nobody knows what it names.
            if whole {
                self.files.push(path.clone());
                self.report.problems.push(Problem::error(path, message).code(Code::Unused).hint(hint));
            }
        }
        if let Some(source) = policies.selections.as_ref().filter(|_| whole) {
            policies.shared.warn_unused(source);
        }
        policies
    }

    /// One file, with the shared selections beside it.
    fn single(&mut self, path: &Path) -> Policies {
        if is_test_file(path) {
            return self.test_file(path);
        }
        let mut policies = Policies::default();
        if let Some(folder) = path.parent() {
            self.shared(folder, &mut policies);
        }
        let tests = path.with_extension("test.toml");
        if tests.is_file() && self.purpose == Purpose::Check {
            policies.tests.extend(self.open(&tests));
        }
        if path.file_name().is_none_or(|name| name != SELECTIONS_FILE) {
            policies.read.extend(self.policy(path, &policies.shared));
        }
        policies
    }

    /// A file of tests, with all policies of its folder.
    fn test_file(&mut self, path: &Path) -> Policies {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut policies = self.folder(folder);
        policies.tests.retain(|source| source.path.file_name() == path.file_name());
        policies
    }

    fn shared(&mut self, folder: &Path, policies: &mut Policies) {
        let path = folder.join(SELECTIONS_FILE);
        if !path.exists() {
            return;
        }
        let source = self.open(&path);
        let read = source.as_ref().and_then(|source| Some(Shared::read(source, &source.parse()?)));
        policies.shared = read.unwrap_or_else(Shared::unreadable);
        policies.selections = source;
    }

    /// Whether a file of the folder is a policy; what may not lie there is recorded.
    fn is_policy(&mut self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if name.starts_with(".git") || name == SELECTIONS_FILE || is_calendar(path) {
            return false;
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
            return true;
        };
        self.files.push(path.to_owned());
        self.report.problems.push(Problem::error(path, message).code(Code::NotAPolicy).hint(hint));
        false
    }

    fn policy(&mut self, path: &Path, shared: &Shared) -> Option<Read> {
        let source = self.open(path)?;
        if policy::name(path).is_none_or(|name| super::value::name(&name).is_err()) {
            let hint = "a policy is called as its file: use letters, digits and the signs - _ . + only";
            source.push(
                Problem::error(path, "this file's name cannot be a policy's name")
                    .code(Code::NotAPolicy)
                    .hint(hint),
            );
        }
        let draft = source.parse().and_then(|document| policy::read(&source, &document, shared));
        match draft {
            Some(mut draft) => {
                self.fill_calendars(&source, &mut draft);
                Some(Read { source, draft })
            }
            None => {
                self.close(&source);
                None
            }
        }
    }

    /// Reads the calendar files that a policy names.
    fn fill_calendars(&mut self, source: &Source, draft: &mut Draft) {
        for (blackout, file) in &draft.calendars {
            let events = self.events(source, file);
            if let Some(blackout) = draft.policy.calendar.blackouts.get_mut(*blackout) {
                blackout.when = BlackoutDates::Events(events);
            }
        }
    }

    fn events(&mut self, source: &Source, file: &At<PathBuf>) -> Vec<Event> {
        if let Some(events) = self.calendars.get(&file.value) {
            return events.clone();
        }
        let events = match Source::read(&file.value) {
            Ok(calendar) => {
                self.report.files += 1;
                self.files.push(file.value.clone());
                let events = ics::read(&calendar, self.now);
                self.close(&calendar);
                events
            }
            Err(problem) => {
                let name = file.value.display();
                let hint =
                    problem.hint.unwrap_or_else(|| "the path goes out from the policy's folder".to_owned());
                source.refuse(
                    Code::Unreadable,
                    &file.span,
                    Complaint::new(format!("`{name}`: {}", problem.message), hint),
                );
                Vec::new()
            }
        };
        self.calendars.insert(file.value.clone(), events.clone());
        events
    }

    /// Compares the policies with each other, the inventory and the settings.
    fn compare(
        &mut self,
        policies: Policies,
        with: Option<(&Settings, &[InventoryPhone])>,
        grace: TimeDelta,
    ) -> Vec<Policy> {
        compare::all(
            &policies,
            with,
            &Compared { purpose: self.purpose, now: self.now, makers: &self.makers },
        );
        if self.purpose == Purpose::Check {
            self.tests(&policies, with.map(|(settings, _)| settings));
        }
        for source in policies
            .tests
            .iter()
            .chain(&policies.selections)
            .chain(policies.read.iter().map(|read| &read.source))
        {
            self.close(source);
        }
        let selections = policies.selections.map(|source| source.path);
        let grown_up = |Read { source, draft }: Read| {
            let shared = selections.iter().filter(|_| draft.shares);
            let files =
                shared.chain(draft.calendars.iter().map(|(_, file)| &file.value)).chain([&source.path]);
            let edited = files.filter_map(|file| edited(file, self.now)).max();
            let acts_from = edited.map(|edited| edited + grace).filter(|from| *from > self.now);
            Policy { acts_from, ..draft.policy }
        };
        policies.read.into_iter().map(grown_up).collect()
    }

    /// Reads the tests that stand in policies and beside them.
    fn tests(&mut self, policies: &Policies, settings: Option<&Settings>) {
        let around = cases::Surroundings::of(policies, settings);
        for Read { source, draft } in &policies.read {
            // It was read once already, so it is TOML.
            let Some(document) = source.parse() else { continue };
            self.cases.extend(cases::read(source, &document, Some(&draft.policy), &around));
            self.rules.extend(cases::rules_of(source, &document, &policies.shared, draft));
        }
        for source in &policies.tests {
            let Some(document) = source.parse() else { continue };
            self.cases.extend(cases::read(source, &document, None, &around));
        }
    }
}

/// When a file was edited; what seems to come from the future was edited now.
fn edited(file: &Path, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let edited = std::fs::metadata(file).and_then(|meta| meta.modified()).ok()?;
    Some(DateTime::<Utc>::from(edited).min(now))
}

/// Whether a file is a calendar, by its name.
fn is_calendar(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ics")) && !path.is_dir()
}

/// Whether a file holds tests of policies: `night.test.toml`.
fn is_test_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.ends_with(".test.toml") && !name.starts_with(['.', '#']))
}
