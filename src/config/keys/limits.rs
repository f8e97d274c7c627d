//! The keys that say how many phones at once, who stays up, and what happens after a failure.

use super::Value::{Duration, Each, Either, Number, OneOrMore, Table, Text, Word, Yes};
use super::{Form, Key, Keys, PHONES};

/// `[pace]` of a policy.
pub static PACE: Keys = Keys {
    table: "[pace]",
    about: "How many phones of the policy may be under way at once, and how fast they may follow each other.",
    keys: &[
        Key::new("down_at_once", PHONES, "3", "phones of this policy under way at once, a lost one included")
            .or("1"),
        Key::new("per", Table(&PER), "{ site = 20, switch = 4 }", "the same for parts of the fleet"),
        Key::new(
            "notify_rate",
            Text(Form::Rate),
            "\"5/s\"",
            "orders in a second, minute (`/m`) or hour (`/h`)",
        ),
        Key::new(
            "registrations",
            Text(Form::Rate),
            "\"20/s\"",
            "registrations that returning phones cause at each PBX, one for each line",
        ),
        Key::new("downloads", PHONES, "10", "updates at once from the order until the image is fetched"),
        Key::new(
            "bandwidth",
            Table(&BANDWIDTH),
            "{ per_site = \"40 Mbit/s\" }",
            "how fast images are served",
        ),
        Key::new(
            "spread",
            Duration { least: "1s", most: "31d" },
            "\"2h\"",
            "each phone's first chance comes at an instant of its own, within so long after the window opens",
        ),
    ],
    later: &[],
    misnamed: &[
        ("at_once", "it is called `down_at_once`"),
        ("max_down", "it is called `down_at_once`"),
        ("parallel", "it is called `down_at_once`"),
        ("per_site", "write `per = { site = 20 }`, or `bandwidth = { per_site = \"40 Mbit/s\" }`"),
        ("rate", "it is called `notify_rate`"),
    ],
};

/// `per` of `[pace]`.
pub static PER: Keys = Keys {
    table: "[pace.per]",
    about: "Phones under way at once in each part of the fleet.",
    keys: &[
        Key::new("site", PHONES, "20", "of one site"),
        Key::new("model", PHONES, "5", "of one model"),
        Key::new("subnet", PHONES, "4", "of one network: /24 of IPv4, /64 of IPv6"),
        Key::new("switch", PHONES, "4", "of one switch, as the inventory names it"),
        Key::new("tag", Each(&PHONES), "{ \"floor-*\" = 2 }", "of each tag that a pattern matches"),
    ],
    later: &[],
    misnamed: &[("network", "it is called `subnet`"), ("vendor", "there is a limit by `model`")],
};

/// `bandwidth` of `[pace]`.
pub static BANDWIDTH: Keys = Keys {
    table: "[pace.bandwidth]",
    about: "How fast images are served.",
    keys: &[
        Key::new("total", Text(Form::Bandwidth), "\"40 Mbit/s\"", "to all phones of the policy together"),
        Key::new("per_site", Text(Form::Bandwidth), "\"10 MB/s\"", "to the phones of each site"),
    ],
    later: &[],
    misnamed: &[("site", "it is called `per_site`"), ("per_phone", "limit `total` and `downloads`")],
};

/// `[[coverage]]`.
pub static COVERAGE: Keys = Keys {
    table: "[[coverage]]",
    about: "A group of phones, and who of it stays up; it binds every policy and every job.",
    keys: &[
        Key::new("tag", Text(Form::Name), "\"reception\"", "the group: phones with this tag"),
        Key::new("queue", Text(Form::Name), "\"support\"", "the group: members of this queue of the PBX"),
        Key::new(
            "ring_group",
            Text(Form::Name),
            "\"600\"",
            "the group: those this ring group of the PBX rings",
        ),
        Key::new(
            "keep_up",
            Either(&[Number { least: 1, most: 1_000_000 }, Word(&["half"]), Text(Form::Percent)]),
            "2",
            "so many stay up: a number, `\"half\"`, or `\"60%\"`",
        ),
        Key::new("never_together", Yes, "true", "no two are down together"),
        Key::new("exclude", Yes, "true", "none of them is ever touched"),
        Key::new(
            "last",
            Yes,
            "true",
            "they go when no other phone of their policy waits for a place or is under way",
        ),
    ],
    later: &[],
    misnamed: &[
        ("group", "name the group by `tag`, `queue` or `ring_group`"),
        ("min_up", "it is called `keep_up`"),
        ("at_least", "it is called `keep_up`"),
        ("together", "it is called `never_together`"),
    ],
};

/// `[retry]`.
pub static RETRY: Keys = Keys {
    table: "[retry]",
    about: "How often, and how soon, a failed phone is tried again.",
    keys: &[
        Key::new(
            "attempts",
            Number { least: 1, most: 100 },
            "2",
            "trips in all for one phone and one target",
        )
        .or("3"),
        Key::new(
            "backoff",
            Duration { least: "1s", most: "7d" },
            "\"30m\"",
            "the pause after the first failure, doubled after each further one",
        )
        .or("\"10m\""),
        Key::new(
            "jitter",
            Text(Form::Percent),
            "\"20%\"",
            "the pause is longer by up to this; how much depends on the phone and the attempt alone",
        )
        .or("\"10%\""),
        Key::new(
            "not_after",
            OneOrMore(&Word(&crate::domain::trip::Failure::SLUGS)),
            "[\"never-returned\"]",
            "failures after which there is no further try",
        )
        .else_("every failure that could end otherwise"),
        Key::new(
            "penalty_box",
            Duration { least: "1m", most: "366d" },
            "\"7d\"",
            "a phone without attempts left is let out after this, its attempts forgotten",
        )
        .else_("a person lets it out"),
    ],
    later: &[],
    misnamed: &[
        ("tries", "it is called `attempts`"),
        ("retries", "it is called `attempts`, the first one included"),
        ("pause", "it is called `backoff`"),
        ("penalty", "it is called `penalty_box`"),
    ],
};
