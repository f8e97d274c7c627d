//! The queues of `app_queue`: which phones they ring, and at which of them an agent is logged in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hints::{Endpoints, Hints};
use super::picture::Incomplete;
use super::wire::Block;

/// All queues with their members.
#[derive(Debug, Clone, Default)]
pub(super) struct Queues(BTreeMap<Arc<str>, Vec<Member>>);

#[derive(Debug, Clone)]
struct Member {
    /// What the queue dials, and the device it looks at to see whether the agent is busy; often the same.
    interface: String,
    state_interface: String,
    paused: bool,
}

impl Queues {
    /// The queues in the items of `QueueStatus`; callers who wait in them are of no interest.
    pub(super) fn read(items: &[Block]) -> Result<Self, Incomplete> {
        let mut queues: BTreeMap<Arc<str>, Vec<Member>> = BTreeMap::new();
        for item in items {
            let is_member = match item.event() {
                Some("QueueParams") => false,
                Some("QueueMember") => true,
                _ => continue,
            };
            let text = |key| item.filled(key).ok_or(Incomplete { what: "queue or its member", key });
            let members = queues.entry(text("Queue")?.into()).or_default();
            if is_member {
                members.push(Member {
                    interface: text("Location")?.to_owned(),
                    state_interface: item.get("StateInterface").unwrap_or_default().to_owned(),
                    paused: text("Paused")? == "1",
                });
            }
        }
        Ok(Self(queues))
    }

    /// Each queue with the phones it rings, paused ones too: they are its phones all the same.
    pub(super) fn phones(&self, hints: &Hints) -> BTreeMap<Arc<str>, Endpoints> {
        let all = |members: &Vec<Member>| members.iter().flat_map(|member| member.phones(hints)).collect();
        self.0.iter().map(|(queue, members)| (queue.clone(), all(members))).collect()
    }

    /// The phones with an agent: members of a queue, dynamic or static, that are not paused in it.
    pub(super) fn agents(&self, hints: &Hints) -> Endpoints {
        let ready = self.0.values().flatten().filter(|member| !member.paused);
        ready.flat_map(|member| member.phones(hints)).collect()
    }
}

impl Member {
    fn phones(&self, hints: &Hints) -> Endpoints {
        let by_state = hints.phones_of(&self.state_interface);
        if by_state.is_empty() { hints.phones_of(&self.interface) } else { by_state }
    }
}
