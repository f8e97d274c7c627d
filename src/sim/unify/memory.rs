//! What a phone keeps over its boots: its settings, and the files that were brought to it.

use std::collections::BTreeMap;

use super::Make;
use super::xml::Item;

/// The settings of a phone, by name and index, and its files.
#[derive(Debug, Default)]
pub(in crate::sim) struct Memory {
    settings: BTreeMap<(String, Option<u32>), String>,
    files: BTreeMap<String, Vec<u8>>,
}

/// What became of settings that a phone was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// So many have another value now.
    Changed(usize),
    /// One of them cannot be written: none was.
    Refused,
}

impl Memory {
    /// As it left the factory.
    pub fn new(make: &Make) -> Self {
        let kept =
            |(name, index, value): &(String, Option<u32>, String)| ((name.clone(), *index), value.clone());
        Self { settings: make.settings.iter().map(kept).collect(), files: BTreeMap::new() }
    }

    /// All settings.
    pub(super) fn items(&self) -> Vec<Item> {
        let item = |((name, index), value): (&(String, Option<u32>), &String)| Item {
            name: name.clone(),
            index: *index,
            value: value.clone(),
        };
        self.settings.iter().map(item).collect()
    }

    /// Keeps a file in the place of the one of its name.
    pub(super) fn keep(&mut self, name: &str, bytes: Vec<u8>) {
        self.files.insert(name.to_owned(), bytes);
    }

    /// Takes settings in: all of them, or none where one is not known or can only be read.
    pub(super) fn write(&mut self, make: &Make, items: &[Item]) -> Taken {
        let key = |item: &Item| (item.name.clone(), item.index);
        let may =
            |item: &Item| self.settings.contains_key(&key(item)) && !make.read_only.contains(&item.name);
        if !items.iter().all(may) {
            return Taken::Refused;
        }
        let mut changed = 0;
        for item in items.iter().filter(|item| !make.forgets.contains(&item.name)) {
            changed +=
                usize::from(self.settings.insert(key(item), item.value.clone()) != Some(item.value.clone()));
        }
        Taken::Changed(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_unless_the_phone_is_made_otherwise() {
        let setting = |name: &str, value: &str| (name.to_owned(), None, value.to_owned());
        let make = Make {
            settings: vec![setting("skin", "0"), setting("name", "a"), setting("fixed", "b")],
            forgets: vec!["name".to_owned()],
            read_only: vec!["fixed".to_owned()],
            ..Make::default()
        };
        let mut memory = Memory::new(&make);
        let before = memory.items();
        assert_eq!(memory.write(&make, &[Item::new("skin", "1"), Item::new("fixed", "c")]), Taken::Refused);
        assert_eq!(memory.write(&make, &[Item::new("skin", "1"), Item::new("new", "c")]), Taken::Refused);
        assert_eq!(memory.items(), before);
        assert_eq!(memory.write(&make, &[Item::new("skin", "1"), Item::new("name", "c")]), Taken::Changed(1));
        let value = |name: &str| memory.items().into_iter().find(|item| item.name == name).unwrap().value;
        assert_eq!((value("skin"), value("name")), ("1".to_owned(), "a".to_owned()));
    }
}
