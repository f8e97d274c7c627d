//! Call records that PBXs wrote: which lines were busy from when to when.
//!
//! Every line that cannot be used is told with its number and the cause; nothing is guessed.

mod asterisk;
mod freeswitch;
mod kamailio;

use chrono::NaiveDateTime;

/// Who wrote the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `Master.csv` of Asterisk's cdr_csv, with or without the columns of `loguniqueid`, `loguserfield` and
    /// `newcdrcolumns`.
    Asterisk,
    /// `Master.csv` of FreeSWITCH's mod_cdr_csv in its template `example`.
    FreeSwitch,
    /// The table `acc` of Kamailio, exported with a header.
    Kamailio,
}

impl Format {
    /// The format of this name, as on the command line.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "asterisk" => Some(Self::Asterisk),
            "freeswitch" => Some(Self::FreeSwitch),
            "kamailio" => Some(Self::Kamailio),
            _ => None,
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Asterisk => "asterisk",
            Self::FreeSwitch => "freeswitch",
            Self::Kamailio => "kamailio",
        })
    }
}

/// One call: the accounts it kept busy, and from when to when as the PBX's clock showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The first instant.
    pub from: NaiveDateTime,
    /// The first instant after.
    pub until: NaiveDateTime,
    /// The accounts, one or two.
    pub users: Vec<String>,
}

/// A line that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unusable {
    /// Its number, from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// Who wrote it.
    pub format: Format,
    /// The calls in the order of their beginnings.
    pub calls: Vec<Record>,
    /// The lines that cannot be used.
    pub unusable: Vec<Unusable>,
}

/// The file is none of those known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRecords {
    /// It holds nothing.
    #[error("no call record is in it")]
    Empty,
    /// Its first line is of no known form.
    #[error("its first line is of no known form")]
    Unknown,
    /// A column is missing in the header of Kamailio's table.
    #[error("the column `{0}` is missing in its header")]
    Column(&'static str),
}

/// A line of the file with its number.
type Row = (u64, csv::StringRecord);

/// Reads call records; without a format it is told by the first line.
pub fn read(text: &[u8], format: Option<Format>) -> Result<Records, NotRecords> {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let rows: Vec<Row> = reader
        .records()
        .filter_map(Result::ok)
        .map(|row| (row.position().map_or(0, |position| line_of(text, position)), row))
        .filter(|(_, row)| row.iter().any(|field| !field.is_empty()))
        .collect();
    let first = rows.first().ok_or(NotRecords::Empty)?;
    let format = match format {
        Some(format) => format,
        None => detect(&first.1).ok_or(NotRecords::Unknown)?,
    };
    let (mut calls, mut unusable) = (Vec::new(), Vec::new());
    match format {
        Format::Asterisk => each(&rows, &mut calls, &mut unusable, asterisk::read),
        Format::FreeSwitch => each(&rows, &mut calls, &mut unusable, freeswitch::read),
        Format::Kamailio => kamailio::read(&rows, &mut calls, &mut unusable)?,
    }
    calls.sort_by_key(|call| call.from);
    unusable.sort_by_key(|line| line.line);
    Ok(Records { format, calls, unusable })
}

/// The line a record stands on: the reader counts the empty lines before it to the record.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let rest =
        usize::try_from(position.byte()).ok().and_then(|at| text.as_bytes().get(at..)).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n');
    position.line() + empty.count() as u64
}

fn detect(row: &csv::StringRecord) -> Option<Format> {
    if kamailio::is_header(row) {
        Some(Format::Kamailio)
    } else if asterisk::is_record(row) {
        Some(Format::Asterisk)
    } else if freeswitch::is_record(row) {
        Some(Format::FreeSwitch)
    } else {
        None
    }
}

fn each(
    rows: &[Row],
    calls: &mut Vec<Record>,
    unusable: &mut Vec<Unusable>,
    read: impl Fn(&csv::StringRecord) -> Result<Record, String>,
) {
    for (line, row) in rows {
        match read(row) {
            Ok(call) => calls.push(call),
            Err(why) => unusable.push(Unusable { line: *line, why }),
        }
    }
}

/// `2026-11-20 22:00:00`, with or without a fraction.
fn time(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

/// From begin to end, where both are told and in their order.
fn span(begin: &str, end: &str, seconds: &str) -> Result<(NaiveDateTime, NaiveDateTime), String> {
    let from = time(begin).ok_or_else(|| format!("`{begin}` is not the time it began"))?;
    let until = match (time(end), seconds.parse::<u32>()) {
        (Some(until), _) => until,
        (None, Ok(n)) => from + chrono::TimeDelta::seconds(i64::from(n)),
        (None, Err(_)) => return Err("neither its end nor its duration is told".to_owned()),
    };
    if until < from {
        return Err("it ends before it begins".to_owned());
    }
    Ok((from, until))
}
