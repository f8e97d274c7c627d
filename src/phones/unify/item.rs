//! Items: the named values that phones and their deployment service exchange.

/// One value of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is called: `software-version`.
    pub name: String,
    /// Which one, where a phone has several of the name.
    pub index: Option<u32>,
    /// The value, without blanks around it.
    pub value: String,
}

/// Items in the order they came; a name may come again with another index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Items(pub Vec<Item>);

impl Items {
    /// The value of an item that has no index.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.at(name, None)
    }

    /// The value of an item with this index.
    pub fn at(&self, name: &str, index: Option<u32>) -> Option<&str> {
        let found = self.0.iter().find(|item| item.name == name && item.index == index)?;
        Some(&found.value)
    }

    /// Every item of a name, whatever its index.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Item> {
        self.0.iter().filter(move |item| item.name == name)
    }

    /// Takes in what came later: a value that is here already is replaced.
    pub fn take_in(&mut self, later: Self) {
        for item in later.0 {
            match self.0.iter_mut().find(|known| known.name == item.name && known.index == item.index) {
                Some(known) => known.value = item.value,
                None => self.0.push(item),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, index: Option<u32>, value: &str) -> Item {
        Item { name: name.into(), index, value: value.into() }
    }

    #[test]
    fn an_item_is_found_by_name_and_index() {
        let mut items = Items(vec![
            item("key-label", Some(1), "Home"),
            item("key-label", Some(2), "Door"),
            item("e164", None, "2117"),
        ]);
        assert_eq!((items.get("e164"), items.get("key-label")), (Some("2117"), None));
        assert_eq!(items.at("key-label", Some(2)), Some("Door"));
        assert_eq!(items.all("key-label").count(), 2);
        items.take_in(Items(vec![item("key-label", Some(2), "Gate"), item("key-label", Some(3), "Lift")]));
        assert_eq!((items.at("key-label", Some(2)), items.0.len()), (Some("Gate"), 4));
    }
}
