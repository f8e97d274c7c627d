//! The tests in the Test Anything Protocol, version 14, with YAML diagnostics.

use std::io;

use super::{Told, misses, why};
use crate::cli::report::Screen;
use crate::cli::why::page;

pub fn write(told: &Told, screen: &mut Screen) -> io::Result<()> {
    screen.line("TAP version 14")?;
    screen.line(&format!("1..{}", told.tests.len()))?;
    for (number, test) in told.tests.iter().enumerate() {
        let ok = if test.report.passes() { "ok" } else { "not ok" };
        let name = format!("{}: {}", test.written.file.display(), test.written.case.name);
        screen.line(&format!("{ok} {} - {}", number + 1, escape(&name)))?;
        let mut missed = test.missed().peekable();
        if missed.peek().is_none() {
            continue;
        }
        screen.line("  ---")?;
        screen.line("  severity: fail")?;
        screen.line("  steps:")?;
        for (number, step) in missed {
            let place = test.written.steps.get(number).unwrap_or(&test.written.place);
            let view = why(&test.written, number, step);
            screen.line(&format!("    - message: {}", quoted(&misses(step))))?;
            screen.line(&format!("      file: {}", quoted(&test.written.file.display().to_string())))?;
            screen.line(&format!("      line: {}", place.line))?;
            screen.line(&format!("      at: {}", quoted(&view.at.to_rfc3339())))?;
            screen.line("      why: |-")?;
            for line in page(&view, false) {
                let line: String = line.into_iter().map(|(text, _)| text).collect();
                // The headline tells how far such a block is set in, so it begins with no blank.
                screen.line(&format!("        {}", line.trim_end()))?;
            }
        }
        screen.line("  ...")?;
    }
    if let Some(cover) = &told.cover {
        screen.line(&format!("# {}", cover.told()))?;
        for rule in &cover.open {
            let (file, line) = (rule.file.display(), rule.place.line);
            screen.line(&format!("# {file}:{line}: {}: {}", rule.what, rule.lacks))?;
        }
    }
    Ok(())
}

/// A description may hold no bare number sign, and a backslash escapes.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#").replace('\n', " ")
}

/// A double-quoted YAML text; JSON's texts are such.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
