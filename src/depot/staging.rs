//! `sipherd release add`: checks images, copies them into the state folder and writes their complete manifest.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::inside;
use super::manifest::{self, Draft, DraftImage, MANIFEST};
use super::media;
use super::problem::Problem;
use super::together::together;
use crate::domain::firmware::{Handling, Image, Part, Release};
use crate::domain::phone::Vendor;
use crate::phones::innovaphone::product::Product;
use crate::phones::innovaphone::script::Code;
use crate::phones::snom::{image_in_name, module_in_name};
use crate::phones::unify;

/// Longest image a phone can be rescued with over TFTP, in bytes: 65,535 blocks of 512, of which the last one is not full,
/// for that is how it is known to be the last.
pub const TFTP_LIMIT: u64 = 65_535 * 512 - 1;

/// How the hashing of files goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashing<'a> {
    /// A file is begun.
    File {
        /// Its name.
        name: &'a str,
        /// Its length in bytes.
        size: u64,
    },
    /// So many more bytes of it are done.
    Bytes(u64),
}

/// A release that stands in the state folder now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// The release.
    pub release: Release,
    /// It stood there already, with the same content.
    pub already: bool,
    /// What to bear in mind.
    pub warnings: Vec<Problem>,
}

/// Nothing was staged.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The source is not in order; every problem found.
    #[error("{}", texts(.0))]
    Problems(Vec<Problem>),
    /// Reading or writing failed.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// `read`, `write` …
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl AddError {
    /// The user named a wrong place, may not go there, or wrote something wrong; else the machine failed.
    pub fn user_can_mend(&self) -> bool {
        use io::ErrorKind::{IsADirectory, NotADirectory, NotFound, PermissionDenied};
        match self {
            Self::Problems(_) => true,
            Self::Io { source, .. } => {
                matches!(source.kind(), IsADirectory | NotADirectory | NotFound | PermissionDenied)
            }
        }
    }
}

/// Stages a folder with a `release.toml`, or one image that tells by its name what it is for.
///
/// The release appears whole or not at all, and one with other content is never replaced.
pub fn add(
    releases: &Path,
    source: &Path,
    name: Option<&str>,
    hashed: &mut dyn FnMut(Hashing<'_>),
) -> Result<Staged, AddError> {
    let (folder, manifest, draft) = draft_of(source, name)?;
    let mut problems = Vec::new();
    let name = name_of(&draft, name, &manifest, &mut problems);
    let mut warnings = Vec::new();
    together(&draft, &manifest, &mut problems);
    let mut images = Vec::new();
    for draft in &draft.images {
        images.extend(inspect(&folder, &manifest, draft, hashed, &mut problems, &mut warnings));
    }
    let (Some(name), true) = (name, problems.is_empty()) else {
        return Err(AddError::Problems(problems));
    };
    let release = Release { name, images };
    let already = stands_already(releases, &release)?;
    if !already {
        copy(releases, &folder, &release)?;
    }
    Ok(Staged { release, already, warnings })
}

/// Length and SHA-256 of a file, in lower-case hexadecimal digits.
pub(super) fn hash(
    path: &Path,
    hashed: &mut dyn FnMut(Hashing<'_>),
    mut copy_to: Option<&mut File>,
) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    hashed(Hashing::File { name: &name, size: file.metadata()?.len() });
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let n = match file.read(&mut buffer) {
            Ok(0) => return Ok((size, hex::encode(digest.finalize()))),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        let read = &buffer[..n];
        digest.update(read);
        if let Some(copy) = copy_to.as_mut() {
            copy.write_all(read)?;
        }
        size += n as u64;
        hashed(Hashing::Bytes(n as u64));
    }
}

fn texts(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AddError {
    move |source| AddError::Io { what, path: path.to_owned(), source }
}

/// The folder of the images, the manifest's place for messages, and what it says.
fn draft_of(source: &Path, name: Option<&str>) -> Result<(PathBuf, PathBuf, Draft), AddError> {
    let about = fs::metadata(source).map_err(io_error("read", source))?;
    if about.is_file() && source.file_name().is_none_or(|file| file != MANIFEST) {
        return single(source, name);
    }
    let manifest = if about.is_file() { source.to_owned() } else { source.join(MANIFEST) };
    let folder = manifest.parent().unwrap_or(Path::new(".")).to_owned();
    let text = match fs::read_to_string(&manifest) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let problem = Problem::error(&manifest, "no such file");
            let hint = "write a manifest beside the images, or add a single image with `--name`";
            return Err(AddError::Problems(vec![problem.hint(hint)]));
        }
        Err(error) => return Err(io_error("read", &manifest)(error)),
    };
    let draft = manifest::read(&manifest, &text).map_err(AddError::Problems)?;
    Ok((folder, manifest, draft))
}

/// One image without a manifest.
fn single(file: &Path, name: Option<&str>) -> Result<(PathBuf, PathBuf, Draft), AddError> {
    let mut problems = Vec::new();
    if name.is_none() {
        let problem = Problem::error(file, "a single image needs a release name");
        problems.push(problem.hint("give one with `--name`"));
    }
    let file_name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let phone = image_in_name(&file_name)
        .map(|(model, version)| (Vendor::SNOM, vec![model], version, Part::Firmware));
    let module =
        || module_in_name(&file_name).map(|(kind, version)| (Vendor::SNOM, vec![], version, kind.into()));
    let of_unify = || {
        let named = unify::spelling::named(&file_name)?;
        Some((Vendor::UNIFY, vec![named.model], named.version, Part::Firmware))
    };
    let Some((vendor, models, version, part)) = phone.or_else(module).or_else(of_unify) else {
        let problem = Problem::error(file, "the name does not tell vendor, model and version");
        let hint = "images are named `snomD785-10.1.198.19-SIP-r.bin` by snom, `OS_80_SIP_V1_R4_9_0.img` by Unify; \
                    write a `release.toml` for others";
        problems.push(problem.hint(hint));
        return Err(AddError::Problems(problems));
    };
    if !problems.is_empty() {
        return Err(AddError::Problems(problems));
    }
    let image = Image {
        file: file_name,
        part,
        handling: Handling::default(),
        vendor,
        models,
        version,
        sha256: String::new(),
        size: 0,
        from_at_least: None,
        from_at_most: None,
        hardware: vec![],
    };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let images = vec![DraftImage { image, line: 0, has_sha256: false, has_size: false }];
    Ok((folder.unwrap_or(Path::new(".")).to_owned(), file.to_owned(), Draft { name: None, images }))
}

fn name_of(
    draft: &Draft,
    given: Option<&str>,
    manifest: &Path,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let wrong = |message: String, hint: &str| Problem::error(manifest, message).of("name").hint(hint);
    match (draft.name.as_deref(), given) {
        (None, None) => problems.push(wrong("missing".into(), "add `name = \"…\"`, or give `--name`")),
        (Some(written), Some(given)) if written != given => {
            let message = format!("the manifest says `{written}`, the command line `{given}`");
            problems.push(wrong(message, "leave `--name` out, or change the manifest"));
        }
        (None, Some(given)) if !manifest::is_release_name(given) => {
            let hint = "use letters, digits, `.`, `-`, `_` and `+`, at most 64, a letter or digit first";
            problems.push(wrong(format!("`{given}` cannot be a release's name"), hint));
        }
        (Some(name), _) | (None, Some(name)) => return Some(name.to_owned()),
    }
    None
}

/// Looks at the file itself.
fn inspect(
    folder: &Path,
    manifest: &Path,
    draft: &DraftImage,
    hashed: &mut dyn FnMut(Hashing<'_>),
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> Option<Image> {
    let image = &draft.image;
    let path = folder.join(&image.file);
    let before = problems.len();
    let mut wrong = |key: &str, message: String, hint: &str| {
        let problem = Problem::error(manifest, message).of(key).hint(hint);
        problems.push(if draft.line > 0 { problem.at(draft.line) } else { problem });
    };
    if let Some((key, says)) = contradicted(image) {
        let hint = "a snom with the wrong image is lost: make file name and manifest agree";
        wrong(key, format!("the file's name says {says}"), hint);
    }
    if image.vendor == Vendor::UNIFY && image.part == Part::Firmware {
        inside::contradictions(image, &path, &mut wrong);
    }
    if let Some(message) = media::against(image) {
        wrong("image.part", message, "leave it out: Unify phones alone are told to load such files");
    }
    if image.vendor == Vendor::INNOVAPHONE {
        for message in against(image) {
            let hint = "make file name, part and models agree: a device with the wrong code is lost";
            wrong("image.models", message, hint);
        }
    }
    let found = match fs::metadata(&path) {
        Ok(about) if about.is_file() => hash(&path, hashed, None),
        Ok(_) => {
            wrong("image.file", format!("`{}` is not a file", image.file), "name a file beside the manifest");
            return None;
        }
        Err(error) => Err(error),
    };
    let (size, sha256) = match found {
        Ok(found) => found,
        Err(error) => {
            let message = format!("cannot read `{}`: {error}", image.file);
            wrong("image.file", message, "put the image beside the manifest");
            return None;
        }
    };
    let again = "fetch the image again from its maker, or correct the manifest";
    if size == 0 {
        wrong("image.file", format!("`{}` is empty", image.file), again);
    } else if draft.has_size && size != image.size {
        wrong("image.size", format!("says {}, the file has {size} bytes", image.size), again);
    } else if draft.has_sha256 && sha256 != image.sha256 {
        wrong("image.sha256", format!("the file's is {sha256}"), again);
    }
    if problems.len() > before {
        return None;
    }
    if inside::says_nothing_of_hardware(image) {
        let warning = Problem::warning(manifest, format!("`{}` names no hardware levels", image.file));
        let hint = "only phones get it of which the oldest supported software is known: write `hardware = […]`, a \
                    `[[hardware]]` in your own profile of `unify`, or `override = true`";
        let warning = warning.of("image.hardware").hint(hint);
        warnings.push(if draft.line > 0 { warning.at(draft.line) } else { warning });
    }
    if size > TFTP_LIMIT && !image.part.is_media() {
        let message = format!(
            "`{}` has {size} bytes, too many for a rescue over TFTP: a bootloader counts 65535 blocks of 512 bytes, \
             {TFTP_LIMIT} in all",
            image.file
        );
        let hint = "a phone that loses power while it writes this image is rescued with an older, shorter release, or over \
                    HTTP or FTP where its bootloader can";
        warnings.push(Problem::warning(&path, message).hint(hint));
    }
    Some(Image { size, sha256, ..image.clone() })
}

/// What stands against an innovaphone's image by its name.
fn against(image: &Image) -> Vec<String> {
    let code = match image.part {
        Part::Firmware => Code::Firmware,
        Part::Boot => Code::Boot,
        Part::Radio => Code::Radio,
        part if part.is_media() => return Vec::new(),
        part => {
            return vec![format!("innovaphones have no {part} images")];
        }
    };
    let products = image.models.iter().filter_map(|model| Product::new(model.as_str()));
    products.filter_map(|product| product.against(code, &image.file)).collect()
}

/// What a snom image's name says against its manifest.
fn contradicted(image: &Image) -> Option<(&'static str, String)> {
    if image.vendor != Vendor::SNOM {
        return None;
    }
    if let Some((kind, version)) = module_in_name(&image.file) {
        let good = image.part == kind.into() && version == image.version;
        return (!good).then(|| ("image.part", format!("module {kind} {version}")));
    }
    let (model, version) = image_in_name(&image.file)?;
    if image.part != Part::Firmware {
        return Some(("image.part", format!("{model} {version}")));
    }
    let good = version == image.version && image.models == [model.clone()];
    (!good).then(|| ("image.models", format!("{model} {version}")))
}

/// Whether this very release stands there; one with other content is an error.
fn stands_already(releases: &Path, release: &Release) -> Result<bool, AddError> {
    let folder = releases.join(&release.name);
    let manifest = folder.join(MANIFEST);
    match fs::read_to_string(&manifest) {
        Ok(text) if text == manifest::write(release) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => Ok(false),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("read", &manifest)(error)),
        Ok(_) | Err(_) => Err(taken(&folder)),
    }
}

fn taken(folder: &Path) -> AddError {
    let problem = Problem::error(folder, "a release of this name with other content is staged");
    AddError::Problems(vec![problem.hint("a staged release never changes: choose another name")])
}

/// Copies into a folder beside, makes sure of every byte, and gives it its name last.
fn copy(releases: &Path, from: &Path, release: &Release) -> Result<(), AddError> {
    fs::create_dir_all(releases).map_err(io_error("create", releases))?;
    let adding = releases.join(format!(".adding-{}", release.name));
    match fs::create_dir(&adding) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let problem = Problem::error(&adding, "somebody else is adding this release, or was interrupted");
            return Err(AddError::Problems(vec![problem.hint("if nobody is, remove this folder")]));
        }
        other => other.map_err(io_error("create", &adding))?,
    }
    let copied = fill(&adding, from, release).and_then(|()| {
        let folder = releases.join(&release.name);
        match fs::rename(&adding, &folder) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::DirectoryNotEmpty
                        | io::ErrorKind::AlreadyExists
                        | io::ErrorKind::NotADirectory
                ) =>
            {
                Err(taken(&folder))
            }
            other => other.map_err(io_error("create", &folder)),
        }
    });
    if copied.is_err() {
        // What was wrong is told already; a leftover is named by the next attempt.
        let _ = fs::remove_dir_all(&adding);
    }
    copied?;
    sync(releases)
}

fn fill(to: &Path, from: &Path, release: &Release) -> Result<(), AddError> {
    for image in &release.images {
        let (source, copy) = (from.join(&image.file), to.join(&image.file));
        let mut file = File::create_new(&copy).map_err(io_error("write", &copy))?;
        let copied = hash(&source, &mut |_| {}, Some(&mut file)).map_err(io_error("copy", &source))?;
        if copied != (image.size, image.sha256.clone()) {
            let problem = Problem::error(&source, "changed while it was being staged");
            return Err(AddError::Problems(vec![problem.hint("add it again once it is complete")]));
        }
        file.sync_all().map_err(io_error("write", &copy))?;
    }
    let path = to.join(MANIFEST);
    let mut file = File::create_new(&path).map_err(io_error("write", &path))?;
    let written = file.write_all(manifest::write(release).as_bytes()).and_then(|()| file.sync_all());
    written.map_err(io_error("write", &path))?;
    sync(to)
}

fn sync(folder: &Path) -> Result<(), AddError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error("write", folder))
}

#[cfg(test)]
#[path = "staging_tests.rs"]
mod tests;
