//! The one table that says what is to happen.

use std::sync::Arc;

use crate::config::code::Code;
use crate::config::raw::Complaint;
use crate::config::table::Table;
use crate::config::value;
use crate::domain::items::WantedItem;
use crate::domain::phone::Realm;
use crate::domain::policy::{Action, Firmware};
use crate::phones::unify::order::{NotWritable, Setting};

/// The tables of which a policy has exactly one.
const ACTIONS: [&str; 9] =
    ["update", "reboot", "resync", "stage", "module-update", "move", "backup", "write", "files"];

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
        "write" => Some(Action::Write { items: items(&table)? }),
        "files" => Some(Action::Files { from: firmware(&table)? }),
        "move" => {
            Some(Action::Move { realm: table.read("realm", value::name).map(|name| Realm::new(name.value)) })
        }
        "update" => Some(Action::Update { from: firmware(&table)? }),
        "stage" => Some(Action::Stage { from: firmware(&table)? }),
        _ => Some(Action::ModuleUpdate { from: firmware(&table)? }),
    };
    action.map(|action| (action, overrides))
}

/// The settings of `[write]`; each name and index once.
fn items(table: &Table<'_>) -> Option<Arc<[WantedItem]>> {
    if !table.has("items") {
        table.missing(
            "items",
            "name what is to be written: `items = [{ name = \"display-skin\", value = \"1\" }]`",
        );
        return None;
    }
    let mut items: Vec<WantedItem> = Vec::new();
    for entry in table.tables("items") {
        if !entry.has("name") {
            entry.missing("name", "name the item as Unify does: `name = \"display-skin\"`");
        }
        if !entry.has("value") {
            entry.missing("value", "say what it is to be: `value = \"1\"`; an empty value is `\"\"`");
        }
        let index = entry.number("index").and_then(|index| u32::try_from(index.value).ok());
        let (Some(name), Some(value)) = (entry.text("name"), entry.text("value")) else { continue };
        let setting = match Setting::new(name.value, index, value.value) {
            Ok(setting) => setting,
            Err(refused) => {
                let key = if matches!(refused, NotWritable::Name(_)) { "name" } else { "value" };
                let hint = match refused {
                    NotWritable::Name(_) => {
                        "names have small letters, digits and `-`: write it as Unify's list of items does"
                    }
                    NotWritable::Never(_) => {
                        "no policy resets a phone, and what files it loads, and when it restarts, has actions of its own"
                    }
                    NotWritable::Value(_) => "write what the phone tells when it is asked for it",
                    NotWritable::TooLong(_) => "no setting of a phone is so long",
                };
                let span = entry.value_of(key).unwrap_or_else(|| entry.span());
                table.source().refuse(Code::BadValue, &span, Complaint::new(refused.to_string(), hint));
                continue;
            }
        };
        let item = setting.item();
        if items.iter().any(|known| known.name == item.name && known.index == item.index) {
            let message = format!("`{}` is listed twice", item.label());
            let hint = "a setting has one value: leave one of them out, or give them different `index`";
            entry.error_at("name", Complaint::new(message, hint));
        }
        items.push(item.clone());
    }
    (!items.is_empty()).then(|| items.into())
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
