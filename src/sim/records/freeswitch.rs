//! `Master.csv` of FreeSWITCH's mod_cdr_csv in its template `example`: caller_id_name, caller_id_number,
//! destination_number, context, start_stamp, answer_stamp, end_stamp, duration, billsec, hangup_cause, uuid, bleg_uuid,
//! accountcode, read_codec, write_codec; some installations write local_ip_v4 before all that.

use std::net::IpAddr;

use super::{Record, span, time};

const CALLER: usize = 1;
const CALLEE: usize = 2;
const START: usize = 4;
const END: usize = 6;
const DURATION: usize = 7;

/// Columns that are read, and those of the template.
const LEAST: usize = 8;

/// How many columns stand before those of the template.
fn offset(row: &csv::StringRecord) -> usize {
    usize::from(row.get(0).is_some_and(|first| first.parse::<IpAddr>().is_ok()))
}

pub(super) fn is_record(row: &csv::StringRecord) -> bool {
    row.get(START + offset(row)).is_some_and(|start| time(start).is_some())
}

pub(super) fn read(row: &csv::StringRecord) -> Result<Record, String> {
    let before = offset(row);
    let field = |n: usize| row.get(n + before).unwrap_or_default();
    if row.len() < LEAST + before {
        return Err(format!("it has {} columns, the template `example` writes 15", row.len()));
    }
    let (from, until) = span(field(START), field(END), field(DURATION))?;
    let users: Vec<String> =
        [CALLER, CALLEE].into_iter().map(|n| field(n).to_owned()).filter(|user| !user.is_empty()).collect();
    if users.is_empty() {
        return Err("neither caller nor callee is told".to_owned());
    }
    Ok(Record { from, until, users })
}
