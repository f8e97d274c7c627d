//! Fleets and rules on paper: what is taken for granted where no daemon saw anything, each time with a word about it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::refused;
use crate::cli::Failure;
use crate::cli::report::phones as counted;
use crate::config::Config;
use crate::daemon;
use crate::depot::Releases;
use crate::domain::firmware::{Handling, Image, Part, Release, Version};
use crate::domain::fleet::Fleet;
use crate::domain::phone::{CallState, Contact, Model, PbxName, Phone, Vendor};
use crate::domain::policy::{Action, Firmware};
use crate::domain::rules::Rules;
use crate::phones::innovaphone::running::build_at_end;

/// How long all phones have been quiet when a plan on paper begins.
const QUIET: TimeDelta = TimeDelta::days(1);

/// The releases staged in this state folder; none where there is no such folder.
pub fn staged(state: &Path) -> Result<Option<Releases>, Failure> {
    let folder = state.join("releases");
    if !folder.is_dir() {
        return Ok(None);
    }
    let hint =
        "name the daemon's configuration with `--config`, or take releases for staged with `--assume-staged`";
    Releases::open(&folder).map(Some).map_err(|error| refused(&error.to_string(), hint))
}

/// The rules of the configuration, with what is staged.
pub fn rules(config: &Config, releases: Option<Releases>) -> Rules {
    let staged = releases.map(|releases| releases.list()).unwrap_or_default();
    daemon::rules(config, staged)
}

/// Puts an image for every model of these phones into each release that a policy wants and nobody staged.
pub fn stage_missing(rules: &mut Rules, phones: &[Phone]) -> Vec<String> {
    let kinds: BTreeSet<(Vendor, Model)> =
        phones.iter().filter_map(|phone| phone.vendor.clone().zip(phone.model.clone())).collect();
    let mut missing: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut of_files: BTreeSet<Arc<str>> = BTreeSet::new();
    for policy in &rules.policies {
        match &policy.action {
            Action::Update { from: Firmware::Release(name) }
            | Action::Files { from: Firmware::Release(name) }
                if !rules.releases.contains_key(name) =>
            {
                missing.insert(name.clone());
                of_files.extend(policy.action.is_about_files().then(|| name.clone()));
            }
            Action::Update { from: Firmware::Channel(channel) }
            | Action::Files { from: Firmware::Channel(channel) } => {
                // The preferred one of the channel, if none of its releases is there.
                let names = rules.channels.entry(channel.clone()).or_default();
                if names.iter().all(|name| !rules.releases.contains_key(name)) {
                    let name = names.first().cloned().unwrap_or_else(|| channel.clone());
                    if names.is_empty() {
                        names.push(name.clone());
                    }
                    of_files.extend(policy.action.is_about_files().then(|| name.clone()));
                    missing.insert(name);
                }
            }
            _ => {}
        }
    }
    let mut told = Vec::new();
    for name in missing {
        let images = kinds.iter().filter_map(|(vendor, model)| image(&name, vendor, model));
        let files = of_files.contains(&name);
        let part = if files { Part::Logo } else { Part::Firmware };
        let images = images.map(|image| Image { part, ..image }).collect();
        let what = if files { "a file" } else { "an image" };
        told.push(format!("{name} is not staged here: taken for staged, with {what} for every model"));
        rules.releases.insert(name.clone(), Release { name: name.to_string(), images });
    }
    told
}

fn image(release: &str, vendor: &Vendor, model: &Model) -> Option<Image> {
    let number = release.rsplit(['-', '_', ' ']).next().unwrap_or(release);
    let version = build_at_end(release).map_or_else(|| Version::parse(number), Ok);
    let version = version.or_else(|_| Version::parse("9999")).ok()?;
    Some(Image {
        file: format!("{release}-{vendor}-{model}"),
        part: Part::Firmware,
        handling: Handling::default(),
        vendor: vendor.clone(),
        models: vec![model.clone()],
        version,
        sha256: String::new(),
        size: 1,
        from_at_least: None,
        from_at_most: None,
        hardware: Vec::new(),
    })
}

/// Phones whose version no inventory tells run something older than what they are to get.
pub fn guess_versions(rules: &Rules, phones: &mut [Phone]) -> Vec<String> {
    let mut guessed = 0;
    for phone in phones.iter_mut().filter(|phone| phone.version.is_none()) {
        let Ok(Some(policy)) = rules.policy_for(phone) else { continue };
        let Action::Update { from } = &policy.action else { continue };
        let Some((_, image)) = rules.image_for(from, phone) else { continue };
        phone.version = image.from_at_least.clone().or_else(|| Version::parse("0").ok());
        guessed += 1;
    }
    if guessed == 0 {
        return Vec::new();
    }
    vec![format!("{} of unknown version run something older than their image", counted(guessed))]
}

/// The phones, each registered and quiet since the day before.
pub fn fleet(phones: Vec<Phone>, from: DateTime<Utc>) -> Fleet {
    let mut fleet = Fleet::default();
    let mut pictures: BTreeMap<PbxName, (Vec<_>, Vec<_>)> = BTreeMap::new();
    for (n, phone) in phones.into_iter().enumerate() {
        for line in phone.lines.keys() {
            let (contacts, calls) = pictures.entry(line.pbx.clone()).or_default();
            let contact = Contact {
                uri: format!("sip:{}@{}.paper.invalid", line.user, n).into(),
                source: None,
                call_id: Some(format!("paper-{n}-{}", line.user).into()),
                user_agent: None,
                expires: None,
            };
            contacts.push((line.clone(), contact));
            calls.push((line.clone(), CallState::Idle));
        }
        fleet.introduce(phone);
    }
    for (pbx, (contacts, calls)) in pictures {
        fleet.watch(pbx.clone(), QUIET * 2);
        fleet.picture(&pbx, contacts, calls, from - QUIET);
        fleet.freshen(&pbx, from);
    }
    fleet
}
