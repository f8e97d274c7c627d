//! What PBXs tell of queues, ring groups, agents and do-not-disturb.

use std::collections::{BTreeMap, BTreeSet};

use super::Fleet;
use crate::domain::phone::{Line, LineId, Mac, PbxName};
use crate::domain::policy::Group;

impl Fleet {
    /// All queues and ring groups of a PBX; what is missing here is not there. Gives the phones of groups that are not
    /// what they were: those that left, those that came, and those that stayed.
    pub fn set_groups(&mut self, pbx: &PbxName, groups: Vec<(Group, Vec<LineId>)>) -> BTreeSet<Mac> {
        let mut now: BTreeMap<Group, BTreeSet<LineId>> = BTreeMap::new();
        for (group, lines) in groups {
            now.entry(group).or_default().extend(lines);
        }
        let before = self.groups.insert(pbx.clone(), now).unwrap_or_default();
        let Some(now) = self.groups.get(pbx) else { return BTreeSet::new() };
        if before != *now {
            self.groups_told += 1;
        }
        let gone = before.iter().filter(|(group, _)| !now.contains_key(group));
        let other = now.iter().filter(|(group, lines)| before.get(group) != Some(lines));
        let left = other.clone().filter_map(|(group, _)| before.get(group));
        let lines = gone.chain(other).map(|(_, lines)| lines).chain(left).flatten();
        lines.filter_map(|line| self.by_line(line)).collect()
    }

    /// A number that changes whenever a PBX tells of other queues, ring groups or members than before.
    pub fn groups_told(&self) -> u64 {
        self.groups_told
    }

    /// The lines of a queue or a ring group; `None` when no PBX told of it.
    pub fn lines_of<'a>(&'a self, group: &'a Group) -> Option<impl Iterator<Item = &'a LineId>> {
        let mut told = self.groups.values().filter_map(move |groups| groups.get(group)).peekable();
        told.peek()?;
        Some(told.flatten())
    }

    /// The phones of a queue or a ring group; `None` when no PBX told of it.
    pub fn members(&self, group: &Group) -> Option<BTreeSet<Mac>> {
        Some(self.lines_of(group)?.filter_map(|line| self.by_line(line)).collect())
    }

    /// All lines of a PBX with an agent who takes calls of a queue, or `None` when it cannot tell. Gives the phones for
    /// which that changed.
    pub fn set_agents(&mut self, pbx: &PbxName, lines: Option<Vec<LineId>>) -> BTreeSet<Mac> {
        let now = lines.map(BTreeSet::from_iter);
        let before = replace(&mut self.agents, pbx, now.clone());
        self.mark(pbx, before, now, |line| &mut line.agent_logged_in)
    }

    /// All lines of a PBX with do-not-disturb, or `None` when it cannot tell. Gives the phones for which that changed.
    pub fn set_do_not_disturb(&mut self, pbx: &PbxName, lines: Option<Vec<LineId>>) -> BTreeSet<Mac> {
        let now = lines.map(BTreeSet::from_iter);
        let before = replace(&mut self.silent, pbx, now.clone());
        self.mark(pbx, before, now, |line| &mut line.do_not_disturb)
    }

    /// Do-not-disturb was set on one line, or taken back; gives its phone. Means nothing while the PBX has not told of
    /// all its lines.
    pub fn do_not_disturb(&mut self, line: &LineId, set: bool) -> Option<Mac> {
        let silent = self.silent.get_mut(&line.pbx)?;
        if set {
            silent.insert(line.clone());
        } else {
            silent.remove(line);
        }
        let mac = self.by_line(line)?;
        self.phones.get_mut(&mac)?.lines.get_mut(line)?.do_not_disturb = Some(set);
        Some(mac)
    }

    /// Tells a line that has just been bound to a phone what its PBX said of it before.
    pub(super) fn recall(&mut self, mac: Mac, line: &LineId) {
        let (agents, silent) = (self.agents.get(&line.pbx), self.silent.get(&line.pbx));
        let (agent, silent) =
            (agents.map(|lines| lines.contains(line)), silent.map(|lines| lines.contains(line)));
        if let Some(slot) = self.phones.get_mut(&mac).and_then(|phone| phone.lines.get_mut(line)) {
            slot.agent_logged_in = agent;
            slot.do_not_disturb = silent;
        }
    }

    /// Puts down for each line of a PBX whether it is listed now; `field` is where.
    fn mark(
        &mut self,
        pbx: &PbxName,
        before: Option<BTreeSet<LineId>>,
        now: Option<BTreeSet<LineId>>,
        field: fn(&mut Line) -> &mut Option<bool>,
    ) -> BTreeSet<Mac> {
        let mut changed = BTreeSet::new();
        if let (Some(before), Some(now)) = (&before, &now) {
            // Only what differs: a large fleet is not walked through for one agent.
            for line in before.symmetric_difference(now) {
                let Some(mac) = self.by_line(line) else { continue };
                if let Some(slot) = self.phones.get_mut(&mac).and_then(|phone| phone.lines.get_mut(line)) {
                    *field(slot) = Some(now.contains(line));
                    changed.insert(mac);
                }
            }
            return changed;
        }
        for phone in self.phones.values_mut() {
            for (id, line) in phone.lines.iter_mut().filter(|(id, _)| id.pbx == *pbx) {
                let told = now.as_ref().map(|now| now.contains(id));
                if std::mem::replace(field(line), told) != told {
                    changed.insert(phone.mac);
                }
            }
        }
        changed
    }
}

/// Puts down what a PBX told, or that it cannot tell; gives what it told before.
fn replace(
    told: &mut BTreeMap<PbxName, BTreeSet<LineId>>,
    pbx: &PbxName,
    now: Option<BTreeSet<LineId>>,
) -> Option<BTreeSet<LineId>> {
    match now {
        Some(lines) => told.insert(pbx.clone(), lines),
        None => told.remove(pbx),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::domain::phone::{Contact, KnownBy, Phone};

    fn pbx() -> PbxName {
        PbxName::new("pbx1")
    }

    fn line(n: u8) -> LineId {
        LineId { pbx: pbx(), user: format!("{}", 1000 + u16::from(n)).into() }
    }

    fn mac(n: u8) -> Mac {
        Mac::new([0, 4, 0x13, 0, 0, n])
    }

    fn phone(n: u8) -> Phone {
        let mut phone = Phone::new(mac(n), KnownBy::Inventory);
        phone.lines.insert(line(n), Line::UNSEEN);
        phone
    }

    fn fleet(phones: u8) -> Fleet {
        let mut fleet = Fleet::default();
        fleet.watch(pbx(), TimeDelta::seconds(30));
        (1..=phones).for_each(|n| fleet.introduce(phone(n)));
        fleet
    }

    fn queue(name: &str) -> Group {
        Group::Queue(name.into())
    }

    fn set<const N: usize>(numbers: [u8; N]) -> BTreeSet<Mac> {
        numbers.map(mac).into()
    }

    #[test]
    fn only_phones_of_groups_that_changed_are_given() {
        let mut fleet = fleet(6);
        let told = |support: &[u8]| {
            let lines = support.iter().map(|n| line(*n)).collect();
            vec![(queue("support"), lines), (queue("sales"), vec![line(5)]), (queue("empty"), vec![])]
        };
        assert_eq!(fleet.members(&queue("support")), None, "nobody told of it");
        assert_eq!(fleet.set_groups(&pbx(), told(&[1, 2])), set([1, 2, 5]));
        assert_eq!(fleet.set_groups(&pbx(), told(&[1, 2])), set([]));
        assert_eq!(fleet.set_groups(&pbx(), told(&[2, 3, 9])), set([1, 2, 3]));
        assert_eq!(fleet.members(&queue("support")), Some(set([2, 3])), "1009 is no phone of ours");
        assert_eq!(fleet.members(&queue("empty")), Some(set([])));
        assert_eq!(fleet.set_groups(&pbx(), vec![]), set([2, 3, 5]));
        assert_eq!(fleet.members(&queue("sales")), None);
    }

    #[test]
    fn agents_and_do_not_disturb_are_told_and_forgotten_with_the_view() {
        let mut fleet = fleet(3);
        let of = |fleet: &Fleet, n: u8| {
            let lines = &fleet.get(mac(n)).unwrap().lines;
            let slot = lines.get(&line(n)).unwrap();
            (slot.agent_logged_in, slot.do_not_disturb)
        };
        assert_eq!(fleet.do_not_disturb(&line(1), true), None, "the whole list has not come yet");
        assert_eq!(of(&fleet, 1), (None, None));
        assert_eq!(fleet.set_agents(&pbx(), Some(vec![line(1)])), set([1, 2, 3]));
        assert_eq!(fleet.set_do_not_disturb(&pbx(), Some(vec![])), set([1, 2, 3]));
        assert_eq!(of(&fleet, 1), (Some(true), Some(false)));
        assert_eq!(fleet.set_agents(&pbx(), Some(vec![line(2)])), set([1, 2]));
        assert_eq!(fleet.do_not_disturb(&line(3), true), Some(mac(3)));
        assert_eq!(
            (of(&fleet, 1).0, of(&fleet, 2).0, of(&fleet, 3).1),
            (Some(false), Some(true), Some(true))
        );

        fleet.introduce(phone(9));
        assert_eq!(of(&fleet, 9), (Some(false), Some(false)), "a phone that came later");
        assert_eq!(fleet.set_agents(&pbx(), None), set([1, 2, 3, 9]));
        assert_eq!(of(&fleet, 2).0, None);
        fleet.lost(&pbx());
        assert_eq!(of(&fleet, 3), (None, None));
    }

    #[test]
    fn a_line_that_is_bound_later_is_told_of_its_agent() {
        let mut fleet = fleet(0);
        fleet.set_agents(&pbx(), Some(vec![line(1)]));
        let contact = Contact {
            uri: "sip:1001@10.0.0.1".into(),
            source: Some("10.0.0.1:5060".parse().unwrap()),
            call_id: None,
            user_agent: None,
            expires: None,
        };
        fleet.picture(&pbx(), vec![(line(1), contact)], vec![], DateTime::UNIX_EPOCH);
        fleet.introduce(Phone::new(mac(1), KnownBy::BootRequest));
        assert_eq!(fleet.bind_by_source(mac(1), "10.0.0.1".parse().unwrap()), [line(1)]);
        let slot = fleet.get(mac(1)).unwrap().lines.get(&line(1)).unwrap();
        assert_eq!((slot.agent_logged_in, slot.do_not_disturb), (Some(true), None));
    }
}
