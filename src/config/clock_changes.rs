//! Warns about windows that open or close in an hour that daylight saving skips or repeats.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;

use super::compare::Zones;
use super::policy::Draft;
use super::raw::{Complaint, Source};
use crate::domain::policy::{Lasts, Opens, Window};

/// How far ahead is looked.
const YEARS_AHEAD: TimeDelta = TimeDelta::days(2 * 365);

/// A stretch of wall-clock time that does not exist, or exists twice.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    wall: Range<NaiveDateTime>,
    skipped: bool,
}

/// What is said once, with all its dates.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    zone: &'static str,
    opens: bool,
    skipped: bool,
    wall: NaiveTime,
    /// Where the gap ends.
    resumes: NaiveTime,
}

/// Records a warning for each start and end that falls into a change of the next two years.
pub(super) fn warn(source: &Source, draft: &Draft, zones: &Zones, now: DateTime<Utc>) {
    for (window, marks) in
        draft.policy.calendar.windows.iter().zip(&draft.windows).filter(|(_, marks)| !marks.shifts)
    {
        let mut findings: BTreeMap<Finding, BTreeSet<NaiveDate>> = BTreeMap::new();
        for zone in zones_of(window, draft, zones) {
            for change in changes(zone, now) {
                look(window, zone, &change, &mut findings);
            }
        }
        for (finding, dates) in findings {
            let mark = if finding.opens { &marks.opens } else { &marks.closes };
            source.warning(mark, finding.complaint(&dates));
        }
    }
}

/// The zones a window may be meant in.
fn zones_of(window: &Window, draft: &Draft, zones: &Zones) -> Vec<Tz> {
    if let Some(zone) = window.zone {
        return vec![zone];
    }
    let selected = &draft.policy.select.site;
    let meant = zones.sites.iter().filter(|(site, _)| selected.is_empty() || selected.contains(site));
    let mut all: Vec<Tz> = zones.daemon.into_iter().chain(meant.map(|(_, zone)| *zone)).collect();
    all.sort_by_key(|zone| zone.name());
    all.dedup();
    all
}

/// The changes of a zone's clock in the next two years.
fn changes(zone: Tz, now: DateTime<Utc>) -> Vec<Change> {
    let offset = |instant: i64| {
        DateTime::from_timestamp(instant, 0)
            .map_or(0, |at| i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()))
    };
    let wall = |seconds: i64| DateTime::from_timestamp(seconds, 0).map(|at| at.naive_utc());
    let (mut day, end) = (now.timestamp(), (now + YEARS_AHEAD).timestamp());
    let mut changes = Vec::new();
    while day < end {
        let next = day + 86_400;
        let (old, new) = (offset(day), offset(next));
        if old != new {
            let (mut before, mut after) = (day, next);
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                if offset(middle) == old { before = middle } else { after = middle }
            }
            if let (Some(start), Some(end)) = (wall(after + old.min(new)), wall(after + old.max(new))) {
                changes.push(Change { wall: start..end, skipped: new > old });
            }
        }
        day = next;
    }
    changes
}

/// Compares one window with one change.
fn look(window: &Window, zone: Tz, change: &Change, findings: &mut BTreeMap<Finding, BTreeSet<NaiveDate>>) {
    let mut find = |opens: bool, wall: NaiveDateTime| {
        if change.wall.contains(&wall) {
            let finding = Finding {
                zone: zone.name(),
                opens,
                skipped: change.skipped,
                wall: wall.time(),
                resumes: change.wall.end.time(),
            };
            findings.entry(finding).or_default().insert(wall.date());
        }
    };
    let first = change.wall.start.date().checked_sub_days(Days::new(1)).unwrap_or_default();
    for day in first.iter_days().take_while(|day| *day <= change.wall.end.date()) {
        let (starts, end): (Vec<NaiveTime>, Option<NaiveTime>) = match &window.opens {
            Opens::Weekly { days, from, lasts } if days.contains(&day.weekday()) => match lasts {
                Lasts::Until(to) => (vec![*from], Some(*to)),
                Lasts::For(_) => (vec![*from], None),
            },
            Opens::Cron { cron, .. } if cron.fires_on(day) => (cron.times().collect(), None),
            Opens::Weekly { .. } | Opens::Cron { .. } | Opens::Hours { .. } => (Vec::new(), None),
        };
        for start in starts {
            find(true, day.and_time(start));
            if let Some(to) = end {
                let last = if to > start { Some(day) } else { day.succ_opt() };
                last.into_iter().for_each(|last| find(false, last.and_time(to)));
            }
        }
    }
}

impl Finding {
    fn complaint(&self, dates: &BTreeSet<NaiveDate>) -> Complaint {
        let dates: Vec<String> = dates.iter().map(NaiveDate::to_string).collect();
        let (dates, zone, wall) = (dates.join(" and "), self.zone, self.wall.format("%H:%M"));
        let resumes = self.resumes.format("%H:%M");
        let (verb, word) = if self.opens { ("opens", "start") } else { ("closes", "end") };
        match (self.skipped, self.opens) {
            (true, _) => Complaint::new(
                format!("`{wall}` does not exist in {zone} on {dates}: the window {verb} at {resumes} then"),
                format!("{word} at `{resumes}` or later to have it the same on every day"),
            ),
            (false, true) => Complaint::new(
                format!("`{wall}` comes twice in {zone} on {dates}: the window opens once, the first time"),
                format!("start at `{resumes}` or later to have it the same on every day"),
            ),
            (false, false) => Complaint::new(
                format!("`{wall}` comes twice in {zone} on {dates}: the window closes the second time"),
                format!("end at `{resumes}` or later to have it the same on every day"),
            ),
        }
    }
}
