//! What a phone on its way may be offered and told, and what was observed of the part in question.

use std::sync::Arc;

use super::machine::Trip;
use super::state::{Goal, State};
use super::timing::{Serves, Way};
use crate::domain::firmware::{Part, Version};
use crate::domain::phone::Realm;

/// How often one trip shows the phone the document that offers the image.
pub(super) const MOST_OFFERS: u32 = 3;

impl Trip {
    /// The image a document may offer to this phone now: only so many times.
    pub fn offer(&self) -> Option<(&Arc<str>, &str)> {
        self.image().filter(|_| self.seen.offers < MOST_OFFERS)
    }

    /// The image this phone may fetch now: one that it was offered.
    pub fn download(&self) -> Option<(&Arc<str>, &str)> {
        self.image().filter(|_| self.seen.offers > 0)
    }

    /// What the phone is told now when it asks what there is to do; `None`: nothing.
    ///
    /// Only where that is the way it is asked; an image, and what a phone cannot be told twice, only so many times.
    pub fn order(&self) -> Option<&Goal> {
        let may_ask = self.asked_with().is_some_and(|trigger| match trigger.way {
            Way::ContactMe | Way::Poll => true,
            Way::Notify(_) | Way::Web { .. } => false,
        });
        let goal = &self.plan.goal;
        let open = match self.state {
            State::Asked { .. } | State::Accepted { .. } => match goal.fetches() {
                true => self.may_be_told_to_fetch(),
                false => self.seen.orders == 0,
            },
            // The download broke: it asks again at its next turn.
            State::Fetching => goal.fetches() && self.may_be_told_to_fetch(),
            State::Confirming { .. } | State::Away | State::Flashing | State::Back | State::Done { .. } => {
                false
            }
        };
        (may_ask && open).then_some(goal)
    }

    /// The image meant for this phone, only while it runs something else.
    fn image(&self) -> Option<(&Arc<str>, &str)> {
        let (Goal::Update { release, file, target, .. } | Goal::Module { release, file, target }) =
            &self.plan.goal
        else {
            return None;
        };
        let before = self.plan.runs.as_ref().filter(|_| self.is_about_firmware());
        let runs = self.observed().or(before);
        (self.is_served_now() && runs != Some(target)).then_some((release, file))
    }

    /// Whether what the phone asks for is for it now: after its own reboot was seen, or once it was asked where its own
    /// question is the order.
    fn is_served_now(&self) -> bool {
        match self.state {
            State::Away | State::Fetching | State::Flashing | State::Back => true,
            State::Asked { .. } | State::Accepted { .. } => self.plan.serves == Serves::OnceAsked,
            State::Confirming { .. } | State::Done { .. } => false,
        }
    }

    /// What was observed of the part that the trip is about, as the phone told last.
    pub(super) fn observed(&self) -> Option<&Version> {
        match self.plan.goal {
            Goal::Module { .. } => self.seen.module.as_ref(),
            Goal::Update { part: Part::Boot | Part::Radio, .. } => self.seen.code.as_ref(),
            Goal::Update { .. }
            | Goal::Reboot
            | Goal::Resync
            | Goal::Move { .. }
            | Goal::Backup
            | Goal::Write { .. }
            | Goal::Files { .. } => self.seen.version.as_ref(),
        }
    }

    /// Whether what it is to run is its firmware.
    fn is_about_firmware(&self) -> bool {
        matches!(self.plan.goal, Goal::Update { part: Part::Firmware, .. })
    }

    /// The realm whose setting server the phone is to be sent to now.
    pub fn leads_to(&self) -> Option<&Realm> {
        let Goal::Move { realm, .. } = &self.plan.goal else { return None };
        self.is_served_now().then_some(realm)
    }
}
