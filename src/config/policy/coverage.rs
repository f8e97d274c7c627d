//! `[[coverage]]`.

use crate::config::raw::Complaint;
use crate::config::table::Table;
use crate::config::value;
use crate::domain::phone::Tag;
use crate::domain::policy::{Coverage, CoverageRule, Group, Share};

/// Reads all of them.
pub(super) fn read(top: &Table<'_>) -> Vec<Coverage> {
    top.tables("coverage")
        .iter()
        .filter_map(|table| {
            let (group, rule) = (group(table), rule(table));
            Some(Coverage { group: group?, rule: rule? })
        })
        .collect()
}

fn group(table: &Table<'_>) -> Option<Group> {
    let read = |key| table.read(key, value::name).map(|name| name.value);
    let (tag, queue, ring_group) = (read("tag"), read("queue"), read("ring_group"));
    let hint = "each group has a `[[coverage]]` of its own: name it by one of the three";
    match table.one_of(&["tag", "queue", "ring_group"], hint)? {
        "tag" => Some(Group::Tag(Tag::new(tag?))),
        "queue" => Some(Group::Queue(queue?.into())),
        _ => Some(Group::RingGroup(ring_group?.into())),
    }
}

fn rule(table: &Table<'_>) -> Option<CoverageRule> {
    let keep_up = keep_up(table);
    let [together, exclude, last] = ["never_together", "exclude", "last"].map(|key| table.yes(key));
    let hint = "say what holds for the group: `keep_up = 2`, `never_together = true`, `exclude = true` or `last = true`";
    match table.one_of(&["keep_up", "never_together", "exclude", "last"], hint)? {
        "keep_up" => Some(CoverageRule::KeepUp(keep_up?)),
        "never_together" => together.map(|()| CoverageRule::KeepUp(Share::AllBut(1))),
        "exclude" => exclude.map(|()| CoverageRule::Exclude),
        _ => last.map(|()| CoverageRule::Last),
    }
}

fn keep_up(table: &Table<'_>) -> Option<Share> {
    let share = table.number_or_text("keep_up")?;
    let text = match share.value {
        Ok(number) => return u32::try_from(number).ok().map(Share::Count),
        Err("half") => return Some(Share::Percent(50)),
        Err(text) => text,
    };
    let complaint = match value::percent(text) {
        Ok(percent @ 1..=99) => return Some(Share::Percent(percent)),
        Ok(0) => Complaint::new("`keep_up = \"0%\"` keeps nobody up", "leave this `[[coverage]]` out"),
        Ok(_) => Complaint::new("with all of them up nobody could ever go", "write `exclude = true` instead"),
        Err(_) => Complaint::new(
            format!("`{text}` does not say how many stay up"),
            "write a number without quotes: `2`, or `\"half\"`, or a share: `\"60%\"`",
        ),
    };
    table.source().error(&share.span, complaint);
    None
}
