//! `[snom]` and `[realm.NAME]`: the administrator's settings files, and firmware realms.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::Reading;
use super::code::Code;
use super::problem::Problem;
use super::raw::{Complaint, Source};
use super::table::Table;
use super::value;
use crate::domain::check_sync::CheckSync;
use crate::domain::modules::ModuleUrls;
use crate::domain::phone::Realm;
use crate::phones::snom::{OWN_KEYS, Papers, RealmPapers, Scope, Setting, Template, Templates, Wins};

/// `[snom]` and the realms, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnomConfig {
    /// What settings documents are made of.
    pub papers: Arc<Papers>,
}

/// What `sipherd.toml` says, before the files it names are read.
#[derive(Default)]
pub(super) struct SnomSettings {
    templates: Option<PathBuf>,
    poll_seconds: Option<i64>,
    module_urls: ModuleUrls,
    realms: BTreeMap<Realm, RealmSettings>,
}

struct RealmSettings {
    setting_server: Option<String>,
    templates: Option<PathBuf>,
}

impl SnomSettings {
    /// The names of the realms.
    pub fn realms(&self) -> BTreeSet<Realm> {
        self.realms.keys().cloned().collect()
    }

    /// Whether phones are asked to clear their `firmware_uxm`.
    pub fn clears(&self) -> bool {
        self.module_urls == ModuleUrls::Cleared
    }
}

/// Reads both tables.
pub(super) fn read(top: &Table<'_>, folder: &Path) -> SnomSettings {
    let table = top.table("snom");
    let path = |table: &Table<'_>, key: &str| table.text(key).map(|text| folder.join(text.value));
    let mut realms = BTreeMap::new();
    for (name, realm) in top.named_tables("realm") {
        if let Err(complaint) = value::name(name.value) {
            top.source().refuse(Code::BadValue, &name.span, complaint);
        }
        let setting_server = realm.read("setting_server", web_address).map(|url| url.value);
        let templates = path(&realm, "templates");
        realms.insert(Realm::new(name.value), RealmSettings { setting_server, templates });
    }
    SnomSettings {
        templates: table.as_ref().and_then(|snom| path(snom, "templates")),
        poll_seconds: table
            .as_ref()
            .and_then(|snom| snom.duration("poll"))
            .map(|every| every.value.num_seconds()),
        module_urls: table.as_ref().map_or_else(ModuleUrls::default, |snom| module_urls(top, snom)),
        realms,
    }
}

/// What keeps phones from passing over an image; warned of where phones are asked and cannot be answered.
fn module_urls(top: &Table<'_>, snom: &Table<'_>) -> ModuleUrls {
    let Some(word) = snom.word("module_urls") else { return ModuleUrls::default() };
    if word.value != "cleared" {
        return ModuleUrls::Changing;
    }
    if top.table("web").is_none_or(|web| !web.has("credentials")) {
        let message = "`firmware_uxm` is cleared at the web servers of the phones, and there are no credentials for these";
        let hint = "name them: `credentials = \"web-credentials.csv\"` in `[web]`; modules of phones that ask for a password are held";
        top.source().warn(Code::NotPossible, &word.span, Complaint::new(message, hint));
    }
    ModuleUrls::Cleared
}

/// Where phones ask for their settings; `{mac}` and `{model}` are for the phone to fill in.
fn web_address(text: &str) -> Result<String, Complaint> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let good = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    if good
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`'))
    {
        return Ok(text.to_owned());
    }
    let hint = "write it like `http://192.0.2.9/snom.htm?mac={mac}`";
    Err(Complaint::new(format!("`{text}` is not a setting server"), hint))
}

impl Reading {
    /// Reads all files that the tables name.
    pub(super) fn snom(&mut self, settings: &SnomSettings) -> SnomConfig {
        let with = With { polls: settings.poll_seconds.is_some(), realms: !settings.realms.is_empty() };
        let templates = settings.templates.as_deref().map(|folder| self.templates(folder, with, false));
        let mut realms = BTreeMap::new();
        for (name, realm) in &settings.realms {
            let own = realm.templates.as_deref().map(|folder| self.templates(folder, with, true));
            let setting_server = realm.setting_server.clone();
            realms.insert(name.clone(), RealmPapers { setting_server, templates: own.unwrap_or_default() });
        }
        let templates = templates.unwrap_or_default();
        let (poll_seconds, module_urls) = (settings.poll_seconds, settings.module_urls);
        SnomConfig { papers: Arc::new(Papers { templates, realms, poll_seconds, module_urls }) }
    }

    /// The settings files of a folder. Nothing else may lie there.
    fn templates(&mut self, folder: &Path, with: With, of_realm: bool) -> Templates {
        let mut templates = Templates::default();
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(_) => {
                let problem = Problem::error(folder, "the folder of settings files cannot be read");
                let hint = "a key `templates` of sipherd.toml names it; without that key phones get sipherd's own settings alone";
                self.report.problems.push(problem.code(Code::Unreadable).hint(hint));
                return templates;
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            if name.starts_with(".git") {
                continue;
            }
            let Some(scope) = Scope::of_file(name) else {
                self.files.push(path.clone());
                let problem = Problem::error(&path, "this is no settings file by its name");
                let hint = "call it as phones ask for it: `snom.htm` for all, `snomD785.htm` for a model, `snomD785-000413922D24.htm` for one phone";
                self.report.problems.push(problem.code(Code::NotATemplate).hint(hint));
                continue;
            };
            let Some(source) = self.open(&path) else { continue };
            match Template::read(&source.text) {
                Ok(template) => {
                    tell(&source, &template, with, of_realm);
                    if !templates.put(scope, template) {
                        let problem =
                            Problem::error(&path, "there is a settings file for this phone already");
                        let hint = "the MAC tells the phone: keep the file that names its model";
                        self.report.problems.push(problem.code(Code::Twice).hint(hint));
                    }
                }
                Err(flaw) => {
                    let hint = "snoms read `<settings><phone-settings>…</phone-settings></settings>`";
                    // Passwords of lines stand in such files: what is not understood is not shown.
                    let source = Source::new(&source.path, &source.text).with_secrets();
                    source.refuse(Code::Syntax, &flaw.span, Complaint::new(flaw.what, hint));
                    self.close(&source);
                }
            }
            self.close(&source);
        }
        templates
    }
}

/// What else is configured.
#[derive(Clone, Copy)]
struct With {
    polls: bool,
    realms: bool,
}

/// Tells what becomes of the settings that sipherd has something to say about.
fn tell(source: &Source, template: &Template, with: With, of_realm: bool) {
    for setting in &template.settings {
        let own = OWN_KEYS.iter().find(|key| key.name == setting.name);
        match (own, own.map(|key| key.wins)) {
            (Some(key), Some(Wins::Sipherd)) => {
                let message = format!("`{}` is not served: {}", key.name, key.why);
                source.warn(Code::NoEffect, &setting.span, Complaint::new(message, "leave it out"));
            }
            (Some(_), Some(Wins::Administrator)) => tell_of_served(source, setting, with, of_realm),
            (None, _) | (_, None) => {}
        }
        if setting.name == "checksync_action" {
            tell_of_check_sync(source, setting);
        }
    }
    if let Some(at) =
        source.text.find("<setting-files").filter(|at| source.text[*at..].contains("firmware.xml"))
    {
        let hint = "leave it out of `<setting-files>`: phones take it only from `firmware_status`, which sipherd writes";
        let complaint = Complaint::new("a firmware document is named as a settings file", hint);
        source.refuse(Code::Contradiction, &(at..at + "<setting-files".len()), complaint);
    }
}

fn tell_of_served(source: &Source, setting: &Setting, with: With, of_realm: bool) {
    let value = setting.value.as_str();
    match setting.name.as_str() {
        "update_policy" if value == "auto_update" => {}
        "update_policy" => {
            let message =
                format!("`update_policy` is `{value}`: it is served, and updates of these phones are held");
            source.warn(
                Code::NotPossible,
                &setting.span,
                Complaint::new(
                    message,
                    "`auto_update` lets them go, and is what sipherd writes where nothing is written",
                ),
            );
        }
        "setting_server" if with.realms || of_realm => {
            let message = "`setting_server` is not served to phones of a realm: they get the realm's";
            source.warn(
                Code::NoEffect,
                &setting.span,
                Complaint::new(message, "write it into `[realm.NAME]`"),
            );
        }
        "setting_server" => {}
        _ if with.polls => {
            let message = format!(
                "`{}` is served, and so `poll` of `[snom]` has no effect for these phones",
                setting.name
            );
            source.warn(Code::NoEffect, &setting.span, Complaint::new(message, "leave out one of the two"));
        }
        _ => {}
    }
}

fn tell_of_check_sync(source: &Source, setting: &Setting) {
    let value = setting.value.trim();
    match CheckSync::of(value) {
        CheckSync::Follows => {}
        CheckSync::Reboots | CheckSync::Syncs | CheckSync::Registers => {
            let message =
                format!("with `checksync_action` `{value}` a check-sync does that, whatever it says");
            source.warn(Code::Doubtful, &setting.span, Complaint::new(message, "leave it empty"));
        }
        CheckSync::Destroys => {
            let message = format!(
                "with `checksync_action` `{value}` any check-sync, from anybody, does that: sipherd sends these phones none"
            );
            source.warn(Code::Dangerous, &setting.span, Complaint::new(message, "leave it empty"));
        }
    }
}
