//! The cast of a demonstration night: two hundred phones, their faults, their calls, and what must become of each.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::judge::{Expectation, Outcome};
use super::phone::{Misfit, PhoneSpec};
use super::traffic::{CallPlan, draw_calls};
use crate::domain::phone::Mac;

/// Phones of the night, by maker.
const SNOMS: u16 = 165;
const YEALINKS: u16 = 25;
const GRANDSTREAMS: u16 = 10;
/// Calls of the night.
const CALLS: usize = 40;
/// What the snoms run when the night begins.
pub const SNOM_RUNS: &str = "10.1.64.14";
/// Their models.
pub const SNOM_MODELS: [&str; 3] = ["D785", "D735", "D715"];

/// What a night is cast from.
#[derive(Debug, Clone)]
pub struct NightSpec {
    /// Same seed, same night.
    pub seed: u64,
    /// When the window opens, and the first call may begin.
    pub opens: DateTime<Utc>,
    /// When it closes, and the last call has begun.
    pub closes: DateTime<Utc>,
    /// The version the snoms are to get.
    pub target: String,
    /// What shall become of the other makers' phones.
    pub others: Outcome,
    /// How often a phone that disappoints may be asked.
    pub tries: usize,
}

/// A night ready to be played.
#[derive(Debug, Clone)]
pub struct Night {
    /// The phones, all registering at the building's PBX.
    pub phones: Vec<PhoneSpec>,
    /// The calls.
    pub calls: Vec<CallPlan>,
    /// What must become of each phone.
    pub expected: BTreeMap<Mac, Expectation>,
}

impl Night {
    /// Casts a night.
    pub fn cast(spec: &NightSpec) -> Self {
        let mut dice = StdRng::seed_from_u64(spec.seed);
        let mut phones: Vec<PhoneSpec> =
            (0..SNOMS + YEALINKS + GRANDSTREAMS).map(|n| phone(n, &mut dice)).collect();
        let mut expected = BTreeMap::new();
        for phone in &phones {
            let outcome = match phone.vendor.as_str() {
                "snom" => Outcome::Updated { to: spec.target.clone() },
                _ => spec.others.clone(),
            };
            expected.insert(phone.mac, Expectation::once(outcome));
        }
        let mut places: Vec<usize> = (0..usize::from(SNOMS)).collect();
        places.shuffle(&mut dice);
        for ((misfit, expectation), place) in misfits(spec).into_iter().zip(places) {
            if let Some(phone) = phones.get_mut(place) {
                phone.misfit = misfit;
                expected.insert(phone.mac, expectation);
            }
        }
        let users: Vec<String> = phones.iter().map(|phone| phone.user.clone()).collect();
        let calls = draw_calls(spec.seed, CALLS, &users, spec.opens, spec.closes);
        Self { phones, calls, expected }
    }
}

/// The faults of the night, each with what must become of its phone; all are snoms.
fn misfits(spec: &NightSpec) -> [(Misfit, Expectation); 6] {
    let updated = || Expectation::once(Outcome::Updated { to: spec.target.clone() });
    let tried = |outcome| Expectation { outcome, orders_at_most: spec.tries };
    // Somewhere in the first half, so that there is time left for its own turn.
    let after = (spec.closes - spec.opens) / 3;
    [
        (Misfit::Refuses(403), tried(Outcome::Refuses)),
        (Misfit::NeverLeaves, tried(Outcome::NeverLeaves)),
        (Misfit::NeverReturns, Expectation::once(Outcome::NeverReturns)),
        (Misfit::ReturnsOld, tried(Outcome::StaysOld)),
        (Misfit::BreaksDownload, updated()),
        (Misfit::RebootsItself { after }, updated()),
    ]
}

/// The `n`th phone: line 2000 + n on an address of its own.
fn phone(n: u16, dice: &mut StdRng) -> PhoneSpec {
    let [high, low] = (n + 1).to_be_bytes();
    let ip = IpAddr::V4(Ipv4Addr::new(127, 60, high, low));
    let user = (2000 + n).to_string();
    let mac = |maker: [u8; 3]| Mac::new([maker[0], maker[1], maker[2], 0x60, high, low]);
    let mut phone = if n < SNOMS {
        let model = SNOM_MODELS[dice.random_range(0..SNOM_MODELS.len())];
        PhoneSpec::snom(mac([0x00, 0x04, 0x13]), model, SNOM_RUNS, &user, ip)
    } else if n < SNOMS + YEALINKS {
        PhoneSpec::yealink(mac([0x00, 0x15, 0x65]), "T46S", "66.86.0.15", &user, ip)
    } else {
        PhoneSpec::grandstream(mac([0x00, 0x0b, 0x82]), "GXP2135", "1.0.11.16", &user, ip)
    };
    // No two boot alike.
    phone.pace.boot += TimeDelta::seconds(dice.random_range(0..30));
    phone.two_boots_visible = n < SNOMS && dice.random_bool(0.25);
    phone.same_contact |= dice.random_bool(0.1);
    phone.unregisters = dice.random_bool(0.5);
    phone
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn spec(seed: u64) -> NightSpec {
        let opens = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        NightSpec {
            seed,
            opens,
            closes: opens + TimeDelta::hours(6),
            target: "10.1.198.19".to_owned(),
            others: Outcome::Rebooted,
            tries: 2,
        }
    }

    #[test]
    fn a_night_has_two_hundred_different_phones_six_faults_and_forty_calls() {
        let night = Night::cast(&spec(1));
        assert_eq!((night.phones.len(), night.calls.len(), night.expected.len()), (200, 40, 200));
        let faulty = night.phones.iter().filter(|phone| phone.misfit != Misfit::None).count();
        assert_eq!(faulty, 6);
        let addresses: BTreeSet<IpAddr> = night.phones.iter().map(|phone| phone.address.ip()).collect();
        assert_eq!(addresses.len(), 200);
    }

    #[test]
    fn the_same_seed_casts_the_same_night() {
        let line =
            |night: &Night| night.phones.iter().map(|p| format!("{p:?} {:?}", p.pace)).collect::<Vec<_>>();
        let (one, again, other) = (Night::cast(&spec(1)), Night::cast(&spec(1)), Night::cast(&spec(2)));
        assert_eq!((line(&one), &one.calls, &one.expected), (line(&again), &again.calls, &again.expected));
        assert_ne!(line(&one), line(&other));
    }
}
