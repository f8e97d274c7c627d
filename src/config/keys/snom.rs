//! The keys of `sipherd.toml` that are about snoms alone.

use super::Value::{Duration, Text, Word};
use super::{Form, Key, Keys};

/// `[snom]`.
pub static SNOM: Keys = Keys {
    table: "[snom]",
    about: "What snom phones are served and asked besides their firmware.",
    keys: &[
        Key::new(
            "templates",
            Text(Form::Path),
            "\"snom\"",
            "a folder of your own settings files, called as phones ask for them: `snom.htm`, `snomD785.htm`, `snomD785-000413922D24.htm`",
        )
        .else_("sipherd's own settings alone"),
        Key::new(
            "poll",
            Duration { least: "5m", most: "30d" },
            "\"6h\"",
            "phones read their settings so often by themselves (`prov_polling_period`)",
        )
        .else_("as their settings say"),
        Key::new(
            "module_urls",
            Word(&["changing", "cleared"]),
            "\"cleared\"",
            "a phone passes over a module's image whose URL it has written already: with `changing` each order has a URL of its own; with `cleared` an image keeps its URL, and `firmware_uxm` of the phone is cleared before each order, with the credentials of `[web]`",
        )
        .else_("`\"changing\"`"),
    ],
    later: &[],
    misnamed: &[("settings", "it is called `templates`"), ("module_url", "it is called `module_urls`")],
};

/// `[realm.NAME]`.
pub static REALM: Keys = Keys {
    table: "[realm.NAME]",
    about: "A firmware realm of snoms: `[realm.berlin]`; the inventory's column `realm` puts phones into it. It may be empty.",
    keys: &[
        Key::new(
            "setting_server",
            Text(Form::Free),
            "\"http://192.0.2.9/snom.htm?mac={mac}\"",
            "where its phones ask for their settings, if that is not this depot",
        )
        .else_("this depot, under `/realm/NAME/`"),
        Key::new(
            "templates",
            Text(Form::Path),
            "\"snom-berlin\"",
            "a folder of settings files of its own, which win over those of `[snom]`",
        )
        .else_("those of `[snom]`"),
    ],
    later: &[],
    misnamed: &[("url", "it is called `setting_server`"), ("settings", "it is called `templates`")],
};
