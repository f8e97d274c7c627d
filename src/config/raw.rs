//! A file as its author wrote it, what is wrong with it, and where in it everything stands.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::code::Code;
use super::keys::{SETTINGS_TABLES, nearest};
use super::problem::{Place, Problem};
use crate::domain::items::names_a_secret;

/// A file's text, and what is wrong with it so far.
#[derive(Debug)]
pub struct Source {
    /// The file as the user would name it.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    holds_secrets: bool,
    problems: RefCell<Vec<Problem>>,
}

/// A value with the bytes of the file it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

/// What is wrong with one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong.
    pub message: String,
    /// What was perhaps meant.
    pub near: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Complaint {
    /// A complaint with what to do.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), near: None, hint: Some(hint.into()) }
    }
}

impl Source {
    /// Reads a text file; a file that cannot be read is itself the problem.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let unreadable = |message: String| Problem::error(path, message).code(Code::Unreadable);
        let text = std::fs::read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => unreadable("this file does not exist".to_owned()),
            std::io::ErrorKind::PermissionDenied => unreadable("this file may not be read".to_owned())
                .hint("let the user sipherd runs as read it"),
            _ => unreadable(format!("this file cannot be read: {error}")),
        })?;
        let text = String::from_utf8(text)
            .map_err(|_| unreadable("this file is not UTF-8 text".to_owned()).hint("save it as UTF-8"))?;
        Ok(Self::new(path, text.strip_prefix('\u{feff}').unwrap_or(&text)))
    }

    /// A file with this text.
    pub fn new(path: &Path, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            holds_secrets: false,
            problems: RefCell::default(),
        }
    }

    /// The same file, of which only lines known to be harmless are shown.
    pub fn with_secrets(self) -> Self {
        Self { holds_secrets: true, ..self }
    }

    /// Records an error of this kind at these bytes.
    pub fn refuse(&self, code: Code, span: &Range<usize>, complaint: impl Into<Complaint>) {
        self.record(Problem::error(&self.path, ""), code, span, complaint.into());
    }

    /// Records a warning of this kind at these bytes.
    pub fn warn(&self, code: Code, span: &Range<usize>, complaint: impl Into<Complaint>) {
        self.record(Problem::warning(&self.path, ""), code, span, complaint.into());
    }

    fn record(&self, problem: Problem, code: Code, span: &Range<usize>, complaint: Complaint) {
        let Complaint { message, near, hint } = complaint;
        self.push(Problem { code, message, near, hint, ..problem.at(self.place(span)) });
    }

    /// Records a problem.
    pub fn push(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Whether an error was recorded.
    pub fn has_errors(&self) -> bool {
        self.problems.borrow().iter().any(|p| p.severity == super::problem::Severity::Error)
    }

    /// The problems so far, in the order of the lines.
    pub fn take_problems(&self) -> Vec<Problem> {
        let mut problems = self.problems.take();
        problems.sort_by_key(|p| p.place.as_ref().map(|place| (place.line, place.column)));
        problems
    }

    /// Where these bytes are, with their line unless that holds a secret.
    pub fn place(&self, span: &Range<usize>) -> Place {
        let start =
            (0..=span.start.min(self.text.len())).rev().find(|i| self.text.is_char_boundary(*i)).unwrap_or(0);
        let line_start = self.text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |i| start + i);
        let text = self.text[line_start..line_end].trim_end();
        let within = |byte: usize| {
            let byte = byte.saturating_sub(line_start).min(text.len());
            (0..=byte).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
        };
        let (from, to) = (within(start), within(span.end));
        let column = self.text[line_start..start].chars().count() + 1;
        Place {
            line: self.text[..start].matches('\n').count() + 1,
            column,
            end_column: column.max(text[..to.max(from)].chars().count() + 1),
            text: self.may_be_shown(text).then(|| text.to_owned()),
            span: from..to.max(from),
        }
    }

    /// Whether a line of a file with secrets may be shown: a table's head, or keys that hold no secret.
    ///
    /// What is not understood is not shown, since it may be a secret whose key is misspelt.
    fn may_be_shown(&self, line: &str) -> bool {
        let line = line.trim();
        if !self.holds_secrets {
            // A policy may write a phone's password, in one line or in a table of its own.
            let of_an_item = line.trim_start().starts_with("value") && names_a_secret(&self.text);
            return !of_an_item && !names_a_secret(line);
        }
        if !line.contains('=') {
            let head = line.starts_with('[') && line.ends_with(']') && !line.contains(['"', '\'']);
            return head || line.is_empty();
        }
        let assignments = line.rsplit_once('=').map_or("", |(keys, _)| keys);
        assignments.split('=').all(|part| {
            let part = part.trim_end();
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let key = &part[part.trim_end_matches(word).len()..];
            let known = SETTINGS_TABLES.iter().flat_map(|table| table.names());
            let near = nearest(key, known.clone());
            known.clone().any(|known| known == key && known != "secret")
                || near.is_some_and(|near| near != "secret")
                    && nearest(key, ["secret", "password", "passwd", "pass", "token"]).is_none()
        })
    }

    /// Reads the text as TOML; every mistake of syntax is recorded.
    pub fn parse(&self) -> Option<Spanned<DeTable<'_>>> {
        let (document, errors) = DeTable::parse_recoverable(&self.text);
        let said =
            |error: &toml::de::Error| error.message().lines().next().unwrap_or("this is not TOML").to_owned();
        // What a bracket that is never closed swallows is no mistake of its own.
        let open = errors.iter().any(|error| {
            let message = said(error);
            message.starts_with("unclosed array,") || message.starts_with("unclosed inline table")
        });
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            let message = said(error);
            let begins_line = self.text[..span.start.min(self.text.len())].ends_with('\n');
            if open && begins_line && message.starts_with("missing comma") {
                let hint = "close it in the line it began in: a list with `]`, a table in one line with `}`";
                let before = "what began before this line is not closed";
                self.refuse(Code::Syntax, &span, Complaint::new(before, hint));
                break;
            }
            let hint = syntax_hint(&message).map(str::to_owned);
            self.refuse(Code::Syntax, &span, Complaint { message, near: None, hint });
        }
        errors.is_empty().then_some(document)
    }
}

/// What a mistake of syntax most likely needs, by the words it is told in.
fn syntax_hint(message: &str) -> Option<&'static str> {
    const HINTS: [(&str, &str); 14] = [
        (
            "unclosed array table",
            "the head of a table that may be there several times ends with `]]`: `[[window]]`",
        ),
        (
            "unclosed table",
            "the head of a table ends with `]`: `[select]`; one that may be there several times with `]]`",
        ),
        ("unclosed array", "a list ends with `]`: `[\"mon\", \"tue\"]`"),
        ("unclosed inline table", "a table in one line ends with `}`: `{ site = 20 }`"),
        ("string values must be quoted", "texts, times and durations stand in quotes: `from = \"22:00\"`"),
        ("basic string", "a text begins and ends with `\"` in one line; write `\\` for one backslash"),
        ("literal string", "a text in single quotes ends in the line it began in"),
        (
            "key with no value",
            "write a key, `=` and its value: `quiet = \"10m\"`; the head of a table stands in `[` and `]`",
        ),
        ("duplicate key", "write it once; several values are a list, several windows are `[[window]]` each"),
        ("missing comma", "put a comma between the two"),
        ("extra comma", "take the comma out"),
        ("leading zero", "leave the zero out, or write a text in quotes"),
        ("extra `=`", "one `=` stands between a key and its value"),
        ("unquoted key", "a key has letters, digits, `-` and `_`; put others into quotes: `\"floor-*\" = 2`"),
    ];
    HINTS.iter().find(|(words, _)| message.contains(words)).map(|(_, hint)| *hint)
}

impl From<&str> for Complaint {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl From<String> for Complaint {
    fn from(message: String) -> Self {
        Self { message, near: None, hint: None }
    }
}

/// Where each key of a file stands, by its path: `pace.per.site`, `window[1].last_start`.
#[derive(Debug, Clone, Default)]
pub struct Places(BTreeMap<String, (Range<usize>, Range<usize>)>);

impl Places {
    /// Of the whole file.
    pub fn of(document: &DeTable<'_>) -> Self {
        let mut places = Self::default();
        places.enter("", document);
        places
    }

    /// Whether the key is there.
    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// The bytes of a key's name; where it is not there, those of the table it would stand in.
    pub fn key(&self, path: &str) -> Range<usize> {
        self.find(path).map_or(0..0, |(key, _)| key.clone())
    }

    /// The bytes of a key's value; where it is not there, those of the name of the table it would stand in.
    pub fn value(&self, path: &str) -> Range<usize> {
        match self.0.get(path) {
            Some((_, value)) => value.clone(),
            None => self.key(path),
        }
    }

    fn find(&self, path: &str) -> Option<&(Range<usize>, Range<usize>)> {
        let mut path = path;
        loop {
            if let Some(found) = self.0.get(path) {
                return Some(found);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    fn enter(&mut self, path: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let inner = if path.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{path}.{}", name.get_ref())
            };
            self.add(inner, name.span(), value);
        }
    }

    fn add(&mut self, path: String, key: Range<usize>, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.enter(&path, table),
            DeValue::Array(list) => {
                for (i, item) in list.iter().enumerate() {
                    self.add(format!("{path}[{i}]"), item.span(), item);
                }
            }
            _ => {}
        }
        self.0.insert(path, (key, value.span()));
    }
}
