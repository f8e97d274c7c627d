//! The folder of the administrator's own profiles.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Own, is_toml, lay, read};
use crate::config::check::Reading;
use crate::config::code::Code;
use crate::config::problem::Problem;

impl Reading {
    /// Lays own profiles over the shipped ones: a folder of them, or one file.
    pub(in crate::config) fn profiles(&mut self, path: &Path) {
        let files = if path.is_dir() { self.profiles_of(path) } else { vec![path.to_owned()] };
        let mut own = Vec::new();
        for file in files {
            let Some(source) = self.open(&file) else { continue };
            match source.parse().and_then(|document| read(&source, &document)) {
                Some(written) => own.push(Own { source, written }),
                None => self.close(&source),
            }
        }
        let (makers, told) = lay(&own);
        (self.makers, self.own_profiles) = (Arc::new(makers), told);
        own.iter().for_each(|own| self.close(&own.source));
    }

    /// The profiles of a folder, in the order of their names. Nothing else may lie there.
    fn profiles_of(&mut self, folder: &Path) -> Vec<PathBuf> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(_) => {
                let problem = Problem::error(folder, "the folder of profiles cannot be read");
                let hint =
                    "the key `profiles` of sipherd.toml names it; without that key the shipped ones are used";
                self.report.problems.push(problem.code(Code::Unreadable).hint(hint));
                return Vec::new();
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.retain(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            if is_toml(path) || name.starts_with(".git") {
                return is_toml(path);
            }
            self.files.push(path.clone());
            let problem = Problem::error(path, "this is no profile: the names of profiles end in `.toml`");
            let hint = "rename it, or put it into another folder";
            self.report.problems.push(problem.code(Code::NotAProfile).hint(hint));
            false
        });
        paths
    }
}
