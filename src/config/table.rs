//! A table of a TOML file all of whose keys are accounted for; its values are read as the table of keys says.

mod part;
mod values;

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::code::Code;
use super::keys::{Key, Keys, Value, nearest};
use super::raw::{At, Complaint, Source};

/// A table all of whose keys are known; the others were recorded as problems.
pub struct Table<'a> {
    source: &'a Source,
    keys: &'static Keys,
    /// The table as its author wrote it: `[site.berlin]`.
    title: Cow<'static, str>,
    grammar: &'static [&'static Keys],
    entries: &'a DeTable<'a>,
    span: Range<usize>,
}

/// A key and its value, as the file has them.
type Entry<'a> = (&'a Spanned<toml::de::DeString<'a>>, &'a Spanned<DeValue<'a>>);

impl<'a> Table<'a> {
    /// Opens the top of a file. `grammar` are all tables of this kind of file, its top first.
    pub fn top(
        source: &'a Source,
        grammar: &'static [&'static Keys],
        document: &'a Spanned<DeTable<'_>>,
    ) -> Option<Self> {
        let keys = *grammar.first()?;
        Some(
            Self { source, keys, title: "".into(), grammar, entries: document.get_ref(), span: 0..0 }
                .accounted(),
        )
    }

    /// A table inside this one.
    fn inner(&self, keys: &'static Keys, entries: &'a DeTable<'a>, span: Range<usize>) -> Self {
        let title = keys.table.into();
        Self { source: self.source, keys, title, grammar: self.grammar, entries, span }.accounted()
    }

    /// Records every key that is not understood.
    fn accounted(self) -> Self {
        for (key, _) in self.entries {
            let name: &str = key.get_ref();
            if self.keys.get(name).is_none() {
                let later = self.keys.later.contains(&name);
                let code = if later { Code::NotSupported } else { Code::UnknownKey };
                self.source.refuse(code, &key.span(), self.stray(name));
            }
        }
        self
    }

    /// What is to be said of a key that is not understood.
    fn stray(&self, name: &str) -> Complaint {
        let keys = self.keys;
        if keys.later.contains(&name) {
            return Complaint::new(
                format!("`{name}` is not supported by this version"),
                "leave it out; a later version may have it",
            );
        }
        let message = match self.title.as_ref() {
            "" => format!("unknown key `{name}`"),
            table => format!("unknown key `{name}` in `{table}`"),
        };
        if let Some((_, hint)) = keys.misnamed.iter().find(|(other, _)| *other == name) {
            return Complaint::new(message, *hint);
        }
        let near = nearest(name, keys.names());
        let homes: Vec<&str> =
            self.grammar.iter().filter(|table| table.get(name).is_some()).map(|table| table.table).collect();
        let hint = match homes.as_slice() {
            ["", ..] => Some(format!("`{name}` belongs at the top of the file, before the first table")),
            _ if near.is_some() => None,
            [] if keys.keys.is_empty() => Some(format!("`{}` has no keys", keys.table)),
            [] => Some(format!("the keys here are {}", keys.names().collect::<Vec<_>>().join(", "))),
            homes => Some(format!("`{name}` belongs in `{}`", homes.join("` or `"))),
        };
        Complaint { message, near, hint }
    }

    /// The file the table stands in.
    pub fn source(&self) -> &'a Source {
        self.source
    }

    /// The bytes of the table's head, or of the key it stands behind.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Whether there is no key at all in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Records that the table as a whole does not say what it must.
    pub fn error(&self, complaint: impl Into<Complaint>) {
        self.source.refuse(Code::Missing, &self.span, complaint);
    }

    /// Records that a key goes ill with others, at the key where it is there, else at the table.
    pub fn error_at(&self, key: &str, complaint: impl Into<Complaint>) {
        self.source.refuse(Code::Contradiction, &self.key(key).unwrap_or_else(|| self.span()), complaint);
    }

    /// The bytes of a key, when it is there.
    pub fn key(&self, key: &str) -> Option<Range<usize>> {
        self.entry(key).map(|(name, _)| name.span())
    }

    /// The bytes of a key's value, when it is there.
    pub fn value_of(&self, key: &str) -> Option<Range<usize>> {
        self.entry(key).map(|(_, value)| value.span())
    }

    /// Whether the key is there, whatever its value.
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Whether one of these keys is most likely here under another name: that was told already, and is enough.
    pub fn is_misspelt(&self, keys: &[&str]) -> bool {
        let strays = self.entries.iter().map(|(name, _)| name.get_ref().as_ref());
        strays.filter(|name| self.keys.get(name).is_none()).any(|name: &str| {
            let called = self.keys.misnamed.iter().find(|(other, _)| *other == name);
            match (called, nearest(name, self.keys.names())) {
                (Some((_, hint)), _) => keys.iter().any(|key| hint.contains(&format!("`{key}`"))),
                (None, near) => near.is_some_and(|near| keys.contains(&near.as_str())),
            }
        })
    }

    /// Records a missing key, unless it is there and misspelt.
    pub fn missing(&self, key: &str, hint: impl Into<String>) {
        if self.is_misspelt(&[key]) {
            return;
        }
        let message = match self.title.as_ref() {
            "" => format!("`{key}` is missing"),
            table => format!("`{key}` is missing in `{table}`"),
        };
        self.error(Complaint::new(message, hint));
    }

    /// The one of these keys that is there; none or several are recorded, with what to do.
    pub fn one_of(&self, keys: &[&'static str], hint: &str) -> Option<&'static str> {
        let mut there = keys.iter().copied().filter(|key| self.has(key));
        match (there.next(), there.next()) {
            (Some(only), None) => Some(only),
            (Some(first), Some(second)) => {
                self.error_at(
                    second,
                    Complaint::new(format!("`{first}` and `{second}` exclude each other"), hint),
                );
                None
            }
            (None, _) if self.is_misspelt(keys) => None,
            (None, _) => {
                let (last, others) = keys.split_last()?;
                let message =
                    format!("one of `{}` and `{last}` is missing in `{}`", others.join("`, `"), self.title);
                self.error(Complaint::new(message, hint));
                None
            }
        }
    }

    /// A table under this key.
    pub fn table(&self, key: &str) -> Option<Self> {
        let (key, name, value) = self.known(key)?;
        let Value::Table(keys) = &key.value else { return None };
        match value.get_ref() {
            DeValue::Table(entries) => Some(self.inner(keys, entries, name.span())),
            other => {
                self.wrong_type(key.name, value.span(), &format!("a table: `{}`", keys.table), other);
                None
            }
        }
    }

    /// The tables of a list of tables.
    pub fn tables(&self, key: &str) -> Vec<Self> {
        let Some((key, name, value)) = self.known(key) else { return Vec::new() };
        let Value::Tables(keys) = &key.value else { return Vec::new() };
        let wrong = |span, other| {
            let wanted = match keys.table.strip_prefix("[[") {
                Some(_) => format!("written as `{}`, with two brackets", keys.table),
                None => format!("a list of tables like {}", key.example),
            };
            self.wrong_type(key.name, span, &wanted, other);
            None
        };
        match value.get_ref() {
            DeValue::Array(list) => {
                let _ = self.not_empty(key, list.is_empty(), value);
                list.iter()
                    .filter_map(|item| match item.get_ref() {
                        DeValue::Table(entries) => Some(self.inner(keys, entries, item.span())),
                        other => wrong(item.span(), other),
                    })
                    .collect()
            }
            other => wrong(name.span(), other).into_iter().collect(),
        }
    }

    /// The tables of a table, each with its name: `[site.berlin]`.
    pub fn named_tables(&self, key: &str) -> Vec<(At<&'a str>, Self)> {
        let Some((key, _, value)) = self.known(key) else { return Vec::new() };
        let Value::Named(keys) = &key.value else { return Vec::new() };
        let DeValue::Table(tables) = value.get_ref() else {
            self.wrong_type(key.name, value.span(), &format!("a table: `{}`", keys.table), value.get_ref());
            return Vec::new();
        };
        let mut named = Vec::new();
        for (name, value) in tables {
            match value.get_ref() {
                DeValue::Table(entries) => {
                    let title = keys.table.split_once('.').map_or(keys.table, |(kind, _)| kind);
                    let title = format!("{title}.{}]", name.get_ref());
                    let table = Self {
                        source: self.source,
                        keys,
                        title: title.into(),
                        grammar: self.grammar,
                        entries,
                        span: name.span(),
                    };
                    named.push((At { value: name.get_ref().as_ref(), span: name.span() }, table.accounted()));
                }
                other => {
                    self.wrong_type(
                        name.get_ref(),
                        value.span(),
                        &format!("a table: `{}`", keys.table),
                        other,
                    );
                }
            }
        }
        named
    }

    fn entry(&self, key: &str) -> Option<Entry<'a>> {
        debug_assert!(self.keys.get(key).is_some(), "{key} is not in the table of keys");
        self.entries.iter().find(|(name, _)| name.get_ref() == key)
    }

    /// A key with what the table of keys says of it.
    fn known(
        &self,
        key: &str,
    ) -> Option<(&'static Key, &'a Spanned<toml::de::DeString<'a>>, &'a Spanned<DeValue<'a>>)> {
        let (name, value) = self.entry(key)?;
        Some((self.keys.get(key)?, name, value))
    }

    fn not_empty(&self, key: &Key, empty: bool, value: &Spanned<DeValue<'_>>) -> Option<()> {
        if empty {
            self.source.refuse(
                Code::BadValue,
                &value.span(),
                Complaint::new(format!("`{}` is empty", key.name), "leave the key out, or name something"),
            );
        }
        (!empty).then_some(())
    }

    fn wrong_type(&self, key: &str, span: Range<usize>, wanted: &str, found: &DeValue<'_>) {
        let quotes = matches!(found, DeValue::Datetime(_));
        let found = match found {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with a point",
            DeValue::Boolean(_) => "`true` or `false`",
            DeValue::Datetime(_) => "a date or time without quotes",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let hint = (quotes && wanted.contains("text")).then(|| "put quotes around it".to_owned());
        let message = format!("`{key}` must be {wanted}, not {found}");
        self.source.refuse(Code::WrongType, &span, Complaint { message, near: None, hint });
    }
}
