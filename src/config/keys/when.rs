//! The keys that say when something may happen: windows, blackouts, quiet.

use super::Value::{Duration, Flag, List, Number, OneOrMore, Text, Word};
use super::{Form, Key, Keys};

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
            "a phone that booted by itself is left alone for so long, in every window; alone or with `allow`",
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
            "once the window has been open for so long, a phone that only its calls hold goes even in a call; only with `patience = \"force\"`",
        ),
    ],
    later: &[],
    misnamed: &[
        ("ask_phone", "it is called `probe`"),
        ("quiet_for", "it is called `quiet`"),
        ("force", "write `patience = \"force\"` and `force_after = \"2h\"`"),
    ],
};
