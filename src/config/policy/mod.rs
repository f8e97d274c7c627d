//! One policy file, table by table.

mod action;
mod blackout;
mod coverage;
mod idle;
mod pace;
mod retry;
mod select;
mod shared;
mod wave;
mod window;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::DeTable;

use super::keys;
use super::raw::{At, Complaint, Places, Source};
use super::table::Table;
use crate::config::code::Code;
use crate::domain::phone::Realm;
use crate::domain::policy::{Action, Firmware, Policy, Selection};

pub(super) use pace::{down_at_once, per_part, registrations};
pub(super) use select::Mentions;
pub(super) use shared::{SELECTIONS_FILE, Shared};
pub(super) use window::Marks;

/// A policy, and where its author wrote what must be compared with other files or is worth advice.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub policy: Policy,
    /// Where each key stands: `select.model`, `window[1].last_start`, `pace.spread`, `coverage[0]`, `wave[2]`.
    pub places: Places,
    /// The names its selection, and its waves, use.
    pub mentions: Mentions,
    /// The priority, else the selection.
    pub priority: Range<usize>,
    /// Of each window of its calendar, in order.
    pub windows: Vec<Marks>,
    /// Of each blackout of its calendar, in order: the value that says when it is.
    pub blackouts: Vec<Range<usize>>,
    /// The calendar files it names, each with the blackout that its events belong to.
    pub calendars: Vec<(usize, At<PathBuf>)>,
    /// The channel it names.
    pub channel: Option<At<Arc<str>>>,
    /// The firmware realm it moves phones to.
    pub realm: Option<At<Realm>>,
    /// Tables that are read and checked, but that `run` does not act on yet, as they are written.
    pub not_yet: Vec<At<&'static str>>,
    /// It names shared selections.
    pub shares: bool,
}

/// Reads a policy; what is wrong is recorded, and then there is none.
pub(super) fn read(source: &Source, document: &Spanned<DeTable<'_>>, shared: &Shared) -> Option<Draft> {
    let top = Table::top(source, &keys::POLICY_TABLES, document)?;
    let priority = top.number("priority");
    let mut draft = Draft {
        policy: Policy {
            about: top.text("about").map(|about| about.value.to_owned()),
            priority: priority.as_ref().and_then(|n| i32::try_from(n.value).ok()).unwrap_or(0),
            ..Policy::new(&name(&source.path)?, Selection::default(), Action::Reboot)
        },
        places: Places::of(document.get_ref()),
        mentions: Mentions::default(),
        priority: priority.map(|n| n.span).or_else(|| top.key("select")).unwrap_or(0..0),
        windows: Vec::new(),
        blackouts: Vec::new(),
        calendars: Vec::new(),
        channel: None,
        realm: None,
        not_yet: Vec::new(),
        shares: false,
    };
    select(&top, shared, &mut draft);
    let action = action::read(&top).map(|(action, overrides)| {
        draft.policy.action = action.clone();
        draft.policy.override_hardware = overrides;
        action
    });
    if let Some(Firmware::Channel(channel)) = action.as_ref().and_then(Action::firmware) {
        let span = draft.places.value(&format!("{}.channel", draft.policy.action.table()));
        draft.channel = Some(At { value: channel.clone(), span });
    }
    if let Some(Action::Move { realm: Some(realm) }) = &action {
        draft.realm = Some(At { value: realm.clone(), span: draft.places.value("move.realm") });
    }
    window::read(&top, &mut draft);
    blackout::read(&top, &mut draft);
    draft.policy.idle = idle::read(&top);
    draft.policy.pace = pace::read(&top);
    draft.policy.coverage = coverage::read(&top);
    draft.policy.retry = retry::read(&top);
    wave::read(&top, &mut draft);
    for table in ["wave", "brake", "rollback"] {
        if let Some(span) = top.key(table) {
            draft.not_yet.push(At { value: table, span });
        }
    }
    without_effect(&top);
    action?;
    (!source.has_errors()).then_some(draft)
}

/// The policy's name: its file's, without `.toml`.
pub(super) fn name(path: &Path) -> Option<String> {
    path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned)
}

fn select(top: &Table<'_>, shared: &Shared, draft: &mut Draft) {
    let every = "to mean every phone, say so: `line = \"*\"`";
    if !top.has("select") {
        top.missing("select", format!("say which phones are meant, like `vendor = \"snom\"`; {every}"));
    }
    let Some(table) = top.table("select") else { return };
    if table.is_empty() {
        table.error(Complaint::new("`[select]` names no phones", every));
    }
    let mut shares = false;
    draft.policy.select = select::read(
        &table,
        &mut |name| {
            shares = true;
            shared.named(table.source(), name)
        },
        &mut draft.mentions,
    );
    draft.shares = shares;
}

/// Records keys that could never have an effect beside this action.
fn without_effect(top: &Table<'_>) {
    let Some(action) =
        ["reboot", "resync", "backup", "write", "files"].into_iter().find(|action| top.has(action))
    else {
        return;
    };
    if let Some(span) = top.key("rollback") {
        let complaint = Complaint::new(
            format!("`[rollback]` has no effect beside `[{action}]`, which changes no firmware"),
            "leave it out",
        );
        top.source().refuse(Code::Contradiction, &span, complaint);
    }
}
