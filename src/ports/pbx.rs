//! What PBXs tell of their lines, and what they can be asked.

use futures_util::future::BoxFuture;

use super::sip::{NotifyOrder, NotifyOutcome};
use crate::domain::phone::{CallState, Contact, LineId, PbxName};
use crate::domain::policy::Group;

/// All a PBX knows at one instant, complete: what is missing here is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// Registered contacts, each with its line. A line may have several.
    pub contacts: Vec<(LineId, Contact)>,
    /// What each line is doing. A line that is not listed is unknown.
    pub calls: Vec<(LineId, CallState)>,
    /// Its queues, ring groups and agents.
    pub groups: Groups,
    /// Lines on which do-not-disturb is set; `None` when the PBX cannot tell.
    pub do_not_disturb: Option<Vec<LineId>>,
}

/// The queues, ring groups and agents of a PBX at one instant, complete: what is missing here is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    /// Each group with its lines.
    pub members: Vec<(Group, Vec<LineId>)>,
    /// Lines with an agent who takes calls of a queue; `None` when the PBX cannot tell.
    pub agents: Option<Vec<LineId>>,
}

/// What a PBX adapter tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PbxNews {
    /// The whole picture, after connecting and at each reconciliation.
    Picture(Picture),
    /// All contacts of one line, read anew.
    Contacts(LineId, Vec<Contact>),
    /// One line changed what it is doing.
    Calls(LineId, CallState),
    /// Its queues, ring groups and agents, read anew and not what they were.
    Groups(Groups),
    /// Do-not-disturb was set on a line, or taken back.
    DoNotDisturb(LineId, bool),
    /// The PBX answered just now: what is known is fresh.
    Fresh,
    /// The connection is gone; the adapter is trying to get it back.
    Lost {
        /// Why, for people; no secrets.
        why: String,
    },
}

/// News with its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PbxEvent {
    /// Which PBX.
    pub pbx: PbxName,
    /// What it tells.
    pub news: PbxNews,
}

/// What a PBX says of one line at the moment it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineNow {
    /// What it is doing.
    pub calls: CallState,
    /// Whether an agent is logged in to a queue there; `None` when the PBX cannot tell.
    pub agent_logged_in: Option<bool>,
    /// Whether do-not-disturb is set; `None` when the PBX cannot tell.
    pub do_not_disturb: Option<bool>,
}

/// The PBX could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pbx} cannot tell: {why}")]
pub struct PbxSilent {
    /// Which PBX.
    pub pbx: PbxName,
    /// Why, for people.
    pub why: String,
}

/// One PBX that can be asked. Its adapter also sends [`PbxEvent`]s on its own.
pub trait Pbx: Send + Sync {
    /// Its name in `sipherd.toml`.
    fn name(&self) -> &PbxName;

    /// What these lines are doing at this very moment, asked anew; one answer a line, in the same order.
    fn confirm(&self, lines: Vec<LineId>) -> BoxFuture<'static, Result<Vec<LineNow>, PbxSilent>>;

    /// Read all contacts again soon: a phone is awaited back, and one that returns with the same Contact raises no
    /// event on Asterisk.
    fn refresh(&self);

    /// Have the PBX itself send the NOTIFY to this one contact (never to an endpoint).
    fn notify_through(&self, order: NotifyOrder) -> BoxFuture<'static, NotifyOutcome>;
}
