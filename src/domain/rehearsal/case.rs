//! The words of a case: its phones, what happens to them, and what is expected.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::because::Because;
use crate::domain::firmware::Version;
use crate::domain::phone::{CallState, Phone};
use crate::domain::policy::Group;
use crate::domain::rules::Rules;
use crate::domain::trip::Failure;

/// One `[[test]]`.
#[derive(Clone)]
pub struct Case {
    /// Its name.
    pub name: Arc<str>,
    /// The policies in force, with the images its author gives or that were made up of the releases' names.
    pub rules: Rules,
    /// The phones; never empty.
    pub players: Vec<Player>,
    /// What happens, in the order of time.
    pub steps: Vec<Step>,
}

/// A phone of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Player {
    /// What its author calls it.
    pub name: Arc<str>,
    /// What is known of it; its lines are there, but nothing has been seen of them.
    pub phone: Phone,
    /// Where its lines are registered from.
    pub address: IpAddr,
    /// The queues and ring groups its lines are in.
    pub groups: Vec<Group>,
}

/// What happens at an instant, and what must be decided then.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When.
    pub at: DateTime<Utc>,
    /// The phone it is about, by its place in [`Case::players`].
    pub player: usize,
    /// What changes; all else stays as it was.
    pub news: News,
    /// What must be decided.
    pub expect: Expect,
}

/// What changes at an instant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct News {
    /// The line that the calls, the agent and do-not-disturb are about; `None` means every line of the phone.
    pub line: Option<Arc<str>>,
    /// What the lines do from now on.
    pub doing: Option<Doing>,
    /// The lines are idle, and have been for so long.
    pub quiet: Option<TimeDelta>,
    /// Whether an agent is logged in to a queue; `Some(None)` when nobody tells.
    pub agent: Option<Option<bool>>,
    /// Whether do-not-disturb is set; `Some(None)` when nobody tells.
    pub do_not_disturb: Option<Option<bool>>,
    /// What the phone's PBXs tell from now on.
    pub view: Option<ViewNews>,
    /// A trip of the phone ended at this instant.
    pub ended: Option<Ending>,
    /// Which attempt that was; without it the next one.
    pub attempt: Option<u32>,
    /// `false`: it was lost and is seen again.
    pub lost: Option<bool>,
    /// Whether it is on a trip.
    pub under_way: Option<bool>,
    /// So many other phones like it are on a trip.
    pub down: Option<u32>,
    /// What it is seen to run.
    pub version: Option<Version>,
    /// It is seen to boot.
    pub booted: bool,
}

/// What a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It is registered, and the PBX says this of its calls.
    Calls(CallState),
    /// It is not registered.
    Unregistered,
}

/// What a PBX tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ViewNews {
    /// It answers.
    #[default]
    Fresh,
    /// It has not answered for longer than a view may be old; what it told last still stands.
    Silent,
    /// The connection to it is gone.
    Gone,
}

/// How a trip ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It failed so.
    Failed(Failure),
    /// It rebooted and came back.
    Rebooted,
}

/// What must be decided; without anything, the step only tells what happens.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expect {
    /// The decision.
    pub answer: Option<Answer>,
    /// Reasons that must be among those that hold the phone.
    pub because: Vec<Because>,
    /// The policy that must decide.
    pub by_policy: Option<Arc<str>>,
    /// Of all phones of the case exactly so many must be let go by one pass of the scheduler.
    pub goes: Option<usize>,
}

/// What is decided about one phone. The first that holds, in this order: not selected, done, go, hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It may go.
    Go,
    /// It is held.
    Hold,
    /// There is nothing left to do.
    Done,
    /// No policy speaks of it.
    NotSelected,
}

impl Answer {
    /// All answers.
    pub const ALL: [Self; 4] = [Self::Go, Self::Hold, Self::Done, Self::NotSelected];

    /// Its name in a policy file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Hold => "hold",
            Self::Done => "done",
            Self::NotSelected => "not-selected",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Expect {
    /// Whether anything is expected.
    pub fn is_empty(&self) -> bool {
        self.answer.is_none() && self.because.is_empty() && self.by_policy.is_none() && self.goes.is_none()
    }
}
