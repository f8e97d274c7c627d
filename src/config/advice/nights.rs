//! Whether the windows of the next month are enough for all phones at the pace the policy allows.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Ground, Subject, count};
use crate::config::code::Code;
use crate::domain::phone::Phone;
use crate::domain::policy::verdict::spell;
use crate::domain::policy::{Action, Opening};

/// The fleet should be done within the openings of so many days.
const MONTH: TimeDelta = TimeDelta::days(30);

/// How far ahead the end is looked for.
const AHEAD: TimeDelta = TimeDelta::days(5 * 365);

/// How long phones take.
#[derive(Clone, Copy)]
struct Takes {
    /// Usually: so soon the next one starts.
    usual: TimeDelta,
    /// At most: so much of an opening must be left.
    needs: TimeDelta,
}

/// Phones that share a limit.
struct Crowd {
    /// The limit's key and the part it limits, for people.
    limit: String,
    /// The key's path.
    path: String,
    phones: usize,
    at_once: u32,
}

impl Crowd {
    /// The limit's own key.
    fn key(&self) -> &str {
        self.path.strip_prefix("pace.").unwrap_or(&self.path)
    }
}

pub(super) fn advise(subject: &Subject<'_>, ground: &Ground<'_>) {
    let (vendors, action) = (subject.vendors(), &subject.policy.action);
    let Some((_, needs)) = ground.slowest(&vendors, action) else { return };
    let Some((vendor, usual)) = ground.longest_usual(&vendors, action) else { return };
    let takes = Takes { usual, needs };
    let within = |length| Opening { start: ground.now, end: ground.now + length };
    let calendar = &subject.policy.calendar;
    let fits = |opening: &Opening| opening.end - opening.start >= needs;
    let mut month = calendar.openings_within(within(MONTH), ground.zone);
    month.retain(|opening| fits(opening));
    let Some(crowd) = tightest(subject, ground) else { return };
    if month.is_empty() {
        return;
    }
    // A reboot is due again in each opening: whoever was not rebooted by its end waits behind all others.
    if subject.policy.action == Action::Reboot {
        let longest = month.iter().map(|opening| opening.end - opening.start).max().unwrap_or(needs);
        let most = rounds(longest, takes) * u64::from(crowd.at_once);
        if most < crowd.phones as u64 {
            subject.warn(
                Code::TooSlow,
                &subject.place_of_limit(&crowd.path),
                format!(
                    "one opening is not enough: with {}, phones of `{vendor}` taking about {}, {most} of {} are rebooted in {}",
                    crowd.limit,
                    spell(usual),
                    count(crowd.phones),
                    spell(longest)
                ),
                format!("write `{} = {}` or more, or keep the window open for longer", crowd.key(), enough(&crowd, rounds(longest, takes))),
            );
        }
        return;
    }
    let in_month: u64 = month.iter().map(|opening| rounds(opening.end - opening.start, takes)).sum();
    if in_month * u64::from(crowd.at_once) >= crowd.phones as u64 {
        return;
    }
    let openings = calendar.openings_within(within(AHEAD), ground.zone).into_iter().filter(fits);
    let ending = ending(openings, &crowd, takes);
    let takes = match ending {
        Some((openings, end)) => {
            format!(
                "it takes {openings} openings, until {}",
                end.with_timezone(&ground.zone).format("%Y-%m-%d")
            )
        }
        None => "it takes more than five years".to_owned(),
    };
    subject.warn(
        Code::TooSlow,
        &subject.place_of_limit(&crowd.path),
        format!(
            "the windows of the next 30 days are not enough for {}: with {}, phones of `{vendor}` taking about {}, {takes}",
            count(crowd.phones),
            crowd.limit,
            spell(usual)
        ),
        format!("write `{} = {}` or more, or open more windows", crowd.key(), enough(&crowd, in_month)),
    );
}

/// How many phones one place takes after each other.
fn rounds(length: TimeDelta, Takes { usual, needs }: Takes) -> u64 {
    let starts = (length - needs).num_milliseconds();
    match u64::try_from(starts) {
        Ok(starts) => starts / u64::try_from(usual.num_milliseconds()).unwrap_or(1).max(1) + 1,
        Err(_) => 0,
    }
}

/// How high the limit would have to be.
fn enough(crowd: &Crowd, rounds: u64) -> String {
    (crowd.phones as u64).div_ceil(rounds.max(1)).to_string()
}

/// After how many openings, and when, the last phone of a crowd is done.
fn ending(
    openings: impl Iterator<Item = Opening>,
    crowd: &Crowd,
    takes: Takes,
) -> Option<(usize, DateTime<Utc>)> {
    let mut left = crowd.phones as u64;
    for (i, opening) in openings.enumerate() {
        let most = rounds(opening.end - opening.start, takes) * u64::from(crowd.at_once);
        if most >= left {
            let last = i32::try_from(left.div_ceil(u64::from(crowd.at_once.max(1)))).unwrap_or(i32::MAX);
            return Some((i + 1, opening.start + takes.usual * last));
        }
        left -= most;
    }
    None
}

/// The phones that take longest at the limits they share.
fn tightest(subject: &Subject<'_>, ground: &Ground<'_>) -> Option<Crowd> {
    let pace = &subject.policy.pace;
    let fleet = ground.pace.and_then(|fleet| fleet.down_at_once).unwrap_or(u32::MAX);
    let mut crowds = vec![Crowd {
        limit: format!("{} at once", pace.down_at_once.min(fleet)),
        path: "pace.down_at_once".to_owned(),
        phones: subject.decided.len(),
        at_once: pace.down_at_once.min(fleet),
    }];
    let mut part = |key: &str, limit: Option<u32>, of: &dyn Fn(&Phone) -> Option<String>| {
        let Some(limit) = limit else { return };
        let mut parts: BTreeMap<String, usize> = BTreeMap::new();
        for name in subject.decided.iter().filter_map(|phone| of(phone)) {
            *parts.entry(name).or_default() += 1;
        }
        crowds.extend(parts.into_iter().map(|(name, phones)| Crowd {
            limit: format!("{limit} of {name} at once"),
            path: format!("pace.per.{key}"),
            phones,
            at_once: limit.min(pace.down_at_once).min(fleet),
        }));
    };
    part("site", pace.per.site, &|phone| phone.site.as_ref().map(|site| format!("site `{site}`")));
    part("model", pace.per.model, &|phone| phone.model.as_ref().map(|_| format!("model `{}`", phone.kind())));
    part("switch", pace.per.switch, &|phone| {
        phone.switch.as_ref().map(|switch| format!("switch `{switch}`"))
    });
    for (pattern, limit) in &pace.per.tag {
        let tags = subject.decided.iter().flat_map(|phone| &phone.tags);
        let mut parts: BTreeMap<&str, usize> = BTreeMap::new();
        for tag in tags.filter(|tag| pattern.is_match(tag.as_str())) {
            *parts.entry(tag.as_str()).or_default() += 1;
        }
        crowds.extend(parts.into_iter().map(|(tag, phones)| Crowd {
            limit: format!("{limit} of tag `{tag}` at once"),
            path: format!("pace.per.tag.{}", pattern.glob().glob()),
            phones,
            at_once: (*limit).min(pace.down_at_once).min(fleet),
        }));
    }
    let slowness = |crowd: &Crowd| (crowd.phones as u64).div_ceil(u64::from(crowd.at_once.max(1)));
    // Of equal ones the first: it is the one most authors would change.
    crowds.into_iter().filter(|crowd| crowd.phones > 0).rev().max_by_key(slowness)
}
