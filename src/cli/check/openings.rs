//! When a policy may act next: its next openings, blackouts left out.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::config::Checked;
use crate::domain::policy::verdict::spell;
use crate::domain::policy::{Action, Opening, Policy};

/// How many openings of each policy are shown.
const OPENINGS: usize = 5;

/// A policy's next openings, for machines.
#[derive(Serialize)]
pub struct Openings<'a> {
    name: &'a str,
    /// `None` where the policy leaves it to a configuration that was not checked; openings are told in UTC then.
    zone: Option<Tz>,
    openings: Vec<Opening>,
}

/// The next openings of a policy.
pub fn of<'a>(policy: &'a Policy, checked: &Checked, now: DateTime<Utc>) -> Openings<'a> {
    let daemon = daemon_zone(checked);
    let openings = policy.calendar.openings(now, daemon.unwrap_or(Tz::UTC), OPENINGS);
    Openings { name: &policy.name, zone: zone_of(policy, daemon), openings }
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

/// Writes the next openings of a policy.
pub fn write(policy: &Policy, checked: &Checked, now: DateTime<Utc>, out: &mut dyn Write) -> io::Result<()> {
    let Openings { openings, zone, .. } = of(policy, checked, now);
    let sites = if follows_sites(policy, checked) { ", at other sites by their own clocks" } else { "" };
    match (openings.as_slice(), zone) {
        _ if matches!(policy.action, Action::Stage { .. }) => {
            return writeln!(out, "\n{} only tells who would get which image: `[stage]`", policy.name);
        }
        ([], _) => writeln!(out, "\n{} never acts", policy.name)?,
        (_, Some(zone)) => writeln!(out, "\n{} may act next, in the time of {zone}{sites}:", policy.name)?,
        (_, None) => writeln!(out, "\n{} may act next, by the clock where the phone stands:", policy.name)?,
    }
    let after_boots = policy.calendar.initial.filter(|_| !openings.is_empty());
    let zone = zone.unwrap_or(Tz::UTC);
    for opening in openings {
        let (start, end) = (opening.start.with_timezone(&zone), opening.end.with_timezone(&zone));
        let length = spell(opening.end - opening.start);
        writeln!(
            out,
            "  {} to {}  {length}",
            start.format("%a %Y-%m-%d %H:%M"),
            end.format("%a %Y-%m-%d %H:%M")
        )?;
    }
    if let Some(after) = after_boots {
        writeln!(out, "  but no phone for {} after it booted by itself", spell(after))?;
    }
    Ok(())
}
