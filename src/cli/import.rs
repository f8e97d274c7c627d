//! `sipherd import`: from an administrator's update script to checked policies, with all that they say otherwise.

use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Failure;
use super::report::clean;
use crate::config::layout::laid_out;
use crate::config::{self, Place, Problem, Severity};
use crate::domain::policy::{Calendar, WindowState};
use crate::phones::innovaphone::device::{Device, Did, Variable};
use crate::phones::innovaphone::generation::{self, Order};
use crate::phones::innovaphone::import::{Draft, Imported, Remark, import};
use crate::phones::innovaphone::lint::{Advice, lint};
use crate::phones::innovaphone::poll::Poll;
use crate::phones::innovaphone::product::Product;
use crate::phones::innovaphone::script::{self, Code, Command, Script};
use crate::phones::innovaphone::timetable::{Kind, Stretch, day, hours};

/// Whose files are read.
#[derive(Debug, Subcommand)]
pub enum From {
    /// An innovaphone update script: what it does hour by hour, what is wrong with it, and the policies in its place
    Innovaphone(Options),
}

/// What is imported.
#[derive(Debug, Args)]
pub struct Options {
    /// The script, under its own name: `update-ip222.htm` tells the product
    file: PathBuf,
    /// Write the policies into this folder; without it, they are printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also tell what a device does that asked so: the address of its poll, as the web server's log has it
    #[arg(long, value_name = "QUERY")]
    poll: Option<String>,
}

/// All that came of it, for programs.
#[derive(Serialize)]
struct Answer<'a> {
    product: Option<&'a str>,
    problems: Vec<Told<'a>>,
    devices: Vec<Day>,
    remarks: Vec<Told<'a>>,
    policies: Vec<Written<'a>>,
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
    warnings: Vec<String>,
}

/// A draft that the checker took.
struct Checked {
    draft: Draft,
    calendar: Calendar,
    /// The script that the policy amounts to.
    made: Script,
    text: String,
    warnings: Vec<Problem>,
}

/// Imports the script; what is wrong with it goes to standard error.
pub fn run(options: &Options, now: DateTime<Utc>, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let unreadable = |e: io::Error| input(&options.file, format!("cannot be read: {e}"));
    let source = std::fs::read_to_string(&options.file).map_err(unreadable)?;
    let script = read(&options.file, &source)?;
    let product = options.file.file_name().and_then(|name| Product::of_script(&name.to_string_lossy()));
    let product = product.as_ref();
    let Imported { drafts, mut remarks } = import(&script, product);
    let checked = drafts.into_iter().map(|draft| check(draft, options.out.as_deref(), product, now));
    let checked: Vec<Checked> = checked.collect::<Result<_, _>>()?;
    let mut days: Vec<Day> =
        Kind::ALL.map(|kind| of_device(kind.called(), &script, &kind.device(product))).into();
    if let Some(poll) = options.poll.as_deref().map(Poll::read) {
        let target = firmware(&script).map(|(_, build)| build);
        days.push(of_device("the device that polled", &script, &poll.device(target, product)));
        remarks.extend(unproved(&script, &poll));
    }
    remarks.extend(checked.iter().filter_map(|checked| difference(&script, checked, product)));
    remarks.sort_by_key(|remark| remark.line);
    let files = match &options.out {
        Some(folder) => write(folder, &checked)?,
        None => Vec::new(),
    };
    let advice = lint(&script, product);
    if json {
        let answer = Answer {
            product: product.map(Product::as_str),
            problems: advice.iter().map(of_advice).collect(),
            devices: days,
            remarks: remarks.iter().map(of_remark).collect(),
            policies: checked
                .iter()
                .enumerate()
                .map(|(n, checked)| of_policy(checked, files.get(n)))
                .collect(),
        };
        serde_json::to_writer_pretty(&mut *out, &answer).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        let problems = advice.iter().map(|advice| placed(&options.file, &source, advice));
        let warnings = checked.iter().flat_map(|checked| checked.warnings.iter().cloned());
        for problem in problems.chain(warnings) {
            eprintln!("{}\n", clean(&problem.to_string()));
        }
        eprint!("{}", clean(&told(&options.file, &days, &remarks)));
        for file in &files {
            writeln!(out, "{}: written", file.display())?;
        }
        for (n, Checked { draft, text, .. }) in checked.iter().enumerate().filter(|_| files.is_empty()) {
            // Where there are two, each says what its file is to be called.
            let parted = if n > 0 { "\n" } else { "" };
            if checked.len() > 1 {
                writeln!(out, "{parted}# {}.toml", draft.name)?;
            }
            out.write_all(text.as_bytes())?;
        }
    }
    if checked.is_empty() {
        return Err(Failure::Input {
            what: options.file.display().to_string(),
            why: "no policy can stand for this script".into(),
            hint: Some("the remarks say what became of each line".into()),
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
        text.match_indices(word).map(|(at, _)| at).find(|at| whole(*at)).or_else(|| text.rfind(word))?;
    Some(start..start + word.len())
}

fn of_remark(Remark { line, text }: &Remark) -> Told<'_> {
    Told { line: *line, rule: None, text, hint: None }
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
fn check(
    draft: Draft,
    folder: Option<&Path>,
    product: Option<&Product>,
    now: DateTime<Utc>,
) -> Result<Checked, Failure> {
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
        (None, Some(policy)) => {
            let made = generation::script(&policy.calendar, &draft.order, product).script;
            Ok(Checked { draft, calendar: policy.calendar, made, text, warnings })
        }
        (Some(error), _) => Err(unfit(error.one_line())),
        (None, None) => Err(unfit("cannot be read".into())),
    }
}

/// Plays both scripts for a day: whatever the policy's own script does at other hours is told.
fn difference(script: &Script, checked: &Checked, product: Option<&Product>) -> Option<Remark> {
    let wanted = |did: &Did| match checked.draft.order {
        Order::Install(_) => matches!(did, Did::Fetched(Code::Firmware, _)),
        Order::Restart { .. } => matches!(did, Did::Restarted { .. }),
        Order::Restore { .. } => matches!(did, Did::Loaded(_)),
        Order::Backup { .. } => matches!(did, Did::Saved(_)),
    };
    let (before, mut after) = (hours(script, product, wanted), hours(&checked.made, product, wanted));
    // Where the hours do not stand in its script, the gate alone has them.
    after.retain(|hour| opens_at(&checked.calendar, *hour));
    (before != after).then(|| Remark {
        line: checked.draft.line,
        text: format!("the script does this {}, the policy {}", listed(&before), listed(&after)),
    })
}

/// Whether the windows are open in this hour of some day.
fn opens_at(calendar: &Calendar, hour: u8) -> bool {
    let at = |day| DateTime::UNIX_EPOCH + TimeDelta::days(day) + TimeDelta::hours(hour.into());
    (0..7).any(|day| matches!(calendar.at(at(day), chrono_tz::UTC), WindowState::Open(_)))
}

/// `in the hours 22, 23, 0`, or `never`.
fn listed(hours: &[u8]) -> String {
    match hours {
        [] => "never".to_owned(),
        some => format!("in the hours {}", some.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn of_policy<'a>(checked: &'a Checked, file: Option<&'a PathBuf>) -> Written<'a> {
    Written {
        name: &checked.draft.name,
        text: &checked.text,
        file: file.map(PathBuf::as_path),
        script: checked.made.to_string(),
        warnings: checked.warnings.iter().map(Problem::one_line).collect(),
    }
}

/// Writes the policies, unless a file of one's name is there.
fn write(folder: &Path, policies: &[Checked]) -> Result<Vec<PathBuf>, Failure> {
    let files: Vec<PathBuf> =
        policies.iter().map(|checked| folder.join(format!("{}.toml", checked.draft.name))).collect();
    let there = |file: &Path| Failure::Input {
        what: file.display().to_string(),
        why: "is there already; nothing was written".into(),
        hint: Some("name another folder with `--out`, or leave it out to see the policies".into()),
    };
    if let Some(file) = files.iter().find(|file| file.exists()) {
        return Err(there(file));
    }
    std::fs::create_dir_all(folder).map_err(|e| input(folder, format!("cannot be made: {e}")))?;
    for (file, Checked { text, .. }) in files.iter().zip(policies) {
        let failed = |e: io::Error| input(file, format!("cannot be written: {e}"));
        let mut new = std::fs::File::create_new(file).map_err(failed)?;
        new.write_all(text.as_bytes()).map_err(failed)?;
    }
    Ok(files)
}

fn of_device(called: &'static str, script: &Script, device: &Device) -> Day {
    let stretch = |Stretch { from, hours, did }: Stretch| Hours {
        hours: format!("{from:02}:00-{:02}:59", (from + hours - 1) % 24),
        does: did.iter().map(Did::to_string).collect(),
    };
    Day { device: called, hours: day(script, device).into_iter().map(stretch).collect() }
}

/// The build that the script brings, and its line.
fn firmware(script: &Script) -> Option<(usize, &str)> {
    script.commands().find_map(|(line, command)| match command {
        Command::Fetch { code: Code::Firmware, serial, .. } => Some((line, serial.as_str())),
        _ => None,
    })
}

/// A device that stored the script's serial without running what it names: it will not fetch it again.
fn unproved(script: &Script, poll: &Poll) -> Option<Remark> {
    let (line, build) = firmware(script)?;
    let stored = poll.serials.get(&Variable::Code(Code::Firmware))? == build;
    (stored && poll.runs(build) == Some(false)).then(|| Remark {
        line,
        text: format!(
            "the device that polled has stored `{build}` and runs `{}`: it believes it is done, and fetches nothing",
            poll.version.as_deref().unwrap_or("")
        ),
    })
}

/// What devices do by the script, and what the policy says otherwise.
fn told(file: &Path, days: &[Day], remarks: &[Remark]) -> String {
    let mut text = format!("What `{}` makes devices do at their next poll:\n", file.display());
    for day in days {
        text += &format!("  {}\n", day.device);
        for Hours { hours, does } in &day.hours {
            let does = if does.is_empty() { "nothing".to_owned() } else { does.join(", ") };
            text += &format!("    {hours}  {does}\n");
        }
    }
    if !remarks.is_empty() {
        text += "\nWhat the policies say otherwise, or cannot say:\n";
    }
    for Remark { line, text: remark } in remarks {
        text += &format!("  line {line}: {remark}\n");
    }
    text + "\n"
}
