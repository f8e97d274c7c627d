//! The events of a file as they are written: when each begins, how long it lasts, and what recurs.

use std::ops::Range;

use super::lines::Line;
use super::moment::{self, Frame, Length, Moment, Zones};
use crate::config::code::Code;
use crate::config::raw::{Complaint, Source};

/// One VEVENT.
#[derive(Debug)]
pub(super) struct Component {
    uid: Option<String>,
    pub start: Moment,
    pub length: Length,
    /// The recurrence rules, with their places.
    pub rules: Vec<(String, Range<usize>)>,
    /// Further occurrences, some with a length of their own.
    pub also: Vec<(Moment, Option<Length>)>,
    /// Occurrences that do not take place.
    pub except: Vec<Moment>,
    /// The occurrence of another event with the same UID that this one stands for.
    replaces: Option<Moment>,
    /// It holds nothing: cancelled, or marked as free.
    pub is_void: bool,
    /// Its BEGIN.
    pub span: Range<usize>,
}

impl Component {
    /// Whether this stands for an occurrence of the other.
    pub fn replaces_one_of(&self, other: &Self) -> bool {
        self.replaces.is_some() && other.replaces.is_none() && self.uid.is_some() && self.uid == other.uid
    }

    /// Whether this stands for the occurrence that would begin then.
    pub fn replaces(&self, start: &Moment) -> bool {
        self.replaces.is_some_and(|replaced| replaced.means(start))
    }
}

/// Finds all events. A file that is cut off, or whose blocks do not fit together, is a problem.
pub(super) fn read(source: &Source, lines: &[Line]) -> Vec<Component> {
    let hint = "export the calendar anew: the file may be cut off";
    let mut open: Vec<(String, Range<usize>)> = Vec::new();
    let mut properties: Vec<&Line> = Vec::new();
    let mut found: Vec<(Range<usize>, Vec<&Line>)> = Vec::new();
    let mut zones = Zones::new();
    let mut zone_name = None;
    for line in lines {
        let block = line.value.trim().to_ascii_uppercase();
        match line.name.as_str() {
            "BEGIN" => {
                if block == "VEVENT" {
                    properties.clear();
                }
                open.push((block, line.span.clone()));
            }
            "END" => match open.pop() {
                Some((begun, span)) if begun == block => {
                    if begun == "VEVENT" {
                        found.push((span, std::mem::take(&mut properties)));
                    }
                }
                Some((begun, _)) => {
                    let message = format!("`END:{block}` stands where `END:{begun}` is due");
                    source.refuse(Code::Syntax, &line.span, Complaint::new(message, hint));
                    return Vec::new();
                }
                None => {
                    source.refuse(
                        Code::Syntax,
                        &line.span,
                        Complaint::new(format!("`END:{block}` ends nothing"), hint),
                    );
                    return Vec::new();
                }
            },
            // Alarms and the like inside an event are not the event's own.
            _ => match open.last().map(|(block, _)| block.as_str()) {
                Some("VEVENT") => properties.push(line),
                Some("VTIMEZONE") if line.name == "TZID" => zone_name = Some(line.value.clone()),
                // Says which zone of the tz database a zone with a name of its own is.
                Some("VTIMEZONE") if line.name == "X-LIC-LOCATION" => {
                    if let (Some(name), Ok(zone)) = (zone_name.take(), line.value.trim().parse()) {
                        zones.insert(name, zone);
                    }
                }
                Some(_) => {}
                None => {
                    source.refuse(
                        Code::Syntax,
                        &line.span,
                        Complaint::new("this line stands outside all blocks", hint),
                    );
                    return Vec::new();
                }
            },
        }
    }
    if let Some((block, span)) = open.pop() {
        source.refuse(Code::Syntax, &span, Complaint::new(format!("`BEGIN:{block}` is never ended"), hint));
        return Vec::new();
    }
    found.into_iter().filter_map(|(span, properties)| event(source, span, &properties, &zones)).collect()
}

/// Reads one event; what is wrong with it is recorded.
fn event(source: &Source, span: Range<usize>, lines: &[&Line], zones: &Zones) -> Option<Component> {
    let one = |name: &str| lines.iter().copied().find(|line| line.name == name);
    let many = |name: &'static str| lines.iter().copied().filter(move |line| line.name == name);
    let mend = "mend the event in the program that wrote it";
    let noted = |line: &Line, complaint: Complaint| source.refuse(Code::Syntax, &line.span, complaint);
    let single = |line: &Line| match moment::moments(line, zones) {
        Ok(moments) => moments.first().copied(),
        Err(complaint) => {
            noted(line, complaint);
            None
        }
    };
    let Some(begins) = one("DTSTART") else {
        source.refuse(
            Code::Syntax,
            &span,
            Complaint::new("this event has no `DTSTART`: nothing says when it is", mend),
        );
        return None;
    };
    let start = single(begins)?;
    let length = match (one("DTEND"), one("DURATION")) {
        (Some(_), Some(line)) => {
            noted(line, Complaint::new("this event has both `DTEND` and `DURATION`", mend));
            return None;
        }
        (Some(line), None) => {
            let end = single(line)?;
            moment::between(start, end).map_err(|complaint| noted(line, complaint)).ok()?
        }
        (None, Some(line)) => moment::length(&line.value).map_err(|complaint| noted(line, complaint)).ok()?,
        (None, None) => Length::default(),
    };
    let mut also = Vec::new();
    for line in many("RDATE") {
        let read = if line.parameter("VALUE").is_some_and(|kind| kind.eq_ignore_ascii_case("PERIOD")) {
            moment::periods(line, zones)
                .map(|periods| periods.into_iter().map(|(start, length)| (start, Some(length))).collect())
        } else {
            moment::moments(line, zones)
                .map(|moments| moments.into_iter().map(|start| (start, None)).collect())
        };
        match read {
            Ok(more) => also.extend::<Vec<_>>(more),
            Err(complaint) => noted(line, complaint),
        }
    }
    let mut except = Vec::new();
    for line in many("EXDATE") {
        match moment::moments(line, zones) {
            Ok(more) => except.extend(more),
            Err(complaint) => noted(line, complaint),
        }
    }
    for line in many("EXRULE") {
        let hint = "list the days that are left out as `EXDATE`";
        noted(line, Complaint::new("`EXRULE` is not understood: RFC 5545 did away with it", hint));
    }
    let replaced = one("RECURRENCE-ID");
    if let Some(line) = replaced.filter(|line| line.parameter("RANGE").is_some()) {
        let hint = "end the old event with `UNTIL` and write a new one";
        noted(line, Complaint::new("a change of all later occurrences is not understood", hint));
    }
    let replaces = match replaced {
        Some(line) => Some(single(line)?),
        None => None,
    };
    let is_cancelled = one("STATUS").is_some_and(|line| line.says("CANCELLED"));
    let is_free = one("TRANSP").is_some_and(|line| line.says("TRANSPARENT")) && start.frame != Frame::Day;
    Some(Component {
        uid: one("UID").map(|line| line.value.clone()),
        start,
        length,
        rules: many("RRULE").map(|line| (line.value.clone(), line.span.clone())).collect(),
        also,
        except,
        replaces,
        is_void: is_cancelled || is_free,
        span,
    })
}
