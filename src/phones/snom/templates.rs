//! All settings files of the administrator: which of them a phone gets, and what they say of sipherd's own keys.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::super::user_agent::snom_model;
use super::template::Template;
use crate::domain::check_sync::CheckSync;
use crate::domain::phone::{Mac, Model};

/// Whom a settings file is for, by its name: the names under which phones ask.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `snom.htm`: every phone.
    General,
    /// `snomD785.htm`: every phone of the model.
    Model(Model),
    /// `snomD785-000413922D24.htm`: one phone.
    Phone(Mac),
}

impl Scope {
    /// Whom a file of this name is for; `None` when it is none of the names.
    pub fn of_file(name: &str) -> Option<Self> {
        let stem = name.strip_prefix("snom")?.strip_suffix(".htm")?;
        match stem.split_once('-') {
            None if stem.is_empty() => Some(Self::General),
            None => Some(Self::Model(snom_model(stem)?)),
            Some((model, mac)) => {
                snom_model(model)?;
                let read: Mac = mac.parse().ok()?;
                (read.bare_upper() == mac).then_some(Self::Phone(read))
            }
        }
    }
}

/// The administrator's settings files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Templates {
    files: BTreeMap<Scope, Template>,
}

impl Templates {
    /// Takes in a file; `false` when there is one for this scope already.
    pub fn put(&mut self, scope: Scope, template: Template) -> bool {
        match self.files.entry(scope) {
            Entry::Vacant(free) => {
                free.insert(template);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Whether there is no file at all.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files that hold for a phone, the most general first.
    pub fn of(&self, model: Option<&Model>, mac: Mac) -> Vec<&Template> {
        let model = model.and_then(|model| self.files.get(&Scope::Model(model.clone())));
        [self.files.get(&Scope::General), model, self.files.get(&Scope::Phone(mac))]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What they say of a setting for a phone: the most particular file decides.
    pub fn value(&self, model: Option<&Model>, mac: Mac, name: &str) -> Option<&str> {
        if self.files.is_empty() {
            return None;
        }
        self.of(model, mac).into_iter().rev().find_map(|template| template.value(name))
    }

    /// What a phone does with a check-sync. While its model is unknown, the worst of what any model's file says holds.
    pub fn check_sync(&self, model: Option<&Model>, mac: Mac) -> CheckSync {
        let of = |value: Option<&str>| value.map_or(CheckSync::Follows, CheckSync::of);
        let said = of(self.value(model, mac, "checksync_action"));
        let any_model = model.is_none()
            && self.files.iter().any(|(scope, template)| {
                matches!(scope, Scope::Model(_))
                    && of(template.value("checksync_action")) == CheckSync::Destroys
            });
        if any_model { CheckSync::Destroys } else { said }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac::new([0x00, 0x04, 0x13, 0x92, 0x2d, 0x24]);

    fn template(settings: &str) -> Template {
        Template::read(&format!("<settings><phone-settings>{settings}</phone-settings></settings>")).unwrap()
    }

    #[test]
    fn a_file_is_for_those_who_ask_for_its_name() {
        assert_eq!(Scope::of_file("snom.htm"), Some(Scope::General));
        assert_eq!(Scope::of_file("snomD785.htm"), Some(Scope::Model(Model::new("D785"))));
        assert_eq!(Scope::of_file("snomD785-000413922D24.htm"), Some(Scope::Phone(MAC)));
        for name in ["D785.htm", "snomD785.xml", "snomD785-000413922d24.htm", "snom-.htm", "readme.txt"] {
            assert_eq!(Scope::of_file(name), None, "{name}");
        }
    }

    #[test]
    fn the_most_particular_file_decides() {
        let mut all = Templates::default();
        assert!(all.put(Scope::General, template("<update_policy>settings_only</update_policy><a>1</a>")));
        assert!(
            all.put(
                Scope::Model(Model::new("D785")),
                template("<update_policy>never_update</update_policy>")
            )
        );
        assert!(all.put(Scope::Phone(MAC), template("<update_policy>auto_update</update_policy>")));
        assert!(!all.put(Scope::General, Template::default()));
        let policy = |model: &str, mac: Mac| {
            all.value(Some(&Model::new(model)), mac, "update_policy").map(str::to_owned)
        };
        assert_eq!(policy("D785", MAC).as_deref(), Some("auto_update"));
        assert_eq!(policy("D785", Mac::new([1; 6])).as_deref(), Some("never_update"));
        assert_eq!(policy("D765", Mac::new([1; 6])).as_deref(), Some("settings_only"));
        assert_eq!(all.value(None, MAC, "b"), None);
        assert_eq!(Templates::default().value(None, MAC, "a"), None);
    }

    #[test]
    fn a_check_sync_that_may_wipe_the_phone_is_recognised_and_doubt_counts_as_one() {
        let mut all = Templates::default();
        all.put(
            Scope::Model(Model::new("D785")),
            template("<checksync_action>factory-reset</checksync_action>"),
        );
        let of = |model: Option<&str>| all.check_sync(model.map(Model::new).as_ref(), MAC);
        assert_eq!(of(Some("D785")), CheckSync::Destroys);
        assert_eq!(of(Some("D765")), CheckSync::Follows);
        assert_eq!(of(None), CheckSync::Destroys, "it may be a D785");
        for (value, wanted) in [
            ("", CheckSync::Follows),
            ("reboot", CheckSync::Reboots),
            ("sync", CheckSync::Syncs),
            ("reregister", CheckSync::Registers),
            ("delete-contacts", CheckSync::Destroys),
            ("factory-reset", CheckSync::Destroys),
            ("something-new", CheckSync::Destroys),
        ] {
            assert_eq!(CheckSync::of(value), wanted, "{value}");
        }
    }
}
