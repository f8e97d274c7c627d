//! A TOML file as its author wrote it: tables whose keys are all accounted for, values with their places.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Keys, SETTINGS_TABLES, nearest};
use super::problem::{Place, Problem};

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
        let text = std::fs::read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Problem::error(path, "this file does not exist"),
            std::io::ErrorKind::PermissionDenied => {
                Problem::error(path, "this file may not be read").hint("let the user sipherd runs as read it")
            }
            _ => Problem::error(path, format!("this file cannot be read: {error}")),
        })?;
        let text = String::from_utf8(text)
            .map_err(|_| Problem::error(path, "this file is not UTF-8 text").hint("save it as UTF-8"))?;
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

    /// Records an error at these bytes.
    pub fn error(&self, span: &Range<usize>, complaint: impl Into<Complaint>) {
        let Complaint { message, near, hint } = complaint.into();
        self.push(Problem { near, hint, ..Problem::error(&self.path, message).at(self.place(span)) });
    }

    /// Records a warning at these bytes.
    pub fn warning(&self, span: &Range<usize>, complaint: impl Into<Complaint>) {
        let Complaint { message, near, hint } = complaint.into();
        self.push(Problem { near, hint, ..Problem::warning(&self.path, message).at(self.place(span)) });
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
            return true;
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
            let known = SETTINGS_TABLES.iter().flat_map(|table| table.known).copied();
            let near = nearest(key, known.clone());
            known.clone().any(|known| known == key && known != "secret")
                || near.is_some_and(|near| near != "secret")
                    && nearest(key, ["secret", "password", "passwd", "pass", "token"]).is_none()
        })
    }

    /// Reads the text as TOML; every mistake of syntax is recorded.
    pub fn parse(&self) -> Option<Spanned<DeTable<'_>>> {
        let (document, errors) = DeTable::parse_recoverable(&self.text);
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            self.error(&span, error.message().lines().next().unwrap_or("this is not TOML"));
        }
        errors.is_empty().then_some(document)
    }
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

/// A table all of whose keys are known; the others were recorded as problems.
pub struct Table<'a> {
    source: &'a Source,
    keys: &'static Keys,
    entries: &'a DeTable<'a>,
    span: Range<usize>,
}

impl<'a> Table<'a> {
    /// Opens a table. `grammar` are all tables of this kind of file, to tell where a stray key belongs.
    pub fn open(
        source: &'a Source,
        keys: &'static Keys,
        grammar: &[&'static Keys],
        entries: &'a DeTable<'a>,
        span: Range<usize>,
    ) -> Self {
        for (key, _) in entries {
            let name: &str = key.get_ref();
            if keys.known.contains(&name) {
                continue;
            }
            let complaint = if keys.later.contains(&name) {
                Complaint::new(
                    format!("`{name}` is not supported by this version"),
                    "leave it out; a later version may have it",
                )
            } else {
                let mut complaint = Complaint::from(match keys.table {
                    "" => format!("unknown key `{name}`"),
                    table => format!("unknown key `{name}` in `{table}`"),
                });
                complaint.near = nearest(name, keys.known.iter().copied());
                let home = grammar.iter().find(|table| table.known.contains(&name));
                complaint.hint = match (home, keys.known) {
                    (Some(Keys { table: "", .. }), _) => {
                        Some(format!("`{name}` belongs at the top of the file, before the first table"))
                    }
                    (Some(home), _) => Some(format!("`{name}` belongs in `{}`", home.table)),
                    (None, []) => Some(format!("`{}` has no keys", keys.table)),
                    (None, known) if complaint.near.is_none() => {
                        Some(format!("the keys here are {}", known.join(", ")))
                    }
                    (None, _) => None,
                };
                complaint
            };
            source.error(&key.span(), complaint);
        }
        Self { source, keys, entries, span }
    }

    /// The file the table stands in.
    pub fn source(&self) -> &'a Source {
        self.source
    }

    /// Records that something is wrong with the table as a whole.
    pub fn error(&self, complaint: impl Into<Complaint>) {
        self.source.error(&self.span, complaint);
    }

    /// The bytes of a key, when it is there.
    pub fn key(&self, key: &str) -> Option<Range<usize>> {
        self.entry(key).map(|(name, _)| name.span())
    }

    /// Whether the key is there, whatever its value.
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Records a missing key.
    pub fn missing(&self, key: &str, hint: impl Into<String>) {
        let message = match self.keys.table {
            "" => format!("`{key}` is missing"),
            table => format!("`{key}` is missing in `{table}`"),
        };
        self.error(Complaint::new(message, hint));
    }

    /// A text.
    pub fn text(&self, key: &str, example: &str) -> Option<At<&'a str>> {
        let (_, value) = self.entry(key)?;
        self.as_text(key, value, example)
    }

    /// A text read further: a duration, a zone.
    pub fn read<T>(
        &self,
        key: &str,
        example: &str,
        parse: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<At<T>> {
        let text = self.text(key, example)?;
        self.checked(text, parse)
    }

    /// A text, or a list of texts; never empty.
    pub fn texts(&self, key: &str, example: &str) -> Option<Vec<At<&'a str>>> {
        let (_, value) = self.entry(key)?;
        match value.get_ref() {
            DeValue::Array(list) => {
                if list.is_empty() {
                    self.source.error(
                        &value.span(),
                        Complaint::new(format!("`{key}` is empty"), "leave the key out, or name something"),
                    );
                    return None;
                }
                Some(list.iter().filter_map(|item| self.as_text(key, item, example)).collect())
            }
            DeValue::String(_) => Some(self.as_text(key, value, example).into_iter().collect()),
            other => {
                self.wrong_type(
                    key,
                    value.span(),
                    &format!("a text or a list of texts like {example}"),
                    other,
                );
                None
            }
        }
    }

    /// A list of texts, each read further.
    pub fn read_all<T>(
        &self,
        key: &str,
        example: &str,
        parse: impl Fn(&str) -> Result<T, Complaint>,
    ) -> Option<Vec<At<T>>> {
        let texts = self.texts(key, example)?;
        Some(texts.into_iter().filter_map(|text| self.checked(text, &parse)).collect())
    }

    /// A whole number within these bounds.
    pub fn number(&self, key: &str, bounds: RangeInclusive<i64>) -> Option<At<i64>> {
        let (_, value) = self.entry(key)?;
        let DeValue::Integer(digits) = value.get_ref() else {
            self.wrong_type(key, value.span(), "a whole number", value.get_ref());
            return None;
        };
        match i64::from_str_radix(digits.as_str(), digits.radix()).ok().filter(|n| bounds.contains(n)) {
            Some(n) => Some(At { value: n, span: value.span() }),
            None => {
                let (least, most) = bounds.into_inner();
                self.source.error(&value.span(), format!("`{key}` must lie between {least} and {most}"));
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &str) -> Option<bool> {
        let (_, value) = self.entry(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                self.wrong_type(key, value.span(), "`true` or `false`, without quotes", other);
                None
            }
        }
    }

    /// A table under this key.
    pub fn table(&self, key: &str, keys: &'static Keys, grammar: &[&'static Keys]) -> Option<Table<'a>> {
        let (name, value) = self.entry(key)?;
        match value.get_ref() {
            DeValue::Table(entries) => Some(Table::open(self.source, keys, grammar, entries, name.span())),
            other => {
                self.wrong_type(key, value.span(), &format!("a table: `{}`", keys.table), other);
                None
            }
        }
    }

    /// The tables of a list of tables.
    pub fn tables(&self, key: &str, keys: &'static Keys, grammar: &[&'static Keys]) -> Vec<Table<'a>> {
        let Some((name, value)) = self.entry(key) else { return Vec::new() };
        let wrong = |span, other| {
            self.wrong_type(key, span, &format!("written as `{}`, with two brackets", keys.table), other);
            None
        };
        match value.get_ref() {
            DeValue::Array(list) => list
                .iter()
                .filter_map(|item| match item.get_ref() {
                    DeValue::Table(entries) => {
                        Some(Table::open(self.source, keys, grammar, entries, item.span()))
                    }
                    other => wrong(item.span(), other),
                })
                .collect(),
            other => wrong(name.span(), other).into_iter().collect(),
        }
    }

    /// The tables of a table, each with its name: `[site.berlin]`.
    pub fn named_tables(
        &self,
        key: &str,
        keys: &'static Keys,
        grammar: &[&'static Keys],
    ) -> Vec<(At<&'a str>, Table<'a>)> {
        let Some((_, value)) = self.entry(key) else { return Vec::new() };
        let DeValue::Table(tables) = value.get_ref() else {
            self.wrong_type(key, value.span(), &format!("a table: `{}`", keys.table), value.get_ref());
            return Vec::new();
        };
        let mut named = Vec::new();
        for (name, value) in tables {
            match value.get_ref() {
                DeValue::Table(entries) => named.push((
                    At { value: name.get_ref().as_ref(), span: name.span() },
                    Table::open(self.source, keys, grammar, entries, name.span()),
                )),
                other => self.wrong_type(
                    name.get_ref(),
                    value.span(),
                    &format!("a table: `{}`", keys.table),
                    other,
                ),
            }
        }
        named
    }

    fn entry(&self, key: &str) -> Option<(&'a Spanned<toml::de::DeString<'a>>, &'a Spanned<DeValue<'a>>)> {
        debug_assert!(self.keys.known.contains(&key), "{key} is not in the table of keys");
        self.entries.iter().find(|(name, _)| name.get_ref() == key)
    }

    fn as_text(&self, key: &str, value: &'a Spanned<DeValue<'a>>, example: &str) -> Option<At<&'a str>> {
        match value.get_ref() {
            DeValue::String(text) => Some(At { value: text.as_ref(), span: value.span() }),
            other => {
                self.wrong_type(key, value.span(), &format!("a text like {example}"), other);
                None
            }
        }
    }

    fn checked<T>(
        &self,
        text: At<&'a str>,
        parse: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<At<T>> {
        match parse(text.value) {
            Ok(value) => Some(At { value, span: text.span }),
            Err(complaint) => {
                self.source.error(&text.span, complaint);
                None
            }
        }
    }

    fn wrong_type(&self, key: &str, span: Range<usize>, wanted: &str, found: &DeValue<'_>) {
        let found = match found {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with a point",
            DeValue::Boolean(_) => "`true` or `false`",
            DeValue::Datetime(_) => "a date or time without quotes",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.source.error(&span, format!("`{key}` must be {wanted}, not {found}"));
    }
}
