//! Where the calls come from: made up, or moved out of call records into the time that is played.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::Options;
use super::stage::Stage;
use crate::cli::Failure;
use crate::cli::plan::refused;
use crate::domain::fleet::Fleet;
use crate::domain::forecast::Call;
use crate::domain::phone::{LineId, PbxName};
use crate::domain::policy::wall_clock::first_instant;
use crate::sim::day::Days;
use crate::sim::records::{self, Record, Records};

/// Where calls come from.
pub enum Source {
    /// Made up.
    Drawn {
        /// Where working hours are counted.
        zone: Tz,
    },
    /// Call records.
    Records {
        /// What was read.
        records: Records,
        /// The clock of the PBX.
        zone: Tz,
    },
}

impl Source {
    pub fn of(options: &Options, stage: &Stage) -> Result<Self, Failure> {
        let Some(path) = &options.cdr else { return Ok(Self::Drawn { zone: stage.zone }) };
        let file = path.display();
        let text = std::fs::read(path)
            .map_err(|e| refused(&format!("{file} cannot be read: {e}"), "name another file with `--cdr`"))?;
        let hint = "say who wrote it with `--cdr-format`: asterisk, freeswitch or kamailio";
        let records = records::read(&text, options.cdr_format)
            .map_err(|error| refused(&format!("{file}: {error}"), hint))?;
        if records.calls.is_empty() {
            let why = records.unusable.first().map(|line| format!("; line {}: {}", line.line, line.why));
            let why = why.unwrap_or_default();
            return Err(refused(&format!("{file}: no line of it can be used{why}"), hint));
        }
        Ok(Self::Records { records, zone: stage.zone })
    }

    /// Lines that could not be used.
    pub fn unusable(&self) -> &[records::Unusable] {
        match self {
            Self::Drawn { .. } => &[],
            Self::Records { records, .. } => &records.unusable,
        }
    }

    /// The accounts that appear in records, in the order of their names.
    pub fn users(&self) -> Vec<String> {
        match self {
            Self::Drawn { .. } => Vec::new(),
            Self::Records { records, .. } => {
                let users: BTreeSet<&String> = records.calls.iter().flat_map(|call| &call.users).collect();
                users.into_iter().cloned().collect()
            }
        }
    }

    /// The calls of the time that is played, in order.
    pub fn calls<'c>(
        &self,
        fleet: &Fleet,
        options: &Options,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Box<dyn Iterator<Item = Call> + Send + 'c> {
        match self {
            Self::Drawn { zone } => {
                let lines: Vec<LineId> = fleet.iter().flat_map(|phone| phone.lines.keys()).cloned().collect();
                // The calls have a seed of their own: other phones are not other calls.
                let seed = options.seed.wrapping_add(0x5ca1ab1e);
                Box::new(Days::new(lines, options.calls_per_hour, *zone, from, until, seed))
            }
            Self::Records { records, zone } => {
                Box::new(moved(&records.calls, fleet, *zone, from, until).into_iter())
            }
        }
    }
}

/// Records as often as they are needed, moved by whole weeks so that each stays on its weekday.
fn moved(
    records: &[Record],
    fleet: &Fleet,
    zone: Tz,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<Call> {
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return Vec::new() };
    let monday =
        |day: NaiveDateTime| day.date() - TimeDelta::days(i64::from(day.weekday().num_days_from_monday()));
    let weeks = (monday(last.from) - monday(first.from)).num_weeks() + 1;
    let begin = monday(from.with_timezone(&zone).naive_local());
    let shift = (begin - monday(first.from)).num_days();
    let rounds = (until - from).num_days() / (7 * weeks) + 2;
    let lines = by_user(fleet);
    let mut calls = Vec::new();
    for round in 0..rounds {
        let days = TimeDelta::days(shift + round * weeks * 7);
        for record in records {
            let lasts = record.until - record.from;
            let Some(start) = first_instant(record.from + days, zone) else { continue };
            if start < from || start >= until {
                continue;
            }
            for user in &record.users {
                let stranger = || LineId { pbx: PbxName::new(""), user: user.as_str().into() };
                let line = lines.get(user.as_str()).cloned().unwrap_or_else(stranger);
                calls.push(Call { line, from: start, until: start + lasts });
            }
        }
    }
    calls.sort_by_key(|call| call.from);
    calls
}

/// The lines of the fleet by their users.
fn by_user(fleet: &Fleet) -> BTreeMap<&str, LineId> {
    fleet.iter().flat_map(|phone| phone.lines.keys()).map(|line| (line.user.as_ref(), line.clone())).collect()
}
