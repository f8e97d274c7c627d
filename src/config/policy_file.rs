//! One policy file.

use std::ops::Range;
use std::path::Path;

use chrono::TimeDelta;
use toml::Spanned;
use toml::de::DeTable;

use super::keys;
use super::raw::{At, Complaint, Source, Table};
use super::settings::down_at_once;
use super::value;
use crate::domain::phone::{Mac, Site, Tag, Vendor};
use crate::domain::policy::{Action, Cron, Firmware, Lasts, Opens, Policy, Selection, Window};

/// A policy and where its author wrote what must be compared with other files.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub policy: Policy,
    pub vendors: Vec<At<Vendor>>,
    pub sites: Vec<At<Site>>,
    pub tags: Vec<At<Tag>>,
    pub macs: Vec<At<Mac>>,
    /// The priority, else the selection.
    pub priority: Range<usize>,
    /// Of each window, in order.
    pub windows: Vec<Marks>,
}

/// What says when a window opens, and what says when it closes.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    pub opens: Range<usize>,
    pub closes: Range<usize>,
}

const GRAMMAR: &[&keys::Keys] = &keys::POLICY_TABLES;

/// Reads a policy; what is wrong is recorded, and then there is none.
pub(super) fn read(source: &Source, document: &Spanned<DeTable<'_>>) -> Option<Draft> {
    let top = Table::open(source, &keys::POLICY, GRAMMAR, document.get_ref(), 0..0);
    let about = top.text("about", "\"Update the snoms at night\"").map(|about| about.value.to_owned());
    let priority = top.number("priority", -1_000_000..=1_000_000);
    let mut draft = Draft {
        policy: Policy {
            about,
            priority: priority.as_ref().and_then(|n| i32::try_from(n.value).ok()).unwrap_or(0),
            ..Policy::new(&name(&source.path)?, Selection::default(), Action::Reboot)
        },
        vendors: Vec::new(),
        sites: Vec::new(),
        tags: Vec::new(),
        macs: Vec::new(),
        priority: 0..0,
        windows: Vec::new(),
    };
    select(&top, &mut draft);
    draft.priority = priority.map(|n| n.span).or_else(|| top.key("select")).unwrap_or(0..0);
    let action = action(&top);
    windows(&top, &mut draft);
    rules(&top, &mut draft.policy);
    draft.policy.action = action?;
    (!source.has_errors()).then_some(draft)
}

/// The policy's name: its file's, without `.toml`.
pub(super) fn name(path: &Path) -> Option<String> {
    path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned)
}

fn select(top: &Table<'_>, draft: &mut Draft) {
    let every = "to mean every phone, say so: `line = \"*\"`";
    if !top.has("select") {
        top.missing("select", format!("say which phones are meant, like `vendor = \"snom\"`; {every}"));
    }
    let Some(table) = top.table("select", &keys::SELECT, GRAMMAR) else { return };
    if !keys::SELECT.known.iter().any(|key| table.has(key)) {
        table.error(Complaint::new("`[select]` names no phones", every));
    }
    let plain = |key, example| table.read_all(key, example, value::name).unwrap_or_default();
    let globs = |key, example| {
        let globs = table.read_all(key, example, value::pattern).unwrap_or_default();
        globs.into_iter().map(|glob| glob.value).collect()
    };
    draft.vendors = typed(plain("vendor", "\"snom\""), |name| Vendor::new(&name));
    draft.sites = typed(plain("site", "\"berlin\""), Site::new);
    draft.tags = typed(plain("tag", "\"reception\""), Tag::new);
    draft.macs = table.read_all("mac", "\"00:04:13:92:2d:24\"", value::mac).unwrap_or_default();
    draft.policy.select = Selection {
        vendor: values(&draft.vendors),
        model: globs("model", "\"D7*\""),
        site: values(&draft.sites),
        tag: values(&draft.tags),
        mac: values(&draft.macs).into_iter().map(Into::into).collect(),
        line: globs("line", "\"21*\""),
        ..Selection::default()
    };
}

fn typed<T>(names: Vec<At<String>>, make: impl Fn(String) -> T) -> Vec<At<T>> {
    names.into_iter().map(|At { value, span }| At { value: make(value), span }).collect()
}

fn values<T: Clone>(items: &[At<T>]) -> Vec<T> {
    items.iter().map(|item| item.value.clone()).collect()
}

fn action(top: &Table<'_>) -> Option<Action> {
    let update = top.table("update", &keys::UPDATE, GRAMMAR);
    let reboot = top.table("reboot", &keys::REBOOT, GRAMMAR);
    match (top.key("update"), top.key("reboot")) {
        (Some(_), Some(span)) => {
            let hint = "an update reboots anyway; write two policies to do both";
            top.source().error(&span, Complaint::new("`[update]` and `[reboot]` exclude each other", hint));
            None
        }
        (None, None) => {
            let hint = "add `[update]` with `release = \"…\"`, or `[reboot]`";
            top.error(Complaint::new("nothing says what is to happen to the phones", hint));
            None
        }
        (None, Some(_)) => reboot.map(|_| Action::Reboot),
        (Some(_), None) => {
            let table = update?;
            if !table.has("release") {
                table.missing("release", "name a staged one: `release = \"snom-10.1.198\"`");
            }
            let release = table.read("release", "\"snom-10.1.198\"", value::name)?;
            Some(Action::Update { from: Firmware::Release(release.value.into()) })
        }
    }
}

fn windows(top: &Table<'_>, draft: &mut Draft) {
    if !top.has("window") {
        top.source().warning(
            &top.key("select").unwrap_or(0..0),
            Complaint::new("this policy has no window, so it never acts", "add a `[[window]]`"),
        );
    }
    for table in top.tables("window", &keys::WINDOW, GRAMMAR) {
        if let Some((window, marks)) = window(&table) {
            draft.policy.calendar.windows.push(window);
            draft.windows.push(marks);
        }
    }
}

fn window(table: &Table<'_>) -> Option<(Window, Marks)> {
    let zone = table.read("zone", "\"Europe/Berlin\"", |text| match text {
        "site" => Ok(None),
        name => value::zone(name).map(Some),
    });
    let days = table.read_all("days", "\"mon\"", value::weekday);
    let from = table.read("from", "\"22:00\"", value::time);
    let to = table.read("to", "\"05:00\"", value::time);
    let longest = TimeDelta::days(31);
    let length = table.read("length", "\"6h\"", value::duration_within(TimeDelta::minutes(1), longest));
    let cron = table.read("cron", "\"30 1 * * sun\"", |text| {
        text.parse::<Cron>().map_err(|error| error.to_string().into())
    });
    if let Some(span) = table.key("cron") {
        for other in ["days", "from", "to"] {
            if table.has(other) {
                let hint = "a window has `days` and `from`, or `cron` and `length`";
                table
                    .source()
                    .error(&span, Complaint::new(format!("`cron` and `{other}` exclude each other"), hint));
            }
        }
        if !table.has("length") {
            table.missing("length", "say how long it stays open: `length = \"4h\"`");
        }
    } else {
        if !table.has("days") {
            table.missing("days", "say on which it opens: `days = [\"mon\", \"tue\"]`");
        }
        if !table.has("from") {
            table.missing("from", "say when it opens: `from = \"22:00\"`");
        }
        match (table.key("to"), table.key("length")) {
            (Some(_), Some(span)) => table.source().error(&span, "`to` and `length` exclude each other"),
            (None, None) => table.missing("to", "say when it closes: `to = \"05:00\"`, or `length = \"7h\"`"),
            _ => {}
        }
    }
    let (lasts, close_span) = match (to, length) {
        (Some(to), _) => (Lasts::Until(to.value), to.span),
        (None, Some(length)) => (Lasts::For(length.value), length.span),
        (None, None) => return None,
    };
    let (opens, open_span) = match (cron, days, from, lasts) {
        (Some(cron), _, _, Lasts::For(length)) => (Opens::Cron { cron: cron.value, length }, cron.span),
        (None, Some(days), Some(from), lasts) => {
            (Opens::Weekly { days: values(&days), from: from.value, lasts }, from.span)
        }
        _ => return None,
    };
    let zone = zone.and_then(|zone| zone.value);
    Some((Window { opens, zone, last_start: None }, Marks { opens: open_span, closes: close_span }))
}

/// `[idle]`, `[pace]`, `[retry]`.
fn rules(top: &Table<'_>, policy: &mut Policy) {
    if let Some(idle) = top.table("idle", &keys::IDLE, GRAMMAR) {
        let bounds = value::duration_within(TimeDelta::zero(), TimeDelta::days(1));
        policy.idle.quiet =
            idle.read("quiet", "\"10m\"", bounds).map_or(policy.idle.quiet, |quiet| quiet.value);
        policy.idle.probe = idle.flag("probe").unwrap_or(policy.idle.probe);
    }
    if let Some(pace) = top.table("pace", &keys::PACE, GRAMMAR) {
        policy.pace.down_at_once = down_at_once(&pace).unwrap_or(policy.pace.down_at_once);
    }
    if let Some(retry) = top.table("retry", &keys::RETRY, GRAMMAR) {
        let attempts = retry.number("attempts", 1..=100).and_then(|n| u32::try_from(n.value).ok());
        policy.retry.attempts = attempts.unwrap_or(policy.retry.attempts);
        let bounds = value::duration_within(TimeDelta::seconds(1), TimeDelta::days(7));
        policy.retry.backoff =
            retry.read("backoff", "\"10m\"", bounds).map_or(policy.retry.backoff, |backoff| backoff.value);
    }
}
