//! Settings that are written and read back: what a phone tells of them is compared, before and after.

use super::item::Items;
use super::order::{Order, Setting};
use crate::domain::items::ItemsFound;

/// Settings on their way into a phone.
#[derive(Debug, Clone, Default)]
pub(super) struct Writing {
    wanted: Vec<Setting>,
    /// What the phone told since it was asked last.
    told: Items,
    /// How many it was told to change.
    written: Option<usize>,
}

/// What follows from what a phone told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Compared {
    /// These are to be written.
    Differ(Order),
    /// Nothing more is to be done.
    Over(ItemsFound),
}

impl Writing {
    /// These settings; the phone has told none of them yet.
    pub fn new(wanted: Vec<Setting>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// The question what they are.
    pub fn read(&self) -> Order {
        Order::ReadSettings(self.wanted.clone())
    }

    /// The same behind what was written: what was told before counts no more.
    pub fn read_again(&mut self) -> Order {
        self.told = Items::default();
        self.read()
    }

    /// The phone tells some.
    pub fn take_in(&mut self, items: Items) {
        self.told.take_in(items);
    }

    /// The phone has told all it tells.
    pub fn compare(&mut self) -> Compared {
        let told = |setting: &Setting| self.told.at(setting.name(), setting.index());
        let unknown = self.wanted.iter().filter(|setting| told(setting).is_none());
        let unknown: Vec<String> = unknown.map(|setting| setting.item().label()).collect();
        if !unknown.is_empty() {
            return Compared::Over(ItemsFound::Unknown { items: unknown });
        }
        let differing = self.wanted.iter().filter(|setting| told(setting) != Some(setting.value()));
        let differing: Vec<Setting> = differing.cloned().collect();
        match self.written {
            _ if differing.is_empty() => {
                Compared::Over(ItemsFound::AsWanted { written: self.written.unwrap_or(0) })
            }
            Some(_) => {
                let differs = |setting: &Setting| setting.item().differs(told(setting).unwrap_or_default());
                Compared::Over(ItemsFound::NotKept { items: differing.iter().map(differs).collect() })
            }
            None => {
                self.written = Some(differing.len());
                Compared::Differ(Order::WriteItems(differing))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phones::unify::Item;

    fn setting(name: &str, index: Option<u32>, value: &str) -> Setting {
        Setting::new(name, index, value).unwrap()
    }

    fn told(items: &[(&str, Option<u32>, &str)]) -> Items {
        let item = |(name, index, value): &(&str, Option<u32>, &str)| Item {
            name: (*name).into(),
            index: *index,
            value: (*value).into(),
        };
        Items(items.iter().map(item).collect())
    }

    fn writing() -> Writing {
        Writing::new(vec![
            setting("skin", None, "1"),
            setting("ring", Some(1), "a"),
            setting("ring", Some(2), "b"),
        ])
    }

    #[test]
    fn only_what_differs_is_written_and_believed_once_it_is_read_back() {
        let mut writing = writing();
        writing.take_in(told(&[("skin", None, "1"), ("ring", Some(1), "x")]));
        writing.take_in(told(&[("ring", Some(2), "b"), ("other", None, "y")]));
        let order = Order::WriteItems(vec![setting("ring", Some(1), "a")]);
        assert_eq!(writing.compare(), Compared::Differ(order));
        assert_eq!(writing.read_again(), Order::ReadSettings(writing.wanted.clone()));
        writing.take_in(told(&[("skin", None, "1"), ("ring", Some(1), "a"), ("ring", Some(2), "b")]));
        assert_eq!(writing.compare(), Compared::Over(ItemsFound::AsWanted { written: 1 }));
    }

    #[test]
    fn nothing_is_written_where_all_is_as_wanted_or_something_is_not_known() {
        let mut as_wanted = writing();
        as_wanted.take_in(told(&[("skin", None, "1"), ("ring", Some(1), "a"), ("ring", Some(2), "b")]));
        assert_eq!(as_wanted.compare(), Compared::Over(ItemsFound::AsWanted { written: 0 }));
        let mut unknown = writing();
        unknown.take_in(told(&[("ring", None, "a"), ("ring", Some(2), "x")]));
        let items = vec!["skin".to_owned(), "ring[1]".to_owned()];
        assert_eq!(unknown.compare(), Compared::Over(ItemsFound::Unknown { items }));
    }

    #[test]
    fn what_a_phone_does_not_keep_is_told_and_what_it_told_before_counts_no_more() {
        let mut writing = writing();
        let before = [("skin", None, "0"), ("ring", Some(1), "a"), ("ring", Some(2), "b")];
        writing.take_in(told(&before));
        assert!(matches!(writing.compare(), Compared::Differ(_)));
        writing.read_again();
        writing.take_in(told(&before[..1]));
        let gone = vec!["ring[1]".to_owned(), "ring[2]".to_owned()];
        assert_eq!(writing.compare(), Compared::Over(ItemsFound::Unknown { items: gone }));
        writing.take_in(told(&before[1..]));
        let items = vec!["skin is `0`, not `1`".to_owned()];
        assert_eq!(writing.compare(), Compared::Over(ItemsFound::NotKept { items }));
    }
}
