//! The rules of a policy, and for each the policy without it: a test that fails then holds the rule up.

use std::ops::Range;

use chrono::{NaiveTime, TimeDelta, Weekday};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::policy::{self, Draft, Shared};
use super::super::raw::Source;
use super::WrittenRule;
use crate::domain::phone::Vendor;
use crate::domain::policy::{Action, Calendar, IdleBy, Lasts, Opens, Patience, Policy, Selection, Window};

const MISSING: &str = "no test fails without it";
const LEAVES_OUT: &str = "no test has a phone that it alone leaves out";
const LETS_IN: &str = "no test has a phone that it lets in";

/// One step on the way to a key or to an entry of a list.
#[derive(Debug, Clone, Copy)]
enum Way<'a> {
    Key(&'a str),
    Entry(usize),
}

/// A policy's file, read once more for each rule.
struct Reader<'a> {
    source: &'a Source,
    document: &'a Spanned<DeTable<'a>>,
    shared: &'a Shared,
    draft: &'a Draft,
    rules: Vec<WrittenRule>,
}

/// All rules of a policy that can be read, in the order of the file.
///
/// What decides no verdict is none: `about`, `bandwidth`, `jitter`, `probe`, and what is read and checked only.
pub(in crate::config) fn rules_of(
    source: &Source,
    document: &Spanned<DeTable<'_>>,
    shared: &Shared,
    draft: &Draft,
) -> Vec<WrittenRule> {
    let mut reader = Reader { source, document, shared, draft, rules: Vec::new() };
    reader.priority();
    reader.select();
    // Whom `[stage]` holds, it holds whatever else the policy says.
    if !matches!(draft.policy.action, Action::Stage { .. }) {
        reader.calendar();
        reader.idle();
        reader.pace();
        reader.retry();
    }
    for (number, span) in reader.entries(&[Way::Key("coverage")]).into_iter().enumerate() {
        reader.without(
            "[[coverage]]".to_owned(),
            &span,
            MISSING,
            &[Way::Key("coverage"), Way::Entry(number)],
        );
    }
    let mut rules = reader.rules;
    rules.sort_by_key(|rule| (rule.place.line, rule.place.column));
    rules
}

impl<'a> Reader<'a> {
    fn priority(&mut self) {
        self.turned("priority", MISSING, |policy| policy.priority = i32::MIN);
    }

    fn select(&mut self) {
        let nobody = Selection { vendor: vec![Vendor::new("\0")], ..Selection::default() };
        for (inside, title) in [(None, "[select] "), (Some("not"), "[select] not.")] {
            let way: Vec<Way<'a>> = [Some("select"), inside].into_iter().flatten().map(Way::Key).collect();
            for (key, span) in self.keys(&way) {
                if matches!(key, "not" | "any") {
                    continue;
                }
                let here: Vec<Way<'a>> = way.iter().copied().chain([Way::Key(key)]).collect();
                let entries = self.entries(&here);
                if inside.is_none() {
                    self.without(format!("{title}{key}"), &span, LEAVES_OUT, &here);
                }
                let (lacks, alone) = match inside {
                    None => (LETS_IN, entries.len() < 2),
                    Some(_) => (LEAVES_OUT, entries.len() < 2),
                };
                match (alone, inside) {
                    (true, None) => {
                        let changed = Policy { select: nobody.clone(), ..self.draft.policy.clone() };
                        self.add(format!("{title}{key}"), &span, lacks, changed);
                    }
                    (true, Some(_)) => self.without(format!("{title}{key}"), &span, lacks, &here),
                    (false, _) => {
                        for (number, span) in entries.into_iter().enumerate() {
                            let entry: Vec<Way<'a>> =
                                here.iter().copied().chain([Way::Entry(number)]).collect();
                            let what = format!("{title}{key} {}", &self.source.text[span.clone()]);
                            self.without(what, &span, lacks, &entry);
                        }
                    }
                }
            }
        }
        let any = [Way::Key("select"), Way::Key("any")];
        let alternatives = self.entries(&any);
        if let Some(span) =
            self.keys(&any[..1]).into_iter().find(|(key, _)| *key == "any").map(|(_, span)| span)
        {
            self.without("[select] any".to_owned(), &span, LEAVES_OUT, &any);
        }
        for (number, span) in alternatives.iter().enumerate() {
            let what = format!("[select] any[{number}]");
            if alternatives.len() < 2 {
                let changed = Policy { select: nobody.clone(), ..self.draft.policy.clone() };
                self.add(what, span, LETS_IN, changed);
            } else {
                self.without(what, span, LETS_IN, &[any[0], any[1], Way::Entry(number)]);
            }
        }
    }

    fn calendar(&mut self) {
        let windows = self.entries(&[Way::Key("window")]);
        for (number, span) in windows.iter().enumerate() {
            let way = [Way::Key("window"), Way::Entry(number)];
            self.without("[[window]]".to_owned(), span, "no test fails when it never opens", &way);
            if let Some((_, span)) = self.keys(&way).into_iter().find(|(key, _)| *key == "last_start") {
                let way = [way[0], way[1], Way::Key("last_start")];
                self.without("[[window]] last_start".to_owned(), &span, MISSING, &way);
            }
        }
        if let Some(first) = windows.first() {
            let always = Calendar {
                blackouts: self.draft.policy.calendar.blackouts.clone(),
                ..Calendar::of(vec![always()])
            };
            let changed = Policy { calendar: always, ..self.draft.policy.clone() };
            let what = if windows.len() > 1 { "all [[window]]s" } else { "[[window]]" };
            self.add(what.to_owned(), first, "no test is held outside of it alone", changed);
        }
        for (number, span) in self.draft.blackouts.iter().enumerate() {
            let mut changed = self.draft.policy.clone();
            if number < changed.calendar.blackouts.len() {
                changed.calendar.blackouts.remove(number);
                self.add("[[blackout]]".to_owned(), span, MISSING, changed);
            }
        }
    }

    fn idle(&mut self) {
        if self.draft.policy.idle.quiet > TimeDelta::zero() {
            self.turned("idle.quiet", "no test is held by it alone", |policy| {
                policy.idle.quiet = TimeDelta::zero()
            });
        }
        self.turned("idle.quiet", "no test has a phone that was quiet for so long", |policy| {
            policy.idle.quiet = TimeDelta::days(36_500);
        });
        if self.draft.policy.idle.by != IdleBy::Pbx {
            self.turned("idle.by", MISSING, |policy| policy.idle.by = IdleBy::Pbx);
        }
        if self.draft.policy.idle.also_busy.agent_logged_in {
            self.turned("idle.busy", "no test has an agent whom it alone holds", |policy| {
                policy.idle.also_busy.agent_logged_in = false;
            });
        }
        if self.draft.policy.idle.also_busy.do_not_disturb {
            self.turned("idle.busy", "no test has do-not-disturb set that it alone holds", |policy| {
                policy.idle.also_busy.do_not_disturb = false;
            });
        }
        if self.draft.policy.idle.patience != Patience::NextWindow {
            self.turned("idle.patience", MISSING, |policy| policy.idle.patience = Patience::NextWindow);
        }
    }

    fn pace(&mut self) {
        self.turned("pace.down_at_once", MISSING, |policy| policy.pace.down_at_once = u32::MAX);
        self.turned("pace.notify_rate", MISSING, |policy| policy.pace.notify_rate = None);
        self.turned("pace.registrations", MISSING, |policy| policy.pace.registrations = None);
        self.turned("pace.downloads", MISSING, |policy| policy.pace.downloads = None);
        self.turned("pace.spread", MISSING, |policy| policy.pace.spread = None);
        self.turned("pace.per.site", MISSING, |policy| policy.pace.per.site = None);
        self.turned("pace.per.model", MISSING, |policy| policy.pace.per.model = None);
        self.turned("pace.per.subnet", MISSING, |policy| policy.pace.per.subnet = None);
        self.turned("pace.per.switch", MISSING, |policy| policy.pace.per.switch = None);
        let tags = [Way::Key("pace"), Way::Key("per"), Way::Key("tag")];
        for (pattern, span) in self.keys(&tags) {
            let way = [tags[0], tags[1], tags[2], Way::Key(pattern)];
            self.without(format!("[pace] per.tag {pattern}"), &span, MISSING, &way);
        }
    }

    fn retry(&mut self) {
        self.turned("retry.attempts", MISSING, |policy| policy.retry.attempts = u32::MAX);
        self.turned("retry.backoff", MISSING, |policy| policy.retry.backoff = TimeDelta::zero());
        self.turned("retry.penalty_box", MISSING, |policy| policy.retry.penalty = None);
        for number in 0..self.draft.policy.retry.not_after.len() {
            let path = format!("retry.not_after[{number}]");
            let path = if self.draft.places.has(&path) { path } else { "retry.not_after".to_owned() };
            let mut changed = self.draft.policy.clone();
            let failure = changed.retry.not_after.remove(number);
            let span = self.draft.places.key(&path);
            self.add(format!("[retry] not_after {failure}"), &span, MISSING, changed);
        }
    }

    /// A key that is written, and what turns its rule round.
    fn turned(&mut self, path: &str, lacks: &'static str, change: impl FnOnce(&mut Policy)) {
        if !self.draft.places.has(path) {
            return;
        }
        let mut changed = self.draft.policy.clone();
        change(&mut changed);
        let what =
            path.split_once('.').map_or_else(|| path.to_owned(), |(table, key)| format!("[{table}] {key}"));
        let span = self.draft.places.key(path);
        self.add(what, &span, lacks, changed);
    }

    /// A rule that is taken out of the file. Where the rest is no policy any more, nothing is said of the rule.
    fn without(&mut self, what: String, span: &Range<usize>, lacks: &'static str, way: &[Way<'_>]) {
        let mut document = self.document.clone();
        remove(document.get_mut(), way);
        let select = document.get_mut().iter_mut().find(|(name, _)| name.get_ref() == "select");
        if let Some(DeValue::Table(select)) = select.map(|(_, value)| value.get_mut())
            && select.is_empty()
            && let Ok(everyone) = DeTable::parse("line = \"*\"")
        {
            *select = everyone.into_inner();
        }
        let scratch = Source::new(&self.source.path, &self.source.text);
        let Some(draft) = policy::read(&scratch, &document, self.shared) else { return };
        let mut changed = draft.policy;
        // Calendar files are not read again.
        changed.calendar.blackouts.clone_from(&self.draft.policy.calendar.blackouts);
        self.add(what, span, lacks, changed);
    }

    fn add(&mut self, what: String, span: &Range<usize>, lacks: &'static str, changed: Policy) {
        let changed = Policy { acts_from: None, ..changed };
        let (file, place) = (self.source.path.clone(), self.source.place(span));
        self.rules.push(WrittenRule { file, place, what, lacks, changed });
    }

    /// The keys of a table, with the bytes of their names.
    fn keys(&self, way: &[Way<'_>]) -> Vec<(&'a str, Range<usize>)> {
        match find(self.document.get_ref(), way).map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => {
                table.iter().map(|(name, _)| (name.get_ref().as_ref(), name.span())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The bytes of a list's entries; what is no list has itself.
    fn entries(&self, way: &[Way<'_>]) -> Vec<Range<usize>> {
        match find(self.document.get_ref(), way) {
            Some(value) => match value.get_ref() {
                DeValue::Array(list) => list.iter().map(Spanned::span).collect(),
                _ => vec![value.span()],
            },
            None => Vec::new(),
        }
    }
}

/// Open on every day, all day.
fn always() -> Window {
    let days =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    Window {
        opens: Opens::Weekly {
            days: days.to_vec(),
            from: NaiveTime::MIN,
            lasts: Lasts::For(TimeDelta::days(2)),
        },
        zone: None,
        last_start: Some(TimeDelta::zero()),
    }
}

fn find<'a>(table: &'a DeTable<'a>, way: &[Way<'_>]) -> Option<&'a Spanned<DeValue<'a>>> {
    let (first, rest) = way.split_first()?;
    let Way::Key(key) = first else { return None };
    let mut value = table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)?;
    for step in rest {
        value = match (step, value.get_ref()) {
            (Way::Key(key), DeValue::Table(table)) => {
                table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)?
            }
            (Way::Entry(number), DeValue::Array(list)) => list.get(*number)?,
            _ => return None,
        };
    }
    Some(value)
}

/// Takes a key or an entry away, and each table or list that is empty then.
fn remove(table: &mut DeTable<'_>, way: &[Way<'_>]) {
    let Some((Way::Key(key), rest)) = way.split_first() else { return };
    let mut gone = rest.is_empty();
    if let Some((_, value)) = table.iter_mut().find(|(name, _)| name.get_ref() == key) {
        // A policy without `[select]` is none; an empty one is filled by whoever asked.
        gone = gone || (remove_inside(value, rest) && *key != "select");
    }
    if gone {
        let name = table.keys().find(|name| name.get_ref() == key).cloned();
        name.and_then(|name| table.remove(&name));
    }
}

/// The same inside a value; whether nothing is left of it.
fn remove_inside(value: &mut Spanned<DeValue<'_>>, way: &[Way<'_>]) -> bool {
    match (value.get_mut(), way.split_first()) {
        (DeValue::Table(table), Some(_)) => {
            remove(table, way);
            table.is_empty()
        }
        (DeValue::Array(list), Some((Way::Entry(number), rest))) => {
            let mut left = Vec::new();
            for (i, mut item) in list.iter().cloned().enumerate() {
                if i != *number || !(rest.is_empty() || remove_inside(&mut item, rest)) {
                    left.push(item);
                }
            }
            let empty = left.is_empty();
            *list = left.into_iter().collect();
            empty
        }
        _ => false,
    }
}
