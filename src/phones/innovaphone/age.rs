//! What a device's version understands: sipherd's own scripts use nothing that came later.

use super::poll::Poll;

/// The version of a device, as far as commands depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Release {
    major: u32,
    minor: u32,
    service: u32,
    hotfix: u32,
}

/// The first with `reboot` and `ireboot`: V6.00 sr2-hotfix3.
const REBOOTS: Release = Release { major: 6, minor: 0, service: 2, hotfix: 3 };

/// The first whose `scfg` reads final command, serial and `/force`: V7.00.
const SAVES_ONCE: Release = Release { major: 7, minor: 0, service: 0, hotfix: 0 };

/// Whether a device that polls so knows `ireboot`; one that does not tell its version is taken for one of today.
pub fn knows_reboot(poll: &Poll) -> bool {
    release(poll).is_none_or(|release| release >= REBOOTS)
}

/// Whether its `scfg` reads what stands behind the URL.
pub fn saves_once(poll: &Poll) -> bool {
    release(poll).is_none_or(|release| release >= SAVES_ONCE)
}

fn release(poll: &Poll) -> Option<Release> {
    let told = poll.version.as_deref().and_then(in_words);
    // Old builds begin with the version, `06-5679`: without its service release, and so taken for the first of it.
    let of_build = || {
        let build = poll.builds.firmware.as_ref()?.as_str();
        let (major, _) = build.split_once('-')?;
        Some(Release { major: major.parse().ok()?, minor: 0, service: 0, hotfix: 0 })
    };
    told.or_else(of_build)
}

/// Reads `V6.00 sr2-hotfix3 …` or `12r2 sr5 …`.
fn in_words(text: &str) -> Option<Release> {
    let mut words = text.split([' ', ',', '-', '[', ']']);
    let (major, minor) = words.find_map(|word| match word.strip_prefix(['V', 'v']) {
        Some(numbers) => pair(numbers, '.'),
        None => pair(word, 'r'),
    })?;
    let mut release = Release { major, minor, service: 0, hotfix: 0 };
    for word in words.take_while(|word| !word.starts_with("IP")) {
        let number = |name: &str| word.strip_prefix(name)?.parse().ok();
        if let Some(service) = number("sr") {
            release.service = service;
        } else if let Some(hotfix) = number("hotfix") {
            release.hotfix = hotfix;
        }
    }
    Some(release)
}

fn pair(text: &str, between: char) -> Option<(u32, u32)> {
    let (first, second) = text.split_once(between)?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_with_a_version_is_known_from_it_on() {
        for (query, reboots, once) in [
            ("ver=12r2 sr5 IP222[12.5555], Bootcode[125555], Hardware[208]", true, true),
            ("ver=13r3 IP222[13.1111]", true, true),
            ("ver=V7.00 IP1200[07-7000], Bootcode[205], Hardware[102]", true, true),
            ("ver=V8.00 hotfix1 IP1200[08-12345]", true, true),
            ("ver=V6.00 sr2-hotfix3 IP1200[06-5679]", true, false),
            ("ver=V6.00 sr2 hotfix12 IP1200[06-5679]", true, false),
            ("ver=V6.00 sr3 IP1200[06-5679]", true, false),
            ("ver=V6.00 sr2-hotfix2 IP1200[06-5679]", false, false),
            ("ver=V6.00 sr2 IP1200[06-5679]", false, false),
            ("ver=V6.00 IP1200[06-5679]", false, false),
            ("ver=V5.01 sr9-hotfix9 IP1200[05-5000]", false, false),
            // A build alone: of V6 it does not tell which.
            ("ver=IP222 04-5679 Bootcode[205]", false, false),
            ("runs=06-5679", false, false),
            ("runs=08-12345", true, true),
            // Nothing tells it.
            ("runs=125555", true, true),
            ("PROT=04-5679", true, true),
            ("ver=something", true, true),
            ("", true, true),
        ] {
            let poll = Poll::read(query);
            assert_eq!((knows_reboot(&poll), saves_once(&poll)), (reboots, once), "{query}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_version_brings_it_down(text in "[Vvr0-9. -]{0,20}") {
            let _ = in_words(&text);
        }
    }
}
