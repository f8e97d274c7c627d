//! The keys of a policy, and of `selections.toml`.

use super::Value::{
    Duration, Each, Either, Elsewhere, Flag, List, Named, Number, OneOrMore, Table, Tables, Text, Word, Yes,
};
use super::{Form, HUNDREDTHS, Key, Keys, NAMES, PATTERNS, PHONES};

/// The top of a policy.
pub static POLICY: Keys = Keys {
    table: "",
    about: "A policy: which phones, what is to happen to them, and when it may.",
    keys: &[
        Key::new("about", Text(Form::Free), "\"Update the snoms at night\"", "a sentence for people"),
        Key::new(
            "priority",
            Number { least: -1_000_000, most: 1_000_000 },
            "50",
            "where two policies select the same phone, the higher number decides",
        )
        .or("0"),
        Key::new("select", Table(&SELECT), "{ vendor = \"snom\" }", "which phones are meant").needed(),
        Key::new("reboot", Table(&REBOOT), "{}", "reboot once in each opening of the window"),
        Key::new(
            "resync",
            Table(&RESYNC),
            "{}",
            "read the settings anew once in each opening, without a reboot",
        ),
        Key::new(
            "update",
            Table(&UPDATE),
            "{ release = \"snom-10.1.198\" }",
            "bring to the version of an image",
        ),
        Key::new(
            "stage",
            Table(&STAGE),
            "{ release = \"snom-10.1.198\" }",
            "only tell who would get which image",
        ),
        Key::new(
            "module-update",
            Table(&MODULE_UPDATE),
            "{ release = \"snom-uxm-1.2\" }",
            "bring expansion modules to the version of an image; read and checked only",
        ),
        Key::new(
            "backup",
            Table(&BACKUP),
            "{}",
            "have the phone hand in its configuration; read and checked only",
        ),
        Key::new(
            "window",
            Tables(&WINDOW),
            "[{ days = \"sat\", from = \"23:00\", to = \"05:00\" }]",
            "when it may happen",
        )
        .else_("the policy never acts"),
        Key::new(
            "blackout",
            Tables(&BLACKOUT),
            "[{ on = \"12-24\" }]",
            "when it must not, whatever the windows say",
        ),
        Key::new("idle", Table(&IDLE), "{ quiet = \"15m\" }", "how quiet a phone must have been"),
        Key::new("pace", Table(&PACE), "{ down_at_once = 3 }", "how many phones at once, and how fast"),
        Key::new("coverage", Tables(&COVERAGE), "[{ tag = \"reception\", keep_up = 2 }]", "who stays up"),
        Key::new("retry", Table(&RETRY), "{ attempts = 2 }", "what happens after a failure"),
        Key::new(
            "wave",
            Tables(&WAVE),
            "[{ name = \"canary\", per_model = 1 }]",
            "who goes first; read and checked only",
        ),
        Key::new(
            "brake",
            Table(&BRAKE),
            "{ lost_phones = 3 }",
            "what stops a rollout; read and checked only",
        ),
        Key::new(
            "rollback",
            Table(&ROLLBACK),
            "{ release = \"snom-10.1.64\" }",
            "the way back; read and checked only",
        ),
        Key::new("test", Elsewhere, "[]", "what the policy must decide in a case: run by `sipherd test`"),
    ],
    later: &[],
    misnamed: &[
        ("description", "write `about = \"…\"`"),
        ("name", "a policy is called as its file"),
        ("windows", "write each as `[[window]]`"),
        ("holiday", "write `[[blackout]]`"),
        ("action", "write `[update]`, `[reboot]` or another action as a table of its own"),
        ("zone", "each `[[window]]` and `[[blackout]]` has a `zone`"),
    ],
};

/// `[select]`, each of its `any`, its `not`, and `[selection.NAME]`.
pub static SELECT: Keys = Keys {
    table: "[select]",
    about: "Which phones: each key that is there must match, and of the values of one key any may.",
    keys: &[
        Key::new("vendor", NAMES, "\"snom\"", "the maker, small or capital letters"),
        Key::new(
            "model",
            PATTERNS,
            "[\"D7*\", \"D865\"]",
            "the model; `*` stands for anything, `?` for one character",
        ),
        Key::new("hardware", NAMES, "\"2\"", "the hardware level or revision"),
        Key::new(
            "version",
            OneOrMore(&Text(Form::Versions)),
            "\">= 10.1.33, < 10.1.198\"",
            "the firmware it was last seen to run",
        ),
        Key::new("site", NAMES, "\"berlin\"", "the site of the inventory, one of `sipherd.toml`"),
        Key::new("tag", NAMES, "[\"door\", \"lift\"]", "one of the phone's tags in the inventory"),
        Key::new(
            "mac",
            OneOrMore(&Text(Form::Mac)),
            "\"00:04:13:92:2d:24\"",
            "single phones, or all whose addresses begin so",
        ),
        Key::new("line", PATTERNS, "\"21*\"", "the name of one of its accounts"),
        Key::new(
            "subnet",
            OneOrMore(&Text(Form::Network)),
            "\"192.0.2.0/24\"",
            "a network one of its lines is registered from",
        ),
        Key::new("pbx", NAMES, "\"pbx1\"", "a PBX one of its lines lives on"),
        Key::new("is", NAMES, "\"desk-phones\"", "a shared selection of `selections.toml`"),
        Key::new(
            "any",
            Tables(&SELECT),
            "[{ site = \"bonn\" }, { tag = \"lobby\" }]",
            "one of these must match as well",
        ),
        Key::new(
            "not",
            Table(&SELECT),
            "{ tag = \"lift\" }",
            "a phone is left out that any key of this matches",
        ),
    ],
    later: &[],
    misnamed: &[
        ("tags", "it is called `tag`, for one or several"),
        ("models", "it is called `model`, for one or several"),
        ("sites", "it is called `site`, for one or several"),
        ("firmware", "it is called `version`"),
        ("revision", "it is called `hardware`"),
        ("network", "it is called `subnet`"),
        ("extension", "it is called `line`"),
        ("all", "to mean every phone, write `line = \"*\"`"),
    ],
};

/// `[reboot]`.
pub static REBOOT: Keys = Keys {
    table: "[reboot]",
    about: "Each phone is rebooted once in each opening of the window.",
    keys: &[],
    later: &["every"],
    misnamed: &[],
};

/// `[resync]`.
pub static RESYNC: Keys = Keys {
    table: "[resync]",
    about: "Each phone reads its settings anew once in each opening of the window, without a reboot.",
    keys: &[],
    later: &[],
    misnamed: &[],
};

/// `[backup]`.
pub static BACKUP: Keys = Keys {
    table: "[backup]",
    about: "Each phone hands in its configuration once in each opening of the window (innovaphone).",
    keys: &[],
    later: &[],
    misnamed: &[],
};

const RELEASE: Key = Key::new("release", Text(Form::Name), "\"snom-10.1.198\"", "one staged release");
const CHANNEL: Key = Key::new(
    "channel",
    Text(Form::Name),
    "\"stable\"",
    "a channel of `sipherd.toml`: of its releases the first with an image for the phone's model",
);

/// `[update]`.
pub static UPDATE: Keys = Keys {
    table: "[update]",
    about: "Brings the phones to the version of a staged image; it names `release` or `channel`.",
    keys: &[RELEASE, CHANNEL],
    later: &[],
    misnamed: FIRMWARE_MISNAMED,
};

/// `[stage]`.
pub static STAGE: Keys = Keys {
    table: "[stage]",
    about: "Tells which image each phone would get, and offers it to nobody yet.",
    keys: &[RELEASE, CHANNEL],
    later: &[],
    misnamed: FIRMWARE_MISNAMED,
};

/// `[module-update]`.
pub static MODULE_UPDATE: Keys = Keys {
    table: "[module-update]",
    about: "Brings the expansion modules of snom phones to the version of a staged image.",
    keys: &[RELEASE, CHANNEL],
    later: &[],
    misnamed: FIRMWARE_MISNAMED,
};

const FIRMWARE_MISNAMED: &[(&str, &str)] = &[
    ("version", "name a staged release or a channel; its manifest knows the version"),
    ("firmware", "name a staged release: `release = \"snom-10.1.198\"`"),
    ("image", "name a staged release: `release = \"snom-10.1.198\"`"),
    ("to", "name a staged release: `release = \"snom-10.1.198\"`"),
];

/// `[[window]]`.
pub static WINDOW: Keys = Keys {
    table: "[[window]]",
    about: "When it may happen: `days`, `from` and an end, or `cron` and `length`, or `allow`; overlaps merge.",
    keys: &[
        Key::new("days", OneOrMore(&Text(Form::Weekday)), "[\"fri\", \"sat\"]", "the days it opens on"),
        Key::new("from", Text(Form::Time), "\"22:00\"", "the wall-clock time it opens"),
        Key::new(
            "to",
            Text(Form::Time),
            "\"05:00\"",
            "the wall-clock time it closes, on the next day when it is not later",
        ),
        Key::new(
            "length",
            Duration { least: "1m", most: "31d" },
            "\"7h\"",
            "how long it stays open instead, in elapsed time",
        ),
        Key::new(
            "cron",
            Text(Form::Cron),
            "\"30 1 * * sun\"",
            "opens by a cron text instead; needs `length`",
        ),
        Key::new(
            "allow",
            List(&Number { least: 0, most: 23 }),
            "[22, 23, 0, 1]",
            "open during these hours of the day instead, of every day or of `days`",
        ),
        Key::new(
            "initial",
            Duration { least: "1m", most: "1d" },
            "\"10m\"",
            "a phone that booted may also go for so long after its boot; alone or with `allow`",
        ),
        Key::new(
            "zone",
            Text(Form::ZoneOrSite),
            "\"Europe/Berlin\"",
            "whose clock is meant: a zone's name, or `\"site\"`",
        )
        .or("\"site\""),
        Key::new(
            "last_start",
            Duration { least: "0s", most: "31d" },
            "\"25m\"",
            "no phone starts later than this before it closes",
        )
        .else_("what the phone's model needs to boot and flash"),
        Key::new(
            "dst",
            Word(&["shift"]),
            "\"shift\"",
            "accepts that the window shifts when the clocks change: `check` does not warn about it",
        ),
    ],
    later: &[],
    misnamed: &[
        ("start", "it is called `from`"),
        ("begin", "it is called `from`"),
        ("end", "it is called `to`"),
        ("until", "it is called `to`"),
        ("duration", "it is called `length`"),
        ("timezone", "it is called `zone`"),
        ("tz", "it is called `zone`"),
        ("weekdays", "it is called `days`"),
        ("hours", "it is called `allow`"),
    ],
};

/// `[[blackout]]`.
pub static BLACKOUT: Keys = Keys {
    table: "[[blackout]]",
    about: "When nothing happens: whole days by `on` or by `from` and `to`, or the events of a `calendar`.",
    keys: &[
        Key::new(
            "on",
            OneOrMore(&Text(Form::Date)),
            "[\"2026-12-24\", \"05-01\"]",
            "single days, of one year or of every year",
        ),
        Key::new(
            "from",
            Text(Form::Date),
            "\"12-20\"",
            "the first day: `\"2026-12-20\"`, or `\"12-20\"` of every year",
        ),
        Key::new(
            "to",
            Text(Form::Date),
            "\"01-06\"",
            "the last day, written as `from` is; it belongs to the blackout",
        ),
        Key::new(
            "calendar",
            Text(Form::Path),
            "\"holidays-de.ics\"",
            "the events of an .ics file beside the policy",
        ),
        Key::new(
            "zone",
            Text(Form::ZoneOrSite),
            "\"Europe/Berlin\"",
            "whose days are meant: a zone's name, or `\"site\"`",
        )
        .or("\"site\""),
    ],
    later: &[],
    misnamed: &[
        ("date", "it is called `on`"),
        ("dates", "it is called `on`, for one or several"),
        ("day", "it is called `on`"),
        ("start", "it is called `from`"),
        ("end", "it is called `to`"),
        ("ics", "it is called `calendar`"),
        ("file", "it is called `calendar`"),
        ("timezone", "it is called `zone`"),
    ],
};

/// `[idle]`.
pub static IDLE: Keys = Keys {
    table: "[idle]",
    about: "How quiet a phone must have been, who says so, and what happens when it never is.",
    keys: &[
        Key::new(
            "quiet",
            Duration { least: "0s", most: "1d" },
            "\"15m\"",
            "no call on any line of the phone for so long",
        )
        .or("\"10m\""),
        Key::new(
            "by",
            Word(&["pbx", "phone", "both"]),
            "\"both\"",
            "who decides: the PBX's view, the phone itself by waiting, or both",
        )
        .or("\"pbx\""),
        Key::new(
            "busy",
            OneOrMore(&Word(&["talking", "ringing", "held", "agent-logged-in", "do-not-disturb"])),
            "[\"talking\", \"ringing\", \"held\", \"agent-logged-in\"]",
            "states that count as busy; the first three always do",
        )
        .or("[\"talking\", \"ringing\", \"held\"]"),
        Key::new(
            "probe",
            Flag,
            "false",
            "right before the order also ask the phone itself, where its maker's phones answer",
        )
        .or("true"),
        Key::new(
            "patience",
            Word(&["next-window", "phone-waits", "force"]),
            "\"phone-waits\"",
            "what happens to a phone that is not idle in time",
        )
        .or("\"next-window\""),
        Key::new(
            "force_after",
            Duration { least: "1m", most: "7d" },
            "\"2h\"",
            "held by its calls for so long in one opening, it goes even in a call; only with `patience = \"force\"`",
        ),
    ],
    later: &[],
    misnamed: &[
        ("ask_phone", "it is called `probe`"),
        ("quiet_for", "it is called `quiet`"),
        ("force", "write `patience = \"force\"` and `force_after = \"2h\"`"),
    ],
};

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

/// The top of `selections.toml`.
pub static SELECTIONS: Keys = Keys {
    table: "",
    about: "Selections that several policies share.",
    keys: &[Key::new(
        "selection",
        Named(&SELECTION),
        "{ desk-phones = { model = \"D7*\" } }",
        "a selection and its name",
    )],
    later: &[],
    misnamed: &[("select", "each has a name: `[selection.desk-phones]`")],
};

/// `[selection.NAME]`: the keys of `[select]`.
pub static SELECTION: Keys = Keys {
    table: "[selection.NAME]",
    about: "A selection that policies name by `is`; it has the keys of `[select]`.",
    keys: SELECT.keys,
    later: SELECT.later,
    misnamed: SELECT.misnamed,
};

/// All tables of a policy.
pub static POLICY_TABLES: [&Keys; 20] = [
    &POLICY,
    &SELECT,
    &UPDATE,
    &REBOOT,
    &RESYNC,
    &STAGE,
    &MODULE_UPDATE,
    &BACKUP,
    &WINDOW,
    &BLACKOUT,
    &IDLE,
    &PACE,
    &PER,
    &BANDWIDTH,
    &COVERAGE,
    &RETRY,
    &WAVE,
    &BRAKE,
    &CHECK,
    &ROLLBACK,
];

/// All tables of `selections.toml`.
pub static SELECTIONS_TABLES: [&Keys; 2] = [&SELECTIONS, &SELECTION];
