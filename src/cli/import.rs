//! `sipherd import`: from an administrator's update script to a checked policy, with all that it says otherwise.

use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Failure;
use super::report::clean;
use crate::config::layout::laid_out;
use crate::config::{self, Place, Problem, Severity};
use crate::domain::policy::Policy;
use crate::phones::innovaphone::device::Did;
use crate::phones::innovaphone::generation::{self, Generated, Order};
use crate::phones::innovaphone::import::{Draft, Imported, Remark, import};
use crate::phones::innovaphone::lint::{Advice, lint};
use crate::phones::innovaphone::product::Product;
use crate::phones::innovaphone::script::{self, Code, Script};
use crate::phones::innovaphone::timetable::{Kind, Stretch, day, hours};

/// Whose files are read.
#[derive(Debug, Subcommand)]
pub enum From {
    /// An innovaphone update script: what it does hour by hour, what is wrong with it, and the policy in its place
    Innovaphone(Options),
}

/// What is imported.
#[derive(Debug, Args)]
pub struct Options {
    /// The script, under its own name: `update-ip222.htm` tells the product
    file: PathBuf,
    /// Write the policy into this folder; without it, it is printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// All that came of it, for programs.
#[derive(Serialize)]
struct Answer<'a> {
    product: Option<&'a str>,
    problems: Vec<Told<'a>>,
    devices: Vec<Day>,
    remarks: Vec<Told<'a>>,
    policy: Option<Written<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct Day {
    device: &'static str,
    hours: Vec<Hours>,
}

#[derive(Serialize)]
struct Hours {
    hours: String,
    does: Vec<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    name: &'a str,
    text: &'a str,
    file: Option<&'a Path>,
    script: String,
}

/// A draft that the checker took.
struct Checked {
    policy: Policy,
    text: String,
    warnings: Vec<Problem>,
}

/// Imports the script; what is wrong with it goes to standard error.
pub fn run(options: &Options, now: DateTime<Utc>, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let source = std::fs::read_to_string(&options.file)
        .map_err(|e| input(&options.file, format!("cannot be read: {e}")))?;
    let script = read(&options.file, &source)?;
    let product = options.file.file_name().and_then(|name| Product::of_script(&name.to_string_lossy()));
    let advice = lint(&script, product.as_ref());
    let Imported { draft, mut remarks } = import(&script, product.as_ref());
    let checked = draft.as_ref().map(|draft| check(draft, options.out.as_deref(), now)).transpose()?;
    let made = draft.as_ref().zip(checked.as_ref()).map(|(draft, checked)| {
        let made = generation::script(&checked.policy.calendar, &draft.order, product.as_ref());
        remarks.extend(difference(&script, &made, draft, product.as_ref()));
        made
    });
    let file = match (&draft, &checked, &options.out) {
        (Some(draft), Some(checked), Some(folder)) => Some(write(folder, &draft.name, &checked.text)?),
        (_, _, _) => None,
    };
    let days: Vec<Day> = Kind::ALL.map(|kind| of_kind(kind, &script, product.as_ref())).into();
    let warnings = checked.iter().flat_map(|checked| &checked.warnings);
    if json {
        let written =
            draft.as_ref().zip(checked.as_ref()).zip(made.as_ref()).map(|((draft, checked), made)| Written {
                name: &draft.name,
                text: &checked.text,
                file: file.as_deref(),
                script: made.script.to_string(),
            });
        let answer = Answer {
            product: product.as_ref().map(Product::as_str),
            problems: advice.iter().map(of_advice).collect(),
            devices: days,
            remarks: remarks
                .iter()
                .map(|Remark { line, text }| Told { line: *line, rule: None, text, hint: None })
                .collect(),
            policy: written,
        };
        serde_json::to_writer_pretty(&mut *out, &answer).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    for problem in advice.iter().map(|advice| placed(&options.file, &source, advice)) {
        eprintln!("{}\n", clean(&problem.to_string()));
    }
    for warning in warnings {
        eprintln!("{}\n", clean(&warning.to_string()));
    }
    eprint!("{}", clean(&told(&options.file, &days, &remarks)));
    match (&file, &checked, &made) {
        (Some(file), _, Some(made)) => {
            writeln!(out, "{}: written{}", file.display(), guarded(made))?;
        }
        (_, Some(checked), _) => out.write_all(checked.text.as_bytes())?,
        (_, _, _) => {}
    }
    if draft.is_none() {
        return Err(Failure::Input {
            what: options.file.display().to_string(),
            why: "no policy can stand for this script".into(),
            hint: Some("the remarks above say what became of each line".into()),
        });
    }
    Ok(())
}

fn input(file: &Path, why: String) -> Failure {
    Failure::Input { what: file.display().to_string(), why, hint: None }
}

/// Reads the script, or prints every mistake in it.
fn read(file: &Path, source: &str) -> Result<Script, Failure> {
    script::read(source).map_err(|wrongs| {
        for wrong in wrongs {
            let place = place(source, wrong.line, wrong.span);
            eprintln!(
                "{}\n",
                clean(&Problem::error(file, wrong.message).at(place).hint(wrong.hint).to_string())
            );
        }
        Failure::AlreadyTold
    })
}

/// The line of a script and these bytes in it.
fn place(source: &str, line: usize, span: Range<usize>) -> Place {
    let text = source.strip_prefix('\u{feff}').unwrap_or(source).lines().nth(line - 1).unwrap_or("");
    let column = |byte: usize| text.get(..byte).map_or(0, |before| before.chars().count()) + 1;
    Place {
        line,
        column: column(span.start),
        end_column: column(span.end),
        text: Some(text.to_owned()),
        span,
    }
}

fn placed(file: &Path, source: &str, advice: &Advice) -> Problem {
    let text = source.strip_prefix('\u{feff}').unwrap_or(source).lines().nth(advice.line - 1).unwrap_or("");
    let line = text.len() - text.trim_start().len()..text.trim_end().len();
    let word = (!advice.word.is_empty()).then(|| word_at(text, &advice.word)).flatten();
    let message = format!("{} ({})", advice.message, advice.rule);
    Problem::warning(file, message)
        .at(place(source, advice.line, word.unwrap_or(line)))
        .hint(advice.hint.clone())
}

/// Where a word stands in a line: as a whole one, else as a part of another.
fn word_at(text: &str, word: &str) -> Option<Range<usize>> {
    let whole = |at: usize| {
        let blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
        blank(text[..at].chars().next_back()) && blank(text[at + word.len()..].chars().next())
    };
    let start =
        text.match_indices(word).map(|(at, _)| at).find(|at| whole(*at)).or_else(|| text.find(word))?;
    Some(start..start + word.len())
}

fn of_advice(advice: &Advice) -> Told<'_> {
    Told {
        line: advice.line,
        rule: Some(advice.rule.to_string()),
        text: &advice.message,
        hint: Some(&advice.hint),
    }
}

/// Lays the draft out and has it read as every policy is read.
fn check(draft: &Draft, folder: Option<&Path>, now: DateTime<Utc>) -> Result<Checked, Failure> {
    let unfit = |why: String| Failure::Input {
        what: format!("{}.toml", draft.name),
        why,
        hint: Some("please report the script that led to this policy".into()),
    };
    let text = laid_out(&draft.text).map_err(|e| unfit(e.to_string()))?;
    let desk = tempfile::tempdir().map_err(Failure::Machine)?;
    let name = format!("{}.toml", draft.name);
    let file = desk.path().join(&name);
    std::fs::write(&file, &text).map_err(Failure::Machine)?;
    let read = config::check_paths(&[&file], now);
    let called = folder.map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name));
    let problems =
        read.report.problems.into_iter().map(|problem| Problem { file: called.clone(), ..problem });
    let (errors, warnings): (Vec<_>, Vec<_>) =
        problems.partition(|problem| problem.severity == Severity::Error);
    match (errors.first(), read.policies.into_iter().next()) {
        (None, Some(policy)) => Ok(Checked { policy, text, warnings }),
        (Some(error), _) => Err(unfit(error.one_line())),
        (None, None) => Err(unfit("cannot be read".into())),
    }
}

/// Plays both scripts for a day: whatever the policy's own script does at other hours is told.
fn difference(script: &Script, made: &Generated, draft: &Draft, product: Option<&Product>) -> Option<Remark> {
    let wanted = |did: &Did| match draft.order {
        Order::Firmware { .. } => matches!(did, Did::Fetched(Code::Firmware, _)),
        Order::Backup { .. } => matches!(did, Did::Saved(_)),
    };
    let (before, after) = (hours(script, product, wanted), hours(&made.script, product, wanted));
    (before != after).then(|| Remark {
        line: draft.line,
        text: format!("the script acts in the hours {before:?}, the policy in {after:?}"),
    })
}

/// Writes the policy, unless a file of that name is there.
fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let file = folder.join(format!("{name}.toml"));
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::AlreadyExists => Failure::Input {
            what: file.display().to_string(),
            why: "is there already; nothing was written".into(),
            hint: Some("name another folder with `--out`, or leave it out to see the policy".into()),
        },
        _ => input(&file, format!("cannot be written: {e}")),
    };
    std::fs::create_dir_all(folder).map_err(|e| input(folder, format!("cannot be made: {e}")))?;
    let mut new = std::fs::File::create_new(&file).map_err(failed)?;
    new.write_all(text.as_bytes()).map_err(failed)?;
    Ok(file)
}

fn of_kind(kind: Kind, script: &Script, product: Option<&Product>) -> Day {
    let stretch = |Stretch { from, hours, steps }: Stretch| Hours {
        hours: format!("{from:02}:00-{:02}:59", (from + hours - 1) % 24),
        does: steps.iter().map(|step| step.did.to_string()).collect(),
    };
    Day {
        device: kind.called(),
        hours: day(script, &kind.device(product)).into_iter().map(stretch).collect(),
    }
}

/// What devices do by the script, and what the policy says otherwise.
fn told(file: &Path, days: &[Day], remarks: &[Remark]) -> String {
    let mut text = format!("What `{}` makes devices do at a poll:\n", file.display());
    for day in days {
        text += &format!("  {}\n", day.device);
        for Hours { hours, does } in &day.hours {
            let does = if does.is_empty() { "nothing".to_owned() } else { does.join(", ") };
            text += &format!("    {hours}  {does}\n");
        }
    }
    if !remarks.is_empty() {
        text += "\nWhat the policy says otherwise, or cannot say:\n";
    }
    for Remark { line, text: remark } in remarks {
        text += &format!("  line {line}: {remark}\n");
    }
    text + "\n"
}

/// Where the hours of the policy can be enforced besides by the gate.
fn guarded(made: &Generated) -> String {
    match made.gate_alone {
        None => String::new(),
        Some(why) => format!(" ({why}: the gate alone guards its hours)"),
    }
}
