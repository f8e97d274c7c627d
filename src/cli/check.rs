//! `sipherd check`: every problem of the configuration and the policies, and when all is well the next openings.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::config::{self, Checked, Problem};
use crate::domain::policy::{Opening, Policy};

/// How many openings of each policy are shown.
const OPENINGS: usize = 5;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything can be loaded; there may be warnings. Exit status 0.
    Clean,
    /// Something must be mended first. Exit status 1.
    Broken,
}

/// Checks these paths, else the configuration, and writes what was found.
pub fn run(
    paths: &[PathBuf],
    config: &Path,
    format_json: bool,
    now: DateTime<Utc>,
    out: &mut dyn Write,
) -> io::Result<Verdict> {
    let checked = match paths {
        [] => config::check_file(config, now),
        paths => config::check_paths(paths, now),
    };
    let verdict = if checked.report.has_errors() { Verdict::Broken } else { Verdict::Clean };
    if format_json {
        serde_json::to_writer_pretty(&mut *out, &in_json(&checked, verdict, now))?;
        writeln!(out)?;
        return Ok(verdict);
    }
    writeln!(out, "{}", checked.report)?;
    if verdict == Verdict::Clean {
        for policy in &checked.policies {
            write_openings(policy, &checked, now, out)?;
        }
    }
    Ok(verdict)
}

/// The report for machines.
#[derive(Serialize)]
struct Json<'a> {
    clean: bool,
    files: usize,
    problems: &'a [Problem],
    policies: Vec<PolicyJson<'a>>,
}

/// A policy for machines.
#[derive(Serialize)]
struct PolicyJson<'a> {
    name: &'a str,
    /// `None` where the policy leaves it to a configuration that was not checked; openings are told in UTC then.
    zone: Option<Tz>,
    openings: Vec<Opening>,
}

fn in_json(checked: &Checked, verdict: Verdict, now: DateTime<Utc>) -> Json<'_> {
    let zone = daemon_zone(checked);
    let shown = if verdict == Verdict::Clean { checked.policies.as_slice() } else { &[] };
    let policies = shown.iter().map(|policy| PolicyJson {
        name: &policy.name,
        zone: zone_of(policy, zone),
        openings: policy.calendar.openings(now, zone.unwrap_or(Tz::UTC), OPENINGS),
    });
    Json {
        clean: verdict == Verdict::Clean,
        files: checked.report.files,
        problems: &checked.report.problems,
        policies: policies.collect(),
    }
}

/// The daemon's zone; `None` when only policies were checked.
fn daemon_zone(checked: &Checked) -> Option<Tz> {
    checked.config.as_ref().map(|config| config.zone)
}

/// The zone a policy's openings are told in: its windows' when they name one only, else the daemon's.
fn zone_of(policy: &Policy, daemon: Option<Tz>) -> Option<Tz> {
    let mut zones = policy.calendar.windows.iter().map(|window| window.zone.or(daemon));
    let first = zones.next().unwrap_or(daemon);
    if zones.all(|zone| zone == first) { first } else { daemon }
}

/// Whether phones of some sites see these openings at another instant.
fn follows_sites(policy: &Policy, checked: &Checked) -> bool {
    let windows = &policy.calendar.windows;
    let elsewhere = checked
        .config
        .as_ref()
        .is_some_and(|config| config.sites.values().any(|site| site.zone.is_some_and(|z| z != config.zone)));
    elsewhere && windows.iter().any(|window| window.zone.is_none())
}

fn write_openings(
    policy: &Policy,
    checked: &Checked,
    now: DateTime<Utc>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let daemon = daemon_zone(checked);
    let openings = policy.calendar.openings(now, daemon.unwrap_or(Tz::UTC), OPENINGS);
    let zone = zone_of(policy, daemon);
    let sites = if follows_sites(policy, checked) { ", at other sites by their own clocks" } else { "" };
    match (openings.as_slice(), zone) {
        ([], _) => writeln!(out, "\n{} never acts", policy.name)?,
        (_, Some(zone)) => writeln!(out, "\n{} may act next, in the time of {zone}{sites}:", policy.name)?,
        (_, None) => writeln!(out, "\n{} may act next, by the clock where the phone stands:", policy.name)?,
    }
    let zone = zone.unwrap_or(Tz::UTC);
    for opening in openings {
        let (start, end) = (opening.start.with_timezone(&zone), opening.end.with_timezone(&zone));
        let length = crate::domain::policy::verdict::spell(opening.end - opening.start);
        writeln!(
            out,
            "  {} to {}  {length}",
            start.format("%a %Y-%m-%d %H:%M"),
            end.format("%a %Y-%m-%d %H:%M")
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "[select]\nline = \"*\"\n[reboot]\n[[window]]\ndays = \"fri\"\nfrom = \"22:00\"\nto = \"05:00\"\n\
                          zone = \"Europe/Berlin\"\n";

    fn said(policy: &str, json: bool) -> (Verdict, String) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("night.toml"), policy).unwrap();
        let now = "2027-03-20T12:00:00Z".parse().unwrap();
        let mut out = Vec::new();
        let verdict =
            run(&[folder.path().to_owned()], Path::new("sipherd.toml"), json, now, &mut out).unwrap();
        (verdict, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_clean_policy_shows_its_next_five_openings() {
        let (verdict, said) = said(POLICY, false);
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
        let (_, text) = said(&POLICY.replace("zone = \"Europe/Berlin\"\n", ""), false);
        assert!(
            text.contains("night may act next, by the clock where the phone stands:\n  Fri 2027-03-26 22:00"),
            "{text}"
        );
    }

    #[test]
    fn a_broken_policy_shows_its_problems_only() {
        let (verdict, said) = said("[reboot]\n", false);
        assert_eq!(verdict, Verdict::Broken);
        assert!(said.contains("error: `select` is missing") && !said.contains("may act next"), "{said}");
    }

    #[test]
    fn machines_get_the_same_as_an_object() {
        let (_, clean) = said(POLICY, true);
        let clean: serde_json::Value = serde_json::from_str(&clean).unwrap();
        assert_eq!(clean["policies"][0]["openings"].as_array().unwrap().len(), 5);
        assert_eq!(clean["policies"][0]["openings"][0]["start"], "2027-03-26T21:00:00Z");
        let (_, broken) = said("[reboot]\n", true);
        let broken: serde_json::Value = serde_json::from_str(&broken).unwrap();
        assert_eq!(broken["clean"], false);
        assert_eq!(broken["problems"][0]["severity"], "error");
        assert_eq!(broken["problems"][0]["line"], 1);
    }
}
