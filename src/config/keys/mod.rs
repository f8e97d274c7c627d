//! Every key a file may have, table by table: the readers, the handbook and the editors' schema all go by it.

mod cases;
mod depot;
mod limits;
mod policy;
mod profile;
mod rollout;
mod settings;
mod snom;
mod when;

pub use cases::*;
pub use depot::*;
pub use limits::{BANDWIDTH, COVERAGE, PACE, PER, RETRY};
pub use policy::*;
pub use profile::*;
pub use rollout::{BRAKE, CHECK, ROLLBACK, WAVE};
pub use settings::*;
pub use snom::*;
pub use when::{BLACKOUT, IDLE, WINDOW};

/// One table of a kind of file.
#[derive(Debug)]
pub struct Keys {
    /// The table as its author writes it; empty for the top of the file.
    pub table: &'static str,
    /// What the table is for, in one sentence.
    pub about: &'static str,
    /// The keys that are understood.
    pub keys: &'static [Key],
    /// Keys of a later version: refused, but not called a mistake.
    pub later: &'static [&'static str],
    /// Names under which some look for a key, and what to do instead.
    pub misnamed: &'static [(&'static str, &'static str)],
}

/// One key of a table.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What may stand behind it.
    pub value: Value,
    /// What holds without it.
    pub absent: Absent,
    /// A value an author could write, as TOML.
    pub example: &'static str,
    /// What it means, in one line.
    pub about: &'static str,
}

/// What holds where a key is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// It must not be left out.
    Missing,
    /// Nothing is limited, named or done.
    Nothing,
    /// As if this value, in TOML, had been written.
    Default(&'static str),
    /// What these words say.
    Means(&'static str),
}

/// What may stand behind a key.
#[derive(Debug)]
pub enum Value {
    /// A text of some form.
    Text(Form),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number within these bounds, both included.
    Number {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// A duration within these bounds, both included, as they are written in a file.
    Duration {
        /// The shortest.
        least: &'static str,
        /// The longest.
        most: &'static str,
    },
    /// `true` or `false`.
    Flag,
    /// `true`, and nothing else: the key is left out otherwise.
    Yes,
    /// One of these, or a list of them.
    OneOrMore(&'static Value),
    /// A list of these.
    List(&'static Value),
    /// Any of these.
    Either(&'static [Value]),
    /// A table.
    Table(&'static Keys),
    /// A list of tables.
    Tables(&'static Keys),
    /// Tables whose names their author chooses: `[site.berlin]`.
    Named(&'static Keys),
    /// A table of such values whose keys are patterns its author chooses.
    Each(&'static Value),
}

/// What a text must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Anything.
    Free,
    /// Letters, digits and a few signs.
    Name,
    /// A name with `*` and `?`.
    Pattern,
    /// `22:00`
    Time,
    /// `2026-12-24`, or `12-24` for every year.
    Date,
    /// A zone of the tz database.
    Zone,
    /// A zone, or `site`.
    ZoneOrSite,
    /// The five fields of crontab(5).
    Cron,
    /// `mon`
    Weekday,
    /// `>= 10.1.33, < 10.1.198`
    Versions,
    /// A MAC or its beginning.
    Mac,
    /// `192.0.2.0/24`
    Network,
    /// `5/s`
    Rate,
    /// `40 Mbit/s`
    Bandwidth,
    /// `10%`
    Percent,
    /// A file or folder.
    Path,
    /// An address with a port.
    Address,
    /// A host with a port.
    Host,
    /// An address of the web.
    Url,
    /// `50000-50499`
    Ports,
    /// `192.0.2.5`
    Ipv4,
}

impl Keys {
    /// The key of this name.
    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The names of the keys, in the order the handbook tells them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.keys.iter().map(|key| key.name)
    }
}

impl Key {
    const fn new(name: &'static str, value: Value, example: &'static str, about: &'static str) -> Self {
        Self { name, value, absent: Absent::Nothing, example, about }
    }

    /// A key that has a default.
    const fn or(mut self, default: &'static str) -> Self {
        self.absent = Absent::Default(default);
        self
    }

    /// A key whose absence means something that no value says.
    const fn else_(mut self, words: &'static str) -> Self {
        self.absent = Absent::Means(words);
        self
    }

    /// A key that must be there.
    const fn needed(mut self) -> Self {
        self.absent = Absent::Missing;
        self
    }
}

/// A name, or several.
const NAMES: Value = Value::OneOrMore(&Value::Text(Form::Name));
/// A pattern, or several.
const PATTERNS: Value = Value::OneOrMore(&Value::Text(Form::Pattern));
/// How many phones.
const PHONES: Value = Value::Number { least: 1, most: 1_000_000 };
/// So many of a hundred.
const HUNDREDTHS: Value = Value::Number { least: 1, most: 100 };

/// The columns of the inventory.
pub const INVENTORY_COLUMNS: [&str; 11] =
    ["mac", "pbx", "lines", "vendor", "model", "hardware", "site", "switch", "tags", "realm", "module_power"];

/// The columns of the passwords of phones' web servers.
pub const WEB_CREDENTIALS_COLUMNS: [&str; 3] = ["mac", "username", "password"];

/// The columns of the SIP credentials.
pub const CREDENTIALS_COLUMNS: [&str; 4] = ["pbx", "line", "username", "password"];

/// The one of these names that was probably meant.
pub fn nearest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let text = text.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(&text, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}
