//! The dialplan's hints: which phones an extension stands for, and which do-not-disturb switch is theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::device::endpoint_of_device;
use super::picture::Incomplete;
use super::wire::Block;

/// Endpoints, as Asterisk calls the accounts of phones.
pub(super) type Endpoints = BTreeSet<Arc<str>>;

/// The hints of all contexts.
#[derive(Debug, Clone, Default)]
pub(super) struct Hints {
    /// The phones of each extension, context by context.
    phones: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Endpoints>>,
    /// The phones whose hint names this do-not-disturb switch, and the other way round.
    by_switch: BTreeMap<Arc<str>, Endpoints>,
    by_phone: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl Hints {
    /// The hints in the items of `ExtensionStateList`.
    pub(super) fn read(items: &[Block]) -> Result<Self, Incomplete> {
        let mut hints = Self::default();
        for item in items {
            let text = |key| item.get(key).ok_or(Incomplete { what: "hint", key });
            let (exten, context, hint) = (text("Exten")?, text("Context")?, text("Hint")?);
            // Behind a comma stands presence, which says nothing of devices.
            let devices = || hint.split(',').next().unwrap_or_default().split('&').map(str::trim);
            let phones: Endpoints = devices().filter_map(endpoint_of_device).map(Arc::from).collect();
            for switch in devices().filter(|device| owner(device).is_some()) {
                let switch = Arc::<str>::from(switch);
                for phone in &phones {
                    hints.by_phone.entry(phone.clone()).or_default().insert(switch.clone());
                }
                hints.by_switch.entry(switch).or_default().extend(phones.iter().cloned());
            }
            hints.phones.entry(exten.into()).or_default().insert(context.into(), phones);
        }
        Ok(hints)
    }

    /// Extensions that ring several phones, by their number and by `number@context`. A number that means different
    /// phones in different contexts is told with its contexts only.
    pub(super) fn ring_groups(&self) -> BTreeMap<Arc<str>, Endpoints> {
        let mut groups = BTreeMap::new();
        for (exten, contexts) in &self.phones {
            for (context, phones) in contexts.iter().filter(|(_, phones)| phones.len() > 1) {
                groups.insert(format!("{exten}@{context}").into(), phones.clone());
            }
            let mut meanings = contexts.values();
            if let Some(first) = meanings.next()
                && first.len() > 1
                && meanings.all(|other| other == first)
            {
                groups.insert(exten.clone(), first.clone());
            }
        }
        groups
    }

    /// The phones that an interface of a queue rings: `PJSIP/1001`, `hint:1001@ext-local`, `Local/1001@from-queue/n`.
    pub(super) fn phones_of(&self, interface: &str) -> Endpoints {
        if let Some(endpoint) = endpoint_of_device(interface) {
            return [Arc::from(endpoint)].into();
        }
        let Some(place) = interface.strip_prefix("hint:").or_else(|| interface.strip_prefix("Local/")) else {
            return Endpoints::new();
        };
        let place = place.split('/').next().unwrap_or_default();
        let (exten, context) = place.split_once('@').unwrap_or((place, ""));
        let contexts = self.phones.get(exten);
        // The context a queue dials through is seldom the one that holds the hint.
        let here = contexts.and_then(|contexts| contexts.get(context)).filter(|phones| !phones.is_empty());
        let found: Endpoints = match (here, contexts) {
            (Some(phones), _) => phones.clone(),
            (None, Some(contexts)) => contexts.values().flatten().cloned().collect(),
            (None, None) => Endpoints::new(),
        };
        match found.is_empty() {
            // Extension and endpoint have the same name nearly everywhere; where they do not, it is no phone of ours.
            true if !exten.is_empty() => [Arc::from(exten)].into(),
            _ => found,
        }
    }

    /// The phones that a do-not-disturb switch silences.
    pub(super) fn silenced_by(&self, switch: &str) -> Endpoints {
        let mut phones = self.by_switch.get(switch).cloned().unwrap_or_default();
        phones.extend(owner(switch).map(Arc::from));
        phones
    }

    /// All do-not-disturb switches that silence a phone.
    pub(super) fn switches_of(&self, endpoint: &str) -> BTreeSet<Arc<str>> {
        let mut switches = self.by_phone.get(endpoint).cloned().unwrap_or_default();
        switches.extend(SWITCHES.map(|prefix| Arc::from(format!("{prefix}{endpoint}"))));
        switches
    }
}

/// The devices by which FreePBX shows do-not-disturb: of an extension, and of a device where users and devices differ.
const SWITCHES: [&str; 2] = ["Custom:DND", "Custom:DEVDND"];

/// The extension or device whose do-not-disturb switch this is.
pub(super) fn owner(device: &str) -> Option<&str> {
    SWITCHES.iter().find_map(|prefix| device.strip_prefix(prefix)).filter(|name| !name.is_empty())
}

/// Whether a switch in this state is set. One that was never touched is in an unknown state, and off; what is not
/// understood counts as set.
pub(super) fn is_set(state: &str) -> bool {
    !matches!(state, "NOT_INUSE" | "UNKNOWN")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pbx::asterisk::wire::Blocks;

    async fn hints(rows: &[(&str, &str, &str)]) -> Hints {
        let text: String = rows
            .iter()
            .map(|(exten, context, hint)| {
                format!("Exten: {exten}\r\nContext: {context}\r\nHint: {hint}\r\n\r\n")
            })
            .collect();
        let mut blocks = Blocks::new(text.as_bytes());
        let mut items = Vec::new();
        while let Ok(block) = blocks.next().await {
            items.push(block);
        }
        Hints::read(&items).unwrap()
    }

    fn names(phones: &Endpoints) -> Vec<&str> {
        phones.iter().map(|phone| &**phone).collect()
    }

    #[tokio::test]
    async fn a_hint_with_several_phones_is_a_ring_group() {
        let hints = hints(&[
            ("700", "groups", "PJSIP/1001&PJSIP/1002,CustomPresence:700"),
            ("1001", "phones", "PJSIP/1001&Custom:DND1001"),
            ("701", "a", "PJSIP/1001&PJSIP/1002"),
            ("701", "b", "PJSIP/1001&PJSIP/1003"),
            ("702", "a", "Custom:night&DAHDI/1"),
        ])
        .await;
        let groups = hints.ring_groups();
        let told: Vec<(&str, Vec<&str>)> = groups.iter().map(|(name, of)| (&**name, names(of))).collect();
        assert_eq!(
            told,
            [
                ("700", vec!["1001", "1002"]),
                ("700@groups", vec!["1001", "1002"]),
                ("701@a", vec!["1001", "1002"]),
                ("701@b", vec!["1001", "1003"]),
            ],
            "701 alone would be one of two things"
        );
    }

    #[tokio::test]
    async fn an_interface_of_a_queue_leads_to_its_phones() {
        let hints = hints(&[
            ("2117", "ext-local", "PJSIP/desk-17&Custom:DND2117"),
            ("700", "ext-local", "PJSIP/1001&PJSIP/1002"),
            ("800", "ext-local", "Custom:night"),
        ])
        .await;
        for (interface, phones) in [
            ("PJSIP/1001", vec!["1001"]),
            ("hint:2117@ext-local", vec!["desk-17"]),
            ("Local/2117@from-queue/n", vec!["desk-17"]),
            ("Local/700@from-queue", vec!["1001", "1002"]),
            ("Local/1001@from-queue/n", vec!["1001"]),
            ("Local/800@from-queue/n", vec!["800"]),
            ("Agent/7", vec![]),
            ("Local/", vec![]),
        ] {
            assert_eq!(names(&hints.phones_of(interface)), phones, "{interface}");
        }
    }

    #[tokio::test]
    async fn do_not_disturb_is_of_the_extension_and_of_the_phones_in_its_hint() {
        let hints = hints(&[("2117", "ext-local", "PJSIP/desk-17&Custom:DND2117")]).await;
        assert_eq!(names(&hints.silenced_by("Custom:DND2117")), ["2117", "desk-17"]);
        assert_eq!(names(&hints.silenced_by("Custom:DEVDND55")), ["55"]);
        assert_eq!(
            names(&hints.switches_of("desk-17")),
            ["Custom:DEVDNDdesk-17", "Custom:DND2117", "Custom:DNDdesk-17"]
        );
        assert_eq!(owner("Custom:DND"), None);
        assert!(is_set("BUSY") && is_set("INUSE") && is_set("INVALID") && !is_set("NOT_INUSE"));
        assert!(!is_set("UNKNOWN"), "a switch nobody ever touched");
    }
}
