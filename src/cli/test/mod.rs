//! `sipherd test`: plays the cases that policy authors wrote, and tells which rules no case holds up.

mod json;
mod junit;
mod tap;
mod text;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::ValueEnum;

use super::Failure;
use super::report::Screen;
use crate::config::{self, WrittenCase, WrittenRule};
use crate::daemon;
use crate::domain::gates::Judged;
use crate::domain::phone::Phone;
use crate::domain::policy::verdict::GateAnswer;
use crate::domain::rehearsal::{CaseReport, StepReport};
use crate::ports::{PhoneView, WhyView};

/// The words behind `test`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Configurations, policies, folders of policies or `.test.toml` files; without any, the configuration
    paths: Vec<PathBuf>,
    /// For people, for test harnesses, or for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Only tests whose name, or whose file's, holds these words
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Fail when tests hold up less than so many of a hundred rules
    #[arg(long, value_name = "PERCENT", conflicts_with = "filter", value_parser = clap::value_parser!(u8).range(0..=100))]
    cover: Option<u8>,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// TAP version 14
    Tap,
    /// JUnit's XML
    Junit,
    /// One JSON object
    Json,
}

/// Everything that is told.
struct Told {
    tests: Vec<Test>,
    /// `None` where only some tests were played.
    cover: Option<Cover>,
}

/// A case that was played.
struct Test {
    written: WrittenCase,
    report: CaseReport,
}

/// The rules that no test holds up, of how many.
struct Cover {
    rules: usize,
    open: Vec<WrittenRule>,
    /// So many of a hundred are wanted.
    wanted: Option<u8>,
}

pub fn run(options: &Options, config: &Path, screen: &mut Screen, now: DateTime<Utc>) -> Result<(), Failure> {
    let read = config::read_cases(&options.paths, config, now);
    let format = if screen.is_json() { Format::Json } else { options.format };
    if read.report.has_errors() {
        match format {
            Format::Text => screen.line(&read.report.to_string())?,
            Format::Json => json::problems(&read.report.problems, screen)?,
            Format::Tap | Format::Junit => {
                // The harness reads standard output; people look for problems beside it.
                if format == Format::Tap {
                    screen.line("TAP version 14")?;
                    screen.line(&format!("Bail out! {}", read.report.counts()))?;
                }
                eprintln!("{}", read.report);
            }
        }
        return Err(Failure::AlreadyTold);
    }
    let terms = daemon::terms(read.makers, read.timing, std::sync::Arc::default());
    let wanted = |case: &WrittenCase| {
        let holds =
            |words: &str| case.case.name.contains(words) || case.file.to_string_lossy().contains(words);
        options.filter.as_deref().is_none_or(holds)
    };
    let mut tests: Vec<Test> = Vec::new();
    for mut written in read.cases.into_iter().filter(wanted) {
        written.case.rules.terms = terms.clone();
        let report = written.case.run();
        tests.push(Test { written, report });
    }
    if let (Some(filter), []) = (&options.filter, tests.as_slice()) {
        return Err(Failure::NoSuchTest { filter: filter.clone() });
    }
    let cover = options.filter.is_none().then(|| Cover::of(&tests, read.rules, options.cover));
    let told = Told { tests, cover };
    match format {
        Format::Text => text::write(&told, screen)?,
        Format::Tap => tap::write(&told, screen)?,
        Format::Junit => junit::write(&told, screen)?,
        Format::Json => json::write(&told, screen)?,
    }
    if told.passes() { Ok(()) } else { Err(Failure::AlreadyTold) }
}

impl Told {
    fn passes(&self) -> bool {
        self.failed() == 0 && self.cover.as_ref().is_none_or(Cover::suffices)
    }

    fn failed(&self) -> usize {
        self.tests.iter().filter(|test| !test.report.passes()).count()
    }
}

impl Test {
    /// The steps that went otherwise than expected, each with its place.
    fn missed(&self) -> impl Iterator<Item = (usize, &StepReport)> {
        self.report.steps.iter().enumerate().filter(|(_, step)| !step.passes())
    }
}

impl Cover {
    /// A rule is held up when a test that passes fails without it.
    fn of(tests: &[Test], rules: Vec<WrittenRule>, wanted: Option<u8>) -> Self {
        let all = rules.len();
        let passing = || tests.iter().filter(|test| test.report.passes());
        let held_up = |rule: &WrittenRule| passing().any(|test| test.written.case.notices(&rule.changed));
        let open = rules.into_iter().filter(|rule| !held_up(rule)).collect();
        Self { rules: all, open, wanted }
    }

    /// Of a hundred rules, so many whole ones are held up; without any rule, all are.
    fn percent(&self) -> usize {
        ((self.rules - self.open.len()) * 100).checked_div(self.rules).unwrap_or(100)
    }

    fn suffices(&self) -> bool {
        self.wanted.is_none_or(|wanted| self.percent() >= usize::from(wanted))
    }

    fn told(&self) -> String {
        let wanted = match self.wanted {
            Some(wanted) if !self.suffices() => format!(", {wanted} % are wanted"),
            Some(_) | None => String::new(),
        };
        let (held_up, rules, percent) = (self.rules - self.open.len(), self.rules, self.percent());
        format!("{held_up} of {rules} rules are held up by a test ({percent} %){wanted}")
    }
}

/// How many of something: `1 test`, `2 tests`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The misses of a step in one sentence.
fn misses(step: &StepReport) -> String {
    step.misses.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The explanation of a step, as `sipherd why` tells it.
fn why(written: &WrittenCase, step: usize, report: &StepReport) -> WhyView {
    let at = written.case.steps.get(step).map_or(DateTime::UNIX_EPOCH, |step| step.at);
    let gates = report.judged.verdict.gates.clone();
    WhyView {
        phone: view(&report.phone, &report.judged, report.policy.as_ref().map(ToString::to_string)),
        at,
        go: gates.iter().all(GateAnswer::is_open),
        gates,
        earliest: report.judged.verdict.earliest(),
        zone: report.zone,
        past: None,
    }
}

fn view(phone: &Phone, judged: &Judged, policy: Option<String>) -> PhoneView {
    let target = judged.order.as_ref().and_then(|order| order.goal.firmware().cloned());
    PhoneView {
        mac: phone.mac,
        lines: phone.lines.keys().map(|line| line.user.to_string()).collect(),
        vendor: phone.vendor.clone(),
        model: phone.model.clone(),
        version: phone.version.clone(),
        target,
        site: phone.site.as_ref().map(ToString::to_string),
        tags: phone.tags.iter().map(ToString::to_string).collect(),
        policy,
        state: "waiting".to_owned(),
        detail: String::new(),
        calls: phone.lines.iter().map(|(line, state)| (line.user.to_string(), state.calls)).collect(),
        since: None,
    }
}
