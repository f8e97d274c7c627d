//! When a list that costs Asterisk something is read again.

use std::time::Duration;

use tokio::time::Instant;

/// Events that arrive close together cause one reading.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// A list is not read for more than one part in five of the time: a whole fleet that registers anew raises an event a
/// phone, and each reading costs Asterisk something.
const READING_SHARE: u32 = 4;

/// The readings of one list.
pub(super) struct Reading {
    /// When it is to be read again.
    due: Option<Instant>,
    /// When the reading under way began.
    since: Option<Instant>,
    /// When the next one may begin.
    rest_until: Instant,
}

impl Reading {
    /// None is under way, and none is due.
    pub(super) fn at_rest(now: Instant) -> Self {
        Self { due: None, since: None, rest_until: now }
    }

    /// What is known of the list has become old.
    pub(super) fn stale(&mut self) {
        let soon = (Instant::now() + DEBOUNCE).max(self.rest_until);
        self.due.get_or_insert(soon);
    }

    /// Somebody waits for the next reading.
    pub(super) fn at_once(&mut self) {
        self.due = Some(Instant::now());
    }

    /// Whether a reading is under way.
    pub(super) fn is_open(&self) -> bool {
        self.since.is_some()
    }

    /// When the next reading is due; nothing while one is under way.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.is_open())
    }

    /// A reading begins.
    pub(super) fn begin(&mut self) {
        self.due = None;
        self.since = Some(Instant::now());
    }

    /// The reading is over.
    pub(super) fn end(&mut self) {
        let now = Instant::now();
        let took = self.since.take().map_or(Duration::ZERO, |since| now - since);
        self.rest_until = now + took * READING_SHARE;
    }
}
