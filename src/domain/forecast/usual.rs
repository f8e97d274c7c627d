//! How long each step of a trip usually takes. Estimates: they say when a phone would be back, never whether it failed.

use chrono::TimeDelta;

use crate::domain::trip::Timing;

/// What a phone of one kind usually needs; deadlines are upper bounds, and several times as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// The last look: from the question to the answers of PBX and phone.
    pub look: TimeDelta,
    /// From the NOTIFY's acceptance to the first sign of leaving.
    pub leave: TimeDelta,
    /// One boot: from leaving to the first request or REGISTER.
    pub boot: TimeDelta,
    /// From the first byte of an image to the last.
    pub fetch: TimeDelta,
    /// From the last byte of an image to the boot that follows.
    pub flash: TimeDelta,
}

/// What the last look usually takes: one round trip to the PBX, one to the phone.
const LOOK: TimeDelta = TimeDelta::seconds(1);

impl Usual {
    /// Estimates for a kind of which nobody wrote any: parts of its deadlines.
    pub fn of(timing: &Timing) -> Self {
        Self {
            look: LOOK,
            leave: TimeDelta::seconds(2),
            boot: timing.boot / 3,
            fetch: timing.fetch / 6,
            flash: timing.flash / 3,
        }
        .within(timing)
    }

    /// With a step's estimate no longer than half its deadline: a phone whose administrator allows it less is taken to
    /// keep that.
    pub fn within(self, timing: &Timing) -> Self {
        Self {
            look: self.look.min(timing.answer / 2),
            leave: self.leave.min(timing.leave / 2),
            boot: self.boot.min(timing.boot / 2),
            fetch: self.fetch.min(timing.fetch / 2),
            flash: self.flash.min(timing.flash / 2),
        }
    }

    /// A whole trip, from the last look to the last registration.
    pub fn whole_trip(&self, boots: u8, with_image: bool) -> TimeDelta {
        let image = if with_image { self.fetch + self.flash } else { TimeDelta::zero() };
        self.look + self.leave + self.boot * i32::from(boots) + image
    }
}
