//! Ranges of versions that hold no version at all.

use crate::domain::policy::select::{Comparison, VersionRange};
use crate::domain::version::Version;

/// Two comparisons of a range that no version meets both, as an author writes them.
pub(super) fn contradiction(range: &VersionRange) -> Option<(String, String)> {
    let parts = &range.0;
    let pairs = parts.iter().enumerate().flat_map(|(i, a)| parts[i + 1..].iter().map(move |b| (a, b)));
    for (a, b) in pairs {
        if excludes(a, b) || excludes(b, a) {
            let spelt = |part: &(Comparison, Version)| VersionRange(vec![part.clone()]).to_string();
            return Some((spelt(a), spelt(b)));
        }
    }
    None
}

/// Whether what the first allows upwards lies wholly above what the second allows downwards.
fn excludes((low, from): &(Comparison, Version), (high, to): &(Comparison, Version)) -> bool {
    use Comparison::{AtLeast, AtMost, Equal, Greater, Less, Unequal};
    match (low, high) {
        (Unequal, Equal) => from == to,
        (AtLeast | Equal, AtMost | Equal) => from > to,
        (Greater | AtLeast | Equal, Less) | (Greater, AtMost | Equal) => from >= to,
        (Less | AtMost | Unequal, _) | (_, Greater | AtLeast | Unequal) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ranges_that_hold_nothing_contradict_themselves() {
        for (text, contradicts) in [
            ("< 10.1.64", false),
            (">= 10.1.33, < 10.1.198", false),
            (">= 10.1.198, < 10.1.33", true),
            ("< 10.1.33, >= 10.1.198", true),
            ("> 10.1.33, <= 10.1.33", true),
            (">= 10.1.33, <= 10.1.33", false),
            ("= 10.1.33, != 10.1.33.0", true),
            ("= 10.1.33, = 10.1.34", true),
            ("!= 10.1.33, != 10.1.33", false),
            ("> 10, > 11, < 10.5", true),
        ] {
            let range: VersionRange = text.parse().unwrap();
            assert_eq!(contradiction(&range).is_some(), contradicts, "{text}");
        }
    }
}
