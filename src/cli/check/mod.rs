//! `sipherd check`: every problem of the configuration and the policies, and when all is well the next openings.

mod certificate;
mod effective;
mod fleet;
mod github;
mod makers;
mod openings;
mod sarif;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::{self, Checked, OwnProfile, Problem};
use crate::domain::phone::Phone;
use crate::domain::policy::Policy;

/// What is asked for.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Configurations, policies or folders of policies; without any, the configuration
    pub paths: Vec<PathBuf>,
    /// How the answer is written; `--json` is short for json
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Also tell whom the policies speak of: phones none selects, phones several tie for, phones that cannot be told
    #[arg(long)]
    pub fleet: bool,
    /// Also print the policies with all their defaults filled in, or the named one
    #[arg(long, value_name = "POLICY", num_args = 0..=1, require_equals = true, default_missing_value = "*")]
    pub effective: Option<String>,
}

/// Who reads the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// People.
    #[default]
    Text,
    /// Programs: one object with all that is asked for.
    Json,
    /// GitHub Actions: workflow commands, shown beside the lines of a pull request.
    Github,
    /// Code scanning: SARIF 2.1.0.
    Sarif,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything can be loaded; there may be warnings. Exit status 0.
    Clean,
    /// Something must be mended first. Exit status 1.
    Broken,
}

/// What was asked for cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The format has no room for it.
    #[error("`{asked}` is told as text or json only")]
    NoRoom {
        /// The option.
        asked: &'static str,
    },
    /// No such policy.
    #[error("there is no policy `{name}` here")]
    NoSuchPolicy {
        /// What was asked for.
        name: String,
        /// What there is.
        there: Vec<String>,
    },
    /// Only policies were checked.
    #[error("`--fleet` needs an inventory, and no configuration was checked")]
    NoFleet,
    /// The answer cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

/// Checks the paths, else the configuration, and writes what was found.
pub fn run(
    options: &Options,
    config: &Path,
    now: DateTime<Utc>,
    out: &mut dyn Write,
) -> Result<Verdict, Refusal> {
    if !matches!(options.format, Format::Text | Format::Json) {
        let asked = [(options.fleet, "--fleet"), (options.effective.is_some(), "--effective")];
        if let Some((_, asked)) = asked.into_iter().find(|(is, _)| *is) {
            return Err(Refusal::NoRoom { asked });
        }
    }
    let mut checked = match options.paths.as_slice() {
        [] => config::check_file(config, now),
        paths => config::check_paths(paths, now),
    };
    certificate::look(&mut checked);
    let verdict = if checked.report.has_errors() { Verdict::Broken } else { Verdict::Clean };
    match options.format {
        Format::Text => in_text(options, &checked, verdict, now, out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &in_json(options, &checked, verdict, now)?)
                .map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Github => github::write(&checked.report, out)?,
        Format::Sarif => {
            serde_json::to_writer_pretty(&mut *out, &sarif::log(&checked.report)).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(verdict)
}

fn in_text(
    options: &Options,
    checked: &Checked,
    verdict: Verdict,
    now: DateTime<Utc>,
    out: &mut dyn Write,
) -> Result<(), Refusal> {
    // What is wrong is told in any case; only then what else was asked for.
    writeln!(out, "{}", checked.report)?;
    if verdict == Verdict::Clean {
        for policy in &checked.policies {
            openings::write(policy, checked, now, out)?;
        }
        makers::write(checked, out)?;
    }
    if options.fleet
        && let Some(phones) = phones(checked)?
    {
        fleet::spoken(&checked.policies, &phones).write(out)?;
    }
    for policy in asked_for(options, checked)? {
        write!(out, "\n{}", effective::toml(policy))?;
    }
    Ok(())
}

/// The phones of the inventory; `None` when the configuration cannot be read, which the report says.
fn phones(checked: &Checked) -> Result<Option<Vec<Phone>>, Refusal> {
    match &checked.config {
        Some(config) => Ok(Some(config.inventory.iter().map(|listed| listed.phone()).collect())),
        None if checked.report.has_errors() => Ok(None),
        None => Err(Refusal::NoFleet),
    }
}

/// The policies whose defaults are to be filled in.
fn asked_for<'a>(options: &Options, checked: &'a Checked) -> Result<Vec<&'a Policy>, Refusal> {
    let Some(name) = &options.effective else { return Ok(Vec::new()) };
    let those: Vec<&Policy> =
        checked.policies.iter().filter(|policy| name == "*" || policy.name.as_ref() == name).collect();
    if those.is_empty() && name != "*" && !checked.report.has_errors() {
        let there = checked.policies.iter().map(|policy| policy.name.to_string()).collect();
        return Err(Refusal::NoSuchPolicy { name: name.clone(), there });
    }
    Ok(those)
}

/// The answer for machines.
#[derive(Serialize)]
struct Json<'a> {
    clean: bool,
    files: usize,
    problems: &'a [Problem],
    policies: Vec<openings::Openings<'a>>,
    /// What to know of the makers whose phones the policies select.
    mind: Vec<makers::Mind<'a>>,
    profiles: &'a [OwnProfile],
    #[serde(skip_serializing_if = "Option::is_none")]
    fleet: Option<fleet::Spoken<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<Vec<Effective<'a>>>,
}

/// A policy with all its defaults.
#[derive(Serialize)]
struct Effective<'a> {
    name: &'a str,
    toml: String,
}

fn in_json<'a>(
    options: &Options,
    checked: &'a Checked,
    verdict: Verdict,
    now: DateTime<Utc>,
) -> Result<Json<'a>, Refusal> {
    let shown = if verdict == Verdict::Clean { checked.policies.as_slice() } else { &[] };
    let phones = if options.fleet { phones(checked)? } else { None };
    let effective = asked_for(options, checked)?
        .into_iter()
        .map(|policy| Effective { name: &policy.name, toml: effective::toml(policy) });
    Ok(Json {
        clean: verdict == Verdict::Clean,
        files: checked.report.files,
        problems: &checked.report.problems,
        policies: shown.iter().map(|policy| openings::of(policy, checked, now)).collect(),
        mind: if verdict == Verdict::Clean { makers::of(checked) } else { Vec::new() },
        profiles: &checked.own_profiles,
        fleet: phones.map(|phones| fleet::spoken(&checked.policies, &phones)),
        effective: options.effective.is_some().then(|| effective.collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "[select]\nline = \"*\"\n[reboot]\n[[window]]\ndays = \"fri\"\nfrom = \"22:00\"\nto = \"05:00\"\n\
                          zone = \"Europe/Berlin\"\n";

    fn said(policy: &str, format: Format) -> (Verdict, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("night.toml"), policy).unwrap();
        let now = "2027-03-20T12:00:00Z".parse().unwrap();
        let mut out = Vec::new();
        let options = Options { paths: vec![folder.path().to_owned()], format, ..Options::default() };
        let verdict = run(&options, Path::new("sipherd.toml"), now, &mut out).unwrap();
        (verdict, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_clean_policy_shows_its_next_five_openings() {
        let (verdict, said) = said(POLICY, Format::Text);
        assert_eq!(verdict, Verdict::Clean);
        assert_eq!(
            said,
            "0 errors, 0 warnings in 1 file\n\n\
             night may act next, in the time of Europe/Berlin:\n  \
             Fri 2027-03-26 22:00 to Sat 2027-03-27 05:00  7 h\n  \
             Fri 2027-04-02 22:00 to Sat 2027-04-03 05:00  7 h\n  \
             Fri 2027-04-09 22:00 to Sat 2027-04-10 05:00  7 h\n  \
             Fri 2027-04-16 22:00 to Sat 2027-04-17 05:00  7 h\n  \
             Fri 2027-04-23 22:00 to Sat 2027-04-24 05:00  7 h\n"
        );
    }

    #[test]
    fn without_a_configuration_no_zone_is_made_up() {
        let (_, text) = said(&POLICY.replace("zone = \"Europe/Berlin\"\n", ""), Format::Text);
        assert!(
            text.contains("night may act next, by the clock where the phone stands:\n  Fri 2027-03-26 22:00"),
            "{text}"
        );
    }

    #[test]
    fn a_broken_policy_shows_its_problems_only() {
        let (verdict, said) = said("[reboot]\n", Format::Text);
        assert_eq!(verdict, Verdict::Broken);
        assert!(said.contains("error: `select` is missing") && !said.contains("may act next"), "{said}");
    }

    #[test]
    fn machines_get_the_same_as_an_object() {
        let (_, clean) = said(POLICY, Format::Json);
        let clean: serde_json::Value = serde_json::from_str(&clean).unwrap();
        assert_eq!(clean["policies"][0]["openings"].as_array().unwrap().len(), 5);
        assert_eq!(clean["policies"][0]["openings"][0]["start"], "2027-03-26T21:00:00Z");
        let (_, broken) = said("[reboot]\n", Format::Json);
        let broken: serde_json::Value = serde_json::from_str(&broken).unwrap();
        assert_eq!(broken["clean"], false);
        assert_eq!(broken["problems"][0]["severity"], "error");
        assert_eq!(broken["problems"][0]["line"], 1);
    }
}
