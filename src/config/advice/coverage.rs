//! Groups whose rule can never be kept, or never lets anybody go.

use super::{Ground, Subject, count};
use crate::config::code::Code;
use crate::domain::policy::{CoverageRule, Group, Share};

pub(super) fn advise(subject: &Subject<'_>, ground: &Ground<'_>) {
    if ground.phones.is_empty() {
        return;
    }
    for (i, coverage) in subject.policy.coverage.iter().enumerate() {
        // Who is a member of a queue or a ring group only the PBX knows.
        let Group::Tag(tag) = &coverage.group else { continue };
        let place = |key: &str| subject.draft.places.value(&format!("coverage[{i}].{key}"));
        let members = ground.phones.iter().filter(|phone| phone.tags.contains(tag)).count();
        if members == 0 {
            subject.warn(
                Code::Coverage,
                &place("tag"),
                format!("this group is empty: no phone of the inventory has the tag `{tag}`"),
                "give the tag to its phones in the column `tags`",
            );
            continue;
        }
        match coverage.rule {
            CoverageRule::KeepUp(Share::AllBut(_)) if members == 1 => subject.warn(
                Code::Coverage,
                &place("never_together"),
                format!("one phone alone has the tag `{tag}`: there is no other to keep it apart from"),
                "give the tag to the other phone too",
            ),
            CoverageRule::KeepUp(share) if share.of(members) >= members => {
                let (up, all) = (share.of(members), count(members));
                let message = if up > members {
                    format!("the group has {all}, and {up} must stay up: none of them ever goes")
                } else {
                    format!("the group has {all}, and all must stay up: none of them ever goes")
                };
                let hint = match members {
                    1 => "write `exclude = true` if that is meant, or leave it out".to_owned(),
                    _ => {
                        format!("keep {} up at most, or write `exclude = true` if that is meant", members - 1)
                    }
                };
                subject.warn(Code::Coverage, &place("keep_up"), message, hint);
            }
            CoverageRule::Exclude
                if !subject.meant.is_empty()
                    && subject.perhaps.len() == subject.meant.len()
                    && subject.meant.iter().all(|phone| phone.tags.contains(tag)) =>
            {
                subject.warn(
                    Code::NeverActs,
                    &place("exclude"),
                    format!("every phone this policy selects has the tag `{tag}`: it never acts"),
                    "select other phones, or remove the policy",
                );
            }
            CoverageRule::KeepUp(_) | CoverageRule::Exclude | CoverageRule::Last => {}
        }
    }
}
