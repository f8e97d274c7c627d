//! `sipherd release add`, `list` and `verify`: firmware into the state folder, and what stands there.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use comfy_table::Table;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::depot::{self, AddError, Catalogue, Condition, Hashing, Problem, Staged};
use crate::domain::firmware::{Image, Part, Release};
use crate::domain::phone::{Hardware, Model};

/// What a command's end means to whoever typed it. What was wrong has been printed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was done.
    Done,
    /// It was not, and the user can mend it.
    ToMend,
    /// It was not, and the machine is to blame.
    Unexpected,
}

/// `sipherd release add SOURCE [--name NAME]`. Fails only when the output cannot be written.
pub fn add(
    state_dir: &Path,
    source: &Path,
    name: Option<&str>,
    json: bool,
    out: &mut dyn Write,
) -> io::Result<Ending> {
    let progress = Progress::new(json);
    let added = depot::add(&folder(state_dir), source, name, &mut |step| progress.show(step));
    progress.end();
    match added {
        Ok(staged) if json => {
            print_json(
                out,
                &AddedJson { already: staged.already, release: &staged.release, problems: &staged.warnings },
            )?;
            Ok(Ending::Done)
        }
        Ok(Staged { release, already, warnings }) => {
            tell(&warnings);
            let images = count(release.images.len(), "image");
            let how = if already { "was staged already" } else { "is staged" };
            writeln!(out, "release {} {how}: {images}", release.name)?;
            writeln!(out, "{}", table(&[release]))?;
            Ok(Ending::Done)
        }
        Err(AddError::Problems(problems)) => {
            if json {
                print_json(out, &ProblemsJson { problems: &problems })?;
            } else {
                tell(&problems);
            }
            Ok(Ending::ToMend)
        }
        Err(error @ AddError::Io { .. }) => Ok(failed(&error, error.user_can_mend())),
    }
}

/// `sipherd release list`. Fails only when the output cannot be written.
pub fn list(state_dir: &Path, json: bool, out: &mut dyn Write) -> io::Result<Ending> {
    let Catalogue { releases, problems } = match depot::catalogue(&folder(state_dir)) {
        Ok(catalogue) => catalogue,
        Err(error) => return Ok(failed(&error, true)),
    };
    if json {
        print_json(out, &ListJson { releases: &releases, problems: &problems })?;
    } else {
        tell(&problems);
        if releases.is_empty() {
            writeln!(out, "no release is staged; `sipherd release add` stages one")?;
        } else {
            writeln!(out, "{}", table(&releases))?;
        }
    }
    Ok(if problems.is_empty() { Ending::Done } else { Ending::ToMend })
}

/// `sipherd release verify`: hashes every staged image again. Fails only when the output cannot be written.
pub fn verify(state_dir: &Path, json: bool, out: &mut dyn Write) -> io::Result<Ending> {
    let folder = folder(state_dir);
    let Catalogue { releases, problems } = match depot::catalogue(&folder) {
        Ok(catalogue) => catalogue,
        Err(error) => return Ok(failed(&error, true)),
    };
    let progress = Progress::new(json);
    let verified = depot::verify(&folder, &releases, &mut |step| progress.show(step));
    progress.end();
    let broken = verified.iter().filter(|image| image.condition != Condition::Whole).count();
    if json {
        print_json(out, &VerifyJson { images: &verified, problems: &problems })?;
    } else {
        tell(&problems);
        for image in &verified {
            let how = match &image.condition {
                Condition::Whole => "whole".to_owned(),
                Condition::Changed { size, sha256 } => {
                    format!("CHANGED: now {size} bytes with SHA-256 {sha256}")
                }
                Condition::Unreadable { why } => format!("UNREADABLE: {why}"),
            };
            writeln!(out, "{}/{}: {how}", image.release, image.file)?;
        }
        let images = count(verified.len(), "image");
        match broken {
            0 => writeln!(out, "{images}, all whole")?,
            _ => {
                writeln!(out, "{images}, {broken} broken")?;
                eprintln!(
                    "hint: remove the release's folder and add the release again; broken images are not served"
                );
            }
        }
    }
    Ok(if broken == 0 && problems.is_empty() { Ending::Done } else { Ending::ToMend })
}

#[derive(Serialize)]
struct AddedJson<'a> {
    already: bool,
    release: &'a Release,
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct ProblemsJson<'a> {
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct ListJson<'a> {
    releases: &'a [Release],
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct VerifyJson<'a> {
    images: &'a [depot::Verified],
    problems: &'a [Problem],
}

fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("releases")
}

fn print_json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

fn tell(problems: &[Problem]) {
    for problem in problems {
        eprintln!("{}", clean(&problem.to_string()));
    }
}

fn failed(error: &dyn std::error::Error, to_mend: bool) -> Ending {
    eprintln!("error: {}", clean(&error.to_string()));
    if to_mend { Ending::ToMend } else { Ending::Unexpected }
}

/// Manifests come from elsewhere and could write to the terminal of whoever reads them.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn table(releases: &[Release]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.force_no_tty();
    table.set_header(["RELEASE", "VENDOR", "MODELS", "VERSION", "BYTES", "FOR", "FILE"]);
    for release in releases {
        for image in &release.images {
            let models: Vec<&str> = image.models.iter().map(Model::as_str).collect();
            let cells = [
                release.name.clone(),
                image.vendor.to_string(),
                models.join(","),
                if image.part.is_media() { String::new() } else { image.version.to_string() },
                image.size.to_string(),
                conditions(image),
                image.file.clone(),
            ];
            table.add_row(cells.map(|cell| clean(&cell).replace('\n', " ")));
        }
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Which part of which phones of the model may have it: `from 8.9.3.68 to 10.1, hardware 2`, `boot`, or `all`.
fn conditions(image: &Image) -> String {
    let mut words = Vec::new();
    if image.part != Part::Firmware {
        words.push(image.part.to_string());
    }
    if let Some(version) = &image.from_at_least {
        words.push(format!("from {version}"));
    }
    if let Some(version) = &image.from_at_most {
        words.push(format!("to {version}"));
    }
    if !image.hardware.is_empty() {
        let levels: Vec<&str> = image.hardware.iter().map(Hardware::as_str).collect();
        words.push(format!("hardware {}", levels.join(",")));
    }
    if words.is_empty() { "all".to_owned() } else { words.join(" ") }
}

/// A bar on a terminal's standard error, nothing elsewhere.
struct Progress(ProgressBar);

impl Progress {
    fn new(json: bool) -> Self {
        let bar = if json { ProgressBar::hidden() } else { ProgressBar::new(0) };
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes}");
        Self(match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }

    fn show(&self, step: Hashing<'_>) {
        match step {
            Hashing::File { name, size } => {
                self.0.set_length(size);
                self.0.set_position(0);
                self.0.set_message(clean(name));
            }
            Hashing::Bytes(n) => self.0.inc(n),
        }
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const D785: &str = "snomD785-10.1.198.19-SIP-r.bin";

    fn printed(run: impl FnOnce(&mut dyn Write) -> io::Result<Ending>) -> (Ending, String) {
        let mut out = Vec::new();
        let ending = run(&mut out).unwrap();
        (ending, String::from_utf8(out).unwrap())
    }

    fn with_image() -> (TempDir, PathBuf) {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join(D785);
        std::fs::write(&file, b"image").unwrap();
        (dir, file)
    }

    #[test]
    fn a_release_is_added_listed_and_verified() {
        let (dir, file) = with_image();
        let state = dir.path().join("state");
        let (ending, text) = printed(|out| list(&state, false, out));
        assert_eq!(
            (ending, text.as_str()),
            (Ending::Done, "no release is staged; `sipherd release add` stages one\n")
        );
        let (ending, text) = printed(|out| add(&state, &file, Some("nov"), false, out));
        assert_eq!(ending, Ending::Done);
        assert!(text.starts_with("release nov is staged: 1 image\nRELEASE  VENDOR  MODELS"), "{text}");
        let (_, text) = printed(|out| add(&state, &file, Some("nov"), false, out));
        assert!(text.starts_with("release nov was staged already: 1 image\n"), "{text}");
        let (ending, text) = printed(|out| list(&state, false, out));
        assert_eq!(ending, Ending::Done);
        assert!(
            text.contains(&format!("nov      snom    D785    10.1.198.19  5      all  {D785}")),
            "{text}"
        );
        let (ending, text) = printed(|out| verify(&state, false, out));
        assert_eq!((ending, text), (Ending::Done, format!("nov/{D785}: whole\n1 image, all whole\n")));
    }

    #[test]
    fn a_changed_image_is_for_the_user_to_mend() {
        let (dir, file) = with_image();
        let _ = printed(|out| add(dir.path(), &file, Some("nov"), false, out));
        std::fs::write(dir.path().join("releases/nov").join(D785), b"imagE").unwrap();
        let (ending, text) = printed(|out| verify(dir.path(), false, out));
        assert_eq!(ending, Ending::ToMend);
        assert!(text.contains(": CHANGED: now 5 bytes with SHA-256 "), "{text}");
        assert!(text.ends_with("1 image, 1 broken\n"), "{text}");
    }

    #[test]
    fn programs_read_the_same_as_json() {
        let (dir, file) = with_image();
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let (ending, text) = printed(|out| add(dir.path(), &file, None, true, out));
        assert_eq!(ending, Ending::ToMend);
        assert_eq!(json(&text)["problems"][0]["hint"], "give one with `--name`");
        let (_, text) = printed(|out| add(dir.path(), &file, Some("nov"), true, out));
        assert_eq!(json(&text)["release"]["images"][0]["models"][0], "D785");
        let (_, text) = printed(|out| list(dir.path(), true, out));
        assert_eq!(json(&text)["releases"][0]["name"], "nov");
        let (_, text) = printed(|out| verify(dir.path(), true, out));
        assert_eq!(json(&text)["images"][0]["condition"], "whole");
    }

    #[test]
    fn a_source_that_is_not_there_is_for_the_user_to_mend() {
        let dir = TempDir::new().unwrap();
        let (ending, text) = printed(|out| add(dir.path(), &dir.path().join("none"), None, false, out));
        assert_eq!((ending, text.as_str()), (Ending::ToMend, ""));
    }
}
