//! Phones that boot by themselves: what proves it, and when it is forgotten.

use chrono::{DateTime, TimeDelta, Utc};

use super::orchestrator::Orchestrator;
use crate::domain::phone::Mac;

/// A phone that asked for its settings registers within this time when it boots.
const REGISTERS_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// From so many phones on, old questions for settings are forgotten.
const MOST_ASKED: usize = 10_000;

impl Orchestrator {
    /// A phone asked for its settings from its place. By itself that is no boot: some poll.
    pub(super) fn asked_settings(&mut self, now: DateTime<Utc>, mac: Mac) {
        if self.settings_asked.len() >= MOST_ASKED {
            self.settings_asked.retain(|_, at| now - *at < REGISTERS_WITHIN);
        }
        self.settings_asked.insert(mac, now);
    }

    /// A line registered with another Call-ID, as a phone does that booted (RFC 3261 section 10.2.4). One that was cut off
    /// for a moment may do so too, so its contact must have gone before, or the phone have asked for its settings.
    ///
    /// A boot that sipherd ordered does not count: nobody is at such a phone who wants to be left alone.
    pub(super) fn registered_anew(&mut self, now: DateTime<Utc>, mac: Mac, was_gone: bool) {
        let asked = self.settings_asked.remove(&mac).is_some_and(|at| now - at < REGISTERS_WITHIN);
        let under_way = self.trips.get(&mac).is_some_and(|open| open.trip.asked_at().is_some());
        let ordered = under_way || self.scheduler.past(mac).is_some_and(|past| past.may_still_boot(now));
        if ordered || self.scheduler.is_lost(mac) || !(asked || was_gone) {
            return;
        }
        if let Some(phone) = self.fleet.get_mut(mac) {
            phone.booted = Some(now);
            self.note(now, Some(mac), None, "booted", "it booted by itself".to_owned());
            self.keep_phone(mac);
        }
    }

    /// A trip on which the phone was asked to boot is over: the minutes after an older boot are over too.
    pub(super) fn boot_is_used_up(&mut self, mac: Mac) {
        let booted = self.fleet.get_mut(mac).and_then(|phone| phone.booted.take());
        if booted.is_some() {
            self.keep_phone(mac);
        }
    }
}
