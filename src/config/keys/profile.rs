//! The keys of a maker's profile.

use super::Value::{Duration, Flag, List, Number, OneOrMore, Table, Tables, Text, Word};
use super::{Form, Key, Keys, Value};

const DEADLINE: Value = Duration { least: "1s", most: "1d" };
const ESTIMATE: Value = Duration { least: "1s", most: "12h" };

/// The top of a profile.
pub static PROFILE: Keys = Keys {
    table: "",
    about: "A maker: how its phones are recognised, asked and believed.",
    keys: &[
        Key::new("vendor", Text(Form::Name), "\"acme\"", "the maker, as inventory and policies write it").needed(),
        Key::new("about", Text(Form::Free), "\"Desk phones of the P series\"", "which of its phones are meant"),
        Key::new(
            "reboot",
            Tables(&REBOOT_EVENT),
            "[{ event = \"check-sync;reboot=true\" }]",
            "how they are asked to reboot, first choice first; the next is tried where one is refused with 405, 481 or 489",
        )
        .else_("they are recognised, and held: `no profile`"),
        Key::new(
            "resync",
            Tables(&RESYNC_EVENT),
            "[{ event = \"check-sync;reboot=false\" }]",
            "the same for reading their settings anew",
        )
        .else_("`[resync]` holds them"),
        Key::new("user_agent", Tables(&USER_AGENT), "[{ matches = '^Acme (?<model>\\w+)', example = \"Acme P10\" }]", "how they are recognised")
            .else_("by the inventory alone"),
        Key::new(
            "own_files",
            OneOrMore(&Text(Form::Free)),
            "[\"{mac}.cfg\"]",
            "files a phone asks for that are its own alone, with `{mac}` and perhaps `{model}` before it; who asks the depot for one is known to boot",
        )
        .else_("its requests show nothing"),
        Key::new(
            "firmware_setting",
            Text(Form::Free),
            "\"static.firmware.url\"",
            "the setting that names their firmware; `check` tells it to who wants to update them",
        ),
        Key::new("update_boots", Number { least: 1, most: 5 }, "2", "boots of a whole update; for makers whose firmware the depot serves")
            .else_("sipherd reboots them, and does not update them"),
        Key::new(
            "serves",
            Word(&["after-reboot", "once-asked"]),
            "\"once-asked\"",
            "when they are given their image: after the reboot that was asked for, or at once, because they download first and reboot then",
        )
        .or("\"after-reboot\""),
        Key::new("hardware", Tables(&HARDWARE), "[{ part = \"S30817-S7403-A101-*\", level = \"2\" }]", "what is known of the hardware behind part numbers; the first that takes one decides"),
        Key::new(
            "checks_hardware",
            Flag,
            "true",
            "they compare an image with their hardware before they take it: an image is held where its fit is not known",
        )
        .or("false"),
        Key::new("tells_dialogs", Flag, "true", "they answer a one-shot dialog SUBSCRIBE, so they can be asked for their calls")
            .or("false"),
        Key::new("upper_case_models", Flag, "true", "capitals make no difference in their models, which are written in upper case")
            .or("false"),
        Key::new("hazards", List(&Text(Form::Free)), "[\"they ignore it unless allow_notify is 1\"]", "what `check` tells to who selects them"),
        Key::new(
            "unproven",
            OneOrMore(&Word(&[
                "reboot",
                "resync",
                "user_agent",
                "own_files",
                "firmware_setting",
                "update_boots",
                "hardware",
                "tells_dialogs",
                "timing",
                "usual",
            ])),
            "[\"resync\"]",
            "keys of this profile that rest on memory, not on a document; `check` tells it to who selects them",
        ),
        Key::new("timing", Table(&PROFILE_TIMING), "{ boot = \"4m\" }", "deadlines"),
        Key::new("usual", Table(&USUAL), "{ boot = \"70s\" }", "how long the steps usually take: for forecasts alone")
            .else_("parts of the deadlines"),
    ],
    later: &[],
    misnamed: &[
        ("name", "it is called `vendor`"),
        ("maker", "it is called `vendor`"),
        ("event", "it belongs in a list of events: `reboot = [{ event = \"check-sync;reboot=true\" }]`"),
        ("pattern", "it belongs in `[[user_agent]]`, where it is called `matches`"),
        ("boots", "it is called `update_boots`"),
    ],
};

static EVENT: [Key; 8] = [
    Key::new(
        "event",
        Text(Form::Free),
        "\"check-sync;reboot=true\"",
        "a NOTIFY, and the value of its `Event:`",
    )
    .else_("it is one of the other ways"),
    Key::new(
        "web",
        Text(Form::Free),
        "\"/advanced_update.htm?reboot=Reboot\"",
        "a page of the phone's own web server, which is asked for with the credentials of `[web]`",
    )
    .else_("it is one of the other ways"),
    Key::new(
        "contact_me",
        Flag,
        "true",
        "the phone is asked to contact its deployment service, and told there (Unify)",
    )
    .else_("it is one of the other ways"),
    Key::new(
        "poll",
        Flag,
        "true",
        "nothing is sent: the phone polls, and the answer is its order (innovaphone)",
    )
    .else_("it is one of the other ways"),
    Key::new(
        "waits_for_idle",
        Flag,
        "true",
        "the maker documents that a phone asked so waits for its calls to end",
    )
    .or("false"),
    Key::new(
        "may_wait",
        Flag,
        "true",
        "the maker documents that it may wait so, and does not promise it: it is waited for (`leave_busy`), but no policy leaves its calls to it",
    )
    .or("false"),
    Key::new("content_type", Text(Form::Free), "\"text/plain\"", "what the body is"),
    Key::new(
        "body",
        Text(Form::Free),
        "\"action=restart\\r\\n\"",
        "the body, 800 bytes at most; its lines are sent with CR LF, and in the place of `{register_call_id}` the Call-ID that the phone registered with",
    )
    .else_("there is none"),
];

const MISNAMED_EVENT: &[(&str, &str)] =
    &[("name", "it is called `event`"), ("waits", "it is called `waits_for_idle`")];

/// `[[reboot]]` of a profile.
pub static REBOOT_EVENT: Keys = Keys {
    table: "[[reboot]]",
    about: "A way of asking a phone to reboot: one of `event`, `web`, `contact_me` and `poll`.",
    keys: &EVENT,
    later: &[],
    misnamed: MISNAMED_EVENT,
};

/// `[[resync]]` of a profile.
pub static RESYNC_EVENT: Keys = Keys {
    table: "[[resync]]",
    about: "A way of asking a phone to read its settings anew: one of `event`, `web`, `contact_me` and `poll`.",
    keys: &EVENT,
    later: &[],
    misnamed: MISNAMED_EVENT,
};

/// `[[user_agent]]`.
pub static USER_AGENT: Keys = Keys {
    table: "[[user_agent]]",
    about: "How a User-Agent of these phones looks, in SIP or HTTP.",
    keys: &[
        Key::new(
            "matches",
            Text(Form::Free),
            r"'^Acme (?<model>\w+) (?<version>[0-9.]+)'",
            "a regular expression; its groups `model`, `version`, `mac` and `modules` pick out what they are called",
        )
        .needed(),
        Key::new(
            "example",
            Text(Form::Free),
            "\"Acme P10 1.2.3\"",
            "a text it takes; no other maker of the same folder may take it",
        )
        .needed(),
        Key::new(
            "model",
            Text(Form::Free),
            "\"SPA{model}\"",
            "how the model is written, where the text leaves a part of it out",
        )
        .else_("as it is picked"),
    ],
    later: &[],
    misnamed: &[
        ("match", "it is called `matches`"),
        ("pattern", "it is called `matches`"),
        ("regex", "it is called `matches`"),
    ],
};

/// `[[hardware]]`.
pub static HARDWARE: Keys = Keys {
    table: "[[hardware]]",
    about: "What is known of the hardware behind part numbers, or behind the level an inventory gives.",
    keys: &[
        Key::new(
            "part",
            Text(Form::Free),
            "\"S30817-S7403-A101-*\"",
            "the part numbers, as the phones tell them; `*` stands for anything",
        )
        .needed(),
        Key::new(
            "level",
            Text(Form::Name),
            "\"2\"",
            "their hardware level, as `hardware` of a manifest names it",
        )
        .else_("the part number itself"),
        Key::new(
            "software",
            Text(Form::Free),
            "\"V1 R4.9.0\"",
            "the oldest software that runs on them: an image that names no levels must not be older",
        )
        .else_("not known"),
    ],
    later: &[],
    misnamed: &[
        ("part_number", "it is called `part`"),
        ("minimum", "it is called `software`"),
        ("hardware", "it is called `level`"),
    ],
};

/// `[timing]` of a profile.
pub static PROFILE_TIMING: Keys = Keys {
    table: "[timing]",
    about: "Deadlines. What is left out stays as the shipped profile has it, or else is what stands in the last column.",
    keys: &[
        // Timer F of RFC 3261: no final answer can be ruled out earlier than after 32 s.
        Key::new(
            "answer",
            Duration { least: "32s", most: "1h" },
            "\"40s\"",
            "from the NOTIFY to its final answer",
        )
        .or("\"40s\""),
        Key::new("leave", DEADLINE, "\"60s\"", "from the answer to the first sign of leaving").or("\"3m\""),
        Key::new("leave_busy", DEADLINE, "\"2h\"", "the same for a phone that waits for its call").or("\"3m\""),
        Key::new(
            "boot_at_least",
            DEADLINE,
            "\"20s\"",
            "no phone of this kind boots faster; a request for settings before that is a poll, and no copy of the NOTIFY leaves after it",
        )
        .or("\"8s\""),
        Key::new("boot", DEADLINE, "\"4m\"", "from leaving to the first sign of life").or("\"3m\""),
        Key::new("fetch", DEADLINE, "\"10m\"", "from the first byte of the image to the last").or("\"10m\""),
        Key::new("flash", DEADLINE, "\"10m\"", "from the last byte to the next sign of life").or("\"5m\""),
        Key::new("gap", DEADLINE, "\"5m\"", "least time between two NOTIFYs to one phone").or("\"5m\""),
    ],
    later: &[],
    misnamed: &[("boots", "it is called `update_boots`, and stands at the top of the profile")],
};

/// `[usual]` of a profile.
pub static USUAL: Keys = Keys {
    table: "[usual]",
    about: "How long the steps usually take. Estimates, for forecasts; no deadline follows from them.",
    keys: &[
        Key::new("leave", ESTIMATE, "\"2s\"", "from the answer to the first sign of leaving"),
        Key::new("boot", ESTIMATE, "\"60s\"", "from leaving to the first sign of life"),
        Key::new("fetch", ESTIMATE, "\"60s\"", "from the first byte of the image to the last"),
        Key::new("flash", ESTIMATE, "\"90s\"", "from the last byte to the next sign of life"),
    ],
    later: &[],
    misnamed: &[],
};

/// All tables of a profile.
pub static PROFILE_TABLES: [&Keys; 7] =
    [&PROFILE, &REBOOT_EVENT, &RESYNC_EVENT, &USER_AGENT, &HARDWARE, &PROFILE_TIMING, &USUAL];
