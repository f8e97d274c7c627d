//! The keys of waves, brakes and the way back.

use super::Value::{Duration, Flag, List, Table, Text, Word, Yes};
use super::{Form, HUNDREDTHS, Key, Keys, NAMES, PHONES};

/// `[[wave]]`.
pub static WAVE: Keys = Keys {
    table: "[[wave]]",
    about: "Phones that go before all others are let go; it has one of `per_model`, `count`, `percent`, `rest`.",
    keys: &[
        Key::new("name", Text(Form::Free), "\"canary\"", "its name").needed(),
        Key::new("per_model", PHONES, "1", "so many of each model and release"),
        Key::new("count", PHONES, "10", "so many"),
        Key::new("percent", HUNDREDTHS, "10", "so many of a hundred of all"),
        Key::new("rest", Yes, "true", "all that are left; only in the last wave"),
        Key::new(
            "sites",
            NAMES,
            "[\"berlin\", \"bonn\"]",
            "its phones stand at these sites, filled in this order",
        )
        .else_("at any site"),
        Key::new(
            "soak",
            Duration { least: "0s", most: "90d" },
            "\"24h\"",
            "how long its phones must run well before the next wave",
        )
        .or("\"1h\""),
        Key::new("needs_approval", Flag, "true", "a person must let the next wave go").or("false"),
        Key::new(
            "success_percent",
            HUNDREDTHS,
            "95",
            "so many of a hundred must have been verified before the next wave",
        )
        .or("100"),
    ],
    later: &[],
    misnamed: &[
        ("size", "write one of `per_model`, `count`, `percent` and `rest`"),
        ("site", "it is called `sites`"),
        ("approval", "it is called `needs_approval`"),
        ("pause", "it is called `soak`"),
    ],
};

/// `[brake]`.
pub static BRAKE: Keys = Keys {
    table: "[brake]",
    about: "What stops a rollout.",
    keys: &[
        Key::new("failed_percent", HUNDREDTHS, "5", "so many of a hundred finished phones failed"),
        Key::new("min_sample", PHONES, "20", "no share is counted of fewer finished phones").or("20"),
        Key::new("lost_phones", PHONES, "3", "so many phones went and never came back"),
        Key::new(
            "registration_latency",
            Duration { least: "1ms", most: "10m" },
            "\"2s\"",
            "the PBX takes longer than this to answer a REGISTER",
        ),
        Key::new(
            "check",
            Table(&CHECK),
            "{ http = \"https://monitor.example/go-on\" }",
            "somebody else must say \"go on\"",
        ),
        Key::new(
            "in_flight",
            Word(&["finish", "withdraw"]),
            "\"withdraw\"",
            "what happens to phones under way: all finish, or those not yet asked are withdrawn",
        )
        .or("\"finish\""),
    ],
    later: &[],
    misnamed: &[("lost", "it is called `lost_phones`"), ("failed", "it is called `failed_percent`")],
};

/// `check` of `[brake]`.
pub static CHECK: Keys = Keys {
    table: "[brake.check]",
    about: "Who else is asked whether to go on; one of the two.",
    keys: &[
        Key::new(
            "http",
            Text(Form::Url),
            "\"https://monitor.example/go-on\"",
            "an address that answers 200 to go on",
        ),
        Key::new(
            "command",
            List(&Text(Form::Free)),
            "[\"/usr/local/bin/go-on\", \"phones\"]",
            "a program and its arguments; it ends with 0 to go on",
        ),
    ],
    later: &[],
    misnamed: &[("url", "it is called `http`"), ("exec", "it is called `command`")],
};

/// `[rollback]`.
pub static ROLLBACK: Keys = Keys {
    table: "[rollback]",
    about: "The image to fall back to, where the vendor allows it.",
    keys: &[Key::new("release", Text(Form::Name), "\"snom-10.1.64\"", "the staged release").needed()],
    later: &["channel"],
    misnamed: &[],
};
