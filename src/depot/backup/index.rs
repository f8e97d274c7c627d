//! What is known of the stored configurations of one phone: `index.json` beside them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The stored configurations of a phone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Each one that differs from the one before it, the oldest first.
    pub versions: Vec<Version>,
    /// Under which names the phone handed them in last, with their numbers: `3` of a rolling index.
    pub names: BTreeMap<String, u64>,
}

/// One configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Counts up from 1 and is never given again.
    pub number: u64,
    /// Its file, in the phone's folder.
    pub file: String,
    /// Under which name it came.
    pub name: String,
    /// When it came.
    pub at: DateTime<Utc>,
    /// When the phone last handed in one that says the same.
    pub seen: DateTime<Utc>,
    /// How often it was handed in.
    pub times: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// The SHA-256 of its lines, without those that change by themselves.
    pub lasting: String,
}

impl Index {
    /// The configuration of this number.
    pub fn version(&self, number: u64) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// The newest one.
    pub fn newest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// What was handed in last under this name, if it is still kept.
    pub fn named(&self, name: &str) -> Option<&Version> {
        self.version(*self.names.get(name)?)
    }

    /// The number of the next one.
    pub(super) fn next(&self) -> u64 {
        self.newest().map_or(1, |newest| newest.number + 1)
    }

    /// Forgets the oldest ones beyond so many, and every name that meant one of them.
    pub(super) fn keep(&mut self, most: usize) {
        let beyond = self.versions.len().saturating_sub(most.max(1));
        self.versions.drain(..beyond);
        let oldest = self.versions.first().map_or(0, |version| version.number);
        self.names.retain(|_, number| *number >= oldest);
    }
}
