//! Batches that wait together become one transaction: each key once, the last word wins.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::phone::Mac;
use crate::ports::{Change, Entry, FindingRow, Job, PhoneRow, TripId, TripRow};

/// What one transaction is to write. No key stands in it twice: a multi-row upsert may not touch a row twice.
#[derive(Debug, Default)]
pub struct Group {
    /// Trips by number.
    pub trips: BTreeMap<TripId, TripRow>,
    /// Phones by address.
    pub phones: BTreeMap<Mac, PhoneRow>,
    /// Jobs by name; one without phones is to be removed.
    pub jobs: BTreeMap<Arc<str>, Job>,
    /// History, in the order it was told.
    pub entries: Vec<Entry>,
    /// What the gates said, in the order it was told.
    pub findings: Vec<FindingRow>,
    /// Findings before this are to be removed.
    pub forget_findings: Option<DateTime<Utc>>,
    /// The highest job number in it.
    pub last_job: Option<u64>,
}

impl Group {
    /// Adds a batch.
    pub fn add(&mut self, batch: Vec<Change>) {
        for change in batch {
            match change {
                Change::Trip(row) => {
                    self.trips.insert(row.id, row);
                }
                Change::Phone(row) => {
                    self.phones.insert(row.mac, row);
                }
                Change::Job(job) => {
                    self.last_job = self.last_job.max(job_number(&job.name));
                    self.jobs.insert(job.name.clone(), job);
                }
                Change::Entry(entry) => self.entries.push(entry),
                Change::Finding(finding) => self.findings.push(finding),
                Change::ForgetFindings(before) => {
                    self.forget_findings = self.forget_findings.max(Some(before));
                }
            }
        }
    }

    /// The highest trip number in it.
    pub fn last_trip(&self) -> Option<u64> {
        self.trips.keys().next_back().map(|id| id.0)
    }

    /// How many rows it writes.
    pub fn rows(&self) -> usize {
        self.trips.len() + self.phones.len() + self.jobs.len() + self.entries.len() + self.findings.len()
    }
}

/// The 17 of `reboot-17`.
pub fn job_number(job: &str) -> Option<u64> {
    job.rsplit_once('-').and_then(|(_, digits)| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn job(name: &str, macs: Vec<Mac>) -> Change {
        Change::Job(Job {
            name: name.into(),
            macs,
            now: false,
            even_in_a_call: false,
            restore: None,
            asked: DateTime::UNIX_EPOCH,
        })
    }

    #[test]
    fn the_last_word_on_a_key_wins() {
        let mac = Mac::new([0, 4, 0x13, 0, 0, 1]);
        let mut group = Group::default();
        group.add(vec![job("reboot-9", vec![mac]), job("reboot-10", vec![mac])]);
        group.add(vec![job("reboot-9", vec![])]);
        assert_eq!(group.rows(), 2);
        assert_eq!(group.jobs["reboot-9"].macs, vec![]);
        assert_eq!(group.last_job, Some(10));
    }
}
