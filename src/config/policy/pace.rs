//! `[pace]` of a policy, and what `sipherd.toml` shares of it.

use crate::config::raw::Complaint;
use crate::config::table::Table;
use crate::config::value;
use crate::domain::policy::{Bandwidth, Pace, PerPart, Rate};

/// Reads it over the defaults.
pub(super) fn read(top: &Table<'_>) -> Pace {
    let mut pace = Pace::default();
    let Some(table) = top.table("pace") else { return pace };
    pace.down_at_once = down_at_once(&table).unwrap_or(pace.down_at_once);
    pace.per = per_part(&table);
    pace.notify_rate = table.read("notify_rate", value::rate).map(|rate| rate.value);
    pace.registrations = registrations(&table);
    pace.downloads = table.count("downloads");
    if let Some(bandwidth) = table.table("bandwidth") {
        filled(&bandwidth, "`total = \"40 Mbit/s\"`, or `per_site`");
        let read = |key| bandwidth.read(key, value::bandwidth).map(|speed| speed.value);
        pace.bandwidth = Bandwidth { total: read("total"), per_site: read("per_site") };
    }
    pace.spread = table.duration("spread").map(|spread| spread.value);
    if let Some(action) = ["reboot", "resync", "backup"].into_iter().find(|action| top.has(action)) {
        for key in ["downloads", "bandwidth"].into_iter().filter(|key| table.has(key)) {
            let message = format!("`{key}` has no effect beside `[{action}]`: no image is loaded");
            table.error_at(key, Complaint::new(message, "leave it out"));
        }
    }
    pace
}

/// `down_at_once` of a `[pace]`.
pub(in crate::config) fn down_at_once(pace: &Table<'_>) -> Option<u32> {
    pace.count("down_at_once")
}

/// `registrations` of a `[pace]`.
pub(in crate::config) fn registrations(pace: &Table<'_>) -> Option<Rate> {
    pace.read("registrations", value::rate).map(|rate| rate.value)
}

/// `per` of a `[pace]`.
pub(in crate::config) fn per_part(pace: &Table<'_>) -> PerPart {
    let Some(per) = pace.table("per") else { return PerPart::default() };
    filled(&per, "`site = 20`, `switch = 4`");
    let mut tag = Vec::new();
    for (name, limit) in per.each_number("tag") {
        match value::pattern(name.value) {
            Ok(pattern) => tag.push((pattern, limit)),
            Err(complaint) => per.source().error(&name.span, complaint),
        }
    }
    PerPart {
        site: per.count("site"),
        model: per.count("model"),
        subnet: per.count("subnet"),
        switch: per.count("switch"),
        tag,
    }
}

fn filled(table: &Table<'_>, examples: &str) {
    if table.is_empty() {
        table.error(Complaint::new(
            "this table limits nothing",
            format!("leave it out, or name a limit: {examples}"),
        ));
    }
}
