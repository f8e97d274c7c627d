//! How many phones are away from their desks, and for whom.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::phone::Mac;

/// Places taken: by phones under way, and by lost phones until they are seen again.
#[derive(Debug, Clone, Default)]
pub struct Budgets {
    by_policy: BTreeMap<Arc<str>, BTreeSet<Mac>>,
    of: HashMap<Mac, Arc<str>>,
}

impl Budgets {
    /// Takes a place. A phone has at most one.
    pub fn take(&mut self, policy: &Arc<str>, mac: Mac) {
        self.release(mac);
        self.by_policy.entry(policy.clone()).or_default().insert(mac);
        self.of.insert(mac, policy.clone());
    }

    /// Gives the place back; says whose it was.
    pub fn release(&mut self, mac: Mac) -> Option<Arc<str>> {
        let policy = self.of.remove(&mac)?;
        if let Some(macs) = self.by_policy.get_mut(&policy) {
            macs.remove(&mac);
        }
        Some(policy)
    }

    /// All places taken, with the policy or job each counts for.
    pub fn places(&self) -> impl Iterator<Item = (Mac, &Arc<str>)> {
        self.of.iter().map(|(mac, policy)| (*mac, policy))
    }

    /// Whether the phone has a place.
    pub fn holds(&self, mac: Mac) -> bool {
        self.of.contains_key(&mac)
    }

    /// Places taken of one policy.
    pub fn down(&self, policy: &str) -> u32 {
        self.by_policy.get(policy).map_or(0, |macs| u32::try_from(macs.len()).unwrap_or(u32::MAX))
    }

    /// Places taken in all.
    pub fn down_in_all(&self) -> u32 {
        u32::try_from(self.of.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_has_at_most_one_place() {
        let (mut budgets, mac) = (Budgets::default(), Mac::new([1; 6]));
        budgets.take(&"a".into(), mac);
        budgets.take(&"b".into(), mac);
        assert_eq!((budgets.down("a"), budgets.down("b"), budgets.down_in_all()), (0, 1, 1));
        assert_eq!(budgets.release(mac).as_deref(), Some("b"));
        assert_eq!(budgets.release(mac), None);
        assert_eq!(budgets.down_in_all(), 0);
    }
}
