//! From an administrator's script to the policy that says the same, and what of it no policy can say.

use std::fmt::Write as _;

use super::generation::{Load, Order};
use super::product::Product;
use super::running;
use super::script::{Code, Command, Final, Once, Script};

/// A policy, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its name: the file's without `.toml`.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The line of the script it stands for.
    pub line: usize,
    /// What a generated script would order.
    pub order: Order,
}

/// What a policy does not say, or says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The line of the script.
    pub line: usize,
    /// What differs, as a lower-case phrase.
    pub text: String,
}

/// What came of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The policies: of the firmware, of the backups, or one of each; none where nothing in the script can be one.
    pub drafts: Vec<Draft>,
    /// What else there is to know, in the order of the lines.
    pub remarks: Vec<Remark>,
}

/// Makes policies of a script: one of its firmware, one of its backups. One policy decides about a phone, so where
/// there are both, that of the backups takes the phones that run the firmware already.
pub fn import(script: &Script, product: Option<&Product>) -> Imported {
    let commands: Vec<(usize, &Command)> = script.commands().collect();
    let is_firmware = |command: &Command| matches!(command, Command::Fetch { code: Code::Firmware, .. });
    let mut firmware = commands.iter().filter(|(_, command)| is_firmware(command));
    let (first, second) = (firmware.next(), firmware.next());
    let mut reading =
        Reading { remarks: Vec::new(), product, hours: None, initial: 0, beside: None, saves: None };
    if let (Some((first, _)), Some((second, _))) = (first, second) {
        reading.remark(
            *second,
            format!("fights with line {first} over one serial, so no policy is written: keep one"),
        );
    }
    let firmware = first.filter(|_| second.is_none()).map(|(line, command)| (*line, *command));
    let save = commands.iter().find(|(_, command)| matches!(command, Command::Save { .. }));
    reading.saves = save.filter(|_| second.is_none()).map(|(line, _)| *line);
    if let Some((_, Command::Fetch { serial, .. })) = firmware {
        reading.beside = Some(serial);
    }
    let mut drafts = Vec::new();
    for (line, command) in &commands {
        let drafted = firmware.is_some_and(|(own, _)| own == *line) || reading.saves == Some(*line);
        if drafted {
            drafts.extend(reading.draft(*line, command));
        } else {
            reading.without_counterpart(*line, command);
        }
    }
    // As `check` and people read them: firmware first.
    drafts.sort_by_key(|draft| !matches!(draft.order, Order::Install(_)));
    if drafts.is_empty() && reading.remarks.is_empty() {
        reading.remark(1, "there is nothing here that a policy could say");
    }
    reading.remarks.sort_by_key(|remark| remark.line);
    Imported { drafts, remarks: reading.remarks }
}

struct Reading<'a> {
    remarks: Vec<Remark>,
    product: Option<&'a Product>,
    /// The hours left by every `times` so far, in the order of the first; `None` while none limits them.
    hours: Option<Vec<u8>>,
    /// The most minutes after a boot in which a `times` so far does nothing.
    initial: u32,
    /// The build of the firmware's policy, where there is one.
    beside: Option<&'a str>,
    /// The line that hands configurations in and becomes a policy.
    saves: Option<usize>,
}

impl Reading<'_> {
    fn remark(&mut self, line: usize, text: impl Into<String>) {
        self.remarks.push(Remark { line, text: text.into() });
    }

    /// What a policy says otherwise, or cannot say.
    fn without_counterpart(&mut self, line: usize, command: &Command) {
        let text = match command {
            Command::Times { allow, initial } => {
                if let Some(allow) = allow {
                    let listed = self.hours.clone().unwrap_or_else(|| allow.listed().to_vec());
                    let mut left: Vec<u8> = Vec::new();
                    for hour in listed {
                        if allow.contains(hour) && !left.contains(&hour) {
                            left.push(hour);
                        }
                    }
                    self.hours = Some(left);
                }
                let Some(minutes) = initial else { return };
                self.initial = self.initial.max(*minutes);
                let becomes = match (minutes, self.beside, self.saves) {
                    (0, _, _) => "`/initial 0` spares nobody".to_owned(),
                    (_, Some(_), _) => {
                        format!(
                            "`/initial {minutes}` becomes `initial = \"{minutes}m\"` of the firmware's policy"
                        )
                    }
                    (_, None, Some(_)) => {
                        format!(
                            "`/initial {minutes}` is left out: handing in disturbs nobody right after a boot"
                        )
                    }
                    (_, None, None) => {
                        let text = format!("`/initial {minutes}` is left out: no policy is written");
                        self.remark(line, text);
                        return;
                    }
                };
                format!("{becomes}; new devices, which it lets go at any hour, wait for the window")
            }
            Command::Check { then, serial } => {
                let once = format!(
                    "`check` with `{serial}` is not needed: a phone that runs its version is left alone"
                );
                match then {
                    Final::Nothing => once,
                    then => format!("{once}; for one `{then}` of all there is `sipherd reboot`"),
                }
            }
            Command::Fetch { code: Code::Firmware, .. } => return,
            Command::Fetch { code, serial, .. } => {
                let part = if *code == Code::Boot { "boot" } else { "radio" };
                let alone = if self.saves.is_some() {
                    "it comes with the firmware; phones that run the firmware are the other policy's"
                } else {
                    "it comes with the firmware, and alone to a phone that runs the firmware and tells another"
                };
                format!(
                    "stage {} {serial} in the firmware's release as `part = \"{part}\"`: {alone}",
                    code.called()
                )
            }
            Command::Save { .. } => match self.saves {
                Some(first) => format!("no policy hands in twice: line {first} is the one that counts"),
                None => "no policy is written, so no configuration is handed in".into(),
            },
            Command::Load { url, .. } => {
                format!("no policy loads a configuration: {url} must come from elsewhere")
            }
            Command::Poll | Command::Provision(_) => {
                "devices poll by their own settings: no policy says how often".into()
            }
            Command::StayAwake(_) => {
                "needs no policy: it belongs around each download to a wireless phone".into()
            }
            Command::Restart(restart) => format!(
                "no policy restarts phones at each poll as `{restart}` does; `[reboot]` does once in each window"
            ),
            Command::Other(text) => format!("no policy says `{text}`"),
        };
        self.remark(line, text);
    }

    fn draft(&mut self, line: usize, command: &Command) -> Option<Draft> {
        if self.hours.as_ref().is_some_and(Vec::is_empty) {
            self.remark(line, "is never carried out, as no hour is left: no policy is written");
            return None;
        }
        let (order, table, about) = match command {
            Command::Fetch { url, then, serial, .. } => {
                self.firmware_remarks(line, *then);
                let release = format!("innovaphone-{}", plain(serial));
                self.remark(line, format!("stage the image as `{release}`: `sipherd release add FILE --name {release}`; from {url}"));
                let load = Load { code: Code::Firmware, url: url.clone(), serial: serial.clone() };
                let order = Order::Install(vec![load]);
                (
                    order,
                    format!("[update]\nrelease = {}\n", quoted(&release)),
                    format!("Bring {} to build {serial}", self.whom()),
                )
            }
            Command::Save { url, once } => return self.backup(line, url, once.as_ref()),
            _ => return None,
        };
        self.common_remarks(line);
        Some(Draft {
            name: self.name("firmware"),
            text: self.text(&about, "", &table, &self.window()),
            line,
            order,
        })
    }

    /// The policy of `scfg`: as often as the script, as far as days of the week can say it.
    fn backup(&mut self, line: usize, url: &str, once: Option<&Once>) -> Option<Draft> {
        let whom = self.whom();
        let (which, about) = match self.beside {
            None => (String::new(), format!("Keep the configurations of {whom}")),
            Some(serial) => {
                let Some(build) = running::build(serial) else {
                    let why = format!(
                        "`{serial}` is no build, so no policy can tell the phones that run it: the firmware's policy decides about \
                         all of them, and no configuration is handed in"
                    );
                    self.remark(line, why);
                    return None;
                };
                self.remark(
                    line,
                    format!(
                        "becomes a policy of its own: it decides about the phones that run {build} already, and the firmware's \
                         about the others, so the configuration is handed in after an update, not before it"
                    ),
                );
                let which = format!("version = {}\n", quoted(&format!("= {build}")));
                (which, format!("Keep the configurations of {whom} that run build {build}"))
            }
        };
        let (days, told) = match once {
            None => (7, "`scfg` alone hands in at every poll; the policy once a night".to_owned()),
            Some(Once { force: None, .. }) => (
                1,
                "without `/force` the script hands in once for its serial; the policy once a week".to_owned(),
            ),
            Some(Once { force: Some(hours), .. }) => {
                let days = WEEK.checked_div(*hours).unwrap_or(7).clamp(1, 7);
                let policy =
                    if days == 1 { "once a week".to_owned() } else { format!("on {days} days of each week") };
                (days, format!("`/force {hours}` hands in again after {hours} hours; the policy {policy}"))
            }
        };
        self.remark(line, format!("{told}, when its window opens: name other `days` as you like"));
        self.common_remarks(line);
        let (from, to) = self.stretch(line);
        let names: Vec<String> = DAYS[7 - days_of(days)..].iter().map(|day| quoted(day)).collect();
        let window = format!(
            "days = [{}]\nfrom = \"{from:02}:00\"\nto = \"{to:02}:00\"\n\n[idle]\nby = \"phone\"\n",
            names.join(", ")
        );
        let serial = once.map_or("backup", |once| once.serial.as_str()).to_owned();
        let order = Order::Backup { url: url.to_owned(), serial, force: None };
        let text = self.text(&about, &which, "[backup]\n", &window);
        Some(Draft { name: self.name("backup"), text, line, order })
    }

    fn common_remarks(&mut self, line: usize) {
        if self.hours.is_none() {
            self.remark(line, "no `times` limits the hours, so the window is open around the clock");
        }
        if self.product.is_none() {
            self.remark(
                line,
                "the file's name does not tell the product (`update-ip222.htm`): the policy selects every innovaphone",
            );
        }
    }

    fn name(&self, kind: &str) -> String {
        let product = self.product.map(|product| format!("-{}", product.as_str().to_ascii_lowercase()));
        format!("innovaphone{}-{kind}", product.unwrap_or_default())
    }

    /// The hours as one stretch round the clock, the longest: what hands in once in each opening must open once a day.
    fn stretch(&mut self, line: usize) -> (u8, u8) {
        let Some(hours) = &self.hours else { return (0, 0) };
        let open = |hour: u8| hours.contains(&(hour % 24));
        let length = |from: u8| (0..24).take_while(|n| open(from + n)).count();
        let begins = (0..24).filter(|hour| open(*hour) && !open(hour + 23));
        let longest = begins.max_by_key(|hour| (length(*hour), 24 - hour)).unwrap_or(0);
        let taken = length(longest);
        if taken < hours.len() {
            let text = format!(
                "of its hours only the longest stretch is taken, {taken} from {longest}:00 on: another would hand in twice"
            );
            self.remark(line, text);
        }
        (longest, (longest + u8::try_from(taken).unwrap_or(0)) % 24)
    }

    fn firmware_remarks(&mut self, line: usize, then: Final) {
        let text = match then {
            Final::Nothing => "`ser` fetches and restarts nothing: such a phone runs the old build until somebody restarts it. The policy \
                               does otherwise: it restarts the phone itself, once it is idle"
                .to_owned(),
            rude if rude.is_rude() => format!("`{rude}` restarted phones in calls; the policy waits until they are idle"),
            polite => format!("`{polite}` left the wait to the device; the policy goes by the PBX, and asks ten quiet minutes"),
        };
        self.remark(line, text);
    }

    fn whom(&self) -> String {
        self.product.map_or_else(|| "the innovaphones".to_owned(), |product| format!("the {product}s"))
    }

    /// The window of the firmware: `initial` stands beside hours alone.
    fn window(&self) -> String {
        let listed = |hours: &[u8]| {
            let hours: Vec<String> = hours.iter().map(u8::to_string).collect();
            format!("allow = [{}]\n", hours.join(", "))
        };
        let all: Vec<u8> = (0..24).collect();
        match (&self.hours, self.initial) {
            (Some(hours), 0) => listed(hours),
            (hours, minutes @ 1..) => {
                listed(hours.as_deref().unwrap_or(&all)) + &format!("initial = \"{minutes}m\"\n")
            }
            (None, 0) => {
                let days = DAYS.map(quoted).join(", ");
                format!("days = [{days}]\nfrom = \"00:00\"\nto = \"00:00\"\n")
            }
        }
    }

    /// A policy; `which` are further keys of its selection: one that has some goes before the other policy.
    fn text(&self, about: &str, which: &str, table: &str, window: &str) -> String {
        let priority = if which.is_empty() { "" } else { "priority = 1\n" };
        let mut text = format!("about = {}\n{priority}\n[select]\nvendor = \"innovaphone\"\n", quoted(about));
        if let Some(product) = self.product {
            // Writing to a text does not fail.
            let _ = writeln!(text, "model = {}", quoted(product.as_str()));
        }
        text + &format!("{which}\n{table}\n[[window]]\n{window}")
    }
}

/// The hours of a week.
const WEEK: u32 = 168;

/// The days as policies write them. The later ones are taken first: a week's one backup is Sunday's.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// So many days of a week.
fn days_of(days: u32) -> usize {
    usize::try_from(days).unwrap_or(7).clamp(1, 7)
}

/// A serial as a name may hold it.
fn plain(serial: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    serial.chars().map(|c| if good(c) { c } else { '-' }).collect()
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
