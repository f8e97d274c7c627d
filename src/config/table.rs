//! A table of a TOML file all of whose keys are accounted for; its values are read as the table of keys says.

use std::ops::Range;

use chrono::TimeDelta;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Key, Keys, Value, nearest};
use super::raw::{At, Complaint, Source};
use super::value;

/// A table all of whose keys are known; the others were recorded as problems.
pub struct Table<'a> {
    source: &'a Source,
    keys: &'static Keys,
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
        Some(Self { source, keys, grammar, entries: document.get_ref(), span: 0..0 }.accounted())
    }

    /// A table inside this one.
    fn inner(&self, keys: &'static Keys, entries: &'a DeTable<'a>, span: Range<usize>) -> Self {
        Self { source: self.source, keys, grammar: self.grammar, entries, span }.accounted()
    }

    /// Records every key that is not understood.
    fn accounted(self) -> Self {
        for (key, _) in self.entries {
            let name: &str = key.get_ref();
            if self.keys.get(name).is_none() {
                self.source.error(&key.span(), self.stray(name));
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
        let message = match keys.table {
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
            [] if keys.keys.is_empty() => Some(format!("`{}` has no keys", keys.table)),
            [] if near.is_none() => {
                Some(format!("the keys here are {}", keys.names().collect::<Vec<_>>().join(", ")))
            }
            [] => None,
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

    /// Records that something is wrong with the table as a whole.
    pub fn error(&self, complaint: impl Into<Complaint>) {
        self.source.error(&self.span, complaint);
    }

    /// Records that something is wrong with a key that is there, else with the table.
    pub fn error_at(&self, key: &str, complaint: impl Into<Complaint>) {
        self.source.error(&self.key(key).unwrap_or_else(|| self.span()), complaint);
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

    /// Records a missing key.
    pub fn missing(&self, key: &str, hint: impl Into<String>) {
        let message = match self.keys.table {
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
            (None, _) => {
                let (last, others) = keys.split_last()?;
                let message = format!(
                    "one of `{}` and `{last}` is missing in `{}`",
                    others.join("`, `"),
                    self.keys.table
                );
                self.error(Complaint::new(message, hint));
                None
            }
        }
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<At<&'a str>> {
        let (key, _, value) = self.known(key)?;
        self.as_text(key, value)
    }

    /// A text read further: an address, a zone.
    pub fn read<T>(&self, key: &str, parse: impl FnOnce(&str) -> Result<T, Complaint>) -> Option<At<T>> {
        let text = self.text(key)?;
        self.checked(text, parse)
    }

    /// One of the words that the table of keys names.
    pub fn word(&self, key: &str) -> Option<At<&'static str>> {
        let (key, _, value) = self.known(key)?;
        let text = self.as_text(key, value)?;
        self.checked(text, |text| word(key, text))
    }

    /// A duration within the bounds that the table of keys names.
    pub fn duration(&self, key: &str) -> Option<At<TimeDelta>> {
        let (key, _, value) = self.known(key)?;
        let text = self.as_text(key, value)?;
        self.checked(text, |text| {
            let Value::Duration { least, most } = &key.value else { return value::duration(text) };
            value::duration_within(value::duration(least)?, value::duration(most)?)(text)
        })
    }

    /// A text, or a list of texts; never empty.
    pub fn texts(&self, key: &str) -> Option<Vec<At<&'a str>>> {
        let (key, _, value) = self.known(key)?;
        match value.get_ref() {
            DeValue::Array(list) => {
                self.not_empty(key, list.is_empty(), value)?;
                Some(list.iter().filter_map(|item| self.as_text(key, item)).collect())
            }
            DeValue::String(_) => Some(self.as_text(key, value).into_iter().collect()),
            other => {
                let wanted = match &key.value {
                    Value::List(_) => format!("a list of texts like {}", key.example),
                    _ => format!("a text or a list of texts like {}", key.example),
                };
                self.wrong_type(key.name, value.span(), &wanted, other);
                None
            }
        }
    }

    /// A list of texts, each read further.
    pub fn read_all<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, Complaint>) -> Option<Vec<At<T>>> {
        let texts = self.texts(key)?;
        Some(texts.into_iter().filter_map(|text| self.checked(text, &parse)).collect())
    }

    /// Some of the words that the table of keys names.
    pub fn words(&self, key: &str) -> Option<Vec<At<&'static str>>> {
        let known = self.keys.get(key)?;
        self.read_all(key, |text| word(known, text))
    }

    /// A whole number within the bounds that the table of keys names.
    pub fn number(&self, key: &str) -> Option<At<i64>> {
        let (key, _, value) = self.known(key)?;
        self.as_number(key.name, &key.value, value)
    }

    /// A number of phones, attempts, boots: a whole number that cannot be negative.
    pub fn count(&self, key: &str) -> Option<u32> {
        self.number(key).and_then(|n| u32::try_from(n.value).ok())
    }

    /// A share in hundredths.
    pub fn hundredths(&self, key: &str) -> Option<u8> {
        self.number(key).and_then(|n| u8::try_from(n.value).ok())
    }

    /// A list of whole numbers; never empty.
    pub fn numbers(&self, key: &str) -> Option<Vec<At<i64>>> {
        let (key, _, value) = self.known(key)?;
        let (DeValue::Array(list), Value::List(inner)) = (value.get_ref(), &key.value) else {
            self.wrong_type(
                key.name,
                value.span(),
                &format!("a list of whole numbers like {}", key.example),
                value.get_ref(),
            );
            return None;
        };
        self.not_empty(key, list.is_empty(), value)?;
        Some(list.iter().filter_map(|item| self.as_number(key.name, inner, item)).collect())
    }

    /// Whole numbers by names that their author chose.
    pub fn each_number(&self, key: &str) -> Vec<(At<&'a str>, u32)> {
        let Some((key, _, value)) = self.known(key) else { return Vec::new() };
        let (DeValue::Table(table), Value::Each(inner)) = (value.get_ref(), &key.value) else {
            self.wrong_type(
                key.name,
                value.span(),
                &format!("a table like {}", key.example),
                value.get_ref(),
            );
            return Vec::new();
        };
        let _ = self.not_empty(key, table.is_empty(), value);
        let one = |(name, value): (&'a Spanned<toml::de::DeString<'a>>, &'a Spanned<DeValue<'a>>)| {
            let number = self.as_number(name.get_ref(), inner, value)?;
            Some((
                At { value: name.get_ref().as_ref(), span: name.span() },
                u32::try_from(number.value).ok()?,
            ))
        };
        table.iter().filter_map(one).collect()
    }

    /// A number, or else the text that stands there.
    pub fn number_or_text(&self, key: &str) -> Option<At<Result<i64, &'a str>>> {
        let (key, _, value) = self.known(key)?;
        let Value::Either([number, ..]) = &key.value else { return None };
        match value.get_ref() {
            DeValue::Integer(_) => self
                .as_number(key.name, number, value)
                .map(|At { value, span }| At { value: Ok(value), span }),
            DeValue::String(text) => Some(At { value: Err(text.as_ref()), span: value.span() }),
            other => {
                self.wrong_type(
                    key.name,
                    value.span(),
                    &format!("a whole number or a text like {}", key.example),
                    other,
                );
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &str) -> Option<bool> {
        let (key, _, value) = self.known(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                self.wrong_type(key.name, value.span(), "`true` or `false`, without quotes", other);
                None
            }
        }
    }

    /// Whether a key that is `true` or left out is there.
    pub fn yes(&self, key: &str) -> Option<()> {
        let (key, _, value) = self.known(key)?;
        match value.get_ref() {
            DeValue::Boolean(true) => Some(()),
            DeValue::Boolean(false) => {
                self.source.error(
                    &value.span(),
                    Complaint::new(format!("`{}` can only be `true`", key.name), "leave the key out"),
                );
                None
            }
            other => {
                self.wrong_type(key.name, value.span(), "`true`, without quotes", other);
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
                DeValue::Table(entries) => named.push((
                    At { value: name.get_ref().as_ref(), span: name.span() },
                    self.inner(keys, entries, name.span()),
                )),
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
            self.source.error(
                &value.span(),
                Complaint::new(format!("`{}` is empty", key.name), "leave the key out, or name something"),
            );
        }
        (!empty).then_some(())
    }

    fn as_text(&self, key: &Key, value: &'a Spanned<DeValue<'a>>) -> Option<At<&'a str>> {
        match value.get_ref() {
            DeValue::String(text) => Some(At { value: text.as_ref(), span: value.span() }),
            other => {
                let example = key
                    .example
                    .trim_start_matches('[')
                    .split(", ")
                    .next()
                    .unwrap_or("")
                    .trim_end_matches(']');
                self.wrong_type(key.name, value.span(), &format!("a text like {example}"), other);
                None
            }
        }
    }

    fn as_number(&self, key: &str, bounds: &Value, value: &Spanned<DeValue<'_>>) -> Option<At<i64>> {
        let Value::Number { least, most } = bounds else { return None };
        let DeValue::Integer(digits) = value.get_ref() else {
            self.wrong_type(key, value.span(), "a whole number", value.get_ref());
            return None;
        };
        match i64::from_str_radix(digits.as_str(), digits.radix())
            .ok()
            .filter(|n| (least..=most).contains(&n))
        {
            Some(n) => Some(At { value: n, span: value.span() }),
            None => {
                self.source.error(&value.span(), format!("`{key}` must lie between {least} and {most}"));
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

/// The word of a key that a text is.
fn word(key: &Key, text: &str) -> Result<&'static str, Complaint> {
    let words = match &key.value {
        Value::Word(words) | Value::OneOrMore(Value::Word(words)) => words,
        _ => &[] as &[&str],
    };
    words.iter().copied().find(|word| *word == text).ok_or_else(|| Complaint {
        message: format!("`{text}` is no `{}`", key.name),
        near: nearest(text, words.iter().copied()),
        hint: Some(match words {
            [only] => format!("only `{only}` is one"),
            words => format!("it is one of {}", words.join(", ")),
        }),
    })
}
