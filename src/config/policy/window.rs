//! `[[window]]`.

use std::ops::Range;

use chrono::TimeDelta;

use super::Draft;
use crate::config::code::Code;
use crate::config::raw::{At, Complaint};
use crate::config::table::Table;
use crate::config::value;
use crate::domain::policy::window::EVERY_DAY;
use crate::domain::policy::{Action, Cron, Lasts, Opens, Window};

/// What says when a window opens, and what says when it closes.
#[derive(Debug, Clone)]
pub(in crate::config) struct Marks {
    /// The path of its table: `window[1]`.
    pub path: String,
    pub opens: Range<usize>,
    pub closes: Range<usize>,
    /// Its author accepts what the clock changes do to it.
    pub shifts: bool,
}

/// Reads all windows.
pub(super) fn read(top: &Table<'_>, draft: &mut Draft) {
    if !top.has("window")
        && !top.is_misspelt(&["window"])
        && !matches!(draft.policy.action, Action::Stage { .. })
    {
        top.source().warn(
            Code::NeverActs,
            &top.key("select").unwrap_or(0..0),
            Complaint::new("this policy has no window, so it never acts", "add a `[[window]]`"),
        );
    }
    for (i, table) in top.tables("window").into_iter().enumerate() {
        if let Some(initial) = initial(&table, draft.policy.calendar.initial) {
            draft.policy.calendar.initial = Some(initial);
        }
        if let Some((window, marks)) = window(&table, format!("window[{i}]")) {
            draft.policy.calendar.windows.push(window);
            draft.windows.push(marks);
        }
    }
    if draft.policy.calendar.windows.is_empty()
        && let Some(table) = top.tables("window").into_iter().find(|table| table.has("initial"))
    {
        let at = table.key("initial").unwrap_or(0..0);
        let message = "`initial` opens no window, it only keeps phones out of one: this policy never acts";
        let hint = "add hours: `allow = [22, 23]`, or a `[[window]]`";
        top.source().warn(Code::NeverActs, &at, Complaint::new(message, hint));
    }
}

/// `initial`, which stands beside the windows rather than in one of them.
fn initial(table: &Table<'_>, earlier: Option<TimeDelta>) -> Option<TimeDelta> {
    let initial = table.duration("initial")?;
    if earlier.is_some() {
        table.error_at(
            "initial",
            Complaint::new("`initial` is here twice", "one of them is enough: it belongs to all windows"),
        );
    }
    for other in ["from", "to", "length", "cron"] {
        if table.has(other) {
            let hint = "give `initial` a `[[window]]` of its own";
            table.error_at(
                "initial",
                Complaint::new(format!("`initial` and `{other}` exclude each other"), hint),
            );
        }
    }
    Some(initial.value)
}

fn window(table: &Table<'_>, path: String) -> Option<(Window, Marks)> {
    let zone = table.read("zone", value::zone_or_site).and_then(|zone| zone.value);
    let last_start = table.duration("last_start");
    let shifts = table.word("dst").is_some();
    let days = table.read_all("days", value::weekday);
    let from = table.read("from", value::time);
    let to = table.read("to", value::time);
    let length = table.duration("length");
    let cron = table.read("cron", |text| text.parse::<Cron>().map_err(|error| error.to_string().into()));
    let allow = table.numbers("allow");
    complete(table);
    let mut window = if table.has("allow") {
        let allow = allow?;
        twice(table, &allow);
        let hours = allow.iter().filter_map(|hour| u32::try_from(hour.value).ok()).collect();
        let days = match days {
            Some(days) => days.into_iter().map(|day| day.value).collect(),
            None => EVERY_DAY.to_vec(),
        };
        Window::hours(hours, days)
    } else if table.has("cron") {
        Window::cron(cron?.value, length.as_ref()?.value)
    } else {
        let lasts = match (to, &length) {
            (Some(to), _) => Lasts::Until(to.value),
            (None, Some(length)) => Lasts::For(length.value),
            (None, None) => return None,
        };
        Window::weekly(days?.into_iter().map(|day| day.value).collect::<Vec<_>>(), from?.value, lasts)
    };
    if let Some(margin) = &last_start
        && let Some(length) = shortest(&window)
        && margin.value >= length
    {
        table.source().refuse(
            Code::LastStart,
            &margin.span,
            Complaint::new(
                format!("nobody could ever start: the window is open for {}", value::spell(length)),
                "`last_start` says how much of the window must be left; make it shorter",
            ),
        );
    }
    window.zone = zone;
    window.last_start = last_start.map(|margin| margin.value);
    let place =
        |keys: [&str; 3]| keys.iter().find_map(|key| table.value_of(key)).unwrap_or_else(|| table.span());
    let (opens, closes) = (place(["allow", "cron", "from"]), place(["allow", "to", "length"]));
    Some((window, Marks { path, opens, closes, shifts }))
}

/// Records keys that exclude each other, and those that are missing.
fn complete(table: &Table<'_>) {
    let forms = "a window has `days` and `from`, or `cron` and `length`, or `allow`";
    let exclude = |key: &str, others: &[&str]| {
        for other in others.iter().filter(|other| table.has(other)) {
            table.error_at(key, Complaint::new(format!("`{key}` and `{other}` exclude each other"), forms));
        }
    };
    if table.has("allow") {
        exclude("allow", &["from", "to", "length", "cron"]);
        if table.has("dst") {
            table.error_at(
                "dst",
                Complaint::new(
                    "`dst` has no effect beside `allow`: hours mean what the clock shows",
                    "leave it out",
                ),
            );
        }
    } else if table.has("cron") {
        exclude("cron", &["days", "from", "to"]);
        if !table.has("length") {
            table.missing("length", "say how long it stays open: `length = \"4h\"`");
        }
    } else if !table.has("initial") || table.has("days") || table.has("from") {
        if !table.has("days") {
            table.missing("days", "say on which it opens: `days = [\"mon\", \"tue\"]`");
        }
        if !table.has("from") {
            table.missing("from", "say when it opens: `from = \"22:00\"`");
        }
        match (table.has("to"), table.has("length")) {
            (true, true) => table.error_at(
                "length",
                Complaint::new(
                    "`to` and `length` exclude each other",
                    "keep the one that says what you mean",
                ),
            ),
            (false, false) => {
                table.missing("to", "say when it closes: `to = \"05:00\"`, or `length = \"7h\"`");
            }
            _ => {}
        }
    } else {
        for key in ["zone", "last_start", "dst"].into_iter().filter(|key| table.has(key)) {
            let message = format!("`{key}` has no effect beside `initial` alone, which needs no clock");
            table.error_at(
                key,
                Complaint::new(message, "leave it out, or give the window hours: `allow = [22, 23]`"),
            );
        }
    }
}

/// Records hours that are listed twice.
fn twice(table: &Table<'_>, hours: &[At<i64>]) {
    for (i, hour) in hours.iter().enumerate() {
        if hours[..i].iter().any(|other| other.value == hour.value) {
            table.source().refuse(
                Code::Twice,
                &hour.span,
                Complaint::new(format!("hour {} is here twice", hour.value), "once is enough"),
            );
        }
    }
}

/// How long such a window is open on an ordinary day; `None` where it depends on what it merges with.
fn shortest(window: &Window) -> Option<TimeDelta> {
    match &window.opens {
        Opens::Weekly { lasts: Lasts::For(length), .. } | Opens::Cron { length, .. } => Some(*length),
        Opens::Weekly { from, lasts: Lasts::Until(to), .. } => {
            let length = *to - *from;
            Some(if length > TimeDelta::zero() { length } else { length + TimeDelta::days(1) })
        }
        Opens::Hours { .. } => None,
    }
}
