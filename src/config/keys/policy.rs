//! The keys of a policy, and of `selections.toml`: its top, selections and actions.

use super::Value::{Flag, Named, Number, OneOrMore, Table, Tables, Text};
use super::{
    BANDWIDTH, BLACKOUT, BRAKE, CHECK, COVERAGE, IDLE, PACE, PER, RETRY, ROLLBACK, TEST, WAVE, WINDOW,
};
use super::{Form, Key, Keys, NAMES, PATTERNS};

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
            "bring the expansion modules of snoms to the version of an image",
        ),
        Key::new(
            "move",
            Table(&MOVE),
            "{ realm = \"berlin\" }",
            "bring snoms into a firmware realm: another setting server",
        ),
        Key::new(
            "backup",
            Table(&BACKUP),
            "{}",
            "have the phone hand in its configuration to the depot (innovaphone)",
        ),
        Key::new(
            "write",
            Table(&WRITE),
            "{ items = [{ name = \"display-skin\", value = \"1\" }] }",
            "write settings of the phone where they differ, and read them back (Unify)",
        ),
        Key::new(
            "files",
            Table(&FILES),
            "{ release = \"logos-2026\" }",
            "have the phone load logos, ringtones and other files that are no image (Unify)",
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
        Key::new("test", Tables(&TEST), "[]", "what the policy must decide in a case: run by `sipherd test`"),
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
        Key::new(
            "realm",
            NAMES,
            "\"berlin\"",
            "the firmware realm it is in, as it was seen to ask, else the inventory's; one of `sipherd.toml`",
        ),
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

const OVERRIDE: Key = Key::new(
    "override",
    Flag,
    "true",
    "offer images although a phone's hardware level does not fit them, or is not known; the history tells of each",
)
.or("false");

/// `[update]`.
pub static UPDATE: Keys = Keys {
    table: "[update]",
    about: "Brings the phones to the version of a staged image; it names `release` or `channel`.",
    keys: &[RELEASE, CHANNEL, OVERRIDE],
    later: &[],
    misnamed: FIRMWARE_MISNAMED,
};

/// `[stage]`.
pub static STAGE: Keys = Keys {
    table: "[stage]",
    about: "Tells which image each phone would get, and offers it to nobody yet.",
    keys: &[RELEASE, CHANNEL, OVERRIDE],
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

/// `[move]`.
pub static MOVE: Keys = Keys {
    table: "[move]",
    about: "Brings snom phones into a firmware realm of `sipherd.toml`: they get its setting server, and ask there from then on.",
    keys: &[Key::new("realm", Text(Form::Name), "\"berlin\"", "a realm of `sipherd.toml`")
        .else_("the one the inventory gives each phone")],
    later: &[],
    misnamed: &[("to", "it is called `realm`")],
};

/// `[write]`.
pub static WRITE: Keys = Keys {
    table: "[write]",
    about: "Writes settings of Unify phones where they differ, once in each opening of the window, and reads them back.",
    keys: &[Key::new(
        "items",
        Tables(&WRITE_ITEM),
        "[{ name = \"display-skin\", value = \"1\" }]",
        "the settings, by the names that Unify gives them",
    )
    .needed()],
    later: &[],
    misnamed: &[("item", "it is called `items`"), ("settings", "it is called `items`")],
};

/// An item of `[write]`.
pub static WRITE_ITEM: Keys = Keys {
    table: "items = [{ … }]",
    about: "A setting of a Unify phone.",
    keys: &[
        Key::new("name", Text(Form::Free), "\"line-ring-type\"", "its name in Unify's list of items")
            .needed(),
        Key::new("index", Number { least: 0, most: 1_000_000 }, "2", "which one, where a phone has several")
            .else_("the item has no index"),
        Key::new("value", Text(Form::Free), "\"1\"", "what it is to be, as the phone tells it").needed(),
    ],
    later: &[],
    misnamed: &[],
};

/// `[files]`.
pub static FILES: Keys = Keys {
    table: "[files]",
    about: "Has Unify phones load the files of a staged release that are no image, each file once; it names `release` or `channel`.",
    keys: &[RELEASE, CHANNEL],
    later: &[],
    misnamed: &[
        ("file", "name a staged release that holds the file: `release = \"logos-2026\"`"),
        ("files", "name a staged release that holds the files: `release = \"logos-2026\"`"),
    ],
};

const FIRMWARE_MISNAMED: &[(&str, &str)] = &[
    ("version", "name a staged release or a channel; its manifest knows the version"),
    ("firmware", "name a staged release: `release = \"snom-10.1.198\"`"),
    ("image", "name a staged release: `release = \"snom-10.1.198\"`"),
    ("to", "name a staged release: `release = \"snom-10.1.198\"`"),
];

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
pub static POLICY_TABLES: [&Keys; 24] = [
    &POLICY,
    &SELECT,
    &UPDATE,
    &REBOOT,
    &RESYNC,
    &STAGE,
    &MODULE_UPDATE,
    &MOVE,
    &BACKUP,
    &WRITE,
    &WRITE_ITEM,
    &FILES,
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
