//! A whole reading of an Asterisk: its lists, and what was heard while they came.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::hints::{Hints, is_set, owner};
use super::picture::{self, Calls, Contacts, Incomplete};
use super::queues::Queues;
use super::wire::Block;
use crate::domain::phone::CallState;

/// The lists being read, and what was heard meanwhile.
#[derive(Default)]
pub(super) struct Survey {
    /// Who is registered.
    pub contacts: Option<Contacts>,
    /// What each device is doing.
    pub devices: Option<Vec<Block>>,
    /// Which channels there are.
    pub channels: Option<Vec<Block>>,
    /// The dialplan's hints.
    pub hints: Option<Hints>,
    /// The queues; `Some(None)` where `app_queue` is not loaded.
    pub queues: Option<Option<Queues>>,
    /// Changes that came after the lists were asked for: they are newer than what the lists hold.
    pub later: Vec<(Arc<str>, CallState)>,
    /// The same for do-not-disturb switches.
    pub later_switches: Vec<(Arc<str>, bool)>,
}

/// What a whole reading gave.
pub(super) struct Found {
    /// Who is registered.
    pub contacts: Contacts,
    /// What each endpoint is doing.
    pub calls: Calls,
    /// The dialplan's hints.
    pub hints: Hints,
    /// The queues; `None` where `app_queue` is not loaded.
    pub queues: Option<Queues>,
    /// Do-not-disturb switches that are set.
    pub switches: BTreeSet<Arc<str>>,
}

impl Survey {
    /// Whether all lists are there.
    pub(super) fn is_complete(&self) -> bool {
        self.contacts.is_some()
            && self.devices.is_some()
            && self.channels.is_some()
            && self.hints.is_some()
            && self.queues.is_some()
    }

    /// What it gave; a list that is not there yet counts as empty.
    pub(super) fn finish(self) -> Result<Found, Incomplete> {
        let devices = self.devices.unwrap_or_default();
        let mut calls = picture::calls(&devices, &self.channels.unwrap_or_default())?;
        calls.extend(self.later);
        let listed = devices.iter().filter_map(|item| Some((item.get("Device")?, item.get("State")?)));
        let mut switches: BTreeSet<Arc<str>> = listed
            .filter(|(device, state)| owner(device).is_some() && is_set(state))
            .map(|(device, _)| device.into())
            .collect();
        for (switch, set) in self.later_switches {
            turn(&mut switches, switch, set);
        }
        Ok(Found {
            contacts: self.contacts.unwrap_or_default(),
            calls,
            hints: self.hints.unwrap_or_default(),
            queues: self.queues.flatten(),
            switches,
        })
    }
}

/// Notes that a switch is set, or is not any more.
pub(super) fn turn(switches: &mut BTreeSet<Arc<str>>, switch: Arc<str>, set: bool) {
    if set {
        switches.insert(switch);
    } else {
        switches.remove(&switch);
    }
}
