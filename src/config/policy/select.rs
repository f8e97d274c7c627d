//! `[select]`, its `any` and `not`, and shared selections.

use std::ops::Range;

use crate::config::code::Code;
use crate::config::raw::{At, Complaint};
use crate::config::table::Table;
use crate::config::value;
use crate::domain::phone::{Hardware, Mac, PbxName, Realm, Site, Tag, Vendor};
use crate::domain::policy::Selection;
use crate::domain::policy::select::Named;

/// Names in a file that must be compared with other files.
#[derive(Debug, Clone, Default)]
pub(in crate::config) struct Mentions {
    /// Makers of phones that are meant; those of phones that are left out are not among them.
    pub vendors: Vec<At<Vendor>>,
    pub sites: Vec<At<Site>>,
    pub realms: Vec<At<Realm>>,
    pub tags: Vec<At<Tag>>,
    /// Whole addresses.
    pub macs: Vec<At<Mac>>,
    pub pbxs: Vec<At<PbxName>>,
}

/// Finds a shared selection; what is wrong with its name is recorded.
pub(super) type Lookup<'l> = dyn FnMut(&At<&str>) -> Option<Named> + 'l;

/// Reads a selection.
pub(super) fn read(table: &Table<'_>, lookup: &mut Lookup<'_>, mentions: &mut Mentions) -> Selection {
    part(table, lookup, mentions, false)
}

fn part(table: &Table<'_>, lookup: &mut Lookup<'_>, mentions: &mut Mentions, negated: bool) -> Selection {
    let plain = |key| table.read_all(key, value::name).unwrap_or_default();
    let globs = |key| {
        let globs = table.read_all(key, value::pattern).unwrap_or_default();
        globs.into_iter().map(|glob| glob.value).collect()
    };
    let vendors = typed(plain("vendor"), |name| Vendor::new(&name));
    let sites = typed(plain("site"), Site::new);
    let realms = typed(plain("realm"), Realm::new);
    let tags = typed(plain("tag"), Tag::new);
    let pbxs = typed(plain("pbx"), PbxName::new);
    let macs = table.read_all("mac", value::mac_prefix).unwrap_or_default();
    let mut selection = Selection {
        vendor: values(&vendors),
        model: globs("model"),
        hardware: values(&typed(
            table.read_all("hardware", value::hardware).unwrap_or_default(),
            Hardware::new,
        )),
        version: values(&table.read_all("version", value::versions).unwrap_or_default()),
        site: values(&sites),
        realm: values(&realms),
        tag: values(&tags),
        mac: values(&macs),
        line: globs("line"),
        subnet: values(&table.read_all("subnet", value::network).unwrap_or_default()),
        pbx: values(&pbxs),
        is: Vec::new(),
        any: Vec::new(),
        not: None,
    };
    if !negated {
        mentions.vendors.extend(vendors);
    }
    mentions.sites.extend(sites);
    mentions.realms.extend(realms);
    mentions.tags.extend(tags);
    mentions.pbxs.extend(pbxs);
    let whole = macs.into_iter().filter_map(|mac| Some(At { value: mac.value.whole()?, span: mac.span }));
    mentions.macs.extend(whole);
    let names = table.texts("is").unwrap_or_default();
    selection.is = names.iter().filter_map(&mut *lookup).collect();
    for alternative in table.tables("any") {
        not_empty(&alternative);
        selection.any.push(part(&alternative, lookup, mentions, negated));
    }
    if let Some(not) = table.table("not") {
        not_empty(&not);
        if negated {
            let complaint = Complaint::new("`not` inside `not`", "say which phones are meant instead");
            not.source().refuse(Code::Contradiction, &not.span(), complaint);
        }
        selection.not = Some(Box::new(part(&not, lookup, mentions, true)));
    }
    selection
}

fn not_empty(table: &Table<'_>) {
    if table.is_empty() {
        let span: Range<usize> = table.span();
        table.source().refuse(
            Code::Missing,
            &span,
            Complaint::new("this table names no phones", "leave it out, or name some: `tag = \"lift\"`"),
        );
    }
}

fn typed<T>(names: Vec<At<String>>, make: impl Fn(String) -> T) -> Vec<At<T>> {
    names.into_iter().map(|At { value, span }| At { value: make(value), span }).collect()
}

fn values<T: Clone>(items: &[At<T>]) -> Vec<T> {
    items.iter().map(|item| item.value.clone()).collect()
}
