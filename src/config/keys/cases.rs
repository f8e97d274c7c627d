//! The keys of `[[test]]`, in a policy or in a `.test.toml` file beside it.

use super::Value::{Duration, Each, Either, Flag, Number, OneOrMore, Table, Tables, Text, Word};
use super::{Form, Key, Keys, NAMES};
use crate::domain::trip::Failure;

/// The top of a `.test.toml` file.
pub static TEST_FILE: Keys = Keys {
    table: "",
    about: "Tests of policies in a file of their own.",
    keys: &[
        Key::new("policy", Text(Form::Name), "\"office-night\"", "the one policy in force in all its tests")
            .else_("all policies of the folder are in force"),
        Key::new("test", Tables(&TEST), "[]", "the tests").needed(),
    ],
    later: &[],
    misnamed: &[("tests", "write each as `[[test]]`")],
};

/// `[[test]]`.
pub static TEST: Keys = Keys {
    table: "[[test]]",
    about: "A few phones, some instants, and what must be decided then.",
    keys: &[
        Key::new("name", Text(Form::Free), "\"nobody at Christmas\"", "what must hold, in a sentence")
            .needed(),
        Key::new(
            "policy",
            Text(Form::Name),
            "\"office-night\"",
            "the one policy in force; only in a `.test.toml`",
        )
        .else_("the policy it stands in, or all of the folder"),
        Key::new("zone", Text(Form::Zone), "\"Europe/Berlin\"", "the zone of the phones and of every `at`")
            .else_("that of `sipherd.toml`, else the one that the windows name, else UTC"),
        Key::new("phone", Table(&TEST_PHONE), "{ model = \"D785\" }", "the phone")
            .else_("`fleet` names several"),
        Key::new(
            "fleet",
            Tables(&TEST_PHONE),
            "[{ name = \"a\" }, { name = \"b\" }]",
            "the phones, when several matter",
        ),
        Key::new(
            "release",
            Each(&Each(&Text(Form::Free))),
            "{ \"snom-10.1.198\" = { D785 = \"10.1.198.19\" } }",
            "the images of a release: models, and what each then runs; of one that `[files]` names, the file of each",
        )
        .else_("an image for every model, of the version that the release's name ends in"),
        Key::new(
            "when",
            Tables(&TEST_STEP),
            "[{ at = \"2026-11-21 23:10\", talking = true, expect = \"hold\", because = \"talking\" }]",
            "what happens, in the order of time, and what must be decided",
        )
        .needed(),
    ],
    later: &[],
    misnamed: &[
        ("phones", "it is called `fleet`"),
        ("steps", "it is called `when`"),
        ("about", "it is called `name`"),
    ],
};

/// A phone of a test.
pub static TEST_PHONE: Keys = Keys {
    table: "phone = { … }",
    about: "A phone of a test: registered, and idle for a day, until a step tells otherwise.",
    keys: &[
        Key::new("name", Text(Form::Name), "\"front-desk\"", "what steps call it")
            .else_("its number in the fleet"),
        Key::new(
            "count",
            Number { least: 1, most: 500 },
            "12",
            "so many phones like it; with a `name`, `NAME-1`, `NAME-2` and so on",
        )
        .else_("`1`"),
        Key::new("vendor", Text(Form::Name), "\"snom\"", "its maker")
            .else_("the one maker that the policies select"),
        Key::new("model", Text(Form::Free), "\"D785\"", "its model").else_("not known"),
        Key::new("version", Text(Form::Free), "\"10.1.64.14\"", "what it runs").else_("not known"),
        Key::new("hardware", Text(Form::Name), "\"2\"", "its hardware level or revision").else_("not known"),
        Key::new("site", Text(Form::Name), "\"berlin\"", "where it stands").else_("nowhere"),
        Key::new("zone", Text(Form::Zone), "\"Europe/Berlin\"", "the zone of its site")
            .else_("that of `sipherd.toml`"),
        Key::new("switch", Text(Form::Name), "\"sw-3\"", "the switch it hangs on"),
        Key::new("tags", NAMES, "[\"reception\"]", "its tags"),
        Key::new("realm", Text(Form::Name), "\"berlin\"", "the firmware realm of the inventory"),
        Key::new("in_realm", Text(Form::Name), "\"bonn\"", "the firmware realm it is in"),
        Key::new(
            "modules",
            Number { least: 0, most: 9 },
            "1",
            "so many expansion modules are attached, as it tells",
        )
        .else_("it told nothing"),
        Key::new("module", Text(Form::Free), "\"2.0.7\"", "what its only expansion module runs")
            .else_("not known"),
        Key::new("module_kind", Word(&["uxm", "d7c"]), "\"uxm\"", "which module that is").else_("not known"),
        Key::new(
            "module_power",
            Word(&["usb", "external"]),
            "\"usb\"",
            "how the inventory says it is powered",
        )
        .else_("nobody said"),
        Key::new(
            "files",
            NAMES,
            "[\"logo.png\"]",
            "files it has fetched, as a policy with `[files]` has it do",
        ),
        Key::new("queue", NAMES, "\"support\"", "the queues its lines are in"),
        Key::new("ring_group", NAMES, "\"reception\"", "the ring groups its lines are in"),
        Key::new("lines", NAMES, "[\"2117\", \"2150\"]", "its lines").else_("one: `101`, `102` in order"),
        Key::new("pbx", Text(Form::Name), "\"pbx1\"", "the PBX its lines live on")
            .else_("the one of `sipherd.toml`, else `pbx`"),
        Key::new("mac", Text(Form::Mac), "\"00:04:13:92:2d:24\"", "its hardware address")
            .else_("`00:04:13:00:00:01` and so on"),
        Key::new("address", Text(Form::Free), "\"192.0.2.17\"", "where its lines are registered from")
            .else_("`192.0.2.1` and so on"),
    ],
    later: &[],
    misnamed: &[
        ("tag", "a phone has `tags`"),
        ("line", "a phone has `lines`"),
        ("firmware", "it is called `version`"),
        ("talking", "what a phone does stands in a step of `when`"),
    ],
};

/// The failures of trips by their slugs.
pub static FAILURES: [&str; Failure::SLUGS.len()] = Failure::SLUGS;

/// A step of a test.
pub static TEST_STEP: Keys = Keys {
    table: "when",
    about: "What happens at an instant, and what must be decided; all else stays as the steps before left it.",
    keys: &[
        Key::new(
            "at",
            Text(Form::Free),
            "\"2026-11-21 23:10\"",
            "when, by the clock where the phone stands, or with a zone",
        )
        .needed(),
        Key::new("phone", Text(Form::Name), "\"front-desk\"", "the phone it is about").else_("the first"),
        Key::new("line", Text(Form::Name), "\"2150\"", "the line that the call state is about")
            .else_("every line"),
        Key::new("talking", Flag, "true", "in a call, or idle from now on"),
        Key::new("ringing", Flag, "true", "being called, or idle from now on"),
        Key::new("held", Flag, "true", "in a call on hold, or idle from now on"),
        Key::new("unknown", Flag, "true", "in a state nobody tells, or idle from now on"),
        Key::new("unregistered", Flag, "true", "not registered, or idle from now on"),
        Key::new("idle", Flag, "true", "idle from now on, unless it was already"),
        Key::new("quiet", Duration { least: "0s", most: "31d" }, "\"10m\"", "idle, and for so long already"),
        Key::new("agent", Either(&[Flag, Word(&["unknown"])]), "true", "a queue agent is logged in")
            .else_("no agent is"),
        Key::new("dnd", Either(&[Flag, Word(&["unknown"])]), "true", "do-not-disturb is set")
            .else_("it is not"),
        Key::new(
            "pbx",
            Word(&["fresh", "silent", "gone"]),
            "\"silent\"",
            "the PBX answers, has not answered lately, or its connection is gone",
        )
        .or("\"fresh\""),
        Key::new("failed", Word(&FAILURES), "\"no-answer\"", "its trip ended so, at this instant"),
        Key::new("rebooted", Flag, "true", "its trip ended well, at this instant"),
        Key::new("attempt", Number { least: 1, most: 100 }, "2", "which attempt `failed` was")
            .else_("the next one"),
        Key::new("lost", Flag, "true", "it went and did not come back, or is seen again"),
        Key::new("booted", Flag, "true", "it was seen to boot by itself, at this instant"),
        Key::new("under_way", Flag, "true", "it is on a trip, or no more"),
        Key::new(
            "down",
            Number { least: 0, most: 10_000 },
            "3",
            "so many other phones like it are on a trip",
        ),
        Key::new("version", Text(Form::Free), "\"10.1.198\"", "what it is seen to run from now on"),
        Key::new("expect", Word(&["go", "hold", "done", "not-selected"]), "\"hold\"", "what must be decided"),
        Key::new(
            "because",
            OneOrMore(&Text(Form::Free)),
            "\"talking\"",
            "reasons that must hold it: a reason, a gate, or words of the text",
        ),
        Key::new("by_policy", Text(Form::Name), "\"office-night\"", "the policy that must decide"),
        Key::new(
            "goes",
            Number { least: 0, most: 100_000 },
            "2",
            "so many phones of the test must start at once",
        ),
    ],
    later: &[],
    misnamed: &[
        ("busy", "say how: `talking`, `ringing` or `held`"),
        ("offline", "it is called `unregistered`"),
        ("reason", "it is called `because`"),
        ("policy", "it is called `by_policy`"),
        ("agent-logged-in", "it is called `agent`"),
        ("do-not-disturb", "it is called `dnd`"),
        ("registered", "write `unregistered = false`"),
    ],
};

/// All tables of tests.
pub static TEST_TABLES: [&Keys; 4] = [&TEST_FILE, &TEST, &TEST_PHONE, &TEST_STEP];
