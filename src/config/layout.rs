//! The one layout of configuration files: what `sipherd fmt` makes of a TOML text. Comments and values stay as they are.
//!
//! - the keys of a block (lines without a blank line or a comment between them) have their `=` in one column
//! - comments behind values begin in one column of their block, at the 33rd or further right
//! - one blank line before a table, unless its comment stands there; nowhere more than one
//! - nothing before keys and headers, nothing behind lines, one line break at the end
//! - a value on one line has single blanks where blanks mean nothing; one over several lines stays as its author laid it out

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Comments behind values begin at this column, from 0, or further right.
const COMMENTS: usize = 33;

/// The text is not TOML, so nobody knows what may be moved in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotToml {
    /// What is wrong, as a lower-case phrase.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
}

/// The same text in the one layout. Laying it out again changes nothing.
pub fn laid_out(text: &str) -> Result<String, NotToml> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let document = parse(&text)?;
    let mut values = BTreeMap::new();
    collect(&text, document.get_ref(), &mut values);
    let lines = lines(&text, &values);
    let out = emit(&lines);
    // Nothing but blanks may have moved.
    match (toml::from_str::<toml::Table>(&text), toml::from_str::<toml::Table>(&out)) {
        (Ok(before), Ok(after)) if before == after => Ok(out),
        (_, _) => {
            Err(NotToml { message: "this file cannot be laid out safely; it is left alone".into(), line: 1 })
        }
    }
}

fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, NotToml> {
    DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        NotToml {
            message: error.message().lines().next().unwrap_or("this is not TOML").to_owned(),
            line: text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1,
        }
    })
}

/// The bytes of every value that a line of the file assigns, by where they begin.
fn collect(text: &str, table: &DeTable<'_>, values: &mut BTreeMap<usize, Range<usize>>) {
    for (_, value) in table {
        let span = value.span();
        let begins = |sign: &str| text[span.start.min(text.len())..].starts_with(sign);
        match value.get_ref() {
            // Only a table in braces is a value; the others are headers and dotted keys.
            DeValue::Table(inner) if !begins("{") => collect(text, inner, values),
            DeValue::Array(items) if !items.is_empty() && items.iter().all(|item| is_header(text, item)) => {
                for item in items {
                    if let DeValue::Table(inner) = item.get_ref() {
                        collect(text, inner, values);
                    }
                }
            }
            _ => {
                values.insert(span.start, span);
            }
        }
    }
}

/// Whether this item of a list was written as `[[table]]`.
fn is_header(text: &str, item: &Spanned<DeValue<'_>>) -> bool {
    let start = item.span().start.min(text.len());
    matches!(item.get_ref(), DeValue::Table(_)) && text[start..].starts_with("[[")
}

/// What stands on a line.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Blank,
    /// A comment of its own.
    Comment(String),
    /// `[table]`, with the comment behind it.
    Header(String, String),
    /// A key, its value (over as many lines as it has), and the comment behind it.
    Entry(String, String, String),
}

fn lines(text: &str, values: &BTreeMap<usize, Range<usize>>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
        if let Some(value) = values.range(at..end.max(at)).next().map(|(_, span)| span.clone()) {
            let end = text[value.end..].find('\n').map_or(text.len(), |n| value.end + n);
            let key = text[at..value.start].trim().trim_end_matches('=').trim();
            let comment = text[value.end..end].trim();
            lines.push(Line::Entry(key.to_owned(), tidy(&text[value]), comment.to_owned()));
            at = end + 1;
            continue;
        }
        let line = text[at..end].trim();
        lines.push(match line.chars().next() {
            None => Line::Blank,
            Some('[') => {
                let close = closing(line);
                Line::Header(line[..close].to_owned(), line[close..].trim().to_owned())
            }
            Some(_) => Line::Comment(line.to_owned()),
        });
        at = end + 1;
    }
    lines
}

/// Where a header ends: behind its last bracket that is no part of a quoted name or of a comment.
fn closing(line: &str) -> usize {
    let (mut quote, mut end, mut escaped) = (None, line.len(), false);
    for (at, sign) in line.char_indices() {
        match (quote, sign) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), _) if sign == open && !escaped => quote = None,
            (None, '"' | '\'') => quote = Some(sign),
            (None, ']') => end = at + 1,
            (None, '#') => break,
            (_, _) => {}
        }
        escaped = false;
    }
    end
}

/// A value on one line, without idle blanks; one over several lines as it is, without blanks at the ends of lines.
fn tidy(value: &str) -> String {
    if value.contains('\n') {
        let text = value.starts_with("\"\"\"") || value.starts_with("'''");
        // What a text over several lines has at the ends of its lines may be meant.
        return if text {
            value.to_owned()
        } else {
            value.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
        };
    }
    match value.parse::<toml_edit::Value>() {
        Ok(mut parsed) => {
            plain(&mut parsed);
            parsed.decorated("", "").to_string()
        }
        Err(_) => value.to_owned(),
    }
}

/// Takes all decoration from a value and what it holds.
fn plain(value: &mut toml_edit::Value) {
    match value {
        toml_edit::Value::Array(items) => {
            items.iter_mut().for_each(plain);
            items.fmt();
        }
        toml_edit::Value::InlineTable(table) => {
            table.iter_mut().for_each(|(_, value)| plain(value));
            table.fmt();
        }
        _ => value.decor_mut().clear(),
    }
}

fn emit(lines: &[Line]) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut rest = lines;
    while let Some(line) = rest.first() {
        match line {
            Line::Blank => {
                if out.last().is_some_and(|last| !last.is_empty()) {
                    out.push(String::new());
                }
                rest = &rest[1..];
            }
            Line::Comment(comment) => {
                let before = out.last().is_some_and(|last| !last.is_empty() && !last.starts_with('#'));
                if before && leads_to_header(rest) {
                    out.push(String::new());
                }
                out.push(comment.clone());
                rest = &rest[1..];
            }
            Line::Header(header, comment) => {
                if out.last().is_some_and(|last| !last.is_empty() && !last.starts_with('#')) {
                    out.push(String::new());
                }
                out.push(with_comment(header.clone(), comment, COMMENTS));
                rest = &rest[1..];
                while rest.first() == Some(&Line::Blank) {
                    rest = &rest[1..];
                }
                // A table without keys keeps its distance from what follows.
                if matches!(rest.first(), Some(Line::Comment(_))) && leads_to_header(rest) {
                    out.push(String::new());
                }
            }
            Line::Entry(..) => {
                let length = rest.iter().take_while(|line| matches!(line, Line::Entry(..))).count();
                block(&rest[..length], &mut out);
                rest = &rest[length..];
            }
        }
    }
    while out.last().is_some_and(String::is_empty) {
        out.pop();
    }
    out.into_iter().map(|line| line + "\n").collect()
}

/// Whether these lines are comments right before a header.
fn leads_to_header(lines: &[Line]) -> bool {
    matches!(lines.iter().find(|line| !matches!(line, Line::Comment(_))), Some(Line::Header(..)))
}

/// The keys of one block.
fn block(lines: &[Line], out: &mut Vec<String>) {
    let entries = || {
        lines.iter().filter_map(|line| match line {
            Line::Entry(key, value, comment) => Some((key, value, comment)),
            Line::Blank | Line::Comment(_) | Line::Header(..) => None,
        })
    };
    let width = |text: &str| text.chars().count();
    let keys = entries().map(|(key, _, _)| width(key)).max().unwrap_or(0);
    let last_line = |value: &str| width(value.lines().last().unwrap_or(""));
    let ends = |value: &str| if value.contains('\n') { last_line(value) } else { keys + 3 + width(value) };
    let commented = entries().filter(|(_, _, comment)| !comment.is_empty());
    let column = commented.map(|(_, value, _)| ends(value) + 2).max().unwrap_or(0).max(COMMENTS);
    for (key, value, comment) in entries() {
        let line = format!("{key}{} = {value}", " ".repeat(keys - width(key)));
        let gap = column.saturating_sub(ends(value));
        out.push(if comment.is_empty() { line } else { format!("{line}{}{comment}", " ".repeat(gap)) });
    }
}

fn with_comment(line: String, comment: &str, column: usize) -> String {
    if comment.is_empty() {
        return line;
    }
    let gap = column.saturating_sub(line.chars().count()).max(2);
    format!("{line}{}{comment}", " ".repeat(gap))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_and_comments_stand_in_columns() {
        let before = "about=\"x\"  # why\n\n\n[select]   # who\n  vendor = [ \"snom\",'yealink' ]\nnot.tag   =\"lift\"# never\n# alone\nsite=\"b\"\n[[window]]\ndays = [\n  \"mon\",   # first\n  \"tue\" ]  # both\nfrom=\"22:00\"\n# about pace\n[pace]\nper={site=2,switch = 1}\n\n";
        let after = "\
about = \"x\"                      # why

[select]                         # who
vendor  = [\"snom\", 'yealink']
not.tag = \"lift\"                 # never
# alone
site = \"b\"

[[window]]
days = [
  \"mon\",   # first
  \"tue\" ]                        # both
from = \"22:00\"

# about pace
[pace]
per = { site = 2, switch = 1 }
";
        assert_eq!(laid_out(before).unwrap(), after);
        assert_eq!(laid_out(after).unwrap(), after);
    }

    #[test]
    fn what_is_laid_out_already_stays() {
        for text in [
            "",
            "# only a comment\n",
            "[reboot]\n\n# of the window\n[[window]]\ndays = \"mon\"\n",
            "a = '''\n  as it is  \n'''                              # text\n",
            "[\"a]b\"]                          # odd name\nx = 1979-05-27T07:32:00Z\n",
        ] {
            assert_eq!(laid_out(text).unwrap(), text);
        }
    }

    #[test]
    fn a_text_that_is_not_toml_is_left_alone() {
        assert_eq!(laid_out("a = 1\nb = \n").map_err(|wrong| wrong.line), Err(2));
    }

    /// Comments of a text, in order, without blanks around them.
    fn comments(text: &str) -> Vec<String> {
        text.lines()
            .filter_map(|line| line.split_once('#'))
            .map(|(_, comment)| comment.trim().to_owned())
            .collect()
    }

    fn line() -> impl Strategy<Value = String> {
        let blanks = prop::sample::select(vec!["", " ", "\t", "   "]);
        let value = prop::sample::select(vec![
            "1",
            "\"t\"",
            "[1,2]",
            "[ ]",
            "{a=1}",
            "{ b = [\"x\"] }",
            "true",
            "[\n1,\n2 ]",
            "[[1],[2]]",
            "[{a=1}]",
        ]);
        let comment = prop::sample::select(vec!["", "# c", "#c", " # c # d"]);
        let what = prop_oneof![
            Just(String::new()),
            comment.clone().prop_map(str::to_owned),
            ("[a-e]{1,3}", value).prop_map(|(key, value)| format!("{key}={value}")),
            "[a-e]{1,3}".prop_map(|name| format!("[{name}]")),
            "[f-h]{1,2}".prop_map(|name| format!("[[{name}]]")),
            "[a-e]{1,2}\\.[a-e]{1,2}".prop_map(|key| format!("{key} =\"dotted\"")),
        ];
        (blanks.clone(), what, blanks, comment)
            .prop_map(|(a, what, b, comment)| format!("{a}{what}{b}{comment}"))
    }

    proptest! {
        #[test]
        fn values_and_comments_survive_and_twice_is_once(lines in prop::collection::vec(line(), 0..12)) {
            let text = lines.join("\n");
            prop_assume!(toml::from_str::<toml::Table>(&text).is_ok());
            let once = laid_out(&text).map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
            prop_assert_eq!(toml::from_str::<toml::Table>(&text), toml::from_str::<toml::Table>(&once));
            prop_assert_eq!(comments(&text), comments(&once));
            prop_assert_eq!(laid_out(&once).unwrap(), once);
        }
    }
}
