//! The tests for people: a line each, and the whole explanation of those that failed.

use std::io;

use super::{Test, Told, count, misses, why};
use crate::cli::report::{Screen, Tone};
use crate::cli::why::page;
use crate::config::Problem;

pub fn write(told: &Told, screen: &mut Screen) -> io::Result<()> {
    let mut file = None;
    for test in &told.tests {
        if file != Some(&test.written.file) {
            screen.line(&test.written.file.display().to_string())?;
            file = Some(&test.written.file);
        }
        if test.report.passes() {
            screen.parts(&[("  ok    ", Tone::Good), (&test.written.case.name, Tone::Plain)])?;
        } else {
            screen.parts(&[("  FAIL  ", Tone::Bad), (&test.written.case.name, Tone::Plain)])?;
            write_failure(test, screen)?;
        }
    }
    if told.tests.last().is_some_and(|test| test.report.passes()) {
        screen.line("")?;
    }
    let failed = told.failed();
    let tone = if failed == 0 { Tone::Plain } else { Tone::Bad };
    screen
        .parts(&[(&count(told.tests.len(), "test"), Tone::Plain), (&format!(", {failed} failed"), tone)])?;
    let Some(cover) = &told.cover else { return Ok(()) };
    let tone = if cover.suffices() { Tone::Plain } else { Tone::Bad };
    screen.parts(&[(&cover.told(), tone)])?;
    for rule in &cover.open {
        let place = format!("{}:{}", rule.file.display(), rule.place.line);
        screen.line(&format!("  {place}: {}: {}", rule.what, rule.lacks))?;
    }
    Ok(())
}

/// The line of the policy with what is wrong, then every gate at that instant.
fn write_failure(test: &Test, screen: &mut Screen) -> io::Result<()> {
    for (number, step) in test.missed() {
        let place = test.written.steps.get(number).unwrap_or(&test.written.place);
        let problem = Problem::error(&test.written.file, misses(step)).at(place.clone());
        screen.line("")?;
        screen.line(&problem.to_string())?;
        screen.line("")?;
        for line in page(&why(&test.written, number, step), true) {
            let parts: Vec<(&str, Tone)> = line.iter().map(|(text, tone)| (text.as_str(), *tone)).collect();
            screen.parts(&parts)?;
        }
        if let Some(goes) = step.goes.as_ref().filter(|goes| !goes.is_empty()) {
            screen.line(&format!("a pass lets go: {}", goes.join(", ")))?;
        }
        screen.line("")?;
    }
    Ok(())
}
