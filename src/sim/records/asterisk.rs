//! `Master.csv` of Asterisk's cdr_csv: accountcode, src, dst, dcontext, clid, channel, dstchannel, lastapp, lastdata,
//! start, answer, end, duration, billsec, disposition, amaflags, then what cdr.conf adds.

use super::{Record, span, time};

const CHANNEL: usize = 5;
const TO_CHANNEL: usize = 6;
const START: usize = 9;
const END: usize = 11;
const DURATION: usize = 12;

/// Columns of every line; `loguniqueid`, `loguserfield` and `newcdrcolumns` add up to five.
const COLUMNS: std::ops::RangeInclusive<usize> = 16..=21;

/// Channel drivers behind which phones stand.
const DRIVERS: [&str; 4] = ["PJSIP", "SIP", "SCCP", "IAX2"];

pub(super) fn is_record(row: &csv::StringRecord) -> bool {
    COLUMNS.contains(&row.len()) && row.get(START).is_some_and(|start| time(start).is_some())
}

pub(super) fn read(row: &csv::StringRecord) -> Result<Record, String> {
    let field = |n: usize| row.get(n).unwrap_or_default();
    if !COLUMNS.contains(&row.len()) {
        return Err(format!("it has {} columns, cdr_csv writes 16 to 21", row.len()));
    }
    let (from, until) = span(field(START), field(END), field(DURATION))?;
    let users: Vec<String> = [CHANNEL, TO_CHANNEL].into_iter().filter_map(|n| account(field(n))).collect();
    if users.is_empty() {
        return Err("no SIP channel is in it".to_owned());
    }
    Ok(Record { from, until, users })
}

/// The endpoint of a channel: `2117` of `PJSIP/2117-0000002a`.
fn account(channel: &str) -> Option<String> {
    let (driver, rest) = channel.split_once('/')?;
    let (account, _) = rest.rsplit_once('-')?;
    (DRIVERS.contains(&driver) && !account.is_empty()).then(|| account.to_owned())
}
