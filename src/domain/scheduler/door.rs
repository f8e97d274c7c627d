//! Phones that are asked by nothing but their own polls go when they are at the door.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::Scheduler;
use crate::domain::phone::Mac;

/// A phone that polls waits so long for its answer: the last look must fit into it.
const WAITS: TimeDelta = TimeDelta::seconds(10);

/// When each phone polled last.
#[derive(Debug, Clone, Default)]
pub struct Door(HashMap<Mac, DateTime<Utc>>);

impl Door {
    /// When the phone polled last.
    pub fn polled(&self, mac: Mac) -> Option<DateTime<Utc>> {
        self.0.get(&mac).copied()
    }

    /// Whether the phone waits for an answer at this instant.
    pub fn holds(&self, mac: Mac, at: DateTime<Utc>) -> bool {
        self.polled(mac).is_some_and(|polled| polled <= at && at - polled <= WAITS)
    }
}

impl Scheduler {
    /// From now on phones that are asked by nothing but their own polls go at a poll only. Without this their polls are
    /// taken for granted, as plans and tests of policies do.
    pub fn await_polls(&mut self) {
        self.door.get_or_insert_default();
    }

    /// Takes all polls for granted again.
    pub fn take_polls_for_granted(&mut self) {
        self.door = None;
    }

    /// The phone polls: it is judged in the next pass, and may go.
    pub fn polled(&mut self, mac: Mac, now: DateTime<Utc>) {
        if let Some(door) = &mut self.door {
            door.0.insert(mac, now);
        }
        self.touch(mac, now);
    }
}
