//! Files that are no image: a phone is told to load them, loads them without a reboot, and may say how it went.
//!
//! ```text
//! Accepted ──told──▶ (fetches the first) Fetching ──has the last one──▶ Flashing ──says so, or says nothing against it──▶ Deployed
//!                                           │                              │
//!                                           └── deadline, or it says that a file failed ──▶ Failed(…)
//! ```

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::machine::Trip;
use super::offer::MOST_OFFERS;
use super::outcome::{Failure, Outcome};
use super::state::{Goal, Output, State};
use crate::domain::files::{FileNews, FileStatus, WantedFile};

/// A phone that says how a deployment went says so within this time; many say nothing where all went well.
pub(super) const TELLS_WITHIN: TimeDelta = TimeDelta::minutes(2);

impl Trip {
    /// The release of this file, while the phone may fetch it: one of those it was told to.
    pub fn deploys(&self, file: &str) -> Option<&Arc<str>> {
        let Goal::Files { release, files } = &self.plan.goal else { return None };
        let may = match self.state {
            State::Asked { .. }
            | State::Accepted { .. }
            | State::Away
            | State::Fetching
            | State::Flashing
            | State::Back => self.seen.offers > 0,
            State::Confirming { .. } | State::Done { .. } => false,
        };
        (may && files.iter().any(|wanted| wanted.name == file)).then_some(release)
    }

    /// Whether it may be told once more to fetch what it is to fetch.
    pub(super) fn may_be_told_to_fetch(&self) -> bool {
        if matches!(self.plan.goal, Goal::Files { .. }) {
            return self.seen.offers < MOST_OFFERS;
        }
        self.offer().is_some()
    }

    /// The files it has not fetched whole.
    fn files_left(&self) -> Vec<String> {
        let left = self.wanted_files().iter().filter(|file| !self.seen.files.contains(&file.name));
        left.map(|file| file.name.clone()).collect()
    }

    fn wanted_files(&self) -> &[WantedFile] {
        let Goal::Files { files, .. } = &self.plan.goal else { return &[] };
        files
    }

    /// Whether it is to have files, and has fetched all of them.
    pub(super) fn has_all_files(&self) -> bool {
        matches!(self.plan.goal, Goal::Files { .. }) && self.files_left().is_empty()
    }

    /// Why it has not all files when its time is over.
    pub(super) fn files_failure(&self) -> Failure {
        match self.seen.breaks {
            _ if !self.seen.gone.is_empty() => {
                Failure::NeverReturned { missing: self.seen.gone.iter().cloned().collect() }
            }
            0 => Failure::FilesNotFetched { files: self.files_left() },
            breaks => Failure::DownloadBroken { breaks },
        }
    }

    /// Something is heard of its files.
    pub(super) fn file_heard(&mut self, now: DateTime<Utc>, news: FileNews, out: &mut Vec<Output>) {
        let about = match &news {
            FileNews::Began { file } | FileNews::Delivered { file } | FileNews::Broken { file } => Some(file),
            FileNews::Told(status) => status.file.as_ref(),
        };
        // Without a name it can only be about one of those it was told to load.
        let mine = self.wanted_files().iter().any(|file| about.is_none_or(|about| file.name == *about));
        if !mine || !self.awaits_phone() {
            return;
        }
        match news {
            FileNews::Began { file } => {
                self.seen.accepted = true;
                // Whoever begins anew has not got what went out before: a connection takes in short files by itself.
                self.seen.files.remove(&file);
                if !matches!(self.state, State::Fetching) {
                    self.enter(now, State::Fetching, out, &format!("fetches {file}"));
                }
            }
            FileNews::Broken { file } => {
                self.seen.breaks += 1;
                out.push(Output::Note("broken", format!("broke off {file}")));
            }
            FileNews::Delivered { file } => {
                let text = format!("has the whole {file}");
                if !self.seen.files.insert(file) {
                    return;
                }
                if self.has_all_files() {
                    self.seen.delivered = true;
                    self.enter(now, State::Flashing, out, &text);
                } else {
                    // The next one has its own time.
                    self.since = now;
                    out.push(Output::Note("delivered", text));
                }
            }
            FileNews::Told(status) => self.file_told(now, status, out),
        }
    }

    /// It says itself how it went with one of its files.
    fn file_told(&mut self, now: DateTime<Utc>, status: FileStatus, out: &mut Vec<Output>) {
        let FileStatus { file, failed } = status;
        let names: Vec<String> = self.wanted_files().iter().map(|file| file.name.clone()).collect();
        let meant = |name: &&String| file.as_ref().is_none_or(|file| file == *name);
        let meant: Vec<String> = names.iter().filter(meant).cloned().collect();
        let has_them = meant.iter().all(|name| self.seen.files.contains(name));
        if let Some(why) = failed {
            // What it says of a file that it has is said of the file.
            let failure = if has_them { Failure::FilesRejected { why } } else { Failure::Declined { why } };
            return self.fail(now, failure, out);
        }
        self.seen.files_told.extend(meant);
        if self.has_all_files() && names.iter().all(|name| self.seen.files_told.contains(name)) {
            self.finish(now, Outcome::Deployed, out);
        }
    }
}
