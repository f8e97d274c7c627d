//! Numbers that look random, depend on a phone alone, and are the same after every restart and release.

use super::phone::Mac;

/// The lot of a phone: neighbours draw lots that have nothing to do with each other. `round` gives a phone as many
/// independent lots as are needed.
///
/// FNV-1a over the address and the round, then the finisher of SplitMix64, since FNV alone leaves the high bits of
/// neighbours alike. The numbers are part of what an administrator sees (who goes when), so they never change; the
/// standard library's hasher promises no such thing.
pub fn lot(mac: Mac, round: u64) -> u64 {
    const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
    let octets = mac.octets().into_iter().chain(round.to_be_bytes());
    let hash = octets.fold(FNV_OFFSET, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(FNV_PRIME));
    let hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

/// A lot as a part of a whole: from 0 up to but not including `whole`; 0 of nothing.
pub fn share_of(lot: u64, whole: u64) -> u64 {
    u64::try_from((u128::from(lot) * u128::from(whole)) >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(n: u32) -> Mac {
        let [a, b, c, d] = n.to_be_bytes();
        Mac::new([0, 4 + a, 0x13, b, c, d])
    }

    #[test]
    fn lots_never_change() {
        let drawn = [lot(mac(0), 0), lot(mac(1), 0), lot(mac(1), 1)];
        // Worked out by hand, in another language.
        assert_eq!(drawn, [18_350_892_521_540_055_674, 467_323_947_226_061_257, 4_708_811_551_076_135_197]);
    }

    #[test]
    fn neighbours_spread_evenly() {
        let mut parts = [0; 16];
        for n in 0..16_000 {
            parts[usize::try_from(share_of(lot(mac(n), 0), 16)).unwrap()] += 1;
        }
        assert!(parts.iter().all(|part| (900..1_100).contains(part)), "{parts:?}");
        assert_eq!((share_of(u64::MAX, 10), share_of(0, 10), share_of(u64::MAX, 0)), (9, 0, 0));
    }
}
