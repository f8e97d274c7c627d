//! The answer to a poll: what sipherd decided, as the script that the phone carries out.

use chrono::{NaiveDateTime, Timelike};

use super::age;
use super::generation::{self, Load, Order};
use super::poll::Poll;
use super::product::Product;
use super::request::FOLDER;
use super::script::{Code, Command, Line, Script};
use crate::domain::firmware::{Image, Part, Version};
use crate::domain::phone::{Mac, Model};
use crate::domain::policy::Calendar;

/// The URL under which one phone fetches a file that its script names; `base` is the depot's own URL.
pub fn file_url(base: &str, mac: Mac, file: &str) -> String {
    format!("{}{FOLDER}/{}/{file}", base.trim_end_matches('/'), mac.bare_upper())
}

/// What a phone that polls so has to fetch of these images of a release: what it does not run, and what of radio code it
/// has not stored. Boot code goes before the firmware, which is last.
pub fn loads(
    images: &[Image],
    poll: &Poll,
    product: Option<&Product>,
    url: impl Fn(&str) -> String,
) -> Vec<Load> {
    let parts = [(Part::Boot, Code::Boot), (Part::Radio, Code::Radio), (Part::Firmware, Code::Firmware)];
    let model = product.map(|product| Model::new(product.as_str()));
    let made_for = |image: &&Image| model.as_ref().is_some_and(|model| image.models.contains(model));
    parts
        .into_iter()
        .filter_map(|(part, code)| {
            let image = images.iter().filter(|image| image.part == part).find(made_for)?;
            let has = match code {
                Code::Firmware => product.is_none_or(Product::has_firmware),
                Code::Boot => {
                    product.is_none_or(Product::has_boot_code) && activates_boot_code(poll, product)
                }
                Code::Radio => true,
            };
            let build = image.version.as_str();
            let stored = poll.stored(code);
            // The stored serial is what a script once said: it counts only where the phone does not tell what runs.
            let needed = match poll.running(code) {
                Some(runs) => *runs != image.version,
                None => stored.is_none_or(|stored| stored != build && stored != again(build)),
            };
            let serial = if stored == Some(build) { again(build) } else { build.to_owned() };
            (has && needed).then(|| Load { code, url: url(&image.file), serial })
        })
        .collect()
}

/// Whether a script can have its boot code activated: only the watchdog's restart does that, and old firmware knows
/// none. An IP21 needs none. To the others no boot code is sent: they would fetch it for nothing, again and again.
pub fn activates_boot_code(poll: &Poll, product: Option<&Product>) -> bool {
    age::knows_reboot(poll) || product.is_some_and(|product| !product.can_reboot())
}

/// Another serial for the same build. A phone that has stored the build's own and runs something else would fetch
/// nothing.
fn again(build: &str) -> String {
    format!("{build}{AGAIN}")
}

const AGAIN: &str = "-2";

/// The build that a stored serial stands for, if it is one of sipherd's or says a build by itself.
pub fn stored_build(poll: &Poll, code: Code) -> Option<Version> {
    let serial = poll.stored(code)?;
    Version::parse(serial.strip_suffix(AGAIN).unwrap_or(serial)).ok()
}

/// The script for an order. `calendar` has the hours of its policy; without one it was sent by hand.
///
/// A phone whose clock is not set, or shows an hour that is not listed, would cancel everything behind `times`: to such
/// a phone the hours are not sent, and sipherd's own clock decides alone. A comment says so.
pub fn script(order: &Order, calendar: Option<&Calendar>, poll: &Poll, product: Option<&Product>) -> Script {
    let mut made = match calendar {
        Some(calendar) => generation::script(calendar, order, product).script,
        None => of(generation::carried_out(order, product)),
    };
    if !age::saves_once(poll) {
        made.lines.iter_mut().for_each(saves_plainly);
    }
    if matches!(order, Order::Install(_)) && !activates_boot_code(poll, product) {
        made.lines.insert(0, Line::Comment(NO_BOOT_CODE.to_owned()));
    }
    let Some(clock) = poll.clock else { return made };
    let cancels = |line: &Line| match line {
        Line::Command(Command::Times { allow, .. }) => {
            let shown = u8::try_from(clock.hour()).unwrap_or(0);
            poll.has_no_time() || allow.as_ref().is_some_and(|hours| !hours.contains(shown))
        }
        Line::Command(_) | Line::Comment(_) | Line::Blank => false,
    };
    if !made.lines.iter().any(cancels) {
        return made;
    }
    let rest = made.lines.into_iter().filter(|line| !matches!(line, Line::Command(Command::Times { .. })));
    let lines = std::iter::once(Line::Comment(no_hours(clock, poll.has_no_time()))).chain(rest).collect();
    Script { lines }
}

const NO_BOOT_CODE: &str = "# sipherd: this firmware knows no `ireboot`, so boot code is left out: it comes once newer firmware runs";

/// `scfg` of old firmware knows a URL alone: sipherd orders it until the configuration is there, and then no more.
fn saves_plainly(line: &mut Line) {
    if let Line::Command(Command::Save { once, .. }) = line {
        *once = None;
    }
}

fn no_hours(clock: NaiveDateTime, unset: bool) -> String {
    let clock = clock.format("%Y-%m-%d %H:%M");
    let why = if unset { "has never been set" } else { "shows another hour than the window's" };
    format!("# sipherd: the phone's clock ({clock}) {why}, so `times` is left out")
}

/// The script of a phone that is to do nothing.
pub fn nothing(why: &str) -> Script {
    let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Script { lines: vec![Line::Comment(format!("# sipherd: nothing to do: {why}"))] }
}

fn of(commands: Vec<Command>) -> Script {
    Script { lines: commands.into_iter().map(Line::Command).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::firmware::{Handling, Version};
    use crate::domain::phone::Vendor;
    use crate::domain::policy::{EVERY_DAY, Window};

    fn image(part: Part, file: &str, build: &str, models: &[&str]) -> Image {
        Image {
            file: file.into(),
            part,
            handling: Handling::default(),
            vendor: Vendor::new("innovaphone"),
            models: models.iter().copied().map(Model::new).collect(),
            version: Version::parse(build).unwrap(),
            sha256: String::new(),
            size: 1,
            from_at_least: None,
            from_at_most: None,
            hardware: Vec::new(),
        }
    }

    fn release() -> Vec<Image> {
        vec![
            image(Part::Firmware, "ip222.bin", "125555", &["IP222"]),
            image(Part::Boot, "boot222.bin", "125501", &["IP222"]),
            image(Part::Firmware, "ip1200.bin", "125555", &["IP1200"]),
            image(Part::Radio, "bmc.bin", "0502", &["IP1200"]),
            image(Part::Boot, "none.bin", "1", &["IPVA"]),
        ]
    }

    fn fetched(product: &str, query: &str) -> Vec<(String, String)> {
        let product = Product::new(product).unwrap();
        let loads = loads(&release(), &Poll::read(query), Some(&product), str::to_owned);
        loads.into_iter().map(|load| (load.url, load.serial)).collect()
    }

    #[test]
    fn only_what_does_not_run_yet_is_fetched() {
        let both = [("boot222.bin", "125501"), ("ip222.bin", "125555")];
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(file, serial)| ((*file).to_owned(), (*serial).to_owned())).collect::<Vec<_>>()
        };
        for (query, wanted) in [
            ("runs=121111&bootcode=121111", pairs(&both)),
            ("ver=12r1 IP222[12.1111], Bootcode[12.5501], Hardware[1]", pairs(&both[1..])),
            ("runs=125555&bootcode=121111", pairs(&both[..1])),
            ("runs=125555&bootcode=125501", vec![]),
            // What runs is not told: the stored serials are all there is.
            ("PROT=125555&BOOT=125501", vec![]),
            ("", pairs(&both)),
            // Stored, and not what runs: another serial, else nothing would be fetched.
            ("runs=121111&bootcode=125501&PROT=125555", pairs(&[("ip222.bin", "125555-2")])),
            ("runs=121111&bootcode=125501&PROT=125555-2", pairs(&[("ip222.bin", "125555")])),
        ] {
            assert_eq!(fetched("IP222", query), wanted, "{query}");
        }
        let radio = pairs(&[("bmc.bin", "0502"), ("ip1200.bin", "125555")]);
        assert_eq!(fetched("IP1200", "runs=121111&BMC=0501"), radio);
        assert_eq!(fetched("IP1200", "runs=121111&BMC=0502"), radio[1..]);
        assert_eq!(fetched("IPVA", "runs=1"), [], "it has no boot code");
        assert_eq!(fetched("IP232", ""), []);
    }

    #[test]
    fn old_firmware_is_sent_no_boot_code_and_only_what_it_understands() {
        let firmware = [("ip222.bin".to_owned(), "125555".to_owned())];
        assert_eq!(fetched("IP222", "ver=V6.00 sr2 IP222[06-5679], Bootcode[205]"), firmware);
        assert_eq!(fetched("IP222", "ver=IP222 04-5679 Bootcode[205]"), firmware);
        assert_eq!(fetched("IP222", "ver=V6.00 sr2-hotfix3 IP222[06-5679], Bootcode[205]").len(), 2);
        let ip21 = Product::new("IP21");
        assert!(activates_boot_code(&Poll::read("ver=V5.01 IP21[05-1]"), ip21.as_ref()), "any restart does");
        let backup = Order::Backup { url: "http://192.0.2.5/c".into(), serial: "s-1".into(), force: None };
        let text = |query: &str| script(&backup, None, &Poll::read(query), None).to_string();
        assert_eq!(text("ver=V6.00 sr9 IP222[06-5679]"), "mod cmd UP0 scfg http://192.0.2.5/c\r\n");
        let once = "mod cmd UP0 scfg http://192.0.2.5/c no-op s-1\r\n";
        assert_eq!(text("ver=V7.00 IP222[07-7000]"), once);
        assert_eq!(text(""), once, "nothing tells its version");
    }

    #[test]
    fn a_phone_whose_clock_would_forbid_it_is_sent_no_hours() {
        let calendar = Calendar::of(vec![Window::hours(vec![1, 2], EVERY_DAY)]);
        let order = Order::Restart { serial: "sipherd-17".into() };
        let text = |query: &str| script(&order, Some(&calendar), &Poll::read(query), None).to_string();
        let check = "mod cmd UP1 check ireset sipherd-17\r\n";
        let times = format!("mod cmd UP1 times /allow 1,2\r\n{check}");
        assert_eq!(text(""), times);
        assert_eq!(text("now=20261128-023000"), times);
        assert_eq!(
            text("now=20261128-140500"),
            format!(
                "# sipherd: the phone's clock (2026-11-28 14:05) shows another hour than the window's, so `times` is \
                 left out\r\n{check}"
            )
        );
        assert!(text("now=19700101-010000").contains("has never been set"), "though the hour would do");
        assert_eq!(script(&order, None, &Poll::default(), None).to_string(), check, "sent by hand");
        assert_eq!(nothing("a\r\nb").to_string(), "# sipherd: nothing to do: a  b\r\n");
    }
}
