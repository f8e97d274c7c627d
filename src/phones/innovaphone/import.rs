//! From an administrator's script to the policy that says the same, and what of it no policy can say.

use std::fmt::Write as _;

use super::generation::{Load, Order};
use super::product::Product;
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
    /// The policy; `None` where nothing in the script can be one.
    pub draft: Option<Draft>,
    /// What else there is to know, in the order of the lines.
    pub remarks: Vec<Remark>,
}

/// Makes a policy of a script. One policy decides about a phone, so there is one at most: of the firmware, else of
/// the backups.
pub fn import(script: &Script, product: Option<&Product>) -> Imported {
    let mut reading = Reading { remarks: Vec::new(), product, hours: None };
    let commands: Vec<(usize, &Command)> = script.commands().collect();
    let is_firmware = |command: &Command| matches!(command, Command::Fetch { code: Code::Firmware, .. });
    let mut firmware = commands.iter().filter(|(_, command)| is_firmware(command));
    let single = match (firmware.next(), firmware.next()) {
        (Some((first, _)), Some((second, _))) => {
            reading.remark(
                *second,
                format!("fights with line {first} over one serial, so no policy is written: keep one"),
            );
            None
        }
        (Some((line, _)), None) => Some(*line),
        (None, _) => commands
            .iter()
            .find(|(_, command)| matches!(command, Command::Save { .. }))
            .map(|(line, _)| *line),
    };
    let mut draft = None;
    for (line, command) in &commands {
        if single == Some(*line) {
            draft = reading.draft(*line, command);
        } else {
            reading.without_counterpart(*line, command);
        }
    }
    if draft.is_none() {
        let text = "there is nothing here that a policy could say";
        reading.remarks.extend(
            (single.is_none() && reading.remarks.is_empty()).then(|| Remark { line: 1, text: text.into() }),
        );
    }
    reading.remarks.sort_by_key(|remark| remark.line);
    Imported { draft, remarks: reading.remarks }
}

struct Reading<'a> {
    remarks: Vec<Remark>,
    product: Option<&'a Product>,
    /// The hours left by every `times` so far, in the order of the first; `None` while none limits them.
    hours: Option<Vec<u8>>,
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
                format!(
                    "`/initial {minutes}` is left out: write `initial = \"{minutes}m\"` to spare phones right after their boot; new \
                     devices, which it lets go at any hour, wait for the window"
                )
            }
            Command::Check { then, serial } => {
                let once = format!("`check` with `{serial}` is not needed: a phone that runs its version is left alone");
                match then {
                    Final::Nothing => once,
                    then => format!("{once}; for one `{then}` of all there is `sipherd reboot`"),
                }
            }
            Command::Fetch { code: Code::Firmware, .. } => return,
            Command::Fetch { code, serial, .. } => {
                let part = if *code == Code::Boot { "boot" } else { "radio" };
                format!(
                    "stage {} {serial} in the firmware's release as `part = \"{part}\"`: it comes with the firmware, never alone",
                    code.called()
                )
            }
            Command::Save { .. } => {
                "one policy decides about a phone, and here that is the firmware's: the configuration is not handed in by it".into()
            }
            Command::Load { url, .. } => format!("no policy loads a configuration: {url} must come from elsewhere"),
            Command::Poll | Command::Provision(_) => "devices poll by their own settings: no policy says how often".into(),
            Command::StayAwake(_) => "needs no policy: it belongs around each download to a wireless phone".into(),
            Command::Restart(restart) => format!("no policy restarts phones at each poll as `{restart}` does; `[reboot]` does once in each window"),
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
            Command::Save { url, once } => {
                let often = match once {
                    Some(Once { force: Some(hours), .. }) => format!("every {hours} hours"),
                    Some(Once { force: None, .. }) => "once for its serial".into(),
                    None => "at every poll".into(),
                };
                self.remark(line, format!("`[backup]` hands in once in each opening of its window, the script {often}: name `days` for less"));
                let serial = once.as_ref().map_or("backup", |once| once.serial.as_str()).to_owned();
                let order = Order::Backup { url: url.clone(), serial, force: None };
                (order, "[backup]\n".to_owned(), format!("Keep the configurations of {}", self.whom()))
            }
            _ => return None,
        };
        if self.hours.is_none() {
            self.remark(line, "no `times` limits the hours, so the window is always open");
        }
        let product = self.product.map(|product| format!("-{}", product.as_str().to_ascii_lowercase()));
        if self.product.is_none() {
            self.remark(line, "the file's name does not tell the product (`update-ip222.htm`): the policy selects every innovaphone");
        }
        let kind = if matches!(order, Order::Install(_)) { "firmware" } else { "backup" };
        let name = format!("innovaphone{}-{kind}", product.unwrap_or_default());
        Some(Draft { name, text: self.text(&about, &table), line, order })
    }

    fn firmware_remarks(&mut self, line: usize, then: Final) {
        let text = match then {
            Final::Nothing => "`ser` left the restart to somebody else; the policy restarts the phone itself, once it is idle".to_owned(),
            rude if rude.is_rude() => format!("`{rude}` restarted phones in calls; the policy waits until they are idle"),
            polite => format!("`{polite}` left the wait to the device; the policy goes by the PBX, and asks ten quiet minutes"),
        };
        self.remark(line, text);
    }

    fn whom(&self) -> String {
        self.product.map_or_else(|| "the innovaphones".to_owned(), |product| format!("the {product}s"))
    }

    fn text(&self, about: &str, table: &str) -> String {
        let mut text = format!("about = {}\n\n[select]\nvendor = \"innovaphone\"\n", quoted(about));
        if let Some(product) = self.product {
            // Writing to a text does not fail.
            let _ = writeln!(text, "model = {}", quoted(product.as_str()));
        }
        let window = match &self.hours {
            Some(hours) => {
                let hours: Vec<String> = hours.iter().map(u8::to_string).collect();
                format!("allow = [{}]\n", hours.join(", "))
            }
            None => "days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\nfrom = \"00:00\"\nto = \"00:00\"\n".to_owned(),
        };
        let _ = write!(text, "\n{table}\n[[window]]\n{window}");
        text
    }
}

/// A serial as a name may hold it.
fn plain(serial: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    serial.chars().map(|c| if good(c) { c } else { '-' }).collect()
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
