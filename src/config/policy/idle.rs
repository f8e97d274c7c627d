//! `[idle]`.

use crate::config::raw::Complaint;
use crate::config::table::Table;
use crate::domain::policy::{AlsoBusy, IdleBy, IdleRule, Patience};

/// Reads it over the defaults.
pub(super) fn read(top: &Table<'_>) -> IdleRule {
    let mut rule = IdleRule::default();
    let Some(idle) = top.table("idle") else { return rule };
    if let Some(quiet) = idle.duration("quiet") {
        rule.quiet = quiet.value;
    }
    rule.by = match idle.word("by").map(|by| by.value) {
        Some("phone") => IdleBy::Phone,
        Some("both") => IdleBy::Both,
        _ => IdleBy::Pbx,
    };
    let busy = idle.words("busy").unwrap_or_default();
    let lists = |state: &str| busy.iter().any(|word| word.value == state);
    rule.also_busy =
        AlsoBusy { agent_logged_in: lists("agent-logged-in"), do_not_disturb: lists("do-not-disturb") };
    rule.probe = idle.flag("probe").unwrap_or(rule.probe);
    rule.patience = patience(&idle);
    if rule.by == IdleBy::Phone {
        for key in
            ["quiet", "busy", "probe", "patience", "force_after"].into_iter().filter(|key| idle.has(key))
        {
            idle.error_at(
                key,
                Complaint::new(
                    format!("`{key}` has no effect beside `by = \"phone\"`: the phone alone decides when it is idle"),
                    "leave it out, or write `by = \"both\"`",
                ),
            );
        }
    }
    rule
}

fn patience(idle: &Table<'_>) -> Patience {
    let (patience, after) = (idle.word("patience"), idle.duration("force_after"));
    let forces = patience.as_ref().is_some_and(|patience| patience.value == "force");
    match (forces, idle.has("force_after")) {
        (true, false) => {
            let hint =
                "say for how long calls hold it before it is rebooted in a call: `force_after = \"2h\"`";
            idle.error_at("patience", Complaint::new("`patience = \"force\"` needs `force_after`", hint));
        }
        // Where `patience` cannot be read, that is the mistake.
        (false, true) if patience.is_some() || !idle.has("patience") => {
            let hint = "write `patience = \"force\"` too, or leave it out";
            idle.error_at(
                "force_after",
                Complaint::new("`force_after` has no effect without `patience = \"force\"`", hint),
            );
        }
        _ => {}
    }
    match (patience.map(|patience| patience.value), after) {
        (Some("phone-waits"), _) => Patience::PhoneWaits,
        (Some("force"), Some(after)) => Patience::Force { after: after.value },
        _ => Patience::NextWindow,
    }
}
