//! What a forecast begins with: the scheduler, the fleet, and the calls to come.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::fleet::Fleet;
use crate::domain::phone::LineId;
use crate::domain::scheduler::Scheduler;
use crate::domain::trip::Trip;

/// A line is busy from one instant up to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The line.
    pub line: LineId,
    /// The first instant at which it rings, or is dialled from.
    pub from: DateTime<Utc>,
    /// The first instant at which it is quiet again.
    pub until: DateTime<Utc>,
}

/// What a forecast begins with.
pub struct Setting<'c> {
    /// The scheduler, with its places, jobs and memories; phones nobody touched are not judged before they are due.
    pub scheduler: Scheduler,
    /// The fleet as it is seen. Views that are fresh stay so; what is stale, unregistered or unknown stays as it is.
    pub fleet: Fleet,
    /// Trips under way.
    pub under_way: Vec<Trip>,
    /// All calls to come, in the order of their beginnings.
    pub calls: Box<dyn Iterator<Item = Call> + Send + 'c>,
    /// Calls that are seen now end after this time; `None` takes them to last for ever.
    pub calls_last: Option<TimeDelta>,
    /// The first instant.
    pub from: DateTime<Utc>,
    /// The last instant.
    pub until: DateTime<Utc>,
}
