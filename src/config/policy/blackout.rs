//! `[[blackout]]`.

use std::path::PathBuf;

use super::Draft;
use crate::config::raw::{At, Complaint};
use crate::config::table::Table;
use crate::config::value::{self, Day};
use crate::domain::policy::{Blackout, BlackoutDates};

/// Reads all blackouts.
pub(super) fn read(top: &Table<'_>, draft: &mut Draft) {
    for table in top.tables("blackout") {
        let zone = table.read("zone", value::zone_or_site).and_then(|zone| zone.value);
        for when in dates(&table, draft) {
            draft.blackouts.push(when.span);
            draft.policy.calendar.blackouts.push(Blackout { when: when.value, zone });
        }
    }
}

fn dates(table: &Table<'_>, draft: &mut Draft) -> Vec<At<BlackoutDates>> {
    let hint = "a blackout has `on`, or `from` and `to`, or a `calendar`";
    let on = table.read_all("on", value::day);
    let (from, to) = (table.read("from", value::day), table.read("to", value::day));
    let calendar = table.read("calendar", calendar);
    for key in ["calendar", "on"] {
        for other in ["on", "from", "to"] {
            if key != other && table.has(key) && table.has(other) {
                table.error_at(
                    other,
                    Complaint::new(format!("`{key}` and `{other}` exclude each other"), hint),
                );
            }
        }
    }
    if table.has("on") {
        return on
            .unwrap_or_default()
            .into_iter()
            .map(|day| At { value: single(day.value), span: day.span })
            .collect();
    }
    if table.has("calendar") {
        let Some(calendar) = calendar else { return Vec::new() };
        let file = draft_path(table, &calendar.value);
        let span = calendar.span.clone();
        draft
            .calendars
            .push((draft.policy.calendar.blackouts.len(), At { value: file, span: calendar.span }));
        return vec![At { value: BlackoutDates::Events(Vec::new()), span }];
    }
    match (table.has("from"), table.has("to")) {
        (false, false) => table.error(Complaint::new("nothing says when this blackout is", hint)),
        (true, false) => table.missing("to", "say which is the last day, or write `on` for a single one"),
        (false, true) => table.missing("from", "say which is the first day, or write `on` for a single one"),
        (true, true) => {}
    }
    let (Some(from), Some(to)) = (from, to) else { return Vec::new() };
    match (from.value, to.value) {
        (Day::Once(from), Day::Once(last)) if from > last => {
            let hint =
                "only ranges of every year may cross the new year: `from = \"12-20\"`, `to = \"01-06\"`";
            table.source().error(&to.span, Complaint::new("this blackout ends before it begins", hint));
            Vec::new()
        }
        (Day::Once(first), Day::Once(last)) => {
            vec![At { value: BlackoutDates::Range { from: first, to: last }, span: from.span }]
        }
        (Day::Yearly(first), Day::Yearly(last)) => {
            vec![At { value: BlackoutDates::Yearly { from: first, to: last }, span: from.span }]
        }
        (Day::Once(_), Day::Yearly(_)) | (Day::Yearly(_), Day::Once(_)) => {
            let complaint = Complaint::new(
                "one of these days has a year and the other has none",
                "write both as `2026-12-24`, or both as `12-24` for every year",
            );
            table.source().error(&to.span, complaint);
            Vec::new()
        }
    }
}

fn single(day: Day) -> BlackoutDates {
    match day {
        Day::Once(day) => BlackoutDates::Range { from: day, to: day },
        Day::Yearly(day) => BlackoutDates::Yearly { from: day, to: day },
    }
}

/// The path of a calendar file, beside the policy.
fn draft_path(table: &Table<'_>, name: &str) -> PathBuf {
    table.source().path.parent().map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
}

fn calendar(text: &str) -> Result<String, Complaint> {
    if text.to_ascii_lowercase().ends_with(".ics") {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(
        format!("`{text}` is not the name of a calendar file"),
        "name an iCalendar file beside the policy: `calendar = \"holidays-de.ics\"`",
    ))
}
