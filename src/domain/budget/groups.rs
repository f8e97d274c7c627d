//! The groups of phones that coverage protects: who belongs to them, and how many of them are up.
//!
//! Counted once, then kept up phone by phone: what a change costs does not depend on the size of the group.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::fleet::Fleet;
use crate::domain::phone::{LineId, Mac, Phone, Tag};
use crate::domain::policy::{CoverageRule, Group, Policy};
use crate::domain::rules::Rules;

/// A group that a policy names, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The group.
    pub group: Group,
    /// What the policies say of it, all of them together.
    pub rules: Vec<CoverageRule>,
    /// Its phones.
    pub size: u32,
    /// Those of them that have a registered line, are not under way, and are seen.
    pub up: u32,
}

impl Standing {
    /// How many must stay up; `None` where no policy says so.
    pub fn keep(&self) -> Option<u32> {
        let shares = self.rules.iter().filter_map(|rule| match rule {
            CoverageRule::KeepUp(share) => Some(share.of(self.size as usize)),
            CoverageRule::Exclude | CoverageRule::Last => None,
        });
        shares.max().map(|keep| u32::try_from(keep).unwrap_or(u32::MAX))
    }

    /// Whether its phones are never touched.
    pub fn is_excluded(&self) -> bool {
        self.rules.contains(&CoverageRule::Exclude)
    }

    /// Whether its phones go last.
    pub fn goes_last(&self) -> bool {
        self.rules.contains(&CoverageRule::Last)
    }

    /// Whether one of its phones that is up may go.
    pub fn spares_one(&self) -> bool {
        !self.is_excluded() && self.keep().is_none_or(|keep| self.up > keep)
    }
}

/// What is known of one phone that belongs to a group.
#[derive(Debug, Clone, Default)]
struct Member {
    of: Vec<u32>,
    up: bool,
}

/// All groups that policies name.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    all: Vec<Standing>,
    members: HashMap<Mac, Member>,
    by_tag: HashMap<Tag, u32>,
    by_line: HashMap<LineId, Vec<u32>>,
    /// Policies that name groups of which nobody told.
    untold: BTreeMap<Arc<str>, Vec<Group>>,
    /// Which state of the fleet's queues and ring groups this is.
    told: u64,
}

impl Groups {
    /// Counts every group that the rules name. `gone` says who is under way, lost, or not seen by any PBX.
    pub fn read(rules: &Rules, fleet: &Fleet, gone: impl Fn(Mac) -> bool) -> Self {
        let mut groups = Self { told: fleet.groups_told(), ..Self::default() };
        let mut numbers: BTreeMap<Group, usize> = BTreeMap::new();
        for policy in &rules.policies {
            for coverage in &policy.coverage {
                let next = groups.all.len();
                let number = *numbers.entry(coverage.group.clone()).or_insert(next);
                if number == next {
                    let group = coverage.group.clone();
                    groups.all.push(Standing { group, rules: Vec::new(), size: 0, up: 0 });
                }
                groups.all[number].rules.push(coverage.rule);
            }
        }
        for (group, number) in numbers {
            if let Group::Tag(tag) = group {
                groups.by_tag.insert(tag, u32::try_from(number).unwrap_or(u32::MAX));
            }
        }
        if !groups.by_tag.is_empty() {
            for phone in fleet.iter().filter(|phone| !phone.tags.is_empty()) {
                groups.see(phone.mac, Some(phone), &gone);
            }
        }
        groups.hear(rules, fleet, gone);
        groups
    }

    /// Whether no policy names any group.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether the fleet's queues and ring groups are still those that were read.
    pub fn are_of(&self, fleet: &Fleet) -> bool {
        self.told == fleet.groups_told()
    }

    /// Takes in what a phone is now. Returns its groups if anything about them changed by it, and whether it belongs to
    /// others than before.
    pub fn see(
        &mut self,
        mac: Mac,
        phone: Option<&Phone>,
        gone: impl Fn(Mac) -> bool,
    ) -> Option<(Vec<u32>, bool)> {
        if self.all.is_empty() {
            return None;
        }
        let mut of: Vec<u32> = Vec::new();
        if let Some(phone) = phone {
            of.extend(phone.tags.iter().filter_map(|tag| self.by_tag.get(tag)));
            if !self.by_line.is_empty() {
                of.extend(phone.lines.keys().filter_map(|line| self.by_line.get(line)).flatten());
            }
            of.sort_unstable();
            of.dedup();
        }
        let registered = phone.is_some_and(|phone| phone.lines.values().any(|line| line.contact.is_some()));
        let up = registered && !gone(mac);
        if of.is_empty() && !self.members.contains_key(&mac) {
            return None;
        }
        let was = self.members.remove(&mac).unwrap_or_default();
        let moved = was.of != of;
        if !moved && was.up == up {
            self.members.insert(mac, was);
            return None;
        }
        for number in &was.of {
            if let Some(group) = self.all.get_mut(*number as usize) {
                group.size -= 1;
                group.up -= u32::from(was.up);
            }
        }
        for number in &of {
            if let Some(group) = self.all.get_mut(*number as usize) {
                group.size += 1;
                group.up += u32::from(up);
            }
        }
        let mut changed = was.of;
        changed.extend(&of);
        if !of.is_empty() {
            self.members.insert(mac, Member { of, up });
        }
        Some((changed, moved))
    }

    /// The groups of a phone by their numbers.
    pub fn numbers_of(&self, mac: Mac) -> &[u32] {
        self.members.get(&mac).map_or(&[], |member| &member.of)
    }

    /// The groups of a phone.
    pub fn of(&self, mac: Mac) -> impl Iterator<Item = &Standing> {
        self.numbers_of(mac).iter().filter_map(|number| self.get(*number))
    }

    /// Takes in queues and ring groups as the PBXs tell them now. Returns the phones that belong to other groups than
    /// before.
    pub fn hear(&mut self, rules: &Rules, fleet: &Fleet, gone: impl Fn(Mac) -> bool) -> Vec<Mac> {
        self.told = fleet.groups_told();
        self.untold.clear();
        let mut by_line: HashMap<LineId, Vec<u32>> = HashMap::new();
        for (number, standing) in (0..).zip(&self.all) {
            let group = &standing.group;
            match (group, fleet.lines_of(group)) {
                (Group::Tag(_), _) => {}
                (Group::Queue(_) | Group::RingGroup(_), Some(lines)) => {
                    for line in lines {
                        by_line.entry(line.clone()).or_default().push(number);
                    }
                }
                (Group::Queue(_) | Group::RingGroup(_), None) => {
                    let names = |policy: &&Policy| policy.coverage.iter().any(|c| c.group == *group);
                    for policy in rules.policies.iter().filter(names) {
                        self.untold.entry(policy.name.clone()).or_default().push(group.clone());
                    }
                }
            }
        }
        let before = std::mem::replace(&mut self.by_line, by_line);
        let lines: BTreeSet<&LineId> = before.keys().chain(self.by_line.keys()).collect();
        let changed = lines.into_iter().filter(|line| before.get(*line) != self.by_line.get(*line));
        let macs: BTreeSet<Mac> = changed.filter_map(|line| fleet.by_line(line)).collect();
        let moved =
            |groups: &mut Self, mac: Mac| groups.see(mac, fleet.get(mac), &gone).is_some_and(|(_, m)| m);
        macs.into_iter().filter(|mac| moved(self, *mac)).collect()
    }

    /// Whether the phone counts as up.
    pub fn is_up(&self, mac: Mac) -> bool {
        self.members.get(&mac).is_some_and(|member| member.up)
    }

    /// A group by its number.
    pub fn get(&self, number: u32) -> Option<&Standing> {
        self.all.get(number as usize)
    }

    /// All groups, and how they stand.
    pub fn iter(&self) -> impl Iterator<Item = &Standing> {
        self.all.iter()
    }

    /// Groups that this policy names and of which nobody told.
    pub fn untold(&self, policy: &str) -> &[Group] {
        self.untold.get(policy).map_or(&[], Vec::as_slice)
    }

    /// Whether a policy has phones go last.
    pub fn have_last(&self) -> bool {
        self.all.iter().any(Standing::goes_last)
    }
}
