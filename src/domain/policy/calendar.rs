//! All windows of a policy together: open now, or when next.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::blackout::Blackout;
use super::window::{Opening, Opens, Window};

/// Merging goes no further than so many days from the instant asked about; windows that follow each other for longer
/// never close as far as anybody cares.
const HORIZON_DAYS: u64 = 36;

/// The next opening is looked for this many days ahead: 29 February on one weekday comes within 40 years, even
/// around 2100.
const SEARCH_DAYS: u64 = 40 * 366;

/// The windows of a policy; none means never.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calendar {
    /// The windows; overlaps merge.
    pub windows: Vec<Window>,
    /// When nothing happens, whatever the windows say.
    pub blackouts: Vec<Blackout>,
    /// A phone that booted may also go for so long after its boot (innovaphone `/initial`).
    pub initial: Option<TimeDelta>,
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
    /// A calendar of these windows and nothing else.
    pub fn of(windows: Vec<Window>) -> Self {
        Self { windows, blackouts: Vec::new(), initial: None }
    }

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
        matches!(self.at(now, zone), WindowState::Open(opening) if opening.end - now > TimeDelta::days(35))
    }

    /// The union of all openings that hold `now` or touch one that does.
    ///
    /// A few days around `now` decide for nearly every calendar; more are looked at while what lies beyond could
    /// still touch the union.
    fn merged(&self, now: DateTime<Utc>, zone: Tz) -> Option<Opening> {
        let today = now.date_naive();
        let (mut back, mut ahead) = (1, 1);
        loop {
            let first = today.checked_sub_days(Days::new(back))?;
            let last = today.checked_add_days(Days::new(ahead))?;
            let whole = union_with(self.openings_between(first, last, zone), now)?;
            // A local day begins up to 14 h before and ends up to 12 h after the day of UTC.
            let behind = whole.start <= midnight(first) + TimeDelta::hours(12) && back < HORIZON_DAYS;
            let beyond = whole.end >= midnight(last) + TimeDelta::hours(10) && ahead < HORIZON_DAYS;
            if !behind && !beyond {
                return Some(whole);
            }
            back = if behind { (back * 6).min(HORIZON_DAYS) } else { back };
            ahead = if beyond { (ahead * 6).min(HORIZON_DAYS) } else { ahead };
        }
    }

    /// Every opening of the local days from `first` to `last`, and those of earlier days that reach them.
    fn openings_between(&self, first: NaiveDate, last: NaiveDate, zone: Tz) -> Vec<Opening> {
        let mut openings = Vec::new();
        for window in &self.windows {
            let first = first.checked_sub_days(window.reach()).unwrap_or(first);
            for day in first.iter_days().take_while(|day| *day <= last) {
                window.openings_of(day, zone, |opening| openings.push(opening));
            }
        }
        openings
    }
}

/// The union of those openings that hold `now` or touch one that does, directly or through others.
fn union_with(mut openings: Vec<Opening>, now: DateTime<Utc>) -> Option<Opening> {
    openings.sort_unstable();
    let mut whole: Option<Opening> = None;
    for opening in openings {
        match &mut whole {
            Some(union) if opening.start <= union.end => union.end = union.end.max(opening.end),
            Some(union) if union.contains(now) => break,
            _ => whole = Some(opening),
        }
    }
    whole.filter(|union| union.contains(now))
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
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
