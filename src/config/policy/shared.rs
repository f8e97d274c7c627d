//! `selections.toml`: selections that several policies name.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::DeTable;

use super::select::{self, Mentions};
use crate::config::code::Code;
use crate::config::keys::{SELECTIONS_TABLES, nearest};
use crate::config::raw::{At, Complaint, Source};
use crate::config::table::Table;
use crate::config::value;
use crate::domain::policy::Selection;
use crate::domain::policy::select::Named;

/// The file's name, in the folder of policies.
pub(in crate::config) const SELECTIONS_FILE: &str = "selections.toml";

/// The shared selections of a folder.
#[derive(Debug, Default)]
pub(in crate::config) struct Shared {
    /// Each with its place; one that cannot be read is there without its selection.
    named: BTreeMap<Arc<str>, Entry>,
    used: RefCell<BTreeSet<Arc<str>>>,
    /// The names they use.
    pub mentions: Mentions,
    /// The file cannot be read at all: nothing is said of names it may hold.
    unreadable: bool,
}

/// The place of a selection's name, and the selection when it can be read.
type Entry = (Range<usize>, Option<Arc<Selection>>);

/// The tables of the file while they are read, each after those it names.
struct Reader<'a> {
    source: &'a Source,
    tables: Vec<(At<&'a str>, Table<'a>)>,
    done: RefCell<BTreeMap<&'a str, Option<Arc<Selection>>>>,
    /// Those that are being read, each named by the one before it.
    path: RefCell<Vec<&'a str>>,
    used: RefCell<BTreeSet<Arc<str>>>,
    mentions: RefCell<Mentions>,
}

impl Shared {
    /// Those of a file that cannot be read.
    pub fn unreadable() -> Self {
        Self { unreadable: true, ..Self::default() }
    }

    /// Reads the file; what is wrong is recorded.
    pub fn read(source: &Source, document: &Spanned<DeTable<'_>>) -> Self {
        let Some(top) = Table::top(source, &SELECTIONS_TABLES, document) else { return Self::default() };
        let reader = Reader {
            source,
            tables: top.named_tables("selection"),
            done: RefCell::default(),
            path: RefCell::default(),
            used: RefCell::default(),
            mentions: RefCell::default(),
        };
        let mut named = BTreeMap::new();
        for (name, table) in &reader.tables {
            if let Err(complaint) = value::name(name.value) {
                source.refuse(Code::BadValue, &name.span, complaint);
            }
            if table.is_empty() {
                table.error(Complaint::new(
                    format!("`[selection.{}]` names no phones", name.value),
                    "to mean every phone, say so: `line = \"*\"`",
                ));
            }
            named.insert(Arc::from(name.value), (name.span.clone(), reader.resolve(name.value)));
        }
        Self { named, used: reader.used, mentions: reader.mentions.into_inner(), unreadable: false }
    }

    /// The selection that a file names.
    pub fn named(&self, source: &Source, name: &At<&str>) -> Option<Named> {
        if self.unreadable {
            return None;
        }
        match self.named.get_key_value(name.value) {
            Some((name, (_, selection))) => {
                self.used.borrow_mut().insert(name.clone());
                Some(Named { name: name.clone(), selection: selection.clone()? })
            }
            None => {
                source.refuse(
                    Code::UnknownName,
                    &name.span,
                    unknown(name.value, self.named.keys().map(AsRef::as_ref)),
                );
                None
            }
        }
    }

    /// Records a warning for each selection that nobody names.
    pub fn warn_unused(&self, source: &Source) {
        let used = self.used.borrow();
        for (name, (span, _)) in self.named.iter().filter(|(name, _)| !used.contains(*name)) {
            source.warn(
                Code::Unused,
                span,
                Complaint::new(
                    format!("no policy names the selection `{name}`"),
                    format!("name it in a `[select]`: `is = \"{name}\"`, or remove it"),
                ),
            );
        }
    }
}

impl<'a> Reader<'a> {
    fn resolve(&self, name: &'a str) -> Option<Arc<Selection>> {
        if let Some(done) = self.done.borrow().get(name) {
            return done.clone();
        }
        let (_, table) = self.tables.iter().find(|(other, _)| other.value == name)?;
        self.path.borrow_mut().push(name);
        let mut mentions = Mentions::default();
        let mut whole = true;
        let selection = select::read(
            table,
            &mut |name| {
                let found = self.named(name);
                whole &= found.is_some();
                found
            },
            &mut mentions,
        );
        self.path.borrow_mut().pop();
        self.mentions.borrow_mut().add(mentions);
        let selection = whole.then(|| Arc::new(selection));
        self.done.borrow_mut().insert(name, selection.clone());
        selection
    }

    /// A selection that another one names.
    fn named(&self, name: &At<&str>) -> Option<Named> {
        let Some((other, _)) = self.tables.iter().find(|(other, _)| other.value == name.value) else {
            self.source.refuse(
                Code::UnknownName,
                &name.span,
                unknown(name.value, self.tables.iter().map(|(other, _)| other.value)),
            );
            return None;
        };
        let circle = self.path.borrow().iter().position(|above| *above == other.value).map(|first| {
            let mut circle: Vec<&str> = self.path.borrow()[first..].to_vec();
            circle.push(other.value);
            circle.join("` → `")
        });
        if let Some(circle) = circle {
            self.source.refuse(
                Code::Contradiction,
                &name.span,
                Complaint::new(
                    format!("these selections name each other in a circle: `{circle}`"),
                    "take the name out of one of them",
                ),
            );
            return None;
        }
        self.used.borrow_mut().insert(other.value.into());
        Some(Named { name: other.value.into(), selection: self.resolve(other.value)? })
    }
}

impl Mentions {
    fn add(&mut self, other: Self) {
        let Self { vendors, sites, realms, tags, macs, pbxs } = other;
        self.realms.extend(realms);
        self.vendors.extend(vendors);
        self.sites.extend(sites);
        self.tags.extend(tags);
        self.macs.extend(macs);
        self.pbxs.extend(pbxs);
    }
}

fn unknown<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Complaint {
    Complaint {
        message: format!("there is no shared selection `{name}`"),
        near: nearest(name, names),
        hint: Some(format!(
            "shared selections stand in {SELECTIONS_FILE} beside the policies: `[selection.{name}]`"
        )),
    }
}
