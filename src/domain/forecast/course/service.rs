//! What a phone does with its deployment service in virtual time.

use super::*;
use crate::domain::files::{FileNews, FileStatus, WantedFile};
use crate::domain::items::ItemsFound;

impl Course<'_> {
    /// The phone tells its settings, and has them as they are to be; `false` when it waits for its call to end.
    pub(super) fn tell_items(&mut self, mac: Mac, busy: bool, now: DateTime<Utc>) -> bool {
        if self.waits(mac, busy, now) {
            return false;
        }
        if self.journeys.get(&mac).is_some_and(|journey| journey.waits) {
            self.hears(mac, now, Input::Tick { busy });
            return true;
        }
        self.hears(mac, now, Input::Called { version: None });
        self.hears(mac, now, Input::Ordered);
        self.hears(mac, now, Input::Items { found: ItemsFound::AsWanted { written: 0 } });
        true
    }

    /// The phone is told to load its files, and begins.
    pub(super) fn fetch_files(&mut self, mac: Mac, now: DateTime<Utc>) {
        self.hears(mac, now, Input::Called { version: None });
        self.hears(mac, now, Input::Ordered);
        if let Some(first) = self.files_of(mac).into_iter().next() {
            self.hears(mac, now, Input::File { news: FileNews::Began { file: first.name } });
        }
    }

    /// The phone has all its files, and says so.
    pub(super) fn deliver_files(&mut self, mac: Mac, now: DateTime<Utc>) {
        let files = self.files_of(mac);
        for file in &files {
            let news = FileNews::Delivered { file: file.name.clone() };
            self.hears(mac, now, Input::File { news });
        }
        for file in files {
            if let Some(phone) = self.fleet.get_mut(mac) {
                phone.files.insert(file.name.clone(), file.sha256);
            }
            let status = FileStatus { file: Some(file.name), failed: None };
            self.hears(mac, now, Input::File { news: FileNews::Told(status) });
        }
    }

    fn files_of(&self, mac: Mac) -> Vec<WantedFile> {
        match self.journeys.get(&mac).map(|journey| &journey.trip.plan().goal) {
            Some(Goal::Files { files, .. }) => files.clone(),
            Some(_) | None => Vec::new(),
        }
    }
}
