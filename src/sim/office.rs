//! Phones of a building that stands on paper only, drawn from a seed: same seed, same phones.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::domain::firmware::Version;
use crate::domain::phone::{KnownBy, Line, LineId, Mac, Model, PbxName, Phone, Site, Switch, Tag, Vendor};

/// Phones on one switch.
const PHONES_A_SWITCH: usize = 40;

/// Phones on one floor.
const PHONES_A_FLOOR: usize = 60;

/// Of a hundred phones so many have a second line.
const SECOND_LINES: u32 = 12;

/// What is drawn.
#[derive(Debug, Clone)]
pub struct OfficeSpec {
    /// How many phones.
    pub phones: usize,
    /// The seed.
    pub seed: u64,
    /// The places they stand at, the first one largest; none means that no phone has a site.
    pub sites: Vec<Site>,
    /// Makers and models, the first ones most frequent; never empty.
    pub kinds: Vec<(Vendor, Model)>,
    /// Words that some policy looks for: one phone in twenty has each.
    pub tags: Vec<Tag>,
    /// Their PBX.
    pub pbx: PbxName,
    /// The users of their lines, in order; numbers are made up where they end.
    pub users: Vec<String>,
}

/// Draws the phones. All run something older than any release.
pub fn draw_phones(spec: &OfficeSpec) -> Vec<Phone> {
    let mut dice = StdRng::seed_from_u64(spec.seed);
    let mut users = spec.users.iter().cloned();
    let mut number = 100_000;
    let mut next_user = || {
        users.next().unwrap_or_else(|| {
            number += 1;
            number.to_string()
        })
    };
    (0..spec.phones)
        .map(|n| {
            let [_, _, _, _, _, a, b, c] = (n as u64).to_be_bytes();
            let mut phone = Phone::new(Mac::new([0x00, 0x04, 0x13, a, b, c]), KnownBy::Inventory);
            // The lesser of two throws: the first of a list is the most frequent.
            let mut first_ones = |len: usize| dice.random_range(0..len).min(dice.random_range(0..len));
            if let Some((vendor, model)) = spec.kinds.get(first_ones(spec.kinds.len().max(1))) {
                (phone.vendor, phone.model) = (Some(vendor.clone()), Some(model.clone()));
            }
            phone.site = spec.sites.get(first_ones(spec.sites.len().max(1))).cloned();
            phone.version = Version::parse("1.0.1").ok();
            phone.switch = Some(Switch::new(format!("switch-{}", n / PHONES_A_SWITCH + 1)));
            phone.tags.insert(Tag::new(format!("floor-{}", n / PHONES_A_FLOOR + 1)));
            for tag in &spec.tags {
                if dice.random_ratio(1, 20) {
                    phone.tags.insert(tag.clone());
                }
            }
            for _ in 0..(1 + u32::from(spec.users.is_empty() && dice.random_ratio(SECOND_LINES, 100))) {
                let line = LineId { pbx: spec.pbx.clone(), user: next_user().into() };
                phone.lines.insert(line, Line::UNSEEN);
            }
            phone
        })
        .collect()
}
