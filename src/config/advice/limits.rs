//! Limits that others always reach first, and starts spread over more than the window.

use chrono::TimeDelta;

use super::{Ground, Subject};
use crate::config::code::Code;
use crate::config::value;
use crate::domain::policy::verdict::spell;

pub(super) fn advise(subject: &Subject<'_>, ground: &Ground<'_>) {
    never_reached(subject, ground);
    rate(subject, ground);
    spread(subject, ground);
}

fn never_reached(subject: &Subject<'_>, ground: &Ground<'_>) {
    let pace = &subject.policy.pace;
    let all = pace.down_at_once;
    let place = |key: &str| subject.draft.places.value(&format!("pace.{key}"));
    let fleet = ground.pace.and_then(|fleet| fleet.down_at_once);
    if let Some(fleet) = fleet.filter(|fleet| *fleet < all) {
        subject.warn(
            Code::LimitNeverReached,
            &place("down_at_once"),
            format!("{all} phones are never down at once: `[pace]` of sipherd.toml lets {fleet} of all policies go"),
            "raise it there, or lower it here",
        );
    }
    let per = &pace.per;
    let parts = [
        ("per.site".to_owned(), per.site),
        ("per.model".to_owned(), per.model),
        ("per.subnet".to_owned(), per.subnet),
        ("per.switch".to_owned(), per.switch),
        ("downloads".to_owned(), pace.downloads),
    ];
    let tags = per.tag.iter().map(|(tag, limit)| (format!("per.tag.{}", tag.glob().glob()), Some(*limit)));
    for (key, limit) in parts.into_iter().chain(tags) {
        let Some(limit) = limit.filter(|limit| *limit > all) else { continue };
        let unsaid =
            if subject.draft.places.has("pace.down_at_once") { "" } else { ", which is not written," };
        subject.warn(
            Code::LimitNeverReached,
            &place(&key),
            format!("this limit of {limit} is never reached: `down_at_once`{unsaid} lets {all} go at a time"),
            format!("write `down_at_once = {limit}` or more, or leave this limit out"),
        );
    }
}

/// NOTIFYs so slow that the places are never all taken.
fn rate(subject: &Subject<'_>, ground: &Ground<'_>) {
    let pace = &subject.policy.pace;
    let Some(rate) = pace.notify_rate else { return };
    let Some((vendor, needs)) = ground.slowest(&subject.vendors(), &subject.policy.action) else { return };
    let (per, needed_for) = (rate.per.num_seconds().max(1), needs.num_seconds().max(1));
    let under_way = i64::from(rate.count) * needed_for / per;
    // Rounded up.
    let needed = (i64::from(pace.down_at_once) * per + needed_for - 1) / needed_for;
    if under_way < i64::from(pace.down_at_once) {
        let unit = match rate.per.num_seconds() {
            1 => "s",
            60 => "m",
            _ => "h",
        };
        subject.warn(
            Code::LimitNeverReached,
            &subject.draft.places.value("pace.notify_rate"),
            format!(
                "at this rate {} of the {} places are never taken: phones of `{vendor}` are back after {} at the latest",
                i64::from(pace.down_at_once) - under_way,
                pace.down_at_once,
                spell(needs)
            ),
            format!("write `\"{needed}/{unit}\"` or more, or lower `down_at_once`"),
        );
    }
}

fn spread(subject: &Subject<'_>, ground: &Ground<'_>) {
    let Some(spread) = subject.policy.pace.spread else { return };
    let openings = subject.policy.calendar.openings(ground.now, ground.zone, 4);
    let Some(shortest) = openings.iter().map(|opening| opening.end - opening.start).min() else { return };
    let needs = ground.slowest(&subject.vendors(), &subject.policy.action);
    let needs = needs.map_or(TimeDelta::zero(), |(_, needs)| needs);
    if spread + needs > shortest {
        let most = (shortest - needs).max(TimeDelta::zero());
        // Down to full minutes, as authors write them.
        let most = TimeDelta::minutes(most.num_minutes());
        let hint = match most.is_zero() {
            true => "leave it out, or keep the window open for longer".to_owned(),
            false => {
                format!("write `\"{}\"` or less, or keep the window open for longer", value::spell(most))
            }
        };
        subject.warn(
            Code::SpreadTooLong,
            &subject.draft.places.value("pace.spread"),
            format!(
                "starts are spread over {}, and only the first {} of an opening leave a phone its time: late ones crowd there",
                spell(spread),
                spell(most)
            ),
            hint,
        );
    }
}
