//! Tables of which one reader reads a part and another the rest, and values that only their reader understands.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Keys, Source, Table};

impl<'a> Table<'a> {
    /// The top of a file of which only some keys are read here; another reader accounts for all.
    pub fn part(source: &'a Source, grammar: &'static [&'static Keys], top: &'a DeTable<'a>) -> Option<Self> {
        Some(Self { source, keys: grammar.first()?, title: "".into(), grammar, entries: top, span: 0..0 })
    }

    /// What stands behind a key, as the file has it.
    pub fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entry(key).map(|(_, value)| value)
    }
}
