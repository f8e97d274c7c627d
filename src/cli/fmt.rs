//! `sipherd fmt`: lays configuration files out in the one usual way.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Failure;
use crate::config::layout::{NotToml, laid_out};

/// What is laid out.
#[derive(Debug, Args)]
pub struct Options {
    /// Files, folders, or `-` for standard input to standard output; without any, the configuration and its policies
    paths: Vec<PathBuf>,
    /// Change nothing, only name the files that are not laid out; the exit status is 1 when there is one
    #[arg(long)]
    check: bool,
}

/// What became of one file.
#[derive(Debug, Serialize)]
struct Row {
    file: PathBuf,
    #[serde(flatten)]
    fate: Fate,
}

/// What became of a file.
#[derive(Debug, Serialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
enum Fate {
    /// It was as it should be.
    Unchanged,
    /// It was laid out anew, or would be.
    Changed,
    /// It cannot be laid out.
    Failed { line: Option<usize>, why: String },
}

/// Lays the files out and says which were not.
pub fn run(options: &Options, config: &Path, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    if options.paths == [PathBuf::from("-")] {
        return piped(out);
    }
    let named = match options.paths.as_slice() {
        [] => vec![config.to_owned(), super::places::policies(config)?],
        paths => paths.to_vec(),
    };
    let files = files(&named)?;
    let row = |file: PathBuf| Row { fate: lay_out(&file, options.check), file };
    let rows: Vec<Row> = files.into_iter().map(row).collect();
    let broken = rows.iter().any(|row| matches!(row.fate, Fate::Failed { .. }));
    let changed = rows.iter().filter(|row| matches!(row.fate, Fate::Changed)).count();
    if json {
        serde_json::to_writer_pretty(&mut *out, &rows).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        tell(&rows, options.check, changed, out)?;
    }
    if broken || (options.check && changed > 0) { Err(Failure::AlreadyTold) } else { Ok(()) }
}

fn tell(rows: &[Row], check: bool, changed: usize, out: &mut dyn Write) -> io::Result<()> {
    for row in rows {
        let file = row.file.display();
        match &row.fate {
            Fate::Unchanged => {}
            Fate::Changed if check => writeln!(out, "{file}: not laid out")?,
            Fate::Changed => writeln!(out, "{file}: laid out")?,
            Fate::Failed { line: Some(line), why } => writeln!(out, "error: {file}:{line}: {why}")?,
            Fate::Failed { line: None, why } => writeln!(out, "error: {file}: {why}")?,
        }
    }
    let of = format!("{changed} of {} file{}", rows.len(), if rows.len() == 1 { "" } else { "s" });
    match (changed, check) {
        (0, _) => {
            writeln!(out, "nothing to do in {} file{}", rows.len(), if rows.len() == 1 { "" } else { "s" })
        }
        (_, true) => writeln!(out, "{of} to be laid out: run `sipherd fmt`"),
        (_, false) => writeln!(out, "{of} laid out"),
    }
}

/// The TOML files among these paths, those of folders in the order of their names.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |e: io::Error| Failure::Input {
            what: path.display().to_string(),
            why: format!("cannot be read: {e}"),
            hint: None,
        };
        let entries: Result<Vec<_>, _> = std::fs::read_dir(path).map_err(unreadable)?.collect();
        let mut inside: Vec<PathBuf> =
            entries.map_err(unreadable)?.into_iter().map(|entry| entry.path()).collect();
        inside.retain(|file| file.is_file() && file.extension().is_some_and(|end| end == "toml"));
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

fn lay_out(file: &Path, check: bool) -> Fate {
    let failed = |why: String| Fate::Failed { line: None, why };
    let before = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return failed(format!("cannot be read: {error}")),
    };
    match laid_out(&before) {
        Err(NotToml { message, line }) => Fate::Failed { line: Some(line), why: message },
        Ok(after) if after == before => Fate::Unchanged,
        Ok(_) if check => Fate::Changed,
        Ok(after) => match replace(file, &after) {
            Ok(()) => Fate::Changed,
            Err(error) => failed(format!("cannot be written: {error}")),
        },
    }
}

/// Writes a file whole or not at all; who may read it stays as it was.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    // Behind a link lies the file that is meant.
    let file = file.canonicalize()?;
    let mut new = tempfile::NamedTempFile::new_in(file.parent().unwrap_or(Path::new(".")))?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(std::fs::metadata(&file)?.permissions())?;
    new.as_file().sync_all()?;
    new.persist(&file)?;
    Ok(())
}

fn piped(out: &mut dyn Write) -> Result<(), Failure> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    match laid_out(&text) {
        Ok(text) => Ok(out.write_all(text.as_bytes())?),
        Err(NotToml { message, line }) => {
            let what = format!("standard input, line {line}");
            Err(Failure::Input { what, why: message, hint: None })
        }
    }
}
