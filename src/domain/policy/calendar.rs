//! All windows of a policy together: open now, or when next.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::window::{Opening, Opens, Window};

/// Merging goes no further than this from the instant asked about; windows that follow each other for longer never
/// close as far as anybody cares.
const HORIZON: TimeDelta = TimeDelta::days(35);

/// The next opening is looked for this many days ahead: 29 February on one weekday comes within 40 years, even
/// around 2100.
const SEARCH_DAYS: u64 = 40 * 366;

/// The windows of a policy; none means never.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calendar {
    /// The windows; overlaps merge.
    pub windows: Vec<Window>,
}

/// Whether a calendar is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    /// Open: this merged opening holds the instant asked for.
    Open(Opening),
    /// Closed until this opening; `None` when there will be none.
    Closed(Option<Opening>),
}

impl Calendar {
    /// Whether the calendar is open at `now`, for a phone whose own zone (its site's, else the daemon's) is `zone`.
    ///
    /// Only the days around `now` are looked at.
    pub fn at(&self, now: DateTime<Utc>, zone: Tz) -> WindowState {
        match self.merged(now, zone) {
            Some(opening) => WindowState::Open(opening),
            None => {
                let next = self.windows.iter().filter_map(|window| window.next_start(now, zone)).min();
                WindowState::Closed(next.and_then(|start| self.merged(start, zone)))
            }
        }
    }

    /// The next `n` merged openings that end after `from`, in order; the first may be open already.
    pub fn openings(&self, from: DateTime<Utc>, zone: Tz, n: usize) -> Vec<Opening> {
        let mut openings: Vec<Opening> = Vec::new();
        let mut at = from;
        while openings.len() < n {
            let (WindowState::Open(next) | WindowState::Closed(Some(next))) = self.at(at, zone) else {
                break;
            };
            match openings.last_mut() {
                // Only a calendar that never closes continues where it ended.
                Some(last) if last.end >= next.start => break,
                _ => openings.push(next),
            }
            at = next.end;
        }
        openings
    }

    /// Whether the windows follow each other without a pause for longer than anybody waits.
    pub fn never_closes(&self, now: DateTime<Utc>, zone: Tz) -> bool {
        matches!(self.at(now, zone), WindowState::Open(opening) if opening.end - now > HORIZON)
    }

    /// The union of all openings that hold `now` or touch one that does.
    fn merged(&self, now: DateTime<Utc>, zone: Tz) -> Option<Opening> {
        let mut whole: Option<Opening> = None;
        self.around(now, zone, |opening| {
            if opening.contains(now) {
                let whole = whole.get_or_insert(opening);
                whole.start = whole.start.min(opening.start);
                whole.end = whole.end.max(opening.end);
            }
        });
        let mut whole = whole?;
        loop {
            let before = whole;
            if now - whole.start <= HORIZON {
                self.around(before.start, zone, |opening| {
                    if opening.start < whole.start && opening.end >= whole.start {
                        whole.start = opening.start;
                    }
                });
            }
            if whole.end - now <= HORIZON {
                self.around(before.end, zone, |opening| {
                    if opening.end > whole.end && opening.start <= whole.end {
                        whole.end = opening.end;
                    }
                });
            }
            if whole == before {
                return Some(whole);
            }
        }
    }

    /// Hands every opening that could hold or touch this instant to `see`, and a few more.
    fn around(&self, instant: DateTime<Utc>, zone: Tz, mut see: impl FnMut(Opening)) {
        for window in &self.windows {
            let today = local_day(instant, window.zone.unwrap_or(zone));
            let first = today.checked_sub_days(window.reach()).unwrap_or(today);
            let last = today.checked_add_days(Days::new(1)).unwrap_or(today);
            for day in first.iter_days().take_while(|day| *day <= last) {
                window.openings_of(day, zone, &mut see);
            }
        }
    }
}

impl Window {
    /// The first start after `now`.
    fn next_start(&self, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let mut day = local_day(now, self.zone.unwrap_or(zone)).pred_opt()?;
        let last = day.checked_add_days(Days::new(SEARCH_DAYS))?;
        while day <= last {
            if let Opens::Cron(cron) = &self.opens
                && !cron.fires_in_month(day)
            {
                day = first_of_next_month(day)?;
                continue;
            }
            let mut next = None;
            self.openings_of(day, zone, |opening| {
                if opening.start > now && next.is_none() {
                    next = Some(opening.start);
                }
            });
            if next.is_some() {
                return next;
            }
            day = day.succ_opt()?;
        }
        None
    }
}

fn local_day(instant: DateTime<Utc>, zone: Tz) -> NaiveDate {
    instant.with_timezone(&zone).date_naive()
}

fn first_of_next_month(day: NaiveDate) -> Option<NaiveDate> {
    match day.month() {
        12 => NaiveDate::from_ymd_opt(day.year() + 1, 1, 1),
        month => NaiveDate::from_ymd_opt(day.year(), month + 1, 1),
    }
}
