//! One phone on its way at the usual pace: which step comes next, and when.

use chrono::{DateTime, Utc};

use super::usual::Usual;
use crate::domain::phone::{Contact, LineId};
use crate::domain::trip::{Goal, Serves, State, Trip};

/// What a phone, or whoever watches it, does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The last look has its answers.
    Look,
    /// It accepts the NOTIFY.
    Accept,
    /// It goes down.
    Leave,
    /// It asks for its settings, is offered the image and begins to fetch it.
    Fetch,
    /// It has the last byte.
    Deliver,
    /// It asks for its settings without a boot.
    AskSettings,
    /// All its lines register again.
    Return,
    /// It hands in its configuration.
    HandIn,
    /// It tells its settings, is told what they are to be, and tells them again.
    TellItems,
    /// It begins to fetch its files, which are no images.
    FetchFiles,
    /// It has the last one.
    DeliverFiles,
    /// It tells what its expansion module runs.
    TellModule,
    /// Nothing is left to happen but the deadline.
    Expire,
}

/// A trip under way in virtual time.
#[derive(Debug, Clone)]
pub(super) struct Journey {
    pub trip: Trip,
    pub usual: Usual,
    /// Boots of a whole update.
    pub boots: u8,
    /// Where it was registered before it left.
    pub contacts: Vec<(LineId, Contact)>,
    /// It took the order in a call, and goes when that has ended.
    pub waits: bool,
    /// It stands in the list of those that go here.
    pub index: usize,
    /// When its next step is due.
    pub due: Option<DateTime<Utc>>,
}

impl Journey {
    /// The next step and its instant, counted from the state the trip is in; `None` when it is over.
    pub fn next(&self) -> Option<(DateTime<Utc>, Step)> {
        let (usual, since) = (&self.usual, self.trip.since());
        Some(match self.trip.state() {
            State::Confirming { .. } => (since + usual.look, Step::Look),
            State::Asked { .. } => (since, Step::Accept),
            State::Accepted { .. } if self.trip.plan().goal == Goal::Resync => {
                (since + usual.leave, Step::AskSettings)
            }
            State::Accepted { .. } if self.trip.plan().goal == Goal::Backup => {
                (since + usual.leave, Step::HandIn)
            }
            State::Accepted { .. } if matches!(self.trip.plan().goal, Goal::Write { .. }) => {
                let at = if self.waits { self.trip.deadline()? } else { since + usual.leave };
                (at, Step::TellItems)
            }
            State::Accepted { .. } if self.is_about_files() => (since + usual.leave, Step::FetchFiles),
            State::Accepted { .. } if self.wants_image() => (since + usual.leave, Step::Fetch),
            State::Accepted { .. } if self.waits => (self.trip.deadline()?, Step::Leave),
            State::Accepted { .. } => (since + usual.leave, Step::Leave),
            State::Away | State::Back if self.wants_image() => (since + usual.boot, Step::Fetch),
            State::Away => (since + usual.boot, Step::Return),
            State::Back => (self.trip.deadline()?, Step::Expire),
            State::Fetching if self.is_about_files() => (since + usual.fetch, Step::DeliverFiles),
            State::Fetching => (since + usual.fetch, Step::Deliver),
            // It fetches the image for its module once it is back; only then the module is written.
            State::Flashing if matches!(self.trip.plan().goal, Goal::Module { .. }) => {
                if self.trip.is_gone() {
                    (since, Step::Return)
                } else {
                    (since + usual.flash, Step::TellModule)
                }
            }
            // It downloaded first, and goes down when nobody uses it.
            State::Flashing if self.waits => (self.trip.deadline()?, Step::Leave),
            State::Flashing if self.downloads_first() => (since + usual.flash, Step::Leave),
            State::Flashing => {
                let boots = i32::from(self.boots.saturating_sub(1).max(1));
                (since + usual.flash + usual.boot * boots, Step::Return)
            }
            State::Done { .. } => return None,
        })
    }

    /// Whether the phone downloads before it reboots.
    pub fn downloads_first(&self) -> bool {
        self.trip.plan().serves == Serves::OnceAsked
    }

    fn is_about_files(&self) -> bool {
        matches!(self.trip.plan().goal, Goal::Files { .. })
    }

    fn wants_image(&self) -> bool {
        self.trip.plan().goal.has_image() && !self.trip.has_fetched() && self.trip.offer().is_some()
    }
}
