//! The content lines of an iCalendar file (RFC 5545, 3.1), each with its place.

use std::ops::Range;

use crate::config::code::Code;
use crate::config::raw::{Complaint, Source};

/// A content line, unfolded.
#[derive(Debug)]
pub(super) struct Line {
    /// The property's name, in capitals.
    pub name: String,
    /// Its parameters; names in capitals, values without quotes.
    parameters: Vec<(String, String)>,
    /// What follows the colon, as it is written.
    pub value: String,
    /// The first line it stands on.
    pub span: Range<usize>,
}

impl Line {
    /// A parameter's value.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the value is this word, in whatever letters.
    pub fn says(&self, word: &str) -> bool {
        self.value.trim().eq_ignore_ascii_case(word)
    }
}

/// Reads all lines; one that is no content line is recorded.
pub(super) fn read(source: &Source) -> Vec<Line> {
    let mut lines: Vec<(String, Range<usize>)> = Vec::new();
    let mut at = 0;
    for physical in source.text.split_inclusive('\n') {
        let text = physical.trim_end_matches(['\n', '\r']);
        let span = at..at + text.len();
        at += physical.len();
        match (text.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some((line, _))) => line.push_str(more),
            _ if text.trim().is_empty() => {}
            _ => lines.push((text.to_owned(), span)),
        }
    }
    let first = lines.first().map_or("", |(text, _)| text.trim_end());
    if !first.eq_ignore_ascii_case("BEGIN:VCALENDAR") {
        let complaint = Complaint::new(
            "this is no iCalendar file: it does not begin with `BEGIN:VCALENDAR`",
            "export the calendar as `.ics`",
        );
        source.refuse(
            Code::Syntax,
            &lines.first().map(|(_, span)| span.clone()).unwrap_or_default(),
            complaint,
        );
        return Vec::new();
    }
    let mut read = Vec::new();
    for (text, span) in lines {
        match line(&text, span.clone()) {
            Some(line) => read.push(line),
            None => source.refuse(
                Code::Syntax,
                &span,
                Complaint::new(
                    "this is no line of an iCalendar file",
                    "a line is a name, a colon and a value; one that goes on begins with a blank",
                ),
            ),
        }
    }
    read
}

fn line(text: &str, span: Range<usize>) -> Option<Line> {
    let mut quoted = false;
    let mut ends = Vec::new();
    let colon = text.char_indices().find_map(|(at, c)| {
        match c {
            '"' => quoted = !quoted,
            ';' if !quoted => ends.push(at),
            ':' if !quoted => return Some(at),
            _ => {}
        }
        None
    })?;
    ends.push(colon);
    let mut parts = Vec::new();
    let mut from = 0;
    for end in ends {
        parts.push(&text[from..end]);
        from = end + 1;
    }
    let (name, parameters) = parts.split_first()?;
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let parameters = parameters.iter().map(|parameter| {
        let (name, value) = parameter.split_once('=').filter(|(name, _)| word(name))?;
        Some((name.to_ascii_uppercase(), value.trim_matches('"').to_owned()))
    });
    word(name).then_some(Line {
        name: name.to_ascii_uppercase(),
        parameters: parameters.collect::<Option<_>>()?,
        value: text[colon + 1..].to_owned(),
        span,
    })
}
