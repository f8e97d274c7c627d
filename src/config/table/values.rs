//! The values of a table: texts, numbers, words and lists, read as the table of keys says.

use chrono::TimeDelta;
use toml::Spanned;
use toml::de::DeValue;

use super::Table;
use crate::config::code::Code;
use crate::config::keys::{Key, Value, nearest};
use crate::config::raw::{At, Complaint};
use crate::config::value;

impl<'a> Table<'a> {
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
        self.as_number(key.name, key.example, &key.value, value)
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
        Some(list.iter().filter_map(|item| self.as_number(key.name, key.example, inner, item)).collect())
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
            let number = self.as_number(name.get_ref(), "2", inner, value)?;
            Some((
                At { value: name.get_ref().as_ref(), span: name.span() },
                u32::try_from(number.value).ok()?,
            ))
        };
        table.iter().filter_map(one).collect()
    }

    /// A number, or else the text that stands there.
    pub fn number_or_text(&self, key: &str, wanted: &str) -> Option<At<Result<i64, &'a str>>> {
        let (key, _, value) = self.known(key)?;
        let Value::Either([number, ..]) = &key.value else { return None };
        match value.get_ref() {
            DeValue::Integer(_) => self
                .as_number(key.name, key.example, number, value)
                .map(|At { value, span }| At { value: Ok(value), span }),
            DeValue::String(text) => Some(At { value: Err(text.as_ref()), span: value.span() }),
            other => {
                self.wrong_type(key.name, value.span(), wanted, other);
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
                self.source.refuse(
                    Code::BadValue,
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

    fn as_number(
        &self,
        key: &str,
        example: &str,
        bounds: &Value,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<At<i64>> {
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
                self.source.refuse(
                    Code::OutOfBounds,
                    &value.span(),
                    Complaint::new(
                        format!("`{key}` must lie between {least} and {most}"),
                        format!("write it like `{key} = {example}`"),
                    ),
                );
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
                self.source.refuse(Code::BadValue, &text.span, complaint);
                None
            }
        }
    }
}

/// The word of a key that a text is.
fn word(key: &Key, text: &str) -> Result<&'static str, Complaint> {
    let words = match &key.value {
        Value::Word(words) | Value::OneOrMore(Value::Word(words)) => words,
        _ => &[] as &[&str],
    };
    words.iter().copied().find(|word| *word == text).ok_or_else(|| Complaint {
        message: format!("`{text}` is no word for `{}`", key.name),
        near: nearest(text, words.iter().copied()),
        hint: Some(match words {
            [only] => format!("only `{only}` is one"),
            words => format!("it is one of {}", words.join(", ")),
        }),
    })
}
