//! What a phone does with its deployment service in virtual time.

use super::*;
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
}
