//! All windows and blackouts of a policy together: open now, or when next.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::blackout::{Blackout, BlackoutState};
use super::window::{Opening, Opens, Window};

/// Merging goes no further than so many days from the instant asked about; windows that follow each other for longer
/// never close as far as anybody cares.
const HORIZON_DAYS: u64 = 36;

/// The next opening is looked for this many days ahead: 29 February on one weekday comes within 40 years, even
/// around 2100.
const SEARCH_DAYS: u64 = 40 * 366;

/// The same as a length; blackouts that follow each other for longer are not followed to their end.
const SEARCH: TimeDelta = TimeDelta::days(40 * 366);

/// The windows of a policy; none means never.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calendar {
    /// The windows; overlaps merge.
    pub windows: Vec<Window>,
    /// When nothing happens, whatever the windows say.
    pub blackouts: Vec<Blackout>,
    /// A phone that booted by itself is left alone for so long after its boot (innovaphone `/initial`).
    pub initial: Option<TimeDelta>,
}

/// What must be left of an opening for a phone to start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Margin {
    /// What the author wrote.
    pub written: Option<TimeDelta>,
    /// At least what the phone's model needs to boot and flash.
    pub asks_model: bool,
}

/// Whether the windows of a calendar are open; blackouts are another question.
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

    /// Whether the windows are open at `now`, for a phone whose own zone (its site's, else the daemon's) is `zone`.
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

    /// Whether a blackout holds at `now`. Blackouts that overlap or touch are one.
    pub fn blackout_at(&self, now: DateTime<Utc>, zone: Tz) -> BlackoutState {
        let mut until = now;
        loop {
            let (before, mut next) = (until, None::<DateTime<Utc>>);
            for blackout in &self.blackouts {
                blackout.around(before, zone, |stretch| {
                    if stretch.start > before {
                        next = Some(next.map_or(stretch.start, |least| least.min(stretch.start)));
                    } else {
                        until = until.max(stretch.end);
                    }
                });
            }
            if until == now {
                return BlackoutState::Off { next };
            }
            if until == before || until - now > SEARCH {
                return BlackoutState::On { until };
            }
        }
    }

    /// The next `n` merged openings that end after `from`, in order, without their blackouts; the first may be open
    /// already.
    pub fn openings(&self, from: DateTime<Utc>, zone: Tz, n: usize) -> Vec<Opening> {
        let mut openings: Vec<Opening> = Vec::new();
        let (mut at, mut told) = (from, None);
        while openings.len() < n && at - from < SEARCH {
            let (WindowState::Open(next) | WindowState::Closed(Some(next))) = self.at(at, zone) else {
                break;
            };
            if told.is_some_and(|end| end >= next.start) {
                break; // Only a calendar that never closes continues where it ended.
            }
            match self.blackout_at(next.start.max(at), zone) {
                // Nothing is left of this opening, and perhaps of many after it.
                BlackoutState::On { until } if until >= next.end => at = until,
                BlackoutState::On { .. } | BlackoutState::Off { .. } => {
                    let left = self.without_blackouts(next, zone);
                    openings.extend(left.into_iter().filter(|opening| opening.end > from));
                    (at, told) = (next.end, Some(next.end));
                }
            }
        }
        openings.truncate(n);
        openings
    }

    /// All openings within a span of time, in order, without their blackouts, cut at the span's ends.
    pub fn openings_within(&self, span: Opening, zone: Tz) -> Vec<Opening> {
        let day = |at: DateTime<Utc>, days| at.date_naive().checked_add_signed(TimeDelta::days(days));
        let (Some(first), Some(last)) = (day(span.start, -1), day(span.end, 1)) else { return Vec::new() };
        let mut pieces = self.openings_between(first, last, zone);
        pieces.sort_unstable();
        let mut merged: Vec<Opening> = Vec::new();
        for Opening { start, end } in pieces {
            let (start, end) = (start.max(span.start), end.min(span.end));
            match merged.last_mut() {
                _ if start >= end => {}
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ => merged.push(Opening { start, end }),
            }
        }
        merged.into_iter().flat_map(|opening| self.without_blackouts(opening, zone)).collect()
    }

    /// What blackouts leave of an opening.
    fn without_blackouts(&self, opening: Opening, zone: Tz) -> Vec<Opening> {
        let (mut start, mut left) = (opening.start, Vec::new());
        while start < opening.end {
            match self.blackout_at(start, zone) {
                BlackoutState::On { until } => start = until,
                BlackoutState::Off { next } => {
                    let end = next.map_or(opening.end, |next| next.min(opening.end));
                    left.push(Opening { start, end });
                    start = end;
                }
            }
        }
        left
    }

    /// What must be left of a merged opening for a phone to start: what the author of the window that closes last
    /// wrote; of several that close together, the greatest.
    pub fn margin(&self, opening: Opening, zone: Tz) -> Margin {
        let mut margin = Margin::default();
        for window in &self.windows {
            let last = local_day(opening.end, window.zone.unwrap_or(zone));
            let first = last.checked_sub_days(window.reach()).and_then(|day| day.pred_opt()).unwrap_or(last);
            let mut closes = false;
            for day in first.iter_days().take_while(|day| *day <= last) {
                window.openings_of(day, zone, |one| closes |= one.end == opening.end);
            }
            match window.last_start {
                _ if !closes => {}
                Some(written) => margin.written = margin.written.max(Some(written)),
                None => margin.asks_model = true,
            }
        }
        margin.asks_model |= margin.written.is_none();
        margin
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
            if let Opens::Cron { cron, .. } = &self.opens
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
