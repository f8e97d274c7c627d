//! The inventory and the SIP credentials: CSV files with a header.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::InventoryPhone;
use super::code::Code;
use super::keys::{CREDENTIALS_COLUMNS, INVENTORY_COLUMNS, WEB_CREDENTIALS_COLUMNS, nearest};
use super::problem::{Place, Problem};
use super::raw::{Complaint, Source};
use super::value;
use crate::domain::modules::ModulePower;
use crate::domain::phone::{Hardware, LineId, Mac, Model, PbxName, Realm, Site, Switch, Tag, Vendor};
use crate::ports::{Credentials, Secret, WebPasswords};

/// What the rows may speak of.
pub(super) struct Known<'a> {
    pub pbxs: &'a BTreeSet<PbxName>,
    pub sites: &'a BTreeSet<Site>,
    pub realms: &'a BTreeSet<Realm>,
}

/// Reads the inventory; a bad row is recorded and left out.
pub(super) fn read_phones(source: &Source, known: &Known<'_>) -> Vec<InventoryPhone> {
    let mut phones: Vec<InventoryPhone> = Vec::new();
    let mut macs: BTreeMap<Mac, usize> = BTreeMap::new();
    let mut lines: BTreeMap<LineId, usize> = BTreeMap::new();
    let Some(rows) = Rows::read(source, &INVENTORY_COLUMNS, &["mac", "lines"], Show::Line) else {
        return phones;
    };
    for row in rows.iter() {
        let mac = row.parse("mac", value::mac);
        if let Some(mac) = mac
            && let Some(first) = macs.insert(mac, row.line)
        {
            row.error("mac", format!("{mac} is in line {first} already"));
            macs.insert(mac, first);
        }
        let pbx = row.pbx(known);
        let users = row.words("lines");
        if users.is_empty() {
            row.error(
                "lines",
                Complaint::new("a phone needs a line", "the accounts it registers: `2117 2118`"),
            );
        }
        let mut own = Vec::new();
        for user in users {
            let Some(user) = row.check("lines", user, value::name) else { continue };
            let Some(pbx) = &pbx else { continue };
            let line = LineId { pbx: pbx.clone(), user: user.into() };
            match lines.get(&line) {
                Some(first) if *first == row.line => {
                    row.error("lines", format!("line `{}` is here twice", line.user));
                }
                Some(first) => row.error(
                    "lines",
                    Complaint::new(
                        format!("line `{}` belongs to the phone in line {first} already", line.user),
                        "give each phone an account of its own: of two behind one account nobody knows which is in a call",
                    ),
                ),
                None => {
                    lines.insert(line.clone(), row.line);
                    own.push(line);
                }
            }
        }
        let site = row.parse("site", value::name).map(Site::new).filter(|site| {
            let there = known.sites.contains(site);
            if !there {
                row.error("site", unknown_site(site.as_str(), known.sites));
            }
            there
        });
        let realm = row.parse("realm", value::name).map(Realm::new).filter(|realm| {
            let there = known.realms.contains(realm);
            if !there {
                row.error("realm", unknown_realm(realm.as_str(), known.realms));
            }
            there
        });
        let module_power = row.parse("module_power", |text| match text {
            "usb" => Ok(ModulePower::Usb),
            "external" => Ok(ModulePower::External),
            other => Err(Complaint::new(
                format!("`{other}` is no way to power an expansion module"),
                "write `usb` where it hangs on the phone alone, `external` where it has a power supply",
            )),
        });
        let tags = row.words("tags").into_iter().filter_map(|tag| row.check("tags", tag, value::name));
        let tags = tags.map(Tag::new).collect();
        if let Some(mac) = mac {
            phones.push(InventoryPhone {
                mac,
                lines: own,
                vendor: row.parse("vendor", value::name).map(|name| Vendor::new(&name)),
                model: row.field("model").map(Model::new),
                hardware: row.field("hardware").map(Hardware::new),
                site,
                switch: row.field("switch").map(Switch::new),
                tags,
                realm,
                module_power,
            });
        }
    }
    phones
}

/// Reads the SIP credentials; a bad row is recorded and left out, and never shown.
pub(super) fn read_credentials(source: &Source, known: &Known<'_>) -> BTreeMap<LineId, Credentials> {
    let mut credentials = BTreeMap::new();
    let required = ["line", "username", "password"];
    let Some(rows) = Rows::read(source, &CREDENTIALS_COLUMNS, &required, Show::Nothing) else {
        return credentials;
    };
    for row in rows.iter() {
        let pbx = row.pbx(known);
        let user = row.required("line").and_then(|user| row.check("line", user, value::name));
        let (username, password) = (row.required("username"), row.required("password"));
        let (Some(pbx), Some(user), Some(username), Some(password)) = (pbx, user, username, password) else {
            continue;
        };
        let line = LineId { pbx, user: user.into() };
        let pair = Credentials { username: username.to_owned(), password: Secret::new(password) };
        match credentials.entry(line) {
            Entry::Occupied(there) => row.error("line", format!("line `{}` is here twice", there.key().user)),
            Entry::Vacant(free) => {
                free.insert(pair);
            }
        }
    }
    credentials
}

/// The complaint about a site that `sipherd.toml` does not know.
pub(super) fn unknown_site(site: &str, sites: &BTreeSet<Site>) -> Complaint {
    Complaint {
        message: format!("unknown site `{site}`"),
        near: nearest(site, sites.iter().map(Site::as_str)),
        hint: Some(format!("sites are named in sipherd.toml: `[site.{site}]`")),
    }
}

/// The complaint about a realm that `sipherd.toml` does not know.
pub(super) fn unknown_realm(realm: &str, realms: &BTreeSet<Realm>) -> Complaint {
    Complaint {
        message: format!("unknown realm `{realm}`"),
        near: nearest(realm, realms.iter().map(Realm::as_str)),
        hint: Some(format!("realms are named in sipherd.toml: `[realm.{realm}]`")),
    }
}

/// Reads the passwords of phones' web servers; a bad row is recorded and left out, and never shown.
pub(super) fn read_web_passwords(source: &Source) -> WebPasswords {
    let mut passwords = WebPasswords::default();
    let columns = WEB_CREDENTIALS_COLUMNS;
    let Some(rows) = Rows::read(source, &columns, &columns, Show::Nothing) else { return passwords };
    for row in rows.iter() {
        let (username, password) = (row.required("username"), row.required("password"));
        let (Some(whose), Some(username), Some(password)) = (row.required("mac"), username, password) else {
            continue;
        };
        let pair = Credentials { username: username.to_owned(), password: Secret::new(password) };
        let twice = if whose == "*" {
            passwords.others.replace(pair).is_some()
        } else {
            let Some(mac) = row.check("mac", whose, value::mac) else { continue };
            passwords.of.insert(mac, pair).is_some()
        };
        if twice {
            row.error("mac", format!("`{whose}` is here twice"));
        }
    }
    passwords
}

/// Whether problems may show the line they stand on.
#[derive(Clone, Copy, PartialEq)]
enum Show {
    Line,
    Nothing,
}

/// The rows below the header.
struct Rows<'a> {
    source: &'a Source,
    columns: Vec<String>,
    rows: Vec<(usize, csv::StringRecord)>,
    show: Show,
}

/// One row.
struct Row<'a> {
    rows: &'a Rows<'a>,
    record: &'a csv::StringRecord,
    line: usize,
}

impl<'a> Rows<'a> {
    fn read(source: &'a Source, columns: &[&str], required: &[&str], show: Show) -> Option<Self> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(source.text.as_bytes());
        let mut rows = Self { source, columns: Vec::new(), rows: Vec::new(), show };
        for record in reader.records() {
            let Ok(record) = record else {
                source
                    .push(Problem::error(&source.path, "this file cannot be read as CSV").code(Code::Syntax));
                return None;
            };
            let line = record.position().map_or(1, |p| usize::try_from(p.line()).unwrap_or(usize::MAX));
            if rows.columns.is_empty() {
                rows.columns = record.iter().map(str::to_ascii_lowercase).collect();
                rows.check_header(line, columns, required)?;
            } else if record.len() == rows.columns.len() {
                rows.rows.push((line, record));
            } else {
                let (has, wants) = (record.len(), rows.columns.len());
                let row = Row { rows: &rows, record: &record, line };
                row.error(
                    "",
                    Complaint::new(
                        format!("this row has {has} fields, the header has {wants}"),
                        "separate several lines or tags by blanks, and put quotes around a field that holds a comma",
                    ),
                );
            }
        }
        if rows.columns.is_empty() {
            let header = columns.join(",");
            source.push(
                Problem::error(&source.path, "the header is missing")
                    .code(Code::Missing)
                    .hint(format!("begin with `{header}`")),
            );
            return None;
        }
        Some(rows)
    }

    fn check_header(&self, line: usize, columns: &[&str], required: &[&str]) -> Option<()> {
        let mut good = true;
        let mut wrong = |column: &str, complaint: Complaint| {
            good = false;
            let place = self.place(line, column);
            let Complaint { message, near, hint } = complaint;
            let problem = Problem::error(&self.source.path, message).code(Code::UnknownKey).at(place);
            self.source.push(Problem { near, hint, ..problem });
        };
        if let [only] = self.columns.as_slice()
            && only.contains(';')
        {
            wrong(only, Complaint::new("fields are separated by semicolons", "separate them by commas"));
            return None;
        }
        for (i, column) in self.columns.iter().enumerate() {
            if !columns.contains(&column.as_str()) {
                let near = nearest(column, columns.iter().copied());
                // Where the header is missing, this is a field of the first row.
                let shown = if self.show == Show::Line { column } else { "…" };
                let hint = Some(format!("the columns are {}", columns.join(", ")));
                wrong(column, Complaint { message: format!("unknown column `{shown}`"), near, hint });
            } else if self.columns[..i].contains(column) {
                wrong(column, format!("column `{column}` is here twice").into());
            }
        }
        for column in required {
            if !self.columns.iter().any(|c| c == column) {
                wrong("", format!("column `{column}` is missing").into());
            }
        }
        good.then_some(())
    }

    fn iter(&'a self) -> impl Iterator<Item = Row<'a>> {
        self.rows.iter().map(|(line, record)| Row { rows: self, record, line: *line })
    }

    /// The place of a text in a line.
    fn place(&self, line: usize, text: &str) -> Place {
        let shown = self.source.text.lines().nth(line.saturating_sub(1)).unwrap_or("");
        let found = shown.to_ascii_lowercase().find(&text.to_ascii_lowercase());
        let span: Range<usize> = match found {
            Some(start) if !text.is_empty() => start..start + text.len(),
            _ => 0..shown.len(),
        };
        let column = shown[..span.start].chars().count() + 1;
        let end_column = shown[..span.end].chars().count() + 1;
        Place { line, column, end_column, text: (self.show == Show::Line).then(|| shown.to_owned()), span }
    }
}

impl<'a> Row<'a> {
    /// The field of a column; `None` when it is empty or not there.
    fn field(&self, column: &str) -> Option<&'a str> {
        let index = self.rows.columns.iter().position(|c| c == column)?;
        self.record.get(index).filter(|field| !field.is_empty())
    }

    fn required(&self, column: &str) -> Option<&'a str> {
        let field = self.field(column);
        if field.is_none() {
            self.error(column, format!("`{column}` is empty"));
        }
        field
    }

    fn words(&self, column: &str) -> Vec<&'a str> {
        let field = self.field(column).unwrap_or("");
        field.split([' ', ';', '\t']).filter(|word| !word.is_empty()).collect()
    }

    fn check<T>(
        &self,
        column: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        match parse(text) {
            Ok(value) => Some(value),
            Err(complaint) => {
                self.error(column, complaint);
                None
            }
        }
    }

    /// The field of a column read further; only an empty MAC is an error.
    fn parse<T>(&self, column: &str, parse: impl FnOnce(&str) -> Result<T, Complaint>) -> Option<T> {
        let field = if column == "mac" { self.required(column)? } else { self.field(column)? };
        self.check(column, field, parse)
    }

    /// The PBX of a row: the one it names, or the only one there is.
    fn pbx(&self, known: &Known<'_>) -> Option<PbxName> {
        let Some(name) = self.field("pbx") else {
            let mut pbxs = known.pbxs.iter();
            return match (pbxs.next(), pbxs.next()) {
                (Some(only), None) => Some(only.clone()),
                (Some(_), Some(_)) => {
                    let names: Vec<_> = known.pbxs.iter().map(PbxName::as_str).collect();
                    let hint = format!("there are {}: name one in the column `pbx`", names.join(", "));
                    self.error("", Complaint::new("which PBX is this on?", hint));
                    None
                }
                (None, _) => None,
            };
        };
        let name = PbxName::new(name);
        if known.pbxs.is_empty() || known.pbxs.contains(&name) {
            return Some(name);
        }
        self.error(
            "pbx",
            Complaint {
                message: format!("unknown PBX `{name}`"),
                near: nearest(name.as_str(), known.pbxs.iter().map(PbxName::as_str)),
                hint: Some("PBXs are named in sipherd.toml: `[[pbx]]`".to_owned()),
            },
        );
        None
    }

    fn error(&self, column: &str, complaint: impl Into<Complaint>) {
        let Complaint { mut message, mut near, hint } = complaint.into();
        let field = self.field(column).unwrap_or("");
        if self.rows.show == Show::Nothing {
            // Whatever stands in a row of passwords may be one.
            message = message.replace(&format!("`{field}`"), "`…`");
            near = None;
        }
        let place = self.rows.place(self.line, field);
        let file = &self.rows.source.path;
        let problem = Problem::error(file, message).code(Code::BadValue).at(place);
        self.rows.source.push(Problem { near, hint, ..problem });
    }
}
