//! The table `acc` of Kamailio, exported with a header: an INVITE and the BYE of the same Call-ID make a call.
//!
//! Columns by name, in any order: `method`, `callid`, `sip_code`, `time`, and of whom: `src_user`, `dst_user` or
//! `dst_ouser` (the extra columns of the stock kamailio.cfg).

use std::collections::HashMap;

use chrono::NaiveDateTime;

use super::{NotRecords, Record, Row, Unusable, time};

pub(super) fn is_header(row: &csv::StringRecord) -> bool {
    ["method", "callid"].into_iter().all(|name| column(row, name).is_some())
}

fn column(header: &csv::StringRecord, name: &str) -> Option<usize> {
    header.iter().position(|column| column.eq_ignore_ascii_case(name))
}

/// A call that has begun and not ended yet.
struct Begun {
    line: u64,
    from: NaiveDateTime,
    users: Vec<String>,
}

pub(super) fn read(
    rows: &[Row],
    calls: &mut Vec<Record>,
    unusable: &mut Vec<Unusable>,
) -> Result<(), NotRecords> {
    let ((_, header), rows) = rows.split_first().ok_or(NotRecords::Empty)?;
    let need = |name: &'static str| column(header, name).ok_or(NotRecords::Column(name));
    let (method, callid, code, at) = (need("method")?, need("callid")?, need("sip_code")?, need("time")?);
    let caller = need("src_user")?;
    let callee =
        column(header, "dst_ouser").or(column(header, "dst_user")).ok_or(NotRecords::Column("dst_user"))?;
    let mut begun: HashMap<&str, Begun> = HashMap::new();
    for (line, row) in rows {
        let line = *line;
        let field = |n: usize| row.get(n).unwrap_or_default();
        let mut wrong = |why: String| unusable.push(Unusable { line, why });
        if row.len() != header.len() {
            wrong(format!("it has {} columns, the header has {}", row.len(), header.len()));
            continue;
        }
        let Some(when) = time(field(at)) else {
            wrong(format!("`{}` is not a time", field(at)));
            continue;
        };
        let key = row.get(callid).unwrap_or_default();
        match (field(method), field(code)) {
            ("INVITE", "200") => {
                let users =
                    [caller, callee].into_iter().map(|n| field(n).to_owned()).filter(|user| !user.is_empty());
                // A re-INVITE within the call begins nothing.
                begun.entry(key).or_insert(Begun { line, from: when, users: users.collect() });
            }
            ("INVITE", code) => wrong(format!("not answered ({code}): nothing tells how long it rang")),
            ("BYE", _) => match begun.remove(key) {
                Some(call) if call.users.is_empty() => wrong("neither caller nor callee is told".to_owned()),
                Some(call) if when < call.from => wrong("it ends before it begins".to_owned()),
                Some(Begun { from, users, .. }) => calls.push(Record { from, until: when, users }),
                None => wrong("this call has no beginning here".to_owned()),
            },
            (other, _) => wrong(format!("`{other}` is neither the beginning nor the end of a call")),
        }
    }
    unusable.extend(
        begun
            .into_values()
            .map(|call| Unusable { line: call.line, why: "this call has no end here".to_owned() }),
    );
    Ok(())
}
