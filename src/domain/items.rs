//! Items: the named settings of a phone that its deployment service reads and writes (Unify).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What the names of items have in them whose values nobody is to see.
const SECRET: [&str; 4] = ["pwd", "password", "passphrase", "secret"];

/// So much of a value is shown.
const SHOWN: usize = 40;

/// What one item of a phone is to be.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedItem {
    /// Its name: `line-ring-type`.
    pub name: Arc<str>,
    /// Which one, where a phone has several of the name.
    pub index: Option<u32>,
    /// Its value.
    pub value: Arc<str>,
}

impl WantedItem {
    /// What a person calls it: `line-ring-type[2]`.
    pub fn label(&self) -> String {
        match self.index {
            Some(index) => format!("{}[{index}]", self.name),
            None => self.name.to_string(),
        }
    }

    /// Whether its value is a secret, as its name tells.
    pub fn is_secret(&self) -> bool {
        names_a_secret(&self.name)
    }

    /// What stands against a phone that reads this back instead: ``line-ring-type[2] is `0`, not `1` ``.
    pub fn differs(&self, found: &str) -> String {
        if self.is_secret() {
            return format!("{} is not what it is to be", self.label());
        }
        format!("{} is `{}`, not `{}`", self.label(), short(found), short(&self.value))
    }
}

impl fmt::Debug for WantedItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.is_secret() { "…" } else { &self.value };
        write!(f, "{} = {value:?}", self.label())
    }
}

/// Whether this has the name of an item in it whose value nobody is to see.
pub fn names_a_secret(text: &str) -> bool {
    SECRET.iter().any(|word| text.contains(word))
}

/// What a phone tells of the items it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemsFound {
    /// Each is as wanted, read back from the phone.
    AsWanted {
        /// So many were written before; 0 where all were so already.
        written: usize,
    },
    /// It does not tell some of them: it does not know them.
    Unknown {
        /// What they are called.
        items: Vec<String>,
    },
    /// It took the order, and tells something else afterwards.
    NotKept {
        /// Which is what, in words.
        items: Vec<String>,
    },
}

/// No more of a value than a log can bear.
fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, index: Option<u32>, value: &str) -> WantedItem {
        WantedItem { name: name.into(), index, value: value.into() }
    }

    #[test]
    fn what_differs_is_told_and_a_password_is_not() {
        assert_eq!(item("line-ring-type", Some(2), "1").differs("0"), "line-ring-type[2] is `0`, not `1`");
        assert_eq!(
            item("e164", None, &"ä".repeat(50)).differs(""),
            format!("e164 is ``, not `{}…`", "ä".repeat(40))
        );
        for name in ["sip-pwd", "admin-password-2", "wlan-passphrase", "shared-secret"] {
            let secret = item(name, None, "hunter2");
            for shown in [secret.differs("hunter1"), format!("{secret:?}")] {
                assert!(shown.starts_with(name) && !shown.contains("hunter"), "{shown}");
            }
        }
        assert_eq!(format!("{:?}", item("display-skin", None, "1")), "display-skin = \"1\"");
    }

    #[test]
    fn an_item_is_kept_as_it_is() {
        let kept = serde_json::to_string(&item("sip-pwd", Some(1), "hunter2")).unwrap();
        assert_eq!(serde_json::from_str::<WantedItem>(&kept).unwrap(), item("sip-pwd", Some(1), "hunter2"));
    }
}
