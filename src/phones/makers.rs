//! All makers that are known: the shipped ones with the administrator's own laid over them.

use std::collections::{BTreeMap, BTreeSet};

use super::user_agent::plain;
use super::{Profile, Sighting, UserAgent};
use crate::domain::phone::Vendor;

/// The shipped profiles: the name of each file, and its text.
pub const SHIPPED: [(&str, &str); 25] = [
    ("ale.toml", include_str!("profiles/ale.toml")),
    ("algo.toml", include_str!("profiles/algo.toml")),
    ("audiocodes.toml", include_str!("profiles/audiocodes.toml")),
    ("avaya.toml", include_str!("profiles/avaya.toml")),
    ("cisco.toml", include_str!("profiles/cisco.toml")),
    ("cisco-enterprise.toml", include_str!("profiles/cisco-enterprise.toml")),
    ("cisco-spa.toml", include_str!("profiles/cisco-spa.toml")),
    ("digium.toml", include_str!("profiles/digium.toml")),
    ("fanvil.toml", include_str!("profiles/fanvil.toml")),
    ("generic.toml", include_str!("profiles/generic.toml")),
    ("gigaset.toml", include_str!("profiles/gigaset.toml")),
    ("gigaset-n510.toml", include_str!("profiles/gigaset-n510.toml")),
    ("grandstream.toml", include_str!("profiles/grandstream.toml")),
    ("htek.toml", include_str!("profiles/htek.toml")),
    ("innovaphone.toml", include_str!("profiles/innovaphone.toml")),
    ("linksys.toml", include_str!("profiles/linksys.toml")),
    ("mitel.toml", include_str!("profiles/mitel.toml")),
    ("panasonic.toml", include_str!("profiles/panasonic.toml")),
    ("poly.toml", include_str!("profiles/poly.toml")),
    ("snom.toml", include_str!("profiles/snom.toml")),
    ("snom-dect.toml", include_str!("profiles/snom-dect.toml")),
    ("technicolor.toml", include_str!("profiles/technicolor.toml")),
    ("thomson.toml", include_str!("profiles/thomson.toml")),
    ("unify.toml", include_str!("profiles/unify.toml")),
    ("yealink.toml", include_str!("profiles/yealink.toml")),
];

/// All makers, and whose User-Agent is whose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Makers {
    profiles: BTreeMap<Vendor, Profile>,
    /// Makers whose User-Agents the administrator wrote.
    own_user_agents: BTreeSet<Vendor>,
}

impl Makers {
    /// Puts a maker in, or in the place of the one of its name. `own_user_agents` are the administrator's: they win
    /// over shipped ones.
    pub fn put(&mut self, profile: Profile, own_user_agents: bool) {
        if own_user_agents {
            self.own_user_agents.insert(profile.vendor.clone());
        }
        self.profiles.insert(profile.vendor.clone(), profile);
    }

    /// How this maker's phones are asked; `None` where nobody knows, and nothing is ever sent to them.
    pub fn profile(&self, vendor: &Vendor) -> Option<&Profile> {
        self.known(vendor).filter(|profile| profile.can_be_asked())
    }

    /// What is known of a maker, be it only how its phones are recognised.
    pub fn known(&self, vendor: &Vendor) -> Option<&Profile> {
        self.profiles.get(vendor)
    }

    /// The makers whose phones can be asked, in the order of their names.
    pub fn vendors(&self) -> impl Iterator<Item = &Vendor> {
        self.all().filter(|profile| profile.can_be_asked()).map(|profile| &profile.vendor)
    }

    /// All that is known, in the order of the makers' names.
    pub fn all(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }

    /// What this User-Agent tells; `None` when no maker known here writes such a one, or several do.
    ///
    /// On most phones the text can be set by their owner: it is evidence, never the only identity.
    pub fn recognise(&self, user_agent: &str) -> Option<Sighting> {
        let text = plain(user_agent)?;
        self.only(text, true).or_else(|| self.only(text, false))?
    }

    /// Of the makers whose User-Agents were written by the administrator, or of the others: `None` when nobody takes
    /// the text, `Some(None)` when nothing decides between several.
    fn only(&self, text: &str, own: bool) -> Option<Option<Sighting>> {
        let makers = self.all().filter(|maker| self.own_user_agents.contains(&maker.vendor) == own);
        let mut sightings = makers.filter_map(|maker| sighting(maker, text));
        let first = sightings.next()?;
        Some(sightings.next().is_none().then_some(first))
    }

    /// Whether the administrator wrote this maker's User-Agents.
    pub fn has_own_user_agents(&self, vendor: &Vendor) -> bool {
        self.own_user_agents.contains(vendor)
    }
}

fn sighting(maker: &Profile, text: &str) -> Option<Sighting> {
    let picked = maker.user_agents.iter().find_map(|agent: &UserAgent| agent.pick(text))?;
    Some(Sighting {
        vendor: maker.vendor.clone(),
        model: picked.model,
        version: picked.version,
        mac: picked.mac,
        modules: picked.modules,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phones::tests::maker;

    #[test]
    fn what_the_administrator_wrote_wins_and_nothing_is_guessed_between_equals() {
        let mut makers = Makers::default();
        makers.put(maker("old", "^Acme (?<model>\\w+)"), false);
        assert_eq!(makers.recognise("Acme P10").unwrap().vendor.as_str(), "old");
        makers.put(maker("new", "^Acme P(?<model>\\w+)"), true);
        let seen = makers.recognise("Acme P10").unwrap();
        assert_eq!((seen.vendor.as_str(), seen.model.unwrap().as_str()), ("new", "10"));
        assert_eq!(makers.recognise("Acme Q10").unwrap().vendor.as_str(), "old");
        makers.put(maker("third", "P10$"), true);
        assert_eq!(makers.recognise("Acme P10"), None, "which is it?");
        assert_eq!(makers.recognise("Acme P11").unwrap().vendor.as_str(), "new");
    }

    #[test]
    fn who_cannot_be_asked_is_recognised_all_the_same() {
        let mut makers = Makers::default();
        makers.put(Profile { reboot: Vec::new(), ..maker("mute", "^Mute (?<model>\\w+)") }, false);
        let mute = Vendor::new("mute");
        assert_eq!((makers.profile(&mute), makers.vendors().count()), (None, 0));
        assert!(makers.known(&mute).is_some());
        let resyncs = vec![crate::domain::trip::Trigger::event("check-sync")];
        let reads = Profile { reboot: Vec::new(), resync: resyncs, ..maker("reads", "^Reads") };
        makers.put(reads, false);
        assert!(makers.profile(&Vendor::new("reads")).is_some(), "it can be asked to read its settings");
        assert_eq!(makers.recognise("Mute 1").unwrap().vendor, mute);
    }
}
