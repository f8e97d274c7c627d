//! Files that phones load which are no images: what is heard of them, and what is remembered.

use chrono::{DateTime, Utc};

use super::orchestrator::Orchestrator;
use crate::domain::files::{FileNews, FileStatus, WantedFile};
use crate::domain::phone::Mac;
use crate::domain::trip::{Goal, Input};
use crate::ports::{Transfer, TransferStep};

impl Orchestrator {
    /// News of a transfer to a phone that is to load files; `false` where it is about something else.
    pub(super) fn file_transfer(&mut self, now: DateTime<Utc>, transfer: &Transfer) -> bool {
        let goal = self.trips.get(&transfer.mac).map(|open| &open.trip.plan().goal);
        if !matches!(goal, Some(Goal::Files { .. })) {
            return false;
        }
        let file = transfer.file.clone();
        let news = match transfer.step {
            TransferStep::Began { .. } => FileNews::Began { file },
            TransferStep::Delivered => FileNews::Delivered { file },
            TransferStep::Broken { .. } => FileNews::Broken { file },
        };
        self.drive(now, transfer.mac, Input::File { news });
        true
    }

    /// A phone says how the deployment of files went.
    pub(super) fn files_told(&mut self, now: DateTime<Utc>, mac: Mac, told: Vec<FileStatus>) {
        for status in told {
            if !self.trips.contains_key(&mac) {
                self.forget_rejected(now, mac, &status);
            }
            self.drive(now, mac, Input::File { news: FileNews::Told(status) });
        }
    }

    /// What a phone rejects after all, behind its trip, it has not got.
    fn forget_rejected(&mut self, now: DateTime<Utc>, mac: Mac, status: &FileStatus) {
        let FileStatus { file: Some(file), failed: Some(why) } = status else { return };
        let had = self.fleet.get_mut(mac).and_then(|phone| phone.files.remove(file));
        if had.is_some() {
            self.note(now, Some(mac), None, "files", format!("is not taken to have {file} any more: {why}"));
            self.keep_phone(mac);
            self.scheduler.touch(mac, now);
        }
    }

    /// A phone has fetched these files.
    pub(super) fn has_files(&mut self, mac: Mac, files: &[WantedFile]) {
        let Some(phone) = self.fleet.get_mut(mac) else { return };
        phone.files.extend(files.iter().map(|file| (file.name.clone(), file.sha256.clone())));
        self.keep_phone(mac);
    }
}
