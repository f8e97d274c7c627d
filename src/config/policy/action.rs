//! The one table that says what is to happen.

use crate::config::raw::Complaint;
use crate::config::table::Table;
use crate::config::value;
use crate::domain::phone::Realm;
use crate::domain::policy::{Action, Firmware};

/// The tables of which a policy has exactly one.
const ACTIONS: [&str; 7] = ["update", "reboot", "resync", "stage", "module-update", "move", "backup"];

/// Reads it, and whether images are offered whatever the phones' hardware levels.
pub(super) fn read(top: &Table<'_>) -> Option<(Action, bool)> {
    // All are opened, so that every stray key is told of.
    let tables = ACTIONS.map(|name| (name, top.table(name)));
    let mut there = ACTIONS.into_iter().filter(|name| top.has(name));
    let only = match (there.next(), there.next()) {
        (None, _) if top.is_misspelt(&ACTIONS) => return None,
        (None, _) => {
            let hint = "add `[update]` with `release = \"…\"`, or `[reboot]`";
            top.error(Complaint::new("nothing says what is to happen to the phones", hint));
            return None;
        }
        (Some(first), Some(second)) => {
            let hint = match (first, second) {
                ("update", "reboot") => "an update reboots anyway; write two policies to do both",
                _ => "a policy does one thing; write two policies to do both",
            };
            top.error_at(
                second,
                Complaint::new(format!("`[{first}]` and `[{second}]` exclude each other"), hint),
            );
            return None;
        }
        (Some(only), None) => only,
    };
    let table = tables.into_iter().find(|(name, _)| *name == only)?.1?;
    let overrides = matches!(only, "update" | "stage") && table.flag("override").unwrap_or(false);
    let action = match only {
        "reboot" => Some(Action::Reboot),
        "resync" => Some(Action::Resync),
        "backup" => Some(Action::Backup),
        "move" => {
            Some(Action::Move { realm: table.read("realm", value::name).map(|name| Realm::new(name.value)) })
        }
        "update" => Some(Action::Update { from: firmware(&table)? }),
        "stage" => Some(Action::Stage { from: firmware(&table)? }),
        _ => Some(Action::ModuleUpdate { from: firmware(&table)? }),
    };
    action.map(|action| (action, overrides))
}

/// `release` or `channel`.
fn firmware(table: &Table<'_>) -> Option<Firmware> {
    let hint = "name a staged release: `release = \"snom-10.1.198\"`, or a channel of sipherd.toml: `channel = \"stable\"`";
    let (release, channel) = (table.read("release", value::name), table.read("channel", value::name));
    match table.one_of(&["release", "channel"], hint)? {
        "release" => Some(Firmware::Release(release?.value.into())),
        _ => Some(Firmware::Channel(channel?.value.into())),
    }
}
