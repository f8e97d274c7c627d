//! The releases of a test: as its author gives them, else made up of their names. What is staged plays no part, so
//! that tests run where no firmware lies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::de::DeValue;

use super::super::keys::nearest;
use super::super::raw::Complaint;
use super::super::table::Table;
use super::Surroundings;
use super::phones::version;
use crate::config::code::Code;
use crate::domain::firmware::{Handling, Image, ModuleKind, Part, Release, Version};
use crate::domain::phone::{Model, Phone, Vendor};
use crate::domain::policy::{Action, Firmware, Policy};
use crate::phones::innovaphone::running::build_at_end;

/// Releases by name, and channels.
#[derive(Default)]
pub(super) struct Staged {
    pub releases: BTreeMap<Arc<str>, Release>,
    pub channels: BTreeMap<Arc<str>, Vec<Arc<str>>>,
}

/// Makes the releases that the policies in force name.
pub(super) fn read(
    test: &Table<'_>,
    policies: &[Policy],
    phones: &[&Phone],
    around: &Surroundings,
) -> Staged {
    let mut for_files = BTreeSet::new();
    for policy in policies {
        match &policy.action {
            Action::Files { from: Firmware::Release(name) } => drop(for_files.insert(name.clone())),
            Action::Files { from: Firmware::Channel(channel) } => {
                for_files.extend(around.channels.get(channel).into_iter().flatten().cloned());
            }
            _ => {}
        }
    }
    let mut staged = Staged { releases: given(test, phones, &for_files), channels: around.channels.clone() };
    let written: BTreeSet<Arc<str>> = staged.releases.keys().cloned().collect();
    let mut wanted = BTreeSet::new();
    let alone = policies.len() == 1;
    let mut for_modules = BTreeSet::new();
    for policy in policies {
        let Some(from) = policy.action.firmware() else { continue };
        if let (Action::ModuleUpdate { .. }, Firmware::Release(name)) = (&policy.action, from) {
            for_modules.insert(name.clone());
        }
        match from {
            Firmware::Release(name) => {
                wanted.insert(name.clone());
            }
            Firmware::Channel(channel) => {
                let holds = staged.channels.entry(channel.clone());
                let holds = holds.or_insert_with(|| written.iter().cloned().collect());
                if holds.is_empty() && !test.has("release") && alone {
                    let hint =
                        "say so in the test: `release = { \"snom-10.1.198\" = { D785 = \"10.1.198.19\" } }`";
                    test.error(Complaint::new(format!("nobody says what channel `{channel}` holds"), hint));
                }
                wanted.extend(holds.iter().cloned());
            }
        }
    }
    for name in written.difference(&wanted) {
        let near = nearest(name, wanted.iter().map(AsRef::as_ref));
        let hint = Some("leave it out, or name the release as the policy does".to_owned());
        let message = format!("no policy in force updates to release `{name}`");
        test.error_at("release", Complaint { message, near, hint });
    }
    for name in wanted {
        if staged.releases.contains_key(&name) {
            continue;
        }
        if for_files.contains(&name) {
            staged.releases.insert(name.clone(), made_up_files(&name, phones));
            continue;
        }
        match version_in(&name) {
            Some(version) => {
                let release = match for_modules.contains(&name) {
                    true => made_up_module(&name, version),
                    false => made_up(&name, &version, phones),
                };
                staged.releases.insert(name.clone(), release);
            }
            // Where several policies are in force the test may be about another: there is no image then.
            None if !alone => {}
            None => {
                let hint =
                    format!("say what it holds: `release = {{ \"{name}\" = {{ D785 = \"10.1.198.19\" }} }}`");
                test.error(Complaint::new(
                    format!("the name of release `{name}` does not end in a version"),
                    hint,
                ));
            }
        }
    }
    staged
}

/// The version a release's name ends in: `snom-10.1.198`, `innovaphone-04-5679`.
fn version_in(name: &str) -> Option<Version> {
    if let Some(build) = build_at_end(name) {
        return Some(build);
    }
    let last = name.rsplit(['-', '_']).next()?;
    let digits = last.starts_with(|c: char| c.is_ascii_digit() || c == 'V' || c == 'v');
    Version::parse(last).ok().filter(|_| digits)
}

/// A logo for each kind of phone.
fn made_up_files(name: &str, phones: &[&Phone]) -> Release {
    let release = made_up(name, &Version::none(), phones);
    let logo = |image: Image| Image { file: format!("{name}.png"), part: Part::Logo, ..image };
    Release { images: release.images.into_iter().map(logo).collect(), ..release }
}

/// An image of one version for each kind of phone.
fn made_up(name: &str, version: &Version, phones: &[&Phone]) -> Release {
    let kinds: BTreeSet<(Vendor, Model)> =
        phones.iter().filter_map(|phone| Some((phone.vendor.clone()?, phone.model.clone()?))).collect();
    let images = kinds.into_iter().map(|(vendor, model)| image(vendor, model, version.clone()));
    Release { name: name.to_owned(), images: images.collect() }
}

/// An image of one version for the expansion module of any snom: for a D7C where the name says so, else for a UXM.
fn made_up_module(name: &str, version: Version) -> Release {
    let kind = if name.to_ascii_lowercase().contains("d7c") { ModuleKind::D7c } else { ModuleKind::Uxm };
    Release { name: name.to_owned(), images: vec![module_image(kind, version)] }
}

fn module_image(kind: ModuleKind, version: Version) -> Image {
    let of_any = image(Vendor::SNOM, Model::new(kind.to_string()), version);
    Image { models: vec![], part: kind.into(), ..of_any }
}

fn image(vendor: Vendor, model: Model, version: Version) -> Image {
    Image {
        file: format!("{vendor}{model}-{version}.bin"),
        part: Part::Firmware,
        handling: Handling::default(),
        vendor,
        models: vec![model],
        version,
        sha256: String::new(),
        size: 0,
        from_at_least: None,
        from_at_most: None,
        hardware: Vec::new(),
    }
}

/// What the key `release` says.
fn given(test: &Table<'_>, phones: &[&Phone], for_files: &BTreeSet<Arc<str>>) -> BTreeMap<Arc<str>, Release> {
    let source = test.source();
    let wrong = |span| {
        let hint = "write `release = { \"snom-10.1.198\" = { D785 = \"10.1.198.19\" } }`";
        source.refuse(
            Code::WrongType,
            &span,
            Complaint::new("`release` names releases, and in each the models with their versions", hint),
        );
    };
    let mut releases = BTreeMap::new();
    let Some(value) = test.value("release") else { return releases };
    let DeValue::Table(table) = value.get_ref() else {
        wrong(value.span());
        return releases;
    };
    for (name, models) in table {
        let DeValue::Table(models) = models.get_ref() else {
            wrong(models.span());
            continue;
        };
        let mut images = Vec::new();
        for (model, runs) in models {
            let DeValue::String(text) = runs.get_ref() else {
                wrong(runs.span());
                continue;
            };
            let of = phones
                .iter()
                .find(|phone| phone.model.as_ref().is_some_and(|m| m.as_str() == model.get_ref()));
            let module = [ModuleKind::Uxm, ModuleKind::D7c];
            let module = module.into_iter().find(|kind| kind.to_string() == model.get_ref().as_ref());
            let files = for_files.contains(name.get_ref().as_ref());
            let runs_then = if files { Ok(Version::none()) } else { version(text) };
            match (of.and_then(|phone| phone.vendor.clone()), runs_then) {
                (_, Ok(version)) if module.is_some() => {
                    images.extend(module.map(|kind| module_image(kind, version)));
                }
                (Some(vendor), Ok(version)) => {
                    let image = image(vendor, Model::new(model.get_ref().as_ref()), version);
                    let logo = |image| Image { file: text.to_string(), part: Part::Logo, ..image };
                    images.push(if files { logo(image) } else { image });
                }
                (_, Err(complaint)) => source.refuse(Code::BadValue, &runs.span(), complaint),
                (None, Ok(_)) => source.refuse(
                    Code::UnknownName,
                    &model.span(),
                    Complaint {
                        message: format!(
                            "no phone of this test, of a known maker, is a `{}`",
                            model.get_ref()
                        ),
                        near: nearest(
                            model.get_ref(),
                            phones.iter().filter_map(|p| Some(p.model.as_ref()?.as_str())),
                        ),
                        hint: Some("name models as the phones of the test do".to_owned()),
                    },
                ),
            }
        }
        let name: Arc<str> = name.get_ref().as_ref().into();
        releases.insert(name.clone(), Release { name: name.to_string(), images });
    }
    releases
}
