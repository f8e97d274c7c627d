//! `[[wave]]`, `[brake]` and `[rollback]`: read and checked only.

use std::sync::Arc;

use chrono::TimeDelta;

use super::Draft;
use crate::config::raw::{At, Complaint};
use crate::config::table::Table;
use crate::config::value;
use crate::domain::phone::Site;
use crate::domain::policy::{Brake, InFlight, OutsideCheck, Rollback, Wave, WaveSize};

/// Phones of a wave must run well for so long, unless its author says otherwise.
const SOAK: TimeDelta = TimeDelta::hours(1);

/// No share is counted of fewer finished phones, unless the author says otherwise.
const MIN_SAMPLE: u32 = 20;

/// Reads all three.
pub(super) fn read(top: &Table<'_>, draft: &mut Draft) {
    let tables = top.tables("wave");
    for (i, table) in tables.iter().enumerate() {
        if let Some(wave) = wave(table, draft, i + 1 == tables.len()) {
            draft.policy.waves.push(wave);
        }
    }
    more_than_all(top, &draft.policy.waves, draft);
    draft.policy.brake = top.table("brake").and_then(|table| brake(&table));
    draft.policy.rollback = top.table("rollback").and_then(|table| {
        if !table.has("release") {
            table.missing("release", "name the staged release to fall back to: `release = \"snom-10.1.64\"`");
        }
        Some(Rollback { release: table.read("release", value::name)?.value.into() })
    });
}

fn wave(table: &Table<'_>, draft: &mut Draft, is_last: bool) -> Option<Wave> {
    let name = table.read("name", |text| match text.trim() {
        "" => Err(Complaint::new("a wave needs a name", "say what it is: `name = \"canary\"`")),
        name => Ok(Arc::<str>::from(name)),
    });
    if !table.has("name") {
        table.missing("name", "reports and approvals call it so: `name = \"canary\"`");
    }
    if let Some(At { value, span }) = &name
        && draft.policy.waves.iter().any(|other| other.name == *value)
    {
        let hint = "reports and approvals call a wave by its name: give each its own";
        table
            .source()
            .error(span, Complaint::new(format!("there are two waves of the name `{value}`"), hint));
    }
    let size = size(table);
    if table.has("rest") && !is_last {
        let hint = "put this wave at the end: after it nobody is left";
        table.error_at("rest", Complaint::new("only the last wave can have `rest`", hint));
    }
    let sites: Vec<At<String>> = table.read_all("sites", value::name).unwrap_or_default();
    draft.mentions.sites.extend(
        sites.iter().map(|site| At { value: Site::new(site.value.as_str()), span: site.span.clone() }),
    );
    let soak = table.duration("soak").map_or(SOAK, |soak| soak.value);
    let needs_approval = table.flag("needs_approval").unwrap_or(false);
    let success_percent = table.hundredths("success_percent").unwrap_or(100);
    let sites = sites.into_iter().map(|site| Site::new(site.value)).collect();
    Some(Wave { name: name?.value, size: size?, sites, soak, needs_approval, success_percent })
}

fn size(table: &Table<'_>) -> Option<WaveSize> {
    let (per_model, count) = (table.count("per_model"), table.count("count"));
    let (percent, rest) = (table.hundredths("percent"), table.yes("rest"));
    let hint = "say how many phones it has: `per_model = 1`, `count = 10`, `percent = 10` or `rest = true`";
    match table.one_of(&["per_model", "count", "percent", "rest"], hint)? {
        "per_model" => per_model.map(WaveSize::PerModel),
        "count" => count.map(WaveSize::Count),
        "percent" => percent.map(WaveSize::Percent),
        _ => rest.map(|()| WaveSize::Rest),
    }
}

/// Records shares that are more than the whole.
fn more_than_all(top: &Table<'_>, waves: &[Wave], draft: &Draft) {
    let percents = waves.iter().filter_map(|wave| match wave.size {
        WaveSize::Percent(percent) => Some(u32::from(percent)),
        _ => None,
    });
    let sum: u32 = percents.sum();
    let last =
        (0..waves.len()).rev().map(|i| format!("wave[{i}].percent")).find(|path| draft.places.has(path));
    if sum > 100
        && let Some(last) = last
    {
        let complaint = Complaint::new(
            format!("the waves add up to {sum} percent"),
            "each `percent` is a share of all phones, not of those that are left; write `rest = true` in the last wave",
        );
        top.source().error(&draft.places.value(&last), complaint);
    }
}

fn brake(table: &Table<'_>) -> Option<Brake> {
    let brake = Brake {
        failed_percent: table.hundredths("failed_percent"),
        min_sample: table.count("min_sample").unwrap_or(MIN_SAMPLE),
        lost_phones: table.count("lost_phones"),
        registration_latency: table.duration("registration_latency").map(|latency| latency.value),
        check: table.table("check").and_then(|check| outside(&check)),
        in_flight: match table.word("in_flight").map(|word| word.value) {
            Some("withdraw") => InFlight::Withdraw,
            _ => InFlight::Finish,
        },
    };
    if !["failed_percent", "lost_phones", "registration_latency", "check"].iter().any(|key| table.has(key)) {
        let hint = "say what pulls it: `failed_percent = 5`, `lost_phones = 3`";
        table.error(Complaint::new("nothing ever pulls this brake", hint));
    } else if table.has("min_sample") && !table.has("failed_percent") {
        let hint = "it is the least number of finished phones of which a share is counted; leave it out";
        table.error_at(
            "min_sample",
            Complaint::new("`min_sample` has no effect without `failed_percent`", hint),
        );
    }
    Some(brake)
}

fn outside(table: &Table<'_>) -> Option<OutsideCheck> {
    let http = table.read("http", value::web_address);
    let command = table.texts("command");
    let hint =
        "name an address: `http = \"https://…\"`, or a program: `command = [\"/usr/local/bin/go-on\"]`";
    match table.one_of(&["http", "command"], hint)? {
        "http" => Some(OutsideCheck::Http(http?.value)),
        _ => {
            let command = command?;
            let program = command.first()?;
            if program.value.trim().is_empty() {
                table.source().error(&program.span, Complaint::new("the program has no name", hint));
            }
            Some(OutsideCheck::Command(command.into_iter().map(|word| word.value.to_owned()).collect()))
        }
    }
}
