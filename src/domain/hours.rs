//! What calendars say, already worked out in one pass: in one zone it is the same for all phones of a policy.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::policy::{BlackoutState, Calendar, Margin, Opening, WindowState};

/// A calendar by its place in memory, what is asked of it, and the zone.
type Answers<Q, A> = RefCell<HashMap<(*const Calendar, Q, Tz), A>>;

/// The answers so far. It borrows the calendars, so that none of them changes or moves meanwhile.
#[derive(Debug, Default)]
pub struct Hours<'a> {
    windows: Answers<DateTime<Utc>, WindowState>,
    blackouts: Answers<DateTime<Utc>, BlackoutState>,
    margins: Answers<Opening, Margin>,
    calendars: PhantomData<&'a Calendar>,
}

impl<'a> Hours<'a> {
    /// What [`Calendar::at`] says.
    pub fn at(&self, calendar: &'a Calendar, at: DateTime<Utc>, zone: Tz) -> WindowState {
        once(&self.windows, calendar, at, zone, || calendar.at(at, zone))
    }

    /// What [`Calendar::blackout_at`] says.
    pub fn blackout_at(&self, calendar: &'a Calendar, at: DateTime<Utc>, zone: Tz) -> BlackoutState {
        once(&self.blackouts, calendar, at, zone, || calendar.blackout_at(at, zone))
    }

    /// What [`Calendar::margin`] says.
    pub fn margin(&self, calendar: &'a Calendar, opening: Opening, zone: Tz) -> Margin {
        once(&self.margins, calendar, opening, zone, || calendar.margin(opening, zone))
    }
}

/// The answer that is known, else the one that is worked out now.
fn once<Q: Eq + Hash, A: Copy>(
    known: &Answers<Q, A>,
    calendar: &Calendar,
    question: Q,
    zone: Tz,
    answer: impl FnOnce() -> A,
) -> A {
    let question = (std::ptr::from_ref(calendar), question, zone);
    *known.borrow_mut().entry(question).or_insert_with(answer)
}
