//! Problems as workflow commands, which GitHub shows beside the lines of a pull request.

use std::io::{self, Write};

use crate::config::{Problem, Report, Severity};

/// Writes one command a problem, then the counts as a line of the log.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for problem in &report.problems {
        writeln!(out, "{}", command(problem))?;
    }
    writeln!(out, "{}", report.counts())
}

fn command(problem: &Problem) -> String {
    let level = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = format!("file={}", property(&problem.file.display().to_string()));
    if let Some(place) = &problem.place {
        properties += &format!(",line={},col={}", place.line, place.column);
        if place.end_column > place.column {
            properties += &format!(",endLine={},endColumn={}", place.line, place.end_column);
        }
    }
    properties += &format!(",title=sipherd {}", problem.code.slug());
    format!("::{level} {properties}::{}", data(&problem.in_full()))
}

/// Escapes what stands behind the last colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property, which colons and commas would end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Code, Place};
    use std::path::Path;

    #[test]
    fn a_problem_is_one_line_whatever_stands_in_it() {
        let place = Place { line: 12, column: 3, end_column: 9, text: None, span: 0..0 };
        let problem = Problem::error(Path::new("policies/a,b:c.toml"), "100% wrong: `x\ny`")
            .at(place)
            .code(Code::UnknownKey)
            .near(Some("window".to_owned()))
            .hint("a, b");
        assert_eq!(
            command(&problem),
            "::error file=policies/a%2Cb%3Ac.toml,line=12,col=3,endLine=12,endColumn=9,title=sipherd unknown-key::\
             100%25 wrong: `x%0Ay`%0Adid you mean `window`?%0Ahint: a, b"
        );
        let whole = Problem::warning(Path::new("a.toml"), "old");
        assert_eq!(command(&whole), "::warning file=a.toml,title=sipherd doubtful::old");
    }
}
