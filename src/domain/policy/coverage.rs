//! Groups of phones of which some stay up, whoever wants to reboot them.

use std::sync::Arc;

use crate::domain::phone::Tag;

/// A `[[coverage]]` of a policy. It protects its group from every policy and every job, not from its own alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Who belongs to the group.
    pub group: Group,
    /// What holds for the group.
    pub rule: CoverageRule,
}

/// Who belongs to a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Phones with this tag.
    Tag(Tag),
    /// Phones with a line that is a member of this queue of the PBX.
    Queue(Arc<str>),
    /// Phones with a line that this ring group of the PBX rings.
    RingGroup(Arc<str>),
}

/// What holds for a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoverageRule {
    /// So many stay up. A phone is up that has a registered line, is not under way, and is seen by a PBX.
    KeepUp(Share),
    /// None of them is ever touched.
    Exclude,
    /// They go when no other phone of their policy waits for a place or is under way.
    Last,
}

/// A number, or a part of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Count(u32),
    /// So many of a hundred, rounded up.
    Percent(u8),
    /// All but so many: with 1, no two are down together.
    AllBut(u32),
}

impl Share {
    /// How many of a group of this size that is.
    pub fn of(self, size: usize) -> usize {
        match self {
            Self::Count(n) => n as usize,
            Self::Percent(percent) => (size * usize::from(percent)).div_ceil(100),
            Self::AllBut(n) => size.saturating_sub(n as usize),
        }
    }
}
