//! One profile as its author wrote it, before it is laid over another of its maker.

use std::ops::Range;

use chrono::TimeDelta;
use toml::Spanned;
use toml::de::DeTable;

use super::{hardware, ways};
use crate::config::code::Code;
use crate::config::keys::PROFILE_TABLES;
use crate::config::raw::{At, Complaint, Places, Source};
use crate::config::table::Table;
use crate::config::value;
use crate::domain::forecast::Usual;
use crate::domain::hardware::Rule;
use crate::domain::phone::Vendor;
use crate::domain::trip::{Serves, Timing, Trigger};
use crate::phones::{BadPattern, FileName, GROUPS, Profile, UserAgent};

/// What a profile has for a new maker whose author left the deadlines out.
const PATIENT: Timing = Timing {
    answer: TimeDelta::seconds(40),
    leave: TimeDelta::seconds(180),
    leave_busy: TimeDelta::seconds(180),
    boot_at_least: TimeDelta::seconds(8),
    boot: TimeDelta::seconds(180),
    fetch: TimeDelta::seconds(600),
    flash: TimeDelta::seconds(300),
    gap: TimeDelta::seconds(300),
};

/// A profile that can be read; what is wrong was recorded and left out.
pub(in crate::config) struct Written {
    pub vendor: At<Vendor>,
    /// Where everything stands.
    pub places: Places,
    /// The keys it has, as paths: `reboot`, `timing.gap`.
    pub keys: Vec<String>,
    /// Each example of a User-Agent.
    pub examples: Vec<At<String>>,
    reboot: Option<Vec<Trigger>>,
    resync: Option<Vec<Trigger>>,
    user_agents: Option<Vec<UserAgent>>,
    about: Option<String>,
    own_files: Option<Vec<FileName>>,
    firmware_setting: Option<String>,
    update_boots: Option<u8>,
    serves: Option<Serves>,
    hardware: Option<Vec<Rule>>,
    checks_hardware: Option<bool>,
    tells_dialogs: Option<bool>,
    hazards: Option<Vec<String>>,
    unproven: Option<Vec<&'static str>>,
    timing: [Option<TimeDelta>; 8],
    usual: Option<[Option<TimeDelta>; 4]>,
}

/// Reads a profile. `None` when it does not even say whose it is.
pub(in crate::config) fn read(source: &Source, document: &Spanned<DeTable<'_>>) -> Option<Written> {
    let top = Table::top(source, &PROFILE_TABLES, document)?;
    if !top.has("vendor") {
        top.missing("vendor", "say whose phones it is about: `vendor = \"acme\"`");
    }
    let vendor =
        top.read("vendor", value::name).map(|at| At { value: Vendor::new(&at.value), span: at.span });
    let upper_case = top.flag("upper_case_models").unwrap_or(false);
    let mut examples = Vec::new();
    let user_agents = top.has("user_agent").then(|| user_agents(&top, upper_case, &mut examples));
    if top.has("upper_case_models") && !top.has("user_agent") {
        top.error_at(
            "upper_case_models",
            Complaint::new("`upper_case_models` has no effect without `[[user_agent]]`", "leave it out"),
        );
    }
    let text = |key: &str| top.read(key, one_line).map(|text| text.value);
    let own_files = top.read_all("own_files", |text| {
        FileName::new(text).map_err(|bad| {
            Complaint::new(bad.to_string(), "write it as `{mac}.cfg` or `snom{model}-{mac}.htm`")
        })
    });
    let timing = top.table("timing");
    let length = |table: &Option<Table<'_>>, key: &str| {
        table.as_ref().and_then(|table| table.duration(key)).map(|length| length.value)
    };
    let usual = top.table("usual");
    let read = Written {
        places: Places::of(document.get_ref()),
        keys: written_keys(document.get_ref()),
        examples,
        reboot: top.has("reboot").then(|| ways::read(&top, "reboot")),
        resync: top.has("resync").then(|| ways::read(&top, "resync")),
        user_agents,
        about: text("about"),
        own_files: own_files.map(|files| files.into_iter().map(|file| file.value).collect()),
        firmware_setting: text("firmware_setting"),
        update_boots: top.hundredths("update_boots"),
        serves: top.word("serves").map(|word| match word.value {
            "once-asked" => Serves::OnceAsked,
            _ => Serves::AfterReboot,
        }),
        hardware: top.has("hardware").then(|| hardware::read(&top)),
        checks_hardware: top.flag("checks_hardware"),
        tells_dialogs: top.flag("tells_dialogs"),
        hazards: top
            .read_all("hazards", one_line)
            .map(|texts| texts.into_iter().map(|text| text.value).collect()),
        unproven: top.words("unproven").map(|words| words.into_iter().map(|word| word.value).collect()),
        timing: ["answer", "leave", "leave_busy", "boot_at_least", "boot", "fetch", "flash", "gap"]
            .map(|key| length(&timing, key)),
        usual: usual.is_some().then(|| ["leave", "boot", "fetch", "flash"].map(|key| length(&usual, key))),
        vendor: vendor?,
    };
    Some(read)
}

impl Written {
    /// The profile that results where it is laid over another of its maker, or stands alone.
    pub fn over(&self, base: Option<&Profile>) -> Profile {
        let under = base.map_or(PATIENT, |base| base.timing);
        let [answer, leave, leave_busy, boot_at_least, boot, fetch, flash, gap] = self.timing;
        let timing = Timing {
            answer: answer.unwrap_or(under.answer),
            leave: leave.unwrap_or(under.leave),
            leave_busy: leave_busy.unwrap_or(under.leave_busy),
            boot_at_least: boot_at_least.unwrap_or(under.boot_at_least),
            boot: boot.unwrap_or(under.boot),
            fetch: fetch.unwrap_or(under.fetch),
            flash: flash.unwrap_or(under.flash),
            gap: gap.unwrap_or(under.gap),
        };
        let usual = match self.usual {
            Some([leave, boot, fetch, flash]) => {
                let guess = base.and_then(|base| base.usual).unwrap_or_else(|| Usual::of(&timing));
                Some(Usual {
                    look: guess.look,
                    leave: leave.unwrap_or(guess.leave),
                    boot: boot.unwrap_or(guess.boot),
                    fetch: fetch.unwrap_or(guess.fetch),
                    flash: flash.unwrap_or(guess.flash),
                })
            }
            None => base.and_then(|base| base.usual),
        };
        // What is written anew is as well known as its author says, whatever was known of the old.
        let stays = |key: &&str| !self.keys.iter().any(|own| own.split('.').next() == Some(*key));
        let unproven = self.unproven.clone().unwrap_or_else(|| {
            base.map_or(Vec::new(), |base| base.unproven.iter().copied().filter(stays).collect())
        });
        fn list<T: Clone>(own: &Option<Vec<T>>, base: Option<&Vec<T>>) -> Vec<T> {
            own.as_ref().or(base).cloned().unwrap_or_default()
        }
        Profile {
            vendor: self.vendor.value.clone(),
            about: self.about.clone().or_else(|| base?.about.clone()),
            reboot: list(&self.reboot, base.map(|base| &base.reboot)),
            resync: list(&self.resync, base.map(|base| &base.resync)),
            user_agents: list(&self.user_agents, base.map(|base| &base.user_agents)),
            own_files: list(&self.own_files, base.map(|base| &base.own_files)),
            firmware_setting: self.firmware_setting.clone().or_else(|| base?.firmware_setting.clone()),
            update_boots: self.update_boots.or_else(|| base?.update_boots),
            serves: self.serves.or(base.map(|base| base.serves)).unwrap_or_default(),
            hardware: list(&self.hardware, base.map(|base| &base.hardware)),
            checks_hardware: self.checks_hardware.or(base.map(|base| base.checks_hardware)).unwrap_or(false),
            tells_dialogs: self.tells_dialogs.or(base.map(|base| base.tells_dialogs)).unwrap_or(false),
            timing,
            usual,
            hazards: list(&self.hazards, base.map(|base| &base.hazards)),
            unproven,
        }
    }

    /// Whether it says how its maker's User-Agents look.
    pub fn has_user_agents(&self) -> bool {
        self.user_agents.is_some()
    }

    /// The bytes of a key's value, or of the maker's name where it is not there.
    pub fn place(&self, path: &str) -> Range<usize> {
        if self.places.has(path) { self.places.value(path) } else { self.vendor.span.clone() }
    }
}

/// The keys of a profile but its maker's name, in the order of their names; those of tables with the table's.
fn written_keys(document: &DeTable<'_>) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, value) in document {
        let name: &str = name.get_ref();
        match value.get_ref() {
            toml::de::DeValue::Table(table) => {
                keys.extend(table.keys().map(|inner| format!("{name}.{}", inner.get_ref())));
            }
            _ if name == "vendor" => {}
            _ => keys.push(name.to_owned()),
        }
    }
    keys.sort();
    keys
}

fn user_agents(top: &Table<'_>, upper_case: bool, examples: &mut Vec<At<String>>) -> Vec<UserAgent> {
    let mut agents: Vec<UserAgent> = Vec::new();
    for table in top.tables("user_agent") {
        if !table.has("matches") {
            table.missing("matches", r"write a regular expression: `matches = '^Acme (?<model>\w+)'`");
        }
        if !table.has("example") {
            table.missing(
                "example",
                "write a text it takes, as a phone sent it: `example = \"Acme P10 1.2.3\"`",
            );
        }
        let spelling = table.read("model", |text| match text.matches("{model}").count() {
            1 => Ok(text.to_owned()),
            _ => Err(Complaint::new(
                format!("`{text}` does not say where the model goes"),
                "write `{model}` once where it goes: `SPA{model}`",
            )),
        });
        let spelt = spelling.as_ref().map(|text| text.value.as_str());
        let agent = table
            .read("matches", |text| UserAgent::new(text, spelt, upper_case).map_err(|bad| complaint(&bad)));
        let (Some(agent), Some(example)) = (agent, table.read("example", one_line)) else { continue };
        if spelling.is_some() && !agent.value.picks("model") {
            table.error_at(
                "model",
                Complaint::new(
                    "`model` has no effect: `matches` picks out none",
                    r"name it there: `(?<model>\w+)`",
                ),
            );
        }
        if !agent.value.takes(&example.value) {
            table.source().refuse(
                Code::Contradiction,
                &example.span,
                Complaint::new(
                    "`matches` does not take this example",
                    "one of the two is wrong: write a text that a phone sent",
                ),
            );
        }
        if agents.iter().any(|other| other.as_str() == agent.value.as_str()) {
            table.source().refuse(
                Code::Twice,
                &agent.span,
                Complaint::new("this expression is here twice", "the first one decides; remove the other"),
            );
        }
        agents.push(agent.value);
        examples.push(example);
    }
    agents
}

fn complaint(bad: &BadPattern) -> Complaint {
    match bad {
        BadPattern::Syntax(_) => Complaint::new(
            bad.to_string(),
            "write it between single quotes, where backslashes mean themselves; look-around is not understood",
        ),
        BadPattern::UnknownGroup(group) => Complaint {
            message: bad.to_string(),
            near: crate::config::keys::nearest(group, GROUPS),
            hint: Some(format!("the groups are {}; write `(?:…)` to pick out nothing", GROUPS.join(", "))),
        },
        BadPattern::TooWide(_) => {
            Complaint::new(bad.to_string(), "begin with `^` and the words that only these phones write")
        }
    }
}

/// A text on one line.
fn one_line(text: &str) -> Result<String, Complaint> {
    if text.trim().is_empty() || text.chars().count() > 400 || text.chars().any(char::is_control) {
        return Err(Complaint::new("this must be a text of one line", "write 1 to 400 characters"));
    }
    Ok(text.to_owned())
}
